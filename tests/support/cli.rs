//! Runs the real binary.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a finished command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Fails unless the command printed all of these texts.
#[track_caller]
pub fn shows(said: &Said, texts: &[&str]) {
    for text in texts {
        assert!(
            said.out.contains(text),
            "`{text}` is not in\n{}\n{}",
            said.out,
            said.err
        );
    }
}

/// `herald ARGS` in `folder`, without the variables of the machine that runs the test.
pub fn command(folder: &Path, args: &[&str], environment: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herald"));
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub fn run(folder: &Path, args: &[&str]) -> Said {
    said(
        command(folder, args, &BTreeMap::new())
            .output()
            .expect("the binary runs"),
    )
}

pub fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
