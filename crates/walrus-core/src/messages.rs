//! Messages that storage nodes sign.
//!
//! A message is signed as its BCS bytes: three bytes of intent, the epoch, and the body. Each type
//! of body has its own intent, so a signature made for one purpose serves no other.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{
    BlobId, Epoch, ObjectId, ProtocolKeyPair, ProtocolPublicKey, ProtocolSignature, ShardIndex,
    Sliver, SliverType, SuiAddress, keys::ProtocolKeyError, wire,
};

/// The application that messages are meant for: Walrus storage.
pub const APP_ID_STORAGE: u8 = 3;

/// The version of the envelope.
pub const INTENT_VERSION: u8 = 0;

/// What a message is for: its first three bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Intent {
    /// The type of the message.
    #[serde(rename = "type")]
    pub intent_type: u8,
    /// Always [`INTENT_VERSION`].
    pub version: u8,
    /// Always [`APP_ID_STORAGE`].
    pub app_id: u8,
}

impl Intent {
    /// The intent of storage messages of the given type.
    pub const fn storage(intent_type: u8) -> Self {
        Self {
            intent_type,
            version: INTENT_VERSION,
            app_id: APP_ID_STORAGE,
        }
    }
}

/// The body of a signed message.
pub trait MessageBody: Serialize + DeserializeOwned {
    /// The number of the message type.
    const INTENT_TYPE: u8;
}

/// Proves to the contracts that a node has the secret key for the public key it registers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProofOfPossession {
    /// The sender of the transaction that registers the key.
    pub address: SuiAddress,
    /// The key.
    pub public_key: ProtocolPublicKey,
}

impl MessageBody for ProofOfPossession {
    const INTENT_TYPE: u8 = 0;
}

/// Whether the owner of a blob may delete it before its storage ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BlobPersistence {
    /// It stays until its storage ends.
    Permanent,
    /// It goes when this blob object is deleted.
    Deletable {
        /// The blob object on chain.
        object_id: ObjectId,
    },
}

/// A node confirms that it stores all its slivers of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConfirmationBody {
    /// The blob.
    pub blob_id: BlobId,
    /// As what the blob was registered.
    pub persistence: BlobPersistence,
}

impl MessageBody for ConfirmationBody {
    const INTENT_TYPE: u8 = 1;
}

/// A node attests that the commitments of a blob contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InvalidBlobId(pub BlobId);

impl MessageBody for InvalidBlobId {
    const INTENT_TYPE: u8 = 2;
}

/// A node asks another one for slivers of a shard it has been assigned.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SyncShardRequest {
    /// The only version so far.
    V1 {
        /// The shard.
        shard_index: ShardIndex,
        /// Which slivers.
        sliver_type: SliverType,
        /// The first blob that may be in the answer; blobs come in the order of their IDs.
        starting_blob_id: BlobId,
        /// Most slivers in the answer.
        sliver_count: u64,
        /// The epoch in which the requester owns the shard.
        epoch: Epoch,
    },
}

impl MessageBody for SyncShardRequest {
    const INTENT_TYPE: u8 = 3;
}

/// The answer to a [`SyncShardRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncShardResponse {
    /// The only version so far: slivers in the order of their blob IDs.
    V1(Vec<(BlobId, Sliver)>),
}

/// A message as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProtocolMessage<T> {
    /// What it is for.
    pub intent: Intent,
    /// The epoch its signer was in.
    pub epoch: Epoch,
    /// What it says.
    pub body: T,
}

impl<T: MessageBody> ProtocolMessage<T> {
    /// The message with this body.
    pub fn new(epoch: Epoch, body: T) -> Self {
        Self {
            intent: Intent::storage(T::INTENT_TYPE),
            epoch,
            body,
        }
    }

    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        bcs::to_bytes(self).expect("message bodies hold no maps and no long sequences")
    }

    /// Reads a message of this type; other intents and left-over bytes are errors.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MessageVerificationError> {
        let (intent, _): (Intent, _) = bytes
            .split_at_checked(3)
            .ok_or_else(|| MessageVerificationError::Decode("it has less than 3 bytes".into()))
            .and_then(|(head, rest)| {
                let intent = bcs::from_bytes(head);
                intent
                    .map(|intent| (intent, rest))
                    .map_err(|error| decode_error(&error))
            })?;
        let expected = Intent::storage(T::INTENT_TYPE);
        if intent != expected {
            return Err(MessageVerificationError::InvalidIntent {
                actual: intent,
                expected,
            });
        }
        bcs::from_bytes(bytes).map_err(|error| decode_error(&error))
    }
}

fn decode_error(error: &bcs::Error) -> MessageVerificationError {
    MessageVerificationError::Decode(error.to_string())
}

/// Why a signed message is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageVerificationError {
    /// The bytes are not a message of the expected type.
    #[error("the message cannot be decoded: {0}")]
    Decode(String),
    /// The message is meant for something else.
    #[error("the message is of another kind: {actual:?}, expected {expected:?}")]
    InvalidIntent {
        /// The intent found.
        actual: Intent,
        /// The intent expected.
        expected: Intent,
    },
    /// The message was signed in another epoch.
    #[error("the message is of epoch {actual}, expected {expected}")]
    EpochMismatch {
        /// The epoch found.
        actual: Epoch,
        /// The epoch expected.
        expected: Epoch,
    },
    /// The message says something else.
    #[error("the message says something else than expected")]
    MessageContent,
    /// The signature is not one of this message by this key.
    #[error("the message's signature cannot be accepted: {0}")]
    SignatureVerification(#[from] ProtocolKeyError),
}

/// A message with a signature; not verified.
///
/// JSON: `{"serializedMessage":"<base64>","signature":"<base64>"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound = "")]
pub struct SignedMessage<T> {
    /// The BCS bytes of a [`ProtocolMessage`].
    #[serde(with = "wire::base64_bytes")]
    pub serialized_message: Vec<u8>,
    /// The signature of these bytes.
    pub signature: ProtocolSignature,
    #[serde(skip)]
    body: PhantomData<fn() -> T>,
}

impl<T: MessageBody> SignedMessage<T> {
    /// Puts message and signature together, unverified.
    pub fn new(serialized_message: Vec<u8>, signature: ProtocolSignature) -> Self {
        Self {
            serialized_message,
            signature,
            body: PhantomData,
        }
    }

    /// Reads the message, without looking at the signature.
    pub fn message(&self) -> Result<ProtocolMessage<T>, MessageVerificationError> {
        ProtocolMessage::from_bytes(&self.serialized_message)
    }

    /// Checks that `key` signed exactly `expected`, in `epoch`. Returns the message.
    pub fn verify(
        &self,
        key: &ProtocolPublicKey,
        epoch: Epoch,
        expected: &T,
    ) -> Result<ProtocolMessage<T>, MessageVerificationError>
    where
        T: PartialEq,
    {
        let message = self.message()?;
        if message.epoch != epoch {
            let actual = message.epoch;
            return Err(MessageVerificationError::EpochMismatch {
                actual,
                expected: epoch,
            });
        }
        if message.body != *expected {
            return Err(MessageVerificationError::MessageContent);
        }
        key.verify(&self.serialized_message, &self.signature)?;
        Ok(message)
    }

    /// Checks only that `key` signed these bytes and that they are a message of this type.
    pub fn verify_signature(
        &self,
        key: &ProtocolPublicKey,
    ) -> Result<ProtocolMessage<T>, MessageVerificationError> {
        let message = self.message()?;
        key.verify(&self.serialized_message, &self.signature)?;
        Ok(message)
    }
}

/// A signed message as JSON has it.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[schema(as = SignedMessage, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape of a `SignedMessage`")]
pub struct SignedMessageJson {
    /// The BCS bytes of the message, in base64.
    serialized_message: String,
    /// The BLS12-381 signature of these bytes, in base64.
    signature: String,
}

/// What a node answers when asked to confirm that it stores a blob.
///
/// JSON: `{"signed":{"serializedMessage":…,"signature":…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum StorageConfirmation {
    /// It does, and here is its word.
    #[cfg_attr(feature = "openapi", schema(value_type = SignedMessageJson))]
    Signed(SignedMessage<ConfirmationBody>),
}

/// Signing of messages.
impl ProtocolKeyPair {
    /// Signs a protocol message of the given epoch.
    pub fn sign_message<T: MessageBody>(&self, epoch: Epoch, body: T) -> SignedMessage<T> {
        let message = ProtocolMessage::new(epoch, body).to_bytes();
        let signature = self.sign(&message);
        SignedMessage::new(message, signature)
    }

    /// Proves possession of the secret key to the contracts: for the current epoch, and for the
    /// address that will send the transaction.
    pub fn proof_of_possession(
        &self,
        epoch: Epoch,
        address: SuiAddress,
    ) -> SignedMessage<ProofOfPossession> {
        self.sign_message(
            epoch,
            ProofOfPossession {
                address,
                public_key: self.public(),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = 5;

    fn body() -> ConfirmationBody {
        ConfirmationBody {
            blob_id: BlobId([9; 32]),
            persistence: BlobPersistence::Permanent,
        }
    }

    #[test]
    fn messages_have_the_layout_that_contracts_parse() {
        let bytes = ProtocolMessage::new(EPOCH, body()).to_bytes();
        assert_eq!(bytes[..7], [1, 0, 3, 5, 0, 0, 0]);
        assert_eq!((bytes.len(), bytes[39]), (40, 0));
        let address = SuiAddress([1; 32]);
        let proof = ProtocolKeyPair::from_seed([0; 32]).proof_of_possession(EPOCH, address);
        assert_eq!(proof.serialized_message.len(), 87);
    }

    #[test]
    fn every_difference_is_an_error_of_its_own() {
        use MessageVerificationError as Error;
        let pair = ProtocolKeyPair::from_seed([1; 32]);
        let signed = pair.sign_message(EPOCH, body());
        let key = pair.public();
        assert!(signed.verify(&key, EPOCH, &body()).is_ok());
        assert_eq!(
            signed.verify(&key, EPOCH + 1, &body()),
            Err(Error::EpochMismatch {
                actual: EPOCH,
                expected: EPOCH + 1
            })
        );
        let other = ConfirmationBody {
            blob_id: BlobId([8; 32]),
            ..body()
        };
        assert_eq!(
            signed.verify(&key, EPOCH, &other),
            Err(Error::MessageContent)
        );
        let stranger = ProtocolKeyPair::from_seed([2; 32]).public();
        assert!(matches!(
            signed.verify(&stranger, EPOCH, &body()),
            Err(Error::SignatureVerification(_))
        ));
        let attestation = pair.sign_message(EPOCH, InvalidBlobId(BlobId([9; 32])));
        let relabelled = SignedMessage::<ConfirmationBody>::new(
            attestation.serialized_message,
            attestation.signature,
        );
        assert!(matches!(
            relabelled.verify(&key, EPOCH, &body()),
            Err(Error::InvalidIntent { .. })
        ));
    }

    #[test]
    fn truncated_and_extended_messages_do_not_decode() {
        let bytes = ProtocolMessage::new(EPOCH, body()).to_bytes();
        for length in 0..bytes.len() {
            assert!(ProtocolMessage::<ConfirmationBody>::from_bytes(&bytes[..length]).is_err());
        }
        let extended = [bytes, vec![0]].concat();
        assert!(ProtocolMessage::<ConfirmationBody>::from_bytes(&extended).is_err());
    }
}
