//! What a user would say Herald does.

mod teams_events;
