/// Registering, certifying, extending and deleting through the shared object, and what is told about it.
/// The test runner accepts any signature: real ones are tested on a chain.
module walrus::certification_tests;

use std::unit_test::{assert_eq, destroy};
use sui::bcs;
use sui::event;
use walrus::blob::{Self, Blob};
use walrus::bls_aggregate;
use walrus::events::{BlobCertified, BlobDeleted, BlobRegistered};
use walrus::messages;
use walrus::system_state_inner;
use walrus::test_network::{Self, Network};

const RS2: u8 = 1;

fun blob_id(): u256 {
    blob::derive_blob_id(1, RS2, 1)
}

/// A network in epoch 1, and a registered permanent blob of one byte for two epochs.
fun start(): (Network, Blob) {
    let mut network = test_network::running();
    let blob = network.blob(2, false, false);
    (network, blob)
}

fun finish(network: Network, blob: Blob) {
    destroy(blob);
    destroy(network);
}

fun certify(network: &mut Network, blob: &mut Blob, signers: vector<u8>, message: vector<u8>) {
    let (system, _, _) = network.storage_parts();
    system.certify_blob(blob, vector[], signers, message);
}

fun permanent(epoch: u32): vector<u8> {
    test_network::blob_certificate(epoch, blob_id(), option::none())
}

// === Life ===

#[test]
fun a_life_and_what_is_told_about_it() {
    let mut network = test_network::running();
    let mut blob = network.blob(2, true, false);
    let object_id = blob.object_id();
    let message = test_network::blob_certificate(1, blob_id(), option::some(object_id));
    certify(&mut network, &mut blob, x"07", message);
    assert_eq!(*blob.certified_epoch(), option::some(1));
    let (system, payment, _) = network.storage_parts();
    system.extend_blob(&mut blob, 1, payment);
    system.delete_blob(blob).destroy();

    // Epoch, blob id, size, encoding, end, deletable, object.
    let mut registered = x"01000000";
    registered.append(bcs::to_bytes(&blob_id()));
    registered.append(x"0100000000000000010300000001");
    registered.append(object_id.to_bytes());
    assert_eq!(bcs::to_bytes(&event::events_by_type<BlobRegistered>()), one(registered));
    // Epoch of the first certification, blob id, end, deletable, object, whether it is an extension.
    let certified = event::events_by_type<BlobCertified>();
    assert_eq!(certified.length(), 2);
    assert_eq!(bcs::to_bytes(&certified[0]), certified_event(3, object_id, false));
    assert_eq!(bcs::to_bytes(&certified[1]), certified_event(4, object_id, true));
    // Epoch, blob id, end, object, whether it was certified.
    let mut deleted = x"01000000";
    deleted.append(bcs::to_bytes(&blob_id()));
    deleted.append(x"04000000");
    deleted.append(object_id.to_bytes());
    deleted.push_back(1);
    assert_eq!(bcs::to_bytes(&event::events_by_type<BlobDeleted>()), one(deleted));
    destroy(network);
}

/// Bytes of a vector with one element.
fun one(element: vector<u8>): vector<u8> {
    let mut bytes = vector[1];
    bytes.append(element);
    bytes
}

fun certified_event(end_epoch: u32, object_id: ID, is_extension: bool): vector<u8> {
    let mut bytes = x"01000000";
    bytes.append(bcs::to_bytes(&blob_id()));
    bytes.append(bcs::to_bytes(&end_epoch));
    bytes.push_back(1);
    bytes.append(object_id.to_bytes());
    bytes.append(bcs::to_bytes(&is_extension));
    bytes
}

#[test]
fun an_extension_tells_the_epoch_of_the_first_certification() {
    let (mut network, mut blob) = start();
    certify(&mut network, &mut blob, test_network::all_signers(), permanent(1));
    network.next_epoch();
    network.next_tx();
    let (system, payment, ctx) = network.storage_parts();
    let size = blob.storage().size();
    let extension = system.reserve_space_for_epochs(size, 3, 4, payment, ctx);
    system.extend_blob_with_resource(&mut blob, extension);
    let told = event::events_by_type<BlobCertified>();
    assert_eq!(told.length(), 1);
    let mut expected = x"01000000";
    expected.append(bcs::to_bytes(&blob_id()));
    expected.append(x"0400000000");
    expected.append(blob.object_id().to_bytes());
    expected.push_back(1);
    assert_eq!(bcs::to_bytes(&told[0]), expected);
    finish(network, blob);
}

#[test]
fun a_blob_can_be_certified_in_a_later_epoch() {
    let (mut network, mut blob) = start();
    network.next_epoch();
    certify(&mut network, &mut blob, test_network::all_signers(), permanent(2));
    assert_eq!(*blob.certified_epoch(), option::some(2));
    finish(network, blob);
}

#[test]
fun storage_works_while_shards_move_and_after_the_votes() {
    let mut network = test_network::running();
    network.end_votes();
    network.blob(1, false, true).burn();
    network.change_epoch();
    network.blob(1, false, true).burn();
    destroy(network);
}

#[test]
fun a_burnt_blob_is_not_told() {
    let (mut network, blob) = start();
    network.next_tx();
    blob.burn();
    assert_eq!(event::events_by_type<BlobDeleted>().length(), 0);
    destroy(network);
}

// === Certificates ===

#[test]
fun a_short_bitmap_is_enough_for_its_members() {
    let (mut network, mut blob) = start();
    // Three of the four nodes have at least seven shards of ten.
    certify(&mut network, &mut blob, x"0e", permanent(1));
    assert!(blob.certified_epoch().is_some());
    finish(network, blob);
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun less_than_a_quorum() {
    let (mut network, mut blob) = start();
    certify(&mut network, &mut blob, x"03", permanent(1));
    abort
}

#[test, expected_failure(abort_code = bls_aggregate::EInvalidBitmap)]
fun a_signer_that_does_not_exist() {
    let (mut network, mut blob) = start();
    certify(&mut network, &mut blob, x"1f", permanent(1));
    abort
}

#[test, expected_failure(abort_code = messages::EIncorrectEpoch)]
fun a_certificate_of_the_epoch_before() {
    let (mut network, mut blob) = start();
    network.next_epoch();
    certify(&mut network, &mut blob, test_network::all_signers(), permanent(1));
    abort
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun a_message_of_another_type() {
    let (mut network, mut blob) = start();
    let mut message = permanent(1);
    *(&mut message[0]) = 2;
    certify(&mut network, &mut blob, test_network::all_signers(), message);
    abort
}

#[test, expected_failure(abort_code = bcs::EOutOfRange, location = bcs)]
fun a_truncated_message() {
    let (mut network, mut blob) = start();
    let mut message = permanent(1);
    message.pop_back();
    certify(&mut network, &mut blob, test_network::all_signers(), message);
    abort
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun certify_after_expiry() {
    let (mut network, mut blob) = start();
    2u64.do!(|_| network.next_epoch());
    certify(&mut network, &mut blob, test_network::all_signers(), permanent(3));
    abort
}

// === Capacity ===

#[test, expected_failure(abort_code = system_state_inner::EStorageExceeded)]
fun an_extension_needs_capacity() {
    let mut network = test_network::running();
    let mut blob = network.blob(2, false, true);
    let (system, payment, ctx) = network.storage_parts();
    // The third epoch from now is sold out.
    let all = system.total_capacity_size();
    system.reserve_space_for_epochs(all, 3, 4, payment, ctx).destroy();
    system.extend_blob(&mut blob, 1, payment);
    abort
}
