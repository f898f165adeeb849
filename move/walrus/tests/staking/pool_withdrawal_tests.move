/// How stake leaves a pool, and when it cannot.
module walrus::pool_withdrawal_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use walrus::staked_wal;
use walrus::staking_pool;
use walrus::test_pool::{Self, advance, after, before, joining, leaving, outside, stake, withdraw};

const WAL: u64 = 1_000_000_000;

// === Without request ===

#[test]
fun stake_that_is_not_needed_leaves_at_once() {
    let mut pool = test_pool::new(0, 1);
    // Becomes active in two epochs: no committee counts on it.
    let late = stake(&mut pool, 3 * WAL, after(1));
    assert!(staking_pool::can_withdraw_early(&late, &after(1)));
    assert_eq!(withdraw(&mut pool, late, after(1)), 3 * WAL);
    // Becomes active in the next epoch, whose committee is not chosen.
    let early = stake(&mut pool, 4 * WAL, before(1));
    assert_eq!(withdraw(&mut pool, early, before(1)), 4 * WAL);
    assert_eq!(pool.wal_balance_at_epoch(9), 0);
    destroy(pool);
}

#[test]
fun a_node_outside_the_committees_pays_out_at_once_with_rewards() {
    let mut pool = test_pool::new(0, 1);
    let first = stake(&mut pool, 10 * WAL, before(1));
    let second = stake(&mut pool, 10 * WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 2 * WAL);
    assert_eq!(withdraw(&mut pool, first, outside(5)), 11 * WAL);
    // The pool is not advanced while the node is outside; the shares wait to be removed.
    assert_eq!(pool.wal_balance(), 22 * WAL);
    assert_eq!(pool.wal_balance_at_epoch(6), 11 * WAL);
    advance(&mut pool, 9, 0);
    assert_eq!(pool.wal_balance(), 11 * WAL);
    assert_eq!(withdraw(&mut pool, second, outside(9)), 11 * WAL);
    assert_eq!(pool.rewards_amount(), 0);
    destroy(pool);
}

#[test]
fun stake_of_a_node_that_is_not_chosen_leaves_at_once() {
    let mut pool = test_pool::new(0, 1);
    let staked = stake(&mut pool, 3 * WAL, before(1));
    // The votes ended without the node: nothing counts on the stake.
    assert!(staking_pool::can_withdraw_early(&staked, &leaving(1)));
    assert_eq!(withdraw(&mut pool, staked, leaving(1)), 3 * WAL);
    assert_eq!(pool.wal_balance_at_epoch(9), 0);
    destroy(pool);
}

#[test]
fun stake_that_became_active_outside_the_committees_leaves_whole() {
    let mut pool = test_pool::new(0, 1);
    let staked = stake(&mut pool, 3 * WAL, outside(1));
    // The pool was never advanced; the stake is active since epoch 2.
    assert_eq!(withdraw(&mut pool, staked, outside(7)), 3 * WAL);
    assert_eq!(pool.wal_balance_at_epoch(8), 0);
    advance(&mut pool, 8, 0);
    assert_eq!(pool.wal_balance(), 0);
    destroy(pool);
}

// === With request ===

#[test]
fun stake_without_rewards_comes_back_whole() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, 10 * WAL, before(1));
    advance(&mut pool, 2, 0);
    pool.request_withdraw_stake(&mut staked, &before(2));
    assert_eq!(staked.withdraw_epoch(), 3);
    advance(&mut pool, 3, 0);
    assert_eq!(pool.wal_balance(), 0);
    assert_eq!(withdraw(&mut pool, staked, before(3)), 10 * WAL);
    destroy(pool);
}

#[test]
fun a_request_before_activation_is_for_the_epoch_after_it() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, 10 * WAL, before(1));
    let other = stake(&mut pool, 10 * WAL, before(1));
    // The next committee counts on it.
    pool.request_withdraw_stake(&mut staked, &joining(1));
    assert_eq!(staked.withdraw_epoch(), 3);
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 4 * WAL);
    // It earns for the one epoch it serves.
    assert_eq!(withdraw(&mut pool, staked, before(3)), 12 * WAL);
    assert_eq!(pool.wal_balance(), 12 * WAL);
    destroy(other);
    destroy(pool);
}

#[test]
fun requests_are_served_in_their_epochs() {
    let mut pool = test_pool::new(0, 1);
    let mut one = stake(&mut pool, 10 * WAL, before(1));
    let mut two = stake(&mut pool, 10 * WAL, before(1));
    let mut three = stake(&mut pool, 10 * WAL, before(1));
    advance(&mut pool, 2, 0);
    pool.request_withdraw_stake(&mut one, &before(2));
    pool.request_withdraw_stake(&mut two, &after(2));
    advance(&mut pool, 3, 3 * WAL);
    assert_eq!(pool.wal_balance(), 22 * WAL);
    pool.request_withdraw_stake(&mut three, &leaving(3));
    assert_eq!(three.withdraw_epoch(), 4);
    advance(&mut pool, 4, 4 * WAL);
    assert_eq!(pool.wal_balance(), 0);
    // A late payout is not worth more.
    assert_eq!(withdraw(&mut pool, one, before(4)), 11 * WAL);
    assert_eq!(withdraw(&mut pool, two, outside(6)), 13 * WAL);
    assert_eq!(withdraw(&mut pool, three, outside(9)), 13 * WAL);
    assert_eq!(pool.rewards_amount(), 0);
    destroy(pool);
}

#[test]
fun a_request_outlives_the_nodes_membership() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, 10 * WAL, before(1));
    advance(&mut pool, 2, 0);
    pool.request_withdraw_stake(&mut staked, &after(2));
    advance(&mut pool, 3, WAL);
    // The node is in no committee from epoch 4 on; the last change paid for epoch 3.
    advance(&mut pool, 4, WAL);
    assert_eq!(withdraw(&mut pool, staked, outside(5)), 12 * WAL);
    destroy(pool);
}

// === Aborts ===

#[test, expected_failure(abort_code = staking_pool::EWithdrawDirectly)]
fun request_what_can_leave_at_once() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    pool.request_withdraw_stake(&mut staked, &before(1));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EWithdrawDirectly)]
fun request_from_a_node_outside_the_committees() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    pool.request_withdraw_stake(&mut staked, &outside(2));
    abort
}

#[test, expected_failure(abort_code = staking_pool::ENotStaked)]
fun request_twice() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    pool.request_withdraw_stake(&mut staked, &before(2));
    pool.request_withdraw_stake(&mut staked, &before(2));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EIncorrectPoolId)]
fun request_from_another_pool() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    let ctx = &mut sui::tx_context::new_from_hint(@0x1, 7, 0, 0, 0);
    let mut other = staking_pool::new_for_testing(
        b"other".to_string(),
        b"localhost:9186".to_string(),
        vector::tabulate!(33, |_| 2),
        0,
        0,
        0,
        0,
        &outside(1),
        ctx,
    );
    other.request_withdraw_stake(&mut staked, &before(2));
    abort
}

#[test, expected_failure(abort_code = staking_pool::ENotWithdrawing)]
fun withdraw_from_a_committee_member_without_request() {
    let mut pool = test_pool::new(0, 1);
    let staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    withdraw(&mut pool, staked, before(2));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EWithdrawEpochNotReached)]
fun withdraw_too_early() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    pool.request_withdraw_stake(&mut staked, &before(2));
    withdraw(&mut pool, staked, before(2));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EIncorrectPoolId)]
fun withdraw_from_another_pool() {
    let mut pool = test_pool::new(0, 1);
    let ctx = &mut tx_context::dummy();
    let principal = balance::create_for_testing(WAL);
    let staked = staked_wal::mint(@0xBAD.to_id(), principal, 2, ctx);
    withdraw(&mut pool, staked, outside(3));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EWithdrawEpochNotReached)]
fun withdraw_with_a_request_from_a_node_that_left() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    pool.request_withdraw_stake(&mut staked, &after(2));
    // Requested for epoch 4: that the node has left meanwhile makes no difference.
    withdraw(&mut pool, staked, outside(3));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EActivationEpochNotReached)]
fun withdraw_before_activation() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    staked.set_withdrawing(1);
    withdraw(&mut pool, staked, before(1));
    abort
}

#[test, expected_failure(abort_code = staking_pool::ECalculationError)]
fun more_stake_leaves_than_there_is() {
    let mut pool = test_pool::new(0, 1);
    let staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    let ctx = &mut tx_context::dummy();
    let principal = balance::create_for_testing(2 * WAL);
    let mut forged = staked_wal::mint(staked.node_id(), principal, 2, ctx);
    pool.request_withdraw_stake(&mut forged, &before(2));
    advance(&mut pool, 3, 0);
    abort
}

/// Stake of a node that was chosen serves one epoch, also when it is not active yet: it leaves by request only.
#[test, expected_failure(abort_code = staking_pool::ENotWithdrawing)]
fun withdraw_without_request_what_the_next_committee_counts_on() {
    let mut pool = test_pool::new(0, 1);
    let staked = stake(&mut pool, WAL, before(1));
    assert!(!staking_pool::can_withdraw_early(&staked, &joining(1)));
    withdraw(&mut pool, staked, joining(1));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EWithdrawEpochNotReached)]
fun withdraw_in_the_one_epoch_that_stake_serves() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    pool.request_withdraw_stake(&mut staked, &joining(1));
    advance(&mut pool, 2, 0);
    withdraw(&mut pool, staked, before(2));
    abort
}
