//! Genesis and the clock.

use sui_localnet::execution::system;
use sui_sdk_types::{
    Address, ExecutionStatus, Object, ObjectData, Owner, TransactionKind, hash::Hasher,
};

use crate::common::*;

fn package_digest(package: &Object, dependencies: &[Address]) -> String {
    let ObjectData::Package(package) = package.data() else {
        panic!("not a package");
    };
    let modules = package
        .modules
        .values()
        .map(|bytes| Hasher::digest(bytes).into_inner());
    let mut items: Vec<[u8; 32]> = modules
        .chain(dependencies.iter().map(|id| id.into_inner()))
        .collect();
    items.sort_unstable();
    hex::encode(Hasher::digest(items.concat()).into_inner())
}

#[test]
fn the_framework_is_the_one_of_the_specification() {
    let chain = Chain::new();
    let one = Address::from_static("0x1");
    assert_eq!(
        package_digest(chain.object(one), &[]),
        "7f5c57cf0e232265ef5aadcb38474548b7e3ec69c73bf37720ecd7b5a0b9c156"
    );
    assert_eq!(
        package_digest(chain.object(Address::TWO), &[one]),
        "bda24fd24fbd3aba4d3b19b45fc7c1557e3c8d74e825e07ad1ecf6e02535ad03"
    );
}

#[test]
fn genesis_creates_what_it_names() {
    let chain = Chain::new();
    let (transaction, executed) = &chain.genesis;
    let TransactionKind::Genesis(genesis) = &transaction.kind else {
        panic!("not a genesis transaction");
    };
    assert_eq!(genesis.objects.len(), executed.written.len());
    assert_eq!(effects(executed).transaction_digest, transaction.digest());
    assert_eq!(*status(executed), ExecutionStatus::Success);
    assert_eq!(created(executed).len() + 2, executed.written.len());
    assert_eq!(*chain.object(CLOCK).owner(), Owner::Shared(1));
    assert_eq!(chain.coins(ALICE).len(), 5);
    assert_eq!(chain.balance(chain.coins(BOB)[0]), COIN);
    let bytes = bcs::to_bytes(transaction).unwrap();
    assert_eq!(
        bcs::from_bytes::<sui_sdk_types::Transaction>(&bytes).unwrap(),
        *transaction
    );
}

#[test]
fn the_prologue_moves_the_clock() {
    let (mut chain, package) = Chain::with_objects();
    let (_, executed) = system::commit_prologue(&chain.store, &chain.env, 1, 1_700_000_012_345);
    assert_eq!(effects(&executed).lamport_version, 2);
    assert!(
        effects(&executed).dependencies.is_empty(),
        "genesis is no dependency"
    );
    chain.apply(&executed);
    let (_, again) = system::commit_prologue(&chain.store, &chain.env, 2, 1_700_000_099_999);
    assert_eq!(
        effects(&again).dependencies,
        [effects(&executed).transaction_digest]
    );

    let mut ptb = Ptb::default();
    let clock = ptb.shared(&chain, CLOCK, false);
    ptb.call(package, "items::now", &[clock]);
    let executed = chain.inspect(ptb);
    assert_eq!(returned::<u64>(&executed, 0, 0), 1_700_000_012_345);
}
