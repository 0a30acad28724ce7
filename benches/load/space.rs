//! How large the store becomes over many deliveries, through the outbox as the engine uses it: taken in, claimed,
//! settled, collected. Time is virtual, so that retention keeps a constant number.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use chrono::{DateTime, Duration, Utc};
use clap::Args;
use futures::future::try_join_all;
use herald::card::{Card, Content};
use herald::delivery::{Address, Attempt, Delivery, DeliveryId, Recipient, State, Terms, Verdict};
use herald::event::EventId;
use herald::lane::PerLane;
use herald::roster::ConversationId;
use herald::run::Run;
use herald::store::outbox::{Batch, EventRecord, RuleRecord};
use herald::store::{Outbox, sled};

use crate::people;
use crate::process::Usage;

/// Options of `space`.
#[derive(Debug, Args)]
pub struct Space {
    /// How many deliveries go through the store
    #[arg(long, default_value_t = 100_000)]
    deliveries: u64,
    /// How many settled ones retention keeps
    #[arg(long, default_value_t = 50_000)]
    kept: i64,
    /// How many people one event tells
    #[arg(long, default_value_t = 10)]
    each: usize,
    /// A line for every so many
    #[arg(long, default_value_t = 250_000)]
    line: u64,
    /// Instead: so many are open at once, then all are delivered and collected; twice more with half as many
    #[arg(long)]
    surge: Option<u64>,
    /// Where the store is made, instead of the folder for temporary files
    #[arg(long)]
    folder: Option<std::path::PathBuf>,
}

/// Events taken in at once, as from so many callers; claims settled at once.
const AT_ONCE: usize = 64;
const PEOPLE: usize = 50_000;
/// What passes between two deliveries.
const STEP: Duration = Duration::milliseconds(10);

struct Books {
    outbox: Arc<dyn Outbox>,
    now: DateTime<Utc>,
    taken: u64,
    settled: u64,
    events: u64,
    slowest: f64,
}

impl Space {
    /// Runs it.
    pub async fn run(&self) -> anyhow::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("herald-load-");
        let folder = match &self.folder {
            Some(folder) => builder.tempdir_in(folder)?,
            None => builder.tempdir()?,
        };
        let store = sled::open(
            folder.path(),
            sled::Options {
                max_open_deliveries: u64::MAX,
                ..sled::Options::default()
            },
        )?;
        let mut books = Books {
            outbox: store.outbox(),
            now: DateTime::from_timestamp(1_772_442_000, 0).expect("an instant"),
            taken: 0,
            settled: 0,
            events: 0,
            slowest: 0.0,
        };
        match self.surge {
            Some(surge) => self.surges(&mut books, folder.path(), surge).await,
            None => self.steady(&mut books, folder.path()).await,
        }
    }

    async fn steady(&self, books: &mut Books, folder: &Path) -> anyhow::Result<()> {
        println!("settled ones kept: {}; people an event: {}", self.kept, self.each);
        heading();
        let mut last = (0, Instant::now());
        let mut collected = 0;
        while books.settled < self.deliveries {
            books.take_in(self.each).await?;
            books.deliver().await?;
            if books.settled - collected > 10_000 {
                books.collect(self.kept).await?;
                collected = books.settled;
            }
            if books.settled - last.0 >= self.line || books.settled >= self.deliveries {
                books.tell(folder, last).await?;
                books.slowest = 0.0;
                last = (books.settled, Instant::now());
            }
        }
        Ok(())
    }

    async fn surges(&self, books: &mut Books, folder: &Path, surge: u64) -> anyhow::Result<()> {
        println!(
            "surges of {surge}, then {0} and {0} again, drained to nothing each time",
            surge / 2
        );
        heading();
        for size in [surge, surge / 2, surge / 2] {
            let (wanted, mut last) = (books.taken + size, (books.settled, Instant::now()));
            while books.taken < wanted {
                books.take_in(self.each).await?;
            }
            books.tell(folder, last).await?;
            last.1 = Instant::now();
            while books.settled < books.taken {
                books.deliver().await?;
            }
            books.tell(folder, last).await?;
            last = (books.settled, Instant::now());
            books.collect(0).await?;
            books.tell(folder, last).await?;
        }
        Ok(())
    }
}

fn heading() {
    println!("     taken   settled      live   disk MiB   RSS MiB   a second   slowest s");
}

impl Books {
    /// Takes in some events, each with its own card.
    async fn take_in(&mut self, each: usize) -> anyhow::Result<()> {
        let batches: Vec<Batch> = (0..AT_ONCE).map(|_| self.batch(each)).collect();
        let began = Instant::now();
        try_join_all(batches.into_iter().map(|batch| self.outbox.enqueue(batch))).await?;
        self.slowest = self.slowest.max(began.elapsed().as_secs_f64());
        self.taken += (AT_ONCE * each) as u64;
        Ok(())
    }

    fn batch(&mut self, each: usize) -> Batch {
        self.events += 1;
        let event = EventId::derived(&["load", &self.events.to_string()]);
        let text = "The nightly migration stopped after 14 of 37 steps. Nothing was lost. ".repeat(14);
        let card = Card::new(
            Content::Text(format!("{} {text}", self.events)),
            "The nightly migration stopped".to_owned(),
        );
        let card_id = card.id();
        let deliveries = (0..each).map(|place| {
            self.now += STEP;
            let number = (self.events as usize * 7_919 + place * 104_729) % PEOPLE;
            let address = Address::Person {
                tenant_id: people::TENANT.to_owned(),
                id: people::object(number),
            };
            Delivery {
                id: DeliveryId::of(&event, "rule", &address),
                event_id: event.clone(),
                rule: "rule".to_owned(),
                revision: "4f1d".to_owned(),
                recipient: Recipient {
                    address,
                    name: format!("Person {number}"),
                },
                card_id: Some(card_id.clone()),
                state: State::Pending,
                attempts: Vec::new(),
                attempt_count: 0,
                created_at: self.now,
                next_attempt_at: self.now,
                reason: None,
                activity_id: None,
                conversation_id: None,
                thread_root: None,
                window: None,
                terms: Terms::default(),
                operation: Default::default(),
                trace: None,
                batch: None,
            }
        });
        let deliveries: Vec<Delivery> = deliveries.collect();
        let record = EventRecord {
            id: event.clone(),
            origin: "hook load".to_owned(),
            occurred_at: self.now,
            revision: "4f1d".to_owned(),
            rules: vec![RuleRecord {
                rule: "rule".to_owned(),
                matched: true,
                deliveries: each,
                ..RuleRecord::default()
            }],
            elsewhere: Some(10),
            near: Vec::new(),
        };
        Batch {
            deliveries,
            cards: vec![card],
            runs: vec![Run::new(&event, "rule", each as u64, self.now)],
            ..Batch::of(record)
        }
    }

    /// Claims and settles what is due.
    async fn deliver(&mut self) -> anyhow::Result<()> {
        loop {
            let room = PerLane::of(|_| 256);
            let claims = self.outbox.claim(room, self.now, Duration::minutes(5)).await?;
            ensure!(
                claims.corrupt.is_empty(),
                "records cannot be read: {:?}",
                claims.corrupt
            );
            if claims.claims.is_empty() {
                return Ok(());
            }
            for some in claims.claims.chunks(AT_ONCE) {
                let began = Instant::now();
                let settling = some.iter().map(|claim| {
                    let attempt = Attempt {
                        number: 1,
                        started_at: self.now,
                        took_ms: 120,
                        status: Some(201),
                        verdict: Verdict::Delivered {
                            activity_id: Some("1772440000001".to_owned()),
                            conversation_id: ConversationId::new(&people::chat(1)),
                            thread_root: None,
                            note: None,
                        },
                    };
                    self.outbox.settle(claim, attempt)
                });
                try_join_all(settling).await?;
                self.slowest = self.slowest.max(began.elapsed().as_secs_f64());
                self.settled += some.len() as u64;
            }
        }
    }

    /// Forgets all but the newest.
    async fn collect(&self, kept: i64) -> anyhow::Result<()> {
        let kept = STEP * i32::try_from(kept)?;
        // What is settled ends a moment after it was taken in.
        let before = if kept.is_zero() {
            self.now + Duration::seconds(1)
        } else {
            self.now - kept
        };
        while self.outbox.collect(before).await? > 0 {}
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts")]
    async fn tell(&self, folder: &Path, (before, since): (u64, Instant)) -> anyhow::Result<()> {
        let live: u64 = self.outbox.counts().await?.values().sum();
        let done = if self.settled == before {
            0.0
        } else {
            (self.settled - before) as f64
        };
        println!(
            "{:10} {:9} {live:9} {:10.0} {:9.0} {:10.0} {:11.2}",
            self.taken,
            self.settled,
            bytes_below(folder) as f64 / f64::from(1 << 20),
            Usage::own().resident,
            done / since.elapsed().as_secs_f64(),
            self.slowest,
        );
        Ok(())
    }
}

/// What the files of a folder take on disk.
fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}
