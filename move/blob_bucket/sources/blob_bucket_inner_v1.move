/// Version 1 of the state of a bucket: a storage pool that only the bucket can reach.
module blob_bucket::blob_bucket_inner_v1;

use sui::coin::Coin;
use wal::wal::WAL;
use walrus::storage_pool::StoragePool;
use walrus::system::System;

// === Errors ===

/// The storage of the bucket has expired.
const EBlobBucketStorageExpired: u64 = 0;

// === Structs ===

/// The state.
public struct BlobBucketInnerV1 has store {
    storage_pool: StoragePool,
}

// === Package functions ===

/// Buys a storage pool.
public(package) fun new(
    system: &mut System,
    reserved_encoded_capacity_bytes: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): BlobBucketInnerV1 {
    let storage_pool = system.create_storage_pool(
        reserved_encoded_capacity_bytes,
        epochs_ahead,
        payment,
        ctx,
    );
    BlobBucketInnerV1 { storage_pool }
}

/// Registers a blob, and pays for writing it.
public(package) fun register_blob(
    self: &mut BlobBucketInnerV1,
    system: &mut System,
    blob_id: u256,
    root_hash: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
) {
    self.assert_not_expired(system);
    system.register_pooled_blob(
        &mut self.storage_pool,
        blob_id,
        root_hash,
        unencoded_size,
        encoding_type,
        deletable,
        write_payment,
        ctx,
    );
}

/// Certifies a blob.
public(package) fun certify_blob(
    self: &mut BlobBucketInnerV1,
    system: &System,
    blob_id: u256,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.assert_not_expired(system);
    system.certify_pooled_blob(
        &mut self.storage_pool,
        blob_id,
        signature,
        signers_bitmap,
        message,
    );
}

/// Deletes a deletable blob.
public(package) fun delete_blob(self: &mut BlobBucketInnerV1, system: &System, blob_id: u256) {
    self.assert_not_expired(system);
    system.delete_pooled_blob(&mut self.storage_pool, blob_id);
}

/// Extends the storage by epochs, counted from its present end.
public(package) fun extend_storage_pool(
    self: &mut BlobBucketInnerV1,
    system: &mut System,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    self.assert_not_expired(system);
    system.extend_storage_pool(&mut self.storage_pool, extended_epochs, payment);
}

/// Buys more capacity.
public(package) fun increase_storage_pool_capacity(
    self: &mut BlobBucketInnerV1,
    system: &mut System,
    additional_encoded_capacity_bytes: u64,
    payment: &mut Coin<WAL>,
) {
    self.assert_not_expired(system);
    system.increase_storage_pool_capacity(
        &mut self.storage_pool,
        additional_encoded_capacity_bytes,
        payment,
    );
}

/// The storage pool.
public(package) fun storage_pool(self: &BlobBucketInnerV1): &StoragePool {
    &self.storage_pool
}

// === Private functions ===

fun assert_not_expired(self: &BlobBucketInnerV1, system: &System) {
    assert!(self.storage_pool.end_epoch() > system.epoch(), EBlobBucketStorageExpired);
}
