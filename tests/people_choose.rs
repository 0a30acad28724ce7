//! People decide what reaches them: by a button under a card, on a card of settings, by a word to the bot.

use herald::sandbox::Received;
use serde_json::{Value, json};

use crate::support::browser;
use crate::support::engine::{Engine, Workspace, texts};

const DEPLOY: &str = "description: A production deploy failed\nowner: platform-team\nwhen: { hook: ci }\n\
                      topic: deployments\nnotify: [{ person: Anna Berg }, { person: Omar Haddad }]\n\
                      card: { title: \"{{event.title}}\", text: Look at the log. }\n";

const FIRE: &str = "description: Leave the house at once\nowner: safety\nurgency: critical\nwhen: { hook: fire }\n\
                    topic: deployments\nnotify: [{ person: Anna Berg }]\ncard: { title: Fire }\n";

fn workspace() -> Workspace {
    Workspace::new()
        .settings("topics:\n  deployments: { title: Deploys }\n  canteen: { title: Canteen, starts: stopped }\n")
        // Teams says that she reads German.
        .file(
            "directory.yaml",
            "people:\n  anna: { email: anna.berg@contoso.example, name: Anna Berg, language: en-GB }\n",
        )
        .hook("fire: { path: fire, signature: none, anyone_can_post: true }")
        .rule("deploy", DEPLOY)
        .rule("fire", FIRE)
}

fn said(message: &Received) -> String {
    texts(&message.activity)
}

async fn post(engine: &Engine, title: &str) -> Value {
    let (status, answer) = engine.post("/hooks/ci", &json!({ "title": title })).await;
    assert_eq!(status, 202, "{answer:#}");
    answer
}

async fn write(engine: &Engine, who: &str, text: &str) {
    engine.teams.say(who, who, None, text).await.expect("told");
}

/// The newest message that somebody has from the bot.
fn newest(engine: &Engine, who: &str) -> Received {
    engine.teams.received_in(who).last().expect("a message").clone()
}

async fn why(engine: &Engine, event: &Value) -> String {
    let event = event["event"].as_str().expect("an event");
    engine.herald(&["why", event]).await.out
}

#[tokio::test]
async fn a_card_says_why_it_came_and_its_button_stops_the_topic_for_whoever_presses_it() {
    let mut engine = workspace().start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    post(&engine, "webshop: deploy failed").await;
    engine.messages(2).await;
    let card = newest(&engine, "Anna Berg");
    let shown = said(&card);
    assert!(
        shown.contains("Why you got this: A production deploy failed"),
        "{shown}"
    );
    assert!(!shown.contains("You get this because"), "once is enough: {shown}");

    let id = card.activity_id.clone().expect("an id");
    let answer = engine
        .teams
        .press("Anna Berg", "Anna Berg", &id, "Stop these", &json!({}))
        .await
        .expect("told");
    assert_eq!(
        answer.json()["value"],
        "You get no more of “Deploys”. Write “start deployments” to get them again."
    );
    // It is on disk by then, and holds after a restart.
    engine.restart().await;
    let second = post(&engine, "webshop: deploy failed again").await;
    engine.messages(3).await;
    engine.settled().await;
    assert_eq!(engine.teams.received_in("Anna Berg").len(), 1);
    assert_eq!(engine.teams.received_in("Omar Haddad").len(), 2);
    let told = why(&engine, &second).await;
    assert!(told.contains("Anna Berg: stopped `deployments` on "), "{told}");
    assert!(told.contains("1 person who stopped it"), "{told}");
    let (_, metrics) = engine.get("/metrics").await;
    assert!(
        metrics
            .as_str()
            .unwrap_or_default()
            .contains("herald_deliveries_skipped_total{reason=\"stopped\"} 1"),
        "{metrics}"
    );

    // What is required comes all the same, and says so.
    engine.post("/hooks/fire", &json!({})).await;
    engine.messages(4).await;
    let shown = said(&newest(&engine, "Anna Berg"));
    assert!(
        shown.contains("This is required; ask safety.") && !shown.contains("Stop these"),
        "{shown}"
    );

    write(&engine, "Anna Berg", "start deployments").await;
    engine.messages(5).await;
    assert_eq!(said(&newest(&engine, "Anna Berg")), "You get “Deploys” again.");
    post(&engine, "webshop: deploy failed for the third time").await;
    engine.messages(7).await;
    assert_eq!(engine.teams.received_in("Anna Berg").len(), 4);
}

#[tokio::test]
async fn a_press_that_teams_tells_again_later_does_not_undo_what_was_decided_since() {
    let engine = workspace().start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    let mut press = engine
        .teams
        .activity("Anna Berg", "Anna Berg", "")
        .expect("an activity");
    press["type"] = json!("invoke");
    press["name"] = json!("adaptiveCard/action");
    press["id"] = json!("f:the-press");
    press["value"] = json!({"action": {"type": "Action.Execute", "verb": "herald.stop", "data": {"rule": "deploy"}}, "trigger": "manual"});
    let first = engine.teams.deliver(&press).await.expect("told");
    write(&engine, "Anna Berg", "start deployments").await;
    let again = engine.teams.deliver(&press).await.expect("told");
    assert_eq!(first, again);
    engine.messages(1).await;
    post(&engine, "x").await;
    engine.messages(3).await;

    // In a group chat the button of a forwarded card decides nothing.
    engine.known(&["Finance room"]).await;
    let mut elsewhere = engine
        .teams
        .activity("Anna Berg", "Finance room", "")
        .expect("an activity");
    for field in ["type", "name", "value"] {
        elsewhere[field] = press[field].clone();
    }
    elsewhere["id"] = json!("f:forwarded");
    let answer = engine.teams.deliver(&elsewhere).await.expect("told");
    assert_eq!(
        answer.json()["value"],
        "Write to me in our personal chat: there you choose what reaches you."
    );
    post(&engine, "y").await;
    engine.messages(5).await;
    assert_eq!(engine.teams.received_in("Anna Berg").len(), 3);
}

#[tokio::test]
async fn settings_are_chosen_on_a_card_that_shows_them_from_then_on() {
    let mut engine = workspace().start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    write(&engine, "Anna Berg", "Einstellungen").await;
    engine.messages(1).await;
    let card = newest(&engine, "Anna Berg");
    let shown = said(&card);
    assert!(shown.contains("Deploys") && shown.contains("Canteen"), "{shown}");
    let id = card.activity_id.clone().expect("an id");
    let filled = json!({
        "everything": "true", "topic:deployments": "false", "topic:canteen": "true",
        "quiet_hours": "22-7", "time_zone": "Asia/Dubai", "language": "ar",
    });
    let title = card.activity["attachments"][0]["content"]["actions"][0]["title"]
        .as_str()
        .expect("a button")
        .to_owned();
    let answer = engine
        .teams
        .press("Anna Berg", "Anna Berg", &id, &title, &filled)
        .await
        .expect("told");
    let answer = answer.json();
    assert_eq!(answer["type"], "application/vnd.microsoft.card.adaptive", "{answer:#}");
    assert_eq!(answer["value"]["rtl"], true);
    let words = texts(&answer["value"]);
    assert!(words.contains("تم الحفظ.") && words.contains("22:00-07:00"), "{words}");
    engine.settled().await;
    // The message itself becomes it, for whoever opens the chat elsewhere.
    let now = engine.teams.shown_in("Anna Berg");
    let now = texts(&now.last().expect("the card").activity);
    assert!(now.contains("تم الحفظ."), "{now}");

    engine.restart().await;
    post(&engine, "x").await;
    engine.messages(2).await;
    engine.settled().await;
    assert_eq!(engine.teams.received_in("Anna Berg").len(), 1, "deploys are stopped");
    engine.post("/hooks/fire", &json!({})).await;
    engine.messages(3).await;
    let shown = said(&newest(&engine, "Anna Berg"));
    assert!(shown.contains("لماذا وصلك هذا: Leave the house at once"), "{shown}");

    let wrong = json!({ "time_zone": "Berlin" });
    let answer = engine
        .teams
        .press("Anna Berg", "Anna Berg", &id, "حفظ", &wrong)
        .await
        .expect("told");
    let words = texts(&answer.json()["value"]);
    assert!(words.contains("«Berlin» ليست منطقة زمنية"), "{words}");
}

#[tokio::test]
async fn words_to_the_bot_are_answered_unless_a_rule_takes_them() {
    let rule = "when: { message: why }\nnotify: [{ sender: true }]\ncard: { message: Because. }\n";
    let engine = workspace().start().await;
    engine.known(&["Anna Berg", "Omar Haddad", "Finance room"]).await;
    write(&engine, "Anna Berg", "why").await;
    engine.messages(1).await;
    assert_eq!(
        said(&newest(&engine, "Anna Berg")),
        "I have not sent you any notification yet."
    );
    post(&engine, "webshop").await;
    engine.messages(3).await;
    write(&engine, "Anna Berg", "Why?").await;
    engine.messages(4).await;
    let told = said(&newest(&engine, "Anna Berg"));
    for part in [
        "the rule “deploy”",
        "A production deploy failed",
        "person: Anna Berg",
        "platform-team",
        "“stop deployments”",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(told.contains("The last notification came from"), "{told}");
    write(&engine, "Anna Berg", "stop deploymnts").await;
    engine.messages(5).await;
    let told = said(&newest(&engine, "Anna Berg"));
    assert!(told.contains("Did you mean “deployments”?"), "{told}");

    // Talk is met with help once, not each time.
    write(&engine, "Anna Berg", "good morning").await;
    engine.messages(6).await;
    let told = said(&newest(&engine, "Anna Berg"));
    assert!(
        told.contains("I did not understand that.") && told.contains("**settings**"),
        "{told}"
    );
    write(&engine, "Anna Berg", "how are you").await;
    // Where others read it, it is said where people choose.
    engine
        .teams
        .say("Anna Berg", "Finance room", None, "help")
        .await
        .expect("told");
    engine.messages(7).await;
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 7);
    let there = engine.teams.received_in("Finance room");
    assert_eq!(
        said(&there[0]),
        "Write to me in our personal chat: there you choose what reaches you."
    );

    engine.write("rules/why.yaml", rule);
    let ends = tokio::time::Instant::now() + crate::support::engine::PATIENCE;
    loop {
        write(&engine, "Anna Berg", "why").await;
        engine.settled().await;
        if said(&newest(&engine, "Anna Berg")) == "Because." {
            break;
        }
        assert!(tokio::time::Instant::now() < ends, "the rule takes the word");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn why_as_an_answer_to_a_card_explains_that_card() {
    let engine = workspace().start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    post(&engine, "webshop").await;
    engine.messages(2).await;
    let deploy = newest(&engine, "Anna Berg").activity_id.expect("an id");
    engine.post("/hooks/fire", &json!({})).await;
    engine.messages(3).await;
    let asks = async |more: Value| {
        let mut activity = engine
            .teams
            .activity("Anna Berg", "Anna Berg", "why")
            .expect("an activity");
        let fields = more.as_object().expect("fields").clone();
        activity.as_object_mut().expect("an activity").extend(fields);
        let before = engine.teams.received().len() as u64;
        engine.teams.deliver(&activity).await.expect("told");
        engine.messages(before + 1).await;
        said(&newest(&engine, "Anna Berg"))
    };
    let last = asks(json!({})).await;
    assert!(
        last.contains("The last notification came from the rule “fire”."),
        "{last}"
    );
    let page = format!(
        "<blockquote itemscope itemtype=\"http://schema.skype.com/Reply\" itemid=\"{deploy}\">\
         <p itemprop=\"preview\">webshop</p></blockquote><p>why</p>"
    );
    for quotes in [
        json!({ "attachments": [{ "contentType": "text/html", "content": page }] }),
        json!({ "replyToId": deploy }),
        json!({
            "text": format!("<quoted messageId=\"{deploy}\"/> why"),
            "entities": [{ "type": "quotedReply", "quotedReply": { "messageId": deploy } }],
        }),
    ] {
        let told = asks(quotes).await;
        assert!(
            told.contains("This notification came from the rule “deploy”."),
            "{told}"
        );
        assert!(told.contains("“stop deployments”"), "{told}");
    }
    let own = newest(&engine, "Anna Berg").activity_id.expect("an id");
    let told = asks(json!({ "replyToId": own })).await;
    assert!(
        told.contains("The last notification came from the rule “fire”."),
        "{told}"
    );
    let told = asks(json!({ "replyToId": "1" })).await;
    assert_eq!(told, "I do not know any more why that message came.");
}

#[tokio::test]
async fn an_authors_texts_are_shown_in_the_language_of_each_and_made_once_for_each_language() {
    let rule = "when: { hook: ci }\nfooter: false\nnotify: [{ everyone: true }, { channel: Platform / Releases }]\n\
                card: { title: \"{{text 'deploy.failed' count=event.failed}}\" }\n";
    let engine = Workspace::new()
        .settings("language: de\n")
        .file(
            "directory.yaml",
            "people:\n  omar: { email: omar.haddad@contoso.example, language: ar }\n  anna: { email: anna.berg@contoso.example, language: en-GB }\n",
        )
        .file("texts/en.yaml", "deploy.failed: { one: One deploy failed, other: \"{{count}} deploys failed\" }\n")
        .file("texts/de.yaml", "deploy.failed: { one: Ein Deploy scheiterte, other: \"{{count}} Deploys scheiterten\" }\n")
        .file(
            "texts/ar.yaml",
            "deploy.failed: { zero: لا شيء, one: فشل نشر واحد, two: فشل نشران, few: \"فشلت {{count}} عمليات\", many: \"{{count}}\", other: \"{{count}}\" }\n",
        )
        .rule("deploy", rule)
        .start()
        .await;
    engine.known(&["Anna Berg", "Omar Haddad", "Platform"]).await;
    engine.post("/hooks/ci", &json!({ "failed": 2 })).await;
    engine.settled().await;
    assert_eq!(said(&newest(&engine, "Anna Berg")), "2 deploys failed");
    let omar = newest(&engine, "Omar Haddad");
    assert_eq!(said(&omar), "فشل نشران");
    assert_eq!(omar.activity["attachments"][0]["content"]["rtl"], true);
    let channel = engine.teams.received_in("Platform / Releases");
    assert_eq!(
        said(&channel[0]).lines().next(),
        Some("2 Deploys scheiterten"),
        "the language of the house"
    );
    let cards: std::collections::BTreeSet<_> = engine
        .deliveries()
        .await
        .into_iter()
        .filter_map(|d| d.card_id)
        .collect();
    assert!(cards.len() <= 3, "{cards:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_teams_in_a_box_shows_what_people_can_choose() {
    if browser::is_skipped("nobody chose anything on the page") {
        return;
    }
    let engine = workspace().start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    browser::look(
        "people.mjs",
        &[
            ("SANDBOX_URL", &engine.teams.url()),
            ("HERALD_HOOK", &engine.url("/hooks/ci")),
        ],
    )
    .await;
}
