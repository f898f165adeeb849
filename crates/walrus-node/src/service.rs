//! What the node does for its clients, without HTTP.

mod columns;
mod confirmation;
mod error;
mod expansions;
mod metadata;
mod proof;
mod shards;
mod slivers;
mod symbols;
mod upload;

use std::{sync::Arc, time::Duration};

use stdx::Mutex;
use tokio::sync::{Semaphore, mpsc};
use walrus_core::{
    BlobId, NShards,
    node_api::{BlobStatus, HealthInfo},
};
use walrus_encoder::Encoder;

use crate::{
    blocklist::Blocklist,
    metrics::Metrics,
    pending::PendingLimits,
    state::NodeState,
    storage::{SliverKey, StorageError},
};

pub use confirmation::ConfirmationWait;
pub use error::ServiceError;
pub use expansions::{EXPANSION_BYTES_MAX, EXPANSIONS_MAX};
pub use shards::{SYNC_BYTES_MAX, SYNC_SLIVERS_MAX, SYNC_STREAMS_MAX, ShardPart};
pub(crate) use symbols::Source;
use symbols::SymbolServer;
pub use symbols::{SYMBOL_BYTES_MAX, SYMBOL_REQUESTS_MAX};
pub use upload::Uploaded;

/// Reports of damaged slivers that wait for whoever mends them.
const DAMAGED_REPORTS_MAX: usize = 1_024;

/// Bounds of the service.
#[derive(Debug, Clone)]
pub struct ServiceLimits {
    /// Longest time a metadata upload waits for the node to see the registration. Keeps clients
    /// that race the chain from losing this node.
    pub registration_wait_max: Duration,
    /// Requests that wait for a registration at a time; more are answered at once.
    pub registration_waiters_max: usize,
    /// Longest time a confirmation request may wait for the registration; zero turns waiting off.
    pub confirmation_wait_max: Duration,
    /// Bounds of the cache for data of unregistered blobs.
    pub pending: PendingLimits,
    /// Requests for symbols being answered at a time; more are refused at once.
    pub symbol_requests_max: usize,
    /// Blobs that readers are refused.
    pub blocked: Blocklist,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            registration_wait_max: Duration::from_secs(2),
            registration_waiters_max: 1_024,
            confirmation_wait_max: Duration::ZERO,
            pending: PendingLimits::default(),
            symbol_requests_max: SYMBOL_REQUESTS_MAX,
            blocked: Blocklist::default(),
        }
    }
}

/// The storage service: checks what clients send, and decides what they get. Everything it knows is
/// in the [`NodeState`].
pub struct Service {
    state: Arc<NodeState>,
    symbols: SymbolServer,
    /// Parts of shards being sent.
    sync_streams: Arc<Semaphore>,
    /// Where blobs with damaged slivers are reported.
    damaged: mpsc::Sender<BlobId>,
    /// Taken by whoever mends them.
    damaged_reports: Mutex<Option<mpsc::Receiver<BlobId>>>,
    encoder: Encoder,
    /// Verifications at a time: they are pure computation.
    verifications: Semaphore,
    limits: ServiceLimits,
}

impl Service {
    /// A service over `state`.
    pub fn new(state: Arc<NodeState>, encoder: Encoder, limits: ServiceLimits) -> Arc<Self> {
        let (damaged, damaged_reports) = mpsc::channel(DAMAGED_REPORTS_MAX);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self {
            state,
            symbols: SymbolServer::new(limits.symbol_requests_max),
            sync_streams: Arc::new(Semaphore::new(SYNC_STREAMS_MAX)),
            damaged,
            damaged_reports: Mutex::new(Some(damaged_reports)),
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

    /// Whether readers get what is stored of a blob: somebody pays for it, and the operator does
    /// not block it. `missing` is the refusal for a blob nobody pays for.
    pub(crate) async fn check_readable(
        &self,
        blob_id: BlobId,
        missing: ServiceError,
    ) -> Result<(), ServiceError> {
        if !self.state.is_registered(blob_id).await? {
            return Err(missing);
        }
        if self.limits.blocked.contains(&blob_id) {
            return Err(ServiceError::Blocked);
        }
        Ok(())
    }

    /// Brings the metrics that are sampled, not counted, up to date.
    pub fn sample_metrics(&self) {
        self.state.sample_metrics();
        self.symbols.sample(self.metrics());
        let streams = SYNC_STREAMS_MAX.saturating_sub(self.sync_streams.available_permits());
        self.metrics()
            .set_queue("sync_streams", streams, SYNC_STREAMS_MAX);
    }

    /// Counts a sliver that was found damaged and forgotten, and has it mended.
    pub(crate) fn sliver_damaged(&self, key: SliverKey) {
        self.metrics().damaged_slivers.inc();
        // What does not fit is found by the next search for slivers that are missing.
        let _ = self.damaged.try_send(key.blob_id);
    }

    /// Takes note of metadata that was found damaged and is forgotten.
    pub(crate) fn metadata_damaged(&self, blob_id: BlobId) {
        self.metrics().damaged_metadata.inc();
        let _ = self.damaged.try_send(blob_id);
    }

    /// Blobs of which slivers were found damaged. Can be taken once.
    pub(crate) fn take_damaged_reports(&self) -> Option<mpsc::Receiver<BlobId>> {
        self.damaged_reports.lock().take()
    }

    /// Runs a verification on a thread that may block, a few at a time.
    pub(crate) async fn verify<T: Send + 'static>(
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
