//! The block report: whom Teams refuses our messages to.

use chrono::{DateTime, Utc};
use herald::refusal::{Party, Refusal, Why};
use herald::roster::{Blocked, Conversation, Fact, Person};
use herald::store::directory::Entry;

use super::{chat_by_id, learn};
use crate::support::store::{
    ALERTS, GROUP, Place, TEAM, account, at, channel, group_chat, person, personal_chat, promised, team,
};

promised! {
    rows_count_each_message_once_and_keep_their_beginning,
    a_person_s_row_is_found_by_either_id_and_ends_when_they_write,
    a_person_s_row_ends_when_a_roster_tells_another_way_to_them,
    a_group_chat_s_row_ends_when_the_bot_is_there_again,
    a_team_s_row_ends_with_an_installation_but_a_right_to_write_is_another_matter,
    a_miss_without_a_row_is_none,
    an_operator_can_end_a_refusal,
    what_is_forgotten_is_not_reported,
    the_report_comes_in_pages,
    a_chat_that_was_imported_with_its_block_is_reported,
}

/// A person who blocked the bot.
pub(super) fn row(id: &str, delivery: &str, last_at: DateTime<Utc>) -> Refusal {
    Refusal {
        id: id.to_owned(),
        party: Party::Person,
        name: "Anna Berg".to_owned(),
        why: Why::Blocked,
        code: "MessageWritesBlocked".to_owned(),
        said: "the bot was blocked".to_owned(),
        since: last_at,
        asked_at: last_at,
        last_at,
        missed: 1,
        delivery: delivery.to_owned(),
    }
}

fn refused(id: &str, party: Party, why: Why) -> Fact {
    Fact::Refused(Refusal {
        party,
        why,
        ..row(id, "dl_1", at(1))
    })
}

async fn rows_count_each_message_once_and_keep_their_beginning(place: &dyn Place) {
    let store = place.open();
    let directory = &*store.directory;
    let missed = |delivery: &str| Fact::Missed {
        id: "anna-object".to_owned(),
        delivery: delivery.to_owned(),
        at: at(9),
    };
    let first = Fact::Refused(row("anna-object", "dl_1", at(1)));
    learn(
        directory,
        [first.clone(), first, missed("dl_2"), missed("dl_2"), missed("dl_3")],
    )
    .await;
    let found = directory.refusal("anna-object").await.expect("read").expect("a row");
    assert_eq!((found.missed, found.since, found.last_at), (3, at(1), at(9)));
}

async fn a_person_s_row_is_found_by_either_id_and_ends_when_they_write(place: &dyn Place) {
    let store = place.open();
    let directory = &*store.directory;
    let anna = person("Anna Berg");
    let (object, told) = (
        anna.aad_object_id.clone().expect("one"),
        anna.account_id.clone().expect("one"),
    );
    learn(
        directory,
        [Fact::PersonSeen(anna), Fact::Refused(row(&object, "dl_1", at(1)))],
    )
    .await;
    assert!(directory.refusal(&told).await.expect("read").is_some());
    learn(
        directory,
        [Fact::ConversationSeen(personal_chat(
            "a:1",
            account("Anna Berg"),
            at(2),
        ))],
    )
    .await;
    assert_eq!(directory.refusal(&object).await.expect("read"), None);
    assert_eq!(directory.refusals(None, 10).await.expect("read"), []);
}

async fn a_person_s_row_ends_when_a_roster_tells_another_way_to_them(place: &dyn Place) {
    let store = place.open();
    let directory = &*store.directory;
    let anna = person("Anna Berg");
    let object = anna.aad_object_id.clone().expect("one");
    let by_object = Person {
        account_id: None,
        ..anna.clone()
    };
    let unreachable = refused(&object, Party::Person, Why::Unreachable);
    learn(
        directory,
        [
            Fact::PersonSeen(by_object.clone()),
            unreachable,
            Fact::PersonSeen(by_object),
        ],
    )
    .await;
    assert!(
        directory.refusal(&object).await.expect("read").is_some(),
        "nothing new was told"
    );
    learn(directory, [Fact::PersonSeen(anna)]).await;
    assert_eq!(directory.refusal(&object).await.expect("read"), None);
}

async fn a_group_chat_s_row_ends_when_the_bot_is_there_again(place: &dyn Place) {
    let store = place.open();
    let directory = &*store.directory;
    let seen = Fact::ConversationSeen(group_chat(GROUP, "Finance Room", at(0)));
    learn(
        directory,
        [seen.clone(), refused(GROUP, Party::GroupChat, Why::NotInstalled)],
    )
    .await;
    assert!(directory.refusal(GROUP).await.expect("read").is_some());
    learn(directory, [seen]).await;
    assert_eq!(directory.refusal(GROUP).await.expect("read"), None);
}

async fn a_team_s_row_ends_with_an_installation_but_a_right_to_write_is_another_matter(place: &dyn Place) {
    let store = place.open();
    let directory = &*store.directory;
    let mut seen = team(TEAM, "Operations", at(0));
    seen.channels = vec![channel(ALERTS, "Alerts")];
    let facts = [
        Fact::TeamSeen(seen.clone()),
        refused(TEAM, Party::Team, Why::NotInstalled),
        refused(ALERTS, Party::Channel, Why::NotAllowed),
        Fact::TeamSeen(seen),
    ];
    learn(directory, facts).await;
    assert_eq!(directory.refusal(TEAM).await.expect("read"), None);
    assert!(directory.refusal(ALERTS).await.expect("read").is_some());
    learn(directory, [Fact::Reached { id: ALERTS.to_owned() }]).await;
    assert_eq!(directory.refusal(ALERTS).await.expect("read"), None);
}

async fn a_miss_without_a_row_is_none(place: &dyn Place) {
    let store = place.open();
    let missed = Fact::Missed {
        id: "anna-object".to_owned(),
        delivery: "dl_1".to_owned(),
        at: at(1),
    };
    // The person wrote while the message was looked at: the refusal must not come back.
    learn(&*store.directory, [missed]).await;
    assert_eq!(store.directory.refusals(None, 10).await.expect("read"), []);
}

async fn an_operator_can_end_a_refusal(place: &dyn Place) {
    let store = place.open();
    let directory = &*store.directory;
    let chat = personal_chat("a:1", account("Anna Berg"), at(0));
    let object = account("Anna Berg").aad_object_id.expect("one");
    let blocked = Fact::Blocked {
        id: chat.id.clone(),
        blocked: Blocked {
            since: at(1),
            code: "MessageWritesBlocked".to_owned(),
        },
    };
    let facts = [
        Fact::ConversationSeen(chat),
        blocked,
        Fact::Refused(row(&object, "dl_1", at(1))),
    ];
    learn(directory, facts).await;
    learn(directory, [Fact::Reached { id: object.clone() }]).await;
    assert_eq!(directory.refusal(&object).await.expect("read"), None);
    assert_eq!(chat_by_id(directory, "a:1").await.expect("the chat").blocked, None);
}

async fn what_is_forgotten_is_not_reported(place: &dyn Place) {
    let store = place.open();
    let directory = &*store.directory;
    let anna = person("Anna Berg");
    let object = anna.aad_object_id.clone().expect("one");
    let facts = [
        Fact::PersonSeen(anna),
        Fact::Refused(row(&object, "dl_1", at(1))),
        Fact::ConversationSeen(group_chat(GROUP, "Finance Room", at(0))),
        refused(GROUP, Party::GroupChat, Why::NotInstalled),
        Fact::TeamSeen(team(TEAM, "Operations", at(0))),
        refused(TEAM, Party::Team, Why::NotInstalled),
    ];
    learn(directory, facts).await;
    assert_eq!(directory.refusals(None, 10).await.expect("read").len(), 3);
    for id in [&object, GROUP, TEAM] {
        assert!(directory.forget(id).await.expect("forgotten"));
    }
    assert_eq!(directory.refusals(None, 10).await.expect("read"), []);
}

async fn the_report_comes_in_pages(place: &dyn Place) {
    let store = place.open();
    let directory = &*store.directory;
    let facts = (0..25).map(|number| Fact::Refused(row(&format!("p{number:02}"), "dl_1", at(1))));
    learn(directory, facts).await;
    let mut paged: Vec<Refusal> = Vec::new();
    loop {
        let after = paged.last().map(|row| row.id.clone());
        let page = directory.refusals(after.as_deref(), 7).await.expect("read");
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged.len(), 25);
    assert!(paged.is_sorted_by(|one, other| one.id < other.id));
}

async fn a_chat_that_was_imported_with_its_block_is_reported(place: &dyn Place) {
    let store = place.open();
    let directory = &*store.directory;
    let chat = Conversation {
        blocked: Some(Blocked {
            since: at(3),
            code: "MessageWritesBlocked".to_owned(),
        }),
        ..personal_chat("a:1", account("Anna Berg"), at(0))
    };
    directory
        .import(vec![Entry::Conversation(chat)])
        .await
        .expect("imported");
    let rows = directory.refusals(None, 10).await.expect("read");
    assert_eq!(
        rows.iter().map(|row| (row.since, row.missed)).collect::<Vec<_>>(),
        [(at(3), 0)]
    );
}
