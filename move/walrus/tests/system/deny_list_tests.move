/// Deny lists and protocol versions. The test runner accepts any signature: real ones are tested on
/// a chain.
#[allow(implicit_const_copy)]
module walrus::deny_list_tests;

use std::unit_test::{assert_eq, destroy};
use sui::bcs;
use sui::event;
use walrus::bls_aggregate;
use walrus::events::{
    DenyListBlobDeleted,
    DenyListUpdate,
    InvalidBlobID,
    ProtocolVersionUpdated,
    RegisterDenyListUpdate,
};
use walrus::messages;
use walrus::system_state_inner;
use walrus::test_network::{Self, Network};

const ROOT: u256 = 0xF00;
const BLOB_ID: u256 = 0xB10B;
const SIZE: u64 = 900;
/// Three nodes have at least seven shards of ten.
const QUORUM: vector<u8> = x"07";
/// Two nodes have at least four shards of ten, and at most six.
const ONE_CORRECT: vector<u8> = x"03";
/// One node has at most three shards of ten.
const TOO_FEW: vector<u8> = x"01";

fun deny_list_message(epoch: u32, node_id: ID, sequence: u64): vector<u8> {
    let mut message = test_network::envelope(4, epoch);
    message.append(node_id.to_bytes());
    message.append(bcs::to_bytes(&sequence));
    message.append(bcs::to_bytes(&SIZE));
    message.append(bcs::to_bytes(&ROOT));
    message
}

fun protocol_message(epoch: u32, start_epoch: u32): vector<u8> {
    let mut message = test_network::envelope(6, epoch);
    message.append(bcs::to_bytes(&start_epoch));
    message.append(x"0200000000000000");
    message
}

fun blob_message(intent_type: u8, epoch: u32): vector<u8> {
    let mut message = test_network::envelope(intent_type, epoch);
    message.append(bcs::to_bytes(&BLOB_ID));
    message
}

/// Bytes of an event with a deny list in epoch 1.
fun deny_list_event(sequence: u64, node_id: ID): vector<u8> {
    let mut bytes = x"01000000";
    bytes.append(bcs::to_bytes(&ROOT));
    bytes.append(bcs::to_bytes(&sequence));
    bytes.append(node_id.to_bytes());
    bytes
}

fun update(network: &mut Network, i: u64, bitmap: vector<u8>, message: vector<u8>) {
    let (system, cap) = network.node_parts(i);
    system.update_deny_list(cap, vector[], bitmap, message);
}

fun update_protocol(network: &mut Network, i: u64, bitmap: vector<u8>, message: vector<u8>) {
    let (system, cap) = network.node_parts(i);
    system.update_protocol_version(cap, vector[], bitmap, message);
}

// === Deny lists ===

#[test]
fun a_deny_list_is_registered_and_approved() {
    let mut network = test_network::running();
    let node_id = network.node_id(2);
    let (system, cap) = network.node_parts(2);
    system.register_deny_list_update(cap, ROOT, 5);
    assert_eq!(cap.deny_list_sequence(), 0);
    let registered = event::events_by_type<RegisterDenyListUpdate>();
    assert_eq!(bcs::to_bytes(&registered[0]), deny_list_event(5, node_id));

    update(&mut network, 2, QUORUM, deny_list_message(1, node_id, 5));
    // A later one replaces it.
    update(&mut network, 2, QUORUM, deny_list_message(1, node_id, 6));
    let approved = event::events_by_type<DenyListUpdate>();
    assert_eq!(bcs::to_bytes(&approved[0]), deny_list_event(5, node_id));
    assert_eq!(approved.length(), 2);
    let (system, cap) = network.node_parts(2);
    assert_eq!(cap.deny_list_sequence(), 6);
    assert_eq!(cap.deny_list_root(), ROOT);
    let sizes = system.inner_mut_for_testing().deny_list_sizes_for_testing();
    assert_eq!(*sizes.get(&node_id), SIZE);
    assert_eq!(sizes.length(), 1);
    destroy(network);
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectDenyListSequence)]
fun registering_an_old_deny_list() {
    let mut network = test_network::running();
    let (system, cap) = network.node_parts(0);
    system.register_deny_list_update(cap, ROOT, 0);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::ENotCommitteeMember)]
fun registering_without_shards() {
    let mut network = test_network::running();
    network.add_node();
    let (system, cap) = network.node_parts(4);
    system.register_deny_list_update(cap, ROOT, 1);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectDenyListSequence)]
fun approval_of_an_old_deny_list() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    update(&mut network, 0, QUORUM, deny_list_message(1, node_id, 1));
    update(&mut network, 0, QUORUM, deny_list_message(1, node_id, 1));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectDenyListNode)]
fun approval_of_another_nodes_deny_list() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    update(&mut network, 1, QUORUM, deny_list_message(1, node_id, 1));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::ENotCommitteeMember)]
fun approval_for_a_node_without_shards() {
    let mut network = test_network::running();
    network.add_node();
    let node_id = network.node_id(4);
    update(&mut network, 4, QUORUM, deny_list_message(1, node_id, 1));
    abort
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun approval_by_less_than_a_quorum() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    update(&mut network, 0, ONE_CORRECT, deny_list_message(1, node_id, 1));
    abort
}

#[test, expected_failure(abort_code = messages::EIncorrectEpoch)]
fun approval_of_another_epoch() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    update(&mut network, 0, QUORUM, deny_list_message(2, node_id, 1));
    abort
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun approval_by_a_message_of_another_type() {
    let mut network = test_network::running();
    update(&mut network, 0, QUORUM, protocol_message(1, 1));
    abort
}

#[test]
fun deletion_of_a_denied_blob() {
    let mut network = test_network::running();
    let (system, _, _) = network.storage_parts();
    system.delete_deny_listed_blob(vector[], ONE_CORRECT, blob_message(5, 1));
    let mut expected = x"01000000";
    expected.append(bcs::to_bytes(&BLOB_ID));
    let deleted = event::events_by_type<DenyListBlobDeleted>();
    assert_eq!(bcs::to_bytes(&deleted[0]), expected);
    destroy(network);
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun deletion_that_may_be_a_lie() {
    let mut network = test_network::running();
    let (system, _, _) = network.storage_parts();
    system.delete_deny_listed_blob(vector[], TOO_FEW, blob_message(5, 1));
    abort
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun deletion_by_a_message_of_another_type() {
    let mut network = test_network::running();
    let (system, _, _) = network.storage_parts();
    system.delete_deny_listed_blob(vector[], ONE_CORRECT, blob_message(2, 1));
    abort
}

#[test, expected_failure(abort_code = messages::EIncorrectEpoch)]
fun deletion_of_another_epoch() {
    let mut network = test_network::running();
    let (system, _, _) = network.storage_parts();
    system.delete_deny_listed_blob(vector[], ONE_CORRECT, blob_message(5, 2));
    abort
}

// === Inconsistent blobs ===

#[test]
fun an_inconsistent_blob() {
    let mut network = test_network::running();
    let (system, _, _) = network.storage_parts();
    let blob_id = system.invalidate_blob_id(vector[], ONE_CORRECT, blob_message(2, 1));
    assert_eq!(blob_id, BLOB_ID);
    assert_eq!(event::events_by_type<InvalidBlobID>().length(), 1);
    destroy(network);
}

#[test, expected_failure(abort_code = messages::EIncorrectEpoch)]
fun an_inconsistent_blob_of_another_epoch() {
    let mut network = test_network::running();
    let (system, _, _) = network.storage_parts();
    system.invalidate_blob_id(vector[], ONE_CORRECT, blob_message(2, 0));
    abort
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun an_inconsistent_blob_by_a_message_of_another_type() {
    let mut network = test_network::running();
    let (system, _, _) = network.storage_parts();
    system.invalidate_blob_id(vector[], ONE_CORRECT, blob_message(5, 1));
    abort
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun an_inconsistent_blob_that_may_be_a_lie() {
    let mut network = test_network::running();
    let (system, _, _) = network.storage_parts();
    system.invalidate_blob_id(vector[], TOO_FEW, blob_message(2, 1));
    abort
}

// === Protocol version ===

#[test]
fun an_agreement_on_a_protocol_version() {
    let mut network = test_network::running();
    update_protocol(&mut network, 0, QUORUM, protocol_message(1, 1));
    let updated = event::events_by_type<ProtocolVersionUpdated>();
    assert_eq!(bcs::to_bytes(&updated[0]), x"01000000010000000200000000000000");
    destroy(network);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidStartEpoch)]
fun a_protocol_version_from_the_past() {
    let mut network = test_network::running();
    update_protocol(&mut network, 0, QUORUM, protocol_message(1, 0));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::ENotCommitteeMember)]
fun a_protocol_version_from_a_node_without_shards() {
    let mut network = test_network::running();
    network.add_node();
    update_protocol(&mut network, 4, QUORUM, protocol_message(1, 1));
    abort
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun a_protocol_version_of_less_than_a_quorum() {
    let mut network = test_network::running();
    update_protocol(&mut network, 0, ONE_CORRECT, protocol_message(1, 1));
    abort
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun a_protocol_version_by_a_message_of_another_type() {
    let mut network = test_network::running();
    update_protocol(&mut network, 0, QUORUM, blob_message(5, 1));
    abort
}
