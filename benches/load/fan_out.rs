//! One event for everybody in a team, without limits, beside a plain loop that posts the same bodies.

use std::time::{Duration, Instant};

use clap::Args;

use crate::plain_loop;
use crate::process::each;
use crate::stage::{SetUp, Stage, event};
use crate::teams::{Kind, Manner};

/// Options of `fan-out`.
#[derive(Debug, Args)]
pub struct FanOut {
    /// How many people are in the team
    #[arg(long, default_value_t = 5_000)]
    recipients: usize,
    /// The way to Teams and back, in milliseconds
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// How many requests the plain loop has under way at once
    #[arg(long, default_value_t = 160)]
    at_once: usize,
}

impl FanOut {
    /// Runs it.
    pub async fn run(&self) -> anyhow::Result<()> {
        let stage = Stage::set(&SetUp {
            people: self.recipients,
            manner: Manner {
                latency: self.latency,
                members: self.recipients,
                ..Manner::default()
            },
            limits: "messages_per_second: 100000, open_deliveries: 1000000".to_owned(),
            urgent: String::new(),
        })
        .await?;
        // The token, a connection and the roster are there.
        stage.accepted(&event("one", 1, 0)).await?;
        stage.messages(1).await?;
        let sample = stage.sample().await?;
        stage.forget().await?;

        let before_loop = plain_loop::start(&stage, &sample, self.recipients, self.at_once)?;
        stage.forget().await?;
        let (before, began) = (stage.herald.usage(), Instant::now());
        stage.accepted(&event("everybody", 2, 0)).await?;
        let accepted = began.elapsed();
        stage.messages(self.recipients).await?;
        // What is settled behind the last message belongs to it.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let after = stage.herald.usage();
        let mut times: Vec<u64> = stage
            .arrivals()
            .await?
            .iter()
            .filter(|arrival| arrival.kind == Kind::Send)
            .map(|arrival| arrival.at)
            .collect();
        times.sort_unstable();
        let sending = Duration::from_nanos(times.last().unwrap_or(&0) - times.first().unwrap_or(&0));
        stage.forget().await?;
        let after_loop = plain_loop::start(&stage, &sample, self.recipients, self.at_once)?;

        let count = self.recipients;
        #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
        let rate = |time: Duration| count as f64 / time.as_secs_f64().max(0.001);
        let cpu = each(after.cpu - before.cpu, count);
        let loop_cpu = each(f64::midpoint(before_loop.cpu, after_loop.cpu), count);
        let loop_time = (before_loop.time + after_loop.time) / 2;
        println!(
            "one event for {count} people, {} ms to Teams and back, limits off",
            self.latency
        );
        println!("  bodies of {} bytes; {} messages arrived", sample.len(), times.len());
        println!(
            "  post to 202 {:.2} s, first to last message {:.1} s: {:.0} messages a second",
            accepted.as_secs_f64(),
            sending.as_secs_f64(),
            rate(sending)
        );
        println!(
            "  plain loop, {} at once: {:.0} messages a second (before {:.0}, after {:.0})",
            self.at_once,
            rate(loop_time),
            rate(before_loop.time),
            rate(after_loop.time)
        );
        println!(
            "  herald takes {:.2} times as long as the loop",
            sending.as_secs_f64() / loop_time.as_secs_f64()
        );
        println!(
            "  processor a message: herald {:.0} µs, loop {:.0} µs: {:.2} times",
            cpu.as_secs_f64() * 1e6,
            loop_cpu.as_secs_f64() * 1e6,
            cpu.as_secs_f64() / loop_cpu.as_secs_f64().max(1e-9)
        );
        println!(
            "  memory of herald: {:.0} MiB before ({:.0} MiB at its peak so far), {:.0} MiB at its peak, {:.0} MiB after",
            before.resident, before.peak, after.peak, after.resident
        );
        Ok(())
    }
}
