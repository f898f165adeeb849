module blob_bucket::blob_bucket_tests;

use blob_bucket::blob_bucket::{Self, BlobBucket, BlobBucketCap};
use blob_bucket::blob_bucket_inner_v1;
use std::unit_test::{assert_eq, destroy};
use walrus::blob;
use walrus::bls_aggregate;
use walrus::storage_pool;
use walrus::test_network::{Self, Network};

const MIB: u64 = 1_024 * 1_024;
const RS2: u8 = 1;
/// Length of the tests' blobs before encoding.
const SIZE: u64 = 1_000;

fun blob_id(root_hash: u256): u256 {
    blob::derive_blob_id(root_hash, RS2, SIZE)
}

/// A network in epoch 1 with a bucket of 1 MiB for two epochs.
fun start(): (Network, BlobBucket, BlobBucketCap) {
    let mut network = test_network::running();
    let cap = new_bucket(&mut network);
    network.next_tx();
    let bucket = network.scenario().take_shared<BlobBucket>();
    (network, bucket, cap)
}

fun new_bucket(network: &mut Network): BlobBucketCap {
    let (system, payment, ctx) = network.storage_parts();
    blob_bucket::new(system, MIB, 2, payment, ctx)
}

fun finish(network: Network, bucket: BlobBucket, cap: BlobBucketCap) {
    destroy(bucket);
    destroy(cap);
    destroy(network);
}

fun register(
    network: &mut Network,
    bucket: &mut BlobBucket,
    cap: &BlobBucketCap,
    root_hash: u256,
    deletable: bool,
) {
    let id = blob_id(root_hash);
    let (system, payment, ctx) = network.storage_parts();
    bucket.register_blob(cap, system, id, root_hash, SIZE, RS2, deletable, payment, ctx);
}

fun certify(network: &mut Network, bucket: &mut BlobBucket, root_hash: u256) {
    let (system, _, _) = network.storage_parts();
    let id = blob_id(root_hash);
    let message = test_network::blob_certificate(system.epoch(), id, option::none());
    bucket.certify_blob(system, id, vector[], test_network::all_signers(), message);
}

fun delete(network: &mut Network, bucket: &mut BlobBucket, cap: &BlobBucketCap, root_hash: u256) {
    let (system, _, _) = network.storage_parts();
    bucket.delete_blob(cap, system, blob_id(root_hash));
}

fun extend(network: &mut Network, bucket: &mut BlobBucket, cap: &BlobBucketCap, epochs: u32) {
    let (system, payment, _) = network.storage_parts();
    bucket.extend_storage_pool(cap, system, epochs, payment);
}

fun increase(network: &mut Network, bucket: &mut BlobBucket, cap: &BlobBucketCap, bytes: u64) {
    let (system, payment, _) = network.storage_parts();
    bucket.increase_storage_pool_capacity(cap, system, bytes, payment);
}

#[test]
fun a_life() {
    let (mut network, mut bucket, cap) = start();
    assert_eq!(cap.bucket_id(), object::id(&bucket));
    register(&mut network, &mut bucket, &cap, 1, false);
    register(&mut network, &mut bucket, &cap, 2, true);
    certify(&mut network, &mut bucket, 1);
    delete(&mut network, &mut bucket, &cap, 2);
    let before = network.funds();
    extend(&mut network, &mut bucket, &cap, 1);
    increase(&mut network, &mut bucket, &cap, MIB);
    // One more epoch, then a second unit for all three; 5 FROST each.
    assert_eq!(before - network.funds(), 20);
    let pool = bucket.inner_for_testing().storage_pool();
    assert_eq!(bucket.storage_pool_id(), pool.object_id());
    assert_eq!(pool.end_epoch(), 4);
    assert_eq!(pool.reserved_encoded_capacity_bytes(), 2 * MIB);
    assert_eq!(pool.blob_count(), 1);
    assert!(pool.contains_blob(blob_id(1)));
    finish(network, bucket, cap);
}

#[test, expected_failure(abort_code = storage_pool::EBlobNotDeletable)]
fun delete_a_permanent_blob() {
    let (mut network, mut bucket, cap) = start();
    register(&mut network, &mut bucket, &cap, 1, false);
    delete(&mut network, &mut bucket, &cap, 1);
    abort
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun certify_by_less_than_a_quorum() {
    let (mut network, mut bucket, cap) = start();
    register(&mut network, &mut bucket, &cap, 1, false);
    let (system, _, _) = network.storage_parts();
    let id = blob_id(1);
    let message = test_network::blob_certificate(system.epoch(), id, option::none());
    bucket.certify_blob(system, id, vector[], x"03", message);
    abort
}

#[test]
fun anybody_certifies() {
    let (mut network, mut bucket, cap) = start();
    register(&mut network, &mut bucket, &cap, 1, false);
    destroy(cap);
    network.scenario().next_tx(@0xB0B);
    certify(&mut network, &mut bucket, 1);
    destroy(bucket);
    destroy(network);
}

// === The capability ===

#[test, expected_failure(abort_code = blob_bucket::EInvalidBlobBucketCap)]
fun another_capability_registers() {
    let (mut network, mut bucket, _cap) = start();
    let other = new_bucket(&mut network);
    register(&mut network, &mut bucket, &other, 1, false);
    abort
}

#[test, expected_failure(abort_code = blob_bucket::EInvalidBlobBucketCap)]
fun another_capability_deletes() {
    let (mut network, mut bucket, cap) = start();
    let other = new_bucket(&mut network);
    register(&mut network, &mut bucket, &cap, 1, true);
    delete(&mut network, &mut bucket, &other, 1);
    abort
}

#[test, expected_failure(abort_code = blob_bucket::EInvalidBlobBucketCap)]
fun another_capability_extends() {
    let (mut network, mut bucket, _cap) = start();
    let other = new_bucket(&mut network);
    extend(&mut network, &mut bucket, &other, 1);
    abort
}

#[test, expected_failure(abort_code = blob_bucket::EInvalidBlobBucketCap)]
fun another_capability_buys_capacity() {
    let (mut network, mut bucket, _cap) = start();
    let other = new_bucket(&mut network);
    increase(&mut network, &mut bucket, &other, 1);
    abort
}

// === Expiry ===

/// A bucket with a deletable blob, in the first epoch after its end.
fun expired(): (Network, BlobBucket, BlobBucketCap) {
    let (mut network, mut bucket, cap) = start();
    register(&mut network, &mut bucket, &cap, 1, true);
    2u64.do!(|_| network.next_epoch());
    (network, bucket, cap)
}

#[test, expected_failure(abort_code = blob_bucket_inner_v1::EBlobBucketStorageExpired)]
fun register_after_expiry() {
    let (mut network, mut bucket, cap) = expired();
    register(&mut network, &mut bucket, &cap, 2, true);
    abort
}

#[test, expected_failure(abort_code = blob_bucket_inner_v1::EBlobBucketStorageExpired)]
fun certify_after_expiry() {
    let (mut network, mut bucket, _cap) = expired();
    certify(&mut network, &mut bucket, 1);
    abort
}

#[test, expected_failure(abort_code = blob_bucket_inner_v1::EBlobBucketStorageExpired)]
fun delete_after_expiry() {
    let (mut network, mut bucket, cap) = expired();
    delete(&mut network, &mut bucket, &cap, 1);
    abort
}

#[test, expected_failure(abort_code = blob_bucket_inner_v1::EBlobBucketStorageExpired)]
fun extend_after_expiry() {
    let (mut network, mut bucket, cap) = expired();
    extend(&mut network, &mut bucket, &cap, 1);
    abort
}

#[test, expected_failure(abort_code = blob_bucket_inner_v1::EBlobBucketStorageExpired)]
fun buy_capacity_after_expiry() {
    let (mut network, mut bucket, cap) = expired();
    increase(&mut network, &mut bucket, &cap, 1);
    abort
}

// === Versions ===

#[test, expected_failure(abort_code = blob_bucket::EWrongVersion)]
fun a_bucket_of_another_version_changes() {
    let (mut network, mut bucket, cap) = start();
    bucket.set_version_for_testing(2);
    register(&mut network, &mut bucket, &cap, 1, true);
    abort
}

#[test, expected_failure(abort_code = blob_bucket::EWrongVersion)]
fun a_bucket_of_another_version_is_read() {
    let (_network, mut bucket, _cap) = start();
    bucket.set_version_for_testing(2);
    bucket.storage_pool_id();
    abort
}

// === Creation ===

/// A new bucket has what was paid for: one unit at 5 FROST for two epochs.
#[test]
fun a_new_bucket() {
    let mut network = test_network::running();
    let before = network.funds();
    let cap = new_bucket(&mut network);
    assert_eq!(before - network.funds(), 10);
    network.next_tx();
    let bucket = network.scenario().take_shared<BlobBucket>();
    assert_eq!(cap.bucket_id(), object::id(&bucket));
    let pool = bucket.inner_for_testing().storage_pool();
    assert_eq!(pool.start_epoch(), 1);
    assert_eq!(pool.end_epoch(), 3);
    assert_eq!(pool.reserved_encoded_capacity_bytes(), MIB);
    assert_eq!(pool.available_encoded_bytes(), MIB);
    assert_eq!(pool.blob_count(), 0);
    let other = new_bucket(&mut network);
    assert!(other.bucket_id() != cap.bucket_id());
    destroy(other);
    finish(network, bucket, cap);
}

#[test]
fun a_certified_deletable_blob_is_deleted_and_its_capacity_is_free() {
    let (mut network, mut bucket, cap) = start();
    register(&mut network, &mut bucket, &cap, 1, true);
    let pool = bucket.inner_for_testing().storage_pool();
    assert_eq!(pool.used_encoded_bytes(), test_network::encoded_size(SIZE));
    let object = pool.blob_object_id(blob_id(1));
    let message = test_network::blob_certificate(1, blob_id(1), option::some(object));
    let (system, _, _) = network.storage_parts();
    bucket.certify_blob(system, blob_id(1), vector[], test_network::all_signers(), message);
    delete(&mut network, &mut bucket, &cap, 1);
    let pool = bucket.inner_for_testing().storage_pool();
    assert_eq!(pool.used_encoded_bytes(), 0);
    assert_eq!(pool.blob_count(), 0);
    finish(network, bucket, cap);
}
