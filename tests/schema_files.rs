//! Editors and `check` read the same schemas.

use std::fs;
use std::path::{Path, PathBuf};

use herald::cli::exit::Exit;
use herald::cli::schema::run;
use herald::schema::{FileKind, text};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema")
}

/// `UPDATE_GOLDEN=1` writes them; without it they must be as they would be written.
#[test]
fn the_committed_schemas_are_those_of_the_code() {
    for kind in FileKind::ALL {
        let path = folder().join(kind.file_name());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(folder()).expect("the folder can be made");
            fs::write(&path, text(kind)).expect("the schema can be written");
        }
        let committed = fs::read_to_string(&path)
            .expect("the schema is committed")
            .replace("\r\n", "\n");
        assert!(
            committed == text(kind),
            "{} is out of date: run `herald schema --out schema`",
            path.display()
        );
    }
}

#[test]
fn the_command_writes_the_schemas_and_notices_when_they_differ() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("schema");
    let check = || run(&out, true).expect("schemas can be compared");
    assert_eq!(check(), Exit::No, "nothing is there yet");
    assert_eq!(run(&out, false).expect("schemas can be written"), Exit::Done);
    assert_eq!(check(), Exit::Done);
    let one = out.join(FileKind::Rule.file_name());
    let written = fs::read_to_string(&one).expect("the schema is there");
    fs::write(&one, written.replace('\n', "\r\n")).expect("the schema can be written");
    assert_eq!(check(), Exit::Done, "line ends of another system are no difference");
    fs::write(&one, written.replace("Rule", "Ruel")).expect("the schema can be written");
    assert_eq!(check(), Exit::No);
}
