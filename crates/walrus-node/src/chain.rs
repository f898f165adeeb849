//! What the node needs from the chain, and nothing more.
//!
//! [`ChainView`] is the seam between the node and Sui: [`sui::SuiChain`] implements it over gRPC; tests of the node
//! alone implement it in memory. Every method may fail for a while, and the callers retry.

mod event;
mod sui;

use std::fmt;

use futures::{future::BoxFuture, stream::BoxStream};
use serde::{Deserialize, Serialize};
use walrus_core::{
    Epoch, EventId, NShards, ObjectId, ShardIndex,
    keys::{NetworkPublicKey, ProtocolPublicKey},
};

pub use event::{ChainEvent, PersistenceKind};
pub use sui::{SuiChain, SuiChainConfig};

/// The chain as a storage node sees it.
pub trait ChainView: Send + Sync + 'static {
    /// Current committees and epoch state.
    fn committees(&self) -> BoxFuture<'_, Result<Committees, ChainError>>;

    /// What the chain has registered for this node's capability; `None` without a capability.
    fn registration(&self) -> BoxFuture<'_, Result<Option<Registration>, ChainError>>;

    /// Events of every checkpoint after `after`, in order and without a gap; `None` starts with the first checkpoint
    /// that can hold an event of the contracts. The stream reconnects by itself and ends only with an error that
    /// repetition does not cure.
    fn events(
        &self,
        after: Option<u64>,
    ) -> BoxStream<'static, Result<CheckpointEvents, ChainError>>;

    /// Attests on chain that this node holds its shards of `epoch`. Repeating it is not an error.
    fn epoch_sync_done(&self, epoch: Epoch) -> BoxFuture<'_, Result<(), ChainError>>;

    /// Whether this node can send transactions (it has a capability and a wallet).
    fn can_attest(&self) -> bool;
}

/// Why the chain did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// The endpoint could not be reached or failed; trying again later may help.
    #[error("{0}")]
    Unavailable(String),
    /// The chain answered something that contradicts the configuration.
    #[error("{0}")]
    Contradiction(String),
}

/// The registration of a node on chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The node's ID, which is the ID of its staking pool.
    pub node_id: ObjectId,
    /// Key the committee knows the node by.
    pub public_key: ProtocolPublicKey,
    /// Key the node's TLS certificate must carry.
    pub network_public_key: NetworkPublicKey,
}

/// Committees and state of the current epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committees {
    /// Committee of the current epoch.
    pub current: Committee,
    /// Committee of the epoch before; `None` if there was none with members.
    pub previous: Option<Committee>,
    /// Whether the change into the current epoch is still going on.
    pub change_in_progress: bool,
}

/// The members of one epoch and their shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committee {
    /// The epoch.
    pub epoch: Epoch,
    /// Number of shards of the whole system.
    pub n_shards: NShards,
    /// Members in on-chain order.
    pub members: Vec<CommitteeMember>,
}

/// One member of a [`Committee`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitteeMember {
    /// The node.
    pub node_id: ObjectId,
    /// Its protocol key.
    pub public_key: ProtocolPublicKey,
    /// Its shards.
    pub shards: Vec<ShardIndex>,
}

impl Committee {
    /// The shards of the member with `public_key`, ascending; empty when there is no such member.
    pub fn shards_of(&self, public_key: &ProtocolPublicKey) -> Vec<ShardIndex> {
        let mut shards: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.public_key == *public_key)
            .flat_map(|member| member.shards.iter().copied())
            .collect();
        shards.sort_unstable();
        shards
    }
}

/// The events of one checkpoint.
#[derive(Debug, Clone)]
pub struct CheckpointEvents {
    /// Sequence number of the checkpoint.
    pub checkpoint: u64,
    /// Time of the checkpoint, milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
    /// Events of the contracts, in order. Most checkpoints have none.
    pub events: Vec<(EventId, ChainEvent)>,
}

impl fmt::Display for CheckpointEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "checkpoint {} ({} events)",
            self.checkpoint,
            self.events.len()
        )
    }
}
