//! Objects of the packages around `walrus`: exchange, subsidies, buckets.
//!
//! Three of the packages have an `AdminCap`; those with a name of their object are
//! [`SubsidiesAdminCap`].

use serde::{Deserialize, Serialize};
use walrus_core::{Epoch, ObjectId};

use super::{Balance, Collection, StoragePool};

/// `wal_exchange::Exchange`: swaps SUI and WAL at a fixed rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub id: ObjectId,
    pub wal: Balance,
    pub sui: Balance,
    pub rate: ExchangeRate,
    /// The capability that may change the rate and take funds out.
    pub admin: ObjectId,
}

/// `wal_exchange::ExchangeRate`: so many FROST are worth so many MIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRate {
    /// FROST.
    pub wal: u64,
    /// MIST.
    pub sui: u64,
}

/// `wal_exchange::AdminCap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeAdminCap {
    /// The capability; its exchange names it.
    pub id: ObjectId,
}

/// `subsidies::Subsidies`: the older discount for buyers of storage, "credits" in client configs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subsidies {
    pub id: ObjectId,
    /// Hundredths of a percent of the price that buyers get back.
    pub buyer_subsidy_rate: u16,
    /// Hundredths of a percent of the price that nodes get on top.
    pub system_subsidy_rate: u16,
    pub subsidy_pool: Balance,
    /// The package to call.
    pub package_id: ObjectId,
    pub version: u64,
}

/// `AdminCap` of the packages `subsidies` and `walrus_subsidies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubsidiesAdminCap {
    /// The capability.
    pub id: ObjectId,
    /// The object it is for.
    pub subsidies_id: ObjectId,
}

/// `walrus_subsidies::WalrusSubsidies`: rewards for nodes on top of what users pay. Its dynamic
/// field `SubsidiesInnerKey` holds [`WalrusSubsidiesInnerV1`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalrusSubsidies {
    pub id: ObjectId,
    pub version: u64,
    /// The package to call.
    pub package_id: ObjectId,
}

/// `walrus_subsidies_inner::WalrusSubsidiesInnerV1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalrusSubsidiesInnerV1 {
    /// Hundredths of a percent of the rewards that are added to them.
    pub system_subsidy_rate: u32,
    pub subsidy_pool: Balance,
    /// Fixed payment to each node and epoch.
    pub base_subsidy: u64,
    /// Fixed payment for each shard and epoch.
    pub subsidy_per_shard: u64,
    /// Last epoch for which the fixed part was paid.
    pub latest_epoch: Epoch,
    /// Rewards of future epochs that were subsidised already.
    pub already_subsidized_balances: EpochBalanceRingBuffer,
    pub last_subsidized_ts: u64,
    pub extra_fields: Collection,
}

/// `walrus_subsidies_inner::UsageBudget`: a bound on what payments for storage are subsidised with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageBudget {
    /// In FROST per epoch.
    pub per_epoch: u64,
    pub epoch: Epoch,
    /// What was paid in `epoch`, in FROST.
    pub paid: u64,
}

/// `epoch_balance::EpochBalanceRingBuffer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochBalanceRingBuffer {
    /// Position of the current epoch.
    pub current_index: u32,
    pub ring_buffer: Vec<EpochBalance>,
}

/// `epoch_balance::EpochBalance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochBalance {
    pub epoch: Epoch,
    pub balance: u64,
}

/// `blob_bucket::BlobBucket`: a shared storage pool. Its dynamic field 1 (a `u64`) holds
/// [`BlobBucketInnerV1`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobBucket {
    pub id: ObjectId,
    pub version: u64,
}

/// `blob_bucket::BlobBucketCap`: allows to change a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobBucketCap {
    pub id: ObjectId,
    pub bucket_id: ObjectId,
}

/// `blob_bucket_inner_v1::BlobBucketInnerV1`: the pool is wrapped, hence no object that can be
/// asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobBucketInnerV1 {
    pub storage_pool: StoragePool,
}
