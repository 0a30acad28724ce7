//! What a rule may wait for besides HTTP: schedules and files.

pub mod cron;
pub mod files;
