//! What every directory promises. Written over the trait alone, so that another store can be held to it.
mod chats;
mod choices;
mod people;
mod refusals;
mod rosters;
mod teams;
mod whole;

use herald::audience::{Found, Lookup, PersonRef, PlaceRef};
use herald::roster::{Blocked, Conversation, ConversationId, Fact, Person, Roster, Team};
use herald::store::Directory;
use herald::store::directory::Entry;

use crate::support::store::{
    ALERTS, GROUP, TEAM, account, at, channel, group_chat, person, personal_chat, roster, team,
};

async fn learn(directory: &dyn Directory, facts: impl IntoIterator<Item = Fact>) {
    let facts: Vec<Fact> = facts.into_iter().collect();
    directory.learn(&facts).await.expect("learn");
}

async fn people(directory: &dyn Directory, wanted: PersonRef) -> Vec<Person> {
    match directory.look_up(&Lookup::Person(wanted)).await.expect("look up") {
        Found::People(people) => people,
        other => panic!("asked for people, got {other:?}"),
    }
}

async fn named(directory: &dyn Directory, name: &str) -> Vec<Person> {
    people(directory, PersonRef::Name(name.to_owned())).await
}

async fn teams(directory: &dyn Directory, wanted: PlaceRef) -> Vec<Team> {
    match directory.look_up(&Lookup::Team(wanted)).await.expect("look up") {
        Found::Teams(teams) => teams,
        other => panic!("asked for teams, got {other:?}"),
    }
}

async fn team_of(directory: &dyn Directory, id: &str) -> Option<Team> {
    teams(directory, PlaceRef::Id(id.to_owned())).await.pop()
}

async fn group_chats(directory: &dyn Directory, wanted: PlaceRef) -> Vec<Conversation> {
    match directory.look_up(&Lookup::GroupChat(wanted)).await.expect("look up") {
        Found::GroupChats(chats) => chats,
        other => panic!("asked for group chats, got {other:?}"),
    }
}

async fn chat(directory: &dyn Directory, lookup: Lookup) -> Option<Conversation> {
    match directory.look_up(&lookup).await.expect("look up") {
        Found::Conversation(chat) => chat,
        other => panic!("asked for a conversation, got {other:?}"),
    }
}

async fn chat_by_id(directory: &dyn Directory, id: &str) -> Option<Conversation> {
    chat(directory, Lookup::Conversation(ConversationId::new(id))).await
}

async fn chat_with(directory: &dyn Directory, person: &str) -> Option<Conversation> {
    chat(directory, Lookup::PersonalChat(person.to_owned())).await
}

async fn roster_of(directory: &dyn Directory, id: &str) -> Option<Roster> {
    match directory
        .look_up(&Lookup::Roster(id.to_owned()))
        .await
        .expect("look up")
    {
        Found::Roster(roster) => roster,
        other => panic!("asked for a roster, got {other:?}"),
    }
}

async fn everything(directory: &dyn Directory) -> Vec<(String, Entry)> {
    directory.list(None, 10_000).await.expect("list")
}

fn every_fact() -> Vec<Fact> {
    let mut with_channels = team(TEAM, "Operations", at(0));
    with_channels.selected_channel = Some(ALERTS.to_owned());
    with_channels.channels = vec![channel(ALERTS, "Alerts")];
    vec![
        Fact::PersonSeen(person("Anna Berg")),
        Fact::PersonSeen(person("Omar Haddad")),
        Fact::PersonSeen(person("Paul Kern")),
        Fact::ConversationSeen(personal_chat("a:1anna", account("Anna Berg"), at(0))),
        Fact::ConversationSeen(group_chat(GROUP, "Finance Room", at(1))),
        Fact::ConversationSeen(group_chat("19:gone@thread.v2", "Gone", at(1))),
        Fact::ConversationGone {
            id: ConversationId::new("19:gone@thread.v2"),
        },
        Fact::TeamSeen(with_channels),
        Fact::TeamSeen(team("19:other@thread.tacv2", "Other", at(2))),
        Fact::TeamGone {
            id: "19:other@thread.tacv2".to_owned(),
        },
        Fact::TeamRenamed {
            id: TEAM.to_owned(),
            name: "Platform Operations".to_owned(),
        },
        Fact::TeamArchived {
            id: TEAM.to_owned(),
            archived: true,
        },
        Fact::ChannelSeen {
            team_id: TEAM.to_owned(),
            channel: channel("19:deploy@thread.tacv2", "Deployments"),
        },
        Fact::ChannelGone {
            team_id: TEAM.to_owned(),
            channel_id: "19:deploy@thread.tacv2".to_owned(),
        },
        Fact::ChannelsFetched {
            team_id: TEAM.to_owned(),
            channels: vec![channel(ALERTS, "Alarms"), channel("19:new@thread.tacv2", "New")],
            at: at(5),
        },
        Fact::RosterFetched(roster(
            TEAM,
            vec![person("Anna Berg"), person("Omar Haddad"), person("Paul Kern")],
            at(6),
        )),
        Fact::AppRemoved {
            id: "omar-object".to_owned(),
            at: at(6),
        },
        Fact::AppThere {
            id: "29:1omar".to_owned(),
        },
        Fact::RosterChanged {
            id: TEAM.to_owned(),
            left: vec!["29:1omar".to_owned()],
        },
        Fact::PersonGone {
            id: "paul-object".to_owned(),
        },
        Fact::Blocked {
            id: ConversationId::new("a:1anna"),
            blocked: Blocked {
                since: at(7),
                code: "MessageWritesBlocked".to_owned(),
            },
        },
        Fact::HostMoved {
            tenant_id: "t".to_owned(),
            id: ConversationId::new(GROUP),
            service_url: "https://smba.infra.gcc.teams.microsoft.com/teams/".to_owned(),
        },
        Fact::RostersInDoubt,
        Fact::Refused(refusals::row("a:1anna", "dl_1", at(8))),
        Fact::Missed {
            id: "a:1anna".to_owned(),
            delivery: "dl_2".to_owned(),
            at: at(9),
        },
        Fact::Reached {
            id: "a:1anna".to_owned(),
        },
    ]
}
