/// The messages that storage nodes sign.
///
/// Layout: intent type, intent version, application (one byte each), epoch (u32), then the body.
/// Bytes behind the body are ignored, so that bodies can grow.
module walrus::messages;

use sui::bcs::{Self, BCS};
use sui::bls12381;

// === Errors ===

/// The message is for another application.
const EIncorrectAppId: u64 = 0;
/// The message is of another epoch.
const EIncorrectEpoch: u64 = 1;
/// The message is of another type.
const EInvalidMsgType: u64 = 2;
/// The message has an unknown intent version.
const EIncorrectIntentVersion: u64 = 3;
/// The message says neither that the blob is permanent nor that it is deletable.
const EInvalidBlobPersistenceType: u64 = 4;
/// The message is about a permanent blob, which has no object id in it.
const ENotDeletable: u64 = 5;
/// A BLS public key is 48 bytes long.
const EInvalidKeyLength: u64 = 6;

// === Constants ===

const APP_ID: u8 = 3;
const INTENT_VERSION: u8 = 0;

const PROOF_OF_POSSESSION_MSG_TYPE: u8 = 0;
const BLOB_CERT_MSG_TYPE: u8 = 1;
const INVALID_BLOB_ID_MSG_TYPE: u8 = 2;

const PERMANENT: u8 = 0;
const DELETABLE: u8 = 1;

const BLS_KEY_LEN: u64 = 48;

// === Structs ===

/// A message with a valid certificate.
public struct CertifiedMessage has drop {
    intent_type: u8,
    cert_epoch: u32,
    body: vector<u8>,
}

/// Whether a blob can be deleted, and through which object.
public enum BlobPersistenceType has copy, drop {
    Permanent,
    Deletable { object_id: ID },
}

/// A certified statement that the nodes store a blob.
public struct CertifiedBlobMessage has drop {
    blob_id: u256,
    persistence: BlobPersistenceType,
}

/// A certified statement that the slivers of a blob disagree.
public struct CertifiedInvalidBlobId has drop {
    blob_id: u256,
}

/// A message with which the owner of a BLS key proves to have it.
public struct ProofOfPossessionMessage has drop {
    epoch: u32,
    sender: address,
    bls_key: vector<u8>,
}

// === Package functions: certified messages ===

/// Parses the envelope of a message whose certificate is verified. It must be of `committee_epoch`.
public(package) fun new_certified_message(
    message: vector<u8>,
    committee_epoch: u32,
): CertifiedMessage {
    let mut bytes = bcs::new(message);
    let intent_type = bytes.peel_u8();
    let intent_version = bytes.peel_u8();
    assert!(intent_version == INTENT_VERSION, EIncorrectIntentVersion);
    let app_id = bytes.peel_u8();
    assert!(app_id == APP_ID, EIncorrectAppId);
    let cert_epoch = bytes.peel_u32();
    assert!(cert_epoch == committee_epoch, EIncorrectEpoch);
    CertifiedMessage { intent_type, cert_epoch, body: bytes.into_remainder_bytes() }
}

/// Epoch of the certificate.
public(package) fun cert_epoch(self: &CertifiedMessage): u32 {
    self.cert_epoch
}

/// Parses a blob certificate.
public(package) fun certify_blob_message(self: CertifiedMessage): CertifiedBlobMessage {
    let mut body = self.into_body(BLOB_CERT_MSG_TYPE);
    CertifiedBlobMessage {
        blob_id: body.peel_u256(),
        persistence: peel_persistence(&mut body),
    }
}

/// Parses a statement about an inconsistently encoded blob.
public(package) fun invalid_blob_id_message(self: CertifiedMessage): CertifiedInvalidBlobId {
    let mut body = self.into_body(INVALID_BLOB_ID_MSG_TYPE);
    CertifiedInvalidBlobId { blob_id: body.peel_u256() }
}

public(package) fun certified_blob_id(self: &CertifiedBlobMessage): u256 {
    self.blob_id
}

public(package) fun blob_persistence_type(self: &CertifiedBlobMessage): BlobPersistenceType {
    self.persistence
}

public(package) fun certified_invalid_blob_id(self: &CertifiedInvalidBlobId): u256 {
    self.blob_id
}

public(package) fun is_deletable(self: &BlobPersistenceType): bool {
    match (self) {
        BlobPersistenceType::Permanent => false,
        BlobPersistenceType::Deletable { .. } => true,
    }
}

/// The object through which the blob can be deleted; aborts if it is permanent.
public(package) fun object_id(self: &BlobPersistenceType): ID {
    match (self) {
        BlobPersistenceType::Permanent => abort ENotDeletable,
        BlobPersistenceType::Deletable { object_id } => *object_id,
    }
}

// === Package functions: proof of possession ===

/// The message for a key. It is bound to the epoch and to the sender of the transaction.
public(package) fun new_proof_of_possession_msg(
    epoch: u32,
    sender: address,
    bls_key: vector<u8>,
): ProofOfPossessionMessage {
    assert!(bls_key.length() == BLS_KEY_LEN, EInvalidKeyLength);
    ProofOfPossessionMessage { epoch, sender, bls_key }
}

/// Whether the signature is one of the key over this message.
public(package) fun verify_proof_of_possession(
    self: &ProofOfPossessionMessage,
    signature: vector<u8>,
): bool {
    bls12381::bls12381_min_pk_verify(&signature, &self.bls_key, &self.to_bytes())
}

/// The bytes that are signed.
public(package) fun to_bytes(self: &ProofOfPossessionMessage): vector<u8> {
    let mut bytes = vector[PROOF_OF_POSSESSION_MSG_TYPE, INTENT_VERSION, APP_ID];
    bytes.append(bcs::to_bytes(&self.epoch));
    bytes.append(bcs::to_bytes(&self.sender));
    bytes.append(self.bls_key);
    bytes
}

// === Private functions ===

fun into_body(self: CertifiedMessage, intent_type: u8): BCS {
    assert!(self.intent_type == intent_type, EInvalidMsgType);
    let CertifiedMessage { body, .. } = self;
    bcs::new(body)
}

fun peel_persistence(body: &mut BCS): BlobPersistenceType {
    let persistence = body.peel_u8();
    if (persistence == PERMANENT) {
        BlobPersistenceType::Permanent
    } else {
        assert!(persistence == DELETABLE, EInvalidBlobPersistenceType);
        BlobPersistenceType::Deletable { object_id: body.peel_address().to_id() }
    }
}
