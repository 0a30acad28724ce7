//! What the files of a pattern look like at a moment, and how two such moments differ.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::FileChange;
use crate::file_content;

/// How many files one pattern may match; more is an error, not a silent cut.
pub const MOST_FILES: usize = 10_000;
/// With more files than this, their texts are not kept: the record must stay small.
const MOST_TEXTS: usize = 100;
/// How deep below the pattern's fixed folder files are looked for.
const DEEPEST: usize = 32;

/// The files of a pattern at one moment, by path as seen from the workspace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Path -> what it looked like.
    pub files: BTreeMap<String, Fingerprint>,
}

/// What a file looked like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// In bytes.
    pub size: u64,
    /// As the file system says; `None` where it does not know.
    pub modified_at: Option<DateTime<Utc>>,
    /// SHA-256 of the content, in hex.
    pub hash: String,
    /// The text itself when it is short, so that added and removed lines can be told.
    pub text: Option<String>,
}

/// The part of a pattern before its first wildcard: the folder to start in.
pub fn fixed_part(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
    pattern[..wild].rfind('/').map_or("", |slash| &pattern[..slash])
}

/// Looks at all files under `root` that the pattern matches. A file whose size and time are as `before` is not read again.
///
/// # Errors
/// When the folder cannot be listed, or more than [`MOST_FILES`] match. A folder that is not there has no files.
pub fn take(root: &Path, pattern: &str, glob: &globset::GlobMatcher, before: &Snapshot) -> io::Result<Snapshot> {
    let mut snapshot = Snapshot::default();
    let mut folders = vec![(fixed_part(pattern).to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let listed = match fs::read_dir(root.join(&folder)) {
            Ok(listed) => listed,
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => continue,
            Err(problem) => return Err(problem),
        };
        for entry in listed {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            // Follows symbolic links; one that leads nowhere, or a file that vanished meanwhile, is simply not there.
            let Ok(metadata) = fs::metadata(entry.path()) else {
                continue;
            };
            if metadata.is_dir() {
                if depth < DEEPEST {
                    folders.push((path, depth + 1));
                }
            } else if metadata.is_file() && glob.is_match(&path) {
                if snapshot.files.len() >= MOST_FILES {
                    return Err(io::Error::other(format!("more than {MOST_FILES} files match")));
                }
                if let Some(fingerprint) = look_at(&entry.path(), &metadata, before.files.get(&path)) {
                    snapshot.files.insert(path, fingerprint);
                }
            }
        }
    }
    if snapshot.files.len() > MOST_TEXTS {
        snapshot
            .files
            .values_mut()
            .for_each(|fingerprint| fingerprint.text = None);
    }
    Ok(snapshot)
}

fn look_at(path: &Path, metadata: &fs::Metadata, before: Option<&Fingerprint>) -> Option<Fingerprint> {
    let size = metadata.len();
    let modified_at = metadata.modified().ok().map(DateTime::<Utc>::from);
    // A file written within the last two seconds may be written again within the same tick of the file system's clock.
    let fresh =
        modified_at.is_none_or(|at| DateTime::<Utc>::from(SystemTime::now()) - at < chrono::Duration::seconds(2));
    if let Some(before) = before.filter(|b| !fresh && b.size == size && b.modified_at == modified_at) {
        return Some(before.clone());
    }
    let mut hash = Sha256::new();
    let mut start = Vec::new();
    let mut file = File::open(path).ok()?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer).ok()?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        if start.len() <= file_content::TEXT_KEPT {
            start.extend_from_slice(&buffer[..read]);
        }
    }
    let text = (start.len() <= file_content::TEXT_KEPT)
        .then(|| String::from_utf8(start).ok())
        .flatten();
    Some(Fingerprint {
        size,
        modified_at,
        hash: hex::encode(hash.finalize()),
        text,
    })
}

/// What changed from one moment to the next, in the order of the paths. A file that was only touched has not changed.
pub fn differences(before: &Snapshot, after: &Snapshot) -> Vec<(String, FileChange)> {
    let mut changes = Vec::new();
    for (path, now) in &after.files {
        match before.files.get(path) {
            None => changes.push((path.clone(), FileChange::Created)),
            Some(then) if then.hash != now.hash => changes.push((path.clone(), FileChange::Modified)),
            Some(_) => {}
        }
    }
    for path in before.files.keys().filter(|path| !after.files.contains_key(*path)) {
        changes.push((path.clone(), FileChange::Deleted));
    }
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str) -> globset::GlobMatcher {
        globset::GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .expect("a good pattern")
            .compile_matcher()
    }

    #[test]
    fn a_pattern_starts_in_the_folder_before_its_first_wildcard() {
        assert_eq!(fixed_part("prices/*.csv"), "prices");
        assert_eq!(fixed_part("a/b/**/x.json"), "a/b");
        assert_eq!(fixed_part("*.csv"), "");
        assert_eq!(fixed_part("a/fixed.txt"), "a");
    }

    #[test]
    fn created_modified_and_deleted_files_are_told_apart_and_a_touched_one_is_none_of_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir(root.join("prices")).expect("a folder");
        for (name, text) in [("a.csv", "1"), ("b.csv", "1"), ("c.csv", "1"), ("note.txt", "1")] {
            fs::write(root.join("prices").join(name), text).expect("written");
        }
        let matcher = glob("prices/*.csv");
        let before = take(root, "prices/*.csv", &matcher, &Snapshot::default()).expect("listed");
        fs::write(root.join("prices/a.csv"), "2").expect("written");
        fs::write(root.join("prices/b.csv"), "1").expect("touched");
        fs::remove_file(root.join("prices/c.csv")).expect("removed");
        fs::write(root.join("prices/d.csv"), "1").expect("written");
        fs::write(root.join("prices/note.txt"), "2").expect("written");
        let after = take(root, "prices/*.csv", &matcher, &before).expect("listed");
        let expected = [
            ("prices/a.csv".to_owned(), FileChange::Modified),
            ("prices/c.csv".to_owned(), FileChange::Deleted),
            ("prices/d.csv".to_owned(), FileChange::Created),
        ];
        assert_eq!(differences(&before, &after), expected);
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let taken = take(folder.path(), "none/*.csv", &glob("none/*.csv"), &Snapshot::default()).expect("listed");
        assert!(taken.files.is_empty());
    }
}
