//! Transactions of the chain itself: genesis and the clock.

use std::collections::{BTreeMap, BTreeSet};

use move_vm::CompiledModule;
use sui_sdk_types::{
    Address, ConsensusCommitPrologueV4, ConsensusDeterminedVersionAssignments, Digest,
    ExecutionStatus, GasCostSummary, GasPayment, GenesisObject, GenesisTransaction, Identifier,
    MovePackage, MoveStruct, Object, ObjectData, Owner, StructTag, Transaction,
    TransactionExpiration, TransactionKind, TypeOrigin, UpgradeInfo, Version,
};

use super::{
    ChainEnv, Executed, ObjectSource,
    convert::{from_move, identifier},
    inputs::{CLOCK, coin_contents},
    settle::{Changes, Summary, assemble},
};
use crate::framework::{self, FrameworkPackage};

/// Object 0x5: the state of the chain's system.
pub const SYSTEM_STATE: Address = Address::from_static("0x5");
/// Version of everything that exists from the start.
const GENESIS_VERSION: Version = 1;
/// Version of the system state's layout that this chain announces.
const SYSTEM_STATE_LAYOUT: u64 = 2;

/// What the IDs of the first coins are made from.
const COIN_SEED: &[u8] = b"sui-localnet genesis coins";

/// What the chain starts with.
///
/// Nothing in it tells the time, as on every network: the Clock starts at 0 and the first
/// checkpoint after genesis sets it. So the same accounts make the same coins, and the same
/// transactions after them the same objects, whenever it is; chains differ in their genesis
/// checkpoint alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenesisConfig {
    /// Coins of SUI to create: owner and balance in MIST.
    pub accounts: Vec<(Address, u64)>,
}

/// The genesis transaction: framework packages, system objects and funded coins.
pub fn genesis(config: &GenesisConfig) -> (Transaction, Executed) {
    let mut objects: Vec<(ObjectData, Owner)> = framework_objects(Digest::ZERO)
        .iter()
        .map(|package| (package.data().clone(), Owner::Immutable))
        .collect();
    objects.push((clock(GENESIS_VERSION, 0), Owner::Shared(GENESIS_VERSION)));
    objects.push((system_state(), Owner::Shared(GENESIS_VERSION)));
    let seed = Digest::new(blake2b(COIN_SEED));
    for (count, (owner, balance)) in (0u64..).zip(&config.accounts) {
        let id = Address::derive_id(seed, count);
        let coin = move_object(
            StructTag::gas_coin(),
            true,
            GENESIS_VERSION,
            coin_contents(id, *balance),
        );
        objects.push((coin, Owner::Address(*owner)));
    }
    let genesis_objects = objects
        .iter()
        .map(|(data, owner)| GenesisObject::new(data.clone(), *owner))
        .collect();
    let transaction = system_transaction(TransactionKind::Genesis(GenesisTransaction {
        objects: genesis_objects,
    }));
    let digest = transaction.digest();
    let written: BTreeMap<Address, Object> = objects
        .into_iter()
        .map(|(data, owner)| Object::new(data, owner, digest, 0))
        .map(|object| (object.object_id(), object))
        .collect();
    let changes = Changes {
        created: written.keys().copied().collect(),
        ..Changes::default()
    };
    let executed = executed(
        digest,
        0,
        GENESIS_VERSION,
        BTreeSet::new(),
        &changes,
        written,
    );
    (transaction, executed)
}

/// The transaction that opens a checkpoint and sets the Clock to `timestamp_ms`.
pub fn commit_prologue(
    store: &dyn ObjectSource,
    env: &ChainEnv,
    round: u64,
    timestamp_ms: u64,
) -> (Transaction, Executed) {
    let transaction = system_transaction(TransactionKind::ConsensusCommitPrologueV4(
        ConsensusCommitPrologueV4 {
            epoch: env.epoch,
            round,
            sub_dag_index: None,
            commit_timestamp_ms: timestamp_ms,
            consensus_commit_digest: Digest::ZERO,
            consensus_determined_version_assignments:
                ConsensusDeterminedVersionAssignments::CanceledTransactions {
                    canceled_transactions: Vec::new(),
                },
            additional_state_digest: Digest::ZERO,
        },
    ));
    let digest = transaction.digest();
    let mut changes = Changes::default();
    let mut written = BTreeMap::new();
    let mut dependencies = BTreeSet::new();
    let mut lamport = GENESIS_VERSION;
    if let Some(before) = store.object(&CLOCK) {
        lamport = before.version() + 1;
        let genesis = store
            .object(&Address::TWO)
            .map(|package| package.previous_transaction());
        if Some(before.previous_transaction()) != genesis {
            dependencies.insert(before.previous_transaction());
        }
        let data = clock(lamport, timestamp_ms);
        written.insert(
            CLOCK,
            Object::new(data, *before.owner(), digest, before.storage_rebate()),
        );
        changes.before.insert(CLOCK, before);
    }
    let executed = executed(digest, env.epoch, lamport, dependencies, &changes, written);
    (transaction, executed)
}

fn system_transaction(kind: TransactionKind) -> Transaction {
    Transaction {
        kind,
        sender: Address::ZERO,
        gas_payment: GasPayment {
            objects: Vec::new(),
            owner: Address::ZERO,
            price: 1,
            budget: 0,
        },
        expiration: TransactionExpiration::None,
    }
}

fn executed(
    transaction: Digest,
    epoch: u64,
    lamport_version: Version,
    dependencies: BTreeSet<Digest>,
    changes: &Changes,
    written: BTreeMap<Address, Object>,
) -> Executed {
    let summary = Summary {
        status: ExecutionStatus::Success,
        epoch,
        gas_used: GasCostSummary::new(0, 0, 0, 0),
        transaction,
        gas_object: None,
        events_digest: None,
        dependencies,
        lamport_version,
        read_only: BTreeMap::new(),
    };
    Executed {
        effects: assemble(summary, changes, &written),
        events: None,
        written: written.into_values().collect(),
        removed: Vec::new(),
        inputs: changes.before.values().cloned().collect(),
        command_outputs: Vec::new(),
        failure_detail: None,
    }
}

/// The framework packages as objects that `transaction` made.
pub(crate) fn framework_objects(transaction: Digest) -> Vec<Object> {
    let stdlib = package(
        Address::new(move_vm::Address::STD.0),
        framework::move_stdlib(),
        &[],
    );
    let sui = package(Address::TWO, framework::sui_framework(), &[stdlib.id]);
    [stdlib, sui]
        .into_iter()
        .map(|package| {
            Object::new(
                ObjectData::Package(package),
                Owner::Immutable,
                transaction,
                0,
            )
        })
        .collect()
}

/// A framework package, linked to earlier ones, which are all at their first version.
fn package(id: Address, compiled: &FrameworkPackage, dependencies: &[Address]) -> MovePackage {
    let modules: Vec<(CompiledModule, &Vec<u8>)> = compiled
        .modules
        .iter()
        .map(|bytes| {
            let module = CompiledModule::deserialize(bytes).expect("the framework is well-formed");
            (module, bytes)
        })
        .collect();
    let origins = modules.iter().flat_map(|(module, _)| {
        let id = from_move(module.self_id().address);
        let module_name = identifier(&module.self_id().name);
        module.datatype_names().map(move |name| TypeOrigin {
            module_name: module_name.clone(),
            struct_name: identifier(name),
            package: id,
        })
    });
    MovePackage {
        id,
        version: GENESIS_VERSION,
        type_origin_table: origins.collect(),
        modules: modules
            .iter()
            .map(|(module, bytes)| (identifier(&module.self_id().name), (*bytes).clone()))
            .collect(),
        linkage_table: dependencies
            .iter()
            .map(|id| {
                (
                    *id,
                    UpgradeInfo {
                        upgraded_id: *id,
                        upgraded_version: GENESIS_VERSION,
                    },
                )
            })
            .collect(),
    }
}

fn move_object(
    type_: StructTag,
    has_public_transfer: bool,
    version: Version,
    contents: Vec<u8>,
) -> ObjectData {
    let object = MoveStruct::new(type_, has_public_transfer, version, contents)
        .expect("contents of an object begin with its id");
    ObjectData::Struct(object)
}

/// A type without arguments.
fn system_type(package: Address, module: &'static str, name: &'static str) -> StructTag {
    let identifier = Identifier::from_static;
    StructTag::new(package, identifier(module), identifier(name), Vec::new())
}

/// Object 0x6: the Clock.
fn clock(version: Version, timestamp_ms: u64) -> ObjectData {
    let contents = [CLOCK.as_bytes(), &timestamp_ms.to_le_bytes()].concat();
    move_object(
        system_type(Address::TWO, "clock", "Clock"),
        false,
        version,
        contents,
    )
}

/// Object 0x5: a system state without validators; its type is of a package that this chain leaves
/// out.
fn system_state() -> ObjectData {
    let contents = [SYSTEM_STATE.as_bytes(), &SYSTEM_STATE_LAYOUT.to_le_bytes()].concat();
    let type_ = system_type(Address::THREE, "sui_system", "SuiSystemState");
    move_object(type_, false, GENESIS_VERSION, contents)
}

fn blake2b(data: &[u8]) -> [u8; 32] {
    sui_sdk_types::hash::Hasher::digest(data).into_inner()
}
