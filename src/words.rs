//! What Herald itself says to people in Teams, in every language it speaks: footers, settings, answers, buttons.
//!
//! Each language has a file with one `match` over all phrases, so that a language that misses one does not compile. Texts
//! of authors are none of this room's business: they stand in `texts/` of the workspace.

mod arabic;
mod english;
mod french;
mod german;
mod japanese;
pub mod moments;
pub mod plural;
mod spanish;

use std::time::Duration;

use plural::Form;

/// A language that Herald speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// The one that is spoken where no other is known.
    English,
    /// `de`
    German,
    /// `es`
    Spanish,
    /// `fr`
    French,
    /// `ja`
    Japanese,
    /// `ar`, from right to left.
    Arabic,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 6] = [
        Language::English,
        Language::German,
        Language::Spanish,
        Language::French,
        Language::Japanese,
        Language::Arabic,
    ];

    /// The language of a tag: `de`, `de-CH`, `DE_at`. `None` if Herald does not speak it.
    pub fn of(tag: &str) -> Option<Language> {
        let base = base(tag);
        Language::ALL.into_iter().find(|language| language.tag() == base)
    }

    /// Its tag, in small letters.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::German => "de",
            Language::Spanish => "es",
            Language::French => "fr",
            Language::Japanese => "ja",
            Language::Arabic => "ar",
        }
    }

    /// What those who speak it call it.
    pub fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::German => "Deutsch",
            Language::Spanish => "Español",
            Language::French => "Français",
            Language::Japanese => "日本語",
            Language::Arabic => "العربية",
        }
    }
}

/// `de-CH` -> `de`
pub fn base(tag: &str) -> String {
    let base = tag.split(['-', '_']).next().unwrap_or_default();
    base.trim().to_lowercase()
}

/// Whether the language of this tag is written from right to left.
pub fn is_right_to_left(tag: &str) -> bool {
    matches!(
        base(tag).as_str(),
        "ar" | "arc" | "ckb" | "dv" | "fa" | "he" | "iw" | "ks" | "ps" | "sd" | "ug" | "ur" | "yi"
    )
}

/// Something that Herald says. What stands in braces in its words is filled in by [`fill`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phrase {
    // What stands under a card.
    /// `{reason}`
    WhyYouGotThis,
    /// A reason: `{rule}`
    TheRule,
    /// Nobody can stop these.
    Required,
    /// Nobody can stop these: `{owner}` knows why.
    RequiredAsk,
    /// On a button.
    StopThese,
    /// On a button.
    Settings,

    // The settings.
    /// Their title.
    SettingsTitle,
    /// What they are for.
    SettingsIntro,
    /// Above the topics.
    Topics,
    /// A switch: everything that can be stopped.
    AllNotifications,
    /// A field.
    QuietHours,
    /// How the field is filled in.
    QuietHoursHint,
    /// A field.
    TimeZone,
    /// How the field is filled in.
    TimeZoneHint,
    /// A field.
    LanguageLabel,
    /// Whatever Teams says.
    AsInTeams,
    /// On a button.
    Save,
    /// It was done.
    Saved,
    /// It was not done.
    NotSaved,
    /// `{written}` is none.
    NoQuietHours,
    /// `{written}` is none.
    NoTimeZone,

    // Answers.
    /// `{what}` does not come any more; `{command}` brings it back.
    Stopped,
    /// `{what}` comes again.
    Started,
    /// Nothing comes any more; `{command}` brings it back.
    StoppedAll,
    /// Everything comes again.
    StartedAll,
    /// `{what}` must come.
    CannotStop,
    /// `{what}` must come: `{owner}` knows why.
    CannotStopAsk,
    /// There is no `{what}`.
    NoSuchTopic,
    /// `{near}` looks like it.
    DidYouMean,
    /// What can be stopped: `{list}`.
    CanStop,
    /// Nothing has a name by which it can be stopped.
    NothingToStop,
    /// The last one came from `{rule}`.
    WhyRule,
    /// The one that was answered came from `{rule}`.
    WhyThisRule,
    /// It goes to `{target}`.
    WhyTarget,
    /// `{owner}` looks after it.
    WhyOwner,
    /// `{command}` stops these.
    WhyStop,
    /// Nothing came yet.
    WhyNothing,
    /// The rule of the last one is gone.
    WhyRuleGone,
    /// Nobody knows any more why the one came that was answered.
    WhyCardGone,
    /// Above the list of what can be written.
    HelpIntro,
    /// What the word for settings does.
    HelpSettings,
    /// What the word for stopping does.
    HelpStop,
    /// What the word for starting does.
    HelpStart,
    /// What the word for why does.
    HelpWhy,
    /// What was written means nothing.
    NotUnderstood,
    /// In a group or channel: people choose for themselves elsewhere.
    InPersonalChat,
    /// The settings come as a message of their own.
    SettingsBelow,

    // Buttons and states of cards.
    /// On a button.
    Acknowledge,
    /// `{name}` did.
    AcknowledgedBy,
    /// On a button: not before `{length}` has passed.
    Snooze,
    /// On a button that leads somewhere.
    Open,
    /// On a button.
    Close,
    /// `{name}` did.
    ClosedBy,
    /// It is over by itself.
    Closed,
    /// Whoever pressed it is not one of those who may.
    NotForYou,
    /// Before the title of a card that comes again.
    Reminder,
    /// What came while the reader wanted to be left alone.
    WhileQuiet,
    /// Whoever did it has no name.
    Somebody,
    /// Nobody knows who did.
    Acknowledged,
    /// It waits.
    PutOff,
    /// It waits until `{until}`.
    PutOffUntil,
    /// `{what}` happened at `{when}`.
    WhatAndWhen,
    /// The line of a card of something that is over.
    ClosedSummary,
    /// To whoever pressed.
    YouTookIt,
    /// To whoever pressed.
    YouClosedIt,
    /// `{name}` was first, at `{time}`.
    TookItAt,
    /// Somebody was first, at `{time}`.
    TakenAt,
    /// `{name}` closed it before, at `{time}`.
    ClosedItAt,
    /// It was over by itself at `{time}`.
    OverSince,
    /// It was put off until `{time}`.
    ComesBackAt,
    /// What was pressed means nothing.
    UnknownButton,
    /// The card is too old, or was never one.
    CardGone,
    /// The rule of the card is gone: `{rule}`.
    NoRule,
    /// The card is of something that was over before.
    BeganAnew,
    /// No rule waits for `{button}`.
    NoRuleForButton,
    /// The conditions of the rules that wait for it do not hold.
    ButtonNotNow,
    /// It was passed on.
    PassedOn,
    /// It is passed on once Teams has told whom it concerns.
    WaitsForTeams,
    /// The rule's limit holds it back.
    ToldAlready,
    /// There is nobody to tell.
    NobodyToTell,
    /// A card asks for a newer one.
    RenewedByItself,

    // Cards that tell of many.
    /// The title of a card that tells of `{count}` others, about `{about}`.
    GatheredTitle,
    /// `{count}` came in quiet hours, `{about}`.
    QuietTitle,
    /// `{count}` are not listed.
    OnlyCounted,
    /// Before what a card is about.
    About,
    /// One more came.
    Was,
    /// Several more came.
    Were,
    /// Too much comes: `{about}`.
    StormTitle,
    /// The same in a line.
    StormSummary,
    /// Why, and what came since.
    StormText,
    /// `{count}` cards in `{length}`.
    StormRate,
    /// What becomes of them, and when.
    StormWaits,
    /// It calmed down: `{about}`.
    StormOver,
    /// The same in a line.
    StormOverSummary,
    /// What was gathered follows.
    StormOverText,
}

impl Phrase {
    /// All of them, in the order in which they are explained.
    pub const ALL: [Phrase; 95] = [
        Phrase::WhyYouGotThis,
        Phrase::TheRule,
        Phrase::Required,
        Phrase::RequiredAsk,
        Phrase::StopThese,
        Phrase::Settings,
        Phrase::SettingsTitle,
        Phrase::SettingsIntro,
        Phrase::Topics,
        Phrase::AllNotifications,
        Phrase::QuietHours,
        Phrase::QuietHoursHint,
        Phrase::TimeZone,
        Phrase::TimeZoneHint,
        Phrase::LanguageLabel,
        Phrase::AsInTeams,
        Phrase::Save,
        Phrase::Saved,
        Phrase::NotSaved,
        Phrase::NoQuietHours,
        Phrase::NoTimeZone,
        Phrase::Stopped,
        Phrase::Started,
        Phrase::StoppedAll,
        Phrase::StartedAll,
        Phrase::CannotStop,
        Phrase::CannotStopAsk,
        Phrase::NoSuchTopic,
        Phrase::DidYouMean,
        Phrase::CanStop,
        Phrase::NothingToStop,
        Phrase::WhyRule,
        Phrase::WhyThisRule,
        Phrase::WhyTarget,
        Phrase::WhyOwner,
        Phrase::WhyStop,
        Phrase::WhyNothing,
        Phrase::WhyRuleGone,
        Phrase::WhyCardGone,
        Phrase::HelpIntro,
        Phrase::HelpSettings,
        Phrase::HelpStop,
        Phrase::HelpStart,
        Phrase::HelpWhy,
        Phrase::NotUnderstood,
        Phrase::InPersonalChat,
        Phrase::SettingsBelow,
        Phrase::Acknowledge,
        Phrase::AcknowledgedBy,
        Phrase::Snooze,
        Phrase::Open,
        Phrase::Close,
        Phrase::ClosedBy,
        Phrase::Closed,
        Phrase::NotForYou,
        Phrase::Reminder,
        Phrase::WhileQuiet,
        Phrase::Somebody,
        Phrase::Acknowledged,
        Phrase::PutOff,
        Phrase::PutOffUntil,
        Phrase::WhatAndWhen,
        Phrase::ClosedSummary,
        Phrase::YouTookIt,
        Phrase::YouClosedIt,
        Phrase::TookItAt,
        Phrase::TakenAt,
        Phrase::ClosedItAt,
        Phrase::OverSince,
        Phrase::ComesBackAt,
        Phrase::UnknownButton,
        Phrase::CardGone,
        Phrase::NoRule,
        Phrase::BeganAnew,
        Phrase::NoRuleForButton,
        Phrase::ButtonNotNow,
        Phrase::PassedOn,
        Phrase::WaitsForTeams,
        Phrase::ToldAlready,
        Phrase::NobodyToTell,
        Phrase::RenewedByItself,
        Phrase::GatheredTitle,
        Phrase::QuietTitle,
        Phrase::OnlyCounted,
        Phrase::About,
        Phrase::Was,
        Phrase::Were,
        Phrase::StormTitle,
        Phrase::StormSummary,
        Phrase::StormText,
        Phrase::StormRate,
        Phrase::StormWaits,
        Phrase::StormOver,
        Phrase::StormOverSummary,
        Phrase::StormOverText,
    ];
}

/// Something that Herald counts; `{count}` stands in its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// `3 notifications`
    Notifications,
    /// `and 3 more`
    More,
    /// `3 people`
    People,
    /// A length of time.
    Days,
    /// A length of time.
    Hours,
    /// A length of time.
    Minutes,
    /// A length of time.
    Seconds,
}

impl Counted {
    /// All of them.
    pub const ALL: [Counted; 7] = [
        Counted::Notifications,
        Counted::More,
        Counted::People,
        Counted::Days,
        Counted::Hours,
        Counted::Minutes,
        Counted::Seconds,
    ];
}

/// A word that people write to the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    /// Shows the settings.
    Settings,
    /// Stops a topic, a rule or everything.
    Stop,
    /// Brings it back.
    Start,
    /// Tells why the last card came.
    Why,
    /// Tells what can be written.
    Help,
}

impl Word {
    /// All of them.
    pub const ALL: [Word; 5] = [Word::Settings, Word::Stop, Word::Start, Word::Why, Word::Help];
}

/// The words for `phrase`, with what stands in braces still to be filled in.
pub fn say(language: Language, phrase: Phrase) -> &'static str {
    match language {
        Language::English => english::say(phrase),
        Language::German => german::say(phrase),
        Language::Spanish => spanish::say(phrase),
        Language::French => french::say(phrase),
        Language::Japanese => japanese::say(phrase),
        Language::Arabic => arabic::say(phrase),
    }
}

/// The words for `phrase` with its braces filled: `fill(language, Phrase::ClosedBy, &[("name", "Anna")])`. What is filled
/// in is not looked at again, whatever it contains.
pub fn fill(language: Language, phrase: Phrase, holes: &[(&str, &str)]) -> String {
    filled(say(language, phrase), holes)
}

/// How many there are, in words, in the form that the language has for that number.
pub fn count(language: Language, counted: Counted, count: u64) -> String {
    let form = plural::form(language.tag(), count);
    let words = match language {
        Language::English => english::counted(counted, form),
        Language::German => german::counted(counted, form),
        Language::Spanish => spanish::counted(counted, form),
        Language::French => french::counted(counted, form),
        Language::Japanese => japanese::counted(counted, form),
        Language::Arabic => arabic::counted(counted, form),
    };
    filled(words, &[("count", &count.to_string())])
}

/// A length of time in words, to the second: `1 hour 30 minutes`.
pub fn length(language: Language, length: Duration) -> String {
    let units = [
        (86_400, Counted::Days),
        (3_600, Counted::Hours),
        (60, Counted::Minutes),
        (1, Counted::Seconds),
    ];
    let mut left = length.as_secs();
    let mut said = Vec::new();
    for (seconds, unit) in units {
        let whole = left / seconds;
        left %= seconds;
        if whole > 0 {
            said.push(count(language, unit, whole));
        }
    }
    if said.is_empty() {
        return count(language, Counted::Seconds, 0);
    }
    said.join(match language {
        Language::English | Language::German | Language::Spanish | Language::French => " ",
        Language::Japanese => "",
        Language::Arabic => " و",
    })
}

/// What people write for `word`; the first is the one that they are shown. All in small letters.
pub fn written(language: Language, word: Word) -> &'static [&'static str] {
    match language {
        Language::English => english::written(word),
        Language::German => german::written(word),
        Language::Spanish => spanish::written(word),
        Language::French => french::written(word),
        Language::Japanese => japanese::written(word),
        Language::Arabic => arabic::written(word),
    }
}

fn filled(words: &str, holes: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(words.len() + 32);
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let value = holes.iter().find(|(known, _)| *known == name);
        out.push_str(value.map_or("", |(_, value)| value));
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// One of two, for languages that tell one from many.
fn one_or(form: Form, one: &'static str, other: &'static str) -> &'static str {
    match form {
        Form::One => one,
        Form::Zero | Form::Two | Form::Few | Form::Many | Form::Other => other,
    }
}

#[cfg(test)]
mod tests;
