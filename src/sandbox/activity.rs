//! Activities as Teams words them, for everything that happens in the world.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::world::{Person, Place, World};

/// Writes activities of one moment.
pub(super) struct Writer<'a> {
    pub(super) world: &'a World,
    pub(super) service_url: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// A change of a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeamChange {
    /// The team has a new name.
    Renamed,
    /// The team was deleted and may come back.
    Deleted,
    /// It was deleted for good.
    HardDeleted,
    /// It came back.
    Restored,
    /// It became read-only.
    Archived,
    /// It can be written to again.
    Unarchived,
}

/// A change of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelChange {
    /// It is new.
    Created,
    /// It has a new name.
    Renamed,
    /// It was deleted and may come back.
    Deleted,
    /// It came back.
    Restored,
}

impl Writer<'_> {
    fn bot(&self) -> Value {
        json!({"id": self.world.bot_id(), "name": self.world.bot_name})
    }

    fn tenant(&self) -> Value {
        json!({"id": self.world.tenant})
    }

    fn timestamp(&self) -> String {
        self.now.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Event activities name a person without the name.
    fn from(&self, person: usize) -> Value {
        let person = &self.world.people[person];
        json!({"id": person.account, "aadObjectId": person.aad_object_id})
    }

    fn conversation(&self, place: Place) -> Value {
        let (kind, group) = match place {
            Place::Personal(_) => ("personal", false),
            Place::Group(_) => ("groupChat", true),
            Place::Channel(..) => ("channel", true),
        };
        let mut conversation =
            json!({"conversationType": kind, "id": self.world.id(place), "tenantId": self.world.tenant});
        if group {
            conversation["isGroup"] = json!(true);
        }
        conversation
    }

    fn envelope(&self, kind: &str, id: &str, person: usize, place: Place) -> Value {
        json!({
            "type": kind, "id": id, "timestamp": self.timestamp(), "serviceUrl": self.service_url,
            "channelId": "msteams", "from": self.from(person), "recipient": self.bot(),
            "conversation": self.conversation(place), "channelData": {"tenant": self.tenant()},
        })
    }

    fn team(&self, team: usize) -> Value {
        let team = &self.world.teams[team];
        json!({"id": team.id, "name": team.name, "aadGroupId": team.group_id})
    }

    fn client(&self, person: &Person) -> Value {
        json!({
            "type": "clientInfo", "locale": person.locale, "country": person.locale.rsplit('-').next(),
            "platform": "Web", "timezone": person.time_zone,
        })
    }

    /// `installationUpdate`: the app was added (`add`, `add-upgrade`) or removed (`remove`, `remove-upgrade`).
    /// `place` of a team is the channel chosen while installing.
    pub(super) fn installation(&self, id: &str, action: &str, by: usize, place: Place) -> Value {
        let person = &self.world.people[by];
        let added = action.starts_with("add");
        let place = match place {
            Place::Channel(team, _) if !added => Place::Channel(team, 0),
            Place::Personal(_) | Place::Group(_) | Place::Channel(..) => place,
        };
        let mut activity = self.envelope("installationUpdate", id, by, place);
        activity["action"] = json!(action);
        activity["channelData"]["source"] = json!({"name": "message"});
        if added {
            activity["locale"] = json!(person.locale);
            activity["entities"] = json!([{"type": "clientInfo", "locale": person.locale}]);
        }
        if let Place::Channel(team, channel) = place {
            activity["channelData"]["team"] = self.team(team);
            if added {
                self.choose(&mut activity, team, channel);
            }
        }
        activity
    }

    fn choose(&self, activity: &mut Value, team: usize, channel: usize) {
        let chosen = &self.world.teams[team].channels[channel];
        activity["channelData"]["settings"] = json!({"selectedChannel": {"id": chosen.id}});
        activity["channelData"]["channel"] = json!({"id": chosen.id});
        if let Some(name) = &chosen.name {
            activity["conversation"]["name"] = json!(name);
        }
    }

    /// `conversationUpdate` that goes with an installation: the bot joined or left.
    pub(super) fn bot_moved(&self, id: &str, joined: bool, by: usize, place: Place) -> Value {
        let place = match place {
            Place::Channel(team, _) if !joined => Place::Channel(team, 0),
            Place::Personal(_) | Place::Group(_) | Place::Channel(..) => place,
        };
        let mut members = vec![json!({"id": self.world.bot_id()})];
        if let (Place::Personal(person), true) = (place, joined) {
            members.push(self.from(person));
        }
        let mut activity = self.envelope("conversationUpdate", id, by, place);
        activity[if joined { "membersAdded" } else { "membersRemoved" }] = json!(members);
        if let Place::Channel(team, channel) = place {
            activity["channelData"]["team"] = self.team(team);
            activity["channelData"]["eventType"] =
                json!(if joined { "teamMemberAdded" } else { "teamMemberRemoved" });
            if joined {
                self.choose(&mut activity, team, channel);
            }
        }
        activity
    }

    /// People joined or left a team or group chat.
    pub(super) fn members_moved(&self, id: &str, joined: bool, people: &[usize], by: usize, place: Place) -> Value {
        let place = match place {
            Place::Channel(team, _) => Place::Channel(team, 0),
            Place::Personal(_) | Place::Group(_) => place,
        };
        let mut activity = self.envelope("conversationUpdate", id, by, place);
        let members: Vec<Value> = people.iter().map(|person| self.from(*person)).collect();
        activity[if joined { "membersAdded" } else { "membersRemoved" }] = json!(members);
        if let Place::Channel(team, _) = place {
            activity["channelData"]["team"] = self.team(team);
            activity["channelData"]["eventType"] =
                json!(if joined { "teamMemberAdded" } else { "teamMemberRemoved" });
        }
        activity
    }

    /// A channel changed. Real ones carry the team's id alone, and no tenant in `conversation`.
    pub(super) fn channel_changed(
        &self,
        id: &str,
        change: ChannelChange,
        by: usize,
        team: usize,
        channel: usize,
    ) -> Value {
        let kind = match change {
            ChannelChange::Created => "channelCreated",
            ChannelChange::Renamed => "channelRenamed",
            ChannelChange::Deleted => "channelDeleted",
            ChannelChange::Restored => "channelRestored",
        };
        let mut activity = self.lifecycle(id, kind, by, team);
        let changed = &self.world.teams[team].channels[channel];
        activity["channelData"]["channel"] = json!({"id": changed.id, "name": changed.name});
        activity["channelData"]["team"] = json!({"id": self.world.teams[team].id});
        activity
    }

    /// A team changed.
    pub(super) fn team_changed(&self, id: &str, change: TeamChange, by: usize, team: usize) -> Value {
        let kind = match change {
            TeamChange::Renamed => "teamRenamed",
            TeamChange::Deleted => "teamDeleted",
            TeamChange::HardDeleted => "teamHardDeleted",
            // As the documentation prints it; the others are in camel case.
            TeamChange::Restored => "teamrestored",
            TeamChange::Archived => "teamArchived",
            TeamChange::Unarchived => "teamUnarchived",
        };
        let mut activity = self.lifecycle(id, kind, by, team);
        let team = &self.world.teams[team];
        activity["channelData"]["team"] = json!({"id": team.id, "name": team.name});
        activity
    }

    fn lifecycle(&self, id: &str, kind: &str, by: usize, team: usize) -> Value {
        let mut activity = self.envelope("conversationUpdate", id, by, Place::Channel(team, 0));
        activity["channelData"]["eventType"] = json!(kind);
        activity["conversation"]
            .as_object_mut()
            .expect("an object")
            .remove("tenantId");
        activity
    }

    /// Somebody wrote. In a channel `root` is the thread (the message's own id for a new one); where others read
    /// along, the bot hears it only when it is mentioned, so the mention is put in front.
    pub(super) fn message(&self, id: &str, person: usize, place: Place, root: Option<&str>, text: &str) -> Value {
        let mut activity = self.envelope("message", id, person, place);
        let who = &self.world.people[person];
        activity["from"]["name"] = json!(who.name);
        activity["textFormat"] = json!("plain");
        activity["locale"] = json!(who.locale);
        activity["localTimezone"] = json!(who.time_zone);
        let mut entities = Vec::new();
        match place {
            Place::Personal(_) => activity["text"] = json!(text),
            Place::Group(_) | Place::Channel(..) => {
                let mention = format!("<at>{}</at>", self.world.bot_name);
                activity["text"] = json!(format!("{mention} {text}\n"));
                entities.push(json!({"type": "mention", "mentioned": self.bot(), "text": mention}));
            }
        }
        entities.push(self.client(who));
        activity["entities"] = json!(entities);
        self.locate(&mut activity, place, Some(root.unwrap_or(id)));
        activity
    }

    fn locate(&self, activity: &mut Value, place: Place, root: Option<&str>) {
        if let Place::Channel(team, _) = place {
            let (channel, team) = (self.world.id(place), &self.world.teams[team].id);
            if let Some(root) = root {
                activity["conversation"]["id"] = json!(format!("{channel};messageid={root}"));
            }
            activity["channelData"]["teamsChannelId"] = json!(channel);
            activity["channelData"]["teamsTeamId"] = json!(team);
            activity["channelData"]["channel"] = json!({"id": channel});
            activity["channelData"]["team"] = json!({"id": team});
        }
    }

    /// Somebody pressed an `Action.Execute` button of the message `card`.
    pub(super) fn execute(&self, id: &str, person: usize, place: Place, card: &Pressed<'_>, action: &Value) -> Value {
        let mut activity = self.pressed("invoke", id, person, place, card);
        activity["name"] = json!("adaptiveCard/action");
        activity["value"] = json!({"action": action, "trigger": "manual"});
        activity
    }

    /// Somebody pressed an `Action.Submit` button of the message `card`.
    pub(super) fn submit(&self, id: &str, person: usize, place: Place, card: &Pressed<'_>, data: &Value) -> Value {
        let mut activity = self.pressed("message", id, person, place, card);
        activity["value"] = data.clone();
        activity
    }

    fn pressed(&self, kind: &str, id: &str, person: usize, place: Place, card: &Pressed<'_>) -> Value {
        let mut activity = self.envelope(kind, id, person, place);
        let who = &self.world.people[person];
        activity["from"]["name"] = json!(who.name);
        activity["locale"] = json!(who.locale);
        activity["replyToId"] = json!(card.message);
        activity["channelData"]["source"] = json!({"name": "message"});
        self.locate(&mut activity, place, Some(card.root.unwrap_or(card.message)));
        activity
    }
}

/// The message whose button was pressed.
pub(super) struct Pressed<'a> {
    pub(super) message: &'a str,
    /// The thread it is in, in a channel.
    pub(super) root: Option<&'a str>,
}
