//! What the node does for its clients, without HTTP.

mod confirmation;
mod error;
mod metadata;
mod slivers;
mod upload;

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use walrus_core::{
    BlobId, NShards,
    node_api::{BlobStatus, HealthInfo},
};
use walrus_encoder::Encoder;

use crate::{metrics::Metrics, pending::PendingLimits, state::NodeState, storage::StorageError};

pub use confirmation::ConfirmationWait;
pub use error::ServiceError;
pub use upload::Uploaded;

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

/// The storage service: checks what clients send, and decides what they get. Everything it knows is in the
/// [`NodeState`].
pub struct Service {
    state: Arc<NodeState>,
    encoder: Encoder,
    /// Verifications at a time: they are pure computation.
    verifications: Semaphore,
    limits: ServiceLimits,
}

impl Service {
    /// A service over `state`.
    pub fn new(state: Arc<NodeState>, encoder: Encoder, limits: ServiceLimits) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self {
            state,
            encoder,
            verifications: Semaphore::new(cores),
            limits,
        })
    }

    /// What the service works on.
    pub fn state(&self) -> &Arc<NodeState> {
        &self.state
    }

    /// Number of shards of the network.
    pub fn n_shards(&self) -> NShards {
        self.state.n_shards()
    }

    /// Counters.
    pub fn metrics(&self) -> &Metrics {
        self.state.metrics()
    }

    /// `GET …/status`.
    pub async fn blob_status(&self, blob_id: BlobId) -> Result<BlobStatus, ServiceError> {
        Ok(self.state.blob_status(blob_id).await?)
    }

    /// `GET /v1/health`.
    pub fn health(&self, detailed: bool) -> HealthInfo {
        self.state.health(detailed)
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
