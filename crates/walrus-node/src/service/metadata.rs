//! Reading and storing metadata.

use bytes::Bytes;
use tokio::time::timeout;
use walrus_core::{BlobId, BlobMetadata, BlobMetadataWithId, node_api::StoredStatus};
use walrus_http::budget::Holder;

use super::{Service, ServiceError, Uploaded};
use crate::{bookkeeping::BlobRecord, pending::MetadataEntry, storage::CommitOutcome};

/// BCS of metadata version 1 with the encoding type nobody serves any more.
const UNSUPPORTED_ENCODING_PREFIX: &[u8] = &[0, 0];

impl Service {
    /// `GET …/metadata`: the wire form, verified.
    pub async fn metadata(&self, blob_id: BlobId) -> Result<Bytes, ServiceError> {
        self.check_readable(blob_id, ServiceError::MetadataNotFound)
            .await?;
        let entry = self.load_metadata(blob_id).await?;
        entry
            .map(|entry| entry.bytes)
            .ok_or(ServiceError::MetadataNotFound)
    }

    /// `GET …/metadata/status`.
    pub async fn metadata_status(&self, blob_id: BlobId) -> Result<StoredStatus, ServiceError> {
        Ok(if self.state.has_metadata(blob_id).await? {
            StoredStatus::Stored
        } else {
            StoredStatus::Nonexistent
        })
    }

    /// What an upload of metadata leads to whatever its body says: a refusal, or nothing to do.
    /// `None` when it has to be looked at. Cheap, and asked before the body costs anything.
    pub async fn metadata_upload_outcome(
        &self,
        blob_id: BlobId,
        pending: bool,
        holder: Holder,
    ) -> Result<Option<Uploaded>, ServiceError> {
        let (record, stored) = self
            .state
            .storage()
            .with_index(move |index| Ok((index.blob(&blob_id)?, index.has_metadata(&blob_id)?)))
            .await?;
        if record.as_ref().is_some_and(BlobRecord::is_invalid) {
            return Err(ServiceError::InvalidBlob);
        }
        if stored {
            return Ok(Some(Uploaded::AlreadyStored));
        }
        if self.state.buffered_metadata(&blob_id).is_some() {
            self.state.flush_pending(blob_id).await?;
            return Ok(Some(Uploaded::AlreadyStored));
        }
        let epoch = self.state.epoch();
        let registered = record.is_some_and(|record| record.is_registered(epoch));
        if pending && !registered && !self.state.can_buffer_metadata(holder) {
            return Err(ServiceError::CacheSaturated);
        }
        Ok(None)
    }

    /// `PUT …/metadata`: `body` is BCS metadata without blob ID. What has to be buffered takes of
    /// the room of `holder`.
    pub async fn store_metadata(
        &self,
        blob_id: BlobId,
        body: Bytes,
        pending: bool,
        holder: Holder,
    ) -> Result<Uploaded, ServiceError> {
        let outcome = self.metadata_upload_outcome(blob_id, pending, holder);
        if let Some(uploaded) = outcome.await? {
            return Ok(uploaded);
        }
        let entry = self.verify_metadata(blob_id, body).await?;
        let registered = self.state.is_registered(blob_id).await?;
        if registered || (!pending && self.wait_for_registration(blob_id).await?) {
            return self.persist_metadata(entry, pending).await;
        }
        if !pending {
            return Err(ServiceError::NotRegistered);
        }
        self.state.buffer_metadata(entry, holder)?;
        // The registration may have been processed since we looked.
        self.state.flush_pending(blob_id).await?;
        Ok(Uploaded::Buffered)
    }

    async fn persist_metadata(
        &self,
        entry: MetadataEntry,
        pending: bool,
    ) -> Result<Uploaded, ServiceError> {
        Ok(match self.state.store_metadata(entry).await? {
            CommitOutcome::AlreadyStored => Uploaded::AlreadyStored,
            _ if pending => Uploaded::Buffered,
            _ => Uploaded::Stored,
        })
    }

    /// Decodes metadata and checks that the blob ID follows from it.
    async fn verify_metadata(
        &self,
        blob_id: BlobId,
        body: Bytes,
    ) -> Result<MetadataEntry, ServiceError> {
        if body.starts_with(UNSUPPORTED_ENCODING_PREFIX) {
            return Err(ServiceError::UnsupportedEncodingType);
        }
        let n_shards = self.n_shards();
        self.verify(move |_| {
            let metadata: BlobMetadata = bcs::from_bytes(&body)
                .map_err(|error| ServiceError::UndecodableMetadata(error.to_string()))?;
            let verified = BlobMetadataWithId { blob_id, metadata }.verify(n_shards)?;
            // The wire form is the blob ID followed by what was sent.
            let bytes = Bytes::from([&blob_id.0, body.as_ref()].concat());
            Ok(MetadataEntry { verified, bytes })
        })
        .await?
    }

    /// Stored metadata, verified (again, after a restart). Metadata that fails is forgotten, so
    /// that it can be stored again.
    pub(crate) async fn load_metadata(
        &self,
        blob_id: BlobId,
    ) -> Result<Option<MetadataEntry>, ServiceError> {
        if let Some(entry) = self.state.cached_metadata(&blob_id) {
            return Ok(Some(entry));
        }
        let Some(bytes) = self.state.storage().read_metadata(blob_id).await? else {
            if self.state.has_metadata(blob_id).await? {
                self.forget_metadata(blob_id, None).await?;
            }
            return Ok(None);
        };
        let n_shards = self.n_shards();
        let found = bytes.clone();
        let loaded = self
            .verify(move |_| {
                let wire: BlobMetadataWithId = bcs::from_bytes(&bytes).ok()?;
                if wire.blob_id != blob_id {
                    return None;
                }
                let verified = wire.verify(n_shards).ok()?;
                Some(MetadataEntry { verified, bytes })
            })
            .await?;
        match &loaded {
            Some(entry) => self.state.cache_metadata(entry.clone()),
            None => self.forget_metadata(blob_id, Some(found)).await?,
        }
        Ok(loaded)
    }

    /// Takes note of damaged metadata.
    async fn forget_metadata(
        &self,
        blob_id: BlobId,
        found: Option<Bytes>,
    ) -> Result<(), ServiceError> {
        tracing::error!(%blob_id, "stored metadata is damaged; it is treated as missing");
        let storage = self.state.storage();
        let forgotten = storage.forget_damaged_metadata(blob_id, found).await?;
        if forgotten != CommitOutcome::Removed(0) {
            self.metadata_damaged(blob_id);
        }
        Ok(())
    }

    /// Waits a moment for the registration of a blob, and tells whether it came.
    async fn wait_for_registration(&self, blob_id: BlobId) -> Result<bool, ServiceError> {
        let Some(waiter) = self.state.registration_waiter(blob_id) else {
            return Ok(false);
        };
        let announced = waiter.announced();
        if self.state.is_registered(blob_id).await? {
            return Ok(true);
        }
        // Whether it timed out or not, the record decides.
        let _ = timeout(self.limits.registration_wait_max, announced).await;
        Ok(self.state.is_registered(blob_id).await?)
    }
}
