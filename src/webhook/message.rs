//! What a webhook takes of a card, and the envelope it takes it in. Pure.

use serde_json::{Value, json};

use crate::card::warning::Warnings;
use crate::card::{Card, Content, fit, mention, short};

/// The largest message a webhook takes, in bytes.
pub const LIMIT: usize = 28 * 1024;
/// What the envelope around a card takes of it.
const ENVELOPE: usize = 512;

/// The card as a webhook can carry it: no larger than [`LIMIT`], a card even where it was a text, without buttons that
/// would have to be answered and without mentions by an id that only the bot's own conversations know. What had to go is
/// told to `seen`.
pub fn tailored(card: Card, seen: &mut Warnings) -> Card {
    let Card {
        content,
        summary,
        importance,
        alert,
    } = card;
    if importance.is_some() || alert {
        seen.add("a webhook has neither `importance` nor `alert`; they were left out there");
    }
    let mut value = match content {
        Content::Adaptive(value) => value,
        // A flow fails on a text: it wants attachments.
        Content::Text(text) => of_text(text),
        // Nothing plans one for a webhook.
        Content::Notification(_) => of_text(summary.clone()),
    };
    if take_out_buttons(&mut value) {
        seen.add("buttons that answer to Herald do not work through a webhook; they were left out there");
    }
    if mention::only(&mut value, |id| !id.starts_with("29:") && !id.starts_with("28:")) {
        seen.add("somebody is not mentioned: a webhook mentions by mail address or Entra object id only");
    }
    let value = fitted(value, seen);
    Card {
        content: Content::Adaptive(value),
        summary,
        importance: None,
        alert: false,
    }
}

fn of_text(text: String) -> Value {
    let parts = short::Parts {
        text: Some(text),
        ..short::Parts::default()
    };
    crate::card::profile::tidy(parts.card(), &mut Warnings::new()).expect("a card with a text has a body")
}

/// The message around a tailored card.
pub fn envelope(card: &Card) -> Value {
    let content = match &card.content {
        Content::Adaptive(value) => value.clone(),
        Content::Text(text) => plain(text),
        Content::Notification(_) => plain(&card.summary),
    };
    json!({
        "type": "message",
        "summary": card.summary,
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": content,
        }],
    })
}

fn plain(text: &str) -> Value {
    json!({
        "type": "AdaptiveCard", "version": "1.2", "body": [{ "type": "TextBlock", "text": text, "wrap": true }],
    })
}

fn bytes(value: &Value) -> usize {
    value.to_string().len()
}

fn fitted(card: Value, seen: &mut Warnings) -> Value {
    let most = LIMIT - ENVELOPE;
    let before = bytes(&card);
    if before <= most {
        return card;
    }
    // Cards are measured in UTF-16 elsewhere: two bytes for a letter that takes one here, or three.
    let mut limit = 2 * most;
    let mut smaller = card;
    for _ in 0..6 {
        smaller = fit::fit(smaller, limit, &mut Warnings::new());
        if bytes(&smaller) <= most {
            break;
        }
        limit = limit * 3 / 4;
    }
    seen.add(format!(
        "the card was too large for a webhook ({} KB, the most is 28 KB): its lists and texts were cut there",
        before / 1_000
    ));
    smaller
}

/// Takes out every action that would have to be answered; true if there was one.
fn take_out_buttons(value: &mut Value) -> bool {
    let answers = |item: &Value| {
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        kind.starts_with("Action.")
            && !["Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility"].contains(&kind)
    };
    match value {
        Value::Array(items) => {
            let before = items.len();
            items.retain(|item| !answers(item));
            let mut gone = items.len() < before;
            for item in items.iter_mut() {
                gone |= take_out_buttons(item);
            }
            // A row of buttons without one is nothing.
            items.retain(|item| {
                item["type"] != "ActionSet" || item["actions"].as_array().is_none_or(|a| !a.is_empty())
            });
            gone
        }
        Value::Object(fields) => {
            let before = fields.len();
            fields.retain(|key, inner| !(key == "refresh" || (key == "selectAction" && answers(inner))));
            let mut gone = fields.len() < before;
            for inner in fields.values_mut() {
                gone |= take_out_buttons(inner);
            }
            gone
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: Content) -> Card {
        Card {
            content,
            summary: "Deploy failed".to_owned(),
            importance: None,
            alert: false,
        }
    }

    fn told(value: Value) -> (Value, Vec<String>) {
        let mut seen = Warnings::new();
        let card = tailored(of(Content::Adaptive(value)), &mut seen);
        let Content::Adaptive(value) = card.content else {
            panic!("a card")
        };
        (value, seen.into_vec())
    }

    #[test]
    fn a_card_that_a_webhook_can_carry_is_left_alone() {
        let open = json!({ "type": "Action.OpenUrl", "title": "Open", "url": "https://a.example/" });
        let card =
            json!({ "type": "AdaptiveCard", "body": [{ "type": "TextBlock", "text": "hello" }], "actions": [open] });
        assert_eq!(told(card.clone()), (card, Vec::new()));
    }

    #[test]
    fn buttons_that_answer_to_herald_are_left_out_and_it_is_said() {
        let open = json!({ "type": "Action.OpenUrl", "title": "Open", "url": "https://a.example/" });
        let ack = json!({ "type": "Action.Execute", "title": "Acknowledge", "verb": "ack" });
        let (card, seen) = told(json!({
            "type": "AdaptiveCard",
            "refresh": { "action": ack },
            "body": [{ "type": "Container", "selectAction": ack, "items": [{ "type": "ActionSet", "actions": [ack] }] }],
            "actions": [ack, open],
        }));
        assert_eq!(card["actions"], json!([open]));
        assert_eq!(card["body"], json!([{ "type": "Container", "items": [] }]));
        assert!(card.get("refresh").is_none());
        assert_eq!(seen.len(), 1, "{seen:?}");
    }

    #[test]
    fn a_large_card_is_cut_at_its_lists_and_it_is_said() {
        let facts: Vec<Value> = (0..900)
            .map(|n| json!({ "title": format!("check {n}"), "value": "ü".repeat(40) }))
            .collect();
        let (card, seen) = told(json!({
            "type": "AdaptiveCard", "body": [{ "type": "TextBlock", "text": "Title" }, { "type": "FactSet", "facts": facts }],
        }));
        let whole = envelope(&of(Content::Adaptive(card.clone()))).to_string().len();
        assert!(whole <= LIMIT, "{whole}");
        assert!(
            card["body"][1]["facts"]
                .as_array()
                .is_some_and(|facts| facts.len() > 20)
        );
        assert!(seen[0].contains("28 KB"), "{seen:?}");
    }

    #[test]
    fn a_text_becomes_a_card_because_a_flow_fails_on_a_text() {
        let mut seen = Warnings::new();
        let card = tailored(of(Content::Text("All *done*".to_owned())), &mut seen);
        let sent = envelope(&card);
        assert_eq!(sent["attachments"][0]["content"]["body"][0]["text"], "All *done*");
        assert_eq!(sent["attachments"][0]["contentUrl"], Value::Null);
        assert!(seen.into_vec().is_empty());
    }

    #[test]
    fn somebody_known_by_the_bots_own_id_alone_is_not_mentioned() {
        let entity = |id: &str| json!({ "type": "mention", "text": "<at>Anna</at>", "mentioned": { "id": id, "name": "Anna" } });
        let card = |id: &str| {
            json!({
                "type": "AdaptiveCard", "body": [{ "type": "TextBlock", "text": "For <at>Anna</at>" }],
                "msteams": { "entities": [entity(id)] },
            })
        };
        let (kept, seen) = told(card("anna.berg@contoso.example"));
        assert_eq!(kept["msteams"]["entities"].as_array().map(Vec::len), Some(1));
        assert!(seen.is_empty());
        let (without, seen) = told(card("29:1anna"));
        assert_eq!(without["body"][0]["text"], "For Anna");
        assert_eq!(without["msteams"]["entities"], json!([]));
        assert!(seen[0].contains("mentions by mail address"), "{seen:?}");
    }
}
