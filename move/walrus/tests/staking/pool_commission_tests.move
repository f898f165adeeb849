/// The commission of a pool: rate, blocking, collection, and who may do what.
module walrus::pool_commission_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use walrus::auth;
use walrus::staking_pool;
use walrus::test_pool::{Self, advance, before, collect, outside, stake, withdraw};

const WAL: u64 = 1_000_000_000;

// === Rates ===

#[test]
fun a_commission_rate_takes_effect_two_epochs_later() {
    let mut pool = test_pool::new(0, 1);
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
    let mut pool = test_pool::new(100_00, 1);
    let staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 1_000);
    assert_eq!(pool.commission_amount(), 1_000);
    assert_eq!(withdraw(&mut pool, staked, outside(3)), WAL);
    destroy(pool);
}

#[test, expected_failure(abort_code = staking_pool::EIncorrectCommissionRate)]
fun a_commission_rate_above_all() {
    destroy(test_pool::new(100_01, 1));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EIncorrectCommissionRate)]
fun a_next_commission_rate_above_all() {
    let mut pool = test_pool::new(0, 1);
    pool.set_next_commission(100_01, &before(1));
    abort
}

#[test]
fun a_different_rate_in_every_epoch() {
    let mut pool = test_pool::new(10_00, 1);
    let staked = stake(&mut pool, WAL, before(1));
    pool.set_next_commission(20_00, &before(1));
    advance(&mut pool, 2, 0);
    pool.set_next_commission(40_00, &before(2));
    // The last word counts.
    pool.set_next_commission(30_00, &before(2));
    advance(&mut pool, 3, 1_000);
    assert_eq!(pool.commission_amount(), 100);
    advance(&mut pool, 4, 1_000);
    assert_eq!(pool.commission_amount(), 100 + 200);
    advance(&mut pool, 5, 1_000);
    assert_eq!(pool.commission_amount(), 100 + 200 + 300);
    assert_eq!(pool.rewards_amount(), 3_000 - 600);
    destroy(staked);
    destroy(pool);
}

#[test]
fun no_commission() {
    let mut pool = test_pool::new(0, 1);
    let staked = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 1_000);
    pool.unblock_commission();
    assert_eq!(pool.commission_amount(), 0);
    assert_eq!(collect(&mut pool), 0);
    assert_eq!(pool.rewards_amount(), 1_000);
    destroy(staked);
    destroy(pool);
}

// === Collection ===

#[test]
fun new_commission_is_blocked_until_the_votes_end() {
    let ctx = &tx_context::dummy();
    let mut pool = test_pool::new(10_00, 1);
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
fun commission_and_governance_change_hands() {
    let ctx = &tx_context::dummy();
    let mut pool = test_pool::new(0, 1);
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
    let mut pool = test_pool::new(0, 1);
    let auth = auth::authenticate_with_object(&pool);
    destroy(pool.collect_commission(auth));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun somebody_else_takes_the_commission_over() {
    let mut pool = test_pool::new(0, 1);
    let auth = auth::authenticate_with_object(&pool);
    pool.set_commission_receiver(auth, auth::authorized_address(@0xBAD));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun somebody_else_takes_governance_over() {
    let mut pool = test_pool::new(0, 1);
    let auth = auth::authenticate_with_object(&pool);
    pool.set_governance_authorized(auth, auth::authorized_address(@0xBAD));
    abort
}

#[test]
fun taking_the_commission_clears_what_is_blocked() {
    let mut pool = test_pool::new(0, 1);
    pool.add_commission(balance::create_for_testing(7), true);
    pool.add_commission(balance::create_for_testing(5), false);
    assert_eq!(pool.take_commission().destroy_for_testing(), 12);
    // Nothing of it is held against what comes later.
    pool.add_commission(balance::create_for_testing(3), false);
    assert_eq!(collect(&mut pool), 3);
    destroy(pool);
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun the_old_receiver_collects() {
    let mut pool = test_pool::new(0, 1);
    let ctx = &tx_context::dummy();
    let receiver = auth::authorized_address(@0xB0B);
    pool.set_commission_receiver(auth::authenticate_sender(ctx), receiver);
    collect(&mut pool);
    abort
}
