//! Events to records.

use tracing::warn;
use walrus_contracts::events::BlobCertified;
use walrus_core::{BlobId, Epoch, EventId, ObjectId};

use super::record::{
    BlobRecord, Invalidation, ObjectRecord, PermanentRefs, PoolRecord, PooledRecord,
};
use crate::chain::WalrusEvent;

/// The present records. Reading may fail, hence the error type.
pub trait RecordView {
    /// Why a record could not be read.
    type Error;
    /// The aggregate of a blob ID.
    fn blob(&self, id: &BlobId) -> Result<Option<BlobRecord>, Self::Error>;
    /// A blob object.
    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, Self::Error>;
    /// A pooled blob object.
    fn pooled_object(&self, id: &ObjectId) -> Result<Option<PooledRecord>, Self::Error>;
    /// A storage pool.
    fn pool(&self, id: &ObjectId) -> Result<Option<PoolRecord>, Self::Error>;
}

/// Records to write; `None` removes one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Aggregates by blob ID.
    pub blobs: Vec<(BlobId, Option<BlobRecord>)>,
    /// Blob objects.
    pub objects: Vec<(ObjectId, Option<ObjectRecord>)>,
    /// Pooled blob objects.
    pub pooled_objects: Vec<(ObjectId, Option<PooledRecord>)>,
    /// Storage pools.
    pub pools: Vec<(ObjectId, Option<PoolRecord>)>,
}

impl Changes {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
            && self.objects.is_empty()
            && self.pooled_objects.is_empty()
            && self.pools.is_empty()
    }

    pub(super) fn set_blob(&mut self, id: BlobId, record: BlobRecord) {
        let record = (!record.is_empty()).then_some(record);
        self.blobs.push((id, record));
    }
}

/// The records that follow from `event`. Events that are not about blobs or pools change nothing.
pub fn apply<V: RecordView>(
    view: &V,
    id: &EventId,
    event: &WalrusEvent,
) -> Result<Changes, V::Error> {
    let mut changes = Changes::default();
    match event {
        WalrusEvent::BlobRegistered(event) => {
            let object = ObjectRecord {
                blob_id: event.blob_id,
                registered_epoch: event.epoch,
                certified_epoch: None,
                end_epoch: event.end_epoch,
                deletable: event.deletable,
                event: *id,
                deleted: false,
            };
            register(view, &mut changes, event.object_id, object)?;
        }
        WalrusEvent::BlobCertified(event) if view.object(&event.object_id)?.is_none() => {
            insert_certified(view, &mut changes, id, event)?;
        }
        WalrusEvent::BlobCertified(event) if event.is_extension => {
            extend(view, &mut changes, id, event.object_id, event.end_epoch)?;
        }
        WalrusEvent::BlobCertified(event) => {
            certify(view, &mut changes, id, event.object_id, event.epoch)?;
        }
        WalrusEvent::BlobDeleted(event) => {
            delete(view, &mut changes, id, event.object_id, event.was_certified)?;
        }
        WalrusEvent::InvalidBlobID(event) => {
            invalidate(view, &mut changes, id, event.blob_id, event.epoch)?;
        }
        WalrusEvent::PooledBlobRegistered(event) => {
            let object = PooledRecord {
                blob_id: event.blob_id,
                registered_epoch: event.epoch,
                certified_epoch: None,
                pool_id: event.storage_pool_id,
                event: *id,
            };
            register_pooled(view, &mut changes, event.object_id, object)?;
        }
        WalrusEvent::PooledBlobCertified(event) => {
            certify_pooled(view, &mut changes, id, event.object_id, event.epoch)?;
        }
        WalrusEvent::PooledBlobDeleted(event) => {
            delete_pooled(view, &mut changes, event.object_id, event.was_certified)?;
        }
        WalrusEvent::StoragePoolCreated(event) => {
            let pool = PoolRecord {
                start_epoch: event.start_epoch,
                end_epoch: event.end_epoch,
            };
            changes.pools.push((event.storage_pool_id, Some(pool)));
        }
        WalrusEvent::StoragePoolExtended(event) => {
            let pool_id = event.storage_pool_id;
            extend_pool(view, &mut changes, pool_id, event.new_end_epoch)?;
        }
        _ => {}
    }
    Ok(changes)
}

fn invalidate<V: RecordView>(
    view: &V,
    changes: &mut Changes,
    id: &EventId,
    blob_id: BlobId,
    epoch: Epoch,
) -> Result<(), V::Error> {
    let mut record = view.blob(&blob_id)?.unwrap_or_default();
    if !record.is_invalid() {
        record.invalid = Some(Invalidation { epoch, event: *id });
        changes.set_blob(blob_id, record);
    }
    Ok(())
}

fn extend_pool<V: RecordView>(
    view: &V,
    changes: &mut Changes,
    pool_id: ObjectId,
    end_epoch: Epoch,
) -> Result<(), V::Error> {
    if let Some(mut pool) = view.pool(&pool_id)? {
        pool.end_epoch = end_epoch;
        changes.pools.push((pool_id, Some(pool)));
    } else {
        warn!(%pool_id, "extension of an unknown storage pool is ignored");
    }
    Ok(())
}

fn register<V: RecordView>(
    view: &V,
    changes: &mut Changes,
    object_id: ObjectId,
    object: ObjectRecord,
) -> Result<(), V::Error> {
    let mut blob = view.blob(&object.blob_id)?.unwrap_or_default();
    if object.deletable {
        blob.deletable_total = blob.deletable_total.saturating_add(1);
    } else {
        add_permanent(&mut blob.permanent_total, object.end_epoch, &object.event);
    }
    store_blob(changes, object.blob_id, blob);
    changes.objects.push((object_id, Some(object)));
    Ok(())
}

fn certify<V: RecordView>(
    view: &V,
    changes: &mut Changes,
    id: &EventId,
    object_id: ObjectId,
    epoch: Epoch,
) -> Result<(), V::Error> {
    let Some(mut object) = live_object(view, &object_id)? else {
        return Ok(());
    };
    if object.certified_epoch.is_some() {
        warn!(%object_id, "second certification of a blob object is ignored");
        return Ok(());
    }
    let mut blob = view.blob(&object.blob_id)?.unwrap_or_default();
    let was_certified = blob.is_certified(epoch);
    if object.deletable {
        blob.deletable_certified = blob.deletable_certified.saturating_add(1);
    } else {
        add_permanent(&mut blob.permanent_certified, object.end_epoch, id);
    }
    if !was_certified {
        blob.initial_certified_epoch = Some(epoch);
    }
    object.certified_epoch = Some(epoch);
    object.event = *id;
    store_blob(changes, object.blob_id, blob);
    changes.objects.push((object_id, Some(object)));
    Ok(())
}

/// Takes in a blob object that was registered before the history this node has: the event says all
/// that matters of it.
fn insert_certified<V: RecordView>(
    view: &V,
    changes: &mut Changes,
    id: &EventId,
    event: &BlobCertified,
) -> Result<(), V::Error> {
    let object = ObjectRecord {
        blob_id: event.blob_id,
        registered_epoch: event.epoch,
        certified_epoch: Some(event.epoch),
        end_epoch: event.end_epoch,
        deletable: event.deletable,
        event: *id,
        deleted: false,
    };
    let mut blob = view.blob(&event.blob_id)?.unwrap_or_default();
    let was_certified = blob.is_certified(event.epoch);
    if event.deletable {
        blob.deletable_total = blob.deletable_total.saturating_add(1);
        blob.deletable_certified = blob.deletable_certified.saturating_add(1);
    } else {
        add_permanent(&mut blob.permanent_total, event.end_epoch, id);
        add_permanent(&mut blob.permanent_certified, event.end_epoch, id);
    }
    if !was_certified {
        blob.initial_certified_epoch = Some(event.epoch);
    }
    store_blob(changes, event.blob_id, blob);
    changes.objects.push((event.object_id, Some(object)));
    Ok(())
}

fn extend<V: RecordView>(
    view: &V,
    changes: &mut Changes,
    id: &EventId,
    object_id: ObjectId,
    end_epoch: Epoch,
) -> Result<(), V::Error> {
    let Some(mut object) = live_object(view, &object_id)? else {
        return Ok(());
    };
    if !object.deletable {
        let mut blob = view.blob(&object.blob_id)?.unwrap_or_default();
        raise_end_epoch(&mut blob.permanent_total, end_epoch, id);
        raise_end_epoch(&mut blob.permanent_certified, end_epoch, id);
        store_blob(changes, object.blob_id, blob);
    }
    object.end_epoch = object.end_epoch.max(end_epoch);
    object.event = *id;
    changes.objects.push((object_id, Some(object)));
    Ok(())
}

fn delete<V: RecordView>(
    view: &V,
    changes: &mut Changes,
    id: &EventId,
    object_id: ObjectId,
    was_certified: bool,
) -> Result<(), V::Error> {
    let Some(mut object) = live_object(view, &object_id)? else {
        return Ok(());
    };
    let mut blob = view.blob(&object.blob_id)?.unwrap_or_default();
    blob.deletable_total = blob.deletable_total.saturating_sub(1);
    if was_certified {
        blob.deletable_certified = blob.deletable_certified.saturating_sub(1);
    }
    blob.settle_certification();
    object.deleted = true;
    object.event = *id;
    store_blob(changes, object.blob_id, blob);
    changes.objects.push((object_id, Some(object)));
    Ok(())
}

fn register_pooled<V: RecordView>(
    view: &V,
    changes: &mut Changes,
    object_id: ObjectId,
    object: PooledRecord,
) -> Result<(), V::Error> {
    let mut blob = view.blob(&object.blob_id)?.unwrap_or_default();
    blob.pooled_total = blob.pooled_total.saturating_add(1);
    store_blob(changes, object.blob_id, blob);
    changes.pooled_objects.push((object_id, Some(object)));
    Ok(())
}

fn certify_pooled<V: RecordView>(
    view: &V,
    changes: &mut Changes,
    id: &EventId,
    object_id: ObjectId,
    epoch: Epoch,
) -> Result<(), V::Error> {
    let Some(mut object) = view.pooled_object(&object_id)? else {
        warn!(%object_id, "certification of an unknown pooled blob object is ignored");
        return Ok(());
    };
    if object.certified_epoch.is_some() {
        warn!(%object_id, "second certification of a pooled blob object is ignored");
        return Ok(());
    }
    let mut blob = view.blob(&object.blob_id)?.unwrap_or_default();
    if !blob.is_certified(epoch) {
        blob.initial_certified_epoch = Some(epoch);
    }
    blob.pooled_certified = blob.pooled_certified.saturating_add(1);
    object.certified_epoch = Some(epoch);
    object.event = *id;
    store_blob(changes, object.blob_id, blob);
    changes.pooled_objects.push((object_id, Some(object)));
    Ok(())
}

fn delete_pooled<V: RecordView>(
    view: &V,
    changes: &mut Changes,
    object_id: ObjectId,
    was_certified: bool,
) -> Result<(), V::Error> {
    let Some(object) = view.pooled_object(&object_id)? else {
        warn!(%object_id, "deletion of an unknown pooled blob object is ignored");
        return Ok(());
    };
    let mut blob = view.blob(&object.blob_id)?.unwrap_or_default();
    blob.pooled_total = blob.pooled_total.saturating_sub(1);
    if was_certified {
        blob.pooled_certified = blob.pooled_certified.saturating_sub(1);
    }
    blob.settle_certification();
    store_blob(changes, object.blob_id, blob);
    changes.pooled_objects.push((object_id, None));
    Ok(())
}

/// An invalid blob ID keeps its record as it was when it became invalid.
fn store_blob(changes: &mut Changes, id: BlobId, record: BlobRecord) {
    if !record.is_invalid() {
        changes.set_blob(id, record);
    }
}

fn live_object<V: RecordView>(
    view: &V,
    object_id: &ObjectId,
) -> Result<Option<ObjectRecord>, V::Error> {
    let object = view.object(object_id)?.filter(|object| !object.deleted);
    if object.is_none() {
        warn!(%object_id, "event about an unknown blob object is ignored");
    }
    Ok(object)
}

fn add_permanent(refs: &mut Option<PermanentRefs>, end_epoch: Epoch, event: &EventId) {
    match refs {
        Some(present) => {
            present.count = present.count.saturating_add(1);
            raise_end_epoch(refs, end_epoch, event);
        }
        None => {
            *refs = Some(PermanentRefs {
                count: 1,
                end_epoch,
                event: *event,
            });
        }
    }
}

/// The event that *first* led to an end epoch stays, hence strictly greater.
fn raise_end_epoch(refs: &mut Option<PermanentRefs>, end_epoch: Epoch, event: &EventId) {
    if let Some(refs) = refs.as_mut().filter(|refs| end_epoch > refs.end_epoch) {
        refs.end_epoch = end_epoch;
        refs.event = *event;
    }
}
