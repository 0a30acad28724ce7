//! Teams and their channels.

use herald::audience::PlaceRef;
use herald::roster::{Channel, Conversation, ConversationKind, Fact, Team};

use super::{chat_by_id, everything, learn, roster_of, team_of, teams};
use crate::support::store::{
    ALERTS, BOT, EMEA, Place, TEAM, at, channel, conversation, person, promised, roster, team,
};

promised! {
    a_thread_of_a_channel_is_the_channel,
    a_team_is_found_by_its_id_its_group_its_channels_and_its_name,
    general_is_always_there_without_a_name,
    a_team_installed_into_another_channel_is_still_removed_by_its_own_id,
    a_team_filed_under_a_channel_goes_when_teams_tells_whose_channel_it_is,
    a_renamed_team_is_found_by_its_new_name_only,
    an_archived_team_stays_archived_until_it_is_told_otherwise,
    channels_come_go_are_renamed_and_come_back,
    a_channel_missing_from_the_whole_list_counts_as_deleted,
    an_empty_channel_list_erases_nothing,
    a_channel_named_by_an_activity_brings_its_team_back_into_a_lost_store,
}

async fn a_thread_of_a_channel_is_the_channel(place: &dyn Place) {
    let directory = place.open().directory;
    let mut operations = team(&format!("{TEAM};messageid=1772440000001"), "Operations", at(0));
    operations.channels = vec![channel(&format!("{ALERTS};messageid=5"), "Alerts")];
    learn(&*directory, [Fact::TeamSeen(operations)]).await;
    let known = team_of(&*directory, TEAM).await.expect("the team under its bare id");
    assert_eq!(known.channels.len(), 2);
    assert_eq!(
        team_of(&*directory, &format!("{ALERTS};messageid=7")).await,
        Some(known)
    );
}

async fn a_team_is_found_by_its_id_its_group_its_channels_and_its_name(place: &dyn Place) {
    let directory = place.open().directory;
    let mut operations = team(TEAM, "Operations", at(0));
    operations.selected_channel = Some("19:picked@thread.tacv2".to_owned());
    operations.channels = vec![channel(ALERTS, "Alerts")];
    learn(&*directory, [Fact::TeamSeen(operations)]).await;
    let known = team_of(&*directory, TEAM).await.expect("the team");
    for wanted in [
        PlaceRef::Id(ALERTS.to_owned()),
        PlaceRef::Id("19:picked@thread.tacv2".to_owned()),
        PlaceRef::Id("2F6A9D0C-71b4-4b1e-8a55-90d7c3e4f511".to_owned()),
        PlaceRef::Name("OPERATIONS".to_owned()),
    ] {
        assert_eq!(
            teams(&*directory, wanted.clone()).await,
            std::slice::from_ref(&known),
            "{wanted:?}"
        );
    }
    assert_eq!(chat_by_id(&*directory, ALERTS).await, None, "a channel is no chat");
}

async fn general_is_always_there_without_a_name(place: &dyn Place) {
    let directory = place.open().directory;
    let mut operations = team(TEAM, "Operations", at(0));
    operations.channels = vec![channel(TEAM, "General"), channel(ALERTS, "Alerts")];
    learn(
        &*directory,
        [
            Fact::TeamSeen(operations),
            Fact::TeamSeen(team("19:b@thread.tacv2", "B", at(0))),
        ],
    )
    .await;
    for id in [TEAM, "19:b@thread.tacv2"] {
        let general = Channel {
            id: id.to_owned(),
            name: None,
            deleted: false,
        };
        assert_eq!(team_of(&*directory, id).await.expect("the team").channels[0], general);
    }
}

async fn a_team_installed_into_another_channel_is_still_removed_by_its_own_id(place: &dyn Place) {
    let directory = place.open().directory;
    let mut operations = team(TEAM, "Operations", at(0));
    operations.selected_channel = Some(ALERTS.to_owned());
    let facts = [
        Fact::TeamSeen(operations),
        Fact::RosterFetched(roster(TEAM, vec![person("Anna Berg")], at(0))),
        Fact::TeamGone { id: TEAM.to_owned() },
    ];
    learn(&*directory, facts).await;
    for id in [TEAM, ALERTS, "2f6a9d0c-71b4-4b1e-8a55-90d7c3e4f511"] {
        assert_eq!(team_of(&*directory, id).await, None);
    }
    assert_eq!(teams(&*directory, PlaceRef::Name("Operations".to_owned())).await, []);
    assert_eq!(roster_of(&*directory, TEAM).await, None);
}

async fn a_team_filed_under_a_channel_goes_when_teams_tells_whose_channel_it_is(place: &dyn Place) {
    let directory = place.open().directory;
    let stand_in = Team {
        name: None,
        aad_group_id: None,
        ..team(ALERTS, "", at(0))
    };
    learn(&*directory, [Fact::TeamSeen(stand_in)]).await;
    assert_eq!(team_of(&*directory, ALERTS).await.expect("the stand-in").id, ALERTS);
    let mut real = team(TEAM, "Operations", at(1));
    real.selected_channel = Some(ALERTS.to_owned());
    learn(&*directory, [Fact::TeamSeen(real)]).await;
    assert_eq!(team_of(&*directory, ALERTS).await.expect("the team").id, TEAM);
    assert_eq!(everything(&*directory).await.len(), 1);
}

async fn a_renamed_team_is_found_by_its_new_name_only(place: &dyn Place) {
    let directory = place.open().directory;
    learn(&*directory, [Fact::TeamSeen(team(TEAM, "Operations", at(0)))]).await;
    let (id, name) = (TEAM.to_owned(), "Platform".to_owned());
    learn(&*directory, [Fact::TeamRenamed { id, name }]).await;
    assert_eq!(teams(&*directory, PlaceRef::Name("Operations".to_owned())).await, []);
    assert_eq!(teams(&*directory, PlaceRef::Name("platform".to_owned())).await.len(), 1);
    learn(
        &*directory,
        [Fact::TeamSeen(team("19:b@thread.tacv2", "Operations", at(1)))],
    )
    .await;
    let found = teams(&*directory, PlaceRef::Name("Operations".to_owned())).await;
    assert_eq!(
        found.iter().map(|team| team.id.as_str()).collect::<Vec<_>>(),
        ["19:b@thread.tacv2"]
    );
}

async fn an_archived_team_stays_archived_until_it_is_told_otherwise(place: &dyn Place) {
    let directory = place.open().directory;
    let archived = |archived| Fact::TeamArchived {
        id: TEAM.to_owned(),
        archived,
    };
    let seen = |seconds| Fact::TeamSeen(team(TEAM, "Operations", at(seconds)));
    learn(&*directory, [seen(0), archived(true), seen(1)]).await;
    assert!(team_of(&*directory, TEAM).await.expect("the team").archived);
    learn(&*directory, [archived(false), seen(2)]).await;
    assert!(!team_of(&*directory, TEAM).await.expect("the team").archived);
}

async fn channels_come_go_are_renamed_and_come_back(place: &dyn Place) {
    let directory = place.open().directory;
    let seen = |name: Option<&str>| Fact::ChannelSeen {
        team_id: TEAM.to_owned(),
        channel: Channel {
            id: ALERTS.to_owned(),
            name: name.map(str::to_owned),
            deleted: false,
        },
    };
    let gone = Fact::ChannelGone {
        team_id: TEAM.to_owned(),
        channel_id: ALERTS.to_owned(),
    };
    let alerts = || async { team_of(&*directory, TEAM).await.expect("the team").channels[1].clone() };
    learn(
        &*directory,
        [Fact::TeamSeen(team(TEAM, "Operations", at(0))), seen(Some("Alerts"))],
    )
    .await;
    assert_eq!(alerts().await, channel(ALERTS, "Alerts"));
    learn(&*directory, [seen(Some("Alarms"))]).await;
    assert_eq!(alerts().await, channel(ALERTS, "Alarms"));
    learn(&*directory, [gone]).await;
    let deleted = Channel {
        deleted: true,
        ..channel(ALERTS, "Alarms")
    };
    assert_eq!(
        alerts().await,
        deleted,
        "kept, so that rules that name it fail with a reason"
    );
    learn(&*directory, [seen(None)]).await;
    assert_eq!(
        alerts().await,
        channel(ALERTS, "Alarms"),
        "restored, under the name it had"
    );
}

async fn a_channel_missing_from_the_whole_list_counts_as_deleted(place: &dyn Place) {
    let directory = place.open().directory;
    let mut operations = team(TEAM, "Operations", at(0));
    operations.channels = vec![channel(ALERTS, "Alerts"), channel("19:old@thread.tacv2", "Old")];
    let fetched = Fact::ChannelsFetched {
        team_id: TEAM.to_owned(),
        channels: vec![channel(ALERTS, "Alerts"), channel("19:new@thread.tacv2", "New")],
        at: at(9),
    };
    learn(&*directory, [Fact::TeamSeen(operations), fetched]).await;
    let known = team_of(&*directory, TEAM).await.expect("the team");
    assert_eq!(known.channels_fetched_at, Some(at(9)));
    let told: Vec<_> = known
        .channels
        .iter()
        .map(|channel| (channel.name.as_deref(), channel.deleted))
        .collect();
    assert_eq!(
        told,
        [
            (None, false),
            (Some("Alerts"), false),
            (Some("Old"), true),
            (Some("New"), false)
        ]
    );
}

async fn an_empty_channel_list_erases_nothing(place: &dyn Place) {
    let directory = place.open().directory;
    let mut operations = team(TEAM, "Operations", at(0));
    operations.channels = vec![channel(ALERTS, "Alerts")];
    learn(
        &*directory,
        [
            Fact::TeamSeen(operations),
            Fact::TeamSeen(team(TEAM, "Operations", at(1))),
        ],
    )
    .await;
    assert_eq!(team_of(&*directory, TEAM).await.expect("the team").channels.len(), 2);
}

async fn a_channel_named_by_an_activity_brings_its_team_back_into_a_lost_store(place: &dyn Place) {
    let directory = place.open().directory;
    let seen = Conversation {
        team_id: Some(TEAM.to_owned()),
        name: Some("Alerts".to_owned()),
        ..conversation(ALERTS, ConversationKind::Channel, at(0))
    };
    learn(&*directory, [Fact::ConversationSeen(seen)]).await;
    let known = team_of(&*directory, ALERTS).await.expect("the team");
    assert_eq!(
        (known.id.as_str(), known.service_url.as_str(), known.bot_id.as_str()),
        (TEAM, EMEA, BOT)
    );
    assert_eq!(known.channels[1], channel(ALERTS, "Alerts"));
    assert_eq!(chat_by_id(&*directory, ALERTS).await, None);
}
