//! A broadcast under Teams' limits: how much of the allowed rate is used, and are any 429s provoked?

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::stage::{SetUp, Stage, event};
use crate::teams::{Arrival, Kind, Manner};
use crate::window::{CONVERSATION, TENANT, fullest, share, violations};

/// Options of `ceiling`.
#[derive(Debug, Args)]
pub struct Ceiling {
    /// How many people are in the team
    #[arg(long, default_value_t = 3_000)]
    recipients: usize,
    /// The ways to Teams and back to try: `5` or `100+-50`, in milliseconds
    #[arg(long, value_delimiter = ',', default_value = "5,100+-50")]
    ways: Vec<String>,
}

impl Ceiling {
    /// Runs it.
    pub async fn run(&self) -> anyhow::Result<()> {
        for way in &self.ways {
            let (latency, jitter) = way.split_once("+-").unwrap_or((way, "0"));
            let manner = Manner {
                latency: latency.parse().context("a way is a number of milliseconds")?,
                // Told of the whole way; half of it lies before the count.
                jitter: jitter.parse::<u64>().context("jitter is a number of milliseconds")? / 2,
                limits: true,
                members: self.recipients,
                odd: None,
            };
            let stage = Stage::set(&SetUp {
                people: self.recipients,
                manner,
                limits: "open_deliveries: 1000000".to_owned(),
                urgent: String::new(),
            })
            .await?;
            stage.accepted(&event("everybody", 1, 0)).await?;
            stage.messages(self.recipients).await?;
            let counts = stage.counts().await?;
            println!("{} people, {way} ms to Teams and back", self.recipients);
            judge(&stage.arrivals().await?, counts.throttled);
        }
        Ok(())
    }
}

/// Tells how the limits were used and kept.
pub fn judge(arrivals: &[Arrival], throttled: usize) {
    let mut times: Vec<u64> = arrivals.iter().filter(|a| a.taken).map(|a| a.at).collect();
    times.sort_unstable();
    let mut all: Vec<u64> = arrivals.iter().map(|arrival| arrival.at).collect();
    all.sort_unstable();
    let [tenant] = TENANT;
    let mut by_conversation: HashMap<(Kind, u32), Vec<u64>> = HashMap::new();
    for arrival in arrivals {
        by_conversation
            .entry((arrival.kind, arrival.place))
            .or_default()
            .push(arrival.at);
    }
    let in_conversations: usize = by_conversation
        .values()
        .flat_map(|times| CONVERSATION.map(|window| violations(times, window)))
        .sum();
    let took = Duration::from_nanos(times.last().unwrap_or(&0) - times.first().unwrap_or(&0));
    println!("  {} requests in {:.1} s", times.len(), took.as_secs_f64());
    // Beginning and end are short in a real broadcast and long in a short run.
    let middle = &times[times.len() / 10..times.len() - times.len() / 10];
    println!(
        "  share of the allowed rate: {:.2} %; in the middle {:.2} %",
        share(&times, tenant) * 100.0,
        share(middle, tenant) * 100.0
    );
    let begin = all.first().copied().unwrap_or(0);
    let refused = arrivals.iter().filter(|arrival| !arrival.taken);
    let when: Vec<String> = refused
        .take(20)
        .map(|arrival| format!("{:.3} s", Duration::from_nanos(arrival.at - begin).as_secs_f64()))
        .collect();
    println!("  429s provoked: {throttled} {}", when.join(", "));
    println!(
        "  requests that came while a window was full: tenant {}, conversations {in_conversations}; fullest second {} of {}",
        violations(&all, tenant),
        fullest(&all, tenant.per),
        tenant.count
    );
}
