//! The steps of a rule, tried out with the samples.

use serde_json::json;

use super::sample::{Common, MOST, Sample, of_event, scope};
use crate::card::text::Warnings;
use crate::diagnostic::{Fault, Step as Place};
use crate::rule::Rule;
use crate::rule::then::Act;

/// What every sample lacks that the cards of steps read: probably a slip.
pub(super) fn try_out(rule: &Rule, samples: &[Sample]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let steps = rule.then.iter().flat_map(|then| then.steps.iter().enumerate());
    for (index, step) in steps {
        let card = match &step.act {
            Act::Tell(tell) => tell.card.as_ref(),
            Act::Call(_) => None,
        };
        let Some(card) = card else { continue };
        let (mut missing, mut first) = (Common::default(), None);
        let events = samples
            .iter()
            .filter_map(|sample| Some((sample, sample.event_for(rule)?)));
        for (sample, event) in events.take(MOST) {
            let mut scope = scope(rule, &event);
            if !rule.condition.evaluate(&scope).holds {
                continue;
            }
            scope["tracked"] = json!({});
            scope["steps"] = json!({});
            let mut seen = Warnings::new();
            card.render(&scope, &[], &mut seen);
            // What a program answers, and what people do, no sample tells.
            let of_samples = of_event(seen).into_iter().filter(|(sentence, _)| {
                let named = sentence.split('`').nth(1).unwrap_or_default();
                !["steps.", "tracked."].iter().any(|root| named.starts_with(root))
            });
            missing.with(of_samples.collect());
            first.get_or_insert(sample.file.clone());
        }
        let Some(first) = first else { continue };
        for (sentence, _) in missing.sentences {
            let mut fault = Fault::warning("sample::field", sentence)
                .help(format!("seen with {first}"))
                .on_key();
            fault.path = vec![Place::from("then"), index.into(), "card".into()];
            faults.push(fault);
        }
    }
    faults
}
