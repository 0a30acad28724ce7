//! Traces: one story from the request to a hook to Teams' answer. Pure.
//!
//! A span's id is a hash of what it is about, so a delivery that goes on after a restart needs one text, the
//! [`TraceContext`] of the decision that made it, to find its parents again.

pub mod otlp;

use std::fmt;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::event::{Event, EventId, Origin};

/// Which trace, and which span of it: what the header `traceparent` of W3C's Trace Context says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: [u8; 16],
    span: [u8; 8],
    /// Whoever began the trace wants it recorded.
    pub sampled: bool,
}

impl TraceContext {
    /// Reads a `traceparent`: `00-` 32 digits `-` 16 digits `-` 2 digits, all hexadecimal. `None` for anything else,
    /// and for ids of zeros alone.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let lower = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let known = version.len() == 2 && lower(version) && version != "ff" && lower(trace) && lower(span);
        // Later versions may say more; the first one does not.
        if !known || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let (mut trace_id, mut span_id, mut flag) = ([0; 16], [0; 8], [0; 1]);
        hex::decode_to_slice(trace, &mut trace_id).ok()?;
        hex::decode_to_slice(span, &mut span_id).ok()?;
        hex::decode_to_slice(flags, &mut flag).ok()?;
        let named = trace_id != [0; 16] && span_id != [0; 8];
        named.then_some(Self {
            trace: trace_id,
            span: span_id,
            sampled: flag[0] & 1 == 1,
        })
    }

    /// A span of the same trace that is about this.
    pub fn child(self, about: &[&str]) -> Self {
        let mut hash = Sha256::new_with_prefix(self.trace);
        hash.update(self.span);
        let mut span = [0; 8];
        span.copy_from_slice(&hashed(hash, about)[..8]);
        Self { span, ..self }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (hex::encode(self.trace), hex::encode(self.span));
        write!(f, "00-{trace}-{span}-0{}", u8::from(self.sampled))
    }
}

/// Where the story of an event begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// The first span of ours.
    pub context: TraceContext,
    /// The caller's span, if the caller told one.
    pub parent: Option<TraceContext>,
}

impl Root {
    /// The root for an event; `traceparent` is what the caller sent, if anything. Without one, the trace is the event's
    /// own, and the same whenever it is asked for.
    pub fn new(event: &EventId, traceparent: Option<&str>) -> Self {
        let about = ["event", event.as_str()];
        match traceparent.and_then(TraceContext::parse) {
            Some(caller) => Self {
                context: caller.child(&about),
                parent: Some(caller),
            },
            None => {
                let mut trace = [0; 16];
                trace.copy_from_slice(&hashed(Sha256::new(), &about)[..16]);
                let nothing = TraceContext {
                    trace,
                    span: [0; 8],
                    sampled: true,
                };
                Self {
                    context: nothing.child(&about),
                    parent: None,
                }
            }
        }
    }

    /// The root for an event that arrived with this request.
    pub fn of(event: &Event) -> Self {
        Self::new(&event.id, event.request["headers"]["traceparent"].as_str())
    }

    /// The span of a decision about the event, made at `now`, and its parent. Only a request to a hook has a span of its
    /// own.
    pub fn decision(self, event: &Event, now: DateTime<Utc>) -> (TraceContext, Option<TraceContext>) {
        let parent = match event.origin {
            Origin::Hook { .. } => Some(self.context),
            Origin::Cron { .. }
            | Origin::Teams { .. }
            | Origin::Queue { .. }
            | Origin::Message { .. }
            | Origin::Button { .. }
            | Origin::Drill { .. }
            | Origin::Step { .. }
            | Origin::File { .. } => self.parent,
        };
        let at = now.timestamp_micros().to_string();
        (self.context.child(&["decision", &at]), parent)
    }
}

fn hashed(mut hash: Sha256, about: &[&str]) -> [u8; 32] {
    for part in about {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// What a span is to its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work inside Herald.
    Internal,
    /// A request that Herald answered.
    Server,
    /// A request that Herald made.
    Client,
}

/// A value of a span. Never a secret, never a text of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A word, id or name.
    Text(String),
    /// A count or code.
    Number(i64),
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Fact::Text(text.to_owned())
    }
}

impl From<usize> for Fact {
    fn from(number: usize) -> Self {
        Fact::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Fact {
    fn from(number: u32) -> Self {
        Fact::Number(number.into())
    }
}

impl From<u16> for Fact {
    fn from(number: u16) -> Self {
        Fact::Number(number.into())
    }
}

/// Something that took time and is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Which.
    pub context: TraceContext,
    /// In what it happened.
    pub parent: Option<TraceContext>,
    /// One of a few names.
    pub name: &'static str,
    /// What it is to its neighbours.
    pub kind: Kind,
    /// When it began.
    pub start: DateTime<Utc>,
    /// When it was over.
    pub end: DateTime<Utc>,
    /// What is known about it.
    pub facts: Vec<(&'static str, Fact)>,
    /// It did not come to a good end: why, in a word.
    pub failure: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_and_written() {
        assert_eq!(
            TraceContext::parse(CALLER).map(|c| c.to_string()).as_deref(),
            Some(CALLER)
        );
        let unsampled = CALLER.replace("-01", "-00");
        assert!(!TraceContext::parse(&unsampled).expect("well formed").sampled);
        let later = format!("{}-more", CALLER.replace("00-0af", "cc-0af"));
        assert!(TraceContext::parse(&later).is_some(), "a later version may say more");
    }

    #[test]
    fn what_is_no_traceparent_begins_a_trace_of_its_own() {
        let event = EventId::known("ev_1");
        let own = Root::new(&event, None);
        for bad in [
            "",
            "x",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
            assert_eq!(Root::new(&event, Some(bad)), own, "{bad}");
        }
        assert_ne!(own, Root::new(&EventId::known("ev_2"), None));
    }

    #[test]
    fn children_are_of_the_same_trace_and_the_same_whenever_they_are_asked_for() {
        let caller = TraceContext::parse(CALLER).expect("well formed");
        let root = Root::new(&EventId::known("ev_1"), Some(CALLER));
        assert_eq!(root.parent, Some(caller));
        assert_eq!(root.context.trace, caller.trace);
        let one = root.context.child(&["attempt", "1"]);
        assert_eq!(one, root.context.child(&["attempt", "1"]));
        assert_ne!(one, root.context.child(&["attempt", "2"]));
    }
}
