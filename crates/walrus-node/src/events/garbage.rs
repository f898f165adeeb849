//! Deleting the data of blobs nobody pays for any more.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ambient::TaskTracker;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use walrus_core::{BlobId, Epoch};

use crate::{state::NodeState, storage::StorageError};

/// Blobs looked at per step.
const BATCH: usize = 2_000;

/// Pause before trying again after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(30);

/// Collects garbage once per epoch, in the background. An unfinished run is started again with the
/// node.
#[derive(Clone)]
pub struct GarbageCollector {
    state: Arc<NodeState>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// The epoch to collect for while a run is going on.
    wanted: Arc<Mutex<Option<Epoch>>>,
}

impl GarbageCollector {
    pub(super) fn new(state: Arc<NodeState>, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self {
            state,
            tasks,
            stop,
            wanted: Arc::default(),
        }
    }

    /// Continues a run that an earlier process did not finish.
    pub fn resume(&self) {
        let epoch = self.state.epoch();
        match self.state.storage().index().gc_completed() {
            Ok(completed) if epoch > 0 && completed < Some(epoch) => self.collect(epoch),
            Ok(_) => {}
            Err(error) => warn!(%error, "cannot tell whether garbage was collected"),
        }
    }

    /// Collects the garbage of `epoch`. A run that is going on continues with the new epoch.
    pub fn collect(&self, epoch: Epoch) {
        let busy = self.lock().replace(epoch).is_some();
        if busy {
            return;
        }
        let collector = self.clone();
        self.tasks.spawn(async move { collector.run().await });
    }

    async fn run(&self) {
        loop {
            let Some(epoch) = *self.lock() else { return };
            match self.sweep(epoch).await {
                Ok(Some(removed)) => {
                    info!(epoch, removed, "garbage is collected");
                    let mut wanted = self.lock();
                    if *wanted == Some(epoch) {
                        *wanted = None;
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    warn!(epoch, %error, "cannot collect garbage; trying again");
                    tokio::select! {
                        biased;
                        () = self.stop.cancelled() => return,
                        () = sleep(RETRY_DELAY) => {}
                    }
                }
            }
        }
    }

    /// Deletes what is not registered in `epoch`; `None` when stopped before the end.
    async fn sweep(&self, epoch: Epoch) -> Result<Option<usize>, StorageError> {
        let storage = self.state.storage();
        let mut removed = 0;
        let mut after: Option<BlobId> = None;
        loop {
            let shards: Vec<_> = self.state.view().shards.keys().copied().collect();
            let (last, garbage) = storage
                .with_index(move |index| {
                    let blobs = index.stored_blobs(after, &shards, BATCH)?;
                    let last = blobs.last().copied();
                    let mut garbage = Vec::new();
                    for blob_id in blobs {
                        let registered = index
                            .blob(&blob_id)?
                            .is_some_and(|record| record.is_registered(epoch));
                        if !registered {
                            garbage.push(blob_id);
                        }
                    }
                    Ok((last, garbage))
                })
                .await?;
            for blob_id in garbage {
                if self.stop.is_cancelled() {
                    return Ok(None);
                }
                // Looks at the record again, under the lock that registrations take.
                removed += self.state.delete_unregistered(blob_id, epoch).await?;
            }
            let Some(last) = last else { break };
            after = Some(last);
        }
        storage
            .with_index(move |index| index.set_gc_completed(epoch))
            .await?;
        Ok(Some(removed))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Epoch>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
