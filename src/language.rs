//! The codes of languages.

use crate::diagnostic::Fault;

/// A language as people write it, as a tag in small letters: `de`, `pt-BR`.
///
/// # Errors
/// It is none.
pub fn tag(written: &str) -> Result<String, Fault> {
    let tag = written.trim().to_lowercase().replace('_', "-");
    let mut parts = tag.split('-');
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = parts.next().unwrap_or_default();
    let good = (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts.all(|part| (1..=8).contains(&part.len()) && letters(part))
        && tag.len() <= 35;
    match good {
        true => Ok(tag),
        false => Err(
            Fault::error("language::tag", format!("`{}` is no language", written.trim()))
                .help("write its code: `de`, `ar`, `pt-BR`"),
        ),
    }
}
