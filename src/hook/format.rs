//! A body as JSON, as a form or as text -> the `event` that rules see.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::{Format, Hook, Request};

/// How deep a body may nest; more would cost every later reader of the event stack and patience.
pub const DEEPEST: usize = 64;

/// How many fields a form may have.
pub const MOST_FIELDS: usize = 1000;

/// Why a body is not an event. The sentence is for the caller: it tells a place, never the content there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadBody {
    /// We do not read this content type.
    WrongType(String),
    /// The body is not what its content type says.
    Unreadable(String),
}

impl BadBody {
    /// The HTTP status: 415 or 400.
    pub fn status(&self) -> u16 {
        match self {
            BadBody::WrongType(_) => 415,
            BadBody::Unreadable(_) => 400,
        }
    }

    /// What is wrong, for the caller and the log.
    pub fn sentence(&self) -> &str {
        match self {
            BadBody::WrongType(sentence) | BadBody::Unreadable(sentence) => sentence,
        }
    }
}

pub(super) fn unreadable(sentence: impl Into<String>) -> BadBody {
    BadBody::Unreadable(sentence.into())
}

impl Hook {
    /// Reads the body as its content type says, if this hook takes it.
    ///
    /// JSON becomes itself; a key written twice has its last value, as in most readers. A form becomes an object of
    /// texts, lists where a field came several times; a form whose only field is `payload` (GitHub, Slack) is the JSON
    /// in it. Text becomes `{"text": ...}` without the line break at its end. No content type and no body become `{}`.
    ///
    /// # Errors
    /// [`BadBody`]: another content type, a compressed body, broken or too deep JSON, bytes that are no UTF-8. How long
    /// a body may be was decided before.
    pub fn read_body(&self, request: &Request<'_>) -> Result<Value, BadBody> {
        coded(request)?;
        let Some(content_type) = request.headers.get("content-type") else {
            if request.body.is_empty() {
                return Ok(json!({}));
            }
            return Err(self.wrong_type("The header `Content-Type` is missing"));
        };
        let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let format = self.format_of(essence.trim())?;
        if !is_utf8(parameters) {
            return Err(self.wrong_type("This hook reads UTF-8 only"));
        }
        let text = text(request.body)?;
        match format {
            // The others are JSON too, where they are not read in their own way.
            Format::Json | Format::TeamsMessage | Format::CloudEvents | Format::EventGrid => json(text),
            Format::Form => form(text),
            Format::Text => Ok(
                json!({ "text": text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line)) }),
            ),
        }
    }

    fn format_of(&self, essence: &str) -> Result<Format, BadBody> {
        let essence = essence.to_ascii_lowercase();
        let is_json = essence == "application/json"
            || (essence.starts_with("application/") && essence.ends_with("+json"))
            || essence == "text/json";
        let format = if is_json {
            Some(Format::Json)
        } else {
            [Format::Form, Format::Text]
                .into_iter()
                .find(|format| format.content_type() == essence)
        };
        format
            .filter(|format| self.formats.contains(format))
            .ok_or_else(|| self.wrong_type("This hook does not read that content type"))
    }

    fn wrong_type(&self, fact: &str) -> BadBody {
        let mut taken: Vec<String> = Vec::new();
        for format in &self.formats {
            let content_type = format!("`{}`", format.content_type());
            if !taken.contains(&content_type) {
                taken.push(content_type);
            }
        }
        BadBody::WrongType(format!("{fact}. Send {}.", taken.join(" or ")))
    }
}

/// Refuses a body that is packed.
pub(super) fn coded(request: &Request<'_>) -> Result<(), BadBody> {
    match request.headers.get("content-encoding") {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") => Err(BadBody::WrongType(
            "This hook takes bodies as they are: send it without `Content-Encoding`.".to_owned(),
        )),
        Some(_) | None => Ok(()),
    }
}

fn is_utf8(parameters: &str) -> bool {
    parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .all(|(_, value)| {
            let value = value.trim().trim_matches('"');
            value.eq_ignore_ascii_case("utf-8")
                || value.eq_ignore_ascii_case("utf8")
                || value.eq_ignore_ascii_case("us-ascii")
        })
}

/// UTF-8 without the byte order mark that some tools put in front.
pub(crate) fn text(body: &[u8]) -> Result<&str, BadBody> {
    let text = str::from_utf8(body).map_err(|error| {
        let place = error.valid_up_to();
        unreadable(format!(
            "The body is not UTF-8: byte {place} (counted from 0) does not belong there."
        ))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

pub(crate) fn json(text: &str) -> Result<Value, BadBody> {
    if text.trim_ascii().is_empty() {
        return Err(unreadable(
            "The body is empty, and empty is not JSON. Send at least `{}`.",
        ));
    }
    if text.starts_with('\u{feff}') {
        return Err(unreadable(
            "The body starts with two byte order marks. Send it without any.",
        ));
    }
    bounded_depth(text)?;
    serde_json::from_str(text).map_err(|error| unreadable(format!("The body is not valid JSON: {error}.")))
}

/// Refuses nesting beyond [`DEEPEST`] by counting brackets outside strings; needs no stack itself.
fn bounded_depth(text: &str) -> Result<(), BadBody> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(unreadable(format!(
                        "The body nests deeper than {DEEPEST} levels (at byte {place})."
                    )));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn form(text: &str) -> Result<Value, BadBody> {
    // curl sends this content type unless told otherwise, so JSON under it is the commonest slip of a first try.
    if text.trim_ascii_start().starts_with(['{', '[']) {
        return Err(BadBody::WrongType(
            "The body looks like JSON, but its content type says form. Send the header `Content-Type: application/json`."
                .to_owned(),
        ));
    }
    let mut fields = Map::new();
    for (count, field) in text.split('&').filter(|field| !field.is_empty()).enumerate() {
        if count == MOST_FIELDS {
            return Err(unreadable(format!("The form has more than {MOST_FIELDS} fields.")));
        }
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        add(&mut fields, &form_text(name)?, form_text(value)?);
    }
    match fields.get("payload") {
        Some(Value::String(payload)) if fields.len() == 1 && payload.trim_ascii_start().starts_with(['{', '[']) => {
            json(payload)
        }
        Some(_) | None => Ok(Value::Object(fields)),
    }
}

fn form_text(written: &str) -> Result<String, BadBody> {
    let spaced = written.replace('+', " ");
    let decoded = percent_decode_str(&spaced)
        .decode_utf8()
        .map_err(|_| unreadable("A field of the form is not UTF-8 after its %-signs are read."))?;
    Ok(decoded.into_owned())
}

/// Adds a field; one that is already there becomes a list.
pub(super) fn add(fields: &mut Map<String, Value>, name: &str, value: String) {
    match fields.get_mut(name) {
        None => {
            fields.insert(name.to_owned(), Value::String(value));
        }
        Some(Value::Array(values)) => values.push(Value::String(value)),
        Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{headers, hook, post};
    use super::super::{Authentication, Headers};
    use super::*;

    fn read(content_type: &str, body: &[u8]) -> Result<Value, BadBody> {
        let headers = headers(&[("Content-Type", content_type)]);
        let mut hook = hook(Authentication::None);
        hook.formats = vec![Format::Json, Format::Form, Format::Text];
        hook.read_body(&post(&headers, body))
    }

    #[test]
    fn json_in_every_honest_dress_is_read() {
        for content_type in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/vnd.github+json",
            "text/json",
        ] {
            assert_eq!(
                read(content_type, b"{\"a\": 1}"),
                Ok(json!({ "a": 1 })),
                "{content_type}"
            );
        }
        assert_eq!(
            read("application/json", b"\xef\xbb\xbf{\"a\": \"\xc3\xa9\"}"),
            Ok(json!({ "a": "é" })),
            "one byte order mark is taken off"
        );
    }

    #[test]
    fn a_sender_of_another_content_type_hears_which_ones_are_taken() {
        let answer = hook(Authentication::None)
            .read_body(&post(&headers(&[("Content-Type", "application/xml")]), b"<a/>"))
            .unwrap_err();
        assert_eq!(answer.status(), 415);
        assert_eq!(
            answer.sentence(),
            "This hook does not read that content type. Send `application/json` or `application/x-www-form-urlencoded`."
        );
        let text = hook(Authentication::None).read_body(&post(&headers(&[("Content-Type", "text/plain")]), b"hi"));
        assert_eq!(
            text.unwrap_err().status(),
            415,
            "text is taken only where the hook says so"
        );
        let latin = read("application/json; charset=iso-8859-1", b"{}").unwrap_err();
        assert_eq!(latin.status(), 415);
        assert!(latin.sentence().starts_with("This hook reads UTF-8 only."));
    }

    #[test]
    fn a_post_without_content_type_is_taken_only_when_it_is_empty() {
        let none = Headers::default();
        let hook = hook(Authentication::None);
        assert_eq!(hook.read_body(&post(&none, b"")), Ok(json!({})));
        assert_eq!(hook.read_body(&post(&none, b"{}")).unwrap_err().status(), 415);
    }

    #[test]
    fn a_compressed_body_is_not_taken_for_text() {
        let zipped = headers(&[("Content-Type", "application/json"), ("Content-Encoding", "gzip")]);
        let answer = hook(Authentication::None)
            .read_body(&post(&zipped, b"\x1f\x8b"))
            .unwrap_err();
        assert_eq!(answer.status(), 415);
    }

    #[test]
    fn broken_json_is_answered_with_its_place_and_none_of_its_content() {
        let answer = read("application/json", b"{\n  \"password\": \"hunter2\",\n  \"b\": ]\n}").unwrap_err();
        assert_eq!(answer.status(), 400);
        assert_eq!(
            answer.sentence(),
            "The body is not valid JSON: expected value at line 3 column 8."
        );
        assert_eq!(
            read("application/json", b" \n").unwrap_err().sentence(),
            "The body is empty, and empty is not JSON. Send at least `{}`."
        );
        assert_eq!(
            read("application/json", b"{\"a\": \"\xff\"}").unwrap_err().sentence(),
            "The body is not UTF-8: byte 7 (counted from 0) does not belong there."
        );
        let marks = read("application/json", "\u{feff}\u{feff}{}".as_bytes()).unwrap_err();
        assert!(marks.sentence().contains("two byte order marks"));
        assert_eq!(read("application/json", b"{\"a\": 1e999}").unwrap_err().status(), 400);
    }

    #[test]
    fn a_body_nested_too_deep_is_refused_without_using_the_stack() {
        let nest = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(read("application/json", nest(DEEPEST).as_bytes()).is_ok());
        let answer = read("application/json", nest(DEEPEST + 1).as_bytes()).unwrap_err();
        assert_eq!(answer.sentence(), "The body nests deeper than 64 levels (at byte 64).");
        let bomb = "{\"a\":".repeat(1_000_000);
        assert_eq!(read("application/json", bomb.as_bytes()).unwrap_err().status(), 400);
        let brackets_in_text = format!("{{\"log\": \"\\\"{}\"}}", "[".repeat(500));
        assert!(read("application/json", brackets_in_text.as_bytes()).is_ok());
    }

    #[test]
    fn a_key_written_twice_has_its_last_value() {
        assert_eq!(read("application/json", br#"{"a":1,"a":2}"#), Ok(json!({ "a": 2 })));
    }

    #[test]
    fn a_form_is_an_object_of_texts_and_a_repeated_field_a_list() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            read(form, b"name=Anna+Berg&tag=a&tag=b%26c&empty=&flag"),
            Ok(json!({ "name": "Anna Berg", "tag": ["a", "b&c"], "empty": "", "flag": "" }))
        );
        assert_eq!(read(form, b""), Ok(json!({})));
        assert_eq!(read(form, b"name=%ff").unwrap_err().status(), 400);
        let many = "a=1&".repeat(MOST_FIELDS + 1);
        assert_eq!(
            read(form, many.as_bytes()).unwrap_err().sentence(),
            "The form has more than 1000 fields."
        );
    }

    #[test]
    fn github_may_wrap_its_json_in_a_form() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            read(form, b"payload=%7B%22action%22%3A%22opened%22%7D"),
            Ok(json!({ "action": "opened" }))
        );
        assert_eq!(
            read(form, b"payload=%7B%22action%22").unwrap_err().status(),
            400,
            "a broken payload is an error, not a text"
        );
        assert_eq!(
            read(form, b"payload=%7B%7D&other=1"),
            Ok(json!({ "payload": "{}", "other": "1" }))
        );
    }

    #[test]
    fn json_under_curls_default_content_type_is_answered_with_the_header_to_add() {
        let answer = read("application/x-www-form-urlencoded", b"{\"a\": 1}").unwrap_err();
        assert_eq!(answer.status(), 415);
        assert!(answer.sentence().contains("`Content-Type: application/json`"));
    }

    #[test]
    fn text_is_an_event_with_a_text() {
        assert_eq!(
            read("text/plain; charset=utf-8", b"The lift is\nstuck again\r\n"),
            Ok(json!({ "text": "The lift is\nstuck again" }))
        );
    }
}
