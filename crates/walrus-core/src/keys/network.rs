//! NIST P-256 keys that authenticate TLS connections to nodes.

use std::{fmt, fmt::Write as _, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::{
    SecretKey,
    elliptic_curve::sec1::ToEncodedPoint,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding},
};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::file::{self, KeyFileError, KeyKind, SECRET_KEY_LENGTH};
use crate::{hash::blake2b256, wire};

/// Length of a compressed public key, in bytes.
const PUBLIC_KEY_LENGTH: usize = 33;

/// Domain under which all nodes have their TLS server names.
const TLS_DOMAIN: &str = "network.walrus.alt";

/// Bytes of the public key that make the TLS server name.
const TLS_NAME_BYTES: usize = 4;

/// Separates keys derived from seeds from every other hash.
const SEED_DOMAIN: &[u8] = b"walrus network key from seed";

/// The bytes are not a public key on P-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a valid public key on the curve P-256")]
pub struct NetworkKeyError;

/// A public key: 33 bytes, compressed SEC 1. The bytes are not known to be a point of the curve
/// until they are used. Text and JSON: standard base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkPublicKey(pub [u8; PUBLIC_KEY_LENGTH]);

impl NetworkPublicKey {
    /// Checks that the bytes are a point of the curve.
    pub fn validate(&self) -> Result<(), NetworkKeyError> {
        self.point().map(drop)
    }

    /// The uncompressed SEC 1 form (`04 ‖ x ‖ y`), as it stands in certificates.
    pub fn to_uncompressed(&self) -> Result<[u8; 65], NetworkKeyError> {
        let point = self.point()?.to_encoded_point(false);
        point.as_bytes().try_into().map_err(|_| NetworkKeyError)
    }

    /// The DER form of the key as a `SubjectPublicKeyInfo`, to be compared with a certificate's.
    pub fn to_spki_der(&self) -> Result<Vec<u8>, NetworkKeyError> {
        let document = self
            .point()?
            .to_public_key_der()
            .map_err(|_| NetworkKeyError)?;
        Ok(document.into_vec())
    }

    /// Reads a SEC 1 point, compressed or not.
    pub fn from_sec1_bytes(bytes: &[u8]) -> Result<Self, NetworkKeyError> {
        let point = p256::PublicKey::from_sec1_bytes(bytes).map_err(|_| NetworkKeyError)?;
        Ok(Self::from_point(&point))
    }

    fn point(&self) -> Result<p256::PublicKey, NetworkKeyError> {
        p256::PublicKey::from_sec1_bytes(&self.0).map_err(|_| NetworkKeyError)
    }

    fn from_point(point: &p256::PublicKey) -> Self {
        let compressed = point.to_encoded_point(true);
        Self(
            compressed
                .as_bytes()
                .try_into()
                .expect("a compressed point has 33 bytes"),
        )
    }
}

impl fmt::Display for NetworkPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for NetworkPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NetworkPublicKey({self})")
    }
}

impl FromStr for NetworkPublicKey {
    type Err = NetworkKeyError;

    /// Reads standard base64 of the compressed key.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        wire::parse_base64(text)
            .map(Self)
            .map_err(|_| NetworkKeyError)
    }
}

impl Serialize for NetworkPublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        wire::serialize_fixed(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for NetworkPublicKey {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        wire::deserialize_array(source, wire::parse_base64).map(Self)
    }
}

/// The server name in a node's TLS certificate: the first four bytes of its public key, each in
/// hexadecimal *without* leading zeros, under `network.walrus.alt`.
///
/// Different keys can have the same name; what counts is the pinned key.
pub fn tls_server_name(key: &NetworkPublicKey) -> String {
    let mut name = String::new();
    for byte in &key.0[..TLS_NAME_BYTES] {
        write!(name, "{byte:x}").expect("writing to a string cannot fail");
    }
    name + "." + TLS_DOMAIN
}

/// The key pair of a node's TLS certificate. Printing it shows only the public key.
#[derive(Clone)]
pub struct NetworkKeyPair {
    secret: SecretKey,
    public: NetworkPublicKey,
}

impl NetworkKeyPair {
    /// A fresh key pair.
    pub fn generate<R: RngCore + CryptoRng>(rng: &mut R) -> Self {
        Self::from_secret(SecretKey::random(rng))
    }

    /// The key pair that belongs to this seed, the same forever. As secret as the seed is.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        (0..=u8::MAX)
            .map(|attempt| blake2b256(&[SEED_DOMAIN, &[attempt], &seed]))
            .find_map(|secret| Self::from_secret_bytes(&secret).ok())
            .expect("each attempt fails with a probability of 2^-32")
    }

    /// The key pair with this secret key, big-endian.
    pub fn from_secret_bytes(secret: &[u8; SECRET_KEY_LENGTH]) -> Result<Self, KeyFileError> {
        SecretKey::from_slice(secret)
            .map(Self::from_secret)
            .map_err(|_| KeyFileError::InvalidKey)
    }

    /// Reads the text of a key file: base64 of the flag 2 and the secret key, or PKCS#8 PEM.
    pub fn from_key_file(text: &str) -> Result<Self, KeyFileError> {
        if text.trim_start().starts_with("-----BEGIN") {
            return Self::from_pkcs8_pem(text);
        }
        Self::from_secret_bytes(&file::decode(KeyKind::Network, text)?)
    }

    /// The text of a key file. Secret.
    pub fn to_key_file(&self) -> String {
        file::encode(KeyKind::Network, &self.secret.to_bytes().into())
    }

    /// Reads a PKCS#8 private key in PEM.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyFileError> {
        SecretKey::from_pkcs8_pem(text.trim())
            .map(Self::from_secret)
            .map_err(|_| KeyFileError::InvalidPem)
    }

    /// The private key as PKCS#8 PEM, with the public key in it and LF line ends. Secret.
    pub fn to_pkcs8_pem(&self) -> String {
        let pem = self.secret.to_pkcs8_pem(LineEnding::LF);
        pem.expect("a valid P-256 key can be encoded")
            .as_str()
            .to_owned()
    }

    /// The private key as PKCS#8 DER, with the public key in it. Secret.
    pub fn to_pkcs8_der(&self) -> Vec<u8> {
        let document = self.secret.to_pkcs8_der();
        document
            .expect("a valid P-256 key can be encoded")
            .as_bytes()
            .to_vec()
    }

    /// The public key.
    pub fn public(&self) -> NetworkPublicKey {
        self.public
    }

    fn from_secret(secret: SecretKey) -> Self {
        let public = NetworkPublicKey::from_point(&secret.public_key());
        Self { secret, public }
    }
}

impl fmt::Debug for NetworkKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NetworkKeyPair({})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_key_file_is_read() {
        let key = NetworkKeyPair::from_seed([3; 32]);
        for text in [
            key.to_key_file(),
            key.to_pkcs8_pem(),
            format!("\n{}\n", key.to_pkcs8_pem()),
        ] {
            assert_eq!(
                NetworkKeyPair::from_key_file(&text).unwrap().public(),
                key.public()
            );
        }
    }

    #[test]
    fn wrong_key_files_are_told_apart() {
        let error = |text: &str| NetworkKeyPair::from_key_file(text).unwrap_err();
        assert_eq!(error("no key"), KeyFileError::NotBase64);
        assert_eq!(
            error("-----BEGIN PRIVATE KEY-----\n"),
            KeyFileError::InvalidPem
        );
        let protocol = file::encode(KeyKind::Protocol, &[1; 32]);
        assert!(matches!(error(&protocol), KeyFileError::WrongKind { .. }));
        assert_eq!(
            error(&file::encode(KeyKind::Network, &[0xff; 32])),
            KeyFileError::InvalidKey
        );
    }

    #[test]
    fn public_keys_have_their_forms() {
        let key = NetworkKeyPair::from_seed([4; 32]).public();
        let uncompressed = key.to_uncompressed().unwrap();
        assert_eq!(NetworkPublicKey::from_sec1_bytes(&uncompressed), Ok(key));
        assert!(key.to_spki_der().unwrap().ends_with(&uncompressed));
        assert_eq!(key.to_string().parse(), Ok(key));
        for bad in [[0; 33], [0xff; 33]].map(NetworkPublicKey) {
            assert_eq!(bad.validate(), Err(NetworkKeyError));
            assert_eq!(bad.to_uncompressed(), Err(NetworkKeyError));
            assert_eq!(bad.to_spki_der(), Err(NetworkKeyError));
        }
    }

    #[test]
    fn server_names_drop_leading_zeros() {
        let mut key = NetworkPublicKey([0; 33]);
        key.0[..4].copy_from_slice(&[0x02, 0x0a, 0x00, 0xbc]);
        assert_eq!(tls_server_name(&key), "2a0bc.network.walrus.alt");
    }
}
