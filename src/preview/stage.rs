//! What there is to preview: rules, templates and samples of a workspace, found by the names that authors type.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::card::source::CardSource;
use crate::card::template::Partials;
use crate::diagnostic::did_you_mean;
use crate::event::{FileChange, Scope};
use crate::quiet::policy::QuietTime;
use crate::rule::Rule;
use crate::rule::condition::Condition;
use crate::rule::courtesy::Courtesy;
use crate::rule::sending::Sending;
use crate::rule::trigger::Trigger;
use crate::workspace::Workspace;
use crate::workspace::sample::Sample;

/// A workspace with its recorded events.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// The rules, templates and aliases in force.
    pub workspace: &'a Workspace,
    /// Recorded events, in the order of their files.
    pub samples: &'a [Sample],
    /// The files of the templates, by the templates' names.
    pub template_files: &'a BTreeMap<String, String>,
}

/// Whose card is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Subject {
    /// A rule, by its name.
    Rule(String),
    /// A template alone, by its name: without the values that a rule gives it.
    Template(String),
}

impl Subject {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Subject::Rule(name) | Subject::Template(name) => name,
        }
    }
}

impl<'a> Stage<'a> {
    /// What the author means by `written`: a rule by its name, its file, or the last part of its name where only one
    /// rule ends so; else a template by its name or file.
    ///
    /// # Errors
    /// A sentence with what is near: there is nothing of this name, or several rules end so.
    pub fn find(&self, written: &str) -> Result<Subject, String> {
        let ruleset = &self.workspace.ruleset;
        let templates = &self.workspace.templates;
        let below = |folder: &str| {
            let path = written.trim_start_matches("./").strip_prefix(folder)?;
            Some(path.rsplit_once('.').map_or(path, |(name, _)| name))
        };
        for name in [Some(written), below("rules/")].into_iter().flatten() {
            if ruleset.rule(name).is_some() {
                return Ok(Subject::Rule(name.to_owned()));
            }
        }
        let ending = format!("/{written}");
        let mut ends: Vec<&str> = ruleset.rules.iter().map(|rule| rule.name.as_str()).collect();
        ends.retain(|name| name.ends_with(&ending));
        // A rule shows more than its template, which often has the same name.
        if let [name] = ends.as_slice() {
            return Ok(Subject::Rule((*name).to_owned()));
        }
        for name in [Some(written), below("templates/")].into_iter().flatten() {
            if templates.contains_key(name) {
                return Ok(Subject::Template(name.to_owned()));
            }
        }
        match ends.is_empty() {
            true => Err(self.unknown(written)),
            false => Err(format!(
                "several rules end with `{written}`: {}; write the whole name",
                ends.join(", ")
            )),
        }
    }

    fn unknown(&self, written: &str) -> String {
        let rules = || self.workspace.ruleset.rules.iter().map(|rule| rule.name.as_str());
        let templates = || self.workspace.templates.keys().map(String::as_str);
        let last = |name: &'a str| name.rsplit('/').next().unwrap_or(name);
        let near = did_you_mean(written, rules().chain(templates())).or_else(|| {
            let near = did_you_mean(written, rules().map(last))?;
            rules().find(|name| last(name) == near)
        });
        match near {
            Some(near) => format!("there is no rule or template `{written}`; did you mean `{near}`?"),
            None => {
                let some: Vec<&str> = rules().chain(templates()).take(8).collect();
                match some.is_empty() {
                    true => format!("there is no rule or template `{written}`: this workspace has none yet"),
                    false => format!(
                        "there is no rule or template `{written}`; there are {}{}",
                        some.join(", "),
                        if rules().chain(templates()).count() > some.len() {
                            " and more"
                        } else {
                            ""
                        }
                    ),
                }
            }
        }
    }

    /// The rule, or a rule that is nothing but the template.
    pub fn rule(&self, subject: &Subject) -> Option<Staged<'a>> {
        match subject {
            Subject::Rule(name) => self.workspace.ruleset.rule(name).map(|rule| Staged::Rule(rule)),
            Subject::Template(name) => {
                let template = self.workspace.templates.get(name)?;
                let named = |wanted: &str| (wanted == name).then(|| template.clone());
                let card = CardSource::compile(
                    Some(&name.as_str().into()),
                    &named,
                    std::slice::from_ref(name),
                    &Partials::none(),
                );
                let (card, _) = card.ok()?;
                Some(Staged::Bare(Box::new(Rule {
                    name: name.clone(),
                    file: format!("templates/{name}"),
                    description: None,
                    owner: None,
                    triggers: Vec::new(),
                    condition: Condition::always(),
                    notify: Vec::new(),
                    except: Vec::new(),
                    card: card.into(),
                    feed: None,
                    limit: None,
                    digest: None,
                    storm: None,
                    split: None,
                    sending: Sending::default(),
                    on_call: std::sync::Arc::default(),
                    then: None,
                    living: std::sync::Arc::default(),
                    quiet: QuietTime::default(),
                    courtesy: Courtesy::default(),
                })))
            }
        }
    }

    /// The rules that use a template, in the order of their names.
    pub fn users(&self, template: &str) -> impl Iterator<Item = &'a Rule> {
        self.workspace
            .ruleset
            .rules
            .iter()
            .map(|rule| &**rule)
            .filter(move |rule| rule.card.template().is_some_and(|used| used.name() == template))
    }

    /// The samples that meet the subject's triggers: for a template, those of the rules that use it.
    pub fn fitting(&self, subject: &Subject) -> Vec<&'a Sample> {
        let meets = |sample: &&Sample, rule: &Rule| sample.event_for(rule).is_some();
        let rules: Vec<&Rule> = match subject {
            Subject::Rule(name) => self
                .workspace
                .ruleset
                .rule(name)
                .map(|rule| &**rule)
                .into_iter()
                .collect(),
            Subject::Template(name) => self.users(name).collect(),
        };
        self.samples
            .iter()
            .filter(|sample| rules.iter().any(|rule| meets(sample, rule)))
            .collect()
    }
}

/// A rule to show.
#[derive(Debug)]
pub enum Staged<'a> {
    /// One of the workspace.
    Rule(&'a Rule),
    /// One that stands for a bare template.
    Bare(Box<Rule>),
}

impl Staged<'_> {
    /// The rule.
    pub fn rule(&self) -> &Rule {
        match self {
            Staged::Rule(rule) => rule,
            Staged::Bare(rule) => rule,
        }
    }
}

/// Where a recorded event of this rule belongs: `samples/github/deployment_status.NAME.json`.
pub fn place_of_sample(rule: &Rule) -> String {
    match rule.triggers.first() {
        Some(Trigger::Hook { hook, event_types }) => match event_types.first() {
            Some(event_type) => format!("samples/{hook}/{event_type}.NAME.json"),
            None => format!("samples/{hook}/NAME.json"),
        },
        Some(Trigger::Queue { queue }) => format!("samples/{queue}/NAME.json"),
        Some(Trigger::Teams { kind, scopes, .. }) => {
            let scope = scopes.first().copied().unwrap_or(Scope::Team);
            format!("samples/teams/{}.{}.json", word(kind), word(&scope))
        }
        Some(Trigger::Message { .. }) => "samples/teams/message.person.json".to_owned(),
        Some(Trigger::Button { .. }) => "samples/teams/button.person.json".to_owned(),
        Some(Trigger::Cron { .. }) => {
            let last = rule.name.rsplit('/').next().unwrap_or(&rule.name);
            format!("samples/cron/{last}.json")
        }
        Some(Trigger::File { changes, .. }) => {
            let change = changes.first().copied().unwrap_or(FileChange::Modified);
            format!("samples/file/NAME.{}.json", word(&change))
        }
        None => "samples/HOOK/NAME.json".to_owned(),
    }
}

/// A word of the rule language, as files spell it.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
