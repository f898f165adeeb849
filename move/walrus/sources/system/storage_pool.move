/// One piece of storage for many blobs: they share its capacity, and expire together.
module walrus::storage_pool;

use std::string::String;
use sui::dynamic_field as df;
use sui::object_table::{Self, ObjectTable};
use walrus::blob;
use walrus::encoding;
use walrus::events;
use walrus::messages::CertifiedBlobMessage;
use walrus::metadata::{Self, Metadata};
use walrus::storage_resource::Storage;

// === Errors ===

/// The blob is permanent and cannot be deleted.
const EBlobNotDeletable: u64 = 0;
/// The current epoch is outside the storage period.
const EResourceBounds: u64 = 1;
/// The blob is certified already.
const EAlreadyCertified: u64 = 2;
/// The blob id is not the one of this blob.
const EInvalidBlobId: u64 = 3;
/// The certificate is for a deletable blob and this one is permanent, or the other way round.
const EInvalidBlobPersistenceType: u64 = 4;
/// The certificate is for another blob object.
const EInvalidBlobObject: u64 = 5;
/// The pool does not have that much unused capacity.
const EInsufficientCapacity: u64 = 6;
/// The pool still holds blobs.
const EPoolNotEmpty: u64 = 7;
/// The blob is larger than what the pool counts as used.
const EInvalidBlobSize: u64 = 8;
/// The pool holds a blob but counts none.
const EInvalidBlobCount: u64 = 9;
/// The pool works with another version of this package.
const EWrongVersion: u64 = 10;
/// The storage does not end together with the pool.
const EIncompatibleEndEpoch: u64 = 11;
/// The blob has attributes already.
const EDuplicateMetadata: u64 = 12;
/// The blob has no attributes.
const EMissingMetadata: u64 = 13;
/// A percentage is at most 100.
const EInvalidPercent: u64 = 14;

// === Constants ===

/// Version of the pool that this package works with.
const VERSION: u64 = 1;
/// Name of the dynamic field with a blob's attributes.
const METADATA_FIELD: vector<u8> = b"metadata";

// === Structs ===

/// Storage that many blobs share. Whoever can pass it to a transaction controls it.
public struct StoragePool has key, store {
    id: UID,
    version: u64,
}

/// Version 1 of the state, in a dynamic field so that an upgrade can replace the layout.
public struct StoragePoolInnerV1 has store {
    storage: Storage,
    used_encoded_bytes: u64,
    blob_count: u64,
    blobs: ObjectTable<u256, PooledBlob>,
}

/// A registered blob in a pool.
public struct PooledBlob has key, store {
    id: UID,
    registered_epoch: u32,
    blob_id: u256,
    /// Length before encoding.
    unencoded_size: u64,
    encoding_type: u8,
    certified_epoch: Option<u32>,
    storage_pool_id: ID,
    deletable: bool,
}

// === Public functions: accessors ===

/// Id of the object.
public fun object_id(self: &StoragePool): ID {
    object::id(self)
}

/// First epoch of the storage period.
public fun start_epoch(self: &StoragePool): u32 {
    self.inner().storage.start_epoch()
}

/// First epoch after the storage period.
public fun end_epoch(self: &StoragePool): u32 {
    self.inner().storage.end_epoch()
}

/// Capacity in bytes of encoded blobs.
public fun reserved_encoded_capacity_bytes(self: &StoragePool): u64 {
    self.inner().storage.size()
}

/// What the registered blobs take of the capacity.
public fun used_encoded_bytes(self: &StoragePool): u64 {
    self.inner().used_encoded_bytes
}

/// What is left of the capacity.
public fun available_encoded_bytes(self: &StoragePool): u64 {
    self.inner().available()
}

/// The storage that the blobs share.
public fun storage(self: &StoragePool): &Storage {
    &self.inner().storage
}

/// Number of registered blobs.
public fun blob_count(self: &StoragePool): u64 {
    self.inner().blob_count
}

/// Whether a blob is registered in this pool.
public fun contains_blob(self: &StoragePool, blob_id: u256): bool {
    self.inner().blobs.contains(blob_id)
}

/// Id of the object of a registered blob.
public fun blob_object_id(self: &StoragePool, blob_id: u256): ID {
    object::id(&self.inner().blobs[blob_id])
}

// === Public functions: end ===

/// Takes the storage out of an empty pool.
public fun destroy(self: StoragePool): Storage {
    let StoragePool { mut id, .. } = self;
    let inner: StoragePoolInnerV1 = df::remove(&mut id, VERSION);
    id.delete();
    let StoragePoolInnerV1 { storage, blob_count, blobs, .. } = inner;
    assert!(blob_count == 0, EPoolNotEmpty);
    blobs.destroy_empty();
    storage
}

// === Public functions: attributes ===

/// Adds attributes to a blob that has none.
public fun add_blob_metadata(self: &mut StoragePool, blob_id: u256, metadata: Metadata) {
    let blob = self.blob_mut(blob_id);
    assert!(!blob.has_metadata(), EDuplicateMetadata);
    df::add(&mut blob.id, METADATA_FIELD, metadata);
}

/// Sets the attributes of a blob and returns the old ones.
public fun add_or_replace_blob_metadata(
    self: &mut StoragePool,
    blob_id: u256,
    metadata: Metadata,
): Option<Metadata> {
    let blob = self.blob_mut(blob_id);
    let old = df::remove_if_exists(&mut blob.id, METADATA_FIELD);
    df::add(&mut blob.id, METADATA_FIELD, metadata);
    old
}

/// Removes the attributes of a blob and returns them.
public fun take_blob_metadata(self: &mut StoragePool, blob_id: u256): Metadata {
    let blob = self.blob_mut(blob_id);
    assert!(blob.has_metadata(), EMissingMetadata);
    df::remove(&mut blob.id, METADATA_FIELD)
}

/// Sets one attribute of a blob; creates the attributes if there are none.
public fun insert_or_update_blob_metadata_pair(
    self: &mut StoragePool,
    blob_id: u256,
    key: String,
    value: String,
) {
    let blob = self.blob_mut(blob_id);
    if (!blob.has_metadata()) df::add(&mut blob.id, METADATA_FIELD, metadata::new());
    blob.metadata_mut().insert_or_update(key, value);
}

/// Removes one attribute of a blob and returns it; aborts if there is none of that name.
public fun remove_blob_metadata_pair(
    self: &mut StoragePool,
    blob_id: u256,
    key: &String,
): (String, String) {
    let blob = self.blob_mut(blob_id);
    assert!(blob.has_metadata(), EMissingMetadata);
    blob.metadata_mut().remove(key)
}

/// Removes one attribute of a blob if it exists, and returns its value.
public fun remove_blob_metadata_pair_if_exists(
    self: &mut StoragePool,
    blob_id: u256,
    key: &String,
): Option<String> {
    let blob = self.blob_mut(blob_id);
    if (!blob.has_metadata()) return option::none();
    blob.metadata_mut().remove_if_exists(key)
}

// === Package functions ===

/// Creates a pool from storage that is valid now.
public(package) fun new(storage: Storage, current_epoch: u32, ctx: &mut TxContext): StoragePool {
    let mut pool = StoragePool { id: object::new(ctx), version: VERSION };
    events::emit_storage_pool_created(
        current_epoch,
        pool.object_id(),
        storage.size(),
        storage.start_epoch(),
        storage.end_epoch(),
    );
    let inner = StoragePoolInnerV1 {
        storage,
        used_encoded_bytes: 0,
        blob_count: 0,
        blobs: object_table::new(ctx),
    };
    df::add(&mut pool.id, VERSION, inner);
    pool
}

/// Registers a blob and returns its encoded length. The pool must not be expired.
public(package) fun register_blob(
    self: &mut StoragePool,
    blob_id: u256,
    root_hash: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    current_epoch: u32,
    n_shards: u16,
    ctx: &mut TxContext,
): u64 {
    let derived = blob::derive_blob_id(root_hash, encoding_type, unencoded_size);
    assert!(derived == blob_id, EInvalidBlobId);
    let blob = PooledBlob {
        id: object::new(ctx),
        registered_epoch: current_epoch,
        blob_id,
        unencoded_size,
        encoding_type,
        certified_epoch: option::none(),
        storage_pool_id: self.object_id(),
        deletable,
    };
    events::emit_pooled_blob_registered(
        current_epoch,
        blob_id,
        unencoded_size,
        encoding_type,
        deletable,
        object::id(&blob),
        blob.storage_pool_id,
    );
    let encoded_size = blob.encoded_size(n_shards);
    let inner = self.inner_mut();
    assert!(encoded_size <= inner.available(), EInsufficientCapacity);
    inner.used_encoded_bytes = inner.used_encoded_bytes + encoded_size;
    inner.blob_count = inner.blob_count + 1;
    inner.blobs.add(blob_id, blob);
    encoded_size
}

/// Certifies a blob by a verified certificate of the current committee.
public(package) fun certify_blob(
    self: &mut StoragePool,
    blob_id: u256,
    current_epoch: u32,
    message: CertifiedBlobMessage,
) {
    let end_epoch = self.end_epoch();
    let blob = self.blob_mut(blob_id);
    assert!(message.certified_blob_id() == blob.blob_id, EInvalidBlobId);
    assert!(current_epoch < end_epoch, EResourceBounds);
    assert!(blob.certified_epoch.is_none(), EAlreadyCertified);
    let persistence = message.blob_persistence_type();
    assert!(persistence.is_deletable() == blob.deletable, EInvalidBlobPersistenceType);
    if (blob.deletable) {
        assert!(persistence.object_id() == object::id(blob), EInvalidBlobObject);
    };
    blob.certified_epoch.fill(current_epoch);
    events::emit_pooled_blob_certified(
        current_epoch,
        blob_id,
        blob.deletable,
        object::id(blob),
        blob.storage_pool_id,
    );
}

/// Deletes a deletable blob, which frees its capacity. The pool must not be expired.
public(package) fun delete_blob(
    self: &mut StoragePool,
    blob_id: u256,
    current_epoch: u32,
    n_shards: u16,
) {
    let blob = &self.inner().blobs[blob_id];
    assert!(blob.deletable, EBlobNotDeletable);
    events::emit_pooled_blob_deleted(
        current_epoch,
        blob_id,
        object::id(blob),
        blob.certified_epoch.is_some(),
        blob.storage_pool_id,
    );
    self.remove_blob(blob_id, n_shards);
}

/// Removes a blob, whatever it is; only when its storage has expired.
public(package) fun remove_blob(self: &mut StoragePool, blob_id: u256, n_shards: u16) {
    let inner = self.inner_mut();
    let blob = inner.blobs.remove(blob_id);
    let encoded_size = blob.encoded_size(n_shards);
    assert!(encoded_size <= inner.used_encoded_bytes, EInvalidBlobSize);
    assert!(inner.blob_count > 0, EInvalidBlobCount);
    inner.used_encoded_bytes = inner.used_encoded_bytes - encoded_size;
    inner.blob_count = inner.blob_count - 1;
    let PooledBlob { mut id, .. } = blob;
    df::remove_if_exists<vector<u8>, Metadata>(&mut id, METADATA_FIELD);
    id.delete();
}

/// Lets the pool live longer, by epochs that were paid for.
public(package) fun extend_end_epoch(
    self: &mut StoragePool,
    extended_epochs: u32,
    current_epoch: u32,
) {
    self.inner_mut().storage.extend_end_epoch(extended_epochs);
    events::emit_storage_pool_extended(current_epoch, self.object_id(), self.end_epoch());
}

/// Adds capacity that was paid for.
public(package) fun increase_capacity(self: &mut StoragePool, additional_bytes: u64) {
    self.inner_mut().storage.increase_size(additional_bytes);
}

/// Adds the capacity of storage that is valid now and ends together with the pool.
public(package) fun increase_capacity_with_storage(
    self: &mut StoragePool,
    storage: Storage,
    current_epoch: u32,
) {
    assert!(storage.start_epoch() <= current_epoch, EResourceBounds);
    assert!(storage.end_epoch() == self.end_epoch(), EIncompatibleEndEpoch);
    self.increase_capacity(storage.size());
    storage.destroy();
}

/// Takes unused capacity out as storage.
public(package) fun decrease_capacity_by_size(
    self: &mut StoragePool,
    size: u64,
    ctx: &mut TxContext,
): Storage {
    let inner = self.inner_mut();
    assert!(inner.available() >= size, EInsufficientCapacity);
    let left = inner.storage.size() - size;
    inner.storage.split_by_size(left, ctx)
}

/// Takes a part of the unused capacity out as storage, rounded down.
public(package) fun decrease_unused_capacity_by_percent(
    self: &mut StoragePool,
    percent: u8,
    ctx: &mut TxContext,
): Storage {
    assert!(percent <= 100, EInvalidPercent);
    let size = (self.available_encoded_bytes() as u128) * (percent as u128) / 100;
    self.decrease_capacity_by_size(size as u64, ctx)
}

// === Private functions ===

fun inner(self: &StoragePool): &StoragePoolInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    df::borrow(&self.id, VERSION)
}

fun inner_mut(self: &mut StoragePool): &mut StoragePoolInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    df::borrow_mut(&mut self.id, VERSION)
}

fun blob_mut(self: &mut StoragePool, blob_id: u256): &mut PooledBlob {
    &mut self.inner_mut().blobs[blob_id]
}

fun available(self: &StoragePoolInnerV1): u64 {
    self.storage.size() - self.used_encoded_bytes
}

fun encoded_size(self: &PooledBlob, n_shards: u16): u64 {
    encoding::encoded_blob_length(self.unencoded_size, self.encoding_type, n_shards)
}

fun has_metadata(self: &PooledBlob): bool {
    df::exists_with_type<vector<u8>, Metadata>(&self.id, METADATA_FIELD)
}

fun metadata_mut(self: &mut PooledBlob): &mut Metadata {
    df::borrow_mut(&mut self.id, METADATA_FIELD)
}

// === Test functions ===

#[test_only]
/// Pretends that the pool works with another version of the package.
public(package) fun set_version_for_testing(self: &mut StoragePool, version: u64) {
    self.version = version;
}

#[test_only]
/// Epoch in which a blob was certified, if it is certified.
public(package) fun certified_epoch_for_testing(self: &StoragePool, blob_id: u256): Option<u32> {
    self.inner().blobs[blob_id].certified_epoch
}

#[test_only]
/// Pretends that the pool counts so many blobs.
public(package) fun set_blob_count_for_testing(self: &mut StoragePool, blob_count: u64) {
    self.inner_mut().blob_count = blob_count;
}
