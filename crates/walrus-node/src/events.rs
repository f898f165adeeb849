//! Following the chain: one consumer, strictly in order.
//!
//! The effect of an event on the records is written in one batch with the cursor, so that it
//! happens exactly once however often the node is killed. Everything else an event leads to (waking
//! waiters, writing buffered data, deleting data) can be repeated and is.

mod attest;
mod blobs;
mod epoch_change;
mod garbage;
mod history;
mod record;

use std::{sync::Arc, time::Duration};

use ambient::TaskTracker;
use futures::StreamExt as _;
use stdx::SaturatingFrom as _;
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use walrus_contracts::{
    event_blob::CutRule,
    events::{BlobCertified, BlobRegistered, PooledBlobCertified, PooledBlobRegistered},
};
use walrus_core::EventId;

use crate::{
    chain::{ChainError, ChainView, CheckpointEvents, WalrusEvent},
    epoch::EpochPlan,
    shard_work::{Healing, ShardWork},
    state::NodeState,
    storage::{Cursor, StorageError},
};

use history::{HistoryError, Origin};
use record::Recorder;

pub(crate) use attest::attest_epochs;
pub(crate) use blobs::EventBlobWriter;
pub use garbage::{DeletionRule, GarbageCollector};
pub use history::History;

/// Pause after an error of the event stream or of the storage.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Failures of the storage in a row after which the node gives up: what a new start does not cure,
/// nothing does.
const STORAGE_FAILURES_MAX: u32 = 15;

/// Checkpoints without events after which the cursor is written nevertheless, at most.
const EMPTY_CHECKPOINTS_PER_WRITE: u64 = 64;

/// Longest time between two checkpoints of a chain that is there.
const CHAIN_SILENCE_MAX: Duration = Duration::from_secs(15);

/// Time for the chain to say how far it is when the node starts.
const CATCH_UP_CHECK_MAX: Duration = Duration::from_secs(5);

/// Events whose slow work (writing buffered data, deleting) runs beside the consumer at a time.
const BACKGROUND_EVENTS_MAX: usize = 64;

/// Why an event could not be processed now. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Whom events give work to.
#[derive(Clone)]
pub struct Workers {
    /// Completes shards.
    pub shard_work: Arc<dyn ShardWork>,
    /// Completes blobs.
    pub healing: Arc<dyn Healing>,
    /// Finds events of the past.
    pub history: Arc<History>,
}

/// What is done with event blobs.
#[derive(Debug, Clone, Copy)]
pub struct EventBlobOptions {
    /// Where they end; `None` if this node writes none.
    pub cut_rule: Option<CutRule>,
    /// Checkpoints the node may be behind at its start before it catches up with event blobs
    /// instead of from full nodes.
    pub catch_up_lag_min: u64,
}

/// How events are followed.
#[derive(Debug, Clone, Copy)]
pub struct EventOptions {
    /// What is done with event blobs.
    pub event_blobs: EventBlobOptions,
    /// When the data of blobs that ended is deleted.
    pub deletion: DeletionRule,
}

/// The consumer of chain events.
pub struct EventProcessor {
    state: Arc<NodeState>,
    chain: Arc<dyn ChainView>,
    shard_work: Arc<dyn ShardWork>,
    healing: Arc<dyn Healing>,
    history: Arc<History>,
    garbage: GarbageCollector,
    tasks: TaskTracker,
    background: Arc<Semaphore>,
    stop: CancellationToken,
    cursor: Cursor,
    recorder: Recorder,
    catch_up_lag_min: u64,
    /// Checkpoints without events after which the cursor is written nevertheless.
    checkpoints_per_write: u64,
    unwritten_checkpoints: u64,
    /// Whether an event was processed since the cursor was written.
    has_unwritten_events: bool,
    /// The plan of the epoch the node stopped in.
    resumed: Option<EpochPlan>,
}

impl EventProcessor {
    /// A consumer that continues where the storage says. Long work runs on `tasks`; it begins with
    /// what is left of `resumed`, the plan of the epoch in which the node stopped.
    pub fn new(
        state: Arc<NodeState>,
        chain: Arc<dyn ChainView>,
        workers: Workers,
        options: EventOptions,
        resumed: Option<EpochPlan>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, StorageError> {
        let cursor = state.cursor()?;
        let garbage = GarbageCollector::new(
            state.clone(),
            chain.clone(),
            options.deletion,
            tasks.clone(),
            stop.clone(),
        );
        let options = options.event_blobs;
        let processor = Self {
            state,
            chain,
            shard_work: workers.shard_work,
            healing: workers.healing,
            history: workers.history,
            garbage,
            tasks,
            background: Arc::new(Semaphore::new(BACKGROUND_EVENTS_MAX)),
            stop,
            cursor,
            recorder: Recorder::new(options.cut_rule),
            catch_up_lag_min: options.catch_up_lag_min,
            checkpoints_per_write: checkpoints_per_write(options.cut_rule),
            unwritten_checkpoints: 0,
            has_unwritten_events: false,
            resumed,
        };
        processor.state.report_events(&processor.cursor, 0);
        Ok(processor)
    }

    /// Consumes events until stopped.
    pub async fn run(mut self) {
        let stop = self.stop.clone();
        // A checkpoint that was begun is finished: stopping takes effect between two of them, or
        // while waiting for one.
        self.resume().await;
        if self.is_far_behind().await
            && let Err(error) = self.catch_up().await
        {
            warn!(%error, "cannot catch up with event blobs; reading everything from the full node");
        }
        let mut events = self.chain.events(self.cursor.checkpoint);
        let mut connected = false;
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                next = events.next() => next,
                () = sleep(CHAIN_SILENCE_MAX) => {
                    let secs = CHAIN_SILENCE_MAX.as_secs();
                    let reason = format!("no checkpoint came for {secs} seconds");
                    self.state.chain_failed(&ChainError::Unavailable(reason));
                    continue;
                }
            };
            self.state.report_refused(self.chain.refused_checkpoints());
            match next {
                Some(Ok(checkpoint)) => {
                    if !connected {
                        info!(checkpoint = checkpoint.checkpoint, "following the chain");
                        connected = true;
                    }
                    self.process_until_done(&checkpoint, Origin::Chain).await;
                    self.state.chain_answered();
                }
                Some(Err(ChainError::Pruned(reason))) => {
                    info!(
                        reason,
                        "full nodes have forgotten what this node has not processed"
                    );
                    if let Err(error) = self.catch_up().await {
                        self.report_history_failure(&error);
                        pause(&stop).await;
                    }
                    connected = false;
                    events = self.chain.events(self.cursor.checkpoint);
                }
                Some(Err(error)) => {
                    self.report_failure(&error.into());
                    pause(&stop).await;
                }
                None => {
                    events = self.chain.events(self.cursor.checkpoint);
                    pause(&stop).await;
                }
            }
        }
        if self.unwritten_checkpoints > 0
            && let Err(error) = self.write_cursor()
        {
            warn!(%error, "cannot write the event cursor; some checkpoints will be read again");
        }
    }

    /// Goes on with what an earlier process did not finish, unless its epoch is long over.
    async fn resume(&mut self) {
        let answer = timeout(CATCH_UP_CHECK_MAX, self.chain.committees()).await;
        if let Ok(Ok(committees)) = answer
            && committees.current.epoch > self.state.epoch() + 1
        {
            self.state.catching_up();
        } else if let Some(plan) = self.resumed.take() {
            self.follow_plan(&plan);
        }
        self.garbage.resume();
    }

    /// Whether event blobs are the faster way to the present.
    async fn is_far_behind(&self) -> bool {
        let answer = timeout(CATCH_UP_CHECK_MAX, self.chain.event_blobs()).await;
        let Ok(Ok(chain)) = answer else { return false };
        self.state.report_checkpoint_at_start(chain.checkpoint);
        let processed = self.cursor.checkpoint;
        let lag = chain.checkpoint.saturating_sub(processed.unwrap_or(0));
        let latest = chain.latest.map(|latest| latest.last_checkpoint);
        lag > self.catch_up_lag_min && latest > processed
    }

    fn report_history_failure(&self, error: &HistoryError) {
        if let HistoryError::Event(error) = error {
            self.report_failure(error);
            if let EventError::Storage(error) = error
                && error.is_damage()
            {
                self.note_damage(error);
                self.state.storage().index().give_up();
            }
        } else {
            error!(
                %error,
                "cannot catch up with event blobs; trying again. A full node that keeps more history helps: name it in \
                 sui.additional_rpc_endpoints"
            );
        }
    }

    /// Processes one checkpoint, trying again on failure: skipping is not an option.
    async fn process_until_done(&mut self, checkpoint: &CheckpointEvents, origin: Origin) {
        let mut storage_failures = 0;
        while let Err(error) = self.process(checkpoint, origin).await {
            self.report_failure(&error);
            storage_failures = match &error {
                EventError::Storage(error) => {
                    self.note_damage(error);
                    storage_failures + 1
                }
                EventError::Chain(_) => 0,
            };
            if storage_failures >= STORAGE_FAILURES_MAX {
                self.state.storage().index().give_up();
            }
            pause(&self.stop).await;
            if self.stop.is_cancelled() {
                return;
            }
        }
    }

    /// Has the next start begin with another index if events cannot be processed with this one.
    fn note_damage(&self, error: &StorageError) {
        if error.is_damage()
            && let Err(error) = self.state.storage().mark_damaged()
        {
            warn!(%error, "cannot write down that the index is damaged");
        }
    }

    fn report_failure(&self, error: &EventError) {
        if let EventError::Chain(error @ ChainError::Unavailable(_)) = error {
            self.state.chain_failed(error);
        } else {
            error!(%error, "cannot process chain events; trying again");
        }
    }

    async fn process(
        &mut self,
        checkpoint: &CheckpointEvents,
        origin: Origin,
    ) -> Result<(), EventError> {
        let number = checkpoint.checkpoint;
        // It was processed if only the cursor could not be written.
        if self.cursor.checkpoint < Some(number) {
            let done = usize::saturating_from(self.cursor.events_of_next);
            let pending = checkpoint.events.len().saturating_sub(done);
            for (position, (id, event)) in checkpoint.events.iter().enumerate().skip(done) {
                self.state
                    .report_events(&self.cursor, pending + done - position);
                self.process_event(number, id, event, origin).await?;
            }
            // The boundary of the checkpoint is an element of the stream, too.
            if origin == Origin::Chain {
                self.recorder.add_boundary(&self.cursor, number);
            }
            self.cursor.checkpoint = Some(number);
            self.cursor.events_of_next = 0;
            self.cursor.next_index += 1;
            self.unwritten_checkpoints += 1;
        }
        if self.has_unwritten_events || self.unwritten_checkpoints >= self.checkpoints_per_write {
            self.write_cursor()?;
        }
        self.state.report_events(&self.cursor, 0);
        Ok(())
    }

    /// Writes down how far the node is, and the elements on the way there.
    fn write_cursor(&mut self) -> Result<(), StorageError> {
        self.state
            .save_cursor(&self.cursor, &self.recorder.unwritten())?;
        self.recorder.written();
        self.unwritten_checkpoints = 0;
        self.has_unwritten_events = false;
        Ok(())
    }

    async fn process_event(
        &mut self,
        checkpoint: u64,
        id: &EventId,
        event: &WalrusEvent,
        origin: Origin,
    ) -> Result<(), EventError> {
        debug!(%id, name = event.name(), "event");
        if let WalrusEvent::EpochChangeStart(start) = event {
            self.begin_epoch(start.epoch).await?;
        }
        let recording = match origin {
            Origin::Chain => {
                let recorder = &self.recorder;
                recorder.with_event(&self.cursor, checkpoint, id, event)
            }
            Origin::EventBlob => self.recorder.unwritten(),
        };
        let next = Cursor {
            checkpoint: self.cursor.checkpoint,
            events_of_next: self.cursor.events_of_next + 1,
            next_index: self.cursor.next_index + 1,
            last_event: Some(*id),
        };
        self.state.apply_event(&next, recording, id, event).await?;
        self.recorder.written();
        self.has_unwritten_events = true;
        self.cursor = next;
        self.follow_up(event).await;
        Ok(())
    }

    /// What an event leads to besides records.
    async fn follow_up(&mut self, event: &WalrusEvent) {
        match event {
            WalrusEvent::BlobRegistered(BlobRegistered { blob_id, .. })
            | WalrusEvent::PooledBlobRegistered(PooledBlobRegistered { blob_id, .. }) => {
                let blob_id = *blob_id;
                self.state.announce_registration(&blob_id);
                self.in_background(move |state| async move {
                    if let Err(error) = state.flush_pending(blob_id).await {
                        warn!(%blob_id, %error, "cannot store buffered data; a confirmation request tries again");
                    }
                })
                .await;
            }
            WalrusEvent::InvalidBlobID(event) => {
                let blob_id = event.blob_id;
                let epoch = self.state.epoch();
                warn!(%blob_id, "the blob was proven inconsistent; its data is deleted");
                self.in_background(move |state| async move {
                    if let Err(error) = state.delete_unregistered(blob_id, epoch).await {
                        warn!(%blob_id, %error, "cannot delete an invalid blob; garbage collection tries again");
                    }
                })
                .await;
            }
            WalrusEvent::BlobCertified(BlobCertified { blob_id, .. })
            | WalrusEvent::PooledBlobCertified(PooledBlobCertified { blob_id, .. })
                if !self.state.phase().is_catch_up() =>
            {
                self.state.event_blob_certified(blob_id);
                self.healing.blob_certified(*blob_id);
            }
            WalrusEvent::EpochChangeDone(event) => {
                info!(epoch = event.epoch, "epoch change is complete");
                self.state.tell_epoch_moved();
            }
            WalrusEvent::EpochParametersSelected(event) => {
                let epoch = event.next_epoch;
                info!(epoch, "the committee of the next epoch is selected");
                self.state.tell_epoch_moved();
            }
            WalrusEvent::EpochChangeStart(_) => {
                self.state.tell_epoch_moved();
                self.state.tell_event_blob_writer();
            }
            _ => {}
        }
    }

    async fn in_background<F>(&self, work: impl FnOnce(Arc<NodeState>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Ok(permit) = self.background.clone().acquire_owned().await else {
            return;
        };
        let work = work(self.state.clone());
        self.tasks.spawn(async move {
            work.await;
            drop(permit);
        });
    }
}

/// Seldom, but so often that the end of a file is noticed.
fn checkpoints_per_write(rule: Option<CutRule>) -> u64 {
    let half_file = rule.map_or(u64::MAX, |rule| rule.checkpoints_max / 2);
    EMPTY_CHECKPOINTS_PER_WRITE.min(half_file).max(1)
}

async fn pause(stop: &CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = sleep(RETRY_DELAY) => {}
    }
}
