//! What storage costs. The contracts charge exactly this; there is no discount and no rounding
//! besides the rounding up to whole storage units.

use walrus_core::{EpochCount, Frost, params::storage_units};

/// Prices in force. Nodes vote on them, so they may differ at the next read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Storing one unit (1 MiB of encoded data) for one epoch.
    pub storage_per_unit: Frost,
    /// Writing one unit of encoded data, once, at registration.
    pub write_per_unit: Frost,
}

impl Prices {
    /// Price of reserving `encoded_length` bytes for `epochs` epochs; `None` if it exceeds any
    /// balance.
    pub fn storage_cost(&self, encoded_length: u64, epochs: EpochCount) -> Option<Frost> {
        self.storage_per_unit
            .0
            .checked_mul(storage_units(encoded_length))?
            .checked_mul(u64::from(epochs))
            .map(Frost)
    }

    /// Price of registering a blob of `encoded_length` bytes; `None` if it exceeds any balance.
    pub fn write_cost(&self, encoded_length: u64) -> Option<Frost> {
        self.write_per_unit
            .0
            .checked_mul(storage_units(encoded_length))
            .map(Frost)
    }

    /// Price of storing a new blob: storage and write.
    pub fn total_cost(&self, encoded_length: u64, epochs: EpochCount) -> Option<Frost> {
        let storage = self.storage_cost(encoded_length, epochs)?;
        let write = self.write_cost(encoded_length)?;
        storage.0.checked_add(write.0).map(Frost)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn prices(storage: u64, write: u64) -> Prices {
        Prices {
            storage_per_unit: Frost(storage),
            write_per_unit: Frost(write),
        }
    }

    #[test]
    fn units_are_rounded_up() {
        let prices = prices(5, 3);
        assert_eq!(prices.storage_cost(1, 2), Some(Frost(10)));
        assert_eq!(prices.storage_cost(MIB, 2), Some(Frost(10)));
        assert_eq!(prices.storage_cost(MIB + 1, 2), Some(Frost(20)));
        assert_eq!(prices.write_cost(66_034_000), Some(Frost(63 * 3)));
        assert_eq!(
            prices.total_cost(66_034_000, 10),
            Some(Frost(63 * 3 + 63 * 5 * 10))
        );
    }

    #[test]
    fn prices_before_the_first_epoch_are_out_of_reach() {
        let prices = prices(u64::MAX, u64::MAX);
        assert_eq!(prices.write_cost(1), Some(Frost(u64::MAX)));
        assert_eq!(prices.total_cost(1, 1), None);
        assert_eq!(prices.storage_cost(MIB + 1, 1), None);
    }

    proptest! {
        #[test]
        fn splitting_the_period_does_not_change_the_price(
            storage in 0..1u64 << 20, length in 0..1u64 << 34, a in 0..500u32, b in 0..500u32,
        ) {
            let prices = prices(storage, 0);
            let whole = prices.storage_cost(length, a + b).unwrap();
            let parts = [a, b].map(|epochs| prices.storage_cost(length, epochs).unwrap());
            prop_assert_eq!(whole, parts[0] + parts[1]);
        }
    }
}
