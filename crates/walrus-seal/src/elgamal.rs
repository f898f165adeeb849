//! Answers that only the asker can open, and that a committee can put together without opening
//! them: ElGamal encryption in G1.

use fastcrypto::groups::{
    GroupElement as _,
    bls12381::{G1Element, G2Element, Scalar},
};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    curve::{
        self, ElGamalElement, EncryptionKey, InvalidEncoding, PublicKey, SecretScalar,
        VerificationKey,
    },
    ibe::{self, IdentityPoint, UserSecretKey},
};

/// The number of a party that there cannot be: its x coordinate would not fit.
const PARTY_INVALID: u16 = u16::MAX;

/// The key pair of one request, overwritten when it is dropped.
#[derive(Clone)]
pub struct EphemeralKey(SecretScalar);

impl EphemeralKey {
    /// A fresh key.
    pub fn generate<R: RngCore + CryptoRng>(rng: &mut R) -> Self {
        Self(SecretScalar(ibe::random_scalar(rng)))
    }

    /// Decodes the secret: big-endian, not zero.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidEncoding> {
        curve::secret_scalar(bytes).map(|scalar| Self(SecretScalar(scalar)))
    }

    /// The key that answers are encrypted to.
    pub fn encryption_key(&self) -> EncryptionKey {
        EncryptionKey(G1Element::generator() * self.0.0)
    }

    /// The key that answers are checked with.
    pub fn verification_key(&self) -> VerificationKey {
        VerificationKey(G2Element::generator() * self.0.0)
    }

    /// Opens an answer. What comes out is not known to be the right key until it is verified.
    pub fn unwrap_key(&self, wrapped: &WrappedKey) -> Result<UserSecretKey, InvalidEncoding> {
        let point = wrapped.1.0 - wrapped.0.0 * self.0.0;
        if point == G1Element::zero() {
            return Err(InvalidEncoding::Neutral);
        }
        Ok(UserSecretKey(point))
    }
}

impl std::fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EphemeralKey")
    }
}

impl EncryptionKey {
    /// Whether both keys of a request belong to one secret.
    pub fn matches(&self, verification: &VerificationKey) -> bool {
        ibe::pairings_cancel(
            &[self.0, G1Element::generator()],
            &[-G2Element::generator(), verification.0],
        )
    }
}

/// A key of an identity, encrypted to one asker. JSON: two base64 strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey(pub ElGamalElement, pub ElGamalElement);

impl WrappedKey {
    /// Encrypts a key.
    pub fn wrap<R: RngCore + CryptoRng>(
        key: &UserSecretKey,
        to: &EncryptionKey,
        rng: &mut R,
    ) -> Self {
        let randomness = SecretScalar(ibe::random_scalar(rng));
        Self(
            ElGamalElement(G1Element::generator() * randomness.0),
            ElGamalElement(key.0 + to.0 * randomness.0),
        )
    }

    /// Whether it holds the key of `identity` at the server with this public key, without opening
    /// it.
    pub fn verify(&self, identity: &IdentityPoint, to: &VerificationKey, key: &PublicKey) -> bool {
        ibe::pairings_cancel(
            &[self.1.0, self.0.0, identity.0],
            &[-G2Element::generator(), to.0, key.0],
        )
    }
}

/// Why the answers of members cannot be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AggregationError {
    /// There are no answers.
    #[error("there are no answers of members")]
    Empty,
    /// A member answered twice.
    #[error("there are two answers of member {0}")]
    Duplicate(u16),
    /// There cannot be a member with this number.
    #[error("there cannot be a member {0}")]
    InvalidParty(u16),
    /// The answers cancel each other out.
    #[error("the answers of the members are nonsense together")]
    Neutral,
}

/// The answer of a committee from those of as many members as its threshold demands, each with its
/// number.
pub fn aggregate(parts: &[(u16, WrappedKey)]) -> Result<WrappedKey, AggregationError> {
    let parties: Vec<u16> = parts.iter().map(|(party, _)| *party).collect();
    let coefficients = lagrange_at_zero(&parties)?;
    let mut sums = [G1Element::zero(); 2];
    for ((_, part), coefficient) in parts.iter().zip(coefficients) {
        sums[0] += part.0.0 * coefficient;
        sums[1] += part.1.0 * coefficient;
    }
    if sums.contains(&G1Element::zero()) {
        return Err(AggregationError::Neutral);
    }
    let [first, second] = sums.map(ElGamalElement);
    Ok(WrappedKey(first, second))
}

/// What the share of each party counts. Party *p* has the share at *p* + 1.
pub(crate) fn lagrange_at_zero(parties: &[u16]) -> Result<Vec<Scalar>, AggregationError> {
    if parties.is_empty() {
        return Err(AggregationError::Empty);
    }
    for (index, party) in parties.iter().enumerate() {
        if *party == PARTY_INVALID {
            return Err(AggregationError::InvalidParty(*party));
        }
        if parties[..index].contains(party) {
            return Err(AggregationError::Duplicate(*party));
        }
    }
    let x = |party: u16| Scalar::from(u128::from(party) + 1);
    let coefficient = |party: &u16| {
        let others = parties.iter().filter(|other| *other != party);
        let one = Scalar::generator();
        let (numerator, denominator) =
            others.fold((one, one), |(numerator, denominator), other| {
                let other = x(*other);
                (numerator * other, denominator * (other - x(*party)))
            });
        (numerator / denominator).expect("parties are distinct, so differences are not zero")
    };
    Ok(parties.iter().map(coefficient).collect())
}
