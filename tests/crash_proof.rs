//! Nothing brings a running Herald to lose, double or mix up what it took: kills, stops, a Teams that fails at random,
//! a clock that jumps, a disk that is full, damaged records, files edited without a pause.
//!
//! `HERALD_KILLS=300 cargo test --test herald crash_proof::kills -- --nocapture` makes a campaign of the kills,
//! `HERALD_SEED` repeats the decisions of a run: the seed of each is printed.

mod account;
mod batches;
mod chance;
mod clocks;
mod connector;
mod damage;
mod disks;
mod half_closed;
mod held_back;
mod intake;
mod kills;
mod load;
mod place;
mod reloads;
mod steps;
mod stops;
mod stuck;
mod tokens;
mod windows;
