//! The node's place in the current epoch: committee, shards, and what an epoch change means for them.

mod plan;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use walrus_core::{Epoch, NShards, ShardIndex};

use crate::{
    chain::Committee,
    storage::{ShardRecord, ShardStatus},
};

pub use plan::{EpochPlan, SHARD_RETENTION_EPOCHS, plan_epoch_change};

/// A consistent view of committee and shards.
#[derive(Debug, Clone)]
pub struct EpochView {
    /// The committee this node works in; `None` until the first one is known.
    pub committee: Option<Committee>,
    /// Shards the committee assigns to this node, ascending.
    pub owned: Vec<ShardIndex>,
    /// Shards with storage.
    pub shards: BTreeMap<ShardIndex, ShardRecord>,
}

impl EpochView {
    /// The current epoch; 0 before the first committee.
    pub fn epoch(&self) -> Epoch {
        self.committee
            .as_ref()
            .map_or(0, |committee| committee.epoch)
    }

    /// Whether slivers of the shard may be stored.
    pub fn accepts_writes(&self, shard: ShardIndex) -> bool {
        self.shards
            .get(&shard)
            .is_some_and(|record| record.status.accepts_writes())
    }

    /// Whether every owned shard is complete.
    pub fn all_owned_active(&self) -> bool {
        self.owned.iter().all(|shard| {
            self.shards
                .get(shard)
                .is_some_and(|record| record.status == ShardStatus::Active)
        })
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
        self.view
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces the view.
    pub fn replace(&self, view: EpochView) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }
}
