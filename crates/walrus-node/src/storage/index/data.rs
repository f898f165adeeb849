//! Metadata and slivers: which are stored, and where.

use std::{collections::BTreeSet, ops::Bound};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use stdx::SaturatingFrom as _;
use walrus_core::{BlobId, Epoch, ShardIndex, SliverType, hash::blake2b256};

use super::{
    Index, META_BUCKET_SLIVERS, META_SLIVER_COUNTS, WriteBatch, blob_id_of, decode, encode, get,
};
use crate::storage::{SliverKey, StorageError};

/// Something stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Metadata of a blob.
    Metadata(BlobId),
    /// A sliver.
    Sliver(SliverKey),
}

impl Item {
    /// The blob it belongs to.
    pub fn blob_id(&self) -> BlobId {
        match self {
            Self::Metadata(blob_id) => *blob_id,
            Self::Sliver(key) => key.blob_id,
        }
    }
}

/// Where a sliver is and what it must look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::storage) struct SliverEntry {
    pub(in crate::storage) location: Location,
    pub(in crate::storage) len: u64,
    pub(in crate::storage) checksum: [u8; 32],
}

impl SliverEntry {
    /// The bytes, if they are those that were stored.
    pub(in crate::storage) fn intact(&self, bytes: Option<Bytes>) -> Option<Bytes> {
        bytes.filter(|bytes| {
            u64::try_from(bytes.len()).is_ok_and(|len| len == self.len)
                && blake2b256(&[bytes]) == self.checksum
        })
    }
}

/// Where the bytes of a sliver are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::storage) enum Location {
    /// In the index.
    Inline,
    /// In its own file.
    File,
    /// In the object of the bucket with this number.
    Bucket(u64),
}

/// How many slivers the index knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SliverCounts {
    /// Slivers whose bytes are in the index.
    pub inline: u64,
    /// Slivers whose bytes are in files: so many files there have to be.
    pub files: u64,
    /// Slivers whose bytes are in the bucket.
    pub bucket: u64,
}

impl SliverCounts {
    pub(in crate::storage) fn add(&mut self, location: Location) {
        *self.of(location) += 1;
    }

    pub(in crate::storage) fn remove(&mut self, location: Location) {
        let count = self.of(location);
        // A count of an earlier version may have left out what it could not read.
        *count = count.saturating_sub(1);
    }

    fn of(&mut self, location: Location) -> &mut u64 {
        match location {
            Location::Inline => &mut self.inline,
            Location::File => &mut self.files,
            Location::Bucket(_) => &mut self.bucket,
        }
    }
}

/// Slivers of one shard and axis that are to be handed over.
#[derive(Debug, Clone)]
pub struct ShardRange {
    /// The shard.
    pub shard: ShardIndex,
    /// Primary or secondary.
    pub axis: SliverType,
    /// The first blob, in the order of the bytes of blob IDs.
    pub from: BlobId,
    /// Only blobs certified before this epoch, and still in it.
    pub certified_before: Epoch,
    /// Slivers at most.
    pub slivers_max: usize,
    /// Bytes at most, unless the first sliver is larger.
    pub bytes_max: u64,
}

impl Index {
    /// The stored slivers of a range in the order of their blob IDs, with their lengths.
    pub fn certified_slivers(
        &self,
        range: &ShardRange,
    ) -> Result<Vec<(SliverKey, u64)>, StorageError> {
        let key = |blob_id| SliverKey {
            shard: range.shard,
            axis: range.axis,
            blob_id,
        };
        let bounds = sliver_key(&key(range.from))..=sliver_key(&key(BlobId([0xff; 32])));
        let mut found = Vec::new();
        let mut bytes = 0_u64;
        for item in self.slivers.range(bounds) {
            if found.len() >= range.slivers_max {
                break;
            }
            let (key, value) = item.into_inner()?;
            let key = parse_sliver_key(&key)?;
            let certified = self.blob(&key.blob_id)?.is_some_and(|record| {
                record.is_certified(range.certified_before)
                    && record.initial_certified_epoch < Some(range.certified_before)
            });
            if !certified {
                continue;
            }
            let entry: SliverEntry = decode(&value, "sliver entry")?;
            bytes = bytes.saturating_add(entry.len);
            if bytes > range.bytes_max && !found.is_empty() {
                break;
            }
            found.push((key, entry.len));
        }
        Ok(found)
    }

    /// Whether metadata of the blob is stored.
    pub fn has_metadata(&self, id: &BlobId) -> Result<bool, StorageError> {
        let found = self.metadata.contains_key(id.0);
        let found = self.readable("metadata of a blob", found.map(Some))?;
        Ok(found.unwrap_or(false))
    }

    pub(in crate::storage) fn metadata(&self, id: &BlobId) -> Result<Option<Bytes>, StorageError> {
        let found = self.metadata.get(id.0);
        let found = self.readable("metadata of a blob", found)?;
        Ok(found.map(Bytes::from_owner))
    }

    pub(in crate::storage) fn put_metadata(
        &self,
        batch: &mut WriteBatch<'_>,
        id: &BlobId,
        bytes: &[u8],
    ) {
        batch.insert(&self.metadata, id.0, bytes);
    }

    /// Whether a sliver of this shard and axis is missing of one of the blobs, which are in
    /// ascending order.
    pub fn lacks_any(
        &self,
        shard: ShardIndex,
        axis: SliverType,
        blobs: &[BlobId],
    ) -> Result<bool, StorageError> {
        let (Some(first), Some(last)) = (blobs.first(), blobs.last()) else {
            return Ok(false);
        };
        let key = |blob_id: &BlobId| {
            sliver_key(&SliverKey {
                shard,
                axis,
                blob_id: *blob_id,
            })
        };
        let mut stored = self.slivers.range(key(first)..=key(last));
        let mut wanted = blobs.iter();
        let mut next = wanted.next();
        while let Some(blob_id) = next {
            // What cannot be read counts as missing.
            let Some(found) = stored.next().and_then(|item| item.key().ok()) else {
                return Ok(true);
            };
            let found = parse_sliver_key(&found)?.blob_id;
            if found > *blob_id {
                return Ok(true);
            }
            if found == *blob_id {
                next = wanted.next();
            }
        }
        Ok(false)
    }

    /// Whether the sliver is stored.
    pub fn has_sliver(&self, key: &SliverKey) -> Result<bool, StorageError> {
        let found = self.slivers.contains_key(sliver_key(key));
        let found = self.readable("the entry of a sliver", found.map(Some))?;
        Ok(found.unwrap_or(false))
    }

    pub(in crate::storage) fn sliver(
        &self,
        key: &SliverKey,
    ) -> Result<Option<SliverEntry>, StorageError> {
        let found = get(&self.slivers, sliver_key(key), "sliver entry");
        self.readable("the entry of a sliver", found)
    }

    pub(in crate::storage) fn inline_sliver(
        &self,
        key: &SliverKey,
    ) -> Result<Option<Bytes>, StorageError> {
        let found = self.sliver_data.get(sliver_key(key));
        let found = self.readable("a sliver", found)?;
        Ok(found.map(Bytes::from_owner))
    }

    pub(in crate::storage) fn put_sliver(
        &self,
        batch: &mut WriteBatch<'_>,
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
        batch: &mut WriteBatch<'_>,
        key: &SliverKey,
        entry: &SliverEntry,
    ) {
        batch.remove(&self.slivers, sliver_key(key));
        if entry.location == Location::Inline {
            batch.remove(&self.sliver_data, sliver_key(key));
        }
    }

    pub(in crate::storage) fn remove_metadata(&self, batch: &mut WriteBatch<'_>, id: &BlobId) {
        batch.remove(&self.metadata, id.0);
    }

    /// Number of slivers stored.
    pub fn sliver_count(&self) -> u64 {
        let counts = self.sliver_counts();
        counts.inline + counts.files + counts.bucket
    }

    /// Number of slivers stored, by place.
    pub fn sliver_counts(&self) -> SliverCounts {
        *self.counts.lock()
    }

    /// Writes counts with the batch that changes them; [`Self::set_counts`] follows when it is
    /// committed.
    pub(in crate::storage) fn put_counts(&self, batch: &mut WriteBatch<'_>, counts: SliverCounts) {
        let SliverCounts {
            inline,
            files,
            bucket,
        } = counts;
        batch.insert(&self.meta, META_SLIVER_COUNTS, encode(&(inline, files)));
        if bucket != self.sliver_counts().bucket {
            batch.insert(&self.meta, META_BUCKET_SLIVERS, encode(&bucket));
        }
    }

    pub(in crate::storage) fn set_counts(&self, counts: SliverCounts) {
        *self.counts.lock() = counts;
    }

    /// Reads the counts; storages of earlier versions have not counted yet.
    pub(super) fn load_counts(&self) -> Result<(), StorageError> {
        let stored = get(&self.meta, META_SLIVER_COUNTS, "sliver counts")?;
        let in_bucket = get(&self.meta, META_BUCKET_SLIVERS, "sliver counts")?;
        let counts = match stored {
            Some((inline, files)) => SliverCounts {
                inline,
                files,
                bucket: in_bucket.unwrap_or(0),
            },
            None => self.recount(),
        };
        self.set_counts(counts);
        Ok(())
    }

    /// Counts every entry that can be read.
    pub(super) fn recount(&self) -> SliverCounts {
        let mut counts = SliverCounts::default();
        for item in self.slivers.iter() {
            if let Ok((_, value)) = item.into_inner()
                && let Ok(entry) = decode::<SliverEntry>(&value, "sliver entry")
            {
                counts.add(entry.location);
            }
        }
        counts
    }

    /// Up to `limit` items after `after`: all metadata by blob ID, then all slivers by shard, axis
    /// and blob ID. What cannot be read is left out.
    pub(in crate::storage) fn items_after(&self, after: Option<Item>, limit: usize) -> Vec<Item> {
        let mut items = Vec::new();
        if !matches!(after, Some(Item::Sliver(_))) {
            let lower = match after {
                Some(Item::Metadata(id)) => Bound::Excluded(id.0),
                _ => Bound::Unbounded,
            };
            let range = self.metadata.range((lower, Bound::Unbounded));
            let keys = range.filter_map(|item| item.key().ok());
            items.extend(
                keys.take(limit)
                    .filter_map(|key| blob_id_of(&key).ok().map(Item::Metadata)),
            );
        }
        let lower = match after {
            Some(Item::Sliver(key)) => Bound::Excluded(sliver_key(&key)),
            _ => Bound::Unbounded,
        };
        let range = self.slivers.range((lower, Bound::Unbounded));
        let keys = range.filter_map(|item| item.key().ok());
        items.extend(
            keys.take(limit.saturating_sub(items.len()))
                .filter_map(|key| parse_sliver_key(&key).ok().map(Item::Sliver)),
        );
        items
    }

    /// Numbers of blob records and of metadata that can be read.
    pub(in crate::storage) fn count_blobs(&self) -> (u64, u64) {
        let count = |table: &super::Keyspace| {
            let readable = table.iter().filter_map(|item| item.key().ok()).count();
            u64::saturating_from(readable)
        };
        (count(&self.blobs), count(&self.metadata))
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

    /// Blob IDs above `after` for which metadata or a sliver of `shards` is stored, ascending; at
    /// most about `limit`.
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

pub(super) fn sliver_key(key: &SliverKey) -> [u8; 35] {
    let mut bytes = [0; 35];
    bytes[..3].copy_from_slice(&sliver_prefix(key.shard, key.axis));
    bytes[3..].copy_from_slice(&key.blob_id.0);
    bytes
}

pub(super) fn parse_sliver_key(bytes: &[u8]) -> Result<SliverKey, StorageError> {
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
