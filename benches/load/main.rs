//! The load program: the real herald, Teams in a process of its own, and posts. docs/benchmarks.md tells what each
//! scenario measures.
//!
//! `cargo bench --bench load -- SCENARIO`; without a scenario it says which there are.

mod ceiling;
mod fan_out;
mod flood;
mod fsync;
mod hook;
mod open_loop;
mod people;
mod percentile;
mod plain_loop;
mod process;
mod space;
mod stage;
mod start_up;
mod teams;
mod urgent;
mod window;

use clap::{CommandFactory, Parser, Subcommand};

/// Puts load on herald and measures what its promises cost.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench load --", no_binary_name = true)]
struct Program {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// From a post to its message at Teams, at several rates
    Hook(hook::Hook),
    /// One event for many people without limits, beside a plain loop
    FanOut(fan_out::FanOut),
    /// One event for many people under Teams' limits: share of the rate, 429s
    Ceiling(ceiling::Ceiling),
    /// Urgent cards during a broadcast; one bad conversation beside others
    Urgent(urgent::Urgent),
    /// How long a start takes with many targets known
    StartUp(start_up::StartUp),
    /// What it costs that a 202 means "on disk"
    Fsync(fsync::Fsync),
    /// The store's size over many deliveries
    Space(space::Space),
    /// Memory while clients post as fast as they can
    Flood(flood::Flood),
    /// Teams, for the other scenarios
    #[command(hide = true)]
    Teams,
    /// A loop that only posts, for `fan-out`
    #[command(hide = true)]
    PlainLoop(plain_loop::PlainLoop),
}

fn main() -> anyhow::Result<()> {
    // Cargo says `--bench` to every benchmark.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let scenarios = Program::command();
    let asked = arguments.first().map(String::as_str);
    let known = asked.is_some_and(|asked| {
        let names = scenarios.get_subcommands().map(clap::Command::get_name);
        asked.starts_with('-') || asked == "help" || names.into_iter().any(|name| name == asked)
    });
    if !known {
        // `cargo bench` and `cargo bench -- WORD` run every benchmark; an hour of load is started by its name alone.
        println!(
            "The load program has these scenarios, none of which is run by itself: cargo bench --bench load -- SCENARIO"
        );
        for scenario in scenarios.get_subcommands().filter(|scenario| !scenario.is_hide_set()) {
            println!(
                "  {:9} {}",
                scenario.get_name(),
                scenario.get_about().map(ToString::to_string).unwrap_or_default()
            );
        }
        return Ok(());
    }
    let scenario = Program::parse_from(arguments).scenario;
    if let Scenario::Teams = scenario {
        return teams::run();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match scenario {
            Scenario::Hook(hook) => hook.run().await,
            Scenario::FanOut(fan_out) => fan_out.run().await,
            Scenario::Ceiling(ceiling) => ceiling.run().await,
            Scenario::Urgent(urgent) => urgent.run().await,
            Scenario::StartUp(start_up) => start_up.run().await,
            Scenario::Fsync(fsync) => fsync.run().await,
            Scenario::Space(space) => space.run().await,
            Scenario::Flood(flood) => flood.run().await,
            Scenario::PlainLoop(plain_loop) => plain_loop.run().await,
            Scenario::Teams => unreachable!("it has a runtime of its own"),
        }
    })
}
