//! Secrets that were pasted into `herald.yaml` where their names belong: found in the text itself, so that no excerpt,
//! message or log repeats them, even when the file cannot be read as YAML.

use crate::diagnostic::Span;
use crate::secret_name::SecretName;

/// The keys behind which a secret's name stands.
const KEYS: [&str; 3] = ["secret", "admin_token", "key"];

/// The values behind `secret`, `admin_token` and `key` that are no names, whole keys and certificates, and the keys in
/// connection strings, wherever they stand.
pub fn pasted(text: &str) -> Vec<Span> {
    let mut found = pem(text);
    found.extend(in_connection_strings(text));
    let mut offset = 0;
    // Items of a list below a key that has nothing behind its colon.
    let mut in_list = false;
    for line in text.split_inclusive('\n') {
        let content = without_comment(line.trim_end());
        let trimmed = content.trim_start();
        let begins = offset + content.len() - trimmed.len();
        match trimmed.strip_prefix('-') {
            Some(item) if in_list => values(item, begins + 1, false, &mut found),
            Some(_) | None => {
                in_list &= trimmed.is_empty();
                for (at, in_braces) in keys(content) {
                    let value = &content[at..];
                    in_list |= value.trim().is_empty();
                    values(value, offset + at, in_braces, &mut found);
                }
            }
        }
        offset += line.len();
    }
    found
}

/// The lines of everything that stands between `-----BEGIN` and `-----END`, wherever it is.
fn pem(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut offset = 0;
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        let begin = line.find("-----BEGIN ");
        if inside || begin.is_some() {
            let indented = line.len() - line.trim_start().len();
            let start = if inside { indented } else { begin.unwrap_or(indented) };
            let end = line.trim_end().len();
            if start < end {
                found.push(offset + start..offset + end);
            }
            inside = !line.contains("-----END ");
        }
        offset += line.len();
    }
    found
}

/// What keys are called in the connection strings of Azure.
const IN_CONNECTION_STRINGS: [&str; 2] = ["AccountKey=", "SharedAccessKey="];

/// The keys in connection strings.
fn in_connection_strings(text: &str) -> Vec<Span> {
    let keys = IN_CONNECTION_STRINGS.iter().flat_map(|key| {
        text.match_indices(key).map(|(at, _)| {
            let begin = at + key.len();
            let ends = |c: char| c.is_whitespace() || matches!(c, ';' | '"' | '\'' | ',' | '}' | ']');
            begin..text[begin..].find(ends).map_or(text.len(), |length| begin + length)
        })
    });
    keys.filter(|span| !span.is_empty()).collect()
}

/// What stands in the address of a webhook, whose every word is the secret.
const ADDRESSES: [&str; 5] = [
    "webhook.office.com",
    "logic.azure.com",
    "powerplatform.com",
    "powerautomate.com",
    "sig=",
];

/// The addresses of webhooks that were pasted where their names belong. In `directory.yaml` every address below `webhooks:`
/// is one.
pub fn pasted_addresses(text: &str, in_directory: bool) -> Vec<Span> {
    let mut found = Vec::new();
    let mut from = 0;
    let below = match in_directory {
        true => below_webhooks(text),
        false => 0..0,
    };
    while let Some(at) = text[from..].find("://") {
        let at = from + at;
        let begin = text[..at]
            .rfind(|c: char| !c.is_ascii_alphabetic())
            .map_or(0, |before| {
                before + text[before..].chars().next().map_or(1, char::len_utf8)
            });
        let end = text[at..]
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '}' | ']'))
            .map_or(text.len(), |length| at + length);
        let address = &text[begin..end];
        if ADDRESSES.iter().any(|part| address.contains(part)) || below.contains(&begin) {
            found.push(begin..end);
        }
        from = end.max(at + 3);
    }
    found
}

/// Where the section of webhooks stands in `directory.yaml`.
fn below_webhooks(text: &str) -> Span {
    let mut offset = 0;
    let mut begin = None;
    for line in text.split_inclusive('\n') {
        let is_key = line.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '"' | '\''));
        match begin {
            None if line.trim_start_matches(['"', '\'']).starts_with("webhooks") => begin = Some(offset),
            Some(begin) if is_key => return begin..offset,
            None | Some(_) => {}
        }
        offset += line.len();
    }
    begin.unwrap_or(offset)..offset
}

/// The text with these spans as stars: the same length, the same lines.
pub fn masked(text: &str, spans: &[Span]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for span in spans {
        bytes[span.clone()].fill(b'*');
    }
    // The spans begin and end with whole characters, so what is left is as it was.
    String::from_utf8(bytes).unwrap_or_default()
}

fn without_comment(line: &str) -> &str {
    match line.find(" #") {
        Some(comment) => line[..comment].trim_end(),
        None => line,
    }
}

/// Where the values of our keys begin on a line, and whether braces are open there.
fn keys(line: &str) -> Vec<(usize, bool)> {
    let mut found = Vec::new();
    for key in KEYS {
        for (start, _) in line.match_indices(key) {
            let before = line[..start].trim_end_matches(['"', '\'']);
            let is_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let after = line[start + key.len()..].trim_start_matches(['"', '\'']).trim_start();
            if is_word || !after.starts_with(':') {
                continue;
            }
            let open = before.matches('{').count() > before.matches('}').count();
            found.push((line.len() - after.len() + 1, open));
        }
    }
    found
}

/// Adds the values of `region` that are no names. Within braces a comma ends it.
fn values(region: &str, offset: usize, in_braces: bool, found: &mut Vec<Span>) {
    let value = region.trim_start();
    let start = offset + region.len() - value.len();
    if let Some(list) = value.strip_prefix('[') {
        let end = list.find(']').unwrap_or(list.len());
        let mut at = start + 1;
        for item in list[..end].split(',') {
            one(item, at, found);
            at += item.len() + 1;
        }
        return;
    }
    let end = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
        Some(_) if in_braces => value.find([',', '}']).unwrap_or(value.len()),
        Some(_) | None => value.len(),
    };
    one(&value[..end], start, found);
}

fn one(value: &str, offset: usize, found: &mut Vec<Span>) {
    let trimmed = value.trim();
    let start = offset + value.len() - value.trim_start().len();
    let name = trimmed.trim_matches(['"', '\'']);
    let end = start + trimmed.len();
    if !name.is_empty() && !matches!(name, "~" | "null") && SecretName::new(name).is_err() {
        found.push(start..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_addresses_of_webhooks_are_found_in_any_file() {
        for (text, shown) in [
            (
                "webhooks:\n  ops: https://x.webhook.office.com/webhookb2/1 # ours\n",
                "webhooks:\n  ops: **************************************** # ours\n",
            ),
            (
                "{ url: \"https://a.example/b?sig=x\", kind: workflow }",
                "{ url: \"*************************\", kind: workflow }",
            ),
            (
                "notify: [{ webhook: https://p.logic.azure.com/w }]",
                "notify: [{ webhook: *************************** }]",
            ),
        ] {
            assert_eq!(masked(text, &pasted_addresses(text, false)), shown);
        }
        assert!(pasted_addresses("see https://learn.microsoft.com/ and ü://", false).is_empty());
        let directory = "webhooks:\n  ops: https://hooks.example/1\nchannels:\n  a: https://other.example/1\n";
        assert_eq!(
            masked(directory, &pasted_addresses(directory, true)),
            "webhooks:\n  ops: ***********************\nchannels:\n  a: https://other.example/1\n"
        );
    }

    #[test]
    fn pasted_secrets_are_found_wherever_they_stand_and_names_are_left() {
        for (text, shown) in [
            ("bot:\n  secret: Xq8~a,b # mine\n", "bot:\n  secret: ******* # mine\n"),
            ("secret: \"a b\", x", "secret: *****, x"),
            ("{ secret: ab~c, signature: x }", "{ secret: ****, signature: x }"),
            ("{ \"secret\": 'ü~' }", "{ \"secret\": ***** }"),
            ("secret: [OLD_NAME, whsec_1]\n", "secret: [OLD_NAME, *******]\n"),
            (
                "secret:\n  - OLD_NAME\n\n  - whsec_1\nx: y-z\n",
                "secret:\n  - OLD_NAME\n\n  - *******\nx: y-z\n",
            ),
            ("admin_token: 0123", "admin_token: ****"),
            (
                "{ account: \"AccountEndpoint=https://c.example:443/;AccountKey=ab+/==;\", x: 1 }",
                "{ account: \"AccountEndpoint=https://c.example:443/;AccountKey=******;\", x: 1 }",
            ),
            (
                "brokers: Endpoint=sb://c/;SharedAccessKey=a=\n",
                "brokers: Endpoint=sb://c/;SharedAccessKey=**\n",
            ),
            ("secret: {{x}\nbroken: [", "secret: ****\nbroken: ["),
            (
                "key: |\n  -----BEGIN A\n  abc\n  -----END A\nx: y\n",
                "key: *\n  ************\n  ***\n  **********\nx: y\n",
            ),
            ("certificate: -----BEGIN A", "certificate: ************"),
            (
                "key: BOT_KEY\nx: |\n -----BEGIN A\n b",
                "key: BOT_KEY\nx: |\n ************\n *",
            ),
        ] {
            assert_eq!(masked(text, &pasted(text)), shown);
        }
        for text in [
            "secret: GITHUB_WEBHOOK_SECRET",
            "secret:\n",
            "client_secret: x-y",
            "# the secret is a-b",
            "secrets: a-b",
            "signature: github",
        ] {
            assert!(pasted(text).is_empty(), "{text}");
        }
    }
}
