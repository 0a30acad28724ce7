//! Memory while clients post as fast as they can, until the outbox is full and beyond.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::task::JoinSet;

use crate::stage::{SetUp, Stage, event, post};
use crate::teams::Manner;

/// Options of `flood`.
#[derive(Debug, Args)]
pub struct Flood {
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many clients
    #[arg(long, default_value_t = 300)]
    clients: usize,
    /// How many deliveries may be open
    #[arg(long, default_value_t = 20_000)]
    open: u64,
}

impl Flood {
    /// Runs it.
    pub async fn run(&self) -> anyhow::Result<()> {
        let stage = Stage::set(&SetUp {
            people: 1_000,
            manner: Manner::default(),
            limits: format!("open_deliveries: {}", self.open),
            urgent: String::new(),
        })
        .await?;
        let ends = Instant::now() + Duration::from_secs(self.seconds);
        let mut posting: JoinSet<anyhow::Result<BTreeMap<u16, usize>>> = JoinSet::new();
        for number in 0..self.clients {
            let (client, hook) = (stage.client.clone(), stage.hook());
            posting.spawn(async move {
                let mut answers = BTreeMap::new();
                for turn in 0.. {
                    if Instant::now() >= ends {
                        break;
                    }
                    let status = post(
                        &client,
                        &hook,
                        &event("one", turn, (number * 7 + turn as usize) % 1_000),
                    )
                    .await?;
                    *answers.entry(status).or_default() += 1;
                }
                Ok(answers)
            });
        }
        let mut resident = vec![stage.herald.usage().resident];
        while Instant::now() < ends {
            tokio::time::sleep(Duration::from_secs(1)).await;
            resident.push(stage.herald.usage().resident);
        }
        let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
        while let Some(done) = posting.join_next().await {
            for (status, count) in done?? {
                *answers.entry(status).or_default() += count;
            }
        }
        println!(
            "{} clients for {} s, {} deliveries may be open",
            self.clients, self.seconds, self.open
        );
        for (status, count) in &answers {
            let status = if *status == 0 {
                "no answer".to_owned()
            } else {
                status.to_string()
            };
            println!("  {status}: {count}");
        }
        let curve: Vec<String> = resident
            .iter()
            .step_by((resident.len() / 12).max(1))
            .map(|mebibytes| format!("{mebibytes:.0}"))
            .collect();
        let middle = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
        let (half, quarter) = (resident.len() / 2, resident.len() / 4);
        println!("  memory in MiB: {}", curve.join(" "));
        println!(
            "  the last quarter has {:.2} times what the second had; peak {:.0} MiB",
            middle(&resident[resident.len() - quarter.max(1)..]) / middle(&resident[quarter..half.max(quarter + 1)]),
            stage.herald.usage().peak
        );
        Ok(())
    }
}
