//! How many shards may fail, and how many must agree.
//!
//! Weights are numbers of shards. The thresholds are those the contracts apply; they equal the
//! familiar `2f + 1` and `f + 1` only when `n mod 3 = 1`.

use crate::NShards;

/// The largest number `f` of shards that may be faulty: `(n − 1) / 3`.
pub fn max_faulty(n: NShards) -> u16 {
    (n.get() - 1) / 3
}

/// The number of shards certain to be correct: `n − f`. Never zero.
pub fn min_correct(n: NShards) -> u16 {
    n.get() - max_faulty(n)
}

/// Whether `weight` shards form a quorum: `3·weight ≥ 2·n + 1`, which is `weight ≥ n − f`.
pub fn is_quorum(weight: usize, n: NShards) -> bool {
    weight.saturating_mul(3) > 2 * usize::from(n.get())
}

/// Whether `weight` shards must include a correct one: `3·weight ≥ n + 1`.
pub fn is_above_validity(weight: usize, n: NShards) -> bool {
    weight.saturating_mul(3) > usize::from(n.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quorum_is_min_correct_for_every_n() {
        for n in (1..=u16::MAX).filter_map(NShards::new) {
            let least = usize::from(min_correct(n));
            assert!(is_quorum(least, n));
            assert!(!is_quorum(least - 1, n));
        }
    }

    #[test]
    fn validity_exceeds_the_faulty_shards() {
        for n in (1..=u16::MAX).filter_map(NShards::new) {
            let faulty = usize::from(max_faulty(n));
            assert!(!is_above_validity(faulty, n), "{n}");
            let least = if n.get() % 3 == 0 {
                faulty + 2
            } else {
                faulty + 1
            };
            assert!(is_above_validity(least, n), "{n}");
            assert!(!is_above_validity(least - 1, n), "{n}");
        }
    }
}
