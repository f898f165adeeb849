//! Copying a shard from the node that held it.

use std::{sync::Arc, time::Duration};

use ambient::pauses::Backoff;
use bytes::Bytes;
use futures::{StreamExt as _, stream::FuturesUnordered};
use stdx::SaturatingFrom as _;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};
use walrus_client::node::{NodeError, SyncStream, SyncedSliver};
use walrus_core::{
    BlobId, Epoch, ObjectId, ShardIndex, SliverType, messages::SyncShardRequest,
    node_api::ErrorReason, params, sliver::SliverView,
};

use crate::{
    epoch::EpochView,
    peer::Peer,
    recovery::{HealError, Healer},
    storage::{SliverKey, StorageError},
};

/// Slivers asked for at a time.
const SLIVERS_PER_REQUEST: u64 = 1_000;

/// Slivers of one shard verified and written at a time.
const WRITES_MAX: usize = 64;

/// Attempts to get the next part of a shard before it is left for recovery for a while.
const ATTEMPTS_MAX: usize = 5;

/// Pauses between these attempts: long enough for the source to see an epoch begin.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Longest time in which a source sends nothing.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Bytes a second that a source has to send at least.
const RATE_BYTES_MIN: u64 = 256 * 1024;

/// What came of copying.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Copied {
    /// Slivers that are here now.
    pub(super) slivers: usize,
    /// Slivers that were not what they should be.
    pub(super) bad: usize,
    /// Whether the source has given all it has.
    pub(super) is_all: bool,
}

/// Why no more of a shard can be copied now.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("the epoch is over")]
    OutOfDate,
    #[error("the source sends slivers out of order")]
    Disorder,
    #[error("the source sends too slowly")]
    TooSlow,
}

impl CopyError {
    /// Whether the source may give the shard a little later: it does not answer, or has not seen
    /// the epoch begin.
    fn is_passing(&self) -> bool {
        match self {
            Self::Node(error) => {
                let unaware = matches!(
                    error.reason(),
                    Some(ErrorReason::InvalidEpoch | ErrorReason::RequestUnauthorized)
                );
                // Recovery goes on while a silent node is left alone.
                let is_silent = matches!(error, NodeError::Timeout(_));
                unaware || (error.is_retriable() && !is_silent)
            }
            _ => false,
        }
    }
}

/// Copies what this node lacks of a shard from `source`, both axes, in the order of blob IDs.
///
/// Progress is what is stored: a copy that is interrupted, even by a crash, goes on at the first
/// sliver that is missing.
pub(super) async fn copy_shard(
    healer: &Healer,
    shard: ShardIndex,
    source: ObjectId,
    epoch: Epoch,
) -> Copied {
    let view = healer.service.state().view();
    let mut copy = ShardCopy {
        healer,
        shard,
        epoch,
        copied: Copied::default(),
    };
    let Some(peer) = healer.peers.find(&view, source) else {
        return copy.copied;
    };
    // After a failure a node is left alone for a while; recovery goes on meanwhile.
    if !peer.is_available(Instant::now()) {
        return copy.copied;
    }
    for axis in [SliverType::Primary, SliverType::Secondary] {
        if let Err(error) = copy.axis(&peer, axis).await {
            debug!(shard = shard.0, %axis, node = %source, %error, "cannot copy more of the shard now");
            return copy.copied;
        }
    }
    copy.copied.is_all = true;
    copy.copied
}

struct ShardCopy<'a> {
    healer: &'a Healer,
    shard: ShardIndex,
    epoch: Epoch,
    copied: Copied,
}

impl ShardCopy<'_> {
    /// Copies the slivers of one axis, part by part.
    async fn axis(&mut self, peer: &Arc<Peer>, axis: SliverType) -> Result<(), CopyError> {
        let mut after = None;
        let mut attempts = 0;
        let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX);
        loop {
            let (shard, epoch) = (self.shard, self.epoch);
            let start = self
                .healer
                .service
                .state()
                .storage()
                .with_index(move |index| index.first_unsynced(after, shard, axis, epoch))
                .await?;
            let Some(start) = start else { return Ok(()) };
            match self.part(peer, axis, start).await {
                // The source has nothing from here on.
                Ok(None) => return Ok(()),
                Ok(last) => {
                    after = last;
                    attempts = 0;
                    backoff.reset();
                }
                Err(error) if error.is_passing() && attempts + 1 < ATTEMPTS_MAX => {
                    attempts += 1;
                    sleep(backoff.next_pause()).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Copies what one answer holds. Returns the last blob in it.
    async fn part(
        &mut self,
        peer: &Arc<Peer>,
        axis: SliverType,
        start: BlobId,
    ) -> Result<Option<BlobId>, CopyError> {
        let view = self.healer.service.state().view();
        let mut stream = self.request(&view, peer, axis, start).await?;
        let mut writes = FuturesUnordered::new();
        let mut last = None;
        let mut counts = Copied::default();
        let mut pace = Pace {
            waited: Duration::ZERO,
            bytes: params::max_sliver_size(self.healer.service.n_shards()),
        };
        let ended = loop {
            if writes.len() >= WRITES_MAX
                && let Some(kept) = writes.next().await
            {
                counts.add(kept);
            }
            match pace.wait_for(stream.next()).await {
                Some(Ok(Some(sliver))) => {
                    pace.got(sliver.bytes.len());
                    let id = sliver.blob_id;
                    if id < start || last.is_some_and(|last| id <= last) {
                        peer.misbehaved("slivers of a shard out of order");
                        break Err(CopyError::Disorder);
                    }
                    last = Some(id);
                    writes.push(self.keep(&view, axis, sliver));
                }
                Some(Ok(None)) => break Ok(()),
                Some(Err(error)) => break Err(error.into()),
                None => {
                    peer.tarries();
                    break Err(CopyError::TooSlow);
                }
            }
        };
        while let Some(kept) = writes.next().await {
            counts.add(kept);
        }
        drop(writes);
        self.copied.slivers += counts.slivers;
        self.copied.bad += counts.bad;
        if counts.bad > 0 {
            peer.misbehaved("slivers of a shard that are not those of their blobs");
        }
        // What arrived before the answer broke off is stored; the next attempt starts behind it.
        ended.map(|()| last)
    }

    async fn request(
        &self,
        view: &EpochView,
        peer: &Arc<Peer>,
        axis: SliverType,
        start: BlobId,
    ) -> Result<SyncStream, CopyError> {
        let state = self.healer.service.state();
        if view.epoch() != self.epoch {
            return Err(CopyError::OutOfDate);
        }
        let Some(key) = state.signing_key(view) else {
            return Err(CopyError::OutOfDate);
        };
        let request = SyncShardRequest::V1 {
            shard_index: self.shard,
            sliver_type: axis,
            starting_blob_id: start,
            sliver_count: SLIVERS_PER_REQUEST,
            epoch: self.epoch,
        };
        let signed = key.sign_message(self.epoch, request);
        let caller = key.public();
        let sliver_bytes_max = params::max_sliver_size(state.n_shards());
        let sliver_bytes_max = usize::saturating_from(sliver_bytes_max);
        let signed = &signed;
        let stream = peer
            .ask(|client| async move {
                let opened = client.sync_shard(&caller, signed, sliver_bytes_max);
                timeout(SILENCE_MAX, opened)
                    .await
                    .unwrap_or(Err(NodeError::Timeout(SILENCE_MAX)))
            })
            .await?;
        Ok(stream)
    }

    /// Stores a sliver if it is missing and what it should be. `None` if it is not wanted, else
    /// whether it was good.
    async fn keep(&self, view: &EpochView, axis: SliverType, sliver: SyncedSliver) -> Option<bool> {
        let SyncedSliver { blob_id, bytes } = sliver;
        let key = SliverKey {
            shard: self.shard,
            axis,
            blob_id,
        };
        match self.try_keep(view, key, bytes).await {
            Ok(kept) => kept,
            Err(error) => {
                // It is found missing later, and recovered.
                warn!(%blob_id, shard = key.shard.0, %axis, %error, "cannot keep a copied sliver");
                None
            }
        }
    }

    async fn try_keep(
        &self,
        view: &EpochView,
        key: SliverKey,
        bytes: Bytes,
    ) -> Result<Option<bool>, HealError> {
        let service = &self.healer.service;
        let state = service.state();
        let epoch = self.epoch;
        let wanted = state
            .storage()
            .with_index(move |index| {
                let record = index.blob(&key.blob_id)?;
                let certified = record.is_some_and(|record| record.is_certified(epoch));
                Ok(certified && !index.has_sliver(&key)?)
            })
            .await?;
        if !wanted {
            return Ok(None);
        }
        let _memory = self.healer.memory().reserve(bytes.len()).await;
        let metadata = self
            .healer
            .fetch_metadata(view, key.blob_id)
            .await?
            .verified;
        let copy = bytes.clone();
        let is_good = service
            .verify(move |encoder| {
                let Ok(sliver) = bcs::from_bytes::<SliverView<'_>>(&copy) else {
                    return false;
                };
                let pair = key.shard.to_pair(&key.blob_id, encoder.n_shards());
                let expected = pair.sliver_index(key.axis, encoder.n_shards());
                let verified = encoder.verify_sliver_view(key.axis, sliver, &metadata);
                sliver.index == expected && verified.is_ok()
            })
            .await?;
        if is_good {
            state.store_sliver(key, bytes).await?;
            state.metrics().copied_slivers.inc();
        }
        Ok(Some(is_good))
    }
}

/// How fast a source sends. Only the time it was waited for counts.
#[derive(Debug)]
struct Pace {
    waited: Duration,
    /// Bytes for which there is time: those that have come, and those of the next sliver.
    bytes: u64,
}

impl Pace {
    /// What comes in time; `None` when the source is too slow.
    async fn wait_for<F: Future>(&mut self, next: F) -> Option<F::Output> {
        let allowed = SILENCE_MAX + Duration::from_secs(self.bytes / RATE_BYTES_MIN);
        let started = Instant::now();
        let next = timeout(allowed.saturating_sub(self.waited), next).await;
        self.waited += started.elapsed();
        next.ok()
    }

    fn got(&mut self, bytes: usize) {
        let bytes = u64::saturating_from(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Copied {
    fn add(&mut self, kept: Option<bool>) {
        match kept {
            Some(true) => self.slivers += 1,
            Some(false) => self.bad += 1,
            None => {}
        }
    }
}
