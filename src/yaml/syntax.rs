//! Why a text cannot be read, in the words of somebody who does not know YAML's grammar.

use granit_parser::ErrorKind;

use super::DEEPEST;
use crate::diagnostic::{Fault, Span};

const CODE: &str = "yaml::syntax";

/// Where the parser gave up.
pub(super) struct Noticed<'t> {
    /// The whole text.
    pub text: &'t str,
    /// Where it noticed that something is wrong.
    pub at: usize,
    /// The end of the last part that was fine.
    pub last_end: usize,
    /// Where the innermost bracket began that is still open.
    pub bracket: Option<usize>,
}

/// What a syntax error means and what to underline.
pub(super) fn explain(kind: &ErrorKind, noticed: &Noticed<'_>) -> (Fault, Span) {
    let Noticed {
        text,
        at,
        last_end,
        bracket,
    } = *noticed;
    if let Some(start) = unquoted_template_before(text, at) {
        let span = template_at(text, start);
        return (unquoted_template(&text[span.clone()]), span);
    }
    let word = word_at(text, at);
    let fault = |message: &str| Fault::error(CODE, message);
    match kind {
        ErrorKind::TabInIndentation
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar
        | ErrorKind::InvalidBlockEntryWhitespace
        | ErrorKind::InvalidMappingValueWhitespace => {
            let tab = text[..at.min(text.len())].rfind('\t').filter(|tab| at - tab <= 8);
            let tab = tab.or_else(|| text[at..].find('\t').map(|tab| at + tab)).unwrap_or(at);
            let tabs = text[tab..].bytes().take_while(|b| *b == b'\t').count();
            (
                fault("a line is indented with a tab").label("a tab").help("indent with spaces, two for each level"),
                tab..tab + tabs,
            )
        }
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => {
            let quote = text[last_end..].find(['"', '\'']).map_or(at, |quote| last_end + quote);
            (
                fault("this text begins with a quote, but none ends it")
                    .label("never closed")
                    .help("write the same quote at the end of the text"),
                first_line(text, quote),
            )
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar | ErrorKind::InvalidTrailingSingleQuotedScalar => (
            fault("something follows the quote that ends the text")
                .label("not part of the text")
                .help("put the whole text in quotes; for a quote inside it, use the other kind: 'say \"hello\"'"),
            word,
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            // A plain text that ran over the end of its line swallowed the next key: `a: 1` above a deeper `b: 2`.
            let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            if let Some(missing) = missing_comma(&text[..at], bracket) {
                return missing;
            }
            let deeper = text[line..at].starts_with([' ', '\t']) && !text[line..at].contains([':', '-', '{', '[', ',']);
            let begun = &text[last_end.min(at)..at];
            let word = text[line..at].rsplit([' ', '{', ',']).next().unwrap_or_default();
            let is_key = begun.is_empty() && !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            let help = if deeper {
                "the line is indented further than the key above it, which has a value already: give both the same indentation".to_owned()
            } else if is_key {
                format!("write `{word}:` on a line of its own, indented below; put the text in quotes if the colon belongs to it")
            } else {
                "put the text in quotes if the colon belongs to it".to_owned()
            };
            (fault("there is a second colon where a value should be").label("this colon").help(help), at..at + 1)
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            fault("a key without a colon")
                .label("`:` expected behind this")
                .help("write `key: value`; give the line the indentation of the text above if it continues that text"),
            first_line(text, at),
        ),
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::ExpectedBlockMappingKey if text[at..].starts_with("- ") => (
            fault("this item is not in the column of the others")
                .label("this dash")
                .help("begin every item of a list in the same column"),
            at..at + 1,
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation | ErrorKind::InvalidBlockScalarIndent => (
            fault("this line does not fit to those above it")
                .label("unexpected")
                .help("keys of one mapping begin in the same column; items of one list begin with `- ` in the same column"),
            word,
        ),
        ErrorKind::ExpectedBlockSequenceEntry => (
            fault("a list goes on with something that is no item")
                .label("`- ` expected")
                .help("begin each item with `- `, in the column of the first one"),
            word,
        ),
        ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => (
            fault("a list item cannot begin here")
                .label("this dash")
                .help("begin the list on a line of its own below the key, or put the value in quotes if it is a text"),
            at..at + 1,
        ),
        ErrorKind::UnclosedFlowCollection { open } => (
            fault(&format!("`{open}` is never closed"))
                .label("opened here")
                .help(format!("write `{}` where it ends", if *open == '[' { ']' } else { '}' })),
            at..at + 1,
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => (
            fault(&format!("`{open}` is closed with `{close}`")).label("opened here")
                .help("close the brackets in the order in which they were opened"),
            at..at + 1,
        ),
        ErrorKind::MisplacedFlowCollectionEnd => (
            fault("a closing bracket without an opening one")
                .help("take it out, or put the value in quotes if it is a text"),
            at..at + 1,
        ),
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            if let Some(missing) = missing_comma(&text[..at], bracket).filter(|_| text[at..].starts_with(':')) {
                return missing;
            }
            let fault = fault("a comma or a closing bracket is missing before this")
                .label("unexpected")
                .help("write the comma or the bracket; put the value in quotes if it is a text with signs like `,` and `]`");
            (fault, word)
        }
        ErrorKind::UnexpectedEofImplicitFlowMapping | ErrorKind::UnexpectedEofFlowMapping | ErrorKind::ExpectedNodeContent => (
            fault("a value is missing here, or there is a comma too many").label("unexpected").help("take it out, or write the value"),
            word,
        ),
        ErrorKind::UnexpectedCharacter { character } => (
            fault(&format!("a value cannot begin with `{character}`"))
                .label("this sign")
                .help("put the value in quotes"),
            at..at + character.len_utf8(),
        ),
        ErrorKind::UnknownQuotedScalarEscape => {
            let escape = text[at..].find('\\').map_or(at, |slash| at + slash);
            (
                fault("in double quotes, `\\` begins a special sign, and there is none like this")
                    .help("write `\\\\` for one backslash, or use single quotes"),
                first_line(text, escape.min(text.len())),
            )
        }
        ErrorKind::RecursionLimitExceeded => (too_deep(), at..at + 1),
        ErrorKind::DirectiveDisallowed => (fault("a line cannot begin with `%`").help("take the line out"), first_line(text, at)),
        ErrorKind::MissingAnchorOrAliasName => (
            fault("a value cannot begin with `&` or `*`").help("put the value in quotes"),
            at..at + 1,
        ),
        ErrorKind::BomInsideDocument => (
            fault("there is an invisible byte order mark here").help("delete it and type the line again"),
            word,
        ),
        other => (
            fault(&format!("this is not YAML: {other}")).help("put the value in quotes if it is a text"),
            word,
        ),
    }
}

/// A colon on a later line than the bracket that is open: the line above was never ended.
fn missing_comma(before: &str, bracket: Option<usize>) -> Option<(Fault, Span)> {
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let bracket = bracket.filter(|bracket| *bracket < line)?;
    let sign = &before[bracket..bracket + 1];
    let number = 1 + before[..bracket].matches('\n').count();
    let indent = before[line..].len() - before[line..].trim_start().len();
    let message = format!("a comma is missing before this, or the `{sign}` of line {number} is never closed");
    let fault = Fault::error(CODE, message)
        .label("unexpected")
        .help("write a comma at the end of the line above, or the closing bracket");
    Some((fault, line + indent..before.len()))
}

/// Nesting beyond [`DEEPEST`].
pub(super) fn too_deep() -> Fault {
    Fault::error(
        "yaml::too_deep",
        format!("lists and mappings stand more than {DEEPEST} deep inside each other"),
    )
    .help("make the file flatter")
}

/// `title: {{x}}`: braces begin a mapping in YAML.
pub(super) fn unquoted_template(written: &str) -> Fault {
    let quoted = if written.contains('"') {
        format!("'{}'", written.replace('\'', "''"))
    } else {
        format!("\"{written}\"")
    };
    Fault::error(
        "yaml::unquoted_template",
        "a value that begins with `{{` must be in quotes",
    )
    .label("a mapping to YAML")
    .help(format!("put the value in quotes: {quoted}"))
}

/// The value that begins with `{{` at `start`: to the last `}}` of the line, else to the end of the line.
pub(super) fn template_at(text: &str, start: usize) -> Span {
    let line = text[start..].lines().next().unwrap_or_default();
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    // In `[{{a}}, {{b}}]` the value ends with its own braces.
    let end = match line.find("}}") {
        Some(close) if line[close + 2..].trim_start().starts_with([',', ']']) => close + 2,
        Some(_) | None => line.len(),
    };
    start..start + end
}

/// Where a value begins with `{{` on the line of `at` (or the one above), at or before `at`.
fn unquoted_template_before(text: &str, at: usize) -> Option<usize> {
    let at = at.min(text.len());
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let above = text[..line.saturating_sub(1)]
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    [line..end, above..line].into_iter().find_map(|lines| {
        let (key, value) = text[lines.clone()]
            .split_once(": ")
            .unwrap_or(("", &text[lines.clone()]));
        let value = value.trim_start().trim_start_matches("- ").trim_start();
        let start = lines.end - value.len();
        (value.starts_with("{{") && !key.contains(['"', '\'', '{', '#'])).then_some(start)
    })
}

fn word_at(text: &str, at: usize) -> Span {
    let at = at.min(text.len());
    let rest = &text[at..];
    let length = rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len());
    let first = rest.chars().next().map_or(0, char::len_utf8);
    at..at + length.max(first)
}

fn first_line(text: &str, at: usize) -> Span {
    let at = at.min(text.len());
    let line = text[at..].lines().next().unwrap_or_default();
    at..at
        + line
            .trim_end()
            .len()
            .max(text[at..].chars().next().map_or(0, char::len_utf8))
}
