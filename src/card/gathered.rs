//! The cards that tell of what was gathered, where the author has written none: a digest, the beginning of a storm, and
//! its end.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::card::partial::Partials;
use crate::card::source::CardSource;

/// Which of our cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Cards that were held back.
    Digest,
    /// Cards are held back from now on, because there are too many.
    StormBegins,
    /// They are not any more.
    StormEnds,
}

/// The card for it; it sees what [`crate::plan::telling`] puts in scope.
pub(crate) fn card(occasion: Occasion) -> &'static CardSource {
    static CARDS: LazyLock<[CardSource; 3]> = LazyLock::new(|| [ours(&digest()), ours(&begins()), ours(&ends())]);
    let [digest, begins, ends] = &*CARDS;
    match occasion {
        Occasion::Digest => digest,
        Occasion::StormBegins => begins,
        Occasion::StormEnds => ends,
    }
}

const LINES: &str = "{{#each digest.newest}}\n\
    - {{#if digest.one_day}}{{date at \"time\"}}{{else}}{{date at}}{{/if}}: {{text}}\n\
    {{/each}}\n\
    {{#if digest.more}}{{digest.more}} before these are only counted here.{{/if}}";

const ABOUT: &str = "{{default rule.description rule.name}}";

fn facts() -> Value {
    json!([{ "title": "For", "value": "{{digest.value}}", "$when": "{{digest.value}}" }])
}

fn digest() -> Value {
    json!({
        "title": format!("{{{{digest.count}}}} more: {ABOUT}"),
        "summary": format!("{{{{digest.count}}}} more: {ABOUT}"),
        "text": LINES,
        "facts": facts(),
    })
}

fn begins() -> Value {
    json!({
        "title": format!("Paused: {ABOUT}"),
        "summary": format!("Paused, there are too many: {ABOUT}"),
        "style": "warning",
        "text": "There were more than {{digest.rate}}, so no card is sent for each one now. Since \
                 {{date digest.since \"time\"}} there {{#if digest.several}}were {{digest.count}}{{else}}was 1{{/if}} \
                 more; the last one said: {{digest.last}}\n\n\
                 They are gathered, and this card counts them. You hear of all of them once it calms down; it is looked \
                 at again at {{date digest.until \"time\"}}.",
    })
}

fn ends() -> Value {
    json!({
        "title": format!("It is over: {ABOUT}"),
        "summary": format!("It is over; {{{{digest.count}}}} were gathered: {ABOUT}"),
        "style": "good",
        "text": format!(
            "Cards are sent one by one again. Between {{{{date digest.since \"time\"}}}} and \
             {{{{date digest.until \"time\"}}}} {{{{#if digest.several}}}}{{{{digest.count}}}} were{{{{else}}}}1 \
             was{{{{/if}}}} gathered:\n\n{LINES}"
        ),
    })
}

fn ours(card: &Value) -> CardSource {
    let compiled = CardSource::compile(Some(card), &|_| None, &[], &Partials::none());
    compiled.map(|(card, _)| card).expect("our own card compiles")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::text::Warnings;

    #[test]
    fn our_own_cards_compile_and_find_all_they_need() {
        let items = json!([{ "at": "2026-03-02T09:14:00Z", "text": "disk *full* on db-1" }]);
        let scope = json!({
            "event": null, "request": null, "item": null, "recipient": null, "limit": null,
            "rule": { "name": "alerts", "description": null, "owner": null },
            "time_zone": "Europe/Berlin", "now": "2026-03-02T09:30:00Z",
            "digest": {
                "count": 12, "several": true, "more": 11, "since": "2026-03-02T09:14:00Z",
                "until": "2026-03-02T09:24:00Z", "newest": items, "items": items, "value": null, "one_day": true,
                "last": "disk *full* on db-1", "rate": "20 cards per 5 minutes",
            },
        });
        for (occasion, shown) in [
            (Occasion::Digest, "10:14: disk \\\\*full\\\\* on db-1"),
            (Occasion::StormBegins, "Since 10:14 there were 12 more"),
            (Occasion::StormEnds, "12 were gathered"),
        ] {
            let mut seen = Warnings::new();
            let card = card(occasion).render(&scope, &[], &mut seen);
            let text = serde_json::to_string(&card.content).expect("JSON");
            assert!(text.contains(shown), "{text}");
            assert!(!text.contains("\"For\""), "{text}");
            assert_eq!(seen.into_vec(), Vec::<String>::new(), "{text}");
        }
    }
}
