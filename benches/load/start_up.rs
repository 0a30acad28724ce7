//! How long herald takes to be ready with many targets in its directory.

use std::time::{Duration, Instant};

use clap::Args;

use crate::people;
use crate::stage::{self, SetUp};
use crate::teams::Manner;

/// Options of `start-up`.
#[derive(Debug, Args)]
pub struct StartUp {
    /// How many people with a chat the directory knows
    #[arg(long, default_value_t = 100_000)]
    targets: usize,
}

impl StartUp {
    /// Runs it.
    pub async fn run(&self) -> anyhow::Result<()> {
        let client = stage::client()?;
        for targets in [0, self.targets] {
            let folder = tempfile::Builder::new().prefix("herald-load-").tempdir()?;
            let nowhere = "http://127.0.0.1:9";
            let set_up = SetUp {
                people: 0,
                manner: Manner::default(),
                limits: String::new(),
                urgent: String::new(),
            };
            stage::write(folder.path(), nowhere, &set_up)?;
            let data = folder.path().join("data");
            let began = Instant::now();
            let store = herald::store::sled::open(&data, herald::store::sled::Options::default())?;
            let directory = store.directory();
            for from in (0..targets).step_by(1_000) {
                let some = from..targets.min(from + 1_000);
                let entries = some.flat_map(|number| {
                    let now = stage::now();
                    [people::conversation(number, nowhere, now), people::pair(number, now)]
                });
                directory.import(entries.collect()).await?;
            }
            println!("{targets} targets");
            if targets > 0 {
                #[expect(clippy::cast_precision_loss, reason = "a count of targets")]
                let rate = targets as f64 / began.elapsed().as_secs_f64();
                println!(
                    "  imported {rate:.0} a second, {} MiB on disk",
                    store.bytes_on_disk().unwrap_or(0) >> 20
                );
            }
            drop((directory, store));
            // The first start brings in order what the import left; the second is every other one.
            for which in ["first", "second"] {
                let began = Instant::now();
                let herald = stage::start(folder.path())?;
                let listens = began.elapsed();
                loop {
                    let answer = client.get(format!("{}/readyz", herald.url)).send().await;
                    if answer.is_ok_and(|answer| answer.status().is_success()) {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let ready = began.elapsed();
                let first = herald.usage();
                tokio::time::sleep(Duration::from_secs(3)).await;
                println!(
                    "  {which} start: listens after {:.2} s, ready after {:.2} s, {:.0} MiB then, {:.0} MiB at most within 3 s",
                    listens.as_secs_f64(),
                    ready.as_secs_f64(),
                    first.resident,
                    herald.usage().peak
                );
            }
        }
        Ok(())
    }
}
