//! What somebody wants who wrote to the bot or pressed one of Herald's own buttons.

use serde_json::{Map, Value};

use super::SAVE;
use crate::card::footer::{SETTINGS, STOP};
use crate::diagnostic::did_you_mean;
use crate::event::{Event, Origin, Scope};
use crate::words::{Language, Word, written};

/// What somebody wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// To see the settings.
    Settings {
        /// By a button, which is answered at once.
        pressed: bool,
    },
    /// To get no more of something; of nothing, without a name.
    Stop(Option<String>),
    /// To get it again.
    Start(Option<String>),
    /// To get no more cards like the one that was pressed.
    StopThese {
        /// The rule that sent it.
        rule: String,
    },
    /// To change the settings.
    Save(Form),
    /// To know why the last card came.
    Why,
    /// To know what can be written.
    Help,
    /// Something that means nothing.
    NotUnderstood {
        /// A word that looks like the first one.
        near: Option<&'static str>,
    },
    /// Any of this where others read it.
    Elsewhere {
        /// By a button, which is answered at once.
        pressed: bool,
    },
}

/// What was filled in on the card of settings, by the names of its fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form(pub Map<String, Value>);

/// What everything is called, in small letters.
const EVERYTHING: [&str; 12] = [
    "all",
    "everything",
    "alles",
    "alle",
    "todo",
    "todos",
    "tout",
    "tous",
    "すべて",
    "全部",
    "الكل",
    "كل شيء",
];

/// Quotation marks that people put around a name.
const QUOTES: &[char] = &[
    '"', '\'', '“', '”', '„', '«', '»', '`', '「', '」', ' ', '\u{a0}', '\u{202f}',
];

/// What `event` asks Herald itself for, if it does: one of Herald's buttons, or a message that no rule takes. What means
/// nothing is only a request in a personal chat.
pub fn read(event: &Event) -> Option<Request> {
    match &event.origin {
        Origin::Message { scope, text } => message(*scope, text),
        Origin::Button { scope, button } => press(*scope, button, &event.data["data"]),
        Origin::Hook { .. }
        | Origin::Cron { .. }
        | Origin::Teams { .. }
        | Origin::Queue { .. }
        | Origin::Step { .. }
        | Origin::Drill { .. }
        | Origin::File { .. } => None,
    }
}

/// Whether a button is one of Herald's own: no rule can wait for it.
pub fn is_ours(button: &str) -> bool {
    [STOP, SETTINGS, SAVE].contains(&button)
}

fn press(scope: Scope, button: &str, data: &Value) -> Option<Request> {
    if !is_ours(button) {
        return None;
    }
    if scope != Scope::Person {
        return Some(Request::Elsewhere { pressed: true });
    }
    Some(match button {
        STOP => Request::StopThese {
            rule: data["rule"].as_str().unwrap_or_default().to_owned(),
        },
        SAVE => Request::Save(Form(data.as_object().cloned().unwrap_or_default())),
        _ => Request::Settings { pressed: true },
    })
}

fn message(scope: Scope, text: &str) -> Option<Request> {
    let meant = commanded(text);
    match (scope, meant) {
        (Scope::Person, Some(request)) => Some(request),
        (Scope::Person, None) => Some(Request::NotUnderstood {
            near: nearly(text.split(' ').next().unwrap_or_default()),
        }),
        // A word that happens to begin like one of ours is no question to us where people talk to each other.
        (Scope::Group | Scope::Team, Some(request)) => match request {
            Request::Stop(Some(_)) | Request::Start(Some(_)) => None,
            Request::Settings { .. }
            | Request::Stop(None)
            | Request::Start(None)
            | Request::StopThese { .. }
            | Request::Save(_)
            | Request::Why
            | Request::Help
            | Request::NotUnderstood { .. }
            | Request::Elsewhere { .. } => Some(Request::Elsewhere { pressed: false }),
        },
        (Scope::Group | Scope::Team, None) => None,
    }
}

fn all_words() -> impl Iterator<Item = (Word, &'static str)> {
    Language::ALL.into_iter().flat_map(|language| {
        Word::ALL
            .into_iter()
            .flat_map(move |word| written(language, word).iter().map(move |text| (word, *text)))
    })
}

/// The command that a text is, in whichever language.
fn commanded(text: &str) -> Option<Request> {
    let text = text.trim().trim_end_matches(['.', '!', '。', '！']).trim_end();
    let bare = text.trim_end_matches(['?', '؟', '？', ' ', '\u{a0}']);
    let (word, rest) = all_words().find_map(|(word, written)| {
        if text == written || bare == written {
            return Some((word, ""));
        }
        let rest = text.strip_prefix(written)?;
        rest.starts_with([' ', ':', '　']).then_some((word, rest))
    })?;
    let rest = rest.trim_start_matches([':', '　']).trim_matches(QUOTES);
    let named = (!rest.is_empty() && !EVERYTHING.contains(&rest)).then(|| rest.to_owned());
    match (word, rest.is_empty()) {
        (Word::Stop, _) => Some(Request::Stop(named)),
        (Word::Start, _) => Some(Request::Start(named)),
        (Word::Settings, true) => Some(Request::Settings { pressed: false }),
        (Word::Why, true) => Some(Request::Why),
        (Word::Help, true) => Some(Request::Help),
        // `why did you ...` is talk.
        (Word::Settings | Word::Why | Word::Help, false) => None,
    }
}

fn nearly(first: &str) -> Option<&'static str> {
    if first.chars().count() > 20 {
        return None;
    }
    did_you_mean(first, all_words().map(|(_, written)| written))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<Request> {
        message(Scope::Person, &crate::event::plain(text))
    }

    #[test]
    fn commands_are_understood_in_every_language() {
        for text in [
            "settings",
            "Einstellungen",
            "ajustes",
            "Paramètres",
            "設定",
            "الإعدادات",
            "Settings!",
        ] {
            assert_eq!(said(text), Some(Request::Settings { pressed: false }), "{text}");
        }
        for text in [
            "stop deployments",
            "Stopp „Deployments“",
            "arrêter « deployments »",
            "停止 deployments",
            "إيقاف deployments",
        ] {
            assert_eq!(
                said(text),
                Some(Request::Stop(Some("deployments".to_owned()))),
                "{text}"
            );
        }
        for text in ["stop", "STOP ALL", "parar todo", "abbestellen alles"] {
            assert_eq!(said(text), Some(Request::Stop(None)), "{text}");
        }
        assert_eq!(said("Why?"), Some(Request::Why));
        assert_eq!(said("?"), Some(Request::Help));
        assert_eq!(said("start canteen"), Some(Request::Start(Some("canteen".to_owned()))));
    }

    #[test]
    fn a_slip_is_met_with_the_word_that_was_meant_and_talk_with_help() {
        assert_eq!(said("setings"), Some(Request::NotUnderstood { near: Some("settings") }));
        assert_eq!(
            said("why did you send this to me"),
            Some(Request::NotUnderstood { near: Some("why") })
        );
        assert_eq!(
            said("good morning everybody"),
            Some(Request::NotUnderstood { near: None })
        );
        assert!(matches!(
            said("stopped by the office"),
            Some(Request::NotUnderstood { .. })
        ));
    }

    #[test]
    fn where_others_read_only_a_bare_command_is_one() {
        let there = |text: &str| message(Scope::Team, text);
        assert_eq!(there("help"), Some(Request::Elsewhere { pressed: false }));
        assert_eq!(there("stop"), Some(Request::Elsewhere { pressed: false }));
        assert_eq!(there("stop deploying on fridays"), None);
        assert_eq!(there("good morning"), None);
    }
}
