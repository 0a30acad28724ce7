//! What people do in a conversation with the bot: write, press, react, change and take back what they wrote. And what
//! happens in channels that not everybody sees.

use serde_json::{Value, json};

use super::{Installer, Telling, describe, id_of, instant};
use crate::event::{Event, EventId, Origin, TeamsEvent};
use crate::roster::{ConversationId, Fact};
use crate::teams::activity::{Reaction, TeamInfo};
use crate::teams::inbound::Heard;
use crate::teams::press::{Press, Read};
use crate::teams::spoken;

/// How many words of a message can be named one by one.
const MOST_WORDS: usize = 200;
/// How many people, reactions or teams of one activity are told.
const MOST_OF_ONE: usize = 100;

impl Telling<'_> {
    /// The events of what somebody said or did in a conversation.
    ///
    /// # Errors
    /// Why it is none, in a sentence.
    pub(super) fn talk(&self, press: Read) -> Result<Vec<Event>, String> {
        let changed = |kind| Ok(vec![self.changed(kind)]);
        match self.activity.kind.to_ascii_lowercase().as_str() {
            "messagereaction" => self.reactions(),
            "messageupdate" => match self.event_type().as_str() {
                "editmessage" | "" => changed(TeamsEvent::MessageEdited),
                "undeletemessage" => changed(TeamsEvent::MessageRestored),
                _ => Err("no rule can wait for this change of a message".to_owned()),
            },
            "messagedelete" => changed(TeamsEvent::MessageDeleted),
            kind => match press {
                Read::Pressed(press) => Ok(vec![self.pressed(press)]),
                Read::Refresh => Err("the card was shown again, nobody pressed anything".to_owned()),
                // A button may also write something in its presser's name.
                Read::Unnamed(_) | Read::NoPress if kind == "message" && self.activity.text.is_some() => {
                    Ok(vec![self.message()])
                }
                Read::Unnamed(why) => Err(format!("it cannot be told which button was pressed: {why}")),
                Read::NotSupported(why) => Err(why),
                Read::NoPress if kind == "message" => Err("there are no words in it".to_owned()),
                Read::NoPress => Err("no rule can wait for this kind of invoke".to_owned()),
            },
        }
    }

    fn message(&self) -> Event {
        let text = spoken::text(self.activity);
        let origin = Origin::message(self.place.scope(), &text);
        let id = self.once("message", &[]);
        let mut event = self.told("message", origin, id);
        event.data["words"] = text.split_whitespace().take(MOST_WORDS).collect();
        event.data["text"] = json!(text);
        event.data["mentions"] = self.mentions();
        event.data["message_id"] = json!(self.activity.id);
        event.data["answers"] = json!(spoken::answers(self.activity));
        event.data["thread"] = json!(self.thread());
        event
    }

    fn pressed(&self, press: Press) -> Event {
        let origin = Origin::Button {
            scope: self.place.scope(),
            button: press.button.clone(),
        };
        let id = self.once("button", &[]);
        let mut event = self.told("button", origin, id);
        event.data["button"] = json!(press.button);
        event.data["title"] = json!(press.title);
        event.data["data"] = press.data;
        event.data["message_id"] = json!(self.activity.reply_to_id);
        event.data["thread"] = json!(self.thread());
        event
    }

    /// One event for each reaction.
    fn reactions(&self) -> Result<Vec<Event>, String> {
        let of = |kind: TeamsEvent, reactions: &[Reaction]| -> Vec<Event> {
            let named = reactions.iter().filter_map(|reaction| reaction.kind.as_deref());
            let one = |reaction: &str| {
                let mut event = self.event(kind, self.once(&super::word(kind), &[reaction]));
                event.data["reaction"] = json!(reaction);
                event.data["message_id"] = json!(self.activity.reply_to_id);
                event.data["thread"] = json!(self.thread());
                event
            };
            named.take(MOST_OF_ONE).map(one).collect()
        };
        let mut events = of(TeamsEvent::ReactionAdded, &self.activity.reactions_added);
        events.extend(of(TeamsEvent::ReactionRemoved, &self.activity.reactions_removed));
        match events.is_empty() {
            true => Err("it names no reaction".to_owned()),
            false => Ok(events),
        }
    }

    /// A message was changed, deleted or brought back. Its id stays the same each time, so the moment tells one time from
    /// another.
    fn changed(&self, kind: TeamsEvent) -> Event {
        let at = instant(self.happened_at());
        let mut event = self.event(kind, self.once(&super::word(kind), &[&at]));
        let text = spoken::text(self.activity);
        event.data["text"] = match kind {
            TeamsEvent::MessageDeleted => Value::Null,
            _ => json!(text),
        };
        event.data["message_id"] = json!(self.activity.id);
        event.data["thread"] = json!(self.thread());
        event
    }

    /// A channel was shared with other teams, or is not any more.
    pub(super) fn shared(&self, heard: &mut Heard, kind: TeamsEvent) {
        self.seen(heard, Installer::Unknown);
        let data = &self.activity.channel_data;
        let teams = match kind {
            TeamsEvent::ChannelShared => &data.shared_with_teams,
            _ => &data.unshared_from_teams,
        };
        let mut event = self.event(kind, self.occurrence(kind, &self.channel_id().unwrap_or_default()));
        event.data["teams"] = teams.iter().take(MOST_OF_ONE).map(team).collect();
        heard.events.push(event);
    }

    /// People joined or left a private or shared channel: they are not members of the team.
    pub(super) fn channel_members(&self, heard: &mut Heard, kind: TeamsEvent) {
        self.seen(heard, Installer::Unknown);
        let members = match kind {
            TeamsEvent::ChannelMemberAdded => &self.activity.members_added,
            _ => &self.activity.members_removed,
        };
        let sender = self.sender().and_then(id_of);
        let people = members.iter().filter(|member| !self.is_a_bot(member));
        for member in people.take(MOST_OF_ONE) {
            let who = id_of(member).unwrap_or_default();
            if kind == TeamsEvent::ChannelMemberAdded && Some(&who) != sender.as_ref() {
                heard.facts.push(Fact::PersonSeen(self.person(member)));
            }
            let channel = self.channel_id().unwrap_or_default();
            let mut event = self.event(kind, self.occurrence(kind, &format!("{channel} {who}")));
            event.data["person"] = describe(member);
            event.data["membership"] = self.membership();
            heard.events.push(event);
        }
        if heard.events.is_empty() {
            heard.ignored = Some("it names nobody who joined or left the channel".to_owned());
        }
    }

    fn membership(&self) -> Value {
        let Some(source) = &self.activity.channel_data.membership_source else {
            return Value::Null;
        };
        json!({
            "through": source.source_type,
            "kind": source.membership_type,
            "id": source.id,
            "name": source.name,
            "aad_group_id": source.aad_group_id,
            "tenant_id": source.tenant_id,
        })
    }

    /// Who else is mentioned.
    fn mentions(&self) -> Value {
        let others = self
            .activity
            .entities
            .iter()
            .filter_map(|entity| entity.mentioned.as_ref());
        let others = others.filter(|account| !self.is_a_bot(account));
        others.take(MOST_OF_ONE).map(describe).collect()
    }

    fn event_type(&self) -> String {
        let event_type = self.activity.channel_data.event_type.as_deref();
        event_type.unwrap_or_default().to_ascii_lowercase()
    }

    /// The id of what was said or done once in a conversation: Teams tells it again with the same id. Ids of messages are
    /// moments, which two channels of one team may share.
    fn once(&self, kind: &str, more: &[&str]) -> EventId {
        let conversation = self.activity.conversation_id().map(ConversationId::new);
        let conversation = conversation
            .as_ref()
            .map_or_else(|| self.place.id(), ConversationId::as_str);
        let at = instant(self.happened_at());
        let id = self.activity.id.as_deref().unwrap_or(&at);
        let parts = ["teams", kind, conversation, id]
            .into_iter()
            .chain(more.iter().copied());
        EventId::derived(&parts.collect::<Vec<_>>())
    }
}

fn team(team: &TeamInfo) -> Value {
    json!({
        "id": team.id,
        "name": team.name,
        "aad_group_id": team.aad_group_id,
        "tenant_id": team.tenant_id,
    })
}
