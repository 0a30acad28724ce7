//! The port, the server behind it or the store that waits for one, and what is owed.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::finding::Finding;
use crate::cli::state::State;
use crate::delivery::Delivery;
use crate::live::Live;
use crate::secret::Secrets;
use crate::settings::Settings;
use crate::teams::standing::Trouble;

/// How long a server on this machine may take for an answer.
pub const PROMPT: Duration = Duration::from_secs(3);
/// How long it may take to say that it is there.
const KNOCK: Duration = Duration::from_millis(1500);
/// A delivery that has waited longer is stuck.
const WAITS_LONG: TimeDelta = TimeDelta::hours(1);
/// How many pages of waiting deliveries are read to find the oldest.
const PAGES: usize = 5;
const PAGE: usize = 1000;
/// How many tenants that switched the bot off are named.
const TROUBLES_SHOWN: usize = 10;

/// Who is where Herald would listen.
pub enum Port {
    /// A Herald, at this address.
    Herald(String),
    /// Another program, or nobody who may be asked.
    NoHerald,
}

/// Looks who listens where the settings say; `server` names another place.
pub async fn port(client: &reqwest::Client, settings: &Settings, server: Option<&str>) -> (Finding, Port) {
    let listen = settings.server.listen;
    if listen.port() == 0 && server.is_none() {
        let found = "`server.listen` takes any free port, so a running server cannot be found by it";
        let next = "name it with --server http://127.0.0.1:PORT; `herald serve` prints the port";
        return (Finding::warning("port", found, next), Port::NoHerald);
    }
    let base = match server {
        Some(server) => server.trim_end_matches('/').to_owned(),
        None => format!("http://{}", reachable(listen)),
    };
    match client.get(format!("{base}/healthz")).timeout(KNOCK).send().await {
        Ok(answer) => {
            let fine = answer.status().is_success();
            let text = answer.text().await.unwrap_or_default();
            if fine && text == "alive\n" {
                return (
                    Finding::ok("port", format!("a Herald answers at {base}")),
                    Port::Herald(base),
                );
            }
            return (taken(&base, listen.port()), Port::NoHerald);
        }
        Err(_) if server.is_some() => {
            let found = format!("no Herald answers at {base}");
            return (
                Finding::failed("port", found, "start it, or name its address with --server"),
                Port::NoHerald,
            );
        }
        Err(_) => {}
    }
    // Somebody who accepts and says nothing is there all the same.
    let heard = tokio::time::timeout(KNOCK, TcpStream::connect(reachable(listen))).await;
    if matches!(heard, Ok(Ok(_))) {
        return (taken(&base, listen.port()), Port::NoHerald);
    }
    let finding = match TcpListener::bind(listen).await {
        Ok(_) => Finding::ok("port", format!("{listen} is free; no Herald runs there")),
        Err(problem) => match problem.kind() {
            ErrorKind::PermissionDenied => Finding::failed(
                "port",
                format!("this user may not listen on {listen}"),
                "ports below 1024 need more rights: choose a higher one, or give the service CAP_NET_BIND_SERVICE",
            ),
            ErrorKind::AddrNotAvailable => Finding::failed(
                "port",
                format!("{} is no address of this machine", listen.ip()),
                "write 127.0.0.1 or 0.0.0.0 in `server.listen`",
            ),
            ErrorKind::AddrInUse => taken(&base, listen.port()),
            _ => Finding::failed(
                "port",
                format!("cannot listen on {listen}: {problem}"),
                "choose another `server.listen`",
            ),
        },
    };
    (finding, Port::NoHerald)
}

fn taken(base: &str, port: u16) -> Finding {
    Finding::failed(
        "port",
        format!("another program is at {base}, or a Herald that hangs"),
        format!("`ss -ltnp 'sport = :{port}'` names it; stop it, or choose another `server.listen`"),
    )
}

/// Where a listener on all addresses can be called.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(ip, listen.port())
}

/// The admin routes of the server at `base`.
pub fn routes(client: &reqwest::Client, base: &str, live: &Live, secrets: &Secrets) -> State {
    let token = &live.workspace.settings.server.admin_token;
    let token = token.as_ref().and_then(|name| secrets.read(name).ok());
    State::of_server(client.clone(), base.to_owned(), token)
}

/// What the running server says of itself.
///
/// # Errors
/// Its refusal, in a sentence.
pub async fn status(state: &State) -> anyhow::Result<Value> {
    Ok(state.ask(Method::GET, "status", None).await?.unwrap_or_default())
}

/// The names of the secrets that the running server lacks.
pub fn missing_secrets(status: &Value) -> Option<Vec<String>> {
    let names = status["missing_secrets"].as_array()?;
    Some(
        names
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
    )
}

/// Looks at the running server: its files, its secrets, its store, what it owes.
pub async fn running(
    client: &reqwest::Client,
    base: &str,
    (state, status): (&State, &anyhow::Result<Value>),
    live: &Live,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut findings = vec![ready(client, base, live).await];
    let status = match status {
        Ok(status) => status,
        Err(problem) => {
            findings.push(Finding::warning(
                "server",
                format!("its state could not be asked for: {problem:#}"),
                "run `herald doctor` where the secret of `server.admin_token` is set, or on the machine itself",
            ));
            return findings;
        }
    };
    let missing = missing_secrets(status).unwrap_or_default();
    if !missing.is_empty() {
        findings.push(Finding::failed(
            "server",
            format!("the running server lacks {}", missing.join(", ")),
            "set them in its environment or its secrets folder, not only in this shell",
        ));
    }
    findings.extend(teams(status));
    let whose = format!("asked the server at {base}");
    findings.push(bot(&live.workspace.settings, status["bot_id"].as_str(), &whose));
    findings.extend(queue(state, status, now).await);
    findings
}

async fn ready(client: &reqwest::Client, base: &str, live: &Live) -> Finding {
    let answer = match client.get(format!("{base}/readyz")).send().await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(problem) => {
            let found = format!("/readyz does not answer: {}", problem.without_url());
            return Finding::failed("server", found, "look at its log");
        }
    };
    let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
    let reload = &answer["last_reload"];
    let at = reload["at"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
    let at = at.map_or_else(
        || "an unknown time".to_owned(),
        |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    );
    if answer["stopping"] == true {
        return Finding::warning("server", "it is stopping", "wait for it, then start it again");
    }
    if answer["ready"] != true {
        let why = answer["store"].as_str().unwrap_or("it does not say why");
        return Finding::failed("server", format!("it takes no events: {why}"), "look at its log");
    }
    let broken = reload["broken"].as_array().cloned().unwrap_or_default();
    if let Some(first) = broken.first() {
        let found = format!(
            "{} file{} broken since it read them at {at}: {}: {}",
            broken.len(),
            if broken.len() == 1 { " is" } else { "s are" },
            first["file"].as_str().unwrap_or_default(),
            first["error"].as_str().unwrap_or_default()
        );
        return Finding::failed(
            "server",
            found,
            "`herald check` shows the places; it reads them again by itself",
        );
    }
    let rules = reload["rules"].as_u64().unwrap_or_default();
    let ours = &live.last_reload;
    if ours.broken.is_empty()
        && reload["revision"]
            .as_str()
            .is_some_and(|theirs| theirs != ours.revision)
    {
        return Finding::warning(
            "server",
            format!("the server at {base} has {rules} rules from other files than these"),
            "it runs another workspace, or has not read these files yet: it looks every 30 seconds, `kill -HUP` reads at once",
        );
    }
    Finding::ok("server", format!("ready, {rules} rules, files read at {at}"))
}

/// Opens the store that no server owns, and looks at it.
pub async fn waiting(data: &Path, live: &Live, client: &reqwest::Client, now: DateTime<Utc>) -> Vec<Finding> {
    if !data.is_dir() {
        return Vec::new();
    }
    let shown = data.display().to_string();
    let state = match State::open(data.to_owned(), live.clone(), client.clone()).await {
        Ok(state) => state,
        Err(problem) => {
            let found = format!("{problem:#}");
            let next = if found.contains("running server") {
                "a Herald owns the folder, but does not answer where `server.listen` says: name it with --server, or \
                 end that process"
            } else {
                "do what the sentence says before `herald serve`"
            };
            return vec![Finding::failed("store", found, next)];
        }
    };
    let status = match state.ask(Method::GET, "status", None).await {
        Ok(status) => status.unwrap_or_default(),
        Err(problem) => {
            return vec![Finding::failed(
                "store",
                format!("{problem:#}"),
                "look at the disk of the folder",
            )];
        }
    };
    let mut findings = vec![Finding::ok("store", format!("{shown} opens"))];
    findings.push(bot(
        &live.workspace.settings,
        status["bot_id"].as_str(),
        &format!("opened {shown}"),
    ));
    findings.extend(queue(&state, &status, now).await);
    findings
}

/// What Teams refuses the bot as a whole, or in a tenant.
fn teams(status: &Value) -> Vec<Finding> {
    let troubles: Vec<Trouble> = serde_json::from_value(status["teams"].clone()).unwrap_or_default();
    let finding = |trouble: &Trouble| {
        let since = trouble.since.format("%Y-%m-%d %H:%M UTC");
        let reason = &trouble.reason;
        match &trouble.tenant_id {
            None => Finding::failed(
                "teams",
                format!("nothing is sent since {since}: {reason}"),
                "mend what the sentence names; what waits is kept and goes out by itself then",
            ),
            Some(tenant) => Finding::failed(
                "teams",
                format!("nothing is sent to the tenant {tenant} since {since}: {reason}"),
                "an administrator of that tenant has to allow the app in the Teams admin centre; what waits is kept and \
                 goes out by itself then",
            ),
        }
    };
    troubles.iter().take(TROUBLES_SHOWN).map(finding).collect()
}

/// Whose store is it?
fn bot(settings: &Settings, of_store: Option<&str>, whose: &str) -> Finding {
    let ours = settings.bot.app_id.as_ref().map(|id| format!("28:{id}"));
    match (ours, of_store) {
        (_, None) => Finding::ok("bot", format!("the store belongs to no bot yet ({whose})")),
        (None, Some(bound)) => Finding::ok("bot", format!("the store belongs to {bound} ({whose})")),
        (Some(ours), Some(bound)) if ours.eq_ignore_ascii_case(bound) => {
            Finding::ok("bot", format!("settings and store name the same bot, {ours} ({whose})"))
        }
        (Some(ours), Some(bound)) => Finding::failed(
            "bot",
            format!("settings say {ours}, but the store was filled for {bound} ({whose})"),
            "ids of people and chats are valid for one bot only: set `bot.app_id` back, or give the new bot a store of \
             its own with `store`",
        ),
    }
}

/// What is dead, and what waits for long.
async fn queue(state: &State, status: &Value, now: DateTime<Utc>) -> Vec<Finding> {
    let count = |word: &str| status["deliveries"][word].as_u64().unwrap_or_default();
    let (dead, pending) = (count("dead"), count("pending") + count("sending"));
    let mut findings = Vec::new();
    if dead > 0 {
        let newest = page(state, "dead", None, 1).await.into_iter().next();
        let newest = newest.map_or_else(String::new, |delivery| {
            format!(
                "; the newest, of {} to {}: {}",
                delivery.rule,
                delivery.recipient.name,
                delivery.reason.unwrap_or_default()
            )
        });
        findings.push(Finding::warning(
            "queue",
            format!("{dead} could not be sent{newest}"),
            "`herald deliveries list --state dead` shows them, `herald deliveries retry ID` tries one again",
        ));
    }
    let oldest = if pending > 0 { oldest_pending(state).await } else { None };
    match oldest.filter(|delivery| now - delivery.created_at > WAITS_LONG) {
        Some(oldest) => {
            let why = oldest.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
            findings.push(Finding::warning(
                "queue",
                format!(
                    "{pending} wait, the oldest since {}: {} to {}{why}",
                    oldest.created_at.format("%Y-%m-%d %H:%M UTC"),
                    oldest.rule,
                    oldest.recipient.name
                ),
                format!("`herald deliveries show {}` shows every attempt", oldest.id),
            ));
        }
        None if findings.is_empty() => {
            findings.push(Finding::ok("queue", format!("{pending} wait, none is dead")));
        }
        None => {}
    }
    findings
}

async fn oldest_pending(state: &State) -> Option<Delivery> {
    let mut oldest: Option<Delivery> = None;
    for _ in 0..PAGES {
        let after = oldest.as_ref().map(|delivery| delivery.id.to_string());
        let found = page(state, "pending", after.as_deref(), PAGE).await;
        let last = found.len() < PAGE;
        oldest = found.into_iter().last().or(oldest);
        if last {
            break;
        }
    }
    oldest
}

async fn page(state: &State, word: &str, after: Option<&str>, limit: usize) -> Vec<Delivery> {
    let after = after.map_or_else(String::new, |id| format!("&after={id}"));
    let path = format!("deliveries?state={word}&limit={limit}{after}");
    let answer = state.ask(Method::GET, &path, None).await.ok().flatten();
    answer
        .and_then(|answer| serde_json::from_value(answer).ok())
        .unwrap_or_default()
}
