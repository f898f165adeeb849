/// Which node holds which shards.
module walrus::committee;

use sui::vec_map::{Self, VecMap};
use walrus::sort::sort_vec_map_by_node_id;

// === Errors ===

/// The new assignment has another number of shards than the committee.
const EInvalidShardAssignment: u64 = 0;

// === Structs ===

/// Node id → shards, in node order. The order of a node's shards decides which of them leave next.
public struct Committee(VecMap<ID, vector<u16>>) has copy, drop, store;

// === Public functions ===

#[syntax(index)]
/// The shards of a node.
public fun shards(self: &Committee, node_id: &ID): &vector<u16> {
    self.0.get(node_id)
}

/// Number of nodes.
public fun size(self: &Committee): u64 {
    self.0.length()
}

/// All nodes and their shards.
public fun inner(self: &Committee): &VecMap<ID, vector<u16>> {
    &self.0
}

/// All nodes and their shards, copied.
public fun to_inner(self: &Committee): VecMap<ID, vector<u16>> {
    self.0
}

// === Package functions ===

/// The committee of epoch 0: nobody.
public(package) fun empty(): Committee {
    Committee(vec_map::empty())
}

/// Whether the node is a member.
public(package) fun contains(self: &Committee, node_id: &ID): bool {
    self.0.contains(node_id)
}

/// Number of shards of a node; 0 if it is not a member.
public(package) fun weight(self: &Committee, node_id: &ID): u16 {
    if (self.0.contains(node_id)) self.0.get(node_id).length() as u16 else 0
}

/// The first committee: shards are handed out consecutively, in node order.
public(package) fun initialize(assignment: VecMap<ID, u16>): Committee {
    let (node_ids, counts) = sort_vec_map_by_node_id!(assignment).into_keys_values();
    let mut next_shard = 0u16;
    let mut committee = vec_map::empty();
    node_ids.zip_do!(counts, |node_id, count| {
        if (count > 0) {
            committee.insert(node_id, vector::tabulate!(count as u64, |i| next_shard + (i as u16)));
            next_shard = next_shard + count;
        };
    });
    Committee(committee)
}

/// The committee with a new number of shards per node, such that as few shards as possible move.
/// `assignment` is in the order in which nodes get the shards that others give up.
public(package) fun transition(self: &Committee, assignment: VecMap<ID, u16>): Committee {
    assert!(total_count(&assignment) == self.total_shards(), EInvalidShardAssignment);
    let mut wanted = assignment;
    // Shards to hand on, and the nodes that keep what they have or a part of it.
    let mut freed = vector[];
    let mut next = vec_map::empty();
    self.size().do!(|i| {
        let (node_id, shards) = self.0.get_entry_by_idx(i);
        let mut shards = *shards;
        let count = take_count(&mut wanted, node_id) as u64;
        if (count > shards.length()) {
            // A growing node waits behind the new ones.
            wanted.insert(*node_id, count as u16);
        } else if (count == 0) {
            freed.append(shards);
        } else {
            while (shards.length() > count) freed.push_back(shards.pop_back());
            next.insert(*node_id, shards);
        }
    });
    let (node_ids, counts) = wanted.into_keys_values();
    node_ids.zip_do!(counts, |node_id, count| {
        if (count > 0) {
            let mut shards = self.0.try_get(&node_id).destroy_or!(vector[]);
            while (shards.length() < count as u64) shards.push_back(freed.pop_back());
            next.insert(node_id, shards);
        };
    });
    Committee(sort_vec_map_by_node_id!(next))
}

// === Private functions ===

/// Removes the entry of a node and returns its count; 0 if there is none.
fun take_count(wanted: &mut VecMap<ID, u16>, node_id: &ID): u16 {
    if (!wanted.contains(node_id)) return 0;
    let (_, count) = wanted.remove(node_id);
    count
}

fun total_shards(self: &Committee): u64 {
    let (_, shards) = self.0.into_keys_values();
    shards.fold!(0, |sum, shards| sum + shards.length())
}

fun total_count(assignment: &VecMap<ID, u16>): u64 {
    let (_, counts) = (*assignment).into_keys_values();
    counts.fold!(0, |sum, count| sum + (count as u64))
}
