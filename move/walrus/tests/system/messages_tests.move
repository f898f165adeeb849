#[allow(implicit_const_copy)]
module walrus::messages_tests;

use std::unit_test::assert_eq;
use sui::bcs;
use walrus::messages;

const BLOB_ID: u256 = 0xABCDEF;
const EPOCH: u32 = 5;

/// An envelope of the right epoch, version and application.
fun envelope(intent_type: u8, body: vector<u8>): vector<u8> {
    let mut message = vector[intent_type, 0, 3];
    message.append(bcs::to_bytes(&EPOCH));
    message.append(body);
    message
}

fun permanent(): vector<u8> {
    let mut body = bcs::to_bytes(&BLOB_ID);
    body.push_back(0);
    body
}

fun deletable(object: address): vector<u8> {
    let mut body = bcs::to_bytes(&BLOB_ID);
    body.push_back(1);
    body.append(object.to_bytes());
    body
}

#[test]
fun certificate_of_a_permanent_blob() {
    let message = envelope(1, permanent());
    assert_eq!(message.length(), 40);
    let certified = messages::new_certified_message(message, EPOCH);
    assert_eq!(certified.cert_epoch(), EPOCH);
    let blob = certified.certify_blob_message();
    assert_eq!(blob.certified_blob_id(), BLOB_ID);
    assert!(!blob.blob_persistence_type().is_deletable());
}

#[test]
fun certificate_of_a_deletable_blob() {
    let message = envelope(1, deletable(@0xB0B));
    assert_eq!(message.length(), 72);
    let blob = messages::new_certified_message(message, EPOCH).certify_blob_message();
    assert!(blob.blob_persistence_type().is_deletable());
    assert_eq!(blob.blob_persistence_type().object_id(), @0xB0B.to_id());
}

#[test]
fun bytes_behind_the_body_are_ignored() {
    let mut message = envelope(1, permanent());
    message.append(b"more");
    let blob = messages::new_certified_message(message, EPOCH).certify_blob_message();
    assert_eq!(blob.certified_blob_id(), BLOB_ID);
}

#[test]
fun invalid_blob_id() {
    let message = envelope(2, bcs::to_bytes(&BLOB_ID));
    let invalid = messages::new_certified_message(message, EPOCH).invalid_blob_id_message();
    assert_eq!(invalid.certified_invalid_blob_id(), BLOB_ID);
}

#[test]
fun approval_of_a_deny_list() {
    let mut body = @0xA.to_bytes();
    body.append(x"0300000000000000");
    body.append(x"0400000000000000");
    body.append(bcs::to_bytes(&BLOB_ID));
    let message = envelope(4, body);
    assert_eq!(message.length(), 87);
    let update = messages::new_certified_message(message, EPOCH).deny_list_update_message();
    assert_eq!(update.deny_list_node_id(), @0xA.to_id());
    assert_eq!(update.deny_list_sequence_number(), 3);
    assert_eq!(update.deny_list_size(), 4);
    assert_eq!(update.deny_list_root(), BLOB_ID);
}

#[test]
fun deletion_of_a_denied_blob() {
    let message = envelope(5, bcs::to_bytes(&BLOB_ID));
    assert_eq!(message.length(), 39);
    let deleted = messages::new_certified_message(message, EPOCH).deny_list_blob_deleted_message();
    assert_eq!(deleted.deleted_blob_id(), BLOB_ID);
}

#[test]
fun agreement_on_a_protocol_version() {
    let message = envelope(6, x"080000000900000000000000");
    assert_eq!(message.length(), 19);
    let agreement = messages::new_certified_message(message, EPOCH).protocol_version_message();
    assert_eq!(agreement.start_epoch(), 8);
    assert_eq!(agreement.protocol_version(), 9);
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun a_deny_list_is_not_a_deleted_blob() {
    messages::new_certified_message(
        envelope(4, permanent()),
        EPOCH,
    ).deny_list_blob_deleted_message();
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun a_deleted_blob_is_not_a_deny_list() {
    messages::new_certified_message(envelope(5, permanent()), EPOCH).deny_list_update_message();
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun an_invalid_blob_id_is_not_a_protocol_version() {
    messages::new_certified_message(envelope(2, permanent()), EPOCH).protocol_version_message();
}

#[test, expected_failure(abort_code = messages::EIncorrectIntentVersion)]
fun wrong_version() {
    let mut message = envelope(1, permanent());
    *(&mut message[1]) = 1;
    messages::new_certified_message(message, EPOCH);
}

#[test, expected_failure(abort_code = messages::EIncorrectAppId)]
fun wrong_application() {
    let mut message = envelope(1, permanent());
    *(&mut message[2]) = 4;
    messages::new_certified_message(message, EPOCH);
}

#[test, expected_failure(abort_code = messages::EIncorrectEpoch)]
fun wrong_epoch() {
    messages::new_certified_message(envelope(1, permanent()), EPOCH + 1);
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun a_blob_certificate_is_not_an_invalid_blob_id() {
    messages::new_certified_message(envelope(1, permanent()), EPOCH).invalid_blob_id_message();
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun an_invalid_blob_id_is_not_a_blob_certificate() {
    messages::new_certified_message(envelope(2, permanent()), EPOCH).certify_blob_message();
}

#[test, expected_failure(abort_code = messages::EInvalidBlobPersistenceType)]
fun unknown_persistence() {
    let mut message = envelope(1, permanent());
    *(&mut message[39]) = 2;
    messages::new_certified_message(message, EPOCH).certify_blob_message();
}

#[test, expected_failure(abort_code = messages::ENotDeletable)]
fun a_permanent_blob_has_no_object() {
    let certified = messages::new_certified_message(envelope(1, permanent()), EPOCH);
    certified.certify_blob_message().blob_persistence_type().object_id();
}

#[test, expected_failure(abort_code = bcs::EOutOfRange, location = bcs)]
fun a_truncated_body() {
    let mut message = envelope(1, permanent());
    message.pop_back();
    messages::new_certified_message(message, EPOCH).certify_blob_message();
}

#[test, expected_failure(abort_code = bcs::EOutOfRange, location = bcs)]
fun a_truncated_envelope() {
    messages::new_certified_message(vector[1, 0, 3, 5], EPOCH);
}

#[test]
fun bytes_of_a_proof_of_possession() {
    let key =
        x"97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb";
    let sender = @0x1111111111111111111111111111111111111111111111111111111111111111;
    let message = messages::new_proof_of_possession_msg(7, sender, key);
    let mut expected = x"00000307000000";
    expected.append(sender.to_bytes());
    expected.append(key);
    assert_eq!(message.to_bytes(), expected);
    assert_eq!(expected.length(), 87);
}

#[test, expected_failure(abort_code = messages::EInvalidKeyLength)]
fun a_key_of_the_wrong_length() {
    messages::new_proof_of_possession_msg(7, @0x1, vector::tabulate!(47, |_| 1));
}
