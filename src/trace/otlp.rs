//! Spans as OpenTelemetry's protocol writes them in JSON: what is posted to `/v1/traces` of a collector.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Fact, Kind, Span};

/// The body of a post. `service` is what the collector calls this program.
pub fn body(service: &str, spans: &[Span]) -> Value {
    json!({
        "resourceSpans": [{
            "resource": { "attributes": [
                attribute("service.name", &Fact::from(service)),
                attribute("service.version", &Fact::from(env!("CARGO_PKG_VERSION"))),
            ] },
            "scopeSpans": [{
                "scope": { "name": "herald", "version": env!("CARGO_PKG_VERSION") },
                "spans": spans.iter().map(written).collect::<Vec<_>>(),
            }],
        }],
    })
}

fn written(span: &Span) -> Value {
    let facts: Vec<_> = span.facts.iter().map(|(key, fact)| attribute(key, fact)).collect();
    let mut written = json!({
        "traceId": hex::encode(span.context.trace),
        "spanId": hex::encode(span.context.span),
        "name": span.name,
        "kind": match span.kind {
            Kind::Internal => 1,
            Kind::Server => 2,
            Kind::Client => 3,
        },
        "startTimeUnixNano": nanoseconds(span.start),
        "endTimeUnixNano": nanoseconds(span.end.max(span.start)),
        "attributes": facts,
        "status": match span.failure {
            Some(why) => json!({ "code": 2, "message": why }),
            None => json!({}),
        },
        "flags": 1,
    });
    if let Some(parent) = span.parent {
        written["parentSpanId"] = json!(hex::encode(parent.span));
    }
    written
}

fn attribute(key: &str, fact: &Fact) -> Value {
    let value = match fact {
        Fact::Text(text) => json!({ "stringValue": text }),
        // 64-bit numbers are texts in this notation.
        Fact::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

fn nanoseconds(at: DateTime<Utc>) -> String {
    at.timestamp_nanos_opt().unwrap_or_default().max(0).to_string()
}
