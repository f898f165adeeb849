//! Blob records: what the chain said about blobs, objects and storage pools.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::atomic::Ordering,
};

use serde::Serialize;
use walrus_core::{BlobId, Epoch, ObjectId, hash::blake2b256};

use super::{Cursor, Index, Keyspace, Recording, WriteBatch, blob_id_of, decode, encode, get};
use crate::{
    bookkeeping::{
        BlobRecord, Changes, EXPIRY_BATCH, ObjectRecord, PoolRecord, PooledRecord, RecordView,
        expire_object, expire_pooled_object,
    },
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
        self.write_changes(&mut batch, &changes);
        let is_longer = self.commit_recorded(batch, cursor, recording)?;
        self.record_changes.fetch_add(1, Ordering::SeqCst);
        Ok(is_longer)
    }

    fn write_changes(&self, batch: &mut WriteBatch<'_>, changes: &Changes) {
        put_all(batch, &self.blobs, &changes.blobs, |id| id.0);
        put_all(batch, &self.objects, &changes.objects, |id| id.0);
        put_all(batch, &self.pooled_objects, &changes.pooled_objects, |id| {
            id.0
        });
        put_all(batch, &self.pools, &changes.pools, |id| id.0);
    }

    /// Takes objects and pools that ended by `epoch` out of the records; returns how many objects
    /// there were.
    ///
    /// May be interrupted and repeated: every batch leaves consistent records.
    pub fn expire_records(&self, epoch: Epoch) -> Result<usize, StorageError> {
        let mut total = 0;
        loop {
            let expired = self.expire_batch(epoch)? + self.expire_pooled_batch(epoch)?;
            if expired == 0 {
                break;
            }
            total += expired;
        }
        let mut batch = WriteBatch::volatile(self);
        for item in self.pools.iter() {
            let (key, value) = item.into_inner()?;
            let pool: PoolRecord = decode(&value, "pool record")?;
            if pool.end_epoch <= epoch {
                batch.remove(&self.pools, key);
            }
        }
        batch.commit()?;
        Ok(total)
    }

    fn expire_batch(&self, epoch: Epoch) -> Result<usize, StorageError> {
        let mut expired = Vec::new();
        for item in self.objects.iter() {
            let (key, value) = item.into_inner()?;
            let object: ObjectRecord = decode(&value, "object record")?;
            if object.end_epoch <= epoch {
                expired.push((key, object));
                if expired.len() == EXPIRY_BATCH {
                    break;
                }
            }
        }
        let _records = self.records.lock();
        let mut blobs = PendingBlobs::default();
        let mut batch = WriteBatch::volatile(self);
        for (key, object) in &expired {
            let blob = blobs.load(self, object.blob_id)?;
            if expire_object(blob, object, epoch) {
                batch.remove(&self.objects, key.clone());
            }
        }
        blobs.write(self, &mut batch);
        batch.commit()?;
        Ok(expired.len())
    }

    fn expire_pooled_batch(&self, epoch: Epoch) -> Result<usize, StorageError> {
        let _records = self.records.lock();
        let mut blobs = PendingBlobs::default();
        let mut batch = WriteBatch::volatile(self);
        let mut expired = 0;
        for item in self.pooled_objects.iter() {
            let (key, value) = item.into_inner()?;
            let object: PooledRecord = decode(&value, "pooled object record")?;
            let pool = self.pool(&object.pool_id)?;
            if pool.as_ref().is_some_and(|pool| pool.end_epoch > epoch) {
                continue;
            }
            let blob = blobs.load(self, object.blob_id)?;
            if expire_pooled_object(blob, &object, pool.as_ref(), epoch) {
                batch.remove(&self.pooled_objects, key);
                expired += 1;
                if expired == EXPIRY_BATCH {
                    break;
                }
            }
        }
        blobs.write(self, &mut batch);
        batch.commit()?;
        Ok(expired)
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

impl Index {
    /// A digest of all blob records. Nodes that have processed the same events have the same.
    pub fn records_digest(&self) -> Result<[u8; 32], StorageError> {
        let mut digest = [0; 32];
        for item in self.blobs.iter() {
            let (key, value) = item.into_inner()?;
            digest = blake2b256(&[&digest, &key, &value]);
        }
        Ok(digest)
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
struct PendingBlobs(BTreeMap<BlobId, BlobRecord>);

impl PendingBlobs {
    fn load(&mut self, index: &Index, id: BlobId) -> Result<&mut BlobRecord, StorageError> {
        match self.0.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(index.blob(&id)?.unwrap_or_default())),
        }
    }

    fn write(self, index: &Index, batch: &mut WriteBatch<'_>) {
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
