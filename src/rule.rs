//! Rules: what the author wrote, as meaning.

pub mod comparison;
pub mod condition;
pub mod expression;
pub mod field;
pub mod file;
pub mod link;
pub mod schedule;
pub mod target;
pub mod trigger;
