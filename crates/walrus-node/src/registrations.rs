//! Waiting until the node sees the registration of a blob.

use std::{collections::HashMap, sync::Arc};

use stdx::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, futures::OwnedNotified};
use walrus_core::BlobId;

/// Who waits for which blob.
#[derive(Debug)]
pub struct Registrations {
    waiting: Arc<Mutex<HashMap<BlobId, Arc<Notify>>>>,
    permits: Arc<Semaphore>,
    waiters_max: usize,
}

/// A place among the waiters of a blob.
///
/// Take it *before* looking whether the blob is registered; then no registration can slip through
/// between.
#[derive(Debug)]
pub struct Waiter {
    blob_id: BlobId,
    notify: Arc<Notify>,
    waiting: Arc<Mutex<HashMap<BlobId, Arc<Notify>>>>,
    _permit: OwnedSemaphorePermit,
}

impl Registrations {
    /// At most `waiters_max` requests wait at a time.
    pub fn new(waiters_max: usize) -> Self {
        Self {
            waiting: Arc::default(),
            permits: Arc::new(Semaphore::new(waiters_max.min(Semaphore::MAX_PERMITS))),
            waiters_max,
        }
    }

    /// Joins the waiters of a blob; `None` when too many requests wait already.
    pub fn waiter(&self, blob_id: BlobId) -> Option<Waiter> {
        let permit = self.permits.clone().try_acquire_owned().ok()?;
        let notify = self.waiting.lock().entry(blob_id).or_default().clone();
        Some(Waiter {
            blob_id,
            notify,
            waiting: self.waiting.clone(),
            _permit: permit,
        })
    }

    /// Wakes everybody who waits for the blob.
    pub fn announce(&self, blob_id: &BlobId) {
        if let Some(notify) = self.waiting.lock().get(blob_id) {
            notify.notify_waiters();
        }
    }

    /// Requests waiting now, and the most there may be.
    pub fn load(&self) -> (usize, usize) {
        (
            self.waiters_max
                .saturating_sub(self.permits.available_permits()),
            self.waiters_max,
        )
    }
}

impl Waiter {
    /// A future that completes with the next announcement made after this call.
    pub fn announced(&self) -> OwnedNotified {
        self.notify.clone().notified_owned()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock();
        // Two references left: the table's and ours.
        if Arc::strong_count(&self.notify) <= 2 {
            waiting.remove(&self.blob_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: BlobId = BlobId([1; 32]);

    #[tokio::test]
    async fn announcements_reach_all_waiters_and_nobody_else() {
        let registrations = Registrations::new(3);
        let first = registrations.waiter(ID).unwrap();
        let second = registrations.waiter(ID).unwrap();
        let other = registrations.waiter(BlobId([2; 32])).unwrap();
        assert!(registrations.waiter(ID).is_none(), "bounded");
        let (first_wait, second_wait, other_wait) =
            (first.announced(), second.announced(), other.announced());
        registrations.announce(&ID);
        first_wait.await;
        second_wait.await;
        assert!(futures::FutureExt::now_or_never(other_wait).is_none());
        assert_eq!(registrations.load(), (3, 3));
    }

    #[test]
    fn the_table_does_not_grow() {
        let registrations = Registrations::new(10);
        let waiters: Vec<_> = (0..3).map(|_| registrations.waiter(ID).unwrap()).collect();
        drop(waiters);
        assert!(registrations.waiting.lock().is_empty());
        assert_eq!(registrations.load().0, 0);
    }
}
