//! Decisions about stake and epochs, as pure functions of the state of the contracts.
//!
//! The contracts decide the same when they are called; here the answer comes before the call, with
//! the epoch or time from which it will be another.

mod epoch;
mod stake;

pub use self::{
    epoch::{EpochStep, NextStep, epoch_start_ms},
    stake::{Exit, StakePlace, StakeStatus, rewards},
};
