//! What a rule says about noise: `split`, `digest` and `storm`, and how they go with the rest.

use serde_json::Value;

use super::{Compiler, parted};
use crate::diagnostic::{Fault, Step};
use crate::limit::{Limit, Rest};
use crate::quiet::policy::{QuietTime, Then};
use crate::rate::Rate;
use crate::rule::condition::Condition;
use crate::rule::digest::Digest;
use crate::rule::sending::Urgency;
use crate::rule::split::Split;
use crate::rule::target::{Kind, Target};
use crate::storm;

impl Compiler<'_> {
    pub(super) fn split(&mut self, written: Option<&Value>) -> Option<Split> {
        match Split::compile(written?) {
            Ok(split) => Some(split),
            Err(fault) => {
                self.judged(&["split".into()], vec![fault]);
                None
            }
        }
    }

    /// Without `split` there is no item that a condition could look at.
    pub(super) fn no_item(&mut self, condition: Option<&Condition>, rule: &Value) {
        let of_item = |path: &str| path == "item" || path.starts_with("item.") || path.starts_with("item[");
        let reads = |condition: &Condition| condition.paths().iter().any(|path| of_item(path));
        if rule.get("split").is_some() || !condition.is_some_and(reads) {
            return;
        }
        let fault = Fault::error("condition::root", "there is no `item` in this rule")
            .help("`item` is one of the list that `split` names: write `split: event.alerts`, or `event.` in place of `item.`");
        let lines = rule.get("if").and_then(Value::as_object);
        let line = lines.and_then(|lines| lines.keys().find(|key| of_item(key)));
        let fault = match line {
            Some(line) => fault.on_key().under(line.as_str()),
            None => fault,
        };
        self.judged(&["if".into()], vec![fault]);
    }

    /// The digest; a limit that says nothing about the rest leaves it to a digest that is written.
    /// Quiet hours whose cards are folded say when it is sent as well.
    pub(super) fn digest(
        &mut self,
        rule: &Value,
        limit: &mut Option<Limit>,
        notify: &[Target],
        quiet: &QuietTime,
    ) -> Option<Digest> {
        let place = || vec![Step::from("digest")];
        let said = rule.get("limit").and_then(|limit| limit.get("rest"));
        let digested = said.and_then(Value::as_str) == Some("digest");
        let written = rule.get("digest");
        let by_feed = notify.iter().position(|target| target.kind() == Kind::ActivityFeed);
        if let Some(index) = by_feed.filter(|_| written.is_some() || digested) {
            let fault = Fault::error(
                "digest::feed",
                "an activity feed has no cards, so it cannot be sent a digest",
            )
            .help("tell the person in the chat, with `person:`, or leave the digest out")
            .on_key()
            .under("activity_feed");
            self.judged(&["notify".into(), index.into()], vec![fault]);
        }
        let written = written?;
        let (digest, found) =
            parted(Digest::compile(written, self.around.time_zone).map(|digest| (digest, Vec::new())));
        let failed = digest.is_none();
        self.judged(&place(), found);
        let card = match written.get("card") {
            Some(card) => self.card_at(&[Step::from("digest"), Step::from("card")], Some(card), &[]),
            None => None,
        };
        let mut digest = digest?;
        digest.card = card.map(std::sync::Arc::new);
        let fault = match (said, limit.as_mut()) {
            (None, Some(limit)) => {
                limit.rest = Rest::Digest;
                None
            }
            (Some(_), Some(_)) if !digested => Some(
                Fault::error("digest::limit", "the limit leaves nothing for a digest")
                    .help("write `rest: digest` under `limit`, or leave `rest` out"),
            ),
            (_, None) if digest.times.is_none() && rule.get("limit").is_none() && quiet.then != Then::Digest => Some(
                Fault::error("digest::limit", "nothing says when the digest is sent").help(
                    "write `at: \"09:00\"` under `digest`, or a `limit: { once_per: 1 hour }` beside it, at whose end it \
                     is sent",
                ),
            ),
            (_, Some(_) | None) => None,
        };
        self.judged(&place(), fault.into_iter().collect());
        (!failed).then_some(digest)
    }

    pub(super) fn storm(&mut self, written: Option<&Value>) -> Option<Option<Rate>> {
        match storm::compile(written?) {
            Ok(storm) => Some(storm),
            Err(fault) => {
                self.judged(&["storm".into()], vec![fault]);
                None
            }
        }
    }
}

/// What counts for a rule: its own word, else that of the workspace, more of it if its cards are critical.
pub(super) fn breaker(own: Option<Option<Rate>>, workspace: Option<Rate>, urgency: Urgency) -> Option<Rate> {
    match (own, urgency) {
        (Some(own), _) => own,
        (None, Urgency::Critical) => workspace.map(|rate| Rate {
            count: rate.count.saturating_mul(storm::CRITICAL_FACTOR),
            ..rate
        }),
        (None, Urgency::High | Urgency::Normal | Urgency::Low) => workspace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::USUAL;

    #[test]
    fn a_rule_has_its_own_breaker_or_the_one_of_all_and_a_critical_one_has_more_room() {
        assert_eq!(breaker(Some(None), Some(USUAL), Urgency::Critical), None);
        assert_eq!(
            breaker(None, Some(USUAL), Urgency::Critical).map(|rate| rate.count),
            Some(100)
        );
        assert_eq!(breaker(None, None, Urgency::Critical), None);
        assert_eq!(breaker(None, Some(USUAL), Urgency::Low), Some(USUAL));
    }
}
