//! What people chose for themselves.

use herald::audience::{By, PersonRef, Want, Wanted};
use herald::choice::{Choices, PersonKey};
use herald::roster::Fact;
use herald::store::Directory;
use herald::store::directory::Entry;

use super::learn;
use crate::support::store::{Place, TENANT, at, person, personal_chat, promised};

promised! {
    what_people_chose_is_kept_over_reopening_and_goes_with_the_person,
    choices_of_many_people_are_found_at_once,
    what_people_chose_goes_with_an_export,
    an_audience_knows_what_its_people_chose,
    who_removed_the_app_is_remembered_until_they_have_it_again,
}

fn key(name: &str) -> PersonKey {
    PersonKey::of(&person(name)).expect("everybody has an id")
}

fn without(topic: &str) -> Choices {
    Choices {
        stopped: [format!("topic:{topic}")].into(),
        changed_at: Some(at(0)),
        ..Choices::default()
    }
}

async fn chosen(directory: &dyn Directory, keys: &[PersonKey]) -> Vec<(PersonKey, Choices)> {
    directory.choices(keys).await.expect("choices").into_iter().collect()
}

async fn what_people_chose_is_kept_over_reopening_and_goes_with_the_person(place: &dyn Place) {
    let (anna, omar) = (key("Anna Berg"), key("Omar Haddad"));
    {
        let directory = place.open().directory;
        learn(&*directory, [Fact::PersonSeen(person("Anna Berg"))]).await;
        directory.set_choices(&anna, &without("deploys")).await.expect("set");
        directory.set_choices(&omar, &without("lunch")).await.expect("set");
        directory.set_choices(&omar, &Choices::default()).await.expect("set");
    }
    let directory = place.open().directory;
    let both = [anna.clone(), omar];
    assert_eq!(chosen(&*directory, &both).await, [(anna.clone(), without("deploys"))]);
    assert!(directory.forget(anna.as_str()).await.expect("forget"));
    assert_eq!(chosen(&*directory, &both).await, []);
}

async fn choices_of_many_people_are_found_at_once(place: &dyn Place) {
    let directory = place.open().directory;
    let keys: Vec<PersonKey> = (0..500)
        .map(|number| PersonKey::known(format!("person-{number}")))
        .collect();
    for number in [3, 499] {
        directory
            .set_choices(&keys[number], &without("lunch"))
            .await
            .expect("set");
    }
    directory
        .set_choices(&PersonKey::known("somebody-else"), &without("lunch"))
        .await
        .expect("set");
    let found = directory.choices(&keys).await.expect("choices");
    assert_eq!(
        found.into_keys().collect::<Vec<_>>(),
        [keys[3].clone(), keys[499].clone()]
    );
}

async fn what_people_chose_goes_with_an_export(place: &dyn Place) {
    let (anna, chose) = (key("Anna Berg"), without("deploys"));
    let directory = place.open().directory;
    learn(&*directory, [Fact::PersonSeen(person("Anna Berg"))]).await;
    directory.set_choices(&anna, &chose).await.expect("set");
    let all = directory.list(None, 100).await.expect("list");
    let exported: Vec<Entry> = all.into_iter().map(|(_, entry)| entry).collect();
    assert!(exported.contains(&Entry::Choices {
        person: anna.clone(),
        choices: chose.clone()
    }));
    directory.set_choices(&anna, &Choices::default()).await.expect("set");
    directory.import(exported).await.expect("import");
    assert_eq!(chosen(&*directory, std::slice::from_ref(&anna)).await, [(anna, chose)]);
    assert!(directory.forget("choices/anna-object").await.expect("forget"));
}

async fn an_audience_knows_what_its_people_chose(place: &dyn Place) {
    let directory = place.open().directory;
    for name in ["Anna Berg", "Omar Haddad"] {
        learn(
            &*directory,
            [Fact::ConversationSeen(personal_chat(
                &format!("a:{name}"),
                person(name),
                at(0),
            ))],
        )
        .await;
    }
    directory
        .set_choices(&key("Anna Berg"), &without("deploys"))
        .await
        .expect("set");
    let wanted: Vec<Wanted> = ["anna berg", "omar haddad"]
        .into_iter()
        .map(|name| Wanted {
            written: format!("person: {name}"),
            want: Want::Person(PersonRef::Name(name.to_owned())),
            mention: Vec::new(),
            by: By::Chat,
            thread: None,
            only: Vec::new(),
        })
        .collect();
    let audience = directory
        .audience(&wanted, Some(TENANT), at(0))
        .await
        .expect("audience");
    let chose: Vec<Option<Choices>> = audience
        .reached
        .into_iter()
        .map(|reached| reached.choices.map(|choices| *choices))
        .collect();
    assert_eq!(chose, [Some(without("deploys")), None]);
}

async fn who_removed_the_app_is_remembered_until_they_have_it_again(place: &dyn Place) {
    let anna = key("Anna Berg");
    let removed = |at| Fact::AppRemoved {
        id: "29:1anna".to_owned(),
        at,
    };
    {
        let directory = place.open().directory;
        learn(&*directory, [Fact::PersonSeen(person("Anna Berg"))]).await;
        directory.set_choices(&anna, &without("deploys")).await.expect("set");
        // One removal is told twice, and by either id.
        learn(&*directory, [removed(at(1)), removed(at(2))]).await;
    }
    let directory = place.open().directory;
    let expected = Choices {
        removed_app: Some(at(1)),
        ..without("deploys")
    };
    assert_eq!(
        chosen(&*directory, std::slice::from_ref(&anna)).await,
        [(anna.clone(), expected)]
    );
    let there = Fact::AppThere {
        id: anna.as_str().to_owned(),
    };
    learn(&*directory, [there.clone(), there]).await;
    assert_eq!(
        chosen(&*directory, std::slice::from_ref(&anna)).await,
        [(anna.clone(), without("deploys"))]
    );
}
