//! Which certified blobs lack something.

use std::ops::Bound;

use walrus_core::{BlobId, Epoch, ShardIndex, SliverType};

use super::{Index, blob_id_of, decode};
use crate::{
    bookkeeping::BlobRecord,
    storage::{SliverKey, StorageError},
};

/// A look at a part of the blobs, in the order of their IDs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What was looked for.
    pub blobs: Vec<BlobId>,
    /// Where to go on; `None` at the end.
    pub next_after: Option<BlobId>,
}

impl Index {
    /// Certified blobs above `after` of which the metadata or a sliver of `shards` is missing, at
    /// most `limit`. None without shards.
    pub fn incomplete_blobs(
        &self,
        after: Option<BlobId>,
        shards: &[ShardIndex],
        epoch: Epoch,
        limit: usize,
    ) -> Result<Found, StorageError> {
        if shards.is_empty() {
            let blobs = Vec::new();
            return Ok(Found {
                blobs,
                next_after: None,
            });
        }
        self.find_certified(after, epoch, limit, |blob_id, _| {
            if !self.has_metadata(&blob_id)? {
                return Ok(true);
            }
            for shard in shards {
                for axis in [SliverType::Primary, SliverType::Secondary] {
                    if self.lacks(*shard, axis, blob_id)? {
                        return Ok(true);
                    }
                }
            }
            Ok(false)
        })
    }

    /// Certified blobs above `after` without metadata, at most `limit`.
    pub fn blobs_without_metadata(
        &self,
        after: Option<BlobId>,
        epoch: Epoch,
        limit: usize,
    ) -> Result<Found, StorageError> {
        self.find_certified(after, epoch, limit, |blob_id, _| {
            Ok(!self.has_metadata(&blob_id)?)
        })
    }

    /// The first blob above `after` that was certified before `epoch`, still is, and lacks its
    /// sliver of this shard and axis.
    pub fn first_unsynced(
        &self,
        after: Option<BlobId>,
        shard: ShardIndex,
        axis: SliverType,
        epoch: Epoch,
    ) -> Result<Option<BlobId>, StorageError> {
        let found = self.find_certified(after, epoch, 1, |blob_id, record| {
            Ok(record.initial_certified_epoch < Some(epoch) && self.lacks(shard, axis, blob_id)?)
        })?;
        Ok(found.blobs.first().copied())
    }

    fn lacks(
        &self,
        shard: ShardIndex,
        axis: SliverType,
        blob_id: BlobId,
    ) -> Result<bool, StorageError> {
        let has = self.has_sliver(&SliverKey {
            shard,
            axis,
            blob_id,
        })?;
        Ok(!has)
    }

    fn find_certified(
        &self,
        after: Option<BlobId>,
        epoch: Epoch,
        limit: usize,
        wanted: impl Fn(BlobId, &BlobRecord) -> Result<bool, StorageError>,
    ) -> Result<Found, StorageError> {
        let lower = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.0));
        let mut blobs = Vec::new();
        for item in self.blobs.range((lower, Bound::<[u8; 32]>::Unbounded)) {
            let (key, value) = item.into_inner()?;
            let blob_id = blob_id_of(&key)?;
            let record: BlobRecord = decode(&value, "blob record")?;
            if record.is_certified(epoch) && wanted(blob_id, &record)? {
                blobs.push(blob_id);
                if blobs.len() >= limit {
                    let next_after = Some(blob_id);
                    return Ok(Found { blobs, next_after });
                }
            }
        }
        Ok(Found {
            blobs,
            next_after: None,
        })
    }
}
