//! `herald completions`: what a shell needs to complete commands and options.

use std::io::{self, Write};

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

use super::exit::Exit;

/// Writes the script for `shell` to standard output.
///
/// # Errors
/// An output that cannot be written.
pub fn run(mut herald: Command, shell: Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut herald, "herald", &mut script);
    match io::stdout().lock().write_all(&script) {
        // `herald completions bash | head` is no mistake.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        written => written.map(|()| Exit::Done).context("the script cannot be written"),
    }
}
