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
            '_' if is_within_word(previous, next) || (is_space(previous) && is_space(next)) => out.push('_'),
            '_' => out.push_str("\\_"),
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
    let bytes = before.as_bytes();
    for (at, byte) in bytes.iter().enumerate().rev().take(2_000) {
        match byte {
            b')' | b' ' | b'\n' => return None,
            b'(' if at > 0 && bytes[at - 1] == b']' => {
                let escaped = at > 1 && bytes[at - 2] == b'\\';
                return (!escaped).then_some(&before[at + 1..]);
            }
            _ => {}
        }
    }
    None
}

/// `[words]()` as `words`.
pub(crate) fn without_empty_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("]()") {
        match before.rsplit_once('[') {
            Some((more, words)) if !words.contains(']') => {
                out.push_str(more);
                out.push_str(words);
            }
            _ => {
                out.push_str(before);
                out.push_str("]()");
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        neutral(text, Dialect::Card, "x ").replace(BREAK, "|")
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "contoso/shop: deploy of release/1.4 failed (3 of 7)",
            "snake_case_name and CONSTANT_NAME",
            "[JIRA-12] Repair the build",
            "2 * 3 * 4 = 24, a - b, 5 < 7, R&D, \"quoted\", C:\\temp",
            "Größe: 12 µm, 日本語, 👩‍💻 🏳️‍🌈",
            "100 % of 1.5 GB; #general; user@contoso.example",
        ] {
            assert_eq!(neutral(text, Dialect::Card, "x "), text);
        }
    }

    #[test]
    fn markup_in_data_is_seen_as_its_characters() {
        for (text, expected) in [
            ("*bold* **b**", "\\*bold\\* \\*\\*b\\*\\*"),
            ("_it_ __init__", "\\_it\\_ \\_\\_init\\_\\_"),
            ("[x](http://evil.example)", "[x]|(http://evil.example)"),
            ("![x](http://evil.example)", "![x]|(http://evil.example)"),
            ("[x]: http://evil.example", "[x]|: http://evil.example"),
            ("ends with ]", "ends with ]|"),
            ("<at>Anna</at>", "<|at>Anna<|/at>"),
            ("<http://evil.example>", "<|http://evil.example>"),
            (
                "&lt;at&gt; &#60; AT&T",
                "&|lt;at&|gt; &|#60; AT&T|".trim_end_matches('|'),
            ),
            ("\\*not\\*", "\\\\\\*not\\\\\\*"),
            ("ends with <", "ends with <|"),
        ] {
            let got = shown(text);
            // At its very end `T` of `AT&T` might be the beginning of an entity that another value completes.
            assert_eq!(got.replace("AT&|T", "AT&T"), expected, "{text}");
        }
    }

    #[test]
    fn list_signs_matter_only_where_a_line_begins() {
        assert_eq!(neutral("- a", Dialect::Card, ""), "\\- a");
        assert_eq!(neutral("- a", Dialect::Card, "Reason: "), "- a");
        assert_eq!(neutral("12. a", Dialect::Card, "x\n"), "12\\. a");
        assert_eq!(neutral("-5", Dialect::Card, ""), "-5");
        assert_eq!(neutral("2026.1", Dialect::Card, ""), "2026.1");
        assert_eq!(neutral("a\r\n* b\n\n\n+ c", Dialect::Card, "x "), "a\n\n\\* b\n\n\\+ c");
        assert_eq!(neutral("# a\n> b", Dialect::Message, ""), "\\# a\n\n\\> b");
        assert_eq!(neutral("# a\n> b", Dialect::Card, ""), "# a\n\n> b");
    }

    #[test]
    fn what_cannot_be_seen_is_taken_out() {
        let text = "a\u{202E}b\u{2066}c\u{0}d\u{1b}[31me\u{FEFF}f\u{FDD0}0\u{FDD1}";
        assert_eq!(printable(text), "abcd[31mef0");
        assert_eq!(one_line("a\r\nb\u{2028} c\t d"), "a b c d");
        assert_eq!(printable("a\rb"), "a\nb");
    }

    #[test]
    fn a_hole_in_an_address_stays_in_the_address() {
        assert_eq!(
            neutral("https://a.example/x_y*(1)", Dialect::Card, "[go]("),
            "https://a.example/x_y*%281%29"
        );
        assert_eq!(neutral("javascript:alert(1)", Dialect::Card, "[go]("), "");
        assert_eq!(
            neutral("a b)](x", Dialect::Card, "[go](https://a.example/"),
            "a%20b%29%5D%28x"
        );
        assert_eq!(
            neutral("(x)", Dialect::Card, "[go](https://a.example/) and [more]").replace(BREAK, "|"),
            "|(x)"
        );
        assert_eq!(
            without_empty_links("see [a b]() and [c](d) ]()"),
            "see a b and [c](d) ]()"
        );
    }

    #[test]
    fn only_addresses_that_people_may_press_are_addresses() {
        let schemes = ["https", "http", "mailto"];
        for (text, expected) in [
            ("https://a.example/x y", Some("https://a.example/x%20y")),
            (" HTTP://A.example ", Some("http://A.example")),
            ("mailto:anna@contoso.example", Some("mailto:anna@contoso.example")),
            ("https:a.example", None),
            ("https://", None),
            ("javascript:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("data:text/html,x", None),
            ("//a.example", None),
            ("a.example", None),
            ("", None),
        ] {
            assert_eq!(web_address(text, &schemes).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_values_side_by_side_make_a_link_or_a_mention(
            values in prop::collection::vec("[\\[\\]()<>at/:!*_&lt; \\\\\n\u{200B}-]{0,8}", 1..5),
            message in any::<bool>(),
        ) {
            let dialect = if message { Dialect::Message } else { Dialect::Card };
            let mut out = String::from("x ");
            for value in &values {
                let next = neutral(value, dialect, &out);
                out.push_str(&next);
            }
            prop_assert!(!out.contains("](") && !out.contains("][") && !out.contains("]:"), "{:?}", out);
            prop_assert!(!out.contains("<a") && !out.contains("</"), "{:?}", out);
        }

        #[test]
        fn neutral_text_reads_as_it_came(text in "\\PC{0,40}") {
            let seen: String = neutral(&text, Dialect::Card, "x ").replace(BREAK, "");
            let mut plain = String::new();
            let mut rest = seen.chars().peekable();
            while let Some(c) = rest.next() {
                match rest.peek() {
                    Some(next) if c == '\\' && next.is_ascii_punctuation() => plain.extend(rest.next()),
                    _ => plain.push(c),
                }
            }
            // Spaces beside a line break are not seen.
            let shown = |text: &str| text.split('\n').map(str::trim).collect::<String>();
            prop_assert_eq!(shown(&plain), shown(&printable(&text).replace(BREAK, "")));
        }
    }
}
