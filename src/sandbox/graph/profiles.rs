//! What Entra and mailboxes say of people, several at a time.

use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::ask::{Arrived, Asked, Done, Refused, read, user_of};
use crate::sandbox::line::Line;
use crate::sandbox::script::Operation;
use crate::sandbox::state::{Shared, State as Remembered};
use crate::sandbox::world::{Person, World};

/// Requests in one.
const MOST_TOGETHER: usize = 20;
/// Departments and what people do there, in the order in which people came into the world, again and again.
const WORK: [(&str, &str); 5] = [
    ("Platform", "Engineer"),
    ("Sales", "Account manager"),
    ("Finance", "Controller"),
    ("Platform", "Site reliability engineer"),
    ("Marketing", "Editor"),
];

type App = State<Arc<Shared>>;

pub(super) async fn batch(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Arrived,
) -> Response {
    Asked::new(shared, line, &headers, (Operation::Profiles, ""), &[])
        .answer(|state, now| {
            let body = read(&body)?;
            let requests = body["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
            if requests.is_empty() || requests.len() > MOST_TOGETHER {
                return Err(Refused::bad("The number of requests must be from 1 to 20"));
            }
            let responses: Vec<Value> = requests
                .iter()
                .rev()
                .map(|request| {
                    let (status, body) = match one(state, request) {
                        Ok(body) => (200, body),
                        Err(refused) => (refused.0, refused.body(now)),
                    };
                    json!({ "id": request["id"], "status": status, "headers": {}, "body": body })
                })
                .collect();
            Ok(Done::found(json!({ "responses": responses })))
        })
        .await
}

fn one(state: &Remembered, request: &Value) -> Result<Value, Refused> {
    let url = request["url"].as_str().unwrap_or_default();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let steps: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let has = |permission: &str| state.permissions.iter().any(|one| one == permission);
    let denied = |code| {
        Refused(
            403,
            code,
            "Insufficient privileges to complete the operation.".to_owned(),
        )
    };
    match (request["method"].as_str(), steps.as_slice()) {
        (Some("GET"), ["users", user]) => {
            if !has("User.Read.All") {
                return Err(denied("Authorization_RequestDenied"));
            }
            let index = user_of(&state.world, user)?;
            let mut fields = described(&state.world, index);
            let selected = query.trim_start_matches("$select=");
            if let Some(fields) = fields.as_object_mut() {
                fields.retain(|name, _| selected.split(',').any(|one| one == name));
            }
            Ok(fields)
        }
        (Some("GET"), ["users", user, "mailboxSettings"]) => {
            if !has("MailboxSettings.Read") {
                return Err(denied("ErrorAccessDenied"));
            }
            let person = &state.world.people[user_of(&state.world, user)?];
            if person.role == "guest" {
                let message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise.".to_owned();
                return Err(Refused(404, "MailboxNotEnabledForRESTAPI", message));
            }
            Ok(json!({
                "timeZone": in_outlook(person), "language": { "locale": person.locale, "displayName": person.locale },
                "automaticRepliesSetting": { "status": "disabled" },
            }))
        }
        (_, _) => Err(Refused::bad("This request is not played here")),
    }
}

/// Who somebody is, and what Entra says beside that.
pub(super) fn described(world: &World, index: usize) -> Value {
    let person = &world.people[index];
    let (department, job) = WORK[index % WORK.len()];
    let city = person
        .time_zone
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .replace('_', " ");
    json!({
        "id": person.aad_object_id, "department": department, "jobTitle": job, "companyName": "Contoso",
        "officeLocation": city, "city": city, "country": person.locale.rsplit('-').next(),
        "usageLocation": person.locale.rsplit('-').next(), "preferredLanguage": person.locale,
    })
}

/// Outlook writes Windows' names, and IANA's where the person chose the zone on a phone.
fn in_outlook(person: &Person) -> &str {
    match person.time_zone {
        "Europe/Berlin" => "W. Europe Standard Time",
        "Asia/Dubai" => "Arabian Standard Time",
        other => other,
    }
}
