//! `track`, `buttons`, `may_press`, `on_acknowledge` and `on_close` -> [`Living`], or everything that is wrong with them.

use std::sync::Arc;

use serde_json::Value;

use super::{Compiler, parted};
use crate::card::source::CardSource;
use crate::diagnostic::{Fault, Step, did_you_mean};
use crate::rule::living::{self, Does, Living, Track, Turn};
use crate::rule::target::{Kind, Target};
use crate::rule::trigger::Trigger;

impl Compiler<'_> {
    /// What keeps the cards of a rule alive. It belongs together: a button that nothing shows is doubted.
    pub(super) fn living(
        &mut self,
        rule: &Value,
        triggers: &[Trigger],
        notify: &[Target],
        card: Option<&CardSource>,
    ) -> Living {
        let partials = self.around.partials;
        let track = rule.get("track").and_then(|written| {
            let (track, found) = parted(Track::compile(written, partials));
            self.judged(&["track".into()], found);
            track
        });
        let buttons = rule.get("buttons").and_then(|written| {
            let (buttons, found) = parted(living::buttons(written, partials));
            self.judged(&["buttons".into()], found);
            buttons
        });
        let buttons = buttons.unwrap_or_default();
        let may_press = self.targets("may_press", rule.get("may_press"), triggers);
        let on_acknowledge = self.turn("on_acknowledge", rule, triggers);
        let on_close = self.turn("on_close", rule, triggers);
        let living = Living {
            track,
            buttons,
            may_press,
            on_acknowledge,
            on_close,
        };
        for (key, fault) in doubts(rule, &living, notify, card) {
            self.judged(&[key.into()], vec![fault]);
        }
        living
    }

    fn turn(&mut self, key: &'static str, rule: &Value, triggers: &[Trigger]) -> Option<Turn> {
        let written = rule.get(key)?;
        let place: [Step; 1] = [key.into()];
        let Value::Object(fields) = written else {
            let fault = Fault::error("living::turn", format!("`{key}` says what the card becomes"));
            self.judged(
                &place,
                vec![fault.help(format!("write `{key}: {{ card: {{ title: ... }} }}`"))],
            );
            return None;
        };
        let unknown: Vec<Fault> = fields
            .keys()
            .filter(|other| other.as_str() != "card")
            .map(|other| {
                let fault = Fault::error("living::turn", format!("`{key}` has no `{other}`"));
                let fault = fault.on_key().under(other.as_str());
                match did_you_mean(other, ["card"]) {
                    Some(meant) => fault.help(format!("did you mean `{meant}`?")),
                    None => fault.help("it has `card`"),
                }
            })
            .collect();
        if !unknown.is_empty() {
            self.judged(&place, unknown);
            return None;
        }
        let card = fields.get("card")?;
        let card = self.card_at(&[key.into(), "card".into()], Some(card), triggers)?;
        Some(Turn {
            card: Some(Arc::new(card)),
        })
    }
}

/// What is surely not meant, with the key of the rule under which it is told.
fn doubts(rule: &Value, living: &Living, notify: &[Target], card: Option<&CardSource>) -> Vec<(&'static str, Fault)> {
    let mut doubts = Vec::new();
    let written = |key: &str| rule.get(key).is_some();
    let has = |wanted: fn(&Does) -> bool| living.buttons.iter().any(|button| wanted(&button.does));
    let pressed = has(is_pressed);
    // What is wrong with the buttons is said already.
    let buttons_are_read = written("buttons") != living.buttons.is_empty();
    if written("may_press") && !pressed && buttons_are_read {
        let fault = Fault::warning("living::unused", "there is no button that somebody could press");
        doubts.push((
            "may_press",
            fault.on_key().help("add `buttons: [acknowledge]`, or leave this out"),
        ));
    }
    if written("on_acknowledge") && !has(|does| matches!(does, Does::Acknowledge)) && buttons_are_read {
        let fault = Fault::warning("living::unused", "nobody can acknowledge: there is no button for it");
        doubts.push((
            "on_acknowledge",
            fault.on_key().help("add `buttons: [acknowledge]`, or leave this out"),
        ));
    }
    let closes = has(|does| matches!(does, Does::Close))
        || living.track.as_ref().is_some_and(|track| track.closed_when.is_some());
    let track_is_read = written("track") == living.track.is_some();
    if written("on_close") && !closes && buttons_are_read && track_is_read {
        let fault = Fault::warning("living::unused", "nothing closes the cards of this rule");
        let help = "add `closed_when` to `track`, or `close` to `buttons`; else leave this out";
        doubts.push(("on_close", fault.on_key().help(help)));
    }
    if !living.buttons.is_empty() && card.is_some_and(CardSource::is_message) {
        let fault = Fault::error("buttons::form", "a `message` is no card and has no buttons");
        doubts.push((
            "buttons",
            fault
                .on_key()
                .help("write `card: { text: ... }` instead of `card: { message: ... }`"),
        ));
    }
    let outside = |target: &&Target| matches!(target.kind(), Kind::Webhook | Kind::ActivityFeed);
    let others = notify.iter().filter(outside).count();
    if others > 0 && (living.is_some() || pressed) {
        let key = if living.track.is_some() { "track" } else { "buttons" };
        let message = match others == notify.len() {
            true => "what is sent through a webhook or to an activity feed cannot be changed, nor pressed",
            false => {
                "some of its cards go through a webhook or to an activity feed: those cannot be changed, nor pressed"
            }
        };
        doubts.push((
            key,
            Fault::warning("living::outside", message)
                .on_key()
                .help("tell a person, group or channel"),
        ));
    }
    doubts
}

fn is_pressed(does: &Does) -> bool {
    match does {
        Does::Acknowledge | Does::Snooze(_) | Does::Close | Does::Custom { .. } => true,
        Does::Open(_) => false,
    }
}
