//! Diagnostics as people read them: the excerpt, the caret, the way out; and as machines do.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::place::{Place, fitted};
use super::{Diagnostic, Severity, code};

/// The texts that diagnostics point into, by file.
pub type Texts<'a> = HashMap<&'a str, &'a str>;

/// How many diagnostics are drawn; the others are counted. Drawing a thousand takes longer than finding them.
pub const DRAWN: usize = 100;

/// Draws diagnostics for people, errors and warnings in the order given, and a last line that counts them. Colours are
/// terminal escapes; without them the result is plain text. Empty when there is nothing to say.
pub fn draw(diagnostics: &[Diagnostic], texts: &Texts<'_>, colours: bool) -> String {
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(140);
    let mut drawn = String::new();
    for diagnostic in diagnostics.iter().take(DRAWN) {
        drawn.push_str(&one(diagnostic, texts, &renderer));
        drawn.push_str("\n\n");
    }
    let left = diagnostics.len().saturating_sub(DRAWN);
    if left > 0 {
        let _ = writeln!(drawn, "... and {left} more, not shown\n");
    }
    if !diagnostics.is_empty() {
        let _ = writeln!(drawn, "{}", tally(diagnostics));
    }
    drawn
}

/// `2 errors, 1 warning in 2 files`.
pub fn tally(diagnostics: &[Diagnostic]) -> String {
    let of = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let counted = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    let mut files: Vec<&str> = diagnostics.iter().map(|d| d.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    let parts: Vec<String> = [(of(Severity::Error), "error"), (of(Severity::Warning), "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| counted(number, word))
        .collect();
    format!("{} in {}", parts.join(", "), counted(files.len(), "file"))
}

/// How much of a file is handed to the renderer, in bytes: it looks at every line it is given. What is longer than this
/// is one line of a file that no person wrote, or a place too far away to show.
const WINDOW: usize = 8 << 10;

fn one(diagnostic: &Diagnostic, texts: &Texts<'_>, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code);
    let text = texts.get(diagnostic.file.as_str()).copied().unwrap_or_default();
    let of_whole_file = diagnostic.span.is_empty() && diagnostic.span.start == 0;
    let span = one_line(text, &fitted(text, &diagnostic.span));
    let mut window = lines_of(text, &span);
    let mut group = Group::with_title(title);
    if of_whole_file {
        group = group.element(Origin::path(&diagnostic.file));
    } else if window.len() > WINDOW {
        let place = Place::of(text, &diagnostic.span);
        group = group.element(
            Origin::path(&diagnostic.file)
                .line(place.line)
                .char_column(place.column),
        );
    } else {
        let (mut label, mut near) = (diagnostic.label.clone().unwrap_or_default(), Vec::new());
        for related in &diagnostic.related {
            let span = one_line(text, &fitted(text, &related.span));
            let lines = lines_of(text, &span);
            let both = window.start.min(lines.start)..window.end.max(lines.end);
            if both.len() <= WINDOW {
                window = both;
                near.push((span, related.label.as_str()));
            } else {
                let line = Place::of(text, &span).line;
                label = format!("{label}; {} is on line {line}", related.label);
            }
        }
        let within = |span: Range<usize>| span.start - window.start..span.end - window.start;
        let label = (!label.is_empty()).then_some(label);
        let mut annotations = vec![AnnotationKind::Primary.span(within(span)).label(label)];
        for (span, label) in near {
            annotations.push(AnnotationKind::Context.span(within(span)).label(label));
        }
        let first = 1 + text[..window.start].bytes().filter(|byte| *byte == b'\n').count();
        let snippet = Snippet::source(&text[window]).line_start(first).path(&diagnostic.file);
        group = group.element(snippet.annotations(annotations));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// The part of `span` on its first line: a caret under a whole block says less than one under its beginning.
fn one_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let end = text[span.clone()]
        .find(['\n', '\r'])
        .map_or(span.end, |newline| span.start + newline);
    span.start..end
}

/// The whole lines around `span`, line end included: the renderer knows `\r\n`, but not a lonely `\r`.
fn lines_of(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.end..]
        .find('\n')
        .map_or(text.len(), |newline| span.end + newline + 1);
    start..end
}

/// Everything a diagnostic says, without its place: for whoever draws no excerpt.
pub fn sentences(diagnostic: &Diagnostic) -> String {
    let mut text = diagnostic.message.clone();
    if let Some(label) = &diagnostic.label {
        let _ = write!(text, " ({label})");
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    text
}

/// Diagnostics for machines: file, line, column, end, code, where it is explained, severity, message, label, help,
/// further places.
pub fn json(diagnostics: &[Diagnostic], texts: &Texts<'_>) -> Value {
    let items = diagnostics.iter().map(|diagnostic| {
        let text = texts.get(diagnostic.file.as_str()).copied().unwrap_or_default();
        let place = Place::of(text, &diagnostic.span);
        let related: Vec<Value> = diagnostic
            .related
            .iter()
            .map(|related| {
                let place = Place::of(text, &related.span);
                json!({ "line": place.line, "column": place.column, "message": related.label })
            })
            .collect();
        json!({
            "file": diagnostic.file,
            "line": place.line,
            "column": place.column,
            "end_line": place.end_line,
            "end_column": place.end_column,
            "severity": diagnostic.severity,
            "code": diagnostic.code,
            "explained": code::link(diagnostic.code),
            "message": diagnostic.message,
            "label": diagnostic.label,
            "help": diagnostic.help,
            "related": related,
        })
    });
    Value::Array(items.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Fault, Related};

    fn fault(text: &str, word: &str) -> Diagnostic {
        let start = text.find(word).unwrap();
        Diagnostic::located(
            Fault::error("reference::template", format!("template `{word}` does not exist"))
                .label("no such file")
                .help("did you mean `deploy-failed`?"),
            "rules/a.yaml",
            start..start + word.len(),
        )
    }

    fn drawn(diagnostic: Diagnostic, text: &str) -> String {
        draw(&[diagnostic], &Texts::from([("rules/a.yaml", text)]), false)
    }

    #[test]
    fn the_author_sees_the_place_the_words_and_the_way_out() {
        let text = "when: x\ncard:\n  template: deploy-faild\n";
        assert_eq!(
            drawn(fault(text, "deploy-faild"), text),
            "\
error[reference::template]: template `deploy-faild` does not exist
 --> rules/a.yaml:3:13
  |
3 |   template: deploy-faild
  |             ^^^^^^^^^^^^ no such file
  |
  = help: did you mean `deploy-failed`?

1 error in 1 file
"
        );
    }

    #[test]
    fn windows_line_ends_emoji_and_a_byte_order_mark_do_not_shift_the_caret() {
        for text in [
            "a: b\r\ncard: deploy-faild\r\n",
            "\u{feff}card: deploy-faild\n",
            "a: \u{1f600}\u{1f600}\ncard: deploy-faild",
        ] {
            let drawn = drawn(fault(text, "deploy-faild"), text);
            let lines: Vec<&str> = drawn.lines().collect();
            let source = lines.iter().position(|line| line.contains("card:")).unwrap();
            let at = lines[source].find("deploy").unwrap() - lines[source].matches('\u{feff}').count() * 3;
            assert_eq!(lines[source + 1].find('^').unwrap(), at, "{drawn}");
            assert!(!drawn.contains('\u{240d}') && !drawn.contains('\r'), "{drawn}");
        }
    }

    #[test]
    fn a_fault_at_the_end_of_the_text_or_in_an_empty_one_is_drawn() {
        for (text, span) in [("a: 1\nb: {", 9..9), ("", 0..0), ("a", 5..9), ("x\n", 2..2)] {
            let mut diagnostic = fault("deploy-faild", "deploy-faild");
            diagnostic.span = span;
            assert!(drawn(diagnostic, text).contains("rules/a.yaml"));
        }
    }

    #[test]
    fn both_places_of_a_doubled_key_are_shown() {
        let text = "owner: a\nwhen: x\nowner: b\n";
        let mut diagnostic = fault(text, "owner: b");
        diagnostic.related.push(Related {
            span: 0..5,
            label: "first written here".into(),
        });
        let drawn = drawn(diagnostic, text);
        assert!(drawn.contains("----- first written here"), "{drawn}");
        assert!(drawn.contains("3 | owner: b"), "{drawn}");
    }

    #[test]
    fn a_flood_of_faults_is_counted_not_drawn() {
        let text = "card: x\n";
        let flood = vec![fault(text, "x"); DRAWN + 20];
        let drawn = draw(&flood, &Texts::from([("rules/a.yaml", text)]), false);
        assert!(drawn.contains("... and 20 more, not shown"));
        assert!(drawn.ends_with("120 errors in 1 file\n"));
        assert_eq!(drawn.matches("-->").count(), DRAWN);
    }

    #[test]
    fn an_excerpt_of_a_huge_line_or_a_place_far_away_is_told_in_words() {
        let far = format!("owner: a\n{}owner: b\n", "x: 1\n".repeat(5_000));
        let mut diagnostic = fault(&far, "owner: b");
        diagnostic.related.push(Related {
            span: 0..5,
            label: "the first one".into(),
        });
        let shown = drawn(diagnostic, &far);
        assert!(
            shown.contains("^^^^^^^^ no such file; the first one is on line 1"),
            "{shown}"
        );
        assert!(shown.contains("5002 | owner: b"), "{shown}");
        let wide = format!("a: 1\n{}deploy-faild", "x".repeat(100_000));
        let shown = drawn(fault(&wide, "deploy-faild"), &wide);
        assert!(shown.contains("--> rules/a.yaml:2:100001"), "{shown}");
        assert!(shown.len() < 500);
    }

    #[test]
    fn machines_get_line_column_and_code() {
        let text = "when: x\ncard: deploy-faild\n";
        let found = json(&[fault(text, "deploy-faild")], &Texts::from([("rules/a.yaml", text)]));
        assert_eq!(found[0]["line"], 2);
        assert_eq!(found[0]["column"], 7);
        assert_eq!(found[0]["end_column"], 19);
        assert_eq!(found[0]["code"], "reference::template");
        assert_eq!(found[0]["severity"], "error");
    }
}
