//! Every metric, in one list. Labels are closed sets of our own words ([`label`]), never text from outside.

pub mod front;
pub mod label;
mod process;

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use self::label::{Counters, Gauges, Histograms, Labelled};
use self::process::Process;
use crate::audience::Skip;
use crate::delivery::State;
use crate::lane::Lane;
use crate::store::meter::Meter;

/// A gauge of a fraction or of seconds.
type Fraction = Gauge<f64, AtomicU64>;

/// The metrics of a running Herald.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// The front door.
    pub front: front::Front,
    events: Counters,
    hooks: Counters,
    hook_time: Histograms,
    planned: Counter,
    skipped: Counters,
    attempts: Counters,
    sent: Counter,
    retried: Counters,
    dead: Counters,
    answers: Counters,
    throttled: Counters,
    latency: Histogram,
    deliveries: Gauges,
    lane_depth: Gauges,
    lane_age: Gauges<Fraction>,
    oldest_waiting: Fraction,
    pace: Fraction,
    pace_allowed: Fraction,
    runs_paused: Gauge,
    activities: Counters,
    reloads: Counters,
    broken_files: Gauge,
    rules: Gauge,
    last_reload: Fraction,
    sweeps: Counters,
    swept: Counter,
    store_bytes: Gauge,
    suspended: Gauges,
    spans: Counters,
    queue_troubles: Counter,
    queue_broken: Counter,
    graph: Counters,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(&Meter::default())
    }
}

impl Metrics {
    /// All at nothing; what `store` counts is shown with them.
    pub fn new(store: &Meter) -> Self {
        let metrics = Self {
            registry: Registry::default(),
            front: front::Front::default(),
            events: Labelled::new("origin", label::ORIGINS, Counter::default),
            hooks: Labelled::new("outcome", label::HOOK_OUTCOMES, Counter::default),
            hook_time: Labelled::new("status", label::STATUSES, request_time),
            planned: Counter::default(),
            skipped: Labelled::new("reason", &Skip::ALL.map(Skip::word), Counter::default),
            attempts: Labelled::new("verdict", label::VERDICTS, Counter::default),
            sent: Counter::default(),
            retried: Labelled::new("reason", label::RETRIES, Counter::default),
            dead: Labelled::new("reason", label::DEATHS, Counter::default),
            answers: Labelled::new("kind", label::ANSWERS, Counter::default),
            throttled: Labelled::new("named", label::THROTTLED, Counter::default),
            latency: Histogram::new(LATENCY),
            deliveries: Labelled::new("state", &State::ALL.map(State::word), Gauge::default),
            lane_depth: Labelled::new("lane", &Lane::ALL.map(Lane::word), Gauge::default),
            lane_age: Labelled::new("lane", &Lane::ALL.map(Lane::word), Gauge::default),
            oldest_waiting: Gauge::default(),
            pace: Gauge::default(),
            pace_allowed: Gauge::default(),
            runs_paused: Gauge::default(),
            activities: Labelled::new("outcome", label::ACTIVITIES, Counter::default),
            reloads: Labelled::new("result", label::RELOADS, Counter::default),
            broken_files: Gauge::default(),
            rules: Gauge::default(),
            last_reload: Gauge::default(),
            sweeps: Labelled::new("result", label::SWEEPS, Counter::default),
            swept: Counter::default(),
            store_bytes: Gauge::default(),
            suspended: Labelled::new("scope", label::SCOPES, Gauge::default),
            spans: Labelled::new("result", label::SPANS, Counter::default),
            queue_troubles: Counter::default(),
            queue_broken: Counter::default(),
            graph: Labelled::new("kind", &label::graph(), Counter::default),
        };
        let registry = metrics.register(store);
        Self { registry, ..metrics }
    }

    /// A queue could not be read and is tried again.
    pub fn queue_trouble(&self) {
        self.queue_troubles.inc();
    }

    /// Microsoft Graph answered so.
    pub fn graph_answered(&self, kind: &'static str) {
        self.graph.of(kind).inc();
    }

    /// Messages of a queue could not be read and were passed over.
    pub fn queue_passed_over(&self) {
        self.queue_broken.inc();
    }

    /// The list: names without `herald_`; `_total` and units are added by their kind.
    fn register(&self, store: &Meter) -> Registry {
        let mut all = Registry::default();
        all.register_collector(Box::new(Process::default()));
        let herald = all.sub_registry_with_prefix("herald");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        herald.register("build", "Which Herald this is", version);

        herald.register("events", "Events decided, by origin", self.events.family());
        herald.register(
            "hook_requests",
            "Requests to hooks, by what came of them",
            self.hooks.family(),
        );
        herald.register(
            "queue_troubles",
            "Times that a queue could not be read and was tried again",
            self.queue_troubles.clone(),
        );
        herald.register(
            "queue_messages_broken",
            "Messages and documents of a queue that could not be read and were passed over",
            self.queue_broken.clone(),
        );
        herald.register(
            "deliveries_planned",
            "Cards owed because of events",
            self.planned.clone(),
        );
        herald.register(
            "deliveries_skipped",
            "Recipients and targets that get no card, by reason",
            self.skipped.family(),
        );
        herald.register("attempts", "Attempts at delivering, by verdict", self.attempts.family());
        herald.register("deliveries_sent", "Cards that Teams has accepted", self.sent.clone());
        herald.register(
            "deliveries_retried",
            "Attempts after which the card is tried again, by reason",
            self.retried.family(),
        );
        herald.register("deliveries_dead", "Cards given up, by reason", self.dead.family());
        herald.register("teams_answers", "Answers of Teams, by kind", self.answers.family());
        herald.register(
            "graph_answers",
            "Answers of Microsoft Graph, by kind",
            self.graph.family(),
        );
        herald.register(
            "teams_throttled",
            "Answers of Teams that ask to slow down (429), by what they name",
            self.throttled.family(),
        );
        herald.register(
            "teams_activities",
            "Activities from Teams, by what came of them",
            self.activities.family(),
        );
        herald.register(
            "deliveries",
            "Deliveries in the store, by state",
            self.deliveries.family(),
        );
        herald.register(
            "queue_depth",
            "Deliveries that wait to be sent, by lane",
            self.lane_depth.family(),
        );
        herald.register(
            "pace_used_ratio",
            "Share of the requests a second that the tenant may get which were made",
            self.pace.clone(),
        );
        herald.register(
            "pace_allowed_per_second",
            "Requests a second that the tenant may get now",
            self.pace_allowed.clone(),
        );
        herald.register(
            "suspended",
            "Whether Teams refuses the bot, and in how many tenants it is switched off",
            self.suspended.family(),
        );
        herald.register("runs_paused", "Runs that are paused", self.runs_paused.clone());
        herald.register("rules", "Rules in force", self.rules.clone());
        herald.register("reloads", "Reloads of the workspace, by result", self.reloads.family());
        herald.register(
            "broken_files",
            "Files of the workspace that are broken now",
            self.broken_files.clone(),
        );
        herald.register(
            "sweeps",
            "Sweeps that remove what ended long ago, by result",
            self.sweeps.family(),
        );
        herald.register(
            "swept_deliveries",
            "Deliveries that sweeps have removed",
            self.swept.clone(),
        );
        herald.register(
            "store_group_changes",
            "Changes of the store that shared one sync",
            store.group.clone(),
        );
        herald.register(
            "store_failures",
            "Times the store failed and was opened again",
            store.failures.clone(),
        );

        herald.register_with_unit(
            "hook_request_duration",
            "How long requests to hooks take, by the status of the answer",
            Unit::Seconds,
            self.hook_time.family(),
        );
        herald.register_with_unit(
            "delivery_latency",
            "From the decision to Teams' acceptance",
            Unit::Seconds,
            self.latency.clone(),
        );
        herald.register_with_unit(
            "queue_oldest_age",
            "For how long the oldest delivery of a lane waits",
            Unit::Seconds,
            self.lane_age.family(),
        );
        herald.register_with_unit(
            "oldest_waiting_age",
            "For how long the oldest delivery of all waits",
            Unit::Seconds,
            self.oldest_waiting.clone(),
        );
        herald.register_with_unit(
            "last_good_reload_timestamp",
            "When the workspace was last read without an error",
            Unit::Seconds,
            self.last_reload.clone(),
        );
        herald.register_with_unit(
            "store_write_duration",
            "How long the store takes to bring a group of changes to the disk",
            Unit::Seconds,
            store.write.clone(),
        );

        herald.register_with_unit(
            "store_size",
            "What the store has on disk",
            Unit::Bytes,
            self.store_bytes.clone(),
        );
        herald.register(
            "trace_spans",
            "Spans of traces, by what came of them",
            self.spans.family(),
        );
        self.front.register(herald);
        all
    }

    /// Whether Teams refuses the bot itself, and in how many tenants an administrator switched it off.
    pub fn suspended(&self, bot: bool, tenants: usize) {
        self.suspended.of("bot").set(i64::from(bot));
        self.suspended.of("tenant").set(whole(tenants as u64));
    }

    /// An event of this origin was decided.
    pub fn event(&self, origin: &'static str) {
        self.events.of(origin).inc();
    }

    /// A request to a hook ended in this way: a word of [`label::HOOK_OUTCOMES`].
    pub fn hook(&self, outcome: &'static str) {
        self.hooks.of(outcome).inc();
    }

    /// A request to a hook was answered with a status of this kind after so many seconds: a word of
    /// [`label::STATUSES`].
    pub fn hook_took(&self, status: &'static str, seconds: f64) {
        self.hook_time.of(status).observe(seconds.max(0.0));
    }

    /// So many cards are owed from now on.
    pub fn planned(&self, count: usize) {
        self.planned.inc_by(count as u64);
    }

    /// So many recipients or targets get no card.
    pub fn skipped(&self, why: Skip, count: usize) {
        self.skipped.of(why.word()).inc_by(count as u64);
    }

    /// Teams accepted a card, so many seconds after it was decided.
    pub fn sent(&self, seconds: f64) {
        self.attempts.of("delivered").inc();
        self.sent.inc();
        self.latency.observe(seconds.max(0.0));
    }

    /// A card will be tried again: a word of [`label::RETRIES`].
    pub fn retried(&self, reason: &'static str) {
        self.attempts.of("retry").inc();
        self.retried.of(reason).inc();
    }

    /// A card was given up after an attempt: a word of [`label::DEATHS`].
    pub fn dead(&self, reason: &'static str) {
        self.attempts.of("dead").inc();
        self.dead.of(reason).inc();
    }

    /// Teams answered a send in this way: a word of [`label::ANSWERS`].
    pub fn answer(&self, kind: &'static str) {
        self.answers.of(kind).inc();
    }

    /// Teams asked to slow down in the `conversation`, or in the whole `tenant`.
    pub fn throttled(&self, named: &'static str) {
        self.throttled.of(named).inc();
    }

    /// An activity arrived: a word of [`label::ACTIVITIES`].
    pub fn activity(&self, outcome: &'static str) {
        self.activities.of(outcome).inc();
    }

    /// The workspace was read: how many rules are in force, how many files are broken.
    pub fn reloaded(&self, rules: usize, broken_files: usize, at: chrono::DateTime<chrono::Utc>) {
        let result = if broken_files == 0 { "good" } else { "broken" };
        self.reloads.of(result).inc();
        self.rules.set(rules as i64);
        self.broken_files.set(broken_files as i64);
        if broken_files == 0 {
            self.last_reload.set(at.timestamp() as f64);
        }
    }

    /// How many deliveries are in this state now.
    pub fn deliveries(&self, state: &'static str, count: u64) {
        self.deliveries.of(state).set(whole(count));
    }

    /// How many deliveries of this lane wait now: a word of [`Lane`].
    pub fn lane_depth(&self, lane: &'static str, count: u64) {
        self.lane_depth.of(lane).set(whole(count));
    }

    /// For how long the oldest delivery of this lane waits; 0 when none does.
    pub fn lane_age(&self, lane: &'static str, seconds: f64) {
        self.lane_age.of(lane).set(seconds.max(0.0));
    }

    /// For how long the oldest delivery of all lanes waits; 0 when none does.
    pub fn oldest_waiting(&self, seconds: f64) {
        self.oldest_waiting.set(seconds.max(0.0));
    }

    /// How many requests a second the tenant got lately, and how many it may get.
    pub fn pace(&self, used: impl Into<f64>, allowed: impl Into<f64>) {
        let (used, allowed) = (used.into(), allowed.into());
        let share = if allowed > 0.0 { used / allowed } else { 0.0 };
        self.pace.set(share);
        self.pace_allowed.set(allowed);
    }

    /// How many runs are paused now.
    pub fn runs_paused(&self, count: u64) {
        self.runs_paused.set(whole(count));
    }

    /// A sweep ended, `done` or `failed`, and removed so many deliveries.
    pub fn swept(&self, result: &'static str, deliveries: u64) {
        self.sweeps.of(result).inc();
        self.swept.inc_by(deliveries);
    }

    /// So many spans were `exported`, or `dropped`.
    pub fn spans(&self, result: &'static str, count: usize) {
        self.spans.of(result).inc_by(count as u64);
    }

    /// What the store has on disk.
    pub fn store_bytes(&self, bytes: u64) {
        self.store_bytes.set(whole(bytes));
    }

    /// Everything in Prometheus' (OpenMetrics) text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing into a String cannot fail");
        text
    }
}

/// From what is sent at once to what waited for the whole day that a delivery is tried.
const LATENCY: [f64; 17] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0,
];

/// 1 ms to 16 s: no request may take longer than 14.
fn request_time() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
