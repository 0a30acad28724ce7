//! The codes of diagnostics and what they mean: `docs/diagnostics.md` is the list, and it is part of the program.
//!
//! A code is a promise to whoever silences or searches it. A test compares the codes that the sources can give with the
//! sections of that page.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The page that explains every code, as seen from the root of the repository.
pub const PAGE: &str = "docs/diagnostics.md";

static TEXT: &str = include_str!("../../docs/diagnostics.md");

/// What the page says about one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// The code, `area::name`.
    pub code: &'static str,
    /// Its meaning in a paragraph, on several lines perhaps, in Markdown.
    pub meaning: &'static str,
    /// The whole section below its heading: the meaning, a wrong and a right example, in Markdown.
    pub section: &'static str,
}

static ALL: LazyLock<BTreeMap<&'static str, Explained>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    for piece in TEXT.split("\n### `").skip(1) {
        let Some((code, section)) = piece.split_once("`\n") else {
            continue;
        };
        // A heading of the next area ends the section, too.
        let section = section.split("\n## ").next().unwrap_or(section).trim();
        let meaning = section.split("\n\n").next().unwrap_or(section);
        let explained = Explained { code, meaning, section };
        all.insert(code, explained);
    }
    all
});

/// Every code with its meaning, in the order of their names.
pub fn all() -> impl ExactSizeIterator<Item = &'static Explained> {
    ALL.values()
}

/// What this code means.
pub fn explained(code: &str) -> Option<&'static Explained> {
    ALL.get(code)
}

/// The place of the page where this code is explained.
pub fn link(code: &str) -> String {
    // As Markdown makes an anchor of a heading: signs vanish.
    let anchor: String = code
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        .collect();
    format!("{PAGE}#{anchor}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_with_its_meaning_and_its_examples() {
        let found = explained("cron::field").expect("schedules can be wrong");
        assert!(found.section.starts_with(found.meaning));
        assert!(found.section.contains("```yaml"), "{}", found.section);
        assert!(!found.section.contains("###"), "{}", found.section);
        assert_eq!(link("cron::field"), "docs/diagnostics.md#cronfield");
        assert_eq!(explained("cron"), None);
        assert!(all().len() > 50);
    }
}
