//! A workspace as a git revision has it, read without touching the files that are checked out.

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::load;
use crate::workspace::{Kind, SourceFile, Sources};

/// The longest name of a revision, in bytes.
const LONGEST: usize = 400;
/// How much git may say about the files of a revision, in bytes.
const MOST_LISTED: u64 = 64 << 20;

/// Reads settings, directory, rules, tests, templates and samples below the folder `root` as they were in `revision`: a
/// branch, a tag, a commit, `HEAD~2`.
///
/// # Errors
/// A sentence: git is not installed, the folder is in no repository, there is no such revision.
pub fn read(root: &Path, revision: &str) -> anyhow::Result<Sources> {
    anyhow::ensure!(
        !revision.is_empty() && revision.len() <= LONGEST && !revision.contains(char::is_control),
        "`{}` is no git revision",
        revision.escape_debug().take(60).collect::<String>()
    );
    // Git would take it for an option.
    anyhow::ensure!(
        !revision.starts_with('-'),
        "`{revision}` is neither a folder nor a git revision"
    );
    let prefix = git(root, &["rev-parse", "--show-prefix"]).map_err(|problem| match problem {
        Failed::Missing(problem) => problem,
        Failed::Said(said) if said.contains("not a git repository") => anyhow::anyhow!(
            "`{revision}` is no folder, and {} is in no git repository, so it can be no revision either",
            root.display()
        ),
        Failed::Said(said) => anyhow::anyhow!("git: {said}"),
    })?;
    let prefix = String::from_utf8_lossy(&prefix)
        .trim_end_matches(['\n', '\r'])
        .to_owned();
    let commit = format!("{revision}^{{commit}}");
    let commit = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])
        .map_err(|_| anyhow::anyhow!("`{revision}` is neither a folder nor a git revision of this workspace"))?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let listed = git(root, &["ls-tree", "-r", "-l", "-z", "--full-tree", &commit])
        .map_err(|problem| anyhow::anyhow!("the files of `{revision}` cannot be listed: {}", problem.sentence()))?;
    let mut blobs = Vec::new();
    let mut files = Vec::new();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let entry = String::from_utf8_lossy(entry);
        let Some((about, path)) = entry.split_once('\t') else {
            continue;
        };
        let Some(path) = path.strip_prefix(prefix.as_str()) else {
            continue;
        };
        let Some(kind) = Kind::of(path).filter(|_| !path.split('/').any(load::is_dropping)) else {
            continue;
        };
        let about: Vec<&str> = about.split_whitespace().collect();
        let &[mode, _, blob, size] = about.as_slice() else {
            continue;
        };
        let unusable = |reason: &str| SourceFile {
            path: path.to_owned(),
            bytes: Err(reason.to_owned()),
        };
        if blobs.len() + files.len() >= load::MOST_FILES {
            files.push(unusable("the revision has more files than Herald reads"));
            break;
        }
        match (mode, size.parse::<usize>()) {
            ("120000", _) => files.push(unusable("links are not followed in a git revision")),
            ("160000", _) => {}
            (_, Ok(size)) if size <= load::bound(kind) => blobs.push((path.to_owned(), blob.to_owned())),
            (_, Ok(_)) => files.push(unusable("this file is too large")),
            (_, Err(_)) => {}
        }
    }
    let mut contents = contents(root, &blobs)?;
    for (path, blob) in blobs {
        let bytes = contents
            .remove(&path)
            .ok_or_else(|| format!("git does not have the content {blob}"));
        files.push(SourceFile { path, bytes });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Sources {
        files,
        ..Sources::default()
    })
}

/// The contents of blobs, by the paths they are for. What git lacks is left out.
fn contents(root: &Path, blobs: &[(String, String)]) -> anyhow::Result<HashMap<String, Vec<u8>>> {
    let mut child = command(root, &["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(missing)?;
    let mut asked = child.stdin.take().expect("it was piped");
    let questions: String = blobs.iter().map(|(_, blob)| format!("{blob}\n")).collect();
    // Git answers while it is still being asked: whoever asks must not wait for the answers.
    let asking = std::thread::spawn(move || asked.write_all(questions.as_bytes()));
    let mut answers = BufReader::new(child.stdout.take().expect("it was piped"));
    let mut contents = HashMap::new();
    for (path, _) in blobs {
        let mut head = Vec::new();
        loop {
            let mut byte = [0];
            if answers.read(&mut byte)? == 0 || byte[0] == b'\n' {
                break;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head);
        let Some(size) = head.split(' ').nth(2).and_then(|size| size.parse::<usize>().ok()) else {
            continue;
        };
        let mut content = vec![0; size + 1];
        answers.read_exact(&mut content)?;
        content.pop();
        contents.insert(path.clone(), content);
    }
    drop(answers);
    // A git that ended early has said so by what is missing.
    let _ = asking.join();
    child.wait()?;
    Ok(contents)
}

enum Failed {
    /// There is no git.
    Missing(anyhow::Error),
    /// What git said.
    Said(String),
}

impl Failed {
    fn sentence(&self) -> String {
        match self {
            Failed::Missing(problem) => problem.to_string(),
            Failed::Said(said) => said.clone(),
        }
    }
}

fn missing(problem: std::io::Error) -> anyhow::Error {
    match problem.kind() {
        std::io::ErrorKind::NotFound => {
            anyhow::anyhow!("git is not installed here, so no revision can be read; name a folder instead")
        }
        _ => anyhow::anyhow!("git cannot be run: {problem}"),
    }
}

fn git(root: &Path, args: &[&str]) -> Result<Vec<u8>, Failed> {
    let mut child = command(root, args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|problem| Failed::Missing(missing(problem)))?;
    let failed = |problem: std::io::Error| Failed::Said(problem.to_string());
    let mut out = Vec::new();
    let stdout = child.stdout.take().expect("it was piped");
    stdout.take(MOST_LISTED).read_to_end(&mut out).map_err(failed)?;
    let mut said = String::new();
    let stderr = child.stderr.take().expect("it was piped");
    // What cannot be read of a complaint is no reason for another one.
    let _ = stderr.take(4096).read_to_string(&mut said);
    let ended = child.wait().map_err(failed)?;
    match ended.success() {
        true => Ok(out),
        false => Err(Failed::Said(said.lines().next().unwrap_or("it failed").to_owned())),
    }
}

fn command(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(root)
        .args(args)
        // Neither questions, nor a network for what a partial clone lacks, nor traces of our reading.
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C");
    command
}
