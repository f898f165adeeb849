//! Metadata and slivers: which are stored, and where.

use std::{collections::BTreeSet, ops::Bound, sync::atomic::Ordering};

use bytes::Bytes;
use fjall::OwnedWriteBatch as WriteBatch;
use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, ShardIndex, SliverType};

use super::{Index, blob_id_of, decode, encode, get};
use crate::storage::{SliverKey, StorageError};

/// Where a sliver is and what it must look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::storage) struct SliverEntry {
    pub(in crate::storage) location: Location,
    pub(in crate::storage) len: u64,
    pub(in crate::storage) checksum: [u8; 32],
}

/// Where the bytes of a sliver are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::storage) enum Location {
    /// In the index.
    Inline,
    /// In its own file.
    File,
}

impl Index {
    /// Whether metadata of the blob is stored.
    pub fn has_metadata(&self, id: &BlobId) -> Result<bool, StorageError> {
        Ok(self.metadata.contains_key(id.0)?)
    }

    pub(in crate::storage) fn metadata(&self, id: &BlobId) -> Result<Option<Bytes>, StorageError> {
        Ok(self.metadata.get(id.0)?.map(Bytes::from_owner))
    }

    pub(in crate::storage) fn put_metadata(
        &self,
        batch: &mut WriteBatch,
        id: &BlobId,
        bytes: &[u8],
    ) {
        batch.insert(&self.metadata, id.0, bytes);
    }

    /// Whether the sliver is stored.
    pub fn has_sliver(&self, key: &SliverKey) -> Result<bool, StorageError> {
        Ok(self.slivers.contains_key(sliver_key(key))?)
    }

    pub(in crate::storage) fn sliver(
        &self,
        key: &SliverKey,
    ) -> Result<Option<SliverEntry>, StorageError> {
        get(&self.slivers, sliver_key(key), "sliver entry")
    }

    pub(in crate::storage) fn inline_sliver(
        &self,
        key: &SliverKey,
    ) -> Result<Option<Bytes>, StorageError> {
        Ok(self
            .sliver_data
            .get(sliver_key(key))?
            .map(Bytes::from_owner))
    }

    pub(in crate::storage) fn put_sliver(
        &self,
        batch: &mut WriteBatch,
        key: &SliverKey,
        entry: &SliverEntry,
        inline: Option<&[u8]>,
    ) {
        batch.insert(&self.slivers, sliver_key(key), encode(entry));
        if let Some(bytes) = inline {
            batch.insert(&self.sliver_data, sliver_key(key), bytes);
        }
    }

    pub(in crate::storage) fn remove_sliver(
        &self,
        batch: &mut WriteBatch,
        key: &SliverKey,
        entry: &SliverEntry,
    ) {
        batch.remove(&self.slivers, sliver_key(key));
        if entry.location == Location::Inline {
            batch.remove(&self.sliver_data, sliver_key(key));
        }
    }

    pub(in crate::storage) fn remove_metadata(&self, batch: &mut WriteBatch, id: &BlobId) {
        batch.remove(&self.metadata, id.0);
    }

    pub(in crate::storage) fn count_slivers(&self, added: u64, removed: u64) {
        self.sliver_count.fetch_add(added, Ordering::Relaxed);
        self.sliver_count.fetch_sub(removed, Ordering::Relaxed);
    }

    /// Number of slivers stored.
    pub fn sliver_count(&self) -> u64 {
        self.sliver_count.load(Ordering::Relaxed)
    }

    /// Up to `limit` slivers of a shard, in order of axis and blob ID.
    pub(in crate::storage) fn slivers_of_shard(
        &self,
        shard: ShardIndex,
        limit: usize,
    ) -> Result<Vec<(SliverKey, SliverEntry)>, StorageError> {
        self.slivers
            .prefix(shard.0.to_be_bytes())
            .take(limit)
            .map(|item| {
                let (key, value) = item.into_inner()?;
                Ok((parse_sliver_key(&key)?, decode(&value, "sliver entry")?))
            })
            .collect()
    }

    /// Blob IDs above `after` for which metadata or a sliver of `shards` is stored, ascending; at most about `limit`.
    pub fn stored_blobs(
        &self,
        after: Option<BlobId>,
        shards: &[ShardIndex],
        limit: usize,
    ) -> Result<Vec<BlobId>, StorageError> {
        let lower = |prefix: &[u8]| match after {
            Some(id) => Bound::Excluded([prefix, &id.0].concat()),
            None => Bound::Included(prefix.to_vec()),
        };
        let mut found = BTreeSet::new();
        for item in self
            .metadata
            .range((lower(&[]), Bound::Unbounded))
            .take(limit)
        {
            found.insert(blob_id_of(&item.key()?)?);
        }
        for shard in shards {
            for axis in [SliverType::Primary, SliverType::Secondary] {
                let prefix = sliver_prefix(*shard, axis);
                let upper = [prefix.as_slice(), &[0xff; 32]].concat();
                let range = (lower(&prefix), Bound::Included(upper));
                for item in self.slivers.range(range).take(limit) {
                    found.insert(parse_sliver_key(&item.key()?)?.blob_id);
                }
            }
        }
        // Beyond the smallest `limit` some tables may not have been read far enough.
        Ok(found.into_iter().take(limit).collect())
    }
}

const fn axis_byte(axis: SliverType) -> u8 {
    match axis {
        SliverType::Primary => 0,
        SliverType::Secondary => 1,
    }
}

fn sliver_prefix(shard: ShardIndex, axis: SliverType) -> [u8; 3] {
    let [high, low] = shard.0.to_be_bytes();
    [high, low, axis_byte(axis)]
}

fn sliver_key(key: &SliverKey) -> [u8; 35] {
    let mut bytes = [0; 35];
    bytes[..3].copy_from_slice(&sliver_prefix(key.shard, key.axis));
    bytes[3..].copy_from_slice(&key.blob_id.0);
    bytes
}

fn parse_sliver_key(bytes: &[u8]) -> Result<SliverKey, StorageError> {
    let corrupt = StorageError::Corrupt("sliver key");
    let [high, low, axis, blob_id @ ..] = bytes else {
        return Err(corrupt);
    };
    let axis = match axis {
        0 => SliverType::Primary,
        1 => SliverType::Secondary,
        _ => return Err(corrupt),
    };
    let shard = ShardIndex(u16::from_be_bytes([*high, *low]));
    Ok(SliverKey {
        shard,
        axis,
        blob_id: blob_id_of(blob_id)?,
    })
}
