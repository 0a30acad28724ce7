use proptest::prelude::*;
use serde_json::json;

use super::*;

fn text(source: &str) -> Text {
    Text::compile(source, &Partials::none()).unwrap_or_else(|fault| panic!("{source}: {}", fault.message))
}

fn fault(source: &str) -> (String, String) {
    let beginning: String = source.chars().take(80).collect();
    let fault = Text::compile(source, &Partials::none()).expect_err(&beginning);
    let crate::diagnostic::Underline::Within(range) = fault.underline else {
        panic!("{beginning}: no place");
    };
    (fault.message, source[range].to_owned())
}

fn shown(source: &str, event: Value) -> String {
    text(source).shown(&json!({ "event": event }), &mut Warnings::new())
}

fn warnings(source: &str, event: Value) -> Vec<String> {
    let mut seen = Warnings::new();
    text(source).shown(&json!({ "event": event }), &mut seen);
    seen.into_vec()
}

#[test]
fn a_hole_is_filled_with_the_field_it_names() {
    assert_eq!(shown("Hello {{event.name}}!", json!({"name": "Anna"})), "Hello Anna!");
    assert_eq!(
        shown("{{event.list.[1].[two words]}}", json!({"list": [0, {"two words": 2}]})),
        "2"
    );
    assert_eq!(
        shown("{{event.list.1}} {{event.yes}}", json!({"list": [0, 1.5], "yes": true})),
        "1.5 true"
    );
}

#[test]
fn a_missing_field_is_a_dash_and_a_warning_that_names_the_nearest() {
    let event = json!({"deployment": {"environment": "production"}, "run": {"title": "x"}, "list": [1]});
    assert_eq!(shown("to {{event.deployment.enviroment}}", event.clone()), "to –");
    assert_eq!(
        warnings("{{event.deployment.enviroment}}", event.clone()),
        ["`event.deployment.enviroment` is missing; `event.deployment.environment` exists"]
    );
    assert_eq!(
        warnings("{{event.title}}", event.clone()),
        ["`event.title` is missing; `event.run.title` exists"]
    );
    assert_eq!(
        warnings("{{run.title}}", event.clone()),
        ["`run.title` is missing; `event.run.title` exists"]
    );
    assert_eq!(
        warnings("{{event.list.name}}", event),
        ["`event.list.name` is missing: `event.list` is a list; its first item has `event.list.[0].name`"]
    );
}

#[test]
fn a_null_is_a_dash_without_a_warning() {
    assert_eq!(shown("{{event.a}}", json!({"a": null})), "–");
    assert!(warnings("{{event.a}}", json!({"a": null})).is_empty());
}

#[test]
fn asking_whether_a_field_is_there_is_no_mistake() {
    let source = "{{#if event.a}}a{{else if event.b}}b{{else}}c{{/if}}{{default event.x \"y\"}}{{#unless event.q}}z{{/unless}}";
    assert_eq!(shown(source, json!({"b": 1})), "byz");
    assert!(warnings(source, json!({})).is_empty());
}

#[test]
fn one_expression_alone_keeps_its_type() {
    let scope = json!({"event": {"n": 3, "list": [1, {"a": 2}], "text": "*x*"}});
    let value = |source: &str| text(source).evaluate(&scope, &mut Warnings::new());
    assert_eq!(value("{{event.n}}"), json!(3));
    assert_eq!(value("{{event.list}}"), json!([1, {"a": 2}]));
    assert_eq!(value("{{eq event.n 3}}"), json!(true));
    assert_eq!(value("{{event.text}}"), json!("*x*"));
    assert_eq!(value("{{event.nothing}}"), Value::Null);
    assert_eq!(value("n = {{event.n}}"), json!("n = 3"));
}

#[test]
fn a_list_repeats_its_block_and_knows_where_it_is() {
    let source = "{{#each event.l as |x i|}}{{i}}:{{x.n}}{{#unless @last}}, {{/unless}}{{else}}none{{/each}}";
    assert_eq!(shown(source, json!({"l": [{"n": "a"}, {"n": "b"}]})), "0:a, 1:b");
    assert_eq!(shown(source, json!({"l": []})), "none");
    assert_eq!(
        shown(
            "{{#each event.o}}{{@key}}={{this}} {{/each}}",
            json!({"o": {"a": 1, "b": 2}})
        ),
        "a=1 b=2 "
    );
}

#[test]
fn names_from_outside_a_list_stay_in_reach_and_an_item_cannot_hide_the_event() {
    let event = json!({"title": "T", "items": [{"n": 1, "event": "evil", "title": "inner"}, {"n": 2}]});
    let scope = json!({"event": event, "title": "outer"});
    let source = "{{#each event.items}}{{n}} {{event.title}} {{title}}; {{/each}}";
    assert_eq!(
        text(source).shown(&scope, &mut Warnings::new()),
        "1 T inner; 2 T outer; "
    );
    let up = "{{#each event.items}}{{../event.title}}{{@root.title}}{{@index}} {{/each}}";
    assert_eq!(text(up).shown(&scope, &mut Warnings::new()), "Touter0 Touter1 ");
}

#[test]
fn a_field_may_be_called_like_a_function() {
    let source = "{{#each event.l}}{{count}} {{first}}{{/each}}";
    assert_eq!(shown(source, json!({"l": [{"count": 7, "first": "x"}]})), "7 x");
}

#[test]
fn nothing_of_the_event_is_read_as_a_template() {
    assert_eq!(
        shown("{{event.a}}", json!({"a": "{{event.b}} {{{x}}} {{> p}}"})),
        "{{event.b}} {{{x}}} {{> p}}"
    );
}

#[test]
fn faults_underline_what_is_wrong_and_say_it_in_words() {
    for (source, message, place) in [
        ("a {{event.x", "this `{{` is never closed", "{{"),
        ("{{#if event.x}}a", "`{{#if}}` is never closed", "{{#if event.x}}"),
        (
            "{{#if a}}{{/each}}",
            "`{{#if}}` is open here, but this closes `each`",
            "{{/each}}",
        ),
        ("x{{/if}}", "there is no `{{#if}}` for this `{{/if}}`", "{{/if}}"),
        ("{{upcase event.x}}", "there is no function `upcase`", "upcase"),
        (
            "{{> footr}}",
            "there is no partial `footr` in templates/partials/",
            "footr",
        ),
        (
            "{{truncate event.x}}",
            "`truncate` takes 2 values, not 1: `truncate TEXT LENGTH`",
            "truncate",
        ),
        (
            "{{date event.at \"shrt\"}}",
            "there is no date format `shrt`; did you mean `short`?",
            "date",
        ),
        ("{{#fi x}}{{/fi}}", "there is no block `{{#fi}}`", "fi"),
        ("{{}}", "there is nothing between `{{` and `}}`", "{{}}"),
        ("{{event.a}", "a single `}` does not close this", "{{event.a"),
        ("{{{{raw}}}}x{{{{/raw}}}}", "`{{{{` blocks are not supported", "{{{{"),
        (
            "é {{event..a b c}}",
            "`{{event..a b c}}` cannot be read",
            "{{event..a b c}}",
        ),
    ] {
        assert_eq!(fault(source), (message.to_owned(), place.to_owned()), "{source}");
    }
}

#[test]
fn a_text_nested_too_deeply_is_refused_before_it_is_parsed() {
    let blocks = format!("{}{}", "{{#if a}}".repeat(3_000), "{{/if}}".repeat(3_000));
    assert!(fault(&blocks).0.contains("nested more than"));
    let chain = format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if a}}".repeat(500));
    assert!(fault(&chain).0.contains("nested more than"));
    let calls = format!("{{{{not {}a{}}}}}", "(not ".repeat(1_000), ")".repeat(1_000));
    assert!(fault(&calls).0.contains("nested more than"));
    for opening in ["{{a [", "{{a {", "{{a (", "{{a \"", "{{!--", "{{{"] {
        assert!(
            Text::compile(&opening.repeat(10_000), &Partials::none()).is_err(),
            "{opening}"
        );
    }
    let deepest = format!("{}x{}", "{{#if event.a}}".repeat(32), "{{/if}}".repeat(32));
    assert_eq!(shown(&deepest, json!({"a": 1})), "x");
}

#[test]
fn partials_are_included_with_values_and_never_in_a_circle() {
    let sources = [
        ("hello", "Hello {{name}}"),
        ("a", "{{> b}}"),
        ("b", "{{> a}}"),
        ("twice", "{{> hello name=x}}!"),
    ]
    .map(|(name, source)| (name.to_owned(), source.to_owned()));
    let (partials, faults) = Partials::compile(&sources);
    let said: Vec<String> = faults
        .iter()
        .map(|(name, fault)| format!("{name}: {}", fault.message))
        .collect();
    assert_eq!(
        said,
        [
            "a: partials include each other: a -> b -> a",
            "b: partials include each other: b -> a -> b"
        ]
    );
    let text = Text::compile("{{> hello event.person}} {{> twice x=event.n}}", &partials).expect("known partials");
    let scope = json!({"event": {"person": {"name": "Anna"}, "n": 4}});
    assert_eq!(text.shown(&scope, &mut Warnings::new()), "Hello Anna Hello 4!");
    assert!(
        Text::compile("{{> a}}", &partials)
            .expect_err("broken")
            .message
            .contains("fault of its own")
    );
}

#[test]
fn what_a_text_reads_is_known_without_an_event() {
    let text = text("{{event.a.b}} {{#each event.l}}{{x}} {{recipient.name}}{{/each}} {{date event.at}} {{title}}");
    assert_eq!(
        text.paths(),
        ["event.a.b", "event.l", "recipient.name", "event.at", "title"]
    );
    assert!(text.reads("recipient") && text.reads("event") && text.reads("title") && !text.reads("request"));
    let date = Text::compile("{{date event.at}}", &Partials::none()).expect("a date");
    assert!(date.reads("recipient") && date.reads("now"));
    let all = Text::compile("{{json this}}", &Partials::none()).expect("everything");
    assert!(all.reads("recipient"));
    assert_eq!(
        Text::compile("no holes", &Partials::none()).expect("plain").constant(),
        Some("no holes")
    );
}

#[test]
fn loops_within_loops_end_soon_whatever_the_payload() {
    let list: Vec<usize> = (0..5_000).collect();
    let source = "{{#each event.l}}{{#each ../event.l}}{{#each ../../event.l}}{{#if (contains event.big \"zz\")}}x{{/if}}\
                  {{/each}}{{/each}}{{/each}}";
    let event = json!({"l": list, "big": "z y".repeat(300_000)});
    let mut seen = Warnings::new();
    assert_eq!(text(source).shown(&json!({ "event": event }), &mut seen), "");
    assert!(seen.iter().any(|warning| warning.contains("too much")));
    let filling = "{{#each event.l}}{{#each event.l}}{{event.big}}{{/each}}{{/each}}";
    let out = text(filling).shown(
        &json!({"event": {"l": [1, 2, 3], "big": "a".repeat(100_000)}}),
        &mut seen,
    );
    assert!(out.len() < 200_000, "{}", out.len());
}

#[test]
fn missing_fields_in_long_lists_are_complained_about_once() {
    let event = json!({"l": vec![json!({"a": 1}); 900]});
    assert_eq!(warnings("{{#each event.l}}{{b}}{{/each}}", event).len(), 1);
}

/// Texts whose meaning Handlebars defines, and the crate's renderer shows.
fn common_texts() -> impl Strategy<Value = String> {
    let path = prop::sample::select(vec![
        "event.a",
        "event.b",
        "event.o.x",
        "event.l",
        "this.event.a",
        "event.[a]",
        "@root.event.a",
    ]);
    let raw = "[a-z \n.,]{0,6}";
    let leaf = prop_oneof![
        raw.prop_map(|raw| raw),
        path.clone().prop_map(|path| format!("{{{{{path}}}}}")),
        path.clone().prop_map(|path| format!("{{{{{{{path}}}}}}}")),
        Just("{{! note }}".to_owned()),
        Just("\\{{raw}}".to_owned()),
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let body = prop::collection::vec(inner, 0..4).prop_map(|parts| parts.concat());
        let name = path.clone();
        prop_oneof![
            (name.clone(), body.clone(), body.clone())
                .prop_map(|(p, a, b)| format!("{{{{#if {p}}}}}{a}{{{{else}}}}{b}{{{{/if}}}}")),
            (name.clone(), name.clone(), body.clone(), body.clone())
                .prop_map(|(p, q, a, b)| format!("{{{{#if {p}}}}}{a}{{{{else if {q}}}}}{b}{{{{/if}}}}")),
            (name.clone(), body.clone()).prop_map(|(p, a)| format!("{{{{~#unless {p}~}}}}{a}{{{{/unless}}}}")),
            body.clone()
                .prop_map(|a| format!("{{{{#each @root.event.l}}}}{a}{{{{@index}}}}{{{{this}}}}{{{{/each}}}}")),
            body.clone().prop_map(|a| format!(
                "{{{{#each @root.event.o}}}}{{{{@key}}}}{{{{this}}}}{a}{{{{else}}}}e{{{{/each}}}}"
            )),
            body.prop_map(|a| format!("{{{{#with @root.event.o}}}}{{{{x}}}}{{{{/with}}}}{a}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Names are looked up further out than Handlebars does, so the texts compared name everything from the root
    /// once they are within a list.
    #[test]
    fn a_text_means_what_handlebars_says(
        source in common_texts(),
        a in prop::option::of("[a-z]{0,3}"),
        b in prop::option::of(0_i64..3),
        l in prop::collection::vec("[a-z]{1,3}", 0..3),
        x in prop::option::of("[a-z]{0,3}"),
    ) {
        let mut event = json!({"l": l, "o": {}});
        if let Some(a) = a { event["a"] = json!(a); }
        if let Some(b) = b { event["b"] = json!(b); }
        if let Some(x) = x { event["o"]["x"] = json!(x); }
        let scope = json!({ "event": event });
        let mut handlebars = handlebars::Handlebars::new();
        handlebars.register_escape_fn(handlebars::no_escape);
        let within_lists = source.replace("event.", "@root.event.").replace("this.@root.", "@root.").replace("@root.@root.", "@root.");
        let theirs = handlebars.render_template(&within_lists, &scope).expect("a readable text");
        let ours = text(&within_lists).plain(&scope, &mut Warnings::new());
        // An empty list prints as nothing here, as `[]` there; otherwise lists differ in their brackets only.
        prop_assert_eq!(ours.replace(['[', ']'], ""), theirs.replace(['[', ']'], ""), "{}", within_lists);
    }

    #[test]
    fn no_text_and_no_event_is_too_much(source in "[{}#/a-z .()\"'@>!~^\\\\|\\[\\]]{0,60}", value in "\\PC{0,20}") {
        if let Ok(text) = Text::compile(&source, &Partials::none()) {
            let scope = json!({"event": {"a": value, "l": [value, 1, null]}, "a": value});
            text.shown(&scope, &mut Warnings::new());
            text.evaluate(&scope, &mut Warnings::new());
        }
    }
}
