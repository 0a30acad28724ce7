//! What a user would say Herald does.

mod sandbox;
mod teams_events;
