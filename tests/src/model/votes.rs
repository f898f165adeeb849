//! What the nodes' votes decide.

use stdx::SaturatingFrom as _;

/// A vote and the number of shards behind it.
pub type Vote = (u64, u16);

/// Whether this many shards are a quorum: more than two thirds.
pub fn is_quorum(weight: u16, n_shards: u16) -> bool {
    3 * u32::from(weight) > 2 * u32::from(n_shards)
}

/// The smallest price that is enough for a quorum. Nobody can pay the price of a network without
/// nodes.
pub fn price(votes: &[Vote], n_shards: u16) -> u64 {
    let mut prices: Vec<_> = votes.iter().map(|(price, _)| *price).collect();
    prices.sort_unstable();
    let enough = |price: &u64| is_quorum(weight(votes, |vote| vote <= *price), n_shards);
    prices.into_iter().find(enough).unwrap_or(u64::MAX)
}

/// The largest capacity of the network that a quorum can provide. A node votes with its own
/// capacity, which is scaled up to the network by its part of the shards.
///
/// # Panics
///
/// When no quorum votes.
pub fn capacity(node_capacities: &[Vote], n_shards: u16) -> u64 {
    let scale = |(capacity, shards): &Vote| {
        let network = u128::from(*capacity) * u128::from(n_shards) / u128::from(*shards);
        (u64::saturating_from(network), *shards)
    };
    let votes: Vec<_> = node_capacities.iter().map(scale).collect();
    let mut capacities: Vec<_> = votes.iter().map(|(capacity, _)| *capacity).collect();
    capacities.sort_unstable();
    let provided = |capacity: &u64| is_quorum(weight(&votes, |vote| vote >= *capacity), n_shards);
    let found = capacities.into_iter().rev().find(provided);
    found.expect("all nodes together are a quorum")
}

fn weight(votes: &[Vote], counts: impl Fn(u64) -> bool) -> u16 {
    votes
        .iter()
        .filter(|(vote, _)| counts(*vote))
        .map(|(_, weight)| weight)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification_hold() {
        assert_eq!(price(&[(100, 500), (90, 300), (200, 200)], 1000), 100);
        assert_eq!(price(&[(100, 333), (90, 333), (200, 334)], 1000), 200);
        assert_eq!(price(&[], 1000), u64::MAX);
        let tera = 1_000_000_000_000;
        let capacities = [(4 * tera, 500), (tera, 300), (tera, 200)];
        assert_eq!(capacity(&capacities, 1000), 5 * tera);
    }
}
