//! People write to the bot and press buttons of its cards: rules answer them.

use herald::sandbox::Received;
use serde_json::{Value, json};

use crate::support::browser;
use crate::support::engine::{Engine, Workspace, texts};

const STATUS: &str = "description: Answers the question for the status\n\
                      when: { message: [status, \"status *\"] }\n\
                      notify: [{ here: true }]\n\
                      card: { message: \"{{event.by.name}} asks for {{default event.words.[1] \\\"everything\\\"}}\" }\n";

const INCIDENT: &str = "when: { hook: ci }\n\
                        notify: [{ channel: Platform / Incidents }]\n\
                        card:\n  title: \"{{event.title}}\"\n  text: Who looks at it?\n  buttons:\n    \
                        Open the log: https://ci.example/log\n    \
                        I am on it: { press: on-it, with: { incident: \"{{event.id}}\" } }\n";

const ON_IT: &str = "when: { button: on-it }\n\
                     notify: [{ here: true }, { sender: true }]\n\
                     card: { message: \"{{event.by.name}} is on {{event.data.incident}}\" }\n";

/// A workspace that has those who press its buttons read English, whatever Teams says.
fn english() -> Workspace {
    Workspace::new().file("directory.yaml", READERS)
}

const READERS: &str = "people:\n  anna: { email: anna.berg@contoso.example, name: Anna Berg, language: en }\n  \
                       omar: { email: omar.haddad@contoso.example, name: Omar Haddad, language: en }\n";

fn said(message: &Received) -> String {
    texts(&message.activity)
}

/// What the latest events were, and what came of them.
async fn latest(engine: &Engine) -> String {
    let (status, events) = engine.get("/admin/v1/events").await;
    assert_eq!(status, 200, "{events:#}");
    events.to_string()
}

#[tokio::test]
async fn a_message_is_answered_where_it_was_written() {
    let engine = Workspace::new().rule("status", STATUS).start().await;
    engine.known(&["Anna Berg", "Finance room", "Platform"]).await;
    engine
        .teams
        .say("Anna Berg", "Anna Berg", None, "  Status\u{a0}Platform ")
        .await
        .expect("told");
    let messages = engine.messages(1).await;
    assert_eq!(said(&messages[0]), "Anna Berg asks for Platform");
    assert_eq!(engine.teams.received_in("Anna Berg").len(), 1);

    // In a group chat the bot is mentioned first; the mention is no part of the message.
    engine
        .teams
        .say("Anna Berg", "Finance room", None, "status")
        .await
        .expect("told");
    engine.messages(2).await;
    assert_eq!(
        said(&engine.teams.received_in("Finance room")[0]),
        "Anna Berg asks for everything"
    );

    engine
        .teams
        .say("Anna Berg", "Anna Berg", None, "statistics")
        .await
        .expect("told");
    engine.messages(3).await;
    let help = said(&engine.teams.received_in("Anna Berg")[1]);
    assert!(
        help.contains("Das habe ich nicht verstanden."),
        "it is another word: {help}"
    );
    let why = latest(&engine).await;
    assert!(why.contains("status *"), "{why}");
    assert!(!why.contains("statistics"), "what people write is kept nowhere: {why}");
}

#[tokio::test]
async fn a_question_in_a_thread_is_answered_in_the_thread() {
    let engine = Workspace::new().rule("status", STATUS).start().await;
    engine.known(&["Platform"]).await;
    engine
        .teams
        .say("Anna Berg", "Platform / Releases", None, "status")
        .await
        .expect("told");
    let messages = engine.messages(1).await;
    let (_, root) = messages[0]
        .conversation
        .split_once(";messageid=")
        .expect("in the thread of the question");
    let root = root.to_owned();

    engine
        .teams
        .say("Anna Berg", "Platform / Releases", Some(&root), "status again")
        .await
        .expect("told");
    let messages = engine.messages(2).await;
    assert!(
        messages[1].conversation.ends_with(&format!(";messageid={root}")),
        "{}",
        messages[1].conversation
    );
    engine.settled().await;
}

#[tokio::test]
async fn a_thread_that_is_gone_is_answered_in_the_channel() {
    let engine = Workspace::new().rule("status", STATUS).start().await;
    engine.known(&["Platform"]).await;
    let mut activity = engine
        .teams
        .activity("Anna Berg", "Platform / Releases", "status")
        .expect("an activity");
    let channel = engine.teams.conversation_id("Platform / Releases").expect("known");
    activity["conversation"]["id"] = json!(format!("{channel};messageid=1111111111111"));
    engine.teams.deliver(&activity).await.expect("told");
    let messages = engine.messages(1).await;
    let place = &messages[0].conversation;
    assert!(place.starts_with(&channel), "{place}");
    assert!(!place.ends_with(";messageid=1111111111111"), "{place}");
    engine.settled().await;
}

#[tokio::test]
async fn a_button_of_a_card_starts_the_rule_that_answers_it_and_its_presser_is_thanked() {
    let engine = english().rule("incident", INCIDENT).rule("on-it", ON_IT).start().await;
    engine.known(&["Anna Berg", "Platform"]).await;
    engine
        .post("/hooks/ci", &json!({"title": "Disk full", "id": "INC-7"}))
        .await;
    let card = engine.messages(1).await.remove(0);
    let content = &card.activity["attachments"][0]["content"];
    let actions = content["body"].as_array().expect("a body").last().expect("buttons")["actions"].clone();
    assert_eq!(
        actions[1],
        json!({"type": "Action.Execute", "title": "I am on it", "verb": "on-it", "data": {"incident": "INC-7"}})
    );
    assert_eq!(actions[0]["type"], "Action.OpenUrl");

    let id = card.activity_id.clone().expect("an id");
    let answer = engine
        .teams
        .press(
            "Anna Berg",
            "Platform / Incidents",
            &id,
            "I am on it",
            &json!({"note": "looking"}),
        )
        .await
        .expect("told");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": "Done, thank you."})
    );
    // What the answer promises is on disk by then, whether or not it is sent yet.
    assert_eq!(engine.deliveries().await.len(), 3);
    let messages = engine.messages(3).await;
    assert!(
        messages
            .iter()
            .skip(1)
            .all(|message| said(message) == "Anna Berg is on INC-7"),
        "{messages:#?}"
    );
    assert!(
        messages
            .iter()
            .any(|message| message.conversation.ends_with(&format!(";messageid={id}"))),
        "one of them under the card"
    );
    assert_eq!(engine.teams.received_in("Anna Berg").len(), 1);
}

#[tokio::test]
async fn a_press_that_teams_tells_again_counts_once_also_after_a_restart() {
    let mut engine = english().rule("on-it", ON_IT).start().await;
    engine.known(&["Anna Berg"]).await;
    let mut press = engine
        .teams
        .activity("Anna Berg", "Anna Berg", "")
        .expect("an activity");
    press["type"] = json!("invoke");
    press["name"] = json!("adaptiveCard/action");
    press["id"] = json!("f:the-press");
    press["value"] = json!({"action": {"type": "Action.Execute", "verb": "on-it", "data": {"incident": "A"}}, "trigger": "manual"});
    let first = engine.teams.deliver(&press).await.expect("told");
    let again = engine.teams.deliver(&press).await.expect("told");
    assert_eq!(first, again, "and is answered alike");
    engine.messages(1).await;
    engine.settled().await;
    engine.restart().await;
    let later = engine.teams.deliver(&press).await.expect("told");
    assert_eq!(first, later);
    engine.settled().await;
    assert_eq!(
        engine.teams.received().len(),
        1,
        "here and sender are one personal chat, told once"
    );
    press["id"] = json!("f:another-press");
    engine.teams.deliver(&press).await.expect("told");
    engine.messages(2).await;
}

#[tokio::test]
async fn who_may_press_is_limited_and_others_are_told_so() {
    let rule = ON_IT.replace(
        "when: { button: on-it }",
        "when: { button: on-it, from: [omar.haddad@contoso.example] }",
    );
    let engine = english().rule("on-it", &rule).start().await;
    engine.known(&["Anna Berg", "Omar Haddad", "Platform"]).await;
    let press = |who: &str| {
        let mut press = engine
            .teams
            .activity(who, "Platform / Releases", "")
            .expect("an activity");
        press["type"] = json!("invoke");
        press["name"] = json!("adaptiveCard/action");
        press["value"] = json!({"action": {"type": "Action.Execute", "verb": "on-it", "data": {}}});
        press
    };
    let value = |answer: Value| answer["value"].as_str().unwrap_or_default().to_owned();
    let refused = engine.teams.deliver(&press("Anna Berg")).await.expect("told");
    assert_eq!(value(refused.json()), "Nothing happened: this button is for others.");
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 0);
    let why = latest(&engine).await;
    assert!(why.contains("button on-it (team)"), "{why}");
    assert!(
        why.contains("from: omar.haddad@contoso.example") && why.contains("Anna Berg"),
        "{why}"
    );

    let taken = engine.teams.deliver(&press("Omar Haddad")).await.expect("told");
    assert_eq!(value(taken.json()), "Done, thank you.");
    engine.messages(2).await;
}

#[tokio::test]
async fn members_of_a_team_may_press_where_an_audience_names_them() {
    let rule = ON_IT.replace("when: { button: on-it }", "when: { button: on-it, from: responders }");
    let engine = Workspace::new()
        .file(
            "directory.yaml",
            &format!("{READERS}audiences:\n  responders: [{{ members_of: Platform }}]\n"),
        )
        .rule("on-it", &rule)
        .start()
        .await;
    engine.known(&["Anna Berg", "Platform", "Finance room"]).await;
    let outsider = engine.teams.member("佐藤 花").expect("known");
    let press = |id: &str, from: Option<&Value>| {
        let mut press = engine
            .teams
            .activity("Anna Berg", "Finance room", "")
            .expect("an activity");
        press["type"] = json!("invoke");
        press["name"] = json!("adaptiveCard/action");
        press["id"] = json!(id);
        press["value"] = json!({"action": {"type": "Action.Execute", "verb": "on-it", "data": {}}});
        if let Some(from) = from {
            press["locale"] = json!("en-IE");
            press["from"] = json!({"id": from["id"], "aadObjectId": from["aadObjectId"], "name": from["name"]});
        }
        press
    };
    let value = |answer: Value| answer["value"].as_str().unwrap_or_default().to_owned();
    let taken = engine.teams.deliver(&press("f:1", None)).await.expect("told");
    assert_eq!(value(taken.json()), "Done, thank you.");
    engine.messages(2).await;
    let refused = engine
        .teams
        .deliver(&press("f:2", Some(&outsider)))
        .await
        .expect("told");
    assert_eq!(value(refused.json()), "Nothing happened: this button is for others.");
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 2);
}

#[tokio::test]
async fn a_press_that_leads_to_nothing_says_why() {
    let engine = english()
        .rule(
            "never",
            "when: { button: never }\nif: { event.data.sure: \"yes\" }\nnotify: [{ sender: true }]\n",
        )
        .rule(
            "seldom",
            "when: { button: seldom }\nnotify: [{ sender: true }]\nlimit: { once_per: 1 hour }\n",
        )
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    let press = async |verb: Value, trigger: &str| {
        let mut press = engine
            .teams
            .activity("Anna Berg", "Anna Berg", "")
            .expect("an activity");
        press["type"] = json!("invoke");
        press["name"] = json!("adaptiveCard/action");
        press["value"] = json!({"action": {"type": "Action.Execute", "verb": verb, "data": {}}, "trigger": trigger});
        let answer = engine.teams.deliver(&press).await.expect("told");
        assert_eq!(answer.status, 200);
        let body = answer.json();
        match &body["value"] {
            Value::String(sentence) => sentence.clone(),
            error => format!("{} {}", body["statusCode"], error["code"]),
        }
    };
    assert_eq!(
        press(json!("other"), "manual").await,
        "Nothing happened: no rule waits for the button “other”."
    );
    assert_eq!(
        press(json!("never"), "manual").await,
        "Nothing happened: what the button needs is not given now."
    );
    assert_eq!(press(json!("seldom"), "manual").await, "Done, thank you.");
    assert_eq!(
        press(json!("seldom"), "manual").await,
        "Thank you. Everybody was told a short while ago already."
    );
    assert_eq!(press(json!("seldom"), "automatic").await, "400 \"NotSupported\"");
    assert_eq!(press(Value::Null, "manual").await, "400 \"BadRequest\"");
}

#[tokio::test]
async fn whoever_presses_is_answered_in_their_own_language() {
    let engine = Workspace::new().rule("on-it", ON_IT).start().await;
    engine.known(&["Anna Berg", "Omar Haddad", "Chloé Dubois"]).await;
    let press = async |who: &str, verb: &str, trigger: &str| {
        let mut press = engine.teams.activity(who, who, "").expect("an activity");
        press["type"] = json!("invoke");
        press["name"] = json!("adaptiveCard/action");
        press["value"] = json!({"action": {"type": "Action.Execute", "verb": verb, "data": {}}, "trigger": trigger});
        let body = engine.teams.deliver(&press).await.expect("told").json();
        let sentence = body["value"].as_str().or(body["value"]["message"].as_str());
        sentence.unwrap_or_default().to_owned()
    };
    assert_eq!(
        press("Anna Berg", "other", "manual").await,
        "Nichts ist passiert: Keine Regel wartet auf den Knopf „other“."
    );
    assert_eq!(
        press("Anna Berg", "other", "automatic").await,
        "Herald erneuert seine Karten selbst; die Karte bleibt, wie sie ist."
    );
    assert_eq!(press("Omar Haddad", "on-it", "manual").await, "تم، شكرًا لك.");
    assert_eq!(press("Chloé Dubois", "on-it", "manual").await, "C’est fait, merci.");
}

#[tokio::test]
async fn reactions_and_changed_messages_start_rules() {
    let rule = "when: [{ reaction_added: true }, { message_edited: true }]\nnotify: [{ sender: true }]\n\
                card: { message: \"{{event.kind}}: {{default event.reaction event.text}}\" }\n";
    let engine = Workspace::new().rule("r", rule).start().await;
    engine.known(&["Anna Berg"]).await;
    let mut reaction = engine
        .teams
        .activity("Anna Berg", "Anna Berg", "")
        .expect("an activity");
    reaction["type"] = json!("messageReaction");
    reaction["id"] = json!("f:reaction");
    reaction["reactionsAdded"] = json!([{"type": "heart"}]);
    reaction["replyToId"] = json!("1772439245999");
    engine.teams.deliver(&reaction).await.expect("told");
    let first = engine.messages(1).await;
    assert_eq!(said(&first[0]), "reaction_added: heart");
    let mut edit = engine
        .teams
        .activity("Anna Berg", "Anna Berg", "better")
        .expect("an activity");
    edit["type"] = json!("messageUpdate");
    edit["channelData"]["eventType"] = json!("editMessage");
    engine.teams.deliver(&edit).await.expect("told");
    let both = engine.messages(2).await;
    assert_eq!(said(&both[1]), "message_edited: better");
}

const NOTED: &str = r#"type: AdaptiveCard
version: "1.5"
body:
  - { type: TextBlock, text: "{{event.id}}: {{event.title}}", wrap: true }
  - { type: Input.Text, id: note, label: "What do you see?" }
actions:
  - type: Action.Execute
    title: I am on it
    verb: on-it
    data: { incident: "{{event.id}}" }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_teams_in_a_box_writes_to_the_bot_and_presses_its_buttons() {
    if browser::is_skipped("nobody wrote to the bot on the page") {
        return;
    }
    let engine = english()
        .file("templates/noted.yaml", NOTED)
        .rule(
            "incident",
            "when: { hook: ci }\nnotify: [{ channel: Platform / Incidents }]\ncard: noted\n",
        )
        .rule(
            "on-it",
            "when: { button: on-it, from: Omar Haddad }\nnotify: [{ here: true }]\n\
             card: { message: \"{{event.by.name}} is on {{event.data.incident}}: {{event.data.note}}\" }\n",
        )
        .rule("status", STATUS)
        .start()
        .await;
    engine.known(&["Anna Berg", "Platform"]).await;
    browser::look(
        "talk.mjs",
        &[
            ("SANDBOX_URL", &engine.teams.url()),
            ("HERALD_HOOK", &engine.url("/hooks/ci")),
        ],
    )
    .await;
}
