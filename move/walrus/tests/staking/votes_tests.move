/// Votes for prices and capacity, and when they count.
module walrus::votes_tests;

use std::unit_test::{assert_eq, destroy};
use sui::clock;
use sui::event;
use walrus::events::PricesUpdated;
use walrus::staking_inner::{Self, StakingInnerV1};
use walrus::system_state_inner;
use walrus::test_network::{Self, Network};

const TB: u64 = 1_000_000_000_000;

/// What one unit costs for one epoch.
fun price(network: &mut Network): u64 {
    let before = network.funds();
    let (system, payment, ctx) = network.storage_parts();
    system.reserve_space(1, 1, payment, ctx).destroy();
    before - network.funds()
}

fun vote(network: &mut Network, i: u64, storage_price: u64) {
    let (staking, cap, _, _) = network.operator_parts(i);
    staking.set_storage_price_vote(cap, storage_price);
}

fun update_prices(network: &mut Network) {
    let (system, staking, _, _, _) = network.staking_parts();
    staking.update_prices(system);
}

// === Prices ===

#[test]
fun prices_follow_the_votes_at_once() {
    let mut network = test_network::running();
    assert_eq!(price(&mut network), 5);
    // Nodes have 3, 3, 2 and 2 shards of ten; a quorum is seven.
    3u64.do!(|i| vote(&mut network, i, 9));
    assert_eq!(price(&mut network), 5);
    update_prices(&mut network);
    assert_eq!(price(&mut network), 9);
    destroy(network);
}

#[test]
fun one_vote_moves_no_price() {
    let mut network = test_network::running();
    vote(&mut network, 0, 1_000_000);
    update_prices(&mut network);
    assert_eq!(price(&mut network), 5);
    vote(&mut network, 0, 0);
    update_prices(&mut network);
    assert_eq!(price(&mut network), 5);
    destroy(network);
}

#[test]
fun prices_stay_over_an_epoch_change_and_follow_votes_there() {
    let mut network = test_network::running();
    4u64.do!(|i| vote(&mut network, i, 9));
    update_prices(&mut network);
    network.next_epoch();
    assert_eq!(price(&mut network), 9);
    4u64.do!(|i| vote(&mut network, i, 4));
    network.next_epoch();
    assert_eq!(price(&mut network), 4);
    destroy(network);
}

#[test]
fun writing_has_a_price_of_its_own() {
    let mut network = test_network::running();
    4u64.do!(|i| {
        let (staking, cap, _, _) = network.operator_parts(i);
        staking.set_write_price_vote(cap, 100);
    });
    update_prices(&mut network);
    let before = network.funds();
    let blob = network.blob(1, false, false);
    assert_eq!(before - network.funds(), 5 + 100);
    blob.burn();
    destroy(network);
}

#[test]
fun every_update_is_told() {
    let mut network = test_network::running();
    network.next_tx();
    2u64.do!(|_| update_prices(&mut network));
    let updates = event::events_by_type<PricesUpdated>();
    assert_eq!(updates.length(), 2);
    assert_eq!(sui::bcs::to_bytes(&updates[0]), x"0100000005000000000000000700000000000000");
    destroy(network);
}

#[test]
fun without_committee_there_is_no_price_anybody_could_pay() {
    let mut network = test_network::deploy();
    update_prices(&mut network);
    let updates = event::events_by_type<PricesUpdated>();
    assert_eq!(sui::bcs::to_bytes(&updates[0]), x"00000000ffffffffffffffffffffffffffffffff");
    destroy(network);
}

#[test, expected_failure(arithmetic_error, location = system_state_inner)]
fun a_price_that_does_not_fit() {
    let mut network = test_network::running();
    4u64.do!(|i| vote(&mut network, i, std::u64::max_value!() / 2 + 1));
    update_prices(&mut network);
    let (system, payment, ctx) = network.storage_parts();
    destroy(system.reserve_space(1_048_577, 1, payment, ctx));
    abort
}

// === Capacity ===

#[test]
fun capacity_follows_the_votes_in_the_next_epoch() {
    let mut network = test_network::running();
    let (system, _, _) = network.storage_parts();
    let before = system.total_capacity_size();
    4u64.do!(|i| {
        let (staking, cap, _, _) = network.operator_parts(i);
        staking.set_node_capacity_vote(cap, 3 * TB);
    });
    let (system, _, _) = network.storage_parts();
    assert_eq!(system.total_capacity_size(), before);
    network.next_epoch();
    let (system, _, _) = network.storage_parts();
    // Two nodes with three shards of ten: 3 TB on three shards are 10 TB on all.
    assert_eq!(system.total_capacity_size(), 10 * TB);
    destroy(network);
}

#[test]
fun votes_for_capacity_after_the_votes_count_one_epoch_later() {
    let mut network = test_network::running();
    network.end_votes();
    4u64.do!(|i| {
        let (staking, cap, _, _) = network.operator_parts(i);
        staking.set_node_capacity_vote(cap, 3 * TB);
    });
    network.change_epoch();
    network.sync_all();
    let (system, _, _) = network.storage_parts();
    assert_eq!(system.total_capacity_size(), 3_333_333_333_333);
    network.next_epoch();
    let (system, _, _) = network.storage_parts();
    assert_eq!(system.total_capacity_size(), 10 * TB);
    destroy(network);
}

// === Quorums ===

/// Staking with a thousand shards.
fun thousand(): StakingInnerV1 {
    let ctx = &mut tx_context::dummy();
    let clock = clock::create_for_testing(ctx);
    let staking = staking_inner::new(0, 1_000, 1_000, &clock, ctx);
    destroy(clock);
    staking
}

#[test]
fun the_smallest_value_that_a_quorum_accepts() {
    let staking = thousand();
    assert_eq!(staking.quorum_below_for_testing(vector[100, 90, 200], vector[500, 300, 200]), 100);
    assert_eq!(staking.quorum_below_for_testing(vector[100, 90, 200], vector[333, 333, 334]), 200);
    assert_eq!(staking.quorum_below_for_testing(vector[42], vector[1_000]), 42);
    assert_eq!(staking.quorum_below_for_testing(vector[7, 7, 7], vector[400, 400, 200]), 7);
    // Everything on one side: those at the other end have a quorum, or just none.
    assert_eq!(staking.quorum_below_for_testing(vector[1, 9], vector[667, 333]), 1);
    assert_eq!(staking.quorum_below_for_testing(vector[1, 9], vector[666, 334]), 9);
    destroy(staking);
}

#[test]
fun the_largest_value_that_a_quorum_reaches() {
    let staking = thousand();
    assert_eq!(
        staking.quorum_above_for_testing(vector[8 * TB, 3 * TB, 5 * TB], vector[500, 300, 200]),
        5 * TB,
    );
    assert_eq!(staking.quorum_above_for_testing(vector[42], vector[1_000]), 42);
    assert_eq!(staking.quorum_above_for_testing(vector[7, 7, 7], vector[400, 400, 200]), 7);
    assert_eq!(staking.quorum_above_for_testing(vector[9, 1], vector[667, 333]), 9);
    assert_eq!(staking.quorum_above_for_testing(vector[9, 1], vector[666, 334]), 1);
    destroy(staking);
}
