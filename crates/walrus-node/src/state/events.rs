//! How far the chain has been followed.

use stdx::SaturatingFrom as _;
use tracing::{info, warn};
use walrus_core::{Epoch, EventId};
use walrus_http::Name;

use super::NodeState;
use crate::{
    bookkeeping,
    chain::{ChainError, WalrusEvent},
    storage::{Cursor, Recording, StorageError},
};

impl NodeState {
    /// Where to go on reading events.
    pub fn cursor(&self) -> Result<Cursor, StorageError> {
        self.storage.index().cursor()
    }

    /// The last checkpoint that was processed completely.
    pub(crate) fn processed_checkpoint(&self) -> Option<u64> {
        self.progress.get().checkpoint
    }

    /// Notes how far events are processed, and writes down the elements on the way there.
    pub fn save_cursor(&self, cursor: &Cursor, recording: &Recording) -> Result<(), StorageError> {
        if self.storage.index().advance(cursor, recording)? {
            self.tell_event_blob_writer();
        }
        Ok(())
    }

    /// Writes what an event changes in the records, in one batch with the cursor behind it and the
    /// elements up to it.
    pub async fn apply_event(
        &self,
        cursor: &Cursor,
        recording: Recording,
        id: &EventId,
        event: &WalrusEvent,
    ) -> Result<(), StorageError> {
        let name = event.name().to_owned();
        let (cursor, id, event) = (cursor.clone(), *id, event.clone());
        let change = move |index: &crate::storage::Index| {
            index.update_records(&cursor, &recording, |view| {
                bookkeeping::apply(view, &id, &event)
            })
        };
        if self.storage.with_index(change).await? {
            self.tell_event_blob_writer();
        }
        self.metrics.events.get_or_create(&Name { name }).inc();
        Ok(())
    }

    /// Takes what ended by `epoch` out of the records; returns the number of objects that did.
    pub async fn expire_records(&self, epoch: Epoch) -> Result<usize, StorageError> {
        self.storage
            .with_index(move |index| index.expire_records(epoch))
            .await
    }

    /// Notes that the chain answered, and says so if it had not for a while.
    pub fn chain_answered(&self) {
        if let Some(away) = self.progress.chain_answered() {
            info!(
                away_secs = away.since.elapsed().as_secs(),
                "the chain is back"
            );
        }
    }

    /// Notes that the chain does not answer. Said once, however many ask: the next line is that it
    /// is back.
    pub fn chain_failed(&self, error: &ChainError) {
        if self.progress.chain_failed(error.to_string()) {
            warn!(%error, "the chain does not answer: the node serves what it has and keeps trying; if this lasts, check \
                sui.rpc and sui.additional_rpc_endpoints");
        }
    }

    /// Reports how many checkpoints were not used because they were not proven.
    pub(crate) fn report_refused(&self, total: u64) {
        let counter = &self.metrics.refused_checkpoints;
        counter.inc_by(total.saturating_sub(counter.get()));
    }

    /// Notes how far the chain is when the node starts: it is not up to date before it has
    /// processed that.
    pub(crate) fn report_checkpoint_at_start(&self, checkpoint: u64) {
        self.progress
            .update(|progress| progress.checkpoint_at_start = Some(checkpoint));
    }

    /// Reports where event processing stands; `pending` events of the present checkpoint are left.
    pub fn report_events(&self, cursor: &Cursor, pending: usize) {
        if let Some(checkpoint) = cursor.checkpoint {
            self.metrics.latest_checkpoint.set(checkpoint);
        }
        self.progress.update(|progress| {
            progress.checkpoint = cursor.checkpoint;
            progress.events.persisted = cursor.next_index;
            progress.events.pending = u64::saturating_from(pending);
            progress.events.highest_finished_event_index = cursor.next_index.checked_sub(1);
        });
    }
}
