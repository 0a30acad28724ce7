use super::*;
use crate::delivery::{Operation, Recipient, State, Terms, Thread, ThreadId};
use crate::event::EventId;

const RULE: &str = "office/party";

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().expect("an instant")
}

fn later(millis: i64) -> DateTime<Utc> {
    noon() + Duration::milliseconds(millis)
}

fn event() -> EventId {
    EventId::known("ev_1")
}

fn run(recipients: u64) -> Run {
    let mut run = Run::new(&event(), RULE, recipients, noon());
    run.tally.open = recipients;
    run
}

fn line(card: &str) -> Line {
    Line {
        run: run(1).id,
        card: CardId::of(card),
        tenant_id: "t".to_owned(),
        service_url: "https://smba.example/emea/".to_owned(),
    }
}

fn delivery() -> Delivery {
    let address = Address::Person {
        tenant_id: "t".to_owned(),
        id: "anna".to_owned(),
    };
    let id = DeliveryId::of(&event(), RULE, &address);
    let recipient = Recipient {
        address,
        name: "Anna".to_owned(),
    };
    Delivery {
        id,
        event_id: event(),
        rule: RULE.to_owned(),
        revision: "r".to_owned(),
        recipient,
        card_id: Some(CardId::of("c")),
        state: State::Sending,
        attempts: Vec::new(),
        attempt_count: 0,
        created_at: noon(),
        next_attempt_at: noon(),
        reason: None,
        activity_id: None,
        conversation_id: None,
        thread_root: None,
        window: None,
        terms: Terms::default(),
        operation: Operation::Send,
        trace: None,
        batch: None,
    }
}

fn assembly(above: u64, size: usize) -> Assembly<u64> {
    Assembly::new(Batching { above, size })
}

/// How many go together in each request, and how many alone.
fn sizes(departures: &Departures<u64>) -> (Vec<usize>, usize) {
    let together = departures.together.iter().map(|(_, items)| items.len());
    (together.collect(), departures.alone.len())
}

#[test]
fn only_what_nobody_asks_for_later_goes_together() {
    assert_eq!(alone(&delivery()), None);
    let with = |terms: Terms| alone(&Delivery { terms, ..delivery() });
    let thread = Thread::Shared {
        id: ThreadId::of(RULE, "x", &delivery().recipient.address),
    };
    let wanted = Terms {
        id_wanted: true,
        ..Terms::default()
    };
    let first = Terms {
        first: true,
        ..Terms::default()
    };
    let in_thread = Terms {
        thread: Some(thread),
        ..Terms::default()
    };
    assert_eq!(with(wanted), Some(Alone::IdWanted));
    assert_eq!(with(first), Some(Alone::First));
    assert_eq!(with(in_thread), Some(Alone::InThread));
    let again = Terms {
        by_itself: true,
        ..Terms::default()
    };
    assert_eq!(with(again), Some(Alone::Again));
}

#[test]
fn batches_have_nothing_to_do_with_few_people_channels_and_corrections() {
    let batching = Batching { above: 10, size: 12 };
    assert!(concerns(&delivery(), &run(11), batching));
    assert!(!concerns(&delivery(), &run(10), batching));
    let channel = Delivery {
        recipient: Recipient {
            address: Address::Conversation {
                id: ConversationId::new("19:a@thread.tacv2"),
            },
            name: "Platform / Releases".to_owned(),
        },
        ..delivery()
    };
    assert!(!concerns(&channel, &run(11), batching));
    let correction = Delivery {
        operation: Operation::Update,
        ..delivery()
    };
    assert!(!concerns(&correction, &run(11), batching));
}

#[test]
fn thirty_people_go_in_requests_of_twelve_and_the_rest_follows() {
    let mut assembly = assembly(10, 12);
    let mut full = Vec::new();
    for number in 0..30 {
        full.extend(assembly.put(line("c"), &run(30), number, noon()).together);
    }
    let full: Vec<usize> = full.iter().map(|(_, items)| items.len()).collect();
    assert_eq!(full, [12, 12]);
    assert_eq!(sizes(&assembly.ready(later(500))), (vec![], 0), "more may come");
    assert_eq!(assembly.look_at(later(500)), Some(later(1_000)));
    assert_eq!(
        sizes(&assembly.ready(later(1_000))),
        (vec![6], 0),
        "few, but of a card of which a batch went out"
    );
    assert_eq!(assembly.look_at(later(1_000)), None);
}

#[test]
fn few_with_the_same_card_go_alone_once_nobody_else_can_come() {
    let mut assembly = assembly(10, 12);
    for number in 0..9 {
        assembly.put(line("a"), &run(12), number, noon());
    }
    for _ in 0..2 {
        assembly.passes(&run(12));
    }
    assert_eq!(
        sizes(&assembly.ready(later(1_000))),
        (vec![], 0),
        "one is still to come"
    );
    assembly.put(line("b"), &run(12), 9, later(1_100));
    let departures = assembly.ready(later(2_100));
    assert_eq!(sizes(&departures), (vec![], 10));
    let reason = departures.alone[0].2.sentence();
    assert!(reason.contains("no more than 10 people"), "{reason}");
}

#[test]
fn a_group_that_does_not_grow_waits_only_so_long() {
    let mut assembly = assembly(10, 12);
    assembly.put(line("a"), &run(12), 1, noon());
    assert_eq!(sizes(&assembly.ready(later(19_000))), (vec![], 0));
    assert_eq!(assembly.look_at(later(19_500)), Some(later(20_000)));
    assert_eq!(sizes(&assembly.ready(later(20_000))), (vec![], 1));
}

#[test]
fn a_run_that_says_something_else_to_each_goes_alone_at_once() {
    let mut assembly = assembly(10, 12);
    let mut alone = 0;
    for number in 0..30 {
        let departures = assembly.put(line(&format!("card {number}")), &run(30), number, noon());
        assert!(departures.together.is_empty());
        alone += departures.alone.len();
    }
    assert_eq!(alone, 30);
}

#[test]
fn two_languages_are_two_groups() {
    let mut assembly = assembly(5, 100);
    for number in 0..14 {
        let card = if number % 2 == 0 { "de" } else { "en" };
        assembly.put(line(card), &run(14), number, noon());
    }
    let (mut together, alone) = sizes(&assembly.ready(later(1_000)));
    together.sort_unstable();
    assert_eq!((together, alone), (vec![7, 7], 0));
}

#[test]
fn a_bound_above_the_size_is_reached_before_anything_leaves() {
    let mut assembly = assembly(20, 10);
    let mut departures = Departures::default();
    for number in 0..21 {
        assert_eq!(sizes(&departures), (vec![], 0));
        departures = assembly.put(line("c"), &run(25), number, noon());
    }
    assert_eq!(sizes(&departures), (vec![10, 10, 1], 0));
}
