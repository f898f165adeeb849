//! What the node does for its clients, without HTTP.

mod confirmation;
mod error;
mod health;
mod metadata;
mod metadata_cache;
mod slivers;
mod upload;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use walrus_core::{
    BlobId, Epoch, NShards,
    keys::{ProtocolKeyPair, ProtocolPublicKey},
    node_api::BlobStatus,
};
use walrus_encoder::Encoder;

use crate::{
    bookkeeping::BlobRecord,
    epoch::{EpochView, Epochs},
    metrics::Metrics,
    pending::{PendingCache, PendingLimits},
    progress::Progress,
    registrations::Registrations,
    storage::{Storage, StorageError},
};

pub use confirmation::ConfirmationWait;
pub use error::ServiceError;
pub use upload::Uploaded;

use metadata_cache::MetadataCache;

/// Bounds of the service.
#[derive(Debug, Clone)]
pub struct ServiceLimits {
    /// Longest time a metadata upload waits for the node to see the registration. Keeps clients that race the chain from
    /// losing this node.
    pub registration_wait_max: Duration,
    /// Requests that wait for a registration at a time; more are answered at once.
    pub registration_waiters_max: usize,
    /// Longest time a confirmation request may wait for the registration; zero turns waiting off.
    pub confirmation_wait_max: Duration,
    /// Bounds of the cache for data of unregistered blobs.
    pub pending: PendingLimits,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            registration_wait_max: Duration::from_secs(2),
            registration_waiters_max: 1_024,
            confirmation_wait_max: Duration::ZERO,
            pending: PendingLimits::default(),
        }
    }
}

/// The storage service.
pub struct Service {
    pub(crate) storage: Storage,
    pub(crate) epochs: Epochs,
    pub(crate) pending: PendingCache,
    pub(crate) registrations: Registrations,
    pub(crate) metrics: Metrics,
    pub(crate) progress: Progress,
    encoder: Encoder,
    protocol_key: ProtocolKeyPair,
    metadata_cache: MetadataCache,
    /// Verifications at a time: they are pure computation.
    verifications: Semaphore,
    limits: ServiceLimits,
    started: Instant,
}

impl Service {
    /// A service over `storage`, with the committee and shards of `view`.
    pub fn new(
        storage: Storage,
        encoder: Encoder,
        protocol_key: ProtocolKeyPair,
        view: EpochView,
        metrics: Metrics,
        limits: ServiceLimits,
    ) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self {
            epochs: Epochs::new(encoder.n_shards(), view),
            pending: PendingCache::new(limits.pending.clone()),
            registrations: Registrations::new(limits.registration_waiters_max),
            metadata_cache: MetadataCache::default(),
            verifications: Semaphore::new(cores),
            progress: Progress::default(),
            started: Instant::now(),
            storage,
            metrics,
            encoder,
            protocol_key,
            limits,
        })
    }

    /// Number of shards of the network.
    pub fn n_shards(&self) -> NShards {
        self.epochs.n_shards()
    }

    /// The key the committee knows this node by.
    pub fn public_key(&self) -> ProtocolPublicKey {
        self.protocol_key.public()
    }

    /// `GET …/status`.
    pub async fn blob_status(&self, blob_id: BlobId) -> Result<BlobStatus, ServiceError> {
        let epoch = self.epochs.view().epoch();
        let record = self.record(blob_id).await?;
        Ok(record.map_or(BlobStatus::Nonexistent, |record| record.status(epoch)))
    }

    /// Flushes what is buffered for a blob whose registration was just seen, and wakes those who wait for it.
    pub async fn registration_seen(&self, blob_id: BlobId) -> Result<(), ServiceError> {
        self.registrations.announce(&blob_id);
        self.flush_pending(blob_id).await
    }

    /// Deletes the data of a blob that is not registered in `epoch`. Returns the number of items removed.
    pub async fn delete_unregistered(
        &self,
        blob_id: BlobId,
        epoch: Epoch,
    ) -> Result<usize, StorageError> {
        use crate::storage::Outcome;
        let outcome = self.storage.delete_unregistered(blob_id, epoch).await?;
        let Outcome::Removed(count) = outcome else {
            return Ok(0);
        };
        if count > 0 {
            self.metadata_cache.remove(&blob_id);
        }
        Ok(count)
    }

    pub(crate) async fn record(&self, blob_id: BlobId) -> Result<Option<BlobRecord>, StorageError> {
        self.storage
            .with_index(move |index| index.blob(&blob_id))
            .await
    }

    async fn is_registered(&self, blob_id: BlobId) -> Result<bool, StorageError> {
        let epoch = self.epochs.view().epoch();
        let record = self.record(blob_id).await?;
        Ok(record.is_some_and(|record| record.is_registered(epoch)))
    }

    /// Runs a verification on a thread that may block, a few at a time.
    async fn verify<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Encoder) -> T + Send + 'static,
    ) -> Result<T, StorageError> {
        let _permit = self
            .verifications
            .acquire()
            .await
            .map_err(|_| StorageError::Closed)?;
        let encoder = self.encoder.clone();
        crate::storage::run_blocking(move || work(&encoder)).await
    }
}
