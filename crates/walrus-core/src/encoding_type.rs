//! The erasure code of a blob.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The erasure code of a blob. There is one; the number of a retired one is refused.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "WireEncodingType", try_from = "WireEncodingType")]
pub enum EncodingType {
    /// Red Stuff over Reed-Solomon codes in GF(2¹⁶).
    #[default]
    Rs2,
}

impl EncodingType {
    /// The byte that enters the blob ID and that contracts know the code by.
    pub const fn as_u8(self) -> u8 {
        match self {
            Self::Rs2 => 1,
        }
    }
}

/// The encoding type is not supported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unsupported encoding type {0}; only RS2 (1) is")]
pub struct UnsupportedEncodingType(String);

impl TryFrom<u8> for EncodingType {
    type Error = UnsupportedEncodingType;

    fn try_from(byte: u8) -> Result<Self, Self::Error> {
        match byte {
            1 => Ok(Self::Rs2),
            other => Err(UnsupportedEncodingType(other.to_string())),
        }
    }
}

impl fmt::Display for EncodingType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedStuff/Reed-Solomon")
    }
}

impl FromStr for EncodingType {
    type Err = UnsupportedEncodingType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_lowercase().as_str() {
            "redstuff/reed-solomon" | "rs2" | "reed-solomon" => Ok(Self::Rs2),
            _ => Err(UnsupportedEncodingType(format!("{text:?}"))),
        }
    }
}

/// The variants as they are numbered and named on the wire.
#[derive(Serialize, Deserialize)]
enum WireEncodingType {
    #[serde(rename = "RedStuff")]
    Retired,
    #[serde(rename = "RS2")]
    Rs2,
}

impl From<EncodingType> for WireEncodingType {
    fn from(EncodingType::Rs2: EncodingType) -> Self {
        Self::Rs2
    }
}

impl TryFrom<WireEncodingType> for EncodingType {
    type Error = UnsupportedEncodingType;

    fn try_from(wire: WireEncodingType) -> Result<Self, Self::Error> {
        match wire {
            WireEncodingType::Retired => Err(UnsupportedEncodingType("0 (retired)".into())),
            WireEncodingType::Rs2 => Ok(Self::Rs2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_its_names_and_refuses_others() {
        for text in ["RedStuff/Reed-Solomon", " rs2 ", "Reed-Solomon"] {
            assert_eq!(text.parse(), Ok(EncodingType::Rs2));
        }
        assert!("raptorq".parse::<EncodingType>().is_err());
        assert!(EncodingType::try_from(0).is_err());
        assert_eq!(
            EncodingType::try_from(EncodingType::Rs2.as_u8()),
            Ok(EncodingType::Rs2)
        );
    }
}
