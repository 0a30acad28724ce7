//! Herald: declarative notifications for Microsoft Teams.

pub mod audience;
pub mod book;
pub mod card;
pub mod clock;
pub mod delivery;
pub mod diagnostic;
pub mod duration;
pub mod event;
pub mod hook;
pub mod load;
pub mod one_or_many;
pub mod pace;
pub mod retry;
pub mod roster;
pub mod rule;
pub mod sandbox;
pub mod schema;
pub mod secret;
pub mod secret_name;
pub mod settings;
pub mod store;
pub mod teams;
pub mod text_or;
pub mod workspace;
pub mod yaml;
pub mod zone;
