//! What the behaviours are told with.

pub mod signing;
pub mod store;
pub mod stub;
