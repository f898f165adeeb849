//! Reading everything again, slowly, so that damage is found while other nodes can still help.
//!
//! Disks lose bits without telling. A sliver that nobody reads for a year would be found damaged
//! when it is needed. So one task reads all metadata and slivers in turn, paced so that a cycle
//! takes a fixed time. What does not match is forgotten, as when a reader finds it: it counts as
//! missing, and can be uploaded or recovered.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    service::Service,
    storage::{Item, StorageError},
};

/// Items listed at a time.
const BATCH: usize = 64;

/// Longest pause between two items: a storage with few of them is read more often than it has to
/// be.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Pause after a failure, and before an empty storage is looked at again.
const RETRY_DELAY: Duration = Duration::from_secs(60);

/// The scrub.
pub struct Scrub {
    service: Arc<Service>,
    cycle: Duration,
    stop: CancellationToken,
}

impl Scrub {
    /// Reads everything once in every `cycle`.
    pub fn new(service: Arc<Service>, cycle: Duration, stop: CancellationToken) -> Self {
        Self {
            service,
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
                self.service.metrics().scrub_cycles.inc();
                return Ok(total);
            };
            for item in items {
                self.pause(self.pause_per_item()).await;
                if self.stop.is_cancelled() {
                    return Ok(total);
                }
                self.check(item).await?;
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
        let items = u32::try_from(slivers.max(1)).unwrap_or(u32::MAX);
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
