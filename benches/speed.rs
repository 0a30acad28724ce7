//! How much each step costs: `cargo bench`. What the figures mean is in docs/benchmarks.md.

use std::hint::black_box;
use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use herald::card::text::Warnings;
use herald::cli::check::{self, CheckFormat};
use herald::cli::exit::Exit;
use herald::event::{Event, EventId, Origin};
use herald::plan;
use herald::rehearsal::suite;
use herald::rule::Rule;
use herald::rule::ruleset::Ruleset;
use herald::workspace::{self, SourceFile, Sources, Workspace};
use serde_json::{Value, json};

/// A workspace of `rules` rules, spread over `hooks` hooks: as people write them, with conditions, two targets, and
/// by turns a card in short form and one of a template.
fn sources(rules: usize, hooks: usize) -> Sources {
    let file = |path: String, text: String| SourceFile {
        path,
        bytes: Ok(text.into_bytes()),
    };
    let mut settings = "time_zone: Europe/Berlin\nhooks:\n".to_owned();
    for hook in 0..hooks {
        settings.push_str(&format!(
            "  hook{hook}: {{ path: hook{hook}, signature: github, secret: TOKEN }}\n"
        ));
    }
    let mut files = vec![
        file(
            "directory.yaml".to_owned(),
            "people: { anna: anna.berg@contoso.example }\nchannels: { releases: { team: Platform, channel: Releases } }\n"
                .to_owned(),
        ),
        file("herald.yaml".to_owned(), settings),
    ];
    files.extend((0..rules).map(|number| {
        let card = match number % 2 {
            0 => "  title: \"{{event.service}}: {{event.state}}\"\n  text: \"{{event.text}}\"\n  facts: { Host: \"{{event.host}}\", \
                  Version: \"{{event.version}}\" }\n  style: attention\n",
            _ => "  template: report\n  with: { title: \"{{event.service}}\" }\n",
        };
        let text = format!(
            "description: Something happened to service {number}\nowner: team-{}\n\nwhen: {{ hook: hook{}, event_type: changed \
             }}\n\nif:\n  event.state: [failed, broken]\n  event.environment: production\n  event.count: {{ at_least: {} }}\n  \
             any:\n    - event.host: {{ starts_with: db }}\n    - event.labels.team: team-{}\n\nnotify:\n  - person: anna\n  - \
             channel: releases\n    mention: anna\n\ncard:\n{card}",
            number % 50,
            number % hooks,
            number % 100,
            number % 50,
        );
        file(format!("rules/area{:03}/rule{number:05}.yaml", number / 100), text)
    }));
    files.push(file("templates/report.yaml".to_owned(), REPORT.to_owned()));
    Sources {
        files,
        ..Sources::default()
    }
}

/// A template whose card has about 3 KB.
const REPORT: &str = r#"type: AdaptiveCard
version: "1.5"
body:
  - { type: TextBlock, text: "{{title}}", size: large, weight: bolder, wrap: true }
  - { type: TextBlock, text: "{{event.text}}", wrap: true }
  - type: FactSet
    facts:
      - { title: Host, value: "{{event.host}}" }
      - { title: Version, value: "{{event.version}}" }
      - { title: Environment, value: "{{upper event.environment}}" }
      - { title: Team, value: "{{default event.labels.team 'nobody'}}" }
  - type: Container
    $data: "{{event.alerts}}"
    items:
      - type: ColumnSet
        columns:
          - type: Column
            width: stretch
            items: [{ type: TextBlock, text: "{{name}}", wrap: true }]
          - type: Column
            width: auto
            items: [{ type: TextBlock, text: "{{value}}", color: attention }]
actions:
  - { type: Action.OpenUrl, title: Open the run, url: "{{event.url}}" }
"#;

fn compiled(sources: &Sources) -> Workspace {
    let compiled = workspace::compile(sources, None);
    assert!(compiled.diagnostics.is_empty(), "{:?}", &compiled.diagnostics[0]);
    compiled.workspace
}

fn write(root: &Path, sources: &Sources) {
    for file in &sources.files {
        let path = root.join(&file.path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        std::fs::write(path, file.bytes.as_ref().expect("a text")).expect("written");
    }
}

fn instant() -> DateTime<Utc> {
    "2026-03-02T09:00:00Z".parse().expect("an instant")
}

fn data() -> Value {
    let alerts: Vec<Value> = (0..7)
        .map(|number| json!({ "name": format!("Disk {number} of the database is nearly full"), "value": format!("{number}7 %") }))
        .collect();
    json!({
        "state": "failed", "environment": "production", "count": 250, "service": "billing", "host": "db-04.contoso.example",
        "version": "4.11.2", "labels": { "team": "team-7" }, "alerts": alerts, "url": "https://ci.contoso.example/runs/4711",
        "text": "The nightly migration stopped after 14 of 37 steps. Nothing was lost; the service runs on the old schema.",
    })
}

fn event(hook: &str) -> Event {
    Event {
        id: EventId::derived(&["bench"]),
        origin: Origin::Hook {
            hook: hook.to_owned(),
            event_type: Some("changed".to_owned()),
        },
        occurred_at: instant(),
        data: data(),
        request: Value::Null,
        here: None,
        thread: None,
        item: None,
        sender: None,
    }
}

/// What `herald check` does, files and all.
fn check_command(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("check");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for rules in [1_000, 10_000] {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &sources(rules, 100));
        group.throughput(Throughput::Elements(rules as u64));
        group.bench_function(BenchmarkId::from_parameter(rules), |bench| {
            bench.iter(|| {
                let exit = check::check(folder.path(), &[], CheckFormat::Human, false, &mut io::sink());
                assert_eq!(exit.expect("checked"), Exit::Done);
            });
        });
    }
    group.finish();
}

/// From texts in memory to rules in force: a start, or a reload of everything.
fn compile(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("compile");
    group.sample_size(10);
    let sources = sources(1_000, 100);
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("1000", |bench| {
        bench.iter(|| workspace::compile(black_box(&sources), None))
    });
    group.finish();
}

/// Tests of a rule: it tells, it does not, and a day later it tells again.
const TESTS: &str = "
tests:
  - name: a failure in production is told
    given: { sample: samples/HOOK/changed.json, with: { event.state: failed, event.environment: production, event.count: 200 } }
    expect: { sent_to: [anna, releases], messages: 2 }
  - name: what happens elsewhere is nobody's business
    given: { sample: samples/HOOK/changed.json, with: { event.environment: staging } }
    expect: { sent_to: [] }
  - name: a story of two
    story:
      - given: { sample: samples/HOOK/changed.json, with: { event.state: failed, event.environment: production, event.count: 200 } }
      - wait: 1 day
      - given: { sample: samples/HOOK/changed.json, with: { event.state: broken, event.environment: production, event.count: 300 } }
    expect: { messages: 4 }
";

/// The rules' own tests: three for each of 1,000 rules, read, compiled and played as `herald test` does.
fn tests_of_rules(bench: &mut Criterion) {
    let mut sources = sources(1_000, 100);
    let rules = sources.files.iter_mut().filter(|file| file.path.starts_with("rules/"));
    for (number, rule) in rules.enumerate() {
        let text = rule.bytes.as_mut().expect("it is text");
        text.extend_from_slice(TESTS.replace("HOOK", &format!("hook{}", number % 100)).as_bytes());
    }
    for hook in 0..100 {
        sources.files.push(SourceFile {
            path: format!("samples/hook{hook}/changed.json"),
            bytes: Ok(data().to_string().into_bytes()),
        });
    }
    let workspace = compiled(&sources);
    let suites = suite::read(&sources, &workspace);
    let tests: Vec<_> = suites.suites.iter().flat_map(|suite| &suite.tests).collect();
    let mut group = bench.benchmark_group("test");
    group.sample_size(10);
    group.throughput(Throughput::Elements(tests.len() as u64));
    group.bench_function("read and compile", |bench| {
        bench.iter(|| suite::read(black_box(&sources), &workspace));
    });
    group.bench_function("play", |bench| {
        bench.iter(|| {
            for test in &tests {
                let played = test.play(black_box(&workspace)).expect("it is whole");
                assert!(played.failures.is_empty());
            }
        });
    });
    group.finish();
}

/// Which rules does an event meet? Ten of its hook, alone or among 9,990 of other hooks; and 10,000 of its hook.
fn match_event(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("match");
    let alone = compiled(&sources(10, 1)).ruleset;
    let among = compiled(&sources(10_000, 1_000)).ruleset;
    let all = compiled(&sources(10_000, 1)).ruleset;
    let event = event("hook0");
    for (name, ruleset, met) in [
        ("10 rules, all of the hook", &alone, 10),
        ("10000 rules, 10 of the hook", &among, 10),
        ("10000 rules, all of the hook", &all, 10_000),
    ] {
        assert_eq!(ruleset.triggered_by(&event).len(), met);
        group.bench_function(name, |bench| bench.iter(|| ruleset.triggered_by(black_box(&event))));
        group.bench_function(format!("{name}, and judged"), |bench| {
            bench.iter(|| judged(ruleset, black_box(&event)));
        });
    }
    group.finish();
}

/// How many rules the event meets that also hold.
fn judged(ruleset: &Ruleset, event: &Event) -> usize {
    let rules = ruleset.triggered_by(event);
    let holds = |rule: &&std::sync::Arc<Rule>| {
        let scope = plan::scope(event, rule, chrono_tz::Tz::UTC, event.occurred_at);
        rule.condition.evaluate(&scope).holds
    };
    rules.iter().filter(holds).count()
}

/// A card of 3 KB from a template, and a condition.
fn render(bench: &mut Criterion) {
    let workspace = compiled(&sources(2, 1));
    let [short, template] = workspace.ruleset.rules.as_slice() else {
        panic!("two rules were asked for");
    };
    let event = event("hook0");
    let scope = plan::scope(&event, template, chrono_tz::Tz::UTC, event.occurred_at);
    let render = |rule: &Rule| rule.card.render(&scope, &[], &mut Warnings::new());
    let bytes = |rule: &Rule| render(rule).to_activity().to_string().len();
    println!(
        "the card of the template has {} bytes, the short one {}",
        bytes(template),
        bytes(short)
    );
    let mut group = bench.benchmark_group("render");
    group.bench_function("template", |bench| bench.iter(|| render(black_box(template))));
    group.bench_function("short form", |bench| bench.iter(|| render(black_box(short))));
    group.finish();

    let mut group = bench.benchmark_group("condition");
    group.bench_function("five lines", |bench| {
        bench.iter(|| template.condition.evaluate(black_box(&scope)).holds);
    });
    let cel = json!({ "expression": "event.count >= 200 && event.alerts.exists(a, a.name.startsWith('Disk 6'))" });
    let (cel, _) = herald::rule::condition::Condition::compile(&cel).expect("it is well formed");
    assert!(cel.evaluate(&scope).holds);
    group.bench_function("expression", |bench| {
        bench.iter(|| cel.evaluate(black_box(&scope)).holds)
    });
    group.finish();
}

criterion_group!(benches, check_command, compile, tests_of_rules, match_event, render);
criterion_main!(benches);
