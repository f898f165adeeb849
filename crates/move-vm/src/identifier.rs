//! Names: addresses, identifiers and module ids.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes in an [`Address`].
pub const ADDRESS_LENGTH: usize = 32;

/// A 32-byte account, object or package address.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address(pub [u8; ADDRESS_LENGTH]);

impl Address {
    /// The address `0x0`, which unpublished modules carry as their own.
    pub const ZERO: Self = Self([0; ADDRESS_LENGTH]);
    /// The address `0x1` of the standard library.
    pub const STD: Self = Self::from_u8(1);
    /// The address `0x2` of the chain's framework.
    pub const FRAMEWORK: Self = Self::from_u8(2);
    /// The address `0x3` of the chain's system package.
    pub const SYSTEM: Self = Self::from_u8(3);

    /// The address whose last byte is `low` and whose other bytes are zero.
    pub const fn from_u8(low: u8) -> Self {
        let mut bytes = [0; ADDRESS_LENGTH];
        bytes[ADDRESS_LENGTH - 1] = low;
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn into_bytes(self) -> [u8; ADDRESS_LENGTH] {
        self.0
    }

    /// The 64 lower-case hex digits, without prefix.
    pub fn to_canonical(&self) -> String {
        hex::encode(self.0)
    }
}

impl From<[u8; ADDRESS_LENGTH]> for Address {
    fn from(bytes: [u8; ADDRESS_LENGTH]) -> Self {
        Self(bytes)
    }
}

impl From<Address> for [u8; ADDRESS_LENGTH] {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl AsRef<[u8]> for Address {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Short form: `0x` and the hex digits without leading zeros (`0x2`).
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = hex::encode(self.0);
        let short = digits.trim_start_matches('0');
        write!(f, "0x{}", if short.is_empty() { "0" } else { short })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not an address, identifier or type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("invalid {kind}: {text:?}")]
pub struct ParseNameError {
    kind: &'static str,
    text: String,
}

impl ParseNameError {
    pub(crate) fn new(kind: &'static str, text: &str) -> Self {
        Self {
            kind,
            text: text.to_owned(),
        }
    }
}

/// Accepts 1 to 64 hex digits with or without `0x`.
impl FromStr for Address {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseNameError::new("address", text);
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if digits.is_empty() || digits.len() > 2 * ADDRESS_LENGTH {
            return Err(error());
        }
        let padded = format!("{digits:0>64}");
        let mut bytes = [0; ADDRESS_LENGTH];
        hex::decode_to_slice(padded, &mut bytes).map_err(|_| error())?;
        Ok(Self(bytes))
    }
}

/// A Move identifier: a letter or underscore, then letters, digits and underscores. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(Arc<str>);

impl Identifier {
    /// Checks and wraps a name.
    pub fn new(name: &str) -> Result<Self, ParseNameError> {
        if Self::is_valid(name) {
            Ok(Self(Arc::from(name)))
        } else {
            Err(ParseNameError::new("identifier", name))
        }
    }

    /// Whether `name` follows the grammar `[A-Za-z][A-Za-z0-9_]*` or `_[A-Za-z0-9_]+`.
    pub fn is_valid(name: &str) -> bool {
        let mut bytes = name.bytes();
        let rest_allowed = match bytes.next() {
            Some(first) if first.is_ascii_alphabetic() => true,
            Some(b'_') => name.len() > 1,
            _ => false,
        };
        rest_allowed && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for Identifier {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Identifier {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Identifier {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Identifier {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl FromStr for Identifier {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Identifier {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Identifier {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::new(&name).map_err(serde::de::Error::custom)
    }
}

/// A module by the address in its bytecode (the package's runtime id, once published) and its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModuleId {
    /// Runtime id of the package: the address of its first version.
    pub address: Address,
    /// The module's name.
    pub name: Identifier,
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.address, self.name)
    }
}

impl fmt::Debug for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
