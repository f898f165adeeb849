/// Registering a node, its configuration, and its keys. Proofs of possession are tested on a chain: the test
/// runner accepts any signature, and all keys look the same to it.
module walrus::registration_tests;

use std::string::String;
use std::unit_test::{assert_eq, destroy};
use walrus::auth;
use walrus::messages;
use walrus::node_metadata;
use walrus::staking_pool;
use walrus::storage_node::{Self, StorageNodeCap};
use walrus::test_network::{Self, Network};

const ADDRESS: vector<u8> = b"node.example:443";

/// Registers a node; what is not given is valid.
fun register(
    network: &mut Network,
    name: String,
    network_address: String,
    public_key_length: u64,
    network_public_key_length: u64,
    commission_rate: u16,
): StorageNodeCap {
    let text = b"text".to_string();
    let (_, staking, _, _, ctx) = network.staking_parts();
    staking.register_candidate(
        name,
        network_address,
        node_metadata::new(text, text, text),
        vector::tabulate!(public_key_length, |_| 1),
        vector::tabulate!(network_public_key_length, |_| 2),
        vector::tabulate!(96, |_| 3),
        commission_rate,
        11,
        12,
        13,
        ctx,
    )
}

fun text(length: u64): String {
    vector::tabulate!(length, |_| 65).to_string()
}

// === Registration ===

#[test]
fun a_new_node() {
    let mut network = test_network::running();
    let cap = register(&mut network, text(100), text(259), 48, 33, 100_00);
    let node_id = cap.node_id();
    assert_eq!(cap.last_epoch_sync_done(), 0);
    assert_eq!(cap.deny_list_root(), 0);
    assert_eq!(cap.deny_list_sequence(), 0);
    let (_, staking, _, _, ctx) = network.staking_parts();
    let pool = staking.inner().pool_for_testing(node_id);
    assert_eq!(object::id(pool), node_id);
    assert_eq!(pool.node_info_for_testing().id(), node_id);
    assert_eq!(pool.storage_price(), 11);
    assert_eq!(pool.write_price(), 12);
    assert_eq!(pool.node_capacity(), 13);
    assert_eq!(pool.commission_rate(), 100_00);
    assert_eq!(pool.wal_balance(), 0);
    assert_eq!(pool.num_shares(), 0);
    // The sender votes, the capability collects.
    assert!(auth::authenticate_sender(ctx).matches(pool.governance_authorized()));
    assert!(!auth::authenticate_with_object(&cap).matches(pool.governance_authorized()));
    let by_cap = auth::authenticate_with_object(&cap);
    destroy(staking.collect_commission(node_id, by_cap, ctx));
    // Only stake makes it a candidate.
    assert!(!staking.inner().active_set().active_ids().contains(&node_id));
    destroy(cap);
    destroy(network);
}

#[test, expected_failure(abort_code = messages::EInvalidKeyLength)]
fun a_public_key_of_the_wrong_length() {
    let mut network = test_network::running();
    // It is looked at before everything else.
    destroy(register(&mut network, text(101), text(260), 49, 32, 100_01));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EInvalidNameLength)]
fun a_name_that_is_too_long() {
    let mut network = test_network::running();
    destroy(register(&mut network, text(101), text(260), 48, 32, 100_01));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EInvalidNetworkAddressLength)]
fun a_network_address_that_is_too_long() {
    let mut network = test_network::running();
    destroy(register(&mut network, text(100), text(260), 48, 32, 100_01));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EIncorrectCommissionRate)]
fun a_commission_rate_above_all() {
    let mut network = test_network::running();
    destroy(register(&mut network, text(100), text(259), 48, 32, 100_01));
    abort
}

#[test, expected_failure(abort_code = storage_node::EInvalidNetworkPublicKey)]
fun a_network_key_of_the_wrong_length() {
    let mut network = test_network::running();
    destroy(register(&mut network, text(1), ADDRESS.to_string(), 48, 34, 0));
    abort
}

// === Configuration ===

#[test]
fun a_capability_configures_its_own_node_only() {
    let mut network = test_network::running();
    let (own_id, other_id) = (network.node_id(0), network.node_id(1));
    let (staking, cap, _, _) = network.operator_parts(0);
    let description = node_metadata::new(text(1), text(2), text(3));
    staking.set_name(cap, text(5));
    staking.set_network_address(cap, text(6));
    staking.set_network_public_key(cap, vector::tabulate!(33, |_| 9));
    staking.set_node_metadata(cap, description);
    staking.set_storage_price_vote(cap, 1_001);
    staking.set_write_price_vote(cap, 1_002);
    staking.set_node_capacity_vote(cap, 1_003);
    staking.set_next_commission(cap, 77);
    staking.set_next_public_key(
        cap,
        vector::tabulate!(48, |_| 8),
        vector[],
        &mut tx_context::dummy(),
    );

    let own = staking.inner().pool_for_testing(own_id);
    assert_eq!(own.node_info_for_testing().name_for_testing(), text(5));
    assert_eq!(own.node_info_for_testing().network_address_for_testing(), text(6));
    assert_eq!(own.node_metadata(), description);
    assert_eq!(own.storage_price(), 1_001);
    assert_eq!(own.write_price(), 1_002);
    assert_eq!(own.node_capacity(), 1_003);
    assert!(own.node_info_for_testing().has_next_public_key_for_testing());
    let other = staking.inner().pool_for_testing(other_id);
    assert_eq!(other.node_info_for_testing().name_for_testing(), b"node".to_string());
    assert_eq!(
        other.node_info_for_testing().network_address_for_testing(),
        b"node.example:443".to_string(),
    );
    assert!(other.node_metadata() != description);
    assert_eq!(other.storage_price(), 5);
    assert_eq!(other.write_price(), 7);
    assert_eq!(other.node_capacity(), 1_000_000_000_000);
    assert!(!other.node_info_for_testing().has_next_public_key_for_testing());
    2u64.do!(|_| network.next_epoch());
    let (_, staking, _, _, _) = network.staking_parts();
    assert_eq!(staking.inner().pool_for_testing(own_id).commission_rate(), 77);
    assert_eq!(staking.inner().pool_for_testing(other_id).commission_rate(), 0);
    destroy(network);
}

#[test]
fun a_description_can_be_changed_field_by_field() {
    let mut description = node_metadata::new(text(1), text(2), text(3));
    assert_eq!(description.image_url(), text(1));
    assert_eq!(description.project_url(), text(2));
    assert_eq!(description.description(), text(3));
    assert!(description.extra_fields().is_empty());
    description.set_image_url(text(4));
    description.set_project_url(text(5));
    description.set_description(text(6));
    let extra_fields = sui::vec_map::from_keys_values(vector[text(7)], vector[text(8)]);
    description.set_extra_fields(extra_fields);
    assert_eq!(description.image_url(), text(4));
    assert_eq!(description.project_url(), text(5));
    assert_eq!(description.description(), text(6));
    assert_eq!(*description.extra_fields(), extra_fields);
}

// === Keys ===

fun set_next_key(network: &mut Network, i: u64) {
    let (staking, cap, _, ctx) = network.operator_parts(i);
    staking.set_next_public_key(cap, vector::tabulate!(48, |_| 8), vector[], ctx);
}

fun has_next_key(network: &mut Network, i: u64): bool {
    let node_id = network.node_id(i);
    let (_, staking, _, _, _) = network.staking_parts();
    staking
        .inner()
        .pool_for_testing(node_id)
        .node_info_for_testing()
        .has_next_public_key_for_testing()
}

#[test]
fun a_new_key_waits_for_the_epoch_change() {
    let mut network = test_network::running();
    set_next_key(&mut network, 0);
    network.end_votes();
    assert!(has_next_key(&mut network, 0));
    network.change_epoch();
    assert!(!has_next_key(&mut network, 0));
    destroy(network);
}

#[test]
fun a_key_set_after_the_votes_is_rotated_in_although_the_committee_has_the_one_before() {
    let mut network = test_network::running();
    network.end_votes();
    set_next_key(&mut network, 0);
    network.change_epoch();
    // The committee signs with the captured key for one epoch, the pool shows the new one.
    assert!(!has_next_key(&mut network, 0));
    destroy(network);
}

#[test]
fun a_node_outside_the_committees_keeps_its_next_key() {
    let mut network = test_network::running();
    network.add_node_with(0, 0);
    set_next_key(&mut network, 4);
    network.next_epoch();
    assert!(has_next_key(&mut network, 4));
    destroy(network);
}

#[test, expected_failure(abort_code = messages::EInvalidKeyLength)]
fun a_next_key_of_the_wrong_length() {
    let mut network = test_network::running();
    let (staking, cap, _, ctx) = network.operator_parts(0);
    staking.set_next_public_key(cap, vector::tabulate!(96, |_| 8), vector[], ctx);
    abort
}
