//! Activity feeds.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Notified;
use super::ask::{Arrived, Asked, Done, Refused, read, user_of};
use crate::sandbox::line::Line;
use crate::sandbox::script::Operation;
use crate::sandbox::state::{Shared, State as Remembered};
use crate::sandbox::view::{self, Change};
use crate::sandbox::world::{Author, Message, Place, World};

const MOST_RECIPIENTS: usize = 100;
/// Notifications remembered.
const MOST_KEPT: usize = 10_000;

type App = State<Arc<Shared>>;

pub(super) async fn notify(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(user): Path<String>,
    headers: HeaderMap,
    body: Arrived,
) -> Response {
    let asked = (Operation::Notify, user.as_str());
    Asked::new(
        shared,
        line,
        &headers,
        asked,
        &["TeamsActivity.Send", "TeamsActivity.Send.User"],
    )
    .answer(|state, now| {
        let body = read(&body)?;
        check(&body)?;
        let index = user_of(&state.world, &user)?;
        if !has_app(&state.world, index) {
            let message = "Application is not authorized to generate notifications for the recipient.".to_owned();
            return Err(Refused(403, "Forbidden", message));
        }
        let changes = put(state, &[index], &body, now);
        Ok(Done {
            changes,
            ..Done::empty(204)
        })
    })
    .await
}

pub(super) async fn notify_many(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Arrived,
) -> Response {
    let asked = (Operation::NotifyMany, "");
    Asked::new(shared, line, &headers, asked, &["TeamsActivity.Send"])
        .answer(|state, now| {
            let mut body = read(&body)?;
            check(&body)?;
            let recipients = body["recipients"].as_array().cloned().unwrap_or_default();
            if recipients.is_empty() || recipients.len() > MOST_RECIPIENTS {
                return Err(Refused::bad("The number of recipients must be from 1 to 100"));
            }
            let kind = "microsoft.graph.aadUserNotificationRecipient";
            let mut people = Vec::new();
            for recipient in &recipients {
                if recipient["@odata.type"].as_str() != Some(kind) {
                    return Err(Refused::bad("Unknown type of recipient"));
                }
                let id = recipient["userId"].as_str().unwrap_or_default();
                people.extend(state.world.person(id).filter(|index| has_app(&state.world, *index)));
            }
            if let Some(fields) = body.as_object_mut() {
                fields.shift_remove("recipients");
            }
            let changes = put(state, &people, &body, now);
            Ok(Done {
                changes,
                ..Done::empty(202)
            })
        })
        .await
}

/// Every field of a notification that Graph looks at.
fn check(body: &Value) -> Result<(), Refused> {
    let topic = &body["topic"];
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    match topic["source"].as_str() {
        Some("text") => {
            let link = topic["webUrl"].as_str().unwrap_or_default();
            if !text(&topic["value"]) || !link.starts_with("https://teams.microsoft.com/l/") {
                return Err(Refused::bad(
                    "Topic of source text needs a value and a webUrl that is a Teams deep link",
                ));
            }
        }
        Some("entityUrl") if text(&topic["value"]) => {}
        Some(_) | None => return Err(Refused::bad("Invalid topic")),
    }
    if !text(&body["activityType"]) {
        return Err(Refused::bad("activityType is required"));
    }
    if !body["chainId"].is_null() && !body["chainId"].is_i64() {
        return Err(Refused::bad("chainId is a number"));
    }
    let well_formed = |one: &Value| text(&one["name"]) && one["value"].is_string();
    let parameters = body["templateParameters"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !parameters.iter().all(well_formed) {
        return Err(Refused::bad("Invalid templateParameters"));
    }
    Ok(())
}

fn put(state: &mut Remembered, people: &[usize], body: &Value, now: DateTime<Utc>) -> Vec<Change> {
    let mut changes = Vec::new();
    for index in people {
        let notified = Notified {
            person: state.world.people[*index].name.clone(),
            notification: body.clone(),
            together: people.len(),
            at: now,
        };
        state.notified.push_back(notified);
        while state.notified.len() > MOST_KEPT {
            state.notified.pop_front();
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let text = format!(
            "Activity feed, {}: {} {}",
            text(&body["activityType"]),
            text(&body["topic"]["value"]),
            text(&body["previewText"]["content"])
        );
        let message = Message {
            id: state.world.next_id(now),
            author: Author::Teams,
            at: now,
            activity: json!({"type": "note", "text": text.trim()}),
            root: None,
            edited: false,
        };
        let place = Place::Personal(*index);
        changes.push(Change::new("message", view::message(&state.world, place, &message)));
        state.world.add_message(place, message);
    }
    changes
}

fn has_app(world: &World, person: usize) -> bool {
    world.people[person].installed || world.meets(person)
}
