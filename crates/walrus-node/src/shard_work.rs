//! Completing shards and blobs: what events ask for, and whoever does it.
//!
//! The plan of an epoch says which shards lack slivers; every certified blob may be one this node
//! lacks slivers of. Both are handed over here and worked on in the background. What comes of it is
//! told to [`NodeState`](crate::state::NodeState).

use walrus_core::BlobId;

use crate::epoch::EpochPlan;

/// Brings the shards of a plan to completion.
pub trait ShardWork: Send + Sync + 'static {
    /// Takes on the work of `plan` instead of that of any earlier plan, and returns at once. Called
    /// when an epoch begins and when the node starts.
    ///
    /// Every shard that becomes complete is reported with
    /// [`shard_complete`](crate::state::NodeState::shard_complete).
    fn follow(&self, plan: &EpochPlan);
}

/// Gets what this node lacks of blobs.
pub trait Healing: Send + Sync + 'static {
    /// A blob was certified; this node may lack slivers of it. Returns at once. Not called while
    /// the node replays epochs that are over: the next plan covers them.
    fn blob_certified(&self, blob_id: BlobId);
}
