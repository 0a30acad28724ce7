//! What a user would say Herald does.

mod browser;
mod cards;
mod directory_contract;
mod documents_stay_true;
mod gallery;
mod outbox_contract;
mod sandbox;
mod schema_files;
mod support;
mod teams_events;
