//! Rules: what the author wrote, as meaning.

pub mod schedule;
pub mod trigger;
