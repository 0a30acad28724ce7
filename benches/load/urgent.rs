//! What is urgent during a broadcast, and what one bad conversation does to the others.

use std::time::Duration;

use clap::Args;

use crate::open_loop::Load;
use crate::percentile::{Latencies, span};
use crate::stage::{SetUp, Stage, event};
use crate::teams::{Manner, Odd};

/// Options of `urgent`.
#[derive(Debug, Args)]
pub struct Urgent {
    /// How many people the broadcast goes to
    #[arg(long, default_value_t = 10_000)]
    recipients: usize,
    /// Seconds of each part
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// The way to Teams and back, in milliseconds
    #[arg(long, default_value_t = 40)]
    latency: u64,
    /// Only the broadcast, without the bad conversations
    #[arg(long)]
    broadcast_only: bool,
}

impl Urgent {
    /// Runs it.
    pub async fn run(&self) -> anyhow::Result<()> {
        self.during_a_broadcast().await?;
        if !self.broadcast_only {
            self.beside_a_bad_conversation().await?;
        }
        Ok(())
    }

    async fn stage(&self, people: usize, limits: &str) -> anyhow::Result<(Stage, Manner)> {
        let manner = Manner {
            latency: self.latency,
            limits: true,
            members: people,
            ..Manner::default()
        };
        let set_up = SetUp {
            people,
            manner: manner.clone(),
            limits: limits.to_owned(),
            urgent: URGENCY.to_owned(),
        };
        Ok((Stage::set(&set_up).await?, manner))
    }

    async fn during_a_broadcast(&self) -> anyhow::Result<()> {
        let (stage, _) = self.stage(self.recipients, "open_deliveries: 1000000").await?;
        let urgent = |first_mark, seconds| Load {
            rate: 1,
            time: Duration::from_secs(seconds),
            people: (0, 100),
            first_mark,
            rule: "urgent",
        };
        let calm = urgent(1_000_000, 10).post(&stage).await?;
        stage.messages(10).await?;
        let calm = calm.hits(&stage.arrivals().await?);
        // The broadcast begins while the urgent ones come.
        let begins = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            stage.accepted(&event("everybody", 1, 0)).await
        };
        let (answers, begun) = tokio::join!(urgent(2_000_000, 3 + self.seconds).post(&stage), begins);
        begun?;
        let answers = answers?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let arrivals = stage.arrivals().await?;
        let hits = answers.hits(&arrivals);
        let of_broadcast = arrivals.iter().filter(|arrival| arrival.mark == Some(1)).count();
        println!("urgent cards, one a second, {} ms to Teams and back", self.latency);
        println!("  with nothing else      {}", calm.in_words());
        println!("  during a broadcast to {}  {}", self.recipients, hits.in_words());
        println!(
            "  {} of {} arrived; of the broadcast {of_broadcast} until then",
            hits.count(),
            3 + self.seconds
        );
        Ok(())
    }

    async fn beside_a_bad_conversation(&self) -> anyhow::Result<()> {
        const PEOPLE: usize = 400;
        let (stage, manner) = self.stage(PEOPLE, "open_deliveries: 100000").await?;
        let steady = |first_mark| Load {
            rate: 20,
            time: Duration::from_secs(self.seconds),
            people: (1, PEOPLE - 1),
            first_mark,
            rule: "one",
        };
        println!(
            "20 messages a second to {} people; the odd one gets 5 a second",
            PEOPLE - 1
        );
        let bad = |slow, throttled| {
            Some(Odd {
                conversation: crate::people::chat(0),
                slow,
                throttled,
            })
        };
        let mut calm: Option<Latencies> = None;
        let parts = [
            ("nothing is odd", None),
            ("one answers 429 with 10 s", bad(0, Some(10))),
            ("one takes 2 s", bad(2_000, None)),
            ("one never answers", bad(600_000, None)),
        ];
        for (number, (name, odd)) in (1_u64..).zip(parts) {
            stage.behave(&Manner { odd, ..manner.clone() }).await?;
            stage.forget().await?;
            let to_odd = Load {
                rate: 5,
                time: Duration::from_secs(self.seconds),
                people: (0, 1),
                first_mark: number * 1_000_000,
                rule: "one",
            };
            let (answers, posted) = tokio::join!(steady(number * 10_000_000).post(&stage), to_odd.post(&stage));
            posted?;
            let answers = answers?;
            tokio::time::sleep(Duration::from_secs(3)).await;
            let hits = answers.hits(&stage.arrivals().await?);
            let behind = calm.as_ref().map_or(String::new(), |calm| {
                let delay = |percent| span(hits.percentile(percent).saturating_sub(calm.percentile(percent)));
                format!("; later than in calm by {} (p50), {} (p99)", delay(50.0), delay(99.0))
            });
            println!("  {name:26} {}, {} arrived{behind}", hits.in_words(), hits.count());
            calm.get_or_insert(hits);
        }
        Ok(())
    }
}

/// What makes a rule urgent.
const URGENCY: &str = "urgency: critical\n";
