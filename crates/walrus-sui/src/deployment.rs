//! What one deployment of the contracts is: its objects, and its state as of one moment.

use sui_sdk_types::{Identifier, StructTag};
use walrus_contracts::types::{
    EpochState as ChainEpochState, Staking, StakingInnerV1, System, SystemStateInnerV1,
};
use walrus_core::{Epoch, Frost, NShards, ObjectId};

use crate::{committee::EpochState, ids::object_address, prices::Prices};

/// The objects that identify one Walrus deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractIds {
    /// The System object.
    pub system_object: ObjectId,
    /// The Staking object.
    pub staking_object: ObjectId,
    /// The treasury of WAL; only epoch changes need it. Looked up when not given.
    pub treasury_object: Option<ObjectId>,
}

/// Time and limits of epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochInfo {
    /// The current epoch.
    pub epoch: Epoch,
    /// Where it stands.
    pub state: EpochState,
    /// Duration of an epoch, in ms.
    pub epoch_duration_ms: u64,
    /// When epoch 0 may end, in ms since 1970.
    pub first_epoch_start_ms: u64,
    /// Number of shards.
    pub n_shards: NShards,
    /// Storage can be bought for at most this many epochs ahead.
    pub max_epochs_ahead: u32,
}

/// Packages and objects of one Walrus deployment, as transactions need them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractRefs {
    /// The package to call: changes with every upgrade.
    pub package: ObjectId,
    /// The package that defines the types: never changes.
    pub original_package: ObjectId,
    /// The type of WAL, without `Coin`.
    pub wal_type: StructTag,
    /// The System object.
    pub system_object: ObjectId,
    /// The Staking object.
    pub staking_object: ObjectId,
}

impl ContractRefs {
    /// The type `module::name` of the Walrus package.
    pub fn struct_tag(&self, module: &'static str, name: &'static str) -> StructTag {
        Self::tag_of(self.original_package, module, name)
    }

    /// The type `module::name` of `package`.
    pub(crate) fn tag_of(package: ObjectId, module: &'static str, name: &'static str) -> StructTag {
        StructTag::new(
            object_address(package),
            Identifier::from_static(module),
            Identifier::from_static(name),
            vec![],
        )
    }
}

/// Packages and objects of the governance of one deployment, as transactions need them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GovernanceRefs {
    /// The package to call: changes with every upgrade of it.
    pub package: ObjectId,
    /// The package that defines the types: never changes.
    pub original_package: ObjectId,
    /// The Governance object.
    pub object: ObjectId,
}

/// System and Staking as of one moment.
#[derive(Debug, Clone)]
pub struct ContractState {
    /// The outer System object.
    pub system: System,
    /// What it holds.
    pub system_inner: SystemStateInnerV1,
    /// The outer Staking object.
    pub staking: Staking,
    /// What it holds.
    pub staking_inner: StakingInnerV1,
    /// The package that defines the types and events.
    pub original_package: ObjectId,
    /// Number of shards.
    pub n_shards: NShards,
}

impl ContractState {
    /// The current epoch.
    pub fn epoch(&self) -> Epoch {
        self.staking_inner.epoch
    }

    /// Prices in force.
    pub fn prices(&self) -> Prices {
        Prices {
            storage_per_unit: Frost(self.system_inner.storage_price_per_unit_size),
            write_per_unit: Frost(self.system_inner.write_price_per_unit_size),
        }
    }

    /// Storage can be bought for at most this many epochs ahead.
    pub fn max_epochs_ahead(&self) -> u32 {
        self.system_inner.future_accounting.length
    }

    /// Where the epoch stands.
    pub fn epoch_state(&self) -> EpochState {
        match self.staking_inner.epoch_state {
            ChainEpochState::EpochChangeSync(attested) => EpochState::ChangeSync { attested },
            ChainEpochState::EpochChangeDone(since_ms) => EpochState::ChangeDone { since_ms },
            ChainEpochState::NextParamsSelected(since_ms) => {
                EpochState::NextParamsSelected { since_ms }
            }
        }
    }
}
