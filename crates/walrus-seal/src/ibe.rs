//! Identity-based encryption (Boneh and Franklin) over BLS12-381: a public key for every identity,
//! from one public key of a server; the secret of an identity is a BLS signature on it.

use std::fmt;

use fastcrypto::{
    groups::{
        GroupElement as _, HashToGroupElement as _, Pairing as _,
        bls12381::{G1Element, G2Element, GTElement, Scalar, buffer_to_scalar_mod_r},
    },
    serde_helpers::ToFromByteArray as _,
};
use hkdf::Hkdf;
use rand::{CryptoRng, RngCore};
use sha3::{Digest as _, Sha3_256};
use walrus_core::ObjectId;
use zeroize::{Zeroize as _, Zeroizing};

use crate::curve::{
    self, G1_LENGTH, InvalidEncoding, Nonce, ProofOfPossession, PublicKey, SecretScalar,
};

/// Length of master keys, seeds, shares and symmetric keys.
pub const KEY_LENGTH: usize = 32;

/// A symmetric key or a share of one, overwritten when it is dropped.
pub type SecretBytes = Zeroizing<[u8; KEY_LENGTH]>;

// Prefixes of what is hashed, so that nothing means two things.
const DST_ID: &[u8] = b"SUI-SEAL-IBE-BLS12381-00";
const DST_POP: &[u8] = b"SUI-SEAL-IBE-BLS12381-POP-00";
const DST_KDF: &[u8] = b"SUI-SEAL-IBE-BLS12381-H2-00";

/// What something is encrypted under: a policy package, and bytes that its `seal_approve` functions
/// judge.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The first version of the policy package.
    pub package: ObjectId,
    /// What the policy sees.
    pub inner: Vec<u8>,
}

impl Identity {
    /// The identity as key servers see it: package, then the rest.
    pub fn full(&self) -> Vec<u8> {
        [&self.package.0, &self.inner[..]].concat()
    }

    /// The identity of the full form; `None` if it is too short to name a package.
    pub fn from_full(bytes: &[u8]) -> Option<Self> {
        let (package, inner) = bytes.split_first_chunk()?;
        Some(Self {
            package: ObjectId(*package),
            inner: inner.to_vec(),
        })
    }

    /// The public key of the identity.
    pub fn point(&self) -> IdentityPoint {
        IdentityPoint::of(&self.full())
    }
}

/// The public key of an identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdentityPoint(pub(crate) G1Element);

impl IdentityPoint {
    /// The public key of a full identity.
    pub fn of(full_id: &[u8]) -> Self {
        Self(G1Element::hash_to_group_element(
            &[DST_ID, full_id].concat(),
        ))
    }

    /// The compressed form.
    pub fn to_bytes(self) -> [u8; G1_LENGTH] {
        self.0.to_byte_array()
    }
}

/// The secret of a key server. It is never printed, and overwritten when it is dropped.
#[derive(Clone)]
pub struct MasterKey(pub(crate) SecretScalar);

impl MasterKey {
    /// A fresh key.
    pub fn generate<R: RngCore + CryptoRng>(rng: &mut R) -> Self {
        Self(SecretScalar(random_scalar(rng)))
    }

    /// Decodes a key: big-endian, not zero.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidEncoding> {
        curve::secret_scalar(bytes).map(|scalar| Self(SecretScalar(scalar)))
    }

    /// Reads a hexadecimal key, with or without `0x`.
    pub fn from_hex(text: &str) -> Result<Self, InvalidEncoding> {
        Self::from_bytes(&Zeroizing::new(curve::from_hex(text)?))
    }

    /// The key with this number of those that belong to a seed.
    pub fn from_seed(seed: &[u8; KEY_LENGTH], index: u64) -> Result<Self, InvalidEncoding> {
        let mut wide = Zeroizing::new([0; 64]);
        Hkdf::<Sha3_256>::new(None, seed)
            .expand(&index.to_be_bytes(), wide.as_mut())
            .expect("64 bytes are fewer than HKDF can give");
        let scalar = buffer_to_scalar_mod_r(wide.as_ref()).expect("64 bytes are not too many");
        if scalar == Scalar::zero() {
            return Err(InvalidEncoding::Zero);
        }
        Ok(Self(SecretScalar(scalar)))
    }

    /// The key, big-endian. Secret.
    pub fn to_bytes(&self) -> SecretBytes {
        Zeroizing::new(self.0.0.to_byte_array())
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        PublicKey(G2Element::generator() * self.0.0)
    }

    /// The secret of an identity: the same for everyone, for ever.
    pub fn extract(&self, identity: &IdentityPoint) -> UserSecretKey {
        UserSecretKey(identity.0 * self.0.0)
    }

    /// Proves to users of the key server `server` that it has this key.
    pub fn prove_possession(&self, server: ObjectId) -> ProofOfPossession {
        let point = possession_point(&self.public(), server);
        ProofOfPossession(point * self.0.0)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey(of {})", self.public())
    }
}

impl PublicKey {
    /// Whether the key server `server` has the secret of this key.
    pub fn verify_possession(&self, server: ObjectId, proof: &ProofOfPossession) -> bool {
        is_signature(&proof.0, &possession_point(self, server), self)
    }
}

fn possession_point(key: &PublicKey, server: ObjectId) -> G1Element {
    G1Element::hash_to_group_element(&[DST_POP, &key.to_bytes(), &server.0].concat())
}

/// The secret of one identity at one key server. It is never printed, and overwritten when it is
/// dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct UserSecretKey(pub(crate) G1Element);

impl UserSecretKey {
    /// Decodes the compressed form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidEncoding> {
        curve::g1(bytes).map(Self)
    }

    /// Reads hexadecimal text, with or without `0x`.
    pub fn from_hex(text: &str) -> Result<Self, InvalidEncoding> {
        Self::from_bytes(&Zeroizing::new(curve::from_hex(text)?))
    }

    /// The compressed form. Secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; G1_LENGTH]> {
        Zeroizing::new(self.0.to_byte_array())
    }

    /// Whether it is the secret of `identity` at the server with this public key.
    pub fn verify(&self, identity: &IdentityPoint, key: &PublicKey) -> bool {
        is_signature(&self.0, &identity.0, key)
    }
}

impl Drop for UserSecretKey {
    fn drop(&mut self) {
        curve::wipe(&mut self.0);
    }
}

impl fmt::Debug for UserSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserSecretKey")
    }
}

/// `e(signature, G2) == e(point, key)`, with one final exponentiation.
pub(crate) fn is_signature(signature: &G1Element, point: &G1Element, key: &PublicKey) -> bool {
    pairings_cancel(&[*signature, *point], &[-G2Element::generator(), key.0])
}

/// Whether the product of the pairings is one.
pub(crate) fn pairings_cancel(points: &[G1Element], others: &[G2Element]) -> bool {
    G1Element::multi_pairing(points, others).is_ok_and(|product| product == GTElement::zero())
}

/// A random number other than zero.
pub(crate) fn random_scalar<R: RngCore + CryptoRng>(rng: &mut R) -> Scalar {
    loop {
        // Reduced from twice as many bits as it has, so that no number is more probable than
        // another.
        let mut wide = Zeroizing::new([0; 64]);
        rng.fill_bytes(wide.as_mut());
        let scalar = buffer_to_scalar_mod_r(wide.as_ref()).expect("64 bytes are not too many");
        if scalar != Scalar::zero() {
            return scalar;
        }
    }
}

/// What encryptor and decryptor know about one identity and nonce, for the keys of shares.
pub(crate) struct Encapsulation {
    nonce: Nonce,
    identity: IdentityPoint,
}

/// The secret that encryptor and one key server's readers share, as bytes.
pub(crate) type SharedSecret = Zeroizing<Vec<u8>>;

impl Encapsulation {
    pub(crate) fn new(nonce: &Nonce, identity: IdentityPoint) -> Self {
        Self {
            nonce: *nonce,
            identity,
        }
    }

    /// The nonce of this randomness.
    pub(crate) fn nonce(randomness: &Scalar) -> Nonce {
        Nonce(G2Element::generator() * *randomness)
    }

    /// The secret shared with the server, from the encryptor's randomness.
    pub(crate) fn shared_by_randomness(
        &self,
        randomness: &Scalar,
    ) -> impl Fn(&PublicKey) -> SharedSecret + use<> {
        let point = self.identity.0 * *randomness;
        move |key| gt_bytes(&point.pairing(&key.0))
    }

    /// The secret shared with the server, from the key that it gave out.
    pub(crate) fn shared_by_key(&self, key: &UserSecretKey) -> SharedSecret {
        gt_bytes(&key.0.pairing(&self.nonce.0))
    }

    /// The key that hides the share with this index of this server.
    pub(crate) fn share_key(
        &self,
        secret: &SharedSecret,
        server: ObjectId,
        index: u8,
    ) -> SecretBytes {
        let mut hash = Sha3_256::new();
        hash.update(DST_KDF);
        hash.update(secret);
        hash.update(self.nonce.to_bytes());
        hash.update(self.identity.to_bytes());
        hash.update(server.0);
        hash.update([index]);
        Zeroizing::new(hash.finalize().into())
    }
}

fn gt_bytes(element: &GTElement) -> SharedSecret {
    let mut bytes = element.to_byte_array();
    let secret = Zeroizing::new(bytes.to_vec());
    bytes.zeroize();
    secret
}

/// Adds a key to a value, or takes it away.
pub(crate) fn xor(a: &[u8; KEY_LENGTH], b: &[u8; KEY_LENGTH]) -> [u8; KEY_LENGTH] {
    std::array::from_fn(|i| a[i] ^ b[i])
}
