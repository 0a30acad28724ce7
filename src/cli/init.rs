//! `herald init`: a new workspace, or a new rule out of a payload.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use super::exit::Exit;
use super::{Place, check, schema};
use crate::cli::say::say;
use crate::load;
use crate::scaffold::{self, NewFile, hook, rule};
use crate::schema::FileKind;
use crate::workspace;
use crate::workspace::vocabulary::vocabulary;

/// The largest payload, in bytes: what a hook takes unless `limits: body_bytes` says otherwise.
const LARGEST: u64 = 1 << 20;

/// What `herald init` is asked for.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder of the workspace; it is made if it is not there [default: this one, or the one of --config]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Make hook, rule, card and sample out of what a sender posts: a JSON file, or - for standard input
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// With --from: the hook's name; one that herald.yaml has is used as it is
    #[arg(long, value_name = "NAME", requires = "from")]
    hook: Option<String>,
}

/// Makes a workspace, or adds to one. Nothing that exists is overwritten.
///
/// # Errors
/// A payload that cannot be read; a file that cannot be written.
pub fn run(place: &Place, args: &InitArgs) -> anyhow::Result<Exit> {
    let root = args.folder.clone().unwrap_or_else(|| place.root());
    match &args.from {
        Some(from) => from_payload(&root, from, args.hook.as_deref()),
        None => new_workspace(&root),
    }
}

fn new_workspace(root: &Path) -> anyhow::Result<Exit> {
    let mut files = vec![scaffold::settings(scaffold::FIRST_HOOK), scaffold::directory()];
    files.extend(scaffold::first_rule());
    if let Some(exit) = refused(
        root,
        &files,
        "there is a workspace already. To add a rule to it: herald init --from payload.json",
    ) {
        return Ok(exit);
    }
    write(root, &files)?;
    around(root)?;
    let told = checked(root)?;
    say!("\nNext:");
    if root != Path::new(".") {
        say!("  cd {}", root.display());
    }
    say!("  herald check                   finds every mistake in these files");
    say!("  herald test                    plays the rule's tests; nothing is sent");
    say!("  herald preview announcement    shows its card in a browser while you edit it");
    say!(
        "  herald serve --sandbox         shows the card in Teams in a box: post the sample with the line it prints"
    );
    say!("  code .                         completes and explains what you write, and says what is wrong with it");
    Ok(told)
}

fn from_payload(root: &Path, from: &Path, wanted: Option<&str>) -> anyhow::Result<Exit> {
    let payload = read(from)?;
    let settings_path = root.join("herald.yaml");
    let settings = match fs::read_to_string(&settings_path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", settings_path.display())),
    };
    let directory_is_there = root.join("directory.yaml").exists();
    let known = vocabulary(&load::read(root));
    let first = |words: &[crate::schema::vocabulary::Word]| words.first().map(|word| word.word.clone());
    let told = if !directory_is_there && settings.is_none() {
        rule::Told {
            line: "channel: general".to_owned(),
            comment: "a name of directory.yaml",
        }
    } else if let Some(channel) = first(&known.channels) {
        rule::Told {
            line: format!("channel: {}", Value::from(channel)),
            comment: "the first channel of directory.yaml",
        }
    } else if let Some(person) = first(&known.people) {
        rule::Told {
            line: format!("person: {}", Value::from(person)),
            comment: "the first person of directory.yaml",
        }
    } else {
        rule::Told {
            line: "channel: Your Team / General".to_owned(),
            comment: "put your team and channel here, as Teams shows them",
        }
    };
    let stem = match from.to_str() {
        Some("-") | None => "",
        Some(_) => from.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default(),
    };
    let draft = rule::draft(&payload, wanted, stem, &told).map_err(anyhow::Error::msg)?;
    let mut files = vec![draft.rule.clone(), draft.test.clone(), draft.sample.clone()];
    let has_hook = known.hooks.iter().any(|hook| hook.word == draft.hook);
    let mut changed = None;
    match &settings {
        None => {
            files.insert(0, scaffold::settings(&draft.hook_lines));
            if !directory_is_there {
                files.insert(1, scaffold::directory());
            }
        }
        Some(_) if has_hook => {}
        Some(text) => match hook::insert(text, &draft.hook, &draft.hook_lines) {
            Some(new) => changed = Some(new),
            None => {
                eprintln!(
                    "error: the way herald.yaml is written leaves no safe place for a new hook; nothing was changed\n\n\
                     Add these lines to it by hand, then run the same command again:\n\nhooks:\n{}",
                    draft.hook_lines
                );
                return Ok(Exit::No);
            }
        },
    }
    let way_out = "Move it away, or choose another hook with --hook NAME";
    if let Some(exit) = refused(root, &files, way_out) {
        return Ok(exit);
    }
    match draft.sender {
        Some(sender) => say!("This looks like {sender}."),
        None => say!("Nobody is known for such a payload; the fields were chosen by their names and values."),
    }
    write(root, &files)?;
    if let Some(text) = changed {
        fs::write(&settings_path, text).with_context(|| format!("cannot write {}", settings_path.display()))?;
        say!("  {:34} the hook `{}` was added", "herald.yaml", draft.hook);
    }
    if settings.is_none() {
        around(root)?;
    } else if root.join("schema").join(FileKind::Rule.file_name()).exists() {
        learn(root)?;
    }
    let exit = checked(root)?;
    say!("\nNext:");
    say!(
        "  Read {}: whom it tells, and the line of `if` that is switched off.",
        draft.rule.path
    );
    say!(
        "  Look through {} for what should not be in a repository.",
        draft.sample.path
    );
    if !has_hook {
        say!(
            "  Give {} the secret of the sender; it posts to /hooks/{}.",
            draft.secret,
            draft.hook
        );
    }
    say!("  herald serve --sandbox    shows the card in Teams in a box, without any secret");
    Ok(exit)
}

/// The payload, bounded.
fn read(from: &Path) -> anyhow::Result<Value> {
    let mut bytes = Vec::new();
    let shown = match from.to_str() {
        Some("-") => {
            io::stdin()
                .lock()
                .take(LARGEST + 1)
                .read_to_end(&mut bytes)
                .context("cannot read standard input")?;
            "what came from standard input".to_owned()
        }
        _ => {
            let shown = from.display().to_string();
            let file = fs::File::open(from).with_context(|| format!("cannot read {shown}"))?;
            file.take(LARGEST + 1)
                .read_to_end(&mut bytes)
                .with_context(|| format!("cannot read {shown}"))?;
            shown
        }
    };
    anyhow::ensure!(
        bytes.len() as u64 <= LARGEST,
        "{shown} is larger than {LARGEST} bytes, which is the most that a hook takes"
    );
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    anyhow::ensure!(
        !text.trim().is_empty(),
        "{shown} is empty: it should hold what the sender posts, as JSON"
    );
    serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            return anyhow::anyhow!("{shown} is not whole: the JSON in it ends too early");
        }
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        anyhow::anyhow!(
            "{shown} is not JSON: {reason} in line {}, column {}",
            error.line(),
            error.column()
        )
    })
}

/// Tells which of the files exist already, if any does.
fn refused(root: &Path, files: &[NewFile], way_out: &str) -> Option<Exit> {
    let there: Vec<&str> = files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| fs::symlink_metadata(root.join(path)).is_ok())
        .collect();
    if there.is_empty() {
        return None;
    }
    let (files, are) = (there.join(", "), if there.len() == 1 { "is" } else { "are" });
    eprintln!("error: {files} {are} there already; nothing was changed\n  {way_out}");
    Some(Exit::No)
}

fn write(root: &Path, files: &[NewFile]) -> anyhow::Result<()> {
    for file in files {
        let path = root.join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let mut options = fs::OpenOptions::new();
        // Never over somebody's file, even if it came a moment ago.
        let opened = options.write(true).create_new(true).open(&path);
        let mut written = opened.with_context(|| format!("cannot write {}", path.display()))?;
        io::Write::write_all(&mut written, file.text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        say!("  {:34} {}", file.path, file.purpose);
    }
    Ok(())
}

/// What editors and git want to know. Files of that sort that exist are left alone.
fn around(root: &Path) -> anyhow::Result<()> {
    let (there, missing): (Vec<NewFile>, Vec<NewFile>) = scaffold::surroundings()
        .into_iter()
        .partition(|file| fs::symlink_metadata(root.join(&file.path)).is_ok());
    write(root, &missing)?;
    learn(root)?;
    for file in there {
        say!("  {:34} is there already and was left alone", file.path);
    }
    Ok(())
}

fn learn(root: &Path) -> anyhow::Result<()> {
    schema::write(&root.join("schema"), &schema::schemas(Some(root)))?;
    say!("  {:34} what editors know: names, and fields of samples/", "schema/");
    Ok(())
}

/// Says at once what `check` would say.
fn checked(root: &Path) -> anyhow::Result<Exit> {
    let sources = load::read_with_samples(root);
    let compiled = workspace::compile(&sources, None);
    if compiled.diagnostics.is_empty() {
        return Ok(Exit::Done);
    }
    eprint!("\n{}", check::drawn(&compiled.diagnostics, &sources));
    Ok(if compiled.has_errors() { Exit::No } else { Exit::Done })
}
