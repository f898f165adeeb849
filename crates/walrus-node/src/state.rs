//! What a running node knows and keeps: one owner, and verbs for everything that changes it.
//!
//! Requests ([`crate::service`]), chain events ([`crate::events`]) and the work on shards
//! ([`crate::shard_work`]) share one [`NodeState`]. What they read together they get as one
//! consistent [`EpochView`]; what they change they change through the methods here, which keep
//! memory and disk in step.

mod blobs;
mod complete;
mod epochs;
mod event_blobs;
mod events;
mod health;
mod metadata_cache;

use std::sync::Arc;

use tokio::{
    sync::{Mutex, Notify},
    time::Instant,
};
use walrus_core::{
    BlobId, Epoch, NShards,
    keys::{ProtocolKeyPair, ProtocolPublicKey},
    node_api::BlobStatus,
};

use crate::{
    bookkeeping::BlobRecord,
    epoch::{EpochView, Epochs},
    keys::KeyRing,
    metrics::Metrics,
    pending::{PendingCache, PendingLimits},
    progress::Progress,
    registrations::Registrations,
    storage::{Storage, StorageError},
};

pub use complete::incomplete_shards;
use metadata_cache::MetadataCache;

/// What a [`NodeState`] is made of.
pub struct NodeParts {
    /// The disk.
    pub storage: Storage,
    /// Number of shards of the network.
    pub n_shards: NShards,
    /// Keys the committee may know the node by.
    pub keys: KeyRing,
    /// Where the node stood when it stopped.
    pub view: EpochView,
    /// Counters.
    pub metrics: Metrics,
    /// Bounds of the cache for data of unregistered blobs.
    pub pending: PendingLimits,
    /// Requests that wait for a registration at a time.
    pub registration_waiters_max: usize,
}

/// The state of a node.
pub struct NodeState {
    storage: Storage,
    epochs: Epochs,
    keys: KeyRing,
    pending: PendingCache,
    registrations: Registrations,
    metadata: MetadataCache,
    progress: Progress,
    metrics: Metrics,
    /// Held from reading the view of the epoch to replacing it.
    epoch_changes: Mutex<()>,
    /// Told when an attestation may have become due.
    attestation: Notify,
    /// Told when an event moved the epoch on.
    epoch_move: Notify,
    /// Told when there may be something to do for the writer of event blobs.
    event_blob_news: Notify,
    /// The event blob whose data stays although it is not registered yet.
    kept_event_blob: stdx::Mutex<Option<BlobId>>,
    started: Instant,
}

impl NodeState {
    /// The state of a node that starts now.
    pub fn new(parts: NodeParts) -> Arc<Self> {
        Arc::new(Self {
            storage: parts.storage,
            epochs: Epochs::new(parts.n_shards, parts.view),
            keys: parts.keys,
            pending: PendingCache::new(parts.pending),
            registrations: Registrations::new(parts.registration_waiters_max),
            metadata: MetadataCache::default(),
            progress: Progress::default(),
            metrics: parts.metrics,
            epoch_changes: Mutex::default(),
            attestation: Notify::new(),
            epoch_move: Notify::new(),
            event_blob_news: Notify::new(),
            kept_event_blob: stdx::Mutex::default(),
            started: Instant::now(),
        })
    }

    /// Number of shards of the network.
    pub fn n_shards(&self) -> NShards {
        self.epochs.n_shards()
    }

    /// Committee and shards, as of one moment.
    pub fn view(&self) -> Arc<EpochView> {
        self.epochs.view()
    }

    /// The epoch this node works in; 0 before the first.
    pub fn epoch(&self) -> Epoch {
        self.view().epoch()
    }

    /// Counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The disk, for those who read and write slivers in bulk.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The key to sign messages of the epoch of `view` with: the one the committee knows this node
    /// by. `None` if this node does not have that key; nobody would accept what it signs with
    /// another.
    pub fn signing_key(&self, view: &EpochView) -> Option<&ProtocolKeyPair> {
        self.keys.signer(view)
    }

    /// The public key this node shows: that of [`Self::signing_key`], else the configured one.
    pub fn public_key(&self) -> ProtocolPublicKey {
        self.signing_key(&self.view())
            .unwrap_or_else(|| self.keys.configured())
            .public()
    }

    /// The keys the committee may know the node by.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// What the chain said about a blob.
    pub async fn record(&self, blob_id: BlobId) -> Result<Option<BlobRecord>, StorageError> {
        self.storage
            .with_index(move |index| index.blob(&blob_id))
            .await
    }

    /// Whether somebody has paid for the blob in the present epoch.
    pub async fn is_registered(&self, blob_id: BlobId) -> Result<bool, StorageError> {
        let epoch = self.epoch();
        let record = self.record(blob_id).await?;
        Ok(record.is_some_and(|record| record.is_registered(epoch)))
    }

    /// The status of a blob in the present epoch.
    pub async fn blob_status(&self, blob_id: BlobId) -> Result<BlobStatus, StorageError> {
        let epoch = self.epoch();
        let record = self.record(blob_id).await?;
        Ok(record.map_or(BlobStatus::Nonexistent, |record| record.status(epoch)))
    }
}
