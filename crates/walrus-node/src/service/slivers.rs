//! Reading and storing slivers.

use bytes::Bytes;
use walrus_core::{
    BlobId, ShardIndex, SliverPairIndex, SliverType, node_api::StoredStatus, sliver::SliverView,
};
use walrus_http::budget::Holder;

use super::{Service, ServiceError, Uploaded};
use crate::{
    epoch::EpochView,
    pending::MetadataEntry,
    storage::{CommitOutcome, SliverKey, SliverRead},
};

/// Where the metadata of an uploaded sliver was found.
enum MetadataPlace {
    Stored,
    Buffered(MetadataEntry),
}

impl Service {
    /// `GET …/slivers/{pair}/{type}`: BCS of the sliver, as it was stored. The memory it takes is
    /// `holder`'s.
    pub async fn sliver(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        axis: SliverType,
        holder: Holder,
    ) -> Result<Bytes, ServiceError> {
        let key = self.readable_key(blob_id, pair, axis)?;
        self.check_readable(blob_id, ServiceError::SliverNotFound)
            .await?;
        match self.state.storage().read_sliver_for(key, holder).await? {
            SliverRead::Found(bytes) => Ok(bytes),
            SliverRead::Missing => Err(ServiceError::SliverNotFound),
            SliverRead::Damaged => {
                self.sliver_damaged(key);
                Err(ServiceError::SliverNotFound)
            }
        }
    }

    /// `GET …/slivers/{pair}/{type}/status`.
    pub async fn sliver_status(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        axis: SliverType,
    ) -> Result<StoredStatus, ServiceError> {
        let key = self.readable_key(blob_id, pair, axis)?;
        if self.state.has_sliver(key).await? {
            return Ok(StoredStatus::Stored);
        }
        if self.state.has_buffered_sliver(&blob_id, (pair, axis)) {
            return Ok(StoredStatus::Buffered);
        }
        Ok(StoredStatus::Nonexistent)
    }

    /// What an upload of a sliver leads to whatever its body says: a refusal, or nothing to do.
    /// `None` when it has to be looked at. Cheap, and asked before the body costs anything.
    pub async fn sliver_upload_outcome(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        axis: SliverType,
        pending: bool,
    ) -> Result<Option<Uploaded>, ServiceError> {
        self.check_pair(pair)?;
        self.find_metadata(blob_id, pending).await?;
        let key = self.writable_key(blob_id, pair, axis)?;
        let there = self.holds_sliver(key, pair).await?;
        Ok(there.then_some(Uploaded::AlreadyStored))
    }

    /// `PUT …/slivers/{pair}/{type}`: `body` is BCS of the sliver. Stored means durable. What has
    /// to be buffered takes of the room of `holder`.
    pub async fn store_sliver(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        axis: SliverType,
        body: Bytes,
        pending: bool,
        holder: Holder,
    ) -> Result<Uploaded, ServiceError> {
        self.check_pair(pair)?;
        self.check_sliver_index(pair, axis, &body)?;
        let place = self.find_metadata(blob_id, pending).await?;
        let key = self.writable_key(blob_id, pair, axis)?;
        if self.holds_sliver(key, pair).await? {
            return Ok(Uploaded::AlreadyStored);
        }
        let (entry, buffer) = match place {
            MetadataPlace::Stored => {
                let entry = self.load_metadata(blob_id).await?;
                (entry.ok_or(ServiceError::MetadataRequired)?, false)
            }
            MetadataPlace::Buffered(entry) => (entry, true),
        };
        let bytes = body.clone();
        self.verify(move |encoder| {
            let sliver = view(&bytes)?;
            encoder.verify_sliver_view(axis, sliver, &entry.verified)?;
            Ok::<_, ServiceError>(())
        })
        .await??;
        if buffer {
            self.state
                .buffer_sliver(blob_id, (pair, axis), body, holder)?;
            // The registration may have been processed since we looked.
            self.state.flush_pending(blob_id).await?;
            return Ok(Uploaded::Buffered);
        }
        Ok(match self.state.store_sliver(key, body).await? {
            CommitOutcome::AlreadyStored => Uploaded::AlreadyStored,
            _ if pending => Uploaded::Buffered,
            _ => Uploaded::Stored,
        })
    }

    fn check_pair(&self, pair: SliverPairIndex) -> Result<(), ServiceError> {
        let n_shards = self.n_shards().get();
        if pair.0 >= n_shards {
            return Err(ServiceError::IndexOutOfRange {
                pair: pair.0,
                n_shards,
            });
        }
        Ok(())
    }

    /// The key of a sliver, if its shard takes uploads here.
    fn writable_key(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        axis: SliverType,
    ) -> Result<SliverKey, ServiceError> {
        self.key_where(blob_id, pair, axis, EpochView::accepts_writes)
    }

    /// The key of a sliver, if its shard has storage here.
    fn readable_key(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        axis: SliverType,
    ) -> Result<SliverKey, ServiceError> {
        self.key_where(blob_id, pair, axis, |view, shard| {
            view.shards.contains_key(&shard)
        })
    }

    fn key_where(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        axis: SliverType,
        is_here: impl FnOnce(&EpochView, ShardIndex) -> bool,
    ) -> Result<SliverKey, ServiceError> {
        self.check_pair(pair)?;
        let view = self.state.view();
        let shard = pair.to_shard(&blob_id, self.n_shards());
        if !is_here(&view, shard) {
            return Err(ServiceError::ShardNotAssigned {
                shard,
                epoch: view.epoch(),
            });
        }
        Ok(SliverKey {
            shard,
            axis,
            blob_id,
        })
    }

    /// Whether a sliver is stored or buffered.
    async fn holds_sliver(
        &self,
        key: SliverKey,
        pair: SliverPairIndex,
    ) -> Result<bool, ServiceError> {
        let place = (pair, key.axis);
        let state = &self.state;
        Ok(state.has_sliver(key).await? || state.has_buffered_sliver(&key.blob_id, place))
    }

    /// Checks that `body` is a sliver of the right index; its content is not looked at.
    fn check_sliver_index(
        &self,
        pair: SliverPairIndex,
        axis: SliverType,
        body: &[u8],
    ) -> Result<(), ServiceError> {
        let expected = pair.sliver_index(axis, self.n_shards());
        let found = view(body)?.index;
        if found != expected {
            return Err(ServiceError::SliverIndexMismatch {
                found: found.0,
                expected: expected.0,
            });
        }
        Ok(())
    }

    /// Finds the metadata an uploaded sliver needs. Never "not registered" once the metadata was
    /// accepted.
    async fn find_metadata(
        &self,
        blob_id: BlobId,
        pending: bool,
    ) -> Result<MetadataPlace, ServiceError> {
        if self.state.has_metadata(blob_id).await? {
            return Ok(MetadataPlace::Stored);
        }
        if let Some(entry) = self.state.buffered_metadata(&blob_id) {
            return Ok(MetadataPlace::Buffered(entry));
        }
        // Between the two questions the metadata may have moved from the cache to the storage.
        if self.state.has_metadata(blob_id).await? {
            return Ok(MetadataPlace::Stored);
        }
        if pending || self.state.is_registered(blob_id).await? {
            return Err(ServiceError::MetadataRequired);
        }
        Err(ServiceError::NotRegistered)
    }
}

/// The sliver that is in these bytes, where it is.
fn view(body: &[u8]) -> Result<SliverView<'_>, ServiceError> {
    bcs::from_bytes(body).map_err(|error| ServiceError::UndecodableSliver(error.to_string()))
}
