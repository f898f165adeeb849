/// A blob: the claim that the network stores certain bytes until a certain epoch.
module walrus::blob;

use std::string::String;
use sui::bcs;
use sui::dynamic_field as df;
use sui::hash;
use walrus::encoding;
use walrus::events;
use walrus::messages::CertifiedBlobMessage;
use walrus::metadata::{Self, Metadata};
use walrus::storage_resource::Storage;

// === Errors ===

/// The blob is not certified.
const ENotCertified: u64 = 0;
/// The blob is permanent and cannot be deleted.
const EBlobNotDeletable: u64 = 1;
/// The current epoch is outside the blob's storage period, or an extension would not extend it.
const EResourceBounds: u64 = 2;
/// The storage is smaller than the encoded blob.
const EResourceSize: u64 = 3;
/// The blob is certified already.
const EAlreadyCertified: u64 = 5;
/// The blob id is not the one of this blob.
const EInvalidBlobId: u64 = 6;
/// The blob has attributes already.
const EDuplicateMetadata: u64 = 7;
/// The blob has no attributes.
const EMissingMetadata: u64 = 8;
/// The certificate is for a deletable blob and this one is permanent, or the other way round.
const EInvalidBlobPersistenceType: u64 = 9;
/// The certificate is for another blob object.
const EInvalidBlobObject: u64 = 10;

// === Constants ===

/// Name of the dynamic field with the blob's attributes.
const METADATA_FIELD: vector<u8> = b"metadata";

// === Method aliases ===

/// Makes the blob one that anybody can extend.
public use fun walrus::shared_blob::new as Blob.share;

// === Structs ===

/// A registered blob with the storage it occupies.
public struct Blob has key, store {
    id: UID,
    registered_epoch: u32,
    blob_id: u256,
    /// Length before encoding.
    size: u64,
    encoding_type: u8,
    /// Epoch of the first certification.
    certified_epoch: Option<u32>,
    storage: Storage,
    deletable: bool,
}

/// What a blob id is the hash of.
public struct BlobIdDerivation has drop {
    encoding_type: u8,
    size: u64,
    root_hash: u256,
}

// === Public functions: accessors ===

/// Id of the object.
public fun object_id(self: &Blob): ID {
    object::id(self)
}

/// Epoch in which the blob was registered.
public fun registered_epoch(self: &Blob): u32 {
    self.registered_epoch
}

/// Id of the content.
public fun blob_id(self: &Blob): u256 {
    self.blob_id
}

/// Length of the content in bytes.
public fun size(self: &Blob): u64 {
    self.size
}

/// How the blob is encoded.
public fun encoding_type(self: &Blob): u8 {
    self.encoding_type
}

/// Epoch in which the blob was certified first, if it is certified.
public fun certified_epoch(self: &Blob): &Option<u32> {
    &self.certified_epoch
}

/// The storage the blob occupies.
public fun storage(self: &Blob): &Storage {
    &self.storage
}

/// Whether the blob can be deleted.
public fun is_deletable(self: &Blob): bool {
    self.deletable
}

/// First epoch in which the blob is no longer stored.
public fun end_epoch(self: &Blob): u32 {
    self.storage.end_epoch()
}

/// Length of the encoded blob, over all shards.
public fun encoded_size(self: &Blob, n_shards: u16): u64 {
    encoding::encoded_blob_length(self.size, self.encoding_type, n_shards)
}

/// The id of a blob, from the root hash over its slivers.
public fun derive_blob_id(root_hash: u256, encoding_type: u8, size: u64): u256 {
    let derivation = BlobIdDerivation { encoding_type, size, root_hash };
    bcs::new(hash::blake2b256(&bcs::to_bytes(&derivation))).peel_u256()
}

/// Destroys the blob object and its storage. The nodes keep the content until its storage expires.
public fun burn(self: Blob) {
    self.destroy().destroy();
}

// === Public functions: attributes ===

/// Adds attributes to a blob that has none.
public fun add_metadata(self: &mut Blob, metadata: Metadata) {
    assert!(!self.has_metadata(), EDuplicateMetadata);
    df::add(&mut self.id, METADATA_FIELD, metadata);
}

/// Sets the attributes and returns the old ones.
public fun add_or_replace_metadata(self: &mut Blob, metadata: Metadata): Option<Metadata> {
    let old = if (self.has_metadata()) option::some(self.take_metadata()) else option::none();
    self.add_metadata(metadata);
    old
}

/// Removes the attributes and returns them.
public fun take_metadata(self: &mut Blob): Metadata {
    assert!(self.has_metadata(), EMissingMetadata);
    df::remove(&mut self.id, METADATA_FIELD)
}

/// Sets one attribute; creates the attributes if there are none.
public fun insert_or_update_metadata_pair(self: &mut Blob, key: String, value: String) {
    if (!self.has_metadata()) self.add_metadata(metadata::new());
    self.metadata_mut().insert_or_update(key, value);
}

/// Removes one attribute and returns it; aborts if there is none of that name.
public fun remove_metadata_pair(self: &mut Blob, key: &String): (String, String) {
    assert!(self.has_metadata(), EMissingMetadata);
    self.metadata_mut().remove(key)
}

/// Removes one attribute if it exists, and returns its value.
public fun remove_metadata_pair_if_exists(self: &mut Blob, key: &String): Option<String> {
    if (!self.has_metadata()) return option::none();
    self.metadata_mut().remove_if_exists(key)
}

// === Package functions ===

/// Registers a blob: binds a blob id to storage that is large enough and valid now.
public(package) fun new(
    storage: Storage,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    deletable: bool,
    registered_epoch: u32,
    n_shards: u16,
    ctx: &mut TxContext,
): Blob {
    assert!(registered_epoch >= storage.start_epoch(), EResourceBounds);
    assert!(registered_epoch < storage.end_epoch(), EResourceBounds);
    let encoded_size = encoding::encoded_blob_length(size, encoding_type, n_shards);
    assert!(encoded_size <= storage.size(), EResourceSize);
    assert!(derive_blob_id(root_hash, encoding_type, size) == blob_id, EInvalidBlobId);

    let id = object::new(ctx);
    events::emit_blob_registered(
        registered_epoch,
        blob_id,
        size,
        encoding_type,
        storage.end_epoch(),
        deletable,
        id.to_inner(),
    );
    Blob {
        id,
        registered_epoch,
        blob_id,
        size,
        encoding_type,
        certified_epoch: option::none(),
        storage,
        deletable,
    }
}

/// Certifies the blob by a verified certificate of the current committee.
public(package) fun certify_with_certified_msg(
    self: &mut Blob,
    current_epoch: u32,
    message: CertifiedBlobMessage,
) {
    assert!(message.certified_blob_id() == self.blob_id, EInvalidBlobId);
    assert!(self.certified_epoch.is_none(), EAlreadyCertified);
    assert!(current_epoch < self.end_epoch(), EResourceBounds);
    let persistence = message.blob_persistence_type();
    assert!(persistence.is_deletable() == self.deletable, EInvalidBlobPersistenceType);
    if (self.deletable) {
        assert!(persistence.object_id() == self.object_id(), EInvalidBlobObject);
    };
    self.certify(current_epoch);
}

/// Certifies the blob without a certificate: only for what the committee attested otherwise.
public(package) fun certify(self: &mut Blob, current_epoch: u32) {
    self.certified_epoch.fill(current_epoch);
    self.emit_certified(false);
}

/// Deletes a deletable blob before it expires and returns its storage.
public(package) fun delete(self: Blob, epoch: u32): Storage {
    assert!(self.deletable, EBlobNotDeletable);
    assert!(self.end_epoch() > epoch, EResourceBounds);
    events::emit_blob_deleted(
        epoch,
        self.blob_id,
        self.end_epoch(),
        self.object_id(),
        self.certified_epoch.is_some(),
    );
    self.destroy()
}

/// Aborts unless the blob is certified and not expired.
public(package) fun assert_certified_not_expired(self: &Blob, current_epoch: u32) {
    assert!(self.certified_epoch.is_some(), ENotCertified);
    assert!(current_epoch < self.end_epoch(), EResourceBounds);
}

/// Extends the storage of a certified blob by another storage, which must end later.
public(package) fun extend_with_resource(self: &mut Blob, extension: Storage, current_epoch: u32) {
    self.assert_certified_not_expired(current_epoch);
    assert!(extension.end_epoch() > self.end_epoch(), EResourceBounds);
    self.storage.fuse_periods(extension);
    self.emit_certified(true);
}

/// Extends the storage of a certified blob by epochs that were paid for.
public(package) fun extend_end_epoch(self: &mut Blob, extended_epochs: u32) {
    self.storage.extend_end_epoch(extended_epochs);
    self.emit_certified(true);
}

// === Private functions ===

fun emit_certified(self: &Blob, is_extension: bool) {
    events::emit_blob_certified(
        *self.certified_epoch.borrow(),
        self.blob_id,
        self.end_epoch(),
        self.deletable,
        self.object_id(),
        is_extension,
    );
}

fun has_metadata(self: &Blob): bool {
    df::exists_with_type<vector<u8>, Metadata>(&self.id, METADATA_FIELD)
}

fun metadata_mut(self: &mut Blob): &mut Metadata {
    df::borrow_mut(&mut self.id, METADATA_FIELD)
}

/// Removes the object with its attributes; what is left is its storage.
fun destroy(self: Blob): Storage {
    let Blob { mut id, storage, .. } = self;
    df::remove_if_exists<vector<u8>, Metadata>(&mut id, METADATA_FIELD);
    id.delete();
    storage
}
