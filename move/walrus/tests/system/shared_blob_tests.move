module walrus::shared_blob_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use walrus::blob;
use walrus::shared_blob::{Self, SharedBlob};
use walrus::system_state_inner;
use walrus::test_network::{Self, Network};

fun take(network: &mut Network): SharedBlob {
    network.next_tx();
    network.scenario().take_shared()
}

fun extend(network: &mut Network, shared: &mut SharedBlob, epochs: u32) {
    let (system, _, ctx) = network.storage_parts();
    shared.extend(system, epochs, ctx);
}

#[test]
fun anybody_funds_and_extends() {
    let mut network = test_network::running();
    let blob = network.blob(2, false, true);
    let blob_id = blob.blob_id();
    let end_epoch = blob.end_epoch();
    blob.share(network.scenario().ctx());
    let mut shared = take(&mut network);
    assert_eq!(shared.funds().value(), 0);
    assert_eq!(shared.blob().blob_id(), blob_id);

    shared.fund(network.take_funds(12));
    let before = network.funds();
    extend(&mut network, &mut shared, 2);
    // Two epochs of one unit at 5 FROST; the rest of the funds stays.
    assert_eq!(shared.funds().value(), 2);
    assert_eq!(shared.blob().end_epoch(), end_epoch + 2);
    assert_eq!(network.funds(), before);
    destroy(shared);
    destroy(network);
}

#[test]
fun sharing_with_funds() {
    let mut network = test_network::running();
    let blob = network.blob(1, true, true);
    let funds = network.take_funds(5);
    shared_blob::new_funded(blob, funds, network.scenario().ctx());
    let mut shared = take(&mut network);
    extend(&mut network, &mut shared, 1);
    assert_eq!(shared.funds().value(), 0);
    destroy(shared);
    destroy(network);
}

#[test, expected_failure(abort_code = balance::ENotEnough, location = balance)]
fun funds_that_do_not_suffice() {
    let mut network = test_network::running();
    let blob = network.blob(1, true, true);
    let funds = network.take_funds(9);
    shared_blob::new_funded(blob, funds, network.scenario().ctx());
    let mut shared = take(&mut network);
    extend(&mut network, &mut shared, 2);
    abort
}

#[test, expected_failure(abort_code = blob::ENotCertified)]
fun a_blob_shared_before_certification_is_stuck() {
    let mut network = test_network::running();
    let blob = network.blob(1, false, false);
    shared_blob::new(blob, network.scenario().ctx());
    let mut shared = take(&mut network);
    extend(&mut network, &mut shared, 1);
    abort
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun an_expired_blob_is_stuck() {
    let mut network = test_network::running();
    let blob = network.blob(1, false, true);
    shared_blob::new(blob, network.scenario().ctx());
    network.next_epoch();
    let mut shared = take(&mut network);
    extend(&mut network, &mut shared, 1);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun an_extension_beyond_the_last_epoch() {
    let mut network = test_network::running();
    let blob = network.blob(3, false, true);
    shared_blob::new(blob, network.scenario().ctx());
    let mut shared = take(&mut network);
    extend(&mut network, &mut shared, 3);
    abort
}
