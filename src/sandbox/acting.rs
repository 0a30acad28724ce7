//! Acting as Teams: changing the world and telling the bot, and changing it without telling.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::activity::{ChannelChange, TeamChange, Writer};
use super::bot::{BotAnswer, Failure, channel, chat, event_id, person, place, team};
use super::view::Change;
use super::world::{Author, Message, Place, World};
use super::{Sandbox, identity, seed};

/// Names accepted for people: display name, sign-in name, object id, `29:` id. For places: `Team / Channel`, a team's
/// name (its General), a group chat's name, a person's name, or any id.
impl Sandbox {
    // ---- ids ----

    /// A conversation's id: for `Anna Berg`, `Finance room`, `Platform / Releases`, `Platform`.
    ///
    /// # Errors
    /// [`Failure::Unknown`].
    pub fn conversation_id(&self, name: &str) -> Result<String, Failure> {
        let state = self.shared.state();
        place(&state.world, name).map(|place| state.world.id(place).to_owned())
    }

    /// A person as the connector describes members: `id` (`29:`), `aadObjectId`, `userPrincipalName`, `name` ...
    ///
    /// # Errors
    /// [`Failure::Unknown`].
    pub fn member(&self, name: &str) -> Result<Value, Failure> {
        let state = self.shared.state();
        person(&state.world, name).map(|person| state.world.member(person))
    }

    /// A team as the connector describes it: `id`, `name`, `aadGroupId` ...
    ///
    /// # Errors
    /// [`Failure::Unknown`].
    pub fn team(&self, name: &str) -> Result<Value, Failure> {
        let state = self.shared.state();
        team(&state.world, name).map(|team| state.world.team_details(team))
    }

    // ---- installing ----

    /// Installs the bot for a person: `installationUpdate` and `conversationUpdate` in their personal chat.
    ///
    /// # Errors
    /// [`Failure::Unknown`]; or the bot could not be told (the installation stays).
    pub async fn install_personal(&self, name: &str) -> Result<Vec<BotAnswer>, Failure> {
        let who = person(&self.shared.state().world, name)?;
        self.install(Place::Personal(who), who, "add", event_id(), event_id())
            .await
    }

    /// Installs the bot wherever `name` is.
    pub(super) async fn install_at(&self, name: &str) -> Result<Vec<BotAnswer>, Failure> {
        let place = place(&self.shared.state().world, name)?;
        self.install(place, self.first_member(place), "add", event_id(), event_id())
            .await
    }

    /// Installs the bot in a group chat, by its first member.
    ///
    /// # Errors
    /// As [`install_personal`](Self::install_personal).
    pub async fn install_group(&self, name: &str) -> Result<Vec<BotAnswer>, Failure> {
        let place = Place::Group(chat(&self.shared.state().world, name)?);
        self.install(place, self.first_member(place), "add", event_id(), event_id())
            .await
    }

    /// Installs the bot in a team (`Platform`, with General chosen, or `Platform / Releases`), by its first member.
    ///
    /// # Errors
    /// As [`install_personal`](Self::install_personal).
    pub async fn install_team(&self, name: &str) -> Result<Vec<BotAnswer>, Failure> {
        let (team, channel) = channel(&self.shared.state().world, name)?;
        let place = Place::Channel(team, channel);
        self.install(place, self.first_member(place), "add", event_id(), event_id())
            .await
    }

    /// Removes the bot from a person's chat, a group chat or a team: `installationUpdate` and `conversationUpdate`.
    ///
    /// # Errors
    /// As [`install_personal`](Self::install_personal).
    pub async fn uninstall(&self, name: &str) -> Result<Vec<BotAnswer>, Failure> {
        let place = place(&self.shared.state().world, name)?;
        self.install(place, self.first_member(place), "remove", event_id(), event_id())
            .await
    }

    /// An app upgrade that gives (`add-upgrade`) or takes away (`remove-upgrade`) the bot; only `installationUpdate`
    /// is sent then.
    ///
    /// # Errors
    /// As [`install_personal`](Self::install_personal).
    pub async fn upgrade(&self, name: &str, action: &str) -> Result<Vec<BotAnswer>, Failure> {
        let place = place(&self.shared.state().world, name)?;
        let (by, action) = (self.first_member(place), action.to_owned());
        self.tell(
            |world| {
                put_bot(world, place, action.starts_with("add"));
                Ok(())
            },
            |writer| Ok(vec![writer.installation(&event_id(), &action, by, place)]),
        )
        .await
    }

    /// The bot is already where [`settle_in`](Self::settle_in) will install it, as after a restart: what Herald still
    /// owes from its last run may arrive before anybody is told anything.
    pub fn resume(&self) {
        let mut state = self.shared.state();
        for place in homes(&state.world) {
            put_bot(&mut state.world, place, true);
        }
    }

    /// What [`Sandbox`] does when Herald starts beside it: the bot is installed in one team, one group chat and for
    /// five people. The activities carry the same ids each time, so that a Herald that remembers them greets nobody
    /// twice. While the bot does not answer, it is tried again for `patience`.
    ///
    /// # Errors
    /// The bot did not answer, or refused, until `patience` was over.
    pub async fn settle_in(&self, patience: Duration) -> Result<(), Failure> {
        let places = homes(&self.shared.state().world);
        let ends = tokio::time::Instant::now() + patience;
        for place in places {
            let by = self.first_member(place);
            let id = {
                let state = self.shared.state();
                let conversation = state.world.id(place).to_owned();
                move |kind: &str| format!("f:{}", identity::guid(&["settled in", &conversation, kind]))
            };
            loop {
                let told = self
                    .install(place, by, "add", id("installation"), id("conversation"))
                    .await;
                let failure = match told {
                    Ok(answers) => match answers.iter().find(|answer| !answer.accepted()) {
                        None => break,
                        Some(answer) => Failure::Silent {
                            endpoint: self.shared.state().bot_endpoint.clone().unwrap_or_default(),
                            reason: format!("it answered {} {}", answer.status, answer.body),
                        },
                    },
                    Err(failure) => failure,
                };
                if tokio::time::Instant::now() >= ends {
                    return Err(failure);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    async fn install(
        &self,
        place: Place,
        by: usize,
        action: &str,
        first_id: String,
        second_id: String,
    ) -> Result<Vec<BotAnswer>, Failure> {
        let joined = action.starts_with("add");
        let now = self.shared.now();
        self.tell(
            |world| {
                if put_bot(world, place, joined) {
                    note(world, place, by, joined, now);
                }
                Ok(())
            },
            |writer| {
                Ok(vec![
                    writer.installation(&first_id, action, by, place),
                    writer.bot_moved(&second_id, joined, by, place),
                ])
            },
        )
        .await
    }

    fn first_member(&self, place: Place) -> usize {
        self.shared
            .state()
            .world
            .roster(place)
            .first()
            .copied()
            .unwrap_or_default()
    }

    // ---- people, channels, teams ----

    /// People join a team or group chat.
    ///
    /// # Errors
    /// As [`install_personal`](Self::install_personal).
    pub async fn add_members(&self, name: &str, people: &[&str]) -> Result<Vec<BotAnswer>, Failure> {
        self.move_members(name, people, true).await
    }

    /// People leave a team or group chat.
    ///
    /// # Errors
    /// As [`install_personal`](Self::install_personal).
    pub async fn remove_members(&self, name: &str, people: &[&str]) -> Result<Vec<BotAnswer>, Failure> {
        self.move_members(name, people, false).await
    }

    /// People join or leave; the bot hears of it where it is installed.
    pub(super) async fn move_members(
        &self,
        name: &str,
        people: &[&str],
        joined: bool,
    ) -> Result<Vec<BotAnswer>, Failure> {
        let (place, who, by) = {
            let state = self.shared.state();
            let place = place(&state.world, name)?;
            let who = people
                .iter()
                .map(|name| person(&state.world, name))
                .collect::<Result<Vec<usize>, Failure>>()?;
            (
                place,
                who,
                state.world.roster(place).first().copied().unwrap_or_default(),
            )
        };
        self.tell(
            |world| {
                let roster = match place {
                    Place::Personal(_) => return Ok(()),
                    Place::Group(chat) => &mut world.chats[chat].members,
                    Place::Channel(team, _) => &mut world.teams[team].members,
                };
                roster.retain(|member| !who.contains(member));
                if joined {
                    roster.extend(&who);
                }
                Ok(())
            },
            |writer| {
                let told = writer.members_moved(&event_id(), joined, &who, by, place);
                Ok(if writer.world.has_bot(place) {
                    vec![told]
                } else {
                    Vec::new()
                })
            },
        )
        .await
    }

    /// Adds `count` made-up people to a team or group chat without telling the bot.
    ///
    /// # Errors
    /// [`Failure::Unknown`].
    pub fn fill_silently(&self, name: &str, count: usize) -> Result<(), Failure> {
        let mut state = self.shared.state();
        let world = &mut state.world;
        let place = place(world, name)?;
        let first = world.people.iter().filter(|person| person.generated).count();
        let crowd: Vec<usize> = (first + 1..=first + count)
            .map(|number| seed::somebody_of_a_crowd(world, number))
            .collect();
        match place {
            Place::Personal(_) => {}
            Place::Group(chat) => world.chats[chat].members.extend(crowd),
            Place::Channel(team, _) => world.teams[team].members.extend(crowd),
        }
        Ok(())
    }

    /// Creates a channel (`Platform / New`) and tells the bot if the team has it.
    ///
    /// # Errors
    /// As [`install_personal`](Self::install_personal).
    pub async fn create_channel(&self, team_name: &str, name: &str) -> Result<Vec<BotAnswer>, Failure> {
        let created = {
            let mut state = self.shared.state();
            let team = team(&state.world, team_name)?;
            (team, state.world.add_channel(team, name))
        };
        self.tell_channel(created, ChannelChange::Created).await
    }

    /// Renames, deletes or restores a channel. `new_name` is used by a rename alone.
    ///
    /// # Errors
    /// As [`install_personal`](Self::install_personal).
    pub async fn change_channel(
        &self,
        name: &str,
        change: ChannelChange,
        new_name: &str,
    ) -> Result<Vec<BotAnswer>, Failure> {
        let changed = {
            let mut state = self.shared.state();
            let (team, channel) = channel(&state.world, name)?;
            let it = &mut state.world.teams[team].channels[channel];
            match change {
                ChannelChange::Renamed => it.name = Some(new_name.to_owned()),
                ChannelChange::Deleted => it.deleted = true,
                ChannelChange::Restored | ChannelChange::Created => it.deleted = false,
            }
            (team, channel)
        };
        self.tell_channel(changed, change).await
    }

    async fn tell_channel(
        &self,
        (team, channel): (usize, usize),
        change: ChannelChange,
    ) -> Result<Vec<BotAnswer>, Failure> {
        let by = self.first_member(Place::Channel(team, 0));
        let write = |writer: &Writer<'_>| {
            let told = writer.channel_changed(&event_id(), change, by, team, channel);
            Ok(if writer.world.teams[team].bot {
                vec![told]
            } else {
                Vec::new()
            })
        };
        self.tell(|_| Ok(()), write).await
    }

    /// Renames, deletes, restores, archives a team. `new_name` is used by a rename alone.
    ///
    /// # Errors
    /// As [`install_personal`](Self::install_personal).
    pub async fn change_team(
        &self,
        name: &str,
        change: TeamChange,
        new_name: &str,
    ) -> Result<Vec<BotAnswer>, Failure> {
        let changed = team(&self.shared.state().world, name)?;
        let by = self.first_member(Place::Channel(changed, 0));
        self.tell(
            |world| {
                let team = &mut world.teams[changed];
                match change {
                    TeamChange::Renamed => team.name = new_name.to_owned(),
                    TeamChange::Deleted | TeamChange::HardDeleted => team.deleted = true,
                    TeamChange::Restored => team.deleted = false,
                    TeamChange::Archived => team.archived = true,
                    TeamChange::Unarchived => team.archived = false,
                }
                Ok(())
            },
            |writer| {
                let told = writer.team_changed(&event_id(), change, by, changed);
                Ok(if writer.world.teams[changed].bot {
                    vec![told]
                } else {
                    Vec::new()
                })
            },
        )
        .await
    }

    // ---- without telling ----

    /// A person blocks the bot (or stops blocking it): sends to the chat are refused with `MessageWritesBlocked`.
    ///
    /// # Errors
    /// [`Failure::Unknown`].
    pub fn set_blocked(&self, name: &str, blocked: bool) -> Result<(), Failure> {
        let mut state = self.shared.state();
        let who = person(&state.world, name)?;
        state.world.people[who].blocked = blocked;
        self.shared.show([Change::world()]);
        Ok(())
    }

    /// The bot is in this conversation (or not), and nobody told it: as after an outage, or an install before the
    /// bot ran.
    ///
    /// # Errors
    /// [`Failure::Unknown`].
    pub fn place_silently(&self, name: &str, there: bool) -> Result<(), Failure> {
        let mut state = self.shared.state();
        let place = place(&state.world, name)?;
        put_bot(&mut state.world, place, there);
        self.shared.show([Change::world()]);
        Ok(())
    }

    /// The conversation's history was removed: the connector says it is not found until it is opened again.
    ///
    /// # Errors
    /// [`Failure::Unknown`].
    pub fn forget_silently(&self, name: &str) -> Result<(), Failure> {
        let mut state = self.shared.state();
        let place = place(&state.world, name)?;
        let id = state.world.id(place).to_owned();
        state.world.gone.insert(id);
        Ok(())
    }
}

/// Puts the bot there or takes it away; false when that changes nothing.
/// Where the bot is installed when Teams in a box settles in.
fn homes(world: &World) -> Vec<Place> {
    let people = seed::WITH_THE_BOT
        .iter()
        .filter_map(|name| world.person_called(name).map(Place::Personal));
    let team = world.team_called(seed::TEAM).map(|team| Place::Channel(team, 0));
    let chat = world.chat_called(seed::CHAT).map(Place::Group);
    team.into_iter().chain(chat).chain(people).collect()
}

fn put_bot(world: &mut World, place: Place, there: bool) -> bool {
    let bot = match place {
        Place::Personal(person) => {
            world.people[person].opened = there;
            &mut world.people[person].installed
        }
        Place::Group(chat) => &mut world.chats[chat].bot,
        Place::Channel(team, _) => &mut world.teams[team].bot,
    };
    let changed = std::mem::replace(bot, there) != there;
    if there {
        let id = world.id(place).to_owned();
        world.gone.remove(&id);
    }
    changed
}

/// The line in a conversation that says who added or removed the bot.
fn note(world: &mut World, place: Place, by: usize, joined: bool, now: DateTime<Utc>) {
    let (who, bot) = (&world.people[by].name, &world.bot_name);
    let text = match (place, joined) {
        (Place::Personal(_), true) => format!("{who} installed {bot}"),
        (Place::Personal(_), false) => format!("{who} removed {bot}"),
        (Place::Group(_), true) => format!("{who} added {bot} to the chat"),
        (Place::Group(_), false) => format!("{who} removed {bot} from the chat"),
        (Place::Channel(..), true) => format!("{who} added {bot} to the team"),
        (Place::Channel(..), false) => format!("{who} removed {bot} from the team"),
    };
    let place = match place {
        Place::Channel(team, _) => Place::Channel(team, 0),
        Place::Personal(_) | Place::Group(_) => place,
    };
    let id = world.next_id(now);
    let activity = json!({"type": "note", "text": text});
    world.add_message(
        place,
        Message {
            id,
            author: Author::Teams,
            at: now,
            activity,
            root: None,
            edited: false,
        },
    );
}
