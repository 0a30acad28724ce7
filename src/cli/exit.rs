//! What a command's exit code says.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: it did what was asked.
    Done,
    /// 1: the answer is no: `check` found errors, there is no such delivery.
    No,
    /// 2: the command line cannot be understood.
    Usage,
    /// 3: it could not do what was asked; the message says why.
    CouldNot,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::CouldNot => 3,
        })
    }
}
