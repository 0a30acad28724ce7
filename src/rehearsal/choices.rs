//! What people have chosen before a test begins.

use chrono::{DateTime, Utc};

use super::World;
use crate::book::Book;
use crate::choice::{Choices, PersonKey};
use crate::concierge::settings::quiet_hours;
use crate::diagnostic::{Fault, did_you_mean};
use crate::language;
use crate::opt_out::{ALL, rule_key, topic_key};
use crate::rule::tests_file::ChoicesFile;
use crate::workspace::Workspace;
use crate::zone;

/// Has the person of this name choose so. Paths of faults begin at what they chose.
///
/// # Errors
/// What cannot be meant.
pub fn choose(
    world: &mut World,
    name: &str,
    file: &ChoicesFile,
    workspace: &Workspace,
    book: &Book,
    at: DateTime<Utc>,
) -> Result<(), Vec<Fault>> {
    let who = world.somebody(name, book);
    let key = who.ok().as_ref().and_then(PersonKey::of);
    let Some(key) = key else {
        let message = format!("`{name}` is nobody in particular");
        return Err(vec![Fault::error("test::choices", message).on_key()]);
    };
    let mut faults = Vec::new();
    let mut choices = Choices::default();
    for (field, names) in [("stopped", &file.stopped), ("started", &file.started)] {
        for (index, name) in names.iter().flat_map(|names| names.0.iter()).enumerate() {
            match key_of(name, workspace) {
                Ok(key) if field == "stopped" => choices.stop(&key, at),
                Ok(key) => choices.start(&key, at),
                Err(fault) => faults.push(match names {
                    Some(names) if names.0.len() > 1 => fault.under(index).under(field),
                    Some(_) | None => fault.under(field),
                }),
            }
        }
    }
    if let Some(written) = &file.language {
        match language::tag(written) {
            Ok(tag) => choices.language = Some(tag),
            Err(fault) => faults.push(fault.under("language")),
        }
    }
    if let Some(written) = &file.time_zone {
        match zone::parse(written) {
            Ok(zone) => choices.time_zone = Some(zone.name().to_owned()),
            Err(fault) => faults.push(fault.under("time_zone")),
        }
    }
    if let Some(written) = &file.quiet_hours {
        match quiet_hours(written) {
            Some(hours) => choices.quiet_hours = Some(hours),
            None => {
                let fault = Fault::error("test::choices", "these are no quiet hours").help("write `22:00-07:00`");
                faults.push(fault.under("quiet_hours"));
            }
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    world.choose(key, choices);
    Ok(())
}

/// The key of a topic or a rule by its name.
fn key_of(name: &str, workspace: &Workspace) -> Result<String, Fault> {
    let plain = name.trim().to_lowercase();
    let topics = &workspace.settings.topics;
    if plain == "everything" {
        return Ok(ALL.to_owned());
    }
    if topics.contains_key(&plain) {
        return Ok(topic_key(&plain));
    }
    if let Some(rule) = workspace.ruleset.rule(name.trim()) {
        return Ok(rule_key(&rule.name));
    }
    let rules = workspace.ruleset.rules.iter().map(|rule| rule.name.as_str());
    let mut fault = Fault::error(
        "test::choices",
        format!("there is no topic and no rule `{}`", name.trim()),
    );
    fault.help = did_you_mean(&plain, topics.keys().map(String::as_str).chain(rules))
        .map(|near| format!("did you mean `{near}`?"))
        .or_else(|| Some("write a topic of herald.yaml, the name of a rule, or `everything`".to_owned()));
    Err(fault)
}
