//! Microsoft Graph, beside the bot: it knows people that Teams never told us of, groups of Entra, and installs the app.
//!
//! [`task`] is what can be asked and which permission that takes, [`answer`] what a reply means, [`brake`] how fast
//! Graph may be asked, [`inquiry`] what it was asked lately. [`client`] asks, with `people`, [`profiles`] and `apps`
//! for the questions themselves; [`installs`] gives people the app, [`feed`] notifies in activity feeds.

pub mod answer;
mod apps;
pub mod brake;
pub mod client;
pub mod feed;
pub mod inquiry;
pub mod installs;
mod people;
pub mod profiles;
pub mod task;

pub use people::Search;
