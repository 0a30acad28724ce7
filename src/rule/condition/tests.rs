use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Condition, Line};
use crate::diagnostic::{Fault, Step, Underline};

fn scope() -> Value {
    json!({
        "event": {
            "state": "failure",
            "attempts": 3,
            "branch": "release/7",
            "labels": ["bug", "urgent"],
            "deployment": {"environment": "production"},
            "due date": "2026-03-31",
            "nothing": null,
        },
        "request": {"method": "POST", "headers": {"x-github-event": "push"}},
        "rule": {"name": "deploys"},
        "now": "2026-03-01T12:00:00Z",
    })
}

fn compiled(value: Value) -> Condition {
    Condition::compile(&value)
        .unwrap_or_else(|faults| panic!("{value}: {faults:?}"))
        .0
}

fn holds(value: Value) -> bool {
    compiled(value).evaluate(&scope()).holds
}

fn faults(value: Value) -> Vec<Fault> {
    Condition::compile(&value).unwrap_err()
}

fn place(fault: &Fault) -> String {
    let steps: Vec<_> = fault
        .path
        .iter()
        .map(|step| match step {
            Step::Key(key) => key.clone(),
            Step::Index(index) => index.to_string(),
        })
        .collect();
    let what = match &fault.underline {
        Underline::Key => " (key)",
        Underline::Value => "",
        Underline::Within(_) => " (within)",
    };
    format!("{}{what}", steps.join(" > "))
}

#[test]
fn a_rule_without_a_condition_always_holds() {
    let verdicts = Condition::always().evaluate(&scope());
    assert!(verdicts.holds && verdicts.lines.is_empty());
}

#[test]
fn every_line_must_hold() {
    for (condition, expected) in [
        (json!({"event.state": "failure"}), true),
        (
            json!({"event.state": ["failure", "error"], "event.deployment.environment": "production"}),
            true,
        ),
        (
            json!({"event.state": ["failure", "error"], "event.deployment.environment": "staging"}),
            false,
        ),
        (json!({"event.attempts": {"at_least": 3, "less_than": 10}}), true),
        (json!({"event.attempts": {"at_least": 3, "less_than": 3}}), false),
        (json!({"event.labels": {"contains": "bug"}}), true),
        (json!({"event.labels[1]": "urgent"}), true),
        (json!({"event.branch": {"starts_with": "release/"}}), true),
        (json!({"event[\"due date\"]": {"at_most": "2026-03-31"}}), true),
        (json!({"request.headers.x-github-event": "push"}), true),
        (json!({"rule.name": "deploys"}), true),
        (json!({"now": {"at_least": "2026-01-01"}}), true),
        (json!({"event.nothing": null}), true),
        (json!({"event.nothing": {"exists": false}}), true),
        (json!({"expression": "event.attempts * 2 > 5"}), true),
        (json!({"expression": "event.attempts * 2 > 7"}), false),
    ] {
        assert_eq!(holds(condition.clone()), expected, "{condition}");
    }
}

#[test]
fn any_all_and_not_nest() {
    for (condition, expected) in [
        (
            json!({"any": [{"event.state": "success"}, {"event.attempts": 3}]}),
            true,
        ),
        (
            json!({"any": [{"event.state": "success"}, {"event.attempts": 4}]}),
            false,
        ),
        (
            json!({"any": [{"event.state": "failure", "event.attempts": 4}, {"event.attempts": 5}]}),
            false,
        ),
        (
            json!({"all": [{"event.state": "failure"}, {"event.attempts": 3}]}),
            true,
        ),
        (json!({"not": {"event.state": "success"}}), true),
        (json!({"not": {"event.state": "failure", "event.attempts": 4}}), true),
        (json!({"not": {"event.state": "failure", "event.attempts": 3}}), false),
        (
            json!({"not": {"any": [{"event.state": "failure"}, {"event.attempts": 4}]}}),
            false,
        ),
        (
            json!({"any": [{"not": {"event.state": "failure"}}, {"all": [{"event.attempts": 3}]}]}),
            true,
        ),
        (json!({"not": {"event.absent": "x"}}), true),
    ] {
        assert_eq!(holds(condition.clone()), expected, "{condition}");
    }
}

#[test]
fn each_line_says_what_it_expected_and_found() {
    let condition = compiled(json!({
        "event.state": ["success", "skipped"],
        "event.stat": "failure",
        "event.attempts": {"more_than": 3, "exists": true},
        "any": [{"event.branch": "main"}, {"event.branch": {"matches": "^v"}}],
        "not": {"event.deployment.environment": "production"},
        "expression": "event.attempts > 'x'",
        "event.absent": {"exists": false},
    }));
    let verdicts = condition.evaluate(&scope());
    assert!(!verdicts.holds);
    let told: Vec<String> = verdicts
        .lines
        .iter()
        .map(
            |Line {
                 written,
                 holds,
                 expected,
                 actual,
                 note,
                 lines,
             }| {
                format!(
                    "{written} | {holds} | {expected} | {actual} | {} | {}",
                    note.clone().unwrap_or_default(),
                    lines.len()
                )
            },
        )
        .collect();
    assert_eq!(
        told,
        [
            "event.state: [success, skipped] | false | one of \"success\", \"skipped\" | \"failure\" |  | 0",
            "event.stat: failure | false | \"failure\" | missing | no field `event.stat`; nearest is `event.state` | 0",
            "event.attempts: { more_than: 3 } | false | more than 3 | 3 |  | 0",
            "event.attempts: { exists: true } | true | exists | 3 |  | 0",
            "any | false | at least one of these lines | 0 of 2 hold |  | 2",
            "not | false | this line does not hold | 1 of 1 hold |  | 1",
            "expression: event.attempts > 'x' | false | true | an error | `>` does not work with a number and a text | 0",
            "event.absent: { exists: false } | true | does not exist | missing |  | 0",
        ]
    );
    assert_eq!(
        verdicts.because(),
        [
            "`event.state: [success, skipped]`: expected one of \"success\", \"skipped\", found \"failure\"",
            "`event.stat: failure`: expected \"failure\", found missing (no field `event.stat`; nearest is `event.state`)",
            "`event.attempts: { more_than: 3 }`: expected more than 3, found 3",
            "`any`: none of its lines holds",
            "`event.branch: main`: expected \"main\", found \"release/7\"",
            "`event.branch: { matches: ^v }`: expected matches \"^v\", found \"release/7\"",
            "`not`: `event.deployment.environment: production` holds",
            "`expression: event.attempts > 'x'`: expected true, found an error (`>` does not work with a number and a text)",
        ]
    );
    assert!(
        compiled(json!({"event.state": "failure"}))
            .evaluate(&scope())
            .because()
            .is_empty()
    );
}

#[test]
fn a_condition_tells_which_fields_it_reads() {
    let condition = compiled(json!({
        "event.state": "x",
        "any": [{"event.list.0.x": 1}, {"not": {"expression": "event.a.b == request.method"}}],
        "event[\"state\"]": {"exists": true},
    }));
    assert_eq!(
        condition.paths(),
        ["event.state", "event.list[0].x", "event.a.b", "request.method"]
    );
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    let found = faults(json!({
        "state": "failure",
        "event.attempts": {"at_leest": 3, "more_than": "x"},
        "any": [{"event.a": 1}, {"event.b": {"starts_with": ["x", 7]}}, "event.c", {}],
        "not": [{"event.a": 1}],
        "expression": "event.a = 1",
        "anyy": [{"event.a": 1}],
        "event.list": [],
        "event.none": {},
        "event.x": {"environment": {"name": "production"}},
        "event.y": {"changed": true},
    }));
    let told: Vec<String> = found
        .iter()
        .map(|fault| format!("{}: {}", place(fault), fault.message))
        .collect();
    assert_eq!(
        told,
        [
            "state (key): `state` is nothing a condition can see",
            "event.attempts > at_leest (key): `at_leest` is not a word that compares",
            "event.attempts > more_than: \"x\" is neither a number nor a time",
            "any > 1 > event.b > starts_with > 1: a text is needed here, not a number",
            "any > 2: a line is needed here, not a text",
            "any > 3: there is no line here",
            "not: a group of lines is needed here, not a list",
            "expression (within): one `=` compares nothing",
            "anyy (key): `anyy` is nothing a condition can see",
            "event.list: the list is empty: no value could be one of it",
            "event.none: nothing is expected here",
            "event.x > environment (key): `environment` is not a word that compares",
            "event.y > changed (key): `changed` is not part of this version of Herald",
        ]
    );
    let help = |index: usize| found[index].help.clone().unwrap();
    assert_eq!(help(0), "fields of the event are written `event.state`");
    assert_eq!(help(1), "did you mean `at_least`?");
    assert_eq!(help(8), "did you mean `any`?");
}

#[test]
fn what_is_no_condition_is_explained() {
    for (condition, message, help) in [
        (json!({}), "the condition is empty", "leave `if` out"),
        (json!(null), "the condition is empty", "leave `if` out"),
        (json!([{"event.a": 1}]), "not a list", "`any:`"),
        (json!("event.a == 1"), "not a text", "`expression:`"),
        (json!(true), "not true or false", "leave `if` out"),
        (json!({"any": {"event.a": 1}}), "`any` needs a list", "`- `"),
        (json!({"all": []}), "is empty", ""),
        (json!({"expression": 3}), "an expression is a text", "in quotes"),
    ] {
        let fault = faults(condition.clone()).remove(0);
        assert!(fault.message.contains(message), "{condition}: {}", fault.message);
        assert!(
            fault.help.clone().unwrap_or_default().contains(help),
            "{condition}: {:?}",
            fault.help
        );
    }
}

#[test]
fn a_condition_is_neither_endlessly_deep_nor_endlessly_long() {
    let mut deep = json!({"event.a": 1});
    for _ in 0..100 {
        deep = json!({"not": deep});
    }
    assert!(faults(deep)[0].message.contains("nest at most 16 deep"));

    let long: Map<String, Value> = (0..2000).map(|n| (format!("event.f{n}"), json!(1))).collect();
    let found = faults(Value::Object(long));
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("at most 500 lines"));
}

#[test]
fn what_a_verdict_shows_is_bounded() {
    let huge = "x".repeat(1_000_000);
    let condition = compiled(json!({
        "event.a": huge,
        "event.b": vec![huge.clone(); 100],
        format!("event.{huge}"): 1,
    }));
    let scope = json!({"event": {"a": format!("{huge}y"), "b": huge, format!("{huge}z"): 1}});
    let verdicts = condition.evaluate(&scope);
    let told = serde_json::to_string(&verdicts).unwrap();
    assert!(told.len() < 5_000, "{}", told.len());
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        Just(json!("2026-01-01")),
    ];
    let key = prop_oneof![
        Just("any".to_owned()),
        Just("all".to_owned()),
        Just("not".to_owned()),
        Just("expression".to_owned()),
        Just("event.state".to_owned()),
        Just("event.labels".to_owned()),
        Just("at_least".to_owned()),
        Just("contains".to_owned()),
        "\\PC{0,8}",
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_a_condition_or_faults_inside_it(value in anything()) {
        match Condition::compile(&value) {
            Ok((condition, _)) => {
                let verdicts = condition.evaluate(&scope());
                prop_assert_eq!(verdicts.holds, verdicts.because().is_empty());
                condition.paths();
            }
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    let mut at = &value;
                    for step in &fault.path {
                        at = match step {
                            Step::Key(key) => &at[key.as_str()],
                            Step::Index(index) => &at[*index],
                        };
                    }
                    if let Underline::Within(range) = fault.underline {
                        prop_assert!(at.as_str().unwrap().get(range).is_some());
                    }
                }
            }
        }
    }
}
