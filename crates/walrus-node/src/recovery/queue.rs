//! Blobs to be healed, each when it is due.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use ambient::pauses::Backoff;
use tokio::time::Instant;
use walrus_core::BlobId;

/// Blobs in the queue at most. What does not fit is found again by the next look at the index.
pub const HEALING_QUEUE_MAX: usize = 65_536;

/// Pauses between attempts to heal one blob.
const RETRY_PAUSE_MIN: Duration = Duration::from_secs(1);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(300);

/// Blobs to be healed. Each is there once.
#[derive(Default)]
pub(super) struct Queue {
    entries: HashMap<BlobId, Entry>,
    by_time: BTreeSet<(Instant, BlobId)>,
}

struct Entry {
    /// `None` while it is being worked on.
    due: Option<Instant>,
    backoff: Backoff,
    /// Asked for again while it is being worked on.
    again: bool,
}

impl Queue {
    /// Adds a blob. An earlier time wins over the one it has. Returns whether there was room.
    pub(super) fn push(&mut self, blob_id: BlobId, due: Instant) -> bool {
        if let Some(entry) = self.entries.get_mut(&blob_id) {
            match entry.due {
                Some(before) if due < before => {
                    self.by_time.remove(&(before, blob_id));
                    self.by_time.insert((due, blob_id));
                    entry.due = Some(due);
                }
                Some(_) => {}
                None => entry.again = true,
            }
            return true;
        }
        if self.entries.len() >= HEALING_QUEUE_MAX {
            return false;
        }
        self.by_time.insert((due, blob_id));
        self.entries.insert(
            blob_id,
            Entry {
                due: Some(due),
                backoff: Backoff::new(RETRY_PAUSE_MIN, RETRY_PAUSE_MAX),
                again: false,
            },
        );
        true
    }

    /// A blob that is due, to be worked on; it stays until [`Self::done`] or [`Self::failed`].
    pub(super) fn next(&mut self, now: Instant) -> Option<BlobId> {
        let (due, blob_id) = self.by_time.first().copied()?;
        if due > now {
            return None;
        }
        self.by_time.pop_first();
        self.entries.get_mut(&blob_id)?.due = None;
        Some(blob_id)
    }

    /// When the next blob is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// Nothing is left to do for a blob, unless it was asked for again.
    pub(super) fn done(&mut self, blob_id: BlobId, now: Instant) {
        let again = self
            .entries
            .remove(&blob_id)
            .is_some_and(|entry| entry.again);
        if again {
            self.push(blob_id, now);
        }
    }

    /// A blob could not be healed: it is due again after a pause.
    pub(super) fn failed(&mut self, blob_id: BlobId, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&blob_id) {
            let due = now + entry.backoff.next_pause();
            entry.due = Some(due);
            entry.again = false;
            self.by_time.insert((due, blob_id));
        }
    }

    /// Blobs waiting or being worked on.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: BlobId = BlobId([1; 32]);
    const B: BlobId = BlobId([2; 32]);

    #[test]
    fn blobs_are_due_in_time_and_once() {
        let start = Instant::now();
        let later = start + Duration::from_secs(10);
        let mut queue = Queue::default();
        assert!(queue.push(A, later));
        assert!(queue.push(B, start));
        assert!(queue.push(B, later));
        assert_eq!(queue.next(start), Some(B));
        assert_eq!(queue.next(start), None);
        assert_eq!(queue.next_due(), Some(later));
        // Somebody is in a hurry.
        queue.push(A, start);
        assert_eq!(queue.next(start), Some(A));
        queue.done(A, start);
        queue.done(B, start);
        assert_eq!((queue.len(), queue.next_due()), (0, None));
    }

    #[test]
    fn what_fails_comes_back_and_what_is_asked_for_again_does_too() {
        let start = Instant::now();
        let mut queue = Queue::default();
        queue.push(A, start);
        queue.next(start).unwrap();
        queue.failed(A, start);
        let due = queue.next_due().unwrap();
        assert!(due > start && due <= start + RETRY_PAUSE_MIN);
        assert_eq!(queue.next(due), Some(A));
        queue.push(A, start);
        queue.done(A, due);
        assert_eq!(queue.next(due), Some(A));
    }

    #[test]
    fn the_queue_is_bounded() {
        let start = Instant::now();
        let mut queue = Queue::default();
        for number in 0..HEALING_QUEUE_MAX {
            let mut id = BlobId([0; 32]);
            id.0[..8].copy_from_slice(&number.to_be_bytes());
            assert!(queue.push(id, start));
        }
        assert!(!queue.push(BlobId([0xff; 32]), start));
        assert!(queue.push(BlobId([0; 32]), start));
    }
}
