//! Blob records: what the chain said about blobs, objects and storage pools.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::atomic::Ordering,
};

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use walrus_core::{BlobId, ObjectId, hash::blake2b256};

use super::{
    Cursor, Index, Keyspace, Recording, WriteBatch, blob_id_of, decode, encode, get,
    tables::Entries,
};
use crate::{
    bookkeeping::{BlobRecord, Changes, ObjectRecord, PoolRecord, PooledRecord, RecordView},
    storage::StorageError,
};

impl Index {
    /// The record of a blob.
    pub fn blob(&self, id: &BlobId) -> Result<Option<BlobRecord>, StorageError> {
        get(&self.blobs, id.0, "blob record")
    }

    /// The record of a blob object.
    pub fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StorageError> {
        get(&self.objects, id.0, "object record")
    }

    /// The record of a blob object in a storage pool.
    pub fn pooled_object(&self, id: &ObjectId) -> Result<Option<PooledRecord>, StorageError> {
        get(&self.pooled_objects, id.0, "pooled object record")
    }

    /// The record of a storage pool.
    pub fn pool(&self, id: &ObjectId) -> Result<Option<PoolRecord>, StorageError> {
        get(&self.pools, id.0, "pool record")
    }

    /// Computes changes of blob records from the present ones and writes them together with the
    /// cursor, and with the elements of the event stream it moves over. Returns whether a section
    /// of the event log is complete now.
    ///
    /// Nothing is synced: after a crash the events come again and lead to the same records.
    pub fn update_records(
        &self,
        cursor: &Cursor,
        recording: &Recording,
        change: impl FnOnce(&Self) -> Result<Changes, StorageError>,
    ) -> Result<bool, StorageError> {
        let _records = self.records.lock();
        let changes = change(self)?;
        let mut batch = WriteBatch::volatile(self);
        self.write_changes(&mut batch, &changes)?;
        let is_longer = self.commit_recorded(batch, cursor, recording)?;
        self.record_changes.fetch_add(1, Ordering::SeqCst);
        Ok(is_longer)
    }

    fn write_changes(
        &self,
        batch: &mut WriteBatch<'_>,
        changes: &Changes,
    ) -> Result<(), StorageError> {
        put_all(batch, &self.blobs, &changes.blobs, |id| id.0);
        put_all(batch, &self.objects, &changes.objects, |id| id.0);
        put_all(batch, &self.pooled_objects, &changes.pooled_objects, |id| {
            id.0
        });
        put_all(batch, &self.pools, &changes.pools, |id| id.0);
        self.put_endings(batch, changes)
    }

    /// Calls `visit` with every blob record in ascending order of blob IDs until it returns
    /// `false`.
    pub fn for_each_blob(
        &self,
        mut visit: impl FnMut(BlobId, BlobRecord) -> Result<bool, StorageError>,
    ) -> Result<(), StorageError> {
        for item in self.blobs.iter() {
            let (key, value) = item.into_inner()?;
            if !visit(blob_id_of(&key)?, decode(&value, "blob record")?)? {
                break;
            }
        }
        Ok(())
    }
}

/// Blob records as they were at some moment.
pub struct BlobRecords(Entries);

impl Index {
    /// The blob records as they are now, whatever changes later.
    pub fn blobs_now(&self) -> BlobRecords {
        BlobRecords(self.blobs.iter())
    }
}

impl BlobRecords {
    /// A digest of the records; `None` when stopped before the end. Nodes that have processed the
    /// same events have the same.
    pub fn digest(self, stop: &CancellationToken) -> Result<Option<[u8; 32]>, StorageError> {
        let mut digest = [0; 32];
        for item in self.0 {
            if stop.is_cancelled() {
                return Ok(None);
            }
            let (key, value) = item.into_inner()?;
            digest = blake2b256(&[&digest, &key, &value]);
        }
        Ok(Some(digest))
    }
}

impl RecordView for Index {
    type Error = StorageError;

    fn blob(&self, id: &BlobId) -> Result<Option<BlobRecord>, StorageError> {
        Self::blob(self, id)
    }

    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StorageError> {
        Self::object(self, id)
    }

    fn pooled_object(&self, id: &ObjectId) -> Result<Option<PooledRecord>, StorageError> {
        Self::pooled_object(self, id)
    }

    fn pool(&self, id: &ObjectId) -> Result<Option<PoolRecord>, StorageError> {
        Self::pool(self, id)
    }
}

/// Blob records changed several times within one batch.
#[derive(Default)]
pub(super) struct PendingBlobs(BTreeMap<BlobId, BlobRecord>);

impl PendingBlobs {
    pub(super) fn load(
        &mut self,
        index: &Index,
        id: BlobId,
    ) -> Result<&mut BlobRecord, StorageError> {
        match self.0.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(index.blob(&id)?.unwrap_or_default())),
        }
    }

    pub(super) fn write(self, index: &Index, batch: &mut WriteBatch<'_>) {
        for (id, record) in self.0 {
            if record.is_empty() {
                batch.remove(&index.blobs, id.0);
            } else {
                batch.insert(&index.blobs, id.0, encode(&record));
            }
        }
    }
}

fn put_all<I, T: Serialize>(
    batch: &mut WriteBatch<'_>,
    table: &Keyspace,
    records: &[(I, Option<T>)],
    key: impl Fn(&I) -> [u8; 32],
) {
    for (id, record) in records {
        match record {
            Some(record) => batch.insert(table, key(id), encode(record)),
            None => batch.remove(table, key(id)),
        }
    }
}
