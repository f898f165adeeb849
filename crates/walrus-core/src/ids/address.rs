//! Object IDs and addresses of the chain.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::wire;

/// The text is not `0x` followed by hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not an address or object ID: 0x and up to 64 hexadecimal digits")]
pub struct AddressParseError {
    /// What was given.
    pub text: String,
}

/// Reads `0x…`; short forms such as `0x6` are padded on the left.
fn parse(text: &str) -> Result<[u8; 32], AddressParseError> {
    let error = || AddressParseError {
        text: text.chars().take(80).collect(),
    };
    let digits = text.strip_prefix("0x").ok_or_else(error)?;
    if digits.is_empty() || digits.len() > 64 {
        return Err(error());
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(format!("{digits:0>64}"), &mut bytes).map_err(|_| error())?;
    Ok(bytes)
}

macro_rules! address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "0x{}", hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = AddressParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse(text).map(Self)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                wire::serialize_array(&self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                wire::deserialize_array(source, |text| parse(text).map_err(|e| e.to_string()))
                    .map(Self)
            }
        }
    };
}

address! {
    /// The ID of an object on chain. Text: `0x` and 64 hexadecimal digits. BCS: 32 raw bytes.
    ObjectId
}
address! {
    /// The address of an account on chain. Text: `0x` and 64 hexadecimal digits. BCS: 32 raw bytes.
    SuiAddress
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_short_forms_are_padded() {
        let id = ObjectId([0xab; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let mut six = [0; 32];
        six[31] = 6;
        assert_eq!("0x6".parse(), Ok(SuiAddress(six)));
    }

    #[test]
    fn refuses_what_is_not_hexadecimal() {
        for bad in [
            "",
            "0x",
            "ab",
            "0xg",
            "0x+1",
            &format!("0x{}", "0".repeat(65)),
        ] {
            assert!(bad.parse::<ObjectId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn json_reads_arrays_and_text() {
        let id = ObjectId([42; 32]);
        let array = serde_json::to_string(&id).unwrap();
        assert!(array.starts_with("[42,"));
        assert_eq!(serde_json::from_str::<ObjectId>(&array).unwrap(), id);
        assert_eq!(
            serde_json::from_str::<ObjectId>(&format!("\"{id}\"")).unwrap(),
            id
        );
        assert!(serde_json::from_str::<ObjectId>("[1,2]").is_err());
    }
}
