//! Points and numbers of BLS12-381 as they come from outside: checked once, here.
//!
//! Every decoder demands the prime-order subgroup and refuses the neutral element, and zero as a
//! secret.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fastcrypto::{
    groups::{
        GroupElement as _,
        bls12381::{
            G1_ELEMENT_BYTE_LENGTH, G1Element, G2_ELEMENT_BYTE_LENGTH, G2Element, SCALAR_LENGTH,
            Scalar,
        },
    },
    serde_helpers::ToFromByteArray as _,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;
use zeroize::Zeroize as _;

/// Length of a point of G1, in bytes.
pub const G1_LENGTH: usize = G1_ELEMENT_BYTE_LENGTH;
/// Length of a point of G2, in bytes.
pub const G2_LENGTH: usize = G2_ELEMENT_BYTE_LENGTH;

/// Why bytes or text are no key or point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidEncoding {
    /// It has another length.
    #[error("it has {actual} bytes instead of {expected}")]
    Length {
        /// How many bytes there have to be.
        expected: usize,
        /// How many there are.
        actual: usize,
    },
    /// The number is the order of the group or larger.
    #[error("the number is not below the order of the group")]
    NotReduced,
    /// The number is zero.
    #[error("the number is zero")]
    Zero,
    /// There is no such point in the prime-order subgroup.
    #[error("it is no point of the group")]
    NotInGroup,
    /// Under the neutral element, everybody could decrypt.
    #[error("it is the neutral element of the group")]
    Neutral,
    /// The text is not hexadecimal, or not base64.
    #[error("the text cannot be decoded")]
    Text,
}

fn array<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], InvalidEncoding> {
    bytes.try_into().map_err(|_| InvalidEncoding::Length {
        expected: N,
        actual: bytes.len(),
    })
}

/// A number below the order of the group, big-endian.
pub(crate) fn scalar(bytes: &[u8]) -> Result<Scalar, InvalidEncoding> {
    Scalar::from_byte_array(array::<SCALAR_LENGTH>(bytes)?).map_err(|_| InvalidEncoding::NotReduced)
}

/// The same, other than zero.
pub(crate) fn secret_scalar(bytes: &[u8]) -> Result<Scalar, InvalidEncoding> {
    let scalar = scalar(bytes)?;
    if scalar == Scalar::zero() {
        return Err(InvalidEncoding::Zero);
    }
    Ok(scalar)
}

pub(crate) fn g1(bytes: &[u8]) -> Result<G1Element, InvalidEncoding> {
    let point =
        G1Element::from_byte_array(array(bytes)?).map_err(|_| InvalidEncoding::NotInGroup)?;
    if point == G1Element::zero() {
        return Err(InvalidEncoding::Neutral);
    }
    Ok(point)
}

pub(crate) fn g2(bytes: &[u8]) -> Result<G2Element, InvalidEncoding> {
    let point =
        G2Element::from_byte_array(array(bytes)?).map_err(|_| InvalidEncoding::NotInGroup)?;
    if point == G2Element::zero() {
        return Err(InvalidEncoding::Neutral);
    }
    Ok(point)
}

/// Overwrites a secret point. There is no safe volatile write for it; the optimiser is told that
/// somebody looks.
pub(crate) fn wipe(point: &mut G1Element) {
    *point = G1Element::zero();
    std::hint::black_box(point);
}

/// A secret number that is overwritten when it is dropped.
#[derive(Clone)]
pub(crate) struct SecretScalar(pub(crate) Scalar);

impl Drop for SecretScalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Hexadecimal text, with or without `0x`.
pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>, InvalidEncoding> {
    let text = text.trim();
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|_| InvalidEncoding::Text)
}

pub(crate) fn deserialize_base64<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<Vec<u8>, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(source)?;
    STANDARD.decode(text.as_ref()).map_err(D::Error::custom)
}

pub(crate) fn serialize_base64<S: Serializer>(
    bytes: impl AsRef<[u8]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

macro_rules! point {
    ($(#[$doc:meta])* $name:ident, $group:ty, $length:expr, $parse:path) => {
        $(#[$doc])*
        ///
        /// Text: hexadecimal, read with or without `0x`. JSON: standard base64.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub(crate) $group);

        impl $name {
            /// Decodes the compressed form.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidEncoding> {
                $parse(bytes).map(Self)
            }

            /// The compressed form.
            pub fn to_bytes(self) -> [u8; $length] {
                self.0.to_byte_array()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "0x{}", hex::encode(self.to_bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidEncoding;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::from_bytes(&from_hex(text)?)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serialize_base64(self.to_bytes(), serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                Self::from_bytes(&deserialize_base64(source)?).map_err(D::Error::custom)
            }
        }
    };
}

point! {
    /// The public key of a key server, or of a member of a committee.
    PublicKey, G2Element, G2_LENGTH, g2
}
point! {
    /// The public randomness of an encrypted object.
    Nonce, G2Element, G2_LENGTH, g2
}
point! {
    /// The key that a reader wants answers to be encrypted to.
    EncryptionKey, G1Element, G1_LENGTH, g1
}
point! {
    /// The key with which others check answers that only the reader can open.
    VerificationKey, G2Element, G2_LENGTH, g2
}
point! {
    /// Proof that a key server has the secret of its public key.
    ProofOfPossession, G1Element, G1_LENGTH, g1
}
point! {
    /// Half of an encrypted answer.
    ElGamalElement, G1Element, G1_LENGTH, g1
}
point! {
    /// What a member of a committee has signed.
    MemberSignature, G1Element, G1_LENGTH, g1
}
