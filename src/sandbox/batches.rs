//! Batches: one message for many people, as Microsoft's SDKs know them. There is no other description.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::time;

use super::Sandbox;
use super::connector::{self, Answer, Done};
use super::refusal::Refusal;
use super::world::{Place, World};

/// More are not remembered at once.
const MOST: usize = 1_000;
/// Failures on a page.
const PAGE: usize = 5;

/// What is known of batches.
#[derive(Debug)]
pub(super) struct Batches {
    known: Vec<Batch>,
    /// How long each takes.
    takes: Duration,
    /// How the answer to a batch names it.
    naming: Naming,
    /// The next one fails as a whole.
    next_fails: bool,
}

/// How the answer to a batch names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `{"operationId": ID}`.
    Object,
    /// The id alone, as a text, as some SDKs read it.
    Text,
    /// Not at all.
    Nothing,
}

#[derive(Debug)]
struct Batch {
    id: String,
    over_at: DateTime<Utc>,
    total: usize,
    /// How many came to which status.
    statuses: BTreeMap<u16, usize>,
    failed: Vec<Value>,
    /// Teams gave it up, whoever it reached.
    given_up: bool,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            takes: Duration::milliseconds(700),
            naming: Naming::Object,
            next_fails: false,
        }
    }
}

impl Sandbox {
    /// How the answers to batches name them from now on.
    pub fn name_batches(&self, naming: Naming) {
        self.shared.state().world.batches.naming = naming;
    }

    /// The next batch is taken, reaches nobody, and ends as failed.
    pub fn fail_next_batch(&self) {
        self.shared.state().world.batches.next_fails = true;
    }

    /// How long batches take from now on until they are completed.
    pub fn take_for_batches(&self, takes: time::Duration) {
        let takes = Duration::from_std(takes).expect("some years at most");
        self.shared.state().world.batches.takes = takes;
    }
}

/// Sends one message to everybody who is named, and remembers who did not get it.
pub(super) fn begin(world: &mut World, body: &Value, now: DateTime<Utc>) -> Answer {
    let activity = &body["activity"];
    let (Some(members), Some(tenant)) = (body["members"].as_array(), body["tenantId"].as_str()) else {
        return Err(Refusal::bad_syntax("A batch has members, an activity and a tenant id"));
    };
    connector::check_activity(activity)?;
    connector::check_content(activity)?;
    if tenant != world.tenant || members.is_empty() {
        return Err(Refusal::bad_argument("Nobody of the tenant is named"));
    }
    let mut batch = Batch {
        id: uuid::Uuid::new_v4().to_string(),
        over_at: now + world.batches.takes,
        total: members.len(),
        statuses: BTreeMap::new(),
        failed: Vec::new(),
        given_up: std::mem::take(&mut world.batches.next_fails),
    };
    let (mut posted, mut changes) = (Vec::new(), Vec::new());
    let reached = if batch.given_up { &[][..] } else { &members[..] };
    for member in reached {
        let id = member["id"].as_str().unwrap_or_default();
        let (status, error) = match world.person(id) {
            None => (404, Some("NotFound")),
            Some(person) if !world.people[person].installed || world.people[person].blocked => {
                (403, Some("Forbidden"))
            }
            Some(person) => {
                let done = connector::post(world, Place::Personal(person), None, activity, now);
                posted.extend(done.posted);
                changes.extend(done.changes);
                (201, None)
            }
        };
        *batch.statuses.entry(status).or_default() += 1;
        batch
            .failed
            .extend(error.map(|error| json!({ "id": id, "error": error })));
    }
    let body = match world.batches.naming {
        Naming::Object => json!({ "operationId": batch.id }),
        Naming::Text => json!(batch.id),
        Naming::Nothing => json!({}),
    };
    if world.batches.known.len() >= MOST {
        world.batches.known.remove(0);
    }
    world.batches.known.push(batch);
    Ok(Done {
        status: 201,
        body,
        posted,
        changes,
    })
}

/// How far a batch is. Whoever asks before the time that was named is asked to slow down.
pub(super) fn standing(world: &mut World, id: &str, now: DateTime<Utc>) -> Answer {
    let batch = find(world, id)?;
    let is_over = now >= batch.over_at;
    let mut body = json!({
        "state": match (is_over, batch.given_up) {
            (false, _) => "Ongoing",
            (true, false) => "Completed",
            (true, true) => "Failed",
        },
        "statusMap": batch.statuses.iter().map(|(status, count)| (status.to_string(), json!(count))).collect::<serde_json::Map<_, _>>(),
        "totalEntriesCount": batch.total,
    });
    if !is_over {
        body["retryAfter"] = json!(batch.over_at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    }
    Ok(Done::found(body))
}

/// A page of those who did not get it.
pub(super) fn failures(world: &mut World, id: &str, token: Option<&str>) -> Answer {
    let batch = find(world, id)?;
    let from = match token {
        None | Some("") => 0,
        Some(token) => token
            .parse()
            .map_err(|_| Refusal::bad_argument("Invalid continuation token"))?,
    };
    let page: Vec<&Value> = batch.failed.iter().skip(from).take(PAGE).collect();
    let mut body = json!({ "failedEntries": page });
    if from + PAGE < batch.failed.len() {
        body["continuationToken"] = json!((from + PAGE).to_string());
    }
    Ok(Done::found(body))
}

/// Stops a batch. Whoever has the message keeps it.
pub(super) fn cancel(world: &mut World, id: &str, now: DateTime<Utc>) -> Answer {
    let batch = find(world, id)?;
    batch.over_at = batch.over_at.min(now);
    Ok(Done::found(Value::Null))
}

fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Batch, Refusal> {
    let batch = world.batches.known.iter_mut().find(|batch| batch.id == id);
    batch.ok_or_else(Refusal::no_such_route)
}
