//! What is in the bucket, and what is still to be moved there or deleted.

use serde::{Deserialize, Serialize};

use super::{
    Index, Keyspace, Location, META_BUCKET, SliverEntry, WriteBatch,
    data::{parse_sliver_key, sliver_key},
    decode, encode, get,
};
use crate::storage::{SliverKey, StorageError};

/// Slivers written together at most when they are all to be uploaded.
const BATCH: usize = 1_000;

/// An object with a sliver. No two have the same number, so a name is used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) struct ObjectName {
    pub(in crate::storage) key: SliverKey,
    pub(in crate::storage) number: u64,
}

/// Which bucket a storage uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::storage) struct BucketRecord {
    /// Drawn by chance; the bucket says the same in an object.
    pub(in crate::storage) owner: [u8; 16],
    /// Where the bucket was when it was used last, for people.
    pub(in crate::storage) place: String,
    /// Whether the bucket says whose it is.
    pub(in crate::storage) is_claimed: bool,
    /// Whether there may be slivers in it that the index has lost.
    pub(in crate::storage) has_strays: bool,
}

/// A sliver that has to be uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::storage) struct Upload {
    /// Number of its object.
    pub(in crate::storage) number: u64,
    /// Its bytes.
    pub(in crate::storage) len: u64,
}

/// Slivers that have to be uploaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::storage) struct Waiting {
    pub(in crate::storage) slivers: u64,
    pub(in crate::storage) bytes: u64,
}

impl Waiting {
    pub(in crate::storage) fn add(&mut self, len: u64) {
        self.slivers += 1;
        self.bytes += len;
    }

    pub(in crate::storage) fn remove(&mut self, len: u64) {
        // What could not be read was not counted.
        self.slivers = self.slivers.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(len);
    }
}

impl Upload {
    /// A number for a sliver that is stored.
    pub(in crate::storage) fn new(len: u64) -> Self {
        let number = rand::RngCore::next_u64(&mut ambient::rng());
        Self { number, len }
    }
}

impl Index {
    /// The bucket this storage uses.
    pub(in crate::storage) fn bucket_record(&self) -> Result<Option<BucketRecord>, StorageError> {
        get(&self.meta, META_BUCKET, "record of the bucket")
    }

    /// Writes which bucket this storage uses, durably. Slivers that have files already are to be
    /// uploaded.
    pub(in crate::storage) fn set_bucket_record(
        &self,
        record: &BucketRecord,
    ) -> Result<(), StorageError> {
        if !record.is_claimed {
            self.journal_files()?;
        }
        let mut batch = self.durable_batch();
        batch.insert(&self.meta, META_BUCKET, encode(record));
        batch.commit()
    }

    /// Has slivers uploaded that have files.
    fn journal_files(&self) -> Result<(), StorageError> {
        let mut batch = WriteBatch::volatile(self);
        let mut waiting = self.waiting();
        let mut writes = 0;
        for item in self.slivers.iter() {
            let Ok((key, value)) = item.into_inner() else {
                continue;
            };
            let entry: SliverEntry = decode(&value, "sliver entry")?;
            let key = parse_sliver_key(&key)?;
            if entry.location != Location::File || self.upload(&key)?.is_some() {
                continue;
            }
            self.put_upload(&mut batch, &key, &Upload::new(entry.len));
            waiting.add(entry.len);
            writes += 1;
            if writes % BATCH == 0 {
                std::mem::replace(&mut batch, WriteBatch::volatile(self)).commit()?;
            }
        }
        batch.commit()?;
        self.set_waiting(waiting);
        Ok(())
    }

    /// Counts what has to be uploaded; at the start.
    pub(super) fn load_waiting(&self) {
        let mut waiting = Waiting::default();
        for (_, upload) in self.uploads(usize::MAX) {
            waiting.add(upload.len);
        }
        self.set_waiting(waiting);
    }

    /// What has to be uploaded.
    pub(in crate::storage) fn waiting(&self) -> Waiting {
        *self.waiting.lock()
    }

    pub(in crate::storage) fn set_waiting(&self, waiting: Waiting) {
        *self.waiting.lock() = waiting;
    }

    /// Slivers that have to be uploaded, at most `limit`. What cannot be read is left out.
    pub(in crate::storage) fn uploads(&self, limit: usize) -> Vec<(SliverKey, Upload)> {
        readable(&self.uploads, limit, |key, value| {
            Some((parse_sliver_key(key).ok()?, decode(value, "upload").ok()?))
        })
    }

    pub(in crate::storage) fn upload(
        &self,
        key: &SliverKey,
    ) -> Result<Option<Upload>, StorageError> {
        let found = get(&self.uploads, sliver_key(key), "upload");
        self.readable("an upload that is due", found)
    }

    pub(in crate::storage) fn put_upload(
        &self,
        batch: &mut WriteBatch<'_>,
        key: &SliverKey,
        upload: &Upload,
    ) {
        batch.insert(&self.uploads, sliver_key(key), encode(upload));
    }

    pub(in crate::storage) fn remove_upload(&self, batch: &mut WriteBatch<'_>, key: &SliverKey) {
        batch.remove(&self.uploads, sliver_key(key));
    }

    /// Objects that have to be deleted, at most `limit`. What cannot be read is left out: the scrub
    /// finds it.
    pub(in crate::storage) fn deletions(&self, limit: usize) -> Vec<ObjectName> {
        readable(&self.deletions, limit, |key, _| parse_object_key(key))
    }

    pub(in crate::storage) fn put_deletion(&self, batch: &mut WriteBatch<'_>, name: &ObjectName) {
        batch.insert(&self.deletions, object_key(name), Vec::new());
    }

    /// Notes that an object is deleted. A crash may take that back: it is deleted again then.
    pub(in crate::storage) fn remove_deletion(
        &self,
        name: &ObjectName,
    ) -> Result<(), StorageError> {
        self.written(self.deletions.remove(object_key(name)))
    }

    /// Has those of the objects deleted that the index does not know; returns how many.
    pub(in crate::storage) fn delete_unknown_objects(
        &self,
        names: &[ObjectName],
    ) -> Result<usize, StorageError> {
        let mut batch = self.durable_batch();
        let mut unknown = 0;
        for name in names {
            // In this order: an upload that ends meanwhile is seen in one of the two.
            let is_due = self
                .upload(&name.key)?
                .is_some_and(|upload| upload.number == name.number);
            let location = self.sliver(&name.key)?.map(|entry| entry.location);
            if !is_due && location != Some(Location::Bucket(name.number)) {
                self.put_deletion(&mut batch, name);
                unknown += 1;
            }
        }
        batch.commit()?;
        Ok(unknown)
    }

    /// Slivers of which the index says that they are in the bucket, at most `limit`.
    pub(in crate::storage) fn slivers_in_bucket(
        &self,
        limit: usize,
    ) -> Vec<(SliverKey, SliverEntry)> {
        let found = self.slivers.iter().filter_map(|item| {
            let (key, value) = item.into_inner().ok()?;
            let entry: SliverEntry = decode(&value, "sliver entry").ok()?;
            let key = parse_sliver_key(&key).ok()?;
            matches!(entry.location, Location::Bucket(_)).then_some((key, entry))
        });
        found.take(limit).collect()
    }

    /// Forgets which bucket this storage uses, and what is to be moved there or deleted.
    pub(in crate::storage) fn forget_bucket(&self) -> Result<(), StorageError> {
        for table in [&self.uploads, &self.deletions] {
            let mut batch = WriteBatch::volatile(self);
            for item in table.iter() {
                batch.remove(table, item.key()?);
            }
            batch.commit()?;
        }
        self.set_waiting(Waiting::default());
        let mut batch = self.durable_batch();
        batch.remove(&self.meta, META_BUCKET);
        batch.commit()
    }
}

fn readable<T>(
    table: &Keyspace,
    limit: usize,
    parse: impl Fn(&[u8], &[u8]) -> Option<T>,
) -> Vec<T> {
    let found = table.iter().filter_map(|item| {
        let (key, value) = item.into_inner().ok()?;
        parse(&key, &value)
    });
    found.take(limit).collect()
}

/// Key of a sliver and number of its object: 43 bytes.
fn object_key(name: &ObjectName) -> Vec<u8> {
    [&sliver_key(&name.key)[..], &name.number.to_be_bytes()].concat()
}

fn parse_object_key(bytes: &[u8]) -> Option<ObjectName> {
    let (key, number) = bytes.split_last_chunk::<8>()?;
    Some(ObjectName {
        key: parse_sliver_key(key).ok()?,
        number: u64::from_be_bytes(*number),
    })
}
