//! What an answer says about the world: facts for the directory. Pure.

use chrono::{DateTime, Utc};

use super::doubt::Doubt;
use super::route::Way;
use crate::delivery::{Address, Delivery};
use crate::refusal::{Party, Refusal, Why};
use crate::roster::{Blocked, ConversationId, Fact};
use crate::teams::answer::Answer;

/// The longest sentence of Teams that the block report keeps, in characters.
const LONGEST: usize = 300;

/// One attempt, as far as the directory can learn from it.
pub struct Seen<'a> {
    /// What was sent.
    pub delivery: &'a Delivery,
    /// Where it was to go.
    pub way: &'a Way,
    /// The conversation it was posted to, if there was one.
    pub conversation: Option<&'a ConversationId>,
    /// What Teams said.
    pub answer: &'a Answer,
    /// What asking once more showed.
    pub doubt: &'a Doubt,
    /// When.
    pub now: DateTime<Utc>,
}

/// What the directory is to learn.
pub fn facts(seen: &Seen<'_>) -> Vec<Fact> {
    let gone = |id: &ConversationId| Fact::ConversationGone { id: id.clone() };
    match (seen.answer, seen.conversation) {
        (Answer::Accepted { .. }, _) if seen.way.refused => {
            seen.subject().map(|id| Fact::Reached { id }).into_iter().collect()
        }
        (Answer::Blocked { code, reason }, conversation) => {
            let mut facts = seen.refused(Why::Blocked, code, reason);
            facts.extend(conversation.map(|id| seen.blocked(id, code)));
            facts
        }
        (Answer::NotInstalled { code, reason }, None) => seen.refused(Why::Unreachable, code, reason),
        (Answer::NotInstalled { code, reason }, Some(id)) => {
            let mut facts = seen.refused(Why::NotInstalled, code, reason);
            facts.push(seen.blocked(id, code));
            facts
        }
        (Answer::NotAllowed { code, reason }, _) => seen.refused(Why::NotAllowed, code, reason),
        (Answer::Unreachable { code, reason }, _) => {
            let mut facts = seen.refused(Why::Unreachable, code, reason);
            if code.eq_ignore_ascii_case("MemberNotFoundInConversation") {
                facts.push(Fact::RostersInDoubt);
            }
            facts
        }
        (Answer::Foreign { .. }, Some(id)) if seen.way.party != Party::Channel => vec![gone(id)],
        (Answer::Gone { .. }, Some(id)) => match (seen.way.party, seen.doubt, &seen.way.team_id) {
            (Party::Person, _, _) | (Party::GroupChat, Doubt::Gone, _) => vec![gone(id)],
            (_, Doubt::Gone, Some(team)) => vec![Fact::TeamGone { id: team.clone() }],
            (_, Doubt::ChannelGone, Some(team)) => vec![Fact::ChannelGone {
                team_id: team.clone(),
                channel_id: id.as_str().to_owned(),
            }],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

impl Seen<'_> {
    /// Whose row it is: a person's, a chat's, a channel's.
    fn subject(&self) -> Option<String> {
        match &self.delivery.recipient.address {
            Address::Person { id, .. } => Some(id.clone()),
            Address::Conversation { id } => Some(id.as_str().to_owned()),
            // What Graph or a webhook says is nothing about the bot's conversations.
            Address::Feed { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => None,
        }
    }

    fn refused(&self, why: Why, code: &str, said: &str) -> Vec<Fact> {
        let whole_team = why == Why::NotInstalled && *self.doubt != Doubt::NotInChannel;
        let (party, id) = match (&self.way.team_id, self.subject()) {
            (Some(team), Some(_)) if whole_team => (Party::Team, team.clone()),
            (_, Some(id)) => (self.way.party, id),
            (_, None) => return Vec::new(),
        };
        let name = &self.delivery.recipient.name;
        let name = match (party, name.rsplit_once(" / ")) {
            (Party::Team, Some((team, _))) => team,
            (_, _) => name,
        };
        vec![Fact::Refused(Refusal {
            id,
            party,
            name: name.to_owned(),
            why,
            code: code.to_owned(),
            said: said.chars().take(LONGEST).collect(),
            since: self.now,
            asked_at: self.now,
            last_at: self.now,
            missed: 1,
            delivery: self.delivery.id.to_string(),
        })]
    }

    fn blocked(&self, id: &ConversationId, code: &str) -> Fact {
        Fact::Blocked {
            id: id.clone(),
            blocked: Blocked {
                since: self.now,
                code: code.to_owned(),
            },
        }
    }
}
