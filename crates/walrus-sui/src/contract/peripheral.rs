//! Creating the objects of the packages around `walrus`: exchange, subsidies, governance.

use sui_sdk_types::StructTag;
use walrus_contracts::types::voting::Parameters;
use walrus_core::{Frost, ObjectId, SuiAddress};

use crate::{
    deployment::ContractRefs,
    error::SuiError,
    executor::Executed,
    ids::object_address,
    ptb::{destroy_empty, transfer},
    transaction::{Function, Program},
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
    /// The object of type `module::name` that a transaction created, with the `AdminCap` of the
    /// module.
    pub fn of(executed: &Executed, module: &str, name: &str) -> Result<Self, SuiError> {
        Ok(Self {
            object: executed.only_created(module, name)?,
            admin_cap: executed.only_created(module, "AdminCap")?,
        })
    }
}

/// A transaction that creates an exchange of `package` (`wal_exchange`) with `funds` of the owner's
/// WAL. It swaps one FROST for one MIST.
pub fn exchange_creation(
    package: ObjectId,
    wal_type: &StructTag,
    funds: Frost,
    owner: SuiAddress,
) -> Program {
    let mut program = Program::new();
    let coin = program.coin(wal_type, funds.0);
    let amount = program.pure(&funds.0);
    let function = Function::new(package, "wal_exchange", "new_funded");
    let cap = program.move_call(function, vec![coin, amount]);
    destroy_empty(&mut program, wal_type, coin);
    transfer(&mut program, vec![cap], owner);
    program
}

/// A transaction that creates the discount for buyers of `package` (`subsidies`) with `funds` of
/// the owner's WAL.
pub fn credits_creation(
    package: ObjectId,
    wal_type: &StructTag,
    rates: CreditRates,
    funds: Frost,
    owner: SuiAddress,
) -> Program {
    let mut program = Program::new();
    let id = program.pure(&object_address(package));
    let buyer = program.pure(&rates.buyer);
    let system = program.pure(&rates.system);
    let coin = program.coin(wal_type, funds.0);
    let function = Function::new(package, "subsidies", "new_with_initial_rates_and_funds");
    let cap = program.move_call(function, vec![id, buyer, system, coin]);
    transfer(&mut program, vec![cap], owner);
    program
}

/// A transaction that creates the subsidies for nodes of `package` (`walrus_subsidies`), without
/// funds.
pub fn subsidies_creation(
    package: ObjectId,
    contracts: &ContractRefs,
    subsidies: NodeSubsidies,
    owner: SuiAddress,
) -> Program {
    let mut program = Program::new();
    let arguments = vec![
        program.shared_read(contracts.system_object),
        program.shared_read(contracts.staking_object),
        program.pure(&subsidies.system_rate),
        program.pure(&subsidies.base.0),
        program.pure(&subsidies.per_shard.0),
    ];
    let function = Function::new(package, "walrus_subsidies", "new");
    let cap = program.move_call(function, arguments);
    transfer(&mut program, vec![cap], owner);
    program
}

/// A transaction that adds `funds` of the owner's WAL to the subsidies for nodes.
pub fn subsidies_funding(
    package: ObjectId,
    object: ObjectId,
    wal_type: &StructTag,
    funds: Frost,
) -> Program {
    let mut program = Program::new();
    let subsidies = program.shared(object);
    let coin = program.coin(wal_type, funds.0);
    let function = Function::new(package, "walrus_subsidies", "add_coin");
    program.move_call(function, vec![subsidies, coin]);
    program
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

/// A transaction that sets the governance up. `owner` gets the capability to upgrade the package
/// until nodes have handed their authority over.
pub fn governance_creation(
    init: GovernanceInit,
    parameters: &Parameters,
    owner: SuiAddress,
) -> Program {
    let mut program = Program::new();
    let package = init.package;
    let values = vec![
        program.pure(&parameters.deposit),
        program.pure(&parameters.discussion_epochs),
        program.pure(&parameters.voting_epochs),
        program.pure(&parameters.delay_epochs),
        program.pure(&parameters.execution_epochs),
        program.pure(&parameters.quorum_bps),
        program.pure(&parameters.threshold_bps),
        program.pure(&parameters.forfeit_bps),
    ];
    let rules = program.move_call(Function::new(package, "parameters", "new"), values);
    let arguments = vec![
        program.owned(init.init_cap),
        program.owned(init.upgrade_cap),
        rules,
    ];
    let cap = program.move_call(
        Function::new(package, "governance", "initialize"),
        arguments,
    );
    transfer(&mut program, vec![cap], owner);
    program
}
