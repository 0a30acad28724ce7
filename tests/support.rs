//! What the behaviours are told with.

pub mod browser;
pub mod certificate;
pub mod cli;
pub mod cosmos;
pub mod curl;
pub mod engine;
pub mod raw;
pub mod served;
pub mod signing;
pub mod small_disk;
pub mod store;
pub mod stub;
