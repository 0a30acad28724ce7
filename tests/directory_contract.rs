//! What every directory promises. Written over the trait alone, so that another store can be held to it.

use herald::audience::{Found, Lookup, PersonRef, PlaceRef};
use herald::roster::{Blocked, Channel, Conversation, ConversationId, ConversationKind, Fact, Person, Roster, Team};
use herald::store::directory::Entry;
use herald::store::{Directory, StoreError};

use crate::support::store::{
    ALERTS, BOT, EMEA, GROUP, Place, TEAM, TENANT, account, at, channel, conversation, group_chat, person,
    personal_chat, promised, roster, team,
};

promised! {
    what_was_learnt_is_there_after_reopening,
    every_fact_applied_twice_is_applied_once,
    a_person_is_found_by_each_id_mail_sign_in_name_and_name_whatever_their_case,
    two_people_of_one_name_are_both_found,
    a_fact_that_leaves_a_field_out_erases_nothing,
    one_human_told_by_object_id_and_by_account_id_is_one_person,
    an_account_id_that_moved_to_somebody_else_leads_there,
    a_name_that_was_given_up_leads_nowhere_and_may_be_taken_by_another,
    a_person_without_any_id_is_not_kept,
    a_personal_chat_is_found_by_either_id_of_the_person,
    of_two_personal_chats_the_one_that_is_not_blocked_and_was_heard_from_last_is_used,
    a_chat_that_is_seen_again_keeps_when_it_was_first_seen_and_takes_the_new_service_address,
    a_block_is_kept_from_its_first_refusal_and_lifted_when_the_person_is_seen_again,
    a_thread_of_a_channel_is_the_channel,
    a_chat_that_is_gone_is_forgotten_with_its_roster,
    a_group_chat_is_found_by_id_and_by_name_and_is_no_team,
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
    facts_about_what_is_not_known_change_nothing,
    a_roster_comes_back_whole_in_order_and_makes_its_people_known,
    a_roster_shows_what_was_learnt_about_its_members_since,
    those_who_left_are_out_of_the_roster_at_once_and_it_is_stale,
    a_roster_fetched_again_is_fresh_and_shorter,
    a_deleted_person_is_gone_everywhere,
    a_roster_with_a_forgotten_member_is_stale,
    all_facts_of_one_call_count_in_their_order,
    everything_is_listed_in_pages_in_a_stable_order,
    an_export_read_into_an_empty_store_is_the_same_store,
    an_imported_entry_replaces_the_one_with_its_key,
    anything_can_be_forgotten_by_its_id_or_its_place_in_the_list,
    a_store_belongs_to_one_bot,
    an_unknown_name_is_an_empty_answer,
    names_in_any_script_and_of_any_length_are_found,
}

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

/// One fact of each kind, in an order in which each has something to change.
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
    ]
}

async fn what_was_learnt_is_there_after_reopening(place: &dyn Place) {
    let learnt = {
        let directory = place.open().directory;
        learn(&*directory, every_fact()).await;
        everything(&*directory).await
    };
    assert_eq!(
        learnt.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
        [
            format!("conversation/{GROUP}"),
            "conversation/a:1anna".to_owned(),
            "person/anna-object".to_owned(),
            "person/omar-object".to_owned(),
            format!("roster/{TEAM}"),
            format!("team/{TEAM}"),
        ]
    );
    assert_eq!(everything(&*place.open().directory).await, learnt);
}

async fn every_fact_applied_twice_is_applied_once(place: &dyn Place) {
    let directory = place.open().directory;
    for fact in every_fact() {
        learn(&*directory, [fact.clone()]).await;
        let once = everything(&*directory).await;
        learn(&*directory, [fact.clone()]).await;
        assert_eq!(everything(&*directory).await, once, "{fact:?}");
    }
    let once = everything(&*directory).await;
    learn(&*directory, every_fact()).await;
    assert_eq!(everything(&*directory).await, once);
}

async fn a_person_is_found_by_each_id_mail_sign_in_name_and_name_whatever_their_case(place: &dyn Place) {
    let directory = place.open().directory;
    let anna = person("Anna Berg");
    learn(
        &*directory,
        [Fact::PersonSeen(anna.clone()), Fact::PersonSeen(person("Omar Haddad"))],
    )
    .await;
    for wanted in [
        PersonRef::AadObjectId("anna-object".to_owned()),
        PersonRef::AadObjectId("ANNA-Object".to_owned()),
        PersonRef::AccountId("29:1anna".to_owned()),
        PersonRef::Email("anna@contoso.example".to_owned()),
        PersonRef::Email("Anna.Mail@Contoso.Example".to_owned()),
        PersonRef::Name("anna berg".to_owned()),
        PersonRef::Name(" ANNA BERG ".to_owned()),
    ] {
        assert_eq!(
            people(&*directory, wanted.clone()).await,
            std::slice::from_ref(&anna),
            "{wanted:?}"
        );
    }
    // Account ids are told apart by case.
    assert_eq!(
        people(&*directory, PersonRef::AccountId("29:1ANNA".to_owned())).await,
        []
    );
}

async fn two_people_of_one_name_are_both_found(place: &dyn Place) {
    let directory = place.open().directory;
    let mut other = person("Annabel Berg");
    other.name = Some("Anna Berg".to_owned());
    learn(
        &*directory,
        [Fact::PersonSeen(person("Anna Berg")), Fact::PersonSeen(other)],
    )
    .await;
    assert_eq!(named(&*directory, "Anna Berg").await.len(), 2);
}

async fn a_fact_that_leaves_a_field_out_erases_nothing(place: &dyn Place) {
    let directory = place.open().directory;
    let anna = person("Anna Berg");
    learn(&*directory, [Fact::PersonSeen(anna.clone())]).await;
    let mut bare = account("Anna Berg");
    bare.tenant_id = String::new();
    bare.locale = Some("de-DE".to_owned());
    learn(&*directory, [Fact::PersonSeen(bare)]).await;
    let expected = Person {
        locale: Some("de-DE".to_owned()),
        ..anna
    };
    assert_eq!(named(&*directory, "Anna Berg").await, [expected]);

    let mut installed = team(TEAM, "Operations", at(0));
    installed.installed_by = Some("anna-object".to_owned());
    installed.selected_channel = Some(ALERTS.to_owned());
    installed.channels_fetched_at = Some(at(0));
    learn(&*directory, [Fact::TeamSeen(installed.clone())]).await;
    let mention = Team {
        name: None,
        aad_group_id: None,
        tenant_id: String::new(),
        ..team(TEAM, "", at(5))
    };
    learn(&*directory, [Fact::TeamSeen(mention)]).await;
    let known = team_of(&*directory, TEAM).await.expect("the team");
    assert_eq!(
        (known.name, known.aad_group_id),
        (installed.name, installed.aad_group_id)
    );
    assert_eq!(
        (known.tenant_id, known.installed_by),
        (installed.tenant_id, installed.installed_by)
    );
    assert_eq!((known.first_seen, known.last_seen), (at(0), at(5)));
    assert_eq!(
        (known.selected_channel, known.channels_fetched_at),
        (Some(ALERTS.to_owned()), Some(at(0)))
    );

    learn(
        &*directory,
        [Fact::ConversationSeen(group_chat(GROUP, "Finance Room", at(0)))],
    )
    .await;
    let nameless = conversation(GROUP, ConversationKind::GroupChat, at(1));
    learn(&*directory, [Fact::ConversationSeen(nameless)]).await;
    assert_eq!(
        chat_by_id(&*directory, GROUP).await.expect("the chat").name.as_deref(),
        Some("Finance Room")
    );
}

async fn one_human_told_by_object_id_and_by_account_id_is_one_person(place: &dyn Place) {
    let directory = place.open().directory;
    let by_object = Person {
        aad_object_id: Some("Anna-OBJECT".to_owned()),
        email: Some("anna@contoso.example".to_owned()),
        ..Person::default()
    };
    let by_account = Person {
        account_id: Some("29:1anna".to_owned()),
        name: Some("Anna Berg".to_owned()),
        ..Person::default()
    };
    learn(&*directory, [Fact::PersonSeen(by_object), Fact::PersonSeen(by_account)]).await;
    learn(
        &*directory,
        [Fact::ConversationSeen(personal_chat(
            "a:1anna",
            account("Anna Berg"),
            at(0),
        ))],
    )
    .await;
    let found = named(&*directory, "anna berg").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].aad_object_id.as_deref(), Some("anna-object"));
    assert_eq!(found[0].email.as_deref(), Some("anna@contoso.example"));
    assert_eq!(found[0].tenant_id, TENANT);
    let persons = everything(&*directory)
        .await
        .into_iter()
        .filter(|(_, entry)| matches!(entry, Entry::Person(_)));
    assert_eq!(persons.count(), 1);
    assert_eq!(
        people(&*directory, PersonRef::AccountId("29:1anna".to_owned())).await,
        found
    );
}

async fn an_account_id_that_moved_to_somebody_else_leads_there(place: &dyn Place) {
    let directory = place.open().directory;
    let mut omar = person("Omar Haddad");
    learn(
        &*directory,
        [Fact::PersonSeen(person("Anna Berg")), Fact::PersonSeen(omar.clone())],
    )
    .await;
    omar.account_id = Some("29:1anna".to_owned());
    learn(&*directory, [Fact::PersonSeen(omar.clone())]).await;
    assert_eq!(
        people(&*directory, PersonRef::AccountId("29:1anna".to_owned())).await,
        [omar]
    );
    assert_eq!(named(&*directory, "Anna Berg").await[0].account_id, None);
    assert_eq!(
        people(&*directory, PersonRef::AccountId("29:1omar".to_owned())).await,
        []
    );
}

async fn a_name_that_was_given_up_leads_nowhere_and_may_be_taken_by_another(place: &dyn Place) {
    let directory = place.open().directory;
    let mut anna = person("Anna Berg");
    learn(&*directory, [Fact::PersonSeen(anna.clone())]).await;
    anna.name = Some("Anna Lind".to_owned());
    anna.email = Some("lind@contoso.example".to_owned());
    learn(&*directory, [Fact::PersonSeen(anna.clone())]).await;
    assert_eq!(named(&*directory, "Anna Berg").await, []);
    assert_eq!(
        people(&*directory, PersonRef::Email("anna.mail@contoso.example".to_owned())).await,
        []
    );

    let mut newcomer = person("Bella Berg");
    newcomer.name = Some("Anna Berg".to_owned());
    learn(&*directory, [Fact::PersonSeen(newcomer.clone())]).await;
    assert_eq!(named(&*directory, "Anna Berg").await, [newcomer]);
    assert_eq!(named(&*directory, "Anna Lind").await, [anna]);
}

async fn a_person_without_any_id_is_not_kept(place: &dyn Place) {
    let directory = place.open().directory;
    let nobody = Person {
        name: Some("Nobody".to_owned()),
        account_id: Some(" ".to_owned()),
        ..Person::default()
    };
    learn(&*directory, [Fact::PersonSeen(nobody)]).await;
    assert_eq!(everything(&*directory).await, []);
}

async fn a_personal_chat_is_found_by_either_id_of_the_person(place: &dyn Place) {
    let directory = place.open().directory;
    let only_account = Person {
        aad_object_id: None,
        ..account("Anna Berg")
    };
    learn(
        &*directory,
        [Fact::ConversationSeen(personal_chat("a:1anna", only_account, at(0)))],
    )
    .await;
    assert_eq!(chat_with(&*directory, "anna-object").await, None);
    assert_eq!(
        chat_with(&*directory, "29:1anna").await.expect("the chat").id.as_str(),
        "a:1anna"
    );
    // A roster tells the rest.
    learn(
        &*directory,
        [Fact::RosterFetched(roster(TEAM, vec![person("Anna Berg")], at(1)))],
    )
    .await;
    for id in ["anna-object", "29:1anna"] {
        let chat = chat_with(&*directory, id).await.expect("the chat");
        assert_eq!(
            chat.person,
            Some(person("Anna Berg")),
            "the chat shows what is known of its person"
        );
    }
    assert_eq!(chat_with(&*directory, "omar-object").await, None);
}

async fn of_two_personal_chats_the_one_that_is_not_blocked_and_was_heard_from_last_is_used(place: &dyn Place) {
    let directory = place.open().directory;
    let chat_seen = |id: &str, seconds| Fact::ConversationSeen(personal_chat(id, account("Anna Berg"), at(seconds)));
    learn(&*directory, [chat_seen("a:new", 10), chat_seen("a:old", 0)]).await;
    let used = || async {
        chat_with(&*directory, "anna-object")
            .await
            .expect("a chat")
            .id
            .as_str()
            .to_owned()
    };
    assert_eq!(used().await, "a:new");
    let blocked = Blocked {
        since: at(20),
        code: "MessageWritesBlocked".to_owned(),
    };
    let id = ConversationId::new("a:new");
    learn(&*directory, [Fact::Blocked { id, blocked }]).await;
    assert_eq!(used().await, "a:old");
}

async fn a_chat_that_is_seen_again_keeps_when_it_was_first_seen_and_takes_the_new_service_address(place: &dyn Place) {
    let directory = place.open().directory;
    let mut chat = personal_chat("a:1", account("Anna Berg"), at(0));
    chat.installed_by = Some("anna-object".to_owned());
    learn(&*directory, [Fact::ConversationSeen(chat)]).await;
    let mut again = conversation("a:1", ConversationKind::Personal, at(90));
    again.service_url = "https://smba.trafficmanager.net/amer/".to_owned();
    learn(&*directory, [Fact::ConversationSeen(again)]).await;
    let known = chat_by_id(&*directory, "a:1").await.expect("the chat");
    assert_eq!((known.first_seen, known.last_seen), (at(0), at(90)));
    assert_eq!(known.service_url, "https://smba.trafficmanager.net/amer/");
    assert_eq!(known.installed_by.as_deref(), Some("anna-object"));
    assert_eq!(known.person, Some(account("Anna Berg")));
    // What comes late is no reason to look older.
    learn(
        &*directory,
        [Fact::ConversationSeen(conversation(
            "a:1",
            ConversationKind::Personal,
            at(50),
        ))],
    )
    .await;
    assert_eq!(
        chat_by_id(&*directory, "a:1").await.expect("the chat").last_seen,
        at(90)
    );
}

async fn a_block_is_kept_from_its_first_refusal_and_lifted_when_the_person_is_seen_again(place: &dyn Place) {
    let directory = place.open().directory;
    let seen = Fact::ConversationSeen(personal_chat("a:1", account("Anna Berg"), at(0)));
    let refused = |seconds| Fact::Blocked {
        id: ConversationId::new("a:1"),
        blocked: Blocked {
            since: at(seconds),
            code: "MessageWritesBlocked".to_owned(),
        },
    };
    learn(&*directory, [seen.clone(), refused(10), refused(20)]).await;
    let blocked = chat_by_id(&*directory, "a:1")
        .await
        .expect("the chat")
        .blocked
        .expect("it is blocked");
    assert_eq!((blocked.since, blocked.code.as_str()), (at(10), "MessageWritesBlocked"));
    learn(&*directory, [seen]).await;
    assert_eq!(chat_by_id(&*directory, "a:1").await.expect("the chat").blocked, None);
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

async fn a_chat_that_is_gone_is_forgotten_with_its_roster(place: &dyn Place) {
    let directory = place.open().directory;
    let facts = [
        Fact::ConversationSeen(group_chat(GROUP, "Finance Room", at(0))),
        Fact::RosterFetched(roster(GROUP, vec![person("Anna Berg")], at(0))),
        Fact::ConversationGone {
            id: ConversationId::new(GROUP),
        },
    ];
    learn(&*directory, facts).await;
    assert_eq!(chat_by_id(&*directory, GROUP).await, None);
    assert_eq!(
        group_chats(&*directory, PlaceRef::Name("Finance Room".to_owned())).await,
        []
    );
    assert_eq!(roster_of(&*directory, GROUP).await, None);
    assert_eq!(
        named(&*directory, "Anna Berg").await.len(),
        1,
        "its people are still people"
    );
}

async fn a_group_chat_is_found_by_id_and_by_name_and_is_no_team(place: &dyn Place) {
    let directory = place.open().directory;
    let chat = group_chat(GROUP, "Finance Room", at(0));
    learn(&*directory, [Fact::ConversationSeen(chat.clone())]).await;
    assert_eq!(
        group_chats(&*directory, PlaceRef::Id(GROUP.to_owned())).await,
        std::slice::from_ref(&chat)
    );
    assert_eq!(
        group_chats(&*directory, PlaceRef::Name("finance ROOM".to_owned())).await,
        [chat]
    );
    assert_eq!(teams(&*directory, PlaceRef::Name("Finance Room".to_owned())).await, []);
    learn(
        &*directory,
        [Fact::ConversationSeen(personal_chat(
            "a:1",
            account("Anna Berg"),
            at(0),
        ))],
    )
    .await;
    assert_eq!(group_chats(&*directory, PlaceRef::Id("a:1".to_owned())).await, []);
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

async fn facts_about_what_is_not_known_change_nothing(place: &dyn Place) {
    let directory = place.open().directory;
    let facts = every_fact().into_iter().filter(|fact| match fact {
        Fact::ConversationSeen(_) | Fact::TeamSeen(_) | Fact::PersonSeen(_) | Fact::RosterFetched(_) => false,
        Fact::ConversationGone { .. }
        | Fact::TeamGone { .. }
        | Fact::TeamRenamed { .. }
        | Fact::TeamArchived { .. }
        | Fact::ChannelSeen { .. }
        | Fact::ChannelGone { .. }
        | Fact::ChannelsFetched { .. }
        | Fact::PersonGone { .. }
        | Fact::RosterChanged { .. }
        | Fact::Blocked { .. } => true,
    });
    learn(&*directory, facts).await;
    assert_eq!(everything(&*directory).await, []);
}

async fn a_roster_comes_back_whole_in_order_and_makes_its_people_known(place: &dyn Place) {
    let directory = place.open().directory;
    let members: Vec<Person> = (0..600)
        .rev()
        .map(|number| person(&format!("P{number} Member")))
        .collect();
    let whole = roster(TEAM, members, at(0));
    learn(&*directory, [Fact::RosterFetched(whole.clone())]).await;
    assert_eq!(roster_of(&*directory, TEAM).await, Some(whole));
    assert_eq!(named(&*directory, "p7 member").await, [person("P7 Member")]);
    assert_eq!(roster_of(&*directory, GROUP).await, None);
}

async fn a_roster_shows_what_was_learnt_about_its_members_since(place: &dyn Place) {
    let directory = place.open().directory;
    let by_account = Person {
        aad_object_id: None,
        ..account("Anna Berg")
    };
    learn(
        &*directory,
        [Fact::RosterFetched(roster(TEAM, vec![by_account], at(0)))],
    )
    .await;
    learn(&*directory, [Fact::PersonSeen(person("Anna Berg"))]).await;
    let known = roster_of(&*directory, TEAM).await.expect("the roster");
    assert_eq!((known.members, known.stale), (vec![person("Anna Berg")], false));
}

async fn those_who_left_are_out_of_the_roster_at_once_and_it_is_stale(place: &dyn Place) {
    let directory = place.open().directory;
    let members = ["Anna Berg", "Omar Haddad", "Paul Kern", "Mona Lind"]
        .map(person)
        .to_vec();
    learn(&*directory, [Fact::RosterFetched(roster(TEAM, members, at(0)))]).await;
    let (id, left) = (TEAM.to_owned(), vec!["29:1omar".to_owned(), "paul-object".to_owned()]);
    learn(&*directory, [Fact::RosterChanged { id, left }]).await;
    let known = roster_of(&*directory, TEAM).await.expect("the roster");
    assert_eq!(known.members, ["Anna Berg", "Mona Lind"].map(person));
    assert!(known.stale);
    assert_eq!(known.fetched_at, at(0));
}

async fn a_roster_fetched_again_is_fresh_and_shorter(place: &dyn Place) {
    let directory = place.open().directory;
    let members = |names: &[&str]| names.iter().copied().map(person).collect::<Vec<_>>();
    let facts = [
        Fact::RosterFetched(roster(TEAM, members(&["Anna Berg", "Omar Haddad", "Paul Kern"]), at(0))),
        Fact::RosterChanged {
            id: TEAM.to_owned(),
            left: vec!["29:1anna".to_owned()],
        },
    ];
    learn(&*directory, facts).await;
    let again = roster(TEAM, members(&["Paul Kern", "Omar Haddad"]), at(9));
    learn(&*directory, [Fact::RosterFetched(again.clone())]).await;
    assert_eq!(roster_of(&*directory, TEAM).await, Some(again));
    let empty = roster(TEAM, Vec::new(), at(10));
    learn(&*directory, [Fact::RosterFetched(empty.clone())]).await;
    assert_eq!(roster_of(&*directory, TEAM).await, Some(empty));
}

async fn a_deleted_person_is_gone_everywhere(place: &dyn Place) {
    for id in ["anna-object", "29:1anna"] {
        let directory = place.open().directory;
        let facts = [
            Fact::ConversationSeen(personal_chat("a:1anna", account("Anna Berg"), at(0))),
            Fact::RosterFetched(roster(TEAM, ["Anna Berg", "Omar Haddad"].map(person).to_vec(), at(0))),
            Fact::PersonGone { id: id.to_owned() },
        ];
        learn(&*directory, facts).await;
        assert_eq!(named(&*directory, "Anna Berg").await, []);
        assert_eq!(
            people(&*directory, PersonRef::AccountId("29:1anna".to_owned())).await,
            []
        );
        assert_eq!(
            people(&*directory, PersonRef::Email("anna@contoso.example".to_owned())).await,
            []
        );
        assert_eq!(chat_with(&*directory, "anna-object").await, None);
        assert_eq!(chat_by_id(&*directory, "a:1anna").await, None);
        assert_eq!(
            roster_of(&*directory, TEAM).await.expect("the roster").members,
            [person("Omar Haddad")]
        );
    }
}

async fn a_roster_with_a_forgotten_member_is_stale(place: &dyn Place) {
    let directory = place.open().directory;
    let members = ["Anna Berg", "Omar Haddad"].map(person).to_vec();
    learn(&*directory, [Fact::RosterFetched(roster(TEAM, members, at(0)))]).await;
    assert!(directory.forget("anna-object").await.expect("forget"));
    let known = roster_of(&*directory, TEAM).await.expect("the roster");
    assert_eq!((known.members, known.stale), (vec![person("Omar Haddad")], true));
}

async fn all_facts_of_one_call_count_in_their_order(place: &dyn Place) {
    let directory = place.open().directory;
    let renamed = |name: &str| Fact::TeamRenamed {
        id: TEAM.to_owned(),
        name: name.to_owned(),
    };
    let facts = [
        renamed("too early"),
        Fact::TeamSeen(team(TEAM, "Operations", at(0))),
        renamed("Second"),
        renamed("Third"),
        Fact::TeamGone { id: TEAM.to_owned() },
        Fact::TeamSeen(team(TEAM, "Again", at(5))),
    ];
    learn(&*directory, facts).await;
    let known = team_of(&*directory, TEAM).await.expect("the team");
    assert_eq!((known.name.as_deref(), known.first_seen), (Some("Again"), at(5)));
    for former in ["Operations", "Second", "Third"] {
        assert_eq!(teams(&*directory, PlaceRef::Name(former.to_owned())).await, []);
    }
}

async fn everything_is_listed_in_pages_in_a_stable_order(place: &dyn Place) {
    let directory = place.open().directory;
    learn(&*directory, every_fact()).await;
    let more = (0..20).map(|number| Fact::PersonSeen(person(&format!("P{number}"))));
    learn(&*directory, more).await;
    let whole = everything(&*directory).await;
    assert_eq!(whole.len(), 26);
    for size in [1, 3, 7, 26] {
        let mut paged: Vec<(String, Entry)> = Vec::new();
        loop {
            let after = paged.last().map(|(key, _)| key.clone());
            let page = directory.list(after.as_deref(), size).await.expect("list");
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= size);
            paged.extend(page);
        }
        assert_eq!(paged, whole);
    }
}

async fn an_export_read_into_an_empty_store_is_the_same_store(place: &dyn Place) {
    let exported = {
        let directory = place.open().directory;
        learn(&*directory, every_fact()).await;
        let exported = everything(&*directory).await;
        for (key, _) in &exported {
            assert!(directory.forget(key).await.expect("forget"), "{key}");
        }
        assert_eq!(everything(&*directory).await, []);
        exported
    };
    let directory = place.open().directory;
    directory
        .import(exported.iter().map(|(_, entry)| entry.clone()).collect())
        .await
        .expect("import");
    assert_eq!(everything(&*directory).await, exported);
    assert_eq!(named(&*directory, "anna berg").await, [person("Anna Berg")]);
    assert_eq!(
        chat_with(&*directory, "29:1anna").await.expect("the chat").id.as_str(),
        "a:1anna"
    );
    assert_eq!(team_of(&*directory, ALERTS).await.expect("the team").id, TEAM);
    assert_eq!(
        group_chats(&*directory, PlaceRef::Name("finance room".to_owned()))
            .await
            .len(),
        1
    );
}

async fn an_imported_entry_replaces_the_one_with_its_key(place: &dyn Place) {
    let directory = place.open().directory;
    learn(
        &*directory,
        [
            Fact::PersonSeen(person("Anna Berg")),
            Fact::TeamSeen(team(TEAM, "Operations", at(0))),
        ],
    )
    .await;
    let bare = Person {
        aad_object_id: Some("anna-object".to_owned()),
        name: Some("Anna Lind".to_owned()),
        ..Person::default()
    };
    let renamed = Team {
        aad_group_id: None,
        ..team(TEAM, "Platform", at(9))
    };
    directory
        .import(vec![Entry::Person(bare.clone()), Entry::Team(renamed)])
        .await
        .expect("import");
    assert_eq!(named(&*directory, "Anna Lind").await, [bare]);
    assert_eq!(
        people(&*directory, PersonRef::Email("anna@contoso.example".to_owned())).await,
        []
    );
    assert_eq!(teams(&*directory, PlaceRef::Name("Operations".to_owned())).await, []);
    assert_eq!(team_of(&*directory, TEAM).await.expect("the team").aad_group_id, None);
}

async fn anything_can_be_forgotten_by_its_id_or_its_place_in_the_list(place: &dyn Place) {
    let directory = place.open().directory;
    for ids in [
        ["a:1anna", GROUP, TEAM, "29:1omar", "anna-object"],
        [
            "conversation/a:1anna",
            &format!("conversation/{GROUP}"),
            &format!("team/{TEAM}"),
            "person/omar-object",
            "person/anna-object",
        ],
    ] {
        learn(&*directory, every_fact()).await;
        for id in ids {
            assert!(directory.forget(id).await.expect("forget"), "{id}");
            assert!(!directory.forget(id).await.expect("forget"), "{id} twice");
        }
        assert_eq!(everything(&*directory).await, []);
    }
    assert!(!directory.forget("").await.expect("forget"));
    assert!(!directory.forget("person/").await.expect("forget"));
}

async fn a_store_belongs_to_one_bot(place: &dyn Place) {
    {
        let directory = place.open().directory;
        assert_eq!(directory.bot_id().await.expect("bot"), None);
        directory.bind_bot(BOT).await.expect("the first bot");
        directory.bind_bot(&BOT.to_uppercase()).await.expect("the same bot");
    }
    let directory = place.open().directory;
    assert_eq!(directory.bot_id().await.expect("bot").as_deref(), Some(BOT));
    let other = directory.bind_bot("28:00000000-0000-0000-0000-000000000000").await;
    let Err(StoreError::Refused(sentence)) = other else {
        panic!("another bot must be refused: {other:?}");
    };
    assert!(sentence.contains(BOT) && sentence.contains("bot.app_id"), "{sentence}");
}

async fn an_unknown_name_is_an_empty_answer(place: &dyn Place) {
    let directory = place.open().directory;
    learn(&*directory, every_fact()).await;
    for name in ["", "Anna", "Anna Berg2", "anna\0berg", "%", "\u{0}"] {
        assert_eq!(named(&*directory, name).await, [], "{name:?}");
        assert_eq!(
            people(&*directory, PersonRef::AccountId(name.to_owned())).await,
            [],
            "{name:?}"
        );
        assert_eq!(teams(&*directory, PlaceRef::Id(name.to_owned())).await, [], "{name:?}");
        assert_eq!(
            teams(&*directory, PlaceRef::Name(name.to_owned())).await,
            [],
            "{name:?}"
        );
        assert_eq!(
            group_chats(&*directory, PlaceRef::Name(name.to_owned())).await,
            [],
            "{name:?}"
        );
        assert_eq!(chat_with(&*directory, name).await, None, "{name:?}");
    }
}

async fn names_in_any_script_and_of_any_length_are_found(place: &dyn Place) {
    let directory = place.open().directory;
    let long = "Ж".repeat(3000);
    let almost = format!("{}a", "Ж".repeat(2999));
    let names = ["Ünal Öztürk", "王 小明", "ΑΘΗΝΑ", "with\0zero", &long, &almost];
    let people = names.iter().enumerate().map(|(number, name)| {
        let mut somebody = person(&format!("P{number}"));
        somebody.name = Some((*name).to_owned());
        Fact::PersonSeen(somebody)
    });
    learn(&*directory, people).await;
    for name in names {
        let found = named(&*directory, &name.to_lowercase()).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name.as_deref(), Some(name));
    }
}
