//! Diagnostics as the lines that GitHub Actions turns into annotations of a pull request.

use std::fmt::Write;

use super::place::Place;
use super::report::{Texts, sentences, tally};
use super::{Diagnostic, Severity};

/// A line for each diagnostic, errors first, since only the first ten of a step are shown; then a line that counts them.
/// `folder` stands before every file, with a slash at its end: where the workspace lies as seen from the repository.
pub fn annotations(diagnostics: &[Diagnostic], texts: &Texts<'_>, folder: &str) -> String {
    let mut lines = String::new();
    let of = |severity| {
        diagnostics
            .iter()
            .filter(move |diagnostic| diagnostic.severity == severity)
    };
    for diagnostic in of(Severity::Error).chain(of(Severity::Warning)) {
        let text = texts.get(diagnostic.file.as_str()).copied().unwrap_or_default();
        let place = Place::of(text, &diagnostic.span);
        let word = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let file = property(&format!("{folder}{}", diagnostic.file));
        let _ = write!(
            lines,
            "::{word} file={file},line={},endLine={}",
            place.line, place.end_line
        );
        // Columns over several lines are refused there.
        if place.line == place.end_line {
            let _ = write!(lines, ",col={},endColumn={}", place.column, place.end_column);
        }
        let _ = writeln!(
            lines,
            ",title={}::{}",
            property(diagnostic.code),
            data(&sentences(diagnostic))
        );
    }
    if !diagnostics.is_empty() {
        let _ = writeln!(lines, "{}", tally(diagnostics));
    }
    lines
}

/// A message in one line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value between commas, before the colons.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Fault;

    #[test]
    fn nothing_in_a_diagnostic_ends_its_line_or_its_properties() {
        let text = "a: 1\nb: 100%\n";
        let fault = Fault::error("yaml::key", "100%\r\n::error::not mine").help("two, or: three");
        let found = Diagnostic::located(fault, "rules/a,b: c.yaml", 5..6);
        let shown = annotations(&[found], &Texts::from([("rules/a,b: c.yaml", text)]), "");
        assert_eq!(
            shown,
            "::error file=rules/a%2Cb%3A c.yaml,line=2,endLine=2,col=1,endColumn=2,title=yaml%3A%3Akey::\
             100%25%0D%0A::error::not mine%0Ahelp: two, or: three\n1 error in 1 file\n"
        );
    }

    #[test]
    fn errors_come_before_warnings_and_columns_only_within_one_line() {
        let text = "a: 1\nb: 2\n";
        let warning = Diagnostic::located(Fault::warning("yaml::number", "w"), "a.yaml", 0..1);
        let error = Diagnostic::located(Fault::error("yaml::key", "e"), "a.yaml", 0..8);
        let shown = annotations(&[warning, error], &Texts::from([("a.yaml", text)]), "sub/");
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines[0],
            "::error file=sub/a.yaml,line=1,endLine=2,title=yaml%3A%3Akey::e"
        );
        assert!(lines[1].starts_with("::warning file=sub/a.yaml,line=1,endLine=1,col=1,endColumn=2,"));
    }
}
