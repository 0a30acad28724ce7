//! What a rule may wait for besides HTTP: schedules, files and queues.

pub mod cron;
pub mod files;
pub mod queues;
pub mod timers;
