//! Pauses that grow.

use std::time::Duration;

use rand::Rng as _;

/// Exponential pauses with jitter: each is between half and the whole of twice the one before.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// Pauses from `min` on, up to `max`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self {
            min,
            max,
            next: min,
        }
    }

    /// The next pause.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.max);
        pause.mul_f64(ambient::rng().gen_range(0.5..=1.0))
    }

    /// Starts from the shortest pause again.
    pub fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_bounds_and_start_again() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(min, max);
        let pauses: Vec<_> = (0..8).map(|_| backoff.next_pause()).collect();
        assert!(pauses[0] <= min && pauses[0] >= min / 2);
        assert!(pauses[7] <= max && pauses[7] >= max / 2);
        backoff.reset();
        assert!(backoff.next_pause() <= min);
    }
}
