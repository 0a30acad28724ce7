//! The secrets that settings name: are they there, and do they look like secrets? Values stay here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use secrecy::ExposeSecret;

use super::finding::Finding;
use crate::hook::Authentication;
use crate::rule::trigger::Trigger;
use crate::secret::{FOLDER_VARIABLE, NoSecret, Secrets};
use crate::secret_name::SecretName;
use crate::teams::credential::Credential;
use crate::webhook::is_connector_host;
use crate::webhook::sender::admitted;
use crate::workspace::Workspace;

/// What people write where a secret will stand later.
const PLACEHOLDERS: [&str; 12] = [
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "password",
    "placeholder",
    "todo",
    "xxx",
    "example",
    "test",
    "sandbox",
    "none",
];
/// A secret of a hook that is shorter than this, in bytes, can be guessed.
const SHORT: usize = 16;

/// Looks at every secret that the settings name. `missing_there` are those that the running server lacks, if one runs
/// and said so: it may have others than this shell.
pub fn look(workspace: &Workspace, secrets: &Secrets, missing_there: Option<&[String]>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = secrets.folder().map(folder).into_iter().collect();
    let has = |name: &SecretName| secrets.has(name) || is_there(name, missing_there);
    for (name, uses) in named(workspace) {
        let finding = match secrets.read(&name) {
            Ok(value) if uses.iter().any(|needed| matches!(needed, Use::Webhook { .. })) => {
                webhook(&uses, value.expose_secret(), &secrets.place(&name), workspace)
            }
            Ok(value) => judged(&name, &uses, value.expose_secret(), &secrets.place(&name)),
            Err(_) if has(&name) => Finding::ok("secret", "not set here, but the running server has it"),
            Err(problem) => absent(&problem, &uses, workspace, &has),
        };
        findings.push(finding.about(name.to_string()));
    }
    findings
}

/// Does the running server have it, as far as is known?
pub fn is_there(name: &SecretName, missing_there: Option<&[String]>) -> bool {
    missing_there.is_some_and(|missing| !missing.iter().any(|lacks| lacks == name.as_str()))
}

/// What a secret is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Use {
    Bot,
    /// The certificate that proves the bot, or its key; whether they fit is told with the token.
    Certificate,
    Key,
    Admin,
    Hook {
        name: String,
        /// It has a second secret that may stand in.
        one_of_two: bool,
        /// It is a part of the address.
        in_address: bool,
    },
    /// A queue, by its name.
    Queue(String),
    Webhook {
        name: String,
    },
}

impl Use {
    fn words(&self) -> String {
        match self {
            Use::Bot => "the bot's password".to_owned(),
            Use::Certificate => "the bot's certificate".to_owned(),
            Use::Key => "the key of the bot's certificate".to_owned(),
            Use::Admin => "the token of the admin routes".to_owned(),
            Use::Hook { name, .. } => format!("the secret of the hook `{name}`"),
            Use::Queue(name) => format!("the password or key of the queue `{name}`"),
            Use::Webhook { name } => format!("the address of the webhook `{name}`"),
        }
    }
}

fn named(workspace: &Workspace) -> BTreeMap<SecretName, Vec<Use>> {
    let settings = &workspace.settings;
    let mut names: BTreeMap<SecretName, Vec<Use>> = BTreeMap::new();
    if settings.bot.app_id.is_some() {
        let mut of_bot = |name: &SecretName, needed| names.entry(name.clone()).or_default().push(needed);
        match &settings.bot.credential {
            Credential::Secret(name) => of_bot(name, Use::Bot),
            Credential::Certificate(found) => {
                of_bot(&found.certificate, Use::Certificate);
                of_bot(&found.key, Use::Key);
            }
            Credential::ManagedIdentity | Credential::WorkloadIdentity(_) => {}
        }
    }
    if let Some(name) = &settings.server.admin_token {
        names.entry(name.clone()).or_default().push(Use::Admin);
    }
    for hook in settings.hooks.values() {
        for name in &hook.secrets {
            names.entry(name.clone()).or_default().push(Use::Hook {
                name: hook.name.clone(),
                one_of_two: hook.secrets.len() > 1,
                in_address: hook.authentication == Authentication::Url,
            });
        }
    }
    for queue in settings.queues.values() {
        if let Some(secret) = queue.secret() {
            names
                .entry(secret.clone())
                .or_default()
                .push(Use::Queue(queue.name.clone()));
        }
    }
    for webhook in workspace.book.webhooks() {
        names.entry(webhook.url.clone()).or_default().push(Use::Webhook {
            name: webhook.name.clone(),
        });
    }
    names
}

/// The address of a webhook: may it be called, and how long will it last?
fn webhook(uses: &[Use], value: &[u8], place: &str, workspace: &Workspace) -> Finding {
    let for_what = uses.iter().map(Use::words).collect::<Vec<_>>().join(", ");
    let hosts = &workspace.settings.send.private_webhook_hosts;
    match admitted(&String::from_utf8_lossy(value), hosts) {
        Err(reason) => Finding::failed(
            "secret",
            format!("set in {place}, but {reason}: {for_what}"),
            "copy the address again from the channel's webhook",
        ),
        Ok((url, _)) if is_connector_host(url.host_str().unwrap_or_default()) => Finding::warning(
            "secret",
            format!(
                "set in {place}, and it is one of an Office 365 connector, which Microsoft is switching off: {for_what}"
            ),
            "create a webhook with Workflows in the channel, or let the bot write there: `channel:`",
        ),
        Ok(_) => Finding::ok("secret", format!("set in {place}: {for_what}")),
    }
}

fn folder(folder: &Path) -> Finding {
    let shown = folder.display();
    let next = format!("mount the secrets there, or set {FOLDER_VARIABLE} to where they are");
    match fs::read_dir(folder) {
        Ok(entries) => Finding::ok("secrets", format!("{} files in {shown}", entries.count())),
        Err(problem) => Finding::failed("secrets", format!("the folder {shown} cannot be read: {problem}"), next),
    }
    .about(FOLDER_VARIABLE)
}

fn absent(problem: &NoSecret, uses: &[Use], workspace: &Workspace, has: &dyn Fn(&SecretName) -> bool) -> Finding {
    let mut for_what = uses.iter().map(Use::words).collect::<Vec<_>>().join(", ");
    let deaf: Vec<String> = uses
        .iter()
        .filter_map(|needed| match needed {
            Use::Hook { name, .. } => in_vain(name, workspace, has),
            Use::Bot | Use::Certificate | Use::Key | Use::Admin | Use::Queue(_) | Use::Webhook { .. } => None,
        })
        .collect();
    if !deaf.is_empty() {
        for_what = format!("{for_what}. Without it {}", deaf.join("; "));
    }
    let (found, next) = match problem {
        NoSecret::Missing { name, .. } => (
            format!("missing: {for_what}"),
            match uses {
                _ if workspace.settings.bot.app_id.is_none() => {
                    "`serve --sandbox` makes one up; for real posts, set the variable where Herald runs".to_owned()
                }
                _ => format!("set the variable where Herald runs, or put a file `{name}` into {FOLDER_VARIABLE}"),
            },
        ),
        NoSecret::Empty { .. } => (format!("empty: {for_what}"), "put the value in".to_owned()),
        NoSecret::Unreadable { path, error, .. } => (
            format!("its file cannot be read ({error}): {for_what}"),
            format!("let the user that runs Herald read {}", path.display()),
        ),
    };
    let optional = workspace.settings.bot.app_id.is_none();
    let can_wait = |needed: &Use| match needed {
        Use::Hook { one_of_two, .. } => *one_of_two || optional,
        Use::Webhook { .. } => optional,
        Use::Bot | Use::Certificate | Use::Key | Use::Admin | Use::Queue(_) => false,
    };
    match uses.iter().all(can_wait) && (optional || deaf.is_empty()) {
        true => Finding::warning("secret", found, next),
        false => Finding::failed("secret", found, next),
    }
}

/// The rules that wait in vain for a hook that has none of its secrets, in words.
fn in_vain(hook: &str, workspace: &Workspace, has: &dyn Fn(&SecretName) -> bool) -> Option<String> {
    if workspace.settings.hooks.get(hook)?.secrets.iter().any(has) {
        return None;
    }
    let waits = |trigger: &Trigger| matches!(trigger, Trigger::Hook { hook: name, .. } if name == hook);
    let rules = workspace.ruleset.rules.iter();
    let mut rules = rules.filter(|rule| rule.triggers.iter().any(waits));
    let first = &rules.next()?.name;
    Some(match rules.count() {
        0 => format!("the rule {first} never fires"),
        1 => format!("{first} and 1 other rule never fire"),
        more => format!("{first} and {more} other rules never fire"),
    })
}

fn judged(name: &SecretName, uses: &[Use], value: &[u8], place: &str) -> Finding {
    let for_what = uses.iter().map(Use::words).collect::<Vec<_>>().join(", ");
    let warning =
        |what: &str, next: &str| Finding::warning("secret", format!("set in {place}, but {what}: {for_what}"), next);
    if uses.iter().all(|needed| matches!(needed, Use::Certificate | Use::Key)) {
        return Finding::ok("secret", format!("set in {place}: {for_what}"));
    }
    let Ok(text) = std::str::from_utf8(value) else {
        return if uses.contains(&Use::Bot) {
            Finding::failed(
                "secret",
                format!("set in {place}, but it is not a text: {for_what}"),
                "put the client secret's value in, as the Azure portal showed it",
            )
        } else {
            Finding::ok("secret", format!("set in {place}: {for_what}"))
        };
    };
    let trimmed = text.trim();
    if trimmed.len() != text.len() {
        return warning(
            "blanks or line breaks stand around it",
            "they count as part of the secret: take them away unless the other side has them too",
        );
    }
    let quoted = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if quoted('"') || quoted('\'') {
        return warning(
            "quotation marks stand around it",
            "they count as part of the secret: many tools for environment files keep them",
        );
    }
    let lower = trimmed.to_lowercase();
    let bracketed =
        (lower.starts_with('<') && lower.ends_with('>')) || lower.starts_with("${") || lower.starts_with("your");
    if bracketed || lower == name.as_str().to_lowercase() || PLACEHOLDERS.contains(&lower.as_str()) {
        return warning("it looks like a placeholder", "put the real value in");
    }
    if uses.contains(&Use::Bot) && uuid::Uuid::try_parse(trimmed).is_ok() {
        return warning(
            "it looks like the secret's id",
            "use the column `Value` of Certificates & secrets in the Azure portal, not `Secret ID`; the value is shown \
             only once, make a new secret if it is lost",
        );
    }
    // What others gave out cannot be made longer here.
    let given = uses.iter().all(|needed| matches!(needed, Use::Bot | Use::Queue(_)));
    if trimmed.len() < SHORT && !given {
        return warning(
            "it is short enough to be guessed",
            "use at least 32 random signs, such as those of `openssl rand -hex 32`, on both sides",
        );
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    let in_address = |needed: &Use| matches!(needed, Use::Hook { in_address: true, .. });
    if uses.iter().any(in_address) && !trimmed.chars().all(plain) {
        return warning(
            "it has signs that cannot stand in an address as they are",
            "use letters and digits only, such as those of `openssl rand -hex 32`: the secret is the end of the hook's address",
        );
    }
    Finding::ok("secret", format!("set in {place}: {for_what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;

    fn verdict(uses: &[Use], value: &str) -> (Verdict, String) {
        let name = SecretName::new("HOOK_KEY").unwrap();
        let finding = judged(&name, uses, value.as_bytes(), "the environment");
        let told = format!("{finding:?}");
        assert!(value.len() < 8 || !told.contains(value.trim()), "{told}");
        (finding.verdict, finding.found)
    }

    #[test]
    fn a_value_that_cannot_be_meant_is_told_and_never_shown() {
        let hook = [Use::Hook {
            name: "github".to_owned(),
            one_of_two: false,
            in_address: true,
        }];
        for (value, words) in [
            ("2f7c9e0a4b1d8c6e5f3a9b7d \n", "blanks"),
            ("\"2f7c9e0a4b1d8c6e5f3a9b7d\"", "quotation marks"),
            ("<your-secret-goes-here>", "placeholder"),
            ("${GITHUB_WEBHOOK_SECRET}", "placeholder"),
            ("ChangeMe", "placeholder"),
            ("hook_key", "placeholder"),
            ("8charact", "guessed"),
            ("2f7c9e0a4b1d/8c6e5f3a9b7d", "address"),
        ] {
            let (verdict, found) = verdict(&hook, value);
            assert_eq!(verdict, Verdict::Warning, "{value}");
            assert!(found.contains(words), "{found}");
        }
        let (bot, found) = verdict(&[Use::Bot], "5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10");
        assert_eq!(bot, Verdict::Warning);
        assert!(found.contains("secret's id"), "{found}");
        assert_eq!(verdict(&hook, "2f7c9e0a4b1d8c6e5f3a9b7d").0, Verdict::Ok);
        assert_eq!(verdict(&[Use::Bot], "Xq8~abc.DEF").0, Verdict::Ok);
    }
}
