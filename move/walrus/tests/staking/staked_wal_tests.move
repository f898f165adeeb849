module walrus::staked_wal_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use walrus::staked_wal::{Self, StakedWal};

const WAL: u64 = 1_000_000_000;

fun stake(amount: u64, node: address, activation_epoch: u32): StakedWal {
    let principal = balance::create_for_testing(amount);
    staked_wal::mint(node.to_id(), principal, activation_epoch, &mut tx_context::dummy())
}

#[test]
fun life_cycle() {
    let mut staked = stake(3 * WAL, @0x1, 4);
    assert!(staked.is_staked() && !staked.is_withdrawing());
    assert_eq!(staked.node_id(), @0x1.to_id());
    assert_eq!(staked.value(), 3 * WAL);
    assert_eq!(staked.activation_epoch(), 4);
    staked.set_withdrawing(7);
    assert!(!staked.is_staked() && staked.is_withdrawing());
    assert_eq!(staked.withdraw_epoch(), 7);
    assert_eq!(staked.into_balance().destroy_for_testing(), 3 * WAL);
}

#[test]
fun split_and_join_while_staked() {
    let ctx = &mut tx_context::dummy();
    let mut staked = stake(3 * WAL, @0x1, 4);
    let part = staked.split(WAL, ctx);
    assert_eq!(part.value(), WAL);
    assert_eq!(staked.value(), 2 * WAL);
    staked.join(part);
    assert_eq!(staked.value(), 3 * WAL);
    destroy(staked);
}

#[test]
fun split_and_join_while_withdrawing() {
    let ctx = &mut tx_context::dummy();
    let mut staked = stake(3 * WAL, @0x1, 4);
    staked.set_withdrawing(7);
    let part = staked.split(WAL, ctx);
    assert_eq!(part.withdraw_epoch(), 7);
    staked.join(part);
    assert_eq!(staked.value(), 3 * WAL);
    destroy(staked);
}

#[test, expected_failure(abort_code = staked_wal::ENotWithdrawing)]
fun staked_has_no_withdraw_epoch() {
    let staked = stake(WAL, @0x1, 4);
    staked.withdraw_epoch();
    abort
}

#[test, expected_failure(abort_code = staked_wal::EAlreadyWithdrawing)]
fun withdrawing_twice() {
    let mut staked = stake(WAL, @0x1, 4);
    staked.set_withdrawing(5);
    staked.set_withdrawing(6);
    abort
}

#[test, expected_failure(abort_code = staked_wal::EInvalidAmount)]
fun split_everything() {
    let mut staked = stake(2 * WAL, @0x1, 4);
    destroy(staked.split(2 * WAL, &mut tx_context::dummy()));
    abort
}

#[test, expected_failure(abort_code = staked_wal::EStakeBelowThreshold)]
fun split_off_too_little() {
    let mut staked = stake(3 * WAL, @0x1, 4);
    destroy(staked.split(WAL - 1, &mut tx_context::dummy()));
    abort
}

#[test, expected_failure(abort_code = staked_wal::EStakeBelowThreshold)]
fun leave_too_little() {
    let mut staked = stake(3 * WAL, @0x1, 4);
    destroy(staked.split(2 * WAL + 1, &mut tx_context::dummy()));
    abort
}

#[test, expected_failure(abort_code = staked_wal::EStakeBelowThreshold)]
fun stake_too_little() {
    destroy(stake(WAL - 1, @0x1, 4));
    abort
}

#[test, expected_failure(abort_code = staked_wal::EMetadataMismatch)]
fun join_another_node() {
    let mut staked = stake(WAL, @0x1, 4);
    staked.join(stake(WAL, @0x2, 4));
    abort
}

#[test, expected_failure(abort_code = staked_wal::EMetadataMismatch)]
fun join_another_activation() {
    let mut staked = stake(WAL, @0x1, 4);
    staked.join(stake(WAL, @0x1, 5));
    abort
}

#[test, expected_failure(abort_code = staked_wal::EMetadataMismatch)]
fun join_another_state() {
    let mut staked = stake(WAL, @0x1, 4);
    let mut other = stake(WAL, @0x1, 4);
    other.set_withdrawing(6);
    staked.join(other);
    abort
}

#[test, expected_failure(abort_code = staked_wal::EMetadataMismatch)]
fun join_another_withdraw_epoch() {
    let mut staked = stake(WAL, @0x1, 4);
    let mut other = stake(WAL, @0x1, 4);
    staked.set_withdrawing(7);
    other.set_withdrawing(6);
    staked.join(other);
    abort
}

#[test, expected_failure(abort_code = staked_wal::EStakeBelowThreshold)]
fun split_off_nothing() {
    let mut staked = stake(3 * WAL, @0x1, 4);
    destroy(staked.split(0, &mut tx_context::dummy()));
    abort
}

#[test, expected_failure(abort_code = staked_wal::EInvalidAmount)]
fun split_off_more_than_there_is() {
    let mut staked = stake(3 * WAL, @0x1, 4);
    destroy(staked.split(4 * WAL, &mut tx_context::dummy()));
    abort
}
