//! What the beginning of an epoch ends.
//!
//! The index finds what ended by its epoch; each object is removed in one batch with the change of
//! its blob's aggregate, so that an interrupted run is simply repeated.

use walrus_core::Epoch;

use super::record::{BlobRecord, ObjectRecord, PermanentRefs, PoolRecord, PooledRecord};

/// What ends is taken out of the records in batches of this size.
pub const EXPIRY_BATCH: usize = 5_000;

/// Whether `object` ended by `epoch`; if so its references are taken out of `blob`.
///
/// `blob` is a copy of the aggregate of the object's blob ID.
pub fn expire_object(blob: &mut BlobRecord, object: &ObjectRecord, epoch: Epoch) -> bool {
    if object.end_epoch > epoch {
        return false;
    }
    if object.deleted || blob.is_invalid() {
        return true;
    }
    let certified = object.certified_epoch.is_some();
    if object.deletable {
        blob.deletable_total = blob.deletable_total.saturating_sub(1);
        if certified {
            blob.deletable_certified = blob.deletable_certified.saturating_sub(1);
        }
    } else {
        remove_permanent(&mut blob.permanent_total);
        if certified {
            remove_permanent(&mut blob.permanent_certified);
        }
    }
    blob.settle_certification();
    true
}

/// Whether the pool of `object` ended by `epoch` (or is gone); if so the object's references are
/// taken out of `blob`.
pub fn expire_pooled_object(
    blob: &mut BlobRecord,
    object: &PooledRecord,
    pool: Option<&PoolRecord>,
    epoch: Epoch,
) -> bool {
    if pool.is_some_and(|pool| pool.end_epoch > epoch) {
        return false;
    }
    if !blob.is_invalid() {
        blob.pooled_total = blob.pooled_total.saturating_sub(1);
        if object.certified_epoch.is_some() {
            blob.pooled_certified = blob.pooled_certified.saturating_sub(1);
        }
        blob.settle_certification();
    }
    true
}

fn remove_permanent(refs: &mut Option<PermanentRefs>) {
    *refs = refs.take().and_then(|mut refs| {
        refs.count = refs.count.saturating_sub(1);
        (refs.count > 0).then_some(refs)
    });
}
