//! The moment has come: what is told of a gathering, to whom, and what becomes of it.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::card::Card;
use crate::card::gathered::{self, Occasion};
use crate::card::text::Warnings;
use crate::choice::Choices;
use crate::delivery::{Address, Delivery, DeliveryId, Terms, WindowId};
use crate::event::EventId;
use crate::gathering::{Cause, Gathering, Item};
use crate::limit::{Change, Rest, Step, Window, later};
use crate::opt_out::{self, Verdict};
use crate::rate::Rate;
use crate::rule::Rule;
use crate::rule::courtesy::{Tongue, ours};
use crate::run::Run;
use crate::webhook::message;
use crate::words::{self, Language, Phrase, fill, is_right_to_left};

use super::owed;

/// Items that Herald's own card lists.
const LISTED: usize = 20;

/// What is known when a gathering comes up.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Its key.
    pub window: &'a WindowId,
    /// The gathering.
    pub gathering: &'a Gathering,
    /// What is kept of it, oldest first.
    pub items: &'a [Item],
    /// The window of the rule's limit under the same key.
    pub limited: Option<&'a Window>,
    /// The rule as it is now; it may be gone.
    pub rule: Option<&'a Rule>,
    /// The workspace's zone.
    pub time_zone: Tz,
    /// The ruleset that decides.
    pub revision: &'a str,
}

/// What is told.
#[derive(Debug, Clone)]
pub struct Telling {
    /// The card that is sent, with its delivery and the run it is.
    pub sent: Option<(Delivery, Card, Run)>,
    /// What the card that says a storm is on becomes.
    pub amended: Option<(DeliveryId, Card)>,
    /// What becomes of the gathering and of the limit's window.
    pub changes: Vec<Change>,
    /// In a sentence, for the record.
    pub what: String,
    /// What did not print as meant.
    pub warnings: Vec<String>,
}

/// What is told of a gathering at `now`, with the event `event` that stands for this moment. The same arguments give the
/// same telling.
///
/// Whatever became of the rule, what was gathered is told: without a card of its own it is Herald's.
pub fn tell(known: &Known<'_>, event: &EventId, now: DateTime<Utc>) -> Telling {
    let Known { gathering, .. } = *known;
    let mut warnings = Warnings::new();
    let id = DeliveryId::of(event, &gathering.rule, &gathering.recipient.address);
    if let Some(rate) = gathering.cause.rate()
        && gathering.count.saturating_sub(gathering.checked) > u64::from(rate.count)
    {
        let after = Gathering {
            checked: gathering.count,
            due_at: later(now, rate.per),
            ..gathering.clone()
        };
        let last = known.items.last().map(|item| item.text.clone()).unwrap_or_default();
        let card = rendered(
            known,
            &after,
            Occasion::StormBegins,
            &last,
            after.due_at,
            now,
            &mut warnings,
        );
        return Telling {
            sent: None,
            amended: Some((gathering.begun_by.clone(), card)),
            changes: vec![change(known, id, Some(after))],
            what: format!("{} are gathered, and more keep coming", gathering.count),
            warnings: warnings.into_vec(),
        };
    }
    let occasion = match gathering.cause {
        Cause::Limit { .. } | Cause::Clock => Occasion::Digest,
        Cause::Quiet => Occasion::QuietEnds,
        Cause::Storm { .. } => Occasion::StormEnds,
    };
    let last = known.items.last().map(|item| item.text.clone()).unwrap_or_default();
    let card = rendered(known, gathering, occasion, &last, now, now, &mut warnings);
    let mut changes = vec![change(known, id.clone(), None)];
    // The card that tells of the others counts as any other: until its window is over, what comes is gathered again.
    let limit = known.rule.and_then(|rule| rule.limit.as_ref());
    let limit = limit.filter(|limit| limit.rest == Rest::Digest && occasion == Occasion::Digest);
    let opens = limit.map(|limit| Step::Opens {
        before: known.limited.cloned(),
        after: limit.opened(&id, None, now),
    });
    let window = opens.is_some().then(|| known.window.clone());
    changes.extend(opens.map(|step| Change {
        window: known.window.clone(),
        rule: gathering.rule.clone(),
        delivery: id.clone(),
        step,
        gathers: None,
    }));
    let sending = known.rule.map(|rule| rule.sending.clone()).unwrap_or_default();
    // What becomes due at night is told in the morning.
    let quiet = gathering.quiet.clone();
    let held = quiet.as_ref().and_then(|quiet| Some((quiet, quiet.until(now)?)));
    let held_until = held.map(|(_, until)| until);
    let sent_at = held_until.unwrap_or(now);
    let delivery = Delivery {
        window,
        next_attempt_at: sent_at,
        reason: held.map(|(quiet, until)| quiet.reason(until)),
        terms: Terms {
            tenant_id: gathering.tenant_id.clone(),
            thread: gathering.thread.clone(),
            held_until,
            quiet: quiet.clone(),
            uncounted: true,
            ..sending.terms(1, sent_at)
        },
        ..owed(
            id,
            &gathering.rule,
            event,
            gathering.recipient.clone(),
            Some(card.id()),
            known.revision,
            now,
        )
    };
    // Nobody approves a digest: the events it tells of were let through before.
    let run = Run {
        complete: true,
        ..Run::new(event, &gathering.rule, 1, now)
    };
    Telling {
        what: format!("{} were gathered, and one card tells of them", gathering.count),
        sent: Some((delivery, card, run)),
        amended: None,
        changes,
        warnings: warnings.into_vec(),
    }
}

/// The card that says to whoever `gathering` is for that a storm has begun; `item` is the first thing that is gathered.
pub fn notice(gathering: &Gathering, item: &Item, rule: &Rule, time_zone: Tz, seen: &mut Warnings) -> Card {
    let window = WindowId::of(&gathering.rule, "", &gathering.recipient.address);
    let known = Known {
        window: &window,
        gathering,
        items: std::slice::from_ref(item),
        limited: None,
        rule: Some(rule),
        time_zone,
        revision: "",
    };
    let first = Gathering {
        count: 1,
        ..gathering.clone()
    };
    rendered(
        &known,
        &first,
        Occasion::StormBegins,
        &item.text,
        first.due_at,
        item.at,
        seen,
    )
}

fn change(known: &Known<'_>, delivery: DeliveryId, after: Option<Gathering>) -> Change {
    Change {
        window: known.window.clone(),
        rule: known.gathering.rule.clone(),
        delivery,
        step: Step::Tells {
            before: Box::new(known.gathering.clone()),
            after: after.map(Box::new),
        },
        gathers: None,
    }
}

fn rendered(
    known: &Known<'_>,
    gathering: &Gathering,
    occasion: Occasion,
    last: &str,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
    seen: &mut Warnings,
) -> Card {
    let house = Tongue::default();
    let tongue = known.rule.map_or(&house, |rule| &rule.courtesy.tongue);
    let languages = tongue.chain(gathering.languages.iter().map(String::as_str));
    let language = ours(&languages);
    let mut scope = scope(known, gathering, last, until, now);
    scope["languages"] = json!(languages);
    scope["dates_in"] = json!(languages);
    scope["digest"]["rate"] = json!(gathering.cause.rate().map(|rate| in_words(rate, language)));
    let own = known
        .rule
        .and_then(|rule| rule.digest.as_ref())
        .and_then(|digest| digest.card.clone());
    let card = match (occasion, &own) {
        (Occasion::Digest | Occasion::QuietEnds, Some(own)) => {
            if !own.reads("languages") {
                scope["dates_in"] = json!(tongue.chain([]));
            }
            let card = own.render(&scope, &[], seen);
            match own.reads("languages") && tongue.runs_from_the_right(&languages) {
                true => card.from_the_right(),
                false => card,
            }
        }
        (Occasion::Digest | Occasion::QuietEnds, None) | (Occasion::StormBegins | Occasion::StormEnds, _) => {
            let card = gathered::card(occasion, language).render(&scope, &[], seen);
            match is_right_to_left(language.tag()) {
                true => card.from_the_right(),
                false => card,
            }
        }
    };
    let mut card = match gathering.recipient.address {
        Address::Webhook { .. } => message::tailored(card, seen),
        Address::Person { .. } | Address::Feed { .. } | Address::Conversation { .. } | Address::Nowhere { .. } => {
            card
        }
    };
    if let Some(rule) = known.rule {
        card.importance = rule.sending.importance;
        card.alert = rule.sending.alert;
    }
    card
}

/// `20 cards in 5 minutes`
fn in_words(rate: Rate, language: Language) -> String {
    let length = match language {
        Language::English => rate.time(),
        Language::German | Language::Spanish | Language::French | Language::Japanese | Language::Arabic => {
            words::length(language, rate.per)
        }
    };
    let count = rate.count.to_string();
    fill(language, Phrase::StormRate, &[("count", &count), ("length", &length)])
}

/// The names that a digest's card can use.
fn scope(known: &Known<'_>, gathering: &Gathering, last: &str, until: DateTime<Utc>, now: DateTime<Utc>) -> Value {
    let moment = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let items: Vec<Value> = known
        .items
        .iter()
        .map(|item| {
            json!({
                "number": item.number, "at": moment(item.at), "text": item.text, "id": item.event,
                "data": item.data, "item": item.item,
            })
        })
        .collect();
    let newest = &items[items.len().saturating_sub(LISTED)..];
    let zone = gathering.person["time_zone"]
        .as_str()
        .and_then(|name| name.parse().ok());
    let day = |at: DateTime<Utc>| at.with_timezone(&zone.unwrap_or(known.time_zone)).date_naive();
    json!({
        "event": null,
        "request": null,
        "item": null,
        "rule": {
            "name": gathering.rule,
            "description": known.rule.map_or(gathering.description.as_ref(), |rule| rule.description.as_ref()),
            "owner": known.rule.and_then(|rule| rule.owner.as_ref()),
        },
        "recipient": gathering.person,
        "limit": null,
        "time_zone": known.time_zone.name(),
        "now": moment(now),
        "digest": {
            "because": gathering.cause.word(),
            "count": gathering.count,
            "several": gathering.count > 1,
            "since": moment(gathering.opened_at),
            "until": moment(until),
            "one_day": day(gathering.opened_at) == day(now),
            "value": gathering.value,
            "items": items,
            "newest": newest,
            "more": gathering.count.saturating_sub(newest.len() as u64),
            "last": last,
        },
    })
}

/// Whoever it was gathered for does not want it any more. Of a rule that is gone, nobody knows what it belonged to.
pub fn is_unwanted(gathering: &Gathering, rule: Option<&Rule>, choices: &Choices) -> bool {
    let courtesy = rule.map(|rule| rule.courtesy.clone()).unwrap_or_default();
    opt_out::verdict(choices, &gathering.rule, &courtesy) != Verdict::Gets
}

/// Nothing is told, and the gathering is over.
pub fn leave(known: &Known<'_>, event: &EventId) -> Telling {
    let gathering = known.gathering;
    let id = DeliveryId::of(event, &gathering.rule, &gathering.recipient.address);
    Telling {
        sent: None,
        amended: None,
        changes: vec![change(known, id, None)],
        what: format!(
            "{} were gathered, and {} has stopped these messages since, so they are not told",
            gathering.count, gathering.recipient.name
        ),
        warnings: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::Content;
    use crate::delivery::Recipient;

    fn told(languages: &[&str]) -> String {
        let at: DateTime<Utc> = "2026-03-02T09:14:00Z".parse().expect("a time");
        let address = Address::Nowhere { wanted: "anna".into() };
        let event = EventId::known("ev_1");
        let window = WindowId::of("alerts", "", &address);
        let gathering = Gathering {
            rule: "alerts".to_owned(),
            description: None,
            value: None,
            cause: Cause::Clock,
            begun_by: DeliveryId::of(&event, "alerts", &address),
            recipient: Recipient {
                address,
                name: "Anna".to_owned(),
            },
            tenant_id: None,
            person: Value::Null,
            languages: languages.iter().map(|tag| (*tag).to_owned()).collect(),
            quiet: None,
            thread: None,
            opened_at: at,
            due_at: at,
            count: 3,
            checked: 0,
        };
        let known = Known {
            window: &window,
            gathering: &gathering,
            items: &[],
            limited: None,
            rule: None,
            time_zone: Tz::UTC,
            revision: "r",
        };
        let (_, card, _) = tell(&known, &event, at).sent.expect("it is told");
        let Content::Adaptive(value) = &card.content else {
            panic!("it is a card");
        };
        assert_eq!(value["rtl"] == true, languages.first() == Some(&"ar"));
        card.summary
    }

    #[test]
    fn a_digest_is_in_the_language_of_whoever_gets_it() {
        assert_eq!(told(&["de-CH"]), "3 weitere: alerts");
        assert_eq!(told(&["it"]), "3 more: alerts");
        assert_eq!(told(&[]), "3 more: alerts");
        told(&["ar"]);
    }
}
