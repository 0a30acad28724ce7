//! Who is in a team or chat.

use herald::audience::PersonRef;
use herald::roster::{Fact, Person};

use super::{chat_by_id, chat_with, learn, named, people, roster_of};
use crate::support::store::{GROUP, Place, TEAM, account, at, person, personal_chat, promised, roster};

promised! {
    a_roster_comes_back_whole_in_order_and_makes_its_people_known,
    a_roster_shows_what_was_learnt_about_its_members_since,
    those_who_left_are_out_of_the_roster_at_once_and_it_is_stale,
    a_roster_fetched_again_is_fresh_and_shorter,
    a_deleted_person_is_gone_everywhere,
    a_roster_with_a_forgotten_member_is_stale,
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
