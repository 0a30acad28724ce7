//! What the documents say works: links lead somewhere, examples are what they claim to be, the lines for a shell run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use herald::card::function;
use herald::clock::Clock;
use herald::hook::{Headers, Hook, Request};
use herald::load;
use herald::rehearsal::suite;
use herald::schema::FileKind;
use herald::settings::{self, file::SettingsFile};
use herald::workspace::{self, Kind, SourceFile};
use herald::yaml::{self, Document};
use regex::Regex;
use serde_json::Value;

use crate::support::curl::told;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README and friends, and everything in docs/.
fn documents() -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .map(PathBuf::from)
        .into_iter()
        .filter(|path| root().join(path).exists())
        .collect();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            paths.push(Path::new("docs").join(name));
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            (
                path.display().to_string(),
                fs::read_to_string(root().join(&path)).unwrap(),
            )
        })
        .collect()
}

/// A fenced piece of a document.
struct Block {
    /// `docs/hooks.md:12`, for messages.
    place: String,
    /// The last heading above it.
    heading: String,
    /// The word behind the fence.
    language: String,
    text: String,
}

fn blocks(file: &str, document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut heading = String::new();
    let mut open = false;
    for (number, line) in document.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            if !open {
                blocks.push(Block {
                    place: format!("{file}:{}", number + 1),
                    heading: heading.clone(),
                    language: language.trim().to_owned(),
                    text: String::new(),
                });
            }
            open = !open;
        } else if open {
            let block = blocks.last_mut().expect("an open fence began a block");
            block.text.push_str(line);
            block.text.push('\n');
        } else if let Some(title) = line.strip_prefix('#') {
            title.trim_start_matches('#').trim().clone_into(&mut heading);
        }
    }
    assert!(!open, "{file}: a fence is never closed");
    blocks
}

fn all_blocks() -> Vec<Block> {
    documents()
        .iter()
        // Half of its examples are wrong; diagnostics_page.rs holds all of them to what they say.
        .filter(|(file, _)| file != "docs/diagnostics.md")
        .flat_map(|(file, document)| blocks(file, document))
        .collect()
}

/// What a document calls a heading in a link: `Teams in a box` is `#teams-in-a-box`.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn anchors(document: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && line.starts_with('#') {
            found.insert(anchor(line.trim_start_matches('#').trim()));
        }
    }
    found
}

/// The targets of `[text](target)`.
fn links(document: &str) -> Vec<&str> {
    document
        .match_indices("](")
        .filter_map(|(at, _)| document[at + 2..].split_once(')'))
        .map(|(target, _)| target)
        .collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for (file, document) in documents() {
        for link in links(&document) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let folder = root().join(&file).parent().unwrap().to_owned();
            let target = if path.is_empty() {
                root().join(&file)
            } else {
                folder.join(path)
            };
            let leads = target.exists()
                && (fragment.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).contains(fragment));
            if !leads {
                broken.push(format!("{file}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_example_says_what_it_is_and_json_is_json() {
    for block in all_blocks() {
        match block.language.as_str() {
            "json" => {
                serde_json::from_str::<Value>(&block.text).unwrap_or_else(|error| panic!("{}: {error}", block.place));
            }
            "sh" | "yaml" | "text" | "rust" | "handlebars" => {}
            other => panic!("{}: no block is called `{other}` here", block.place),
        }
    }
}

#[test]
fn every_line_for_a_shell_can_be_read_by_it() {
    for block in all_blocks().iter().filter(|block| block.language == "sh") {
        let answer = Command::new("bash").args(["-n", "-c", &block.text]).output().unwrap();
        assert!(
            answer.status.success(),
            "{}: {}",
            block.place,
            String::from_utf8_lossy(&answer.stderr)
        );
    }
}

/// A block of YAML, read without a complaint.
fn document_of(block: &Block) -> Document {
    let parsed = yaml::parse(&block.place, &block.text);
    let messages: Vec<&str> = parsed.diagnostics.iter().map(|found| found.message.as_str()).collect();
    assert!(messages.is_empty(), "{}: {messages:?}", block.place);
    parsed.document.expect("a document without diagnostics was read")
}

/// Which kind of file an example is a piece of, by its keys.
fn kind_of(document: &Document) -> FileKind {
    let has = |keys: &[&str]| keys.iter().any(|key| document.value.get(key).is_some());
    if has(&["when", "notify"]) {
        FileKind::Rule
    } else if has(&["tests"]) {
        FileKind::Test
    } else if has(&["type"]) {
        FileKind::Template
    } else if has(&["people", "channels", "groups", "webhooks", "audiences"]) {
        FileKind::Directory
    } else if document
        .value
        .as_object()
        .is_some_and(|texts| texts.keys().all(|key| key.contains('.')))
    {
        FileKind::Texts
    } else {
        FileKind::Settings
    }
}

/// Where a file of this kind stands in a workspace.
fn path_of(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Rule => "rules/example.yaml",
        FileKind::Settings => "herald.yaml",
        FileKind::Directory => "directory.yaml",
        FileKind::Template => "templates/example.yaml",
        FileKind::Test => "rules/github/deploy-failed.test.yaml",
        FileKind::Texts => "texts/en.yaml",
    }
}

/// Every example of a file in the documents: its place, its kind, its text.
pub(crate) fn yaml_examples() -> Vec<(String, FileKind, String)> {
    all_blocks()
        .into_iter()
        .filter(|block| block.language == "yaml")
        .map(|block| (block.place.clone(), kind_of(&document_of(&block)), block.text))
        .collect()
}

#[test]
fn every_example_of_a_file_works_in_this_workspace() {
    let sources = load::read_with_samples(root());
    let is_sample = |file: &SourceFile| Kind::of(&file.path) == Some(Kind::Sample);
    let mut seen = BTreeSet::new();
    for block in all_blocks().iter().filter(|block| block.language == "yaml") {
        let kind = kind_of(&document_of(block));
        let path = path_of(kind);
        let mut with_example = sources.clone();
        with_example.files.retain(|file| file.path != path);
        with_example.files.push(SourceFile {
            path: path.to_owned(),
            bytes: Ok(block.text.clone().into_bytes()),
        });
        // The queues of the examples; a queue of the gallery would be tried by everybody who asks the doctor.
        if kind != FileKind::Settings {
            let file = with_example.files.iter_mut().find(|file| file.path == "herald.yaml");
            let bytes = file
                .and_then(|file| file.bytes.as_mut().ok())
                .expect("the gallery has settings");
            let queues = ["orders", "tickets"]
                .map(|name| format!("{name}: {{ kind: kafka, brokers: localhost, topic: {name} }}"));
            bytes.extend_from_slice(format!("\nqueues: {{ {} }}\n", queues.join(", ")).as_bytes());
        }
        // An example need not fit the samples of this repository, unless it is a test.
        let mut without_samples = with_example.clone();
        without_samples.files.retain(|file| !is_sample(file));
        let compiled = workspace::compile(&without_samples, None);
        let suites = suite::read(&with_example, &compiled.workspace);
        let of_example = suites.suites.iter().filter(|suite| suite.file == path);
        for (suite, test) in of_example.flat_map(|suite| suite.tests.iter().map(move |test| (suite, test))) {
            let failures = test.play(&compiled.workspace).map(|played| played.failures);
            let passed = failures.as_ref().is_some_and(Vec::is_empty);
            assert!(passed, "{}, {}: {}: {failures:#?}", block.place, suite.file, test.name);
        }
        let complaints: Vec<String> = compiled
            .diagnostics
            .iter()
            .chain(&suites.diagnostics)
            .filter(|found| found.file == path)
            .map(|found| format!("{} ({:?})", found.message, found.help))
            .collect();
        assert!(complaints.is_empty(), "{}: {complaints:#?}", block.place);
        seen.insert(kind.file_name());
    }
    assert_eq!(
        seen.len(),
        FileKind::ALL.len(),
        "each kind of file has an example: {seen:?}"
    );
}

#[test]
fn every_function_of_cards_is_documented_with_its_example() {
    let document = fs::read_to_string(root().join("docs/cards.md")).unwrap();
    let cell = |text: &str| text.replace('|', "\\|");
    for function in function::names() {
        let beginning = format!(
            "| `{}` | {} | `{}` → ",
            cell(function.signature),
            cell(function.meaning),
            cell(function.example.template)
        );
        let row = document.lines().find(|line| line.starts_with(&beginning));
        let result = cell(function.example.result);
        assert!(
            row.is_some_and(|row| row[beginning.len()..].contains(&result)),
            "docs/cards.md should have this line:\n{beginning}{result} |"
        );
    }
}

#[test]
fn every_variable_that_sets_something_is_documented() {
    let document = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    for (variable, sets) in settings::VARIABLES {
        let row = format!("| `{variable}` | `{sets}`");
        assert!(
            document.contains(&row),
            "docs/operations.md should have the line {row} |"
        );
    }
}

/// The stable codes that the HTTP surface can answer, as its sources write them.
fn codes_of_the_sources() -> BTreeSet<String> {
    let written = Regex::new(r#"(?:RequestError::new\(\s*(?:StatusCode::\w+|status),|bad\()\s*"([a-z_]+)""#).unwrap();
    let folder = root().join("src/http");
    let mut codes = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            let source = fs::read_to_string(path).unwrap();
            codes.extend(written.captures_iter(&source).map(|found| found[1].to_owned()));
        }
    }
    // One constructor names its status otherwise.
    let source = fs::read_to_string(root().join("src/http/error.rs")).unwrap();
    let of_the_store = Regex::new(r#"Self::new\(\s*StatusCode::\w+,\s*"([a-z_]+)""#).unwrap();
    codes.extend(of_the_store.captures_iter(&source).map(|found| found[1].to_owned()));
    codes
}

#[test]
fn every_code_of_an_error_is_documented_and_no_other() {
    let document = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let row = Regex::new(r"(?m)^\| [0-9, ]+ \|([^|]*)\|").unwrap();
    let code = Regex::new(r"`([a-z_]+)`").unwrap();
    let documented: BTreeSet<String> = row
        .captures_iter(&document)
        .flat_map(|row| {
            code.captures_iter(row.get(1).expect("the second column").as_str())
                .collect::<Vec<_>>()
        })
        .map(|found| found[1].to_owned())
        .collect();
    assert_eq!(documented, codes_of_the_sources());
}

fn settings_of(block: &Block) -> settings::Settings {
    let value = document_of(block).value;
    let file: SettingsFile = serde_json::from_value(value).unwrap_or_else(|error| panic!("{}: {error}", block.place));
    let (settings, faults) = settings::compile(&file);
    assert!(faults.is_empty(), "{}: {faults:?}", block.place);
    settings
}

/// A value for every secret that a document names; it holds what shells and headers find hard.
fn value_for(name: &str) -> String {
    match name {
        "PARTNER_WEBHOOK_SECRET" => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        other => format!("{other} is $ecret & \"quoted\""),
    }
}

#[test]
fn the_lines_for_each_signature_are_let_in() {
    let document = fs::read_to_string(root().join("docs/hooks.md")).unwrap();
    let blocks = blocks("docs/hooks.md", &document);
    let mut tried = BTreeSet::new();
    for lines in blocks.iter().filter(|block| block.language == "sh") {
        let declared = blocks
            .iter()
            .find(|block| block.language == "yaml" && block.heading == lines.heading)
            .unwrap_or_else(|| panic!("{}: no hook is declared under this heading", lines.place));
        let settings = settings_of(declared);
        let hook: &Hook = settings.hooks.values().next().expect("an example declares a hook");
        // A section is about a signature or about a format.
        if !["Your Office 365 connector goes away", "CloudEvents", "Azure Event Grid"]
            .contains(&lines.heading.as_str())
        {
            assert_eq!(hook.authentication.word(), lines.heading, "{}", lines.place);
        }

        let secrets: Vec<(String, String)> = hook
            .secrets
            .iter()
            .map(|name| (name.to_string(), value_for(name.as_str())))
            .collect();
        let told = told(&lines.text, root(), &secrets).unwrap_or_else(|why| panic!("{}: {why}", lines.place));
        assert!(
            told.url.ends_with(&format!("/hooks/{}", hook.path))
                || told.url.contains(&format!("/hooks/{}/", hook.path)),
            "{}: {}",
            lines.place,
            told.url
        );

        let headers: Headers = told.headers.into_iter().collect();
        let request = Request {
            method: "POST",
            query: "",
            headers: &headers,
            body: &told.body,
            key: told
                .url
                .rsplit_once('/')
                .map(|(_, key)| key)
                .filter(|_| hook.authentication.word() == "url"),
        };
        let values: Vec<&[u8]> = secrets.iter().map(|(_, value)| value.as_bytes()).collect();
        hook.verify(&request, &values, Clock::system().now())
            .unwrap_or_else(|refused| panic!("{}: {}", lines.place, refused.log()));
        hook.post(&request)
            .unwrap_or_else(|bad| panic!("{}: {}", lines.place, bad.sentence()));
        tried.insert(hook.authentication.word());
    }
    assert_eq!(
        tried.len(),
        11,
        "every way to prove who is posting has an example: {tried:?}"
    );
}
