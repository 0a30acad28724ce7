//! The value under `call:` -> [`Call`], or everything that is wrong with it.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::{Body, Call, LARGEST_BODY, Method, Piece, Secret, Shown};
use crate::card::partial::Partials;
use crate::card::text::Text;
use crate::diagnostic::{Fault, Step, did_you_mean};
use crate::duration;
use crate::secret_name::SecretName;
use crate::settings;

/// How long an answer may take, unless the author says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take at most.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How many headers the author may add.
const MOST_HEADERS: usize = 30;
/// How deep a body may be.
const DEEPEST: usize = 20;

const URL: &str = "call::url";
const FORM: &str = "call::form";

const KEYS: [&str; 9] = [
    "url",
    "method",
    "body",
    "headers",
    "secret",
    "user",
    "secret_header",
    "timeout",
    "save_as",
];

/// Headers that are not the author's to write, with what to do instead.
const NOT_YOURS: [(&str, &str); 7] = [
    ("authorization", "write `secret:` with the name of the secret"),
    ("cookie", "write `secret:` with the name of the secret"),
    ("host", "it follows from the address"),
    ("content-length", "it follows from the body"),
    ("transfer-encoding", "it follows from the body"),
    ("connection", "Herald keeps the connection"),
    ("idempotency-key", "Herald sends one, the same for each try"),
];

impl Call {
    /// Compiles the value under `call:`; `name` is that of its step. Paths of faults begin at the value.
    ///
    /// # Errors
    /// Everything wrong with it: an address whose host is not written out, a header that is not the author's, a secret
    /// that was pasted.
    pub fn compile(value: &Value, name: Option<&str>, partials: &Partials) -> Result<Call, Vec<Fault>> {
        let Value::Object(written) = value else {
            let fault = Fault::error(FORM, "`call` says where to ask, and what");
            return Err(vec![
                fault.help("write `call: { url: \"https://tickets.contoso.example/api/issues\" }`"),
            ]);
        };
        let mut faults: Vec<Fault> = written
            .keys()
            .filter(|key| !KEYS.contains(&key.as_str()))
            .map(|key| unknown_key(key))
            .collect();
        let address = address(written, partials, &mut faults);
        let body = written
            .get("body")
            .and_then(|value| body(value, partials, 0, &mut faults));
        let method = method(written, &mut faults);
        if method == Some(Method::Get) && written.contains_key("body") {
            let fault =
                Fault::error(FORM, "what is asked by GET has no body").help("leave `method` out, or write `POST`");
            faults.push(fault.under("body").on_key());
        }
        let headers = headers(written, partials, &mut faults);
        let secret = secret(written, &mut faults);
        let timeout = timeout(written, &mut faults);
        let save_as = save_as(written, name, &mut faults);
        match (address, save_as) {
            (Some((url, host)), Some(save_as)) if faults.is_empty() => Ok(Call {
                save_as,
                host,
                timeout,
                method: method.unwrap_or(match body {
                    Some(_) => Method::Post,
                    None => Method::Get,
                }),
                url,
                headers,
                body,
                secret,
            }),
            _ => Err(faults),
        }
    }
}

fn unknown_key(key: &str) -> Fault {
    let fault = Fault::error(FORM, format!("a call has no `{key}`")).on_key().under(key);
    let meant = match key {
        "uri" | "address" | "endpoint" | "to" => Some("url"),
        "data" | "json" | "payload" | "content" => Some("body"),
        "token" | "auth" | "bearer" | "password" | "api_key" => Some("secret"),
        "username" => Some("user"),
        "verb" => Some("method"),
        "id" | "as" | "name" | "register" | "output" => Some("save_as"),
        _ => did_you_mean(key, KEYS),
    };
    match meant {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => fault.help("it has `url`, `method`, `body`, `headers`, `secret`, `timeout` and `save_as`"),
    }
}

/// The address in pieces, and its host.
fn address(
    written: &Map<String, Value>,
    partials: &Partials,
    faults: &mut Vec<Fault>,
) -> Option<(Vec<Piece>, String)> {
    let source = match written.get("url") {
        Some(Value::String(text)) if !text.trim().is_empty() => text.trim(),
        Some(_) => {
            faults.push(
                Fault::error(URL, "`url` is an address")
                    .help("it begins with `https://`")
                    .under("url"),
            );
            return None;
        }
        None => {
            // A misspelt key says so already.
            if faults.is_empty() {
                let fault = Fault::error(FORM, "nothing says where to ask");
                faults.push(fault.help("write `url: \"https://tickets.contoso.example/api/issues\"`"));
            }
            return None;
        }
    };
    let mut wrong = |fault: Fault| {
        faults.push(fault.under("url"));
        None
    };
    let fixed = source.find("{{").map_or(source, |hole| &source[..hole]);
    let Ok(url) = Url::parse(fixed) else {
        let fault = Fault::error(URL, "this is no address whose host is written out");
        return wrong(fault.help("begin with `https://` and the host, as in `https://tickets.contoso.example/`"));
    };
    let host_ends = fixed.find("://").and_then(|at| fixed[at + 3..].find(['/', '?', '#']));
    let Some(host) = url.host_str().filter(|_| host_ends.is_some() || fixed == source) else {
        let fault = Fault::error(
            URL,
            "the host of a call is written out: an event must not choose who is asked",
        );
        return wrong(fault.help("put the hole behind the `/` that ends the host"));
    };
    if !matches!(url.scheme(), "https" | "http") {
        return wrong(Fault::error(URL, "an address to call begins with `https://`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let fault = Fault::error(URL, "a name or password does not stand in the address");
        return wrong(fault.help("write `user:` and `secret:`, the name of the secret"));
    }
    let mut pieces = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find("{{") {
        if start > 0 {
            pieces.push(Piece::Written(rest[..start].to_owned()));
        }
        let Some(length) = rest[start..].find("}}") else {
            return wrong(Fault::error(URL, "a hole is not closed: `}}` is missing"));
        };
        let mut end = start + length + 2;
        end += usize::from(rest[end..].starts_with('}'));
        let hole = &rest[start..end];
        if ["{{#", "{{/", "{{else", "{{>"]
            .iter()
            .any(|begin| hole.starts_with(begin))
        {
            let fault = Fault::error(URL, "the holes of an address hold one value each");
            return wrong(fault.help("write `{{event.id}}`"));
        }
        match Text::compile(hole, partials) {
            Ok(text) => pieces.push(Piece::Hole(text)),
            Err(fault) => return wrong(fault),
        }
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Written(rest.to_owned()));
    }
    Some((pieces, host.to_ascii_lowercase()))
}

fn method(written: &Map<String, Value>, faults: &mut Vec<Fault>) -> Option<Method> {
    let word = written.get("method")?;
    let found = word
        .as_str()
        .and_then(|word| Method::ALL.into_iter().find(|method| method.word() == word));
    if found.is_none() {
        let fault = Fault::error(FORM, "`method` is one of GET, POST, PUT, PATCH and DELETE");
        faults.push(fault.help("write it in capital letters").under("method"));
    }
    found
}

fn headers(written: &Map<String, Value>, partials: &Partials, faults: &mut Vec<Fault>) -> Vec<(String, Text)> {
    let mut headers = Vec::new();
    let fields = match written.get("headers") {
        None => return headers,
        Some(Value::Object(fields)) if fields.len() <= MOST_HEADERS => fields,
        Some(_) => {
            let fault = Fault::error(
                FORM,
                format!("`headers` are up to {MOST_HEADERS} names with their values"),
            );
            faults.push(fault.help("write `headers: { X-Team: platform }`").under("headers"));
            return headers;
        }
    };
    for (name, value) in fields {
        let lower = name.trim().to_ascii_lowercase();
        let placed = |fault: Fault| fault.under(name.as_str()).under("headers");
        let is_token = !lower.is_empty() && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !is_token {
            faults.push(placed(Fault::error(FORM, "this is no name of a header").on_key()));
            continue;
        }
        if let Some((_, instead)) = NOT_YOURS.iter().find(|(known, _)| *known == lower) {
            let fault = Fault::error(FORM, format!("`{name}` is not written here")).help(*instead);
            faults.push(placed(fault.on_key()));
            continue;
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                faults.push(placed(
                    Fault::error(FORM, "the value of a header is a text").help("write it in quotes"),
                ));
                continue;
            }
        };
        match Text::compile(&text, partials) {
            Ok(text) => headers.push((lower, text)),
            Err(fault) => faults.push(placed(fault)),
        }
    }
    headers
}

fn body(value: &Value, partials: &Partials, depth: usize, faults: &mut Vec<Fault>) -> Option<Body> {
    if depth == 0 && value.to_string().len() > LARGEST_BODY {
        let message = format!("the body is larger than {} KiB", LARGEST_BODY / 1024);
        faults.push(Fault::error(FORM, message).under("body").on_key());
        return None;
    }
    let mut found: Vec<(Vec<Step>, Fault)> = Vec::new();
    let body = filled(value, partials, depth, &mut Vec::new(), &mut found);
    for (path, mut fault) in found {
        fault.path.splice(0..0, std::iter::once(Step::from("body")).chain(path));
        faults.push(fault);
    }
    Some(body)
}

fn filled(
    value: &Value,
    partials: &Partials,
    depth: usize,
    path: &mut Vec<Step>,
    found: &mut Vec<(Vec<Step>, Fault)>,
) -> Body {
    if depth > DEEPEST {
        let message = format!("a body is at most {DEEPEST} levels deep");
        found.push((path.clone(), Fault::error(FORM, message)));
        return Body::Constant(Value::Null);
    }
    match value {
        Value::String(text) if text.contains("{{") => match Text::compile(text, partials) {
            Ok(text) => Body::Leaf(text),
            Err(fault) => {
                found.push((path.clone(), fault));
                Body::Constant(Value::Null)
            }
        },
        Value::Array(items) => {
            let mut list = Vec::new();
            for (index, item) in items.iter().enumerate() {
                path.push(index.into());
                list.push(filled(item, partials, depth + 1, path, found));
                path.pop();
            }
            Body::List(list)
        }
        Value::Object(fields) => {
            let mut list = Vec::new();
            for (key, item) in fields {
                path.push(key.as_str().into());
                list.push((key.clone(), filled(item, partials, depth + 1, path, found)));
                path.pop();
            }
            Body::Fields(list)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Body::Constant(value.clone()),
    }
}

fn secret(written: &Map<String, Value>, faults: &mut Vec<Fault>) -> Option<Secret> {
    let text = |key: &str| written.get(key).and_then(Value::as_str).map(str::trim);
    for key in ["user", "secret_header"] {
        if written.contains_key(key) && !written.contains_key("secret") {
            let fault = Fault::error(FORM, format!("`{key}` belongs to `secret`, which is missing"));
            faults.push(
                fault
                    .help("write `secret:` with the name of the secret")
                    .under(key)
                    .on_key(),
            );
        }
    }
    let name = match written.get("secret")? {
        Value::String(name) => SecretName::new(name.trim()).ok(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let Some(name) = name else {
        faults.push(settings::pasted_secret().under("secret"));
        return None;
    };
    let shown = match (text("user"), text("secret_header")) {
        (Some(_), Some(_)) => {
            let fault = Fault::error(FORM, "a secret is sent in one way: as a password or in a header");
            faults.push(fault.help("leave one of them out").under("secret_header").on_key());
            return None;
        }
        (Some(user), None) if user.contains(':') || user.is_empty() => {
            faults.push(Fault::error(FORM, "a user has a name without `:`").under("user"));
            return None;
        }
        (Some(user), None) => Shown::Basic(user.to_owned()),
        (None, Some(header)) => {
            let lower = header.to_ascii_lowercase();
            let fine = !lower.is_empty() && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !fine || ["host", "content-length", "transfer-encoding", "connection"].contains(&lower.as_str()) {
                faults.push(Fault::error(FORM, "this is no header for a secret").under("secret_header"));
                return None;
            }
            Shown::Header(lower)
        }
        (None, None) => Shown::Bearer,
    };
    Some(Secret { name, shown })
}

fn timeout(written: &Map<String, Value>, faults: &mut Vec<Fault>) -> Duration {
    let fault = match written.get("timeout") {
        None => return TIMEOUT,
        Some(Value::String(text)) => match duration::parse(text) {
            Ok(timeout) if timeout.is_zero() => Fault::error("call::timeout", "no answer comes in no time"),
            Ok(timeout) if timeout <= LONGEST_TIMEOUT => return timeout,
            Ok(_) => Fault::error("call::timeout", "an answer may take up to a minute")
                .help("what takes longer answers at once and posts to a hook when it is done"),
            Err(fault) => fault,
        },
        Some(_) => Fault::error("call::timeout", "`timeout` is a length of time").help("write it as `timeout: 10 s`"),
    };
    faults.push(fault.under("timeout"));
    TIMEOUT
}

fn save_as(written: &Map<String, Value>, name: Option<&str>, faults: &mut Vec<Fault>) -> Option<String> {
    let (text, given) = match written.get("save_as") {
        Some(Value::String(text)) => (text.trim(), true),
        Some(_) => ("", true),
        None => (name.unwrap_or("call"), false),
    };
    let plain = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.len() <= 40
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    if plain(text) {
        return Some(text.to_owned());
    }
    if !given {
        // A step's name is for people; a name for texts has no blanks.
        let word: String = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .take(40)
            .collect();
        return Some(match plain(&word) {
            true => word,
            false => "call".to_owned(),
        });
    }
    let fault = Fault::error(FORM, "`save_as` is one word of letters, digits and `_`");
    faults.push(fault.help("write it as `save_as: ticket`").under("save_as"));
    None
}
