//! What a rule is made of, kept for as long as something is under way that began with it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The sources of one rule: its file, and the templates and partials that its cards are made of. Equal programs have equal
/// ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its id, of what stands in it.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// The files, as seen from the workspace, with what stands in them; in the order of their paths.
    pub files: Vec<(String, String)>,
}

impl Program {
    /// So much is kept of one rule, in bytes; a larger one follows its edits.
    pub const LARGEST: usize = 1024 * 1024;

    /// A program of these files; `None` if they are too large to be kept.
    pub fn new(rule: &str, mut files: Vec<(String, String)>) -> Option<Program> {
        files.sort();
        files.dedup();
        let size: usize = files.iter().map(|(path, text)| path.len() + text.len()).sum();
        (size <= Self::LARGEST).then(|| Program {
            id: id(rule, &files),
            rule: rule.to_owned(),
            files,
        })
    }
}

fn id(rule: &str, files: &[(String, String)]) -> String {
    let mut hash = Sha256::new();
    let parts = files.iter().flat_map(|(path, text)| [path.as_str(), text.as_str()]);
    for part in std::iter::once(rule).chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("pg_{}", hex::encode(&hash.finalize()[..12]))
}
