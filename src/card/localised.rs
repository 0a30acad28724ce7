//! Texts of the workspace that stand in several languages: `texts/de.yaml` and those beside it. `{{text "deploy.failed"
//! count=3}}` shows one in the language of whoever reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::card::partial::Partials;
use crate::card::reach::Reach;
use crate::card::syntax::{self, Program};
use crate::card::tag::suggestion;
use crate::diagnostic::{Fault, Severity};
use crate::words::plural::{self, Form};
use crate::words::{base, is_right_to_left};

/// The function that shows one.
pub(crate) const FUNCTION: &str = "text";
/// The value that chooses the form of a text.
pub(crate) const COUNT: &str = "count";
/// Languages named in one sentence.
const MOST_NAMED: usize = 8;

/// All texts of a workspace. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    entries: Arc<BTreeMap<String, Arc<Localised>>>,
    languages: Arc<BTreeSet<String>>,
}

/// One text in every language it has.
#[derive(Debug)]
pub(crate) struct Localised {
    /// By tag, in small letters.
    languages: BTreeMap<String, Forms>,
    /// What any of them can depend on.
    pub reach: Reach,
}

/// The forms of a text in one language; [`Form::Other`] is always there.
#[derive(Debug, Default)]
struct Forms(BTreeMap<Form, Program>);

impl Texts {
    /// Compiles the texts of each language: its tag, and what its file says. Beside them stand all faults and warnings,
    /// by tag; their paths begin at the file. A text with a fault is left out of its language.
    pub fn compile(sources: &BTreeMap<String, Map<String, Value>>) -> (Texts, Vec<(String, Fault)>) {
        let mut faults = Vec::new();
        let mut entries: BTreeMap<String, Localised> = BTreeMap::new();
        for (tag, texts) in sources {
            for (key, written) in texts {
                let (forms, found) = forms(tag, written);
                faults.extend(found.into_iter().map(|fault| (tag.clone(), fault.under(key.as_str()))));
                let Some(forms) = forms else { continue };
                let entry = entries.entry(key.clone()).or_insert_with(|| Localised {
                    languages: BTreeMap::new(),
                    reach: Reach::default(),
                });
                forms
                    .0
                    .values()
                    .for_each(|program| entry.reach.merge(&program.reach, true));
                entry.languages.insert(tag.clone(), forms);
            }
        }
        let texts = Texts {
            entries: Arc::new(entries.into_iter().map(|(key, text)| (key, Arc::new(text))).collect()),
            languages: Arc::new(sources.keys().cloned().collect()),
        };
        (texts, faults)
    }

    /// The languages that have a file, by tag in small letters.
    pub fn languages(&self) -> &Arc<BTreeSet<String>> {
        &self.languages
    }

    /// The text of this key.
    ///
    /// # Errors
    /// What to say to whoever wrote the key, and the way out.
    pub(crate) fn find(&self, key: &str) -> Result<Arc<Localised>, (String, Option<String>)> {
        self.entries.get(key).cloned().ok_or_else(|| {
            let help = match self.languages.iter().next() {
                None => Some("texts stand in `texts/`, a file for each language: `texts/en.yaml`".to_owned()),
                Some(first) => suggestion(key, self.entries.keys().map(String::as_str))
                    .or_else(|| Some(format!("add `{key}:` to texts/{first}.yaml"))),
            };
            (format!("there is no text `{key}`"), help)
        })
    }

    /// What is doubtful about the texts of several languages beside each other, by tag: what is missing in a language,
    /// holes that one has and another has not. The language `reference` is the one that the others are compared with.
    pub fn doubts(&self, reference: Option<&str>) -> Vec<(String, Fault)> {
        let mut doubts = Vec::new();
        let order: Vec<&str> = reference
            .into_iter()
            .chain(["en"])
            .chain(self.languages.iter().map(String::as_str))
            .collect();
        for (key, text) in self.entries.iter() {
            let Some((model_tag, model)) = order.iter().find_map(|tag| text.languages.get_key_value(*tag)) else {
                continue;
            };
            let lacking: Vec<&String> = self.languages.iter().filter(|tag| !text.is_in(tag)).collect();
            if !lacking.is_empty() {
                let names: Vec<&str> = lacking.iter().take(MOST_NAMED).map(|tag| tag.as_str()).collect();
                let more = lacking.len().saturating_sub(MOST_NAMED);
                let more = if more > 0 {
                    format!(" and {more} more")
                } else {
                    String::new()
                };
                let files: Vec<String> = names.iter().map(|tag| format!("texts/{tag}.yaml")).collect();
                let message = format!("`{key}` is not translated into {}{more}", names.join(", "));
                let fault = Fault::warning("text::missing", message)
                    .help(format!("add it to {}", files.join(", ")))
                    .on_key();
                doubts.push((model_tag.clone(), fault.under(key.as_str())));
            }
            let wanted = model.holes();
            for (tag, forms) in text.languages.iter().filter(|(tag, _)| *tag != model_tag) {
                let holes = forms.holes();
                let told = |hole: &String, here: &str, there: &str| {
                    let message =
                        format!("this text has {here} hole `{{{{{hole}}}}}`, and texts/{model_tag}.yaml has {there}");
                    let fault = Fault::warning("text::holes", message).help("both should show the same");
                    (tag.clone(), fault.under(key.as_str()))
                };
                doubts.extend(wanted.difference(&holes).map(|hole| told(hole, "no", "one")));
                doubts.extend(holes.difference(&wanted).map(|hole| told(hole, "a", "none")));
            }
        }
        doubts
    }

    /// Keys that none of these sources shows, with the language of the first file that has each. Sources are read as
    /// text: what stands behind `text` in quotation marks is shown.
    pub fn unused<'s>(&self, sources: impl Iterator<Item = &'s str>) -> Vec<(String, Fault)> {
        let mut shown = BTreeSet::new();
        for source in sources {
            for rest in source.split("text ").skip(1) {
                let rest = rest.trim_start();
                // In JSON and in YAML's double quotes the inner ones are escaped.
                let rest = rest.strip_prefix('\\').unwrap_or(rest);
                let Some(quote) = rest.chars().next().filter(|mark| matches!(mark, '"' | '\'')) else {
                    continue;
                };
                let key = rest[1..].split([quote, '\\']).next().unwrap_or_default();
                shown.insert(key);
            }
        }
        let unused = self.entries.iter().filter(|(key, _)| !shown.contains(key.as_str()));
        unused
            .filter_map(|(key, text)| {
                let tag = text.languages.keys().next()?;
                let fault = Fault::warning("text::unused", format!("no rule or template shows `{key}`"))
                    .help(format!(
                        "write `{{{{text \"{key}\"}}}}` where it belongs, or take it out"
                    ))
                    .on_key();
                Some((tag.clone(), fault.under(key.as_str())))
            })
            .collect()
    }
}

impl Localised {
    /// What is shown to somebody who reads `languages`, best first, of a text about so many things. Some language is
    /// always found.
    pub(crate) fn program<'t>(&'t self, languages: &[&str], count: Option<u64>) -> Option<&'t Program> {
        let find = |tag: &str| {
            let tag = tag.to_lowercase();
            self.languages
                .get_key_value(&tag)
                .or_else(|| self.languages.get_key_value(&base(&tag)))
        };
        let (tag, forms) = languages
            .iter()
            .copied()
            .chain(["en"])
            .find_map(find)
            .or_else(|| self.languages.iter().next())?;
        let form = count.map_or(Form::Other, |count| plural::form(tag, count));
        forms.0.get(&form).or_else(|| forms.0.get(&Form::Other))
    }

    /// A language of a region falls back to the language.
    fn is_in(&self, tag: &str) -> bool {
        self.languages.contains_key(tag) || self.languages.contains_key(&base(tag))
    }
}

impl Forms {
    /// The names that its holes show.
    fn holes(&self) -> BTreeSet<String> {
        let programs = self.0.values();
        programs
            .flat_map(|program| program.reach.paths.iter().map(|(path, _)| path.written.clone()))
            .collect()
    }
}

/// Whether a card in the texts of this language runs from right to left.
pub fn runs_from_the_right(tag: &str) -> bool {
    is_right_to_left(tag)
}

fn forms(tag: &str, written: &Value) -> (Option<Forms>, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut forms = Forms::default();
    let mut take = |form: Form, source: &str, step: Option<&str>, faults: &mut Vec<Fault>| match syntax::compile(
        source,
        &Partials::none(),
    ) {
        Ok(program) => {
            forms.0.insert(form, program);
        }
        Err(fault) => faults.push(match step {
            Some(step) => fault.under(step),
            None => fault,
        }),
    };
    match written {
        Value::String(source) => take(Form::Other, source, None, &mut faults),
        Value::Object(fields) => {
            let known = plural::forms(tag);
            for form in Form::ALL {
                let Some(Value::String(source)) = fields.get(form.word()) else {
                    continue;
                };
                take(form, source, Some(form.word()), &mut faults);
                if !known.contains(&form) {
                    let message = format!("`{tag}` has no form `{}` for whole numbers", form.word());
                    let words: Vec<&str> = known.iter().map(|form| form.word()).collect();
                    let fault = Fault::warning("text::form", message)
                        .help(format!("it has `{}`", words.join("`, `")))
                        .on_key();
                    faults.push(fault.under(form.word()));
                }
            }
            if fields.contains_key("other") {
                let lacking: Vec<&str> = known
                    .iter()
                    .map(|form| form.word())
                    .filter(|form| !fields.contains_key(*form))
                    .collect();
                if !lacking.is_empty() {
                    let message = format!("`{tag}` also has the form `{}`", lacking.join("`, `"));
                    let help = "add it, or `other` is shown for those numbers";
                    faults.push(Fault::warning("text::form", message).help(help).on_key());
                }
            } else {
                let fault = Fault::error(
                    "text::form",
                    "this text has no form `other`, which stands for all other numbers",
                );
                faults.push(fault.help("add `other:`").on_key());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            let fault = Fault::error(
                "text::form",
                "a text, or its forms for different numbers, is expected here",
            );
            faults.push(fault.help("write it in quotation marks, or `one:` and `other:` below it"));
        }
    }
    let failed = faults.iter().any(|fault| fault.severity == Severity::Error);
    ((!failed && forms.0.contains_key(&Form::Other)).then_some(forms), faults)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::card::text::{Text, Warnings};

    fn sources(languages: &[(&str, Value)]) -> BTreeMap<String, Map<String, Value>> {
        let one = |(tag, texts): &(&str, Value)| ((*tag).to_owned(), texts.as_object().expect("a mapping").clone());
        languages.iter().map(one).collect()
    }

    fn deploys() -> Texts {
        let (texts, faults) = Texts::compile(&sources(&[
            (
                "en",
                json!({ "failed": { "one": "{{count}} deploy failed", "other": "{{count}} deploys failed" }, "by": "by {{name}}" }),
            ),
            (
                "ar",
                json!({ "failed": {
                    "zero": "لم يفشل شيء", "one": "فشل نشر واحد", "two": "فشل نشران", "few": "فشلت {{count}} عمليات",
                    "many": "فشلت {{count}} عملية", "other": "فشلت {{count}} عملية",
                } }),
            ),
        ]));
        assert!(faults.is_empty(), "{faults:?}");
        texts
    }

    fn shown(template: &str, languages: &[&str], event: Value) -> String {
        let partials = Partials::none().with_texts(deploys());
        let text = Text::compile(template, &partials).unwrap_or_else(|fault| panic!("{}", fault.message));
        text.shown(&json!({ "event": event, "languages": languages }), &mut Warnings::new())
    }

    #[test]
    fn a_text_is_shown_in_the_readers_language_and_in_the_form_of_the_number() {
        let template = "{{text \"failed\" count=event.n}}";
        assert_eq!(shown(template, &["en"], json!({ "n": 1 })), "1 deploy failed");
        assert_eq!(shown(template, &["ar-eg"], json!({ "n": 2 })), "فشل نشران");
        assert_eq!(shown(template, &["ar"], json!({ "n": [1, 2, 3] })), "فشلت 3 عمليات");
        assert_eq!(shown(template, &["it", "en"], json!({ "n": 0 })), "0 deploys failed");
        assert_eq!(
            shown("{{text \"by\" name=event.who}}", &["ar"], json!({ "who": "Anna" })),
            "by Anna"
        );
    }

    #[test]
    fn what_comes_from_the_event_stays_harmless_within_a_translation() {
        let said = shown(
            "{{text \"by\" name=event.who}}",
            &["en"],
            json!({ "who": "[x](https://evil.example)" }),
        );
        assert!(!said.contains("](https"), "{said}");
    }

    #[test]
    fn an_unknown_key_is_told_where_it_stands() {
        let partials = Partials::none().with_texts(deploys());
        let fault = Text::compile("{{text \"faild\"}}", &partials).unwrap_err();
        assert_eq!(fault.code, "reference::text");
        assert_eq!(fault.help.as_deref(), Some("did you mean `failed`?"));
        assert!(
            Text::compile("{{text event.key}}", &partials).is_err(),
            "a key is written out"
        );
    }

    #[test]
    fn translations_that_are_missing_or_differ_are_told_at_their_place() {
        let (texts, _) = Texts::compile(&sources(&[
            ("en", json!({ "a": "Hello {{name}}", "b": "Bye" })),
            ("de", json!({ "a": "Hallo" })),
            ("de-ch", json!({})),
        ]));
        let told: Vec<_> = texts
            .doubts(None)
            .into_iter()
            .map(|(tag, fault)| (tag, fault.code, fault.message))
            .collect();
        assert_eq!(told[0].0, "de");
        assert_eq!(told[0].1, "text::holes");
        assert_eq!(
            told[1],
            (
                "en".to_owned(),
                "text::missing",
                "`b` is not translated into de, de-ch".to_owned()
            )
        );
        assert_eq!(told.len(), 2, "Swiss German falls back to German: {told:?}");
        let unused = texts.unused(["title: \"{{text 'a' name=event.x}}\"", r#""{{text \"c\"}}""#].into_iter());
        assert_eq!(unused.len(), 1);
        assert!(unused[0].1.message.contains("`b`"));
    }

    #[test]
    fn forms_that_a_language_does_not_have_are_doubted_and_other_must_be_there() {
        let (texts, faults) = Texts::compile(&sources(&[(
            "ja",
            json!({ "a": { "one": "x", "other": "y" }, "b": { "one": "x" }, "c": 3 }),
        )]));
        let told: Vec<_> = faults.iter().map(|(_, fault)| (fault.code, fault.severity)).collect();
        assert!(told.iter().all(|(code, _)| *code == "text::form"), "{told:?}");
        assert_eq!(
            told.iter().filter(|(_, severity)| *severity == Severity::Error).count(),
            2
        );
        assert!(texts.find("a").is_ok() && texts.find("b").is_err());
    }
}
