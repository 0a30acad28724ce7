//! `herald schema`: the JSON schemas, as files for editors.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::Place;
use super::exit::Exit;
use crate::cli::say::say;
use crate::load;
use crate::schema::{self, FileKind};
use crate::workspace::vocabulary::vocabulary;

/// How often `--watch` looks at the workspace.
const LOOK: Duration = Duration::from_secs(1);

/// What `herald schema` is asked for.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The folder to write to [default: schema, in the workspace]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write nothing; exit with 1 if the files differ from what would be written
    #[arg(long)]
    check: bool,
    /// Add what this workspace knows: aliases, templates, hooks, and the fields of the events in samples/
    #[arg(long)]
    workspace: bool,
    /// With --workspace: go on, and write again whenever the workspace has changed
    #[arg(long, requires = "workspace", conflicts_with = "check")]
    watch: bool,
}

/// Writes every schema, or with `--check` only tells which files differ from what would be written.
///
/// # Errors
/// A workspace that does not exist; a folder or file that cannot be written or read.
pub fn run(place: &Place, args: &SchemaArgs) -> anyhow::Result<Exit> {
    let out = match (&args.out, args.workspace) {
        (Some(out), _) => out.clone(),
        (None, true) => place.existing_root()?.join("schema"),
        (None, false) => PathBuf::from("schema"),
    };
    let root = match args.workspace {
        true => Some(place.existing_root()?),
        false => None,
    };
    let schemas = schemas(root.as_deref());
    if args.check {
        return compare(&out, &schemas, args.workspace);
    }
    for path in write(&out, &schemas)? {
        say!("{}", path.display());
    }
    while let (true, Some(root)) = (args.watch, &root) {
        std::thread::sleep(LOOK);
        for path in write(&out, &self::schemas(Some(root)))? {
            say!("{} is written anew", path.display());
        }
    }
    Ok(Exit::Done)
}

/// Every schema, with its text.
pub fn schemas(workspace: Option<&Path>) -> Vec<(FileKind, String)> {
    let Some(root) = workspace else {
        return FileKind::ALL.map(|kind| (kind, schema::text(kind))).to_vec();
    };
    let known = vocabulary(&load::read_with_samples(root));
    if known.left_out > 0 {
        eprintln!(
            "note: samples/ has more fields than an editor can offer; {} are left out",
            known.left_out
        );
    }
    FileKind::ALL
        .map(|kind| (kind, schema::text_with(kind, &known)))
        .to_vec()
}

/// Writes the schemas that are not there as they should be; the others are left alone, so that editors do not read
/// them again for nothing.
///
/// # Errors
/// A folder or file that cannot be written.
pub fn write(out: &Path, schemas: &[(FileKind, String)]) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let mut written = Vec::new();
    for (kind, text) in schemas {
        let path = out.join(kind.file_name());
        if fs::read_to_string(&path).is_ok_and(|there| there == *text) {
            continue;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}

fn compare(out: &Path, schemas: &[(FileKind, String)], workspace: bool) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    for (kind, text) in schemas {
        let path = out.join(kind.file_name());
        let state = match fs::read_to_string(&path) {
            // A checkout on Windows may have other line ends.
            Ok(there) if there.replace("\r\n", "\n") == *text => "is current",
            Ok(_) => "differs",
            Err(error) if error.kind() == io::ErrorKind::NotFound => "is missing",
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        say!("{} {state}", path.display());
        if state != "is current" {
            exit = Exit::No;
        }
    }
    if exit == Exit::No {
        let workspace = if workspace { " --workspace" } else { "" };
        eprintln!(
            "write the schemas anew with `herald schema{workspace} --out {}`",
            out.display()
        );
    }
    Ok(exit)
}
