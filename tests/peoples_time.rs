//! People's time: quiet hours, schedules by each recipient's clock, and who is chosen by what is known of them.

use std::time::Duration;

use herald::choice::{Choices, PersonKey};
use herald::delivery::{Delivery, State};
use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace, texts};

/// Half past ten in the evening in Berlin, half past one at night in Dubai.
const NIGHT: &str = "2026-03-02T21:30:00Z";

const BOTH: &str = "
when: { hook: ci }
notify: [{ people: [Anna Berg, Omar Haddad] }]
card: { text: \"{{event.text}}\" }
";

/// Where they live, without a word of theirs.
const ZONES: &str = "people:
  anna: { email: anna.berg@contoso.example, time_zone: Europe/Berlin }
  omar: { email: omar.haddad@contoso.example, time_zone: Asia/Dubai }
";

async fn at_night(workspace: Workspace) -> Engine {
    let engine = workspace.clock_at(NIGHT).start().await;
    arrive(&engine, &["Anna Berg", "Omar Haddad"]).await;
    engine
}

/// A workspace in which a rule takes what people say to begin with: nobody answers it.
fn workspace() -> Workspace {
    Workspace::new().rule(
        "silence",
        "when: { message: hello }\nif: { event.scope: nowhere }\nnotify: [{ here: true }]\ncard: { message: never }\n",
    )
}

/// They have the bot, and say something to it: so Teams tells of their zone and language.
async fn arrive(engine: &Engine, people: &[&str]) {
    engine.known(people).await;
    for name in people {
        let answer = engine
            .teams
            .say(name, name, None, "hello")
            .await
            .expect("Teams tells Herald");
        assert!(answer.accepted(), "{answer:?}");
    }
}

async fn post(engine: &Engine, text: &str) -> Value {
    let (status, answer) = engine.post("/hooks/ci", &json!({ "text": text })).await;
    assert_eq!(status, 202, "{answer}");
    answer
}

/// Sets the clock once nothing is on its way: an answer that comes a day later counts as none.
async fn set(engine: &Engine, instant: &str) {
    engine
        .until("nothing is on its way", |all| {
            all.iter().all(|delivery| delivery.state != State::Sending)
        })
        .await;
    let hand = engine.hand.as_ref().expect("the clock is the test's");
    hand.set(instant.parse().expect("an instant"));
}

/// Whom Teams has a message for, in the order in which they came, with what it says.
fn told(engine: &Engine) -> Vec<String> {
    let received = engine.teams.received();
    received.iter().map(|message| texts(&message.activity)).collect()
}

fn of<'a>(deliveries: &'a [Delivery], name: &str) -> &'a Delivery {
    let found = deliveries.iter().find(|delivery| delivery.recipient.name == name);
    found.unwrap_or_else(|| panic!("{name} is owed nothing: {deliveries:#?}"))
}

/// Nothing comes of it for a moment.
async fn nothing_more_than(engine: &Engine, count: usize) {
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(engine.teams.received().len(), count, "{:#?}", told(engine));
}

async fn why(engine: &Engine, answer: &Value) -> String {
    let event = answer["event"].as_str().expect("an event");
    let said = engine.herald(&["why", event]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    said.out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_comes_at_night_is_sent_in_the_morning_where_each_lives() {
    let workspace = workspace().rule("r", BOTH).settings("quiet_hours: \"22:00-07:00\"\n");
    let mut engine = at_night(workspace).await;
    let answer = post(&engine, "news").await;
    nothing_more_than(&engine, 0).await;
    let waiting = engine.deliveries().await;
    let anna = of(&waiting, "Anna Berg");
    assert_eq!(
        anna.reason.as_deref(),
        Some("quiet hours (22:00-07:00): it is sent on Tuesday, 2026-03-03 at 07:00 in Europe/Berlin")
    );
    let story = why(&engine, &answer).await;
    assert!(
        story.contains("Omar Haddad: waiting until 2026-03-03 03:00:00 UTC: quiet hours"),
        "{story}"
    );
    engine.restart().await;
    set(&engine, "2026-03-03T02:59:59Z").await;
    nothing_more_than(&engine, 0).await;
    set(&engine, "2026-03-03T03:00:01Z").await;
    engine
        .until("Omar is told", |all| of(all, "Omar Haddad").state == State::Delivered)
        .await;
    nothing_more_than(&engine, 1).await;
    set(&engine, "2026-03-03T06:00:01Z").await;
    let all = engine
        .until("Anna is told", |all| of(all, "Anna Berg").state == State::Delivered)
        .await;
    assert_eq!(of(&all, "Anna Berg").reason, None, "it waits for nothing any more");
    nothing_more_than(&engine, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_urgent_comes_at_any_hour_and_does_not_wait_behind_what_waits() {
    let workspace = workspace()
        .rule("r", BOTH)
        .rule("urgent", &format!("{BOTH}urgency: high\nif: {{ event.text: fire }}\n"))
        .settings("quiet_hours: \"22:00-07:00\"\n");
    let engine = at_night(workspace).await;
    post(&engine, "news").await;
    post(&engine, "fire").await;
    engine.messages(2).await;
    assert_eq!(told(&engine), ["fire", "fire"]);
    nothing_more_than(&engine, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_keep_hours_of_their_own_and_a_rule_may_drop_what_comes_at_night() {
    let directory = "people:\n  anna: { email: anna.berg@contoso.example, quiet_hours: none }\n";
    let workspace = workspace()
        .file("directory.yaml", directory)
        .rule("r", BOTH)
        .rule(
            "strict",
            &format!("{BOTH}quiet_hours: {{ from: \"22:00\", to: \"07:00\", then: drop }}\n"),
        )
        .settings("quiet_hours: \"22:00-07:00\"\n");
    let engine = at_night(workspace).await;
    // Whoever chooses for themselves is heard before everybody else.
    let omar = engine.key_of("Omar Haddad").await;
    let directory = engine.server().stores().directory.clone();
    let choices = Choices {
        quiet_hours: Some("03:00-04:00".to_owned()),
        ..Choices::default()
    };
    directory.set_choices(&omar, &choices).await.expect("set");
    let answer = post(&engine, "news").await;
    engine.messages(2).await;
    nothing_more_than(&engine, 2).await;
    let story = why(&engine, &answer).await;
    assert!(
        story.contains("Anna Berg: not told: it was quiet there until 2026-03-03 06:00 UTC, and the rule drops"),
        "{story}"
    );
    let (_, metrics) = engine.get("/metrics").await;
    let metrics = metrics.as_str().expect("text");
    assert!(
        metrics.contains("herald_deliveries_skipped_total{reason=\"quiet_hours\"} 2"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_at_night_is_told_in_one_card_in_the_morning_where_somebody_wants_that() {
    let rule = format!("{BOTH}limit: {{ once_per: 10 minutes, rest: digest }}\nlanguage: en\n");
    let workspace = workspace()
        .rule("r", &rule)
        .settings("quiet_hours: { from: \"22:00\", to: \"07:00\", then: digest }\n");
    let mut engine = workspace.file("directory.yaml", ZONES).clock_at(NIGHT).start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    let answer = post(&engine, "disk full").await;
    post(&engine, "disk fuller").await;
    let story = why(&engine, &answer).await;
    assert!(
        story.contains(
            "Anna Berg: quiet hours: gathered, and told in one card when they end, at 2026-03-03 06:00:00 UTC"
        ),
        "{story}"
    );
    assert!(story.contains("2 cards held back."), "{story}");
    // Two limits of ten minutes end in the meantime: they have nothing to do with it.
    set(&engine, "2026-03-02T21:55:00Z").await;
    engine.restart().await;
    post(&engine, "disk empty").await;
    nothing_more_than(&engine, 0).await;
    set(&engine, "2026-03-03T02:59:59Z").await;
    nothing_more_than(&engine, 0).await;
    set(&engine, "2026-03-03T03:00:01Z").await;
    engine.messages(1).await;
    engine.settled().await;
    set(&engine, "2026-03-03T06:00:01Z").await;
    engine.messages(2).await;
    for card in told(&engine) {
        assert!(card.contains("3 in quiet hours: r"), "{card}");
        for text in ["disk full", "disk fuller", "disk empty"] {
            assert!(card.contains(text), "{card}");
        }
    }
    let told: Vec<String> = engine
        .settled()
        .await
        .into_iter()
        .map(|one| one.recipient.name)
        .collect();
    assert!(told.contains(&"Anna Berg".to_owned()) && told.contains(&"Omar Haddad".to_owned()));
    // By day everything is as it was.
    post(&engine, "good morning").await;
    engine.messages(4).await;
    post(&engine, "and another").await;
    nothing_more_than(&engine, 4).await;
    set(&engine, "2026-03-03T06:10:02Z").await;
    engine.messages(6).await;
    let (_, metrics) = engine.get("/metrics").await;
    let metrics = metrics.as_str().expect("text");
    assert!(
        metrics.contains("herald_deliveries_skipped_total{reason=\"quiet_hours\"} 2"),
        "counted since the restart: {metrics}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_that_becomes_due_at_night_waits_for_the_morning() {
    let rule = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { text: \"{{event.text}}\" }\n\
                limit: { once_per: 10 minutes, rest: digest }\nexpires_after: 1 hour\nlanguage: en\n";
    let workspace = workspace()
        .rule("r", rule)
        .settings("quiet_hours: \"22:00-07:00\"\n")
        .file("directory.yaml", ZONES)
        .clock_at("2026-03-02T20:55:00Z");
    let mut engine = workspace.start().await;
    engine.known(&["Anna Berg"]).await;
    post(&engine, "first").await;
    post(&engine, "second").await;
    engine.messages(1).await;
    engine.settled().await;
    set(&engine, "2026-03-02T21:05:01Z").await;
    let waiting = |all: &[Delivery]| {
        all.iter()
            .any(|one| one.state == State::Pending && one.reason.is_some())
    };
    let all = engine.until("the digest waits", waiting).await;
    assert!(
        all.iter().any(|one| one.reason.as_deref()
            == Some("quiet hours (22:00-07:00): it is sent on Tuesday, 2026-03-03 at 07:00 in Europe/Berlin")),
        "{all:#?}"
    );
    engine.restart().await;
    set(&engine, "2026-03-03T05:59:59Z").await;
    nothing_more_than(&engine, 1).await;
    set(&engine, "2026-03-03T06:00:01Z").await;
    engine.messages(2).await;
    let told = told(&engine);
    assert!(told[1].contains("1 more: r") && told[1].contains("second"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_would_come_too_late_is_not_kept_and_channels_wait_only_if_somebody_asks_for_it() {
    let channel =
        "when: { hook: ci }\nnotify: [{ channel: Platform / Releases }]\ncard: { text: \"{{event.text}}\" }\n";
    let workspace = workspace()
        .rule("short", &format!("{BOTH}expires_after: 2 hours\n"))
        .rule("there", channel)
        .rule(
            "later",
            &format!("{channel}quiet_hours: {{ from: \"21:00\", to: \"07:00\", also_in_channels: true }}\n"),
        )
        .settings("quiet_hours: \"22:00-07:00\"\n");
    let engine = at_night(workspace).await;
    engine.known(&["Platform"]).await;
    let answer = post(&engine, "news").await;
    engine.messages(1).await;
    nothing_more_than(&engine, 1).await;
    let story = why(&engine, &answer).await;
    assert!(
        story.contains("Omar Haddad: not told: it was quiet there until 2026-03-03 03:00 UTC"),
        "{story}"
    );
    assert!(
        story.contains("not worth sending any more (`expires_after`)"),
        "{story}"
    );
    set(&engine, "2026-03-03T07:00:01Z").await;
    engine.messages(2).await;
    nothing_more_than(&engine, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_at_night_is_answered_at_once() {
    let rule = "when: { message: status }\nnotify: [{ here: true }]\ncard: { message: All is well. }\n";
    let workspace = workspace().rule("r", rule).settings("quiet_hours: \"22:00-07:00\"\n");
    let engine = at_night(workspace).await;
    let answers = engine
        .teams
        .say("Anna Berg", "Anna Berg", None, "status")
        .await
        .expect("Teams tells Herald");
    assert!(answers.accepted(), "{answers:?}");
    engine.messages(1).await;
}

const MORNING: &str = "
when: { cron: \"0 9 * * *\", time_zone: recipient }
notify: [{ everyone: true }, { person: nobody@contoso.example }]
card: { text: \"Good morning at {{event.local_time}}\" }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_in_the_morning_comes_where_each_lives_once_for_each_date() {
    let engine = workspace()
        .rule("morning", MORNING)
        .clock_at("2026-03-02T04:00:00Z")
        .start()
        .await;
    arrive(&engine, &["Anna Berg", "Omar Haddad"]).await;
    let mut engine = engine;
    tokio::time::sleep(Duration::from_millis(300)).await;
    set(&engine, "2026-03-02T05:00:01Z").await;
    engine.messages(1).await;
    nothing_more_than(&engine, 1).await;
    assert_eq!(told(&engine), ["Good morning at 2026-03-02T09:00:00+04:00"]);
    engine.restart().await;
    nothing_more_than(&engine, 1).await;
    // Omar flies west, where it is nine once more.
    let omar = engine.key_of("Omar Haddad").await;
    let directory = engine.server().stores().directory.clone();
    let choices = Choices {
        time_zone: Some("Europe/Berlin".to_owned()),
        ..Choices::default()
    };
    directory.set_choices(&omar, &choices).await.expect("set");
    set(&engine, "2026-03-02T08:00:01Z").await;
    engine.messages(2).await;
    nothing_more_than(&engine, 2).await;
    assert_eq!(told(&engine)[1], "Good morning at 2026-03-02T09:00:00+01:00");
    let berlin = of(&engine.deliveries().await, "Anna Berg").event_id.clone();
    let story = why(&engine, &json!({ "event": berlin.as_str() })).await;
    assert!(
        story.contains("Omar Haddad: not told: the same moment came before"),
        "{story}"
    );
    // By the workspace's clock it is nine an hour later: who cannot be found is told of then, and only then.
    let dead = |all: &[Delivery]| all.iter().filter(|delivery| delivery.state == State::Dead).count();
    assert_eq!(dead(&engine.deliveries().await), 0);
    set(&engine, "2026-03-02T09:00:01Z").await;
    engine.until("nobody is told of", |all| dead(all) == 1).await;
    set(&engine, "2026-03-03T08:00:01Z").await;
    let all = engine.until("both live in Berlin", |all| all.len() == 5).await;
    assert_eq!(dead(&all), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_chosen_by_what_is_known_of_them() {
    let directory = "people:
  anna: { email: anna.berg@contoso.example, fields: { office: Berlin } }
  omar: { email: omar.haddad@contoso.example, fields: { office: Dubai } }
audiences:
  offices: [{ everyone: true, where: { office: { exists: true } } }]
";
    let rule = |notify: &str| {
        format!("when: {{ hook: ci }}\nnotify: [{notify}]\ncard: {{ text: \"{{{{event.text}}}}\" }}\n")
    };
    let engine = workspace()
        .file("directory.yaml", directory)
        .rule("berlin", &rule("{ everyone: true, where: { office: Berlin } }"))
        .rule(
            "german",
            &rule("{ everyone: true, where: { language: de, guest: false } }"),
        )
        .rule(
            "offices",
            &format!(
                "{}except: [{{ everyone: true, where: {{ office: Berlin }} }}]\n",
                rule("{ people: offices }")
            ),
        )
        .rule(
            "both",
            &rule("{ everyone: true, where: { office: Berlin } }, { person: Chloé Dubois }"),
        )
        .start()
        .await;
    arrive(&engine, &["Anna Berg", "Omar Haddad", "Chloé Dubois"]).await;
    let answer = post(&engine, "news").await;
    let mut told: Vec<String> = engine
        .settled()
        .await
        .iter()
        .map(|delivery| format!("{}: {}", delivery.rule, delivery.recipient.name))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "berlin: Anna Berg",
            "both: Anna Berg",
            "both: Chloé Dubois",
            "german: Anna Berg",
            "offices: Omar Haddad",
        ]
    );
    let story = why(&engine, &answer).await;
    assert!(
        story.contains("note: `where` leaves out 2 people; of 1 of them `office` is not known"),
        "{story}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holidays_are_left_out_of_schedules_and_are_quiet() {
    let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Founders' day\r\nDTSTART;VALUE=DATE:20200303\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let daily = "when: { cron: \"0 9 * * *\", except_on: [house, \"2026-03-05\"] }\nnotify: [{ person: Anna Berg }]\ncard: { text: daily }\n";
    let engine = workspace()
        .file("holidays/house.ics", calendar)
        .rule("daily", daily)
        .rule("r", BOTH)
        .settings("quiet_hours: { holidays: house }\n")
        .clock_at("2026-03-03T08:00:00Z")
        .start()
        .await;
    arrive(&engine, &["Anna Berg", "Omar Haddad"]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    post(&engine, "news").await;
    set(&engine, "2026-03-03T09:00:01Z").await;
    nothing_more_than(&engine, 0).await;
    let waiting = engine.deliveries().await;
    assert_eq!(
        of(&waiting, "Anna Berg").next_attempt_at.to_rfc3339(),
        "2026-03-03T23:00:00+00:00"
    );
    set(&engine, "2026-03-04T09:00:01Z").await;
    engine.messages(3).await;
    set(&engine, "2026-03-05T09:00:01Z").await;
    nothing_more_than(&engine, 3).await;
}

impl Engine {
    /// The key of the person whom Teams calls this.
    async fn key_of(&self, name: &str) -> PersonKey {
        use herald::audience::{Found, Lookup, PersonRef};
        let directory = self.server().stores().directory.clone();
        let lookup = Lookup::Person(PersonRef::Name(name.to_owned()));
        let Found::People(people) = directory.look_up(&lookup).await.expect("readable") else {
            panic!("people are the answer to a question for people");
        };
        PersonKey::of(people.first().expect("they are known")).expect("they have an id")
    }
}
