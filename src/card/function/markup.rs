//! Markup out of harmless parts.

use serde_json::Value;

use super::{Arguments, Datum, Markdown, cut};
use crate::card::escape::{self, Dialect};
use crate::roster::Mention;

type Answer<'v> = Result<Datum<'v>, String>;

/// Schemes an address may have that people can press.
pub(crate) const PRESSABLE: [&str; 4] = ["https", "http", "mailto", "msteams"];

pub(super) fn link<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let text = escape::one_line(&arguments.text(0));
    let written = arguments.text(1).into_owned();
    let Some(address) = escape::web_address(&written, &PRESSABLE) else {
        arguments.seen.add(format!(
            "`link`: `{}` is no address that a card may link to",
            cut(&written)
        ));
        return Ok(Datum::owned(text));
    };
    // A bracket would end the words of the link.
    let words = text.replace('[', "(").replace(']', ")");
    Ok(Datum::Markdown(Markdown {
        shown: format!("[{}]({address})", escape::neutral(&words, Dialect::Card, "[")),
        plain: format!("{text} ({address})"),
    }))
}

pub(super) fn bold<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let (shown, plain) = match arguments.take(0) {
        Datum::Markdown(markdown) => (markdown.shown, markdown.plain),
        datum => {
            let text = escape::one_line(&datum.text());
            (escape::neutral(&text, Dialect::Card, "*"), text)
        }
    };
    if plain.is_empty() {
        return Ok(Datum::owned(""));
    }
    Ok(Datum::Markdown(Markdown {
        shown: format!("**{shown}**"),
        plain,
    }))
}

pub(super) fn mention<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let person = arguments.take(0).into_value();
    let field = |name: &str| {
        let text = person.get(name).and_then(Value::as_str).map(escape::one_line)?;
        (!text.is_empty() && text.len() <= 256).then_some(text)
    };
    let id = ["id", "aad_object_id", "account_id", "user_principal_name", "email"]
        .iter()
        .find_map(|name| field(name));
    match (id, field("name")) {
        (Some(id), Some(name)) => {
            let mention = Mention { id, name };
            let shown = escape::at(&mention.name);
            let plain = mention.name.clone();
            if arguments.mentions.len() < 50 && !arguments.mentions.contains(&mention) {
                arguments.mentions.push(mention);
            }
            Ok(Datum::Markdown(Markdown { shown, plain }))
        }
        (None, Some(name)) => {
            arguments
                .seen
                .add("`mention`: the person has a name but no id, and is named without a mention");
            Ok(Datum::owned(name))
        }
        (_, None) => Err("this is no person with a `name` and an `id` or `email`".to_owned()),
    }
}
