//! Reading everything again, slowly, so that damage is found while other nodes can still help.
//!
//! Disks lose bits without telling. A sliver that nobody reads for a year would be found damaged
//! when it is needed. So one task reads all metadata and slivers in turn, paced so that a cycle
//! takes a fixed time. What does not match is forgotten, as when a reader finds it: it counts as
//! missing, and can be uploaded or recovered.

use std::{sync::Arc, time::Duration};

use stdx::SaturatingFrom as _;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    chain::ChainView,
    service::Service,
    state::NodeState,
    storage::{Index, Item, StorageError},
};

/// Items listed at a time.
const BATCH: usize = 64;

/// Longest pause between two items: a storage with few of them is read more often than it has to
/// be.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Pause after a failure, and before an empty storage is looked at again.
const RETRY_DELAY: Duration = Duration::from_secs(60);

/// Has objects deleted that the index does not know, unless they may be of use still.
pub(crate) async fn collect_bucket_orphans(state: &NodeState, chain: &dyn ChainView) {
    let collected = match is_whole(state, chain).await {
        Ok(true) => state.storage().collect_bucket_orphans().await,
        Ok(false) => return,
        Err(error) => Err(error),
    };
    match collected {
        Ok(0) => {}
        Ok(count) => {
            info!(
                count,
                "objects in the bucket that the index does not know are deleted"
            );
        }
        Err(error) => warn!(%error, "cannot compare the bucket with the index"),
    }
}

/// Whether the node has everything it should have. If its index was lost, it first has to process
/// all events to know what that is.
async fn is_whole(state: &NodeState, chain: &dyn ChainView) -> Result<bool, StorageError> {
    let view = state.view();
    if view.current.is_none() || !view.all_owned_active() || state.phase().is_catch_up() {
        return Ok(false);
    }
    if !state.storage().bucket_has_strays() {
        return Ok(true);
    }
    let Ok(present) = chain.event_blobs().await else {
        return Ok(false);
    };
    if state.processed_checkpoint() < Some(present.checkpoint) {
        return Ok(false);
    }
    let lacking = move |index: &Index| index.incomplete_blobs(None, &view.owned, view.epoch(), 1);
    let lacking = state.storage().with_index(lacking).await?;
    Ok(lacking.blobs.is_empty())
}

/// The scrub.
pub struct Scrub {
    service: Arc<Service>,
    chain: Arc<dyn ChainView>,
    cycle: Duration,
    stop: CancellationToken,
}

impl Scrub {
    /// Reads everything once in every `cycle`.
    pub fn new(
        service: Arc<Service>,
        chain: Arc<dyn ChainView>,
        cycle: Duration,
        stop: CancellationToken,
    ) -> Self {
        Self {
            service,
            chain,
            cycle,
            stop,
        }
    }

    /// Runs until stopped.
    pub async fn run(self) {
        while !self.stop.is_cancelled() {
            match self.run_cycle().await {
                Ok(0) => self.pause(RETRY_DELAY.min(self.cycle)).await,
                Ok(items) => info!(items, "everything stored was read again"),
                Err(error) => {
                    warn!(%error, "cannot read everything again now; trying again");
                    self.pause(RETRY_DELAY).await;
                }
            }
        }
    }

    /// One cycle; returns how many items there were.
    async fn run_cycle(&self) -> Result<u64, StorageError> {
        let storage = self.service.state().storage();
        let mut total = 0;
        let mut after: Option<Item> = None;
        loop {
            let items = storage.items_after(after, BATCH).await?;
            let Some(last) = items.last().copied() else {
                collect_bucket_orphans(self.service.state(), self.chain.as_ref()).await;
                self.service.metrics().scrub_cycles.inc();
                return Ok(total);
            };
            for item in items {
                self.pause(self.pause_per_item()).await;
                if self.stop.is_cancelled() {
                    return Ok(total);
                }
                if let Err(error) = self.check(item).await {
                    // What is in a bucket that is away is looked at in the next cycle.
                    let StorageError::BucketAway(_) = error else {
                        return Err(error);
                    };
                    self.pause(RETRY_DELAY).await;
                }
                total += 1;
            }
            after = Some(last);
        }
    }

    async fn check(&self, item: Item) -> Result<(), StorageError> {
        let service = &self.service;
        let storage = service.state().storage();
        let intact = storage.check_item(item, service.n_shards()).await?;
        service.metrics().scrubbed.inc();
        match item {
            _ if intact => {}
            Item::Sliver(key) => service.sliver_damaged(key),
            Item::Metadata(blob_id) => service.metadata_damaged(blob_id),
        }
        Ok(())
    }

    /// The cycle divided by what there is; metadata is few beside slivers.
    fn pause_per_item(&self) -> Duration {
        let slivers = self.service.state().storage().index().sliver_count();
        let items = u32::saturating_from(slivers.max(1));
        (self.cycle / items).min(PAUSE_MAX)
    }

    async fn pause(&self, time: Duration) {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = sleep(time) => {}
        }
    }
}
