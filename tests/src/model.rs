//! What the contracts should compute: stake, committees, prices, payments and rewards, in plain
//! Rust.
//!
//! Written from the specification of the contracts, in the most direct form rather than the
//! fastest, and without a look at their code: numbers are `u128`, maps are sorted by what they are
//! looked up by, nothing is cached.
//!
//! [`Network`] puts the parts together: a whole deployment as numbers, which a test drives in step
//! with a real one.

mod accounting;
mod active_set;
mod apportionment;
mod committee;
mod network;
mod pool;
mod rate;
mod rewards;
mod subsidies;
mod votes;

pub use self::{
    accounting::{Accounting, BYTES_PER_UNIT, EpochAccount},
    active_set::ActiveSet,
    apportionment::{shard_counts, shards_per_node_max},
    committee::{Assignment, first_committee, next_committee},
    network::{Network, Phase},
    pool::{Pool, Stake, Standing},
    rate::Rate,
    rewards::{BURN_PERCENT, burn_share, split_rewards},
    subsidies::Subsidies,
    votes::{Vote, capacity, is_quorum, price},
};

/// Why an operation is refused: module and code of the abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub &'static str, pub u64);

/// `⌊value · numerator / denominator⌋` for values and denominators below 2^80: the product needs
/// more than 128 bits, so that it is divided digit by digit, in base 2^32.
///
/// # Panics
///
/// When the denominator is 0.
pub fn mul_div(value: u128, numerator: u64, denominator: u128) -> u128 {
    assert!(value >> 80 == 0 && denominator >> 80 == 0);
    let (high, low) = (numerator >> 32, numerator & u64::from(u32::MAX));
    let product = value * u128::from(high);
    let (quotient, remainder) = (product / denominator, product % denominator);
    (quotient << 32) + ((remainder << 32) + value * u128::from(low)) / denominator
}

#[cfg(test)]
mod tests {
    use super::mul_div;

    #[test]
    fn division_of_large_products_is_exact() {
        assert_eq!(mul_div(7, 5, 3), 11);
        assert_eq!(
            mul_div((1 << 80) - 1, u64::MAX, (1 << 80) - 1),
            u64::MAX.into()
        );
        assert_eq!(mul_div(3 << 78, 1 << 63, 3 << 70), 1 << 71);
        assert_eq!(
            mul_div((1 << 80) - 1, u64::MAX, 1 << 79),
            2 * u128::from(u64::MAX) - 1
        );
    }
}
