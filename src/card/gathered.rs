//! The cards that tell of what was gathered, where the author has written none: a digest, the end of quiet hours, the
//! beginning of a storm, and its end.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::card::partial::Partials;
use crate::card::source::CardSource;
use crate::words::{Language, Phrase, fill, say};

/// Which of our cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Cards that were held back.
    Digest,
    /// Cards that came in quiet hours.
    QuietEnds,
    /// Cards are held back from now on, because there are too many.
    StormBegins,
    /// They are not any more.
    StormEnds,
}

/// The card for it in this language; it sees what [`crate::plan::telling`] puts in scope.
pub(crate) fn card(occasion: Occasion, language: Language) -> &'static CardSource {
    static CARDS: LazyLock<Vec<(Language, [CardSource; 4])>> = LazyLock::new(|| {
        let cards =
            |language| [digest(language), folded(language), begins(language), ends(language)].map(|card| ours(&card));
        Language::ALL.map(|language| (language, cards(language))).into()
    });
    let of_language = CARDS.iter().find(|(known, _)| *known == language);
    let (_, [digest, folded, begins, ends]) = of_language.expect("there are cards in each language");
    match occasion {
        Occasion::Digest => digest,
        Occasion::QuietEnds => folded,
        Occasion::StormBegins => begins,
        Occasion::StormEnds => ends,
    }
}

/// Words with what stands in a template in their holes.
fn words(language: Language, phrase: Phrase) -> String {
    let were = format!(
        "{{{{#if digest.several}}}}{}{{{{else}}}}{}{{{{/if}}}}",
        say(language, Phrase::Were),
        say(language, Phrase::Was)
    );
    let holes = [
        ("about", "{{default rule.description rule.name}}"),
        ("count", "{{digest.count}}"),
        ("last", "{{digest.last}}"),
        ("rate", "{{digest.rate}}"),
        ("since", "{{date digest.since \"time\"}}"),
        ("until", "{{date digest.until \"time\"}}"),
        ("were", were.as_str()),
    ];
    fill(language, phrase, &holes)
}

fn lines(language: Language) -> String {
    let more = fill(language, Phrase::OnlyCounted, &[("count", "{{digest.more}}")]);
    format!(
        "{{{{#each digest.newest}}}}\n\
         - {{{{#if digest.one_day}}}}{{{{date at \"time\"}}}}{{{{else}}}}{{{{date at}}}}{{{{/if}}}}: {{{{text}}}}\n\
         {{{{/each}}}}\n\
         {{{{#if digest.more}}}}{more}{{{{/if}}}}"
    )
}

fn digest(language: Language) -> Value {
    let about = say(language, Phrase::About);
    json!({
        "title": words(language, Phrase::GatheredTitle),
        "summary": words(language, Phrase::GatheredTitle),
        "text": lines(language),
        "facts": [{ "title": about, "value": "{{digest.value}}", "$when": "{{digest.value}}" }],
    })
}

fn folded(language: Language) -> Value {
    json!({
        "title": words(language, Phrase::QuietTitle),
        "summary": words(language, Phrase::QuietTitle),
        "text": lines(language),
    })
}

fn begins(language: Language) -> Value {
    let (text, waits) = (words(language, Phrase::StormText), words(language, Phrase::StormWaits));
    json!({
        "title": words(language, Phrase::StormTitle),
        "summary": words(language, Phrase::StormSummary),
        "style": "warning",
        "text": format!("{text}\n\n{waits}"),
    })
}

fn ends(language: Language) -> Value {
    let (text, lines) = (words(language, Phrase::StormOverText), lines(language));
    json!({
        "title": words(language, Phrase::StormOver),
        "summary": words(language, Phrase::StormOverSummary),
        "style": "good",
        "text": format!("{text}\n\n{lines}"),
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
        for (language, occasion, shown) in [
            (
                Language::English,
                Occasion::Digest,
                "10:14: disk \\\\*full\\\\* on db-1",
            ),
            (Language::English, Occasion::Digest, "12 more: alerts"),
            (Language::English, Occasion::QuietEnds, "12 in quiet hours: alerts"),
            (
                Language::English,
                Occasion::Digest,
                "11 before these are only counted here.",
            ),
            (
                Language::English,
                Occasion::StormBegins,
                "Since 10:14 there were 12 more; the last",
            ),
            (
                Language::English,
                Occasion::StormEnds,
                "Between 10:14 and 10:24 12 were gathered:",
            ),
            (Language::German, Occasion::Digest, "12 weitere: alerts"),
            (Language::German, Occasion::Digest, "11 davor sind hier nur gezählt."),
            (
                Language::German,
                Occasion::StormBegins,
                "Seit 10:14 kamen 12 weitere hinzu",
            ),
            (
                Language::German,
                Occasion::StormEnds,
                "Zwischen 10:14 und 10:24 kamen 12 zusammen:",
            ),
        ] {
            let text = shown_in(language, occasion, &scope);
            assert!(text.contains(shown), "{text}");
            assert!(!text.contains("\"For\""), "{text}");
        }
        for language in Language::ALL {
            for occasion in [Occasion::Digest, Occasion::StormBegins, Occasion::StormEnds] {
                shown_in(language, occasion, &scope);
            }
        }
    }

    fn shown_in(language: Language, occasion: Occasion, scope: &Value) -> String {
        let mut seen = Warnings::new();
        let card = card(occasion, language).render(scope, &[], &mut seen);
        let text = serde_json::to_string(&card.content).expect("JSON");
        assert_eq!(seen.into_vec(), Vec::<String>::new(), "{text}");
        text
    }
}
