use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::audience::Reached;
use crate::delivery::{Address, Recipient};
use crate::roster::Person;
use crate::workspace::{self, SourceFile, Sources, Workspace};

const HERALD: &str = "time_zone: Europe/Berlin\nhooks:\n  shop: { path: shop, signature: bearer, secret: SHOP }\n";
const PEOPLE: &str = "people:\n  anna: anna.berg@contoso.example\n  \
    omar: { email: omar.haddad@contoso.example, time_zone: Asia/Dubai }\n";

fn workspace(files: &[(&str, &str)]) -> Workspace {
    let all = [("herald.yaml", HERALD), ("directory.yaml", PEOPLE)]
        .into_iter()
        .chain(files.iter().copied());
    let sources = Sources {
        files: all
            .map(|(path, text)| SourceFile {
                path: path.to_owned(),
                bytes: Ok(text.as_bytes().to_vec()),
            })
            .collect(),
        ..Sources::default()
    };
    let compiled = workspace::compile(&sources, None);
    assert!(!compiled.has_errors(), "{:#?}", compiled.diagnostics);
    compiled.workspace
}

fn now() -> DateTime<Utc> {
    "2026-03-06T09:00:00Z".parse().unwrap()
}

fn seen(files: &[(&str, &str)], samples: &[(&str, Value)], choice: Choice) -> Result<Shown, String> {
    let workspace = workspace(files);
    let samples: Vec<Sample> = samples
        .iter()
        .map(|(file, data)| Sample::new(file, data.clone()))
        .collect();
    let stage = Stage {
        workspace: &workspace,
        samples: &samples,
        template_files: &BTreeMap::new(),
    };
    show(&stage, &choice, now())
}

fn of_rule(name: &str) -> Choice {
    Choice {
        subject: Subject::Rule(name.to_owned()),
        sample: None,
        recipient: None,
        time_zone: None,
    }
}

const ORDER: (&str, &str) = (
    "rules/order.yaml",
    "description: An order\nwhen: { hook: shop }\nif:\n  event.total: { at_least: 100 }\nnotify:\n  - person: omar\n  \
     - channel: Sales / Orders\n    mention: anna\ncard:\n  title: \"Order {{event.number}}\"\n  \
     text: \"{{date event.at \\\"time\\\"}}\"\n",
);

fn order(number: u32, total: u32) -> Value {
    json!({ "number": number, "total": total, "at": "2026-03-06T14:21:09Z" })
}

#[test]
fn the_first_sample_that_leads_to_a_card_is_shown() {
    let samples = [
        ("samples/shop/a.json", order(1, 5)),
        ("samples/shop/b.json", order(2, 500)),
    ];
    let shown = seen(&[ORDER], &samples, of_rule("order")).unwrap();
    assert_eq!(shown.sample.as_deref(), Some("samples/shop/b.json"));
    assert_eq!(shown.fitting.len(), 2);
    assert!(shown.holds);
    assert_eq!(shown.note, None);

    let choice = Choice {
        sample: Some("samples/shop/a.json".to_owned()),
        ..of_rule("order")
    };
    let shown = seen(&[ORDER], &samples, choice).unwrap();
    assert!(!shown.holds);
    assert_eq!(shown.lines[0].actual, "5");
    assert!(
        shown.card.to_string().contains("Order 1"),
        "the card is shown all the same"
    );
}

#[test]
fn the_card_is_seen_by_whom_the_author_chooses() {
    let samples = [("samples/shop/b.json", order(2, 500))];
    let by = |recipient: Option<&str>| {
        let choice = Choice {
            recipient: recipient.map(str::to_owned),
            ..of_rule("order")
        };
        seen(&[ORDER], &samples, choice).unwrap()
    };
    let omar = by(None);
    assert_eq!(omar.recipient, "person:omar.haddad@contoso.example");
    assert_eq!(omar.time_zone, "Asia/Dubai");
    assert!(omar.card.to_string().contains("18:21"));
    let told: Vec<&str> = omar
        .seats
        .iter()
        .filter(|seat| seat.told)
        .map(|seat| seat.label.as_str())
        .collect();
    assert_eq!(told, ["Omar Haddad (omar.haddad@contoso.example)", "Sales / Orders"]);

    let place = by(Some("place:channel: Sales / Orders"));
    assert!(place.card.to_string().contains("<at>Anna Berg</at>"), "{}", place.card);
    assert!(place.card.to_string().contains("15:21"));
    assert_eq!(by(Some("person:anna.berg@contoso.example")).time_zone, "Europe/Berlin");
    // Somebody who is gone from the directory.
    assert_eq!(by(Some("person:nobody@contoso.example")).recipient, omar.recipient);
}

#[test]
fn a_zone_of_ones_own_wins() {
    let choice = Choice {
        time_zone: Some(Tz::America__New_York),
        ..of_rule("order")
    };
    let shown = seen(&[ORDER], &[("samples/shop/b.json", order(2, 500))], choice).unwrap();
    assert!(shown.card.to_string().contains("09:21"));
    assert_eq!(shown.time_zone, "America/New_York");
}

#[test]
fn without_a_sample_the_event_is_empty_and_the_author_is_told_where_to_put_one() {
    let shown = seen(&[ORDER], &[], of_rule("order")).unwrap();
    let note = shown.note.expect("a note");
    assert!(
        note.contains("empty event") && note.contains("samples/shop/NAME.json"),
        "{note}"
    );
    assert!(
        shown.warnings.iter().any(|warning| warning.contains("event.number")),
        "{:?}",
        shown.warnings
    );
    assert_eq!(shown.event, json!({}));
}

#[test]
fn a_schedule_needs_no_sample() {
    let rule = (
        "rules/weekly.yaml",
        "description: Weekly\nwhen: { cron: \"0 9 * * 1\" }\nnotify:\n  - person: anna\ncard:\n  \
         title: \"It is {{event.weekday}}, {{event.date}}\"\n",
    );
    let shown = seen(&[rule], &[], of_rule("weekly")).unwrap();
    assert!(
        shown.card.to_string().contains("It is Friday, 2026-03-06"),
        "{}",
        shown.card
    );
    assert!(shown.warnings.is_empty(), "{:?}", shown.warnings);
    assert!(shown.note.expect("a note").contains("as if its time had come"));
}

#[test]
fn what_teams_tells_about_place_and_person_is_read_from_the_sample() {
    let rule = (
        "rules/hello.yaml",
        "description: Hello\nwhen: { installed: [person, team] }\nnotify:\n  - here: true\n  - sender: true\ncard:\n  \
         title: \"Hello {{recipient.name}}\"\n",
    );
    let by = json!({ "name": "Priya", "id": "29:1p", "aad_object_id": "2d9e6a70-41b8-4c3f-8a15-e07b6c9d4f38" });
    let in_team = json!({
        "kind": "installed", "scope": "team", "team": { "id": "19:t@thread.tacv2", "name": "Platform" },
        "chat": null, "channel": null, "person": null, "by": by,
    });
    let shown = seen(
        &[rule],
        &[("samples/teams/installed.team.json", in_team)],
        of_rule("hello"),
    )
    .unwrap();
    let told: Vec<&str> = shown.told.iter().map(|told| told.means.as_str()).collect();
    assert_eq!(told, ["Platform / General", "Priya"]);

    let in_chat = json!({
        "kind": "installed", "scope": "person", "team": null, "chat": { "id": "a:1", "name": null }, "channel": null,
        "person": by, "by": by,
    });
    let shown = seen(
        &[rule],
        &[("samples/teams/installed.person.json", in_chat)],
        of_rule("hello"),
    )
    .unwrap();
    assert_eq!(shown.told[0].means, "the personal chat with Priya");
    assert!(shown.card.to_string().contains("Hello Priya"), "{}", shown.card);
}

#[test]
fn a_template_alone_is_shown_with_the_samples_of_the_rules_that_use_it() {
    let template = (
        "templates/order.yaml",
        "type: AdaptiveCard\nversion: \"1.5\"\nbody:\n  - { type: TextBlock, text: \"{{title}} {{event.number}}\" }\n",
    );
    let rule = (
        "rules/order.yaml",
        "description: An order\nwhen: { hook: shop }\nnotify:\n  - person: omar\ncard:\n  template: order\n  \
         with: { title: Order }\n",
    );
    let choice = Choice {
        subject: Subject::Template("order".to_owned()),
        ..of_rule("")
    };
    let shown = seen(&[template, rule], &[("samples/shop/a.json", order(7, 1))], choice).unwrap();
    assert_eq!(shown.used_by, ["order"]);
    assert_eq!(shown.sample.as_deref(), Some("samples/shop/a.json"));
    assert!(shown.card.to_string().contains("– 7"), "{}", shown.card);
    assert!(shown.note.expect("a note").contains("`with:`"));
}

#[test]
fn a_target_that_comes_to_nobody_says_why() {
    let rule = (
        "rules/order.yaml",
        "description: An order\nwhen: { hook: shop }\nnotify:\n  - person: \"{{event.buyer}}\"\n  \
         - members_of: Platform\nexcept:\n  - person: anna\n",
    );
    let shown = seen(&[rule], &[("samples/shop/a.json", order(7, 1))], of_rule("order")).unwrap();
    assert!(shown.told[0].nobody);
    assert!(shown.told[0].means.contains("came to nothing"), "{:?}", shown.told);
    assert_eq!(shown.told[1].means, "every member of Platform");
    assert_eq!(shown.except[0].means, "Anna Berg (anna.berg@contoso.example)");
    // Members are nobody in particular.
    assert_eq!(shown.recipient, "example");
}

#[test]
fn a_limit_is_told_in_a_sentence() {
    let rule = (
        "rules/order.yaml",
        "description: An order\nwhen: { hook: shop }\nnotify:\n  - person: omar\nlimit:\n  once_per: 10 minutes\n  \
         for_each: \"{{event.number}}\"\n",
    );
    let shown = seen(&[rule], &[("samples/shop/a.json", order(7, 1))], of_rule("order")).unwrap();
    assert_eq!(
        shown.limit.as_deref(),
        Some("At most one card per 10 minutes and recipient for “7”.")
    );
}

#[test]
fn the_card_is_the_very_one_that_is_sent() {
    let workspace = workspace(&[ORDER]);
    let sample = Sample::new("samples/shop/b.json", order(2, 500));
    let rule = workspace.ruleset.rule("order").unwrap();
    let event = sample.event_for(rule).unwrap();
    let scope = plan::scope(&event, rule, workspace.settings.time_zone, now());
    let omar = Person {
        name: Some("Omar Haddad".to_owned()),
        email: Some("omar.haddad@contoso.example".to_owned()),
        ..Person::default()
    };
    let mut audience = Audience {
        reached: vec![Reached {
            recipient: Recipient {
                address: Address::Person {
                    tenant_id: "tenant".to_owned(),
                    id: "29:omar".to_owned(),
                },
                name: "Omar Haddad".to_owned(),
            },
            person: Some(Arc::new(omar)),
            mentions: Vec::new(),
            tenant_id: None,
            thread: None,
            life: Arc::default(),
            choices: None,
        }],
        ..Audience::default()
    };
    workspace.book.dress(&mut audience);
    let sent = plan::plan(rule, &event, scope, &audience, &Windows::default(), "revision", now());
    let stage = Stage {
        workspace: &workspace,
        samples: std::slice::from_ref(&sample),
        template_files: &BTreeMap::new(),
    };
    let shown = show(&stage, &of_rule("order"), now()).unwrap();
    assert_eq!(shown.message, sent.cards[0]);
}
