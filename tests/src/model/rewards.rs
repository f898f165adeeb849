//! Who gets the payments of an epoch.

use super::mul_div;

/// Part of the payments that is burnt, in percent.
pub const BURN_PERCENT: u64 = 3;

/// What is burnt of the payments.
///
/// # Panics
///
/// Never: it is less than the payments.
pub fn burn_share(rewards: u64) -> u64 {
    u64::try_from(u128::from(rewards) * u128::from(BURN_PERCENT) / 100).expect("a part of it")
}

/// What each node gets of the rest of the payments, given its shards and the bytes that its deny
/// list takes from what it stores. What rounding leaves over stays.
///
/// # Panics
///
/// Never: nobody gets more than there is.
pub fn split_rewards(rewards: u64, used_capacity: u64, nodes: &[(u16, u64)]) -> Vec<u64> {
    let stored = |(shards, denied): &(u16, u64)| {
        u128::from(*shards) * u128::from(used_capacity.saturating_sub(*denied))
    };
    let total = nodes.iter().map(stored).sum::<u128>().max(1);
    nodes
        .iter()
        .map(|node| mul_div(stored(node), rewards, total))
        .map(|share| u64::try_from(share).expect("a part of the rewards"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_holds() {
        let rewards = 1_000_003;
        assert_eq!(burn_share(rewards), 30_000);
        let nodes = [(500, 0), (300, 1_000_000), (200, u64::MAX)];
        let shares = split_rewards(rewards - 30_000, 10_000_000, &nodes);
        assert_eq!(shares, [629_872, 340_130, 0]);
    }
}
