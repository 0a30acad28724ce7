//! The `hooks:` of `herald.yaml` -> [`Hook`]s.

mod callers;

use std::collections::HashMap;

use indexmap::IndexMap;

use super::file::{AlgorithmFile, EncodingFile, FormatFile, HookFile, SignatureFile};
use super::rate::POSTS;
use super::{Algorithm, Authentication, Encoding, Format, Hook, RepeatId};
use crate::diagnostic::Fault;
use crate::rate::Rate;
use crate::secret_name::SecretName;
use crate::teams::cloud::Cloud;

/// The header of the preset `api-key` unless another one is named.
pub const API_KEY_HEADER: &str = "x-api-key";

/// The user of the preset `basic` unless another one is named.
pub const BASIC_USER: &str = "herald";

/// Gives all declared hooks their meaning. A hook with an error is left out, the others stay.
///
/// Paths in the faults start inside the mapping of hooks.
pub fn hooks(declared: &IndexMap<String, HookFile>, cloud: Cloud) -> (IndexMap<String, Hook>, Vec<Fault>) {
    let (mut hooks, mut faults) = (IndexMap::<String, Hook>::new(), Vec::new());
    let mut taken: HashMap<String, String> = HashMap::new();
    for (name, file) in declared {
        let hook = match Hook::compile(name, file, cloud) {
            Ok(hook) => hook,
            Err(found) => {
                faults.extend(found.into_iter().map(|fault| fault.under(name.as_str())));
                continue;
            }
        };
        if let Some(other) = taken.get(&hook.path) {
            let fault = Fault::error(
                "hook::path",
                format!("the hooks `{other}` and `{name}` have the same path `{}`", hook.path),
            )
            .help("give each hook its own `path`");
            let fault = if file.path.is_some() {
                fault.under("path")
            } else {
                fault.on_key()
            };
            faults.push(fault.under(name.as_str()));
            continue;
        }
        taken.insert(hook.path.clone(), name.clone());
        hooks.insert(name.clone(), hook);
    }
    (hooks, faults)
}

impl Hook {
    /// Gives one entry of `hooks:` its meaning.
    ///
    /// # Errors
    /// Everything that is wrong with it; paths start inside the entry. A pasted secret is never repeated.
    pub fn compile(name: &str, file: &HookFile, cloud: Cloud) -> Result<Hook, Vec<Fault>> {
        let mut faults = Vec::new();
        let hook = Hook {
            name: name.to_owned(),
            path: path(name, file, &mut faults),
            authentication: authentication(name, file, cloud, &mut faults),
            secrets: secrets(name, file, &mut faults),
            repeat_id: repeat_id(file, &mut faults),
            formats: formats(file),
            limit: limit(file, &mut faults),
        };
        if faults.is_empty() { Ok(hook) } else { Err(faults) }
    }
}

fn path(name: &str, file: &HookFile, faults: &mut Vec<Fault>) -> String {
    let written = file.path.as_deref().unwrap_or(name);
    let path = written.strip_prefix("/hooks/").unwrap_or(written).trim_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    if path.is_empty() || matches!(path, "." | "..") || !path.chars().all(plain) {
        let fault = Fault::error("hook::path", format!("`{written}` cannot be the path of a hook"))
            .help("use letters, digits, `-` and `_`: with `path: github` the address is `/hooks/github`");
        faults.push(if file.path.is_some() {
            fault.under("path")
        } else {
            fault.on_key()
        });
    }
    path.to_owned()
}

fn authentication(name: &str, file: &HookFile, cloud: Cloud, faults: &mut Vec<Fault>) -> Authentication {
    let signature = file.signature;
    let entra = &[SignatureFile::Entra][..];
    let certificate = &[SignatureFile::ClientCertificate][..];
    let details = [
        (
            "header",
            file.header.is_some(),
            &[
                SignatureFile::Hmac,
                SignatureFile::ApiKey,
                SignatureFile::ClientCertificate,
            ][..],
        ),
        ("algorithm", file.algorithm.is_some(), &[SignatureFile::Hmac]),
        ("encoding", file.encoding.is_some(), &[SignatureFile::Hmac]),
        ("prefix", file.prefix.is_some(), &[SignatureFile::Hmac]),
        ("user", file.user.is_some(), &[SignatureFile::Basic]),
        ("tenant", file.tenant.is_some(), entra),
        ("issuer", file.issuer.is_some(), entra),
        ("openid", file.openid.is_some(), entra),
        ("audience", file.audience.is_some(), entra),
        ("roles", file.roles.is_some(), entra),
        ("apps", file.apps.is_some(), entra),
        ("proxies", file.proxies.is_some(), certificate),
        ("verified_header", file.verified_header.is_some(), certificate),
        ("clients", file.clients.is_some(), certificate),
    ];
    for (key, written, belongs_to) in details {
        if written && !belongs_to.contains(&signature) {
            let fault = Fault::error(
                "hook::detail",
                format!("`{key}` says nothing about the signature chosen here"),
            );
            let owners: Vec<String> = belongs_to
                .iter()
                .map(|owner| format!("`signature: {}`", word(*owner)))
                .collect();
            let help = format!("it belongs to {}; leave it out", owners.join(" and "));
            faults.push(fault.help(help).on_key().under(key));
        }
    }
    match signature {
        SignatureFile::Github => Authentication::Github,
        SignatureFile::Gitlab => Authentication::Gitlab,
        SignatureFile::Slack => Authentication::Slack,
        SignatureFile::Stripe => Authentication::Stripe,
        SignatureFile::StandardWebhooks => Authentication::StandardWebhooks,
        SignatureFile::Bearer => Authentication::Bearer,
        SignatureFile::ApiKey => Authentication::ApiKey {
            header: header(file.header.as_deref().unwrap_or(API_KEY_HEADER), faults),
        },
        SignatureFile::Basic => Authentication::Basic {
            user: user(file.user.as_deref().unwrap_or(BASIC_USER), faults),
        },
        SignatureFile::Hmac => hmac(file, faults),
        SignatureFile::Entra => Authentication::Entra(callers::entra(name, file, cloud, faults)),
        SignatureFile::ClientCertificate => {
            Authentication::ClientCertificate(callers::client_certificate(name, file, faults))
        }
        SignatureFile::Url => Authentication::Url,
        SignatureFile::None => Authentication::None,
    }
}

fn hmac(file: &HookFile, faults: &mut Vec<Fault>) -> Authentication {
    let header = match &file.header {
        Some(written) => header(written, faults),
        None => {
            let fault = Fault::error("hook::header", "`hmac` needs to know which header the signature is in");
            faults.push(fault.help("add `header: X-Signature`").under("signature"));
            String::new()
        }
    };
    Authentication::Hmac {
        header,
        algorithm: match file.algorithm {
            Some(AlgorithmFile::Sha256) | None => Algorithm::Sha256,
            Some(AlgorithmFile::Sha512) => Algorithm::Sha512,
            Some(AlgorithmFile::Sha1) => Algorithm::Sha1,
        },
        encoding: match file.encoding {
            Some(EncodingFile::Hex) | None => Encoding::Hex,
            Some(EncodingFile::Base64) => Encoding::Base64,
        },
        prefix: file.prefix.clone().unwrap_or_default(),
    }
}

fn word(signature: SignatureFile) -> &'static str {
    match signature {
        SignatureFile::Github => "github",
        SignatureFile::Gitlab => "gitlab",
        SignatureFile::Slack => "slack",
        SignatureFile::Stripe => "stripe",
        SignatureFile::StandardWebhooks => "standard-webhooks",
        SignatureFile::Bearer => "bearer",
        SignatureFile::ApiKey => "api-key",
        SignatureFile::Basic => "basic",
        SignatureFile::Hmac => "hmac",
        SignatureFile::Entra => "entra",
        SignatureFile::ClientCertificate => "client-certificate",
        SignatureFile::Url => "url",
        SignatureFile::None => "none",
    }
}

fn header(written: &str, faults: &mut Vec<Fault>) -> String {
    header_name(written).unwrap_or_else(|fault| {
        faults.push(fault.under("header"));
        String::new()
    })
}

fn user(written: &str, faults: &mut Vec<Fault>) -> String {
    if written.is_empty() || written.contains(':') {
        let fault = Fault::error("hook::user", "a user name for `basic` is not empty and has no colon");
        faults.push(fault.under("user"));
    }
    written.to_owned()
}

/// Who may post and what proves it must go together.
fn secrets(name: &str, file: &HookFile, faults: &mut Vec<Fault>) -> Vec<SecretName> {
    let written = file.secret.as_ref().map(|names| names.0.as_slice()).unwrap_or_default();
    let mut secrets = Vec::new();
    for (place, secret) in written.iter().enumerate() {
        match SecretName::new(secret.as_str()) {
            Ok(secret) => secrets.push(secret),
            Err(sentence) => {
                let fault = Fault::error("hook::secret", sentence)
                    .help("put the value into the environment, or into a file in `HERALD_SECRETS_DIR`, under a name");
                let fault = if written.len() > 1 { fault.under(place) } else { fault };
                faults.push(fault.under("secret"));
            }
        }
    }
    if written.len() > 2 {
        let fault = Fault::error(
            "hook::secret",
            "a hook has one secret, or two while one replaces the other",
        );
        faults.push(
            fault
                .help("take out those that no sender uses any more")
                .under("secret"),
        );
    }
    let open = file.anyone_can_post == Some(true);
    let closed = file.signature != SignatureFile::None;
    let proven_otherwise = matches!(file.signature, SignatureFile::Entra | SignatureFile::ClientCertificate);
    if closed && open {
        let fault = Fault::error(
            "hook::signature",
            format!("`anyone_can_post` contradicts `signature: {}`", word(file.signature)),
        );
        faults.push(fault.help("leave one of them out").on_key().under("anyone_can_post"));
    } else if proven_otherwise && !written.is_empty() {
        let fault = Fault::error(
            "hook::secret",
            format!("`signature: {}` has no use for a secret", word(file.signature)),
        );
        faults.push(fault.help("leave `secret` out").on_key().under("secret"));
    } else if closed && !proven_otherwise && written.is_empty() {
        let fault = Fault::error(
            "hook::secret",
            format!(
                "the hook `{name}` checks `{}`, but names no secret to check it with",
                word(file.signature)
            ),
        );
        let help = format!("add `secret: {}` (a name; the value stays outside)", secret_for(name));
        faults.push(fault.help(help).under("signature"));
    } else if !closed && !open {
        let fault = Fault::error(
            "hook::signature",
            format!("whoever finds the address of `{name}` could send messages to your colleagues"),
        );
        let help = "choose a signature, or say that this is meant with `anyone_can_post: true`";
        faults.push(fault.help(help).under("signature"));
    } else if !closed && !written.is_empty() {
        let fault = Fault::error("hook::secret", "a hook that anyone can post to has no use for a secret");
        faults.push(
            fault
                .help("leave `secret` out, or choose a signature")
                .on_key()
                .under("secret"),
        );
    }
    secrets
}

/// `build-box` -> `BUILD_BOX_WEBHOOK_SECRET`.
fn secret_for(hook: &str) -> String {
    let plain: String = hook
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    let first = if plain.starts_with(|c: char| c.is_ascii_digit()) {
        "HOOK_"
    } else {
        ""
    };
    format!("{first}{plain}_WEBHOOK_SECRET")
}

fn repeat_id(file: &HookFile, faults: &mut Vec<Fault>) -> Option<RepeatId> {
    let written = file.repeat_id.as_ref()?;
    let found = match (&written.header, &written.field) {
        (Some(header), None) => header_name(header)
            .map(RepeatId::Header)
            .map_err(|fault| fault.under("header")),
        (None, Some(field)) => {
            RepeatId::field(field).map_err(|sentence| Fault::error("hook::repeat_id", sentence).under("field"))
        }
        (Some(_), Some(_)) | (None, None) => Err(Fault::error(
            "hook::repeat_id",
            "a repeat is known by one header or by one field of the body",
        )
        .help("write `repeat_id: { header: X-Request-Id }` or `repeat_id: { field: event.id }`")),
    };
    found.map_err(|fault| faults.push(fault.under("repeat_id"))).ok()
}

fn formats(file: &HookFile) -> Vec<Format> {
    if file.formats.is_empty() {
        return vec![Format::Json, Format::Form, Format::Text];
    }
    let mut formats = Vec::new();
    for format in &file.formats {
        let format = match format {
            FormatFile::Json => Format::Json,
            FormatFile::Form => Format::Form,
            FormatFile::Text => Format::Text,
            FormatFile::TeamsMessage => Format::TeamsMessage,
            FormatFile::CloudEvents => Format::CloudEvents,
            FormatFile::EventGrid => Format::EventGrid,
        };
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    formats
}

fn limit(file: &HookFile, faults: &mut Vec<Fault>) -> Option<Rate> {
    let read = Rate::parse(file.limit.as_deref()?, &POSTS);
    read.map_err(|fault| faults.push(fault.under("limit"))).ok()
}

fn header_name(written: &str) -> Result<String, Fault> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !written.is_empty() && written.chars().all(token) {
        Ok(written.to_ascii_lowercase())
    } else {
        Err(
            Fault::error("hook::header", format!("`{written}` cannot be the name of a header"))
                .help("a header's name has letters, digits and `-`, such as `X-Signature`"),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::diagnostic::{Step, Underline};

    fn file(declared: Value) -> HookFile {
        serde_json::from_value(declared).unwrap()
    }

    fn faults(declared: Value) -> Vec<Fault> {
        Hook::compile("ci", &file(declared), Cloud::Public).unwrap_err()
    }

    fn path_and_message(declared: Value) -> (Vec<Step>, String) {
        let faults = faults(declared);
        assert_eq!(faults.len(), 1, "{faults:?}");
        (faults[0].path.clone(), faults[0].message.clone())
    }

    #[test]
    fn a_hook_of_a_known_sender_needs_two_words() {
        let declared = file(json!({ "signature": "github", "secret": "GITHUB_WEBHOOK_SECRET" }));
        let hook = Hook::compile("github", &declared, Cloud::Public).unwrap();
        assert_eq!(hook.path, "github", "the name is the path unless it says otherwise");
        assert_eq!(hook.authentication, Authentication::Github);
        assert_eq!(hook.secrets[0].as_str(), "GITHUB_WEBHOOK_SECRET");
        assert_eq!(hook.formats, [Format::Json, Format::Form, Format::Text]);
        assert_eq!(hook.repeat_id, None);
    }

    #[test]
    fn everything_about_a_hook_can_be_said() {
        let declared = json!({
            "path": "/hooks/money",
            "signature": "hmac", "header": "X-Signature", "algorithm": "sha512", "encoding": "base64", "prefix": "v1=",
            "secret": ["NEW_SECRET", "OLD_SECRET"],
            "repeat_id": { "field": "event.meta.id" },
            "formats": ["text", "json", "text"],
            "limit": "100 per minute",
        });
        let hook = Hook::compile("billing", &file(declared), Cloud::Public).unwrap();
        assert_eq!(hook.path, "money");
        assert_eq!(
            hook.authentication,
            Authentication::Hmac {
                header: "x-signature".to_owned(),
                algorithm: Algorithm::Sha512,
                encoding: Encoding::Base64,
                prefix: "v1=".to_owned(),
            }
        );
        assert_eq!(hook.secrets.len(), 2);
        assert_eq!(
            hook.repeat_id,
            Some(RepeatId::Field(vec!["meta".to_owned(), "id".to_owned()]))
        );
        assert_eq!(hook.formats, [Format::Text, Format::Json]);
        assert_eq!(hook.limit, Rate::parse("100/min", &POSTS).ok());
    }

    #[test]
    fn api_key_and_basic_have_a_usual_header_and_user() {
        let compile = |declared| {
            Hook::compile("ci", &file(declared), Cloud::Public)
                .unwrap()
                .authentication
        };
        assert_eq!(
            compile(json!({ "signature": "api-key", "secret": "A" })),
            Authentication::ApiKey {
                header: "x-api-key".to_owned()
            }
        );
        assert_eq!(
            compile(json!({ "signature": "basic", "secret": "A", "user": "grafana" })),
            Authentication::Basic {
                user: "grafana".to_owned()
            }
        );
    }

    #[test]
    fn an_open_door_must_be_meant() {
        assert!(
            Hook::compile(
                "ci",
                &file(json!({ "signature": "none", "anyone_can_post": true })),
                Cloud::Public
            )
            .is_ok()
        );
        let (path, message) = path_and_message(json!({ "signature": "none" }));
        assert_eq!(path, [Step::from("signature")]);
        assert!(message.contains("whoever finds the address of `ci`"), "{message}");
        let (path, _) = path_and_message(json!({ "signature": "bearer", "secret": "A", "anyone_can_post": true }));
        assert_eq!(path, [Step::from("anyone_can_post")]);
        let (path, _) = path_and_message(json!({ "signature": "none", "secret": "A", "anyone_can_post": true }));
        assert_eq!(path, [Step::from("secret")]);
    }

    #[test]
    fn a_hook_without_its_secret_or_header_hears_what_to_add() {
        let found = Hook::compile("build-box", &file(json!({ "signature": "bearer" })), Cloud::Public).unwrap_err();
        assert_eq!(
            found[0].help.as_deref(),
            Some("add `secret: BUILD_BOX_WEBHOOK_SECRET` (a name; the value stays outside)")
        );
        let found = faults(json!({ "signature": "hmac", "secret": "A" }));
        assert_eq!(found[0].help.as_deref(), Some("add `header: X-Signature`"));
    }

    #[test]
    fn a_detail_of_another_signature_is_pointed_out() {
        let found = faults(json!({ "signature": "github", "secret": "A", "prefix": "sha256=" }));
        assert_eq!(found[0].path, [Step::from("prefix")]);
        assert_eq!(found[0].underline, Underline::Key);
        assert_eq!(
            found[0].help.as_deref(),
            Some("it belongs to `signature: hmac`; leave it out")
        );
    }

    #[test]
    fn a_pasted_secret_is_not_repeated() {
        let found = faults(json!({ "signature": "bearer", "secret": "s3cr3t/with+signs=" }));
        assert!(!format!("{found:?}").contains("s3cr3t"), "{found:?}");
        assert_eq!(found[0].path, [Step::from("secret")]);
        let found = faults(json!({ "signature": "bearer", "secret": ["GOOD", "s3cr3t="] }));
        assert_eq!(found[0].path, [Step::from("secret"), Step::from(1)]);
    }

    #[test]
    fn all_that_is_wrong_with_a_hook_is_said_at_once() {
        let found = faults(json!({
            "path": "a b",
            "signature": "api-key",
            "header": "X Key",
            "secret": ["A", "B", "C"],
            "repeat_id": { "header": "a", "field": "b" },
            "limit": "often",
        }));
        let places: Vec<&Step> = found.iter().map(|fault| &fault.path[0]).collect();
        let expected = ["path", "header", "secret", "repeat_id", "limit"].map(Step::from);
        assert_eq!(places, expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn two_hooks_cannot_share_a_path_and_the_others_stay() {
        let declared = [("a", "A"), ("b", "B"), ("c", "C")].map(|(name, secret)| {
            let path = if name == "c" { "y" } else { "x" };
            let declared = json!({ "path": path, "signature": "bearer", "secret": secret });
            (name.to_owned(), file(declared))
        });
        let (hooks, faults) = hooks(&declared.into_iter().collect(), Cloud::Public);
        assert_eq!(hooks.keys().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(faults[0].message, "the hooks `a` and `b` have the same path `x`");
        assert_eq!(faults[0].path, [Step::from("b"), Step::from("path")]);
    }
}
