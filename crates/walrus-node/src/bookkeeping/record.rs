//! The records and the questions asked of them.

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, Epoch, EventId, ObjectId};

/// Everything the chain said about one blob ID, summed over its objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRecord {
    /// Live deletable objects.
    pub deletable_total: u32,
    /// Certified ones among them.
    pub deletable_certified: u32,
    /// Permanent objects.
    pub permanent_total: Option<PermanentRefs>,
    /// Certified permanent objects.
    pub permanent_certified: Option<PermanentRefs>,
    /// Objects in storage pools.
    pub pooled_total: u32,
    /// Certified ones among them.
    pub pooled_certified: u32,
    /// Epoch of the certification since which the blob has been certified without interruption.
    pub initial_certified_epoch: Option<Epoch>,
    /// Set for ever once the blob ID is proven inconsistent.
    pub invalid: Option<Invalidation>,
}

/// Permanent objects of one blob ID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermanentRefs {
    /// How many.
    pub count: u32,
    /// The latest end epoch among them.
    pub end_epoch: Epoch,
    /// The first event that led to this end epoch.
    pub event: EventId,
}

/// When and by which event a blob ID became invalid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalidation {
    /// The epoch.
    pub epoch: Epoch,
    /// The event.
    pub event: EventId,
}

/// One blob object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// The blob it pays for.
    pub blob_id: BlobId,
    /// Epoch of the registration.
    pub registered_epoch: Epoch,
    /// Epoch of the certification.
    pub certified_epoch: Option<Epoch>,
    /// First epoch in which it no longer counts.
    pub end_epoch: Epoch,
    /// Whether its owner may delete it.
    pub deletable: bool,
    /// Last event about it.
    pub event: EventId,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// One blob object in a storage pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PooledRecord {
    /// The blob it pays for.
    pub blob_id: BlobId,
    /// Epoch of the registration.
    pub registered_epoch: Epoch,
    /// Epoch of the certification.
    pub certified_epoch: Option<Epoch>,
    /// The pool whose life span is the object's.
    pub pool_id: ObjectId,
    /// Last event about it.
    pub event: EventId,
}

/// A storage pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolRecord {
    /// First epoch.
    pub start_epoch: Epoch,
    /// First epoch in which its blobs no longer count.
    pub end_epoch: Epoch,
}

impl PermanentRefs {
    fn is_live(&self, epoch: Epoch) -> bool {
        self.end_epoch > epoch
    }
}

impl BlobRecord {
    /// Whether the blob ID is marked invalid.
    pub fn is_invalid(&self) -> bool {
        self.invalid.is_some()
    }

    /// Whether somebody has paid for the blob in `epoch`.
    pub fn is_registered(&self, epoch: Epoch) -> bool {
        !self.is_invalid()
            && (self.permanent_total_at(epoch).is_some()
                || self.deletable_total > 0
                || self.pooled_total > 0)
    }

    /// Whether the blob counts as available in `epoch`.
    pub fn is_certified(&self, epoch: Epoch) -> bool {
        !self.is_invalid()
            && (self.permanent_certified_at(epoch).is_some()
                || self.deletable_certified > 0
                || self.pooled_certified > 0)
            && self
                .initial_certified_epoch
                .is_some_and(|initial| initial <= epoch)
    }

    /// The permanent registrations that are alive in `epoch`.
    pub fn permanent_total_at(&self, epoch: Epoch) -> Option<&PermanentRefs> {
        self.permanent_total
            .as_ref()
            .filter(|refs| refs.is_live(epoch))
    }

    /// The certified permanent registrations that are alive in `epoch`.
    pub fn permanent_certified_at(&self, epoch: Epoch) -> Option<&PermanentRefs> {
        self.permanent_certified
            .as_ref()
            .filter(|refs| refs.is_live(epoch))
    }

    /// Whether nothing is left to remember.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Forgets the first certification once no certified object is left.
    pub(super) fn settle_certification(&mut self) {
        if self.permanent_certified.is_none()
            && self.deletable_certified == 0
            && self.pooled_certified == 0
        {
            self.initial_certified_epoch = None;
        }
    }
}
