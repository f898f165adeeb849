//! 256-bit unsigned integers.

use std::{
    fmt,
    ops::{BitAnd, BitOr, BitXor},
    str::FromStr,
};

use crate::identifier::ParseNameError;

/// A 256-bit unsigned integer.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct U256(bnum::types::U256);

impl U256 {
    /// Zero.
    pub const ZERO: Self = Self(bnum::types::U256::ZERO);
    /// One.
    pub const ONE: Self = Self(bnum::types::U256::ONE);
    /// 2^256 - 1.
    pub const MAX: Self = Self(bnum::types::U256::MAX);
    /// Bits in a value.
    pub const BITS: u32 = 256;

    /// From 32 little-endian bytes.
    pub fn from_le_bytes(bytes: &[u8; 32]) -> Self {
        let mut digits = [0; 4];
        for (digit, chunk) in digits.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *digit = u64::from_le_bytes(*chunk);
        }
        Self(bnum::types::U256::from_digits(digits))
    }

    /// The 32 little-endian bytes.
    pub fn to_le_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, digit) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.0.digits()) {
            *chunk = digit.to_le_bytes();
        }
        bytes
    }

    /// From 32 big-endian bytes.
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Self {
        let mut reversed = *bytes;
        reversed.reverse();
        Self::from_le_bytes(&reversed)
    }

    /// The 32 big-endian bytes.
    pub fn to_be_bytes(self) -> [u8; 32] {
        let mut bytes = self.to_le_bytes();
        bytes.reverse();
        bytes
    }

    /// Sum, or `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Difference, or `None` below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Product, or `None` on overflow.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        self.0.checked_mul(other.0).map(Self)
    }

    /// Floor of the quotient, or `None` for a zero divisor.
    pub fn checked_div(self, other: Self) -> Option<Self> {
        self.0.checked_div(other.0).map(Self)
    }

    /// Remainder, or `None` for a zero divisor.
    pub fn checked_rem(self, other: Self) -> Option<Self> {
        self.0.checked_rem(other.0).map(Self)
    }

    /// Shift left, discarding high bits; `None` when `bits` is 256 or more.
    pub fn checked_shl(self, bits: u32) -> Option<Self> {
        self.0.checked_shl(bits).map(Self)
    }

    /// Shift right; `None` when `bits` is 256 or more.
    pub fn checked_shr(self, bits: u32) -> Option<Self> {
        self.0.checked_shr(bits).map(Self)
    }

    /// The value as u128, or `None` when it does not fit.
    pub fn to_u128(self) -> Option<u128> {
        let [low, high, 0, 0] = *self.0.digits() else {
            return None;
        };
        Some(u128::from(low) | u128::from(high) << 64)
    }
}

impl From<u128> for U256 {
    fn from(value: u128) -> Self {
        Self(bnum::types::U256::from(value))
    }
}

impl From<u64> for U256 {
    fn from(value: u64) -> Self {
        Self(bnum::types::U256::from(value))
    }
}

impl BitAnd for U256 {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for U256 {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitXor for U256 {
    type Output = Self;

    fn bitxor(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

/// Decimal.
impl fmt::Display for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Decimal.
impl FromStr for U256 {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        bnum::types::U256::from_str_radix(text, 10)
            .map(Self)
            .map_err(|_| ParseNameError::new("u256", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_text_and_limits() {
        let value = U256::from(u128::MAX).checked_add(U256::ONE).unwrap();
        assert_eq!(value.to_string(), "340282366920938463463374607431768211456");
        assert_eq!(value.to_string().parse(), Ok(value));
        assert_eq!(value.to_le_bytes()[16], 1);
        assert_eq!(value.to_be_bytes()[15], 1);
        assert_eq!(U256::from_be_bytes(&value.to_be_bytes()), value);
        assert_eq!(U256::from_le_bytes(&value.to_le_bytes()), value);
        assert_eq!(value.to_u128(), None);
        assert_eq!(U256::from(7u64).to_u128(), Some(7));
        assert_eq!(U256::MAX.checked_add(U256::ONE), None);
        assert_eq!(U256::ONE.checked_shl(256), None);
        assert!("-1".parse::<U256>().is_err());
        assert!("1x".parse::<U256>().is_err());
    }
}
