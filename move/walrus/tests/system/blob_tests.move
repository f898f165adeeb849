module walrus::blob_tests;

use std::unit_test::{assert_eq, destroy};
use sui::bcs;
use walrus::blob::{Self, Blob};
use walrus::encoding;
use walrus::messages::{Self, CertifiedBlobMessage};
use walrus::metadata;
use walrus::storage_resource::{Self, Storage};

const RS2: u8 = 1;
const N_SHARDS: u16 = 10;
const ROOT_HASH: u256 = 0xABC;
const SIZE: u64 = 5_000;
const EPOCH: u32 = 5;

fun storage(start_epoch: u32, end_epoch: u32): Storage {
    let size = encoding::encoded_blob_length(SIZE, RS2, N_SHARDS);
    storage_resource::new_for_testing(start_epoch, end_epoch, size, &mut tx_context::dummy())
}

fun register(storage: Storage, deletable: bool): Blob {
    blob::new(
        storage,
        blob_id(),
        ROOT_HASH,
        SIZE,
        RS2,
        deletable,
        EPOCH,
        N_SHARDS,
        &mut tx_context::dummy(),
    )
}

fun certified(deletable: bool): Blob {
    let mut blob = register(storage(EPOCH, 10), deletable);
    let object = if (deletable) option::some(blob.object_id()) else option::none();
    blob.certify_with_certified_msg(EPOCH, message(blob_id(), object));
    blob
}

fun blob_id(): u256 {
    blob::derive_blob_id(ROOT_HASH, RS2, SIZE)
}

/// A certificate for a permanent blob, or for a deletable one with this object.
fun message(blob_id: u256, object: Option<ID>): CertifiedBlobMessage {
    let epoch = EPOCH;
    let mut bytes = vector[1, 0, 3];
    bytes.append(bcs::to_bytes(&epoch));
    bytes.append(bcs::to_bytes(&blob_id));
    bytes.append(bcs::to_bytes(&object));
    messages::new_certified_message(bytes, EPOCH).certify_blob_message()
}

// === Registration ===

#[test]
fun a_registered_blob() {
    let blob = register(storage(4, 10), true);
    assert_eq!(blob.blob_id(), blob_id());
    assert_eq!(blob.size(), SIZE);
    assert_eq!(blob.encoding_type(), RS2);
    assert_eq!(blob.registered_epoch(), EPOCH);
    assert!(blob.certified_epoch().is_none());
    assert_eq!(blob.storage().start_epoch(), 4);
    assert_eq!(blob.end_epoch(), 10);
    assert!(blob.is_deletable());
    assert_eq!(blob.object_id(), object::id(&blob));
    assert_eq!(blob.encoded_size(N_SHARDS), blob.storage().size());
    blob.burn();
}

#[test]
fun ids_of_known_blobs() {
    let root = bcs::new(x"8b22b2950bff78888396ffbedcc030c3c93218ed2a7031cf25234ed8ff9062eb");
    let id = bcs::new(x"65a4b99a5db6dcc4bbc8fb694b957af1ca4c948e389ef6e56e3e30eda34f0ab6");
    assert_eq!(blob::derive_blob_id(peel(root), RS2, 10), peel(id));
    let root = bcs::new(x"fada8a3332c29d05fda4afb564109eec01909cb2858c71e481488fde8120b5f4");
    let id = bcs::new(x"015fab3ba42a20dc9ca55f39d40889aa072723b5707f868adab5af642572ad1f");
    assert_eq!(blob::derive_blob_id(peel(root), RS2, 0), peel(id));
}

fun peel(mut bytes: bcs::BCS): u256 {
    bytes.peel_u256()
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun storage_that_has_not_started() {
    destroy(register(storage(6, 10), true));
    abort
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun storage_that_has_ended() {
    destroy(register(storage(3, 5), true));
    abort
}

#[test, expected_failure(abort_code = encoding::EInvalidEncodingType)]
fun an_unknown_encoding() {
    let ctx = &mut tx_context::dummy();
    destroy(
        blob::new(storage(5, 9), blob_id(), ROOT_HASH, SIZE, 0, true, EPOCH, N_SHARDS, ctx),
    );
    abort
}

#[test, expected_failure(abort_code = blob::EResourceSize)]
fun storage_that_is_too_small() {
    let mut storage = storage(5, 9);
    let ctx = &mut tx_context::dummy();
    let size = storage.size();
    destroy(storage.split_by_size(size - 1, ctx));
    destroy(register(storage, true));
    abort
}

#[test, expected_failure(abort_code = blob::EInvalidBlobId)]
fun an_id_of_another_blob() {
    let ctx = &mut tx_context::dummy();
    destroy(
        blob::new(storage(5, 9), blob_id() + 1, ROOT_HASH, SIZE, RS2, true, EPOCH, N_SHARDS, ctx),
    );
    abort
}

#[test]
fun an_empty_blob() {
    let ctx = &mut tx_context::dummy();
    let size = encoding::encoded_blob_length(0, RS2, N_SHARDS);
    let storage = storage_resource::new_for_testing(5, 9, size, ctx);
    let id = blob::derive_blob_id(ROOT_HASH, RS2, 0);
    let blob = blob::new(storage, id, ROOT_HASH, 0, RS2, true, EPOCH, N_SHARDS, ctx);
    assert_eq!(blob.size(), 0);
    assert_eq!(blob.encoded_size(N_SHARDS), 6_940);
    blob.burn();
}

// === Certification ===

#[test]
fun certify_permanent_and_deletable() {
    let permanent = certified(false);
    assert_eq!(*permanent.certified_epoch(), option::some(EPOCH));
    let deletable = certified(true);
    assert_eq!(*deletable.certified_epoch(), option::some(EPOCH));
    permanent.burn();
    deletable.burn();
}

#[test, expected_failure(abort_code = blob::EInvalidBlobId)]
fun a_certificate_of_another_blob() {
    let mut blob = register(storage(5, 9), false);
    blob.certify_with_certified_msg(EPOCH, message(blob_id() + 1, option::none()));
    abort
}

#[test, expected_failure(abort_code = blob::EAlreadyCertified)]
fun certify_twice() {
    let mut blob = certified(false);
    blob.certify_with_certified_msg(EPOCH, message(blob_id(), option::none()));
    abort
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun certify_after_expiry() {
    let mut blob = register(storage(5, 9), false);
    blob.certify_with_certified_msg(9, message(blob_id(), option::none()));
    abort
}

#[test, expected_failure(abort_code = blob::EInvalidBlobPersistenceType)]
fun a_permanent_certificate_of_a_deletable_blob() {
    let mut blob = register(storage(5, 9), true);
    blob.certify_with_certified_msg(EPOCH, message(blob_id(), option::none()));
    abort
}

#[test, expected_failure(abort_code = blob::EInvalidBlobPersistenceType)]
fun a_deletable_certificate_of_a_permanent_blob() {
    let mut blob = register(storage(5, 9), false);
    let object = blob.object_id();
    blob.certify_with_certified_msg(EPOCH, message(blob_id(), option::some(object)));
    abort
}

#[test, expected_failure(abort_code = blob::EInvalidBlobObject)]
fun a_certificate_of_another_object() {
    let mut blob = register(storage(5, 9), true);
    blob.certify_with_certified_msg(EPOCH, message(blob_id(), option::some(@0xBAD.to_id())));
    abort
}

// === Deletion and extension ===

#[test]
fun delete_returns_the_storage() {
    let blob = register(storage(5, 9), true);
    let storage = blob.delete(8);
    assert_eq!(storage.end_epoch(), 9);
    storage.destroy();
}

#[test]
fun delete_a_certified_blob_with_attributes() {
    let mut blob = certified(true);
    blob.add_metadata(metadata::new());
    blob.delete(EPOCH).destroy();
}

#[test, expected_failure(abort_code = blob::EBlobNotDeletable)]
fun delete_a_permanent_blob() {
    destroy(register(storage(5, 9), false).delete(EPOCH));
    abort
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun delete_after_expiry() {
    destroy(register(storage(5, 9), true).delete(9));
    abort
}

#[test]
fun extend_by_storage_that_follows() {
    let mut blob = certified(false);
    blob.extend_with_resource(storage(10, 12), EPOCH);
    assert_eq!(blob.end_epoch(), 12);
    blob.extend_end_epoch(3);
    assert_eq!(blob.end_epoch(), 15);
    blob.burn();
}

#[test]
fun extend_by_storage_that_was_split_off() {
    let ctx = &mut tx_context::dummy();
    let mut first = storage(EPOCH, 20);
    let mut rest = first.split_by_epoch(10, ctx);
    let last = rest.split_by_epoch(15, ctx);
    let mut blob = register(first, false);
    blob.certify_with_certified_msg(EPOCH, message(blob_id(), option::none()));
    blob.extend_with_resource(rest, EPOCH);
    assert_eq!(blob.end_epoch(), 15);
    blob.extend_with_resource(last, 14);
    assert_eq!(blob.end_epoch(), 20);
    blob.burn();
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleAmount)]
fun extend_by_storage_of_another_size() {
    let ctx = &mut tx_context::dummy();
    let mut blob = certified(false);
    let mut extension = storage(10, 12);
    let size = extension.size();
    destroy(extension.split_by_size(size - 1, ctx));
    blob.extend_with_resource(extension, EPOCH);
    abort
}

#[test, expected_failure(abort_code = blob::ENotCertified)]
fun extend_before_certification() {
    let mut blob = register(storage(5, 9), false);
    blob.extend_with_resource(storage(9, 12), EPOCH);
    abort
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun extend_after_expiry() {
    let mut blob = certified(false);
    blob.extend_with_resource(storage(10, 12), 10);
    abort
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun extend_by_storage_that_does_not_end_later() {
    let mut blob = certified(false);
    blob.extend_with_resource(storage(3, 5), EPOCH);
    abort
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleEpochs)]
fun extend_with_a_gap() {
    let mut blob = certified(false);
    blob.extend_with_resource(storage(11, 12), EPOCH);
    abort
}

// === Attributes ===

#[test]
fun attributes_come_and_go() {
    let mut blob = register(storage(5, 9), true);
    assert!(blob.add_or_replace_metadata(metadata::new()).is_none());
    blob.insert_or_update_metadata_pair(b"k".to_string(), b"v".to_string());
    let old = blob.add_or_replace_metadata(metadata::new()).destroy_some();
    assert_eq!(bcs::to_bytes(&old), x"01016b0176");
    assert_eq!(blob.remove_metadata_pair_if_exists(&b"k".to_string()), option::none());
    assert_eq!(bcs::to_bytes(&blob.take_metadata()), x"00");
    assert_eq!(blob.remove_metadata_pair_if_exists(&b"k".to_string()), option::none());
    // Setting an attribute creates the map.
    blob.insert_or_update_metadata_pair(b"k".to_string(), b"w".to_string());
    let (key, value) = blob.remove_metadata_pair(&b"k".to_string());
    assert_eq!(key, b"k".to_string());
    assert_eq!(value, b"w".to_string());
    blob.burn();
}

#[test, expected_failure(abort_code = blob::EDuplicateMetadata)]
fun add_attributes_twice() {
    let mut blob = register(storage(5, 9), true);
    blob.add_metadata(metadata::new());
    blob.add_metadata(metadata::new());
    abort
}

#[test, expected_failure(abort_code = blob::EMissingMetadata)]
fun take_attributes_that_are_not_there() {
    let mut blob = register(storage(5, 9), true);
    blob.take_metadata();
    abort
}

#[test, expected_failure(abort_code = blob::EMissingMetadata)]
fun remove_an_attribute_of_none() {
    let mut blob = register(storage(5, 9), true);
    blob.remove_metadata_pair(&b"k".to_string());
    abort
}

#[test, expected_failure(abort_code = sui::vec_map::EKeyDoesNotExist, location = sui::vec_map)]
fun remove_an_attribute_of_another_name() {
    let mut blob = register(storage(5, 9), true);
    blob.insert_or_update_metadata_pair(b"k".to_string(), b"v".to_string());
    blob.remove_metadata_pair(&b"x".to_string());
    abort
}

#[test]
fun an_attribute_that_exists_is_removed_and_the_others_stay() {
    let mut blob = register(storage(5, 9), true);
    blob.insert_or_update_metadata_pair(b"k".to_string(), b"v".to_string());
    blob.insert_or_update_metadata_pair(b"l".to_string(), b"w".to_string());
    let removed = blob.remove_metadata_pair_if_exists(&b"k".to_string());
    assert_eq!(removed, option::some(b"v".to_string()));
    assert_eq!(bcs::to_bytes(&blob.take_metadata()), x"01016c0177");
    blob.burn();
}
