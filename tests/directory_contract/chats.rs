//! Personal and group chats.

use herald::audience::PlaceRef;
use herald::roster::{Blocked, ConversationId, ConversationKind, Fact, Person};

use super::{chat_by_id, chat_with, group_chats, learn, named, roster_of, teams};
use crate::support::store::{
    GROUP, Place, TEAM, account, at, conversation, group_chat, person, personal_chat, promised, roster,
};

promised! {
    a_personal_chat_is_found_by_either_id_of_the_person,
    of_two_personal_chats_the_one_that_is_not_blocked_and_was_heard_from_last_is_used,
    a_chat_that_is_seen_again_keeps_when_it_was_first_seen_and_takes_the_new_service_address,
    a_block_is_kept_from_its_first_refusal_and_lifted_when_the_person_is_seen_again,
    a_chat_that_is_gone_is_forgotten_with_its_roster,
    a_group_chat_is_found_by_id_and_by_name_and_is_no_team,
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
