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
// Type 3 asks for a shard; nodes send it to one another, and no chain sees it.
const DENY_LIST_UPDATE_MSG_TYPE: u8 = 4;
const DENY_LIST_BLOB_DELETED_MSG_TYPE: u8 = 5;
const PROTOCOL_VERSION_MSG_TYPE: u8 = 6;

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

/// A certified approval of a node's new deny list.
public struct CertifiedDenyListUpdate has drop {
    node_id: ID,
    sequence_number: u64,
    size: u64,
    root: u256,
}

/// A certified statement that a blob on deny lists was deleted.
public struct CertifiedDenyListBlobDeleted has drop {
    blob_id: u256,
}

/// A certified agreement on a protocol version.
public struct CertifiedProtocolVersion has drop {
    start_epoch: u32,
    protocol_version: u64,
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

/// Parses an approval of a deny list.
public(package) fun deny_list_update_message(self: CertifiedMessage): CertifiedDenyListUpdate {
    let mut body = self.into_body(DENY_LIST_UPDATE_MSG_TYPE);
    CertifiedDenyListUpdate {
        node_id: body.peel_address().to_id(),
        sequence_number: body.peel_u64(),
        size: body.peel_u64(),
        root: body.peel_u256(),
    }
}

/// Parses a statement about the deletion of a blob on deny lists.
public(package) fun deny_list_blob_deleted_message(
    self: CertifiedMessage,
): CertifiedDenyListBlobDeleted {
    let mut body = self.into_body(DENY_LIST_BLOB_DELETED_MSG_TYPE);
    CertifiedDenyListBlobDeleted { blob_id: body.peel_u256() }
}

/// Parses an agreement on a protocol version.
public(package) fun protocol_version_message(self: CertifiedMessage): CertifiedProtocolVersion {
    let mut body = self.into_body(PROTOCOL_VERSION_MSG_TYPE);
    CertifiedProtocolVersion {
        start_epoch: body.peel_u32(),
        protocol_version: body.peel_u64(),
    }
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

/// The node whose deny list it is.
public(package) fun deny_list_node_id(self: &CertifiedDenyListUpdate): ID {
    self.node_id
}

public(package) fun deny_list_sequence_number(self: &CertifiedDenyListUpdate): u64 {
    self.sequence_number
}

/// Bytes of encoded blobs that the deny list takes from the node.
public(package) fun deny_list_size(self: &CertifiedDenyListUpdate): u64 {
    self.size
}

public(package) fun deny_list_root(self: &CertifiedDenyListUpdate): u256 {
    self.root
}

public(package) fun deleted_blob_id(self: &CertifiedDenyListBlobDeleted): u256 {
    self.blob_id
}

/// First epoch with the protocol version.
public(package) fun start_epoch(self: &CertifiedProtocolVersion): u32 {
    self.start_epoch
}

public(package) fun protocol_version(self: &CertifiedProtocolVersion): u64 {
    self.protocol_version
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
