//! What a user would say Herald does.

mod audience;
mod bad_hook_requests;
mod bot_install;
mod bot_token;
mod browser;
mod card_faults;
mod cards;
mod connector;
mod delivery;
mod directory_contract;
mod documents_stay_true;
mod file_changes;
mod gallery;
mod hook_sends_a_card;
mod layers;
mod outbox_contract;
mod process;
mod reload;
mod sandbox;
mod schedules;
mod schema_files;
mod store_survives;
mod support;
mod teams_both_ways;
mod teams_events;
mod verify_teams;
