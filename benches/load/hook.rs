//! From a post to its message at Teams, at rates that rise until one does not hold.

use std::time::Duration;

use clap::Args;

use crate::open_loop::Load;
use crate::stage::{SetUp, Stage};
use crate::teams::Manner;

/// Options of `hook`.
#[derive(Debug, Args)]
pub struct Hook {
    /// Seconds at each rate
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Events a second, one run for each
    #[arg(long, value_delimiter = ',', default_value = "100,1000")]
    rates: Vec<u32>,
    /// Look for the highest rate that holds, from the last of the rates on
    #[arg(long)]
    climb: bool,
    /// People told by turns: so many that no conversation meets a limit
    #[arg(long, default_value_t = 20_000)]
    people: usize,
}

/// A message that comes later than this after its post is late: the rate does not hold.
const LATE: Duration = Duration::from_secs(1);

impl Hook {
    /// Runs it.
    pub async fn run(&self) -> anyhow::Result<()> {
        let stage = Stage::set(&SetUp {
            people: self.people,
            manner: Manner::default(),
            limits: "messages_per_second: 100000, open_deliveries: 1000000".to_owned(),
            urgent: String::new(),
        })
        .await?;
        let mut mark = 1;
        // Connections and caches are not what is measured.
        self.at(&stage, 50, &mut mark, false).await?;
        let mut holds = true;
        for rate in &self.rates {
            holds = self.at(&stage, *rate, &mut mark, true).await?;
        }
        let mut rate = self.rates.last().copied().unwrap_or(100);
        while self.climb && holds {
            rate = rate * 5 / 4;
            holds = self.at(&stage, rate, &mut mark, true).await?;
        }
        Ok(())
    }

    async fn at(&self, stage: &Stage, rate: u32, mark: &mut u64, told: bool) -> anyhow::Result<bool> {
        let load = Load {
            rate,
            time: Duration::from_secs(if told { self.seconds } else { 2 }),
            people: (0, self.people),
            first_mark: *mark,
            rule: "one",
        };
        stage.forget().await?;
        let before = stage.herald.usage();
        let answers = load.post(stage).await?;
        *mark += 10_000_000;
        stage.messages(answers.accepted.count()).await?;
        let used = stage.herald.usage();
        let hits = answers.hits(&stage.arrivals().await?);
        let holds = answers.refused == 0 && hits.percentile(99.0) < LATE;
        if told {
            println!(
                "{rate} events a second for {} s: {}",
                self.seconds,
                if holds { "holds" } else { "does not hold" }
            );
            println!("  post to 202       {}", answers.accepted.in_words());
            println!("  post to connector {}", hits.in_words());
            println!(
                "  accepted {}, refused {}; herald: {:.0} µs of processor an event, {:.0} MiB",
                answers.accepted.count(),
                answers.refused,
                crate::process::each(used.cpu - before.cpu, answers.accepted.count()).as_secs_f64() * 1e6,
                used.resident,
            );
        }
        Ok(holds)
    }
}
