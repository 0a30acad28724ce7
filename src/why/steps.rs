//! What follows a message, as a story tells it.

use std::fmt::{self, Write};

use chrono_tz::Tz;

use super::moment;
use crate::matter::Matter;
use crate::record::RuleRecord;

/// What followed the event, and what is still to come.
pub(super) fn tell(out: &mut String, rule: &RuleRecord, matters: &[Matter], zone: Tz) -> fmt::Result {
    let about = rule.told.as_ref().map(|told| &told.matter);
    let matter = matters.iter().find(|matter| Some(&matter.id) == about);
    let Some(steps) = matter.and_then(|matter| matter.steps.as_ref()) else {
        return Ok(());
    };
    if steps.done.is_empty() && steps.next.is_none() {
        return Ok(());
    }
    writeln!(out, "  what follows:")?;
    for done in &steps.done {
        let at = moment(done.at, zone);
        write!(out, "    {}, {at}: {}", done.name, done.what)?;
        match &done.event {
            Some(event) => writeln!(out, " ({event})")?,
            None => writeln!(out)?,
        }
    }
    match &steps.next {
        Some(next) if next.tries > 0 => writeln!(
            out,
            "    {} is tried again {}, after {} in vain",
            next.name,
            moment(next.due_at, zone),
            match next.tries {
                1 => "1 try".to_owned(),
                tries => format!("{tries} tries"),
            }
        ),
        Some(next) => writeln!(out, "    {} comes {}", next.name, moment(next.due_at, zone)),
        None => writeln!(out, "    nothing more is to come"),
    }
}
