//! The shared `Staking` object: nodes, stake, committees, epochs.

use serde::{Deserialize, Serialize};
use walrus_core::{Epoch, ObjectId, ShardIndex, SuiAddress};

use super::{Balance, Collection, EpochParams, ExtendedField, GroupElement, U256, VecMap};

/// `staking::Staking`. A dynamic field named by `version` (`u64`) holds the [`StakingInnerV1`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staking {
    pub id: ObjectId,
    /// Version of the contracts this object works with.
    pub version: u64,
    /// Package to call.
    pub package_id: ObjectId,
    /// Package that is committed but not migrated to yet.
    pub new_package_id: Option<ObjectId>,
}

/// `staking_inner::StakingInnerV1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakingInnerV1 {
    pub n_shards: u16,
    pub epoch_duration: u64,
    /// When epoch 0 may end.
    pub first_epoch_start: u64,
    /// Node id → [`StakingPool`], an object table.
    pub pools: Collection,
    pub epoch: Epoch,
    /// Holds an [`ActiveSet`].
    pub active_set: ExtendedField,
    pub next_committee: Option<Committee>,
    pub committee: Committee,
    pub previous_committee: Committee,
    pub next_epoch_params: Option<EpochParams>,
    pub epoch_state: EpochState,
    /// Holds the keys of the next committee: a map from node id to uncompressed key.
    pub next_epoch_public_keys: ExtendedField,
}

/// `staking_inner::EpochState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EpochState {
    /// The shards that have been attested as synced so far.
    EpochChangeSync(u16),
    /// When a quorum had attested, in ms.
    EpochChangeDone(u64),
    /// When the preceding `EpochChangeDone` began, in ms.
    NextParamsSelected(u64),
}

/// `committee::Committee`: node id → shards, ascending by node id. The position in this list is the
/// position in signer bitmaps.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committee(pub VecMap<ObjectId, Vec<ShardIndex>>);

/// `active_set::ActiveSet`: the nodes with the most stake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveSet {
    pub max_size: u16,
    pub threshold_stake: u64,
    pub nodes: Vec<ActiveSetEntry>,
    pub total_stake: u64,
}

/// `active_set::ActiveSetEntry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveSetEntry {
    pub node_id: ObjectId,
    pub staked_amount: u64,
}

/// `pending_values::PendingValues`: epoch → value.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingValues(pub VecMap<Epoch, u64>);

/// `pool_exchange_rate::PoolExchangeRate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolExchangeRate {
    /// One share is one FROST.
    Flat,
    /// `share_amount` shares are worth `wal_amount` FROST.
    Variable {
        wal_amount: u128,
        share_amount: u128,
    },
}

/// `auth::Authorized`: who may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authorized {
    /// The account with this address.
    Address(SuiAddress),
    /// Whoever can use the object with this id.
    ObjectId(ObjectId),
}

/// `node_metadata::NodeMetadata`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeMetadata {
    pub image_url: String,
    pub project_url: String,
    pub description: String,
    pub extra_fields: VecMap<String, String>,
}

/// `storage_node::StorageNodeInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageNodeInfo {
    pub name: String,
    pub node_id: ObjectId,
    /// `host:port`.
    pub network_address: String,
    /// Uncompressed BLS key.
    pub public_key: GroupElement,
    pub next_epoch_public_key: Option<GroupElement>,
    /// Compressed P-256 key (33 bytes), not validated by the contracts.
    pub network_public_key: Vec<u8>,
    /// Holds a [`NodeMetadata`].
    pub metadata: ExtendedField,
}

/// `storage_node::StorageNodeCap`: what a node acts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageNodeCap {
    pub id: ObjectId,
    pub node_id: ObjectId,
    pub last_epoch_sync_done: Epoch,
    pub last_event_blob_attestation: Option<EventBlobAttestation>,
    pub deny_list_root: U256,
    pub deny_list_sequence: u64,
    pub deny_list_size: u64,
}

/// `event_blob::EventBlobAttestation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBlobAttestation {
    pub checkpoint_sequence_num: u64,
    pub epoch: Epoch,
}

/// `staked_wal::StakedWal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakedWal {
    pub id: ObjectId,
    pub state: StakedWalState,
    pub node_id: ObjectId,
    pub principal: Balance,
    /// First epoch in which the stake earns rewards.
    pub activation_epoch: Epoch,
}

/// `staked_wal::StakedWalState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StakedWalState {
    /// Staked, or about to be.
    Staked,
    /// To be withdrawn from this epoch on.
    Withdrawing { withdraw_epoch: Epoch },
}

/// `staking_pool::StakingPool`: a node and the stake in it. Its object id is the node id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakingPool {
    pub id: ObjectId,
    pub state: PoolState,
    pub voting_params: VotingParams,
    pub node_info: StorageNodeInfo,
    pub activation_epoch: Epoch,
    /// Epoch up to which the numbers below are computed.
    pub latest_epoch: Epoch,
    /// Active stake with its rewards.
    pub wal_balance: u64,
    pub num_shares: u64,
    /// Shares to leave, by epoch.
    pub pending_shares_withdraw: PendingValues,
    /// Principal to leave that was not active when it was requested, by epoch.
    pub pre_active_withdrawals: PendingValues,
    pub pending_commission_rate: PendingValues,
    /// Hundredths of a percent.
    pub commission_rate: u16,
    /// Epoch → [`PoolExchangeRate`].
    pub exchange_rates: Collection,
    /// Principal to become active, by epoch.
    pub pending_stake: PendingValues,
    pub rewards_pool: Balance,
    pub commission: Balance,
    pub commission_receiver: Authorized,
    pub governance_authorized: Authorized,
    pub extra_fields: Collection,
}

/// `staking_pool::RateGap`: epochs of a pool for which no exchange rate is recorded, between two
/// for which one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateGap {
    pub recorded_epoch: Epoch,
    pub back_epoch: Epoch,
}

/// `staking_pool::PoolState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolState {
    /// Takes stake.
    Active,
    /// Leaves in this epoch.
    Withdrawing(Epoch),
    /// Has left.
    Withdrawn,
}

/// `staking_pool::VotingParams`: what the node votes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VotingParams {
    pub storage_price: u64,
    pub write_price: u64,
    pub node_capacity: u64,
}
