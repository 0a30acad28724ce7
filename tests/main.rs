//! What a user would say Herald does.

mod sandbox;
mod schema_files;
mod teams_events;
