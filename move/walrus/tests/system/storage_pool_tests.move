/// Storage pools, through the system. The test runner accepts any signature: real ones are tested
/// on a chain.
module walrus::storage_pool_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use sui::bcs;
use sui::dynamic_field;
use sui::event;
use walrus::blob;
use walrus::bls_aggregate;
use walrus::encoding;
use walrus::events::{
    PooledBlobCertified,
    PooledBlobDeleted,
    PooledBlobRegistered,
    StoragePoolCreated,
    StoragePoolExtended,
};
use walrus::messages;
use walrus::metadata;
use walrus::storage_pool::{Self, StoragePool};
use walrus::storage_resource::{Self, Storage};
use walrus::system;
use walrus::system_state_inner;
use walrus::test_network::{Self, Network};

const MIB: u64 = 1_024 * 1_024;
const RS2: u8 = 1;
/// Length of the tests' blobs before encoding.
const SIZE: u64 = 1_000;

fun blob_id(root_hash: u256): u256 {
    blob::derive_blob_id(root_hash, RS2, SIZE)
}

/// A network in epoch 1 with a pool of 1 MiB for two epochs.
fun start(): (Network, StoragePool) {
    let mut network = test_network::running();
    let (system, payment, ctx) = network.storage_parts();
    let pool = system.create_storage_pool(MIB, 2, payment, ctx);
    (network, pool)
}

fun finish(network: Network, pool: StoragePool) {
    destroy(pool);
    destroy(network);
}

fun storage(network: &mut Network, start_epoch: u32, end_epoch: u32, size: u64): Storage {
    let ctx = network.scenario().ctx();
    storage_resource::new_for_testing(start_epoch, end_epoch, size, ctx)
}

fun register(network: &mut Network, pool: &mut StoragePool, root_hash: u256, deletable: bool) {
    let id = blob_id(root_hash);
    let (system, payment, ctx) = network.storage_parts();
    system.register_pooled_blob(pool, id, root_hash, SIZE, RS2, deletable, payment, ctx);
}

/// Certifies by a certificate for `message_id`, deletable through an object or permanent.
fun certify(
    network: &mut Network,
    pool: &mut StoragePool,
    blob_id: u256,
    message_id: u256,
    object: Option<ID>,
) {
    let (system, _, _) = network.storage_parts();
    let message = test_network::blob_certificate(system.epoch(), message_id, object);
    system.certify_pooled_blob(pool, blob_id, vector[], test_network::all_signers(), message);
}

fun certify_permanent(network: &mut Network, pool: &mut StoragePool, root_hash: u256) {
    certify(network, pool, blob_id(root_hash), blob_id(root_hash), option::none());
}

fun delete(network: &mut Network, pool: &mut StoragePool, root_hash: u256) {
    let (system, _, _) = network.storage_parts();
    system.delete_pooled_blob(pool, blob_id(root_hash));
}

fun burn(network: &mut Network, pool: &mut StoragePool, root_hash: u256) {
    let (system, _, _) = network.storage_parts();
    system.burn_expired_pooled_blob(pool, blob_id(root_hash));
}

fun extend(network: &mut Network, pool: &mut StoragePool, epochs: u32) {
    let (system, payment, _) = network.storage_parts();
    system.extend_storage_pool(pool, epochs, payment);
}

fun increase(network: &mut Network, pool: &mut StoragePool, bytes: u64) {
    let (system, payment, _) = network.storage_parts();
    system.increase_storage_pool_capacity(pool, bytes, payment);
}

fun absorb(network: &mut Network, pool: &mut StoragePool, storage: Storage) {
    let (system, _, _) = network.storage_parts();
    system.increase_storage_pool_capacity_with_storage(pool, storage);
}

fun decrease(network: &mut Network, pool: &mut StoragePool, size: u64): Storage {
    let (system, _, ctx) = network.storage_parts();
    system.decrease_storage_pool_capacity_by_size(pool, size, ctx)
}

fun decrease_percent(network: &mut Network, pool: &mut StoragePool, percent: u8): Storage {
    let (system, _, ctx) = network.storage_parts();
    system.decrease_storage_pool_unused_capacity_by_percent(pool, percent, ctx)
}

// === Creation ===

#[test]
fun a_new_pool() {
    let mut network = test_network::running();
    let before = network.funds();
    let (system, payment, ctx) = network.storage_parts();
    let pool = system.create_storage_pool(MIB + 1, 3, payment, ctx);
    assert_eq!(system.used_capacity_size(), MIB + 1);
    // Two units at 5 FROST, three epochs.
    assert_eq!(before - network.funds(), 30);
    assert_eq!(pool.start_epoch(), 1);
    assert_eq!(pool.end_epoch(), 4);
    assert_eq!(pool.reserved_encoded_capacity_bytes(), MIB + 1);
    assert_eq!(pool.available_encoded_bytes(), MIB + 1);
    assert_eq!(pool.used_encoded_bytes(), 0);
    assert_eq!(pool.blob_count(), 0);
    assert_eq!(pool.storage().size(), MIB + 1);
    let mut expected = x"01000000";
    expected.append(pool.object_id().to_bytes());
    expected.append(x"01001000000000000100000004000000");
    let created = event::events_by_type<StoragePoolCreated>();
    assert_eq!(bcs::to_bytes(&created[0]), expected);
    finish(network, pool);
}

#[test]
fun storage_goes_from_a_deleted_blob_to_a_pool_and_on() {
    let mut network = test_network::running();
    let blob = network.blob(2, true, true);
    let (system, _, ctx) = network.storage_parts();
    let storage = system.delete_blob(blob);
    let pool = system.create_storage_pool_with_storage(storage, ctx);
    let storage = pool.destroy();
    let pool = system.create_storage_pool_with_storage(storage, ctx);
    assert_eq!(pool.end_epoch(), 3);
    finish(network, pool);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidResourceSize)]
fun a_pool_of_nothing() {
    let mut network = test_network::running();
    let storage = storage(&mut network, 1, 3, 0);
    let (system, _, ctx) = network.storage_parts();
    destroy(system.create_storage_pool_with_storage(storage, ctx));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun a_pool_of_later_storage() {
    let mut network = test_network::running();
    let storage = storage(&mut network, 2, 3, 1);
    let (system, _, ctx) = network.storage_parts();
    destroy(system.create_storage_pool_with_storage(storage, ctx));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun a_pool_of_expired_storage() {
    let mut network = test_network::running();
    let storage = storage(&mut network, 0, 1, 1);
    let (system, _, ctx) = network.storage_parts();
    destroy(system.create_storage_pool_with_storage(storage, ctx));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun a_pool_for_too_long() {
    let mut network = test_network::running();
    let (system, payment, ctx) = network.storage_parts();
    destroy(system.create_storage_pool(1, 6, payment, ctx));
    abort
}

// === Registration ===

#[test]
fun blobs_share_the_capacity() {
    let (mut network, mut pool) = start();
    let before = network.funds();
    register(&mut network, &mut pool, 1, true);
    register(&mut network, &mut pool, 2, false);
    // Writing costs one unit at 7 FROST each.
    assert_eq!(before - network.funds(), 14);
    let encoded = test_network::encoded_size(SIZE);
    assert_eq!(pool.used_encoded_bytes(), 2 * encoded);
    assert_eq!(pool.available_encoded_bytes(), MIB - 2 * encoded);
    assert_eq!(pool.blob_count(), 2);
    assert!(pool.contains_blob(blob_id(1)));
    assert!(!pool.contains_blob(blob_id(3)));
    let mut expected = x"01000000";
    expected.append(bcs::to_bytes(&blob_id(1)));
    expected.append(x"e8030000000000000101");
    expected.append(pool.blob_object_id(blob_id(1)).to_bytes());
    expected.append(pool.object_id().to_bytes());
    let registered = event::events_by_type<PooledBlobRegistered>();
    assert_eq!(bcs::to_bytes(&registered[0]), expected);
    finish(network, pool);
}

#[test]
fun the_capacity_can_be_used_up() {
    let (mut network, mut pool) = start();
    let used_up = MIB - test_network::encoded_size(SIZE);
    decrease(&mut network, &mut pool, used_up).destroy();
    register(&mut network, &mut pool, 1, true);
    assert_eq!(pool.available_encoded_bytes(), 0);
    finish(network, pool);
}

#[test, expected_failure(abort_code = storage_pool::EInsufficientCapacity)]
fun a_blob_that_does_not_fit() {
    let (mut network, mut pool) = start();
    let used_up = MIB - test_network::encoded_size(SIZE) + 1;
    decrease(&mut network, &mut pool, used_up).destroy();
    register(&mut network, &mut pool, 1, true);
    abort
}

#[test, expected_failure(abort_code = dynamic_field::EFieldAlreadyExists, location = dynamic_field)]
fun a_blob_twice() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    register(&mut network, &mut pool, 1, false);
    abort
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobId)]
fun an_id_of_another_blob() {
    let (mut network, mut pool) = start();
    let (system, payment, ctx) = network.storage_parts();
    system.register_pooled_blob(&mut pool, blob_id(1), 2, SIZE, RS2, true, payment, ctx);
    abort
}

#[test, expected_failure(abort_code = encoding::EInvalidEncodingType)]
fun an_unknown_encoding() {
    let (mut network, mut pool) = start();
    let id = blob::derive_blob_id(1, 0, SIZE);
    let (system, payment, ctx) = network.storage_parts();
    system.register_pooled_blob(&mut pool, id, 1, SIZE, 0, true, payment, ctx);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun registration_after_expiry() {
    let (mut network, mut pool) = start();
    2u64.do!(|_| network.next_epoch());
    register(&mut network, &mut pool, 1, true);
    abort
}

#[test, expected_failure(abort_code = balance::ENotEnough, location = balance)]
fun registration_without_payment() {
    let (mut network, mut pool) = start();
    let mut payment = network.take_funds(6);
    let (system, _, ctx) = network.storage_parts();
    system.register_pooled_blob(&mut pool, blob_id(1), 1, SIZE, RS2, true, &mut payment, ctx);
    abort
}

// === Certification ===

#[test]
fun certify_permanent_and_deletable() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, false);
    register(&mut network, &mut pool, 2, true);
    certify_permanent(&mut network, &mut pool, 1);
    let object = pool.blob_object_id(blob_id(2));
    certify(&mut network, &mut pool, blob_id(2), blob_id(2), option::some(object));
    assert_eq!(pool.certified_epoch_for_testing(blob_id(1)), option::some(1));
    assert_eq!(pool.certified_epoch_for_testing(blob_id(2)), option::some(1));
    let mut expected = x"01000000";
    expected.append(bcs::to_bytes(&blob_id(2)));
    expected.push_back(1);
    expected.append(object.to_bytes());
    expected.append(pool.object_id().to_bytes());
    let certified = event::events_by_type<PooledBlobCertified>();
    assert_eq!(bcs::to_bytes(&certified[1]), expected);
    finish(network, pool);
}

#[test, expected_failure(abort_code = dynamic_field::EFieldDoesNotExist, location = dynamic_field)]
fun certify_what_is_not_there() {
    let (mut network, mut pool) = start();
    certify_permanent(&mut network, &mut pool, 1);
    abort
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobId)]
fun a_certificate_of_another_blob() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, false);
    certify(&mut network, &mut pool, blob_id(1), blob_id(2), option::none());
    abort
}

#[test, expected_failure(abort_code = storage_pool::EResourceBounds)]
fun certify_after_expiry() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, false);
    2u64.do!(|_| network.next_epoch());
    certify_permanent(&mut network, &mut pool, 1);
    abort
}

#[test, expected_failure(abort_code = storage_pool::EAlreadyCertified)]
fun certify_twice() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, false);
    certify_permanent(&mut network, &mut pool, 1);
    certify_permanent(&mut network, &mut pool, 1);
    abort
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobPersistenceType)]
fun a_permanent_certificate_of_a_deletable_blob() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    certify_permanent(&mut network, &mut pool, 1);
    abort
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobObject)]
fun a_certificate_of_another_object() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    let other = option::some(@0xBAD.to_id());
    certify(&mut network, &mut pool, blob_id(1), blob_id(1), other);
    abort
}

#[test, expected_failure(abort_code = messages::EIncorrectEpoch)]
fun a_certificate_of_another_epoch() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, false);
    let message = test_network::blob_certificate(2, blob_id(1), option::none());
    let (system, _, _) = network.storage_parts();
    system.certify_pooled_blob(&mut pool, blob_id(1), vector[], x"0f", message);
    abort
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun a_certificate_of_less_than_a_quorum() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, false);
    let message = test_network::blob_certificate(1, blob_id(1), option::none());
    let (system, _, _) = network.storage_parts();
    system.certify_pooled_blob(&mut pool, blob_id(1), vector[], x"03", message);
    abort
}

// === Deletion ===

#[test]
fun deletion_frees_capacity() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    let object = pool.blob_object_id(blob_id(1));
    certify(&mut network, &mut pool, blob_id(1), blob_id(1), option::some(object));
    pool.add_blob_metadata(blob_id(1), metadata::new());
    register(&mut network, &mut pool, 2, true);
    delete(&mut network, &mut pool, 1);
    delete(&mut network, &mut pool, 2);
    assert_eq!(pool.used_encoded_bytes(), 0);
    assert_eq!(pool.blob_count(), 0);
    let mut expected = x"01000000";
    expected.append(bcs::to_bytes(&blob_id(1)));
    expected.append(object.to_bytes());
    expected.push_back(1);
    expected.append(pool.object_id().to_bytes());
    let deleted = event::events_by_type<PooledBlobDeleted>();
    assert_eq!(bcs::to_bytes(&deleted[0]), expected);
    // What was deleted can come back.
    register(&mut network, &mut pool, 1, true);
    delete(&mut network, &mut pool, 1);
    pool.destroy().destroy();
    destroy(network);
}

#[test, expected_failure(abort_code = storage_pool::EBlobNotDeletable)]
fun delete_a_permanent_blob() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, false);
    delete(&mut network, &mut pool, 1);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun delete_after_expiry() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    2u64.do!(|_| network.next_epoch());
    delete(&mut network, &mut pool, 1);
    abort
}

#[test]
fun after_expiry_everything_can_be_burnt() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, false);
    register(&mut network, &mut pool, 2, true);
    2u64.do!(|_| network.next_epoch());
    burn(&mut network, &mut pool, 1);
    burn(&mut network, &mut pool, 2);
    assert_eq!(event::events_by_type<PooledBlobDeleted>().length(), 0);
    pool.destroy().destroy();
    destroy(network);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun burn_before_expiry() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, false);
    network.next_epoch();
    burn(&mut network, &mut pool, 1);
    abort
}

#[test, expected_failure(abort_code = storage_pool::EPoolNotEmpty)]
fun destroy_a_pool_with_a_blob() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    destroy(pool.destroy());
    abort
}

// === Extension ===

#[test]
fun extension_is_counted_from_the_present_end() {
    let (mut network, mut pool) = start();
    let before = network.funds();
    extend(&mut network, &mut pool, 3);
    assert_eq!(before - network.funds(), 15);
    assert_eq!(pool.end_epoch(), 6);
    let (system, _, _) = network.storage_parts();
    assert_eq!(system.future_accounting()[4].used_capacity(), MIB);
    let mut expected = x"01000000";
    expected.append(pool.object_id().to_bytes());
    expected.append(x"06000000");
    let extended = event::events_by_type<StoragePoolExtended>();
    assert_eq!(bcs::to_bytes(&extended[0]), expected);
    finish(network, pool);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun extension_by_nothing() {
    let (mut network, mut pool) = start();
    extend(&mut network, &mut pool, 0);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun extension_beyond_the_last_epoch() {
    let (mut network, mut pool) = start();
    extend(&mut network, &mut pool, 4);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun extension_after_expiry() {
    let (mut network, mut pool) = start();
    2u64.do!(|_| network.next_epoch());
    extend(&mut network, &mut pool, 1);
    abort
}

// === More capacity ===

#[test]
fun more_capacity_is_paid_for_what_is_left_of_the_period() {
    let (mut network, mut pool) = start();
    network.next_epoch();
    let before = network.funds();
    increase(&mut network, &mut pool, MIB + 1);
    assert_eq!(before - network.funds(), 10);
    assert_eq!(pool.reserved_encoded_capacity_bytes(), 2 * MIB + 1);
    finish(network, pool);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidResourceSize)]
fun more_by_nothing() {
    let (mut network, mut pool) = start();
    increase(&mut network, &mut pool, 0);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun more_after_expiry() {
    let (mut network, mut pool) = start();
    2u64.do!(|_| network.next_epoch());
    increase(&mut network, &mut pool, 1);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EStorageExceeded)]
fun more_than_the_system_has() {
    let (mut network, mut pool) = start();
    let (system, _, _) = network.storage_parts();
    let capacity = system.total_capacity_size();
    increase(&mut network, &mut pool, capacity - MIB + 1);
    abort
}

#[test]
fun a_pool_absorbs_storage() {
    let (mut network, mut pool) = start();
    let storage = storage(&mut network, 0, 3, 5);
    absorb(&mut network, &mut pool, storage);
    assert_eq!(pool.reserved_encoded_capacity_bytes(), MIB + 5);
    assert_eq!(pool.start_epoch(), 1);
    finish(network, pool);
}

#[test, expected_failure(abort_code = storage_pool::EResourceBounds)]
fun absorb_later_storage() {
    let (mut network, mut pool) = start();
    let storage = storage(&mut network, 2, 3, 5);
    absorb(&mut network, &mut pool, storage);
    abort
}

#[test, expected_failure(abort_code = storage_pool::EIncompatibleEndEpoch)]
fun absorb_storage_with_another_end() {
    let (mut network, mut pool) = start();
    let storage = storage(&mut network, 1, 4, 5);
    absorb(&mut network, &mut pool, storage);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun absorb_after_expiry() {
    let (mut network, mut pool) = start();
    2u64.do!(|_| network.next_epoch());
    let storage = storage(&mut network, 1, 3, 5);
    absorb(&mut network, &mut pool, storage);
    abort
}

// === Less capacity ===

#[test]
fun unused_capacity_comes_out_as_storage() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    let unused = pool.available_encoded_bytes();
    let storage = decrease(&mut network, &mut pool, 10);
    assert_eq!(storage.size(), 10);
    assert_eq!(storage.start_epoch(), 1);
    assert_eq!(storage.end_epoch(), 3);
    storage.destroy();
    let third = (unused - 10) * 33 / 100;
    let storage = decrease_percent(&mut network, &mut pool, 33);
    assert_eq!(storage.size(), third);
    storage.destroy();
    let storage = decrease_percent(&mut network, &mut pool, 100);
    assert_eq!(storage.size(), unused - 10 - third);
    storage.destroy();
    assert_eq!(pool.available_encoded_bytes(), 0);
    assert_eq!(pool.reserved_encoded_capacity_bytes(), test_network::encoded_size(SIZE));
    finish(network, pool);
}

#[test, expected_failure(abort_code = storage_pool::EInsufficientCapacity)]
fun less_than_what_is_used() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    let unused = pool.available_encoded_bytes();
    destroy(decrease(&mut network, &mut pool, unused + 1));
    abort
}

#[test, expected_failure(abort_code = system::EZeroExtractSize)]
fun less_by_nothing() {
    let (mut network, mut pool) = start();
    destroy(decrease(&mut network, &mut pool, 0));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun less_after_expiry() {
    let (mut network, mut pool) = start();
    2u64.do!(|_| network.next_epoch());
    destroy(decrease(&mut network, &mut pool, 1));
    abort
}

#[test, expected_failure(abort_code = storage_pool::EInvalidPercent)]
fun more_than_all_percent() {
    let (mut network, mut pool) = start();
    destroy(decrease_percent(&mut network, &mut pool, 101));
    abort
}

#[test, expected_failure(abort_code = system::EZeroExtractSize)]
fun no_percent() {
    let (mut network, mut pool) = start();
    destroy(decrease_percent(&mut network, &mut pool, 0));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun percent_after_expiry() {
    let (mut network, mut pool) = start();
    2u64.do!(|_| network.next_epoch());
    destroy(decrease_percent(&mut network, &mut pool, 101));
    abort
}

// === Attributes ===

#[test]
fun attributes_come_and_go() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    let id = blob_id(1);
    let key = b"k".to_string();
    assert!(pool.remove_blob_metadata_pair_if_exists(id, &key).is_none());
    assert!(pool.add_or_replace_blob_metadata(id, metadata::new()).is_none());
    pool.insert_or_update_blob_metadata_pair(id, key, b"v".to_string());
    let old = pool.add_or_replace_blob_metadata(id, metadata::new()).destroy_some();
    assert_eq!(bcs::to_bytes(&old), x"01016b0176");
    assert_eq!(bcs::to_bytes(&pool.take_blob_metadata(id)), x"00");
    // Setting an attribute creates the map.
    pool.insert_or_update_blob_metadata_pair(id, key, b"w".to_string());
    let (_, value) = pool.remove_blob_metadata_pair(id, &key);
    assert_eq!(value, b"w".to_string());
    assert!(pool.remove_blob_metadata_pair_if_exists(id, &key).is_none());
    finish(network, pool);
}

#[test, expected_failure(abort_code = storage_pool::EDuplicateMetadata)]
fun add_attributes_twice() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    pool.add_blob_metadata(blob_id(1), metadata::new());
    pool.add_blob_metadata(blob_id(1), metadata::new());
    abort
}

#[test, expected_failure(abort_code = storage_pool::EMissingMetadata)]
fun take_attributes_that_are_not_there() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    pool.take_blob_metadata(blob_id(1));
    abort
}

#[test, expected_failure(abort_code = storage_pool::EMissingMetadata)]
fun remove_an_attribute_of_none() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    pool.remove_blob_metadata_pair(blob_id(1), &b"k".to_string());
    abort
}

#[test, expected_failure(abort_code = dynamic_field::EFieldDoesNotExist, location = dynamic_field)]
fun attributes_of_what_is_not_there() {
    let (_network, mut pool) = start();
    pool.add_blob_metadata(blob_id(1), metadata::new());
    abort
}

// === Versions ===

#[test, expected_failure(abort_code = storage_pool::EWrongVersion)]
fun a_pool_of_another_version() {
    let (_network, mut pool) = start();
    pool.set_version_for_testing(2);
    pool.blob_count();
    abort
}

#[test]
fun a_pool_of_another_version_can_be_destroyed() {
    let (network, mut pool) = start();
    pool.set_version_for_testing(2);
    pool.destroy().destroy();
    destroy(network);
}

// === What cannot happen ===

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobSize)]
fun a_blob_larger_than_what_is_used() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    // With more shards the encoded blob would be longer.
    pool.remove_blob(blob_id(1), 1_000);
    abort
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobCount)]
fun a_blob_that_is_not_counted() {
    let (mut network, mut pool) = start();
    register(&mut network, &mut pool, 1, true);
    pool.set_blob_count_for_testing(0);
    delete(&mut network, &mut pool, 1);
    abort
}
