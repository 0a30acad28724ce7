//! The directory as text: a header line, then one JSON object per line and entry. For backups, for moving to another
//! machine or store, and for whoever wants to read it.
//!
//! ```text
//! {"herald_targets":1,"bot_id":"28:5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10"}
//! {"person":{"tenant_id":"8a2b...","aad_object_id":"c7b0...","name":"Anna Berg", ...}}
//! {"team":{"id":"19:...@thread.tacv2","name":"Operations", ...}}
//! ```

use serde::{Deserialize, Serialize};
use url::Url;

use super::directory::Entry;
use crate::roster::{ConversationKind, Person};

/// The format this Herald writes and the newest that it reads.
pub const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Header {
    herald_targets: u32,
    bot_id: Option<String>,
}

/// What an export came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Import {
    /// The bot whose directory was exported.
    pub bot_id: Option<String>,
    /// The entries that can be used, in the order of the lines.
    pub entries: Vec<Entry>,
    /// The lines that cannot.
    pub problems: Vec<Problem>,
}

/// A line of an export that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it, in a sentence without a full stop.
    pub reason: String,
}

/// The first line of an export, without a line end.
pub fn header(bot_id: Option<&str>) -> String {
    let header = Header {
        herald_targets: FORMAT,
        bot_id: bot_id.map(str::to_owned),
    };
    serde_json::to_string(&header).expect("a header is plain JSON")
}

/// The line of one entry, without a line end. A corrupt entry gets a line too, so that nobody takes the export for
/// whole.
pub fn line(entry: &Entry) -> String {
    serde_json::to_string(entry).expect("an entry is plain JSON with text keys")
}

/// Reads an export for the bot `bot_id`; without one, for whichever bot it names. Empty lines do not count, lines
/// that cannot be used are listed and the others are used.
///
/// # Errors
/// A sentence if the text is no export, one of a newer Herald, or one of another bot: that bot's conversations and
/// account ids mean nothing to ours.
pub fn read(text: &str, bot_id: Option<&str>) -> Result<Import, String> {
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let Some((number, first)) = lines.next() else {
        return Err("this export is empty: not even its header line is there".to_owned());
    };
    let Ok(header) = serde_json::from_str::<Header>(first.trim_start_matches('\u{feff}')) else {
        return Err(format!(
            "line {number} is not the header of an export: it should look like {}",
            header(Some("28:..."))
        ));
    };
    if header.herald_targets > FORMAT {
        return Err(format!(
            "this export was written by a newer Herald (format {}; this one reads up to {FORMAT}): import it with that \
             version",
            header.herald_targets
        ));
    }
    if let (Some(theirs), Some(ours)) = (&header.bot_id, bot_id)
        && !theirs.eq_ignore_ascii_case(ours)
    {
        return Err(format!(
            "this export is of the bot `{theirs}`, and `{ours}` cannot use its conversations"
        ));
    }
    let bot_id = bot_id.map(str::to_owned).or(header.bot_id);
    let mut import = Import {
        bot_id,
        ..Import::default()
    };
    for (line, text) in lines {
        let entry = serde_json::from_str(text).map_err(|error| in_words(&error));
        match entry.and_then(|entry| usable(entry, import.bot_id.as_deref())) {
            Ok(entry) => import.entries.push(entry),
            Err(reason) => import.problems.push(Problem { line, reason }),
        }
    }
    Ok(import)
}

fn in_words(error: &serde_json::Error) -> String {
    let column = error.column();
    if error.is_data() {
        // The line it names is always 1: the text is one line.
        let what = error.to_string();
        let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
        format!("{what} (column {column})")
    } else {
        format!("this is not JSON any more from column {column} on")
    }
}

fn usable(entry: Entry, bot_id: Option<&str>) -> Result<Entry, String> {
    match &entry {
        Entry::Conversation(conversation) => {
            named(conversation.id.as_str(), "conversation")?;
            match conversation.kind {
                ConversationKind::Personal | ConversationKind::GroupChat => {}
                ConversationKind::Channel => return Err("a channel belongs into the entry of its team".to_owned()),
            }
            address(&conversation.service_url)?;
            ours(&conversation.bot_id, bot_id)?;
        }
        Entry::Team(team) => {
            named(&team.id, "team")?;
            address(&team.service_url)?;
            ours(&team.bot_id, bot_id)?;
        }
        Entry::Person(person) => identified(person)?,
        Entry::Roster(roster) => {
            named(&roster.id, "roster")?;
            roster.members.iter().try_for_each(identified)?;
        }
        Entry::Choices { person, choices: _ } => named(person.as_str(), "person")?,
        Entry::Corrupt { key, problem: _ } => {
            return Err(format!("`{key}` was damaged already when it was exported"));
        }
    }
    Ok(entry)
}

fn named(id: &str, what: &str) -> Result<(), String> {
    if id.trim().is_empty() {
        return Err(format!("the id of this {what} is empty"));
    }
    Ok(())
}

fn identified(person: &Person) -> Result<(), String> {
    let has = |id: &Option<String>| id.as_ref().is_some_and(|id| !id.trim().is_empty());
    if has(&person.aad_object_id) || has(&person.account_id) {
        return Ok(());
    }
    let name = person.name.as_deref().unwrap_or("this person");
    Err(format!(
        "{name} has neither `aad_object_id` nor `account_id`, so no chat could be opened"
    ))
}

/// An address that a token will be sent to. Which hosts may be is decided when something is sent.
pub(super) fn address(service_url: &str) -> Result<(), String> {
    match Url::parse(service_url) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Ok(()),
        Ok(_) | Err(_) => Err(format!("the service address `{service_url}` is not a web address")),
    }
}

fn ours(theirs: &str, bot_id: Option<&str>) -> Result<(), String> {
    match bot_id {
        Some(ours) if !theirs.eq_ignore_ascii_case(ours) => Err(format!(
            "it belongs to the bot `{theirs}`, and `{ours}` cannot use its conversations"
        )),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOT: &str = "28:5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10";

    fn anna() -> Entry {
        Entry::Person(Person {
            tenant_id: "tenant".to_owned(),
            aad_object_id: Some("anna".to_owned()),
            name: Some("Anna\nBerg \"x\"".to_owned()),
            ..Person::default()
        })
    }

    fn export(lines: &[&str]) -> String {
        [&[header(Some(BOT)).as_str()], lines].concat().join("\n")
    }

    fn problems(lines: &[&str]) -> Vec<String> {
        let import = read(&export(lines), Some(BOT)).expect("an export");
        import
            .problems
            .into_iter()
            .map(|problem| format!("line {}: {}", problem.line, problem.reason))
            .collect()
    }

    #[test]
    fn an_export_is_read_back_as_it_was() {
        let text = export(&[&line(&anna()), "", &line(&anna())]) + "\r\n";
        let import = read(&text, None).expect("an export");
        assert_eq!(import.bot_id.as_deref(), Some(BOT));
        assert_eq!(import.entries, [anna(), anna()]);
        assert_eq!(import.problems, []);
    }

    #[test]
    fn a_line_that_cannot_be_used_is_named_and_the_others_are_used() {
        let text = export(&["{\"person\":{\"tenant_id\":", &line(&anna()), "{\"robot\":{}}"]);
        let import = read(&text, Some(BOT)).expect("an export");
        assert_eq!(import.entries, [anna()]);
        assert_eq!(
            import.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(),
            [2, 4]
        );
        assert!(
            import.problems[0].reason.contains("not JSON any more"),
            "{:?}",
            import.problems
        );
        assert!(import.problems[1].reason.contains("robot"), "{:?}", import.problems);
    }

    #[test]
    fn each_kind_of_unusable_entry_says_what_is_wrong() {
        assert_eq!(
            problems(&[
                r#"{"person":{"tenant_id":"t","name":"Anna Berg","aad_object_id":" "}}"#,
                r#"{"person":{"name":"Anna Berg"}}"#,
                r#"{"roster":{"id":"19:t","members":[{"tenant_id":"t"}],"fetched_at":"2026-03-02T09:00:00Z","stale":false}}"#,
                r#"{"corrupt":{"key":"person/anna","problem":"checksum"}}"#,
            ]),
            [
                "line 2: Anna Berg has neither `aad_object_id` nor `account_id`, so no chat could be opened",
                "line 3: missing field `tenant_id` (column 30)",
                "line 4: this person has neither `aad_object_id` nor `account_id`, so no chat could be opened",
                "line 5: `person/anna` was damaged already when it was exported",
            ]
        );
    }

    #[test]
    fn a_conversation_must_lead_somewhere_and_belong_to_our_bot() {
        let conversation = |kind: &str, url: &str, bot: &str| {
            format!(
                r#"{{"conversation":{{"id":"a:1","kind":"{kind}","service_url":"{url}","tenant_id":"t","bot_id":"{bot}","first_seen":"2026-03-02T09:00:00Z","last_seen":"2026-03-02T09:00:00Z"}}}}"#
            )
        };
        let url = "https://smba.trafficmanager.net/emea/";
        let found = problems(&[
            &conversation("personal", url, BOT),
            &conversation("personal", "smba", BOT),
            &conversation("personal", "file:///etc/passwd", BOT),
            &conversation("channel", url, BOT),
            &conversation("personal", url, "28:other"),
        ]);
        let wrong = [
            "not a web address",
            "not a web address",
            "entry of its team",
            "28:other",
        ];
        assert_eq!(found.len(), wrong.len(), "{found:?}");
        for (number, (found, wrong)) in (3..).zip(found.iter().zip(wrong)) {
            assert!(
                found.starts_with(&format!("line {number}:")) && found.contains(wrong),
                "{found}"
            );
        }
    }

    #[test]
    fn what_is_no_export_of_ours_is_refused_as_a_whole() {
        for (text, part) in [
            ("", "empty"),
            ("{\"_tenant_a:1\":{}}", "line 1 is not the header"),
            ("\n{\"person\":{}}", "line 2 is not the header"),
            ("{\"herald_targets\":2,\"bot_id\":null}", "newer Herald"),
            (
                "{\"herald_targets\":1,\"bot_id\":\"28:other\"}",
                "of the bot `28:other`",
            ),
        ] {
            let refused = read(text, Some(BOT)).expect_err(text);
            assert!(refused.contains(part), "{refused}");
        }
    }
}
