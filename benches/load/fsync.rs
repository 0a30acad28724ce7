//! What it costs that a 202 means "on disk", and how much of it callers share.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::task::JoinSet;

use crate::percentile::Latencies;
use crate::stage::{SetUp, Stage, event, post};
use crate::teams::Manner;

/// Options of `fsync`.
#[derive(Debug, Args)]
pub struct Fsync {
    /// Seconds of each part
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many clients post at once, one part for each
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    clients: Vec<usize>,
}

impl Fsync {
    /// Runs it.
    pub async fn run(&self) -> anyhow::Result<()> {
        let time = Duration::from_secs(self.seconds);
        let stage = Stage::set(&SetUp {
            people: 1_000,
            manner: Manner::default(),
            // Taking in is measured, not sending.
            limits: "messages_per_second: 1, open_deliveries: 10000000".to_owned(),
            urgent: String::new(),
        })
        .await?;
        stage.accepted(&event("one", 1, 0)).await?;
        let raw = raw(&stage.path("raw"), time)?;
        let raw_rate = rate(raw.count(), time);
        println!(
            "4 KiB and fdatasync, one after the other: {raw_rate:.0} a second, {}",
            raw.in_words()
        );
        let mut alone = None;
        for clients in &self.clients {
            let before = stage.herald.usage();
            let taken = posts(&stage, *clients, time).await?;
            let used = stage.herald.usage();
            let now = rate(taken.count(), time);
            let first = *alone.get_or_insert(now);
            println!(
                "{clients} clients: {now:.0} accepted a second ({:.2} times one client, {:.2} of the bare syncs), {}; {:.0} µs of \
                 processor a post",
                now / first,
                now / raw_rate,
                taken.in_words(),
                crate::process::each(used.cpu - before.cpu, taken.count()).as_secs_f64() * 1e6,
            );
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count")]
fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// What the disk itself takes.
fn raw(path: &Path, time: Duration) -> anyhow::Result<Latencies> {
    let mut file = File::create(path)?;
    let block = [7_u8; 4096];
    let (began, mut took) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let one = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        took.push(one.elapsed());
    }
    Ok(Latencies::of(took))
}

/// Each client posts, waits for its answer, and posts again.
async fn posts(stage: &Stage, clients: usize, time: Duration) -> anyhow::Result<Latencies> {
    let mut posting: JoinSet<anyhow::Result<Vec<Duration>>> = JoinSet::new();
    let began = Instant::now();
    for number in 0..clients {
        let (client, hook) = (stage.client.clone(), stage.hook());
        posting.spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < time {
                let one = Instant::now();
                let person = (took.len() * 31 + number) % 1_000;
                if post(&client, &hook, &event("one", 1, person)).await? == 202 {
                    took.push(one.elapsed());
                }
            }
            Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(done) = posting.join_next().await {
        all.extend(done??);
    }
    Ok(Latencies::of(all))
}
