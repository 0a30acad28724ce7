//! What a rule that lives owes: cards for those who have none, and new ones in the place of those that were sent. `serve`
//! and `test` call these very functions.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::decide::{Arrival, Course, Decided, in_scope};
use super::{Matter, decide, dress, follow};
use crate::audience::{Audience, By, PersonRef, Reached, Want, Wanted};
use crate::card::Card;
use crate::card::text::Warnings;
use crate::delivery::{Address, CardId, Delivery, DeliveryId, Recipient, Thread, ThreadId};
use crate::event::{Event, Origin};
use crate::plan::manner::Manner;
use crate::plan::{self, Plan};
use crate::roster::{ConversationId, Mention};
use crate::rule::Rule;
use crate::rule::living::OnUpdate;
use crate::timer::TimerId;

/// A card that stands for a matter.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its delivery.
    pub delivery: DeliveryId,
    /// Whose it is.
    pub recipient: Recipient,
    /// Where it is, once it was delivered.
    pub place: Option<ConversationId>,
    /// What an answer to it goes to.
    pub thread: Option<Thread>,
}

impl Standing {
    /// The card that this delivery brings.
    pub fn of(delivery: &Delivery) -> Standing {
        let root = delivery.thread_root.as_ref().or(delivery.activity_id.as_ref());
        let thread = match (&delivery.conversation_id, root) {
            (Some(conversation), Some(message)) => Some(Thread::Of {
                conversation: conversation.clone(),
                message: message.clone(),
            }),
            (_, _) => None,
        };
        Standing {
            delivery: delivery.id.clone(),
            recipient: delivery.recipient.clone(),
            place: delivery.conversation_id.clone(),
            thread,
        }
    }
}

impl Standing {
    /// Is it in this conversation?
    pub fn is_in(&self, here: Option<&ConversationId>) -> bool {
        self.place.is_some() && self.place.as_ref() == here
    }
}

/// A rule that lives, at work on one event.
#[derive(Debug)]
pub struct Keeping {
    /// What the event does.
    pub decided: Decided,
    /// What stands for the matter already.
    standing: Vec<Standing>,
    /// How those who have a card are reached now, as far as the rule still names them.
    reached: HashMap<String, Reached>,
    /// Who gets no card of their own because there are too many.
    left_out: usize,
    /// What did not come out as meant.
    warnings: Vec<String>,
}

/// What comes of it.
#[derive(Debug)]
pub struct Kept {
    /// The matter as it is to be kept; `None` if it stays as it was.
    pub change: Option<super::Change>,
    /// Cards in the place of those that were sent.
    pub amendments: Vec<(DeliveryId, Card)>,
    /// The timer that has no use any more.
    pub stopped: Option<TimerId>,
    /// What did not come out as meant.
    pub warnings: Vec<String>,
    /// What is written down of it.
    pub told: super::told::Told,
}

impl Keeping {
    /// Sees to it that only those are told who have to be: of `told` stay those who get a card of their own. `scope` gets
    /// what templates see as `tracked`.
    pub fn new(
        rule: &Rule,
        decided: Decided,
        standing: Vec<Standing>,
        told: &mut Audience,
        scope: &mut Value,
        seen: Warnings,
    ) -> Keeping {
        scope["tracked"] = in_scope(&decided.matter);
        let has_card: HashMap<String, usize> = standing
            .iter()
            .enumerate()
            .map(|(index, one)| (one.recipient.address.key(), index))
            .collect();
        let mut reached = HashMap::new();
        let mut left_out = 0;
        let mut keep = |reach: &Reached| {
            let key = reach.recipient.address.key();
            if has_card.contains_key(&key) {
                reached.insert(key, reach.clone());
                return false;
            }
            true
        };
        let replies = replies(rule);
        match decided.course {
            Course::Opens | Course::Again => {}
            Course::Updates if replies => {
                told.unreachable.clear();
                for reach in &told.reached {
                    keep(reach);
                }
                left_out = at_most(told, Matter::MOST_CARDS);
            }
            Course::Updates => {
                told.unreachable.clear();
                told.reached.retain(keep);
                left_out = at_most(told, Matter::MOST_CARDS.saturating_sub(standing.len()));
            }
            Course::Closes | Course::NotOpen | Course::Late => {
                told.unreachable.clear();
                for reach in &told.reached {
                    keep(reach);
                }
                told.reached.clear();
            }
        }
        told.first = told.first.min(told.reached.len());
        Keeping {
            decided,
            standing,
            reached,
            left_out,
            warnings: seen.into_vec(),
        }
    }

    /// A rule at work on an event as if it were the first that is heard of anything: how a card is looked at before there
    /// is one. `None` if the rule keeps nothing of what it sends.
    pub fn of_first(arrival: Arrival<'_>, told: &mut Audience, scope: &mut Value) -> Option<Keeping> {
        if !arrival.rule.lives() {
            return None;
        }
        let mut decided = decide::arrival(arrival, None, &mut Warnings::new());
        decided.course = Course::Opens;
        Some(Keeping::new(
            arrival.rule,
            decided,
            Vec::new(),
            told,
            scope,
            Warnings::new(),
        ))
    }

    /// Nobody has to be asked who else there is.
    pub fn knows_everybody(&self) -> bool {
        match self.decided.course {
            Course::Opens | Course::Updates | Course::Again => false,
            Course::Closes | Course::NotOpen | Course::Late => true,
        }
    }

    /// How to find those again whose cards change although the rule does not name them any more: they are told in their
    /// own language.
    pub fn unknown(&self, rule: &Rule) -> Vec<Wanted> {
        match self.amends(rule) {
            true => not_named(&self.standing, &self.reached),
            false => Vec::new(),
        }
    }

    /// Adds how others are reached.
    pub fn learn(&mut self, reached: Vec<Reached>) {
        let by_key = reached.into_iter().map(|reach| (reach.recipient.address.key(), reach));
        self.reached.extend(by_key);
    }

    fn amends(&self, rule: &Rule) -> bool {
        match self.decided.course {
            Course::Closes => true,
            Course::Updates => !replies(rule),
            Course::Opens | Course::Again | Course::NotOpen | Course::Late => false,
        }
    }

    /// What is owed: `plan` has the cards of those who get one of their own, and gets the buttons for them.
    pub fn finish(self, rule: &Rule, event: &Event, scope: &Value, told: &Audience, plan: &mut Plan) -> Kept {
        let mut seen = Warnings::new();
        let amends = self.amends(rule);
        let Keeping {
            decided,
            standing,
            reached,
            left_out,
            mut warnings,
        } = self;
        let Decided {
            course,
            mut matter,
            before,
            closing: _,
        } = decided;
        let mut by_key: HashMap<String, &Reached> = HashMap::new();
        for reach in &told.reached {
            by_key.insert(reach.recipient.address.key(), reach);
        }
        let stands: HashMap<String, &Standing> =
            standing.iter().map(|one| (one.recipient.address.key(), one)).collect();
        dress_all(rule, &matter, event, scope, &by_key, &stands, plan, &mut seen);
        let room = Matter::MOST_CARDS.saturating_sub(matter.deliveries.len());
        let new = plan.deliveries.iter().filter(|delivery| {
            delivery.card_id.is_some()
                && can_change(&delivery.recipient.address)
                && !matter.deliveries.contains(&delivery.id)
                && !stands.contains_key(&delivery.recipient.address.key())
        });
        let new: Vec<DeliveryId> = new.take(room).map(|delivery| delivery.id.clone()).collect();
        let added = new.len();
        matter.deliveries.extend(new);
        let amendments = match amends {
            true => amendments(rule, &matter, scope, &standing, &reached, &mut seen),
            false => Vec::new(),
        };
        if left_out > 0 {
            warnings.push(format!(
                "{left_out} more would be told, but {} cards for one thing are the most",
                Matter::MOST_CARDS
            ));
        }
        warnings.extend(seen.into_vec());
        let changes = match course {
            Course::Again => added > 0,
            Course::Opens | Course::Updates | Course::Closes => true,
            Course::NotOpen | Course::Late => false,
        };
        Kept {
            told: super::told::Told::of_event(course, &matter, added, amendments.len()),
            stopped: (course == Course::Closes).then(|| decide::alarm(&matter)),
            change: changes.then_some(super::Change { before, after: matter }),
            amendments,
            warnings,
        }
    }
}

/// What the cards of a matter become after somebody did something about it. `scope` is that of its newest event.
pub fn amendments(
    rule: &Rule,
    matter: &Matter,
    scope: &Value,
    standing: &[Standing],
    reached: &HashMap<String, Reached>,
    seen: &mut Warnings,
) -> Vec<(DeliveryId, Card)> {
    let mut scope = scope.clone();
    follow::see(&mut scope, matter);
    let personal = reads_recipient(rule);
    let drill = matches!(matter.event.origin, Origin::Drill { .. });
    let mut shared: Vec<(Vec<Mention>, Manner, Card)> = Vec::new();
    let mut amendments = Vec::with_capacity(standing.len());
    let (source, _) = dress::source(rule, matter);
    let (of_steps, standing) = follow::by_step(rule, matter, standing);
    for (step, its) in of_steps {
        amendments.extend(self::amendments(&step, matter, &scope, &its, reached, seen));
    }
    for one in standing.into_iter().filter(|one| can_change(&one.recipient.address)) {
        let reach = reached.get(&one.recipient.address.key());
        let mentions = reach.map_or(&[][..], |reach| reach.mentions.as_slice());
        let manner = Manner::of_living(rule, source, &one.recipient.address, reach);
        let same = shared
            .iter()
            .find(|(known, other, _)| !personal && known == mentions && *other == manner);
        let card = match same {
            Some((_, _, card)) => card.clone(),
            None => {
                scope["recipient"] = reach.map_or(Value::Null, plan::recipient);
                manner.enter(&mut scope);
                let mut card = dress::card(rule, matter, &scope, mentions, &manner, seen);
                if drill {
                    card = card.as_drill(&rule.name);
                }
                shared.push((mentions.to_vec(), manner, card.clone()));
                card
            }
        };
        amendments.push((one.delivery.clone(), card));
    }
    amendments
}

/// The cards of a matter sent once more, where they are: in the thread of the first, or as an answer to it.
pub fn once_more(
    rule: &Rule,
    event: &Event,
    matter: &Matter,
    standing: &[Standing],
    cards: &[(DeliveryId, Card)],
    revision: &str,
    now: DateTime<Utc>,
) -> Vec<Delivery> {
    let mut told: HashSet<String> = HashSet::new();
    let mut again = Vec::new();
    for (id, card) in cards {
        let Some(one) = standing.iter().find(|one| one.delivery == *id) else {
            continue;
        };
        let address = &one.recipient.address;
        if !told.insert(address.key()) {
            continue;
        }
        let id = DeliveryId::of(&event.id, &rule.name, address);
        let mut delivery = plan::owed(
            id,
            &rule.name,
            &event.id,
            one.recipient.clone(),
            Some(card.id()),
            revision,
            now,
        );
        delivery.terms = rule.sending.terms(standing.len(), now);
        delivery.terms.uncounted = true;
        thread(rule, matter, &mut delivery, Some(one));
        again.push(delivery);
    }
    again
}

/// How to find those people again who have a card and are not `named` any more.
pub fn not_named(standing: &[Standing], named: &HashMap<String, Reached>) -> Vec<Wanted> {
    let others = standing
        .iter()
        .filter(|one| !named.contains_key(&one.recipient.address.key()));
    others.filter_map(|one| wanted(&one.recipient)).collect()
}

fn wanted(recipient: &Recipient) -> Option<Wanted> {
    let id = match &recipient.address {
        Address::Person { id, .. } => id,
        Address::Feed { .. } | Address::Conversation { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => {
            return None;
        }
    };
    let person = match id.starts_with("29:") {
        true => PersonRef::AccountId(id.clone()),
        false => PersonRef::AadObjectId(id.clone()),
    };
    Some(somebody(person, recipient.name.clone()))
}

/// A question to the directory that finds one person again.
pub fn somebody(person: PersonRef, written: String) -> Wanted {
    Wanted {
        written,
        want: Want::Person(person),
        mention: Vec::new(),
        by: By::Chat,
        thread: None,
        only: Vec::new(),
    }
}

/// Does what a card shows depend on who reads it?
fn reads_recipient(rule: &Rule) -> bool {
    rule.card.reads("recipient") || rule.living.reads("recipient")
}

/// Can a card be changed that goes there?
fn can_change(address: &Address) -> bool {
    match address {
        Address::Person { .. } | Address::Conversation { .. } => true,
        Address::Feed { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => false,
    }
}

fn replies(rule: &Rule) -> bool {
    rule.living.track.as_ref().is_some_and(|track| match track.on_update {
        OnUpdate::Reply => true,
        OnUpdate::Update => false,
    })
}

/// Cuts an audience, and says how many are left out.
fn at_most(told: &mut Audience, most: usize) -> usize {
    let left_out = told.reached.len().saturating_sub(most);
    told.reached.truncate(most);
    left_out
}

/// Gives the cards of a plan their buttons, and those that answer to an earlier card their place.
#[expect(clippy::too_many_arguments, reason = "all of it is borrowed from one decision")]
fn dress_all(
    rule: &Rule,
    matter: &Matter,
    event: &Event,
    scope: &Value,
    reached: &HashMap<String, &Reached>,
    stands: &HashMap<String, &Standing>,
    plan: &mut Plan,
    seen: &mut Warnings,
) {
    let (source, another) = dress::source(rule, matter);
    let personal = rule.living.reads("recipient") || another;
    let drill = matches!(event.origin, Origin::Drill { .. });
    let cards: BTreeMap<CardId, Card> = plan.cards.drain(..).map(|card| (card.id(), card)).collect();
    let mut dressed: BTreeMap<CardId, Card> = BTreeMap::new();
    let mut same: HashMap<(CardId, Manner), CardId> = HashMap::new();
    let mut scope = scope.clone();
    for delivery in &mut plan.deliveries {
        let Some(plain) = delivery.card_id.as_ref().and_then(|id| cards.get(id)) else {
            continue;
        };
        let key = delivery.recipient.address.key();
        if replies(rule) {
            thread(rule, matter, delivery, stands.get(&key).copied());
        }
        // A reply is news; what can be done stands on the first card.
        if !can_change(&delivery.recipient.address) || stands.contains_key(&key) {
            dressed.insert(plain.id(), plain.clone());
            continue;
        }
        let reach = reached.get(&key).copied();
        let before = (
            plain.id(),
            Manner::of_living(rule, source, &delivery.recipient.address, reach),
        );
        let known = same.get(&before).filter(|_| !personal);
        let id = match known {
            Some(id) => id.clone(),
            None => {
                let manner = &before.1;
                scope["recipient"] = reach.map_or(Value::Null, plan::recipient);
                manner.enter(&mut scope);
                let card = match another {
                    true => {
                        let mentions = reach.map_or(&[][..], |reach| reach.mentions.as_slice());
                        let card = dress::card(rule, matter, &scope, mentions, manner, seen);
                        match drill {
                            true => card.as_drill(&rule.name),
                            false => card,
                        }
                    }
                    false => dress::dressed(plain.clone(), rule, matter, &scope, manner.ours(), seen),
                };
                let id = card.id();
                dressed.insert(id.clone(), card);
                same.insert(before, id.clone());
                id
            }
        };
        delivery.card_id = Some(id);
    }
    plan.cards = dressed.into_values().collect();
}

/// Later cards of a matter go where the first one is.
fn thread(rule: &Rule, matter: &Matter, delivery: &mut Delivery, stands: Option<&Standing>) {
    let in_channel = match &delivery.recipient.address {
        Address::Conversation { id } => {
            let id = id.as_str();
            id.ends_with("@thread.tacv2") || id.ends_with("@thread.skype")
        }
        Address::Person { .. } | Address::Feed { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => false,
    };
    if delivery.terms.thread.is_some() {
        return;
    }
    delivery.terms.thread = match (in_channel, stands) {
        // Whichever is sent first begins it.
        (true, _) => {
            let about = format!("{} {}", matter.id, matter.opened_at.timestamp_millis());
            Some(Thread::Shared {
                id: ThreadId::of(&rule.name, &about, &delivery.recipient.address),
            })
        }
        (false, Some(first)) => first.thread.clone(),
        (false, None) => None,
    };
}
