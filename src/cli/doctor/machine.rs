//! What the machine gives: room on the disk, notice of changed files, time zones.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike, Utc};
use notify::{RecursiveMode, Watcher};

use super::finding::Finding;
use crate::store::sled::Options;

/// Below this much room the doctor asks for more, in bytes.
const LITTLE_ROOM: u64 = 1 << 30;
/// The version of the time zone data that Herald was built with.
const ZONES: &str = chrono_tz::IANA_TZDB_VERSION;

/// Can Herald write where its data is, and how much room is there?
pub fn disk(data: &Path) -> Vec<Finding> {
    let (place, exists) = match data.is_dir() {
        true => (data.to_owned(), true),
        false => (nearest(data), false),
    };
    let shown = data.display();
    let mut findings = vec![match (writable(&place), exists) {
        (Ok(()), true) => Finding::ok("data", format!("{shown} can be written")),
        (Ok(()), false) => Finding::ok("data", format!("{shown} is not there yet; `herald serve` makes it")),
        (Err(problem), _) => Finding::failed(
            "data",
            format!("nothing can be written to {}: {problem}", place.display()),
            "let the user that runs Herald write there, make room, or name another folder with `store` in herald.yaml",
        ),
    }];
    let reserve = Options::default().reserve_bytes;
    findings.push(match fs2::available_space(&place) {
        Ok(room) if room < reserve => Finding::failed(
            "disk",
            format!(
                "{} left for {shown}: nothing new is taken in below {}",
                size(room),
                size(reserve)
            ),
            "make room; Herald goes on by itself",
        ),
        Ok(room) if room < LITTLE_ROOM => Finding::warning(
            "disk",
            format!("{} left for {shown}", size(room)),
            format!("make room: below {} Herald takes nothing new in", size(reserve)),
        ),
        Ok(room) => Finding::ok("disk", format!("{} left for {shown}", size(room))),
        Err(problem) => Finding::warning(
            "disk",
            format!("how much room is left for {shown} cannot be told: {problem}"),
            "look at it with `df -h`",
        ),
    });
    findings
}

/// The folder itself, or the nearest one above it that is there.
fn nearest(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    whole
        .ancestors()
        .find(|above| above.is_dir())
        .map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Writes and removes a file of its own: rights alone do not tell of a full disk or one that is read-only.
fn writable(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".herald-doctor-{}", std::process::id()));
    let written = fs::write(&probe, vec![0; 4096]);
    let removed = fs::remove_file(&probe);
    written.and(removed)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

/// Does the system tell of changed files?
pub fn watching(root: &Path) -> Finding {
    let watched = notify::recommended_watcher(|_: notify::Result<notify::Event>| {}).and_then(|mut watcher| {
        watcher.watch(root, RecursiveMode::NonRecursive)?;
        for folder in ["rules", "templates", "texts"].map(|name| root.join(name)) {
            if folder.is_dir() {
                watcher.watch(&folder, RecursiveMode::Recursive)?;
            }
        }
        Ok(())
    });
    match watched {
        Ok(()) => Finding::ok("reload", "changed files are noticed at once"),
        Err(problem) => {
            let limit = |name: &str| {
                let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
                Some(format!("fs.inotify.{name} is {}", text.trim()))
            };
            let limits: Vec<_> = ["max_user_watches", "max_user_instances"]
                .into_iter()
                .filter_map(limit)
                .collect();
            Finding::warning(
                "reload",
                format!(
                    "the system does not tell of changed files ({}); they are compared every 30 seconds instead. {}",
                    in_words(&problem),
                    limits.join(", ")
                ),
                "raise the limits with `sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`",
            )
        }
    }
}

/// What a watcher's error says, without the path that everybody knows.
fn in_words(problem: &notify::Error) -> String {
    match &problem.kind {
        notify::ErrorKind::MaxFilesWatch => "too many files are watched on this machine".to_owned(),
        notify::ErrorKind::Io(problem) => problem.to_string(),
        other => format!("{other:?}"),
    }
}

/// How old are the rules about summer time?
pub fn zones(now: DateTime<Utc>) -> Finding {
    let year: i32 = ZONES[..4].parse().unwrap_or(0);
    let found = format!("the rules of time zones are those of {ZONES}");
    if now.year() - year > 2 {
        Finding::warning(
            "time zones",
            found,
            "a newer Herald knows when countries changed their clocks since",
        )
    } else {
        Finding::ok("time zones", found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;

    #[test]
    fn the_folder_above_stands_in_for_one_that_is_not_there_and_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let findings = disk(&folder.path().join("a/b/data"));
        assert_eq!(findings[0].verdict, Verdict::Ok, "{findings:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let problem = writable(&folder.path().join("file")).unwrap_err();
        assert!(!problem.to_string().is_empty());
    }

    #[test]
    fn old_time_zones_are_told() {
        let at = |text: &str| zones(text.parse().unwrap()).verdict;
        assert_eq!(at("2040-01-01T00:00:00Z"), Verdict::Warning);
        assert_eq!(at("2026-01-01T00:00:00Z"), Verdict::Ok);
    }
}
