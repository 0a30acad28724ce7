//! What the behaviours are told with.

pub mod store;
