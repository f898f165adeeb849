//! Accounts, keys of nodes, and what committees sign with them. Every key is made from a small
//! number, so that a test can always say who signed what.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sui_crypto::{SuiSigner as _, simple::SimpleKeypair};
use sui_sdk_types::Transaction;
use walrus_contracts::types::U256;
use walrus_core::{
    BlobId, BlobPersistence, Epoch, ObjectId, ProtocolCertificate, ProtocolKeyPair,
    ProtocolPublicKey, SignedMessage,
    messages::{ConfirmationBody, MessageBody},
};
use walrus_sui::{Committee, Signer};

/// The account that deploys and owns all WAL that is not the user's or staked.
pub fn admin() -> Signer {
    Signer::from_seed([1; 32])
}

/// An account with SUI and WAL.
pub fn user() -> Signer {
    Signer::from_seed([2; 32])
}

/// An account with SUI but without WAL.
pub fn pauper() -> Signer {
    Signer::from_seed([3; 32])
}

/// Account of the operator of node `index`.
pub fn operator(index: u8) -> Signer {
    Signer::from_seed([100 + index; 32])
}

/// An account that stakes.
pub fn staker(index: u8) -> Signer {
    Signer::from_seed([10 + index; 32])
}

/// The signature of a transaction, given in base64, as another program than ours makes it. Our own
/// signers sign only what was asked of them.
///
/// # Panics
///
/// When the text is no transaction.
pub fn sign_elsewhere(signer: &Signer, transaction: &str) -> String {
    let bytes = STANDARD.decode(transaction).expect("it is base64");
    let transaction: Transaction = bcs::from_bytes(&bytes).expect("it is a transaction");
    let key = SimpleKeypair::from_base64(&signer.to_base64()).expect("it is a key");
    let signature = key.sign_transaction(&transaction);
    signature.expect("keys in memory sign").to_base64()
}

/// Key of the signed messages of node `index`.
pub fn protocol_key(index: u8) -> ProtocolKeyPair {
    ProtocolKeyPair::from_seed([100 + index; 32])
}

/// What nodes sign to confirm that they store a permanent blob.
pub fn permanent(blob_id: BlobId) -> ConfirmationBody {
    ConfirmationBody {
        blob_id,
        persistence: BlobPersistence::Permanent,
    }
}

/// What nodes sign to confirm that they store a deletable blob.
pub fn deletable(blob_id: BlobId, object_id: ObjectId) -> ConfirmationBody {
    ConfirmationBody {
        blob_id,
        persistence: BlobPersistence::Deletable { object_id },
    }
}

/// The certificate that the committee members with the given positions make for `body`.
pub fn certificate<T: MessageBody + Clone>(
    committee: &Committee,
    signers: impl IntoIterator<Item = u16>,
    epoch: Epoch,
    body: &T,
) -> ProtocolCertificate {
    let signed = signers.into_iter().map(|index| {
        let member = &committee.members[usize::from(index)];
        let message: SignedMessage<T> = key_of(member.public_key).sign_message(epoch, body.clone());
        (index, message)
    });
    ProtocolCertificate::aggregate(signed).expect("equal messages can be aggregated")
}

/// The key pair of the node with this public key.
///
/// # Panics
///
/// When it is not one of [`protocol_key`].
pub fn key_of(public: ProtocolPublicKey) -> ProtocolKeyPair {
    (0..=155)
        .map(protocol_key)
        .find(|key| key.public() == public)
        .expect("all nodes have keys made from their index")
}

/// What nodes sign to approve the new deny list of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyListUpdate {
    /// The node.
    pub node_id: ObjectId,
    /// Counts the deny lists of the node.
    pub sequence_number: u64,
    /// Bytes of encoded blobs that the list takes from the node.
    pub size: u64,
    /// Root hash of the list.
    pub root: U256,
}

impl MessageBody for DenyListUpdate {
    const INTENT_TYPE: u8 = 4;
}

/// What nodes sign to tell that they deleted a blob on their deny lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyListBlobDeleted(pub BlobId);

impl MessageBody for DenyListBlobDeleted {
    const INTENT_TYPE: u8 = 5;
}

/// What nodes sign to agree on a version of their protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolVersion {
    /// First epoch with the version.
    pub start_epoch: Epoch,
    /// The version.
    pub version: u64,
}

impl MessageBody for ProtocolVersion {
    const INTENT_TYPE: u8 = 6;
}
