//! What replaces the system on the thread of a simulation.

use std::{
    cell::RefCell,
    marker::PhantomData,
    time::{Duration, SystemTime},
};

use rand::{SeedableRng as _, rngs::StdRng};
use tokio::time::Instant;

use crate::process;

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

struct World {
    rng: StdRng,
    began: Instant,
    began_at: SystemTime,
}

/// A simulation on this thread. It ends when this value is dropped.
#[derive(Debug)]
pub struct Simulation {
    /// It is bound to its thread.
    thread: PhantomData<*const ()>,
}

impl Simulation {
    /// Begins a simulation at a time of day. Call it inside of a tokio runtime of one thread whose
    /// clock is paused.
    ///
    /// # Panics
    ///
    /// If this thread is in a simulation already.
    pub fn enter(seed: u64, began_at: SystemTime) -> Self {
        WORLD.with_borrow_mut(|world| {
            assert!(world.is_none(), "one simulation at a time on a thread");
            *world = Some(World {
                rng: StdRng::seed_from_u64(seed),
                began: Instant::now(),
                began_at,
            });
        });
        Self {
            thread: PhantomData,
        }
    }

    /// How long the simulation has been going on, by its own clock.
    pub fn elapsed(&self) -> Duration {
        WORLD.with_borrow(|world| {
            world
                .as_ref()
                .map_or(Duration::ZERO, |world| world.began.elapsed())
        })
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        WORLD.with_borrow_mut(|world| *world = None);
    }
}

/// Whether this thread is that of a simulation.
pub(crate) fn is_simulated() -> bool {
    WORLD.with_borrow(Option::is_some)
}

pub(crate) fn now() -> Option<SystemTime> {
    WORLD.with_borrow(|world| {
        let world = world.as_ref()?;
        let time = world.began_at + world.began.elapsed();
        let ahead_ms = process::current().map_or(0, |process| process.clock_ahead_ms());
        let wrong = Duration::from_millis(ahead_ms.unsigned_abs());
        let told = if ahead_ms < 0 {
            time.checked_sub(wrong)
        } else {
            time.checked_add(wrong)
        };
        Some(told.unwrap_or(time))
    })
}

pub(crate) fn with_rng<T>(draw: impl FnOnce(&mut StdRng) -> T) -> Option<T> {
    WORLD.with_borrow_mut(|world| world.as_mut().map(|world| draw(&mut world.rng)))
}
