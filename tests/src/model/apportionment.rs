//! How many shards each node gets: the method of D'Hondt, with a limit per node.

/// Most shards that one node can have. From 20 nodes on it is a tenth; fewer nodes may have more,
/// so that all shards find a holder.
pub fn shards_per_node_max(n_shards: u16, nodes: usize) -> u64 {
    let n_shards = u64::from(n_shards);
    if nodes >= 20 {
        n_shards / 10
    } else {
        (2 * n_shards).div_ceil(u64::try_from(nodes).expect("few nodes"))
    }
}

/// The number of shards for each stake, the earlier of two equal claims first; `None` when the
/// limit leaves shards without a holder.
///
/// Shards go one by one to the node with the largest stake per shard that it would have, in 64
/// binary fractions.
pub fn shard_counts(n_shards: u16, stakes: &[u64]) -> Option<Vec<u16>> {
    let limit = shards_per_node_max(n_shards, stakes.len());
    let mut counts = vec![0u16; stakes.len()];
    for _ in 0..n_shards {
        let mut best: Option<(u128, usize)> = None;
        for (node, stake) in stakes.iter().enumerate() {
            if u64::from(counts[node]) == limit {
                continue;
            }
            let claim = (u128::from(*stake) << 64) / (u128::from(counts[node]) + 1);
            if best.is_none_or(|(largest, _)| claim > largest) {
                best = Some((claim, node));
            }
        }
        counts[best?.1] += 1;
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::shard_counts;

    #[test]
    fn the_examples_of_the_specification_hold() {
        let wal = |amounts: &[u64]| {
            amounts
                .iter()
                .map(|x| x * 1_000_000_000)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shard_counts(1000, &wal(&[5, 4, 3, 2, 1, 1, 1])).unwrap(),
            [286, 239, 179, 119, 59, 59, 59]
        );
        assert_eq!(shard_counts(10, &[7, 5, 3, 1]).unwrap(), [5, 3, 2, 0]);
        assert_eq!(shard_counts(10, &[100, 100, 100]).unwrap(), [4, 3, 3]);
        assert_eq!(shard_counts(13, &[1000, 1, 1]).unwrap(), [9, 2, 2]);
        let mut stakes = vec![1_000_000; 2];
        stakes.extend([10_000; 23]);
        let counts = shard_counts(1000, &stakes).unwrap();
        assert_eq!(counts[..2], [100, 100]);
        assert_eq!(counts[2..].iter().filter(|count| **count == 35).count(), 18);
        assert_eq!(counts[2..].iter().filter(|count| **count == 34).count(), 5);
        assert_eq!(shard_counts(9, &[1; 20]), None);
    }
}
