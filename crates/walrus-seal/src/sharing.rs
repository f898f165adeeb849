//! Shares of a key, of which a threshold is needed: Shamir's scheme for each byte, over GF(2⁸) with
//! the polynomial x⁸ + x⁴ + x³ + x + 1.

use std::num::NonZeroU8;

use rand::{CryptoRng, RngCore};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::ibe::{KEY_LENGTH, SecretBytes};

/// Shares an encryptor makes at most, and so the largest threshold: as many as other
/// implementations make.
pub const SHARES_MAX: usize = 254;

/// Why shares cannot be made or combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SharingError {
    /// There are no shares.
    #[error("there are no shares")]
    NoShares,
    /// Two shares have the same index.
    #[error("two shares have index {0}")]
    DuplicateIndex(NonZeroU8),
    /// Index 0 would be the secret itself.
    #[error("a share cannot have index 0")]
    ZeroIndex,
    /// The threshold is 0 or more than there are shares.
    #[error("a threshold of {threshold} is impossible with {shares} shares")]
    InvalidThreshold {
        /// The threshold.
        threshold: u8,
        /// How many shares there are.
        shares: usize,
    },
    /// There are too many shares.
    #[error("{0} shares are more than {SHARES_MAX}")]
    TooManyShares(usize),
}

/// One share of a key.
#[derive(Clone)]
pub struct Share {
    /// Where the polynomials were evaluated.
    pub index: NonZeroU8,
    /// The values.
    pub value: SecretBytes,
}

impl Share {
    /// A share with an index from outside.
    pub fn new(index: u8, value: SecretBytes) -> Result<Self, SharingError> {
        let index = NonZeroU8::new(index).ok_or(SharingError::ZeroIndex)?;
        Ok(Self { index, value })
    }
}

/// Addition, and subtraction, is exclusive or. Nothing here branches on a value or looks one up.
pub mod field {
    /// The product of two elements.
    pub fn mul(a: u8, b: u8) -> u8 {
        let (mut a, mut product) = (a, 0);
        for bit in 0..8 {
            product ^= a & 0u8.wrapping_sub((b >> bit) & 1);
            let carry = 0u8.wrapping_sub(a >> 7);
            a = (a << 1) ^ (carry & 0x1b);
        }
        product
    }

    /// The inverse of an element; 0 for 0, which has none.
    pub fn inverse(a: u8) -> u8 {
        // a²⁵⁴: the group of units has 255 elements.
        let mut power = a;
        let mut result = 1;
        for _ in 0..7 {
            power = mul(power, power);
            result = mul(result, power);
        }
        result
    }
}

/// Splits a secret into `count` shares with indices from 1 on, of which any `threshold` give it
/// back.
pub fn split<R: RngCore + CryptoRng>(
    secret: &SecretBytes,
    threshold: u8,
    count: usize,
    rng: &mut R,
) -> Result<Vec<Share>, SharingError> {
    if count > SHARES_MAX {
        return Err(SharingError::TooManyShares(count));
    }
    check_threshold(threshold, count)?;
    // Coefficients of x, x², …, for all bytes at once.
    let coefficients: Vec<SecretBytes> = (1..threshold)
        .map(|_| {
            let mut coefficient = Zeroizing::new([0; KEY_LENGTH]);
            rng.fill_bytes(coefficient.as_mut());
            coefficient
        })
        .collect();
    let indices = (1..=u8::MAX).take(count).filter_map(NonZeroU8::new);
    Ok(indices
        .map(|index| Share {
            index,
            value: evaluate(secret, &coefficients, index.get()),
        })
        .collect())
}

/// Horner's rule.
fn evaluate(secret: &SecretBytes, coefficients: &[SecretBytes], x: u8) -> SecretBytes {
    let mut value = Zeroizing::new([0; KEY_LENGTH]);
    for coefficient in coefficients.iter().rev().chain([secret]) {
        for (value, coefficient) in value.iter_mut().zip(coefficient.iter()) {
            *value = field::mul(*value, x) ^ coefficient;
        }
    }
    value
}

/// The secret of the polynomials through all of the shares. Too few or wrong shares give a wrong
/// secret, not an error.
pub fn combine(shares: &[Share]) -> Result<SecretBytes, SharingError> {
    check_indices(shares)?;
    Ok(interpolate(shares, 0))
}

/// Whether all shares lie on polynomials of a degree below the threshold, so that any `threshold`
/// of them give the same secret.
pub fn are_consistent(shares: &[Share], threshold: u8) -> Result<bool, SharingError> {
    check_indices(shares)?;
    check_threshold(threshold, shares.len())?;
    let (basis, others) = shares.split_at(usize::from(threshold));
    let matches = |share: &Share| {
        let expected = interpolate(basis, share.index.get());
        bool::from(expected[..].ct_eq(&share.value[..]))
    };
    Ok(others.iter().all(matches))
}

/// The value at `x` of the polynomials through the shares, whose indices are distinct.
fn interpolate(shares: &[Share], x: u8) -> SecretBytes {
    let mut value = Zeroizing::new([0; KEY_LENGTH]);
    for share in shares {
        let coefficient = lagrange(shares, share.index.get(), x);
        for (value, byte) in value.iter_mut().zip(share.value.iter()) {
            *value ^= field::mul(*byte, coefficient);
        }
    }
    value
}

/// The Lagrange coefficient of the share with this index, at `x`. Indices are public.
fn lagrange(shares: &[Share], index: u8, x: u8) -> u8 {
    let mut numerator = 1;
    let mut denominator = 1;
    for other in shares.iter().map(|share| share.index.get()) {
        if other != index {
            numerator = field::mul(numerator, x ^ other);
            denominator = field::mul(denominator, index ^ other);
        }
    }
    field::mul(numerator, field::inverse(denominator))
}

fn check_indices(shares: &[Share]) -> Result<(), SharingError> {
    if shares.is_empty() {
        return Err(SharingError::NoShares);
    }
    let mut seen = [false; 256];
    for share in shares {
        let slot = &mut seen[usize::from(share.index.get())];
        if std::mem::replace(slot, true) {
            return Err(SharingError::DuplicateIndex(share.index));
        }
    }
    Ok(())
}

fn check_threshold(threshold: u8, shares: usize) -> Result<(), SharingError> {
    if threshold == 0 || usize::from(threshold) > shares {
        return Err(SharingError::InvalidThreshold { threshold, shares });
    }
    Ok(())
}
