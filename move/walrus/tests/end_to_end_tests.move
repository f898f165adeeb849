/// The shared objects together: a network through its life.
module walrus::end_to_end_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::blob;
use walrus::encoding;
use walrus::node_metadata;
use walrus::staking;
use walrus::test_network;

const N_SHARDS: u16 = 10;
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
