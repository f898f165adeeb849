//! The healing of single blobs in the background: those that were just certified, those found
//! damaged, and, after a start, all that lack something.

use std::{
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ambient::TaskTracker;
use stdx::Mutex;
use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use walrus_core::BlobId;

use super::{
    HEALING_QUEUE_MAX,
    healer::{Healed, Healer},
    queue::Queue,
};
use crate::{shard_work::Healing, storage::StorageError};

/// Blobs healed at a time.
pub const HEALING_BLOBS_MAX: usize = 32;

/// Blobs taken from the index at a time when it is searched.
const SEARCH_BATCH: usize = 1_024;

/// How much room the queue must have before the search goes on.
const SEARCH_ROOM: usize = HEALING_QUEUE_MAX / 2;

/// Time for whoever uploads a blob to bring the slivers that are on their way, before they are
/// recovered: clients give slow nodes half as long as all others took, and half a second.
const UPLOAD_GRACE: Duration = Duration::from_secs(5);

/// How often the index is searched anyhow: damage found by others than readers shows there.
const SEARCH_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Pause after a search because of damage in the index: what cannot be read shows many times until
/// it is healed.
const DAMAGE_SEARCH_PAUSE: Duration = Duration::from_secs(10);

/// How long to wait when there is nothing to do, at most. Only a bound: everything that brings work
/// wakes the healer.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Heals blobs as they come up. Clones share the queue.
#[derive(Clone)]
pub struct BlobHealing {
    healer: Arc<Healer>,
    queue: Arc<Mutex<Queue>>,
    wake: Arc<Notify>,
    /// Something did not fit into the queue, or the whole index has to be searched.
    search: Arc<AtomicBool>,
}

impl BlobHealing {
    /// Starts healing on `tasks`, until `stop`. Searches the index for what is missing first.
    pub fn start(healer: Arc<Healer>, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let healing = Self {
            healer,
            queue: Arc::default(),
            wake: Arc::default(),
            search: Arc::new(AtomicBool::new(true)),
        };
        if let Some(mut damaged) = healing.healer.service.take_damaged_reports() {
            let (this, stop) = (healing.clone(), stop.clone());
            tasks.spawn(async move {
                loop {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return,
                        blob_id = damaged.recv() => match blob_id {
                            Some(blob_id) => this.heal_soon(blob_id),
                            None => return,
                        },
                    }
                }
            });
        }
        tasks.spawn(healing.clone().search_after_damage(stop.clone()));
        let (task, own_tasks) = (healing.clone(), tasks.clone());
        tasks.spawn(async move { task.run(own_tasks, stop).await });
        healing
    }

    /// Heals a blob as soon as possible.
    pub fn heal_soon(&self, blob_id: BlobId) {
        self.push(blob_id, Instant::now());
    }

    /// Searches the index for blobs that lack something.
    pub fn search(&self) {
        self.search.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Searches when the index turns out to be damaged: whatever an entry was of counts as missing
    /// from then on.
    async fn search_after_damage(self, stop: CancellationToken) {
        let storage = self.healer.service.state().storage().clone();
        let watch = async {
            loop {
                storage.index().damage_found().await;
                self.search();
                sleep(DAMAGE_SEARCH_PAUSE).await;
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = watch => {}
        }
    }

    /// Blobs waiting or being worked on.
    pub fn queue_len(&self) -> usize {
        self.lock().len()
    }

    fn push(&self, blob_id: BlobId, due: Instant) {
        if !self.lock().push(blob_id, due) {
            self.search.store(true, Ordering::Release);
        }
        self.wake.notify_one();
    }

    async fn run(&self, tasks: TaskTracker, stop: CancellationToken) {
        let turns = Arc::new(Semaphore::new(HEALING_BLOBS_MAX));
        let mut searched_up_to = None;
        let mut searching = false;
        let mut last_search = Instant::now();
        while !stop.is_cancelled() {
            if self.search.swap(false, Ordering::AcqRel) || last_search.elapsed() > SEARCH_INTERVAL
            {
                searching = true;
                last_search = Instant::now();
            }
            if searching && self.queue_len() < HEALING_QUEUE_MAX - SEARCH_ROOM {
                match self.search_on(searched_up_to).await {
                    Ok(next) => {
                        searched_up_to = next;
                        searching = next.is_some();
                    }
                    Err(error) => warn!(%error, "cannot search for blobs that lack something"),
                }
            }
            let now = Instant::now();
            let next = self.lock().next(now);
            let Some(blob_id) = next else {
                let due = self.lock().next_due().unwrap_or(now + IDLE_MAX);
                let pause = if searching { now } else { due };
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = self.wake.notified() => {}
                    () = sleep_until(pause) => {}
                }
                continue;
            };
            let turn = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                turn = turns.clone().acquire_owned() => turn,
            };
            let this = self.clone();
            let stop = stop.clone();
            tasks.spawn(async move {
                let _turn = turn;
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = this.heal(blob_id) => {}
                }
            });
        }
    }

    /// Adds the next blobs that lack something to the queue. Returns where to go on.
    async fn search_on(&self, after: Option<BlobId>) -> Result<Option<BlobId>, StorageError> {
        let state = self.healer.service.state();
        let view = state.view();
        let epoch = view.epoch();
        let shards = view.owned.clone();
        let found = state
            .storage()
            .with_index(move |index| index.incomplete_blobs(after, &shards, epoch, SEARCH_BATCH))
            .await?;
        let now = Instant::now();
        let mut queue = self.lock();
        for blob_id in found.blobs {
            queue.push(blob_id, now);
        }
        Ok(found.next_after)
    }

    async fn heal(&self, blob_id: BlobId) {
        let healed = self.healer.heal(blob_id).await;
        let now = Instant::now();
        match healed {
            Ok(healed) => {
                self.lock().done(blob_id, now);
                match healed {
                    Healed::Nothing => {}
                    Healed::Metadata => info!(%blob_id, "the metadata of the blob is back"),
                    Healed::Slivers(slivers) => info!(%blob_id, slivers, "the blob is healed"),
                    Healed::Inconsistent => info!(%blob_id, "the blob cannot be healed"),
                }
            }
            Err(error) => {
                debug!(%blob_id, %error, "the blob cannot be healed now; trying again");
                self.lock().failed(blob_id, now);
            }
        }
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // After a panic a blob may be missing from the order; the next search brings it back.
        self.queue.lock()
    }
}

impl Healing for BlobHealing {
    fn blob_certified(&self, blob_id: BlobId) {
        self.push(blob_id, Instant::now() + UPLOAD_GRACE);
    }
}
