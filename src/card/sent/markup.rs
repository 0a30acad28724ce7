//! The Markdown and the little HTML that connectors showed -> what a TextBlock shows.
//!
//! A TextBlock knows bold, italic, lists and links. Headings and HTML become these; code becomes plain text; a link
//! stays if its address is one that people can press.

use crate::card::escape::{Dialect, neutral, printable, web_address};
use crate::card::function::markup::PRESSABLE;
use crate::card::warning::Warnings;

/// How far the end of a tag, an address or a piece of code is looked for, in bytes.
const FAR: usize = 4_096;

/// `text` for a TextBlock or a fact. Without `markdown` only its HTML has a meaning.
pub(super) fn shown(text: &str, markdown: bool, seen: &mut Warnings) -> String {
    let clean = printable(text);
    let mut writer = Writer {
        out: String::with_capacity(clean.len() + 8),
        markdown,
        open: Vec::new(),
        address: None,
        heading: false,
    };
    let mut rest: &str = &clean;
    let mut plain = 0;
    loop {
        let at = rest[plain..]
            .find(['<', '[', '!', '`', '\\', '#', '&'])
            .map(|at| plain + at);
        let Some(at) = at else {
            writer.text(rest);
            break;
        };
        let line_start = (at == 0 && writer.at_line_start()) || rest[..at].ends_with('\n');
        match piece(&rest[at..], line_start, markdown) {
            Some((piece, length)) => {
                writer.text(&rest[..at]);
                writer.piece(piece, seen);
                rest = &rest[at + length..];
                plain = 0;
            }
            // Of signs of code without an end none begins anything: they are passed over together.
            None => plain = at + rest[at..].bytes().take_while(|byte| *byte == b'`').count().max(1),
        }
    }
    writer.end();
    writer.out.trim().to_owned()
}

/// The links of a text that is meant for a TextBlock already: those that nobody should press become their words.
pub(super) fn safe_links(text: &str, seen: &mut Warnings) -> String {
    let text = printable(text);
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some(at) = rest.find("](") {
        let (before, behind) = rest.split_at(at);
        let begin = before.rfind('[');
        let address = closed(&behind[2..]);
        match (begin, address) {
            (Some(begin), Some((address, length))) if pressable(address).is_none() => {
                seen.add(not_pressable(address));
                out.push_str(&before[..begin]);
                out.push_str(&before[begin + 1..]);
                rest = &behind[2 + length..];
            }
            _ => {
                out.push_str(before);
                out.push_str("](");
                rest = &behind[2..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn not_pressable(address: &str) -> String {
    format!(
        "a link to `{}` is left out: it is no address that people can press",
        super::quoted(address)
    )
}

/// A piece that is not plain text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Tag {
        name: &'t str,
        closes: bool,
        attributes: &'t str,
    },
    Link {
        words: &'t str,
        address: &'t str,
    },
    Code(&'t str),
    /// The sign of a heading: the rest of its line is the heading.
    Heading,
    Escaped(&'t str),
    Blank,
}

/// The piece at the start of `text` and its length; none if it is plain text.
fn piece(text: &str, line_start: bool, markdown: bool) -> Option<(Piece<'_>, usize)> {
    match text.as_bytes().first()? {
        b'<' => tag(text),
        b'&' => text.starts_with("&nbsp;").then_some((Piece::Blank, "&nbsp;".len())),
        _ if !markdown => None,
        b'[' => link(text),
        b'!' if text.starts_with("![") => link(&text[1..]).map(|(piece, length)| (piece, length + 1)),
        b'`' => code(text, line_start),
        b'\\' => {
            let second = text[1..].chars().next().filter(char::is_ascii_punctuation)?;
            let length = 1 + second.len_utf8();
            Some((Piece::Escaped(&text[..length]), length))
        }
        b'#' if line_start => {
            let signs = text.bytes().take_while(|byte| *byte == b'#').count();
            let line = text.lines().next().unwrap_or_default();
            let words = line[signs..].strip_prefix(' ')?.trim();
            (signs <= 6 && !words.is_empty()).then_some((Piece::Heading, signs + 1))
        }
        _ => None,
    }
}

/// Tags with a meaning. All others are text: `vector<int>` is one.
const TAGS: [&str; 38] = [
    "a",
    "at",
    "b",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "small",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
];

fn tag(text: &str) -> Option<(Piece<'_>, usize)> {
    // What begins anew before it ends is no tag; so nothing is looked through twice.
    let end = 1 + within(&text[1..]).find(['<', '>'])?;
    let inside = text[1..end].trim_end();
    if text[end..].starts_with('<') {
        return None;
    }
    // `<https://...>` is an address in Markdown.
    if inside.starts_with("https://") || inside.starts_with("http://") {
        return Some((
            Piece::Link {
                words: inside,
                address: inside,
            },
            end + 1,
        ));
    }
    let (closes, inside) = match inside.strip_prefix('/') {
        Some(inside) => (true, inside),
        None => (false, inside),
    };
    let length = inside.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (name, attributes) = inside.split_at(length);
    let name = TAGS.iter().find(|known| known.eq_ignore_ascii_case(name))?;
    let apart = attributes.is_empty() || attributes.starts_with(|c: char| c.is_whitespace() || c == '/');
    apart.then_some((
        Piece::Tag {
            name,
            closes,
            attributes,
        },
        end + 1,
    ))
}

/// `[words](address)`; a title behind the address is left out.
fn link(text: &str) -> Option<(Piece<'_>, usize)> {
    let middle = 1 + within(&text[1..]).find([']', '[', '\n'])?;
    if !text[middle..].starts_with("](") {
        return None;
    }
    let words = &text[1..middle];
    let (inside, length) = closed(&text[middle + 2..])?;
    let address = match inside.trim().split_once([' ', '\n']) {
        Some((address, title)) if title.trim_start().starts_with(['"', '\'']) => address,
        _ => inside.trim(),
    };
    Some((Piece::Link { words, address }, middle + 2 + length))
}

/// What stands before the bracket that closes, and how long both are; brackets within an address come in pairs.
fn closed(text: &str) -> Option<(&str, usize)> {
    let mut depth = 0_usize;
    for (at, byte) in within(text).bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return Some((&text[..at], at + 1)),
            b')' => depth -= 1,
            b'\n' | b']' => return None,
            _ => {}
        }
    }
    None
}

fn code(text: &str, line_start: bool) -> Option<(Piece<'_>, usize)> {
    let signs = text.bytes().take_while(|byte| *byte == b'`').count();
    let (mark, behind) = text.split_at(signs);
    if line_start && signs >= 3 {
        // The word behind the mark is the language.
        let first = behind.find('\n')? + 1;
        let end = behind[first..].find(mark).map_or(behind.len(), |end| first + end);
        let length = (signs + end + signs).min(text.len());
        return Some((Piece::Code(behind[first..end].trim_end()), length));
    }
    let end = within(behind).find(mark)?;
    Some((Piece::Code(&behind[..end]), signs + end + signs))
}

/// So much of `text` as is looked through for the end of something.
fn within(text: &str) -> &str {
    let mut end = FAR.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn pressable(address: &str) -> Option<String> {
    web_address(address, &PRESSABLE)
}

/// The emphasis that is open, and where its text begins.
struct Open {
    mark: &'static str,
    begin: usize,
}

struct Writer {
    out: String,
    markdown: bool,
    open: Vec<Open>,
    /// Where the words of a link of HTML begin, and its address.
    address: Option<(usize, String)>,
    /// The line that is being written is a heading.
    heading: bool,
}

impl Writer {
    fn at_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    fn text(&mut self, text: &str) {
        if self.heading {
            // It is bold already.
            let (line, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
            self.words(&line.replace("**", "").replace("__", ""));
            if !rest.is_empty() {
                self.heading = false;
                self.paragraph();
                self.words(rest.trim_start_matches('\n'));
            }
            return;
        }
        self.words(text);
    }

    fn words(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        // Behind `**` or at the start of a link a blank would undo them.
        let begins = self.open.last().is_some_and(|open| open.begin == self.out.len());
        let text = if begins { text.trim_start() } else { text };
        match self.markdown {
            true => self.out.push_str(text),
            false => {
                let before = tail(&self.out);
                let shown = neutral(text, Dialect::Card, before);
                self.out.push_str(&shown);
            }
        }
    }

    fn literal(&mut self, text: &str) {
        let shown = neutral(text, Dialect::Card, tail(&self.out));
        self.out.push_str(&shown);
    }

    fn piece(&mut self, piece: Piece<'_>, seen: &mut Warnings) {
        match piece {
            Piece::Blank if self.at_line_start() => {}
            Piece::Blank => self.out.push(' '),
            Piece::Escaped(escaped) => self.out.push_str(escaped),
            Piece::Code(code) => self.literal(code),
            Piece::Heading => {
                self.emphasis("**", false);
                self.heading = true;
            }
            Piece::Link { words, address } => match pressable(address) {
                Some(address) if self.address.is_none() => {
                    let words = if words.trim().is_empty() { "picture" } else { words };
                    self.out.push_str(&format!("[{words}]({address})"));
                }
                Some(_) => self.out.push_str(words),
                None => {
                    seen.add(not_pressable(address));
                    self.out.push_str(words);
                }
            },
            Piece::Tag {
                name,
                closes,
                attributes,
            } => self.tag(name, closes, attributes, seen),
        }
    }

    fn tag(&mut self, name: &str, closes: bool, attributes: &str, seen: &mut Warnings) {
        match name {
            "b" | "strong" => self.emphasis("**", closes),
            "i" | "em" => self.emphasis("_", closes),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "th" => {
                if !closes {
                    self.paragraph();
                }
                self.emphasis("**", closes);
                if closes {
                    self.paragraph();
                }
            }
            "br" | "hr" | "p" | "div" | "ul" | "ol" | "dl" | "table" | "blockquote" | "pre" | "tr" | "dt" => {
                self.paragraph();
            }
            "li" if !closes => {
                if !self.at_line_start() {
                    self.out.push('\n');
                }
                self.out.push_str("- ");
            }
            "td" | "dd" if !closes && !self.at_line_start() => self.out.push(' '),
            "a" if !closes => {
                self.close_link();
                let Some(href) = attribute(attributes, "href") else {
                    return;
                };
                match pressable(&href) {
                    Some(address) => {
                        self.out.push('[');
                        self.address = Some((self.out.len(), address));
                    }
                    None => seen.add(not_pressable(&href)),
                }
            }
            "a" => self.close_link(),
            _ => {}
        }
    }

    fn emphasis(&mut self, mark: &'static str, closes: bool) {
        let known = self.open.iter().rposition(|open| open.mark == mark);
        match (closes, known) {
            (false, None) => {
                self.out.push_str(mark);
                self.open.push(Open {
                    mark,
                    begin: self.out.len(),
                });
            }
            (true, Some(at)) => {
                // What was opened later ends with it.
                while self.open.len() > at {
                    self.close_last();
                }
            }
            (false, Some(_)) | (true, None) => {}
        }
    }

    fn close_last(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let words = self.out[open.begin..].trim_end().len();
        let blanks = self.out.split_off(open.begin + words);
        match words {
            0 => self.out.truncate(open.begin - open.mark.len()),
            _ => self.out.push_str(open.mark),
        }
        self.out.push_str(&blanks);
    }

    fn close_link(&mut self) {
        let Some((begin, address)) = self.address.take() else {
            return;
        };
        while self.open.last().is_some_and(|open| open.begin > begin) {
            self.close_last();
        }
        let words = self.out[begin..].replace(['[', ']'], "").replace('\n', " ");
        self.out.truncate(begin);
        match words.trim() {
            "" => self.out.truncate(begin - 1),
            words => self.out.push_str(&format!("{words}]({address})")),
        }
    }

    fn paragraph(&mut self) {
        self.heading = false;
        self.close_link();
        // Emphasis does not reach over the end of a paragraph.
        while !self.open.is_empty() {
            self.close_last();
        }
        let end = self.out.trim_end().len();
        self.out.truncate(end);
        if !self.out.is_empty() {
            self.out.push_str("\n\n");
        }
    }

    fn end(&mut self) {
        self.close_link();
        while !self.open.is_empty() {
            self.close_last();
        }
    }
}

/// The end of what was written: enough to see what stands before. No address is ever left open there.
fn tail(text: &str) -> &str {
    let mut begin = text.len().saturating_sub(8);
    while !text.is_char_boundary(begin) {
        begin += 1;
    }
    &text[begin..]
}

/// `href="..."`
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let lower = attributes.to_ascii_lowercase();
    let at = lower.find(&format!("{name}="))?;
    let value = &attributes[at + name.len() + 1..];
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next()?,
        _ => value.split_whitespace().next()?,
    };
    Some(value.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markdown(text: &str) -> String {
        shown(text, true, &mut Warnings::new())
    }

    #[test]
    fn what_a_text_block_knows_stays_as_it_is() {
        for text in [
            "**bold** _italic_ [the run](https://ci.example/7) and - no list",
            "- one\n- two\n\n1. three",
            "a \\[kept\\](x) \\*star\\*",
            "x < 3 && y > 4, vector<int> and <user@contoso.example>",
        ] {
            assert_eq!(markdown(text), text);
        }
    }

    #[test]
    fn html_of_connectors_becomes_markdown() {
        for (html, expected) in [
            ("<b>Build</b> <i>failed</i>", "**Build** _failed_"),
            ("<strong> spaced </strong>out", "**spaced** out"),
            ("one<br>two<br/>three<BR />four", "one\n\ntwo\n\nthree\n\nfour"),
            ("<p>one</p><p>two</p>", "one\n\ntwo"),
            ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
            (
                "<a href=\"https://ci.example/?a=1&amp;b=2\">the <b>run</b></a>",
                "[the **run**](https://ci.example/?a=1&b=2)",
            ),
            ("<a href='javascript:alert(1)'>press</a>", "press"),
            ("<b></b>nothing<i> </i>", "nothing"),
            ("<b>never closed", "**never closed**"),
            ("<h2>Result</h2>all well", "**Result**\n\nall well"),
            ("<pre>x</pre>&nbsp;<span style=\"color:red\">y</span>", "x\n\ny"),
        ] {
            assert_eq!(markdown(html), expected, "{html}");
        }
    }

    #[test]
    fn markdown_that_a_card_does_not_know_becomes_what_it_knows() {
        for (written, expected) in [
            ("# Build **failed**\nsee log", "**Build failed**\n\nsee log"),
            ("run `make *all*` now", "run make \\*all\\* now"),
            ("```sh\nmake *all*\n```\nend", "make \\*all\\*\nend"),
            ("![chart](https://g.example/a.png)", "[chart](https://g.example/a.png)"),
            ("<https://g.example/a>", "[https://g.example/a](https://g.example/a)"),
            (
                "[a](https://g.example/x_(y) \"a title\")",
                "[a](https://g.example/x_%28y%29)",
            ),
        ] {
            assert_eq!(markdown(written), expected, "{written}");
        }
        assert_eq!(markdown("no `end"), "no `end");
        assert_eq!(markdown("issue #7 # 8"), "issue #7 # 8");
    }

    #[test]
    fn only_addresses_that_people_can_press_stay_links() {
        let mut seen = Warnings::new();
        assert_eq!(
            shown("[x](javascript:alert(1)) [y](https://a.example/)", true, &mut seen),
            "x [y](https://a.example/)"
        );
        assert!(seen.into_vec()[0].contains("javascript:alert(1)"));
        let mut seen = Warnings::new();
        assert_eq!(
            safe_links("**a** [x](data:text/html,1) [y](https://a.example/) [z]()", &mut seen),
            "**a** x [y](https://a.example/) z"
        );
        assert_eq!(seen.into_vec().len(), 2);
    }

    #[test]
    fn without_markdown_stars_and_brackets_are_only_signs() {
        let shown = shown("*a* [x](https://a.example/) <b>bold</b>", false, &mut Warnings::new());
        assert!(shown.starts_with("\\*a\\*"), "{shown}");
        assert!(shown.ends_with("**bold**"), "{shown}");
        assert!(!shown.contains("](https"), "{shown}");
    }

    #[test]
    fn nothing_takes_more_than_a_little_time() {
        for text in [
            "<",
            "[",
            "`",
            "[a](",
            "<b>",
            "<a href=\"https://a.example/\">",
            "```\n",
            "![",
            "\\",
            "# ",
            "<b><i>",
        ] {
            let long = text.repeat(20_000);
            let shown = markdown(&long);
            assert!(shown.len() <= long.len() * 12, "{text}");
        }
    }
}
