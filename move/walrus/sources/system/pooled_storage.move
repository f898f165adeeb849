/// Storage pools in the system: what they cost, and when which change of a pool is allowed.
///
/// Prices, capacity and the epoch are those of the system's state, which also raises the errors about
/// them; what is inside a pool is the pool's business.
module walrus::pooled_storage;

use sui::coin::Coin;
use wal::wal::WAL;
use walrus::storage_pool::{Self, StoragePool};
use walrus::storage_resource::Storage;
use walrus::system_state_inner::SystemStateInnerV1;

// === Package functions: life cycle ===

/// Sells storage from the current epoch on, and makes a pool of it.
public(package) fun create(
    system: &mut SystemStateInnerV1,
    reserved_encoded_capacity_bytes: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): StoragePool {
    let storage = system.reserve_space(reserved_encoded_capacity_bytes, epochs_ahead, payment, ctx);
    create_with_storage(system, storage, ctx)
}

/// Makes a pool of storage that is valid now.
public(package) fun create_with_storage(
    system: &SystemStateInnerV1,
    storage: Storage,
    ctx: &mut TxContext,
): StoragePool {
    system.assert_usable(&storage);
    storage_pool::new(storage, system.epoch(), ctx)
}

/// Extends a pool by epochs, counted from its present end, and charges for its whole capacity.
public(package) fun extend(
    system: &mut SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    system.sell_extension(storage_pool.storage(), extended_epochs, payment);
    storage_pool.extend_end_epoch(extended_epochs, system.epoch());
}

// === Package functions: blobs ===

/// Registers a blob in a pool and charges for writing it.
public(package) fun register_blob(
    system: &mut SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    blob_id: u256,
    root_hash: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
) {
    system.assert_current(storage_pool.storage());
    let encoded_size = storage_pool.register_blob(
        blob_id,
        root_hash,
        unencoded_size,
        encoding_type,
        deletable,
        system.epoch(),
        system.n_shards(),
        ctx,
    );
    system.charge_for_writing(encoded_size, write_payment);
}

/// Certifies a blob in a pool by a certificate of a quorum.
public(package) fun certify_blob(
    system: &SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    blob_id: u256,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    let certified = system.committee().verify_quorum_in_epoch(signature, signers_bitmap, message);
    storage_pool.certify_blob(blob_id, system.epoch(), certified.certify_blob_message());
}

/// Deletes a deletable blob from a pool.
public(package) fun delete_blob(
    system: &SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    blob_id: u256,
) {
    system.assert_not_expired(storage_pool.storage());
    storage_pool.delete_blob(blob_id, system.epoch(), system.n_shards());
}

/// Removes any blob from a pool that has expired.
public(package) fun burn_expired_blob(
    system: &SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    blob_id: u256,
) {
    system.assert_expired(storage_pool.storage());
    storage_pool.remove_blob(blob_id, system.n_shards());
}

// === Package functions: capacity ===

/// Sells capacity to a pool, for the current epoch and those that are left to it.
public(package) fun increase_capacity(
    system: &mut SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    additional_encoded_capacity_bytes: u64,
    payment: &mut Coin<WAL>,
) {
    system.sell_capacity(storage_pool.storage(), additional_encoded_capacity_bytes, payment);
    storage_pool.increase_capacity(additional_encoded_capacity_bytes);
}

/// Adds storage to a pool with which it ends.
public(package) fun increase_capacity_with_storage(
    system: &SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    storage: Storage,
) {
    system.assert_not_expired(storage_pool.storage());
    storage_pool.increase_capacity_with_storage(storage, system.epoch());
}

/// Takes unused capacity out of a pool; possibly nothing.
public(package) fun decrease_capacity_by_size(
    system: &SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    size: u64,
    ctx: &mut TxContext,
): Storage {
    system.assert_not_expired(storage_pool.storage());
    storage_pool.decrease_capacity_by_size(size, ctx)
}

/// Takes a part of the unused capacity out of a pool; possibly nothing.
public(package) fun decrease_unused_capacity_by_percent(
    system: &SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    percent: u8,
    ctx: &mut TxContext,
): Storage {
    system.assert_not_expired(storage_pool.storage());
    storage_pool.decrease_unused_capacity_by_percent(percent, ctx)
}
