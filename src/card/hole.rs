//! Marks for values in a text that is parsed before the values are put in: no payload passes through that parser.

/// Begins a mark. A noncharacter: no text that people write contains it, JSON may.
pub(crate) const BEGIN: char = '\u{FDD0}';
/// Ends a mark.
pub(crate) const END: char = '\u{FDD1}';

/// The mark of value `number`.
pub(crate) fn mark(number: usize) -> String {
    format!("{BEGIN}{number}{END}")
}
