//! What a check found, and how it is told.

use std::fmt::Write;

use serde::Serialize;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's stable name: `token`, `clock`.
    pub check: &'static str,
    /// What exactly was looked at, where a check looks at several things: a secret's name, a hook.
    pub subject: Option<String>,
    /// How it is.
    pub verdict: Verdict,
    /// What was found, in a sentence. Never a secret.
    pub found: String,
    /// What to do next; `None` when nothing is to be done.
    pub next: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            subject: None,
            verdict: Verdict::Ok,
            found: found.into(),
            next: None,
        }
    }

    /// It works, but `next` should be done.
    pub fn warning(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warning,
            next: Some(next.into()),
            ..Self::ok(check, found)
        }
    }

    /// It does not work until `next` is done.
    pub fn failed(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failed,
            ..Self::warning(check, found, next)
        }
    }

    /// The same, but nothing fails because of it.
    #[must_use]
    pub fn at_most_a_warning(self) -> Self {
        Self {
            verdict: self.verdict.min(Verdict::Warning),
            ..self
        }
    }

    /// The same about one of several things.
    #[must_use]
    pub fn about(self, subject: impl Into<String>) -> Self {
        Self {
            subject: Some(subject.into()),
            ..self
        }
    }
}

/// How many findings have this verdict.
pub fn count(findings: &[Finding], verdict: Verdict) -> usize {
    findings.iter().filter(|finding| finding.verdict == verdict).count()
}

/// The findings for people, one or two lines each, and a last line that counts them.
pub fn draw(findings: &[Finding], colours: bool) -> String {
    let name = |finding: &Finding| match &finding.subject {
        Some(subject) => format!("{} {subject}", finding.check),
        None => finding.check.to_owned(),
    };
    let width = findings.iter().map(|f| name(f).chars().count()).max().unwrap_or(0);
    let mut drawn = String::new();
    for finding in findings {
        let (word, colour) = match finding.verdict {
            Verdict::Ok => ("ok     ", "\u{1b}[32m"),
            Verdict::Warning => ("warning", "\u{1b}[33m"),
            Verdict::Failed => ("FAILED ", "\u{1b}[31;1m"),
        };
        let word = if colours {
            format!("{colour}{word}\u{1b}[0m")
        } else {
            word.to_owned()
        };
        let _ = writeln!(drawn, "{word}  {:width$}  {}", name(finding), finding.found);
        if let Some(next) = &finding.next {
            let _ = writeln!(drawn, "         {:width$}  -> {next}", "");
        }
    }
    let counted: Vec<String> = [
        (Verdict::Failed, "failed"),
        (Verdict::Warning, "to look at"),
        (Verdict::Ok, "ok"),
    ]
    .into_iter()
    .map(|(verdict, word)| (count(findings, verdict), word))
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| format!("{number} {word}"))
    .collect();
    let _ = writeln!(drawn, "\n{}", counted.join(", "));
    drawn
}
