//! Parses arguments, runs, exits; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    herald::cli::run()
}
