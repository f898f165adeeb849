//! Creating the objects of the packages around `walrus`: exchange, subsidies, governance.

use sui_sdk_types::StructTag;
use sui_transaction_builder::{ObjectInput, TransactionBuilder};
use walrus_contracts::types::voting::Parameters;
use walrus_core::{Frost, ObjectId, SuiAddress};

use crate::{
    error::SuiError,
    executor::Executed,
    ids::object_address,
    ptb::{ContractRefs, destroy_empty, function_of, transfer},
};

/// Rates of the discount for buyers of storage, in hundredths of a percent of the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditRates {
    /// What buyers get back.
    pub buyer: u16,
    /// What nodes get on top.
    pub system: u16,
}

/// Subsidies for nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeSubsidies {
    /// Hundredths of a percent of the rewards that are added to them.
    pub system_rate: u32,
    /// Fixed payment to each node and epoch.
    pub base: Frost,
    /// Fixed payment for each shard and epoch.
    pub per_shard: Frost,
}

/// A shared object that was created, and the capability to manage it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Managed {
    /// The shared object.
    pub object: ObjectId,
    /// The capability, owned by the account that created it.
    pub admin_cap: ObjectId,
}

impl Managed {
    /// The object of type `module::name` that a transaction created, with the `AdminCap` of the module.
    pub fn of(executed: &Executed, module: &str, name: &str) -> Result<Self, SuiError> {
        Ok(Self {
            object: executed.only_created(module, name)?,
            admin_cap: executed.only_created(module, "AdminCap")?,
        })
    }
}

/// A transaction that creates an exchange of `package` (`wal_exchange`) with `funds` of the owner's WAL. It swaps
/// one FROST for one MIST.
pub fn exchange_creation(
    package: ObjectId,
    wal_type: &StructTag,
    funds: Frost,
    owner: SuiAddress,
) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let coin = builder.coin(wal_type.clone(), funds.0);
    let amount = builder.pure(&funds.0);
    let function = function_of(object_address(package), "wal_exchange", "new_funded");
    let cap = builder.move_call(function, vec![coin, amount]);
    destroy_empty(&mut builder, wal_type, coin);
    transfer(&mut builder, vec![cap], owner);
    builder
}

/// A transaction that creates the discount for buyers of `package` (`subsidies`) with `funds` of the owner's WAL.
pub fn credits_creation(
    package: ObjectId,
    wal_type: &StructTag,
    rates: CreditRates,
    funds: Frost,
    owner: SuiAddress,
) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let id = builder.pure(&object_address(package));
    let buyer = builder.pure(&rates.buyer);
    let system = builder.pure(&rates.system);
    let coin = builder.coin(wal_type.clone(), funds.0);
    let function = function_of(
        object_address(package),
        "subsidies",
        "new_with_initial_rates_and_funds",
    );
    let cap = builder.move_call(function, vec![id, buyer, system, coin]);
    transfer(&mut builder, vec![cap], owner);
    builder
}

/// A transaction that creates the subsidies for nodes of `package` (`walrus_subsidies`), without funds.
pub fn subsidies_creation(
    package: ObjectId,
    contracts: &ContractRefs,
    subsidies: NodeSubsidies,
    owner: SuiAddress,
) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let arguments = vec![
        builder.object(ObjectInput::new(object_address(contracts.system_object))),
        builder.object(ObjectInput::new(object_address(contracts.staking_object))),
        builder.pure(&subsidies.system_rate),
        builder.pure(&subsidies.base.0),
        builder.pure(&subsidies.per_shard.0),
    ];
    let function = function_of(object_address(package), "walrus_subsidies", "new");
    let cap = builder.move_call(function, arguments);
    transfer(&mut builder, vec![cap], owner);
    builder
}

/// A transaction that adds `funds` of the owner's WAL to the subsidies for nodes.
pub fn subsidies_funding(
    package: ObjectId,
    object: ObjectId,
    wal_type: &StructTag,
    funds: Frost,
) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let subsidies = builder.object(ObjectInput::new(object_address(object)));
    let coin = builder.coin(wal_type.clone(), funds.0);
    let function = function_of(object_address(package), "walrus_subsidies", "add_coin");
    builder.move_call(function, vec![subsidies, coin]);
    builder
}

/// What is needed to set up a published package `walrus_governance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GovernanceInit {
    /// The package.
    pub package: ObjectId,
    /// The capability that its `init` function made.
    pub init_cap: ObjectId,
    /// Its upgrade capability, which the governance takes.
    pub upgrade_cap: ObjectId,
}

/// A transaction that sets the governance up. `owner` gets the capability to upgrade the package until nodes have
/// handed their authority over.
pub fn governance_creation(
    init: GovernanceInit,
    parameters: &Parameters,
    owner: SuiAddress,
) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let package = object_address(init.package);
    let values = vec![
        builder.pure(&parameters.deposit),
        builder.pure(&parameters.discussion_epochs),
        builder.pure(&parameters.voting_epochs),
        builder.pure(&parameters.delay_epochs),
        builder.pure(&parameters.execution_epochs),
        builder.pure(&parameters.quorum_bps),
        builder.pure(&parameters.threshold_bps),
        builder.pure(&parameters.forfeit_bps),
    ];
    let rules = builder.move_call(function_of(package, "parameters", "new"), values);
    let arguments = vec![
        builder.object(ObjectInput::new(object_address(init.init_cap))),
        builder.object(ObjectInput::new(object_address(init.upgrade_cap))),
        rules,
    ];
    let cap = builder.move_call(function_of(package, "governance", "initialize"), arguments);
    transfer(&mut builder, vec![cap], owner);
    builder
}
