//! People, by whatever they are known.

use herald::audience::PersonRef;
use herald::roster::{ConversationKind, Fact, Person, Team};
use herald::store::directory::Entry;

use super::{chat_by_id, everything, learn, named, people, team_of};
use crate::support::store::{
    ALERTS, GROUP, Place, TEAM, TENANT, account, at, conversation, group_chat, person, personal_chat, promised, team,
};

promised! {
    a_person_is_found_by_each_id_mail_sign_in_name_and_name_whatever_their_case,
    two_people_of_one_name_are_both_found,
    a_fact_that_leaves_a_field_out_erases_nothing,
    one_human_told_by_object_id_and_by_account_id_is_one_person,
    an_account_id_that_moved_to_somebody_else_leads_there,
    a_name_that_was_given_up_leads_nowhere_and_may_be_taken_by_another,
    a_person_without_any_id_is_not_kept,
    names_in_any_script_and_of_any_length_are_found,
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
