//! Bounds that protect Herald and Teams.

use super::file::LimitsFile;
use crate::diagnostic::Fault;
use crate::rate::{Counted, Rate};
use crate::storm;

/// Bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest body a hook takes, in bytes.
    pub body_bytes: usize,
    /// Posts to hooks worked on at once.
    pub requests_at_once: usize,
    /// Connections open at once, as long as the system allows as many open files.
    pub connections: usize,
    /// Messages a second to all of Teams.
    pub messages_per_second: u32,
    /// Messages to one conversation; without any, what Teams documents.
    pub messages_per_conversation: Vec<Rate>,
    /// Listings of one team or chat; without any, what Teams documents.
    pub listings_per_conversation: Vec<Rate>,
    /// Deliveries that may be open (pending or sending) at once.
    pub open_deliveries: u64,
    /// Cards of one rule to one recipient before the storm breaker trips; `None` if there is none.
    pub storm: Option<Rate>,
}

/// How many rates one thing may have: each is looked at for every message.
const MOST_RATES: usize = 8;

fn rates(written: Option<&[String]>, key: &str, counted: &Counted, faults: &mut Vec<Fault>) -> Vec<Rate> {
    let Some(written) = written else {
        return Vec::new();
    };
    if written.is_empty() || written.len() > MOST_RATES {
        let message = format!("there are 1 to {MOST_RATES} lines here, or none of this key");
        faults.push(
            Fault::error(counted.code, message)
                .label("leave it out for what Teams documents")
                .under(key)
                .under("limits"),
        );
        return Vec::new();
    }
    let read = written.iter().enumerate().filter_map(|(index, line)| {
        Rate::parse(line, counted)
            .map_err(|fault| faults.push(fault.under(index).under(key).under("limits")))
            .ok()
    });
    read.collect()
}

/// What goes to one conversation. Each that a rate names is remembered, for each conversation, so there is a most.
const fn pace_of(things: &'static str) -> Counted {
    Counted {
        code: "settings::pace",
        things,
        most: 10_000,
        none: (
            "nothing could ever be sent",
            "write at least 1; leave the key out for what Teams documents",
        ),
        too_many: "write a shorter time with fewer",
    }
}

pub(super) fn compile(file: &LimitsFile, faults: &mut Vec<Fault>) -> Limits {
    let whole =
        |value: Option<u64>, otherwise: usize| value.map_or(otherwise, |n| usize::try_from(n).unwrap_or(usize::MAX));
    Limits {
        body_bytes: whole(file.body_bytes, 1 << 20),
        requests_at_once: whole(file.requests_at_once, 256),
        connections: whole(file.connections, 1024),
        messages_per_second: file.messages_per_second.unwrap_or(50),
        messages_per_conversation: rates(
            file.messages_per_conversation.as_deref(),
            "messages_per_conversation",
            &pace_of("messages"),
            faults,
        ),
        listings_per_conversation: rates(
            file.listings_per_conversation.as_deref(),
            "listings_per_conversation",
            &pace_of("listings"),
            faults,
        ),
        open_deliveries: file.open_deliveries.unwrap_or(1_000_000),
        storm: match file.storm.as_ref().map(storm::compile) {
            None => Some(storm::USUAL),
            Some(Ok(storm)) => storm,
            Some(Err(fault)) => {
                faults.push(fault.under("storm").under("limits"));
                Some(storm::USUAL)
            }
        },
    }
}
