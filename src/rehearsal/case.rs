//! One test of a rule: compiled, then played.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::expect::{Expect, Failure, Seen};
use super::given::{Around, Given, shown, time};
use super::{Answers, Made, Outcome, Rehearsal, World, choices, talk};
use crate::audience::SEPARATOR;
use crate::book::{Book, naming};
use crate::call::Reply;
use crate::card::template::Partials;
use crate::diagnostic::{Fault, Severity, Step, did_you_mean};
use crate::duration;
use crate::rule::Rule;
use crate::rule::tests_file::{AnswerFile, CaseFile, GivenFile, StepFile};
use crate::rule::trigger::Trigger;
use crate::text_or::TextOr;
use crate::workspace::Workspace;
use crate::workspace::sample::Sample;

/// How many days a test may last on its clock.
const LONGEST_DAYS: i64 = 10 * 366;
/// How many events may happen in a test.
const MOST_HAPPENINGS: usize = 10_000;

/// A test, ready to be played. Nothing in it can be wrong any more; it can only fail.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows, in the author's words.
    pub name: String,
    /// In whose clock times are told.
    pub zone: Tz,
    start: DateTime<Utc>,
    scenes: Vec<Scene>,
    expect: Option<Expect>,
    world: World,
    answers: Answers,
}

/// What all tests of a workspace have in common.
pub struct Stock<'a> {
    /// The rules, and whatever they refer to.
    pub workspace: &'a Workspace,
    /// Recorded events.
    pub samples: &'a [Sample],
    /// Whom the workspace knows.
    pub world: World,
}

/// A step of a story.
#[derive(Debug, Clone)]
struct Scene {
    path: Vec<Step>,
    until: Option<Until>,
    given: Option<Given>,
    /// A button is pressed: what comes with it stands on the card, if the rule sent that before.
    pressed: bool,
    expect: Option<Expect>,
}

#[derive(Debug, Clone, Copy)]
enum Until {
    Passed(Duration),
    At(DateTime<Utc>),
}

impl Until {
    fn after(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Until::Passed(time) => TimeDelta::from_std(time)
                .ok()
                .and_then(|time| now.checked_add_signed(time))
                .unwrap_or(now),
            Until::At(at) => at,
        }
    }
}

/// How a test ended.
#[derive(Debug, Clone)]
pub struct Played {
    /// In what it differs from what was expected.
    pub failures: Vec<Failure>,
    /// Everything that happened, in order.
    pub made: Vec<Made>,
}

impl Case {
    /// Compiles a test. Paths of faults begin at the test. There is a case exactly when no fault is an error.
    pub fn compile(file: &CaseFile, rule: &Arc<Rule>, around: &Stock<'_>) -> (Option<Case>, Vec<Fault>) {
        let Stock { workspace, samples, .. } = *around;
        let zone = zone(rule, workspace);
        let unknown = file.unknown.clone().unwrap_or_default().0;
        let book = &workspace.book;
        let mut compiler = Compiler {
            around: Around { rule, samples, zone },
            world: around.world.clone().without(&unknown, book).with_rule(rule, book),
            book,
            faults: Vec::new(),
        };
        let mut start = compiler.time("at", file.at.as_deref());
        let scenes = compiler.scenes(file);
        for (place, members) in file.members.iter().flatten() {
            if let Err((member, reason)) = compiler.world.fill(place, members, book) {
                let mut fault = Fault::error("test::members", reason);
                fault = match member {
                    Some(index) => fault.under(index),
                    None => fault.on_key(),
                };
                compiler.faults.push(fault.under(place.as_str()).under("members"));
            }
        }
        let chosen_at = start.unwrap_or_else(|| beginning(zone));
        for (name, chosen) in file.choices.iter().flatten() {
            if let Err(found) = choices::choose(&mut compiler.world, name, chosen, workspace, book, chosen_at) {
                let placed = found
                    .into_iter()
                    .map(|fault| fault.under(name.as_str()).under("choices"));
                compiler.faults.extend(placed);
            }
        }
        let expect = file.expect.as_ref().map(|expect| {
            let (expect, faults) = Expect::compile(expect, vec!["expect".into()], rule, zone);
            compiler
                .faults
                .extend(faults.into_iter().map(|fault| fault.under("expect")));
            expect
        });
        if expect.is_none() && scenes.iter().all(|scene| scene.expect.is_none()) {
            let fault = Fault::error("test::expect", "this test expects nothing, so it cannot fail");
            compiler
                .faults
                .push(fault.help("write `expect:`, for example `expect: { sent_to: [anna] }`"));
        }
        let only = |expect: &Expect| expect.is_about_schedule_alone();
        if scenes.is_empty() && compiler.faults.is_empty() && !expect.as_ref().is_some_and(only) {
            let fault = Fault::error("test::given", "this test does not say what happens");
            compiler
                .faults
                .push(fault.help("write `given:` with the path of a sample, or `story:`"));
        }
        if start.is_none() {
            start = scenes.first().and_then(|scene| {
                let given = scene.given.as_ref()?;
                given.at.or_else(|| given.recorded_at())
            });
        }
        let start = start.unwrap_or_else(|| beginning(zone));
        compiler.in_order(start, &scenes);
        compiler.doubt_unknown(&unknown, book);
        let failed = compiler.faults.iter().any(|fault| fault.severity == Severity::Error);
        let case = Case {
            name: file.name.trim().to_owned(),
            zone,
            start,
            scenes,
            expect,
            world: compiler.world,
            answers: answers(file),
        };
        ((!failed).then_some(case), compiler.faults)
    }

    /// Plays the test: the same every time.
    pub fn play(&self, rule: &Arc<Rule>, workspace: &Workspace) -> Played {
        let mut stage = Rehearsal::new(workspace, self.world.clone(), self.start);
        stage.answers = self.answers.clone();
        let (mut all, mut failures) = (Vec::new(), Vec::new());
        let mut serial = 0;
        for scene in &self.scenes {
            let mut made = Vec::new();
            if let Some(until) = scene.until.map(|until| until.after(stage.now())) {
                made.extend(stage.wait(rule, until));
            }
            let given = scene.given.as_ref().map(|given| match scene.pressed {
                true => talk::on_card(given, all.iter().chain(&made)),
                false => given.clone(),
            });
            if let Some(given) = &given {
                if let Some(at) = given.at {
                    made.extend(stage.wait(rule, at - chrono::Duration::seconds(1)));
                    stage.set_clock(at.max(stage.now()));
                }
                for _ in 0..given.times {
                    serial += 1;
                    if let Some(event) = given.press_of_ours(stage.now(), serial) {
                        made.push(stage.press(rule, &event, &given.what));
                        continue;
                    }
                    made.extend(match given.event(rule, stage.now(), self.zone, serial) {
                        // A single change of a file is one that has rested; in a story, that takes its time.
                        Ok(event) if scene.path.is_empty() => Some(stage.tell(rule, &event, &given.what)),
                        Ok(event) => stage.change(rule, event, &given.what),
                        Err(reason) => {
                            let talked = given.talked(stage.now(), serial);
                            let answered = talked.and_then(|event| stage.attend(&event));
                            Some(Made {
                                at: stage.now(),
                                what: given.what.clone(),
                                here: None,
                                sender: None,
                                outcome: Outcome::NotMet(answered.unwrap_or(reason)),
                            })
                        }
                    });
                }
            }
            // What follows at once needs no time.
            made.extend(stage.wait(rule, stage.now()));
            if let Some(expect) = &scene.expect {
                let seen = Seen {
                    made: &made,
                    rule,
                    workspace,
                    world: &stage.world,
                    now: stage.now(),
                    zone: self.zone,
                };
                let found = expect.compare(&seen);
                failures.extend(found.into_iter().map(|failure| failure.within(&scene.path)));
            }
            all.extend(made);
        }
        all.extend(stage.unrested());
        if let Some(expect) = &self.expect {
            let seen = Seen {
                made: &all,
                rule,
                workspace,
                world: &stage.world,
                now: stage.now(),
                zone: self.zone,
            };
            failures.extend(expect.compare(&seen));
        }
        failures.extend(stage.answers.missing.iter().map(|sentence| unanswered(sentence)));
        Played { failures, made: all }
    }
}

/// What other programs answer in this test.
fn answers(file: &CaseFile) -> Answers {
    let reply = |answer: &AnswerFile| match answer.silent {
        Some(true) => Reply::Lost("it does not answer".to_owned()),
        Some(false) | None => Reply::Answered {
            status: answer.status.unwrap_or(200),
            wait: None,
            body: answer.body.clone().unwrap_or_default(),
        },
    };
    let by_name = file.answers.iter().flatten();
    Answers {
        by_name: by_name
            .map(|(name, answers)| (name.clone(), answers.0.iter().map(reply).collect()))
            .collect(),
        missing: Vec::new(),
    }
}

/// A call that the test says nothing about.
fn unanswered(sentence: &str) -> Failure {
    Failure {
        path: vec!["name".into()],
        code: "answers",
        message: sentence.to_owned(),
        rows: Vec::new(),
        help: Some(
            "write `answers:` into the test, as in `answers: { ticket: { status: 201, body: { id: 4711 } } }`"
                .to_owned(),
        ),
    }
}

/// The zone of the rule's schedule, else of the workspace.
fn zone(rule: &Rule, workspace: &Workspace) -> Tz {
    let of_schedule = rule.triggers.iter().find_map(|trigger| match trigger {
        Trigger::Cron { zone, .. } => Some(*zone),
        Trigger::Hook { .. }
        | Trigger::Teams { .. }
        | Trigger::Message { .. }
        | Trigger::Button { .. }
        | Trigger::Queue { .. }
        | Trigger::File { .. } => None,
    });
    of_schedule.unwrap_or(workspace.settings.time_zone)
}

/// When a test begins that does not say when: a Monday at nine.
fn beginning(zone: Tz) -> DateTime<Utc> {
    let nine = NaiveDate::from_ymd_opt(2026, 1, 5)
        .and_then(|day| day.and_hms_opt(9, 0, 0))
        .expect("it is in the calendar");
    nine.and_local_timezone(zone)
        .earliest()
        .map_or_else(|| nine.and_utc(), |at| at.with_timezone(&Utc))
}

struct Compiler<'a> {
    around: Around<'a>,
    world: World,
    book: &'a Book,
    faults: Vec<Fault>,
}

impl Compiler<'_> {
    fn time(&mut self, key: &str, written: Option<&str>) -> Option<DateTime<Utc>> {
        let read = time(written?, self.around.zone);
        read.map_err(|fault| self.faults.push(fault.under(key))).ok()
    }

    /// Time goes forward, and a test is not endless.
    fn in_order(&mut self, start: DateTime<Utc>, scenes: &[Scene]) {
        let mut now = start;
        let mut happenings = 0;
        for scene in scenes {
            let given_at = scene.given.as_ref().and_then(|given| given.at);
            let goes_on = scene.until.map(|until| until.after(now));
            for (at, key) in [(goes_on, None), (given_at, Some("given"))] {
                let Some(at) = at else { continue };
                if at < now {
                    let message = format!("time does not go back: it is {} by then", shown(now, self.around.zone));
                    let mut fault = Fault::error("test::time", message).under("at");
                    fault = match key {
                        Some(key) => fault.under(key),
                        None => fault,
                    };
                    fault.path.splice(0..0, scene.path.iter().cloned());
                    self.faults.push(fault);
                }
                now = now.max(at);
            }
            happenings += scene.given.as_ref().map_or(0, |given| given.times);
        }
        let over = |at: DateTime<Utc>| at - start > TimeDelta::days(LONGEST_DAYS);
        if over(now) || happenings > MOST_HAPPENINGS {
            let message =
                format!("a test spans {LONGEST_DAYS} days and {MOST_HAPPENINGS} events at most; make several of it");
            self.faults
                .push(Fault::error("test::story", message).on_key().under("story"));
        }
    }

    /// A name that means nobody would change nothing, and nobody would notice.
    fn doubt_unknown(&mut self, names: &[String], book: &Book) {
        for (index, name) in names.iter().enumerate() {
            let known = book.person(name).is_some() || book.channel(name).is_some() || book.group(name).is_some();
            let mut named = self.around.rule.notify.iter().chain(&self.around.rule.except);
            let written = named.any(|target| target.names().iter().any(|(_, _, other)| other == name.trim()));
            if known || naming::is_exact(name) || name.contains(SEPARATOR) || written {
                continue;
            }
            let aliases = book
                .people()
                .map(|person| person.alias.as_str())
                .chain(book.channels().map(|(alias, _)| alias))
                .chain(book.groups().map(|(alias, _)| alias));
            let Some(near) = did_you_mean(name, aliases) else {
                continue;
            };
            let message = format!("`{}` is no name that the workspace knows", naming::short(name));
            let fault = Fault::warning("test::unknown", message).help(format!("did you mean `{near}`?"));
            self.faults.push(match names.len() {
                1 => fault.under("unknown"),
                _ => fault.under(index).under("unknown"),
            });
        }
    }

    fn scenes(&mut self, file: &CaseFile) -> Vec<Scene> {
        let (given, story) = match (&file.given, &file.story) {
            (Some(_), Some(_)) => {
                let fault = Fault::error("test::given", "`story` cannot stand beside `given`");
                self.faults.push(
                    fault
                        .on_key()
                        .under("story")
                        .help("make `given` the first step of the story"),
                );
                return Vec::new();
            }
            (given, story) => (given, story),
        };
        if let Some(given) = given {
            let given = self.given(given);
            return vec![Scene {
                path: Vec::new(),
                until: None,
                given,
                pressed: false,
                expect: None,
            }];
        }
        let mut scenes = Vec::new();
        for (index, step) in story.iter().flatten().enumerate() {
            let before = self.faults.len();
            let path: Vec<Step> = vec!["story".into(), index.into()];
            let until = match (&step.wait, &step.at) {
                (Some(_), Some(_)) => {
                    let fault = Fault::error("test::time", "`at` cannot stand beside `wait`");
                    self.faults.push(fault.on_key().under("at"));
                    None
                }
                (Some(wait), None) => match duration::parse(wait) {
                    Ok(wait) => Some(Until::Passed(wait)),
                    Err(fault) => {
                        self.faults.push(fault.under("wait"));
                        None
                    }
                },
                (None, at) => self.time("at", at.as_deref()).map(Until::At),
            };
            let (given, pressed) = self.happens(step);
            let expect = step.expect.as_ref().map(|expect| {
                let (expect, faults) =
                    Expect::compile(expect, vec!["expect".into()], self.around.rule, self.around.zone);
                self.faults
                    .extend(faults.into_iter().map(|fault| fault.under("expect")));
                expect
            });
            for fault in &mut self.faults[before..] {
                fault.path.splice(0..0, path.iter().cloned());
            }
            scenes.push(Scene {
                path,
                until,
                given,
                pressed,
                expect,
            });
        }
        scenes
    }

    /// What happens in a step, and whether that is the press of a button.
    fn happens(&mut self, step: &StepFile) -> (Option<Given>, bool) {
        let ways = [
            ("given", step.given.is_some()),
            ("message", step.message.is_some()),
            ("press", step.press.is_some()),
        ];
        let written: Vec<&str> = ways.iter().filter(|(_, there)| *there).map(|(key, _)| *key).collect();
        if let [first, second, ..] = written.as_slice() {
            let message = format!("`{second}` cannot stand beside `{first}`: one thing happens at a time");
            let fault = Fault::error("test::given", message).on_key().under(*second);
            self.faults.push(fault.help("make it a step of its own"));
            return (None, false);
        }
        let stage = (self.around.rule, self.book);
        let (talk, key) = match (&step.message, &step.press) {
            (Some(message), _) => (talk::message(message, stage, &mut self.world), "message"),
            (None, Some(press)) => (talk::press(press, stage, &mut self.world), "press"),
            (None, None) => return (step.given.as_ref().and_then(|given| self.given(given)), false),
        };
        match talk {
            Ok(given) => (Some(given), key == "press"),
            Err(fault) => {
                self.faults.push(fault.under(key));
                (None, false)
            }
        }
    }

    fn given(&mut self, written: &TextOr<GivenFile>) -> Option<Given> {
        let (given, faults) = match written {
            TextOr::Full(file) => Given::compile(file, &self.around),
            TextOr::Text(path) => {
                let file = GivenFile {
                    sample: Some(path.clone()),
                    ..GivenFile::default()
                };
                let (given, mut faults) = Given::compile(&file, &self.around);
                // The text is the sample.
                for fault in &mut faults {
                    fault.path.clear();
                }
                (given, faults)
            }
        };
        self.faults.extend(faults.into_iter().map(|fault| fault.under("given")));
        given
    }
}

/// Nothing that a test includes can have partials of its own.
pub(super) fn no_partials() -> Partials {
    Partials::none()
}
