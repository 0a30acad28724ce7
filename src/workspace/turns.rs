//! What a rule says about the life of its cards, tried out with the samples.

use serde_json::{Value, json};

use super::sample::{Common, MOST, Sample, of_event, scope};
use crate::card::text::Warnings;
use crate::diagnostic::{Fault, Step};
use crate::rule::Rule;

/// What every sample lacks that `track` and the cards of `on_acknowledge` and `on_close` read: probably a slip.
pub(super) fn try_out(rule: &Rule, samples: &[Sample]) -> Vec<Fault> {
    let living = &rule.living;
    let (mut by, mut taken, mut over) = (Common::default(), Common::default(), Common::default());
    let mut first = None;
    let events = samples
        .iter()
        .filter_map(|sample| Some((sample, sample.event_for(rule)?)));
    for (sample, event) in events.take(MOST) {
        let mut scope = scope(rule, &event);
        if !rule.condition.evaluate(&scope).holds {
            continue;
        }
        first.get_or_insert(sample.file.clone());
        if let Some(track) = &living.track {
            let mut seen = Warnings::new();
            track.by.plain(&scope, &mut seen);
            track.happened_at.iter().for_each(|at| {
                at.evaluate(&scope, &mut seen);
            });
            by.with(of_event(seen));
        }
        scope["tracked"] = made_up();
        for (turn, common) in [(&living.on_acknowledge, &mut taken), (&living.on_close, &mut over)] {
            let mut seen = Warnings::new();
            if let Some(card) = turn.as_ref().and_then(|turn| turn.card.as_ref()) {
                card.render(&scope, &[], &mut seen);
            }
            common.with(of_event(seen));
        }
    }
    let Some(first) = first else {
        return Vec::new();
    };
    let found = [
        (vec![Step::from("track")], by),
        (vec![Step::from("on_acknowledge"), Step::from("card")], taken),
        (vec![Step::from("on_close"), Step::from("card")], over),
    ];
    let mut faults = Vec::new();
    for (path, common) in found {
        for (sentence, _) in common.sentences {
            let mut fault = Fault::warning("sample::field", sentence)
                .help(format!("seen with {first}"))
                .on_key();
            fault.path.clone_from(&path);
            faults.push(fault);
        }
    }
    faults
}

/// What templates see of something that somebody has taken, put off and closed.
pub(super) fn made_up() -> Value {
    let at = "2026-01-05T09:00:00Z";
    let mark = json!({ "at": at, "by": { "name": "Anna Berg", "id": "1" } });
    json!({
        "id": "mt_1", "about": "something", "opened_at": at, "changed_at": at, "events": 1,
        "acknowledged": mark, "snoozed_until": at, "opened": mark, "closed": mark,
    })
}

#[cfg(test)]
mod tests {
    use crate::workspace::{self, SourceFile, Sources};

    fn told(rule: &str) -> Vec<String> {
        let file = |path: &str, text: &str| SourceFile {
            path: path.to_owned(),
            bytes: Ok(text.as_bytes().to_vec()),
        };
        let sources = Sources {
            files: vec![
                file(
                    "herald.yaml",
                    "hooks:\n  ci: { path: ci, signature: none, anyone_can_post: true }\n",
                ),
                file("rules/incident.yaml", rule),
                file(
                    "samples/ci/declared.json",
                    "{ \"id\": \"a\", \"title\": \"b\", \"status\": \"open\" }",
                ),
            ],
            ..Sources::default()
        };
        let diagnostics = workspace::compile(&sources, None).diagnostics;
        diagnostics
            .into_iter()
            .map(|found| format!("{}: {}", found.code, found.message))
            .collect()
    }

    const RULE: &str = "when: { hook: ci }\nnotify: [{ channel: Platform / Incidents }]\n\
        card: { title: \"{{event.title}}\", text: \"Told {{tracked.events}} times\" }\n\
        track: { by: \"{{event.id}}\" }\nbuttons: [acknowledge]\n\
        on_acknowledge: { card: { title: \"{{tracked.acknowledged.by.name}}: {{event.title}}\" } }\n";

    #[test]
    fn where_it_stands_is_known_and_a_slip_is_doubted_wherever_it_is() {
        assert_eq!(told(RULE), Vec::<String>::new());
        for (right, slip) in [
            ("by: \"{{event.id}}\"", "by: \"{{event.idd}}\""),
            ("name}}: {{event.title}}", "name}}: {{event.titel}}"),
            ("tracked.acknowledged.by.name", "tracked.acknowledged.by.nmae"),
        ] {
            let found = told(&RULE.replace(right, slip));
            assert!(
                found.len() == 1 && found[0].starts_with("sample::field: "),
                "{slip}: {found:#?}"
            );
        }
    }
}
