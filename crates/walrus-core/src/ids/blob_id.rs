//! Blob IDs and their text forms.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::{EncodingType, hash::blake2b256, merkle::Node, wire};

/// URL-safe base64 that neither writes nor accepts padding, nor non-zero unused bits.
const STRICT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The ID of a blob: a commitment to its length and to every sliver of it.
///
/// Text: 43 characters of URL-safe base64 without padding. BCS: 32 raw bytes. Move stores the same
/// bytes as a `u256`, least significant byte first.
#[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub [u8; 32]);

/// The text is not a blob ID.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a blob ID: 43 characters of URL-safe base64 without padding")]
pub struct BlobIdParseError {
    /// The beginning of what was given.
    pub text: String,
}

/// The text is not a decimal number below 2²⁵⁶.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a decimal number below 2^256")]
pub struct U256ParseError {
    /// The beginning of what was given.
    pub text: String,
}

impl BlobId {
    /// `H(encoding type ‖ length as u64 ‖ root hash)`, the same bytes the contracts hash.
    pub fn derive(encoding: EncodingType, unencoded_length: u64, root: &Node) -> Self {
        let length = unencoded_length.to_le_bytes();
        Self(blake2b256(&[&[encoding.as_u8()], &length, root.as_bytes()]))
    }

    /// The `u256` that Move stores, in decimal, as explorers and events print it.
    pub fn to_u256_decimal(&self) -> String {
        const CHUNK: u64 = 1_000_000_000;
        let mut limbs = self.limbs();
        let mut chunks = Vec::new();
        while limbs.iter().any(|limb| *limb != 0) {
            let mut rest = 0;
            for limb in limbs.iter_mut().rev() {
                let value = (rest << 32) | u64::from(*limb);
                *limb = u32::try_from(value / CHUNK).expect("rest < CHUNK, so the quotient fits");
                rest = value % CHUNK;
            }
            chunks.push(rest);
        }
        let mut text = chunks.pop().unwrap_or_default().to_string();
        for chunk in chunks.iter().rev() {
            write!(text, "{chunk:09}").expect("writing to a string cannot fail");
        }
        text
    }

    /// The blob ID whose `u256` form is the decimal number `text`.
    pub fn from_u256_decimal(text: &str) -> Result<Self, U256ParseError> {
        let error = || U256ParseError {
            text: text.chars().take(80).collect(),
        };
        if text.is_empty() {
            return Err(error());
        }
        let mut limbs = [0_u32; 8];
        for byte in text.bytes() {
            if !byte.is_ascii_digit() {
                return Err(error());
            }
            let mut carry = u64::from(byte - b'0');
            for limb in &mut limbs {
                let value = u64::from(*limb) * 10 + carry;
                *limb = u32::try_from(value & u64::from(u32::MAX)).expect("masked to 32 bits");
                carry = value >> 32;
            }
            if carry != 0 {
                return Err(error());
            }
        }
        let mut bytes = [0; 32];
        for (chunk, limb) in bytes.chunks_exact_mut(4).zip(limbs) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
        Ok(Self(bytes))
    }

    /// The number in 32-bit limbs, least significant first.
    fn limbs(&self) -> [u32; 8] {
        let mut limbs = [0; 8];
        for (limb, chunk) in limbs.iter_mut().zip(self.0.as_chunks::<4>().0) {
            *limb = u32::from_le_bytes(*chunk);
        }
        limbs
    }
}

fn parse(text: &str) -> Result<[u8; 32], BlobIdParseError> {
    let error = || BlobIdParseError {
        text: text.chars().take(80).collect(),
    };
    let bytes = STRICT_BASE64.decode(text).map_err(|_| error())?;
    bytes.try_into().map_err(|_| error())
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&STRICT_BASE64.encode(self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}

impl FromStr for BlobId {
    type Err = BlobIdParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self)
    }
}

impl AsRef<[u8]> for BlobId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 32]> for BlobId {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Serialize for BlobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        wire::serialize_array(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        wire::deserialize_array(source, |text| parse(text).map_err(|e| e.to_string())).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_strict() {
        let id = BlobId([0xff; 32]);
        let text = id.to_string();
        assert_eq!(text.len(), 43);
        assert_eq!(text.parse(), Ok(id));
        let unused_bits = format!("{}9", &text[..42]);
        let padded = format!("{text}=");
        let spaced = format!(" {text}");
        for bad in [
            "",
            &unused_bits,
            &padded,
            &spaced,
            &text[..42],
            &text.replace('_', "/"),
        ] {
            assert!(bad.parse::<BlobId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn u256_has_bounds() {
        let max = BlobId([0xff; 32]).to_u256_decimal();
        assert_eq!(BlobId::from_u256_decimal(&max), Ok(BlobId([0xff; 32])));
        assert!(max.ends_with("639935"));
        let above = max.replace("639935", "639936");
        for bad in ["", "-1", "1e3", " 1", &above, &format!("{max}0")] {
            assert!(BlobId::from_u256_decimal(bad).is_err(), "{bad:?}");
        }
        assert_eq!(BlobId::default().to_u256_decimal(), "0");
    }

    proptest! {
        #[test]
        fn text_forms_round_trip(bytes: [u8; 32]) {
            let id = BlobId(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(BlobId::from_u256_decimal(&id.to_u256_decimal()), Ok(id));
        }
    }
}
