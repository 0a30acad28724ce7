//! Texts.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Arguments, Datum, written};
use crate::card::syntax::Call;

type Answer<'v> = Result<Datum<'v>, String>;

/// Bytes that a replacement may come to: each of many short places can become a long text.
const LONGEST: usize = 64 * 1024;

/// Everything but what never has a meaning in an address.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text of `texts/` is named once and for all, so that `check` sees what is missing.
pub(super) fn check_key(call: &Call) -> Option<String> {
    written(call, 0)
        .is_none()
        .then(|| "the key of `text` stands in quotation marks".to_owned())
}

pub(super) fn upper<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(arguments.text(0).to_uppercase()))
}

pub(super) fn lower<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(arguments.text(0).to_lowercase()))
}

pub(super) fn capitalize<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let text = arguments.text(0);
    let mut rest = text.chars();
    Ok(Datum::owned(match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => String::new(),
    }))
}

pub(super) fn truncate<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let length = arguments.size(1, "the length")?.max(1);
    let text = arguments.text(0);
    Ok(Datum::owned(shortened(&text, length)))
}

/// At most `length` characters, the last of them `…` if something was cut.
pub(crate) fn shortened(text: &str, length: usize) -> String {
    if text.chars().nth(length).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(length.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

pub(super) fn lines<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let count = arguments.size(1, "the number of lines")?;
    let text = arguments.text(0);
    Ok(Datum::owned(text.lines().take(count).collect::<Vec<_>>().join("\n")))
}

pub(super) fn replace<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let (text, old, new) = (arguments.text(0), arguments.text(1), arguments.text(2));
    if old.is_empty() {
        return Err("there is nothing to replace in an empty text".to_owned());
    }
    let growth = text.matches(&*old).count().saturating_mul(new.len());
    if growth > LONGEST {
        return Err(format!("the result would be longer than {} KiB", LONGEST / 1024));
    }
    Ok(Datum::owned(text.replace(&*old, &new)))
}

pub(super) fn basename<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let text = arguments.text(0);
    let trimmed = text.trim_end_matches(['/', '\\']);
    Ok(Datum::owned(trimmed.rsplit(['/', '\\']).next().unwrap_or_default()))
}

pub(super) fn url_encode<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(utf8_percent_encode(&arguments.text(0), PART).to_string()))
}

pub(super) fn json<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(arguments.take(0).into_value().to_string()))
}
