//! The commands, one file each.

pub mod audit;
mod blocked;
pub mod check;
pub mod completions;
pub mod deliveries;
pub mod digests;
pub mod doctor;
pub mod exit;
pub mod fire;
pub mod init;
mod log_limit;
pub mod man;
pub mod manual;
pub mod matters;
pub mod on_call;
pub mod plan;
pub mod preview;
pub mod runs;
pub mod say;
pub mod schema;
pub mod serve;
pub mod state;
pub mod table;
pub mod targets;
mod teams_in_a_box;
pub mod test;
mod whoami;
pub mod why;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use self::exit::Exit;
use crate::clock::Clock;
use crate::settings::VARIABLES;

/// Declarative notifications for Microsoft Teams: YAML rules, Handlebars cards, durable delivery.
#[derive(Debug, Parser)]
#[command(name = "herald", version, about, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where the workspace is.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The workspace's folder, or its herald.yaml
    #[arg(long, global = true, env = "HERALD_CONFIG", default_value = ".", value_name = "PATH")]
    config: PathBuf,
}

impl Place {
    /// The workspace's folder.
    pub fn root(&self) -> PathBuf {
        if self.config.is_file() {
            match self.config.parent() {
                Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
                Some(parent) => parent.to_owned(),
                None => PathBuf::from("."),
            }
        } else {
            self.config.clone()
        }
    }

    /// # Errors
    /// A sentence when there is no such folder.
    pub fn existing_root(&self) -> anyhow::Result<PathBuf> {
        let root = self.root();
        anyhow::ensure!(
            Path::new(&root).is_dir(),
            "there is no folder `{}`; name the workspace's folder with --config",
            root.display()
        );
        Ok(root)
    }
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For machines.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the engine
    Serve(serve::ServeArgs),
    /// Find every mistake in rules, templates, settings and directory; needs no secret, store or network
    Check {
        /// Only report on these files or folders
        paths: Vec<PathBuf>,
        /// How the answer is written
        #[arg(long, value_enum, default_value_t = check::CheckFormat::Human)]
        format: check::CheckFormat,
        /// Explain what a code such as cron::field means, with a wrong and a right example; checks nothing
        #[arg(long, value_name = "CODE", conflicts_with_all = ["paths", "format"])]
        explain: Option<String>,
    },
    /// The card of a rule or template in a browser, live while its files are edited
    Preview(preview::PreviewArgs),
    /// Run the rules' own tests, on a virtual clock; needs no secret, store or network
    Test(test::TestArgs),
    /// Say who would be told differently by another version of the rules; needs no secret, store or network
    Plan(plan::PlanArgs),
    /// Begin a workspace, or make a rule out of what a sender posts
    Init(init::InitArgs),
    /// Write the JSON schemas that editors use
    Schema(schema::SchemaArgs),
    /// Whom Herald knows: chats, teams, channels, people
    Targets(targets::TargetsArgs),
    /// What became of an event, and why: each rule, each line of its `if`, each recipient
    Why(why::WhyArgs),
    /// What Herald owes and has sent
    Deliveries(deliveries::DeliveriesArgs),
    /// Who did what by hand: retries, cancellations, imports, drills, reloads
    Audit(audit::AuditArgs),
    /// What one rule sends to many because of one event: watch it, stop it, take it back
    Runs(runs::RunsArgs),
    /// What rules have going on: incidents that cards stand for
    Matters(matters::MattersArgs),
    /// What is being gathered for digests, until quiet hours end and in storms, and when it is told
    Digests(digests::DigestsArgs),
    /// Who takes turns, and whose turn it is; needs no secret, store or network
    OnCall(on_call::OnCallArgs),
    /// Find out why nothing arrives: settings, secrets, network, clock, store, disk
    Doctor(doctor::DoctorArgs),
    /// Try a rule out: send its card, marked as a drill, for a recorded event
    Fire(fire::FireArgs),
    /// Write the script that makes a shell complete commands and options
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual's pages
    Man {
        /// The command whose page is written; that of `herald` itself if not given
        #[arg(value_name = "COMMAND", conflicts_with = "out")]
        words: Vec<String>,
        /// Write every page into this folder, made if need be
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// The command line, with what `--help` shows beneath the options.
pub fn command() -> clap::Command {
    manual::dress(Cli::command(), true)
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let parsed = command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version are not mistakes.
            let exit = if usage.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = usage.print();
            return exit.into();
        }
    };
    let done = match cli.command {
        Command::Serve(args) => serve::run(&cli.place, &args, environment()),
        Command::Check {
            explain: Some(code), ..
        } => check::explain(&code),
        Command::Check { paths, format, .. } => cli
            .place
            .existing_root()
            .and_then(|root| check::run(&root, &paths, format)),
        Command::Preview(args) => preview::run(&cli.place, &args),
        Command::Test(args) => cli.place.existing_root().and_then(|root| test::run(&root, &args)),
        Command::Plan(args) => cli
            .place
            .existing_root()
            .and_then(|root| plan::run(&root, &args, Clock::system().now())),
        Command::Init(args) => init::run(&cli.place, &args),
        Command::Schema(args) => schema::run(&cli.place, &args),
        Command::Targets(args) => targets::run(&cli.place, args, environment()),
        Command::Why(args) => why::run(&cli.place, args, environment()),
        Command::Deliveries(args) => deliveries::run(&cli.place, args, environment()),
        Command::Audit(args) => audit::run(&cli.place, args, environment()),
        Command::Runs(args) => runs::run(&cli.place, args, environment()),
        Command::Matters(args) => matters::run(&cli.place, args, environment()),
        Command::Digests(args) => digests::run(&cli.place, args, environment()),
        Command::OnCall(args) => on_call::run(&cli.place, &args, Clock::system().now()),
        Command::Doctor(args) => doctor::run(&cli.place, &args, environment()),
        Command::Fire(args) => fire::run(&cli.place, &args, environment()),
        Command::Completions { shell } => completions::run(command(), shell),
        Command::Man { words, out } => man::run(Cli::command(), &words, out.as_deref()),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(problem) => {
            eprintln!("error: {problem:#}");
            Exit::CouldNot.into()
        }
    }
}

/// The variables that settings may come from. Others stay out of sight.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("HERALD_") || VARIABLES.iter().any(|(ours, _)| ours == name))
        .collect()
}
