//! Compares what was promised with what arrived. Every message more than one needs a reason.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use herald::delivery::{Delivery, State};

use super::connector::{Fate, Seen};
use super::load::Posted;
use super::place::conversation;

/// What came of it all.
#[derive(Debug, Default)]
pub struct Account {
    pub accepted: usize,
    pub owed: usize,
    pub unanswered: usize,
    pub taken_unanswered: usize,
    pub delivered: usize,
    pub dead: usize,
    pub posted: usize,
    pub lost: usize,
    /// Messages that arrived again, by what made Herald send them again.
    pub doubled: BTreeMap<String, usize>,
    /// Of what was in flight at a kill: the longest time from Teams' answer, which was not written down yet, to the kill.
    pub longest_unwritten: Duration,
    pub out_of_order: usize,
    /// Everything that must not be, in sentences.
    pub violations: Vec<String>,
}

/// When each life was killed, since the connector was started; one that ended well is not there.
pub type Kills = HashMap<u32, Duration>;

/// What arrived of one message in one conversation, by its place among everything that was posted.
type Arrivals<'a> = HashMap<(&'a str, &'a str), Vec<usize>>;

impl Account {
    /// Compares. `seen` is in the order in which it arrived; `kills` says when which life was killed.
    pub fn of(
        accepted: &[Posted],
        unanswered: &[Posted],
        deliveries: &[Delivery],
        seen: &[Seen],
        kills: &Kills,
    ) -> Self {
        let mut account = Self {
            accepted: accepted.len(),
            unanswered: unanswered.len(),
            posted: seen.len(),
            ..Self::default()
        };
        let mut of_event: HashMap<&str, Vec<&Delivery>> = HashMap::new();
        for delivery in deliveries {
            of_event.entry(delivery.event_id.as_str()).or_default().push(delivery);
        }
        let mut tried: Arrivals<'_> = HashMap::new();
        for (place, seen) in seen.iter().enumerate() {
            tried.entry((&seen.conversation, &seen.text)).or_default().push(place);
        }
        let mut known: HashSet<(String, String)> = HashSet::new();
        for (posted, answered) in accepted
            .iter()
            .map(|posted| (posted, true))
            .chain(unanswered.iter().map(|posted| (posted, false)))
        {
            let of_this = of_event.remove(posted.event.as_str()).unwrap_or_default();
            if of_this.is_empty() && !answered {
                continue;
            }
            account.taken_unanswered += usize::from(!answered);
            account.owed += posted.conversations.len();
            if of_this.len() != posted.conversations.len() {
                account.lost += posted.conversations.len().saturating_sub(of_this.len());
                account.violations.push(format!(
                    "{} owes {} messages and {} are recorded (answered: {answered})",
                    posted.text(),
                    posted.conversations.len(),
                    of_this.len()
                ));
            }
            for delivery in of_this {
                known.insert((conversation(delivery), posted.text()));
                account.judge(delivery, &posted.text(), seen, &tried);
            }
        }
        for (event, deliveries) in of_event {
            account.violations.push(format!(
                "{event} was never posted and has {} deliveries",
                deliveries.len()
            ));
        }
        for (conversation, text) in tried.keys() {
            if !known.contains(&((*conversation).to_owned(), (*text).to_owned())) {
                account
                    .violations
                    .push(format!("{text} was sent to {conversation} without being owed"));
            }
        }
        account.doubles(seen, &tried, kills);
        account.order(seen);
        account
    }

    /// A delivery ended, and rightly so.
    fn judge(&mut self, delivery: &Delivery, text: &str, seen: &[Seen], tried: &Arrivals<'_>) {
        let place = conversation(delivery);
        let tries: Vec<&Seen> = tried
            .get(&(place.as_str(), text))
            .into_iter()
            .flatten()
            .map(|at| &seen[*at])
            .collect();
        let answered = |status| tries.iter().filter(|try_| try_.status() == Some(status)).count();
        match delivery.state {
            State::Delivered => {
                self.delivered += 1;
                if !tries.iter().any(|try_| try_.fate.takes()) {
                    self.lost += 1;
                    self.violations.push(format!(
                        "{text} counts as delivered to {place} and never arrived: {delivery:?}"
                    ));
                }
            }
            State::Dead => {
                self.dead += 1;
                let deserved = answered(400) >= 1 || answered(500) >= 2;
                if !deserved || delivery.reason.is_none() {
                    self.lost += 1;
                    self.violations
                        .push(format!("{text} to {place} was given up without need: {delivery:?}"));
                }
            }
            State::Pending | State::Sending | State::Cancelled | State::Recalled => {
                self.lost += 1;
                self.violations
                    .push(format!("{text} to {place} never ended: {delivery:?}"));
            }
        }
    }

    /// Each message that arrived again has its reason.
    fn doubles(&mut self, seen: &[Seen], tried: &Arrivals<'_>, kills: &Kills) {
        // Of each life, the last thing posted in each conversation.
        let mut last: HashMap<(u32, &str), usize> = HashMap::new();
        for (place, seen) in seen.iter().enumerate() {
            last.insert((seen.life, &seen.conversation), place);
        }
        for ((conversation, text), places) in tried {
            let taken: Vec<usize> = places
                .iter()
                .copied()
                .filter(|place| seen[*place].fate.takes())
                .collect();
            for pair in taken.windows(2) {
                let (first, second) = (&seen[pair[0]], &seen[pair[1]]);
                let clear = matches!(first.fate, Fate::Taken { .. });
                let was_last = first.life != second.life && last[&(first.life, *conversation)] == pair[0];
                let reason = match kills.get(&first.life) {
                    _ if !clear => first.fate.word().to_owned(),
                    Some(killed) if was_last => {
                        let unwritten = first.answered.map(|at| killed.saturating_sub(at)).unwrap_or_default();
                        self.longest_unwritten = self.longest_unwritten.max(unwritten);
                        "in flight at a kill".to_owned()
                    }
                    Some(_) | None => {
                        self.violations.push(format!(
                            "{text} was sent to {conversation} again although it was taken: {first:?}, then {second:?}"
                        ));
                        "without a reason".to_owned()
                    }
                };
                *self.doubled.entry(reason).or_default() += 1;
            }
        }
    }

    /// In each conversation the messages of each client come in the order in which they were posted; what came twice
    /// counts by its first arrival.
    fn order(&mut self, seen: &[Seen]) {
        let mut newest: HashMap<(&str, &str), (u64, &Seen)> = HashMap::new();
        let mut known: HashSet<(&str, &str)> = HashSet::new();
        for seen in seen.iter().filter(|seen| seen.fate.takes()) {
            if !known.insert((&seen.conversation, &seen.text)) {
                continue;
            }
            let (client, number) = seen.text.split_once('n').expect("cXnY");
            let number: u64 = number.parse().expect("a number");
            let before = newest.entry((&seen.conversation, client)).or_insert((number, seen));
            if number < before.0 {
                self.out_of_order += 1;
                self.violations.push(format!(
                    "{} came to {} after {} (lives {} and {})",
                    seen.text, seen.conversation, before.1.text, seen.life, before.1.life
                ));
            } else {
                *before = (number, seen);
            }
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "accepted      {} events, {} more were taken although the answer was lost ({} without an answer)",
            self.accepted, self.taken_unanswered, self.unanswered
        )?;
        writeln!(f, "owed          {} messages, posted {} times", self.owed, self.posted)?;
        writeln!(f, "delivered     {}", self.delivered)?;
        writeln!(f, "given up      {} as Teams' answers demand", self.dead)?;
        writeln!(f, "lost          {}", self.lost)?;
        let reasons: Vec<String> = self
            .doubled
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        writeln!(
            f,
            "doubled       {} ({}); at most {:?} from an answer to the kill",
            self.doubled.values().sum::<usize>(),
            reasons.join(", "),
            self.longest_unwritten
        )?;
        write!(f, "out of order  {}", self.out_of_order)
    }
}

mod tests {
    use herald::delivery::{Address, DeliveryId, Recipient};
    use herald::event::EventId;
    use herald::roster::ConversationId;

    use super::*;
    use crate::support::store::{card, delivery};

    const TAKEN: Fate = Fate::Taken { after: 0 };

    fn seen(life: u32, text: &str, fate: Fate) -> Seen {
        Seen {
            at: Duration::ZERO,
            life,
            conversation: "19:a".to_owned(),
            text: text.to_owned(),
            fate,
            answered: Some(Duration::ZERO),
        }
    }

    fn posted(number: u64) -> Posted {
        Posted {
            client: 0,
            number,
            event: EventId::known(format!("e{number}")),
            conversations: vec!["19:a".to_owned()],
        }
    }

    fn owed(number: u64, state: State) -> Delivery {
        let event = format!("e{number}");
        let address = Address::Conversation {
            id: ConversationId::new("19:a"),
        };
        Delivery {
            id: DeliveryId::of(&EventId::known(&*event), "r", &address),
            recipient: Recipient {
                address,
                name: "A".to_owned(),
            },
            state,
            reason: (state == State::Dead).then(|| "because".to_owned()),
            ..delivery(&event, "r", "a", &card("x"), crate::support::store::at(0))
        }
    }

    fn account(numbers: u64, state: State, seen: &[Seen]) -> Account {
        let posted: Vec<_> = (0..numbers).map(posted).collect();
        let owed: Vec<_> = (0..numbers).map(|number| owed(number, state)).collect();
        let kills = Kills::from([(1, Duration::from_millis(5))]);
        Account::of(&posted, &[], &owed, seen, &kills)
    }

    #[test]
    fn what_went_well_is_no_violation() {
        let all = [seen(1, "c0n0", TAKEN), seen(1, "c0n1", TAKEN)];
        let account = account(2, State::Delivered, &all);
        assert!(account.violations.is_empty(), "{account:#?}");
        assert_eq!((account.delivered, account.lost), (2, 0));
    }

    #[test]
    fn a_message_that_never_came_or_was_given_up_for_nothing_is_lost() {
        assert_eq!(account(1, State::Delivered, &[]).lost, 1);
        let refused = Fate::Refused {
            status: 503,
            retry_after: None,
        };
        assert_eq!(account(1, State::Dead, &[seen(1, "c0n0", refused)]).lost, 1);
        let fault = Fate::TakenYet { status: 500 };
        assert_eq!(account(1, State::Dead, &[seen(1, "c0n0", fault)]).lost, 1);
        let twice = [seen(1, "c0n0", fault), seen(1, "c0n0", fault)];
        assert_eq!(account(1, State::Dead, &twice).lost, 0);
        let half = Account::of(
            &[posted(0), posted(1)],
            &[posted(2)],
            &[owed(0, State::Delivered)],
            &twice,
            &Kills::new(),
        );
        assert_eq!(half.lost, 1, "{half:#?}");
        assert_eq!(account(1, State::Pending, &[]).lost, 1);
    }

    #[test]
    fn a_double_needs_a_lost_answer_or_a_kill_in_its_midst() {
        let cut = [seen(1, "c0n0", Fate::Cut), seen(1, "c0n0", TAKEN)];
        assert!(account(1, State::Delivered, &cut).violations.is_empty());
        let killed = [seen(1, "c0n0", TAKEN), seen(2, "c0n0", TAKEN)];
        let account_killed = account(1, State::Delivered, &killed);
        assert_eq!(account_killed.doubled["in flight at a kill"], 1, "{account_killed:#?}");
        assert!(account_killed.violations.is_empty());
        assert_eq!(account_killed.longest_unwritten, Duration::from_millis(5));
        let not_killed = [seen(3, "c0n0", TAKEN), seen(4, "c0n0", TAKEN)];
        assert_eq!(account(1, State::Delivered, &not_killed).violations.len(), 1);
        let twice = [seen(1, "c0n0", TAKEN), seen(1, "c0n0", TAKEN)];
        assert_eq!(account(1, State::Delivered, &twice).violations.len(), 1);
        // It was settled, since the next message went out: no kill explains that it came again.
        let settled = [seen(1, "c0n0", TAKEN), seen(1, "c0n1", TAKEN), seen(2, "c0n0", TAKEN)];
        assert_eq!(account(2, State::Delivered, &settled).violations.len(), 1);
    }

    #[test]
    fn a_message_that_overtakes_another_is_seen() {
        let mixed = [seen(1, "c0n1", TAKEN), seen(1, "c0n0", TAKEN)];
        let mixed = account(2, State::Delivered, &mixed);
        assert_eq!((mixed.out_of_order, mixed.violations.len()), (1, 1));
        let again = [
            seen(1, "c0n0", Fate::Cut),
            seen(2, "c0n0", TAKEN),
            seen(2, "c0n1", TAKEN),
        ];
        assert_eq!(account(2, State::Delivered, &again).out_of_order, 0);
    }
}
