//! Mirror of the on-chain structs: same names, same fields in the same order, hence the same BCS.
//!
//! Numbers that name something have the type of [`walrus_core`]; a blob id, a `u256` on chain, is
//! the same 32 bytes there. Fields without a comment mean what their name says; sizes are bytes,
//! amounts FROST, times milliseconds since 1970.

#![allow(
    missing_docs,
    reason = "fields without a comment mean what their name says"
)]

mod framework;
mod governance;
mod peripheral;
pub mod policies;
mod pool;
pub mod seal;
mod staking;
mod storage;
mod system;
pub mod voting;

pub use framework::{
    Balance, Coin, Collection, DynamicField, EmptyStruct, GroupElement, ObjectField, U256, VecMap,
    VecSet,
};
pub use governance::{
    EmergencyUpgradeCap, InitCap, ObjectDisplay, ProtectedTreasury, Publisher, SlashingManager,
    SlashingProposal, UpgradeCap, UpgradeManager, UpgradeProposal,
};
pub use peripheral::{
    BlobBucket, BlobBucketCap, BlobBucketInnerV1, EpochBalance, EpochBalanceRingBuffer, Exchange,
    ExchangeAdminCap, ExchangeRate, Subsidies, SubsidiesAdminCap, UsageBudget, WalrusSubsidies,
    WalrusSubsidiesInnerV1,
};
pub use pool::{PooledBlob, StoragePool, StoragePoolInnerV1};
pub use staking::{
    ActiveSet, ActiveSetEntry, Authorized, Committee, EpochState, EventBlobAttestation,
    NodeMetadata, PendingValues, PoolExchangeRate, PoolState, RateGap, StakedWal, StakedWalState,
    Staking, StakingInnerV1, StakingPool, StorageNodeCap, StorageNodeInfo, VotingParams,
};
pub use storage::{Blob, Metadata, SharedBlob, Storage};
pub use system::{
    BlsCommittee, BlsCommitteeMember, EpochParams, EventBlob, EventBlobCertificationState,
    ExtendedField, FutureAccounting, FutureAccountingRingBuffer, System, SystemStateInnerV1,
};

#[cfg(test)]
mod mirror;
#[cfg(test)]
mod tests;
