//! Bytes of a text, said as lines and columns.

use serde::Serialize;

use super::Span;

/// A place in a file as people and editors say it: lines and columns from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The line of the first character.
    pub line: usize,
    /// Its column.
    pub column: usize,
    /// The line just behind the last character.
    pub end_line: usize,
    /// The column just behind it.
    pub end_column: usize,
}

impl Place {
    /// Where `span` is in `text`. A span that reaches beyond the text or into the middle of a character is cut to
    /// what is there. A byte order mark takes no column.
    pub fn of(text: &str, span: &Span) -> Self {
        let span = fitted(text, span);
        let (line, column) = position(text, span.start);
        let (end_line, end_column) = position(text, span.end);
        Self {
            line,
            column,
            end_line,
            end_column,
        }
    }
}

/// The span, cut to the text and moved outwards to whole characters.
pub(crate) fn fitted(text: &str, span: &Span) -> Span {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
    let column = 1 + before[line_start..].chars().filter(|c| *c != '\u{feff}').count();
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let text = "a: 1\r\nname: \u{1f600} x\r\n";
        let x = text.find('x').unwrap();
        let place = Place::of(text, &(x..x + 1));
        assert_eq!(
            (place.line, place.column, place.end_line, place.end_column),
            (2, 9, 2, 10)
        );
    }

    #[test]
    fn a_span_beyond_the_text_is_cut() {
        assert_eq!(Place::of("ab", &(7..9)).column, 3);
        assert_eq!(Place::of("\u{1f600}", &(1..2)), Place::of("\u{1f600}", &(0..4)));
    }

    #[test]
    fn a_byte_order_mark_takes_no_column() {
        assert_eq!(Place::of("\u{feff}a: 1", &(3..4)).column, 1);
    }
}
