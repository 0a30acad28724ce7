use super::*;
use crate::settings;
use proptest::prelude::*;

const SECOND: TimeDelta = TimeDelta::seconds(1);

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn ms(milliseconds: i64) -> TimeDelta {
    TimeDelta::milliseconds(milliseconds)
}

fn pace(per_second: u32) -> Pace {
    Pace::new(Rates::with_per_second(per_second))
}

fn to(about: &str) -> Request<'_> {
    Request {
        tenant: "t",
        kind: Kind::Message,
        about,
        lane: Lane::Normal,
    }
}

fn bulk(about: &str) -> Request<'_> {
    Request {
        lane: Lane::Bulk,
        ..to(about)
    }
}

fn ready(pace: &mut Pace, about: &str, now: DateTime<Utc>) -> DateTime<Utc> {
    pace.ready(to(about), now).at()
}

/// Sends to `conversation` as early as allowed until `end`, and answers when.
fn as_fast_as_allowed(pace: &mut Pace, conversation: &str, end: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let mut now = noon();
    let mut sent = Vec::new();
    loop {
        now = ready(pace, conversation, now);
        if now >= end {
            return sent;
        }
        pace.departs(to(conversation), now);
        sent.push(now);
    }
}

fn breaks(sent: &[DateTime<Utc>], window: Window) -> bool {
    sent.windows(window.count + 1)
        .any(|run| run[window.count] - run[0] < window.per)
}

#[test]
fn a_burst_takes_seven_in_the_first_second_and_the_eighth_in_the_next() {
    let sent = as_fast_as_allowed(&mut pace(50), "a", noon() + ms(2001));
    let offsets: Vec<i64> = sent.iter().map(|at| (*at - noon()).num_milliseconds()).collect();
    assert_eq!(offsets[..8], [0, 0, 0, 0, 0, 0, 0, 1000]);
    assert_eq!(offsets[8], 2000);
}

#[test]
fn the_hourly_rate_is_used_whole_and_never_exceeded() {
    let sent = as_fast_as_allowed(&mut pace(50), "a", noon() + TimeDelta::hours(3));
    assert!(Rates::default().messages.iter().all(|window| !breaks(&sent, *window)));
    assert!(sent.len() >= 3 * 1800 * 99 / 100, "{}", sent.len());
}

#[test]
fn the_rates_that_are_written_hold_in_place_of_the_documented_ones() {
    let file = serde_json::json!({ "limits": {
        "messages_per_second": 3, "messages_per_conversation": ["2 per 10 seconds", "3 per minute"],
    } });
    let (settings, faults) = settings::compile(&serde_json::from_value(file).unwrap());
    assert_eq!(faults, []);
    let rates = Rates::of_limits(&settings.limits);
    assert_eq!(rates.listings, Rates::default().listings);
    let sent = as_fast_as_allowed(&mut Pace::new(rates), "a", noon() + TimeDelta::seconds(90));
    let offsets: Vec<i64> = sent.iter().map(|at| (*at - noon()).num_seconds()).collect();
    assert_eq!(offsets, [0, 0, 10, 60, 60, 70]);
}

#[test]
fn members_are_listed_at_their_own_rate() {
    let mut pace = pace(50);
    let list = Request {
        kind: Kind::Listing,
        ..to("team")
    };
    for _ in 0..14 {
        assert_eq!(pace.ready(list, noon()).at(), noon());
        pace.departs(list, noon());
    }
    assert_eq!(pace.ready(list, noon()).at(), noon() + SECOND);
    assert_eq!(ready(&mut pace, "team", noon()), noon(), "messages there go on");
}

fn broadcast(pace: &mut Pace, people: usize, request: fn(&str) -> Request<'_>) -> Vec<DateTime<Utc>> {
    let mut now = noon();
    (0..people)
        .map(|person| {
            let person = format!("person {person}");
            now = pace.ready(request(&person), now).at();
            pace.departs(request(&person), now);
            now
        })
        .collect()
}

#[test]
fn a_broadcast_uses_the_tenants_rate_whole_and_never_exceeds_it() {
    for request in [to as fn(&str) -> Request<'_>, bulk] {
        let mut pace = pace(50);
        let sent = broadcast(&mut pace, 5000, request);
        assert!(!breaks(&sent, Window { count: 50, per: SECOND }));
        let took = sent[4999] - noon();
        assert!(
            took >= TimeDelta::seconds(99) && took <= TimeDelta::seconds(100),
            "{took}"
        );
        let elsewhere = Request {
            tenant: "other tenant",
            ..to("x")
        };
        assert_eq!(pace.ready(elsewhere, sent[4999]).at(), sent[4999]);
    }
}

#[test]
fn a_broadcast_leaves_evenly_so_that_an_urgent_card_finds_a_gap() {
    let mut pace = pace(50);
    let sent = broadcast(&mut pace, 500, bulk);
    for moment in 1..100 {
        let now = sent[400] + ms(moment * 3);
        let urgent = pace.ready(to("urgent"), now).tenant;
        assert!(urgent - now <= ms(2000), "{}", urgent - now);
    }
    // While it goes on, the next free place is one spacing away, not a whole second.
    let mut now = sent[499];
    for person in 0..200 {
        let person = format!("later {person}");
        now = pace.ready(bulk(&person), now).at();
        let urgent = pace.ready(to("urgent"), now).tenant;
        assert!(urgent - now <= ms(25), "{}", urgent - now);
        pace.departs(bulk(&person), now);
    }
}

#[test]
fn one_throttled_conversation_touches_nobody_else() {
    let mut pace = pace(50);
    for moment in 0..20 {
        let slowed = pace.throttled(to("noisy"), noon() + TimeDelta::hours(1), noon() + ms(moment * 100));
        assert!(!slowed);
    }
    let now = noon() + ms(2000);
    assert_eq!(ready(&mut pace, "noisy", now), noon() + TimeDelta::hours(1));
    for other in 0..50 {
        let other = format!("quiet {other}");
        assert_eq!(ready(&mut pace, &other, now), now);
        pace.departs(to(&other), now);
    }
}

#[test]
fn a_tenant_whose_conversations_are_throttled_together_is_slowed_and_recovers() {
    let mut pace = pace(50);
    assert!(!pace.throttled(to("a"), noon(), noon()));
    assert!(!pace.throttled(to("b"), noon(), noon()));
    assert!(pace.throttled(to("c"), noon(), noon()));
    let burst = |pace: &mut Pace, now: DateTime<Utc>| {
        (0..100)
            .take_while(|n| {
                let who = format!("{now} {n}");
                let ready = ready(pace, &who, now) == now;
                pace.departs(to(&who), now);
                ready
            })
            .count()
    };
    assert_eq!(burst(&mut pace.clone(), noon()), 40);
    assert_eq!(burst(&mut pace.clone(), noon() + TimeDelta::seconds(30)), 45);
    assert_eq!(burst(&mut pace, noon() + TimeDelta::seconds(60)), 50);
}

#[test]
fn a_tenant_is_never_slowed_to_a_standstill() {
    let mut slow = pace(1);
    for who in 0..300 {
        slow.throttled(to(&who.to_string()), noon(), noon());
    }
    slow.departs(to("x"), noon());
    assert_eq!(ready(&mut slow, "y", noon()), noon() + SECOND);
    assert_eq!(ready(&mut pace(0), "y", noon()), noon());
}

#[test]
fn a_slow_way_to_a_conversation_counts_from_the_answer() {
    let mut one = pace(50);
    for turn in 0..7 {
        let now = noon() + ms(turn * 60);
        one.departs(to("a"), now);
        one.answered(to("a"), now, now + ms(60));
    }
    assert_eq!(ready(&mut one, "a", noon() + ms(420)), noon() + ms(1060));
}

#[test]
fn a_way_that_is_always_as_long_costs_nothing_of_the_tenants_rate() {
    let mut pace = pace(50);
    let mut now = noon();
    let mut sent = Vec::new();
    for person in 0..1000 {
        let person = person.to_string();
        now = ready(&mut pace, &person, now);
        pace.departs(to(&person), now);
        pace.answered(to(&person), now, now + ms(100));
        sent.push(now);
    }
    // But for the first second, in which it is not known yet how long it always is.
    assert_eq!(now - noon(), TimeDelta::seconds(19) + ms(64));
}

#[test]
fn a_request_that_was_slow_on_its_way_counts_a_little_later() {
    let mut pace = pace(50);
    let early = noon() - TimeDelta::seconds(5);
    pace.departs(to("early"), early);
    pace.answered(to("early"), early, early + ms(5));
    for person in 0..50 {
        let person = person.to_string();
        pace.departs(to(&person), noon());
        pace.answered(to(&person), noon(), noon() + ms(if person == "0" { 5 } else { 160 }));
    }
    let next = ready(&mut pace, "next", noon() + ms(200));
    assert_eq!(next, noon() + ms(1000), "the first one was quick");
    pace.departs(to("next"), next);
    let after = ready(&mut pace, "after", next);
    assert_eq!(after, noon() + ms(1064), "the others count 64 ms later at most");
    for moment in 0..4 {
        pace.throttled(to(&format!("innocent {moment}")), noon(), noon() + ms(moment));
    }
    pace.departs(to("x"), noon() + TimeDelta::seconds(120));
    pace.answered(to("x"), noon() + TimeDelta::seconds(120), noon() + ms(120_300));
    let (used, _) = pace.in_use(noon() + ms(121_100));
    assert_eq!(used, 1, "after 429s it is more careful");
}

#[test]
fn the_first_answers_of_all_may_be_slow_ones_and_are_counted_as_late_as_they_are() {
    let mut pace = pace(50);
    for person in 0..50 {
        let person = person.to_string();
        pace.departs(to(&person), noon());
        pace.answered(to(&person), noon(), noon() + ms(30));
    }
    assert_eq!(ready(&mut pace, "next", noon() + ms(100)), noon() + ms(1030));
}

#[test]
fn what_was_held_up_on_the_way_to_the_door_counts_when_it_leaves() {
    let mut pace = pace(10);
    let mut planned = Vec::new();
    for person in 0..10 {
        let now = noon() + ms(person * 100);
        pace.departs(to(&person.to_string()), now);
        planned.push(now);
    }
    // The last five stood still until the second was over.
    for (person, planned) in planned.iter().enumerate().skip(5) {
        pace.leaves(to(&person.to_string()), *planned, noon() + ms(1000));
    }
    let mut free = 0;
    while ready(&mut pace, &format!("more {free}"), noon() + ms(1499)) == noon() + ms(1499) {
        pace.departs(to(&format!("more {free}")), noon() + ms(1499));
        free += 1;
    }
    assert_eq!(free, 5, "the five that were held up fill half of the second still");
}

#[test]
fn a_clock_that_was_set_back_delays_by_one_window_not_by_days() {
    for request in [to as fn(&str) -> Request<'_>, bulk] {
        let mut pace = pace(50);
        for _ in 0..8 {
            pace.departs(request("a"), noon() + TimeDelta::days(3));
        }
        assert_eq!(pace.ready(request("a"), noon()).at(), noon() + TimeDelta::seconds(2));
        let later = noon() + TimeDelta::seconds(2);
        assert_eq!(pace.ready(request("a"), later).at(), later);
    }
}

#[test]
fn conversations_that_are_quiet_for_an_hour_are_forgotten() {
    let mut pace = pace(u32::MAX);
    for person in 0..200_000_i64 {
        pace.departs(to(&person.to_string()), noon() + ms(person * 100));
    }
    assert!(pace.remembered() <= 2 * 36_000 + 1024, "{}", pace.remembered());
}

#[test]
fn what_is_in_use_is_that_of_the_busiest_tenant() {
    let mut pace = pace(50);
    assert_eq!(pace.in_use(noon()), (0, 50));
    for person in 0..30 {
        pace.departs(to(&person.to_string()), noon());
    }
    assert_eq!(pace.in_use(noon() + ms(999)), (30, 50));
    assert_eq!(pace.in_use(noon() + ms(1001)), (0, 50));
}

proptest! {
    #[test]
    fn others_are_as_fast_as_if_the_throttled_conversation_were_not_there(steps in proptest::collection::vec((0_u8..3, 0_i64..300, any::<bool>()), 1..200)) {
        let (mut calm, mut noisy) = (pace(20), pace(20));
        let mut now = noon();
        for (who, pause, throttle) in steps {
            now += ms(pause);
            if throttle {
                noisy.throttled(to("noisy"), now + TimeDelta::minutes(5), now);
            }
            let key = who.to_string();
            let at = ready(&mut calm, &key, now);
            prop_assert_eq!(ready(&mut noisy, &key, now), at);
            if at == now {
                calm.departs(to(&key), now);
                noisy.departs(to(&key), now);
            }
        }
    }

    #[test]
    fn no_window_is_ever_broken(steps in proptest::collection::vec((0_u8..4, 0_i64..1500, any::<bool>()), 1..400), per_second in 1_u32..20) {
        let mut pace = pace(per_second);
        let mut now = noon();
        let mut by_conversation: HashMap<u8, Vec<DateTime<Utc>>> = HashMap::new();
        let mut all = Vec::new();
        for (who, pause, in_bulk) in steps {
            now += ms(pause / 3 * i64::from(pause > 1000));
            let key = who.to_string();
            let request = if in_bulk { bulk(&key) } else { to(&key) };
            let at = pace.ready(request, now).at();
            prop_assert!(at >= now);
            prop_assert_eq!(pace.ready(request, at).at(), at, "what is ready stays ready");
            now = at;
            pace.departs(request, now);
            by_conversation.entry(who).or_default().push(now);
            all.push(now);
        }
        for sent in by_conversation.values() {
            for window in Rates::default().messages {
                prop_assert!(!breaks(sent, window));
            }
        }
        let tenant = Window { count: per_second as usize, per: SECOND };
        prop_assert!(!breaks(&all, tenant));
    }
}
