//! Where the `{{...}}` of a text are, found without recursion: Handlebars' own parser and everything behind it
//! recurse, and a text nested too deeply would end the process. So this look comes first and refuses such texts.

use std::ops::Range;

use crate::diagnostic::{Fault, did_you_mean};

/// Blocks within blocks; a link of an `{{else if}}` chain counts as one.
const DEEPEST_BLOCKS: usize = 32;
/// `(` within `(`.
const DEEPEST_CALLS: usize = 16;
/// `{{...}}` in one text.
const MOST_TAGS: usize = 2_000;

/// One `{{...}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Its bytes in the source, braces included.
    pub span: Range<usize>,
    /// Its part in the structure of the text.
    pub kind: TagKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagKind {
    Comment,
    /// `{{x}}`, `{{{x}}}`, `{{> x}}`
    Inline,
    /// `{{#x}}`
    Open,
    /// `{{else}}`
    Else,
    /// `{{else if x}}`
    ElseIf,
    /// `{{/x}}`
    Close,
}

/// An opened block that waits for its end.
struct Opened<'s> {
    name: &'s str,
    span: Range<usize>,
    links: usize,
}

/// Finds all tags, and proves that they nest properly and not too deeply.
pub(crate) fn scan(source: &str) -> Result<Vec<Tag>, Fault> {
    let mut tags: Vec<Tag> = Vec::new();
    let mut opened: Vec<Opened> = Vec::new();
    let mut position = 0;
    while let Some(found) = source[position..].find("{{") {
        let start = position + found;
        if is_escaped(source, start) {
            position = start + if source[start..].starts_with("{{{{") { 4 } else { 2 };
            continue;
        }
        let tag = read(source, start)?;
        let body = body(source, &tag.span);
        match tag.kind {
            TagKind::Comment | TagKind::Inline => {}
            TagKind::Open => {
                let name = first_word(body.trim_start_matches('#').trim_start());
                opened.push(Opened {
                    name,
                    span: tag.span.clone(),
                    links: 1,
                });
            }
            TagKind::Else | TagKind::ElseIf => match opened.last_mut() {
                Some(block) => block.links += 1,
                None => return Err(syntax("there is no block for this `{{else}}`", tag.span)),
            },
            TagKind::Close => {
                let name = first_word(body.trim_start_matches('/').trim_start());
                match opened.pop() {
                    None => {
                        return Err(syntax(
                            format!("there is no `{{{{#{name}}}}}` for this `{{{{/{name}}}}}`"),
                            tag.span,
                        ));
                    }
                    Some(block) if block.name != name => {
                        return Err(syntax(
                            format!("`{{{{#{}}}}}` is open here, but this closes `{name}`", block.name),
                            tag.span,
                        )
                        .help(format!("write `{{{{/{}}}}}`", block.name)));
                    }
                    Some(_) => {}
                }
            }
        }
        if opened.iter().map(|block| block.links).sum::<usize>() > DEEPEST_BLOCKS {
            return Err(Fault::error(
                "template::depth",
                format!("blocks are nested more than {DEEPEST_BLOCKS} deep"),
            )
            .within(tag.span)
            .help("move the inner part into a partial"));
        }
        position = tag.span.end;
        tags.push(tag);
        if tags.len() > MOST_TAGS {
            return Err(Fault::error(
                "template::size",
                format!("a text may hold at most {MOST_TAGS} `{{{{...}}}}`"),
            ));
        }
    }
    match opened.pop() {
        Some(block) => Err(syntax(format!("`{{{{#{}}}}}` is never closed", block.name), block.span)
            .help(format!("write `{{{{/{}}}}}` where it ends", block.name))),
        None => Ok(tags),
    }
}

/// `\{{` prints `{{`; two or more backslashes before `{{` are backslashes before a tag.
fn is_escaped(source: &str, start: usize) -> bool {
    let bytes = source.as_bytes();
    start >= 1 && bytes[start - 1] == b'\\' && !(start >= 2 && bytes[start - 2] == b'\\')
}

/// Reads the tag that starts at `start`.
fn read(source: &str, start: usize) -> Result<Tag, Fault> {
    let opening = start..start + 2;
    let unclosed = || syntax("this `{{` is never closed", opening.clone()).help("close it with `}}`");
    if source[start..].starts_with("{{{{") {
        return Err(syntax("`{{{{` blocks are not supported", start..start + 4)
            .help("write `\\{{` where `{{` should be printed"));
    }
    let after = &source[start + 2..];
    if let Some(comment) = after.strip_prefix('!') {
        let end = if comment.starts_with("--") { "--}}" } else { "}}" };
        if !comment.starts_with("--") && comment.trim_start().starts_with("--") {
            return Err(syntax("a comment starts with `{{!--`, without a space", opening));
        }
        let length = comment.find(end).ok_or_else(unclosed)?;
        return Ok(Tag {
            span: start..start + 3 + length + end.len(),
            kind: TagKind::Comment,
        });
    }

    let bytes = source.as_bytes();
    let mut at = start + 2;
    skip_space_and_tilde(bytes, &mut at);
    let raw = bytes.get(at) == Some(&b'{');
    if raw {
        at += 1;
    }
    let content = at;
    let mut calls = 0_usize;
    loop {
        match bytes.get(at) {
            None => return Err(unclosed()),
            Some(quote @ (b'"' | b'\'')) => {
                let opening = at;
                at += 1;
                while bytes.get(at) != Some(quote) {
                    match bytes.get(at) {
                        None => return Err(syntax("this quotation mark has no partner", opening..opening + 1)),
                        Some(b'\\') => at += 2,
                        Some(_) => at += 1,
                    }
                }
                at += 1;
            }
            Some(b'(') => {
                calls += 1;
                if calls > DEEPEST_CALLS {
                    return Err(Fault::error(
                        "template::depth",
                        format!("`(` is nested more than {DEEPEST_CALLS} deep"),
                    )
                    .within(at..at + 1));
                }
                at += 1;
            }
            Some(b')') => {
                calls = calls
                    .checked_sub(1)
                    .ok_or_else(|| syntax("there is no `(` for this `)`", at..at + 1))?;
                at += 1;
            }
            Some(b'[') => {
                let length = source[at..]
                    .find(']')
                    .ok_or_else(|| syntax("there is no `]` for this `[`", at..at + 1))?;
                if source[at + 1..at + length].contains(['"', '\'', '{', '}', '(', ')', '[']) {
                    return Err(
                        syntax("between `[` and `]` stands the name of one field", at..at + length + 1)
                            .help("`event.[two words]` reads the field `two words`; lists cannot be written here"),
                    );
                }
                at += length + 1;
            }
            Some(b'{') => return Err(unclosed()),
            Some(b'}') => break,
            Some(_) => at += 1,
        }
    }
    if calls > 0 {
        return Err(syntax("a `(` is not closed", content..at));
    }
    let text = source[content..at].trim_matches(|c: char| c == '~' || c.is_whitespace());
    if raw {
        at += 1;
        skip_space_and_tilde(bytes, &mut at);
    }
    if !source[at..].starts_with("}}") {
        return Err(syntax("a single `}` does not close this", start..at).help(if raw {
            "close `{{{` with `}}}`"
        } else {
            "close `{{` with `}}`"
        }));
    }
    let span = start..at + 2;
    let kind = if raw {
        TagKind::Inline
    } else {
        kind(text).map_err(|message| syntax(message, span.clone()))?
    };
    Ok(Tag { span, kind })
}

fn kind(text: &str) -> Result<TagKind, &'static str> {
    let rest = |text: &str| text[1..].trim_start().chars().next();
    match text.chars().next() {
        None => Err("there is nothing between `{{` and `}}`"),
        Some('#') => match rest(text) {
            Some('*' | '>') => Err("inline partials and partial blocks are not supported; use templates/partials/"),
            Some(_) => Ok(TagKind::Open),
            None => Err("a block needs a name: `{{#if ...}}`"),
        },
        Some('*') => Err("`{{*` is not supported"),
        Some('/') => Ok(TagKind::Close),
        Some('^') if text.len() == 1 => Ok(TagKind::Else),
        Some('^') => Ok(TagKind::ElseIf),
        Some(_) => match text.strip_prefix("else") {
            Some("") => Ok(TagKind::Else),
            Some(more) if more.starts_with(char::is_whitespace) => Ok(TagKind::ElseIf),
            Some(_) => Err("a name that starts with `else` is read as `{{else`; write `this.` before it"),
            None => Ok(TagKind::Inline),
        },
    }
}

fn skip_space_and_tilde(bytes: &[u8], at: &mut usize) {
    while matches!(bytes.get(*at), Some(b' ' | b'\t' | b'\n' | b'\r' | b'~')) {
        *at += 1;
    }
}

/// What stands between the braces, without `~` and space.
pub(crate) fn body<'s>(source: &'s str, span: &Range<usize>) -> &'s str {
    source[span.clone()].trim_matches(|c: char| matches!(c, '{' | '}' | '~') || c.is_whitespace())
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| c.is_whitespace() || c == '~').next().unwrap_or("")
}

/// A text that cannot be read.
pub(crate) fn syntax(message: impl Into<String>, span: Range<usize>) -> Fault {
    Fault::error("template::syntax", message).within(span)
}

/// `did you mean ...?`, where something is near.
pub(crate) fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    did_you_mean(written, known).map(|name| format!("did you mean `{name}`?"))
}
