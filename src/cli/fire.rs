//! `herald fire`: a rule is tried out, through the running server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::exit::Exit;
use super::state::{State, client, runtime, segment};
use super::{Format, Place};
use crate::cli::say::say;
use crate::clock::Clock;
use crate::delivery::{Delivery, State as DeliveryState};
use crate::diagnostic::did_you_mean;
use crate::event::Event;
use crate::http::fire::Wish;
use crate::live::{self, Live};
use crate::load;
use crate::plan;
use crate::rule::Rule;
use crate::rule::trigger::Trigger;
use crate::secret::Secrets;
use crate::workspace::sample::Sample;
use crate::workspace::{Kind, Sources};

/// How long the command waits to say what became of the cards.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(200);
/// How many samples a sentence names.
const NAMED: usize = 10;

/// Arguments of `herald fire`.
#[derive(Debug, Args)]
pub struct FireArgs {
    /// The rule, by its path below rules/ without the ending: github/deploy-failed
    rule: String,
    /// The recorded event, a JSON file; the first of samples/ that the rule lets through if not given
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
    /// Who gets the card instead of the rule's targets: an alias, an address, "Team / Channel", or "group: NAME"
    #[arg(long, value_name = "TARGET")]
    to: Option<String>,
    /// Say who would be told and show the card, but send nothing
    #[arg(long)]
    dry_run: bool,
    /// Send even if the rule's `if` does not hold with this event
    #[arg(long)]
    force: bool,
    /// The running server, e.g. http://127.0.0.1:3978; the one of herald.yaml if not given
    #[arg(long, env = "HERALD_SERVER", value_name = "URL")]
    server: Option<String>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Runs `herald fire`.
///
/// # Errors
/// A sentence: no server answers, a sample cannot be read, the server cannot do it now.
pub fn run(place: &Place, args: &FireArgs, environment: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    let root = place.root();
    let sources = Sources {
        environment,
        ..load::read_with_samples(&root)
    };
    let now = Clock::system().now();
    let (live, _) = live::of(&sources, now);
    let recorded = match recorded(&root, &sources, &live, args)? {
        Ok(recorded) => recorded,
        Err(no) => {
            eprintln!("{no}");
            return Ok(Exit::No);
        }
    };
    let wish = Wish {
        event: recorded.event,
        request: recorded.request,
        sample: recorded.file,
        to: args.to.clone(),
        force: args.force,
        dry_run: args.dry_run,
    };
    runtime()?.block_on(async {
        let state = reach(args, &live).await?;
        let path = format!("rules/{}/fire", segment(&args.rule));
        let (status, answer) = state.call(Method::POST, &path, Some(&json!(wish))).await?;
        let sentence = answer.pointer("/error/message").and_then(Value::as_str);
        match (status, sentence) {
            (StatusCode::OK | StatusCode::ACCEPTED, _) => {}
            (StatusCode::NOT_FOUND, None) => bail!("the server is a Herald that knows no drills; it is older than this one"),
            (StatusCode::CONFLICT, Some(sentence)) => {
                let sample = wish.sample.as_deref().unwrap_or("the event");
                eprintln!(
                    "{sentence}\nNothing was sent. Take another event with --sample (this was {sample}), or --force to \
                     send all the same."
                );
                return Ok(Exit::No);
            }
            (StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST, Some(sentence)) => {
                eprintln!("{sentence}");
                return Ok(Exit::No);
            }
            (_, Some(sentence)) => bail!("{sentence}"),
            (status, None) => bail!("the server answered {status}"),
        }
        if args.dry_run {
            return Ok(rehearsal(&answer, &args.rule, &wish, args.format));
        }
        report(&state, &answer, &args.rule, &wish, args.format).await
    })
}

/// An event to try a rule out with.
struct Recorded {
    event: Value,
    request: Value,
    /// The sample, as seen from the workspace where it lies in it.
    file: Option<String>,
}

/// Finds the event; the inner error is a no in a sentence.
fn recorded(
    root: &Path,
    sources: &Sources,
    live: &Live,
    args: &FireArgs,
) -> anyhow::Result<Result<Recorded, String>> {
    let ruleset = &live.workspace.ruleset;
    let rule = ruleset.rule(&args.rule);
    if let Some(path) = &args.sample {
        let found = [path.to_owned(), root.join(path)]
            .into_iter()
            .find(|path| path.is_file());
        let found = found.with_context(|| format!("there is no sample {}", path.display()))?;
        let text = std::fs::read(&found).with_context(|| format!("{} cannot be read", found.display()))?;
        let event = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", found.display()))?;
        let inside = found.strip_prefix(root).or(path.strip_prefix("./")).unwrap_or(path);
        return Ok(Ok(Recorded {
            event,
            request: posted(rule),
            file: Some(inside.display().to_string()),
        }));
    }
    let Some(rule) = rule else {
        return Ok(Err(unknown(&args.rule, live, root)));
    };
    let samples = samples(sources);
    let met: Vec<(&Sample, Event)> = samples
        .iter()
        .filter_map(|sample| Some((sample, sample.event_for(rule)?)))
        .collect();
    let holds = |(_, event): &&(&Sample, Event)| {
        let scope = plan::scope(event, rule, live.workspace.settings.time_zone, live.last_reload.at);
        rule.condition.evaluate(&scope).holds
    };
    if let Some((sample, event)) = met.iter().find(holds).or(met.first()) {
        return Ok(Ok(Recorded {
            event: event.data.clone(),
            request: event.request.clone(),
            file: Some(sample.file.clone()),
        }));
    }
    if rule
        .triggers
        .iter()
        .any(|trigger| matches!(trigger, Trigger::Cron { .. }))
    {
        return Ok(Ok(Recorded {
            event: json!({ "scheduled_at": live.last_reload.at }),
            request: Value::Null,
            file: None,
        }));
    }
    Ok(Err(no_sample(rule, &samples)))
}

/// What a rule of a hook sees as `request`.
fn posted(rule: Option<&std::sync::Arc<Rule>>) -> Value {
    let of_hook = |trigger: &Trigger| matches!(trigger, Trigger::Hook { .. });
    match rule {
        Some(rule) if rule.triggers.iter().any(of_hook) => json!({ "method": "POST", "headers": {}, "query": {} }),
        Some(_) | None => Value::Null,
    }
}

fn samples(sources: &Sources) -> Vec<Sample> {
    let files = sources
        .files
        .iter()
        .filter(|file| Kind::of(&file.path) == Some(Kind::Sample));
    files
        .filter_map(|file| {
            let data = serde_json::from_slice(file.bytes.as_ref().ok()?).ok()?;
            Some(Sample::new(&file.path, data))
        })
        .collect()
}

fn unknown(name: &str, live: &Live, root: &Path) -> String {
    let file = format!("rules/{name}.yaml");
    if root.join(&file).is_file() {
        return format!("{file} has mistakes; `herald check {file}` shows them");
    }
    let names: Vec<&str> = live
        .workspace
        .ruleset
        .rules
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    match did_you_mean(name, names.iter().copied()) {
        Some(meant) => format!("there is no rule `{name}`; did you mean `{meant}`?"),
        None if names.is_empty() => format!("there is no rule `{name}`: {} has no rules", root.display()),
        None => format!("there is no rule `{name}`; there are {}", listed(&names)),
    }
}

fn no_sample(rule: &Rule, samples: &[Sample]) -> String {
    let place = rule.triggers.iter().map(|trigger| match trigger {
        Trigger::Hook { hook, event_types } => match event_types.first() {
            Some(kind) => format!("samples/{hook}/{kind}.json"),
            None => format!("samples/{hook}/anything.json"),
        },
        Trigger::Queue { queue } => format!("samples/{queue}/anything.json"),
        Trigger::Teams { .. } => "samples/teams/installed.person.json, or whatever Teams tells".to_owned(),
        Trigger::Message { .. } => "samples/teams/message.person.json".to_owned(),
        Trigger::Button { .. } => "samples/teams/button.person.json".to_owned(),
        Trigger::File { .. } => "samples/file/anything.json".to_owned(),
        Trigger::Cron { .. } => "samples/cron/NAME.json".to_owned(),
    });
    let place = place.collect::<Vec<_>>().join(" or ");
    let there: Vec<&str> = samples.iter().map(|sample| sample.file.as_str()).collect();
    let there = match there.is_empty() {
        true => "there are no samples yet".to_owned(),
        false => format!("there are {}", listed(&there)),
    };
    format!(
        "no sample meets the rule `{}`: it would be {place}; {there}. Record one there, or name a file with --sample",
        rule.name
    )
}

fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The running server; a drill needs one.
async fn reach(args: &FireArgs, live: &Live) -> anyhow::Result<State> {
    let settings = &live.workspace.settings;
    let base = match &args.server {
        Some(server) => server.trim_end_matches('/').to_owned(),
        None => format!("http://{}", settings.server.listen),
    };
    let token = settings.server.admin_token.as_ref();
    let token = token.and_then(|name| Secrets::from_environment().read(name).ok());
    let client = client(Duration::from_secs(30))?;
    if client.get(format!("{base}/healthz")).send().await.is_err() {
        bail!(
            "no Herald answers at {base}, and a drill goes through a running one: start `herald serve`, or `herald serve \
             --sandbox` to try it without Teams, or name the server with --server"
        );
    }
    Ok(State::of_server(client, base, token))
}

fn title(rule: &str, wish: &Wish) -> String {
    let with = wish
        .sample
        .as_ref()
        .map_or_else(String::new, |sample| format!(" with {sample}"));
    format!("{rule}{with}")
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// What a dry run came to.
fn rehearsal(answer: &Value, rule: &str, wish: &Wish, format: Format) -> Exit {
    let told = answer["told"].as_array().map(Vec::as_slice).unwrap_or_default();
    let waits = answer["waiting"].as_array().is_some_and(|waiting| !waiting.is_empty());
    let exit = if told.is_empty() && !waits {
        Exit::No
    } else {
        Exit::Done
    };
    if format == Format::Json {
        say!("{answer:#}");
        return exit;
    }
    say!("A dry run of {}: nothing is sent.\n", title(rule, wish));
    for one in told {
        say!("would tell   {}", one["recipient"].as_str().unwrap_or_default());
    }
    skipped(answer);
    for id in strings(&answer["waiting"]) {
        match id {
            "*" => say!("would ask    Teams who there is: somebody is not known yet"),
            id => say!("would ask    Teams who is in {id}"),
        }
    }
    for warning in strings(&answer["warnings"]) {
        say!("warning      {warning}");
    }
    for (id, card) in answer["cards"].as_object().into_iter().flatten() {
        let of_this = told.iter().filter(|one| one["card"] == id.as_str());
        let names: Vec<&str> = of_this.filter_map(|one| one["recipient"].as_str()).collect();
        say!("\nThe card for {}:\n\n{}", listed(&names), lines(card).join("\n"));
    }
    exit
}

fn skipped(answer: &Value) {
    for one in answer["skipped"].as_array().into_iter().flatten() {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        say!("not told     {}: {}", text("target"), text("reason"));
    }
}

/// Every text of a card, in the order of its elements.
fn lines(activity: &Value) -> Vec<String> {
    fn collect(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let (Some(title), Some(value)) = (fields.get("title"), fields.get("value"))
                    && let (Some(title), Some(value)) = (title.as_str(), value.as_str())
                {
                    into.push(format!("  {title}: {value}"));
                    return;
                }
                let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
                for (key, value) in fields {
                    match (key.as_str(), value) {
                        // Who is mentioned stands in the texts already.
                        ("msteams", _) => {}
                        ("text", Value::String(text)) => into.push(format!("  {text}")),
                        ("title", Value::String(text)) if kind.starts_with("Action.") => {
                            into.push(format!("  [{text}]"));
                        }
                        (_, below) => collect(below, into),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut lines = Vec::new();
    collect(activity, &mut lines);
    lines
}

/// What became of a drill, as far as it is known soon.
async fn report(state: &State, answer: &Value, rule: &str, wish: &Wish, format: Format) -> anyhow::Result<Exit> {
    let event = answer["event"].as_str().unwrap_or_default();
    let owed = answer["deliveries"].as_array().map_or(0, Vec::len);
    let waiting = answer["waiting"].as_array().is_some_and(|waiting| !waiting.is_empty());
    let deliveries = settled(state, event, waiting).await?;
    let reached = deliveries.iter().any(|delivery| delivery.card_id.is_some());
    let exit = if owed == 0 && !reached && !waiting {
        Exit::No
    } else {
        Exit::Done
    };
    if format == Format::Json {
        let answer = json!({ "decision": answer, "deliveries": deliveries });
        say!("{answer:#}");
        return Ok(exit);
    }
    say!("Drill of {}\n", title(rule, wish));
    for delivery in &deliveries {
        let name = &delivery.recipient.name;
        let reason = delivery.reason.as_deref().unwrap_or_default();
        match delivery.state {
            DeliveryState::Delivered => say!("delivered    {name}"),
            DeliveryState::Pending | DeliveryState::Sending if reason.is_empty() => say!("being sent   {name}"),
            DeliveryState::Pending | DeliveryState::Sending => say!("waits        {name}: {reason}"),
            DeliveryState::Dead => say!("not told     {name}: {reason}"),
            DeliveryState::Cancelled => say!("cancelled    {name}: {reason}"),
            DeliveryState::Recalled => say!("taken back   {name}"),
        }
    }
    if deliveries.is_empty() {
        match waiting {
            true => say!("Teams is asked who there is; the card follows."),
            false => say!("The rule named nobody."),
        }
    }
    if exit == Exit::No {
        say!("\nNobody got the card; --to names somebody else for a drill, such as --to anna.berg@contoso.example");
    }
    say!("\nEvent {event}; `herald why {event}` tells what becomes of it.");
    Ok(exit)
}

/// The deliveries of an event, once all have ended or the patience has.
async fn settled(state: &State, event: &str, mut waiting: bool) -> anyhow::Result<Vec<Delivery>> {
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let path = format!("deliveries?event={}&limit=1000", segment(event));
        let answer = state.ask(Method::GET, &path, None).await?.unwrap_or_default();
        let deliveries: Vec<Delivery> = serde_json::from_value(answer)?;
        waiting &= deliveries.is_empty();
        let open = |delivery: &Delivery| matches!(delivery.state, DeliveryState::Pending | DeliveryState::Sending);
        if (!waiting && !deliveries.iter().any(open)) || tokio::time::Instant::now() >= ends {
            return Ok(deliveries);
        }
        tokio::time::sleep(LOOK).await;
    }
}
