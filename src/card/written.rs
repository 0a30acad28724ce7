//! A message that somebody wrote out in full, to come in the place of one that was sent.

use serde_json::Value;

use crate::card::mention;
use crate::card::partial::Partials;
use crate::card::template::Template;
use crate::card::warning::Warnings;
use crate::card::{Card, Content, fit, profile, summary};
use crate::diagnostic::{Fault, Severity, Step};

/// What a line that is to be filled in looks like.
const HOLE: &str = "{{";
/// Keys that steer the filling of a template.
const STEERING: [&str; 3] = ["$data", "$when", "$partial"];

impl Card {
    /// A message of this text, in Markdown.
    ///
    /// # Errors
    /// The text says nothing, has holes, or is too large for Teams.
    pub fn of_text(text: &str) -> Result<Card, Fault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Fault::error("card::source", "the text is empty").help("say what people should read instead"));
        }
        if text.contains(HOLE) {
            return Err(hole());
        }
        let size = fit::size(&Value::from(text));
        if size > fit::LIMIT {
            return Err(too_large(size));
        }
        let summary = summary::of_text(text).unwrap_or_else(|| "Notification".to_owned());
        Ok(Card::new(Content::Text(text.to_owned()), summary))
    }

    /// The card of this document, in which nothing is left to fill in. It is judged as a template is. Beside the card
    /// stand the warnings.
    ///
    /// # Errors
    /// All faults, warnings included: holes, elements that Teams does not show, a card without words, one that is too
    /// large.
    pub fn of_document(document: &Value) -> Result<(Card, Vec<Fault>), Vec<Fault>> {
        let mut holes = Vec::new();
        find_holes(document, &mut Vec::new(), &mut holes);
        if !holes.is_empty() {
            return Err(holes);
        }
        let (_, warnings) = Template::from_document("card", document, &Partials::none())?;
        let mut seen = Warnings::new();
        let Some(mut card) = profile::tidy(document.clone(), &mut seen) else {
            let fault = Fault::error("card::body", "the card shows nothing");
            return Err(vec![fault.help("list its elements under `body:`")]);
        };
        // A template may come to less than it says; of a card that is written out nothing may be lost unsaid.
        if warnings.is_empty()
            && let Some(lost) = seen.into_vec().into_iter().next()
        {
            return Err(vec![Fault::error("card::element", lost)]);
        }
        if elements(&card) < elements(document) {
            let lost = "a part of the card would be left out: what it needs is missing, or of another kind";
            let fault = Fault::error("card::element", lost);
            return Err(vec![
                fault.help("an image needs a `url` that is a text, a text block a `text`"),
            ]);
        }
        mention::prune(&mut card);
        let size = fit::size(&card);
        if size > fit::LIMIT {
            return Err(vec![too_large(size)]);
        }
        let summary = summary::of_card(&card).unwrap_or_else(|| "Notification".to_owned());
        Ok((Card::new(Content::Adaptive(card), summary), warnings))
    }
}

/// How many elements and actions a card has.
fn elements(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(elements).sum(),
        Value::Object(fields) => {
            let inside: usize = fields.values().map(elements).sum();
            inside + usize::from(fields.get("type").is_some_and(Value::is_string))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn hole() -> Fault {
    Fault::error(
        "card::source",
        "this is to be filled in, and there is no event to fill it in with",
    )
    .help("write out what people should read; there is nothing like `{{event.title}}` here")
}

fn too_large(size: usize) -> Fault {
    let message = format!("the message takes {} KB", size / 1_000);
    let help = format!("Teams takes {} KB; leave something out", fit::LIMIT / 1_000);
    Fault::error("card::size", message).help(help)
}

fn find_holes(value: &Value, path: &mut Vec<Step>, found: &mut Vec<Fault>) {
    let at = |path: &[Step], fault: Fault| Fault {
        path: path.to_vec(),
        ..fault
    };
    match value {
        Value::String(text) if text.contains(HOLE) => found.push(at(path, hole())),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.into());
                find_holes(item, path, found);
                path.pop();
            }
        }
        Value::Object(fields) => {
            for (key, inner) in fields {
                path.push(key.as_str().into());
                match STEERING.contains(&key.as_str()) {
                    true => found.push(at(path, hole().on_key())),
                    false => find_holes(inner, path, found),
                }
                path.pop();
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Everything that is wrong, in sentences, for whoever cannot be shown the place in a file.
pub fn sentences(faults: &[Fault]) -> String {
    let errors = faults.iter().filter(|fault| fault.severity == Severity::Error);
    let told: Vec<String> = errors.take(MOST_TOLD).map(sentence).collect();
    told.join("; ")
}

/// How many faults a sentence tells.
const MOST_TOLD: usize = 5;

fn sentence(fault: &Fault) -> String {
    let place = place(&fault.path);
    let help = fault
        .help
        .as_ref()
        .map_or_else(String::new, |help| format!(" ({help})"));
    format!("{place}{}{help}", fault.message)
}

/// `body, item 2, text: `
fn place(path: &[Step]) -> String {
    let steps: Vec<String> = path
        .iter()
        .map(|step| match step {
            Step::Key(key) => key.clone(),
            Step::Index(index) => format!("item {}", index + 1),
        })
        .collect();
    match steps.is_empty() {
        true => String::new(),
        false => format!("{}: ", steps.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(document: Value) -> String {
        sentences(&Card::of_document(&document).expect_err("it is refused"))
    }

    #[test]
    fn a_text_becomes_a_message() {
        let card = Card::of_text("  The party is on **Friday**.\n").expect("a message");
        assert_eq!(card.summary, "The party is on Friday.");
        assert_eq!(card.content, Content::Text("The party is on **Friday**.".to_owned()));
    }

    #[test]
    fn a_text_that_says_nothing_or_is_to_be_filled_in_is_refused() {
        assert_eq!(Card::of_text(" \n").expect_err("refused").message, "the text is empty");
        let holes = Card::of_text("Hello {{recipient.name}}").expect_err("refused");
        assert!(holes.message.contains("no event"), "{}", holes.message);
        let large = Card::of_text(&"a".repeat(60_000)).expect_err("refused");
        assert!(large.message.contains("120 KB"), "{}", large.message);
    }

    #[test]
    fn a_document_becomes_a_card_as_teams_shows_it() {
        let document = json!({ "type": "AdaptiveCard", "body": [{ "type": "TextBlock", "text": "It was wrong" }] });
        let (card, warnings) = Card::of_document(&document).expect("a card");
        assert_eq!(warnings, Vec::new());
        assert_eq!(card.summary, "It was wrong");
        let Content::Adaptive(content) = card.content else {
            panic!("a card")
        };
        assert_eq!(content["version"], "1.5");
    }

    #[test]
    fn a_document_is_judged_as_a_template_is_and_the_place_is_said() {
        let holes =
            refused(json!({ "type": "AdaptiveCard", "body": [{ "type": "TextBlock", "text": "{{event.x}}" }] }));
        assert!(
            holes.starts_with("body, item 1, text: this is to be filled in"),
            "{holes}"
        );
        let repeats =
            refused(json!({ "type": "AdaptiveCard", "body": [{ "$data": [1], "type": "TextBlock", "text": "x" }] }));
        assert!(repeats.starts_with("body, item 1, $data: "), "{repeats}");
        let slip = refused(json!({ "type": "AdaptiveCard", "body": [{ "type": "TextBlok", "text": "x" }] }));
        assert!(slip.contains("`TextBlok`") && slip.contains("`TextBlock`"), "{slip}");
        assert!(refused(json!([])).contains("not a list"));
        assert!(refused(json!({ "type": "AdaptiveCard", "body": [] })).contains("shows nothing"));
        let text = json!({ "type": "TextBlock", "text": "x" });
        let lost = refused(json!({ "type": "AdaptiveCard", "body": [text, { "type": "Image", "url": 3 }] }));
        assert!(lost.contains("left out"), "{lost}");
    }
}
