//! The node's place in the epoch: what changes it, and what has to be told to the chain.

use std::{collections::BTreeSet, sync::Arc};

use walrus_core::{Epoch, ObjectId, ShardIndex, node_api::RecoveryProgress};

use super::{NodeState, incomplete_shards};
use crate::{
    chain::Committee,
    epoch::{EpochPlan, EpochView, ShardRecord, ShardStatus, Snapshot, phase_of, plan_epoch},
    progress::NodePhase,
    storage::{CommitOutcome, Index, StorageError},
};

impl NodeState {
    /// Makes `current` the committee this node works in, on disk and in memory, and returns what
    /// follows from it. May be repeated.
    pub async fn enter_epoch(
        &self,
        node_id: Option<ObjectId>,
        current: Arc<Committee>,
        previous: Option<Arc<Committee>>,
    ) -> Result<EpochPlan, StorageError> {
        let _changing = self.epoch_changes.lock().await;
        let before = self.view();
        let plan = {
            let (current, previous) = (current.clone(), previous.clone());
            self.storage
                .with_index(move |index: &Index| {
                    let mut snapshot = Snapshot {
                        node_id,
                        current,
                        previous,
                        shards: before.shards.clone(),
                        incomplete: BTreeSet::new(),
                    };
                    // Every shard is looked at, also those that were complete: the node may have
                    // been away while blobs were written.
                    let (owned, epoch) = (snapshot.owned(), snapshot.current.epoch);
                    snapshot.incomplete = incomplete_shards(index, &owned, epoch)?;
                    let plan = plan_epoch(&snapshot);
                    index.activate(
                        &snapshot.current,
                        snapshot.previous.as_deref(),
                        node_id,
                        &plan,
                    )?;
                    Ok(plan)
                })
                .await?
        };
        self.show(node_id, current, previous, &plan);
        Ok(plan)
    }

    /// Works out again what follows from the committee of the view, when the node starts. `None`
    /// without a committee.
    ///
    /// Nothing is looked for in the storage: the shards that were not complete when the node
    /// stopped are taken to be incomplete still.
    pub async fn resume_epoch(
        &self,
        node_id: Option<ObjectId>,
    ) -> Result<Option<EpochPlan>, StorageError> {
        let _changing = self.epoch_changes.lock().await;
        let before = self.view();
        let Some(current) = before.current.clone() else {
            return Ok(None);
        };
        let mut snapshot = Snapshot {
            node_id,
            current: current.clone(),
            previous: before.previous.clone(),
            shards: before.shards.clone(),
            incomplete: BTreeSet::new(),
        };
        snapshot.incomplete = snapshot
            .owned()
            .into_iter()
            .filter(|shard| !before.is_active(*shard))
            .collect();
        let plan = plan_epoch(&snapshot);
        let shards = plan.shards.clone();
        self.storage
            .with_index(move |index| index.set_shards(&shards))
            .await?;
        self.show(node_id, current, before.previous.clone(), &plan);
        Ok(Some(plan))
    }

    fn show(
        &self,
        node_id: Option<ObjectId>,
        current: Arc<Committee>,
        previous: Option<Arc<Committee>>,
        plan: &EpochPlan,
    ) {
        self.epochs.replace(EpochView {
            node_id,
            current: Some(current),
            previous,
            owned: plan.owned.clone(),
            shards: plan.shards.clone(),
        });
        self.set_phase(plan.phase);
        self.attestation.notify_one();
    }

    /// Notes that every sliver of a shard that is due in `epoch` is durable. Returns whether that
    /// is news: `false` if the shard was complete before, or `epoch` is over, or the shard is
    /// another node's.
    pub async fn shard_complete(
        &self,
        shard: ShardIndex,
        epoch: Epoch,
    ) -> Result<bool, StorageError> {
        self.set_shard_status(shard, epoch, ShardStatus::Active)
            .await
    }

    /// Notes that what a shard lacks cannot be copied and has to be recovered. Returns whether that
    /// is news.
    pub async fn shard_needs_recovery(
        &self,
        shard: ShardIndex,
        epoch: Epoch,
    ) -> Result<bool, StorageError> {
        self.set_shard_status(shard, epoch, ShardStatus::ActiveRecover)
            .await
    }

    async fn set_shard_status(
        &self,
        shard: ShardIndex,
        epoch: Epoch,
        status: ShardStatus,
    ) -> Result<bool, StorageError> {
        let _changing = self.epoch_changes.lock().await;
        let mut view = (*self.view()).clone();
        if view.epoch() != epoch || !view.owned.contains(&shard) || view.is_active(shard) {
            return Ok(false);
        }
        let record = ShardRecord {
            status,
            owned_in: epoch,
        };
        self.storage
            .with_index(move |index| index.set_shards([(&shard, &record)]))
            .await?;
        view.shards.insert(shard, record);
        if !self.phase().is_catch_up() {
            self.set_phase(phase_of(&view));
        }
        self.epochs.replace(view);
        self.attestation.notify_one();
        Ok(true)
    }

    /// Notes that the metadata of all certified blobs is here: what a new member of the committee
    /// fetches first.
    pub async fn metadata_recovered(&self, epoch: Epoch) {
        let _changing = self.epoch_changes.lock().await;
        let view = self.view();
        if view.epoch() == epoch && self.phase() == NodePhase::RecoverMetadata {
            self.set_phase(phase_of(&view));
        }
    }

    /// Notes how far the work on shards that lack slivers is, or that none is going on.
    pub(crate) fn report_recovery(&self, recovery: Option<RecoveryProgress>) {
        self.progress.set_recovery(recovery);
    }

    /// The present phase.
    pub fn phase(&self) -> NodePhase {
        self.progress.get().phase
    }

    /// Notes that the events being processed belong to an epoch that is over.
    pub fn catching_up(&self) {
        if !self.phase().is_catch_up() {
            self.set_phase(NodePhase::CatchUp);
        }
    }

    /// Notes the same, and that not all of those events are there.
    pub(crate) fn catching_up_with_gaps(&self, first_complete_epoch: Epoch, epoch_at_start: Epoch) {
        self.set_phase(NodePhase::CatchUpIncomplete {
            first_complete_epoch,
            epoch_at_start,
        });
    }

    /// Notes that event blobs are replayed up to this checkpoint, or that they are not any more.
    pub(crate) fn replaying_to(&self, checkpoint: Option<u64>) {
        self.progress
            .update(|progress| progress.catching_up_to = checkpoint);
    }

    fn set_phase(&self, phase: NodePhase) {
        self.progress.update(|progress| progress.phase = phase);
    }

    /// Deletes a shard whose retention is over, unless this node owns it (again).
    pub async fn delete_shard(&self, shard: ShardIndex) -> Result<bool, StorageError> {
        let _changing = self.epoch_changes.lock().await;
        if self.view().shards.contains_key(&shard) {
            return Ok(false);
        }
        let outcome = self.storage.delete_shard(shard).await?;
        Ok(!matches!(outcome, CommitOutcome::Removed(0)))
    }

    /// Tells those who move the epoch on that an event has.
    pub fn tell_epoch_moved(&self) {
        self.epoch_move.notify_one();
    }

    /// Waits until an event moves the epoch on.
    pub async fn epoch_moved(&self) {
        self.epoch_move.notified().await;
    }

    /// Waits until an attestation may have become due.
    pub async fn attestation_wanted(&self) {
        self.attestation.notified().await;
    }

    /// The epoch this node can attest now: every shard it owns is complete.
    pub async fn due_attestation(&self) -> Result<Option<Epoch>, StorageError> {
        let due = self.storage.with_index(Index::pending_attestation).await?;
        let view = self.view();
        let is_ready = view.all_owned_active() && !self.phase().is_catch_up();
        Ok(due.filter(|epoch| is_ready && *epoch == view.epoch()))
    }

    /// Notes that the attestation of `epoch` is settled. The duty of a newer epoch stays.
    pub async fn attestation_settled(&self, epoch: Epoch) -> Result<(), StorageError> {
        let _changing = self.epoch_changes.lock().await;
        self.storage
            .with_index(move |index| match index.pending_attestation()? {
                Some(due) if due <= epoch => index.clear_attestation(),
                _ => Ok(()),
            })
            .await
    }
}
