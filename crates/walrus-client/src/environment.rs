//! What a client takes from the world: the time of day, chance, and the way to the nodes.
//!
//! They come with the client, so that a test can decide what time it is, and run again from the
//! seed it failed with. Waiting goes by the clock of the executor, which tests can stop.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use stdx::{Mutex, SaturatingFrom as _};

use crate::node::Transport;

/// Clock, randomness and the way to the nodes; clones share them.
#[derive(Clone)]
pub struct Environment {
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    random: Arc<Mutex<StdRng>>,
    transport: Option<Arc<dyn Transport>>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment {
    /// The clock of the system, and randomness that nobody can foresee.
    pub fn of_system() -> Self {
        Self::new(
            ambient::now,
            StdRng::seed_from_u64(ambient::rng().next_u64()),
        )
    }

    /// A clock of choice, and chance that is the same for the same seed.
    pub fn seeded(seed: u64, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self::new(clock, StdRng::seed_from_u64(seed))
    }

    fn new(clock: impl Fn() -> SystemTime + Send + Sync + 'static, random: StdRng) -> Self {
        Self {
            clock: Arc::new(clock),
            random: Arc::new(Mutex::new(random)),
            transport: None,
        }
    }

    /// The same with another way to the nodes than the network.
    #[must_use]
    pub fn with_transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// The way to the nodes, if it is not the network.
    pub fn transport(&self) -> Option<&Arc<dyn Transport>> {
        self.transport.as_ref()
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        let now = (self.clock)().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| u64::saturating_from(now.as_millis()))
    }

    pub(crate) fn shuffle<T>(&self, items: &mut [T]) {
        let mut random = self.random.lock();
        items.shuffle(&mut *random);
    }

    /// A duration below `max`.
    pub(crate) fn jitter(&self, max: Duration) -> Duration {
        let mut random = self.random.lock();
        random.gen_range(Duration::ZERO..max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_chance() {
        let shuffled = |seed| {
            let environment = Environment::seeded(seed, || UNIX_EPOCH + Duration::from_secs(7));
            assert_eq!(environment.now_ms(), 7000);
            let mut items: Vec<u32> = (0..100).collect();
            environment.shuffle(&mut items);
            (items, environment.jitter(Duration::from_secs(1)))
        };
        assert_eq!(shuffled(1), shuffled(1));
        assert_ne!(shuffled(1), shuffled(2));
    }
}
