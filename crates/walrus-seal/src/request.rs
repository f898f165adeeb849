//! What clients and key servers say to each other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_with::{DisplayFromStr, serde_as};
use sui_sdk_types::Ed25519Signature;
use walrus_core::ObjectId;

use crate::{
    curve::{
        EncryptionKey, ProofOfPossession, VerificationKey, deserialize_base64, serialize_base64,
    },
    elgamal::{EphemeralKey, WrappedKey},
    session::{Certificate, SessionError, SessionKey},
    wire::put_bytes,
};

/// Where keys are asked for.
pub const FETCH_KEY_PATH: &str = "/v1/fetch_key";
/// Where a server proves that it has its key.
pub const SERVICE_PATH: &str = "/v1/service";
/// Where a server says that it runs.
pub const HEALTH_PATH: &str = "/health";
/// Where a member of a committee says what the public key of its share is.
pub const PARTIAL_PK_PATH: &str = "/v1/debug/committee_partial_pk";
/// Version of the client's library; required.
pub const SDK_VERSION_HEADER: &str = "client-sdk-version";
/// Kind of the client's library.
pub const SDK_TYPE_HEADER: &str = "client-sdk-type";
/// A name for one request, for those who look for it in logs.
pub const REQUEST_ID_HEADER: &str = "request-id";
/// Version of the key server, on every answer under `/v1`.
pub const SERVER_VERSION_HEADER: &str = "x-keyserver-version";
/// What the key server was built from.
pub const SERVER_GIT_VERSION_HEADER: &str = "x-keyserver-gitversion";
/// Longest body of a request, in bytes.
pub const REQUEST_BYTES_MAX: usize = 180 << 10;

/// Asks for the keys of some identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchKeyRequest {
    /// BCS of the programmable transaction that calls `seal_approve` functions, in base64.
    pub ptb: String,
    /// What answers are to be encrypted to.
    pub enc_key: EncryptionKey,
    /// What they can be checked with.
    pub enc_verification_key: VerificationKey,
    /// The session key's signature of all of this.
    #[serde(
        serialize_with = "serialize_signature",
        deserialize_with = "deserialize_signature"
    )]
    pub request_signature: Ed25519Signature,
    /// The account's permission for the session key.
    pub certificate: Certificate,
}

fn serialize_signature<S: Serializer>(
    signature: &Ed25519Signature,
    to: S,
) -> Result<S::Ok, S::Error> {
    serialize_base64(signature.as_bytes(), to)
}

fn deserialize_signature<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<Ed25519Signature, D::Error> {
    let bytes: [u8; 64] = deserialize_base64(source)?
        .try_into()
        .map_err(|_| D::Error::custom("a signature by a session key has 64 bytes"))?;
    Ok(Ed25519Signature::new(bytes))
}

impl FetchKeyRequest {
    /// Signs a request. `ptb` is the BCS of the programmable transaction.
    pub fn sign(
        ptb: &[u8],
        key: &EphemeralKey,
        session: &SessionKey,
    ) -> Result<Self, SessionError> {
        let (enc_key, enc_verification_key) = (key.encryption_key(), key.verification_key());
        let bytes = signed_bytes(ptb, &enc_key, &enc_verification_key);
        Ok(Self {
            ptb: STANDARD.encode(ptb),
            enc_key,
            enc_verification_key,
            request_signature: session.sign(&bytes),
            certificate: session.certificate()?,
        })
    }

    /// Whether the session key signed it. `ptb` is the decoded field.
    pub fn is_signed(&self, ptb: &[u8]) -> bool {
        let bytes = signed_bytes(ptb, &self.enc_key, &self.enc_verification_key);
        self.certificate
            .verify_request(&bytes, &self.request_signature)
    }
}

/// What session keys sign.
pub fn signed_bytes(
    ptb: &[u8],
    enc_key: &EncryptionKey,
    enc_verification_key: &VerificationKey,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, ptb);
    put_bytes(&mut bytes, &enc_key.to_bytes());
    put_bytes(&mut bytes, &enc_verification_key.to_bytes());
    bytes
}

/// The key of one identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecryptionKey {
    /// The full identity. JSON: an array of numbers.
    pub id: Vec<u8>,
    /// Its key, encrypted to the asker.
    pub encrypted_key: WrappedKey,
}

impl DecryptionKey {
    /// Encrypts a key to an asker.
    pub fn wrap<R: RngCore + CryptoRng>(
        id: Vec<u8>,
        key: &crate::ibe::UserSecretKey,
        to: &EncryptionKey,
        rng: &mut R,
    ) -> Self {
        let encrypted_key = WrappedKey::wrap(key, to, rng);
        Self { id, encrypted_key }
    }
}

/// The keys of the identities of a request: one for each command, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchKeyResponse {
    /// The keys.
    pub decryption_keys: Vec<DecryptionKey>,
}

/// A server's proof that it has the key of its object.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceResponse {
    /// The object.
    #[serde_as(as = "DisplayFromStr")]
    pub service_id: ObjectId,
    /// The proof.
    pub pop: ProofOfPossession,
}
