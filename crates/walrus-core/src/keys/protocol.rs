//! BLS12-381 keys with public keys in G1 and signatures in G2.
//!
//! Everything is signed as is, with the domain
//! `BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_`, proofs of possession included.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fastcrypto::{
    bls12381::min_pk::{
        BLS12381AggregateSignature, BLS12381KeyPair, BLS12381PrivateKey, BLS12381PublicKey,
        BLS12381Signature,
    },
    traits::{AggregateAuthenticator, AllowedRng, KeyPair, Signer, ToFromBytes, VerifyingKey},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::file::{self, KeyFileError, KeyKind, SECRET_KEY_LENGTH};
use crate::{hash::blake2b256, wire};

/// Length of a public key, in bytes.
pub const PROTOCOL_PUBLIC_KEY_LENGTH: usize = 48;

/// Length of a signature, in bytes.
pub const PROTOCOL_SIGNATURE_LENGTH: usize = 96;

/// Separates keys derived from seeds from every other hash.
const SEED_DOMAIN: &[u8] = b"walrus protocol key from seed";

/// What is wrong with a key or signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolKeyError {
    /// The bytes are not a point of the right group.
    #[error("not a valid BLS12-381 public key")]
    InvalidPublicKey,
    /// The signature is malformed or not one of this message by this key.
    #[error("the signature is invalid")]
    InvalidSignature,
    /// There is nothing to aggregate.
    #[error("there are no signatures to aggregate")]
    NoSignatures,
}

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $length:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $length]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&STANDARD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<[u8; $length]> for $name {
            fn from(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                wire::serialize_fixed(&self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                wire::deserialize_array(source, wire::parse_base64).map(Self)
            }
        }
    };
}

fixed_bytes! {
    /// A public key: 48 bytes, compressed. The bytes are not known to be a valid key until
    /// [`ProtocolPublicKey::validate`] or a verification says so. Text and JSON: standard base64.
    ProtocolPublicKey, PROTOCOL_PUBLIC_KEY_LENGTH
}

fixed_bytes! {
    /// A signature or an aggregate of signatures: 96 bytes, compressed. Text and JSON: standard
    /// base64.
    ProtocolSignature, PROTOCOL_SIGNATURE_LENGTH
}

impl ProtocolPublicKey {
    /// Checks that the bytes are a point of the prime-order subgroup, other than infinity.
    pub fn validate(&self) -> Result<(), ProtocolKeyError> {
        self.checked().map(drop)
    }

    /// Verifies a signature; key and signature are checked to be in their subgroups.
    pub fn verify(
        &self,
        message: &[u8],
        signature: &ProtocolSignature,
    ) -> Result<(), ProtocolKeyError> {
        let signature = BLS12381Signature::from_bytes(&signature.0)
            .map_err(|_| ProtocolKeyError::InvalidSignature)?;
        self.checked()?
            .verify(message, &signature)
            .map_err(|_| ProtocolKeyError::InvalidSignature)
    }

    fn checked(&self) -> Result<BLS12381PublicKey, ProtocolKeyError> {
        let key = BLS12381PublicKey::from_bytes(&self.0)
            .map_err(|_| ProtocolKeyError::InvalidPublicKey)?;
        key.validate()
            .map_err(|_| ProtocolKeyError::InvalidPublicKey)?;
        Ok(key)
    }
}

impl FromStr for ProtocolPublicKey {
    type Err = ProtocolKeyError;

    /// Reads standard base64.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        wire::parse_base64(text)
            .map(Self)
            .map_err(|_| ProtocolKeyError::InvalidPublicKey)
    }
}

impl ProtocolSignature {
    /// Verifies an aggregate of signatures of the same message by all of `keys`.
    pub fn verify_aggregate(
        &self,
        message: &[u8],
        keys: &[ProtocolPublicKey],
    ) -> Result<(), ProtocolKeyError> {
        let keys = keys
            .iter()
            .map(ProtocolPublicKey::checked)
            .collect::<Result<Vec<_>, _>>()?;
        BLS12381AggregateSignature::from_bytes(&self.0)
            .and_then(|signature| signature.verify(&keys, message))
            .map_err(|_| ProtocolKeyError::InvalidSignature)
    }
}

/// Adds up signatures of one message.
pub fn aggregate_signatures(
    signatures: &[ProtocolSignature],
) -> Result<ProtocolSignature, ProtocolKeyError> {
    if signatures.is_empty() {
        return Err(ProtocolKeyError::NoSignatures);
    }
    let parsed = signatures
        .iter()
        .map(|signature| BLS12381Signature::from_bytes(&signature.0))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| ProtocolKeyError::InvalidSignature)?;
    let aggregate = BLS12381AggregateSignature::aggregate::<BLS12381Signature, _>(&parsed)
        .map_err(|_| ProtocolKeyError::InvalidSignature)?;
    Ok(ProtocolSignature(to_array(aggregate.as_ref())))
}

/// The key pair a node signs protocol messages with. Printing it shows only the public key.
#[derive(Clone)]
pub struct ProtocolKeyPair {
    inner: Arc<BLS12381KeyPair>,
    public: ProtocolPublicKey,
}

impl ProtocolKeyPair {
    /// A fresh key pair.
    pub fn generate<R: AllowedRng>(rng: &mut R) -> Self {
        Self::from_inner(BLS12381KeyPair::generate(rng))
    }

    /// The key pair that belongs to this seed, the same forever. As secret as the seed is.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let mut secret = blake2b256(&[SEED_DOMAIN, &seed]);
        // 254 bits are below the order of the group whatever they are.
        secret[0] &= 0x3f;
        Self::from_secret_bytes(&secret).expect("not zero unless BLAKE2b is broken")
    }

    /// The key pair with this secret key, big-endian.
    pub fn from_secret_bytes(secret: &[u8; SECRET_KEY_LENGTH]) -> Result<Self, KeyFileError> {
        BLS12381PrivateKey::from_bytes(secret)
            .map(|private| Self::from_inner(private.into()))
            .map_err(|_| KeyFileError::InvalidKey)
    }

    /// Reads the text of a key file: base64 of the flag 4 and the secret key.
    pub fn from_key_file(text: &str) -> Result<Self, KeyFileError> {
        Self::from_secret_bytes(&file::decode(KeyKind::Protocol, text)?)
    }

    /// The text of a key file. Secret.
    pub fn to_key_file(&self) -> String {
        file::encode(KeyKind::Protocol, &to_array(self.inner.as_ref().as_ref()))
    }

    /// The public key.
    pub fn public(&self) -> ProtocolPublicKey {
        self.public
    }

    /// Signs bytes as they are.
    pub fn sign(&self, message: &[u8]) -> ProtocolSignature {
        ProtocolSignature(to_array(self.inner.sign(message).as_ref()))
    }

    fn from_inner(inner: BLS12381KeyPair) -> Self {
        let public = ProtocolPublicKey(to_array(inner.public().as_ref()));
        Self {
            inner: Arc::new(inner),
            public,
        }
    }
}

impl fmt::Debug for ProtocolKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProtocolKeyPair({})", self.public)
    }
}

/// Copies bytes whose length the BLS library guarantees.
fn to_array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes
        .try_into()
        .expect("keys and signatures have fixed lengths")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> ProtocolKeyPair {
        ProtocolKeyPair::from_seed([seed; 32])
    }

    #[test]
    fn signatures_verify_for_their_message_and_key_only() {
        let signature = key(1).sign(b"message");
        assert_eq!(key(1).public().verify(b"message", &signature), Ok(()));
        for (signer, message) in [(1, b"massage"), (2, b"message")] {
            assert_eq!(
                key(signer).public().verify(message, &signature),
                Err(ProtocolKeyError::InvalidSignature)
            );
        }
    }

    #[test]
    fn broken_points_are_errors() {
        let signature = key(1).sign(b"m");
        let mut infinity = [0; 48];
        infinity[0] = 0xc0;
        for bad in [[0; 48], [0xff; 48], infinity] {
            let bad = ProtocolPublicKey(bad);
            assert_eq!(bad.validate(), Err(ProtocolKeyError::InvalidPublicKey));
            assert_eq!(
                bad.verify(b"m", &signature),
                Err(ProtocolKeyError::InvalidPublicKey)
            );
        }
        for bad in [[0; 96], [0xff; 96]].map(ProtocolSignature) {
            assert!(key(1).public().verify(b"m", &bad).is_err());
            assert!(aggregate_signatures(&[signature, bad]).is_err());
        }
    }

    #[test]
    fn aggregates_need_every_key() {
        let keys = [key(1), key(2), key(3)];
        let signatures = keys.each_ref().map(|key| key.sign(b"m"));
        let public = keys.each_ref().map(ProtocolKeyPair::public);
        let aggregate = aggregate_signatures(&signatures).unwrap();
        assert_eq!(aggregate.verify_aggregate(b"m", &public), Ok(()));
        assert!(aggregate.verify_aggregate(b"m", &public[..2]).is_err());
        assert!(aggregate.verify_aggregate(b"m", &[]).is_err());
        assert_eq!(
            aggregate_signatures(&[]),
            Err(ProtocolKeyError::NoSignatures)
        );
    }

    #[test]
    fn key_files_round_trip_and_say_what_is_wrong() {
        let text = key(7).to_key_file();
        assert_eq!(
            ProtocolKeyPair::from_key_file(&text).unwrap().public(),
            key(7).public()
        );
        let with_newline = format!("{text}\n");
        assert!(ProtocolKeyPair::from_key_file(&with_newline).is_ok());
        let error = |text: &str| ProtocolKeyPair::from_key_file(text).unwrap_err();
        assert_eq!(error("&"), KeyFileError::NotBase64);
        assert_eq!(error("AAAA"), KeyFileError::WrongLength { actual: 3 });
        let network = file::encode(KeyKind::Network, &[1; 32]);
        assert_eq!(
            error(&network).to_string(),
            "the key file holds a network key (P-256, flag 2); a protocol key (BLS12-381, flag 4) \
             is expected"
        );
        for secret in [[0; 32], [0xff; 32]] {
            assert_eq!(
                error(&file::encode(KeyKind::Protocol, &secret)),
                KeyFileError::InvalidKey
            );
        }
    }

    #[test]
    fn printing_a_key_pair_keeps_the_secret() {
        let pair = key(9);
        let secret = pair.to_key_file();
        assert!(!format!("{pair:?}").contains(&secret[4..20]));
    }
}
