//! `herald preview`: the card of a rule or template with a sample, in a browser or as a file.

use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;
use tokio::net::TcpListener;

use super::exit::Exit;
use super::{Place, serve};
use crate::card::Content;
use crate::clock::Clock;
use crate::preview::file;
use crate::preview::page::{self, Preview};
use crate::preview::seat;
use crate::preview::shown::{self, Choice};
use crate::preview::stage::Subject;
use crate::preview::watch::{Extra, Scene};
use crate::zone;

/// Where the page is unless told otherwise; the next free port when this one is taken.
const PORT: u16 = 3980;
/// How many cards a page without a server holds.
const MOST_CARDS: usize = 200;

/// Arguments of `herald preview`.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// The rule or template, by its name or file; all rules if not given
    #[arg(value_name = "RULE|TEMPLATE")]
    name: Option<String>,
    /// The recorded event to show it with; the first that fits if not given
    #[arg(long, value_name = "FILE", requires = "name")]
    sample: Option<PathBuf>,
    /// The recipient: an alias, name or e-mail of directory.yaml
    #[arg(long, value_name = "PERSON", requires = "name")]
    to: Option<String>,
    /// Show dates in this zone instead of the recipient's, e.g. Asia/Dubai
    #[arg(long, value_name = "ZONE", requires = "name")]
    time_zone: Option<String>,
    /// Write a page (.html) or the card itself (.json) and end, instead of opening a browser
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the page listens [default: 127.0.0.1:3980]
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "out")]
    listen: Option<SocketAddr>,
    /// Only print the page's address, open no browser
    #[arg(long, conflicts_with = "out")]
    no_open: bool,
}

/// Runs `herald preview`: until it is interrupted, or with `--out` until the file is written.
///
/// # Errors
/// A sentence: a sample that is no JSON, a port that is taken, a file that cannot be written.
pub fn run(place: &Place, args: &PreviewArgs) -> anyhow::Result<Exit> {
    let root = place.existing_root()?;
    let (sample, extra) = match &args.sample {
        Some(path) => named_sample(&root, path)?,
        None => (None, None),
    };
    let scene = Scene::read(&root, extra.as_ref());
    if let Some(sample) = &sample
        && !scene.stage().samples.iter().any(|known| known.file == *sample)
    {
        eprint!("{}", scene.problems(std::slice::from_ref(sample)).drawn);
        bail!("the sample {sample} cannot be used");
    }
    let subject = match &args.name {
        None => None,
        Some(written) => match scene.stage().find(written) {
            Ok(subject) => Some(subject),
            Err(sentence) => match scene.file_named(written).map(subject_of) {
                // It is being written right now: the page shows what is wrong with it.
                Some(subject) => Some(subject),
                None => {
                    eprintln!("error: {sentence}");
                    return Ok(Exit::No);
                }
            },
        },
    };
    let wanted = Wanted {
        recipient: args.to.as_deref().map(|to| recipient(&scene, to)).transpose()?,
        zone: args.time_zone.as_deref().map(zone_named).transpose()?,
        subject,
        sample,
    };
    match &args.out {
        Some(out) => write(&scene, &wanted, out),
        None => {
            let runtime = serve::threads()?;
            runtime.block_on(show(&root, scene, extra, &wanted, args))
        }
    }
}

/// What the command line asked for, understood.
struct Wanted {
    subject: Option<Subject>,
    sample: Option<String>,
    recipient: Option<String>,
    zone: Option<chrono_tz::Tz>,
}

/// The sample by its name in the workspace, or one that lies elsewhere.
fn named_sample(root: &Path, path: &Path) -> anyhow::Result<(Option<String>, Option<Extra>)> {
    let found = [path.to_owned(), root.join(path), root.join("samples").join(path)]
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| format!("there is no sample {}", path.display()))?;
    let real = found.canonicalize().context("the sample cannot be read")?;
    let below = real
        .strip_prefix(root.canonicalize()?)
        .map(|below| below.display().to_string());
    match below {
        Ok(below) if below.starts_with("samples/") && below.ends_with(".json") => Ok((Some(below), None)),
        Ok(_) | Err(_) => {
            let extra = Extra::at(&found);
            Ok((Some(extra.shown.clone()), Some(extra)))
        }
    }
}

fn subject_of(file: &str) -> Subject {
    let bare = file.rsplit_once('.').map_or(file, |(bare, _)| bare);
    match bare.strip_prefix("templates/") {
        Some(name) => Subject::Template(name.to_owned()),
        None => Subject::Rule(bare.trim_start_matches("rules/").to_owned()),
    }
}

fn zone_named(written: &str) -> anyhow::Result<chrono_tz::Tz> {
    zone::parse(written).map_err(|fault| {
        let help = fault.help.map(|help| format!("; {help}")).unwrap_or_default();
        anyhow::anyhow!("{}{help}", fault.message)
    })
}

/// The key of a person of `directory.yaml`.
fn recipient(scene: &Scene, written: &str) -> anyhow::Result<String> {
    let stage = scene.stage();
    seat::of_name(written, &stage.workspace.book).map_err(|sentence| anyhow::anyhow!("{sentence}"))
}

// ---- files ----

fn write(scene: &Scene, wanted: &Wanted, out: &Path) -> anyhow::Result<Exit> {
    let ending = out.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let now = Clock::system().now();
    let choice = |subject: Subject| Choice {
        subject,
        sample: wanted.sample.clone(),
        recipient: wanted.recipient.clone(),
        time_zone: wanted.zone,
    };
    let text = match (ending, &wanted.subject) {
        ("json", None) => {
            eprintln!("error: a .json file holds one card: name the rule or template before --out");
            return Ok(Exit::Usage);
        }
        ("json" | "html" | "htm", Some(subject)) => {
            let shown = match shown::show(&scene.stage(), &choice(subject.clone()), now) {
                Ok(shown) => shown,
                Err(sentence) => {
                    let files: Vec<String> = scene.file_of(subject).into_iter().collect();
                    eprint!("{}", scene.problems(&files).drawn);
                    eprintln!("error: {sentence}");
                    return Ok(Exit::No);
                }
            };
            for line in shown.note.iter().chain(&shown.warnings) {
                eprintln!("note: {line}");
            }
            match (ending, &shown.message.content) {
                ("json", Content::Adaptive(card)) => format!("{card:#}\n"),
                ("json", Content::Notification(notification)) => format!("{notification:#}\n"),
                ("json", Content::Text(_)) => format!("{:#}\n", shown.message.to_activity()),
                _ => file::html(
                    &format!("{} – Herald preview", subject.name()),
                    &[page::with_problems(scene, &shown)],
                ),
            }
        }
        ("html" | "htm", None) => {
            let stage = scene.stage();
            let rules = &stage.workspace.ruleset.rules;
            let cards: Vec<Value> = rules
                .iter()
                .take(MOST_CARDS)
                .filter_map(|rule| shown::show(&stage, &choice(Subject::Rule(rule.name.clone())), now).ok())
                .map(|shown| page::with_problems(scene, &shown))
                .collect();
            if rules.len() > MOST_CARDS {
                eprintln!(
                    "note: the page holds the first {MOST_CARDS} of {} rules; name one for its own page",
                    rules.len()
                );
            }
            file::html("Cards – Herald preview", &cards)
        }
        (_, _) => {
            eprintln!("error: {} ends neither in .html nor in .json", out.display());
            return Ok(Exit::Usage);
        }
    };
    std::fs::write(out, text).with_context(|| format!("{} cannot be written", out.display()))?;
    eprintln!("{} is written", out.display());
    Ok(Exit::Done)
}

// ---- the page ----

async fn show(
    root: &Path,
    scene: Scene,
    extra: Option<Extra>,
    wanted: &Wanted,
    args: &PreviewArgs,
) -> anyhow::Result<Exit> {
    let listener = bind(args.listen).await?;
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        eprintln!("warning: everybody who can reach {address} can read the samples and cards of this workspace");
    }
    let url = address_of(address, wanted);
    // Whoever reads this may be gone already; the page is there all the same.
    let _ = writeln!(
        std::io::stdout(),
        "Preview  {url}\nIt follows the files as you save them. Ctrl+C ends it."
    );
    if !args.no_open && std::io::stdout().is_terminal() {
        open(&url);
    }
    let preview = Preview::new(scene, Clock::system());
    tokio::select! {
        ended = preview.run(root.to_owned(), extra, listener) => ended.context("the page cannot be served any more")?,
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(Exit::Done)
}

async fn bind(listen: Option<SocketAddr>) -> anyhow::Result<TcpListener> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let taken = |problem: &std::io::Error| problem.kind() == std::io::ErrorKind::AddrInUse;
    match TcpListener::bind(listen.unwrap_or(usual)).await {
        Ok(listener) => Ok(listener),
        // Another preview, most likely: nobody asked for this very port.
        Err(problem) if listen.is_none() && taken(&problem) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("the page can listen nowhere on this machine"),
        Err(problem) if taken(&problem) => bail!(
            "port {} is taken by another program; choose another with --listen, or leave it out for a free one",
            listen.unwrap_or(usual).port()
        ),
        Err(problem) => bail!("cannot listen on {}: {problem}", listen.unwrap_or(usual)),
    }
}

/// The page with what was asked for already chosen.
fn address_of(address: SocketAddr, wanted: &Wanted) -> String {
    let mut chosen = url::form_urlencoded::Serializer::new(String::new());
    match &wanted.subject {
        Some(Subject::Rule(name)) => chosen.append_pair("rule", name),
        Some(Subject::Template(name)) => chosen.append_pair("template", name),
        None => return format!("http://{address}/"),
    };
    let zone = wanted.zone.map(|zone| zone.name().to_owned());
    for (key, value) in [
        ("sample", &wanted.sample),
        ("recipient", &wanted.recipient),
        ("zone", &zone),
    ] {
        if let Some(value) = value {
            chosen.append_pair(key, value);
        }
    }
    format!("http://{address}/#{}", chosen.finish())
}

/// Opens the person's browser, where there is one. The address is printed anyhow.
fn open(url: &str) {
    let command = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let _ = Command::new(command)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}
