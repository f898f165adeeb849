/// Event blobs through the shared object: what nodes attest, and when it is certified.
module walrus::event_blob_certification_tests;

use std::unit_test::{assert_eq, destroy};
use sui::event;
use walrus::blob;
use walrus::events::{BlobCertified, BlobDeleted, BlobRegistered};
use walrus::system_state_inner;
use walrus::test_network::{Self, Network};

const RS2: u8 = 1;
const SIZE: u64 = 1;

/// Attests the event blob that ends with a checkpoint, as node `i`. The nodes have 3, 3, 2 and 2 shards in
/// some order: any three are a quorum.
fun attest(network: &mut Network, i: u64, root_hash: u256, checkpoint: u64) {
    attest_as(network, i, blob::derive_blob_id(root_hash, RS2, SIZE), root_hash, checkpoint);
}

fun attest_as(network: &mut Network, i: u64, blob_id: u256, root_hash: u256, checkpoint: u64) {
    let mut ctx = tx_context::dummy();
    let (system, cap) = network.node_parts(i);
    let epoch = system.epoch();
    system.certify_event_blob(cap, blob_id, root_hash, SIZE, RS2, checkpoint, epoch, &mut ctx);
}

fun latest(network: &mut Network): Option<u64> {
    let (system, _, _) = network.storage_parts();
    system.inner_mut_for_testing().event_blobs_for_testing().latest_certified_checkpoint()
}

fun tracked(network: &mut Network): u64 {
    let (system, _, _) = network.storage_parts();
    system.inner_mut_for_testing().event_blobs_for_testing().tracked_for_testing()
}

#[test]
fun a_quorum_certifies() {
    let mut network = test_network::running();
    attest(&mut network, 0, 7, 100);
    attest(&mut network, 1, 7, 100);
    assert_eq!(latest(&mut network), option::none());
    network.next_tx();
    attest(&mut network, 2, 7, 100);
    assert_eq!(latest(&mut network), option::some(100));
    // Registered and certified for as long as storage is sold, and not deleted by anybody.
    assert_eq!(event::events_by_type<BlobRegistered>().length(), 1);
    assert_eq!(event::events_by_type<BlobCertified>().length(), 1);
    assert_eq!(event::events_by_type<BlobDeleted>().length(), 0);
    let (system, cap) = network.node_parts(0);
    assert_eq!(system.future_accounting()[4].used_capacity(), test_network::encoded_size(SIZE));
    let attestation = cap.last_event_blob_attestation().destroy_some();
    assert_eq!(attestation.last_attested_checkpoint(), 100);
    assert_eq!(attestation.last_attested_epoch(), 1);
    destroy(network);
}

#[test]
fun a_lone_wrong_attestation_never_certifies() {
    let mut network = test_network::running();
    attest(&mut network, 3, 666, 100);
    3u64.do!(|i| attest(&mut network, i, 7, 100));
    assert_eq!(latest(&mut network), option::some(100));
    // The node that was wrong goes on with the next one.
    attest(&mut network, 3, 8, 200);
    attest(&mut network, 0, 8, 200);
    assert_eq!(latest(&mut network), option::some(100));
    attest(&mut network, 1, 8, 200);
    assert_eq!(latest(&mut network), option::some(200));
    destroy(network);
}

#[test]
fun no_more_is_tracked_than_there_are_nodes() {
    let mut network = test_network::running();
    4u64.do!(|i| attest(&mut network, i, 1_000 + (i as u256), 100 + i));
    assert_eq!(tracked(&mut network), 4);
    assert_eq!(latest(&mut network), option::none());
    // Nobody may attest more until something is certified or the epoch changes.
    network.next_epoch();
    assert_eq!(tracked(&mut network), 0);
    4u64.do!(|i| attest(&mut network, i, 7, 100));
    assert_eq!(latest(&mut network), option::some(100));
    assert_eq!(tracked(&mut network), 0);
    destroy(network);
}

#[test]
fun attesting_what_is_certified_already_changes_nothing() {
    let mut network = test_network::running();
    3u64.do!(|i| attest(&mut network, i, 7, 100));
    attest(&mut network, 3, 666, 90);
    assert_eq!(tracked(&mut network), 0);
    assert_eq!(latest(&mut network), option::some(100));
    destroy(network);
}

#[test]
fun what_was_certified_last_is_kept_over_an_epoch_change() {
    let mut network = test_network::running();
    3u64.do!(|i| attest(&mut network, i, 7, 100));
    network.next_epoch();
    assert_eq!(latest(&mut network), option::some(100));
    3u64.do!(|i| attest(&mut network, i, 8, 100));
    assert_eq!(latest(&mut network), option::some(100));
    assert_eq!(event::events_by_type<BlobCertified>().length(), 1);
    destroy(network);
}

#[test, expected_failure(abort_code = blob::EInvalidBlobId)]
fun a_wrong_blob_id_fails_at_the_quorum() {
    let mut network = test_network::running();
    let wrong = blob::derive_blob_id(8, RS2, SIZE);
    3u64.do!(|i| attest_as(&mut network, i, wrong, 7, 100));
    abort
}

#[test]
fun event_blobs_need_no_free_capacity() {
    let mut network = test_network::running();
    let (system, payment, ctx) = network.storage_parts();
    let all = system.total_capacity_size();
    system.reserve_space(all, 1, payment, ctx).destroy();
    3u64.do!(|i| attest(&mut network, i, 7, 100));
    let (system, _, _) = network.storage_parts();
    assert_eq!(system.used_capacity_size(), all + test_network::encoded_size(SIZE));
    destroy(network);
}

// === Several in flight ===

/// A network in which node 3 has attested an event blob before the others have certified the one that precedes it.
fun one_is_ahead(): Network {
    let mut network = test_network::running();
    attest(&mut network, 3, 8, 200);
    2u64.do!(|i| attest(&mut network, i, 7, 100));
    assert_eq!(tracked(&mut network), 2);
    assert_eq!(latest(&mut network), option::none());
    attest(&mut network, 2, 7, 100);
    assert_eq!(latest(&mut network), option::some(100));
    network
}

/// What was attested for a later event blob is forgotten when an earlier one is certified.
#[test]
fun two_event_blobs_in_flight() {
    let mut network = one_is_ahead();
    assert_eq!(tracked(&mut network), 0);
    // With the attestation from before these would be a quorum.
    2u64.do!(|i| attest(&mut network, i, 8, 200));
    assert_eq!(latest(&mut network), option::some(100));
    attest(&mut network, 2, 8, 200);
    assert_eq!(latest(&mut network), option::some(200));
    // The one that was ahead goes on with the next.
    attest(&mut network, 3, 9, 300);
    assert_eq!(tracked(&mut network), 1);
    destroy(network);
}

#[test, expected_failure(abort_code = system_state_inner::ERepeatedAttestation)]
fun a_forgotten_attestation_cannot_be_repeated() {
    let mut network = one_is_ahead();
    attest(&mut network, 3, 8, 200);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectAttestation)]
fun attest_another_while_one_is_open() {
    let mut network = one_is_ahead();
    attest(&mut network, 0, 8, 200);
    attest(&mut network, 0, 9, 300);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::ERepeatedAttestation)]
fun attest_backwards() {
    let mut network = one_is_ahead();
    attest(&mut network, 0, 8, 200);
    attest(&mut network, 0, 9, 150);
    abort
}
