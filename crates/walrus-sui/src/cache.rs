//! A value read from the chain, kept for a while, fetched by one caller at a time.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

/// Holds at most one value. Callers that ask while it is being fetched wait for that fetch.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    slot: Mutex<Option<(Instant, Arc<T>)>>,
    ttl: Duration,
}

impl<T> Cached<T> {
    /// An empty cache whose values are fresh for `ttl`.
    pub(crate) fn new(ttl: Duration) -> Self {
        Self {
            slot: Mutex::new(None),
            ttl,
        }
    }

    /// The fresh value, fetched if necessary. A failed fetch leaves the cache as it was.
    pub(crate) async fn get<E, F, R>(&self, fetch: F) -> Result<Arc<T>, E>
    where
        F: FnOnce() -> R,
        R: Future<Output = Result<T, E>>,
    {
        // Holding the lock while fetching is what makes concurrent callers share one fetch.
        let mut slot = self.slot.lock().await;
        if let Some((fetched, value)) = &*slot
            && fetched.elapsed() < self.ttl
        {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(fetch().await?);
        *slot = Some((Instant::now(), Arc::clone(&value)));
        Ok(value)
    }

    /// Makes the next caller fetch.
    pub(crate) async fn invalidate(&self) {
        *self.slot.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn concurrent_callers_share_one_fetch() {
        let cache = Cached::new(Duration::from_secs(3600));
        let fetches = AtomicU32::new(0);
        let get = || {
            cache.get(|| async {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(fetches.fetch_add(1, Ordering::SeqCst))
            })
        };
        let (a, b, c) = tokio::join!(get(), get(), get());
        assert_eq!((*a.unwrap(), *b.unwrap(), *c.unwrap()), (0, 0, 0));
        cache.invalidate().await;
        assert_eq!(*get().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn stale_values_are_fetched_again_and_failures_are_not_kept() {
        let cache = Cached::new(Duration::ZERO);
        assert_eq!(*cache.get(|| async { Ok::<_, ()>(1) }).await.unwrap(), 1);
        assert_eq!(
            cache.get(|| async { Err::<i32, _>("down") }).await,
            Err("down")
        );
        assert_eq!(*cache.get(|| async { Ok::<_, ()>(2) }).await.unwrap(), 2);
    }
}
