//! What commands print for whoever called them. Unlike `println!`, it does not panic when nobody reads any more:
//! `herald deliveries list | head` is no mistake.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// Prints a line, as `println!` does. When the reader is gone, the process ends at once and without a word, as other
/// commands do; one that prints as it goes has done what it has told so far.
macro_rules! say {
    () => { $crate::cli::say::out(format_args!("\n")) };
    ($($told:tt)*) => { $crate::cli::say::out(format_args!("{}\n", format_args!($($told)*))) };
}

/// As `say!`, without the line end.
macro_rules! say_text {
    ($($told:tt)*) => { $crate::cli::say::out(format_args!($($told)*)) };
}

pub(crate) use {say, say_text};

/// Writes to standard output.
///
/// # Panics
/// When standard output cannot be written for another reason than a reader that is gone, as `println!` does.
pub fn out(told: Arguments<'_>) {
    let mut out = io::stdout().lock();
    let Err(problem) = out.write_fmt(told).and_then(|()| out.flush()) else {
        return;
    };
    if problem.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    panic!("standard output cannot be written: {problem}");
}
