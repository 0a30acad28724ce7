//! What Graph says of people beside who they are: fields out of Entra, zone and language out of mailboxes.

use serde_json::{Value, json};

use super::answer::No;
use super::client::{Graph, encoded};
use super::task::Task;
use crate::roster::profile::{InEntra, Mailbox, Wants};
use crate::zone::windows;

/// Who somebody is.
pub(super) const WHO: &str = "id,displayName,mail,userPrincipalName";
/// What Entra says beside that.
pub(super) const FIELDS: &str =
    "country,city,department,officeLocation,jobTitle,companyName,usageLocation,preferredLanguage";
/// So many requests go together in one, says Graph.
const TOGETHER: usize = 20;
/// What somebody says of whom there is nothing to say.
static NOTHING: Value = Value::Null;
/// The longest value that is kept, in characters.
const LONGEST: usize = 200;

/// What Graph told of one person. What was not asked for is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The Entra object id that it was asked for with.
    pub id: String,
    /// Out of Entra.
    pub entra: Option<Result<InEntra, No>>,
    /// Out of the mailbox.
    pub mailbox: Option<Result<Mailbox, No>>,
    /// The zone of the mailbox has a name that is no zone.
    pub strange_zone: Option<String>,
}

impl Graph {
    /// So many people can be asked about in one request.
    pub fn at_once(wants: Wants) -> usize {
        match (wants.entra, wants.mailbox) {
            (true, true) => TOGETHER / 2,
            (_, _) => TOGETHER,
        }
    }

    /// What Entra and their mailboxes say of the people with these Entra object ids, of whom there are at most
    /// [`Graph::at_once`]. Somebody without a mailbox, or who is not in the tenant, has an empty one.
    ///
    /// # Errors
    /// What Graph said instead of answering for any of them.
    pub async fn profiles(&self, ids: &[String], wants: Wants) -> Result<Vec<Told>, No> {
        let mut requests = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            let user = encoded(id);
            if wants.entra {
                let url = format!("/users/{user}?$select=id,{FIELDS}");
                requests.push(json!({ "id": format!("e{index}"), "method": "GET", "url": url }));
            }
            if wants.mailbox {
                let url = format!("/users/{user}/mailboxSettings");
                requests.push(json!({ "id": format!("m{index}"), "method": "GET", "url": url }));
            }
        }
        let task = match wants.entra {
            true => Task::ReadProfiles,
            false => Task::ReadMailboxes,
        };
        let answered = self.query(task, "/$batch", &json!({ "requests": requests })).await?;
        let replies = answered["responses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let now = self.now();
        let reply = |id: String, task: Task| -> Result<&Value, No> {
            let found = replies.iter().find(|reply| reply["id"].as_str() == Some(id.as_str()));
            let reply = found.ok_or_else(|| No::garbled("fewer answers than there were questions"))?;
            match self.judge(task, reply) {
                Ok(()) => Ok(&reply["body"]),
                // Not a person of this tenant, or a mailbox that is not in the cloud: there is nothing to know.
                Err(No::NotThere { .. } | No::Rejected { .. } | No::Conflict | No::TokenTooOld) => Ok(&NOTHING),
                Err(no) => Err(no),
            }
        };
        let told = ids.iter().enumerate().map(|(index, id)| {
            let entra = wants.entra.then(|| {
                let body = reply(format!("e{index}"), Task::ReadProfiles)?;
                Ok(in_entra(body, now))
            });
            let settings = wants.mailbox.then(|| reply(format!("m{index}"), Task::ReadMailboxes));
            let zone = match &settings {
                Some(Ok(body)) => text(&body["timeZone"]),
                Some(Err(_)) | None => None,
            };
            let known = zone.as_deref().and_then(windows::parse);
            Told {
                id: id.clone(),
                entra,
                mailbox: settings.map(|settings| {
                    Ok(Mailbox {
                        time_zone: known.map(|zone| zone.name().to_owned()),
                        language: text(&settings?["language"]["locale"]),
                        at: now,
                    })
                }),
                strange_zone: zone.filter(|_| known.is_none()),
            }
        });
        Ok(told.collect())
    }
}

/// What Entra says in `one`, a user of Graph.
pub(super) fn in_entra(one: &Value, at: chrono::DateTime<chrono::Utc>) -> InEntra {
    InEntra {
        country: text(&one["country"]),
        city: text(&one["city"]),
        department: text(&one["department"]),
        office: text(&one["officeLocation"]),
        job_title: text(&one["jobTitle"]),
        company: text(&one["companyName"]),
        usage_location: text(&one["usageLocation"]),
        language: text(&one["preferredLanguage"]),
        at,
    }
}

/// Administrators write all kinds of things into Entra; a value is a short text or nothing.
fn text(value: &Value) -> Option<String> {
    let text: String = value.as_str()?.trim().chars().take(LONGEST).collect();
    (!text.is_empty()).then_some(text)
}
