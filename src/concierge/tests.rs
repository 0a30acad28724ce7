use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Map;

use super::*;
use crate::card::profile;
use crate::workspace::{SourceFile, Sources, Workspace, compile};

fn now() -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

fn workspace() -> Workspace {
    let file = |path: &str, text: &str| SourceFile {
        path: path.to_owned(),
        bytes: Ok(text.as_bytes().to_vec()),
    };
    let sources = Sources {
        files: vec![
            file(
                "herald.yaml",
                "hooks:\n  ci: { path: ci, signature: none, anyone_can_post: true }\n\
                 topics:\n  deployments: { title: Deploys, description: All of them }\n  canteen: { starts: stopped }\n",
            ),
            file(
                "rules/deploy.yaml",
                "description: A deploy failed\nowner: platform-team\nwhen: { hook: ci }\ntopic: deployments\n\
                 notify: [{ person: anna@contoso.example }]\n",
            ),
            file(
                "rules/fire.yaml",
                "description: Leave the house\nowner: safety\nurgency: critical\nwhen: { hook: ci }\n\
                 notify: [{ person: anna@contoso.example }]\n",
            ),
            file(
                "rules/lift.yaml",
                "when: { hook: ci }\nnotify: [{ person: anna@contoso.example }]\n",
            ),
        ],
        ..Sources::default()
    };
    let compiled = compile(&sources, None);
    assert!(!compiled.has_errors(), "{:#?}", compiled.diagnostics);
    compiled.workspace
}

fn asked(request: &Request, choices: &Choices, locale: Option<&str>, came: Option<Came<'_>>) -> Answer {
    let about = came.map_or(About::Nothing, About::Last);
    let workspace = workspace();
    let tongue = Tongue::of_house(None, &Arc::new(BTreeSet::new()));
    let offer = Offer {
        topics: &workspace.settings.topics,
        ruleset: &workspace.ruleset,
        tongue: &tongue,
    };
    attend(request, &Asker { choices, locale, about }, &offer, now())
}

fn text(answer: &Answer) -> String {
    match &answer.message.as_ref().expect("a message").content {
        Content::Text(text) => text.clone(),
        Content::Adaptive(card) => card.to_string(),
        Content::Notification(_) => panic!("no notification is answered"),
    }
}

#[test]
fn a_topic_is_stopped_and_started_in_the_words_of_whoever_writes() {
    let stop = Request::Stop(Some("deploys".to_owned()));
    let stopped = asked(&stop, &Choices::default(), Some("de-DE"), None);
    assert_eq!(
        text(&stopped),
        "Sie bekommen nichts mehr von „Deploys“. Mit „starten deployments“ kommt es wieder."
    );
    let choices = stopped.choices.expect("changed");
    assert!(choices.stopped.contains("topic:deployments"));
    let again = asked(&stop, &choices, None, None);
    assert_eq!(again.choices, None, "the same once more changes nothing");
    let started = asked(&Request::Start(Some("deployments".to_owned())), &choices, None, None);
    assert_eq!(text(&started), "You get “Deploys” again.");
    assert!(started.choices.expect("changed").stopped.is_empty());
}

#[test]
fn a_slip_is_helped_and_what_is_required_cannot_be_stopped() {
    let answer = asked(
        &Request::Stop(Some("deployment".to_owned())),
        &Choices::default(),
        None,
        None,
    );
    assert_eq!(answer.choices, None);
    let said = text(&answer);
    assert!(
        said.contains("Did you mean “deployments”?") && said.contains("deployments, canteen"),
        "{said}"
    );
    let fire = asked(&Request::Stop(Some("fire".to_owned())), &Choices::default(), None, None);
    assert_eq!(
        (text(&fire).as_str(), fire.choices),
        ("“fire” is required; ask safety.", None)
    );
    let pressed = Request::StopThese {
        rule: "fire".to_owned(),
    };
    let fire = asked(&pressed, &Choices::default(), None, None);
    assert_eq!(fire.toast.as_deref(), Some("“fire” is required; ask safety."));
}

#[test]
fn the_button_under_a_card_stops_the_topic_or_else_the_rule() {
    for (rule, key) in [("deploy", "topic:deployments"), ("lift", "rule:lift")] {
        let pressed = Request::StopThese { rule: rule.to_owned() };
        let answer = asked(&pressed, &Choices::default(), None, None);
        assert!(answer.message.is_none() && answer.toast.is_some());
        assert!(answer.choices.expect("changed").stopped.contains(key), "{key}");
    }
}

#[test]
fn why_tells_rule_reason_target_owner_and_the_way_out() {
    let last = Came {
        rule: "deploy",
        target: Some("person: anna@contoso.example"),
    };
    let said = text(&asked(&Request::Why, &Choices::default(), None, Some(last)));
    for part in [
        "the rule “deploy”",
        "A deploy failed",
        "person: anna",
        "platform-team looks after it.",
        "“stop deployments”",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let nothing = text(&asked(&Request::Why, &Choices::default(), Some("fr"), None));
    assert_eq!(nothing, "Je ne vous ai encore envoyé aucune notification.");
}

#[test]
fn the_card_of_settings_is_one_that_teams_shows_in_every_language() {
    for language in Language::ALL {
        let answer = asked(
            &Request::Settings { pressed: false },
            &Choices::default(),
            Some(language.tag()),
            None,
        );
        let Content::Adaptive(card) = &answer.message.as_ref().expect("a card").content else {
            panic!("it is a card");
        };
        assert!(profile::check(card).is_empty(), "{:?}", profile::check(card));
        assert_eq!(card["rtl"] == true, language == Language::Arabic);
    }
}

fn form(fields: Value) -> Request {
    let fields: Map<String, Value> = fields.as_object().expect("fields").clone();
    Request::Save(request::Form(fields))
}

#[test]
fn what_is_saved_is_shown_and_only_what_differs_is_decided() {
    let saved = asked(
        &form(json!({
            "everything": "true", "topic:deployments": "false", "topic:canteen": "false",
            "quiet_hours": "22 – 7.30", "time_zone": "europe/berlin", "language": "ja",
        })),
        &Choices::default(),
        None,
        None,
    );
    let choices = saved.choices.expect("changed");
    assert_eq!(
        choices.stopped.iter().collect::<Vec<_>>(),
        ["topic:deployments"],
        "canteen begins stopped"
    );
    assert_eq!(choices.quiet_hours.as_deref(), Some("22:00-07:30"));
    assert_eq!(choices.time_zone.as_deref(), Some("Europe/Berlin"));
    let Content::Adaptive(card) = saved.in_place.expect("the card shows it").content else {
        panic!("it is a card");
    };
    let card = card.to_string();
    assert!(
        card.contains("保存しました。") && card.contains("22:00-07:30"),
        "{card}"
    );
}

#[test]
fn what_cannot_be_meant_changes_nothing_and_stays_on_the_card() {
    let wrong = asked(
        &form(json!({ "topic:deployments": "false", "time_zone": "Berlin", "quiet_hours": "" })),
        &Choices::default(),
        None,
        None,
    );
    assert_eq!(wrong.choices, None);
    let Content::Adaptive(card) = wrong.in_place.expect("the card says so").content else {
        panic!("it is a card");
    };
    let card = card.to_string();
    assert!(
        card.contains("“Berlin” is no time zone.") && card.contains("Nothing was saved."),
        "{card}"
    );
    assert_eq!(settings::quiet_hours("22:00-22:00"), None);
    assert_eq!(settings::quiet_hours("25-7"), None);
    assert_eq!(settings::quiet_hours("9h–17h30").as_deref(), Some("09:00-17:30"));
}

#[test]
fn everything_can_be_stopped_and_one_thing_of_it_started() {
    let all = asked(&Request::Stop(None), &Choices::default(), None, None)
        .choices
        .expect("changed");
    assert!(all.all_stopped);
    let one = asked(&Request::Start(Some("deployments".to_owned())), &all, None, None);
    let one = one.choices.expect("changed");
    let workspace = workspace();
    let rule = |name: &str| {
        workspace
            .ruleset
            .rules
            .iter()
            .find(|rule| rule.name == name)
            .expect("there")
            .clone()
    };
    let gets = |name: &str| opt_out::verdict(&one, name, &rule(name).courtesy) == Verdict::Gets;
    assert!(gets("deploy") && gets("fire") && !gets("lift"));
    assert!(
        !asked(&Request::Start(None), &one, None, None)
            .choices
            .expect("changed")
            .all_stopped
    );
}

#[test]
fn what_people_write_is_no_markup_in_the_answer() {
    let what = "[x](https://evil.example) <at>all</at>".to_owned();
    let said = text(&asked(&Request::Stop(Some(what)), &Choices::default(), None, None));
    assert!(!said.contains("](https") && !said.contains("<at>"), "{said}");
}
