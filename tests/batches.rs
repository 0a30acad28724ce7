//! One request for many people: who goes together and who does not, what Teams says of each later, cancelling, restarts.

use std::collections::BTreeMap;
use std::time::Duration;

use herald::delivery::{Delivery, RunId, State};
use herald::event::EventId;
use herald::roster::Person;
use herald::run::Run;
use herald::sandbox::{Naming, Operation, Script};
use herald::store::directory::Entry;
use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace, texts};

/// How many are added to those that the team Platform has anyway, so that there are thirty.
const MORE: usize = 23;
const EVERYBODY: u64 = 30;
const RULE: &str = "office/party";
const PARTY: &str = "language: en\nwhen: { hook: ci }\nnotify: [{ members_of: Platform }]\n\
                     card: { title: The party, text: \"{{event.text}}\" }\n";
const BATCHES: &str = "send: { batch: { above: 10, size: 12 } }\n";

/// An engine with batches, whose rule tells thirty people who have the app.
async fn engine(rule: &str) -> Engine {
    engine_with(rule, BATCHES).await
}

async fn engine_with(rule: &str, settings: &str) -> Engine {
    engine_of(EVERYBODY as usize, rule, settings).await
}

/// The same, with so many people.
async fn engine_of(everybody: usize, rule: &str, settings: &str) -> Engine {
    let more = everybody - (EVERYBODY as usize - MORE);
    let engine = Workspace::new()
        .rule(RULE, rule)
        .settings(settings)
        .start_with(|teams| teams.fill_silently("Platform", more).expect("there is a team"))
        .await;
    engine.known(&["Platform"]).await;
    let names: Vec<String> = people(&engine)
        .await
        .into_iter()
        .filter_map(|person| person.name)
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(names.len(), everybody);
    engine.installed(&names).await;
    engine
}

async fn people(engine: &Engine) -> Vec<Person> {
    let directory = &engine.server().stores().directory;
    let all = directory.list(None, 5000).await.expect("readable");
    let roster = all.into_iter().find_map(|(_, entry)| match entry {
        Entry::Roster(roster) if roster.members.len() > MORE => Some(roster.members),
        _ => None,
    });
    roster.expect("it is known who is in Platform")
}

async fn announce(engine: &Engine, text: &str) -> RunId {
    let (status, answer) = engine.post("/hooks/ci", &json!({ "text": text })).await;
    assert_eq!(status, 202, "{answer}");
    let event = EventId::known(answer["event"].as_str().expect("an event"));
    RunId::of(&event, RULE)
}

async fn run(engine: &Engine, id: &RunId) -> Run {
    let outbox = &engine.server().stores().outbox;
    outbox.run(id).await.expect("readable").expect("the run is there")
}

fn asked(engine: &Engine, operation: Operation) -> usize {
    let calls = engine.teams.calls();
    calls.iter().filter(|call| call.operation == operation).count()
}

/// How many messages each chat got.
fn messages(engine: &Engine) -> BTreeMap<String, usize> {
    let mut messages = BTreeMap::new();
    for received in engine.teams.received() {
        *messages.entry(received.conversation).or_default() += 1;
    }
    messages
}

fn each_has_one(engine: &Engine) {
    let messages = messages(engine);
    assert_eq!(messages.len() as u64, EVERYBODY, "{messages:#?}");
    assert!(messages.values().all(|count| *count == 1), "{messages:#?}");
}

fn is_in_a_batch(delivery: &Delivery) -> bool {
    delivery.state == State::Sending && delivery.batch.is_some()
}

/// Waits until Teams has everybody in batches.
async fn all_aboard(engine: &Engine) -> Vec<Delivery> {
    engine
        .until("everybody is in a batch", |all| {
            all.len() as u64 == EVERYBODY && all.iter().all(is_in_a_batch)
        })
        .await
}

async fn story(engine: &Engine, run: &RunId) -> String {
    let (status, answer) = engine.get(&format!("/admin/v1/runs/{}", run.as_str())).await;
    assert_eq!(status, 200, "{answer}");
    answer["text"].as_str().expect("a text").to_owned()
}

/// What `herald why` says of the delivery to this person.
async fn why(engine: &Engine, name: &str) -> String {
    let all = engine.deliveries().await;
    let theirs = all.iter().find(|delivery| delivery.recipient.name == name);
    let event = theirs.expect("there is one").event_id.clone();
    let said = engine.herald(&["why", event.as_str(), "--recipient", name]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    said.out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_people_get_their_card_with_three_requests() {
    let engine = engine(PARTY).await;
    engine.teams.take_for_batches(Duration::from_secs(3));
    let id = announce(&engine, "on Friday").await;
    let all = engine.settled().await;
    assert_eq!(asked(&engine, Operation::Batch), 3);
    assert_eq!(asked(&engine, Operation::Send), 0);
    each_has_one(&engine);
    assert!(texts(&engine.teams.received()[0].activity).contains("on Friday"));
    for delivery in &all {
        assert_eq!(delivery.state, State::Delivered, "{delivery:#?}");
        assert!(
            delivery.batch.is_some() && delivery.activity_id.is_none(),
            "{delivery:#?}"
        );
        assert!(delivery.conversation_id.is_some(), "{delivery:#?}");
        assert_eq!(delivery.attempt_count, 1, "{delivery:#?}");
    }
    let calls = engine.teams.calls();
    let begun: Vec<_> = calls.iter().filter(|call| call.operation == Operation::Batch).collect();
    let looks: Vec<_> = calls
        .iter()
        .filter(|call| call.operation == Operation::BatchState)
        .collect();
    assert_eq!(
        looks.len(),
        6,
        "once before the time that Teams names, and once after it: {looks:#?}"
    );
    let last_of_first = looks
        .iter()
        .rfind(|look| look.conversation == looks[0].conversation)
        .expect("there");
    assert!(
        (last_of_first.at - begun[0].at).num_milliseconds() >= 2_900,
        "{looks:#?}"
    );

    let run = run(&engine, &id).await;
    let together = run.together.clone().expect("it went in batches");
    assert_eq!((together.batches, together.deliveries), (3, EVERYBODY));
    assert_eq!(run.tally.delivered, EVERYBODY);
    let story = story(&engine, &id).await;
    assert!(story.contains("30 of its cards went to Teams in 3 batches"), "{story}");
    let why = why(&engine, "Anna Berg").await;
    assert!(
        why.contains("in a batch, so it can be neither taken back nor corrected"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_did_not_get_it_is_treated_as_if_it_had_gone_by_itself() {
    let engine = engine(PARTY).await;
    engine.teams.name_batches(Naming::Text);
    engine.teams.take_for_batches(Duration::from_secs(5));
    engine.teams.set_blocked("Anna Berg", true).expect("known");
    engine.teams.place_silently("Omar Haddad", false).expect("known");
    let throttled = engine.teams.member("Chloé Dubois").expect("known");
    let entries = json!({ "failedEntryResponses": [{ "entryId": throttled["id"], "error": "TooManyRequests" }] });
    // More than a page of them.
    for number in 1..=7 {
        let name = format!("Member {number:05}");
        engine.teams.place_silently(&name, false).expect("known");
    }
    // Those of one batch are told otherwise than they were named, and one of them is to be sent again.
    let id = announce(&engine, "on Friday").await;
    let all = engine
        .until("all are in batches", |all| {
            all.iter().filter(|one| one.batch.is_some()).count() as u64 == EVERYBODY
        })
        .await;
    let hers = all
        .iter()
        .find(|one| one.recipient.name == "Chloé Dubois")
        .expect("there");
    let operation = hers.batch.clone().expect("in a batch");
    let in_it: Vec<_> = all
        .iter()
        .filter(|one| one.batch.as_ref() == Some(&operation))
        .map(|one| one.recipient.name.clone())
        .collect();
    engine.teams.answer_next(
        Script::status(200)
            .body(&entries)
            .on(Operation::BatchFailures)
            .in_conversation(&operation)
            .always(),
    );
    let all = engine.settled().await;
    let out = |name: &str| name != "Chloé Dubois" && in_it.iter().any(|known| known == name);
    let failed: Vec<_> = all
        .iter()
        .filter(|one| one.state == State::Dead)
        .map(|one| one.recipient.name.clone())
        .collect();
    let mut expected: Vec<String> = ["Anna Berg".to_owned(), "Omar Haddad".to_owned()]
        .into_iter()
        .chain((1..=7).map(|number| format!("Member {number:05}")))
        .filter(|name| !out(name))
        .collect();
    expected.sort();
    assert!(!expected.is_empty());
    let mut told = failed.clone();
    told.sort();
    assert_eq!(told, expected);
    for dead in all.iter().filter(|one| one.state == State::Dead) {
        let reason = dead.reason.as_deref().unwrap_or_default();
        assert!(reason.contains("not installed") && reason.contains("403"), "{reason}");
    }
    let chloe = all
        .iter()
        .find(|one| one.recipient.name == "Chloé Dubois")
        .expect("there");
    assert_eq!(chloe.state, State::Delivered);
    assert!(
        chloe.terms.by_itself && chloe.batch.is_none() && chloe.activity_id.is_some(),
        "{chloe:#?}"
    );
    assert_eq!(chloe.attempt_count, 2, "{chloe:#?}");
    assert_eq!(asked(&engine, Operation::Send), 1);
    let why = why(&engine, "Chloé Dubois").await;
    assert!(
        why.contains("by itself, because the batch that it was in did not bring it"),
        "{why}"
    );
    let run = run(&engine, &id).await;
    assert_eq!(run.tally.dead as usize, expected.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_of_their_own_for_each_goes_one_by_one_and_the_run_says_why() {
    let personal = PARTY.replace("{{event.text}}", "Hello {{recipient.name}}");
    let engine = engine(&personal).await;
    let id = announce(&engine, "").await;
    engine.settled().await;
    assert_eq!(asked(&engine, Operation::Batch), 0);
    each_has_one(&engine);
    let story = story(&engine, &id).await;
    assert!(
        story.contains("Cards go one by one: its cards differ from person to person"),
        "{story}"
    );
    let why = why(&engine, "Anna Berg").await;
    assert!(why.contains("by itself, because its cards differ"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cards_that_change_later_go_one_by_one() {
    let engine = engine(&format!("{PARTY}track: {{ by: \"{{{{event.text}}}}\" }}\n")).await;
    let id = announce(&engine, "on Friday").await;
    let all = engine.settled().await;
    assert_eq!(asked(&engine, Operation::Batch), 0);
    assert!(all.iter().all(|one| one.activity_id.is_some()));
    let story = story(&engine, &id).await;
    assert!(
        story.contains("Cards go one by one: cards of this rule change"),
        "{story}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_in_batches_unless_the_settings_say_so() {
    let engine = engine_with(PARTY, "").await;
    let id = announce(&engine, "on Friday").await;
    let all = engine.settled().await;
    assert_eq!(asked(&engine, Operation::Batch), 0);
    assert_eq!(asked(&engine, Operation::Send) as u64, EVERYBODY);
    assert!(all.iter().all(|one| one.activity_id.is_some()));
    assert_eq!(run(&engine, &id).await.together, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_teams_takes_no_batches_everybody_gets_it_one_by_one() {
    let engine = engine(PARTY).await;
    engine
        .teams
        .answer_next(Script::status(404).on(Operation::Batch).always());
    let id = announce(&engine, "on Friday").await;
    engine.settled().await;
    each_has_one(&engine);
    let tried = asked(&engine, Operation::Batch);
    assert!((1..=3).contains(&tried), "{tried}");
    let told = story(&engine, &id).await;
    assert!(told.contains("Teams did not take a batch: it answered 404"), "{told}");

    let again = announce(&engine, "on Thursday").await;
    engine.settled().await;
    assert_eq!(asked(&engine, Operation::Batch), tried, "it is not tried again so soon");
    let told = story(&engine, &again).await;
    assert!(told.contains("Teams did not take a batch: it answered 404"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_batch_goes_again_as_a_batch() {
    let engine = engine(PARTY).await;
    engine
        .teams
        .answer_next(Script::throttled().retry_after(1).on(Operation::Batch).times(1));
    announce(&engine, "on Friday").await;
    let all = engine.settled().await;
    each_has_one(&engine);
    assert_eq!(asked(&engine, Operation::Send), 0);
    assert!(asked(&engine, Operation::Batch) >= 4);
    assert!(all.iter().all(|one| one.batch.is_some() && one.activity_id.is_none()));
    assert!(all.iter().any(|one| one.attempt_count == 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_goes_on_asking_for_the_batches_that_teams_has() {
    let mut engine = engine(PARTY).await;
    engine.teams.take_for_batches(Duration::from_secs(6));
    let id = announce(&engine, "on Friday").await;
    all_aboard(&engine).await;
    engine.restart().await;
    let all = engine.settled().await;
    assert_eq!(asked(&engine, Operation::Batch), 3);
    assert_eq!(asked(&engine, Operation::Send), 0);
    each_has_one(&engine);
    assert!(
        all.iter()
            .all(|one| one.state == State::Delivered && one.batch.is_some())
    );
    assert_eq!(run(&engine, &id).await.tally.delivered, EVERYBODY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_a_run_stops_its_batches() {
    let engine = engine(PARTY).await;
    engine.teams.take_for_batches(Duration::from_secs(600));
    let id = announce(&engine, "on Friday").await;
    let all = all_aboard(&engine).await;
    // Of one of them Teams says no more once it is stopped.
    let silent = all[0].batch.clone().expect("in a batch");
    for operation in [Operation::BatchState, Operation::BatchFailures] {
        engine
            .teams
            .answer_next(Script::status(404).on(operation).in_conversation(&silent).always());
    }
    let (status, answer) = engine
        .post(&format!("/admin/v1/runs/{}/cancel", id.as_str()), &json!({}))
        .await;
    assert_eq!(status, 200, "{answer}");
    let all = engine.settled().await;
    assert_eq!(asked(&engine, Operation::CancelBatch), 3);
    for delivery in &all {
        match delivery.batch.as_ref() == Some(&silent) {
            true => {
                assert_eq!(delivery.state, State::Cancelled, "{delivery:#?}");
                let reason = delivery.reason.as_deref().unwrap_or_default();
                assert!(
                    reason.contains("Teams does not say whether this card arrived"),
                    "{reason}"
                );
            }
            // The others were through before Teams was asked to stop.
            false => assert_eq!(delivery.state, State::Delivered, "{delivery:#?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_in_a_batch_cannot_be_taken_back_and_says_so() {
    let engine = engine(PARTY).await;
    let id = announce(&engine, "on Friday").await;
    let all = engine.settled().await;
    let (status, answer) = engine
        .post(&format!("/admin/v1/runs/{}/recall", id.as_str()), &json!({}))
        .await;
    assert_eq!(status, 200, "{answer}");
    let said = engine.herald(&["runs", "recall", id.as_str(), "--yes"]).await;
    assert!(
        said.out.contains("they can be neither taken back nor corrected"),
        "{}",
        said.out
    );
    let is_told = |one: &Delivery| {
        let reason = one.reason.as_deref().unwrap_or_default();
        one.state == State::Delivered
            && reason.contains("it was sent in a batch, and Teams tells no ids of such messages")
    };
    engine.until("each says why", |all| all.iter().all(is_told)).await;
    each_has_one(&engine);
    let url = format!("/admin/v1/deliveries/{}/update", all[0].id.as_str());
    let (status, answer): (u16, Value) = engine.post(&url, &json!({ "text": "on Thursday" })).await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer.to_string().contains("it was sent in a batch"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_teams_gives_up_goes_to_everybody_one_by_one() {
    let engine = engine_with(PARTY, "send: { batch: { above: 10, size: 100 } }\n").await;
    engine.teams.fail_next_batch();
    let id = announce(&engine, "on Friday").await;
    let all = engine.settled().await;
    each_has_one(&engine);
    assert_eq!(asked(&engine, Operation::Batch), 1);
    assert_eq!(asked(&engine, Operation::Send) as u64, EVERYBODY);
    assert!(
        all.iter()
            .all(|one| one.state == State::Delivered && one.attempt_count == 2 && one.activity_id.is_some()),
        "{all:#?}"
    );
    assert_eq!(run(&engine, &id).await.tally.delivered, EVERYBODY);
    let why = why(&engine, "Anna Berg").await;
    assert!(
        why.contains("by itself, because the batch that it was in did not bring it"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_which_teams_tells_no_id_is_not_sent_again_and_says_what_is_not_known() {
    let engine = engine(PARTY).await;
    engine.teams.name_batches(Naming::Nothing);
    announce(&engine, "on Friday").await;
    let all = engine.settled().await;
    each_has_one(&engine);
    assert_eq!(asked(&engine, Operation::Batch), 3);
    assert_eq!(asked(&engine, Operation::BatchState), 0);
    assert!(
        all.iter()
            .all(|one| one.state == State::Delivered && one.attempt_count == 1)
    );
    let why = why(&engine, "Anna Berg").await;
    assert!(why.contains("whether it arrived cannot be asked"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_people_get_their_card_with_a_handful_of_requests() {
    let engine = engine_of(1000, PARTY, "send: { batch: { above: 10, size: 1000 } }\n").await;
    let id = announce(&engine, "on Friday").await;
    let all = engine.settled().await;
    assert_eq!(all.len(), 1000);
    // They go as they are decided, and do not wait for the last of them.
    let batches = asked(&engine, Operation::Batch);
    assert!((1..=8).contains(&batches), "{batches}");
    assert_eq!(asked(&engine, Operation::Send), 0);
    let messages = messages(&engine);
    assert_eq!(messages.len(), 1000);
    assert!(messages.values().all(|count| *count == 1));
    let run = run(&engine, &id).await;
    assert_eq!(run.tally.delivered, 1000);
    let together = run.together.expect("it went in batches");
    assert_eq!((together.batches, together.deliveries), (batches as u64, 1000));
}
