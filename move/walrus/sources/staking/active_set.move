/// The candidates for the committee: a bounded set of the nodes with the most stake.
module walrus::active_set;

// === Errors ===

/// The set must have room for a node.
const EZeroMaxSize: u64 = 0;
/// The node is in the set already.
const EDuplicateInsertion: u64 = 1;

// === Structs ===

/// A node and its stake.
public struct ActiveSetEntry has copy, drop, store {
    node_id: ID,
    staked_amount: u64,
}

/// The nodes, in the order in which they got their places.
public struct ActiveSet has copy, drop, store {
    max_size: u16,
    threshold_stake: u64,
    nodes: vector<ActiveSetEntry>,
    total_stake: u64,
}

// === Package functions ===

/// An empty set for at most `max_size` nodes with at least `threshold_stake` each.
public(package) fun new(max_size: u16, threshold_stake: u64): ActiveSet {
    assert!(max_size > 0, EZeroMaxSize);
    ActiveSet { max_size, threshold_stake, nodes: vector[], total_stake: 0 }
}

/// Sets the stake of a node, which may let it in, push another node out, or remove it.
/// Returns whether the node is in the set afterwards.
public(package) fun insert_or_update(self: &mut ActiveSet, node_id: ID, staked_amount: u64): bool {
    if (staked_amount == 0 || staked_amount < self.threshold_stake) {
        self.remove(node_id);
        return false
    };
    if (self.update(node_id, staked_amount)) return true;
    self.insert(node_id, staked_amount)
}

/// Adds a node that is not in the set; into a full set only in place of one with less stake.
public(package) fun insert(self: &mut ActiveSet, node_id: ID, staked_amount: u64): bool {
    assert!(!self.nodes.any!(|entry| entry.node_id == node_id), EDuplicateInsertion);
    let entry = ActiveSetEntry { node_id, staked_amount };
    if (self.nodes.length() < self.max_size as u64) {
        self.nodes.push_back(entry);
        self.total_stake = self.total_stake + staked_amount;
        return true
    };
    let smallest = self.index_of_smallest();
    let evicted = self.nodes[smallest].staked_amount;
    if (evicted >= staked_amount) return false;
    *(&mut self.nodes[smallest]) = entry;
    self.total_stake = self.total_stake - evicted + staked_amount;
    true
}

/// Changes the stake of a node that is in the set; returns false if it is not.
public(package) fun update(self: &mut ActiveSet, node_id: ID, staked_amount: u64): bool {
    self.nodes.find_index!(|entry| entry.node_id == node_id).is_some_and!(|index| {
        let entry = &mut self.nodes[*index];
        self.total_stake = self.total_stake - entry.staked_amount + staked_amount;
        entry.staked_amount = staked_amount;
        true
    })
}

/// Removes a node, if it is in the set.
public(package) fun remove(self: &mut ActiveSet, node_id: ID) {
    self.nodes.find_index!(|entry| entry.node_id == node_id).do!(|index| {
        let entry = self.nodes.swap_remove(index);
        self.total_stake = self.total_stake - entry.staked_amount;
    });
}

/// Changes the largest number of nodes. Nobody is removed.
public(package) fun set_max_size(self: &mut ActiveSet, max_size: u16) {
    assert!(max_size > 0, EZeroMaxSize);
    self.max_size = max_size;
}

/// Largest number of nodes.
public(package) fun max_size(self: &ActiveSet): u16 {
    self.max_size
}

/// Number of nodes.
public(package) fun size(self: &ActiveSet): u64 {
    self.nodes.length()
}

/// Sum of the stakes.
public(package) fun total_stake(self: &ActiveSet): u64 {
    self.total_stake
}

/// The nodes, in order.
public(package) fun active_ids(self: &ActiveSet): vector<ID> {
    self.nodes.map_ref!(|entry| entry.node_id)
}

/// The stakes, in the order of the nodes.
public(package) fun stakes(self: &ActiveSet): vector<u64> {
    self.nodes.map_ref!(|entry| entry.staked_amount)
}

// === Private functions ===

/// Index of the first node with the smallest stake; the set is not empty.
fun index_of_smallest(self: &ActiveSet): u64 {
    let mut smallest = 0;
    1u64.range_do!(self.nodes.length(), |i| {
        if (self.nodes[i].staked_amount < self.nodes[smallest].staked_amount) smallest = i;
    });
    smallest
}
