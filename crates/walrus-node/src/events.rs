//! Following the chain: one consumer, strictly in order.
//!
//! The effect of an event on the records is written in one batch with the cursor, so that it happens exactly once however
//! often the node is killed. Everything else an event leads to (waking waiters, writing buffered data, deleting data) can be
//! repeated and is.

mod attest;
mod epoch_change;
mod garbage;

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use tokio::{sync::Semaphore, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error, info, warn};
use walrus_core::EventId;

use crate::{
    bookkeeping,
    chain::{ChainError, ChainEvent, ChainView, CheckpointEvents},
    metrics::Name,
    service::Service,
    storage::{Cursor, StorageError},
};

pub use attest::Attester;
pub(crate) use epoch_change::phase_of;
pub use garbage::GarbageCollector;

/// Pause after an error of the event stream or of the storage.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Checkpoints without events after which the cursor is written nevertheless.
const EMPTY_CHECKPOINTS_PER_WRITE: u64 = 64;

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

/// The consumer of chain events.
pub struct EventProcessor {
    service: Arc<Service>,
    chain: Arc<dyn ChainView>,
    attester: Attester,
    garbage: GarbageCollector,
    tasks: TaskTracker,
    background: Arc<Semaphore>,
    stop: CancellationToken,
    cursor: Cursor,
    unwritten_checkpoints: u64,
}

impl EventProcessor {
    /// A consumer that continues where the storage says. Long work runs on `tasks`.
    pub fn new(
        service: Arc<Service>,
        chain: Arc<dyn ChainView>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, StorageError> {
        let cursor = service.storage.index().cursor()?;
        let attester = Attester::start(service.clone(), chain.clone(), &tasks, stop.clone());
        let garbage = GarbageCollector::new(service.clone(), tasks.clone(), stop.clone());
        let processor = Self {
            service,
            chain,
            attester,
            garbage,
            tasks,
            background: Arc::new(Semaphore::new(BACKGROUND_EVENTS_MAX)),
            stop,
            cursor,
            unwritten_checkpoints: 0,
        };
        processor.report_progress(0);
        Ok(processor)
    }

    /// Consumes events until stopped.
    pub async fn run(mut self) {
        let stop = self.stop.clone();
        // A checkpoint that was begun is finished: stopping takes effect between two of them, or while waiting for one.
        self.attester.resume();
        self.garbage.resume();
        let mut events = self.chain.events(self.cursor.checkpoint);
        let mut connected = false;
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => break,
                next = events.next() => next,
            };
            match next {
                Some(Ok(checkpoint)) => {
                    if !connected {
                        info!(checkpoint = checkpoint.checkpoint, "following the chain");
                        connected = true;
                    }
                    self.process_until_done(&checkpoint).await;
                }
                Some(Err(error)) => {
                    connected = false;
                    warn!(%error, "cannot read chain events; trying again");
                    pause(&stop).await;
                }
                None => {
                    events = self.chain.events(self.cursor.checkpoint);
                    pause(&stop).await;
                }
            }
        }
        if self.unwritten_checkpoints > 0
            && let Err(error) = self.service.storage.index().set_cursor(&self.cursor)
        {
            warn!(%error, "cannot write the event cursor; some checkpoints will be read again");
        }
    }

    /// Processes one checkpoint, trying again on failure: skipping is not an option.
    async fn process_until_done(&mut self, checkpoint: &CheckpointEvents) {
        while let Err(error) = self.process(checkpoint).await {
            error!(%error, %checkpoint, "cannot process chain events; trying again");
            pause(&self.stop).await;
            if self.stop.is_cancelled() {
                return;
            }
        }
    }

    async fn process(&mut self, checkpoint: &CheckpointEvents) -> Result<(), EventError> {
        let done = usize::try_from(self.cursor.events_of_next).unwrap_or(usize::MAX);
        let pending = checkpoint.events.len().saturating_sub(done);
        for (position, (id, event)) in checkpoint.events.iter().enumerate().skip(done) {
            self.report_progress(pending + done - position);
            self.process_event(id, event).await?;
        }
        // The boundary of the checkpoint is an element of the stream, too.
        self.cursor.checkpoint = Some(checkpoint.checkpoint);
        self.cursor.events_of_next = 0;
        self.cursor.next_index += 1;
        self.unwritten_checkpoints += 1;
        if pending > 0 || self.unwritten_checkpoints >= EMPTY_CHECKPOINTS_PER_WRITE {
            self.service.storage.index().set_cursor(&self.cursor)?;
            self.unwritten_checkpoints = 0;
        }
        self.service
            .metrics
            .latest_checkpoint
            .set(checkpoint.checkpoint);
        self.report_progress(0);
        Ok(())
    }

    async fn process_event(&mut self, id: &EventId, event: &ChainEvent) -> Result<(), EventError> {
        debug!(%id, name = event.name(), "event");
        if let ChainEvent::EpochChangeStart { epoch } = event {
            self.begin_epoch(*epoch).await?;
        }
        let next = Cursor {
            checkpoint: self.cursor.checkpoint,
            events_of_next: self.cursor.events_of_next + 1,
            next_index: self.cursor.next_index + 1,
            last_event: Some(*id),
        };
        {
            let (cursor, id, event) = (next.clone(), *id, event.clone());
            let change = move |index: &crate::storage::Index| {
                index.update_records(&cursor, |view| bookkeeping::apply(view, &id, &event))
            };
            self.service.storage.with_index(change).await?;
        }
        self.cursor = next;
        self.service
            .metrics
            .events
            .get_or_create(&Name {
                name: event.name().to_owned(),
            })
            .inc();
        self.follow_up(event).await;
        Ok(())
    }

    /// What an event leads to besides records.
    async fn follow_up(&mut self, event: &ChainEvent) {
        match event {
            ChainEvent::BlobRegistered { blob_id, .. }
            | ChainEvent::PooledBlobRegistered { blob_id, .. } => {
                let blob_id = *blob_id;
                self.service.registrations.announce(&blob_id);
                self.in_background(move |service| async move {
                    if let Err(error) = service.registration_seen(blob_id).await {
                        warn!(%blob_id, %error, "cannot store buffered data; a confirmation request tries again");
                    }
                })
                .await;
            }
            ChainEvent::InvalidBlobId { blob_id, .. } => {
                let blob_id = *blob_id;
                let epoch = self.service.epochs.view().epoch();
                warn!(%blob_id, "the blob was proven inconsistent; its data is deleted");
                self.in_background(move |service| async move {
                    if let Err(error) = service.delete_unregistered(blob_id, epoch).await {
                        warn!(%blob_id, %error, "cannot delete an invalid blob; garbage collection tries again");
                    }
                })
                .await;
            }
            ChainEvent::EpochChangeDone { epoch } => info!(epoch, "epoch change is complete"),
            ChainEvent::Other { name } => debug!(name, "event without consequence"),
            _ => {}
        }
    }

    async fn in_background<F>(&self, work: impl FnOnce(Arc<Service>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Ok(permit) = self.background.clone().acquire_owned().await else {
            return;
        };
        let work = work(self.service.clone());
        self.tasks.spawn(async move {
            work.await;
            drop(permit);
        });
    }

    fn report_progress(&self, pending: usize) {
        let cursor = &self.cursor;
        self.service.progress.update(|progress| {
            progress.checkpoint = cursor.checkpoint;
            progress.events.persisted = cursor.next_index;
            progress.events.pending = u64::try_from(pending).unwrap_or(u64::MAX);
            progress.events.highest_finished_event_index = cursor.next_index.checked_sub(1);
        });
    }
}

async fn pause(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(RETRY_DELAY) => {}
    }
}
