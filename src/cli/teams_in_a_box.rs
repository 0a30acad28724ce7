//! `serve --sandbox`: what a first evening without a tenant needs around the engine. The engine itself sees an
//! environment that names other addresses, nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;

use crate::cli::say::say;
use crate::hook::{Authentication, Hook};
use crate::sandbox::{Limits, Options, Sandbox};
use crate::secret::Secrets;
use crate::secret_name::SecretName;
use crate::serve::Server;
use crate::settings::Settings;
use crate::teams::credential::Credential;
use crate::workspace::Workspace;

/// Stands for every secret of a hook that has no value: it protects nothing, and is printed.
const DEMO_SECRET: &str = "sandbox";
/// The folder of the sandbox's own store, inside the workspace's: a store belongs to one bot.
const STORE: &str = "sandbox";

/// Starts Teams in a box.
///
/// # Errors
/// Real credentials are set, or the port is taken.
pub async fn start(
    root: &Path,
    listen: SocketAddr,
    workspace: &Workspace,
    secrets: Secrets,
) -> anyhow::Result<(Sandbox, Secrets)> {
    let settings = &workspace.settings;
    let needed = settings.bot.credential.secrets();
    if let (Some(_), Some(name)) = (&settings.bot.app_id, needed.into_iter().find(|name| secrets.has(name))) {
        bail!(
            "`--sandbox` is refused because the real bot's secret `{name}` is set: unset it for the sandbox, or leave \
             --sandbox out to talk to real Teams"
        );
    }
    let secrets = secrets.or_else(demo_secrets(settings));
    let hint = try_line(root, settings, &secrets, settings.server.listen).map(|(_, line)| line);
    let options = Options {
        hint,
        limits: Limits::Real,
        ..Options::default()
    };
    let boxed = Sandbox::start(listen, options).await?;
    // A store from an earlier evening may owe messages to these places.
    if root.join(&settings.store).join(STORE).is_dir() {
        boxed.resume();
    }
    let webhooks = workspace.book.webhooks();
    let played = webhooks.map(|webhook| (webhook.url.clone(), boxed.webhook_url(webhook.kind, &webhook.name)));
    let secrets = secrets.or_else(played.collect::<Vec<_>>());
    Ok((boxed, secrets))
}

/// Values for secrets that have none.
fn demo_secrets(settings: &Settings) -> Vec<(SecretName, String)> {
    let of_hooks = settings.hooks.values().flat_map(|hook| hook.secrets.clone());
    let mut values: Vec<_> = of_hooks.map(|name| (name, DEMO_SECRET.to_owned())).collect();
    let of_bot = match &settings.bot.credential {
        Credential::Secret(name) => name.clone(),
        // The box takes a client secret, and nothing else is asked for beside it.
        Credential::Certificate(_) | Credential::ManagedIdentity | Credential::WorkloadIdentity(_) => {
            Credential::default_secret()
        }
    };
    values.push((of_bot, crate::sandbox::SECRET.to_owned()));
    values
}

/// The environment that makes the engine talk to `boxed` instead of to Teams.
pub fn environment(boxed: &Sandbox, settings: &Settings) -> BTreeMap<String, String> {
    let store = Path::new(&settings.store).join(STORE);
    [
        ("HERALD_BOT_APP_ID", boxed.app_id().to_owned()),
        ("HERALD_BOT_TENANT", boxed.tenant().to_owned()),
        ("HERALD_BOT_CREDENTIAL", "secret".to_owned()),
        ("HERALD_BOT_TOKEN_URL", boxed.token_url()),
        ("HERALD_BOT_OPENID_URL", boxed.openid_url()),
        ("HERALD_BOT_SERVICE_URL", boxed.service_url()),
        ("HERALD_BOT_GRAPH_URL", boxed.graph_url()),
        ("HERALD_BOT_TRUSTED_HOSTS", boxed.address().ip().to_string()),
        ("HERALD_PRIVATE_WEBHOOK_HOSTS", private_hosts(boxed, settings)),
        ("HERALD_STORE", store.display().to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Beside those of the workspace, the box's own: it plays the webhooks that have no address.
fn private_hosts(boxed: &Sandbox, settings: &Settings) -> String {
    let mut hosts = settings.send.private_webhook_hosts.clone();
    hosts.push(boxed.address().ip().to_string());
    hosts.join(",")
}

/// Installs the bot in the box and says what to do next.
///
/// # Errors
/// Herald does not answer its own Teams.
pub async fn introduce(
    boxed: &Sandbox,
    server: &Server,
    root: &Path,
    settings: &Settings,
    secrets: &Secrets,
) -> anyhow::Result<()> {
    boxed.set_bot_endpoint(format!("http://{}/api/messages", server.address()));
    boxed
        .settle_in(Duration::from_secs(20))
        .await
        .context("Teams in a box cannot reach Herald")?;
    say!("Teams in a box    {}", boxed.url());
    say!("Herald's own page http://{}", server.address());
    match try_line(root, settings, secrets, server.address()) {
        Some((hook, line)) => say!("\nTry the hook `{hook}` and look at Teams in a box:\n\n{line}\n"),
        None => say!("\nDeclare a hook in herald.yaml and a rule in rules/ to see a card."),
    }
    Ok(())
}

/// A command line that makes a card appear: a sample of this workspace, signed. A bearer token is shown only when it is
/// the demo's.
fn try_line(root: &Path, settings: &Settings, secrets: &Secrets, address: SocketAddr) -> Option<(String, String)> {
    let with = |hook: &Hook, sample: &str, headers: &[String]| {
        let headers: String = headers.iter().map(|header| format!(" \\\n  -H '{header}'")).collect();
        let url = format!("http://{address}/hooks/{}", hook.path);
        let line =
            format!("curl -sS {url} -H 'Content-Type: application/json'{headers} \\\n  --data-binary @{sample}");
        (hook.name.clone(), line)
    };
    for hook in settings.hooks.values() {
        let folder = Path::new("samples").join(&hook.name);
        let Some(sample) = first_sample(&root.join(&folder)) else {
            continue;
        };
        let body = std::fs::read(root.join(&folder).join(&sample)).ok()?;
        let shown = root.join(&folder).join(&sample);
        let shown = shown.strip_prefix("./").unwrap_or(&shown).display().to_string();
        let secret = hook.secrets.iter().find_map(|name| secrets.read(name).ok());
        let secret = secret
            .as_ref()
            .map(|secret| secret.expose_secret().to_vec())
            .unwrap_or_default();
        match &hook.authentication {
            Authentication::Github => {
                let kind = sample.split(['.', '-']).next().unwrap_or_default().to_owned();
                let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("any length is a key");
                mac.update(&body);
                let signature = hex::encode(mac.finalize().into_bytes());
                let headers = [
                    format!("X-GitHub-Event: {kind}"),
                    format!("X-Hub-Signature-256: sha256={signature}"),
                ];
                return Some(with(hook, &shown, &headers));
            }
            Authentication::Bearer if secret == DEMO_SECRET.as_bytes() => {
                return Some(with(hook, &shown, &[format!("Authorization: Bearer {DEMO_SECRET}")]));
            }
            Authentication::None => return Some(with(hook, &shown, &[])),
            Authentication::Url if secret == DEMO_SECRET.as_bytes() => {
                let address = Hook {
                    path: format!("{}/{DEMO_SECRET}", hook.path),
                    ..hook.clone()
                };
                return Some(with(&address, &shown, &[]));
            }
            Authentication::Bearer
            | Authentication::Gitlab
            | Authentication::Slack
            | Authentication::Stripe
            | Authentication::StandardWebhooks
            | Authentication::ApiKey { .. }
            | Authentication::Basic { .. }
            | Authentication::Hmac { .. }
            | Authentication::Url
            | Authentication::Entra(_)
            | Authentication::ClientCertificate(_) => {}
        }
    }
    None
}

/// The alphabetically first JSON file of a folder.
fn first_sample(folder: &Path) -> Option<String> {
    let names = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.ends_with(".json")).min()
}
