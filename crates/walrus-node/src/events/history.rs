//! Catching up with event blobs: the events that full nodes have forgotten, or that would take long
//! to read from them.
//!
//! The chain names the last certified event blob, and every event blob names the one before. So a
//! node walks back until it meets what it has processed, and then replays what it has found, oldest
//! first. Event blobs wait on disk meanwhile, and a node that is killed goes on with those it has.

use std::sync::Arc;

use tracing::{info, warn};
use walrus_contracts::event_blob::{EventBlob, EventBlobError};
use walrus_core::{BlobId, Epoch};

use super::{EventError, EventProcessor, blobs::anchor_after};
use crate::{
    chain::{CertifiedEventBlob, ChainError, CheckpointEvents, Committees},
    epoch::EpochView,
    recovery::{HealError, Healer},
    storage::{Cursor, Storage, StorageError},
};

/// Why events of the past cannot be had now.
#[derive(Debug, thiserror::Error)]
pub(super) enum HistoryError {
    /// No event blob has the checkpoints that are needed.
    #[error("no event blob is certified that has the events after checkpoint {}", checkpoint_text(*.0))]
    NothingNewer(Option<u64>),
    /// An event blob cannot be read.
    #[error("event blob {0} cannot be read: {1}")]
    Read(BlobId, HealError),
    /// A blob that should be one of events is not.
    #[error("blob {0} is no event blob: {1}")]
    Format(BlobId, EventBlobError),
    /// An event blob is not where its successor has it.
    #[error("event blob {0} does not end where the one after it begins")]
    Order(BlobId),
    /// Events cannot be processed.
    #[error(transparent)]
    Event(#[from] EventError),
}

impl From<ChainError> for HistoryError {
    fn from(error: ChainError) -> Self {
        Self::Event(error.into())
    }
}

impl From<StorageError> for HistoryError {
    fn from(error: StorageError) -> Self {
        Self::Event(error.into())
    }
}

fn checkpoint_text(checkpoint: Option<u64>) -> String {
    checkpoint.map_or_else(
        || "of the deployment".to_owned(),
        |number| number.to_string(),
    )
}

/// Finds event blobs and keeps them until they are replayed.
pub struct History {
    healer: Arc<Healer>,
}

/// An event blob on disk.
#[derive(Debug, Clone, Copy)]
struct Found {
    blob_id: BlobId,
    epoch: Epoch,
    first_checkpoint: u64,
    previous: Option<BlobId>,
}

/// What there is of the past.
struct Past {
    /// Oldest first.
    blobs: Vec<Found>,
    /// Whether nothing is missing between what was processed before and the oldest.
    is_complete: bool,
}

impl History {
    /// Event blobs that `healer` reads.
    pub fn new(healer: Arc<Healer>) -> Self {
        Self { healer }
    }

    /// Walks back from `latest` until checkpoint `processed` is met, the beginning, or what has
    /// expired.
    async fn find(
        &self,
        latest: CertifiedEventBlob,
        processed: Option<u64>,
        view: &EpochView,
        max_epochs_ahead: u32,
    ) -> Result<Past, HistoryError> {
        let mut blobs: Vec<Found> = Vec::new();
        let (mut next, mut last_checkpoint) = (Some(latest.blob_id), latest.last_checkpoint);
        while let Some(blob_id) = next {
            let blob = match self.fetch(view, blob_id).await {
                Ok(blob) => blob,
                Err(HistoryError::Read(..)) if has_expired(&blobs, view, max_epochs_ahead) => {
                    blobs.reverse();
                    return Ok(Past {
                        blobs,
                        is_complete: false,
                    });
                }
                Err(error) => return Err(error),
            };
            if blob.last_checkpoint() != last_checkpoint {
                return Err(HistoryError::Order(blob_id));
            }
            let found = Found {
                blob_id,
                epoch: blob.epoch(),
                first_checkpoint: blob.first_checkpoint(),
                previous: blob.previous(),
            };
            info!(%blob_id, first_checkpoint = found.first_checkpoint, last_checkpoint, "found an event blob");
            blobs.push(found);
            if processed
                .is_some_and(|processed| found.first_checkpoint <= processed.saturating_add(1))
            {
                break;
            }
            next = found.previous;
            last_checkpoint = found.first_checkpoint.saturating_sub(1);
        }
        blobs.reverse();
        Ok(Past {
            blobs,
            is_complete: true,
        })
    }

    /// An event blob, from disk or from other nodes.
    async fn fetch(&self, view: &EpochView, blob_id: BlobId) -> Result<EventBlob, HistoryError> {
        if let Some(bytes) = self.kept(blob_id).await? {
            return self.parse(blob_id, bytes).await;
        }
        let read = self.healer.read_blob(view, blob_id).await;
        let bytes = read.map_err(|error| HistoryError::Read(blob_id, error))?;
        let storage = self.storage();
        storage.keep_event_blob(blob_id, bytes.clone()).await?;
        self.parse(blob_id, bytes).await
    }

    /// An event blob on disk, if there is one and it is whole.
    async fn kept(&self, blob_id: BlobId) -> Result<Option<Vec<u8>>, HistoryError> {
        let Some(bytes) = self.storage().kept_event_blob(blob_id).await? else {
            return Ok(None);
        };
        let checked = self.healer.service.verify(move |encoder| {
            let found = encoder.metadata(&bytes).ok()?;
            (*found.blob_id() == blob_id).then_some(bytes)
        });
        Ok(checked.await?)
    }

    async fn parse(&self, blob_id: BlobId, bytes: Vec<u8>) -> Result<EventBlob, HistoryError> {
        let parsed = self
            .healer
            .service
            .verify(|_| EventBlob::parse(bytes))
            .await?;
        parsed.map_err(|error| HistoryError::Format(blob_id, error))
    }

    fn storage(&self) -> &Storage {
        self.healer.service.state().storage()
    }
}

/// Whether the event blob before the oldest found one may have expired. It was certified about when
/// its successor begins, for as long as storage can be bought.
fn has_expired(found: &[Found], view: &EpochView, max_epochs_ahead: u32) -> bool {
    found.last().is_some_and(|oldest| {
        let end = oldest.epoch.saturating_add(max_epochs_ahead);
        // One more: nodes delete it while it is being read.
        end <= view.epoch().saturating_add(1)
    })
}

impl EventProcessor {
    /// Replays certified event blobs from where the cursor is.
    pub(super) async fn catch_up(&mut self) -> Result<(), HistoryError> {
        let chain = self.chain.event_blobs().await?;
        let processed = self.cursor.checkpoint;
        let latest = chain
            .latest
            .filter(|latest| Some(latest.last_checkpoint) > processed)
            .ok_or(HistoryError::NothingNewer(processed))?;
        self.state.replaying_to(Some(latest.last_checkpoint));
        let replayed = self.replay_up_to(latest).await;
        self.state.replaying_to(None);
        replayed
    }

    async fn replay_up_to(&mut self, latest: CertifiedEventBlob) -> Result<(), HistoryError> {
        let committees = self.chain.committees().await?;
        let epoch = committees.current.epoch;
        let max_epochs_ahead = self.chain.moment().await?.info.max_epochs_ahead;
        let view = self.view_of(committees);
        let processed = self.cursor.checkpoint;
        let history = self.history.clone();
        info!(
            ?processed,
            up_to = latest.last_checkpoint,
            "catching up with event blobs"
        );
        let past = history
            .find(latest, processed, &view, max_epochs_ahead)
            .await?;
        if !past.is_complete {
            let first = (epoch + 1).saturating_sub(max_epochs_ahead);
            warn!(
                first_complete_epoch = first,
                epoch, "the oldest event blobs have expired; so have the blobs they are about"
            );
            self.state.catching_up_with_gaps(first, epoch);
        } else if epoch > self.state.epoch() + 1 {
            self.state.catching_up();
        }
        for found in &past.blobs {
            let blob = history.fetch(&view, found.blob_id).await?;
            self.replay(&blob).await?;
            if self.stop.is_cancelled() {
                return Ok(());
            }
            self.state.metrics().event_blobs_replayed.inc();
            if let Some(rule) = self.recorder.rule()
                && found.blob_id == latest.blob_id
            {
                let anchor = anchor_after(found.blob_id, &blob);
                let storage = self.state.storage();
                storage
                    .with_index(move |index| index.begin_event_log(anchor, &rule))
                    .await?;
            }
            history.storage().remove_event_blob(found.blob_id).await?;
        }
        history.storage().remove_event_blobs().await?;
        info!(
            checkpoint = latest.last_checkpoint,
            "event blobs are replayed; following the chain"
        );
        Ok(())
    }

    /// The committees that have event blobs; this node may know none yet.
    fn view_of(&self, committees: Committees) -> EpochView {
        let own = self.state.view();
        EpochView {
            node_id: own.node_id,
            current: Some(Arc::new(committees.current)),
            previous: committees.previous.map(Arc::new),
            owned: own.owned.clone(),
            shards: own.shards.clone(),
        }
    }

    /// Processes what an event blob has after the cursor.
    async fn replay(&mut self, blob: &EventBlob) -> Result<(), HistoryError> {
        let next = self.cursor.checkpoint.map(|last| last.saturating_add(1));
        if next.is_none_or(|next| next < blob.first_checkpoint()) {
            self.cursor = Cursor {
                checkpoint: blob.first_checkpoint().checked_sub(1),
                events_of_next: 0,
                next_index: blob.first_index(),
                last_event: None,
            };
        }
        for checkpoint in blob.checkpoints() {
            // All were read before.
            let Ok(checkpoint) = checkpoint else { break };
            if Some(checkpoint.checkpoint) <= self.cursor.checkpoint {
                continue;
            }
            let index = checkpoint.first_index + self.cursor.events_of_next;
            if self.cursor.next_index != index {
                warn!(
                    own = self.cursor.next_index,
                    certified = index,
                    checkpoint = checkpoint.checkpoint,
                    "this node has counted other events than the event blobs have; going on with their numbers"
                );
                self.cursor.next_index = index;
            }
            let events = CheckpointEvents {
                checkpoint: checkpoint.checkpoint,
                // Event blobs do not say when a checkpoint was made, and nothing depends on it.
                timestamp_ms: 0,
                events: checkpoint.events,
            };
            self.process_until_done(&events, Origin::EventBlob).await;
            if self.stop.is_cancelled() {
                return Ok(());
            }
        }
        self.write_cursor()?;
        Ok(())
    }
}

/// Where a checkpoint was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// From a full node: its elements belong into the next event blob.
    Chain,
    /// From a certified event blob.
    EventBlob,
}
