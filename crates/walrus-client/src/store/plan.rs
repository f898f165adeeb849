//! Deciding how a blob comes to its registration: a pure function of what the network and the
//! wallet have.

use walrus_contracts::types::{Blob, Storage};
use walrus_core::{BlobId, Epoch, EpochCount, EventId, ObjectId, node_api::BlobStatus};

/// What is to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub blob_id: BlobId,
    pub encoded_length: u64,
    pub deletable: bool,
    /// An object of the wallet is wanted, not only that the blob is available.
    pub needs_object: bool,
    pub current_epoch: Epoch,
    /// Epochs from the current one on, the current one included.
    pub epochs_ahead: EpochCount,
}

impl Wanted {
    /// First epoch in which the blob may be gone.
    pub(crate) fn end_epoch(&self) -> Epoch {
        self.current_epoch.saturating_add(self.epochs_ahead)
    }
}

/// What the wallet owns that could be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Resources {
    pub blobs: Vec<Blob>,
    pub storage: Vec<Storage>,
}

/// How a blob comes to its registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StorePlan {
    /// It is available for long enough.
    AlreadyCertifiedBySomebody { event: EventId, end_epoch: Epoch },
    /// The wallet's own certified blob lives long enough.
    AlreadyCertified { object: ObjectId, end_epoch: Epoch },
    /// It can never be stored.
    Invalid { event: EventId },
    /// The wallet's own certified blob must live longer.
    Extend { blob: Blob, epochs: EpochCount },
    /// The wallet's own registration can be certified, after an extension by `extend` epochs.
    Certify { blob: Blob, extend: EpochCount },
    /// The wallet's own storage fits.
    RegisterInStorage { storage: Storage },
    /// Storage must be bought.
    RegisterFromScratch,
}

/// Chooses the cheapest way. Takes what it uses out of `resources`, so that two blobs of one store
/// never use the same storage.
pub(crate) fn plan(
    wanted: &Wanted,
    status: Option<&BlobStatus>,
    resources: &mut Resources,
) -> StorePlan {
    match status {
        Some(BlobStatus::Invalid { event }) => return StorePlan::Invalid { event: *event },
        Some(BlobStatus::Permanent {
            end_epoch,
            is_certified: true,
            status_event,
            ..
        }) if *end_epoch >= wanted.end_epoch() && !wanted.needs_object => {
            return StorePlan::AlreadyCertifiedBySomebody {
                event: *status_event,
                end_epoch: *end_epoch,
            };
        }
        _ => {}
    }
    if let Some(blob) = take_best_blob(wanted, &mut resources.blobs) {
        let end_epoch = blob.storage.end_epoch;
        let missing = wanted.end_epoch().saturating_sub(end_epoch);
        return match (blob.certified_epoch, missing) {
            (Some(_), 0) => StorePlan::AlreadyCertified {
                object: blob.id,
                end_epoch,
            },
            (Some(_), epochs) => StorePlan::Extend { blob, epochs },
            (None, extend) => StorePlan::Certify { blob, extend },
        };
    }
    match take_best_storage(wanted, &mut resources.storage) {
        Some(storage) => StorePlan::RegisterInStorage { storage },
        None => StorePlan::RegisterFromScratch,
    }
}

/// The own live object of the blob that needs least work: certified before registered, then the
/// longest.
fn take_best_blob(wanted: &Wanted, blobs: &mut Vec<Blob>) -> Option<Blob> {
    let usable = |blob: &Blob| {
        blob.blob_id == wanted.blob_id
            && blob.deletable == wanted.deletable
            && blob.storage.end_epoch > wanted.current_epoch
    };
    let best = blobs
        .iter()
        .enumerate()
        .filter(|(_, blob)| usable(blob))
        .max_by_key(|(_, blob)| {
            let long_enough = blob.storage.end_epoch >= wanted.end_epoch();
            let certified = blob.certified_epoch.is_some();
            (certified && long_enough, certified, blob.storage.end_epoch)
        })
        .map(|(index, _)| index)?;
    Some(blobs.swap_remove(best))
}

/// The smallest own storage that covers the size and the whole period; of equal ones the shortest.
fn take_best_storage(wanted: &Wanted, storage: &mut Vec<Storage>) -> Option<Storage> {
    let best = storage
        .iter()
        .enumerate()
        .filter(|(_, candidate)| {
            candidate.storage_size >= wanted.encoded_length
                && candidate.start_epoch <= wanted.current_epoch
                && candidate.end_epoch >= wanted.end_epoch()
        })
        .min_by_key(|(_, candidate)| (candidate.storage_size, candidate.end_epoch))
        .map(|(index, _)| index)?;
    Some(storage.swap_remove(best))
}

#[cfg(test)]
mod tests {
    use walrus_core::node_api::DeletableCounts;

    use super::*;

    const BLOB: BlobId = BlobId([5; 32]);

    fn wanted() -> Wanted {
        Wanted {
            blob_id: BLOB,
            encoded_length: 1000,
            deletable: true,
            needs_object: false,
            current_epoch: 10,
            epochs_ahead: 5,
        }
    }

    fn storage(id: u8, end_epoch: Epoch, storage_size: u64) -> Storage {
        Storage {
            id: ObjectId([id; 32]),
            start_epoch: 10,
            end_epoch,
            storage_size,
        }
    }

    fn blob(id: u8, certified: bool, end_epoch: Epoch) -> Blob {
        Blob {
            id: ObjectId([id; 32]),
            registered_epoch: 9,
            blob_id: BLOB,
            size: 100,
            encoding_type: 1,
            certified_epoch: certified.then_some(9),
            storage: storage(id, end_epoch, 1000),
            deletable: true,
        }
    }

    fn with(blobs: Vec<Blob>, storage: Vec<Storage>) -> StorePlan {
        plan(&wanted(), None, &mut Resources { blobs, storage })
    }

    fn permanent(end_epoch: Epoch, is_certified: bool) -> BlobStatus {
        BlobStatus::Permanent {
            end_epoch,
            is_certified,
            status_event: event(),
            deletable_counts: DeletableCounts::default(),
            initial_certified_epoch: None,
        }
    }

    fn event() -> EventId {
        EventId {
            tx_digest: [1; 32],
            event_seq: 2,
        }
    }

    #[test]
    fn a_permanent_certified_blob_is_not_stored_again() {
        let decide = |status| plan(&wanted(), Some(&status), &mut Resources::default());
        assert_eq!(
            decide(permanent(15, true)),
            StorePlan::AlreadyCertifiedBySomebody {
                event: event(),
                end_epoch: 15
            }
        );
        assert_eq!(decide(permanent(14, true)), StorePlan::RegisterFromScratch);
        let own = Wanted {
            needs_object: true,
            ..wanted()
        };
        let status = permanent(15, true);
        assert_eq!(
            plan(&own, Some(&status), &mut Resources::default()),
            StorePlan::RegisterFromScratch
        );
        assert_eq!(decide(permanent(15, false)), StorePlan::RegisterFromScratch);
        assert_eq!(
            decide(BlobStatus::Nonexistent),
            StorePlan::RegisterFromScratch
        );
        assert_eq!(
            decide(BlobStatus::Invalid { event: event() }),
            StorePlan::Invalid { event: event() }
        );
    }

    #[test]
    fn own_blobs_are_preferred_in_order_of_work() {
        let done = |id, end_epoch| StorePlan::AlreadyCertified {
            object: ObjectId([id; 32]),
            end_epoch,
        };
        assert_eq!(
            with(vec![blob(1, false, 20), blob(2, true, 15)], vec![]),
            done(2, 15)
        );
        assert_eq!(
            with(vec![blob(1, true, 12)], vec![]),
            StorePlan::Extend {
                blob: blob(1, true, 12),
                epochs: 3
            }
        );
        assert_eq!(
            with(vec![blob(1, false, 15)], vec![]),
            StorePlan::Certify {
                blob: blob(1, false, 15),
                extend: 0
            }
        );
        assert_eq!(
            with(vec![blob(1, false, 12)], vec![]),
            StorePlan::Certify {
                blob: blob(1, false, 12),
                extend: 3
            }
        );
    }

    #[test]
    fn foreign_expired_and_permanent_objects_are_left_alone() {
        let mut other = blob(1, true, 20);
        other.blob_id = BlobId([6; 32]);
        let mut lasting = blob(2, true, 20);
        lasting.deletable = false;
        let expired = blob(3, true, 10);
        assert_eq!(
            with(vec![other, lasting, expired], vec![]),
            StorePlan::RegisterFromScratch
        );
    }

    #[test]
    fn the_smallest_sufficient_storage_is_used_once() {
        let mut resources = Resources {
            blobs: vec![],
            storage: vec![
                storage(1, 15, 999),
                storage(2, 14, 1000),
                storage(3, 15, 5000),
                storage(4, 15, 1000),
            ],
        };
        assert_eq!(
            plan(&wanted(), None, &mut resources),
            StorePlan::RegisterInStorage {
                storage: storage(4, 15, 1000)
            }
        );
        assert_eq!(
            plan(&wanted(), None, &mut resources),
            StorePlan::RegisterInStorage {
                storage: storage(3, 15, 5000)
            }
        );
        assert_eq!(
            plan(&wanted(), None, &mut resources),
            StorePlan::RegisterFromScratch
        );
    }
}
