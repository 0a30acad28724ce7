//! English.

use super::plural::Form;
use super::{Counted, Phrase, Word, one_or};

pub(super) fn say(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::WhyYouGotThis => "Why you got this: {reason}",
        Phrase::TheRule => "the rule “{rule}”",
        Phrase::Required => "This is required and cannot be stopped.",
        Phrase::RequiredAsk => "This is required; ask {owner}.",
        Phrase::StopThese => "Stop these",
        Phrase::Settings => "Settings",
        Phrase::SettingsTitle => "Your notifications",
        Phrase::SettingsIntro => "Choose what reaches you in this chat.",
        Phrase::Topics => "Topics",
        Phrase::AllNotifications => "All notifications that can be stopped",
        Phrase::QuietHours => "Quiet hours",
        Phrase::QuietHoursHint => "From–to, for example 22:00-07:00. Leave it empty for none.",
        Phrase::TimeZone => "Time zone",
        Phrase::TimeZoneHint => "For example Europe/Berlin. Leave it empty to go by Teams.",
        Phrase::LanguageLabel => "Language",
        Phrase::AsInTeams => "As in Teams",
        Phrase::Save => "Save",
        Phrase::Saved => "Saved.",
        Phrase::NotSaved => "Nothing was saved.",
        Phrase::NoQuietHours => "“{written}” cannot be read as quiet hours. Write for example 22:00-07:00.",
        Phrase::NoTimeZone => "“{written}” is no time zone. Write for example Europe/Berlin.",
        Phrase::Stopped => "You get no more of “{what}”. Write “{command}” to get them again.",
        Phrase::Started => "You get “{what}” again.",
        Phrase::StoppedAll => {
            "You get no more notifications from me, except those that are required. Write “{command}” to get them again."
        }
        Phrase::StartedAll => "You get all notifications again.",
        Phrase::CannotStop => "“{what}” is required and cannot be stopped.",
        Phrase::CannotStopAsk => "“{what}” is required; ask {owner}.",
        Phrase::NoSuchTopic => "I know nothing called “{what}”.",
        Phrase::DidYouMean => "Did you mean “{near}”?",
        Phrase::CanStop => "You can stop: {list}.",
        Phrase::NothingToStop => "There is nothing here that can be stopped by its name.",
        Phrase::WhyRule => "The last notification came from the rule “{rule}”.",
        Phrase::WhyTarget => "It goes to {target}.",
        Phrase::WhyOwner => "{owner} looks after it.",
        Phrase::WhyStop => "Write “{command}” to stop these.",
        Phrase::WhyNothing => "I have not sent you any notification yet.",
        Phrase::WhyRuleGone => "Its rule does not exist any more.",
        Phrase::HelpIntro => "You can write to me:",
        Phrase::HelpSettings => "shows what reaches you, and lets you change it",
        Phrase::HelpStop => "stops all notifications, or one topic: {example}",
        Phrase::HelpStart => "brings them back: {example}",
        Phrase::HelpWhy => "tells why you got the last notification",
        Phrase::NotUnderstood => "I did not understand that.",
        Phrase::InPersonalChat => "Write to me in our personal chat: there you choose what reaches you.",
        Phrase::SettingsBelow => "Your settings are in the message below.",
        Phrase::Acknowledge => "Acknowledge",
        Phrase::AcknowledgedBy => "{name} acknowledged this",
        Phrase::Snooze => "Snooze {length}",
        Phrase::SnoozedBy => "{name} snoozed this until {until}",
        Phrase::Open => "Open",
        Phrase::Close => "Close",
        Phrase::ClosedBy => "{name} closed this",
        Phrase::Closed => "Closed",
        Phrase::NotForYou => "Nothing happened: this button is for others.",
        Phrase::Reminder => "Reminder",
        Phrase::DigestTitle => "What happened: {rule}",
        Phrase::WhileQuiet => "While you were away",
        Phrase::Storm => "“{rule}” sends very much right now. What follows comes summed up.",
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    match counted {
        Counted::Notifications => one_or(form, "{count} notification", "{count} notifications"),
        Counted::More => "and {count} more",
        Counted::People => one_or(form, "{count} person", "{count} people"),
    }
}

pub(super) fn written(word: Word) -> &'static [&'static str] {
    match word {
        Word::Settings => &["settings", "preferences"],
        Word::Stop => &["stop", "mute", "unsubscribe"],
        Word::Start => &["start", "unmute", "subscribe"],
        Word::Why => &["why"],
        Word::Help => &["help", "?"],
    }
}
