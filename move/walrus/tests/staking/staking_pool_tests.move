/// Shares, rewards and the configuration of a pool.
module walrus::staking_pool_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::pool_exchange_rate;
use walrus::staking_pool;
use walrus::test_pool::{Self, advance, after, before, outside, stake, withdraw};

const WAL: u64 = 1_000_000_000;

// === Shares and rewards ===

#[test]
fun worked_example() {
    let mut pool = test_pool::new(5_00, 4);
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
    let mut pool = test_pool::new(0, 1);
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
fun rewards_are_shared_in_proportion() {
    let mut pool = test_pool::new(0, 1);
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
    let mut pool = test_pool::new(0, 1);
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

#[test]
fun rewards_of_a_split_stake_add_up() {
    let mut pool = test_pool::new(0, 1);
    let mut staked = stake(&mut pool, 5 * WAL, before(1));
    let part = staked.split(2 * WAL, &mut tx_context::dummy());
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 5 * WAL);
    assert_eq!(withdraw(&mut pool, staked, outside(3)), 6 * WAL);
    assert_eq!(withdraw(&mut pool, part, outside(3)), 4 * WAL);
    assert_eq!(pool.rewards_amount(), 0);
    destroy(pool);
}

#[test]
fun rewards_of_every_epoch_count_from_activation_on() {
    let mut pool = test_pool::new(0, 1);
    let early = stake(&mut pool, 10 * WAL, before(1));
    advance(&mut pool, 2, 0);
    let late = stake(&mut pool, 10 * WAL, before(2));
    // The first reward is for an epoch in which only the early stake was active.
    advance(&mut pool, 3, 10 * WAL);
    assert_eq!(pool.wal_balance(), 30 * WAL);
    advance(&mut pool, 4, 3 * WAL);
    advance(&mut pool, 5, 6 * WAL);
    assert_eq!(pool.calculate_rewards(10 * WAL, 2, 3), 10 * WAL);
    assert_eq!(pool.calculate_rewards(10 * WAL, 2, 4), 12 * WAL);
    assert_eq!(pool.calculate_rewards(10 * WAL, 2, 5), 16 * WAL);
    assert_eq!(pool.calculate_rewards(10 * WAL, 3, 5), 3 * WAL);
    assert_eq!(withdraw(&mut pool, early, outside(5)), 26 * WAL);
    assert_eq!(withdraw(&mut pool, late, outside(5)), 13 * WAL);
    destroy(pool);
}

#[test]
fun rounding_leaves_dust_and_loses_nothing() {
    let mut pool = test_pool::new(0, 1);
    let mut principal = 0;
    let stakes = vector::tabulate!(7, |i| {
        let amount = WAL + 7 + 13 * i;
        principal = principal + amount;
        stake(&mut pool, amount, before(1))
    });
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 1_000_003);
    advance(&mut pool, 4, 999_983);
    let paid = stakes.fold!(0, |sum, staked| sum + withdraw(&mut pool, staked, outside(4)));
    assert_eq!(paid + pool.rewards_amount(), principal + 1_999_986);
    assert!(pool.rewards_amount() < 2 * 7);
    destroy(pool);
}

#[test, expected_failure(abort_code = staking_pool::EZeroShares)]
fun stake_in_a_pool_of_very_high_rewards_buys_no_share() {
    let mut pool = test_pool::new(0, 1);
    let first = stake(&mut pool, WAL, before(1));
    advance(&mut pool, 2, 0);
    // A share is worth more than two WAL from here on.
    advance(&mut pool, 3, 2_500_000_000_000_000_000);
    let mut second = stake(&mut pool, WAL, before(3));
    advance(&mut pool, 4, 0);
    destroy(first);
    pool.request_withdraw_stake(&mut second, &before(4));
    abort
}

// === Projected balance ===

#[test]
fun stake_and_withdrawals_of_later_epochs_count_when_they_are_due() {
    let mut pool = test_pool::new(0, 1);
    let mut one = stake(&mut pool, 10 * WAL, before(1));
    let mut two = stake(&mut pool, 10 * WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 2 * WAL);
    // One leaves in the next epoch, one in the epoch after; a third stake comes in two epochs.
    pool.request_withdraw_stake(&mut one, &before(3));
    pool.request_withdraw_stake(&mut two, &after(3));
    let three = stake(&mut pool, 5 * WAL, after(3));
    assert_eq!(one.withdraw_epoch(), 4);
    assert_eq!(two.withdraw_epoch(), 5);
    assert_eq!(pool.wal_balance_at_epoch(3), 22 * WAL);
    assert_eq!(pool.wal_balance_at_epoch(4), 11 * WAL);
    assert_eq!(pool.wal_balance_at_epoch(5), 5 * WAL);
    advance(&mut pool, 4, 0);
    assert_eq!(pool.wal_balance(), 11 * WAL);
    advance(&mut pool, 5, 0);
    assert_eq!(pool.wal_balance(), 5 * WAL);
    destroy(vector[one, two, three]);
    destroy(pool);
}

// === Epochs without the pool ===

#[test]
fun stake_survives_very_many_epochs_without_the_pool() {
    let mut pool = test_pool::new(0, 1);
    let old = stake(&mut pool, 10 * WAL, before(1));
    advance(&mut pool, 2, 0);
    advance(&mut pool, 3, 10 * WAL);
    // The node leaves the committee; stake that comes meanwhile waits for it.
    let waiting = stake(&mut pool, 10 * WAL, outside(500));
    assert_eq!(pool.calculate_rewards(10 * WAL, 2, 4_000_000), 10 * WAL);
    advance(&mut pool, 2_000, 0);
    assert_eq!(pool.wal_balance(), 30 * WAL);
    // The rate of the epochs in between is the last one before them.
    assert_eq!(pool.rate_at_for_testing(1_999), pool.rate_at_for_testing(3));
    assert_eq!(withdraw(&mut pool, old, outside(2_000)), 20 * WAL);
    assert_eq!(withdraw(&mut pool, waiting, outside(2_000)), 10 * WAL);
    destroy(pool);
}

// === Aborts ===

#[test, expected_failure(abort_code = staking_pool::EZeroStake)]
fun stake_nothing() {
    let mut pool = test_pool::new(0, 1);
    destroy(stake(&mut pool, 0, before(1)));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EPoolAlreadyUpdated)]
fun advance_to_the_same_epoch() {
    let mut pool = test_pool::new(0, 1);
    advance(&mut pool, 1, 0);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EIncorrectEpochAdvance)]
fun rewards_without_stake() {
    let mut pool = test_pool::new(0, 1);
    advance(&mut pool, 2, 1);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EPoolIsNotActive)]
fun stake_in_a_pool_that_leaves() {
    let mut pool = test_pool::new(0, 1);
    pool.set_leaving_for_testing(3);
    destroy(stake(&mut pool, WAL, before(1)));
    abort
}

// === Configuration ===

#[test, expected_failure(abort_code = staking_pool::EInvalidNameLength)]
fun a_name_that_is_too_long() {
    let mut pool = test_pool::new(0, 1);
    pool.set_name(vector::tabulate!(100, |_| 65).to_string());
    pool.set_name(vector::tabulate!(101, |_| 65).to_string());
    abort
}

#[test, expected_failure(abort_code = staking_pool::EInvalidNetworkAddressLength)]
fun a_network_address_that_is_too_long() {
    let mut pool = test_pool::new(0, 1);
    pool.set_network_address(vector::tabulate!(259, |_| 65).to_string());
    pool.set_network_address(vector::tabulate!(260, |_| 65).to_string());
    abort
}

#[test, expected_failure(abort_code = walrus::storage_node::EInvalidNetworkPublicKey)]
fun a_network_key_of_the_wrong_length() {
    let mut pool = test_pool::new(0, 1);
    pool.set_network_public_key(vector::tabulate!(32, |_| 2));
    abort
}

#[test]
fun votes_are_kept() {
    let mut pool = test_pool::new(0, 1);
    pool.set_storage_price_vote(1);
    pool.set_write_price_vote(2);
    pool.set_node_capacity_vote(3);
    assert_eq!(pool.storage_price(), 1);
    assert_eq!(pool.write_price(), 2);
    assert_eq!(pool.node_capacity(), 3);
    destroy(pool);
}
