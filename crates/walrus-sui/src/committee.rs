//! Storage committees as the staking contract assigns them.

use serde::{Deserialize, Serialize};
use stdx::SaturatingFrom as _;
use walrus_core::{
    Epoch, Frost, NShards, NetworkPublicKey, ObjectId, ProtocolPublicKey, ShardIndex, bft,
};

/// One storage node of a committee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitteeMember {
    /// The node; also the object ID of its staking pool.
    pub node_id: ObjectId,
    /// Name the operator chose.
    pub name: String,
    /// `host:port` of the node's API.
    pub network_address: String,
    /// Key that verifies the node's signed messages of this committee's epoch.
    pub public_key: ProtocolPublicKey,
    /// Key of the node's TLS certificate. `None` if the operator registered bytes that are no key:
    /// such a node cannot be reached over TLS, but keeps its place (and bitmap index) in the
    /// committee.
    pub network_public_key: Option<NetworkPublicKey>,
    /// Shards it holds, in the contract's order.
    pub shards: Vec<ShardIndex>,
    /// Stake of its pool in the current epoch.
    pub stake: Frost,
}

impl CommitteeMember {
    /// Voting weight: the number of shards.
    pub fn weight(&self) -> u16 {
        u16::saturating_from(self.shards.len())
    }
}

/// The nodes responsible for all shards in one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committee {
    /// The epoch it serves in.
    pub epoch: Epoch,
    /// Number of shards.
    pub n_shards: NShards,
    /// Members in the contract's order: the index of a member is its bit in certificates.
    pub members: Vec<CommitteeMember>,
}

impl Committee {
    /// True in epoch 0, when there is no committee yet.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The member that holds `shard`, with its index.
    pub fn member_of_shard(&self, shard: ShardIndex) -> Option<(u16, &CommitteeMember)> {
        self.indexed()
            .find(|(_, member)| member.shards.contains(&shard))
    }

    /// The member `node_id`, with its index.
    pub fn member(&self, node_id: ObjectId) -> Option<(u16, &CommitteeMember)> {
        self.indexed().find(|(_, member)| member.node_id == node_id)
    }

    /// Members with their indices in certificates.
    pub fn indexed(&self) -> impl Iterator<Item = (u16, &CommitteeMember)> {
        (0..).zip(&self.members)
    }

    /// Shards held together by the members with these indices; unknown indices count nothing.
    pub fn weight(&self, indices: impl IntoIterator<Item = u16>) -> usize {
        indices
            .into_iter()
            .filter_map(|index| self.members.get(usize::from(index)))
            .map(|member| member.shards.len())
            .sum()
    }

    /// True if `weight` shards suffice for a certificate the contract accepts.
    pub fn is_quorum(&self, weight: usize) -> bool {
        bft::is_quorum(weight, self.n_shards)
    }
}

/// Where an epoch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochState {
    /// The epoch began; nodes are taking over their shards.
    ChangeSync {
        /// Shards whose nodes have attested that they are ready.
        attested: u16,
    },
    /// A quorum of shards is in place.
    ChangeDone {
        /// When that was so, in ms since 1970.
        since_ms: u64,
    },
    /// The next committee and its parameters are selected.
    NextParamsSelected {
        /// When the epoch change was done, in ms since 1970.
        since_ms: u64,
    },
}

/// The committees around the current epoch, from one consistent read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committees {
    /// The current epoch.
    pub epoch: Epoch,
    /// Number of shards.
    pub n_shards: NShards,
    /// Where the epoch stands.
    pub epoch_state: EpochState,
    /// Committee of the current epoch; empty in epoch 0.
    pub current: Committee,
    /// Committee of the epoch before, if there was one.
    pub previous: Option<Committee>,
    /// Committee of the next epoch, once selected.
    pub next: Option<Committee>,
}

impl Committees {
    /// The committee of `epoch`, if it is one of the three.
    pub fn of_epoch(&self, epoch: Epoch) -> Option<&Committee> {
        [
            Some(&self.current),
            self.previous.as_ref(),
            self.next.as_ref(),
        ]
        .into_iter()
        .flatten()
        .find(|committee| committee.epoch == epoch)
    }

    /// True while nodes of the current committee may not hold their shards yet.
    pub fn is_changing(&self) -> bool {
        matches!(self.epoch_state, EpochState::ChangeSync { .. })
    }
}
