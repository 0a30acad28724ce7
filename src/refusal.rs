//! Whom Teams refuses our messages to, since when and why: one [`Refusal`] is one row of the block report.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// Who or what does not get our messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// One human being, in the personal chat.
    Person,
    /// A group chat.
    GroupChat,
    /// One channel of a team.
    Channel,
    /// A team with all its channels.
    Team,
}

impl Party {
    /// The word used in lists.
    pub fn word(self) -> &'static str {
        match self {
            Party::Person => "person",
            Party::GroupChat => "group chat",
            Party::Channel => "channel",
            Party::Team => "team",
        }
    }
}

/// Why they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The person blocked or muted the bot, or removed it; in a channel, only some people may write.
    Blocked,
    /// The bot is not installed there.
    NotInstalled,
    /// The person cannot be written to: the app is not installed for them, or the tenant does not know them.
    Unreachable,
    /// The bot is there and may not write.
    NotAllowed,
}

impl Why {
    /// The words used in lists.
    pub fn words(self) -> &'static str {
        match self {
            Why::Blocked => "blocked, muted or removed the bot",
            Why::NotInstalled => "the bot is not installed there",
            Why::Unreachable => "the app is not installed for them",
            Why::NotAllowed => "the bot may not write there",
        }
    }
}

/// Messages that Teams refuses because of their recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Entra object id (else `29:...`) of a person; else the id of the chat, channel or team.
    pub id: String,
    /// What `id` is.
    pub party: Party,
    /// What the recipient is called in the last delivery.
    pub name: String,
    /// Why.
    pub why: Why,
    /// Teams' word for it, `MessageWritesBlocked` for instance.
    pub code: String,
    /// What Teams said, in a sentence.
    pub said: String,
    /// The first refusal since a message last arrived, or the person last wrote.
    pub since: DateTime<Utc>,
    /// When Teams was last asked.
    pub asked_at: DateTime<Utc>,
    /// When the last message did not arrive.
    pub last_at: DateTime<Utc>,
    /// How many messages did not arrive since.
    pub missed: u64,
    /// The last delivery that did not arrive.
    pub delivery: String,
}

/// For how long Teams is not asked again about somebody who cannot be reached. An installation is told and ends it at
/// once; the bound covers those that nobody told.
const ASKED_AGAIN_AFTER: Duration = Duration::days(1);

impl Refusal {
    /// Whether a message there fails at `now` without Teams being asked.
    ///
    /// A person, group chat or team that shut the bot out stays shut until Teams tells that it is back or somebody
    /// writes to it. Of the rest nothing is told when it ends: a right to write is tried with every message, a person
    /// without the app and a channel without the bot once a day.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        match (self.why, self.party) {
            (Why::Blocked | Why::NotInstalled, Party::Person | Party::GroupChat | Party::Team) => true,
            (Why::Blocked, Party::Channel) | (Why::NotAllowed, _) => false,
            (Why::NotInstalled, Party::Channel) | (Why::Unreachable, _) => now < self.asked_at + ASKED_AGAIN_AFTER,
        }
    }

    /// Why a message is not tried while the refusal holds.
    pub fn sentence(&self) -> String {
        let since = self.since.format("%Y-%m-%d %H:%M UTC");
        let code = &self.code;
        match (self.why, self.party) {
            (Why::Unreachable, _) => format!(
                "Teams could not reach this person since {since} ({code}), so it was not asked again; it goes on when the \
                 app is installed for them, and Teams is asked again in a day at the latest"
            ),
            (_, Party::Person) => format!(
                "Teams has refused our messages there since {since} ({code}); it goes on when the person writes to the \
                 bot or installs it again"
            ),
            (_, Party::GroupChat | Party::Channel | Party::Team) => format!(
                "Teams has refused our messages there since {since} ({code}); it goes on when the bot is installed there \
                 again"
            ),
        }
    }

    /// This row after `newer` came: what began first, what was seen last. The same one again changes nothing.
    #[must_use]
    pub fn followed_by(&self, newer: &Refusal) -> Refusal {
        Refusal {
            since: self.since,
            missed: self.counting(&newer.delivery),
            ..newer.clone()
        }
    }

    /// This row after one more message was not tried.
    #[must_use]
    pub fn missing(&self, delivery: &str, at: DateTime<Utc>) -> Refusal {
        Refusal {
            missed: self.counting(delivery),
            last_at: at,
            delivery: delivery.to_owned(),
            ..self.clone()
        }
    }

    fn counting(&self, delivery: &str) -> u64 {
        self.missed + u64::from(self.delivery != delivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn refusal(party: Party, why: Why) -> Refusal {
        Refusal {
            id: "x".into(),
            party,
            name: "Anna Berg".into(),
            why,
            code: "MessageWritesBlocked".into(),
            said: "no".into(),
            since: noon(),
            asked_at: noon(),
            last_at: noon(),
            missed: 1,
            delivery: "dl_1".into(),
        }
    }

    #[test]
    fn who_shut_the_bot_out_is_not_asked_again_and_what_nobody_tells_is() {
        let years_later = noon() + Duration::days(1000);
        for party in [Party::Person, Party::GroupChat, Party::Team] {
            assert!(refusal(party, Why::Blocked).holds(years_later));
            assert!(refusal(party, Why::NotInstalled).holds(years_later));
            assert!(!refusal(party, Why::NotAllowed).holds(noon()));
        }
        assert!(!refusal(Party::Channel, Why::Blocked).holds(noon()));
        let unreachable = refusal(Party::Person, Why::Unreachable);
        assert!(unreachable.holds(noon() + Duration::hours(23)));
        assert!(!unreachable.holds(noon() + Duration::hours(24)));
    }

    #[test]
    fn each_message_counts_once_and_the_beginning_is_kept() {
        let first = refusal(Party::Person, Why::Blocked);
        let mut second = first.clone();
        second.since = noon() + Duration::hours(1);
        second.delivery = "dl_2".into();
        let both = first.followed_by(&second);
        assert_eq!((both.since, both.missed), (noon(), 2));
        assert_eq!(both.followed_by(&second), both, "the same one again changes nothing");
        let third = both.missing("dl_3", noon() + Duration::hours(2));
        assert_eq!((third.missed, third.last_at), (3, noon() + Duration::hours(2)));
        assert_eq!(third.asked_at, both.asked_at, "Teams was not asked");
    }
}
