//! Text from events is data. Shown to people it must read as it came, and must not become a link, a mention or a list
//! in the Markdown of Teams.
//!
//! Links, mentions and tags are broken with an invisible space, which every client leaves alone; backslashes, which
//! older mobile clients show, are kept for stars, underscores and list signs that would really be taken for markup.

use std::borrow::Cow;

/// Takes a place between two characters without being seen, and ends every Markdown construct there.
const BREAK: char = '\u{200B}';

/// Which Markdown reads the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// TextBlock and Fact: emphasis, lists, links.
    Card,
    /// The text of a message: also headings, quotations, code and strike-through.
    Message,
}

/// `text` without characters that are not there to be seen: controls (newline and tab stay), and those that turn the
/// direction of the text around.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let lines = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    Cow::Owned(lines.chars().filter(|c| is_printable(*c)).collect())
}

fn is_printable(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{2028}' | '\u{2029}' => false,
        '\u{FDD0}'..='\u{FDEF}' | '\u{FFF9}'..='\u{FFFB}' => false,
        c => !c.is_control(),
    }
}

/// `text` on one line, for labels.
pub(crate) fn one_line(text: &str) -> String {
    printable(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` so that a reader of Markdown sees its characters. `before` is what stands before it.
pub(crate) fn neutral(text: &str, dialect: Dialect, before: &str) -> String {
    if let Some(address) = open_address(before) {
        return in_address(text, address);
    }
    let clean = printable(text);
    let characters: Vec<char> = paragraphs(&clean).chars().collect();
    let mut out = String::with_capacity(characters.len() + 8);
    // After a closing bracket that the author wrote, `(` would make a link of it.
    if before.ends_with(']') && characters.first().is_some_and(|c| matches!(c, '(' | '[' | ':')) {
        out.push(BREAK);
    }
    let mut at_line_start = before.is_empty() || before.trim_end_matches([' ', '\t']).ends_with(['\n', '\r']);
    let mut position = 0;
    while position < characters.len() {
        let c = characters[position];
        if at_line_start {
            let taken = line_start(&characters[position..], dialect, &mut out);
            if taken > 0 {
                position += taken;
                at_line_start = false;
                continue;
            }
        }
        let previous = position.checked_sub(1).map(|at| characters[at]);
        let next = characters.get(position + 1).copied();
        match c {
            '*' if !(is_space(previous) && is_space(next)) => out.push_str("\\*"),
            '_' if !is_within_word(previous, next) && !(is_space(previous) && is_space(next)) => out.push_str("\\_"),
            '`' | '~' if dialect == Dialect::Message => {
                out.push('\\');
                out.push(c);
            }
            '\\' if next.is_none_or(|next| next.is_ascii_punctuation()) => out.push_str("\\\\"),
            ']' if next.is_none_or(|next| matches!(next, '(' | '[' | ':')) => {
                out.push(']');
                out.push(BREAK);
            }
            '<' if next.is_none_or(|next| next.is_alphabetic() || matches!(next, '/' | '!' | '?')) => {
                out.push('<');
                out.push(BREAK);
            }
            '&' if may_be_entity(&characters[position + 1..]) => {
                out.push('&');
                out.push(BREAK);
            }
            c => out.push(c),
        }
        at_line_start = c == '\n' || (at_line_start && (c == ' ' || c == '\t'));
        position += 1;
    }
    out
}

/// Deals with a list sign, heading or quotation at the start of a line; how many characters it took.
fn line_start(rest: &[char], dialect: Dialect, out: &mut String) -> usize {
    let ends_sign = |at: usize| rest.get(at).is_none_or(|c| c.is_whitespace());
    match rest.first() {
        Some(sign @ ('-' | '+')) if ends_sign(1) || rest.starts_with(&['-', '-', '-']) => {
            out.push('\\');
            out.push(*sign);
            1
        }
        Some('*') if ends_sign(1) => {
            out.push_str("\\*");
            1
        }
        Some(sign @ ('#' | '>' | '=' | '|')) if dialect == Dialect::Message => {
            out.push('\\');
            out.push(*sign);
            1
        }
        Some(digit) if digit.is_ascii_digit() => {
            let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
            match rest.get(digits) {
                Some(dot @ ('.' | ')')) if digits <= 9 && ends_sign(digits + 1) => {
                    out.extend(&rest[..digits]);
                    out.push('\\');
                    out.push(*dot);
                    digits + 1
                }
                _ => 0,
            }
        }
        _ => 0,
    }
}

fn is_space(c: Option<char>) -> bool {
    c.is_some_and(char::is_whitespace)
}

/// `snake_case` is no emphasis.
fn is_within_word(previous: Option<char>, next: Option<char>) -> bool {
    previous.is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric)
}

/// What follows `&` may be the name of a character: `lt;`, `#60;`
fn may_be_entity(rest: &[char]) -> bool {
    match rest.first() {
        None => true,
        Some(c) if c.is_ascii_alphabetic() || *c == '#' => {
            let name = rest
                .iter()
                .take(32)
                .take_while(|c| c.is_ascii_alphanumeric() || **c == '#')
                .count();
            rest.get(name).is_none_or(|c| *c == ';')
        }
        Some(_) => false,
    }
}

/// A single newline does not show in a card: lines become paragraphs, as the sender saw them.
fn paragraphs(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    Cow::Owned(lines.collect::<Vec<_>>().join("\n\n"))
}

/// The address that the author has begun: `[Open](https://ci.example/` and here comes a hole.
fn open_address(before: &str) -> Option<&str> {
    let tail = match before.char_indices().rev().nth(2_000) {
        Some((at, _)) => &before[at..],
        None => before,
    };
    let begin = tail.rfind("](")?;
    let address = &tail[begin + 2..];
    let escaped = tail[..begin].ends_with('\\');
    (!escaped && !address.contains([')', ' ', '\n'])).then_some(address)
}

/// A value within the address of a link: it cannot end the address, and cannot choose what kind of address it is.
fn in_address(text: &str, begun: &str) -> String {
    if begun.is_empty() {
        return web_address(text, &["https", "http", "mailto", "msteams"]).unwrap_or_default();
    }
    encoded(text)
}

/// `text` as an address that may stand in a card, if its scheme is one of `schemes`.
pub(crate) fn web_address(text: &str, schemes: &[&str]) -> Option<String> {
    let text = text.trim();
    let (scheme, rest) = text.split_once(':')?;
    let scheme = schemes.iter().find(|known| known.eq_ignore_ascii_case(scheme))?;
    let web = matches!(*scheme, "http" | "https");
    if rest.is_empty() || text.len() > 2_048 || (web && !rest.starts_with("//")) || rest == "//" {
        return None;
    }
    Some(format!("{scheme}:{}", encoded(rest)))
}

/// Percent-encodes what would end an address or is not allowed in one; `%2F` and the like stay as they are.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let plain = c.is_ascii_alphanumeric() || "-._~:/?#@!$&*+,;=%".contains(c);
        if plain {
            out.push(c);
        } else if is_printable(c) || c == ' ' {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out
}

/// `<at>Anna</at>`, as it stands in a card and, equal to the letter, in the list of its mentions.
pub(crate) fn at(name: &str) -> String {
    let name: String = one_line(name).chars().filter(|c| !"*_[]`\\".contains(*c)).collect();
    format!(
        "<at>{}</at>",
        name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    )
}
