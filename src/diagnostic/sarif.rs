//! Diagnostics as SARIF 2.1.0, which code hosts and editors read.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::code;
use super::place::Place;
use super::report::{Texts, sentences};
use super::{Diagnostic, Severity, Span};

/// What an address cannot have in its path.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    // `a:b` would be the address of a scheme `a`.
    .add(b':');

/// One run of `herald check`. `folder` stands before every file, with a slash at its end: where the workspace lies as seen
/// from the repository; empty where both are the same.
pub fn sarif(diagnostics: &[Diagnostic], texts: &Texts<'_>, folder: &str) -> Value {
    let rules: Vec<Value> = code::all()
        .map(|explained| {
            json!({
                "id": explained.code,
                "shortDescription": { "text": explained.meaning.replace('\n', " ") },
                "help": { "text": explained.section, "markdown": explained.section },
            })
        })
        .collect();
    let index = |code: &str| code::all().position(|explained| explained.code == code);
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|diagnostic| {
            let text = texts.get(diagnostic.file.as_str()).copied().unwrap_or_default();
            let place = |span: &Span| location(folder, &diagnostic.file, text, span);
            let level = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let mut result = json!({
                "ruleId": diagnostic.code,
                "level": level,
                "message": { "text": sentences(diagnostic) },
                "locations": [{ "physicalLocation": place(&diagnostic.span) }],
            });
            if let Some(index) = index(diagnostic.code) {
                result["ruleIndex"] = json!(index);
            }
            if !diagnostic.related.is_empty() {
                let related = diagnostic.related.iter().map(|related| {
                    json!({ "message": { "text": related.label }, "physicalLocation": place(&related.span) })
                });
                result["relatedLocations"] = related.collect();
            }
            result
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "herald", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn location(folder: &str, file: &str, text: &str, span: &Span) -> Value {
    let path = format!("{folder}{file}");
    let uri = utf8_percent_encode(&path, PATH).to_string();
    let place = Place::of(text, span);
    json!({
        "artifactLocation": { "uri": uri },
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Fault, Related};

    #[test]
    fn a_result_has_its_place_its_words_and_its_rule() {
        let text = "owner: a\nowner: b\n";
        let fault = Fault::error("yaml::doubled_key", "`owner` is written twice").help("keep one of the two");
        let mut diagnostic = Diagnostic::located(fault, "rules/a b#1.yaml", 9..14);
        diagnostic.related.push(Related {
            span: 0..5,
            label: "the first one".into(),
        });
        let log = sarif(&[diagnostic], &Texts::from([("rules/a b#1.yaml", text)]), "policies/");
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["level"], "error");
        assert_eq!(
            result["message"]["text"],
            "`owner` is written twice\nhelp: keep one of the two"
        );
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "policies/rules/a%20b%231.yaml");
        assert_eq!(
            place["region"],
            json!({ "startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 6 })
        );
        assert_eq!(
            result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"],
            1
        );
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(
            log["runs"][0]["tool"]["driver"]["rules"][rule]["id"],
            "yaml::doubled_key"
        );
    }
}
