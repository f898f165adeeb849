/// What storage pools refuse at their limits, and what is told of blobs that never were certified.
module walrus::storage_pool_limits_tests;

use std::unit_test::{assert_eq, destroy};
use sui::event;
use walrus::blob;
use walrus::events::PooledBlobDeleted;
use walrus::storage_pool::{Self, StoragePool};
use walrus::storage_resource;
use walrus::system;
use walrus::system_state_inner;
use walrus::test_network::{Self, Network};

const MIB: u64 = 1_024 * 1_024;
const RS2: u8 = 1;
/// Length of the tests' blobs before encoding.
const SIZE: u64 = 1_000;

fun blob_id(): u256 {
    blob::derive_blob_id(1, RS2, SIZE)
}

/// A network in epoch 1 with a pool of 1 MiB for two epochs, in which one blob is registered.
fun start(deletable: bool): (Network, StoragePool) {
    let mut network = test_network::running();
    let (system, payment, ctx) = network.storage_parts();
    let mut pool = system.create_storage_pool(MIB, 2, payment, ctx);
    system.register_pooled_blob(&mut pool, blob_id(), 1, SIZE, RS2, deletable, payment, ctx);
    (network, pool)
}

fun finish(network: Network, pool: StoragePool) {
    destroy(pool);
    destroy(network);
}

// === Creation and extension ===

#[test, expected_failure(abort_code = system_state_inner::EInvalidResourceSize)]
fun buy_a_pool_of_nothing() {
    let mut network = test_network::running();
    let (system, payment, ctx) = network.storage_parts();
    destroy(system.create_storage_pool(0, 2, payment, ctx));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun buy_a_pool_for_no_epochs() {
    let mut network = test_network::running();
    let (system, payment, ctx) = network.storage_parts();
    destroy(system.create_storage_pool(MIB, 0, payment, ctx));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EStorageExceeded)]
fun buy_a_pool_larger_than_the_system() {
    let mut network = test_network::running();
    let (system, payment, ctx) = network.storage_parts();
    let capacity = system.total_capacity_size();
    destroy(system.create_storage_pool(capacity + 1, 1, payment, ctx));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EStorageExceeded)]
fun an_extension_needs_capacity() {
    let (mut network, mut pool) = start(true);
    let (system, payment, ctx) = network.storage_parts();
    // The epoch after the end of the pool has room for all but one byte of it.
    let rest = system.total_capacity_size() - MIB + 1;
    system.reserve_space_for_epochs(rest, 3, 4, payment, ctx).destroy();
    system.extend_storage_pool(&mut pool, 1, payment);
    abort
}

// === Blobs ===

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobPersistenceType)]
fun a_deletable_certificate_of_a_permanent_blob() {
    let (mut network, mut pool) = start(false);
    let object = option::some(pool.blob_object_id(blob_id()));
    let message = test_network::blob_certificate(1, blob_id(), object);
    let (system, _, _) = network.storage_parts();
    system.certify_pooled_blob(&mut pool, blob_id(), vector[], x"0f", message);
    abort
}

#[test]
fun deletion_tells_that_a_blob_was_not_certified() {
    let (mut network, mut pool) = start(true);
    let object = pool.blob_object_id(blob_id());
    let (system, _, _) = network.storage_parts();
    system.delete_pooled_blob(&mut pool, blob_id());
    let mut expected = x"01000000";
    expected.append(sui::bcs::to_bytes(&blob_id()));
    expected.append(object.to_bytes());
    expected.push_back(0);
    expected.append(pool.object_id().to_bytes());
    let deleted = event::events_by_type<PooledBlobDeleted>();
    assert_eq!(deleted.length(), 1);
    assert_eq!(sui::bcs::to_bytes(&deleted[0]), expected);
    finish(network, pool);
}

#[test]
fun an_attribute_that_exists_is_removed_and_the_others_stay() {
    let (network, mut pool) = start(true);
    pool.insert_or_update_blob_metadata_pair(blob_id(), b"k".to_string(), b"v".to_string());
    pool.insert_or_update_blob_metadata_pair(blob_id(), b"l".to_string(), b"w".to_string());
    let removed = pool.remove_blob_metadata_pair_if_exists(blob_id(), &b"k".to_string());
    assert_eq!(removed, option::some(b"v".to_string()));
    assert_eq!(sui::bcs::to_bytes(&pool.take_blob_metadata(blob_id())), x"01016c0177");
    finish(network, pool);
}

#[test, expected_failure(abort_code = sui::vec_map::EKeyDoesNotExist, location = sui::vec_map)]
fun remove_an_attribute_of_another_name() {
    let (_network, mut pool) = start(true);
    pool.insert_or_update_blob_metadata_pair(blob_id(), b"k".to_string(), b"v".to_string());
    pool.remove_blob_metadata_pair(blob_id(), &b"x".to_string());
    abort
}

// === Less capacity ===

/// One percent of 99 bytes, of which nothing is used, is rounded down to nothing.
#[test, expected_failure(abort_code = system::EZeroExtractSize)]
fun percent_of_too_little() {
    let mut network = test_network::running();
    let (system, _, ctx) = network.storage_parts();
    let storage = storage_resource::new_for_testing(1, 3, 99, ctx);
    let mut pool = system.create_storage_pool_with_storage(storage, ctx);
    destroy(system.decrease_storage_pool_unused_capacity_by_percent(&mut pool, 1, ctx));
    abort
}
