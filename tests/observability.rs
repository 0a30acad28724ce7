//! What an operator watches: metrics, the dashboard, the alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use herald::metric::Metrics;
use regex::Regex;
use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|problem| panic!("{path}: {problem}"))
}

/// What a running engine told: each series' name with its labels and value.
struct Told {
    text: String,
    series: Vec<(String, BTreeMap<String, String>, f64)>,
}

impl Told {
    fn of(text: &str) -> Self {
        let line = Regex::new(r#"^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$"#).expect("a pattern");
        let label = Regex::new(r#"([a-z_]+)="([^"]*)""#).expect("a pattern");
        let series = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|told| {
                let found = line.captures(told).unwrap_or_else(|| panic!("no sample: {told}"));
                let labels = found.get(2).map_or("", |labels| labels.as_str());
                let labels = label
                    .captures_iter(labels)
                    .map(|pair| (pair[1].to_owned(), pair[2].to_owned()))
                    .collect();
                (found[1].to_owned(), labels, found[3].parse().expect("a number"))
            })
            .collect();
        Self {
            text: text.to_owned(),
            series,
        }
    }

    fn names(&self) -> BTreeSet<&str> {
        self.series.iter().map(|(name, ..)| name.as_str()).collect()
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |told: &BTreeMap<String, String>| {
            labels
                .iter()
                .all(|(key, value)| told.get(*key).is_some_and(|told| told == value))
        };
        self.series
            .iter()
            .filter(|(told, of, _)| told == name && fits(of))
            .map(|(.., value)| value)
            .sum()
    }

    /// Everything that this query names is there: metrics, labels, and the words of labels.
    fn check(&self, query: &str) {
        let selector = Regex::new(r"\b((?:herald|process)_[a-z_]+)\b(?:\{([^}]*)\})?").expect("a pattern");
        let matcher = Regex::new(r#"([a-z_]+)\s*(?:=~|!=|=)\s*"([^"]*)""#).expect("a pattern");
        for found in selector.captures_iter(query) {
            let name = &found[1];
            assert!(
                self.names().contains(name),
                "{query}: there is no metric {name}\n{}",
                self.text
            );
            for pair in matcher.captures_iter(found.get(2).map_or("", |labels| labels.as_str())) {
                let label = &pair[1];
                if ["job", "instance"].contains(&label) {
                    continue;
                }
                for word in pair[2].split('|') {
                    let there = self
                        .series
                        .iter()
                        .any(|(told, labels, _)| told == name && labels.get(label).is_some_and(|told| told == word));
                    assert!(there, "{query}: {name} has no {label}=\"{word}\"\n{}", self.text);
                }
            }
        }
    }
}

/// An engine that has sent a card, found nobody for another, and held a third back.
async fn after_some_work() -> Engine {
    let engine = Workspace::new()
        .rule(
            "sent",
            "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: hello }\nlimit: { once_per: 1 hour }\n",
        )
        .rule(
            "nobody",
            "when: { hook: ci }\nnotify: [{ person: nobody@contoso.example }, { person: \"{{event.who}}\" }]\ncard: { message: hello }\n",
        )
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine.post("/hooks/ci", &json!({})).await;
    engine.messages(1).await;
    engine.settled().await;
    engine.post("/hooks/ci", &json!({})).await;
    engine.post("/hooks/nowhere", &json!({})).await;
    engine.settled().await;
    engine
}

async fn told(engine: &Engine) -> Told {
    let (status, text) = engine.get("/metrics").await;
    assert_eq!(status, 200);
    Told::of(text.as_str().expect("text"))
}

#[tokio::test]
async fn what_happened_is_counted_by_reason() {
    let engine = after_some_work().await;
    let told = told(&engine).await;
    assert!(told.text.ends_with("# EOF\n"), "{}", told.text);
    let is = |name: &str, labels: &[(&str, &str)], wanted: f64| {
        let value = told.value(name, labels);
        assert!(
            (value - wanted).abs() < 1e-9,
            "{name} {labels:?} is {value}, not {wanted}\n{}",
            told.text
        );
    };
    is("herald_deliveries_planned_total", &[], 1.0);
    is("herald_deliveries_sent_total", &[], 1.0);
    is("herald_delivery_latency_seconds_count", &[], 1.0);
    is("herald_teams_answers_total", &[("kind", "accepted")], 1.0);
    is("herald_deliveries_skipped_total", &[("reason", "limit")], 1.0);
    is("herald_deliveries_skipped_total", &[("reason", "not_found")], 2.0);
    is("herald_deliveries_skipped_total", &[("reason", "nobody")], 2.0);
    is("herald_deliveries_skipped_total", &[("reason", "ambiguous")], 0.0);
    is("herald_hook_requests_total", &[("outcome", "accepted")], 2.0);
    is("herald_hook_requests_total", &[("outcome", "refused")], 1.0);
    is("herald_hook_request_duration_seconds_count", &[("status", "2xx")], 2.0);
    is("herald_hook_request_duration_seconds_count", &[("status", "4xx")], 1.0);
    is("herald_queue_depth", &[], 0.0);
    is("herald_deliveries", &[("state", "delivered")], 1.0);
    is("herald_rules", &[], 2.0);
    is("herald_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    for busy in [
        "herald_store_write_duration_seconds_count",
        "herald_store_size_bytes",
        "herald_pace_allowed_per_second",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
    ] {
        assert!(told.value(busy, &[]) > 0.0, "{busy}\n{}", told.text);
    }
}

#[tokio::test]
async fn everything_that_dashboard_and_alerts_name_is_there() {
    let engine = after_some_work().await;
    let told = told(&engine).await;
    let dashboard: Value = serde_json::from_str(&document("docs/grafana-dashboard.json")).expect("JSON");
    let mut queries = 0;
    for target in panels(&dashboard)
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten()
    {
        told.check(target["expr"].as_str().expect("a query"));
        queries += 1;
    }
    assert!(queries > 30, "{queries}");
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        if let Some(query) = variable["definition"].as_str() {
            told.check(query);
        }
    }
    for alert in alerts() {
        told.check(alert["expr"].as_str().expect("a query"));
    }
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().expect("panels").iter().collect()
}

fn alerts() -> Vec<Value> {
    let parsed = herald::yaml::parse("docs/alerts.yaml", &document("docs/alerts.yaml"));
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    let groups = parsed.document.expect("YAML").value["groups"]
        .as_array()
        .expect("groups")
        .clone();
    groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules").clone())
        .collect()
}

#[test]
fn the_dashboard_has_what_grafana_needs() {
    let dashboard: Value = serde_json::from_str(&document("docs/grafana-dashboard.json")).expect("JSON");
    for (field, kind) in [("title", "text"), ("uid", "text"), ("schemaVersion", "number")] {
        let value = &dashboard[field];
        assert!(
            value.is_string() == (kind == "text") && !value.is_null(),
            "{field}: {value}"
        );
    }
    let mut ids = BTreeSet::new();
    let mut taken: BTreeSet<(u64, u64)> = BTreeSet::new();
    for panel in panels(&dashboard) {
        let shown = panel["title"].as_str().expect("a title");
        assert!(
            ids.insert(panel["id"].as_u64().expect("an id")),
            "{shown} has another's id"
        );
        let place = |side: &str| {
            panel["gridPos"][side]
                .as_u64()
                .unwrap_or_else(|| panic!("{shown}: no {side}"))
        };
        assert!(place("x") + place("w") <= 24, "{shown} is too wide");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{shown} covers another");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(
            ["stat", "timeseries"].contains(&panel["type"].as_str().expect("a type")),
            "{shown}"
        );
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{shown}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{shown}");
        let mut letters = BTreeSet::new();
        for target in panel["targets"].as_array().expect("targets") {
            assert!(letters.insert(target["refId"].as_str().expect("a letter")), "{shown}");
            assert!(!target["expr"].as_str().expect("a query").is_empty(), "{shown}");
        }
    }
    let variables: Vec<_> = dashboard["templating"]["list"]
        .as_array()
        .expect("variables")
        .iter()
        .map(|variable| variable["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
}

#[test]
fn each_alert_says_what_it_means_and_what_to_do() {
    let tried = document("tests/fixtures/alerts.test.yaml");
    let alerts = alerts();
    assert!(alerts.len() > 10);
    for alert in alerts {
        let name = alert["alert"].as_str().expect("a name");
        let severity = alert["labels"]["severity"].as_str().expect("a severity");
        assert!(["critical", "warning", "info"].contains(&severity), "{name}");
        for part in ["summary", "description", "what_to_do"] {
            let text = alert["annotations"][part].as_str().unwrap_or_default();
            assert!(text.len() > 15, "{name} has no {part}");
        }
        assert!(
            tried.contains(&format!("alertname=\"{name}\"")),
            "{name} is not tried in alerts.test.yaml"
        );
    }
}

/// Prometheus' own tool; `./test` installs it.
fn promtool(arguments: &[&str]) {
    let ran = match Command::new("promtool").args(arguments).current_dir(root()).output() {
        Ok(ran) => ran,
        Err(problem) => panic!("promtool (Debian package prometheus) does not run: {problem}"),
    };
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn prometheus_takes_the_alerts_and_they_fire_when_they_should() {
    promtool(&["check", "rules", "docs/alerts.yaml"]);
    promtool(&["test", "rules", "tests/fixtures/alerts.test.yaml"]);
}

#[test]
fn every_metric_is_documented_and_no_other() {
    let text = Metrics::default().text();
    let told: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| match line.split_once(' ').expect("a name and a type") {
            (name, "counter") => format!("{name}_total"),
            (name, "info") => format!("{name}_info"),
            (name, _) => name.to_owned(),
        })
        .collect();
    let row = Regex::new(r"(?m)^\| `((?:herald|process)_[a-z_]+)`").expect("a pattern");
    let document = document("docs/operations.md");
    let documented: BTreeSet<String> = row.captures_iter(&document).map(|found| found[1].to_owned()).collect();
    assert!(told.len() > 30, "{told:?}");
    assert_eq!(documented, told);
}

#[test]
fn answers_are_counted_by_the_words_of_the_code() {
    use herald::metric::label;
    let answers = document("src/teams/answer.rs");
    let word = Regex::new(r#"Answer::\w+(?: \{ \.\. \})? => "([a-z_]+)""#).expect("a pattern");
    let words: Vec<_> = word.captures_iter(&answers).map(|found| found[1].to_owned()).collect();
    assert_eq!(label::ANSWERS, words);
}
