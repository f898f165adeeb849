//! Metering: a deterministic bound on work.
//!
//! A unit is the protocol's smallest: a thousandth of a unit of computation. Natives cost what they
//! cost on the real network; instructions are charged coarser and dearer than there.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use stdx::SaturatingFrom as _;

use crate::error::{StatusCode, VmError};

/// Units charged per instruction.
pub const INSTRUCTION_UNITS: u64 = 100;
/// Units charged per call of a function, on top of the instruction.
pub const CALL_UNITS: u64 = 400;
/// Units charged per call of a native, on top of the instruction and of what the native costs.
pub const NATIVE_CALL_UNITS: u64 = 2;
/// Units charged per [`BYTES_PER_STEP`] bytes copied, compared or decoded by an instruction.
pub const STEP_UNITS: u64 = 100;
/// See [`STEP_UNITS`].
pub const BYTES_PER_STEP: u64 = 16;

/// Calls of natives of one transaction that cost what the table says. What later ones cost counts
/// as so many instructions, and is multiplied as the number of instructions demands.
const NATIVES_PLAIN_MAX: u64 = 700;
/// Instructions from which on natives cost so many times as much; the last that applies counts.
const TIERS: [(u64, u64); 6] = [
    (10_000_000, 1_000),
    (200_000, 100),
    (100_000, 50),
    (50_000, 10),
    (20_000, 2),
    (0, 1),
];
/// The same for the sizes of all that natives have given back.
const SIZE_TIERS: [(u64, u64); 5] = [
    (100_000_000, 1_000),
    (1_000_000, 100),
    (500_000, 5),
    (100_000, 2),
    (0, 1),
];
/// Instructions between two looks at whether the execution is to stop.
const STOP_INTERVAL: u64 = 1_024;

/// Counts units of work against a limit. The same execution always charges the same units.
#[derive(Clone, Debug)]
pub struct Meter {
    limit: u64,
    remaining: u64,
    /// Instructions so far, with what later natives count for.
    instructions: u64,
    natives: u64,
    /// Sizes of what natives have given back so far.
    result_sizes: u64,
    stop: Option<Arc<AtomicBool>>,
}

impl Meter {
    /// A meter that allows `limit` units.
    pub const fn new(limit: u64) -> Self {
        Self {
            limit,
            remaining: limit,
            instructions: 0,
            natives: 0,
            result_sizes: 0,
            stop: None,
        }
    }

    /// A meter that never runs out in practice (2^64 - 1 units).
    pub const fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// The same meter, which soon runs out once `stop` is set. Whoever sets it knows that the
    /// execution did not end by itself.
    #[must_use]
    pub fn stopped_by(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = Some(stop);
        self
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

    /// Charges an instruction, or uses up what is left and returns false.
    #[inline]
    pub(crate) fn try_instruction(&mut self) -> bool {
        self.instructions += 1;
        if self.instructions.is_multiple_of(STOP_INTERVAL) && self.is_stopped() {
            self.remaining = 0;
        }
        self.try_charge(INSTRUCTION_UNITS)
    }

    fn is_stopped(&self) -> bool {
        self.stop
            .as_ref()
            .is_some_and(|stop| stop.load(Ordering::Relaxed))
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

    /// Begins a call of a native, which [`Self::charge_native`] charges.
    pub(crate) fn begin_native(&mut self) -> Result<(), VmError> {
        self.natives += 1;
        if self.is_stopped() {
            self.remaining = 0;
        }
        self.charge(NATIVE_CALL_UNITS)
    }

    /// Charges work of the native that runs.
    ///
    /// # Errors
    /// As [`Self::charge`].
    pub fn charge_native(&mut self, units: u64) -> Result<(), VmError> {
        if self.natives <= NATIVES_PLAIN_MAX {
            return self.charge(units);
        }
        self.instructions = self.instructions.saturating_add(units);
        self.charge(units.saturating_mul(factor(&TIERS, self.instructions)))
    }

    /// Charges for what the native gives back: so many values, and the sum of their abstract sizes.
    ///
    /// # Errors
    /// As [`Self::charge`].
    pub(crate) fn charge_results(&mut self, count: usize, size: u64) -> Result<(), VmError> {
        self.result_sizes = self.result_sizes.saturating_add(size);
        let sizes = size.saturating_mul(factor(&SIZE_TIERS, self.result_sizes));
        let count = u64::saturating_from(count);
        self.charge(sizes.saturating_add(count))
    }

    /// Charges for work of an instruction that is proportional to a number of bytes.
    ///
    /// # Errors
    /// As [`Self::charge`].
    pub fn charge_bytes(&mut self, bytes: usize) -> Result<(), VmError> {
        let steps = u64::saturating_from(bytes) / BYTES_PER_STEP;
        self.charge(steps.saturating_mul(STEP_UNITS))
    }
}

/// How many times as much something costs, once there is so much of it.
fn factor(tiers: &[(u64, u64)], reached: u64) -> u64 {
    let tier = tiers.iter().find(|(start, _)| reached > *start);
    tier.map_or(1, |(_, factor)| *factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natives_beyond_the_plain_ones_count_as_instructions() {
        let mut meter = Meter::unlimited();
        for _ in 0..NATIVES_PLAIN_MAX {
            meter.begin_native().expect("enough");
            meter.charge_native(52).expect("enough");
        }
        assert_eq!(meter.used(), NATIVES_PLAIN_MAX * 54);
        assert_eq!(meter.instructions, 0);
        // Priced by the tier that it reaches itself.
        let before = meter.used();
        meter.begin_native().expect("enough");
        meter.charge_native(30_000).expect("enough");
        assert_eq!(meter.used() - before, NATIVE_CALL_UNITS + 60_000);
        let before = meter.used();
        meter.begin_native().expect("enough");
        meter.charge_native(200_000).expect("enough");
        assert_eq!(meter.used() - before, NATIVE_CALL_UNITS + 20_000_000);
    }

    #[test]
    fn results_of_natives_cost_their_sizes_and_more_when_they_add_up() {
        let mut meter = Meter::unlimited();
        let mut cost = |count, size| {
            let before = meter.used();
            meter.charge_results(count, size).expect("enough");
            meter.used() - before
        };
        assert_eq!(cost(2, 40), 42);
        assert_eq!(cost(1, 100_000 - 40), 100_000 - 40 + 1);
        // All of what crosses the border costs what is asked beyond it.
        assert_eq!(cost(1, 10), 21);
        assert_eq!(cost(1, 400_000), 5 * 400_000 + 1);
        assert_eq!(cost(1, 1_000_000), 100 * 1_000_000 + 1);
        assert_eq!(cost(0, 0), 0);
    }

    #[test]
    fn a_stopped_execution_runs_out() {
        let stop = Arc::new(AtomicBool::new(false));
        let mut meter = Meter::unlimited().stopped_by(Arc::clone(&stop));
        let ran = |meter: &mut Meter| (0..=STOP_INTERVAL).all(|_| meter.try_instruction());
        assert!(ran(&mut meter));
        stop.store(true, Ordering::Relaxed);
        assert!(!ran(&mut meter));
        assert!(meter.begin_native().is_err());
    }
}
