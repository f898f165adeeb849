//! The beginning of an epoch, as a node lives it.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};
use walrus_core::{Epoch, ShardIndex, SliverType};

use super::{EventError, EventProcessor};
use crate::{
    chain::{Committee, Committees},
    epoch::{EpochPlan, EpochView, plan_epoch_change},
    progress::NodePhase,
    storage::{Index, ShardStatus, SliverKey, StorageError},
};

/// How often the chain is asked whether its state shows the new epoch yet.
const CHAIN_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How many times, before the event is put back and tried again later.
const CHAIN_POLLS_MAX: usize = 120;

impl EventProcessor {
    /// Processes the start of `epoch`. Everything here may be repeated after a crash.
    pub(super) async fn begin_epoch(&mut self, epoch: Epoch) -> Result<(), EventError> {
        let expired = self
            .service
            .storage
            .with_index(move |index| index.expire_records(epoch))
            .await?;
        let committees = self.wait_for_epoch(epoch).await?;
        if committees.current.epoch > epoch {
            // The chain is further: this epoch is history, only its records matter.
            info!(
                epoch,
                chain = committees.current.epoch,
                expired,
                "catching up"
            );
            self.service
                .progress
                .update(|progress| progress.phase = NodePhase::CatchUp);
            return Ok(());
        }
        info!(epoch, expired, "a new epoch began");
        self.activate(committees).await?;
        self.attester.resume();
        self.garbage.collect(epoch);
        Ok(())
    }

    /// Chain state, once it shows `epoch` or a later one.
    async fn wait_for_epoch(&self, epoch: Epoch) -> Result<Committees, EventError> {
        for _ in 0..CHAIN_POLLS_MAX {
            let committees = self.chain.committees().await?;
            if committees.current.epoch >= epoch {
                return Ok(committees);
            }
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = sleep(CHAIN_POLL_INTERVAL) => {}
            }
        }
        Err(EventError::Chain(crate::chain::ChainError::Unavailable(
            format!("the state of the chain does not show epoch {epoch} yet"),
        )))
    }

    /// Makes the current committee the one this node works in.
    async fn activate(&mut self, committees: Committees) -> Result<(), EventError> {
        let Committees {
            current, previous, ..
        } = committees;
        let service = self.service.clone();
        let epoch = current.epoch;
        let owned = current.shards_of(&service.public_key());
        let before = service.epochs.view();
        let work = {
            let owned = owned.clone();
            let (current, previous) = (current.clone(), previous.clone());
            let before = before.clone();
            move |index: &Index| {
                let plan = plan(index, &before, &owned, epoch)?;
                write_plan(index, &plan, &owned, &current, previous.as_ref(), epoch)?;
                Ok(plan)
            }
        };
        let plan = service.storage.with_index(work).await?;
        report_plan(&plan, &owned, epoch);
        let view = EpochView {
            committee: Some(current),
            owned,
            shards: plan.shards,
        };
        service
            .progress
            .update(|progress| progress.phase = phase_of(&view));
        service.epochs.replace(view);
        for shard in plan.expired {
            let storage = service.storage.clone();
            self.tasks.spawn(async move {
                match storage.delete_shard(shard).await {
                    Ok(_) => info!(shard = shard.0, "deleted a shard that moved away"),
                    Err(error) => {
                        warn!(shard = shard.0, %error, "cannot delete a shard that moved away");
                    }
                }
            });
        }
        Ok(())
    }
}

/// The phase that goes with a view.
pub(crate) fn phase_of(view: &EpochView) -> NodePhase {
    if view.owned.is_empty() {
        NodePhase::Standby
    } else if view.all_owned_active() {
        NodePhase::Active
    } else {
        NodePhase::Recovery
    }
}

fn plan(
    index: &Index,
    before: &EpochView,
    owned: &[ShardIndex],
    epoch: Epoch,
) -> Result<EpochPlan, StorageError> {
    let mut plan = plan_epoch_change(&before.shards, owned, epoch, false);
    // A shard of which every certified sliver is here is complete, however that came about. In particular there is nothing
    // to copy in the first epoch.
    let incomplete = incomplete_shards(index, owned, epoch)?;
    for shard in owned {
        if let Some(record) = plan.shards.get_mut(shard) {
            record.status = if incomplete.contains(shard) {
                ShardStatus::ActiveRecover
            } else {
                ShardStatus::Active
            };
        }
    }
    Ok(plan)
}

fn write_plan(
    index: &Index,
    plan: &EpochPlan,
    owned: &[ShardIndex],
    current: &Committee,
    previous: Option<&Committee>,
    epoch: Epoch,
) -> Result<(), StorageError> {
    let shards: Vec<_> = plan
        .shards
        .iter()
        .map(|(shard, record)| (*shard, *record))
        .collect();
    debug_assert_eq!(current.epoch, epoch, "the committee is that of the epoch");
    index.activate(current, previous, &shards, !owned.is_empty())
}

/// Shards of `owned` that lack a sliver of a blob certified before `epoch`.
pub(crate) fn incomplete_shards(
    index: &Index,
    owned: &[ShardIndex],
    epoch: Epoch,
) -> Result<Vec<ShardIndex>, StorageError> {
    let mut incomplete = Vec::new();
    index.for_each_blob(|blob_id, record| {
        let certified_before = record.is_certified(epoch)
            && record
                .initial_certified_epoch
                .is_some_and(|initial| initial < epoch);
        if certified_before {
            for shard in owned {
                if incomplete.contains(shard) {
                    continue;
                }
                for axis in [SliverType::Primary, SliverType::Secondary] {
                    if !index.has_sliver(&SliverKey {
                        shard: *shard,
                        axis,
                        blob_id,
                    })? {
                        incomplete.push(*shard);
                        break;
                    }
                }
            }
        }
        Ok(incomplete.len() < owned.len())
    })?;
    Ok(incomplete)
}

fn report_plan(plan: &EpochPlan, owned: &[ShardIndex], epoch: Epoch) {
    let numbers = |shards: &[ShardIndex]| shards.iter().map(|shard| shard.0).collect::<Vec<_>>();
    info!(
        epoch,
        owned = owned.len(),
        gained = ?numbers(&plan.gained),
        lost = ?numbers(&plan.lost),
        "committee activated"
    );
    let incomplete: Vec<_> = plan
        .shards
        .iter()
        .filter(|(_, record)| record.status == ShardStatus::ActiveRecover)
        .map(|(shard, _)| shard.0)
        .collect();
    if !incomplete.is_empty() {
        warn!(
            shards = ?incomplete,
            "shards lack slivers of certified blobs; this version of the node cannot fetch them from other nodes, so the \
             epoch is not attested until they are uploaded again"
        );
    }
}
