use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Expression, LARGEST_EVENT, Prepared};
use crate::diagnostic::{Fault, Underline};

fn scope(event: Value) -> Value {
    json!({
        "event": event,
        "request": {"headers": {"x-github-event": "push"}},
        "rule": {"name": "deploys"},
        "now": "2026-03-01T12:00:00Z",
    })
}

fn push() -> Value {
    scope(json!({
        "ref": "refs/heads/main",
        "count": 3,
        "ratio": 0.5,
        "count_as_text": "3",
        "draft": false,
        "at": "2026-03-01T11:00:00Z",
        "some-name": {"x": 1},
        "commits": [
            {"message": "fix the door", "files": ["a", "b"]},
            {"message": "paint the door", "files": []},
        ],
    }))
}

fn outcome(source: &str, scope: &Value) -> super::Outcome {
    Expression::compile(source)
        .unwrap_or_else(|faults| panic!("{source}: {faults:?}"))
        .evaluate(scope, &Prepared::default())
}

fn fault(source: &str) -> (String, Fault) {
    let fault = Expression::compile(source).unwrap_err().remove(0);
    let underlined = match fault.underline.clone() {
        Underline::Within(range) => source[range].to_owned(),
        Underline::Key | Underline::Value => String::new(),
    };
    (underlined, fault)
}

#[test]
fn an_expression_holds_or_not() {
    for (source, holds) in [
        ("event.count > 2", true),
        ("event.count > 3", false),
        ("event.count >= 2.5 && event.ratio < 1", true),
        ("event.ref == \"refs/heads/main\" && !event.draft", true),
        ("event.ref.startsWith('refs/heads/') || event.nothing.at.all", true),
        ("event.ref.matches('^refs/(heads|tags)/')", true),
        ("matches(event.ref, 'main$')", true),
        ("event.commits.exists(c, c.message.matches('^paint'))", true),
        ("event.commits.all(c, c.files.size() > 0)", false),
        ("event.commits.filter(c, size(c.files) > 0).size() == 1", true),
        ("event.commits.map(c, c.message)[1] == 'paint the door'", true),
        ("has(event.commits) && !has(event.tag)", true),
        ("event['some-name'].x == 1", true),
        ("request.headers['x-github-event'] in ['push', 'ping']", true),
        ("rule.name == 'deploys'", true),
        ("timestamp(now) - timestamp(event.at) >= duration('1h')", true),
        ("int(event.count_as_text) == event.count", true),
        ("event.count == 3 ? true : false", true),
        ("event.commits.size() == 2 // two commits", true),
        ("event.ref == 'a = b and c'", false),
        ("event.ref == r'\\'", false),
        ("'ü' + 'x' == 'üx'", true),
        ("type(event.count) == int", true),
        ("event.count - 4 == -1 && event.count / 2 == 1", true),
    ] {
        let outcome = outcome(source, &push());
        assert_eq!((outcome.holds, outcome.note), (holds, None), "{source}");
    }
}

#[test]
fn an_error_while_running_does_not_hold_and_says_why() {
    for (source, note) in [
        (
            "event.cuont > 2",
            "no field `event.cuont`; nearest is `event.count`; test with `has(...)` first",
        ),
        (
            "event.tag.name == 'x'",
            "no field `event.tag`; test with `has(...)` first",
        ),
        (
            "event.commits.exists(c, c.author == 'x')",
            "no field `author`; test with `has(...)` first",
        ),
        ("event.count_as_text > 2", "`>` does not work with a text and a number"),
        ("event.ref && true", "`&&` does not work with a text and true or false"),
        ("event.count.matches('x')", "a function got a value of the wrong sort"),
        ("event.commits[7].message == ''", "a list has fewer items than that"),
        ("event.count / 0 == 1", "it divides by zero"),
        ("event.count + 9223372036854775807 > 0", "a number grows too large"),
        ("int(event.ref) == 1", "`int` failed: "),
        ("event.count", "an expression must come to true or false"),
    ] {
        let outcome = outcome(source, &push());
        assert!(!outcome.holds, "{source}");
        let found = outcome.note.unwrap();
        assert!(found.starts_with(note), "{source}: {found}");
    }
    assert_eq!(outcome("event.count", &push()).actual, "the number 3");
}

#[test]
fn the_edges_of_numbers_and_times_are_errors_not_crashes() {
    for source in [
        "-9223372036854775808 / -1 == 1",
        "-9223372036854775808 % -1 == 1",
        "-(-9223372036854775808) == 1",
        "int(1e300) == 1",
        "uint(-1) == 1u",
        "int('x') == 1",
        "timestamp('9999-12-31T23:59:59Z') + duration('9000000000s') == timestamp(now)",
        "timestamp(now) - duration('9000000000000s') == timestamp(now)",
        "timestamp(9223372036854775807) == timestamp(now)",
        "duration('9223372036854775807h') == duration('1s')",
        "duration('1s') + duration('9223372036s') + duration('9223372036s') == duration('1s')",
        "timestamp(now).getHours('No/Where') == 1",
        "timestamp('soon') == timestamp(now)",
        "string(b'\\xff') == ''",
        "1 % 0 == 1",
        "[1][-1] == 1",
        "{'a': 1}['b'] == 1",
        "{1: 1, 1: 2}[1] == 1",
    ] {
        assert!(!outcome(source, &push()).holds, "{source}");
    }
}

#[test]
fn what_cannot_be_an_expression_is_underlined_and_explained() {
    for (source, underlined, message, help) in [
        ("", "", "is empty", "write one"),
        ("event.a and event.b", "and", "`and` is written `&&`", "`&&`"),
        ("event.a || not event.b", "not", "`not` is written `!`", "`!`"),
        ("event.a OR event.b", "OR", "`or` is written `||`", "`||`"),
        ("event.a = 1", "=", "compares nothing", "`==`"),
        ("event.a & event.b", "&", "joins nothing", "`&&`"),
        ("event.a <> 1", "<>", "is written `!=`", "`!=`"),
        ("event.a === 1", "===", "no such operator", "`==`"),
        ("event.a is 1", "is", "`is` is written `==`", "`==`"),
        (
            "event.title contains 'x'",
            "contains",
            "a function, not a word",
            "`event.title.contains",
        ),
        ("event.a == True", "True", "small letters", "`true`"),
        ("event.a == None", "None", "`null`", "has("),
        ("{{event.a}} == 1", "{{", "no holes", "without braces"),
        ("event.a == “x”", "“", "not a quote", "straight quotes"),
        ("event.a == 'x", "'x", "quote is not closed", ""),
        (
            "evnt.a == 1",
            "evnt",
            "nothing is called `evnt`",
            "did you mean `event`?",
        ),
        ("state == 'x'", "state", "nothing is called `state`", "`event.state`"),
        (".evnt.a == 1", "evnt", "nothing is called `evnt`", "`event`?"),
        (
            "event.some-name == 1",
            "name",
            "nothing is called `name`",
            "event[\"some-name\"]",
        ),
        (
            "event.a.containz('x')",
            "containz",
            "no function `containz`",
            "`contains`?",
        ),
        (
            "length(event.a) == 1",
            "length",
            "no function `length`",
            "there are size",
        ),
        (
            "event.list.exists(x)",
            "exists",
            "called in another way",
            "event.items.exists(item",
        ),
        ("has(event)", "event)", "`has` asks about a field", "has(event.field)"),
        (
            "event.a.matches(event.b)",
            "matches",
            "needs its pattern as a text",
            "matches(\"^release/\")",
        ),
        ("event.a.matches('(')", "'('", "cannot be read: unclosed group", ""),
        ("event.a.matches('(?=x)')", "'(?=x)'", "look-around", ""),
        (
            "event.a.matches('(\\\\w{100}){100}')",
            "'(\\\\w{100}){100}'",
            "too large",
            "",
        ),
        (
            "event.a.exists(x, x.exists(y, y == 1))",
            "exists",
            "a loop inside a loop",
            "one list only",
        ),
        (
            "event.a.exists(event, event == 1)",
            "exists",
            "already means something",
            "another name",
        ),
        ("Foo{a: 1} == 1", "{", "cannot build messages", ""),
        ("event.a ==", "", "ends too early", "looks like"),
        ("event.a == 1)", ")", "cannot be read from `)`", "looks like"),
        ("event.?a == 1", ".?a", "not supported", ""),
        ("event.ü == 1", "ü", "cannot be read from `ü`", "looks like"),
        ("true &&\n event.a ] 1", "]", "cannot be read from `]`", "looks like"),
    ] {
        let (found, fault) = fault(source);
        assert!(fault.message.contains(message), "{source}: {}", fault.message);
        assert_eq!(found, underlined, "{source}");
        assert!(
            fault.help.clone().unwrap_or_default().contains(help),
            "{source}: {:?}",
            fault.help
        );
    }
}

#[test]
fn an_expression_is_short_and_shallow() {
    for source in [
        format!("{}true{}", "(".repeat(33), ")".repeat(33)),
        format!("{} == 1", vec!["1"; 30].join(" + ")),
        format!("event{} == 1", "[0]".repeat(30)),
        format!("event{} == 1", ".a()".repeat(30)),
        format!("event{} == 1", "[0].a".repeat(30)),
        format!("{}1", "true ? 1 : ".repeat(150)),
        format!("event.a == '{}'", "x".repeat(3000)),
        format!("{}1{} == 1", "[".repeat(25), "]".repeat(25)),
        format!("{}1 == 1", "-1 - ".repeat(400)),
    ] {
        assert!(Expression::compile(&source).is_err(), "{source}");
    }
    // What passes is harmless on a thread of the usual size.
    let deepest = [
        format!("{} == 19", vec!["1"; 19].join(" + ")),
        format!("{}true", "!".repeat(1000)),
        format!("-{}1 == -1", "--".repeat(500)),
        format!("event{} == 1 || true", ".a".repeat(200)),
        format!("[1].exists(x, {} == 14)", vec!["x"; 14].join(" + ")),
        format!("{}1{} != 1", "[".repeat(18), "]".repeat(18)),
    ];
    let outcomes = std::thread::Builder::new().stack_size(1536 * 1024).spawn(move || {
        let prepared = Prepared::default();
        deepest.map(|source| Expression::compile(&source).unwrap().evaluate(&push(), &prepared).holds)
    });
    assert_eq!(outcomes.unwrap().join().unwrap(), [true; 6]);
}

#[test]
fn a_long_chain_of_alternatives_is_no_depth() {
    let source = vec!["event.count == 3"; 100].join(" || ");
    assert!(outcome(&source, &push()).holds);
}

#[test]
fn an_event_that_is_too_large_is_not_looked_at() {
    let large = scope(json!({"text": "x".repeat(LARGEST_EVENT)}));
    let outcome = outcome("true", &large);
    assert!(!outcome.holds);
    assert!(outcome.note.unwrap().contains("larger than 64 KiB"));
}

#[test]
fn a_loop_over_a_long_list_ends_soon_or_is_refused() {
    let event = scope(json!({"list": vec![1; 9_000], "text": "x".repeat(20_000), "number": 3}));
    for (source, holds, refused) in [
        ("event.list.exists(x, x == 2)", false, false),
        ("event.list.exists(x, string(x).matches('^[2-9]+$'))", false, false),
        ("event.list.exists(x, x == event.number)", false, false),
        ("event.list.map(x, x).size() == 9000", true, false),
        (
            "event.list.exists(x, event.text.contains(string(x) + 'y'))",
            false,
            true,
        ),
        ("event.list.map(x, event).size() == 9000", false, true),
        ("event.list.map(x, event.text).size() == 9000", false, true),
        ("event.list.exists(x, event == {'a': event})", false, true),
    ] {
        let outcome = outcome(source, &event);
        assert_eq!(outcome.holds, holds, "{source}");
        assert_eq!(outcome.note.is_some(), refused, "{source}: {:?}", outcome.note);
    }
}

#[test]
fn rules_of_one_event_share_what_was_prepared() {
    let prepared = Prepared::default();
    let mut scope = push();
    let mine = Expression::compile("rule.name == 'deploys' && event.ref.matches('main$')").unwrap();
    let other = Expression::compile("rule.name == 'reviews' && event.ref.matches('^refs')").unwrap();
    assert!(mine.evaluate(&scope, &prepared).holds);
    scope["rule"]["name"] = json!("reviews");
    assert!(other.evaluate(&scope, &prepared).holds);
    assert!(!mine.evaluate(&scope, &prepared).holds);
}

#[test]
fn an_expression_tells_which_fields_it_reads() {
    let expression =
        Expression::compile("event.a.b == 1 && event['x y'][0].z && event.list.exists(i, i.name == rule.name)")
            .unwrap();
    assert_eq!(
        expression.paths(),
        ["event.a.b", "event[\"x y\"][0].z", "event.list", "rule.name"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_an_expression_or_a_fault_inside_it(
        text in prop_oneof![
            "\\PC{0,30}",
            "(event|rule|now|x|1|'a'|\"b\"|&&|\\|\\||==|[-+*/<>!?:.,()\\[\\]{} ]|exists|map|has|size){0,25}",
        ],
    ) {
        match Expression::compile(&text) {
            Ok(expression) => {
                expression.evaluate(&push(), &Prepared::default());
            }
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    if let Underline::Within(range) = fault.underline {
                        prop_assert!(text.get(range).is_some(), "{text}");
                    }
                }
            }
        }
    }
}
