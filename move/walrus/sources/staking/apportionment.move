/// Divides the shards among nodes in proportion to their stakes: the method of D'Hondt, with a limit
/// per node.
module walrus::apportionment;

use walrus::apportionment_queue;

// === Constants ===

/// From so many nodes on, nobody gets more than a tenth of the shards.
const MIN_NODES_FOR_SHARD_LIMIT: u64 = 20;
/// With `n` shards and many nodes the limit is `n` divided by this.
const SHARD_LIMIT_DENOMINATOR: u64 = 10;

// === Package functions ===

/// Number of shards for each stake. Of two nodes with the same claim the earlier one wins. Aborts
/// when the limit leaves shards over, which needs 20 nodes or more and fewer than 10 shards.
public(package) fun apportion(n_shards: u16, stakes: vector<u64>): vector<u16> {
    let total_stake = stakes.fold!(0u64, |sum, stake| sum + stake);
    let limit = max_shards_per_node(n_shards, stakes.length());
    // Nobody gets fewer than this in the end, so that the loop below has little left to do.
    let divisor = total_stake / ((n_shards as u64) + 1) + 1;
    let mut counts = stakes.map_ref!(|stake| (*stake / divisor).min(limit));
    let mut assigned = counts.fold!(0, |sum, count| sum + count);

    let mut queue = apportionment_queue::new();
    stakes.length().do!(|i| {
        if (counts[i] != limit) {
            queue.insert(claim(stakes[i], counts[i]), stakes.length() - i, i);
        };
    });
    while (assigned < n_shards as u64) {
        let (_, tie_breaker, i) = queue.pop_max();
        let count = &mut counts[i];
        *count = *count + 1;
        assigned = assigned + 1;
        if (*count != limit) queue.insert(claim(stakes[i], *count), tie_breaker, i);
    };
    counts.map!(|count| count as u16)
}

// === Private functions ===

/// Claim of a node to one more shard: stake over shards, with 64 fractional bits.
fun claim(stake: u64, count: u64): u128 {
    ((stake as u128) << 64) / ((count as u128) + 1)
}

/// A tenth of the shards, or more when there are few nodes.
fun max_shards_per_node(n_shards: u16, n_nodes: u64): u64 {
    let n_shards = n_shards as u64;
    if (n_nodes >= MIN_NODES_FOR_SHARD_LIMIT) {
        n_shards / SHARD_LIMIT_DENOMINATOR
    } else {
        let limit = MIN_NODES_FOR_SHARD_LIMIT * n_shards;
        limit.divide_and_round_up(SHARD_LIMIT_DENOMINATOR * n_nodes)
    }
}
