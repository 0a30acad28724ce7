//! What somebody said to the bot: the words of a message, without what Teams puts around them.

use super::activity::Activity;

/// The text of a message as its author meant it: without the mention of the bot, other people mentioned by their names,
/// `&nbsp;` and the like read, no blanks around it. Lines stay lines. Empty when nothing is left.
///
/// Only mentions of the bot itself are taken out, wherever they stand: what is said about others is part of the message.
pub fn text(activity: &Activity) -> String {
    let mut text = activity.text.clone().unwrap_or_default();
    for entity in &activity.entities {
        let is_mention = entity
            .kind
            .as_deref()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("mention"));
        let id = entity.mentioned.as_ref().and_then(|who| who.id.as_deref());
        let (true, Some(id), Some(written)) = (is_mention, id, entity.text.as_deref()) else {
            continue;
        };
        if Some(id) == activity.bot_id() {
            text = text.replace(written, " ");
        }
    }
    let text = without_quotes(&text);
    let text = without_tags(&text, is_markup(activity));
    let lines = characters(&text);
    let lines: Vec<String> = lines.lines().map(words).collect();
    lines.join("\n").trim().to_owned()
}

/// The id of the message that this one answers or quotes, if it does. Newer clients name it in `entities`, others quote it in
/// the HTML of the message.
pub fn answers(activity: &Activity) -> Option<String> {
    let named = activity.entities.iter().find_map(|entity| {
        let quoted = entity.quoted_reply.as_ref()?;
        quoted.message_id.clone()
    });
    let quoted = || {
        let is_html = |kind: &str| kind.eq_ignore_ascii_case("text/html");
        let pages = activity
            .attachments
            .iter()
            .filter(|attached| attached.content_type.as_deref().is_some_and(is_html));
        pages.filter_map(|page| page.content.as_deref()).find_map(quoted_in)
    };
    let id = named.or_else(quoted).or_else(|| activity.reply_to_id.clone())?;
    let id = id.trim();
    (!id.is_empty() && id.len() <= LONGEST_ID).then(|| id.to_owned())
}

/// Ids of messages are moments, in digits; longer ones are nobody's.
const LONGEST_ID: usize = 200;

/// The message that a page quotes: `<blockquote itemtype="http://schema.skype.com/Reply" itemid="1772439245999">`.
fn quoted_in(page: &str) -> Option<String> {
    let tags = page.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    let quote = tags
        .filter(|tag| {
            tag.get(..10)
                .is_some_and(|name| name.eq_ignore_ascii_case("blockquote"))
        })
        .find(|tag| tag.contains("schema.skype.com/Reply"))?;
    let (_, rest) = quote.split_once("itemid=")?;
    let mark = rest.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
    let id = rest[1..].split(mark).next()?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// The text without the messages that it quotes: their place, `<quoted messageId="1772439245999"/>`, or all of them.
fn without_quotes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let tag = &rest[start + 1..];
        let is = |name: &str| {
            tag.get(..name.len())
                .is_some_and(|begins| begins.eq_ignore_ascii_case(name))
        };
        let end = if is("quoted messageId") {
            tag.find('>').map(|end| end + 1)
        } else if is("blockquote")
            && tag
                .split('>')
                .next()
                .is_some_and(|tag| tag.contains("schema.skype.com/Reply"))
        {
            tag.find("</blockquote>").map(|end| end + "</blockquote>".len())
        } else {
            None
        };
        match end {
            Some(end) => {
                kept.push_str(&rest[..start]);
                kept.push(' ');
                rest = &tag[end..];
            }
            None => {
                kept.push_str(&rest[..=start]);
                rest = tag;
            }
        }
    }
    kept.push_str(rest);
    kept
}

/// The words of a line with single blanks between them.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether `<` in the text begins a tag. Plain text has no tags but `<at>`, and what looks like one was written so.
fn is_markup(activity: &Activity) -> bool {
    let format = activity.text_format.as_deref().unwrap_or_default();
    format.eq_ignore_ascii_case("xml") || format.eq_ignore_ascii_case("html")
}

/// The text without `<at>` and `</at>`, and without all other tags if there are any; those that begin a line end one.
fn without_tags(text: &str, markup: bool) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        kept.push_str(&rest[..start]);
        let inside = &rest[start + 1..];
        let end = inside.find('>').unwrap_or(0);
        let name = inside[..end]
            .trim_start_matches('/')
            .split([' ', '/'])
            .next()
            .unwrap_or_default();
        let name = name.to_ascii_lowercase();
        let is_tag = name.starts_with(|c: char| c.is_ascii_alphabetic());
        if name == "at" || (markup && is_tag) {
            if matches!(name.as_str(), "br" | "p" | "div" | "li") {
                kept.push('\n');
            }
            rest = &inside[end + 1..];
        } else {
            kept.push('<');
            rest = inside;
        }
    }
    kept.push_str(rest);
    kept
}

/// What Teams writes instead of the characters themselves. Each is read once: `&amp;lt;` is the text `&lt;`.
const CHARACTERS: [(&str, char); 7] = [
    ("&nbsp;", ' '),
    ("&#160;", ' '),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&quot;", '"'),
    ("&#39;", '\''),
    ("&amp;", '&'),
];

fn characters(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        read.push_str(&rest[..start]);
        rest = &rest[start..];
        match CHARACTERS.iter().find(|(written, _)| rest.starts_with(written)) {
            Some((written, character)) => {
                read.push(*character);
                rest = &rest[written.len()..];
            }
            None => {
                read.push('&');
                rest = &rest[1..];
            }
        }
    }
    read.push_str(rest);
    read
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const BOT: &str = "28:bot";

    fn said(text_format: &str, written: &str, mentions: &[(&str, &str)]) -> String {
        let entities: Vec<Value> = mentions
            .iter()
            .map(|(id, written)| json!({ "type": "Mention", "mentioned": { "id": id }, "text": written }))
            .collect();
        let activity = Activity::read(json!({
            "type": "message", "conversation": { "id": "a:1" }, "serviceUrl": "https://a", "channelId": "msteams",
            "recipient": { "id": BOT }, "textFormat": text_format, "text": written, "entities": entities,
        }))
        .unwrap();
        text(&activity)
    }

    #[test]
    fn the_mention_of_the_bot_is_no_part_of_what_was_said() {
        let bot = (BOT, "<at>Notify Bot</at>");
        let omar = ("29:omar", "<at>Omar Haddad</at>");
        for (written, mentions, expected) in [
            ("mute deploys", vec![], "mute deploys"),
            ("<at>Notify Bot</at> status\n", vec![bot], "status"),
            ("<at>Notify Bot</at>&nbsp;status&nbsp;", vec![bot], "status"),
            ("hey <at>Notify Bot</at> status", vec![bot], "hey status"),
            ("<at>Notify Bot</at> <at>Notify Bot</at>", vec![bot, bot], ""),
            (
                "<at>Notify Bot</at> ask <at>Omar Haddad</at>",
                vec![bot, omar],
                "ask Omar Haddad",
            ),
            ("<at>Notify Bot</at>", vec![], "Notify Bot"),
            ("  a\u{a0}\u{a0}b  \n\n c ", vec![], "a b\n\nc"),
        ] {
            assert_eq!(said("plain", written, &mentions), expected, "{written}");
        }
    }

    #[test]
    fn what_looks_like_a_tag_is_one_only_in_markup() {
        assert_eq!(
            said("plain", "is 1 &lt; 2 &amp;amp; 3 < 4 > 2?", &[]),
            "is 1 < 2 &amp; 3 < 4 > 2?"
        );
        assert_eq!(said("plain", "<b>x</b>", &[]), "<b>x</b>");
        assert_eq!(
            said("xml", "<p>mute <strong>deploys</strong></p><p>now<br/>please</p>", &[]),
            "mute deploys\n\nnow\nplease"
        );
        assert_eq!(said("xml", "1 < 2 <", &[]), "1 < 2 <");
    }

    #[test]
    fn the_message_that_is_answered_is_found_however_teams_says_it() {
        let of = |more: Value| {
            let mut activity = json!({
                "type": "message", "text": "why", "conversation": { "id": "a:1" }, "serviceUrl": "https://a",
                "channelId": "msteams",
            });
            let fields = more.as_object().unwrap().clone();
            activity.as_object_mut().unwrap().extend(fields);
            let activity = Activity::read(activity).unwrap();
            (answers(&activity), text(&activity))
        };
        let quote = "<blockquote itemscope=\"\" itemtype=\"http://schema.skype.com/Reply\" itemid=\"17\">\
                     <strong itemprop=\"mri\" itemid=\"28:bot\">Bot</strong><p itemprop=\"preview\">Disk</p></blockquote>";
        let page = format!("{quote}<p>why</p>");
        let found = |id: &str| (Some(id.to_owned()), "why".to_owned());
        assert_eq!(of(json!({})), (None, "why".to_owned()));
        assert_eq!(of(json!({ "replyToId": "16" })), found("16"));
        assert_eq!(
            of(json!({ "attachments": [{ "contentType": "text/html", "content": page }] })),
            found("17")
        );
        assert_eq!(
            of(json!({
                "text": page, "textFormat": "xml",
                "attachments": [{ "contentType": "text/html", "content": page }],
            })),
            found("17"),
            "what is quoted was not said"
        );
        assert_eq!(
            of(json!({
                "text": "<quoted messageId=\"18\"/> why",
                "entities": [{ "type": "quotedReply", "quotedReply": { "messageId": "18" } }],
            })),
            found("18")
        );
        let other = json!([{ "contentType": "text/html", "content": "<blockquote itemid=\"9\">x</blockquote>" }]);
        assert_eq!(of(json!({ "attachments": other })).0, None);
        assert_eq!(of(json!({ "replyToId": "x".repeat(201) })).0, None);
    }
}
