//! Editors and `check` read the same schemas.

use std::fs;
use std::path::{Path, PathBuf};

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
