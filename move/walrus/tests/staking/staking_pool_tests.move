module walrus::staking_pool_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use walrus::auth;
use walrus::pool_exchange_rate;
use walrus::staked_wal::StakedWal;
use walrus::staking_pool::{Self, StakingPool};
use walrus::walrus_context::{Self, WalrusContext};

const WAL: u64 = 1_000_000_000;

/// Votes not ended, node in the committee.
fun before(epoch: u32): WalrusContext {
    walrus_context::new(epoch, false, true, false)
}

/// Votes ended, node in both committees.
fun after(epoch: u32): WalrusContext {
    walrus_context::new(epoch, true, true, true)
}

/// Node in no committee.
fun outside(epoch: u32): WalrusContext {
    walrus_context::new(epoch, false, false, false)
}

fun pool_with(commission_rate: u16, epoch: u32): StakingPool {
    staking_pool::new_for_testing(
        b"node".to_string(),
        b"localhost:9185".to_string(),
        vector::tabulate!(33, |_| 2),
        commission_rate,
        0,
        0,
        0,
        &outside(epoch),
        &mut tx_context::dummy(),
    )
}

fun stake(pool: &mut StakingPool, amount: u64, wctx: WalrusContext): StakedWal {
    pool.stake(balance::create_for_testing(amount), &wctx, &mut tx_context::dummy())
}

fun advance(pool: &mut StakingPool, epoch: u32, reward: u64) {
    pool.advance_epoch(balance::create_for_testing(reward), epoch);
}

fun withdraw(pool: &mut StakingPool, staked_wal: StakedWal, wctx: WalrusContext): u64 {
    pool.withdraw_stake(staked_wal, &wctx).destroy_for_testing()
}

// === Shares and rewards ===

#[test]
fun worked_example() {
    let mut pool = pool_with(5_00, 4);
    let mut a = stake(&mut pool, 100 * WAL, before(4));
    assert_eq!(a.activation_epoch(), 5);
    advance(&mut pool, 5, 0);
    let b = stake(&mut pool, 50 * WAL, after(5));
    assert_eq!(b.activation_epoch(), 7);

    advance(&mut pool, 6, 10 * WAL);
    assert_eq!(pool.wal_balance(), 109_500_000_000);
    assert_eq!(pool.num_shares(), 100_000_000_000);
    assert_eq!(pool.commission_amount(), 500_000_000);

    advance(&mut pool, 7, 10 * WAL);
    assert_eq!(pool.wal_balance(), 169_000_000_000);
    assert_eq!(pool.num_shares(), 142_016_806_722);
    assert_eq!(
        pool.rate_at_for_testing(7),
        pool_exchange_rate::new(119_000_000_000, 100_000_000_000),
    );

    pool.request_withdraw_stake(&mut a, &after(7));
    assert_eq!(a.withdraw_epoch(), 9);

    advance(&mut pool, 8, 10 * WAL);
    assert_eq!(pool.wal_balance(), 178_500_000_000);
    assert_eq!(pool.num_shares(), 142_016_806_722);
    assert_eq!(
        pool.rate_at_for_testing(8),
        pool_exchange_rate::new(178_500_000_000, 142_016_806_722),
    );

    advance(&mut pool, 9, 10 * WAL);
    assert_eq!(pool.wal_balance(), 55_621_301_775);
    assert_eq!(pool.num_shares(), 42_016_806_722);
    assert_eq!(pool.commission_amount(), 2_000_000_000);
    assert_eq!(
        pool.rate_at_for_testing(9),
        pool_exchange_rate::new(188_000_000_000, 142_016_806_722),
    );

    assert_eq!(withdraw(&mut pool, a, before(9)), 132_378_698_225);
    destroy(b);
    destroy(pool);
}

#[test]
fun balance_for_committee_selection() {
    let mut pool = pool_with(0, 1);
    let mut a = stake(&mut pool, 10 * WAL, before(1));
    let b = stake(&mut pool, 5 * WAL, after(1));
    assert_eq!(pool.wal_balance_at_epoch(1), 0);
    assert_eq!(pool.wal_balance_at_epoch(2), 10 * WAL);
    assert_eq!(pool.wal_balance_at_epoch(3), 15 * WAL);
    // Leaves one epoch after it becomes active.
    pool.request_withdraw_stake(&mut a, &after(1));
    assert_eq!(a.withdraw_epoch(), 3);
    assert_eq!(pool.wal_balance_at_epoch(2), 10 * WAL);
    assert_eq!(pool.wal_balance_at_epoch(3), 5 * WAL);
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, WAL);
    assert_eq!(pool.wal_balance(), 5 * WAL);
    assert_eq!(withdraw(&mut pool, a, before(3)), 11 * WAL);
    destroy(b);
    destroy(pool);
}

#[test]
fun stake_that_is_not_needed_leaves_at_once() {
    let mut pool = pool_with(0, 1);
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
    let mut pool = pool_with(0, 1);
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
fun stake_without_rewards_comes_back_whole() {
    let mut pool = pool_with(0, 1);
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
fun rewards_are_shared_in_proportion() {
    let mut pool = pool_with(0, 1);
    let one = stake(&mut pool, WAL, before(1));
    let two = stake(&mut pool, 2 * WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 100);
    assert_eq!(pool.calculate_rewards(WAL, 2, 3), 33);
    assert_eq!(pool.calculate_rewards(2 * WAL, 2, 3), 66);
    assert_eq!(withdraw(&mut pool, one, outside(3)), WAL + 33);
    assert_eq!(withdraw(&mut pool, two, outside(3)), 2 * WAL + 66);
    destroy(pool);
}

#[test]
fun the_rate_of_an_epoch_without_record_is_the_one_before() {
    let mut pool = pool_with(0, 1);
    let staked = stake(&mut pool, 10 * WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, WAL);
    advance(&mut pool, 8, WAL);
    let at_three = pool_exchange_rate::new(11 * WAL, 10 * WAL);
    assert_eq!(pool.rate_at_for_testing(3), at_three);
    assert_eq!(pool.rate_at_for_testing(7), at_three);
    assert_eq!(pool.rate_at_for_testing(8), pool_exchange_rate::new(12 * WAL, 10 * WAL));
    assert_eq!(pool.rate_at_for_testing(4_000_000_000), pool.rate_at_for_testing(8));
    assert_eq!(pool.rate_at_for_testing(0), pool_exchange_rate::flat());
    destroy(staked);
    destroy(pool);
}

// === Aborts ===

#[test, expected_failure(abort_code = staking_pool::EZeroStake)]
fun stake_nothing() {
    let mut pool = pool_with(0, 1);
    destroy(stake(&mut pool, 0, before(1)));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EWithdrawDirectly)]
fun request_what_can_leave_at_once() {
    let mut pool = pool_with(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    pool.request_withdraw_stake(&mut staked, &before(1));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EWithdrawDirectly)]
fun request_from_a_node_outside_the_committees() {
    let mut pool = pool_with(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    pool.request_withdraw_stake(&mut staked, &outside(2));
    abort
}

#[test, expected_failure(abort_code = staking_pool::ENotStaked)]
fun request_twice() {
    let mut pool = pool_with(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    pool.request_withdraw_stake(&mut staked, &before(2));
    pool.request_withdraw_stake(&mut staked, &before(2));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EIncorrectPoolId)]
fun request_from_another_pool() {
    let mut pool = pool_with(0, 1);
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
    let mut pool = pool_with(0, 1);
    let staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    withdraw(&mut pool, staked, before(2));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EWithdrawEpochNotReached)]
fun withdraw_too_early() {
    let mut pool = pool_with(0, 1);
    let mut staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    pool.request_withdraw_stake(&mut staked, &before(2));
    withdraw(&mut pool, staked, before(2));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EPoolAlreadyUpdated)]
fun advance_to_the_same_epoch() {
    let mut pool = pool_with(0, 1);
    advance(&mut pool, 1, 0);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EIncorrectEpochAdvance)]
fun rewards_without_stake() {
    let mut pool = pool_with(0, 1);
    advance(&mut pool, 2, 1);
    abort
}

// === Commission ===

#[test]
fun new_commission_is_blocked_until_the_votes_end() {
    let ctx = &tx_context::dummy();
    let mut pool = pool_with(10_00, 1);
    let staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 1_005);
    assert_eq!(pool.commission_amount(), 100);
    assert_eq!(pool.rewards_amount(), 905);
    let nothing = pool.collect_commission(auth::authenticate_sender(ctx));
    assert_eq!(nothing.destroy_for_testing(), 0);

    pool.unblock_commission();
    pool.add_commission(balance::create_for_testing(7), true);
    pool.add_commission(balance::create_for_testing(5), false);
    let collected = pool.collect_commission(auth::authenticate_sender(ctx));
    assert_eq!(collected.destroy_for_testing(), 105);
    pool.unblock_commission();
    let collected = pool.collect_commission(auth::authenticate_sender(ctx));
    assert_eq!(collected.destroy_for_testing(), 7);
    destroy(staked);
    destroy(pool);
}

#[test]
fun a_commission_rate_takes_effect_two_epochs_later() {
    let mut pool = pool_with(0, 1);
    let staked = stake(&mut pool, WAL, before(1));
    pool.set_next_commission(50_00, &before(1));
    advance(&mut pool, 2, 0);
    assert_eq!(pool.commission_rate(), 0);
    // At the change to epoch 3 the old rate still applies to the rewards.
    advance(&mut pool, 3, 100);
    assert_eq!(pool.commission_rate(), 50_00);
    assert_eq!(pool.commission_amount(), 0);
    advance(&mut pool, 4, 100);
    assert_eq!(pool.commission_amount(), 50);
    destroy(staked);
    destroy(pool);
}

#[test]
fun all_rewards_as_commission() {
    let mut pool = pool_with(100_00, 1);
    let staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 1_000);
    assert_eq!(pool.commission_amount(), 1_000);
    assert_eq!(withdraw(&mut pool, staked, outside(3)), WAL);
    destroy(pool);
}

#[test]
fun commission_and_governance_change_hands() {
    let ctx = &tx_context::dummy();
    let mut pool = pool_with(0, 1);
    let receiver = auth::authorized_object(object::id(&pool));
    pool.set_commission_receiver(auth::authenticate_sender(ctx), receiver);
    let from_object = auth::authenticate_with_object(&pool);
    pool.collect_commission(from_object).destroy_zero();
    pool.set_governance_authorized(
        auth::authenticate_sender(ctx),
        auth::authorized_address(@0xB0B),
    );
    assert!(!auth::authenticate_sender(ctx).matches(pool.governance_authorized()));
    destroy(pool);
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun somebody_else_collects() {
    let mut pool = pool_with(0, 1);
    let auth = auth::authenticate_with_object(&pool);
    destroy(pool.collect_commission(auth));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun somebody_else_takes_the_commission_over() {
    let mut pool = pool_with(0, 1);
    let auth = auth::authenticate_with_object(&pool);
    pool.set_commission_receiver(auth, auth::authorized_address(@0xBAD));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun somebody_else_takes_governance_over() {
    let mut pool = pool_with(0, 1);
    let auth = auth::authenticate_with_object(&pool);
    pool.set_governance_authorized(auth, auth::authorized_address(@0xBAD));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EIncorrectCommissionRate)]
fun a_commission_rate_above_all() {
    destroy(pool_with(100_01, 1));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EIncorrectCommissionRate)]
fun a_next_commission_rate_above_all() {
    let mut pool = pool_with(0, 1);
    pool.set_next_commission(100_01, &before(1));
    abort
}

// === Configuration ===

#[test, expected_failure(abort_code = staking_pool::EInvalidNameLength)]
fun a_name_that_is_too_long() {
    let mut pool = pool_with(0, 1);
    pool.set_name(vector::tabulate!(100, |_| 65).to_string());
    pool.set_name(vector::tabulate!(101, |_| 65).to_string());
    abort
}

#[test, expected_failure(abort_code = staking_pool::EInvalidNetworkAddressLength)]
fun a_network_address_that_is_too_long() {
    let mut pool = pool_with(0, 1);
    pool.set_network_address(vector::tabulate!(259, |_| 65).to_string());
    pool.set_network_address(vector::tabulate!(260, |_| 65).to_string());
    abort
}

#[test, expected_failure(abort_code = walrus::storage_node::EInvalidNetworkPublicKey)]
fun a_network_key_of_the_wrong_length() {
    let mut pool = pool_with(0, 1);
    pool.set_network_public_key(vector::tabulate!(32, |_| 2));
    abort
}

#[test]
fun votes_are_kept() {
    let mut pool = pool_with(0, 1);
    pool.set_storage_price_vote(1);
    pool.set_write_price_vote(2);
    pool.set_node_capacity_vote(3);
    assert_eq!(pool.storage_price(), 1);
    assert_eq!(pool.write_price(), 2);
    assert_eq!(pool.node_capacity(), 3);
    destroy(pool);
}
