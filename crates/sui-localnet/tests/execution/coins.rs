//! Coins: split, merge, transfer; vectors of coins.

use crate::common::*;
use sui_sdk_types::{
    Argument, Command, CommandArgumentError, ExecutionError, IdOperation, MakeMoveVector,
    MergeCoins, ObjectOut, Owner, StructTag, TypeTag,
};

#[test]
fn split_and_transfer_moves_money() {
    let mut chain = Chain::new();
    let gas = chain.coins(ALICE)[0];
    let mut ptb = Ptb::default();
    let Argument::Result(split) = ptb.split(Argument::Gas, &[1_000, 2_000]) else {
        unreachable!()
    };
    ptb.transfer(
        &[
            Argument::NestedResult(split, 0),
            Argument::NestedResult(split, 1),
        ],
        BOB,
    );
    let executed = chain.succeed(ALICE, ptb);

    let created = created(&executed);
    let mut balances: Vec<_> = created.iter().map(|id| chain.balance(*id)).collect();
    balances.sort_unstable();
    assert_eq!(balances, [1_000, 2_000]);
    let gas_used = &effects(&executed).gas_used;
    assert_eq!(gas_used.storage_cost, 3 * 988_000);
    assert_eq!(gas_used.computation_cost, 1_000_000);
    assert_eq!(
        gas_used.storage_rebate, 0,
        "the genesis coin paid no storage"
    );
    assert_eq!(
        chain.balance(gas),
        COIN - 3_000 - gas_used.computation_cost - gas_used.storage_cost
    );
    assert_eq!(effects(&executed).lamport_version, 2);
    let index = usize::try_from(effects(&executed).gas_object_index.unwrap()).unwrap();
    assert_eq!(effects(&executed).changed_objects[index].object_id, gas);
    for id in created {
        assert_eq!(*chain.object(id).owner(), Owner::Address(BOB));
        assert_eq!(chain.object(id).storage_rebate(), 988_000);
        assert_eq!(change(&executed, id).id_operation, IdOperation::Created);
    }
}

#[test]
fn rebates_come_back_with_the_second_write() {
    let mut chain = Chain::new();
    let transfer = |chain: &mut Chain| {
        let mut ptb = Ptb::default();
        let coin = ptb.split(Argument::Gas, &[5]);
        ptb.transfer(&[coin], BOB);
        chain.succeed(ALICE, ptb)
    };
    let first = transfer(&mut chain);
    let second = transfer(&mut chain);
    let gas_used = &effects(&second).gas_used;
    assert_eq!(gas_used.storage_cost, 1_976_000);
    assert_eq!(gas_used.storage_rebate, 978_120);
    assert_eq!(gas_used.non_refundable_storage_fee, 9_880);
    assert_eq!(
        effects(&second).dependencies,
        [effects(&first).transaction_digest]
    );
}

#[test]
fn merged_coins_are_deleted() {
    let mut chain = Chain::new();
    let coins = chain.coins(ALICE);
    let mut ptb = Ptb::default();
    let target = ptb.owned(&chain, coins[1]);
    let sources = vec![ptb.owned(&chain, coins[2]), ptb.owned(&chain, coins[3])];
    ptb.command(Command::MergeCoins(MergeCoins {
        coin: target,
        coins_to_merge: sources,
    }));
    let executed = chain.succeed(ALICE, ptb);
    assert_eq!(chain.balance(coins[1]), 3 * COIN);
    for id in &coins[2..4] {
        assert_eq!(change(&executed, *id).output_state, ObjectOut::NotExist);
        assert_eq!(change(&executed, *id).id_operation, IdOperation::Deleted);
    }
}

#[test]
fn the_whole_gas_coin_may_be_transferred() {
    let mut chain = Chain::new();
    let gas = chain.coins(ALICE)[0];
    let mut ptb = Ptb::default();
    ptb.transfer(&[Argument::Gas], BOB);
    let executed = chain.succeed(ALICE, ptb);
    assert_eq!(*chain.object(gas).owner(), Owner::Address(BOB));
    let used = &effects(&executed).gas_used;
    assert_eq!(
        chain.balance(gas),
        COIN - used.computation_cost - used.storage_cost
    );
}

#[test]
fn the_gas_coin_cannot_be_consumed_otherwise() {
    let mut chain = Chain::new();
    let coins = chain.coins(ALICE);
    let mut ptb = Ptb::default();
    let target = ptb.owned(&chain, coins[1]);
    ptb.command(Command::MergeCoins(MergeCoins {
        coin: target,
        coins_to_merge: vec![Argument::Gas],
    }));
    let kind = CommandArgumentError::InvalidGasCoinUsage;
    assert_eq!(
        chain.fail(ALICE, ptb),
        (
            ExecutionError::CommandArgumentError { argument: 1, kind },
            Some(0)
        )
    );
}

#[test]
fn nobody_splits_more_than_there_is() {
    let mut chain = Chain::new();
    let mut ptb = Ptb::default();
    let coin = ptb.split(Argument::Gas, &[COIN]);
    ptb.transfer(&[coin], BOB);
    // The budget is set aside, so not even the whole coin can be split off.
    assert_eq!(
        chain.fail(ALICE, ptb),
        (ExecutionError::InsufficientCoinBalance, Some(0))
    );
}

#[test]
fn an_unused_coin_is_a_failure() {
    let mut chain = Chain::new();
    let mut ptb = Ptb::default();
    ptb.split(Argument::Gas, &[1]);
    let error = ExecutionError::UnusedValueWithoutDrop {
        result: 0,
        subresult: 0,
    };
    assert_eq!(chain.fail(ALICE, ptb), (error, None));
}

#[test]
fn several_results_need_a_position() {
    let mut chain = Chain::new();
    let mut ptb = Ptb::default();
    let coins = ptb.split(Argument::Gas, &[1, 2]);
    ptb.transfer(&[coins], BOB);
    let kind = CommandArgumentError::InvalidResultArity { result: 0 };
    assert_eq!(
        chain.fail(ALICE, ptb),
        (
            ExecutionError::CommandArgumentError { argument: 0, kind },
            Some(1)
        )
    );
    let mut ptb = Ptb::default();
    ptb.split(Argument::Gas, &[1]);
    ptb.transfer(&[Argument::NestedResult(0, 1)], BOB);
    let kind = CommandArgumentError::SecondaryIndexOutOfBounds {
        result: 0,
        subresult: 1,
    };
    assert_eq!(
        chain.fail(ALICE, ptb),
        (
            ExecutionError::CommandArgumentError { argument: 0, kind },
            Some(1)
        )
    );
}

#[test]
fn vectors_of_coins_go_into_calls() {
    let mut chain = Chain::new();
    let coins = chain.coins(ALICE);
    let mut ptb = Ptb::default();
    let elements = vec![ptb.owned(&chain, coins[1]), ptb.owned(&chain, coins[2])];
    let vector = ptb.command(Command::MakeMoveVector(MakeMoveVector {
        type_: None,
        elements,
    }));
    let target = ptb.owned(&chain, coins[3]);
    let sui: TypeTag = StructTag::sui().into();
    ptb.call_generic(
        sui_sdk_types::Address::TWO,
        "pay::join_vec",
        vec![sui],
        &[target, vector],
    );
    chain.succeed(ALICE, ptb);
    assert_eq!(chain.balance(coins[3]), 3 * COIN);
    assert_eq!(chain.coins(ALICE).len(), 3);
}
