/// The order of nodes: ascending by node id, read as a big-endian number.
module walrus::sort;

use sui::vec_map::{Self, VecMap};

// === Public functions ===

/// The number by which a node is ordered.
public fun node_order(id: &ID): u256 {
    id.to_address().to_u256()
}

/// The map with its entries in node order.
public macro fun sort_vec_map_by_node_id<$V>($map: VecMap<ID, $V>): VecMap<ID, $V> {
    let map = $map;
    let (mut keys, mut values) = map.into_keys_values();
    // Insertion sort: committees change little, so the input is nearly sorted.
    1u64.range_do!(keys.length(), |i| {
        let mut j = i;
        while (j > 0 && node_order(&keys[j]) < node_order(&keys[j - 1])) {
            keys.swap(j, j - 1);
            values.swap(j, j - 1);
            j = j - 1;
        }
    });
    vec_map::from_keys_values(keys, values)
}

/// Whether the entries of the map are in node order.
public macro fun is_vec_map_sorted_by_node_id<$V>($map: &VecMap<ID, $V>): bool {
    let map = $map;
    let keys = map.keys();
    let mut sorted = true;
    1u64.range_do!(keys.length(), |i| {
        sorted = sorted && node_order(&keys[i - 1]) < node_order(&keys[i]);
    });
    sorted
}
