//! The report that CI systems read: JUnit's XML, one suite per file of tests.

use std::io::{self, Write};
use std::time::Duration;

use super::{Ended, Paint, Run, failures, trace};
use crate::diagnostic::Severity;
use crate::diagnostic::report::{self, Texts};

/// Writes the report.
pub(super) fn write(run: &Run<'_>, texts: &Texts<'_>, out: &mut dyn Write) -> io::Result<()> {
    let broken_files = run.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let errors = run.ended.iter().filter(|ended| ended.played.is_none()).count();
    let failed = run.failed() - errors;
    // What is wrong with tests counts even where no test came of it.
    let alone = usize::from(broken_files > 0);
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites name="herald test" tests="{}" failures="{failed}" errors="{}" time="{}">"#,
        run.ended.len() + alone,
        errors + alone,
        seconds(run.took),
    )?;
    let mut rest = run.ended.as_slice();
    while let Some(first) = rest.first() {
        let of_file = rest
            .iter()
            .take_while(|ended| ended.suite.file == first.suite.file)
            .count();
        let (suite, after) = rest.split_at(of_file);
        self::suite(suite, texts, out)?;
        rest = after;
    }
    if alone > 0 {
        let diagnostics: Vec<_> = run.diagnostics.iter().map(|d| (*d).clone()).collect();
        let drawn = report::draw(&diagnostics, texts, false);
        writeln!(
            out,
            r#"  <testsuite name="files of tests" tests="1" failures="0" errors="1" time="0">"#
        )?;
        writeln!(
            out,
            r#"    <testcase name="can be read" classname="files of tests" time="0">"#
        )?;
        writeln!(
            out,
            r#"      <error message="{}" type="broken">{}</error>"#,
            escaped(&report::tally(&diagnostics)),
            escaped(&drawn)
        )?;
        writeln!(out, "    </testcase>\n  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn suite(ended: &[Ended<'_>], texts: &Texts<'_>, out: &mut dyn Write) -> io::Result<()> {
    let errors = ended.iter().filter(|ended| ended.played.is_none()).count();
    let failed = ended.iter().filter(|ended| !ended.passed()).count() - errors;
    let took = ended.iter().map(|ended| ended.took).sum();
    let file = ended.first().map_or("", |ended| ended.suite.file.as_str());
    writeln!(
        out,
        r#"  <testsuite name="{}" tests="{}" failures="{failed}" errors="{errors}" time="{}">"#,
        escaped(file),
        ended.len(),
        seconds(took),
    )?;
    for one in ended {
        let begin = format!(
            r#"    <testcase name="{}" classname="{}" time="{}""#,
            escaped(&one.test.name),
            escaped(&one.suite.rule),
            seconds(one.took),
        );
        let Some(played) = &one.played else {
            writeln!(out, "{begin}>")?;
            writeln!(
                out,
                r#"      <error message="the test or its rule is broken" type="broken"></error>"#
            )?;
            writeln!(out, "    </testcase>")?;
            continue;
        };
        if one.passed() {
            writeln!(out, "{begin}/>")?;
            continue;
        }
        writeln!(out, "{begin}>")?;
        let messages: Vec<&str> = failures(one).map(|failure| failure.message.as_str()).collect();
        let plain = Paint { colours: false };
        let mut text = String::new();
        for failure in failures(one) {
            let located = one.suite.located(one.test, failure);
            text.push_str(&report::draw(&[located], texts, false));
            text.push_str(&trace::side_by_side(failure, plain));
        }
        let zone = one.test.case().map(|case| case.zone).unwrap_or_default();
        text.push_str(&trace::made(&played.made, zone, plain));
        writeln!(
            out,
            r#"      <failure message="{}" type="{}">{}</failure>"#,
            escaped(&messages.join("; ")),
            failures(one).next().map_or("", |failure| failure.code),
            escaped(&text),
        )?;
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>")
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// Text for XML: markup made harmless, and what XML cannot hold at all left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}
