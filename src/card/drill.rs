//! The mark of a card that nothing real stands behind.

use serde_json::{Value, json};

use super::{Card, Content};

impl Card {
    /// The same card with a first line, and a summary, that tell its reader that somebody is trying a rule out.
    #[must_use]
    pub fn as_drill(self, rule: &str) -> Card {
        let sentence = format!("Drill: somebody is trying out the rule “{rule}”. Nothing of this has happened.");
        let content = match self.content {
            Content::Notification(mut notification) => {
                let before = notification["previewText"]["content"].as_str().unwrap_or_default();
                let preview: String = format!("{sentence} {before}").trim().chars().take(150).collect();
                notification["previewText"] = json!({ "content": preview });
                Content::Notification(notification)
            }
            Content::Text(text) => Content::Text(format!("**{sentence}**\n\n{text}")),
            Content::Adaptive(mut card) => {
                let line = json!({
                    "type": "TextBlock", "text": sentence, "weight": "Bolder", "color": "Warning", "wrap": true,
                });
                match card.get_mut("body").and_then(Value::as_array_mut) {
                    Some(body) => body.insert(0, line),
                    // A card of buttons alone.
                    None => card["body"] = json!([line]),
                }
                Content::Adaptive(card)
            }
        };
        Card {
            content,
            summary: format!("Drill: {}", self.summary),
            importance: self.importance,
            alert: self.alert,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(content: Content) -> Card {
        let summary = "Deploy failed".to_owned();
        Card::new(content, summary).as_drill("github/deploy-failed")
    }

    #[test]
    fn a_drill_is_told_first_whatever_the_card_is() {
        let text = drill(Content::Text("It failed.".to_owned()));
        assert_eq!(text.summary, "Drill: Deploy failed");
        assert!(
            matches!(&text.content, Content::Text(text) if text.starts_with("**Drill: ") && text.ends_with("It failed."))
        );
        for card in [
            json!({ "type": "AdaptiveCard", "body": [{ "type": "TextBlock", "text": "It failed." }] }),
            json!({ "type": "AdaptiveCard", "actions": [] }),
        ] {
            let Content::Adaptive(card) = drill(Content::Adaptive(card)).content else {
                panic!("it stays a card");
            };
            let first = card["body"][0]["text"].as_str().unwrap();
            assert!(
                first.starts_with("Drill: ") && first.contains("“github/deploy-failed”"),
                "{first}"
            );
        }
    }
}
