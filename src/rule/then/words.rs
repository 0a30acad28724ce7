//! Steps in the words of whoever asks about them.

use super::{Act, Step, Wait};
use crate::duration;

/// `after 15 minutes: tells person: on-call.next, unless it is acknowledged`
pub fn in_words(step: &Step) -> String {
    let Wait { after, at } = step.wait;
    let when = match (after, at) {
        (Some(after), None) => format!("after {}", duration::words(after)),
        (None, Some(at)) => format!("at {}", at.format("%H:%M")),
        (Some(after), Some(at)) => format!(
            "at {}, {} later at the earliest",
            at.format("%H:%M"),
            duration::words(after)
        ),
        (None, None) => "right then".to_owned(),
    };
    let what = match &step.act {
        Act::Call(call) => format!("asks {}", call.shown()),
        Act::Tell(tell) => match &tell.notify {
            None => "tells the same people".to_owned(),
            Some(targets) => {
                let names = |target: &crate::rule::target::Target| {
                    let values: Vec<&str> = target.values().iter().map(|text| text.source()).collect();
                    match values.is_empty() {
                        true => target.kind().key().to_owned(),
                        false => format!("{} {}", target.kind().key(), values.join(", ")),
                    }
                };
                format!("tells {}", targets.iter().map(names).collect::<Vec<_>>().join(", "))
            }
        },
    };
    match step.unless.acknowledged {
        false => format!("{when}: {what}"),
        true => format!("{when}: {what}, unless it is acknowledged"),
    }
}
