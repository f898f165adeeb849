//! Bounds on memory that tasks share.

use std::sync::Arc;

use stdx::SaturatingFrom as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory is handed out in units of this size, because semaphores count in 32 bits.
pub const UNIT_BYTES: usize = 1024;

/// A number of bytes that may be in use at a time, first come first served. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryBound {
    units: Arc<Semaphore>,
    units_max: usize,
}

/// The right to use some bytes; gives them back when dropped.
#[derive(Debug)]
pub struct Reserved {
    _permit: OwnedSemaphorePermit,
}

impl MemoryBound {
    /// A bound of `bytes_max` bytes, rounded down to whole units but never to none.
    pub fn new(bytes_max: usize) -> Self {
        let units_max = (bytes_max / UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            units: Arc::new(Semaphore::new(units_max)),
            units_max,
        }
    }

    /// Takes `bytes` if they are free now. What is larger than the whole takes all of it.
    pub fn try_reserve(&self, bytes: usize) -> Option<Reserved> {
        let permit = self.units.clone().try_acquire_many_owned(self.units(bytes));
        permit.ok().map(|permit| Reserved { _permit: permit })
    }

    /// Waits until `bytes` are free and takes them. What is larger than the whole waits for all of
    /// it.
    pub async fn reserve(&self, bytes: usize) -> Reserved {
        let permit = self.units.clone().acquire_many_owned(self.units(bytes));
        Reserved {
            _permit: permit.await.expect("the semaphore is never closed"),
        }
    }

    /// Bytes in use.
    pub fn in_use(&self) -> usize {
        self.units_max
            .saturating_sub(self.units.available_permits())
            .saturating_mul(UNIT_BYTES)
    }

    /// Bytes that may be in use.
    pub fn bytes_max(&self) -> usize {
        self.units_max.saturating_mul(UNIT_BYTES)
    }

    fn units(&self, bytes: usize) -> u32 {
        let units = bytes.div_ceil(UNIT_BYTES).min(self.units_max);
        u32::saturating_from(units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_given_back() {
        let bound = MemoryBound::new(3 * UNIT_BYTES);
        let one = bound.try_reserve(1).unwrap();
        let two = bound.try_reserve(UNIT_BYTES + 1).unwrap();
        assert_eq!(bound.in_use(), bound.bytes_max());
        assert!(bound.try_reserve(1).is_none());
        drop(one);
        assert!(bound.try_reserve(UNIT_BYTES).is_some());
        drop(two);
        assert_eq!(bound.in_use(), 0);
        // A single thing that is too large gets everything, or nothing would ever move it.
        assert!(bound.try_reserve(usize::MAX).is_some());
    }
}
