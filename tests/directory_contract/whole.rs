//! The directory as a whole: order, export, import, forgetting.

use herald::audience::{PersonRef, PlaceRef};
use herald::roster::{Fact, Person, Team};
use herald::store::StoreError;
use herald::store::directory::Entry;

use super::{chat_with, every_fact, everything, group_chats, learn, named, people, team_of, teams};
use crate::support::store::{ALERTS, BOT, GROUP, Place, TEAM, at, person, promised, team};

promised! {
    what_was_learnt_is_there_after_reopening,
    every_fact_applied_twice_is_applied_once,
    facts_about_what_is_not_known_change_nothing,
    all_facts_of_one_call_count_in_their_order,
    everything_is_listed_in_pages_in_a_stable_order,
    an_export_read_into_an_empty_store_is_the_same_store,
    an_imported_entry_replaces_the_one_with_its_key,
    anything_can_be_forgotten_by_its_id_or_its_place_in_the_list,
    a_store_belongs_to_one_bot,
    an_unknown_name_is_an_empty_answer,
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

async fn facts_about_what_is_not_known_change_nothing(place: &dyn Place) {
    let directory = place.open().directory;
    let facts = every_fact().into_iter().filter(|fact| match fact {
        Fact::ConversationSeen(_)
        | Fact::TeamSeen(_)
        | Fact::PersonSeen(_)
        | Fact::AppRemoved { .. }
        | Fact::RosterFetched(_) => false,
        Fact::ConversationGone { .. }
        | Fact::TeamGone { .. }
        | Fact::TeamRenamed { .. }
        | Fact::TeamArchived { .. }
        | Fact::ChannelSeen { .. }
        | Fact::ChannelGone { .. }
        | Fact::ChannelsFetched { .. }
        | Fact::PersonGone { .. }
        | Fact::AppThere { .. }
        | Fact::RosterChanged { .. }
        | Fact::Blocked { .. }
        | Fact::Refused(_)
        | Fact::Missed { .. }
        | Fact::Reached { .. }
        | Fact::RostersInDoubt
        | Fact::HostMoved { .. } => true,
    });
    learn(&*directory, facts).await;
    assert_eq!(everything(&*directory).await, []);
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
