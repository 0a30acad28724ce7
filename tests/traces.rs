//! One trace from the request to a hook to Teams' answer, handed to a collector that this test is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::engine::{Engine, PATIENCE, Workspace};

const RULE: &str = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: \"the password is {{event.password}}\" }\n";
const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A span as it arrived.
#[derive(Debug, Clone)]
struct Span {
    trace: String,
    id: String,
    parent: Option<String>,
    name: String,
    start: u64,
    end: u64,
    facts: BTreeMap<String, String>,
    failed: bool,
}

/// A collector that takes OTLP over HTTP.
#[derive(Clone, Default)]
struct Collector {
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    async fn start(self) -> (Self, SocketAddr) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let routes = Router::new()
            .route("/v1/traces", post(Self::take))
            .with_state(self.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (self, address)
    }

    async fn take(State(collector): State<Collector>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
        collector.bodies.lock().expect("nobody panicked").push(body);
        (StatusCode::OK, Json(json!({})))
    }

    fn raw(&self) -> String {
        let bodies = self.bodies.lock().expect("nobody panicked");
        bodies.iter().map(Value::to_string).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().expect("nobody panicked");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let mut spans = Vec::new();
        for body in bodies.iter() {
            for resource in body["resourceSpans"].as_array().expect("resources") {
                let service = &resource["resource"]["attributes"][0];
                assert_eq!(
                    (&service["key"], &service["value"]["stringValue"]),
                    (&json!("service.name"), &json!("herald"))
                );
                for span in resource["scopeSpans"][0]["spans"].as_array().expect("spans") {
                    let facts = span["attributes"].as_array().expect("attributes").iter().map(|fact| {
                        let value = &fact["value"];
                        let value = value["stringValue"].as_str().or(value["intValue"].as_str());
                        (text(&fact["key"]), value.expect("a value").to_owned())
                    });
                    spans.push(Span {
                        trace: text(&span["traceId"]),
                        id: text(&span["spanId"]),
                        parent: span["parentSpanId"].as_str().map(str::to_owned),
                        name: text(&span["name"]),
                        start: text(&span["startTimeUnixNano"]).parse().expect("a time"),
                        end: text(&span["endTimeUnixNano"]).parse().expect("a time"),
                        facts: facts.collect(),
                        failed: span["status"]["code"] == 2,
                    });
                }
            }
        }
        spans
    }

    /// Waits until this many spans of the name have arrived, and gives all.
    async fn until(&self, name: &str, count: usize) -> Vec<Span> {
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            let spans = self.spans();
            if spans.iter().filter(|span| span.name == name).count() >= count {
                return spans;
            }
            assert!(
                tokio::time::Instant::now() < ends,
                "no {count} {name} in time: {spans:#?}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// Those of the caller's trace; the bot's installation has one of its own.
fn of_caller(spans: Vec<Span>) -> Vec<Span> {
    let ours = |span: &Span| span.trace == "0af7651916cd43dd8448eb211c80319c";
    spans.into_iter().filter(ours).collect()
}

fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name}: {spans:#?}");
    found[0]
}

async fn engine(settings: &str) -> Engine {
    let engine = Workspace::new().rule("r", RULE).settings(settings).start().await;
    engine.known(&["Anna Berg"]).await;
    engine
}

fn nanoseconds(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp_nanos_opt().expect("a time of today")).expect("after 1970")
}

async fn post_traced(engine: &Engine, traceparent: &str) -> String {
    let body = json!({ "password": "hunter2" }).to_string().into_bytes();
    let headers = [("content-type", "application/json"), ("traceparent", traceparent)];
    let (status, answer) = engine.post_with("/hooks/ci", body, &headers).await;
    assert_eq!(status, 202, "{answer}");
    answer["deliveries"][0].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn one_trace_leads_from_the_callers_request_to_the_answer_of_teams() {
    let (collector, address) = Collector::default().start().await;
    let engine = engine(&format!("traces: {{ endpoint: \"http://{address}/\" }}\n")).await;
    let id = post_traced(&engine, CALLER).await;
    engine.messages(1).await;
    let delivery = engine
        .settled()
        .await
        .into_iter()
        .find(|d| d.id.as_str() == id)
        .expect("there");
    let spans = of_caller(collector.until("delivery", 1).await);

    let (hook, decision) = (one(&spans, "hook"), one(&spans, "decision"));
    let (whole, wait, attempt) = (one(&spans, "delivery"), one(&spans, "wait"), one(&spans, "attempt"));
    for span in [hook, decision, whole, wait, attempt] {
        assert_eq!(span.trace, "0af7651916cd43dd8448eb211c80319c", "{span:?}");
        assert!(span.end >= span.start && !span.failed, "{span:?}");
    }
    assert_eq!(hook.parent.as_deref(), Some("b7ad6b7169203331"), "the caller's span");
    assert_eq!(decision.parent.as_ref(), Some(&hook.id));
    assert_eq!(whole.parent.as_ref(), Some(&decision.id));
    assert_eq!(wait.parent.as_ref(), Some(&whole.id));
    assert_eq!(attempt.parent.as_ref(), Some(&whole.id));
    assert!(
        hook.start <= decision.start && decision.end <= hook.end,
        "{hook:?} {decision:?}"
    );
    assert_eq!(
        (whole.start, wait.start),
        (nanoseconds(delivery.created_at), whole.start)
    );
    assert_eq!(wait.end, attempt.start, "it waits until it is tried");
    assert_eq!(attempt.start, nanoseconds(delivery.attempts[0].started_at));
    assert_eq!(whole.facts["herald.delivery"], id);
    assert_eq!(whole.facts["herald.rule"], "r");
    assert_eq!(attempt.facts["herald.answer"], "accepted");
    assert_eq!(attempt.facts["http.response.status_code"], "201");
    assert_eq!(decision.facts["herald.deliveries"], "1");
    for secret in ["hunter2", "password", "Anna", engine.teams.secret()] {
        assert!(!collector.raw().contains(secret), "{secret} is in a span");
    }
    let (_, metrics) = engine.get("/metrics").await;
    let metrics = metrics.as_str().expect("text");
    assert!(
        metrics.contains("herald_trace_spans_total{result=\"dropped\"} 0"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_delivery_that_goes_on_after_a_restart_stays_in_its_trace() {
    let (collector, address) = Collector::default().start().await;
    let mut engine = engine(&format!("traces: {{ endpoint: \"http://{address}\" }}\n")).await;
    engine.teams.go_away();
    post_traced(&engine, CALLER).await;
    engine
        .until("it was tried", |all| all.iter().any(|d| d.attempt_count > 0))
        .await;
    // A stop hands over what was recorded.
    engine.stop().await;
    let before = collector.spans();
    assert!(
        before.iter().any(|span| span.name == "attempt" && span.failed),
        "{before:#?}"
    );
    assert!(before.iter().all(|span| span.name != "delivery"), "{before:#?}");
    engine.teams.come_back();
    engine.start_server().await;
    engine.messages(1).await;
    let spans = of_caller(collector.until("delivery", 1).await);

    let (decision, whole) = (one(&spans, "decision"), one(&spans, "delivery"));
    assert_eq!(whole.parent.as_ref(), Some(&decision.id));
    let attempts: Vec<_> = spans.iter().filter(|span| span.name == "attempt").collect();
    assert!(attempts.len() > 1, "{spans:#?}");
    for attempt in attempts {
        assert_eq!(
            (attempt.parent.as_ref(), &attempt.trace),
            (Some(&whole.id), &decision.trace)
        );
    }
}

#[tokio::test]
async fn a_caller_that_wants_no_trace_gets_none_and_one_without_gets_one_of_its_own() {
    let (collector, address) = Collector::default().start().await;
    let engine = engine(&format!("traces: {{ endpoint: \"http://{address}\" }}\n")).await;
    post_traced(&engine, &CALLER.replace("-01", "-00")).await;
    engine.messages(1).await;
    engine.post("/hooks/ci", &json!({ "password": "x" })).await;
    engine.messages(2).await;
    let spans = collector.until("delivery", 1).await;
    let hook = one(&spans, "hook");
    assert_eq!(hook.parent, None);
    assert!(
        spans
            .iter()
            .filter(|s| s.name == "attempt")
            .all(|span| span.trace == hook.trace),
        "{spans:#?}"
    );
    assert!(
        spans.iter().all(|span| !span.trace.starts_with("0af7651916")),
        "{spans:#?}"
    );
}

#[tokio::test]
async fn a_collector_that_is_away_or_hangs_holds_nothing_up() {
    // It takes the connection and never answers.
    let hanging = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let endpoint = hanging.local_addr().expect("bound");
    let engine = engine(&format!("traces: {{ endpoint: \"http://{endpoint}\" }}\n")).await;
    for number in 1..=5 {
        post_traced(&engine, CALLER).await;
        engine.messages(number).await;
    }
    drop(hanging);
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, metrics) = engine.get("/metrics").await;
        let metrics = metrics.as_str().expect("text").to_owned();
        let dropped = metrics
            .lines()
            .find_map(|line| line.strip_prefix("herald_trace_spans_total{result=\"dropped\"} "))
            .expect("counted");
        if dropped != "0" {
            break;
        }
        assert!(tokio::time::Instant::now() < ends, "nothing dropped in time: {metrics}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn without_the_setting_nothing_is_traced() {
    let engine = engine("").await;
    post_traced(&engine, CALLER).await;
    engine.messages(1).await;
    assert!(engine.deliveries().await.iter().all(|d| d.trace.is_none()));
}

#[tokio::test]
async fn requests_to_graph_stand_below_what_they_are_made_for() {
    const APP: &str = "0d7f3f7e-6c0b-4a7e-8f57-2f1c1f6f9b11";
    let (collector, address) = Collector::default().start().await;
    let engine = Workspace::new()
        .rule(
            "r",
            "when: { hook: ci }\nnotify: [{ person: olena.shevchenko@contoso.example }]\ncard: { message: hello }\n",
        )
        .settings(&format!(
            "traces: {{ endpoint: \"http://{address}\" }}\ngraph: {{ look_up: true, install: true, app: {APP} }}\n"
        ))
        .start()
        .await;
    let headers = [("content-type", "application/json"), ("traceparent", CALLER)];
    let (status, answer) = engine.post_with("/hooks/ci", b"{}".to_vec(), &headers).await;
    assert_eq!(status, 202, "{answer}");
    engine.messages(1).await;
    let spans = of_caller(collector.until("delivery", 1).await);
    let asked = |operation: &str| {
        let found = spans
            .iter()
            .find(|span| span.name == "graph" && span.facts["herald.graph.operation"] == operation);
        found.unwrap_or_else(|| panic!("no {operation}: {spans:#?}"))
    };
    let parents = |name: &str| -> Vec<&String> {
        let named = spans.iter().filter(|span| span.name == name);
        named.map(|span| &span.id).collect()
    };
    let found = asked("find_person");
    assert!(
        parents("decision").contains(&found.parent.as_ref().expect("a parent")),
        "{spans:#?}"
    );
    assert_eq!(found.facts["http.response.status_code"], "200");
    let installed = asked("install");
    assert!(
        parents("attempt").contains(&installed.parent.as_ref().expect("a parent")),
        "{spans:#?}"
    );
    assert_eq!(
        (installed.facts["herald.answer"].as_str(), installed.failed),
        ("ok", false)
    );
    assert!(!collector.raw().contains("olena"), "whose it is stays out of traces");
}
