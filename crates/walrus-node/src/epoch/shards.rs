//! The state of a shard on this node.

use serde::{Deserialize, Serialize};
use walrus_core::Epoch;

/// How complete a shard is.
///
/// The numbers are those of the records on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
pub enum ShardStatus {
    /// Holds every sliver it has to.
    Active = 1,
    /// Being copied from its previous owner.
    ActiveSync = 2,
    /// Lacks slivers that have to be recovered from other nodes.
    ActiveRecover = 3,
    /// Belongs to another node now: reads are served, writes refused.
    LockedToMove = 4,
}

impl ShardStatus {
    /// The word for it in the health report.
    pub const fn health_text(self) -> &'static str {
        match self {
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

impl From<ShardStatus> for u8 {
    fn from(status: ShardStatus) -> Self {
        status as Self
    }
}

impl TryFrom<u8> for ShardStatus {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        [
            Self::Active,
            Self::ActiveSync,
            Self::ActiveRecover,
            Self::LockedToMove,
        ]
        .into_iter()
        .find(|status| u8::from(*status) == number)
        .ok_or_else(|| format!("{number} is not the status of a shard"))
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
