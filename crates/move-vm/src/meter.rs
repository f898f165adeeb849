//! Metering: a deterministic bound on work.

use crate::error::{StatusCode, VmError};

/// Units charged per instruction.
pub const INSTRUCTION_UNITS: u64 = 1;
/// Units charged per call of a function or native, on top of the instruction.
pub const CALL_UNITS: u64 = 4;
/// Bytes copied, compared or serialized per unit.
pub const BYTES_PER_UNIT: u64 = 16;

/// Counts units of work against a limit. The same execution always charges the same units.
#[derive(Clone, Debug)]
pub struct Meter {
    limit: u64,
    remaining: u64,
}

impl Meter {
    /// A meter that allows `limit` units.
    pub const fn new(limit: u64) -> Self {
        Self {
            limit,
            remaining: limit,
        }
    }

    /// A meter that never runs out in practice (2^64 - 1 units).
    pub const fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Units used so far.
    pub const fn used(&self) -> u64 {
        self.limit - self.remaining
    }

    /// Units left.
    pub const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// The limit.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Charges units, or uses up what is left and returns false.
    #[inline]
    pub fn try_charge(&mut self, units: u64) -> bool {
        if let Some(rest) = self.remaining.checked_sub(units) {
            self.remaining = rest;
            true
        } else {
            self.remaining = 0;
            false
        }
    }

    /// Charges units.
    ///
    /// # Errors
    /// [`StatusCode::OutOfGas`] when fewer are left; the meter is then empty.
    pub fn charge(&mut self, units: u64) -> Result<(), VmError> {
        if self.try_charge(units) {
            Ok(())
        } else {
            Err(VmError::new(StatusCode::OutOfGas))
        }
    }

    /// Charges for work proportional to a number of bytes.
    ///
    /// # Errors
    /// As [`Self::charge`].
    pub fn charge_bytes(&mut self, bytes: usize) -> Result<(), VmError> {
        self.charge(1 + u64::try_from(bytes).unwrap_or(u64::MAX) / BYTES_PER_UNIT)
    }
}
