//! Indices of shards, slivers and sliver pairs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The text is not a decimal number of 16 bits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not an index: a decimal number up to 65535")]
pub struct IndexParseError {
    /// What was given.
    pub text: String,
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u16);

        impl $name {
            /// The index as a position in a slice.
            pub const fn as_usize(self) -> usize {
                self.0 as usize
            }
        }

        impl From<u16> for $name {
            fn from(index: u16) -> Self {
                Self(index)
            }
        }

        impl From<$name> for usize {
            fn from(index: $name) -> Self {
                index.as_usize()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IndexParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let error = || IndexParseError { text: text.to_owned() };
                // The integer parser would take a leading `+`.
                if !text.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(error());
                }
                text.parse().map(Self).map_err(|_| error())
            }
        }
    };
}

index! {
    /// A shard: the unit in which data is assigned to storage nodes.
    ShardIndex
}
index! {
    /// A sliver among those of its axis: a row (primary) or a column (secondary).
    SliverIndex
}
index! {
    /// A sliver pair: primary sliver `k` together with secondary sliver `n − 1 − k`.
    SliverPairIndex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_plain_decimal_only() {
        assert_eq!("65535".parse(), Ok(ShardIndex(u16::MAX)));
        for bad in ["", "-1", "+1", "65536", "0x1", " 1", "1 "] {
            assert!(bad.parse::<SliverIndex>().is_err(), "{bad:?}");
        }
    }
}
