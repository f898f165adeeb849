//! Metadata and slivers: buffered, stored, deleted.

use tokio::time::Instant;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use walrus_core::{BlobId, Epoch, SliverPairIndex, SliverType};
use walrus_http::budget::Holder;

use super::NodeState;
use crate::{
    pending::{MetadataEntry, Saturated},
    registrations::Waiter,
    storage::{CommitOutcome, SliverKey, StorageError},
};

/// Writes of one blob handed to the storage at a time when flushing.
const FLUSH_CONCURRENCY: usize = 64;

impl NodeState {
    /// Whether metadata is durable.
    pub async fn has_metadata(&self, blob_id: BlobId) -> Result<bool, StorageError> {
        self.storage
            .with_index(move |index| index.has_metadata(&blob_id))
            .await
    }

    /// Whether a sliver is durable.
    pub async fn has_sliver(&self, key: SliverKey) -> Result<bool, StorageError> {
        self.storage
            .with_index(move |index| index.has_sliver(&key))
            .await
    }

    /// Makes verified metadata durable.
    pub async fn store_metadata(
        &self,
        entry: MetadataEntry,
    ) -> Result<CommitOutcome, StorageError> {
        let blob_id = *entry.verified.blob_id();
        let outcome = self
            .storage
            .store_metadata(blob_id, entry.bytes.clone())
            .await?;
        self.metadata.insert(entry);
        Ok(outcome)
    }

    /// Makes a verified sliver durable.
    pub async fn store_sliver(
        &self,
        key: SliverKey,
        bytes: Bytes,
    ) -> Result<CommitOutcome, StorageError> {
        self.storage.store_sliver(key, bytes).await
    }

    /// Metadata that was verified a short while ago.
    pub(crate) fn cached_metadata(&self, blob_id: &BlobId) -> Option<MetadataEntry> {
        self.metadata.get(blob_id)
    }

    /// Remembers that stored metadata was verified.
    pub(crate) fn cache_metadata(&self, entry: MetadataEntry) {
        self.metadata.insert(entry);
    }

    /// Buffered metadata of an unregistered blob.
    pub(crate) fn buffered_metadata(&self, blob_id: &BlobId) -> Option<MetadataEntry> {
        self.pending.metadata(blob_id, Instant::now())
    }

    /// Whether a sliver is buffered.
    pub(crate) fn has_buffered_sliver(
        &self,
        blob_id: &BlobId,
        sliver: (SliverPairIndex, SliverType),
    ) -> bool {
        self.pending.has_sliver(blob_id, sliver, Instant::now())
    }

    /// Whether anything of a blob is buffered.
    pub(crate) fn buffers(&self, blob_id: &BlobId) -> bool {
        self.pending.holds(blob_id, Instant::now())
    }

    /// Whether metadata of one more blob can be buffered for `holder`.
    pub(crate) fn can_buffer_metadata(&self, holder: Holder) -> bool {
        self.pending.has_room_for_metadata(holder, Instant::now())
    }

    /// Buffers verified metadata until the registration is seen.
    pub(crate) fn buffer_metadata(
        &self,
        entry: MetadataEntry,
        holder: Holder,
    ) -> Result<(), Saturated> {
        self.pending.insert_metadata(entry, holder, Instant::now())
    }

    /// Buffers a verified sliver until the registration is seen.
    pub(crate) fn buffer_sliver(
        &self,
        blob_id: BlobId,
        sliver: (SliverPairIndex, SliverType),
        bytes: Bytes,
        holder: Holder,
    ) -> Result<(), Saturated> {
        self.pending
            .insert_sliver(blob_id, sliver, bytes, holder, Instant::now())
    }

    /// Drops what was buffered for too long.
    pub(crate) fn expire_buffers(&self) {
        self.pending.expire(Instant::now());
    }

    /// A place among those who wait for a registration; `None` when too many wait.
    pub(crate) fn registration_waiter(&self, blob_id: BlobId) -> Option<Waiter> {
        self.registrations.waiter(blob_id)
    }

    /// Wakes those who wait for the registration of a blob.
    pub(crate) fn announce_registration(&self, blob_id: &BlobId) {
        self.registrations.announce(blob_id);
    }

    /// Moves buffered data of a blob to the storage, if the blob is registered. Otherwise does
    /// nothing.
    pub async fn flush_pending(&self, blob_id: BlobId) -> Result<(), StorageError> {
        let (metadata, slivers) = self.pending.contents(&blob_id);
        if (metadata.is_none() && slivers.is_empty()) || !self.is_registered(blob_id).await? {
            return Ok(());
        }
        if let Some(entry) = metadata {
            self.store_metadata(entry).await?;
        }
        let n_shards = self.n_shards();
        let view = self.view();
        stream::iter(slivers.iter().cloned())
            .map(|((pair, axis), bytes)| {
                let shard = pair.to_shard(&blob_id, n_shards);
                let writable = view.accepts_writes(shard);
                async move {
                    if writable {
                        let key = SliverKey {
                            shard,
                            axis,
                            blob_id,
                        };
                        self.store_sliver(key, bytes).await?;
                    }
                    Ok::<_, StorageError>(())
                }
            })
            .buffer_unordered(FLUSH_CONCURRENCY)
            .try_collect::<()>()
            .await?;
        self.pending.remove(&blob_id, &slivers);
        Ok(())
    }

    /// Deletes the data of a blob that is not registered in `epoch`. Returns the number of items
    /// removed.
    pub async fn delete_unregistered(
        &self,
        blob_id: BlobId,
        epoch: Epoch,
    ) -> Result<usize, StorageError> {
        if self.keeps_event_blob(&blob_id) {
            return Ok(0);
        }
        let outcome = self.storage.delete_unregistered(blob_id, epoch).await?;
        let CommitOutcome::Removed(count) = outcome else {
            return Ok(0);
        };
        if count > 0 {
            self.metadata.remove(&blob_id);
        }
        Ok(count)
    }
}
