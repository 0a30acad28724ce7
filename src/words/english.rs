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
        Phrase::WhyThisRule => "This notification came from the rule “{rule}”.",
        Phrase::WhyTarget => "It goes to {target}.",
        Phrase::WhyOwner => "{owner} looks after it.",
        Phrase::WhyStop => "Write “{command}” to stop these.",
        Phrase::WhyNothing => "I have not sent you any notification yet.",
        Phrase::WhyRuleGone => "Its rule does not exist any more.",
        Phrase::WhyCardGone => "I do not know any more why that message came.",
        Phrase::HelpIntro => "You can write to me:",
        Phrase::HelpSettings => "shows what reaches you, and lets you change it",
        Phrase::HelpStop => "stops all notifications, or one topic: {example}",
        Phrase::HelpStart => "brings them back: {example}",
        Phrase::HelpWhy => "tells why you got the last notification",
        Phrase::NotUnderstood => "I did not understand that.",
        Phrase::InPersonalChat => "Write to me in our personal chat: there you choose what reaches you.",
        Phrase::SettingsBelow => "Your settings are in the message below.",
        Phrase::Acknowledge => "Acknowledge",
        Phrase::AcknowledgedBy => "{name} took it",
        Phrase::Snooze => "Snooze {length}",
        Phrase::Open => "Open",
        Phrase::Close => "Close",
        Phrase::ClosedBy => "Closed by {name}",
        Phrase::Closed => "Closed",
        Phrase::NotForYou => "Nothing happened: this button is for others.",
        Phrase::Reminder => "Reminder",
        Phrase::WhileQuiet => "While you were away",
        Phrase::Somebody => "Somebody",
        Phrase::Acknowledged => "Taken",
        Phrase::PutOff => "Put off",
        Phrase::PutOffUntil => "Put off until {until}",
        Phrase::WhatAndWhen => "{what}, {when}",
        Phrase::ClosedSummary => "Closed: {summary}",
        Phrase::YouTookIt => "You have taken it. Everybody who has this card sees that.",
        Phrase::YouClosedIt => "You have closed it. Everybody who has this card sees that.",
        Phrase::TookItAt => "{name} took it at {time}.",
        Phrase::TakenAt => "It was taken at {time}.",
        Phrase::ClosedItAt => "{name} closed it at {time}.",
        Phrase::OverSince => "It is over since {time}.",
        Phrase::ComesBackAt => "It comes back at {time}.",
        Phrase::UnknownButton => "Nothing happened: this button is none that Herald knows.",
        Phrase::CardGone => "Nothing happened: Herald does not keep this card any more.",
        Phrase::NoRule => "Nothing happened: there is no rule “{rule}” any more.",
        Phrase::BeganAnew => "It is over, and something new began since: there is a card for that.",
        Phrase::NoRuleForButton => "Nothing happened: no rule waits for the button “{button}”.",
        Phrase::ButtonNotNow => "Nothing happened: what the button needs is not given now.",
        Phrase::PassedOn => "Done, thank you.",
        Phrase::WaitsForTeams => "Thank you. It is passed on as soon as Teams has told whom it concerns.",
        Phrase::ToldAlready => "Thank you. Everybody was told a short while ago already.",
        Phrase::NobodyToTell => "Nothing happened: there is nobody to tell.",
        Phrase::RenewedByItself => "Herald renews its cards by itself; the card stays as it is.",
        Phrase::GatheredTitle => "{count} more: {about}",
        Phrase::QuietTitle => "{count} in quiet hours: {about}",
        Phrase::OnlyCounted => "{count} before these are only counted here.",
        Phrase::About => "For",
        Phrase::Was => "was",
        Phrase::Were => "were",
        Phrase::StormTitle => "Paused: {about}",
        Phrase::StormSummary => "Paused, there are too many: {about}",
        Phrase::StormText => {
            "There were more than {rate}, so no card is sent for each one now. Since {since} there {were} {count} more; the last one said: {last}"
        }
        Phrase::StormRate => "{count} cards in {length}",
        Phrase::StormWaits => {
            "They are gathered, and this card counts them. You hear of all of them once it calms down; it is looked at again at {until}."
        }
        Phrase::StormOver => "It is over: {about}",
        Phrase::StormOverSummary => "It is over; {count} were gathered: {about}",
        Phrase::StormOverText => {
            "Cards are sent one by one again. Between {since} and {until} {count} {were} gathered:"
        }
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    match counted {
        Counted::Notifications => one_or(form, "{count} notification", "{count} notifications"),
        Counted::More => "and {count} more",
        Counted::People => one_or(form, "{count} person", "{count} people"),
        Counted::Days => one_or(form, "{count} day", "{count} days"),
        Counted::Hours => one_or(form, "{count} hour", "{count} hours"),
        Counted::Minutes => one_or(form, "{count} minute", "{count} minutes"),
        Counted::Seconds => one_or(form, "{count} second", "{count} seconds"),
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
