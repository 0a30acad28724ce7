//! Trying a rule out on purpose: what of the rule is different then, and who is meant by `--to`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::book::Book;
use crate::card::template::Partials;
use crate::diagnostic::Severity;
use crate::event::{Event, Origin};
use crate::rule::Rule;
use crate::rule::condition::Condition;
use crate::rule::courtesy::Courtesy;
use crate::rule::sending::Sending;
use crate::rule::target::{Kind, Target};

/// The rules as a drill asks for them; as they are for any other event. The target that a drill names stands in for
/// those of the rule, and a forced one holds whatever the event.
pub fn asked(rules: Vec<Arc<Rule>>, event: &Event) -> Vec<Arc<Rule>> {
    let Origin::Drill { to, forced, .. } = &event.origin else {
        return rules;
    };
    rules
        .iter()
        .map(|rule| Arc::new(rehearsal(rule, to.as_ref(), *forced)))
        .collect()
}

fn rehearsal(rule: &Rule, to: Option<&Value>, forced: bool) -> Rule {
    // What does not compile was refused when the drill was asked for.
    let to = to.and_then(|to| Target::compile(to, &Partials::none()).ok());
    let to_somebody_else = to.is_some();
    let (notify, except) = match to {
        Some(target) => (vec![target], Vec::new()),
        None => (rule.notify.clone(), rule.except.clone()),
    };
    Rule {
        name: rule.name.clone(),
        file: rule.file.clone(),
        description: rule.description.clone(),
        owner: rule.owner.clone(),
        triggers: rule.triggers.clone(),
        condition: match forced {
            true => Condition::always(),
            false => rule.condition.clone(),
        },
        notify,
        except,
        card: rule.card.clone(),
        feed: rule.feed.clone(),
        limit: rule.limit.clone(),
        digest: rule.digest.clone(),
        storm: rule.storm,
        split: rule.split.clone(),
        sending: match to_somebody_else {
            true => Sending::default(),
            false => rule.sending.clone(),
        },
        on_call: rule.on_call.clone(),
        // Nothing follows a drill.
        then: None,
        living: rule.living.clone(),
        quiet: rule.quiet.clone(),
        // Whoever is named for a drill wants to see the card.
        courtesy: Courtesy {
            required: rule.courtesy.required || to_somebody_else,
            ..rule.courtesy.clone()
        },
    }
}

/// The target that somebody means who writes only a name, as an author would write it: an alias of `directory.yaml`,
/// an address, `Team / Channel`, a pasted link, an id, a person's name; or a whole target, `channel: Releases`.
///
/// # Errors
/// A sentence: the name cannot be meant, or is nearly that of an alias.
pub fn target(written: &str, book: &Book) -> Result<Value, String> {
    let written = written.trim();
    if written.is_empty() {
        return Err("there is no name here".to_owned());
    }
    let (kind, name) = match whole(written) {
        Some(whole) => whole,
        None => (kind(written, book), written),
    };
    if name.contains("{{") {
        return Err("a drill's target has no holes".to_owned());
    }
    let target = json!({ kind.key(): name });
    Target::compile(&target, &Partials::none())
        .map_err(|faults| faults.first().map(|fault| fault.message.clone()).unwrap_or_default())?;
    match book.doubt(kind, name) {
        Some(fault) if fault.severity == Severity::Error => Err(fault.message),
        Some(fault) => match fault.help.filter(|help| help.starts_with("did you mean")) {
            Some(help) => Err(format!("{}; {help}", fault.message)),
            // A name that only Teams can know.
            None => Ok(target),
        },
        None => Ok(target),
    }
}

/// `channel: Releases`, as in a rule.
fn whole(written: &str) -> Option<(Kind, &str)> {
    let (key, name) = written.split_once(": ")?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.key() == key.trim())?;
    match kind {
        Kind::Here | Kind::Sender | Kind::Everyone => None,
        Kind::Person
        | Kind::People
        | Kind::Group
        | Kind::Channel
        | Kind::MembersOf
        | Kind::ChannelsOf
        | Kind::EntraGroup
        | Kind::ActivityFeed
        | Kind::Webhook => Some((kind, name.trim())),
    }
}

fn kind(name: &str, book: &Book) -> Kind {
    let has_one_of = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if book.person(name).is_some() {
        Kind::Person
    } else if book.channel(name).is_some() {
        Kind::Channel
    } else if book.group(name).is_some() {
        Kind::Group
    } else if book.audience(name).is_some() {
        Kind::People
    } else if book.webhook(name).is_some() {
        Kind::Webhook
    } else if has_one_of(&["/l/channel/", "@thread.tacv2", "@thread.skype", " / "]) {
        Kind::Channel
    } else if has_one_of(&["/l/chat/", "@thread.v2"]) {
        Kind::Group
    } else {
        Kind::Person
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::file::BookFile;

    fn book() -> Book {
        let file: BookFile = serde_json::from_value(json!({
            "people": { "anna": "anna.berg@contoso.example" },
            "channels": { "releases": { "team": "Platform", "channel": "Releases" } },
            "groups": { "finance-room": { "link": "https://teams.microsoft.com/l/chat/19:54a72834c2c911ef1a0545b3389b307b@thread.v2/conversations" } },
            "audiences": { "all-of-us": [{ "person": "anna" }] },
        }))
        .unwrap();
        Book::compile(&file, &Partials::none()).unwrap().0
    }

    #[test]
    fn whoever_is_named_as_in_a_rule_is_found() {
        for (written, meant) in [
            ("anna", json!({ "person": "anna" })),
            ("Releases", json!({ "channel": "Releases" })),
            ("finance-room", json!({ "group": "finance-room" })),
            ("all-of-us", json!({ "people": "all-of-us" })),
            (
                "omar.haddad@contoso.example",
                json!({ "person": "omar.haddad@contoso.example" }),
            ),
            ("Platform / Incidents", json!({ "channel": "Platform / Incidents" })),
            ("19:abc@thread.tacv2", json!({ "channel": "19:abc@thread.tacv2" })),
            ("members_of: Platform", json!({ "members_of": "Platform" })),
            ("Chloé Dubois", json!({ "person": "Chloé Dubois" })),
        ] {
            assert_eq!(target(written, &book()), Ok(meant), "{written}");
        }
    }

    #[test]
    fn a_slip_in_an_alias_is_told_before_anybody_gets_a_card() {
        let refused = target("ana", &book()).unwrap_err();
        assert!(refused.contains("did you mean `anna`?"), "{refused}");
        assert!(target(" ", &book()).is_err());
        assert!(target("{{event.who}}", &book()).is_err());
    }
}
