//! What uploads have in common: their outcome and the way buffered data becomes durable.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use walrus_core::BlobId;

use super::{Service, ServiceError};
use crate::storage::SliverKey;

/// Writes of one blob handed to the storage at a time when flushing.
const FLUSH_CONCURRENCY: usize = 64;

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploaded {
    /// Durable now.
    Stored,
    /// Accepted before the registration was seen.
    Buffered,
    /// Was there before.
    AlreadyStored,
}

impl Service {
    /// Moves buffered data of a blob to the storage, if the blob is registered. Otherwise does nothing.
    pub(super) async fn flush_pending(&self, blob_id: BlobId) -> Result<(), ServiceError> {
        let (metadata, slivers) = self.pending.contents(&blob_id);
        if (metadata.is_none() && slivers.is_empty()) || !self.is_registered(blob_id).await? {
            return Ok(());
        }
        if let Some(entry) = metadata {
            self.storage
                .store_metadata(blob_id, entry.bytes.clone())
                .await?;
            self.metadata_cache.insert(entry);
        }
        let n_shards = self.n_shards();
        let view = self.epochs.view();
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
                        self.storage.store_sliver(key, bytes).await?;
                    }
                    Ok::<_, ServiceError>(())
                }
            })
            .buffer_unordered(FLUSH_CONCURRENCY)
            .try_collect::<()>()
            .await?;
        self.pending.remove(&blob_id, &slivers);
        Ok(())
    }
}
