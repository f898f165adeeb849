//! The node's place in the current epoch: committee, shards, and what an epoch change means for
//! them.

mod plan;
mod schedule;
mod shards;

use std::{collections::BTreeMap, sync::Arc};

use stdx::RwLock;
use walrus_core::{Epoch, NShards, ObjectId, ShardIndex};
use walrus_sui::{Committee, CommitteeMember};

pub use plan::{
    Attestation, EpochPlan, SHARD_RETENTION_EPOCHS, ShardSource, ShardTask, Snapshot, phase_of,
    plan_epoch,
};
pub use schedule::{EpochCall, JITTER_MAX_MS, Moment, ScheduledCall, SubsidiesState, schedule};
pub use shards::{ShardRecord, ShardStatus};

/// A consistent view of committees and shards.
#[derive(Debug, Clone, Default)]
pub struct EpochView {
    /// Who this node is; `None` until the chain has said so.
    pub node_id: Option<ObjectId>,
    /// The committee this node works in; `None` until the first one is known.
    pub current: Option<Arc<Committee>>,
    /// The committee of the epoch before, if there was one.
    pub previous: Option<Arc<Committee>>,
    /// Shards the committee assigns to this node, ascending.
    pub owned: Vec<ShardIndex>,
    /// Shards with storage.
    pub shards: BTreeMap<ShardIndex, ShardRecord>,
}

impl EpochView {
    /// The current epoch; 0 before the first committee.
    pub fn epoch(&self) -> Epoch {
        self.current.as_ref().map_or(0, |committee| committee.epoch)
    }

    /// This node in the committee.
    pub fn member(&self) -> Option<&CommitteeMember> {
        let (_, member) = self.current.as_ref()?.member(self.node_id?)?;
        Some(member)
    }

    /// Whether slivers of the shard may be stored.
    pub fn accepts_writes(&self, shard: ShardIndex) -> bool {
        self.shards
            .get(&shard)
            .is_some_and(|record| record.status.accepts_writes())
    }

    /// Whether the shard is complete.
    pub fn is_active(&self, shard: ShardIndex) -> bool {
        self.shards
            .get(&shard)
            .is_some_and(|record| record.status == ShardStatus::Active)
    }

    /// Whether every owned shard is complete.
    pub fn all_owned_active(&self) -> bool {
        self.owned.iter().all(|shard| self.is_active(*shard))
    }
}

/// The present [`EpochView`], replaced as a whole so that no request sees a half-changed one.
#[derive(Debug)]
pub struct Epochs {
    n_shards: NShards,
    view: RwLock<Arc<EpochView>>,
}

impl Epochs {
    /// Starts with `view`.
    pub fn new(n_shards: NShards, view: EpochView) -> Self {
        Self {
            n_shards,
            view: RwLock::new(Arc::new(view)),
        }
    }

    /// Number of shards of the network. Never changes.
    pub fn n_shards(&self) -> NShards {
        self.n_shards
    }

    /// The present view.
    pub fn view(&self) -> Arc<EpochView> {
        self.view.read().clone()
    }

    /// Replaces the view.
    pub fn replace(&self, view: EpochView) {
        *self.view.write() = Arc::new(view);
    }
}
