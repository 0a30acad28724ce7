//! Every function, in the order of the documentation: what it is called, what it means, an example.

use super::{Datum, Example, Function, compare, date, list, markup, number, text};

const fn example(template: &'static str, event: &'static str, result: &'static str) -> Example {
    Example {
        template,
        event,
        result,
    }
}

/// A function without special wishes; the list below changes what differs.
const PLAIN: Function = Function {
    name: "",
    signature: "",
    meaning: "",
    example: example("", "{}", ""),
    arguments: (1, 1),
    named: &[],
    takes_missing: false,
    reads_recipient: false,
    check: |_| None,
    run: |_| Ok(Datum::Missing),
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "date",
        signature: "date TIME [FORMAT] [zone=ZONE]",
        meaning: "A moment in the recipient's time zone. FORMAT is `short` (as without one), `long`, `day`, `time`, \
                  `relative`, or a pattern such as `%d.%m.%Y %H:%M`. TIME is a date as text, or seconds or \
                  milliseconds since 1970.",
        example: example(
            "{{date event.at \"long\"}}",
            r#"{"at": "2026-03-07T10:30:00Z"}"#,
            "Saturday, 7 March 2026 at 11:30 CET",
        ),
        arguments: (1, 2),
        named: &["zone"],
        reads_recipient: true,
        check: date::check,
        run: date::date,
        ..PLAIN
    },
    Function {
        name: "text",
        signature: "text KEY [count=NUMBER] [NAME=VALUE ...]",
        meaning: "A text of `texts/`, in the language of whoever reads the card. KEY is written out. With `count`, a number \
                  or a list, the form of the text that goes with it; the other values are what its holes show.",
        example: example(
            "{{text \"deploy.failed\" count=event.failed}}",
            r#"{"failed": 3}"#,
            "3 Deploys scheiterten",
        ),
        named: &["*"],
        check: text::check_key,
        ..PLAIN
    },
    Function {
        name: "plural",
        signature: "plural NUMBER ONE [MANY]",
        meaning: "The number and its noun. Without MANY, an `s` is added. A list counts as its length.",
        example: example(
            "{{plural event.alerts \"alert\"}}",
            r#"{"alerts": [1, 2, 3]}"#,
            "3 alerts",
        ),
        arguments: (2, 3),
        run: number::plural,
        ..PLAIN
    },
    Function {
        name: "number",
        signature: "number VALUE [DECIMALS]",
        meaning: "A number with its thousands set apart, and so many digits after the point.",
        example: example("{{number event.bytes}}", r#"{"bytes": 1234567}"#, "1,234,567"),
        arguments: (1, 2),
        run: number::number,
        ..PLAIN
    },
    Function {
        name: "truncate",
        signature: "truncate TEXT LENGTH",
        meaning: "The text, cut to LENGTH characters with `…` at its end if it is longer.",
        example: example(
            "{{truncate event.title 12}}",
            r#"{"title": "A rather long title"}"#,
            "A rather lo…",
        ),
        arguments: (2, 2),
        run: text::truncate,
        ..PLAIN
    },
    Function {
        name: "lines",
        signature: "lines TEXT COUNT",
        meaning: "The first COUNT lines of a text.",
        example: example(
            "{{lines event.message 1}}",
            r#"{"message": "Repair the build\n\nIt was broken."}"#,
            "Repair the build",
        ),
        arguments: (2, 2),
        run: text::lines,
        ..PLAIN
    },
    Function {
        name: "upper",
        signature: "upper TEXT",
        meaning: "The text in capitals.",
        example: example("{{upper event.state}}", r#"{"state": "failed"}"#, "FAILED"),
        run: text::upper,
        ..PLAIN
    },
    Function {
        name: "lower",
        signature: "lower TEXT",
        meaning: "The text in small letters.",
        example: example("{{lower event.state}}", r#"{"state": "FAILED"}"#, "failed"),
        run: text::lower,
        ..PLAIN
    },
    Function {
        name: "capitalize",
        signature: "capitalize TEXT",
        meaning: "The text with its first letter a capital; the rest stays.",
        example: example("{{capitalize event.state}}", r#"{"state": "failed"}"#, "Failed"),
        run: text::capitalize,
        ..PLAIN
    },
    Function {
        name: "replace",
        signature: "replace TEXT OLD NEW",
        meaning: "The text with every OLD made NEW.",
        example: example(
            "{{replace event.branch \"refs/heads/\" \"\"}}",
            r#"{"branch": "refs/heads/main"}"#,
            "main",
        ),
        arguments: (3, 3),
        run: text::replace,
        ..PLAIN
    },
    Function {
        name: "basename",
        signature: "basename PATH",
        meaning: "What stands after the last `/` or `\\`.",
        example: example(
            "{{basename event.path}}",
            r#"{"path": "prices/2026/march.csv"}"#,
            "march.csv",
        ),
        run: text::basename,
        ..PLAIN
    },
    Function {
        name: "url_encode",
        signature: "url_encode TEXT",
        meaning: "The text as one part of an address: spaces, `/`, `&` and so on become `%20`, `%2F`, `%26`.",
        example: example("{{url_encode event.query}}", r#"{"query": "a b/c"}"#, "a%20b%2Fc"),
        run: text::url_encode,
        ..PLAIN
    },
    Function {
        name: "json",
        signature: "json VALUE",
        meaning: "Any value as JSON text.",
        example: example("{{json event.user}}", r#"{"user": {"id": 7}}"#, r#"{"id":7}"#),
        run: text::json,
        ..PLAIN
    },
    Function {
        name: "default",
        signature: "default VALUE OTHER",
        meaning: "The value, or OTHER when it is missing, null or empty.",
        example: example("{{default event.owner \"nobody\"}}", "{}", "nobody"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::default,
        ..PLAIN
    },
    Function {
        name: "count",
        signature: "count LIST",
        meaning: "How many items a list has, fields an object, characters a text.",
        example: example("{{count event.alerts}}", r#"{"alerts": [1, 2, 3]}"#, "3"),
        run: list::count,
        ..PLAIN
    },
    Function {
        name: "first",
        signature: "first LIST",
        meaning: "The first item of a list.",
        example: example("{{first event.labels}}", r#"{"labels": ["bug", "ui"]}"#, "bug"),
        run: list::first,
        ..PLAIN
    },
    Function {
        name: "last",
        signature: "last LIST",
        meaning: "The last item of a list.",
        example: example("{{last event.labels}}", r#"{"labels": ["bug", "ui"]}"#, "ui"),
        run: list::last,
        ..PLAIN
    },
    Function {
        name: "join",
        signature: "join LIST [SEPARATOR] [field=NAME]",
        meaning: "The items of a list as one text, with `, ` or SEPARATOR between them; `field` takes one field of \
                  each item.",
        example: example(
            "{{join event.labels \" / \" field=\"name\"}}",
            r#"{"labels": [{"name": "bug"}, {"name": "ui"}]}"#,
            "bug / ui",
        ),
        arguments: (1, 2),
        named: &["field"],
        run: list::join,
        ..PLAIN
    },
    Function {
        name: "lookup",
        signature: "lookup VALUE NAME",
        meaning: "The field or item whose name or place (from 0) is itself a value.",
        example: example(
            "{{lookup event.owners event.team}}",
            r#"{"owners": {"web": "Anna"}, "team": "web"}"#,
            "Anna",
        ),
        arguments: (2, 2),
        run: list::lookup,
        ..PLAIN
    },
    Function {
        name: "eq",
        signature: "eq A B",
        meaning: "Whether both are the same. `5` and `\"5\"` are.",
        example: example(
            "{{#if (eq event.state \"failed\")}}red{{else}}green{{/if}}",
            r#"{"state": "failed"}"#,
            "red",
        ),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::eq,
        ..PLAIN
    },
    Function {
        name: "ne",
        signature: "ne A B",
        meaning: "Whether they differ.",
        example: example("{{#if (ne event.a 1)}}other{{/if}}", r#"{"a": 2}"#, "other"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::ne,
        ..PLAIN
    },
    Function {
        name: "gt",
        signature: "gt A B",
        meaning: "Whether A is more than B: numbers by size, anything else in the order of its text.",
        example: example("{{#if (gt event.cpu 90)}}hot{{/if}}", r#"{"cpu": 97.5}"#, "hot"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::gt,
        ..PLAIN
    },
    Function {
        name: "ge",
        signature: "ge A B",
        meaning: "Whether A is B or more.",
        example: example("{{#if (ge event.cpu 90)}}hot{{/if}}", r#"{"cpu": 90}"#, "hot"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::ge,
        ..PLAIN
    },
    Function {
        name: "lt",
        signature: "lt A B",
        meaning: "Whether A is less than B.",
        example: example("{{#if (lt event.free 10)}}low{{/if}}", r#"{"free": "9"}"#, "low"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::lt,
        ..PLAIN
    },
    Function {
        name: "le",
        signature: "le A B",
        meaning: "Whether A is B or less.",
        example: example("{{#if (le event.free 10)}}low{{/if}}", r#"{"free": 10}"#, "low"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::le,
        ..PLAIN
    },
    Function {
        name: "and",
        signature: "and A B ...",
        meaning: "The last value if all are there and not empty, zero or false; else the first that is not.",
        example: example(
            "{{#if (and event.a event.b)}}both{{/if}}",
            r#"{"a": 1, "b": true}"#,
            "both",
        ),
        arguments: (2, 16),
        takes_missing: true,
        run: compare::and,
        ..PLAIN
    },
    Function {
        name: "or",
        signature: "or A B ...",
        meaning: "The first value that is there and not empty, zero or false.",
        example: example(
            "{{or event.name event.login \"somebody\"}}",
            r#"{"login": "anna-b"}"#,
            "anna-b",
        ),
        arguments: (2, 16),
        takes_missing: true,
        run: compare::or,
        ..PLAIN
    },
    Function {
        name: "not",
        signature: "not A",
        meaning: "Whether it is missing, empty, zero or false.",
        example: example("{{#if (not event.draft)}}ready{{/if}}", r#"{"draft": false}"#, "ready"),
        takes_missing: true,
        run: compare::not,
        ..PLAIN
    },
    Function {
        name: "contains",
        signature: "contains WHERE WHAT",
        meaning: "Whether a text holds a text, a list an item, an object a field.",
        example: example(
            "{{#if (contains event.labels \"urgent\")}}now{{/if}}",
            r#"{"labels": ["ui", "urgent"]}"#,
            "now",
        ),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::contains,
        ..PLAIN
    },
    Function {
        name: "starts_with",
        signature: "starts_with TEXT START",
        meaning: "Whether a text begins so.",
        example: example(
            "{{#if (starts_with event.branch \"release/\")}}release{{/if}}",
            r#"{"branch": "release/1.4"}"#,
            "release",
        ),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::starts_with,
        ..PLAIN
    },
    Function {
        name: "ends_with",
        signature: "ends_with TEXT END",
        meaning: "Whether a text ends so.",
        example: example(
            "{{#if (ends_with event.name \".csv\")}}table{{/if}}",
            r#"{"name": "a.csv"}"#,
            "table",
        ),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::ends_with,
        ..PLAIN
    },
    Function {
        name: "link",
        signature: "link TEXT ADDRESS",
        meaning: "A link, if the address begins with https, http, mailto or msteams; else the text alone.",
        example: example(
            "{{link event.title event.url}}",
            r#"{"title": "Run 7", "url": "https://ci.example/7"}"#,
            "[Run 7](https://ci.example/7)",
        ),
        arguments: (2, 2),
        run: markup::link,
        ..PLAIN
    },
    Function {
        name: "bold",
        signature: "bold TEXT",
        meaning: "The text in bold.",
        example: example(
            "{{bold event.title}}",
            r#"{"title": "Deploy failed"}"#,
            "**Deploy failed**",
        ),
        run: markup::bold,
        ..PLAIN
    },
    Function {
        name: "mention",
        signature: "mention PERSON",
        meaning: "Mentions somebody: an object with `name` and one of `id`, `aad_object_id`, `user_principal_name`, \
                  `email`.",
        example: example(
            "{{mention event.author}}",
            r#"{"author": {"name": "Anna Berg", "email": "anna.berg@contoso.example"}}"#,
            "<at>Anna Berg</at>",
        ),
        run: markup::mention,
        ..PLAIN
    },
];
