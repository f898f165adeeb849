//! How much one account, package or network address may ask within a minute.

use std::{collections::HashMap, hash::Hash, time::Duration};

use stdx::Mutex;
use tokio::time::Instant;

/// Holders that are remembered. When there are more, those that have been quiet are forgotten, and
/// if none has, newcomers share one quota.
const HOLDERS_MAX: usize = 100_000;
const WINDOW: Duration = Duration::from_secs(60);

/// A bucket for each holder: it fills evenly, and holds what may be asked within a minute.
#[derive(Debug)]
pub(crate) struct Quota<K> {
    per_minute: u32,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    buckets: HashMap<K, Bucket>,
    /// For those who cannot be told apart any more.
    others: Bucket,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn full(per_minute: u32, now: Instant) -> Self {
        Self {
            left: f64::from(per_minute),
            at: now,
        }
    }

    fn fill(&mut self, per_minute: u32, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let added = passed * f64::from(per_minute) / WINDOW.as_secs_f64();
        self.left = (self.left + added).min(f64::from(per_minute));
        self.at = now;
    }

    fn take(&mut self, per_minute: u32, amount: u32, now: Instant) -> bool {
        self.fill(per_minute, now);
        // Whoever has a full bucket may take more than it holds, once: no request is too large for
        // ever.
        let amount = f64::from(amount.min(per_minute));
        if self.left < amount {
            return false;
        }
        self.left -= amount;
        true
    }
}

impl<K: Hash + Eq> Quota<K> {
    /// 0 stands for no bound.
    pub(crate) fn new(per_minute: u32) -> Self {
        let others = Bucket::full(per_minute, Instant::now());
        Self {
            per_minute,
            state: Mutex::new(State {
                buckets: HashMap::new(),
                others,
            }),
        }
    }

    /// Takes so much from a holder's quota, if that is left.
    pub(crate) fn take(&self, holder: K, amount: u32) -> bool {
        if self.per_minute == 0 {
            return true;
        }
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.buckets.len() >= HOLDERS_MAX && !state.buckets.contains_key(&holder) {
            state
                .buckets
                .retain(|_, bucket| now.saturating_duration_since(bucket.at) < WINDOW);
            if state.buckets.len() >= HOLDERS_MAX {
                return state.others.take(self.per_minute, amount, now);
            }
        }
        let full = Bucket::full(self.per_minute, now);
        let bucket = state.buckets.entry(holder).or_insert(full);
        bucket.take(self.per_minute, amount, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_quota_is_used_up_and_comes_back() {
        let quota = Quota::new(60);
        for _ in 0..60 {
            assert!(quota.take("a", 1));
        }
        assert!(!quota.take("a", 1));
        assert!(quota.take("b", 60), "others have their own");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(quota.take("a", 1));
        assert!(!quota.take("a", 1));
        tokio::time::advance(WINDOW).await;
        assert!(quota.take("a", 1000), "no request is too large for ever");
        assert!(!quota.take("a", 1));
    }

    #[tokio::test(start_paused = true)]
    async fn crowds_cost_bounded_memory() {
        let quota = Quota::new(1);
        for holder in 0..HOLDERS_MAX {
            assert!(quota.take(holder, 1));
        }
        assert!(quota.take(HOLDERS_MAX, 1), "newcomers share one quota");
        assert!(!quota.take(HOLDERS_MAX + 1, 1));
        tokio::time::advance(WINDOW).await;
        assert!(quota.take(HOLDERS_MAX + 1, 1));
        assert_eq!(quota.state.lock().buckets.len(), 1);
        assert!(Quota::new(0).take(1, u32::MAX));
    }
}
