//! `herald preview`: a rule's card with a sample, in a browser, live while its files are edited.
//!
//! [`shown`] decides what is to be seen, by the functions that `serve` uses. [`watch`] keeps the workspace fresh,
//! [`page`] answers the browser, and [`mod@file`] writes one page that needs no server.

pub mod file;
pub mod page;
pub mod seat;
pub mod shown;
pub mod stage;
pub mod watch;
