//! Waiting between attempts.

use std::time::Duration;

use ambient::pauses::doubled;

use crate::{config::Backoff, environment::Environment};

/// Upper bound of the random part of each wait.
const JITTER_MAX: Duration = Duration::from_secs(1);

/// The waits of one operation, in order; ends when the retries are used up.
#[derive(Debug, Clone)]
pub(crate) struct Waits {
    backoff: Backoff,
    environment: Environment,
    attempt: u32,
}

impl Waits {
    pub(crate) fn new(backoff: Backoff, environment: &Environment) -> Self {
        Self {
            backoff,
            environment: environment.clone(),
            attempt: 0,
        }
    }
}

impl Iterator for Waits {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self
            .backoff
            .max_retries
            .is_some_and(|max| self.attempt >= max)
        {
            return None;
        }
        let base = doubled(self.backoff.min, self.backoff.max, self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        let jitter = self.environment.jitter(JITTER_MAX);
        // The jitter never dominates: a back-off of milliseconds stays one of milliseconds.
        Some(base.saturating_add(jitter.min(base)).min(self.backoff.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum_and_end() {
        let waits: Vec<_> = Waits::new(Backoff::default(), &Environment::of_system()).collect();
        assert_eq!(waits.len(), 5);
        for (i, wait) in waits.iter().enumerate() {
            let base = Duration::from_secs(1 << i);
            assert!(*wait >= base && *wait <= base + JITTER_MAX, "{i}: {wait:?}");
        }
    }

    #[test]
    fn endless_back_off_stays_at_its_maximum() {
        let endless = Backoff {
            max_retries: None,
            ..Backoff::default()
        };
        let mut waits = Waits::new(endless, &Environment::of_system());
        assert_eq!(waits.nth(1000), Some(endless.max));
    }
}
