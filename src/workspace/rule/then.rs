//! What stands under `then:` of a rule -> [`Then`], or everything that is wrong with it.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveTime;
use serde_json::{Map, Value};

use super::{Compiler, parted};
use crate::call::{Call, is_listed};
use crate::diagnostic::{Fault, Severity, Step as Place, did_you_mean};
use crate::duration;
use crate::rule::condition::Condition;
use crate::rule::sending::Sending;
use crate::rule::target::{Kind, Target};
use crate::rule::then::{Act, IfLate, LONGEST_AFTER, MOST_STEPS, Step, Tell, Then, Unless, Wait};
use crate::rule::trigger::Trigger;

const FORM: &str = "then::form";
const WAIT: &str = "then::wait";

const KEYS: [&str; 11] = [
    "name", "after", "at", "unless", "if", "notify", "except", "card", "urgency", "if_late", "call",
];

impl Compiler<'_> {
    /// The steps of the rule; nothing if it has none, or if something is wrong with them.
    pub(super) fn then(&mut self, root: &Value, triggers: &[Trigger]) -> Option<Then> {
        let follow_edits = root.get("follow_edits");
        let Some(written) = root.get("then") else {
            if follow_edits.is_some() {
                let fault = Fault::error(FORM, "`follow_edits` belongs to `then`, which is missing").on_key();
                self.judged(&["follow_edits".into()], vec![fault.help("leave it out")]);
            }
            return None;
        };
        let items = match written {
            Value::Array(items) if !items.is_empty() && items.len() <= MOST_STEPS => items.as_slice(),
            Value::Array(items) if items.is_empty() => {
                let fault = Fault::error(FORM, "there is no step here").help("leave `then` out");
                self.judged(&["then".into()], vec![fault]);
                return None;
            }
            Value::Array(_) => {
                let fault = Fault::error(FORM, format!("a rule has at most {MOST_STEPS} steps"));
                self.judged(&["then".into()], vec![fault]);
                return None;
            }
            // One step without its dash.
            Value::Object(_) => {
                let fault =
                    Fault::error(FORM, "`then` is a list of steps").help("write `- ` before the first line of each");
                self.judged(&["then".into()], vec![fault]);
                return None;
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let fault = Fault::error(FORM, "`then` is a list of steps");
                let help = "write `- after: 15 minutes` and below it `notify:`";
                self.judged(&["then".into()], vec![fault.help(help)]);
                return None;
            }
        };
        let mut steps = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let mut latest = Duration::ZERO;
        for (index, item) in items.iter().enumerate() {
            let path: [Place; 2] = ["then".into(), index.into()];
            // What is said of a piece of a step is said as if the step were a rule, and put into its place afterwards.
            let mut inner = Compiler {
                around: self.around,
                shape: Vec::new(),
                faults: Vec::new(),
            };
            let step = inner.step(item, index, root, triggers);
            let mut faults = inner.faults;
            if let Some(step) = &step {
                faults.extend(self.in_order(step, &mut latest, &mut names));
            }
            self.judged(&path, faults);
            steps.extend(step.map(Arc::new));
        }
        let follow_edits = match follow_edits {
            None => false,
            Some(Value::Bool(follow)) => *follow,
            Some(_) => {
                self.judged(
                    &["follow_edits".into()],
                    vec![Fault::error(FORM, "`follow_edits` is `true` or `false`")],
                );
                false
            }
        };
        (steps.len() == items.len()).then_some(Then {
            steps,
            follow_edits,
            program: None,
        })
    }

    /// What is doubtful about a step after those before it.
    fn in_order(&self, step: &Step, latest: &mut Duration, names: &mut Vec<String>) -> Vec<Fault> {
        let mut doubts = Vec::new();
        if let Some(after) = step.wait.after {
            if after < *latest {
                let message = format!(
                    "this step comes no sooner than the one above it, {} after the first message",
                    duration::words(*latest)
                );
                let help = "every `after` counts from the first message: put the steps in the order of their times";
                doubts.push(Fault::warning("then::order", message).help(help).under("after"));
            }
            *latest = (*latest).max(after);
        }
        if let Act::Call(call) = &step.act {
            if names.contains(&call.save_as) {
                let message = format!(
                    "another step keeps its answer as `{}` already; this one takes its place",
                    call.save_as
                );
                let fault = Fault::warning("then::name", message).help("write another `save_as`");
                doubts.push(fault.under("call"));
            }
            names.push(call.save_as.clone());
        }
        doubts
    }

    fn step(&mut self, item: &Value, index: usize, root: &Value, triggers: &[Trigger]) -> Option<Step> {
        let Value::Object(written) = item else {
            let fault = Fault::error(FORM, "a step says when it comes and what it does");
            self.faults
                .push(fault.help("write `- after: 15 minutes` and below it `notify:`"));
            return None;
        };
        for key in written.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.faults.push(unknown_key(key));
        }
        let name = match written.get("name") {
            None => None,
            Some(Value::String(name)) if !name.trim().is_empty() && name.len() <= 200 => Some(name.trim().to_owned()),
            Some(_) => {
                let fault = Fault::error(FORM, "the name of a step is a text of up to 200 letters");
                self.faults.push(fault.under("name"));
                None
            }
        };
        let wait = self.wait(written);
        let unless = self.unless(written, root);
        let condition = match written.get("if") {
            None => Some(Condition::always()),
            Some(written) => {
                let (condition, found) = parted(Condition::compile(written));
                self.faults.extend(found.into_iter().map(|fault| fault.under("if")));
                condition
            }
        };
        let if_late = match written.get("if_late").map(Value::as_str) {
            None | Some(Some("send")) => IfLate::Send,
            Some(Some("skip")) => IfLate::Skip,
            Some(_) => {
                let fault = Fault::error(FORM, "`if_late` is `send` or `skip`").under("if_late");
                self.faults.push(fault);
                IfLate::Send
            }
        };
        let act = match written.get("call") {
            Some(call) => self
                .call(call, written, name.as_deref())
                .map(|call| Act::Call(Box::new(call))),
            None => self.tell(written, triggers).map(|tell| Act::Tell(Box::new(tell))),
        };
        let failed = self.faults.iter().any(|fault| fault.severity == Severity::Error);
        match (condition, act) {
            (Some(condition), Some(act)) if !failed => Some(Step {
                name: name.unwrap_or_else(|| format!("step {}", index + 1)),
                wait,
                unless,
                condition,
                if_late,
                act,
            }),
            _ => None,
        }
    }

    fn wait(&mut self, written: &Map<String, Value>) -> Wait {
        let mut wait = Wait::default();
        let mut wrong = |fault: Fault, key: &'static str| self.faults.push(fault.under(key));
        match written.get("after") {
            None => {}
            Some(Value::String(text)) => match duration::parse(text) {
                Ok(after) if after <= LONGEST_AFTER => wait.after = Some(after),
                Ok(_) => wrong(Fault::error(WAIT, "a step comes within a year"), "after"),
                Err(fault) => wrong(fault, "after"),
            },
            Some(Value::Number(number)) => {
                let fault = Fault::error("duration::unit", format!("{number} what? The unit is missing"));
                wrong(
                    fault.help(format!("`{number} minutes`, `{number} s`, `{number} hours`")),
                    "after",
                );
            }
            Some(_) => {
                let fault = Fault::error(WAIT, "`after` is a length of time").help("write it as `after: 15 minutes`");
                wrong(fault, "after");
            }
        }
        match written.get("at") {
            None => {}
            Some(Value::String(text)) => match NaiveTime::parse_from_str(text.trim(), "%H:%M") {
                Ok(time) => wait.at = Some(time),
                Err(_) => {
                    let shown: String = text.chars().take(40).collect();
                    let fault = Fault::error(WAIT, format!("`{shown}` is no time of day"));
                    wrong(fault.help("write it in quotes, from \"00:00\" to \"23:59\""), "at");
                }
            },
            // YAML 1.1 takes 09:00 without quotes for a number.
            Some(_) => {
                let fault = Fault::error(WAIT, "a time of day stands in quotes").help("write it as `at: \"09:00\"`");
                wrong(fault, "at");
            }
        }
        wait
    }

    fn unless(&mut self, written: &Map<String, Value>, root: &Value) -> Unless {
        let mut unless = Unless::default();
        let one;
        let words: &[Value] = match written.get("unless") {
            None => return unless,
            Some(Value::Array(words)) => words,
            Some(word) => {
                one = [word.clone()];
                &one
            }
        };
        let buttons = root
            .get("buttons")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let has = |name: &str| {
            buttons.iter().any(|button| match button {
                Value::String(word) => word == name,
                Value::Object(fields) => fields.contains_key(name),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
            })
        };
        for word in words {
            let (never, help) = match word.as_str() {
                Some("acknowledged") => {
                    unless.acknowledged = true;
                    (!has("acknowledge"), "add `buttons: [acknowledge]` to the rule")
                }
                Some("opened") => {
                    let fault = Fault::error(FORM, "Teams tells nobody when somebody opens a link");
                    let help = "write `unless: acknowledged`, and `buttons: [acknowledge]` in the rule";
                    self.faults.push(fault.help(help).under("unless"));
                    continue;
                }
                Some("closed") => (
                    root.get("track").is_none() && !has("close"),
                    "add `track:` with `closed_when:`, or `buttons: [close]`, to the rule",
                ),
                other => {
                    let shown: String = other.unwrap_or_default().chars().take(40).collect();
                    let fault = Fault::error(FORM, format!("a step cannot be needless by `{shown}`"));
                    let meant = did_you_mean(&shown, ["acknowledged", "closed"]).filter(|_| !shown.is_empty());
                    let fault = match meant {
                        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
                        None => fault.help("write `acknowledged` or `closed`; a field belongs under `if:`"),
                    };
                    self.faults.push(fault.under("unless"));
                    continue;
                }
            };
            if never {
                let word = word.as_str().unwrap_or_default();
                let message = format!("nothing in this rule makes it `{word}`");
                self.faults
                    .push(Fault::warning("then::never", message).help(help).under("unless"));
            }
        }
        unless
    }

    fn tell(&mut self, written: &Map<String, Value>, triggers: &[Trigger]) -> Option<Tell> {
        if !written.contains_key("notify") && !written.contains_key("card") {
            // A misspelt key says so already.
            if self.faults.iter().all(|fault| fault.severity == Severity::Warning) {
                let fault = Fault::error(FORM, "this step does nothing");
                self.faults.push(fault.help("write `notify:`, `card:` or `call:`"));
            }
            return None;
        }
        let notify = match written.get("notify") {
            None => None,
            Some(Value::Array(items)) if !items.is_empty() => {
                Some(self.targets("notify", written.get("notify"), triggers))
            }
            Some(_) => {
                let fault =
                    Fault::error(FORM, "`notify` is a list of targets").help("write `notify: [{ person: on-call }]`");
                self.faults.push(fault.under("notify"));
                None
            }
        };
        if written.contains_key("except") && !written.contains_key("notify") {
            let fault = Fault::error(FORM, "`except` belongs to `notify`, which is missing");
            self.faults
                .push(fault.help("write `notify:` as well").under("except").on_key());
        }
        let except = self.targets("except", written.get("except"), triggers);
        let feeds = |target: &Target| target.kind() == Kind::ActivityFeed;
        if let Some(place) = notify.iter().flatten().position(feeds) {
            let fault = Fault::error(FORM, "a step tells nothing to activity feeds");
            let fault = fault.help("write `person:` or `people:`").on_key();
            self.faults
                .push(fault.under("activity_feed").under(place).under("notify"));
        }
        let card = match written.get("card") {
            None => None,
            Some(_) => Some(Arc::new(self.card(written.get("card"), triggers)?)),
        };
        let urgency = match written.get("urgency") {
            None => None,
            Some(word) => {
                let mut alone = Map::new();
                alone.insert("urgency".to_owned(), word.clone());
                let (sending, found) = parted(Sending::compile(&alone, self.around.partials));
                self.faults.extend(found);
                Some(sending?.urgency)
            }
        };
        Some(Tell {
            notify,
            except,
            card,
            urgency,
        })
    }

    fn call(&mut self, call: &Value, written: &Map<String, Value>, name: Option<&str>) -> Option<Call> {
        for key in ["notify", "except", "card", "urgency"] {
            if written.contains_key(key) {
                let fault = Fault::error(
                    FORM,
                    format!("`{key}` cannot stand beside `call`: a step does one thing"),
                );
                self.faults
                    .push(fault.help("make it a step of its own").under(key).on_key());
            }
        }
        let call = match Call::compile(call, name, self.around.partials) {
            Ok(call) => call,
            Err(found) => {
                self.faults.extend(found.into_iter().map(|fault| fault.under("call")));
                return None;
            }
        };
        let listed = |calls: &crate::settings::Calls| {
            is_listed(&call.host, &calls.hosts) || is_listed(&call.host, &calls.private_hosts)
        };
        if self.around.calls.is_some_and(|calls| !listed(calls)) {
            let message = format!("herald.yaml does not let steps call `{}`", call.host);
            let help = format!("add it there: `calls: {{ hosts: [{}] }}`", call.host);
            self.faults.push(
                Fault::error("call::host", message)
                    .help(help)
                    .under("url")
                    .under("call"),
            );
            return None;
        }
        Some(call)
    }
}

fn unknown_key(key: &str) -> Fault {
    let fault = Fault::error(FORM, format!("a step has no `{key}`")).on_key().under(key);
    let meant = match key {
        "wait" | "delay" | "in" => Some("after"),
        "when" | "condition" => Some("if"),
        "to" | "recipients" | "targets" => Some("notify"),
        "message" | "template" => Some("card"),
        "http" | "request" | "webhook" | "url" => Some("call"),
        "time" => Some("at"),
        "id" | "description" => Some("name"),
        _ => did_you_mean(key, KEYS),
    };
    match meant {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => fault.help("it has `after`, `at`, `unless`, `if`, `notify`, `except`, `card`, `urgency`, `if_late`, `call` and `name`"),
    }
}
