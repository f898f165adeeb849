//! Publishing packages and creating a deployment. Nothing here needs an existing one.

use sui_sdk_types::StructTag;
use walrus_contracts::packages::LinkedPackage;
use walrus_core::{Frost, NShards, ObjectId, SuiAddress};

use crate::{
    TransactionDigest,
    error::SuiError,
    executor::{Executed, Executor},
    ptb::{addresses, transfer},
    transaction::{Function, Program},
};

/// A package that was just published.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its ID.
    pub package: ObjectId,
    /// Its upgrade capability, unless the package was made immutable.
    pub upgrade_cap: Option<ObjectId>,
    /// The transaction, with the objects that `init` functions created.
    pub executed: Executed,
}

/// What is needed to create a deployment from a published package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitObjects {
    /// The package `walrus`.
    pub package: ObjectId,
    /// The capability that its `init` function made.
    pub init_cap: ObjectId,
    /// Its upgrade capability.
    pub upgrade_cap: ObjectId,
}

impl InitObjects {
    /// The objects that the publication of `walrus` created.
    pub fn of(published: &Published) -> Result<Self, SuiError> {
        Ok(Self {
            package: published.package,
            init_cap: published.executed.only_created("init", "InitCap")?,
            upgrade_cap: published.upgrade_cap.ok_or_else(|| {
                SuiError::InvalidInput("an immutable package cannot be initialised".to_owned())
            })?,
        })
    }
}

/// Choices made when a deployment is created; all but `epoch_zero_duration_ms` hold for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitParams {
    /// Time before epoch 0 may end, in ms.
    pub epoch_zero_duration_ms: u64,
    /// Duration of all other epochs, in ms.
    pub epoch_duration_ms: u64,
    /// Number of shards.
    pub n_shards: NShards,
    /// Storage can be bought for at most this many epochs ahead.
    pub max_epochs_ahead: u32,
}

/// Objects of a new deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Initialized {
    /// The shared System object.
    pub system_object: ObjectId,
    /// The shared Staking object.
    pub staking_object: ObjectId,
    /// The shared object that holds the upgrade capability and counts votes about it.
    pub upgrade_manager: ObjectId,
    /// Allows its owner to upgrade without votes.
    pub emergency_upgrade_cap: ObjectId,
    /// The shared object that counts votes about slashing; versions that make none leave it out.
    pub slashing_manager: Option<ObjectId>,
    /// The transaction.
    pub digest: TransactionDigest,
}

/// A transaction that publishes a package. An `immutable` one can never be upgraded; else `owner`
/// gets its capability.
pub fn publication(package: &LinkedPackage, immutable: bool, owner: SuiAddress) -> Program {
    let mut program = Program::new();
    let dependencies = addresses(&package.dependencies);
    let cap = program.publish(package.modules.clone(), dependencies);
    if immutable {
        program.move_call(
            Function::of_framework("package", "make_immutable"),
            vec![cap],
        );
    } else {
        transfer(&mut program, vec![cap], owner);
    }
    program
}

/// What an executed publication made.
pub fn published(executed: Executed) -> Result<Published, SuiError> {
    let package = published_package(&executed)?;
    let upgrade_cap = executed
        .created("package", "UpgradeCap")
        .next()
        .map(|object| object.id);
    Ok(Published {
        package,
        upgrade_cap,
        executed,
    })
}

/// The package that a transaction published.
pub(super) fn published_package(executed: &Executed) -> Result<ObjectId, SuiError> {
    executed
        .changed
        .iter()
        .find(|object| object.created && object.type_.is_none())
        .map(|object| object.id)
        .ok_or_else(|| SuiError::UnexpectedEffects {
            digest: executed.digest,
            missing: "it published no package".to_owned(),
        })
}

/// A transaction that creates System and Staking of the package `walrus`, just published by
/// `owner`.
pub fn initialization(objects: InitObjects, params: InitParams, owner: SuiAddress) -> Program {
    let mut program = Program::new();
    let arguments = vec![
        program.owned(objects.init_cap),
        program.owned(objects.upgrade_cap),
        program.pure(&params.epoch_zero_duration_ms),
        program.pure(&params.epoch_duration_ms),
        program.pure(&params.n_shards.get()),
        program.pure(&params.max_epochs_ahead),
        program.clock(),
    ];
    let function = Function::new(objects.package, "init", "initialize_walrus");
    let cap = program.move_call(function, arguments);
    transfer(&mut program, vec![cap], owner);
    program
}

/// What an executed initialization made.
pub fn initialized(executed: &Executed) -> Result<Initialized, SuiError> {
    Ok(Initialized {
        system_object: executed.only_created("system", "System")?,
        staking_object: executed.only_created("staking", "Staking")?,
        upgrade_manager: executed.only_created("upgrade", "UpgradeManager")?,
        emergency_upgrade_cap: executed.only_created("upgrade", "EmergencyUpgradeCap")?,
        slashing_manager: executed
            .created("slashing", "SlashingManager")
            .next()
            .map(|object| object.id),
        digest: executed.digest,
    })
}

impl Executor {
    /// Publishes a package. An `immutable` one can never be upgraded; else the account gets its
    /// capability.
    pub async fn publish(
        &self,
        package: &LinkedPackage,
        immutable: bool,
    ) -> Result<Published, SuiError> {
        let owner = self.address();
        let executed = self.run(&publication(package, immutable, owner)).await?;
        published(executed)
    }

    /// Sends SUI (in MIST) to accounts.
    pub async fn send_sui(
        &self,
        payments: &[(SuiAddress, u64)],
    ) -> Result<TransactionDigest, SuiError> {
        let total = payments
            .iter()
            .fold(0u64, |total, (_, mist)| total.saturating_add(*mist));
        let mut program = Program::new();
        let gas = program.gas(total);
        let amounts = payments
            .iter()
            .map(|(_, mist)| program.pure(mist))
            .collect();
        let coins = program.split_coins(gas, amounts);
        for ((recipient, _), coin) in payments.iter().zip(coins) {
            transfer(&mut program, vec![coin], *recipient);
        }
        let executed = self.run(&program).await?;
        Ok(executed.digest)
    }

    /// Sends WAL, whose type is given, to accounts.
    pub async fn send_wal(
        &self,
        wal_type: &StructTag,
        payments: &[(SuiAddress, Frost)],
    ) -> Result<TransactionDigest, SuiError> {
        let mut program = Program::new();
        for (recipient, amount) in payments {
            let coin = program.coin(wal_type, amount.0);
            transfer(&mut program, vec![coin], *recipient);
        }
        let executed = self.run(&program).await?;
        Ok(executed.digest)
    }
}
