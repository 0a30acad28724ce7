//! What happens in a test: a sample with changes, an event written there, a moment of a schedule.

use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::schedules;
use crate::diagnostic::{Fault, did_you_mean};
use crate::event::{Event, EventId, FileChange, Origin, Scope, Sender};
use crate::matter::dress::Ours;
use crate::roster::ConversationId;
use crate::rule::Rule;
use crate::rule::field::Field;
use crate::rule::file::{FileChangeFile, ScopeFile};
use crate::rule::tests_file::{CallerFile, GivenFile};
use crate::rule::trigger::Trigger;
use crate::rule::wording::Wording;
use crate::workspace::sample::Sample;

/// What happens, ready to happen to a rule.
#[derive(Debug, Clone)]
pub struct Given {
    kind: GivenKind,
    request: Value,
    event_type: Option<String>,
    first_time: bool,
    /// When, if the author says so.
    pub at: Option<DateTime<Utc>>,
    /// How many times.
    pub times: usize,
    /// In words, for the report.
    pub what: String,
}

#[derive(Debug, Clone)]
enum GivenKind {
    Sample(Box<Sample>),
    /// A moment of the rule's schedule, told by its time.
    Moment,
}

/// What a test may refer to.
pub struct Around<'a> {
    /// The rule under test.
    pub rule: &'a Rule,
    /// All samples of the workspace.
    pub samples: &'a [Sample],
    /// The zone in which the test tells times.
    pub zone: Tz,
}

impl Given {
    /// What a file says, and what is wrong or doubtful about it. Paths begin at the mapping. There is something exactly
    /// when no fault is an error.
    pub fn compile(file: &GivenFile, around: &Around<'_>) -> (Option<Given>, Vec<Fault>) {
        let mut faults = Vec::new();
        let at = file.at.as_deref().and_then(|text| {
            time(text, around.zone)
                .map_err(|fault| faults.push(fault.under("at")))
                .ok()
        });
        let ways = [
            ("sample", file.sample.is_some()),
            ("event", file.event.is_some()),
            ("file", file.file.is_some()),
        ];
        let written: Vec<&str> = ways.iter().filter(|(_, there)| *there).map(|(key, _)| *key).collect();
        if let [first, second, ..] = written.as_slice() {
            let message = format!("`{second}` cannot stand beside `{first}`: one thing happens at a time");
            faults.push(Fault::error("test::given", message).on_key().under(*second));
            return (None, faults);
        }
        let (kind, what) = match (&file.sample, &file.event, &file.file) {
            (Some(path), _, _) => match sample(path, around.samples) {
                Ok(sample) => (Some(sample.clone()), sample.file.clone()),
                Err(fault) => {
                    faults.push(fault.under("sample"));
                    return (None, faults);
                }
            },
            (None, Some(event), _) => {
                let written = |trigger: &Trigger| {
                    let scope = file.scope.map(scope);
                    Sample::written(
                        &around.rule.name,
                        trigger,
                        event.clone(),
                        file.event_type.as_deref(),
                        scope,
                    )
                };
                let mut triggers = around.rule.triggers.iter();
                let trigger = triggers
                    .find(|trigger| !matches!(trigger, Trigger::Cron { .. }))
                    .or(around.rule.triggers.first());
                (trigger.map(written), "an event written in the test".to_owned())
            }
            (None, None, Some(path)) => match changed(path, file.change, around.rule) {
                Ok(sample) => {
                    let change = word(file.change);
                    (Some(sample), format!("the file {path}, {change}"))
                }
                Err(fault) => {
                    faults.push(fault.under("file"));
                    return (None, faults);
                }
            },
            (None, None, None) => {
                if schedules(around.rule).is_empty() {
                    let fault = Fault::error("test::given", "this does not say what happens");
                    faults.push(fault.help("write `sample:` with the path of a sample, or `event:`"));
                    return (None, faults);
                }
                (None, "the schedule".to_owned())
            }
        };
        let kind = match kind {
            None => {
                let others = [("with", file.with.is_some()), ("without", file.without.is_some())];
                for (key, _) in others.into_iter().filter(|(_, there)| *there) {
                    let fault = Fault::error("test::given", format!("`{key}` changes a sample, and none is named"));
                    faults.push(fault.on_key().under(key).help("write `sample:` beside it"));
                }
                GivenKind::Moment
            }
            Some(mut sample) => {
                if let Some(event_type) = &file.event_type {
                    sample = sample.of_type(event_type);
                }
                faults.extend(change(&mut sample, file, around));
                GivenKind::Sample(Box::new(sample))
            }
        };
        let lower = |name: &String| name.to_lowercase();
        let headers: Map<String, Value> = file
            .headers
            .iter()
            .flatten()
            .map(|(name, value)| (lower(name), Value::from(value.as_str())))
            .collect();
        let query: Map<String, Value> = file
            .query
            .iter()
            .flatten()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        let mut request = json!({ "method": "POST", "headers": headers, "query": query });
        if let Some(caller) = &file.caller {
            request["caller"] = as_seen(caller);
        }
        let given = Given {
            kind,
            request,
            event_type: file.event_type.clone(),
            first_time: file.first_time.unwrap_or(true),
            at,
            times: file.times.unwrap_or(1),
            what,
        };
        let failed = faults
            .iter()
            .any(|fault| fault.severity == crate::diagnostic::Severity::Error);
        ((!failed).then_some(given), faults)
    }

    /// What somebody says or presses.
    pub fn talk(sample: Sample, what: String) -> Given {
        Given {
            kind: GivenKind::Sample(Box::new(sample)),
            request: Value::Null,
            event_type: None,
            first_time: true,
            at: None,
            times: 1,
            what,
        }
    }

    /// The same with what `change` makes of its data.
    pub fn changed(&self, change: impl FnOnce(&mut Value)) -> Given {
        let mut changed = self.clone();
        if let GivenKind::Sample(sample) = &mut changed.kind {
            change(&mut sample.data);
        }
        changed
    }

    /// The event of a press that a button of ours brings; `None` if it is another one.
    pub fn press_of_ours(&self, now: DateTime<Utc>, serial: usize) -> Option<Event> {
        let GivenKind::Sample(sample) = &self.kind else {
            return None;
        };
        let button = sample.data["button"].as_str().filter(|button| Ours::is_one(button))?;
        Some(Event {
            id: EventId::derived(&["rehearsal", &serial.to_string()]),
            origin: Origin::Button {
                scope: Scope::Person,
                button: button.to_owned(),
            },
            occurred_at: now,
            data: sample.data.clone(),
            request: Value::Null,
            here: here(&sample.data),
            thread: None,
            sender: sender(&sample.data),
            item: None,
        })
    }

    /// When it happened, if it is the record of a moment.
    pub fn recorded_at(&self) -> Option<DateTime<Utc>> {
        match &self.kind {
            GivenKind::Sample(sample) => sample.data["scheduled_at"].as_str()?.parse().ok(),
            GivenKind::Moment => None,
        }
    }

    /// The event for `rule` at `now`; `serial` tells it apart from others.
    ///
    /// # Errors
    /// Why this rule does not wait for it, in a sentence.
    pub fn event(&self, rule: &Rule, now: DateTime<Utc>, zone: Tz, serial: usize) -> Result<Event, String> {
        let id = EventId::derived(&["rehearsal", &serial.to_string()]);
        let sample = match &self.kind {
            GivenKind::Sample(sample) => sample,
            GivenKind::Moment => return moment(rule, now, zone).map(|event| Event { id, ..event }),
        };
        let Some(event) = sample.event_for(rule) else {
            return Err(format!("this is {}, and {}", sample.told(), waits_for(rule)));
        };
        Ok(self.completed(Event { id, ..event }, now))
    }

    /// What somebody says or presses, whether or not a rule waits for it; `None` for anything else that happens.
    pub fn talked(&self, now: DateTime<Utc>, serial: usize) -> Option<Event> {
        let GivenKind::Sample(sample) = &self.kind else {
            return None;
        };
        let data = &sample.data;
        let scope: Scope = serde_json::from_value(data["scope"].clone()).ok()?;
        let origin = match data["kind"].as_str()? {
            "message" => Origin::message(scope, data["text"].as_str()?),
            "button" => Origin::Button {
                scope,
                button: data["button"].as_str()?.to_owned(),
            },
            _ => return None,
        };
        let event = Event {
            id: EventId::derived(&["rehearsal", &serial.to_string()]),
            origin,
            occurred_at: now,
            data: data.clone(),
            request: Value::Null,
            here: None,
            thread: None,
            sender: None,
            item: None,
        };
        Some(self.completed(event, now))
    }

    fn completed(&self, mut event: Event, now: DateTime<Utc>) -> Event {
        event.occurred_at = now;
        match &mut event.origin {
            Origin::Hook { event_type, .. } => {
                if self.event_type.is_some() {
                    event_type.clone_from(&self.event_type);
                }
                event.request = self.request.clone();
                event.request["event_type"] = json!(event_type);
            }
            Origin::Teams { first_time, .. } => {
                *first_time = self.first_time;
                told(&mut event);
            }
            Origin::Message { .. } | Origin::Button { .. } => told(&mut event),
            Origin::Cron { scheduled_at, .. } => {
                let told = event.data["scheduled_at"].as_str().and_then(|text| text.parse().ok());
                *scheduled_at = told.unwrap_or(now);
            }
            // A test gives events, not drills.
            Origin::File { .. } | Origin::Queue { .. } | Origin::Drill { .. } | Origin::Step { .. } => {}
        }
        event
    }
}

/// A caller as rules see it; what the test does not say is not there.
fn as_seen(caller: &CallerFile) -> Value {
    let mut seen = Map::new();
    if let Some(app) = &caller.app {
        seen.insert("app".to_owned(), json!(app));
        let roles = caller.roles.as_ref().map(|roles| roles.0.as_slice());
        seen.insert("roles".to_owned(), json!(roles.unwrap_or_default()));
    }
    if let Some(certificate) = &caller.certificate {
        seen.insert("certificate".to_owned(), json!(certificate));
    }
    Value::Object(seen)
}

/// A sample as an event for a rule, complete; `None` when it meets none of the rule's triggers.
pub fn replayed(sample: &Sample, rule: &Rule, now: DateTime<Utc>) -> Option<Event> {
    let given = Given {
        kind: GivenKind::Moment,
        request: json!({ "method": "POST", "headers": {}, "query": {} }),
        event_type: None,
        first_time: true,
        at: None,
        times: 1,
        what: sample.file.clone(),
    };
    sample.event_for(rule).map(|event| given.completed(event, now))
}

/// What Teams tells beside an event's data can be read from the data.
fn told(event: &mut Event) {
    event.here = here(&event.data);
    event.thread = event.data.get("thread").and_then(Value::as_str).map(str::to_owned);
    event.sender = sender(&event.data);
}

/// The conversation that an event of Teams comes from.
fn here(data: &Value) -> Option<ConversationId> {
    let id = |key: &str| data.get(key)?.get("id")?.as_str().map(ConversationId::new);
    id("chat").or_else(|| id("channel")).or_else(|| id("team"))
}

fn sender(data: &Value) -> Option<Sender> {
    let by = data.get("by").filter(|by| by.is_object())?;
    let text = |key: &str| by.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Sender {
        tenant_id: String::new(),
        aad_object_id: text("aad_object_id"),
        account_id: text("id"),
        name: text("name"),
    })
}

fn sample<'a>(path: &str, samples: &'a [Sample]) -> Result<&'a Sample, Fault> {
    let written = path.trim().trim_start_matches("./");
    if let Some(sample) = samples.iter().find(|sample| sample.file == written) {
        return Ok(sample);
    }
    let fault = Fault::error("test::sample", format!("there is no sample `{written}`")).label("not there");
    let below = format!("samples/{written}");
    let known = || samples.iter().map(|sample| sample.file.as_str());
    let meant = known()
        .find(|file| *file == below || *file == format!("{written}.json") || *file == format!("{below}.json"))
        .or_else(|| did_you_mean(written, known()))
        .or_else(|| {
            let name = written.rsplit('/').next().unwrap_or(written);
            known().find(|file| file.rsplit('/').next() == Some(name))
        });
    Err(match meant {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None if samples.is_empty() => {
            fault.help("put a recorded event into `samples/HOOK/TYPE.json`, or write `event:`")
        }
        None => {
            fault.help("paths begin at the workspace: `samples/github/push.json`; or write the event under `event:`")
        }
    })
}

fn scope(scope: ScopeFile) -> Scope {
    match scope {
        ScopeFile::Person => Scope::Person,
        ScopeFile::Group => Scope::Group,
        ScopeFile::Team => Scope::Team,
    }
}

fn word(change: Option<FileChangeFile>) -> &'static str {
    match change {
        Some(FileChangeFile::Created) => "created",
        Some(FileChangeFile::Modified) | None => "modified",
        Some(FileChangeFile::Deleted) => "deleted",
    }
}

/// A change of a file, as the listener for files would tell it.
fn changed(path: &str, change: Option<FileChangeFile>, rule: &Rule) -> Result<Sample, Fault> {
    let waits = |trigger: &&Trigger| matches!(trigger, Trigger::File { .. });
    let Some(trigger) = rule.triggers.iter().find(waits) else {
        return Err(Fault::error("test::given", "the rule does not wait for a file").on_key());
    };
    let data = json!({
        "path": path,
        "name": path.rsplit('/').next().unwrap_or(path),
        "folder": path.rsplit_once('/').map(|(folder, _)| folder),
        "change": word(change),
        "size": null,
        "modified_at": null,
        "hash": null,
        "data": null,
        "lines_added": null,
        "lines_removed": null,
    });
    Ok(Sample::written(&rule.name, trigger, data, None, None))
}

/// Puts the test's changes into the sample; tells of fields that no sample of its kind has.
fn change(sample: &mut Sample, file: &GivenFile, around: &Around<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let of_a_sample = file.sample.is_some();
    let elsewhere = |field: &Field| {
        let mut others = around.samples.iter().filter(|other| other.is_like(sample));
        others.any(|other| field.find(&json!({ "event": other.data })).is_ok())
    };
    let mut settings: Vec<(Field, Option<Value>)> = Vec::new();
    let mut read = |written: &str, value: Option<Value>, place: &dyn Fn(Fault) -> Fault| {
        let field = match Field::parse(written) {
            Ok(field) if field.steps()[0] == "event" => field,
            Ok(_) => {
                let fault = Fault::error(
                    "test::override",
                    format!("only fields of `event` can be changed, not `{written}`"),
                );
                faults.push(place(
                    fault.help("headers and query have keys of their own: `headers:`, `query:`"),
                ));
                return;
            }
            Err(fault) => {
                let fault = match fault.code {
                    "condition::root" => {
                        Fault::error("test::override", format!("`{written}` is no field of the event"))
                            .help(format!("fields of the event are written `event.{written}`"))
                    }
                    _ => Fault {
                        code: "test::override",
                        ..fault
                    },
                };
                faults.push(place(fault));
                return;
            }
        };
        let missing = field.find(&json!({ "event": sample.data })).err();
        if let Some(missing) = missing.filter(|_| of_a_sample && !elsewhere(&field)) {
            let message = format!("`{written}` is not in {}", sample.file);
            let warning = Fault::warning("test::override", message).label("not there");
            faults.push(place(warning.help(missing.note)));
        }
        settings.push((field, value));
    };
    for (written, value) in file.with.iter().flatten() {
        read(written, Some(value.clone()), &|fault| Fault {
            underline: crate::diagnostic::Underline::Key,
            ..fault.under(written.as_str()).under("with")
        });
    }
    let without = file.without.iter().flat_map(|fields| &fields.0);
    let several = file.without.as_ref().is_some_and(|fields| fields.0.len() > 1);
    for (index, written) in without.enumerate() {
        read(written, None, &|fault| match several {
            true => fault.under(index).under("without"),
            false => fault.under("without"),
        });
    }
    for (field, value) in settings {
        put(&mut sample.data, &field.steps()[1..], value);
    }
    faults
}

/// Sets the value at a place, making what is missing on the way; `None` takes the field away.
fn put(target: &mut Value, steps: &[String], value: Option<Value>) {
    let Some((step, rest)) = steps.split_first() else {
        *target = value.unwrap_or_default();
        return;
    };
    if let (Value::Array(items), Ok(place)) = (&mut *target, step.parse::<usize>()) {
        match (value, rest.is_empty()) {
            (None, true) if place < items.len() => {
                items.remove(place);
            }
            (value, _) => {
                if place == items.len() && value.is_some() {
                    items.push(Value::Null);
                }
                if let Some(item) = items.get_mut(place) {
                    put(item, rest, value);
                }
            }
        }
        return;
    }
    if !target.is_object() {
        if value.is_none() {
            return;
        }
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else {
        return;
    };
    match value {
        None if rest.is_empty() => {
            fields.shift_remove(step);
        }
        None => {
            if let Some(inner) = fields.get_mut(step) {
                put(inner, rest, None);
            }
        }
        value => put(fields.entry(step.clone()).or_insert(Value::Null), rest, value),
    }
}

/// The moment `now` of the rule's schedule.
fn moment(rule: &Rule, now: DateTime<Utc>, zone: Tz) -> Result<Event, String> {
    let schedules = schedules(rule);
    let just_before = now - chrono::Duration::seconds(1);
    let runs = |planned: &&super::Planned| planned.next_after(just_before) == Some(now);
    if let Some(planned) = schedules.iter().find(runs) {
        return Ok(planned.event(now, false));
    }
    let next = schedules.iter().filter_map(|planned| planned.next_after(now)).min();
    let shown = shown(now, zone);
    Err(match next {
        Some(next) => format!(
            "the schedule does not run at {shown}; after that, it runs at {}",
            self::shown(next, zone)
        ),
        None => format!("the schedule does not run at {shown}, and never after that"),
    })
}

/// A moment as tests write it, with the day of the week: `Monday 2026-03-30 09:00`.
pub fn shown(at: DateTime<Utc>, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    match local.format("%S").to_string().as_str() {
        "00" => local.format("%A %Y-%m-%d %H:%M").to_string(),
        _ => local.format("%A %Y-%m-%d %H:%M:%S").to_string(),
    }
}

/// A time by the clocks of `zone`: `2026-03-30 09:00`, also with seconds, or with the zone written behind it.
///
/// # Errors
/// A fault about the text, or about a time that the clocks skip.
pub fn time(text: &str, zone: Tz) -> Result<DateTime<Utc>, Fault> {
    let wrong = |message: String| Fault::error("test::time", message).help("write day and time: `2026-03-30 09:00`");
    let text = text.trim();
    let within = |at: DateTime<Utc>| match (1970..=2100).contains(&at.year()) {
        true => Ok(at),
        false => Err(wrong(format!("`{text}` is not between 1970 and 2100"))),
    };
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return within(instant.with_timezone(&Utc));
    }
    let plain = text.replacen('T', " ", 1);
    let read = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(&plain, form).ok());
    let Some(local) = read else {
        let message = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            Ok(_) => format!("`{text}` has no time of day"),
            Err(_) => format!("`{}` is not a time", crate::book::naming::short(text)),
        };
        return Err(wrong(message));
    };
    match local.and_local_timezone(zone) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => within(at.with_timezone(&Utc)),
        LocalResult::None => {
            let message = format!("there is no {text} in {zone}: the clocks go forward then");
            Err(Fault::error("test::time", message).help("write a time an hour later"))
        }
    }
}

/// What a rule waits for, in a sentence: `the rule waits for the hook github (deployment_status)`.
pub fn waits_for(rule: &Rule) -> String {
    let any = |words: &[String]| match words {
        [] => String::new(),
        words => format!(" ({})", words.join(", ")),
    };
    let serialised = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let one = |trigger: &Trigger| match trigger {
        Trigger::Hook { hook, event_types } => format!("the hook {hook}{}", any(event_types)),
        Trigger::Queue { queue } => format!("the queue {queue}"),
        Trigger::Cron { schedule, zone, .. } => format!("the schedule `{}` in {zone}", schedule.source()),
        Trigger::File { pattern, changes, .. } => {
            let changes: Vec<String> = changes
                .iter()
                .map(|change: &FileChange| serialised(json!(change)))
                .collect();
            format!("the file {pattern}{}", any(&changes))
        }
        Trigger::Message { wordings, .. } => {
            let wordings: Vec<&str> = wordings.iter().map(Wording::as_str).collect();
            format!("the message “{}”", wordings.join("” or “"))
        }
        Trigger::Button { buttons, .. } => format!("the button `{}`", buttons.join("` or `")),
        Trigger::Teams {
            kind,
            scopes,
            first_time_only,
        } => {
            let scopes: Vec<String> = scopes.iter().map(|scope| serialised(json!(scope))).collect();
            let first = if *first_time_only { ", the first time only" } else { "" };
            format!("`{}`{}{first}", serialised(json!(kind)), any(&scopes))
        }
    };
    let all: Vec<String> = rule.triggers.iter().map(one).collect();
    format!("the rule waits for {}", all.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_set_or_taken_away_wherever_it_stands() {
        let mut data = json!({ "a": { "b": 1 }, "list": [{ "x": 1 }, { "x": 2 }] });
        let steps = |path: &str| -> Vec<String> { Field::parse(path).unwrap().steps()[1..].to_vec() };
        for (path, value) in [
            ("event.a.b", Some(json!(2))),
            ("event.a.new.deep", Some(json!("x"))),
            ("event.list[1].x", Some(json!(3))),
            ("event.list[2]", Some(json!("third"))),
            ("event.list[0]", None),
            ("event.list[9].x", Some(json!(1))),
            ("event.nothing.here", None),
        ] {
            put(&mut data, &steps(path), value);
        }
        assert_eq!(
            data,
            json!({ "a": { "b": 2, "new": { "deep": "x" } }, "list": [{ "x": 3 }, "third"] })
        );
    }

    #[test]
    fn times_are_told_by_the_clocks_of_a_zone() {
        let zone = chrono_tz::Europe::Berlin;
        let at = |text: &str| time(text, zone).unwrap().to_rfc3339();
        assert_eq!(at("2026-03-30 09:00"), "2026-03-30T07:00:00+00:00");
        assert_eq!(at("2026-03-30T09:00:30"), "2026-03-30T07:00:30+00:00");
        assert_eq!(at("2026-03-30T09:00:00Z"), "2026-03-30T09:00:00+00:00");
        for (text, message) in [
            ("2026-03-29 02:30", "the clocks go forward"),
            ("2026-03-29", "no time of day"),
            ("tomorrow", "not a time"),
            ("9999-03-29 09:00", "not between 1970 and 2100"),
            ("1969-03-29T09:00:00Z", "not between 1970 and 2100"),
        ] {
            let fault = time(text, zone).unwrap_err();
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
        }
        assert_eq!(
            shown(time("2026-03-30 09:00", zone).unwrap(), zone),
            "Monday 2026-03-30 09:00"
        );
    }
}
