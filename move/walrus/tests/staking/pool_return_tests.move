/// How a pool comes back after epochs in which its node was outside the committees.
module walrus::pool_return_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::pool_exchange_rate;
use walrus::staked_wal::StakedWal;
use walrus::staking_pool::StakingPool;
use walrus::test_pool::{Self, advance, after, before, joining, outside, stake, withdraw};

const WAL: u64 = 1_000_000_000;

/// A pool in epoch 5 that everybody has left. Two FROST remain, and one share: two FROST each, while the last
/// recorded rate, at which they left, is 1.1.
fun dust(): StakingPool {
    let mut pool = test_pool::new(0, 1);
    let mut first = stake(&mut pool, 10 * WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 1 * WAL);
    let mut second = stake(&mut pool, WAL + 2, before(3));
    let mut third = stake(&mut pool, WAL + 2, before(3));
    advance(&mut pool, 4, 0);
    pool.request_withdraw_stake(&mut first, &before(4));
    pool.request_withdraw_stake(&mut second, &before(4));
    pool.request_withdraw_stake(&mut third, &before(4));
    advance(&mut pool, 5, 0);
    assert_eq!(withdraw(&mut pool, first, before(5)), 11 * WAL);
    assert_eq!(withdraw(&mut pool, second, before(5)), WAL + 2);
    assert_eq!(withdraw(&mut pool, third, before(5)), WAL + 2);
    assert_eq!(pool.wal_balance(), 2);
    assert_eq!(pool.num_shares(), 1);
    pool
}

/// A pool in epoch 5 that everybody has left, without remainder, after a reward of a tenth.
fun empty(): StakingPool {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, 10 * WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 1 * WAL);
    pool.request_withdraw_stake(&mut staked, &after(3));
    advance(&mut pool, 4, 0);
    advance(&mut pool, 5, 0);
    assert_eq!(withdraw(&mut pool, staked, before(5)), 11 * WAL);
    assert_eq!(pool.wal_balance(), 0);
    assert_eq!(pool.num_shares(), 0);
    pool
}

// === Stake that came while the node was outside ===

#[test]
fun stake_that_is_requested_before_the_pool_is_back_leaves_as_what_it_is() {
    let mut pool = dust();
    let mut staked = stake(&mut pool, 10 * WAL, outside(5));
    // Active since epoch 6; the node is chosen for epoch 8.
    pool.request_withdraw_stake(&mut staked, &joining(7));
    assert_eq!(staked.withdraw_epoch(), 9);
    advance(&mut pool, 8, 0);
    assert_eq!(pool.wal_balance(), 10 * WAL + 2);
    // At two FROST for each of its shares it would take more than is there.
    advance(&mut pool, 9, 0);
    assert_eq!(pool.wal_balance(), 3);
    assert_eq!(withdraw(&mut pool, staked, before(9)), 10 * WAL);
    destroy(pool);
}

#[test]
fun stake_that_is_requested_when_the_pool_is_back_leaves_as_what_it_is() {
    let mut pool = dust();
    let mut staked = stake(&mut pool, 10 * WAL, outside(5));
    advance(&mut pool, 8, 0);
    pool.request_withdraw_stake(&mut staked, &before(8));
    assert_eq!(staked.withdraw_epoch(), 9);
    advance(&mut pool, 9, 0);
    assert_eq!(pool.wal_balance(), 3);
    assert_eq!(withdraw(&mut pool, staked, before(9)), 10 * WAL);
    destroy(pool);
}

#[test]
fun stake_that_came_and_went_outside_does_not_count_at_a_later_rate() {
    let mut pool = dust();
    let passing = stake(&mut pool, 10 * WAL, outside(5));
    assert_eq!(withdraw(&mut pool, passing, outside(6)), 10 * WAL);
    let staying = stake(&mut pool, 5 * WAL, outside(6));
    assert_eq!(pool.wal_balance_at_epoch(7), 5 * WAL + 2);
    advance(&mut pool, 7, 0);
    assert_eq!(pool.wal_balance(), 5 * WAL + 2);
    destroy(pool);
    destroy(staying);
}

#[test]
fun stake_of_all_epochs_outside_can_leave_at_once() {
    let mut pool = dust();
    let mut stakes = vector[];
    stakes.push_back(stake(&mut pool, 10 * WAL, outside(5)));
    stakes.push_back(stake(&mut pool, WAL, outside(6)));
    stakes.push_back(stake(&mut pool, 3 * WAL + 1, outside(6)));
    // These become active in the epoch in which the pool is back.
    stakes.push_back(stake(&mut pool, 7 * WAL, outside(7)));
    stakes.push_back(stake(&mut pool, WAL + 7, outside(7)));
    stakes.length().do!(|i| pool.request_withdraw_stake(&mut stakes[i], &joining(7)));
    advance(&mut pool, 8, 0);
    assert_eq!(pool.wal_balance(), 22 * WAL + 10);
    advance(&mut pool, 9, 0);
    assert!(pool.wal_balance() < 10);
    stakes.destroy!(|staked| {
        let principal = staked.value();
        assert_eq!(withdraw(&mut pool, staked, before(9)), principal);
    });
    destroy(pool);
}

#[test]
fun stake_that_came_outside_earns_all_that_the_pool_gets() {
    let mut pool = dust();
    let mut staked = stake(&mut pool, 10 * WAL, outside(5));
    advance(&mut pool, 8, 0);
    advance(&mut pool, 9, 2 * WAL);
    pool.request_withdraw_stake(&mut staked, &before(9));
    advance(&mut pool, 10, 0);
    // But for what is rounded off.
    let rounding = pool.wal_balance();
    assert!(rounding < 5);
    assert_eq!(withdraw(&mut pool, staked, before(10)) + rounding, 12 * WAL + 2);
    destroy(pool);
}

#[test]
fun stake_that_comes_to_a_pool_without_stake_earns_all_that_the_pool_gets() {
    let mut pool = empty();
    let mut staked = stake(&mut pool, 11 * WAL, outside(5));
    advance(&mut pool, 8, 0);
    assert_eq!(pool.num_shares(), 10 * WAL);
    advance(&mut pool, 9, 1 * WAL);
    pool.request_withdraw_stake(&mut staked, &before(9));
    advance(&mut pool, 10, 0);
    assert_eq!(withdraw(&mut pool, staked, before(10)), 12 * WAL);
    assert_eq!(pool.wal_balance(), 0);
    assert_eq!(pool.rewards_amount(), 0);
    destroy(pool);
}

#[test]
fun the_pool_can_go_and_come_back_again() {
    let mut pool = dust();
    let mut staked = stake(&mut pool, 10 * WAL, outside(5));
    pool.request_withdraw_stake(&mut staked, &joining(7));
    advance(&mut pool, 8, 0);
    advance(&mut pool, 9, 0);
    let mut again = stake(&mut pool, 10 * WAL, outside(10));
    pool.request_withdraw_stake(&mut again, &joining(12));
    advance(&mut pool, 13, 0);
    advance(&mut pool, 14, 0);
    assert!(pool.wal_balance() < 10);
    assert_eq!(withdraw(&mut pool, staked, outside(15)), 10 * WAL);
    assert_eq!(withdraw(&mut pool, again, outside(15)), 10 * WAL);
    destroy(pool);
}

// === Rates ===

#[test]
fun a_pool_that_is_back_has_the_rate_with_which_it_left() {
    let mut pool = dust();
    let left_with = pool.rate_at_for_testing(5);
    let staked = stake(&mut pool, 10 * WAL, outside(5));
    advance(&mut pool, 8, 0);
    assert_eq!(pool.rate_at_for_testing(8), left_with);
    // What it gets from then on counts.
    let (balance, shares) = (pool.wal_balance(), pool.num_shares());
    advance(&mut pool, 9, 3);
    assert_eq!(pool.rate_at_for_testing(9), pool_exchange_rate::new(balance + 3, shares));
    destroy(staked);
    destroy(pool);
}

#[test]
fun a_pool_that_was_not_away_has_the_rate_of_what_is_in_it() {
    let mut pool = dust();
    let mut staked = stake(&mut pool, 10 * WAL, before(5));
    advance(&mut pool, 6, 0);
    assert_eq!(pool.rate_at_for_testing(6), pool_exchange_rate::new(2, 1));
    assert_eq!(pool.num_shares(), 5 * WAL + 1);
    pool.request_withdraw_stake(&mut staked, &before(6));
    advance(&mut pool, 7, 0);
    assert_eq!(pool.wal_balance(), 2);
    assert_eq!(withdraw(&mut pool, staked, before(7)), 10 * WAL);
    destroy(pool);
}

#[test]
fun a_pool_that_waited_for_its_first_committee_is_back_with_a_flat_rate() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, 10 * WAL, outside(3));
    pool.request_withdraw_stake(&mut staked, &joining(6));
    advance(&mut pool, 7, 0);
    assert_eq!(pool.rate_at_for_testing(7), pool_exchange_rate::flat());
    assert_eq!(pool.num_shares(), 10 * WAL);
    advance(&mut pool, 8, WAL);
    assert_eq!(withdraw(&mut pool, staked, before(8)), 11 * WAL);
    assert_eq!(pool.wal_balance(), 0);
    destroy(pool);
}

#[test]
fun what_left_outside_is_taken_out_as_it_was_paid() {
    let mut pool = test_pool::new(0, 1);
    let leaving = stake(&mut pool, 10 * WAL, before(1));
    let staying = stake(&mut pool, 20 * WAL + 1, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 3 * WAL + 1);
    let paid = withdraw(&mut pool, leaving, outside(5));
    advance(&mut pool, 9, 0);
    assert_eq!(paid + pool.wal_balance(), 33 * WAL + 2);
    destroy(staying);
    destroy(pool);
}

// === Projected balance ===

#[test]
fun the_projected_balance_is_the_one_that_the_pool_is_back_with() {
    let mut pool = dust();
    let mut leaving = stake(&mut pool, 10 * WAL, outside(5));
    let staying = stake(&mut pool, 10 * WAL, outside(5));
    assert_eq!(pool.wal_balance_at_epoch(7), 20 * WAL + 2);
    pool.request_withdraw_stake(&mut leaving, &joining(7));
    // At two FROST for each share that leaves, two WAL would remain.
    let projected = pool.wal_balance_at_epoch(9);
    assert_eq!(projected, 10 * WAL + 3);
    advance(&mut pool, 8, 0);
    advance(&mut pool, 9, 0);
    assert_eq!(pool.wal_balance(), projected);
    destroy(staying);
    destroy(leaving);
    destroy(pool);
}

// === Rates of many epochs ago ===

/// A pool that was outside the committees from epoch 5 to 4,000, stake that became active meanwhile, and the rate
/// with which the pool left.
fun long_away(): (StakingPool, vector<StakedWal>) {
    let mut pool = dust();
    let stakes = vector[6, 1_000, 2_500, 3_998].map!(|epoch| {
        stake(&mut pool, 10 * WAL, outside(epoch))
    });
    advance(&mut pool, 4_000, 0);
    advance(&mut pool, 4_001, WAL);
    (pool, stakes)
}

#[test]
fun stake_of_a_long_time_outside_leaves_when_the_pool_is_back() {
    let (mut pool, stakes) = long_away();
    // Everybody has earned the same; the division leaves less than a FROST for each.
    let last = stakes.map!(|mut staked| {
        pool.request_withdraw_stake(&mut staked, &before(4_001));
        staked
    });
    advance(&mut pool, 4_002, 0);
    last.do!(|staked| {
        assert_eq!(withdraw(&mut pool, staked, before(4_002)), 10 * WAL + WAL / 4 - 1);
    });
    destroy(pool);
}

#[test]
fun every_epoch_outside_has_the_rate_with_which_the_pool_left() {
    let (mut pool, stakes) = long_away();
    // Outside again, for a shorter time, and back.
    advance(&mut pool, 4_010, 0);
    let left = pool.rate_at_for_testing(5);
    vector[6, 7, 1_000, 2_500, 3_999, 4_000].do!(|epoch| {
        assert_eq!(pool.rate_at_for_testing(epoch), left);
    });
    let left = pool.rate_at_for_testing(4_001);
    vector[4_002, 4_009, 4_010, 9_999].do!(|epoch| {
        assert_eq!(pool.rate_at_for_testing(epoch), left);
    });
    assert!(left != pool.rate_at_for_testing(4_000));
    destroy(pool);
    destroy(stakes);
}

#[test]
fun epochs_before_the_first_committee_are_flat() {
    let mut pool = test_pool::new(0, 1);
    let staked = stake(&mut pool, 10 * WAL, outside(1));
    advance(&mut pool, 3_000, 0);
    advance(&mut pool, 3_001, WAL);
    vector[0, 1, 2, 1_500, 2_999, 3_000].do!(|epoch| {
        assert_eq!(pool.rate_at_for_testing(epoch), pool_exchange_rate::flat());
    });
    assert!(pool.rate_at_for_testing(3_001) != pool_exchange_rate::flat());
    destroy(pool);
    destroy(staked);
}

#[test]
fun a_time_outside_under_an_earlier_release_is_searched() {
    let (mut pool, stakes) = long_away();
    let known = vector::tabulate!(60, |i| pool.rate_at_for_testing((i * 70) as u32));
    pool.forget_gaps_for_testing();
    let found = vector::tabulate!(60, |i| pool.rate_at_for_testing((i * 70) as u32));
    assert_eq!(found, known);
    destroy(pool);
    destroy(stakes);
}
