//! Posts events at fixed instants, however long the answers take: who waits for answers before posting again measures a
//! slow server as a calm one.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinSet;

use crate::percentile::Latencies;
use crate::stage::{Stage, event, post};
use crate::teams::{Arrival, Kind};

/// A steady load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Events a second.
    pub rate: u32,
    /// For so long.
    pub time: Duration,
    /// To so many people by turns, the first of them is this one.
    pub people: (usize, usize),
    /// The mark of the first event.
    pub first_mark: u64,
    /// The rule that they meet.
    pub rule: &'static str,
}

/// What came of it.
pub struct Answers {
    /// From the instant at which an event was to be posted to the answer 202.
    pub accepted: Latencies,
    /// Events that were not accepted.
    pub refused: usize,
    /// When each was to be posted, by its mark, in nanoseconds since 1970.
    planned: HashMap<u64, u64>,
}

impl Load {
    /// Posts, and waits for every answer.
    pub async fn post(self, stage: &Stage) -> anyhow::Result<Answers> {
        let period = Duration::from_secs(1) / self.rate;
        let count = u64::from(self.rate) * self.time.as_millis() as u64 / 1_000;
        let hook = stage.hook();
        let begin = Instant::now();
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let mut under_way: JoinSet<anyhow::Result<(u16, Duration)>> = JoinSet::new();
        let mut planned = HashMap::new();
        let mut answers = Vec::new();
        for number in 0..count {
            let offset = period * u32::try_from(number)?;
            tokio::time::sleep_until((begin + offset).into()).await;
            let mark = self.first_mark + number;
            planned.insert(mark, u64::try_from((since + offset).as_nanos())?);
            let (client, hook) = (stage.client.clone(), hook.clone());
            let person = self.people.0 + usize::try_from(number)? % self.people.1;
            let event = event(self.rule, mark, person);
            under_way.spawn(async move {
                let status = post(&client, &hook, &event).await?;
                Ok((status, begin.elapsed().saturating_sub(offset)))
            });
            while let Some(done) = under_way.try_join_next() {
                answers.push(done??);
            }
        }
        while let Some(done) = under_way.join_next().await {
            answers.push(done??);
        }
        let refused = answers.iter().filter(|(status, _)| *status != 202).count();
        Ok(Answers {
            accepted: Latencies::of(
                answers
                    .iter()
                    .filter(|(status, _)| *status == 202)
                    .map(|(_, took)| *took),
            ),
            refused,
            planned,
        })
    }
}

impl Answers {
    /// From the instant at which an event was to be posted to the arrival of its first message at Teams.
    pub fn hits(&self, arrivals: &[Arrival]) -> Latencies {
        let mut first: HashMap<u64, u64> = HashMap::new();
        for arrival in arrivals.iter().filter(|arrival| arrival.kind == Kind::Send) {
            if let Some(mark) = arrival.mark {
                first.entry(mark).or_insert(arrival.at);
            }
        }
        Latencies::of(
            self.planned
                .iter()
                .filter_map(|(mark, planned)| Some(Duration::from_nanos(first.get(mark)?.saturating_sub(*planned)))),
        )
    }
}
