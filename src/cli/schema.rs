//! `herald schema`: the JSON schemas, as files for editors.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;

use super::exit::Exit;
use crate::schema::{self, FileKind};

/// Writes every schema into the folder `out`, or with `check` only tells which files differ from what would be written.
///
/// # Errors
/// A folder or file that cannot be written or read.
pub fn run(out: &Path, check: bool) -> anyhow::Result<Exit> {
    if check {
        return compare(out);
    }
    fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    for kind in FileKind::ALL {
        let path = out.join(kind.file_name());
        fs::write(&path, schema::text(kind)).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(Exit::Done)
}

fn compare(out: &Path) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    for kind in FileKind::ALL {
        let path = out.join(kind.file_name());
        let state = match fs::read_to_string(&path) {
            // A checkout on Windows may have other line ends.
            Ok(text) if text.replace("\r\n", "\n") == schema::text(kind) => "is current",
            Ok(_) => "differs",
            Err(error) if error.kind() == io::ErrorKind::NotFound => "is missing",
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        println!("{} {state}", path.display());
        if state != "is current" {
            exit = Exit::No;
        }
    }
    if exit == Exit::No {
        eprintln!("write the schemas anew with `herald schema --out {}`", out.display());
    }
    Ok(exit)
}
