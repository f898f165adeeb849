module walrus::committee_tests;

use std::unit_test::assert_eq;
use sui::vec_map::{Self, VecMap};
use walrus::committee::{Self, Committee};
use walrus::sort;

fun assignment(nodes: vector<address>, counts: vector<u16>): VecMap<ID, u16> {
    vec_map::from_keys_values(nodes.map!(|node| node.to_id()), counts)
}

fun assert_shards(committee: &Committee, node: address, shards: vector<u16>) {
    assert_eq!(committee[&node.to_id()], shards);
}

#[test]
fun first_committee_and_two_transitions() {
    let first = committee::initialize(
        assignment(vector[@0x4, @0x1, @0x3, @0x2], vector[3, 2, 3, 2]),
    );
    assert_shards(&first, @0x1, vector[0, 1]);
    assert_shards(&first, @0x2, vector[2, 3]);
    assert_shards(&first, @0x3, vector[4, 5, 6]);
    assert_shards(&first, @0x4, vector[7, 8, 9]);

    let second = first.transition(
        assignment(vector[@0x5, @0x3, @0x1, @0x2], vector[3, 4, 1, 2]),
    );
    assert_eq!(second.size(), 4);
    assert_shards(&second, @0x1, vector[0]);
    assert_shards(&second, @0x2, vector[2, 3]);
    assert_shards(&second, @0x3, vector[4, 5, 6, 1]);
    assert_shards(&second, @0x5, vector[9, 8, 7]);

    let third = second.transition(
        assignment(vector[@0x2, @0x6, @0x5, @0x1], vector[3, 2, 2, 3]),
    );
    assert_eq!(third.size(), 4);
    assert_shards(&third, @0x1, vector[0, 6, 5]);
    assert_shards(&third, @0x2, vector[2, 3, 4]);
    assert_shards(&third, @0x5, vector[9, 8]);
    assert_shards(&third, @0x6, vector[7, 1]);
    let members = third.inner();
    assert!(sort::is_vec_map_sorted_by_node_id!(members));
}

#[test]
fun nodes_without_shards_are_left_out() {
    let first = committee::initialize(assignment(vector[@0x1, @0x2, @0x3], vector[0, 4, 0]));
    assert_eq!(first.size(), 1);
    assert_shards(&first, @0x2, vector[0, 1, 2, 3]);
    let second = first.transition(assignment(vector[@0x2, @0x7], vector[0, 4]));
    assert_eq!(second.size(), 1);
    assert_shards(&second, @0x7, vector[3, 2, 1, 0]);
    assert!(!second.contains(&@0x2.to_id()));
    assert_eq!(second.weight(&@0x2.to_id()), 0);
    assert_eq!(second.weight(&@0x7.to_id()), 4);
}

#[test]
fun nothing_moves_when_nothing_changes() {
    let first = committee::initialize(assignment(vector[@0x1, @0x2, @0x3], vector[3, 3, 4]));
    let second = first.transition(assignment(vector[@0x3, @0x2, @0x1], vector[4, 3, 3]));
    assert_eq!(first, second);
}

#[test]
fun node_order_is_numeric() {
    let big = @0x0100000000000000000000000000000000000000000000000000000000000000;
    let committee = committee::initialize(assignment(vector[big, @0xFF], vector[1, 1]));
    assert_shards(&committee, @0xFF, vector[0]);
    assert_shards(&committee, big, vector[1]);
}

#[test, expected_failure(abort_code = committee::EInvalidShardAssignment)]
fun another_number_of_shards() {
    let first = committee::initialize(assignment(vector[@0x1, @0x2], vector[2, 2]));
    first.transition(assignment(vector[@0x1, @0x2], vector[2, 3]));
}

// === Movement ===

fun counts_of(committee: &Committee): VecMap<ID, u16> {
    let (node_ids, shards) = committee.to_inner().into_keys_values();
    vec_map::from_keys_values(node_ids, shards.map!(|shards| shards.length() as u16))
}

/// Goes over to an assignment, and checks that it is followed, that no shard is lost or doubled, that the
/// nodes stay sorted, and that only as many shards move as must.
fun checked_transition(from: &Committee, nodes: vector<address>, counts: vector<u16>): Committee {
    let wanted = assignment(nodes, counts);
    let to = from.transition(wanted);
    let mut held = vector[];
    let (mut moved, mut grown) = (0u64, 0u64);
    nodes.zip_do!(counts, |node, count| {
        let node_id = node.to_id();
        let before = from.weight(&node_id);
        assert_eq!(to.weight(&node_id), count);
        if (count > before) grown = grown + ((count - before) as u64);
        if (count > 0) {
            to[&node_id].do_ref!(|shard| {
                assert!(!held.contains(shard));
                held.push_back(*shard);
                let is_kept = before > 0 && from[&node_id].contains(shard);
                if (!is_kept) moved = moved + 1;
            });
        };
    });
    assert_eq!(moved, grown);
    assert_eq!(held.length(), 40);
    let members = to.inner();
    assert!(sort::is_vec_map_sorted_by_node_id!(members));
    to
}

#[test]
fun committees_of_different_sizes() {
    let one = committee::initialize(assignment(vector[@0x5], vector[40]));
    let three = checked_transition(&one, vector[@0x9, @0x5, @0x2], vector[10, 20, 10]);
    let nodes = vector::tabulate!(20, |i| sui::address::from_u256((i + 1) as u256));
    let twenty = checked_transition(&three, nodes, vector::tabulate!(20, |_| 2));
    let other = vector::tabulate!(20, |i| sui::address::from_u256((i + 11) as u256));
    let counts = vector::tabulate!(20, |i| if (i % 2 == 0) 3 else 1);
    let changed = checked_transition(&twenty, other, counts);
    let back = checked_transition(&changed, vector[@0x1, @0xC], vector[39, 1]);
    assert_eq!(back.size(), 2);
    assert_eq!(counts_of(&back), assignment(vector[@0x1, @0xC], vector[39, 1]));
}

/// One member gets the shards of all others: its own stay first, then the others from the last one back.
#[test]
fun all_shards_to_one_member() {
    let first = committee::initialize(assignment(vector[@0x1, @0x2, @0x3], vector[3, 3, 4]));
    let second = first.transition(assignment(vector[@0x2], vector[10]));
    assert_eq!(second.size(), 1);
    assert_shards(&second, @0x2, vector[3, 4, 5, 9, 8, 7, 6, 2, 1, 0]);
}

#[test, expected_failure(abort_code = committee::EInvalidShardAssignment)]
fun fewer_shards_than_there_are() {
    let first = committee::initialize(assignment(vector[@0x1, @0x2], vector[2, 2]));
    first.transition(assignment(vector[@0x1, @0x2], vector[2, 1]));
}
