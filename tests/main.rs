//! What a user would say Herald does.

mod audience;
mod bot_token;
mod browser;
mod card_faults;
mod cards;
mod connector;
mod directory_contract;
mod documents_stay_true;
mod gallery;
mod outbox_contract;
mod sandbox;
mod schema_files;
mod store_survives;
mod support;
mod teams_both_ways;
mod teams_events;
mod verify_teams;
