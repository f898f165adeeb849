//! Event blobs: publishing the events of the contracts in Walrus itself.
//!
//! Every node writes the elements of the event stream down ([`crate::event_log`]) and cuts them
//! into the same files. This is what becomes of a file: its ID is worked out once the one before is
//! certified, the node stores its own slivers and attests that on chain, and the attestation that
//! completes a quorum registers and certifies the blob. Then its elements are forgotten, and the
//! next file follows. Everything here can be interrupted and repeated: what was attested is asked
//! from the chain, and everything else follows from the log.

mod step;

use std::{sync::Arc, time::Duration};

use ambient::pauses::Backoff;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use walrus_contracts::event_blob::{CutRule, EventBlob, EventBlobError};
use walrus_core::{BlobId, SliverPair, VerifiedMetadata};
use walrus_encoder::EncodeError;

use self::step::{Step, next_step};
use crate::{
    chain::{CertifiedEventBlob, ChainError, ChainView, EventBlobAttestation, EventBlobsOnChain},
    event_log::{Anchor, Section},
    pending::MetadataEntry,
    recovery::{HealError, Healer},
    state::NodeState,
    storage::{SliverKey, StorageError},
};

/// How often the writer looks whether others have certified what it waits for, and whether they
/// have something else.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// How often it looks when it waits for nothing.
const IDLE_LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// Pause after a failure, doubling.
const RETRY_DELAY_MIN: Duration = Duration::from_secs(1);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(60);

/// Why an event blob could not be written now.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The blob cannot be encoded.
    #[error("the event blob cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// A certified event blob cannot be read.
    #[error("the certified event blob {0} cannot be read: {1}")]
    Read(BlobId, HealError),
    /// A certified blob is none of events.
    #[error("the certified blob {0} is no event blob: {1}")]
    Format(BlobId, EventBlobError),
    /// A certified event blob ends elsewhere than the chain says.
    #[error(
        "the certified event blob {0} ends with checkpoint {1}, which is not what the chain says"
    )]
    OtherEnd(BlobId, u64),
}

/// What is left to do after a step.
#[derive(PartialEq, Eq)]
enum Next {
    Again,
    Wait,
}

/// An event blob, encoded for this node.
struct Prepared {
    metadata: MetadataEntry,
    pairs: Vec<SliverPair>,
}

/// Brings event blobs to their certificates, until stopped.
pub(crate) struct EventBlobWriter {
    state: Arc<NodeState>,
    healer: Arc<Healer>,
    chain: Arc<dyn ChainView>,
    rule: CutRule,
}

impl EventBlobWriter {
    /// A writer for files that end by `rule`.
    pub(crate) fn new(healer: Arc<Healer>, chain: Arc<dyn ChainView>, rule: CutRule) -> Self {
        Self {
            state: healer.service.state().clone(),
            healer,
            chain,
            rule,
        }
    }

    /// Works until stopped.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut pauses = Backoff::new(RETRY_DELAY_MIN, RETRY_DELAY_MAX);
        loop {
            let pause = match self.step().await {
                Ok(next) => {
                    pauses.reset();
                    match next {
                        Next::Again => Duration::ZERO,
                        Next::Wait if self.is_idle() => IDLE_LOOK_INTERVAL,
                        Next::Wait => LOOK_INTERVAL,
                    }
                }
                Err(error) => {
                    self.report(&error);
                    pauses.next_pause()
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.state.event_blob_news() => {}
                () = sleep(pause) => {}
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.state.storage().index().event_log().oldest().is_none()
    }

    fn report(&self, error: &WriteError) {
        if let WriteError::Chain(error @ ChainError::Unavailable(_)) = error {
            self.state.chain_failed(error);
        } else {
            warn!(%error, "cannot bring an event blob on its way; trying again");
        }
    }

    /// Takes one step.
    async fn step(&self) -> Result<Next, WriteError> {
        let log = self.state.storage().index().event_log();
        // Most of the time there is nothing the chain could say.
        if log.oldest().is_none()
            && log
                .anchor()
                .is_some_and(|anchor| anchor.last_checkpoint.is_none())
        {
            return Ok(Next::Wait);
        }
        let chain = self.chain.event_blobs().await?;
        match next_step(&log, &chain) {
            Step::Wait => Ok(Next::Wait),
            Step::Attest(section) => match log.anchor() {
                Some(anchor) => self.attest(anchor, section, &chain).await,
                None => Ok(Next::Wait),
            },
            Step::Compare(section) => match (log.anchor(), chain.latest) {
                (Some(anchor), Some(latest)) => {
                    self.compare(anchor, section, latest, chain.checkpoint)
                        .await
                }
                _ => Ok(Next::Wait),
            },
            Step::BeginAfter(latest) => self.begin_after(latest).await,
        }
    }

    /// Stores this node's part of the event blob of a section, and attests that.
    async fn attest(
        &self,
        anchor: &Anchor,
        section: Section,
        chain: &EventBlobsOnChain,
    ) -> Result<Next, WriteError> {
        if !self.chain.can_attest() || self.state.epoch() != chain.epoch {
            return Ok(Next::Wait);
        }
        let prepared = self.prepare(anchor, section).await?;
        let metadata = prepared.metadata.verified.clone();
        let blob_id = *metadata.blob_id();
        self.state.keep_event_blob(Some(blob_id));
        self.store(prepared).await?;
        let last_checkpoint = section.last_checkpoint;
        let attestation = EventBlobAttestation::new(&metadata, last_checkpoint, chain.epoch);
        match self.chain.certify_event_blob(attestation).await {
            Ok(()) => {
                self.state.metrics().event_blobs_attested.inc();
                info!(%blob_id, last_checkpoint, epoch = chain.epoch, "attested an event blob");
                // It may have been the attestation that completes the quorum.
                Ok(Next::Again)
            }
            Err(ChainError::NothingToDo(reason)) => {
                debug!(%blob_id, last_checkpoint, reason, "the event blob cannot be attested now");
                Ok(Next::Wait)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Finds out whether a section is a certified event blob, and goes on with the next if it is.
    async fn compare(
        &self,
        anchor: &Anchor,
        section: Section,
        latest: CertifiedEventBlob,
        seen_at: u64,
    ) -> Result<Next, WriteError> {
        let prepared = self.prepare(anchor, section).await?;
        let blob_id = *prepared.metadata.verified.blob_id();
        let is_latest =
            blob_id == latest.blob_id && section.last_checkpoint == latest.last_checkpoint;
        let epoch = self.state.epoch();
        let record = self.state.record(blob_id).await?;
        if is_latest || record.is_some_and(|record| record.is_certified(epoch)) {
            // Shards may have moved since it was attested.
            self.store(prepared).await?;
            let state = self.state.clone();
            self.index(move |index| index.certify_oldest_section(blob_id))
                .await?;
            state.keep_event_blob(None);
            info!(%blob_id, last_checkpoint = section.last_checkpoint, "an event blob is certified");
            return Ok(Next::Again);
        }
        let processed = self.state.processed_checkpoint();
        if processed < Some(seen_at) {
            return Ok(Next::Wait);
        }
        error!(
            own = %blob_id,
            last_checkpoint = section.last_checkpoint,
            certified = %latest.blob_id,
            certified_checkpoint = latest.last_checkpoint,
            "other nodes have certified an event blob that differs from the one of this node; going on after theirs. Is this \
             node of another version, or configured with another event_blob_cut?"
        );
        self.state.metrics().event_blob_forks.inc();
        self.begin_after(latest).await
    }

    /// Begins the log anew after a certified event blob, which says what comes next.
    async fn begin_after(&self, latest: CertifiedEventBlob) -> Result<Next, WriteError> {
        let CertifiedEventBlob {
            blob_id,
            last_checkpoint,
        } = latest;
        let view = self.state.view();
        let bytes = self.healer.read_blob(&view, blob_id).await;
        let bytes = bytes.map_err(|error| WriteError::Read(blob_id, error))?;
        let parsed = self
            .healer
            .service
            .verify(|_| EventBlob::parse(bytes))
            .await?;
        let blob = parsed.map_err(|error| WriteError::Format(blob_id, error))?;
        if blob.last_checkpoint() != last_checkpoint {
            return Err(WriteError::OtherEnd(blob_id, blob.last_checkpoint()));
        }
        let anchor = anchor_after(blob_id, &blob);
        let rule = self.rule;
        self.state.keep_event_blob(None);
        let log = self
            .index(move |index| index.begin_event_log(anchor, &rule))
            .await?;
        info!(%blob_id, last_checkpoint, uncertified = log.complete().len(), "the event log begins after a certified event blob");
        Ok(Next::Again)
    }

    /// The event blob of a section, encoded.
    async fn prepare(&self, anchor: &Anchor, section: Section) -> Result<Prepared, WriteError> {
        let anchor = *anchor;
        let bytes = self
            .index(move |index| index.event_blob(&anchor, &section))
            .await?;
        let view = self.state.view();
        let n_shards = self.state.n_shards();
        let encoded = self
            .healer
            .service
            .verify(move |encoder| {
                let verified = encoder.metadata(&bytes)?;
                let pairs: Vec<_> = view
                    .owned
                    .iter()
                    .map(|shard| shard.to_pair(verified.blob_id(), n_shards))
                    .collect();
                let pairs = encoder.encode_pairs(&bytes, &pairs)?;
                Ok::<_, EncodeError>((verified, pairs))
            })
            .await?;
        let (verified, pairs): (VerifiedMetadata, _) = encoded?;
        let bytes = bcs::to_bytes(verified.as_wire()).expect("metadata is plain data");
        Ok(Prepared {
            metadata: MetadataEntry {
                verified,
                bytes: bytes.into(),
            },
            pairs,
        })
    }

    /// Makes this node's part of an event blob durable.
    async fn store(&self, prepared: Prepared) -> Result<(), WriteError> {
        let blob_id = *prepared.metadata.verified.blob_id();
        let n_shards = self.state.n_shards();
        self.state.store_metadata(prepared.metadata).await?;
        for pair in prepared.pairs {
            let shard = pair.index().to_shard(&blob_id, n_shards);
            if !self.state.view().accepts_writes(shard) {
                continue;
            }
            let primary = bcs::to_bytes(&pair.primary).expect("a sliver is plain data");
            let secondary = bcs::to_bytes(&pair.secondary).expect("a sliver is plain data");
            for (axis, bytes) in [
                (walrus_core::SliverType::Primary, primary),
                (walrus_core::SliverType::Secondary, secondary),
            ] {
                let key = SliverKey {
                    shard,
                    axis,
                    blob_id,
                };
                self.state.store_sliver(key, bytes.into()).await?;
            }
        }
        Ok(())
    }

    async fn index<T: Send + 'static>(
        &self,
        work: impl FnOnce(&crate::storage::Index) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.state.storage().with_index(work).await
    }
}

/// What a log begins after that follows an event blob.
pub(super) fn anchor_after(blob_id: BlobId, blob: &EventBlob) -> Anchor {
    Anchor {
        blob_id,
        last_checkpoint: Some(blob.last_checkpoint()),
        next_index: blob.end_index(),
        epoch: blob.end_epoch(),
    }
}
