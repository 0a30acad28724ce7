//! Rules: what the author wrote, as meaning.

pub mod file;
pub mod schedule;
pub mod trigger;
