//! What survives a restart: whom we know ([`Directory`]) and what we owe ([`Outbox`]).

pub mod audit;
pub mod convoys;
pub mod directory;
pub mod error;
pub mod export;
pub mod meter;
pub mod open;
pub mod outbox;
pub mod sled;
pub mod teamsfx;
pub mod upgrade;

pub use convoys::Convoys;
pub use directory::Directory;
pub use error::StoreError;
pub use outbox::Outbox;
