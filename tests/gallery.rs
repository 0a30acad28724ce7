//! The workspace of this repository: what a newcomer runs first.

use std::fs;
use std::path::{Path, PathBuf};

use herald::schema::{self, FileKind};
use herald::yaml;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the repository, as seen from its root.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::from(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                waiting.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The YAML files of the workspace with what they are.
fn documents() -> Vec<(PathBuf, FileKind)> {
    let mut documents = vec![
        (PathBuf::from("herald.yaml"), FileKind::Settings),
        (PathBuf::from("directory.yaml"), FileKind::Directory),
    ];
    let of_kind = |folder, kind| {
        let yaml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "yaml");
        files(folder).into_iter().filter(yaml).map(move |path| (path, kind))
    };
    documents.extend(of_kind("rules", FileKind::Rule));
    documents.extend(of_kind("templates", FileKind::Template));
    documents
}

#[test]
fn every_file_names_the_schema_that_editors_check_it_with() {
    for (path, kind) in documents() {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let first = text.lines().next().unwrap_or_default();
        let named = first
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap_or_else(|| panic!("{}: the first line is `{first}`", path.display()));
        let schema = root().join(&path).parent().unwrap().join(named);
        assert_eq!(
            schema.canonicalize().ok(),
            Some(root().canonicalize().unwrap().join("schema").join(kind.file_name())),
            "{}: {named}",
            path.display()
        );
    }
}

#[test]
fn every_file_is_what_its_schema_says() {
    for (path, kind) in documents() {
        let name = path.display().to_string();
        let parsed = yaml::parse(&name, &fs::read_to_string(root().join(&path)).unwrap());
        assert!(parsed.diagnostics.is_empty(), "{name}: {:#?}", parsed.diagnostics);
        let document = parsed.document.expect("a document without diagnostics was read");
        let faults = schema::validate(kind, &document);
        assert!(faults.is_empty(), "{name}: {faults:#?}");
    }
}
