/// The shared objects together: a network through its life.
module walrus::end_to_end_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::auth;
use walrus::blob;
use walrus::encoding;
use walrus::node_metadata;
use walrus::staking;
use walrus::test_network::{Self, Network};

const N_SHARDS: u16 = 10;
const FROST_PER_WAL: u64 = 1_000_000_000;
const SUPPLY: u64 = 5_000_000_000_000_000_000;
const RS2: u8 = 1;

#[test]
fun stake_pay_and_be_rewarded() {
    let mut network = test_network::running();
    let (system, _, treasury, _, _) = network.staking_parts();
    assert_eq!(system.epoch(), 1);
    assert_eq!(system.n_shards(), N_SHARDS);
    // Four nodes of 1 TB; two have three shards of ten.
    assert_eq!(system.total_capacity_size(), 3_333_333_333_333);
    assert_eq!(treasury.total_supply(), SUPPLY);

    let size = 10_000;
    let encoded = encoding::encoded_blob_length(size, RS2, N_SHARDS);
    let before = network.funds();
    let (system, funds, ctx) = network.storage_parts();
    let storage = system.reserve_space(encoded, 2, funds, ctx);
    let blob_id = blob::derive_blob_id(77, RS2, size);
    let blob = system.register_blob(storage, blob_id, 77, size, RS2, true, funds, ctx);
    system.delete_blob(blob).destroy();
    assert_eq!(before - network.funds(), 5 + 5 + 7);

    let subsidy = network.take_funds(1_000_000);
    let (system, _, _) = network.storage_parts();
    system.add_subsidy(subsidy, 1);
    network.next_epoch();
    // 3% of 1_000_012 are burnt; the nodes share the rest by shards.
    let node_ids = vector::tabulate!(4, |i| network.node_id(i));
    let (system, staking, treasury, _, _) = network.staking_parts();
    assert_eq!(treasury.total_supply(), SUPPLY - 30_000);
    let rewards = node_ids.fold!(0, |sum, node_id| {
        sum + staking.inner().pool_for_testing(node_id).rewards_amount()
    });
    let left = system.future_accounting()[0].rewards() - 5;
    assert_eq!(rewards + left, 970_012);
    destroy(network);
}

/// What is paid in for each of the next epochs is booked there, and is what stake earns.
#[test]
fun subsidies_by_epoch_are_what_stakers_earn() {
    let mut network = test_network::running();
    let mut first = network.take_funds(4_000_003).into_balance();
    let second = first.split(3);
    // Nodes are paid for what they store.
    let (system, payment, ctx) = network.storage_parts();
    system.reserve_space(1_000_000, 2, payment, ctx).destroy();
    let before = vector::tabulate!(3, |i| system.future_accounting()[i as u32].rewards());
    system.add_per_epoch_subsidies(vector[first, second]);
    let booked = vector::tabulate!(
        3,
        |i| system.future_accounting()[i as u32].rewards() - before[i],
    );
    assert_eq!(booked, vector[4_000_000, 3, 0]);

    let node_id = network.node_id(0);
    let (_, staking, _, _, _) = network.staking_parts();
    let principal = staking.inner().pool_for_testing(node_id).wal_balance();
    network.next_epoch();
    let (_, staking, _, _, _) = network.staking_parts();
    let earned = staking.inner().pool_for_testing(node_id).wal_balance() - principal;
    assert!(earned > 0);
    assert_eq!(staking.calculate_rewards(node_id, principal, 1, 2), earned);
    // Two halves earn as much, but for what is rounded down.
    let half = staking.calculate_rewards(node_id, principal / 2, 1, 2);
    assert!(half == earned / 2 || half + 1 == earned / 2);
    assert_eq!(staking.calculate_rewards(node_id, principal, 2, 2), 0);
    destroy(network);
}

#[test]
fun configuration_through_the_capability() {
    let mut network = test_network::running();
    let (staking, cap, _, _) = network.operator_parts(0);
    staking.set_name(cap, b"new name".to_string());
    staking.set_network_address(cap, b"example.org:443".to_string());
    staking.set_network_public_key(cap, vector::tabulate!(33, |_| 3));
    staking.set_storage_price_vote(cap, 1);
    staking.set_write_price_vote(cap, 1);
    staking.set_node_capacity_vote(cap, 1);
    staking.set_next_commission(cap, 1_00);
    staking.try_join_active_set(cap);
    let description = node_metadata::new(
        b"image".to_string(),
        b"project".to_string(),
        b"text".to_string(),
    );
    staking.set_node_metadata(cap, description);
    assert_eq!(staking.node_metadata(cap.node_id()), description);
    destroy(network);
}

#[test, expected_failure(abort_code = staking::EDeprecatedFunction)]
fun the_old_epoch_change() {
    let mut network = test_network::running();
    let (system, staking, _, clock, _) = network.staking_parts();
    staking.initiate_epoch_change(system, clock);
    abort
}

/// Stakes, withdrawals, payments, subsidies and commission over ten epochs: no FROST comes from nowhere, and
/// what is burnt is the only thing that is gone.
#[test]
fun no_wal_is_created_or_lost() {
    let mut network = test_network::deploy();
    let mut paid_out = 0;
    4u64.do!(|i| network.add_node_with(10_00 * (i as u16), (1_000 + 37 * i) * FROST_PER_WAL + i));
    let mut principal = (4_000 + 37 * 6) * FROST_PER_WAL + 6;
    network.next_epoch();
    let mut seed = 7u64;
    10u64.do!(|round| {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        let (system, payment, ctx) = network.storage_parts();
        let size = 1_000_000 * (seed % 97 + 1);
        system.reserve_space(size, (seed % 5 + 1) as u32, payment, ctx).destroy();
        let subsidy = network.take_funds(1_000_000_007 * (seed % 13));
        let (system, _, _) = network.storage_parts();
        system.add_subsidy(subsidy, (seed % 5 + 1) as u32);
        let node = seed % 4;
        // One stake leaves at once, one asks for it and leaves later.
        let early = network.stake(node, (1 + seed % 50) * FROST_PER_WAL + seed % 1_000);
        paid_out = paid_out + network.withdraw(early);
        let mut staked = network.stake(node, (1 + seed % 70) * FROST_PER_WAL + seed % 999);
        network.next_epoch();
        network.request_withdraw(&mut staked);
        network.end_votes();
        let (staking, cap, _, ctx) = network.operator_parts(node);
        let receiver = auth::authenticate_with_object(cap);
        let commission = staking.collect_commission(cap.node_id(), receiver, ctx);
        paid_out = paid_out + commission.burn_for_testing();
        network.change_epoch();
        network.sync_all();
        paid_out = paid_out + network.withdraw(staked);
        // Some new stake stays.
        let kept = network.stake(round % 4, FROST_PER_WAL + round);
        principal = principal + kept.value();
        destroy(kept);
        let everything = booked(&mut network) + network.funds() + principal + paid_out;
        assert_eq!(everything, supply(&mut network));
    });
    assert!(supply(&mut network) < SUPPLY);
    destroy(network);
}

/// What nodes and stakers may still get: rewards and commission in the pools, payments in the system.
fun booked(network: &mut Network): u64 {
    let node_ids = vector::tabulate!(4, |i| network.node_id(i));
    let (system, staking, _, _, _) = network.staking_parts();
    let in_pools = node_ids.fold!(0, |sum, node_id| {
        let pool = staking.inner().pool_for_testing(node_id);
        sum + pool.rewards_amount() + pool.commission_amount()
    });
    let accounting = system.future_accounting();
    vector::tabulate!(5, |i| accounting[i as u32].rewards()).fold!(in_pools, |sum, part| sum + part)
}

fun supply(network: &mut Network): u64 {
    let (_, _, treasury, _, _) = network.staking_parts();
    treasury.total_supply()
}
