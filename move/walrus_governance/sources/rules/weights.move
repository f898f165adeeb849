/// Weights of nodes in a committee, in shards.
module walrus_governance::weights;

use walrus::committee::Committee;

// === Package functions ===

/// Shards of a node; 0 if it is not a member.
public(package) fun of_node(committee: &Committee, node_id: ID): u16 {
    let members = committee.inner();
    if (members.contains(&node_id)) members.get(&node_id).length() as u16 else 0
}

/// Shards of all members.
public(package) fun total(committee: &Committee): u16 {
    let members = committee.inner();
    let mut total = 0;
    members.length().do!(|i| {
        let (_, shards) = members.get_entry_by_idx(i);
        total = total + (shards.length() as u16);
    });
    total
}

/// Whether so many shards of `total` hold at least one honest node, if less than a third do not.
public(package) fun is_over_a_third(weight: u16, total: u16): bool {
    3 * (weight as u64) > (total as u64)
}

/// Smallest number of shards that is more than two thirds of `total`.
public(package) fun over_two_thirds(total: u16): u16 {
    (2 * (total as u64) / 3 + 1) as u16
}
