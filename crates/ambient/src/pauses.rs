//! Pauses between attempts: they double, and chance keeps those who failed together apart.

use std::time::Duration;

use rand::Rng as _;

/// `first`, doubled `times` times, but not more than `longest`.
pub fn doubled(first: Duration, longest: Duration, times: u32) -> Duration {
    let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest)
}

/// The pause after `before` others: between half and the whole of what [`doubled`] says.
pub fn pause_after(before: u32, first: Duration, longest: Duration) -> Duration {
    doubled(first, longest, before).mul_f64(crate::rng().gen_range(0.5..=1.0))
}

/// The pauses of one who tries something again and again; see [`pause_after`].
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    before: u32,
}

impl Backoff {
    /// Pauses from `first` on, up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            before: 0,
        }
    }

    /// The next pause.
    pub fn next_pause(&mut self) -> Duration {
        let pause = pause_after(self.before, self.first, self.longest);
        self.before = self.before.saturating_add(1);
        pause
    }

    /// Starts from the shortest pause again.
    pub fn reset(&mut self) {
        self.before = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_longest() {
        let millis = |times| doubled(FIRST, LONGEST, times).as_millis();
        let pauses: Vec<_> = (0..6).map(millis).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(doubled(FIRST, LONGEST, u32::MAX), LONGEST);
    }

    #[test]
    fn pauses_grow_within_bounds_and_start_again() {
        let mut backoff = Backoff::new(FIRST, LONGEST);
        let pauses: Vec<_> = (0..8).map(|_| backoff.next_pause()).collect();
        assert!(pauses[0] <= FIRST && pauses[0] >= FIRST / 2);
        assert!(pauses[7] <= LONGEST && pauses[7] >= LONGEST / 2);
        backoff.reset();
        assert!(backoff.next_pause() <= FIRST);
    }
}
