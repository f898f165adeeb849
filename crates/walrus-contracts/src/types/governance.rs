//! Objects of setup and governance.

use serde::{Deserialize, Serialize};
use walrus_core::{Epoch, ObjectId};

use super::{Collection, VecSet};

/// `wal::ProtectedTreasury`: the treasury capability is a child object of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedTreasury {
    pub id: ObjectId,
}

/// `0x2::package::Publisher`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publisher {
    pub id: ObjectId,
    pub package: String,
    pub module_name: String,
}

/// `0x2::package::UpgradeCap`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeCap {
    pub id: ObjectId,
    pub package: ObjectId,
    pub version: u64,
    pub policy: u8,
}

/// `init::InitCap`: allows to initialise the package once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitCap {
    pub id: ObjectId,
    pub publisher: Publisher,
}

/// `display::ObjectDisplay`: how wallets show our objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectDisplay {
    pub id: ObjectId,
    pub inner: Collection,
}

/// `upgrade::UpgradeManager`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeManager {
    pub id: ObjectId,
    pub cap: UpgradeCap,
    /// Package digest → [`UpgradeProposal`].
    pub upgrade_proposals: Collection,
}

/// `upgrade::UpgradeProposal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeProposal {
    pub epoch: Epoch,
    /// 32 bytes.
    pub digest: Vec<u8>,
    pub version: u64,
    /// Shards of the nodes that have voted for it.
    pub voting_weight: u16,
    pub voters: VecSet<ObjectId>,
}

/// `upgrade::EmergencyUpgradeCap`: upgrades without a vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyUpgradeCap {
    pub id: ObjectId,
    pub upgrade_manager_id: ObjectId,
}

/// `slashing::SlashingManager`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlashingManager {
    pub id: ObjectId,
    /// Node id → [`SlashingProposal`].
    pub slashing_candidates: Collection,
}

/// `slashing::SlashingProposal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlashingProposal {
    pub epoch: Epoch,
    pub node_id: ObjectId,
    pub voting_weight: u16,
    pub voters: VecSet<ObjectId>,
}
