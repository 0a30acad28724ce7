//! Too many cards become one that says so.

use super::*;

const RULE: &str = "description: Alerts of the shop\nlanguage: en\nwhen: { hook: ci }\nnotify: [{ person: Anna Berg }]\n\
                    card: { title: \"{{event.title}}\" }\n";
const ON: &str = "limits: { storm: 20 per 5 minutes }\n";

/// Teams takes a few cards a second: lets seconds pass until so many have arrived.
async fn arrived(engine: &Engine, count: usize) -> String {
    for _ in 0..1_000 {
        let messages = engine.teams.received();
        if messages.len() >= count {
            calm(engine).await;
            return texts(&messages[count - 1].activity);
        }
        engine
            .hand
            .as_ref()
            .expect("a clock")
            .advance(TimeDelta::milliseconds(500));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("not in time: {:#?}", engine.deliveries().await);
}

/// Lets seconds pass until nothing is under way.
async fn calm(engine: &Engine) {
    for _ in 0..1_000 {
        let all = engine.deliveries().await;
        if all
            .iter()
            .all(|one| !matches!(one.state, State::Pending | State::Sending))
        {
            return;
        }
        engine
            .hand
            .as_ref()
            .expect("a clock")
            .advance(TimeDelta::milliseconds(500));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("not calm in time: {:#?}", engine.deliveries().await);
}

async fn flood(engine: &Engine, count: usize) -> (usize, u64) {
    let (mut cards, mut gathered) = (0, 0);
    for number in 0..count {
        let answer = post(engine, json!({ "title": format!("alert {number}") })).await;
        cards += sent(&answer);
        gathered += held_back(&answer);
    }
    (cards, gathered)
}

#[tokio::test]
async fn what_follows_twenty_cards_in_five_minutes_is_gathered_and_told_when_it_is_over() {
    let engine = engine(RULE, ON).await;
    assert_eq!(
        flood(&engine, 30).await,
        (21, 10),
        "20 cards, and one that says that it is paused"
    );
    let paused = arrived(&engine, 21).await;
    assert!(paused.contains("Paused: Alerts of the shop"), "{paused}");
    assert!(paused.contains("more than 20 cards in 5 minutes"), "{paused}");
    assert!(paused.contains("alert 20") && paused.contains("14:07 UTC"), "{paused}");
    pass(&engine, 5).await;
    let over = arrived(&engine, 22).await;
    assert!(over.contains("It is over: Alerts of the shop"), "{over}");
    assert!(over.contains("10 were gathered") && over.contains("alert 29"), "{over}");
    assert_eq!(flood(&engine, 1).await, (1, 0), "one by one again");
    arrived(&engine, 23).await;
}

#[tokio::test]
async fn while_it_goes_on_the_same_card_counts() {
    let engine = engine(RULE, ON).await;
    flood(&engine, 50).await;
    arrived(&engine, 21).await;
    pass(&engine, 5).await;
    assert_eq!(
        quiet(&engine).await,
        21,
        "no new card: the one that says so was changed"
    );
    let shown = engine.teams.shown_in("Anna Berg");
    let edited: Vec<_> = shown.iter().filter(|message| message.edited).collect();
    assert_eq!(edited.len(), 1, "{shown:#?}");
    let paused = texts(&edited[0].activity);
    assert!(
        paused.contains("there were 30 more; the last one said: alert 49"),
        "{paused}"
    );
    assert!(paused.contains("14:12 UTC"), "{paused}");
    pass(&engine, 5).await;
    let over = arrived(&engine, 22).await;
    assert!(
        over.contains("It is over") && over.contains("30 were gathered"),
        "{over}"
    );
}

#[tokio::test]
async fn a_storm_goes_on_over_a_restart_and_hits_only_its_recipient() {
    let rule = RULE.replace("person: Anna Berg", "person: \"{{event.who}}\"");
    let mut engine = engine(&rule, ON).await;
    for _ in 0..22 {
        post(&engine, json!({ "who": "Anna Berg", "title": "x" })).await;
    }
    arrived(&engine, 21).await;
    engine.settled().await;
    engine.restart().await;
    let answer = post(&engine, json!({ "who": "Anna Berg", "title": "x" })).await;
    assert_eq!((sent(&answer), held_back(&answer)), (0, 1), "{answer}");
    let story = why(&engine, answer["event"].as_str().expect("an id")).await;
    assert!(
        story.contains("paused by the storm breaker: the rule had sent 20 cards in 5 minutes"),
        "{story}"
    );
    let answer = post(&engine, json!({ "who": "Omar Haddad", "title": "x" })).await;
    assert_eq!(sent(&answer), 1, "{answer}");
    arrived(&engine, 22).await;
}

#[tokio::test]
async fn cards_before_a_restart_count_after_it() {
    let mut engine = engine(RULE, ON).await;
    assert_eq!(flood(&engine, 15).await, (15, 0));
    arrived(&engine, 15).await;
    engine.settled().await;
    engine.restart().await;
    pass(&engine, 2).await;
    assert_eq!(
        flood(&engine, 6).await,
        (6, 1),
        "five more, and one that says that it is paused"
    );
    let paused = arrived(&engine, 21).await;
    assert!(paused.contains("more than 20 cards in 5 minutes"), "{paused}");
}

#[tokio::test]
async fn cards_of_longer_ago_do_not_count_after_a_restart() {
    let mut engine = engine(RULE, ON).await;
    assert_eq!(flood(&engine, 15).await, (15, 0));
    arrived(&engine, 15).await;
    pass(&engine, 6).await;
    engine.restart().await;
    assert_eq!(flood(&engine, 20).await, (20, 0));
    arrived(&engine, 35).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_cut_off_at_exactly_the_number_that_is_allowed() {
    let engine = engine(RULE, ON).await;
    let bodies: Vec<Value> = (0..100)
        .map(|number| json!({ "title": format!("t{number}") }))
        .collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| engine.post("/hooks/ci", body))).await;
    let cards: usize = answers.iter().map(|(_, answer)| sent(answer)).sum();
    let gathered: u64 = answers.iter().map(|(_, answer)| held_back(answer)).sum();
    assert_eq!((cards, gathered), (21, 80));
    arrived(&engine, 21).await;
    pass(&engine, 5).await;
    quiet(&engine).await;
    pass(&engine, 5).await;
    quiet(&engine).await;
    let settled = engine.settled().await;
    assert_eq!(settled.len(), 22, "{settled:#?}");
}

#[tokio::test]
async fn a_rule_may_have_its_own_breaker_or_none() {
    let own = format!("{RULE}storm: 2 per minute\n");
    let engine = engine(&own, ON).await;
    assert_eq!(flood(&engine, 5).await, (3, 3));
    arrived(&engine, 3).await;
    engine.write("rules/r.yaml", &format!("{RULE}storm: never\n"));
    // What was paused is told, and then the new version of the rule knows no bounds.
    for _ in 0..200 {
        pass(&engine, 1).await;
        quiet(&engine).await;
        if flood(&engine, 4).await == (4, 0) {
            calm(&engine).await;
            return;
        }
        calm(&engine).await;
    }
    panic!("it stays as it was: {:#?}", engine.deliveries().await);
}
