//! Runs: one event, many recipients; watched, stopped, taken back, over real HTTP and with the real command line.

mod by_command;
mod by_page;

use std::time::Duration;

use herald::delivery::{Delivery, RunId, State};
use herald::event::EventId;
use herald::roster::Person;
use herald::run::Run;
use herald::sandbox::{Operation, Script};
use herald::store::directory::Entry;
use herald::store::outbox::Filter;
use serde_json::{Value, json};

use crate::support::engine::{Engine, PATIENCE, Workspace, texts};

/// How many are added to those that the team Platform has anyway.
const MORE: usize = 25;
const RULE: &str = "office/party";
const PARTY: &str = "description: The party\nwhen: { hook: ci }\nif: { event.for: all }\nnotify: [{ members_of: Platform }]\n\
                     card: { title: The party, text: \"{{event.text}}\" }\n";

/// An engine that sends at most so many messages a second, and knows everybody in Platform.
async fn engine(messages_per_second: u32) -> Engine {
    let engine = Workspace::new()
        .rule(RULE, PARTY)
        .rule(
            "other",
            "when: { hook: ci }\nif: { event.twice: true }\nnotify: [{ channel: Platform / Releases }]\ncard: { message: also }\n",
        )
        .settings(&format!("limits: {{ messages_per_second: {messages_per_second} }}\n"))
        .start_with(|teams| teams.fill_silently("Platform", MORE).expect("there is a team"))
        .await;
    engine.known(&["Platform"]).await;
    engine
}

/// Tells everybody in Platform about the party.
async fn announce(engine: &Engine, text: &str) -> Run {
    let event = post(engine, json!({ "for": "all", "text": text })).await;
    let id = RunId::of(&event, RULE);
    until(engine, &id, "the run is taken in", |run| run.complete).await
}

async fn post(engine: &Engine, body: Value) -> EventId {
    let (status, answer) = engine.post("/hooks/ci", &body).await;
    assert_eq!(status, 202, "{answer}");
    EventId::known(answer["event"].as_str().expect("an event"))
}

/// Everybody in the team Platform.
async fn people(engine: &Engine) -> Vec<Person> {
    let directory = &engine.server().stores().directory;
    let all = directory.list(None, 1000).await.expect("readable");
    let roster = all.into_iter().find_map(|(_, entry)| match entry {
        Entry::Roster(roster) if roster.members.len() > MORE => Some(roster.members),
        _ => None,
    });
    roster.expect("it is known who is in Platform")
}

async fn names(engine: &Engine) -> Vec<String> {
    let people = people(engine).await.into_iter();
    people
        .map(|person| person.name.expect("everybody has a name"))
        .collect()
}

async fn run(engine: &Engine, id: &RunId) -> Option<Run> {
    let outbox = &engine.server().stores().outbox;
    outbox.run(id).await.expect("the outbox can be read")
}

/// Waits until the run is as `wanted` says, or fails with how it is.
async fn until(engine: &Engine, id: &RunId, sentence: &str, wanted: impl Fn(&Run) -> bool) -> Run {
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let now = run(engine, id).await;
        if let Some(run) = now.as_ref().filter(|run| wanted(run)) {
            return run.clone();
        }
        assert!(tokio::time::Instant::now() < ends, "not in time: {sentence}\n{now:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until nothing is being sent and nothing would be, however long one waited.
async fn at_rest(engine: &Engine) {
    let outbox = &engine.server().stores().outbox;
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let sending = Filter {
            state: Some(State::Sending),
            ..Filter::default()
        };
        let sending = outbox.list(&sending, None, 100).await.expect("readable");
        let due = outbox.next_due().await.expect("readable");
        if sending.is_empty() && due.is_none() {
            return;
        }
        assert!(
            tokio::time::Instant::now() < ends,
            "it does not come to rest: {due:?} {sending:#?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn order(engine: &Engine, id: &str, order: &str, body: Value) -> (u16, Value) {
    engine.post(&format!("/admin/v1/runs/{id}/{order}"), &body).await
}

async fn ordered(engine: &Engine, run: &Run, word: &str, body: Value) -> Value {
    let (status, answer) = order(engine, run.id.as_str(), word, body).await;
    assert_eq!(status, 200, "{word}: {answer}");
    answer
}

fn message(answer: &Value) -> &str {
    answer["error"]["message"].as_str().unwrap_or_default()
}

async fn of_run(engine: &Engine, run: &Run) -> Vec<Delivery> {
    let filter = Filter {
        event: Some(run.event_id.clone()),
        ..Filter::default()
    };
    let outbox = &engine.server().stores().outbox;
    outbox.list(&filter, None, 1000).await.expect("readable")
}

/// What of the bot's messages people can read now, each with the name of its reader; only text and titles.
async fn readable(engine: &Engine) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for name in names(engine).await {
        let shown = engine.teams.shown_in(&name).into_iter().filter(|shown| shown.by_bot);
        all.extend(shown.map(|shown| (name.clone(), texts(&shown.activity))));
    }
    all
}

/// Waits until everybody can read this, and nothing else.
async fn all_read(engine: &Engine, wanted: &str) {
    let people = people(engine).await.len();
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let readable = readable(engine).await;
        if readable.len() == people && readable.iter().all(|(_, text)| text == wanted) {
            return;
        }
        assert!(
            tokio::time::Instant::now() < ends,
            "not all read `{wanted}`: {readable:#?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_paused_in_the_middle_goes_on_and_is_cancelled() {
    let engine = engine(10).await;
    let run = announce(&engine, "on Friday").await;
    until(&engine, &run.id, "some have it", |run| run.tally.delivered >= 3).await;
    let paused = ordered(&engine, &run, "pause", json!({ "reason": "the room is wrong." })).await;
    assert_eq!(paused["standing"], "paused");
    assert_eq!(paused["reason"], "the room is wrong");
    at_rest(&engine).await;
    let at_pause = engine.teams.received().len();
    assert!(
        (at_pause as u64) < run.expected,
        "all had it before anybody could say stop"
    );
    let (status, shown) = engine.get(&format!("/admin/v1/runs/{}", run.id)).await;
    assert_eq!((status, &shown["standing"]), (200, &json!("paused")), "{shown}");
    assert_eq!(shown["progress"]["ended"], at_pause);
    let text = shown["text"].as_str().expect("a text");
    assert!(text.contains("because the room is wrong."), "{text}");
    let (status, refused) = order(&engine, run.id.as_str(), "pause", json!({})).await;
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("wrong_state")));
    assert!(message(&refused).contains("it is paused already"), "{refused}");

    // Why somebody has nothing yet is told with the pause.
    let (_, why) = engine.get(&format!("/admin/v1/events/{}", run.event_id)).await;
    let text = why["text"].as_str().expect("a text");
    assert!(text.contains("waiting: the run is paused since "), "{text}");
    assert!(
        text.contains(&format!(
            "run {}: {at_pause} of {} at their end; it is paused",
            run.id, run.expected
        )),
        "{text}"
    );

    let resumed = ordered(&engine, &run, "resume", json!({})).await;
    assert_eq!(resumed["standing"], "running");
    until(&engine, &run.id, "more have it", |run| {
        run.tally.delivered > at_pause as u64
    })
    .await;
    ordered(&engine, &run, "cancel", json!({})).await;
    let over = until(&engine, &run.id, "the rest is cancelled", Run::is_over).await;
    assert_eq!(over.tally.delivered, engine.teams.received().len() as u64);
    assert_eq!(over.tally.cancelled, run.expected - over.tally.delivered);
    assert!(over.tally.cancelled > 0, "all had it before anybody could say stop");
    let (status, refused) = order(&engine, run.id.as_str(), "resume", json!({})).await;
    assert_eq!(status, 409);
    assert!(message(&refused).contains("it is cancelled"), "{refused}");
    let (_, open) = engine.get("/admin/v1/runs?open=true").await;
    assert_eq!(open, json!([]));
    let (_, all) = engine
        .get(&format!("/admin/v1/runs?rule={RULE}&event={}", run.event_id))
        .await;
    assert_eq!(all[0]["run"]["id"], run.id.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recalled_run_vanishes_in_teams_and_so_does_what_arrives_late() {
    let engine = engine(1000).await;
    let late = names(&engine).await.remove(0);
    let chat = engine.teams.conversation_id(&late).expect("a chat");
    engine.teams.answer_next(
        Script::slow(Duration::from_secs(3))
            .on(Operation::Send)
            .in_conversation(&chat),
    );
    let run = announce(&engine, "on Friday").await;
    until(&engine, &run.id, "all but one have it", |run| {
        run.tally.delivered == run.expected - 1
    })
    .await;
    assert_eq!(readable(&engine).await.len() as u64, run.expected - 1);
    let recalled = ordered(&engine, &run, "recall", json!({})).await;
    assert_eq!(recalled["standing"], "taking back", "one is on its way");
    let over = until(&engine, &run.id, "all is taken back", |run| run.is_over()).await;
    assert_eq!(over.tally.recalled, run.expected);
    assert_eq!(
        engine.teams.received().len() as u64,
        run.expected,
        "the late one did arrive"
    );
    assert_eq!(readable(&engine).await, Vec::new());
    assert_eq!(engine.teams.count(Operation::Delete), run.expected);
    let (_, shown) = engine.get(&format!("/admin/v1/runs/{}", run.id)).await;
    assert_eq!(
        (&shown["standing"], &shown["failed"]),
        (&json!("taken back"), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_run_shows_everybody_the_other_card() {
    let engine = engine(1000).await;
    let run = announce(&engine, "on Friday").await;
    until(&engine, &run.id, "all have it", Run::is_over).await;
    let card =
        json!({ "type": "AdaptiveCard", "body": [{ "type": "TextBlock", "text": "The party is on Thursday" }] });
    ordered(&engine, &run, "recall", json!({ "card": card })).await;
    all_read(&engine, "The party is on Thursday").await;
    let corrected = |run: &Run| run.is_over() && run.recall.is_some();
    let over = until(&engine, &run.id, "all is corrected", corrected).await;
    assert_eq!(over.tally.delivered, run.expected);
    assert_eq!(
        engine.teams.received().len() as u64,
        run.expected,
        "nobody got a second message"
    );
    // A text in the place of a card.
    ordered(&engine, &run, "recall", json!({ "text": "There is **no** party" })).await;
    all_read(&engine, "There is **no** party").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_teams_has_no_more_counts_as_taken_back_and_one_that_it_keeps_is_named() {
    let engine = engine(1000).await;
    let run = announce(&engine, "on Friday").await;
    until(&engine, &run.id, "all have it", Run::is_over).await;
    let names = names(&engine).await;
    let (lost, kept) = (names[0].as_str(), names[1].as_str());
    let message_of = |name: &str| {
        let shown = engine.teams.shown_in(name);
        shown.into_iter().find(|shown| shown.by_bot).expect("it arrived").id
    };
    assert!(engine.teams.lose_message(lost, &message_of(lost)));
    let chat = engine.teams.conversation_id(kept).expect("a chat");
    let refuses = Script::status(400)
        .on(Operation::Delete)
        .in_conversation(&chat)
        .always();
    engine.teams.answer_next(refuses);
    ordered(&engine, &run, "recall", json!({})).await;
    let over = until(&engine, &run.id, "it is over", |run| {
        run.recall.is_some() && run.is_over()
    })
    .await;
    assert_eq!((over.tally.recalled, over.tally.delivered), (run.expected - 1, 1));
    let deliveries = of_run(&engine, &run).await;
    let of = |name: &str| deliveries.iter().find(|d| d.recipient.name == name).expect("theirs");
    assert_eq!(of(lost).state, State::Recalled);
    assert_eq!(of(kept).state, State::Delivered);
    let reason = of(kept).reason.clone().unwrap_or_default();
    assert!(reason.starts_with("it could not be taken back: "), "{reason}");
    let (_, shown) = engine.get(&format!("/admin/v1/runs/{}", run.id)).await;
    assert_eq!(shown["failures"][0]["recipient"], kept, "{shown}");
    assert_eq!(shown["failures"].as_array().map(Vec::len), Some(1));
    let text = shown["text"].as_str().expect("a text");
    assert!(
        text.contains(&format!("  {kept}: it could not be taken back: ")),
        "{text}"
    );
    let (_, why) = engine
        .get(&format!("/admin/v1/events/{}?recipient={}", run.event_id, "a"))
        .await;
    assert!(
        why["text"].as_str().is_some_and(|text| text.contains("taken back at ")),
        "{why}"
    );

    // The cause is mended, and somebody says it again.
    engine.teams.forget_scripts();
    ordered(&engine, &run, "recall", json!({})).await;
    until(&engine, &run.id, "the last one is gone", |run| {
        run.tally.recalled == run.expected
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_stands_for_its_run_where_it_has_one_and_lists_them_where_it_has_several() {
    let engine = engine(1000).await;
    let single = announce(&engine, "on Friday").await;
    let (status, shown) = engine.get(&format!("/admin/v1/runs/{}", single.event_id)).await;
    assert_eq!((status, &shown["run"]["id"]), (200, &json!(single.id)));

    let event = &post(&engine, json!({ "for": "all", "twice": true, "text": "again" })).await;
    let (status, several) = engine.get(&format!("/admin/v1/runs/{event}")).await;
    assert_eq!(
        (status, &several["error"]["code"]),
        (409, &json!("several_runs")),
        "{several}"
    );
    for rule in [RULE, "other"] {
        let id = RunId::of(event, rule);
        assert!(message(&several).contains(&format!("{id} ({rule})")), "{several}");
    }
    let (_, listed) = engine.get(&format!("/admin/v1/runs?event={event}")).await;
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    let (_, deliveries) = engine
        .get(&format!(
            "/admin/v1/deliveries?run={}&limit=1000",
            listed[1]["run"]["id"].as_str().expect("an id")
        ))
        .await;
    let rule = &listed[1]["run"]["rule"];
    let deliveries = deliveries.as_array().expect("a list").clone();
    assert!(!deliveries.is_empty() && deliveries.iter().all(|delivery| delivery["rule"] == *rule));
    let (status, unknown) = engine.get("/admin/v1/runs/ev_1").await;
    assert_eq!(status, 404, "{unknown}");
    assert!(
        message(&unknown).contains("no run belongs to the event `ev_1`"),
        "{unknown}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_come_in_the_place_of_a_message_is_refused_and_nothing_changes() {
    let engine = engine(1000).await;
    let run = announce(&engine, "on Friday").await;
    until(&engine, &run.id, "all have it", Run::is_over).await;
    let block = |text: &str| json!({ "type": "AdaptiveCard", "body": [{ "type": "TextBlock", "text": text }] });
    let bad = [
        (
            json!({ "text": "Hello {{recipient.name}}" }),
            "no event to fill it in with",
        ),
        (json!({ "text": " " }), "the text is empty"),
        (json!({ "card": block("{{event.text}}") }), "body, item 1, text: "),
        (
            json!({ "card": { "type": "AdaptiveCard", "body": [{ "type": "TextBlok" }] } }),
            "did you mean `TextBlock`?",
        ),
        (json!({ "card": [] }), "not a list"),
        (json!({ "card": block("x"), "text": "x" }), "not both"),
    ];
    for (body, sentence) in bad {
        let (status, answer) = order(&engine, run.id.as_str(), "recall", body).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (400, &json!("bad_card")),
            "{answer}"
        );
        assert!(message(&answer).contains(sentence), "{sentence}: {answer}");
    }
    let (status, answer) = order(&engine, run.id.as_str(), "recall", json!({ "txt": "x" })).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (400, &json!("bad_body")),
        "{answer}"
    );
    let (status, _) = order(&engine, "rn_1", "pause", json!({})).await;
    assert_eq!(status, 404);
    let (status, answer) = order(&engine, run.id.as_str(), "cancel", json!({})).await;
    assert_eq!(status, 409, "{answer}");
    assert!(message(&answer).contains("there is nothing left to cancel"), "{answer}");
    let unchanged = self::run(&engine, &run.id).await.expect("it is there");
    assert_eq!((unchanged.tally.delivered, unchanged.recall), (run.expected, None));
}
