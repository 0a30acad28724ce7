//! Teams says that a team's or group chat's conversation is gone, or that the bot is not in it. It says so intermittently of
//! ones that are there, and a target that was dropped is only known again when somebody tells: so it is asked once more,
//! in another way.

use super::route::Way;
use crate::refusal::Party;
use crate::roster::ConversationId;
use crate::teams::answer::Answer;
use crate::teams::connector::Connector;

/// What asking once more showed.
#[derive(Debug, Clone, PartialEq)]
pub enum Doubt {
    /// There was nothing to ask, or it taught nothing: the answer stands, and nothing is forgotten.
    Unsolved,
    /// It is there all the same.
    Alive,
    /// It cannot be asked now.
    Later(Answer),
    /// The group chat is gone, or the whole team.
    Gone,
    /// The channel is gone, its team is not.
    ChannelGone,
    /// The bot is not in the team or group chat.
    NotInstalled,
    /// The bot is in the team, but not in this channel.
    NotInChannel,
}

/// Whether `answer` leaves a doubt that is worth a request.
pub fn is_doubtful(way: &Way, answer: &Answer) -> bool {
    match (way.party, answer) {
        (Party::GroupChat | Party::Channel | Party::Team, Answer::Gone { .. }) => true,
        // Private and shared channels have a membership of their own.
        (Party::Channel, Answer::NotInstalled { .. }) => way.team_id.is_some(),
        _ => false,
    }
}

/// Asks Teams once more, with one request: for a channel, which channels its team has; else for a member.
pub async fn solve(connector: &Connector, service_url: &str, way: &Way, place: &ConversationId) -> Doubt {
    let is_general = way.team_id.as_deref() == Some(place.as_str());
    match &way.team_id {
        Some(team) if !is_general => match connector.channels(service_url, team).await {
            Ok(channels) if channels.iter().any(|channel| channel.id == place.as_str()) => Doubt::Alive,
            Ok(_) => Doubt::ChannelGone,
            Err(answer) => unseen(answer),
        },
        Some(_) | None => match connector.is_there(service_url, place.as_str()).await {
            Ok(()) => Doubt::Alive,
            Err(answer) => unseen(answer),
        },
    }
}

fn unseen(answer: Answer) -> Doubt {
    match answer {
        Answer::NotInstalled { .. } => Doubt::NotInstalled,
        Answer::Gone { .. } => Doubt::Gone,
        Answer::Throttled { .. }
        | Answer::Conflict
        | Answer::Unavailable { .. }
        | Answer::Faulty { .. }
        | Answer::NoToken { .. }
        | Answer::Unauthorized { .. }
        | Answer::SwitchedOff { .. } => Doubt::Later(answer),
        Answer::Accepted { .. }
        | Answer::WrongHost { .. }
        | Answer::Foreign { .. }
        | Answer::Blocked { .. }
        | Answer::Unreachable { .. }
        | Answer::NotAllowed { .. }
        | Answer::MessageGone { .. }
        | Answer::TooLarge
        | Answer::Rejected { .. } => Doubt::Unsolved,
    }
}
