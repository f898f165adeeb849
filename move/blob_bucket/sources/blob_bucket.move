/// A shared bucket of blobs in one storage pool. What it holds is decided by the holder of its
/// capability; anybody can certify what is registered.
module blob_bucket::blob_bucket;

use blob_bucket::blob_bucket_inner_v1::{Self, BlobBucketInnerV1};
use sui::coin::Coin;
use sui::dynamic_field as df;
use wal::wal::WAL;
use walrus::system::System;

// === Errors ===

/// The capability is of another bucket.
const EInvalidBlobBucketCap: u64 = 0;
/// The bucket works with another version of this package.
const EWrongVersion: u64 = 1;

// === Constants ===

/// Version of the bucket that this package works with.
const VERSION: u64 = 1;

// === Structs ===

/// The shared object. Its state is in a dynamic field, so that an upgrade can replace the layout.
public struct BlobBucket has key {
    id: UID,
    version: u64,
}

/// Allows to decide what a bucket holds.
public struct BlobBucketCap has key, store {
    id: UID,
    bucket_id: ID,
}

// === Public functions ===

/// Shares a bucket, with storage bought for `epochs_ahead` epochs from the current one on.
public fun new(
    system: &mut System,
    reserved_encoded_capacity_bytes: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): BlobBucketCap {
    let inner = blob_bucket_inner_v1::new(
        system,
        reserved_encoded_capacity_bytes,
        epochs_ahead,
        payment,
        ctx,
    );
    let mut bucket = BlobBucket { id: object::new(ctx), version: VERSION };
    df::add(&mut bucket.id, VERSION, inner);
    let cap = BlobBucketCap { id: object::new(ctx), bucket_id: object::id(&bucket) };
    transfer::share_object(bucket);
    cap
}

/// Registers a blob, and pays for writing it.
public fun register_blob(
    self: &mut BlobBucket,
    cap: &BlobBucketCap,
    system: &mut System,
    blob_id: u256,
    root_hash: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
) {
    self.check_cap(cap);
    self
        .inner_mut()
        .register_blob(
            system,
            blob_id,
            root_hash,
            unencoded_size,
            encoding_type,
            deletable,
            write_payment,
            ctx,
        );
}

/// Certifies that the nodes store a blob, by a certificate of a quorum of the current committee.
public fun certify_blob(
    self: &mut BlobBucket,
    system: &System,
    blob_id: u256,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.inner_mut().certify_blob(system, blob_id, signature, signers_bitmap, message);
}

/// Deletes a deletable blob, which frees its capacity.
public fun delete_blob(self: &mut BlobBucket, cap: &BlobBucketCap, system: &System, blob_id: u256) {
    self.check_cap(cap);
    self.inner_mut().delete_blob(system, blob_id);
}

/// Extends the storage of all blobs by epochs, counted from its present end.
public fun extend_storage_pool(
    self: &mut BlobBucket,
    cap: &BlobBucketCap,
    system: &mut System,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    self.check_cap(cap);
    self.inner_mut().extend_storage_pool(system, extended_epochs, payment);
}

/// Buys more capacity, for the current epoch and those that are left to the bucket.
public fun increase_storage_pool_capacity(
    self: &mut BlobBucket,
    cap: &BlobBucketCap,
    system: &mut System,
    additional_encoded_capacity_bytes: u64,
    payment: &mut Coin<WAL>,
) {
    self.check_cap(cap);
    self
        .inner_mut()
        .increase_storage_pool_capacity(system, additional_encoded_capacity_bytes, payment);
}

/// Id of the bucket's storage pool. The pool is inside the bucket and has no address of its own.
public fun storage_pool_id(self: &BlobBucket): ID {
    self.inner().storage_pool().object_id()
}

/// Id of the bucket that the capability is for.
public fun bucket_id(cap: &BlobBucketCap): ID {
    cap.bucket_id
}

// === Private functions ===

fun check_cap(self: &BlobBucket, cap: &BlobBucketCap) {
    assert!(cap.bucket_id == object::id(self), EInvalidBlobBucketCap);
}

fun inner(self: &BlobBucket): &BlobBucketInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    df::borrow(&self.id, VERSION)
}

fun inner_mut(self: &mut BlobBucket): &mut BlobBucketInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    df::borrow_mut(&mut self.id, VERSION)
}

// === Test functions ===

#[test_only]
/// The state, to look at.
public(package) fun inner_for_testing(self: &BlobBucket): &BlobBucketInnerV1 {
    self.inner()
}

#[test_only]
/// Pretends that the bucket works with another version of the package.
public(package) fun set_version_for_testing(self: &mut BlobBucket, version: u64) {
    self.version = version;
}
