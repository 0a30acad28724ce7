//! Asks Teams who is in a team or chat, and Graph for whom Teams does not know, and lets the rules that waited for it go
//! on.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use futures::StreamExt;
use tokio::sync::{Notify, mpsc, watch};
use tracing::{info, warn};

use crate::audience::{Found, GROUP_GOOD_FOR, Lookup, PlaceRef, Seek};
use crate::clock::Clock;
use crate::dispatch::{Dispatcher, EVERYBODY, fan_out};
use crate::graph::Search;
use crate::graph::client::Graph;
use crate::graph::inquiry::{Heard, Inquiries};
use crate::lane::Lane;
use crate::pace::{Kind, Request};
use crate::profiles::Profiles;
use crate::roster::{Conversation, ConversationId, ConversationKind, Fact, Person, Roster, Team};
use crate::stop::Stop;
use crate::store::directory::Entry;
use crate::store::outbox::Held;
use crate::store::{Directory, Outbox, StoreError};
use crate::teams::answer::Answer;
use crate::teams::connector::Connector;
use crate::teams::standing::Refused;
use crate::trace::{Root, TraceContext};
use crate::tracer::made_for;
use crate::turnstile::Turnstile;

/// How often a roster is asked for before the rule goes on without it: about six hours with the waits below.
const TRIES: u32 = 30;
/// How often it looks without being rung.
const EVERY: Duration = Duration::seconds(5);
/// What was listed this recently is not listed again when everybody is asked for.
const FRESH: Duration = Duration::minutes(10);
/// Entries of the directory looked at in one step.
const PAGE: usize = 200;
/// Held rules looked at in one round.
const BATCH: usize = 100;
/// People and groups looked up in Graph in one round, and how many at once.
const LOOK_UPS: usize = 200;
const LOOK_UPS_AT_ONCE: usize = 8;
/// People about whom Graph is asked in one round.
const PROFILES: usize = 200;

/// Works the held rules off.
pub struct RollCall {
    /// Whom we know.
    pub directory: Arc<dyn Directory>,
    /// Where the held rules are.
    pub outbox: Arc<dyn Outbox>,
    /// How to ask Teams.
    pub connector: Arc<Connector>,
    /// When it may be asked.
    pub turnstile: Arc<Turnstile>,
    /// Who goes on with a rule.
    pub dispatcher: Dispatcher,
    /// Who takes in recipients that are many.
    pub fan_outs: mpsc::Sender<Held>,
    /// The time.
    pub clock: Clock,
    /// Rung when there may be something to do.
    pub work: Arc<Notify>,
    /// When everybody was last asked for; whoever hears of a new place sets it to `None`.
    pub asked_at: watch::Sender<Option<DateTime<Utc>>>,
    /// Graph, where it may be asked, and what it could not tell lately.
    pub graph: Option<(Arc<Graph>, Arc<Inquiries>)>,
    /// Who asks Graph what Entra and mailboxes say of people, where that is allowed.
    pub profiles: Option<Profiles>,
}

/// A team or group chat whose members are asked for.
struct Asked {
    id: String,
    service_url: String,
    tenant_id: String,
}

/// Why a roster could not be had.
enum Missing {
    /// Asking again later may help.
    Later(String),
    /// The bot as a whole is refused, everywhere or in the tenant: nobody is to blame, and nobody is asked before then.
    Refused(String, DateTime<Utc>),
    /// It will never help.
    Never(String),
}

/// Somebody or something was looked up, or why not; an error is the store's.
type Looked = Result<Result<(), Missing>, StoreError>;

impl RollCall {
    /// Runs until `stop` is true.
    pub async fn run(self, mut stop: Stop) {
        loop {
            let rung = self.work.notified();
            tokio::pin!(rung);
            // Listen before looking, so that a ring in between is not missed.
            rung.as_mut().enable();
            match self.round().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(problem) => warn!(%problem, "held rules cannot be read, trying again"),
            }
            tokio::select! {
                () = stop.told() => return,
                () = rung => {}
                () = self.clock.sleep_until(self.clock.now() + EVERY) => {}
            }
        }
    }

    /// Asks for everybody if somebody new came, and looks at the rules that are due; true if there were any.
    async fn round(&self) -> Result<bool, StoreError> {
        let nobody_asked = self.asked_at.borrow().is_none();
        if nobody_asked
            && let Err(Missing::Later(reason) | Missing::Never(reason) | Missing::Refused(reason, _)) =
                self.everybody().await?
        {
            info!(%reason, "nobody can be asked who is there, trying again");
        }
        let held = self.outbox.due_held(BATCH, self.clock.now()).await?;
        let mut asked = self.look_up(&held).await?;
        for held in &held {
            if held.fan_out.is_some() {
                self.hand_over(held).await?;
                continue;
            }
            for id in &held.rosters {
                // Of those to look up in Graph, the rest has its turn in the next round.
                if !asked.contains_key(id) && Seek::of_key(id).is_none() {
                    let answer = match id.as_str() {
                        EVERYBODY => self.everybody().await?,
                        id => self.fetch(id).await?,
                    };
                    asked.insert(id.clone(), answer);
                }
            }
            self.go_on(held, &asked).await?;
        }
        Ok(!held.is_empty())
    }

    /// Hands a rule with many recipients to those who take them in; they say when it is due again.
    async fn hand_over(&self, held: &Held) -> Result<(), StoreError> {
        let due_in = |wait: Duration| Held {
            due_at: self.clock.now() + wait,
            ..held.clone()
        };
        // Before they have it: they change it as well.
        self.outbox.hold(&due_in(fan_out::LEASE)).await?;
        if self.fan_outs.try_send(held.clone()).is_err() {
            self.outbox.hold(&due_in(EVERY)).await?;
        }
        Ok(())
    }

    async fn go_on(&self, held: &Held, asked: &BTreeMap<String, Result<(), Missing>>) -> Result<(), StoreError> {
        let problem = held
            .rosters
            .iter()
            .find_map(|id| asked.get(id).and_then(|answer| answer.as_ref().err()));
        // Whoever was found in Graph does not wait for those who could not be looked up yet.
        let found_some = held
            .rosters
            .iter()
            .any(|id| Seek::of_key(id).is_some() && matches!(asked.get(id), Some(Ok(()))));
        match problem {
            Some(Missing::Later(_) | Missing::Refused(..)) if found_some => {
                self.dispatcher.resume(held, None).await?;
            }
            None => {
                self.dispatcher.resume(held, None).await?;
            }
            Some(Missing::Never(reason)) => {
                self.dispatcher.resume(held, Some(reason)).await?;
            }
            Some(Missing::Later(reason)) if held.attempts + 1 >= TRIES => {
                self.dispatcher.resume(held, Some(reason)).await?;
            }
            Some(Missing::Refused(reason, until)) => {
                let again = Held {
                    due_at: *until,
                    reason: Some(reason.clone()),
                    ..held.clone()
                };
                self.outbox.hold(&again).await?;
            }
            Some(Missing::Later(reason)) => {
                let attempts = held.attempts + 1;
                let wait = Duration::seconds(2_i64.saturating_pow(attempts.min(10)).min(900));
                warn!(event = %held.event.id, rule = %held.rule, attempts, %reason, "members cannot be listed yet");
                let again = Held {
                    due_at: self.clock.now() + wait,
                    attempts,
                    reason: Some(reason.clone()),
                    ..held.clone()
                };
                self.outbox.hold(&again).await?;
            }
        }
        Ok(())
    }

    /// Looks up in Graph whom these rules wait for, a bounded number of them. Whoever was looked up is known then, or it
    /// is known why not; who could not be looked up yet is an error.
    async fn look_up(&self, held: &[Held]) -> Result<BTreeMap<String, Result<(), Missing>>, StoreError> {
        let mut keys: Vec<&String> = held.iter().flat_map(|held| &held.rosters).collect();
        keys.sort();
        keys.dedup();
        let (mut seeks, mut people) = (Vec::new(), Vec::new());
        for seek in keys.into_iter().filter_map(|key| Seek::of_key(key)) {
            match seek {
                Seek::Profile(id) if people.len() < PROFILES => people.push(id),
                Seek::Address(_) | Seek::Group(_) if seeks.len() < LOOK_UPS => seeks.push(seek),
                Seek::Profile(_) | Seek::Address(_) | Seek::Group(_) => {}
            }
        }
        let asked: Vec<(String, Looked)> = futures::stream::iter(seeks)
            .map(|seek| {
                let span = span_of(held, &seek);
                made_for(span, async move { (seek.key(), self.inquire(&seek).await) })
            })
            .buffer_unordered(LOOK_UPS_AT_ONCE)
            .collect()
            .await;
        let mut answers: BTreeMap<String, Result<(), Missing>> = asked
            .into_iter()
            .map(|(key, answer)| Ok((key, answer?)))
            .collect::<Result<_, StoreError>>()?;
        let mut later = match &self.profiles {
            Some(profiles) => {
                let first = people.first().map(|id| Seek::Profile(id.clone()));
                let span = first.and_then(|seek| span_of(held, &seek));
                made_for(span, profiles.ask(&people)).await?
            }
            None => BTreeMap::new(),
        };
        for id in people {
            let answer = later.remove(&id).map_or(Ok(()), |reason| Err(Missing::Later(reason)));
            answers.insert(Seek::Profile(id).key(), answer);
        }
        Ok(answers)
    }

    /// Asks Graph for somebody, or for the members of a group, and remembers what it told.
    async fn inquire(&self, seek: &Seek) -> Looked {
        let Some((graph, inquiries)) = &self.graph else {
            return Ok(Ok(()));
        };
        let now = self.clock.now();
        let miss = |reason: String, passes: bool| {
            inquiries.remember(
                seek,
                Heard {
                    at: now,
                    reason,
                    passes,
                },
            );
        };
        let facts = match seek {
            // They are asked about together.
            Seek::Profile(_) => return Ok(Ok(())),
            Seek::Address(address) => match graph.person(address).await {
                Ok(Search::Found(person)) => Ok(vec![Fact::PersonSeen(person)]),
                Ok(Search::Nobody) => Err(Ok(
                    "Microsoft Graph knows nobody with this mail address or sign-in name".to_owned(),
                )),
                Ok(Search::Several(count)) => Err(Ok(format!(
                    "Microsoft Graph knows {count} people with this mail address: write the sign-in name or the object id"
                ))),
                Err(no) => Err(Err(no)),
            },
            Seek::Group(group) => match graph.group(group).await {
                Ok(Search::Found(members)) => {
                    info!(
                        group = seek.shown(),
                        members = members.len(),
                        "members of a group of Entra listed"
                    );
                    Ok(vec![Fact::RosterFetched(Roster {
                        id: seek.key(),
                        members,
                        fetched_at: now,
                        stale: false,
                    })])
                }
                Ok(Search::Nobody) => Err(Ok("Microsoft Graph knows no such group".to_owned())),
                Ok(Search::Several(count)) => Err(Ok(format!(
                    "Microsoft Graph knows {count} groups of this name: write the object id"
                ))),
                Err(no) => Err(Err(no)),
            },
        };
        match facts {
            Ok(facts) => {
                self.directory.learn(&facts).await?;
                inquiries.forget(seek);
                Ok(Ok(()))
            }
            Err(Ok(reason)) => {
                miss(reason, false);
                Ok(Ok(()))
            }
            Err(Err(no)) => {
                let reason = no.to_string();
                if !no.passes() {
                    warn!(sought = seek.shown(), %reason, "Graph could not be asked");
                    miss(reason, false);
                    return Ok(Ok(()));
                }
                // An old list is better than none, and it is said how old.
                Ok(match self.has_old_list(seek, now).await? {
                    true => {
                        miss(reason, true);
                        Ok(())
                    }
                    false => Err(Missing::Later(reason)),
                })
            }
        }
    }

    async fn has_old_list(&self, seek: &Seek, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let Seek::Group(_) = seek else {
            return Ok(false);
        };
        Ok(match self.directory.look_up(&Lookup::Roster(seek.key())).await? {
            Found::Roster(Some(roster)) => now - roster.fetched_at < GROUP_GOOD_FOR,
            Found::Roster(None)
            | Found::People(_)
            | Found::Teams(_)
            | Found::GroupChats(_)
            | Found::Conversation(_) => false,
        })
    }

    /// Lists the channels and members of every team and the members of every group chat that were not listed lately. A
    /// place that cannot be listed hides only itself; the answer is an error when none could be.
    async fn everybody(&self) -> Result<Result<(), Missing>, StoreError> {
        let began = self.clock.now();
        // Set before asking: whoever hears of a new place meanwhile sets it back.
        self.asked_at.send_replace(Some(began));
        let mut after: Option<String> = None;
        let mut problem = None;
        let mut listed = false;
        let mut looked = began;
        loop {
            let page = self.directory.list(after.as_deref(), PAGE).await?;
            for (_, entry) in &page {
                let answer = match entry {
                    Entry::Team(team) => match self.channels(team, began).await? {
                        Ok(()) => self.fetch_if_old(&team.id, began).await?,
                        failed @ Err(_) => failed,
                    },
                    Entry::Conversation(chat) if chat.kind == ConversationKind::GroupChat => {
                        self.fetch_if_old(chat.id.as_str(), began).await?
                    }
                    Entry::Conversation(chat) if chat.kind == ConversationKind::Personal && !is_described(chat) => {
                        self.fetch_once(chat.id.as_str()).await?
                    }
                    Entry::Conversation(_)
                    | Entry::Person(_)
                    | Entry::Roster(_)
                    | Entry::Choices { .. }
                    | Entry::Corrupt { .. } => continue,
                };
                match answer {
                    Ok(()) => listed = true,
                    Err(missing) => problem = Some(missing),
                }
                if self.clock.now() - looked >= EVERY {
                    self.meanwhile().await?;
                    looked = self.clock.now();
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == PAGE => after = Some(key.clone()),
                Some(_) | None => break,
            }
        }
        Ok(match problem {
            Some(problem) if !listed => {
                self.asked_at.send_replace(None);
                Err(problem)
            }
            Some(_) | None => Ok(()),
        })
    }

    /// Goes on with rules that are due and need not wait for everybody: a hundred thousand chats take more than half an hour.
    async fn meanwhile(&self) -> Result<(), StoreError> {
        for held in self.outbox.due_held(BATCH, self.clock.now()).await? {
            if held.fan_out.is_some() {
                self.hand_over(&held).await?;
            } else if held.rosters.iter().all(|id| id != EVERYBODY) {
                let mut asked = self.look_up(std::slice::from_ref(&held)).await?;
                for id in held.rosters.iter().filter(|id| Seek::of_key(id).is_none()) {
                    asked.insert(id.clone(), self.fetch(id).await?);
                }
                self.go_on(&held, &asked).await?;
            }
        }
        Ok(())
    }

    async fn channels(&self, team: &Team, now: DateTime<Utc>) -> Result<Result<(), Missing>, StoreError> {
        if team.channels_fetched_at.is_some_and(|at| now - at < FRESH) {
            return Ok(Ok(()));
        }
        if let Some(refused) = self.refused(&team.tenant_id) {
            return Ok(Err(refused));
        }
        self.turn(&team.tenant_id, &team.id).await;
        let answer = self.connector.channels(&team.service_url, &team.id).await;
        let channels = match self.told(&team.tenant_id, &team.id, answer) {
            Ok(channels) => channels,
            Err(missing) => return Ok(Err(missing)),
        };
        let mut facts = vec![Fact::ChannelsFetched {
            team_id: team.id.clone(),
            channels,
            at: now,
        }];
        if team.name.is_none() {
            self.turn(&team.tenant_id, &team.id).await;
            if let Ok(details) = self.connector.team(&team.service_url, &team.id).await {
                facts.extend(details.name.map(|name| Fact::TeamRenamed {
                    id: team.id.clone(),
                    name,
                }));
            }
        }
        self.directory.learn(&facts).await?;
        Ok(Ok(()))
    }

    async fn fetch_if_old(&self, id: &str, now: DateTime<Utc>) -> Result<Result<(), Missing>, StoreError> {
        match self.directory.look_up(&Lookup::Roster(id.to_owned())).await? {
            Found::Roster(Some(roster)) if !roster.stale && now - roster.fetched_at < FRESH => Ok(Ok(())),
            Found::Roster(_) | Found::People(_) | Found::Teams(_) | Found::GroupChats(_) | Found::Conversation(_) => {
                self.fetch(id).await
            }
        }
    }

    /// An installation names a person by ids alone; asked once, Teams tells name and mail address as well.
    async fn fetch_once(&self, id: &str) -> Result<Result<(), Missing>, StoreError> {
        match self.directory.look_up(&Lookup::Roster(id.to_owned())).await? {
            Found::Roster(Some(_)) => Ok(Ok(())),
            Found::Roster(None)
            | Found::People(_)
            | Found::Teams(_)
            | Found::GroupChats(_)
            | Found::Conversation(_) => self.fetch(id).await,
        }
    }

    /// Lists the members of a team or group chat and remembers them.
    async fn fetch(&self, id: &str) -> Result<Result<(), Missing>, StoreError> {
        let Some(Asked {
            id,
            service_url,
            tenant_id,
        }) = self.place(id).await?
        else {
            return Ok(Err(Missing::Never(format!(
                "the bot is not installed in {id}, so its members are unknown"
            ))));
        };
        if let Some(refused) = self.refused(&tenant_id) {
            return Ok(Err(refused));
        }
        let turn = || self.turn(&tenant_id, &id);
        let answer = self.connector.members(&service_url, &tenant_id, &id, turn).await;
        let members = match self.told(&tenant_id, &id, answer) {
            Ok(members) => members,
            Err(missing) => return Ok(Err(missing)),
        };
        // Whoever waits for the channels waits for the same team.
        if let Found::Teams(teams) = self.directory.look_up(&Lookup::Team(PlaceRef::Id(id.clone()))).await?
            && let Some(team) = teams.first()
            && let Err(missing) = self.channels(team, self.clock.now()).await?
        {
            return Ok(Err(missing));
        }
        info!(roster = %id, members = members.len(), "members listed");
        let roster = Roster {
            id,
            members,
            fetched_at: self.clock.now(),
            stale: false,
        };
        self.directory.learn(&[Fact::RosterFetched(roster)]).await?;
        Ok(Ok(()))
    }

    /// Why nobody in this tenant may be asked about at the moment. When the time of a refusal is over, whoever is told
    /// `None` first finds out whether it still holds, as with messages.
    fn refused(&self, tenant: &str) -> Option<Missing> {
        let (standing, now) = (self.connector.standing(), self.clock.now());
        if let Some(until) = standing.refused(now) {
            return Some(Missing::Refused(
                "Teams does not accept the bot at the moment".to_owned(),
                until,
            ));
        }
        let until = standing.suspended(tenant, now)?;
        Some(Missing::Refused(
            "the bot is switched off in this tenant".to_owned(),
            until,
        ))
    }

    /// What Teams told of a place, or what its answer means for the rule that waits; the messages hear of it as well.
    fn told<T>(&self, tenant: &str, id: &str, answer: Result<T, Answer>) -> Result<T, Missing> {
        let (standing, now) = (self.connector.standing(), self.clock.now());
        let answer = match answer {
            Ok(told) => {
                standing.told(tenant);
                return Ok(told);
            }
            Err(answer) => answer,
        };
        match standing.take(tenant, &answer, now) {
            Some(Refused::Everywhere(until) | Refused::InTenant(until)) => Err(Missing::Refused(
                format!("the members of {id} could not be listed: {answer}"),
                until,
            )),
            None => Err(missing(id, &answer)),
        }
    }

    /// Waits until this team or chat may be listed.
    async fn turn(&self, tenant: &str, about: &str) {
        let request = Request {
            tenant,
            kind: Kind::Listing,
            about,
            lane: Lane::Normal,
        };
        self.turnstile.pass(request).await;
    }

    async fn place(&self, id: &str) -> Result<Option<Asked>, StoreError> {
        if let Found::Teams(teams) = self
            .directory
            .look_up(&Lookup::Team(PlaceRef::Id(id.to_owned())))
            .await?
            && let Some(team) = teams.into_iter().next()
        {
            return Ok(Some(Asked {
                id: team.id,
                service_url: team.service_url,
                tenant_id: team.tenant_id,
            }));
        }
        match self
            .directory
            .look_up(&Lookup::Conversation(ConversationId::new(id)))
            .await?
        {
            Found::Conversation(Some(chat)) => Ok(Some(Asked {
                id: chat.id.as_str().to_owned(),
                service_url: chat.service_url,
                tenant_id: chat.tenant_id,
            })),
            Found::Conversation(None)
            | Found::People(_)
            | Found::Teams(_)
            | Found::GroupChats(_)
            | Found::Roster(_) => Ok(None),
        }
    }
}

/// The decision that found out that this is to be looked up.
fn span_of(held: &[Held], seek: &Seek) -> Option<TraceContext> {
    let key = seek.key();
    let held = held.iter().find(|held| held.rosters.contains(&key))?;
    let (decision, _) = Root::of(&held.event).decision(&held.event, held.decided_at?);
    Some(decision)
}

/// Name and mail address of the other side are known: there is nothing to ask for.
fn is_described(chat: &Conversation) -> bool {
    let described =
        |person: &Person| person.name.is_some() && (person.email.is_some() || person.user_principal_name.is_some());
    chat.person.as_ref().is_some_and(described)
}

/// What an answer to "who is there" means for the rule that waits.
fn missing(id: &str, answer: &Answer) -> Missing {
    match answer {
        Answer::Throttled { .. }
        | Answer::Conflict
        | Answer::Unavailable { .. }
        | Answer::Faulty { .. }
        | Answer::NoToken { .. }
        | Answer::Unauthorized { .. }
        | Answer::SwitchedOff { .. }
        | Answer::Accepted { .. } => Missing::Later(format!("the members of {id} could not be listed: {answer}")),
        Answer::WrongHost { .. }
        | Answer::NotInstalled { .. }
        | Answer::Foreign { .. }
        | Answer::Gone { .. }
        | Answer::Blocked { .. }
        | Answer::Unreachable { .. }
        | Answer::NotAllowed { .. }
        | Answer::MessageGone { .. }
        | Answer::TooLarge
        | Answer::Rejected { .. } => Missing::Never(format!("the members of {id} cannot be listed: {answer}")),
    }
}
