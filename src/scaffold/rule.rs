//! Hook, rule, card and sample out of a payload.

use serde_json::Value;

use super::payload::{self, Findings, Leaf};
use super::sender::{self, Sender};
use super::{NewFile, modeline};
use crate::schema::FileKind;

/// Whom a new rule notifies: a line of `notify`, and what to say beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `channel: general`
    pub line: String,
    /// Where the name comes from.
    pub comment: &'static str,
}

/// What came of a payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The sender, if the payload's shape told.
    pub sender: Option<&'static str>,
    /// The hook's name.
    pub hook: String,
    /// The lines of the hook for `herald.yaml`, indented below `hooks:`.
    pub hook_lines: String,
    /// The name of the secret that the hook wants.
    pub secret: String,
    /// The rule.
    pub rule: NewFile,
    /// Its test.
    pub test: NewFile,
    /// The payload, as a sample.
    pub sample: NewFile,
}

/// Drafts hook, rule and sample. `hook` is the wanted name of the hook; without one it is the sender's, or made of
/// `file_name`.
///
/// # Errors
/// A sentence: a payload of which nothing can be said, a name that no hook can have.
pub fn draft(payload: &Value, hook: Option<&str>, file_name: &str, told: &Told) -> Result<Draft, String> {
    let empty = match payload {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => !items.first().is_some_and(Value::is_object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    if empty {
        return Err(
            "the payload has no fields: give what the sender really posts, such as `{ \"title\": \"...\" }`".into(),
        );
    }
    let sender = sender::recognise(payload);
    let hook = match (hook, &sender) {
        (Some(name), _) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if name.is_empty() || !name.chars().all(plain) {
                return Err(format!(
                    "`{name}` cannot be the name of a hook: use letters, digits, `-` and `_`"
                ));
            }
            name.to_owned()
        }
        (None, Some(sender)) => sender.hook.to_owned(),
        (None, None) => simple(file_name, "webhook"),
    };
    let secret = match &sender {
        Some(sender) if sender.hook == hook => sender.secret.to_owned(),
        Some(_) | None => format!("{}_TOKEN", hook.to_uppercase().replace('-', "_")),
    };
    let kind = match &sender {
        Some(sender) => simple(&sender.kind, ""),
        None => String::new(),
    };
    let leaves = payload::leaves(payload);
    let focus = sender.as_ref().map(|sender| sender.focus.clone()).unwrap_or_default();
    let known = sender.as_ref();
    let heading = known.and_then(|sender| sender.heading.iter().find_map(|heading| filled(heading, &leaves)));
    let decides = known.and_then(|sender| sender.status.iter().find_map(|path| leaf(&leaves, path)));
    let in_heading = heading.as_ref().map_or(&[][..], |(_, leaves)| leaves);
    let found = payload::find(&leaves, &focus, decides, in_heading);
    let path = match kind.as_str() {
        "" => format!("rules/{hook}.yaml"),
        kind => format!("rules/{hook}/{}.yaml", kind.replace('_', "-")),
    };
    let event_type = sender.as_ref().and_then(|sender| sender.event_type.clone());
    let sample_name = match (&event_type, kind.as_str()) {
        (Some(event_type), _) => format!("{event_type}.first"),
        (None, "") => "first".to_owned(),
        (None, kind) => kind.to_owned(),
    };
    let rule = Rule {
        path: &path,
        hook: &hook,
        sender: sender.as_ref(),
        event_type: event_type.as_deref(),
        kind: &kind,
        found: &found,
        heading: heading.as_ref().map(|(text, _)| text.as_str()),
        told,
    };
    let sample_path = format!("samples/{hook}/{sample_name}.json");
    let test_path = path.replace(".yaml", ".test.yaml");
    let test = rule.test(&test_path, &sample_path, in_heading);
    let mut sample = serde_json::to_string_pretty(payload).map_err(|error| error.to_string())?;
    sample.push('\n');
    Ok(Draft {
        sender: sender.as_ref().map(|sender| sender.title),
        hook_lines: hook_lines(&hook, sender.as_ref(), &secret),
        rule: NewFile::new(path.clone(), "the rule and its card", rule.text()),
        test: NewFile::new(test_path, "its test", test),
        sample: NewFile::new(sample_path, "the payload, to try the rule with", sample),
        hook,
        secret,
    })
}

fn leaf(leaves: &[Leaf], path: &str) -> Option<Leaf> {
    leaves.iter().find(|leaf| leaf.steps.join(".") == path).cloned()
}

fn hook_lines(hook: &str, sender: Option<&Sender>, secret: &str) -> String {
    let signature: &[&str] = match sender {
        Some(sender) => sender.signature,
        None => &["signature: bearer # or api-key, basic, hmac: whatever the sender can do"],
    };
    let mut text = format!("  {hook}:\n    path: {hook}\n");
    for line in signature {
        text.push_str(&format!("    {line}\n"));
    }
    text.push_str(&format!(
        "    secret: {secret} # the NAME of the variable that holds it\n"
    ));
    text
}

/// A name for files and hooks: small letters, digits, `-` and `_`.
fn simple(text: &str, otherwise: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        '_' => '_',
        _ => '-',
    };
    let name: String = text.chars().take(40).map(letter).collect();
    let name = name.trim_matches(['-', '_']).to_owned();
    if name.is_empty() { otherwise.to_owned() } else { name }
}

struct Rule<'a> {
    path: &'a str,
    hook: &'a str,
    sender: Option<&'a Sender>,
    event_type: Option<&'a str>,
    kind: &'a str,
    found: &'a Findings,
    heading: Option<&'a str>,
    told: &'a Told,
}

impl Rule<'_> {
    fn text(&self) -> String {
        let mut text = modeline(FileKind::Rule, self.path);
        let who = self.sender.map_or(self.hook, |sender| sender.title);
        let what = match (self.kind, self.sender.and_then(|sender| sender.kind_in_words)) {
            (_, Some(words)) => words.to_owned(),
            ("", None) => "something was posted".to_owned(),
            (kind, None) => kind.replace(['_', '-'], " "),
        };
        text.push_str(&format!(
            "\n# Recipients see this as the reason why they got the card.\ndescription: {}\n",
            quoted(&format!("{who}: {what}"))
        ));
        text.push_str(&format!("\nwhen:\n  hook: {}\n", quoted(self.hook)));
        if let Some(event_type) = self.event_type {
            text.push_str(&format!("  event_type: {}\n", quoted(event_type)));
        }
        let sends_cards = self.sender.is_some_and(|sender| sender.sends_cards);
        if let (Some(status), false) = (&self.found.status, sends_cards) {
            let value = status.text().unwrap_or_default();
            text.push_str(&format!(
                "\n# Every post counts. To be choosy, take the two `#` away; a list means \"one of these\".\n# if:\n#   {}: {}\n",
                key(&status.condition()),
                quoted(value)
            ));
        }
        text.push_str(&format!("\nnotify:\n  - {} # {}\n", self.told.line, self.told.comment));
        if let (Some(person), false) = (&self.found.person, sends_cards) {
            text.push_str(&format!(
                "  # Whom it concerns, in the personal chat:\n  # - person: \"{{{{{}}}}}\"\n",
                person.hole()
            ));
        }
        if sends_cards {
            text.push_str("\n# The card that was posted, as Teams showed it before.\ncard: as_sent\n");
            return text;
        }
        if self.says_nothing() {
            text.push_str("\n# Without `card:`, Herald makes one of everything that was posted.\n");
            return text;
        }
        text.push_str("\ncard:\n");
        text.push_str(&format!("  title: {}\n", self.title()));
        if let Some(about) = &self.found.text {
            text.push_str(&format!("  text: \"{{{{truncate {} 500}}}}\"\n", about.hole()));
        }
        let mut facts: Vec<(String, String)> = self
            .found
            .facts
            .iter()
            .map(|fact| (fact.label(), format!("{{{{{}}}}}", fact.hole())))
            .collect();
        if let Some(moment) = &self.found.moment {
            facts.push(("At".to_owned(), format!("{{{{date {}}}}}", moment.hole())));
        }
        if !facts.is_empty() {
            text.push_str("  facts:\n");
            for (label, value) in facts {
                text.push_str(&format!("    {}: \"{value}\"\n", key(&label)));
            }
        }
        if let Some(link) = &self.found.link {
            text.push_str(&format!("  buttons:\n    Open: \"{{{{{}}}}}\"\n", link.hole()));
        }
        text.push_str("  style: accent # or good, warning, attention\n");
        text
    }

    /// The recorded event is told, and the card shows what can be said of it without a template.
    fn test(&self, path: &str, sample: &str, heading: &[Leaf]) -> String {
        let (_, name) = self.told.line.split_once(": ").unwrap_or_default();
        let plain = |text: &&str| {
            text.chars().count() <= 60
                && text
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '.' | ','))
                && !text.trim().is_empty()
        };
        let shown = heading
            .iter()
            .chain(&self.found.title)
            .filter_map(Leaf::text)
            .find(plain)
            .filter(|_| !self.says_nothing() && !self.sender.is_some_and(|sender| sender.sends_cards));
        let mut text = modeline(FileKind::Test, path);
        text.push_str(&format!(
            "\n# What the rule should do. `herald test` plays this without sending anything.\ntests:\n  - name: the recorded \
             event is told\n    given: {}\n    expect:\n      sent_to: [{name}]\n",
            quoted(sample)
        ));
        if let Some(shown) = shown {
            text.push_str(&format!("      card_shows: {}\n", quoted(shown)));
        }
        text
    }

    /// Nothing was found that is worth a card of its own.
    fn says_nothing(&self) -> bool {
        let found = self.found;
        let texts = [&found.title, &found.text, &found.status, &found.link, &found.moment];
        self.heading.is_none() && found.facts.is_empty() && texts.iter().all(|leaf| leaf.is_none())
    }

    fn title(&self) -> String {
        let who = self.sender.map_or(self.hook, |sender| sender.title);
        match (self.heading, &self.found.title, &self.found.status) {
            (Some(heading), ..) => format!("\"{heading}\""),
            (None, Some(title), _) => format!("\"{{{{{}}}}}\"", title.hole()),
            (None, None, Some(status)) => format!("\"{who}: {{{{{}}}}}\"", status.hole()),
            (None, None, None) => quoted(&format!("News from {who}")),
        }
    }
}

/// `<ref>` becomes `{{event.ref}}`; `None` if the payload has no such field. With the leaves that it names.
fn filled(heading: &str, leaves: &[Leaf]) -> Option<(String, Vec<Leaf>)> {
    let mut out = String::new();
    let mut named = Vec::new();
    let mut rest = heading;
    while let Some((before, behind)) = rest.split_once('<') {
        let (path, after) = behind.split_once('>')?;
        let leaf = leaf(leaves, path)?;
        out.push_str(before);
        out.push_str(&format!("{{{{{}}}}}", leaf.hole()));
        named.push(leaf);
        rest = after;
    }
    out.push_str(rest);
    Some((out, named))
}

/// A text as YAML, in quotes unless it is surely a text without them.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/'))
        && !text.ends_with(' ')
        && !is_word_of_yaml(text);
    if plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// The same for a key.
fn key(text: &str) -> String {
    let field = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '[' | ']'))
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && !is_word_of_yaml(text);
    if field {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

fn is_word_of_yaml(text: &str) -> bool {
    let words = ["yes", "no", "on", "off", "true", "false", "null", "y", "n"];
    words.contains(&text.to_lowercase().as_str())
}
