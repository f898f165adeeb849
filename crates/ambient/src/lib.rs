//! What surrounds a program and is not the same twice: the time of day, chance, and the order in
//! which threads get on.
//!
//! Programs take these from here instead of from the operating system. On a thread that has entered
//! a [`Simulation`] all of them come from a seed: chance is computed from it, the time of day
//! follows tokio's clock (which a simulation pauses), and there is only one thread, so that the
//! same seed gives the same history. Everywhere else the functions are those of the system, and
//! cost nothing.
//!
//! What tasks do with them in the same way everywhere is here, too: [`pauses`] between attempts,
//! and [`memory`] that they share.
//!
//! ```
//! use std::time::UNIX_EPOCH;
//! use rand::Rng as _;
//!
//! let chance = || {
//!     let mut runtime = tokio::runtime::Builder::new_current_thread();
//!     let runtime = runtime.enable_time().start_paused(true).build().unwrap();
//!     runtime.block_on(async {
//!         let _simulation = ambient::Simulation::enter(7, UNIX_EPOCH);
//!         let blocking = ambient::run_blocking(|| ambient::rng().r#gen::<u64>());
//!         (blocking.await.unwrap(), ambient::now())
//!     })
//! };
//! assert_eq!(chance(), chance());
//! ```

pub mod memory;
pub mod pauses;
mod process;
mod simulation;
mod tasks;
mod threads;

use std::time::SystemTime;

use rand::{CryptoRng, RngCore};

pub use process::Process;
pub use simulation::Simulation;
pub use tasks::{TaskTracker, spawn};
pub use threads::{Interrupted, Worker, run_beside, run_blocking, spawn_worker, wait_for_device};

/// The time of day.
pub fn now() -> SystemTime {
    simulation::now().unwrap_or_else(SystemTime::now)
}

/// Chance: nobody can foresee it, except in a simulation.
pub fn rng() -> Chance {
    Chance(())
}

/// See [`rng`].
#[derive(Debug)]
pub struct Chance(());

impl RngCore for Chance {
    fn next_u32(&mut self) -> u32 {
        simulation::with_rng(RngCore::next_u32).unwrap_or_else(|| rand::thread_rng().next_u32())
    }

    fn next_u64(&mut self) -> u64 {
        simulation::with_rng(RngCore::next_u64).unwrap_or_else(|| rand::thread_rng().next_u64())
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        if simulation::with_rng(|rng| rng.fill_bytes(dest)).is_none() {
            rand::thread_rng().fill_bytes(dest);
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

// Outside of simulations it is the generator of the thread.
impl CryptoRng for Chance {}
