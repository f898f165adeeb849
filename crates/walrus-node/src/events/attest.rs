//! Telling the chain that this node holds its shards.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};

use super::epoch_change::{incomplete_shards, phase_of};
use crate::{
    chain::ChainView,
    service::Service,
    storage::{ShardStatus, StorageError},
};

const RETRY_DELAY_MIN: Duration = Duration::from_millis(500);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(60);

/// Sends the attestation that is due, in the background, until it is accepted or out of date.
#[derive(Clone)]
pub struct Attester {
    service: Arc<Service>,
    chain: Arc<dyn ChainView>,
    stop: CancellationToken,
    /// Keeps one wake-up for a task that is busy.
    wake: Arc<Notify>,
}

/// How an attempt ended.
enum Attempt {
    Done,
    NotYet,
}

impl Attester {
    /// Starts the task that attests whenever [`Self::resume`] is called.
    pub(super) fn start(
        service: Arc<Service>,
        chain: Arc<dyn ChainView>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let attester = Self {
            service,
            chain,
            stop,
            wake: Arc::default(),
        };
        let task = attester.clone();
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = task.stop.cancelled() => return,
                    () = task.wake.notified() => task.run().await,
                }
            }
        });
        attester
    }

    /// Looks for an attestation that is due.
    pub fn resume(&self) {
        self.wake.notify_one();
    }

    async fn run(&self) {
        let mut delay = RETRY_DELAY_MIN;
        while !self.stop.is_cancelled() {
            match self.attempt().await {
                Ok(Attempt::Done) => return,
                Ok(Attempt::NotYet) => {}
                Err(error) => warn!(%error, "cannot attest the epoch; trying again"),
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep(delay) => {}
            }
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    async fn attempt(&self) -> Result<Attempt, super::EventError> {
        let due = self
            .service
            .storage
            .with_index(crate::storage::Index::pending_attestation)
            .await?;
        let Some(epoch) = due else {
            return Ok(Attempt::Done);
        };
        if !self.chain.can_attest() {
            debug!(epoch, "this node has no capability to attest with");
            return Ok(Attempt::Done);
        }
        if !self.refresh_shards().await? {
            return Ok(Attempt::NotYet);
        }
        let committees = self.chain.committees().await?;
        if committees.current.epoch > epoch {
            info!(
                epoch,
                chain = committees.current.epoch,
                "the attestation is out of date"
            );
        } else {
            self.chain.epoch_sync_done(epoch).await?;
        }
        // A newer epoch may have begun meanwhile; its duty must not be cleared.
        let still_due = self
            .service
            .storage
            .with_index(crate::storage::Index::pending_attestation)
            .await?;
        if still_due == Some(epoch) {
            self.service
                .storage
                .with_index(crate::storage::Index::clear_attestation)
                .await?;
            return Ok(Attempt::Done);
        }
        Ok(Attempt::NotYet)
    }

    /// Finds out which shards are complete by now; returns whether all are.
    async fn refresh_shards(&self) -> Result<bool, StorageError> {
        let before = self.service.epochs.view();
        if before.all_owned_active() {
            return Ok(true);
        }
        let (owned, epoch) = (before.owned.clone(), before.epoch());
        let incomplete = self
            .service
            .storage
            .with_index(move |index| incomplete_shards(index, &owned, epoch))
            .await?;
        let mut view = (*before).clone();
        let mut changed = Vec::new();
        for shard in &before.owned {
            if let Some(record) = view.shards.get_mut(shard)
                && record.status != ShardStatus::Active
                && !incomplete.contains(shard)
            {
                record.status = ShardStatus::Active;
                changed.push((*shard, *record));
            }
        }
        // Only this task and epoch changes replace the view; a view that changed meanwhile is looked at again.
        if changed.is_empty() || self.service.epochs.view().epoch() != epoch {
            return Ok(false);
        }
        self.service
            .storage
            .with_index(move |index| {
                changed
                    .into_iter()
                    .try_for_each(|(shard, record)| index.set_shard(shard, record))
            })
            .await?;
        self.service
            .progress
            .update(|progress| progress.phase = phase_of(&view));
        let complete = view.all_owned_active();
        self.service.epochs.replace(view);
        Ok(complete)
    }
}
