//! A file names only its own floor and those below; rooms of one floor do not go in circles; pure rooms stay pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every room with its floor; the longest prefix counts. 0 words, 1 meaning (both pure), 2 ports, 3 adapters, 4 engine,
/// 5 surfaces.
const FLOORS: &[(&str, u8)] = &[
    ("event", 0),
    ("trace", 0),
    ("roster", 0),
    ("refusal", 0),
    ("delivery", 0),
    ("matter", 0),
    ("timer", 0),
    ("choice", 0),
    ("diagnostic", 0),
    ("lane", 0),
    ("secret_name", 0),
    ("webhook", 0),
    ("matter::decide", 1),
    ("matter::dress", 1),
    ("matter::follow", 1),
    ("matter::keep", 1),
    ("matter::told", 1),
    ("matter::tests", 1),
    ("wall", 0),
    ("holiday", 0),
    ("quiet", 0),
    ("quiet::file", 1),
    ("quiet::policy", 1),
    ("words", 0),
    ("duration", 1),
    ("rate", 1),
    ("text_or", 1),
    ("zone", 1),
    ("one_or_many", 1),
    ("yaml", 1),
    ("schema", 1),
    ("rule", 1),
    ("card", 1),
    ("book", 1),
    ("batch", 1),
    ("rotation", 1),
    ("call", 1),
    ("audience", 1),
    ("plan", 1),
    ("drill", 1),
    ("judge", 1),
    ("opt_out", 1),
    ("topic", 1),
    ("concierge", 1),
    ("limit", 1),
    ("gathering", 1),
    ("storm", 1),
    ("record", 1),
    ("run", 1),
    ("why", 1),
    ("retry", 1),
    ("pace", 1),
    ("hook", 1),
    ("queue", 1),
    ("language", 1),
    ("link", 1),
    ("settings", 1),
    ("workspace", 1),
    ("rehearsal", 1),
    ("scaffold", 1),
    ("teams", 1),
    ("graph", 1),
    ("webhook::answer", 1),
    ("webhook::message", 1),
    ("preview::seat", 1),
    ("preview::stage", 1),
    ("preview::shown", 1),
    ("renderer", 1),
    ("clock", 2),
    ("metric", 2),
    ("secret", 2),
    ("seldom", 2),
    ("stop", 2),
    ("store", 2),
    ("load", 3),
    ("revision", 3),
    ("snapshot", 3),
    ("file_content", 3),
    ("file_watch", 3),
    ("tracer", 3),
    ("kafka", 3),
    ("cosmos", 3),
    ("store::sled", 3),
    ("store::upgrade", 3),
    ("store::open", 3),
    ("teams::jwt", 3),
    ("graph::client", 3),
    ("graph::people", 3),
    ("graph::profiles", 3),
    ("graph::apps", 3),
    ("teams::keys", 3),
    ("teams::token", 3),
    ("teams::wire", 3),
    ("teams::connector", 3),
    ("teams::verify", 3),
    ("webhook::sender", 3),
    ("call::caller", 3),
    ("call::lines", 3),
    ("live", 4),
    ("audit", 4),
    ("dispatch", 4),
    ("courier", 4),
    ("turnstile", 4),
    ("profiles", 4),
    ("lost_place", 4),
    ("graph::feed", 4),
    ("graph::installs", 4),
    ("roll_call", 4),
    ("sweep", 4),
    ("steward", 4),
    ("fan_out", 4),
    ("put_right", 4),
    ("listen", 4),
    ("http", 5),
    ("preview", 5),
    ("sandbox", 5),
    ("serve", 5),
    ("cli", 5),
];

const IMPURE: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net::Tcp",
    "std::env",
    "std::thread",
    "reqwest",
    "SystemTime::now",
    "Instant::now",
    "Utc::now",
    "crate::clock",
];

/// What a pure room may use all the same, and why.
const ALLOWED: &[(&str, &str)] = &[
    // The expression's parser needs a deeper stack than a worker thread has; the thread ends before the call returns.
    ("rule::expression", "std::thread"),
    // Files that do not need each other are compiled side by side; the threads end before the call returns.
    ("workspace::together", "std::thread"),
];

fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be listed") {
            let path = entry.expect("src can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push((path.clone(), fs::read_to_string(&path).expect("source is text")));
            }
        }
    }
    files.sort();
    files
}

/// `src/rule/compile.rs` -> `rule::compile`; `lib.rs` and `main.rs` have no floor.
fn module(path: &Path) -> Option<String> {
    let inside = path
        .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .expect("listed below src");
    let name = inside.with_extension("").to_string_lossy().replace('/', "::");
    (!["lib", "main"].contains(&name.as_str())).then_some(name)
}

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .filter(|(room, _)| module == *room || module.starts_with(&format!("{room}::")))
        .max_by_key(|(room, _)| room.len())
        .map(|(_, floor)| *floor)
}

/// The code without its unit tests and comments: those may look anywhere.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\n").next().unwrap_or(text);
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The modules named behind `crate::`, braces opened: `crate::a::{b, c::D}` names `a::b` and `a::c::D`.
fn named(code: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (at, found) in code.match_indices("crate::") {
        let whole_word = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if whole_word {
            open(&code[at + found.len()..], "", &mut named);
        }
    }
    named
}

fn open(rest: &str, prefix: &str, named: &mut BTreeSet<String>) {
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(rest.len());
    let path = rest[..end].trim_end_matches(':');
    let full = if path.is_empty() {
        prefix.trim_end_matches(':').to_owned()
    } else {
        format!("{prefix}{path}")
    };
    if rest[..end].ends_with("::") && rest[end..].starts_with('{') {
        let inside = &rest[end + 1..];
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in inside.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    open(inside[start..at].trim(), &format!("{full}::"), named);
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    open(inside[start..at].trim(), &format!("{full}::"), named);
                    start = at + 1;
                }
                _ => {}
            }
        }
    } else if !full.is_empty() {
        named.insert(full);
    }
}

#[test]
fn every_file_stands_on_a_floor_and_names_nothing_above_it() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(module) = module(&path) else { continue };
        let Some(own) = floor(&module) else {
            wrong.push(format!("{module} has no floor; add it to FLOORS"));
            continue;
        };
        for target in named(&code(&text)) {
            if let Some(other) = floor(&target)
                && other > own
            {
                wrong.push(format!("{module} (floor {own}) names {target} (floor {other})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_know_no_runtime_clock_disk_or_network() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(module) = module(&path).filter(|module| !module.ends_with("::tests")) else {
            continue;
        };
        if floor(&module).is_some_and(|floor| floor <= 1) {
            let code = code(&text);
            let used = IMPURE
                .iter()
                .filter(|word| code.contains(**word) && !ALLOWED.contains(&(module.as_str(), **word)));
            wrong.extend(used.map(|word| format!("{module} uses {word}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rooms_of_one_floor_do_not_go_in_circles() {
    let mut edges: BTreeMap<(String, u8), BTreeSet<(String, u8)>> = BTreeMap::new();
    let room = |module: &str| module.split("::").next().unwrap_or(module).to_owned();
    for (path, text) in sources() {
        let Some(from) = module(&path) else { continue };
        let Some(own) = floor(&from) else { continue };
        for target in named(&code(&text)) {
            if let Some(other) = floor(&target)
                && other == own
                && room(&target) != room(&from)
            {
                edges
                    .entry((room(&from), own))
                    .or_default()
                    .insert((room(&target), other));
            }
        }
    }
    for start in edges.keys() {
        let mut seen = BTreeSet::new();
        let mut next: Vec<_> = edges[start].iter().collect();
        while let Some(room) = next.pop() {
            assert_ne!(room, start, "the room {} leads back to itself: {:?}", start.0, edges);
            if seen.insert(room) {
                next.extend(edges.get(room).into_iter().flatten());
            }
        }
    }
}
