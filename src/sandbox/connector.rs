//! What each call of the connector means for the world, and what is answered. No HTTP here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::view::{self, Change};
use super::world::{Author, Message, Place, World, split_thread};

/// A message may have this many bytes, counted as UTF-16.
const MOST_BYTES: usize = 100 * 1024;
pub(super) const CARD: &str = "application/vnd.microsoft.card.adaptive";

/// A call that was granted.
pub(super) struct Done {
    pub(super) status: u16,
    /// Null for an empty body.
    pub(super) body: Value,
    /// The messages it brought into the world: one, but for a batch.
    pub(super) posted: Vec<Posted>,
    pub(super) changes: Vec<Change>,
}

/// A message that arrived.
pub(super) struct Posted {
    /// With the thread, in a channel.
    pub(super) conversation: String,
    /// `None` when Teams split the message and told no id.
    pub(super) activity_id: Option<String>,
    pub(super) activity: Value,
}

impl Done {
    pub(super) fn found(body: Value) -> Self {
        Self {
            status: 200,
            body,
            posted: Vec::new(),
            changes: Vec::new(),
        }
    }
}

pub(super) type Answer = Result<Done, Refusal>;

/// Posts to a conversation, or replies to a message in it.
pub(super) fn send(
    world: &mut World,
    conversation: &str,
    reply_to: Option<&str>,
    activity: &Value,
    now: DateTime<Utc>,
) -> Answer {
    let kind = check_activity(activity)?;
    let place = find(world, conversation)?;
    world.may_write(place)?;
    if kind == "typing" {
        return Ok(Done {
            status: 202,
            body: json!({}),
            posted: Vec::new(),
            changes: Vec::new(),
        });
    }
    check_content(activity)?;
    let root = thread(world, place, conversation, reply_to)?;
    Ok(post(world, place, root, activity, now))
}

/// Puts a message into a conversation.
pub(super) fn post(
    world: &mut World,
    place: Place,
    root: Option<String>,
    activity: &Value,
    now: DateTime<Utc>,
) -> Done {
    let mut changes = Vec::new();
    let mut ids = Vec::new();
    let parts = split(activity);
    for part in &parts {
        let id = world.next_id(now);
        let message = Message {
            id: id.clone(),
            author: Author::Bot,
            at: now,
            activity: part.clone(),
            root: root.clone(),
            edited: false,
        };
        changes.push(Change::new("message", view::message(world, place, &message)));
        world.add_message(place, message);
        ids.push(id);
    }
    let activity_id = (ids.len() == 1).then(|| ids[0].clone());
    let conversation = match (&root, place) {
        (Some(root), _) => format!("{};messageid={root}", world.id(place)),
        (None, _) => world.id(place).to_owned(),
    };
    Done {
        status: 201,
        body: activity_id.as_ref().map_or_else(|| json!({}), |id| json!({"id": id})),
        posted: vec![Posted {
            conversation,
            activity_id,
            activity: activity.clone(),
        }],
        changes,
    }
}

/// Teams makes two messages of text with attachments, and tells the id of neither.
fn split(activity: &Value) -> Vec<Value> {
    if text(activity).is_empty() || attachments(activity).is_empty() {
        return vec![activity.clone()];
    }
    let (mut first, mut second) = (activity.clone(), activity.clone());
    first
        .as_object_mut()
        .expect("checked to be an object")
        .remove("attachments");
    second.as_object_mut().expect("checked to be an object").remove("text");
    vec![first, second]
}

/// Replaces one of the bot's messages.
pub(super) fn update(world: &mut World, conversation: &str, activity_id: &str, activity: &Value) -> Answer {
    check_activity(activity)?;
    let place = find(world, conversation)?;
    world.may_write(place)?;
    check_content(activity)?;
    let message = world
        .message_mut(place, activity_id)
        .ok_or_else(Refusal::activity_not_found)?;
    if message.author != Author::Bot {
        return Err(Refusal::not_enough_permissions());
    }
    message.activity = activity.clone();
    message.edited = true;
    let message = message.clone();
    Ok(Done {
        status: 200,
        body: json!({"id": activity_id}),
        posted: Vec::new(),
        changes: vec![Change::new("message", view::message(world, place, &message))],
    })
}

/// Deletes one of the bot's messages.
pub(super) fn delete(world: &mut World, conversation: &str, activity_id: &str) -> Answer {
    let place = find(world, conversation)?;
    world.may_write(place)?;
    let message = world
        .message(place, activity_id)
        .ok_or_else(Refusal::activity_not_found)?;
    if message.author != Author::Bot {
        return Err(Refusal::not_enough_permissions());
    }
    world.remove_message(place, activity_id);
    let change = Change::new("deleted", json!({"conversation": world.id(place), "id": activity_id}));
    Ok(Done {
        status: 200,
        body: Value::Null,
        posted: Vec::new(),
        changes: vec![change],
    })
}

/// Opens a personal chat, or starts a thread in a channel.
pub(super) fn create(world: &mut World, body: &Value, now: DateTime<Utc>) -> Answer {
    if let Some(channel) = body["channelData"]["channel"]["id"].as_str() {
        return create_thread(world, channel, body, now);
    }
    let tenant = body["tenantId"]
        .as_str()
        .or_else(|| body["channelData"]["tenant"]["id"].as_str());
    let members = body["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ([member], Some(tenant), false) = (members, tenant, body["isGroup"].as_bool().unwrap_or(false)) else {
        return Err(Refusal::creation_parameters());
    };
    let Some(member) = member["id"].as_str() else {
        return Err(Refusal::creation_parameters());
    };
    if tenant != world.tenant || member.contains('@') {
        return Err(Refusal::not_of_this_tenant());
    }
    let person = world.person(member).ok_or_else(Refusal::not_of_this_tenant)?;
    let by_account = member.starts_with("29:");
    if !world.people[person].installed {
        if !by_account {
            return Err(Refusal::forbidden_operation());
        }
        if !world.meets(person) {
            return Err(Refusal::not_in_roster());
        }
    }
    let place = Place::Personal(person);
    let activity = &body["activity"];
    let first = if activity.is_null() {
        None
    } else {
        check_activity(activity)?;
        check_content(activity)?;
        if world.people[person].blocked {
            return Err(Refusal::writes_blocked());
        }
        Some(activity)
    };
    let known = world.people[person].installed || world.people[person].opened;
    world.people[person].opened = true;
    let chat = world.people[person].chat.clone();
    world.gone.remove(&chat);
    let mut changes = Vec::new();
    if !known {
        changes.push(Change::world());
    }
    let mut posted = Vec::new();
    if let Some(activity) = first {
        let done = post(world, place, None, activity, now);
        changes.extend(done.changes);
        posted = done.posted;
    }
    Ok(Done {
        status: if known { 200 } else { 201 },
        body: json!({"id": chat}),
        posted,
        changes,
    })
}

fn create_thread(world: &mut World, channel: &str, body: &Value, now: DateTime<Utc>) -> Answer {
    let activity = &body["activity"];
    if body["isGroup"].as_bool() != Some(true) || activity.is_null() {
        return Err(Refusal::creation_parameters());
    }
    check_activity(activity)?;
    check_content(activity)?;
    let place = find(world, channel)?;
    let Place::Channel(..) = place else {
        return Err(Refusal::creation_parameters());
    };
    world.may_write(place)?;
    let mut done = post(world, place, None, activity, now);
    let posted = done.posted.first_mut().expect("post() says what it posted");
    match &posted.activity_id {
        Some(root) => {
            let thread = format!("{};messageid={root}", world.id(place));
            done.body = json!({"id": thread, "activityId": root});
            posted.conversation = thread;
        }
        None => done.body = json!({"id": world.id(place)}),
    }
    Ok(done)
}

/// One member by `29:` id, object id or sign-in name.
pub(super) fn member(world: &World, conversation: &str, member: &str) -> Answer {
    let place = find(world, conversation)?;
    world.may_look(place)?;
    let person = world.person(member).ok_or_else(Refusal::member_not_found)?;
    if !world.roster(place).contains(&person) {
        return Err(Refusal::member_not_found());
    }
    Ok(Done::found(world.member(person)))
}

/// A page of the members: at least 50, at most 500.
pub(super) fn paged_members(
    world: &World,
    conversation: &str,
    page_size: Option<usize>,
    token: Option<&str>,
) -> Answer {
    let place = find(world, conversation)?;
    world.may_look(place)?;
    let roster = world.roster(place);
    let from = match token {
        None | Some("") => 0,
        Some(token) => offset(token).ok_or_else(|| Refusal::bad_argument("Invalid continuation token"))?,
    };
    let size = page_size.unwrap_or(200).clamp(50, 500);
    let page: Vec<Value> = roster
        .iter()
        .skip(from)
        .take(size)
        .map(|person| world.member(*person))
        .collect();
    let mut body = json!({"members": page});
    if from + size < roster.len() {
        body["continuationToken"] = json!(STANDARD.encode(format!("{{\"token\":\"?>{}\"}}", from + size)));
    }
    Ok(Done::found(body))
}

fn offset(token: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    text.strip_prefix("{\"token\":\"?>")?.strip_suffix("\"}")?.parse().ok()
}

/// All members at once, the deprecated way: at most 10,000.
pub(super) fn all_members(world: &World, conversation: &str) -> Answer {
    let place = find(world, conversation)?;
    world.may_look(place)?;
    let all: Vec<Value> = world
        .roster(place)
        .iter()
        .take(10_000)
        .map(|person| world.member(*person))
        .collect();
    Ok(Done::found(json!(all)))
}

/// A team's details.
pub(super) fn team(world: &World, id: &str) -> Answer {
    let team = find_team(world, id)?;
    Ok(Done::found(world.team_details(team)))
}

/// A team's channels; General has no name.
pub(super) fn channels(world: &World, id: &str) -> Answer {
    let team = find_team(world, id)?;
    Ok(Done::found(world.channels(team)))
}

fn find_team(world: &World, id: &str) -> Result<usize, Refusal> {
    match world.place(id) {
        Some(place @ Place::Channel(team, 0)) => {
            world.may_look(place)?;
            Ok(team)
        }
        Some(Place::Channel(..) | Place::Personal(_) | Place::Group(_)) | None => {
            Err(Refusal::conversation_not_found())
        }
    }
}

fn find(world: &World, conversation: &str) -> Result<Place, Refusal> {
    let place = world.place(conversation).ok_or_else(Refusal::conversation_not_found)?;
    match (place, split_thread(conversation).1) {
        (Place::Personal(_) | Place::Group(_), Some(_)) => Err(Refusal::cannot_decrypt()),
        (Place::Channel(..), Some(root)) if !root.parse::<u64>().is_ok_and(|root| root > 0) => {
            Err(Refusal::bad_argument("Invalid message id in the conversation id"))
        }
        (Place::Personal(_) | Place::Group(_) | Place::Channel(..), _) => Ok(place),
    }
}

/// The root of the thread a new message belongs to; `None` begins one.
fn thread(
    world: &World,
    place: Place,
    conversation: &str,
    reply_to: Option<&str>,
) -> Result<Option<String>, Refusal> {
    let named = split_thread(conversation).1;
    for id in [named, reply_to].into_iter().flatten() {
        // What fell out of a full history was there once.
        let oldest = world
            .messages(place)
            .next()
            .and_then(|message| message.id.parse::<u64>().ok());
        let forgotten = oldest.is_some_and(|oldest| id.parse::<u64>().is_ok_and(|id| id < oldest));
        if world.message(place, id).is_none() && !forgotten {
            return Err(Refusal::activity_not_found());
        }
    }
    Ok(match place {
        Place::Personal(_) | Place::Group(_) => None,
        Place::Channel(..) => named.or(reply_to).map(|id| {
            let root = world.message(place, id).and_then(|message| message.root.clone());
            root.unwrap_or_else(|| id.to_owned())
        }),
    })
}

fn text(activity: &Value) -> &str {
    activity["text"].as_str().unwrap_or_default()
}

fn attachments(activity: &Value) -> &[Value] {
    activity["attachments"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

pub(super) fn check_activity(activity: &Value) -> Result<&str, Refusal> {
    if !activity.is_object() {
        return Err(Refusal::bad_syntax("The request body is not an activity"));
    }
    match activity["type"].as_str() {
        Some(kind @ ("message" | "typing")) => Ok(kind),
        Some(_) => Err(Refusal::bad_argument("Unknown activity type")),
        None => Err(Refusal::bad_argument("The 'Activity.Type' field is required.")),
    }
}

pub(super) fn check_content(activity: &Value) -> Result<(), Refusal> {
    if 2 * utf16_length(activity) > MOST_BYTES {
        return Err(Refusal::too_big());
    }
    let attachments = attachments(activity);
    if text(activity).trim().is_empty() && attachments.is_empty() {
        return Err(Refusal::bad_syntax(
            "Bad format of conversation message: Activity must include text or attachments",
        ));
    }
    for attachment in attachments {
        if attachment["contentType"] == CARD && attachment["content"]["type"] != "AdaptiveCard" {
            return Err(Refusal::bad_argument(
                "Failed to parse the adaptive card: content is no AdaptiveCard object",
            ));
        }
    }
    Ok(())
}

/// UTF-16 units of the JSON, images inside of it not counted.
fn utf16_length(value: &Value) -> usize {
    match value {
        Value::String(text) if text.starts_with("data:image/") => 2,
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
            value.to_string().encode_utf16().count()
        }
        Value::Array(items) => items.iter().map(|item| utf16_length(item) + 1).sum::<usize>() + 1,
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| key.encode_utf16().count() + 4 + utf16_length(value);
            entries.iter().map(entry).sum::<usize>() + 1
        }
    }
}
