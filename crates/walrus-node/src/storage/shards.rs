//! The state of a shard on this node.

use serde::{Deserialize, Serialize};
use walrus_core::Epoch;

/// How complete a shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ShardStatus {
    /// Created; nothing is known about what it lacks.
    None,
    /// Holds every sliver it has to.
    Active,
    /// Being copied from its previous owner.
    ActiveSync,
    /// Lacks slivers that have to be recovered from other nodes.
    ActiveRecover,
    /// Belongs to another node now: reads are served, writes refused.
    LockedToMove,
}

impl ShardStatus {
    /// The word for it in the health report.
    pub const fn health_text(self) -> &'static str {
        match self {
            Self::None => "unknown",
            Self::Active => "ready",
            Self::ActiveSync => "inTransfer",
            Self::ActiveRecover => "inRecovery",
            Self::LockedToMove => "readOnly",
        }
    }

    /// Whether slivers of the shard may be stored.
    pub const fn accepts_writes(self) -> bool {
        !matches!(self, Self::LockedToMove)
    }
}

/// A shard that has storage on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRecord {
    /// How complete it is.
    pub status: ShardStatus,
    /// The last epoch in which this node owned the shard.
    pub owned_in: Epoch,
}
