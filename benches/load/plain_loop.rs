//! What a program would do that wants nothing but to post: the same bodies to the same conversations, so many at once.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use futures::{StreamExt, stream};

use crate::people;
use crate::process::{self, Usage};
use crate::stage::{Stage, client};

/// Options of `plain-loop`.
#[derive(Debug, Args)]
pub struct PlainLoop {
    /// Teams
    #[arg(long)]
    teams: String,
    /// The body
    #[arg(long)]
    body: std::path::PathBuf,
    /// To so many people
    #[arg(long)]
    recipients: usize,
    /// So many at once
    #[arg(long)]
    at_once: usize,
}

/// What it took.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// From the first request to the last answer.
    pub time: Duration,
    /// Seconds of processor.
    pub cpu: f64,
}

/// Runs it in a process of its own.
pub fn start(stage: &Stage, sample: &str, recipients: usize, at_once: usize) -> anyhow::Result<Took> {
    let body = stage.path("body.json");
    std::fs::write(&body, sample)?;
    let (recipients, at_once) = (recipients.to_string(), at_once.to_string());
    let body = body.display().to_string();
    let output = process::role(&[
        "plain-loop",
        "--teams",
        &stage.teams.url,
        "--body",
        &body,
        "--recipients",
        &recipients,
        "--at-once",
        &at_once,
    ])?
    .stderr(Stdio::inherit())
    .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [time, cpu] = numbers.as_slice() else {
        anyhow::bail!("the plain loop failed: {said}");
    };
    Ok(Took {
        time: Duration::from_secs_f64(*time),
        cpu: *cpu,
    })
}

impl PlainLoop {
    /// Runs it; prints seconds and seconds of processor.
    pub async fn run(&self) -> anyhow::Result<()> {
        let body: Arc<str> = std::fs::read_to_string(&self.body).context("there is no body")?.into();
        let client = client()?;
        let (began, before) = (Instant::now(), Usage::own());
        let statuses: Vec<anyhow::Result<u16>> = stream::iter(0..self.recipients)
            .map(|person| {
                let address = format!("{}/v3/conversations/a%3Aload{person}/activities", self.teams);
                debug_assert_eq!(people::chat(person), format!("a:load{person}"));
                let request = client
                    .post(address)
                    .header("authorization", "Bearer load")
                    .header("content-type", "application/json; charset=utf-8")
                    .body(body.to_string());
                async move {
                    let answer = request.send().await?;
                    let status = answer.status().as_u16();
                    answer.bytes().await?;
                    Ok(status)
                }
            })
            .buffer_unordered(self.at_once)
            .collect()
            .await;
        let time = began.elapsed();
        for status in statuses {
            let status = status?;
            ensure!(status == 201, "Teams answered {status}");
        }
        println!("{} {}", time.as_secs_f64(), Usage::own().cpu - before.cpu);
        Ok(())
    }
}
