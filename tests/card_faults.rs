//! What the author of a card or template is told before any event comes.

use std::sync::Arc;

use herald::card::source::CardSource;
use herald::card::template::{Partials, Template};
use herald::diagnostic::{Fault, Severity, Step, Underline};
use serde_json::Value;

fn yaml(text: &str) -> Value {
    let parsed = herald::yaml::parse("card.yaml", text);
    parsed
        .document
        .unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))
        .value
}

/// `body/0/text: message (help)`
fn told(faults: &[Fault]) -> Vec<String> {
    faults
        .iter()
        .map(|fault| {
            let path: Vec<String> = fault
                .path
                .iter()
                .map(|step| match step {
                    Step::Key(key) => key.clone(),
                    Step::Index(index) => index.to_string(),
                })
                .collect();
            let help = fault.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
            let sign = if fault.severity == Severity::Error {
                ""
            } else {
                "warning: "
            };
            format!("{sign}{}: {}{help}", path.join("/"), fault.message)
        })
        .collect()
}

fn document(text: &str) -> Vec<String> {
    match Template::from_document("t", &yaml(text), &Partials::none()) {
        Ok((_, faults)) | Err(faults) => told(&faults),
    }
}

fn hbs(source: &str) -> Vec<Fault> {
    match Template::from_text("t", source, &Partials::none()) {
        Ok((_, faults)) | Err(faults) => faults,
    }
}

fn card(text: &str) -> Vec<String> {
    let template = Template::from_document(
        "deploy-failed",
        &yaml("body: [{type: TextBlock, text: x}]"),
        &Partials::none(),
    );
    let template = Arc::new(template.expect("a template").0);
    let find = |name: &str| (name == "deploy-failed").then(|| template.clone());
    let names = ["deploy-failed".to_owned()];
    match CardSource::compile(Some(&yaml(text)), &find, &names, &Partials::none()) {
        Ok((_, faults)) | Err(faults) => told(&faults),
    }
}

#[test]
fn every_fault_of_a_template_is_told_at_its_place() {
    let faults = document(
        r#"
        type: AdaptiveCard
        version: "1.6"
        body:
          - type: TextBlok
            text: "{{event.title"
          - type: TextBlock
            txt: hello
          - type: "{{event.kind}}"
            text: x
          - type: TextBlock
            text: "{{uper event.title}}"
            colour: good
            weight: bold
          - type: Container
            $data: "event.alerts"
            $when: event.url
            $evry: x
            items: [{ type: Media }]
          - $partial: footer
            text: x
          - type: TextBlock
            text: "${title}"
        actions:
          - { type: Action.Http, title: x }
          - { type: Action.OpenUrl, title: x }
          - { title: y }
        "#,
    );
    let expected = [
        "body/0/text: this `{{` is never closed (close it with `}}`)",
        "body/2/type: what an element is cannot come from an event (write two elements and choose between them with `$when`)",
        "body/3/text: there is no function `uper` (did you mean `upper`?)",
        "body/4/$data: `$data` must be exactly one `{{...}}` that names a list (write `$data: \"{{event.alerts}}\"`)",
        "body/4/$when: `$when` has no `{{...}}` and would always be true (write `\"{{event.url}}\"`)",
        "body/4/$evry: there is no `$evry` (`$data`, `$when` and `$partial` exist)",
        "body/5/text: `text` cannot stand beside `$partial` (values for the partial go under `with:`)",
        "body/5/$partial: there is no partial `footer` in templates/partials/",
        "warning: body/6/text: `${...}` is the template language of Adaptive Cards and stays as it is (write `{{event.title}}` where `${event.title}` stands)",
        "version: Teams shows Adaptive Cards up to 1.5, not 1.6 (write `version: \"1.5\"`)",
        "body/0/type: Teams knows no element `TextBlok` (did you mean `TextBlock`?)",
        "body/1: this `TextBlock` has no `text`",
        "warning: body/1/txt: Teams knows no `txt` and ignores it (did you mean `text`?)",
        "warning: body/3/colour: Teams knows no `colour` and ignores it (did you mean `color`?)",
        "warning: body/3/weight: `weight` is ignored: it cannot be `bold` (did you mean `bolder`?)",
        "body/4/items/0/type: Teams does not show `Media` (link to the recording with an Action.OpenUrl)",
        "actions/0/type: Teams does not show `Action.Http` (Teams knows `Action.OpenUrl` and `Action.Execute`)",
        "actions/1: this `Action.OpenUrl` has no `url`",
        "actions/2: this action has no `type` (say what it is: `type: Action.OpenUrl`, `type: Action.Submit`, `type: Action.Execute`)",
    ];
    assert_eq!(faults, expected, "{faults:#?}");
}

#[test]
fn a_template_is_a_card() {
    assert_eq!(
        document("[1]")[0],
        ": a template is one card, not a list of elements (put the elements under `body:`, with `type: AdaptiveCard` above)"
    );
    assert_eq!(
        document("hello")[0],
        ": a template is a card: `type: AdaptiveCard` and a `body:`"
    );
    assert_eq!(
        document("{}")[0],
        ": the card has no `body` and would be empty (list its elements under `body:`)"
    );
    assert_eq!(
        document("{type: TextBlock, text: x}")[0],
        "type: a card is of type `AdaptiveCard`, not `TextBlock` (put elements under `body:`)"
    );
    // YAML reads an unquoted 1.5 as a number.
    assert_eq!(
        document("{version: 1.5, body: [{type: TextBlock, text: x}]}"),
        Vec::<String>::new()
    );
}

#[test]
fn a_forgotten_comma_is_found_where_it_is_missing() {
    let source = "{\"type\": \"AdaptiveCard\", \"body\": [\n{{#each event.l}}\n{\"type\": \"TextBlock\", \"text\": \"{{this}}\"}\n{{/each}}\n]}";
    let faults = hbs(source);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!(faults[0].severity, Severity::Error);
    assert!(
        faults[0]
            .message
            .starts_with("with lists of two items, and when conditions hold, this is no JSON: expected `,`"),
        "{faults:#?}"
    );
    let Underline::Within(place) = faults[0].underline.clone() else {
        panic!("{faults:#?}")
    };
    assert_eq!(&source[place.start..place.start + 9], "{\"type\": ");
    assert!(source[..place.start].ends_with("{{#each event.l}}\n"));
}

#[test]
fn a_comma_too_many_after_an_empty_list_is_found() {
    let faults = hbs(
        "{\"body\": [{\"type\": \"TextBlock\", \"text\": \"x\"}, {{#each event.l}}{\"type\": \"TextBlock\", \"text\": \"y\"}{{#unless @last}},{{/unless}}{{/each}}]}",
    );
    assert!(faults[0].message.starts_with("with empty lists"), "{faults:#?}");
}

#[test]
fn conditions_that_exclude_each_other_are_only_doubted() {
    let faults = hbs(
        "{\"body\": [{\"type\": \"TextBlock\", \"text\": {{#if (eq event.a 1)}}\"one\"{{/if}}{{#if (ne event.a 1)}}\"other\"{{/if}}}]}",
    );
    assert!(
        !faults.is_empty() && faults.iter().all(|fault| fault.severity == Severity::Warning),
        "{faults:#?}"
    );
}

#[test]
fn a_text_template_leaves_what_an_element_is_to_its_author() {
    let faults = hbs("{\"body\": [{\"type\": \"{{event.kind}}\", \"{{event.key}}\": 1}]}");
    let told = told(&faults);
    assert!(
        told.iter()
            .any(|told| told.contains("what an element is cannot come from an event")),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .any(|told| told.contains("a key of the card cannot come from an event")),
        "{told:#?}"
    );
}

#[test]
fn faults_of_the_card_of_a_rule_say_the_way_out() {
    for (text, expected) in [
        (
            "deploy-faild",
            ": there is no template `deploy-faild` (did you mean `deploy-failed`?)",
        ),
        (
            "templates/deploy-failed.yaml",
            ": there is no template `templates/deploy-failed.yaml` (write it without folder and ending: `deploy-failed`)",
        ),
        (
            "A deploy failed",
            ": there is no template `A deploy failed` (to send a text without a card, write `message:` under `card:`)",
        ),
        (
            "{template: x}",
            "template: there is no template `x` (templates/ has deploy-failed)",
        ),
        ("{titel: x}", "titel: a card has no `titel` (did you mean `title`?)"),
        (
            "{template: deploy-failed, title: x}",
            "title: a card has no `title` (it cannot stand beside `template`)",
        ),
        (
            "{title: x, with: {}}",
            "with: a card has no `with` (`with` belongs to `template:`)",
        ),
        (
            "{type: AdaptiveCard, body: []}",
            "type: a card has no `type` (an Adaptive Card stands in a file of templates/; write `template:` with its name here)",
        ),
        (
            "{template: deploy-failed, with: {event: x}}",
            "with/event: `event` has a meaning everywhere and cannot be given another",
        ),
        (
            "{template: deploy-failed, with: {a: \"{{b\"}}",
            "with/a: this `{{` is never closed (close it with `}}`)",
        ),
        (
            "{message: \"{{upper}} {{upper 1 2}}\"}",
            "message: `upper` takes 1 value, not 2: `upper TEXT` (write it like this: `{{upper event.state}}`)",
        ),
        (
            "{title: x, style: atention}",
            "style: there is no style `atention` (did you mean `attention`?)",
        ),
        (
            "{title: x, facts: y}",
            "facts: `facts` are lines of a label and a text (write `Environment: \"{{event.environment}}\"`, one line for each fact)",
        ),
        (
            "{title: x, facts: [{titel: y, value: z}]}",
            "facts/0: there is no `title` here",
        ),
        (
            "{title: x, facts: {A: \"{{x\"}}",
            "facts/A: this `{{` is never closed (close it with `}}`)",
        ),
        (
            "{title: x, buttons: {Open: www.a.example}}",
            "buttons/Open: `www.a.example` is no address that a card may open (it begins with `https://`)",
        ),
        (
            "{title: x, buttons: [{title: y, url: 'javascript:x'}]}",
            "buttons/0/url: `javascript:x` is no address that a card may open (it begins with `https://`)",
        ),
        ("{}", ": the card is empty (give it a `title:` or a `text:`)"),
        (
            "3",
            ": `card` is a template's name or a mapping (write `card: deploy-failed`, or `title:` and `text:` under it; leave it out for a card made from the event)",
        ),
    ] {
        let told = card(text);
        assert_eq!(told.first().map(String::as_str), Some(expected), "{text}: {told:#?}");
    }
}

#[test]
fn partials_that_include_each_other_are_refused_and_only_they() {
    let documents = [
        ("a", "- \"{{> b}}\""),
        ("b", "- $partial: a"),
        ("c", "type: TextBlock\ntext: fine"),
    ]
    .map(|(name, text)| (name.to_owned(), yaml(text)));
    let (partials, faults) = Partials::none().with_documents(&documents);
    let told: Vec<String> = faults
        .iter()
        .map(|(name, fault)| format!("{name}: {}", fault.message))
        .collect();
    assert_eq!(
        told,
        [
            "a: partials include each other: a -> b -> a",
            "b: partials include each other: b -> a -> b"
        ]
    );
    let good = Template::from_document("t", &yaml("body: [\"{{> c}}\"]"), &partials);
    assert_eq!(good.expect("a partial that works").1, []);
    let text = Template::from_document("t", &yaml("body: [{type: TextBlock, text: \"{{> c}}\"}]"), &partials);
    assert!(
        text.expect_err("an element where a text stands")[0]
            .message
            .contains("is an element, not a text")
    );
}

#[test]
fn a_template_nested_without_end_is_refused() {
    let mut deep = serde_json::json!({ "type": "TextBlock", "text": "x" });
    for _ in 0..500 {
        deep = serde_json::json!({ "type": "Container", "items": [deep] });
    }
    let faults = Template::from_document("t", &serde_json::json!({ "body": [deep] }), &Partials::none())
        .expect_err("too deep");
    assert!(
        told(&faults).iter().any(|told| told.contains("nested more than")),
        "{faults:#?}"
    );
}

#[test]
fn a_template_that_is_too_large_by_itself_is_told_apart_from_one_that_is_merely_large() {
    let of_size = |characters: usize| {
        let text = "x".repeat(characters);
        document(&format!("body: [{{type: TextBlock, text: {text}}}]"))
    };
    assert_eq!(
        of_size(20_000),
        [
            "warning: : the template takes 40 KB before anything is filled in (Teams takes 96 KB from a bot, 28 KB by any other way; leave something out)"
        ]
    );
    assert!(of_size(60_000)[0].starts_with(": the template takes 120 KB"));
}

#[test]
fn two_partials_of_one_name_are_not_mixed_up() {
    let (partials, _) = Partials::compile(&[("footer".to_owned(), "text".to_owned())]);
    let (_, faults) = partials.with_documents(&[("footer".to_owned(), yaml("{type: TextBlock, text: x}"))]);
    assert_eq!(
        faults[0].1.message,
        "there are two partials called `footer`; this one is not used"
    );
}
