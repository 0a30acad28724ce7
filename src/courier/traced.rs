//! What an attempt adds to the trace of its delivery. Pure.

use chrono::{DateTime, Duration, Utc};

use crate::delivery::{Attempt, Delivery, Operation, Verdict};
use crate::teams::answer::Answer;
use crate::trace::{Fact, Kind, Span, TraceContext};

/// The spans of this attempt: how long it was waited for, the attempt itself, and the whole delivery if it is over now.
/// `delivery` is as it was before the attempt. None if its event is not traced.
pub fn spans(delivery: &Delivery, attempt: &Attempt, answer: &Answer, now: DateTime<Utc>) -> Vec<Span> {
    let Some((decision, whole)) = whole(delivery) else {
        return Vec::new();
    };
    let operation = operation(delivery);
    let number = attempt.number.to_string();
    let waits_since = delivery.attempts.last().map_or(delivery.created_at, |last| {
        let took = i64::try_from(last.took_ms).unwrap_or(i64::MAX);
        last.started_at + Duration::milliseconds(took.min(86_400_000))
    });
    let (outcome, failure) = match &attempt.verdict {
        Verdict::Delivered { .. } => ("delivered", None),
        Verdict::RetryAt { .. } => ("retry", Some(answer.word())),
        Verdict::Dead { .. } => ("dead", Some(answer.word())),
    };
    let mut facts = vec![
        ("herald.attempt", Fact::from(attempt.number)),
        ("herald.answer", Fact::from(answer.word())),
        ("herald.outcome", Fact::from(outcome)),
    ];
    facts.extend(
        attempt
            .status
            .map(|status| ("http.response.status_code", Fact::from(status))),
    );
    let mut spans = vec![
        Span {
            context: whole.child(&["wait", &number]),
            parent: Some(whole),
            name: "wait",
            kind: Kind::Internal,
            start: waits_since,
            end: attempt.started_at,
            facts: vec![("herald.attempt", Fact::from(attempt.number))],
            failure: None,
        },
        Span {
            context: whole.child(&["attempt", &number]),
            parent: Some(whole),
            name: "attempt",
            kind: Kind::Client,
            start: attempt.started_at,
            end: now,
            facts,
            failure,
        },
    ];
    if outcome != "retry" {
        spans.push(Span {
            context: whole,
            parent: Some(decision),
            name: "delivery",
            kind: Kind::Internal,
            start: delivery.created_at,
            end: now,
            facts: vec![
                ("herald.delivery", Fact::from(delivery.id.as_str())),
                ("herald.event", Fact::from(delivery.event_id.as_str())),
                ("herald.run", Fact::from(delivery.run().as_str())),
                ("herald.rule", Fact::from(delivery.rule.as_str())),
                ("herald.lane", Fact::from(delivery.terms.lane.word())),
                ("herald.operation", Fact::from(operation)),
                ("herald.attempts", Fact::from(attempt.number)),
                ("herald.outcome", Fact::from(outcome)),
            ],
            failure,
        });
    }
    spans
}

/// The span of the attempt that comes next. None if the event of the delivery is not traced.
pub fn attempt(delivery: &Delivery) -> Option<TraceContext> {
    let (_, whole) = whole(delivery)?;
    Some(whole.child(&["attempt", &(delivery.attempt_count + 1).to_string()]))
}

/// The span of the decision that made a delivery, and that of the delivery.
fn whole(delivery: &Delivery) -> Option<(TraceContext, TraceContext)> {
    let decision = delivery.trace.as_deref().and_then(TraceContext::parse)?;
    let whole = decision.child(&["delivery", delivery.id.as_str(), operation(delivery)]);
    Some((decision, whole))
}

fn operation(delivery: &Delivery) -> &'static str {
    match delivery.operation {
        Operation::Send => "send",
        Operation::Update => "update",
        Operation::Delete => "delete",
    }
}
