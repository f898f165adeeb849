module walrus::active_set_tests;

use std::unit_test::assert_eq;
use walrus::active_set::{Self, ActiveSet};

fun set_of(max_size: u16, stakes: vector<u64>): ActiveSet {
    let mut set = active_set::new(max_size, 0);
    stakes.length().do!(|i| {
        set.insert_or_update(node(i), stakes[i]);
    });
    set
}

fun node(i: u64): ID {
    sui::address::from_u256(i as u256).to_id()
}

#[test]
fun nodes_keep_their_order() {
    let mut set = set_of(5, vector[10, 30, 20]);
    assert_eq!(set.size(), 3);
    assert_eq!(set.stakes(), vector[10, 30, 20]);
    assert_eq!(set.total_stake(), 60);
    assert!(set.insert_or_update(node(0), 40));
    assert_eq!(set.stakes(), vector[40, 30, 20]);
    assert_eq!(set.total_stake(), 90);
}

#[test]
fun a_larger_stake_takes_the_place_of_the_smallest() {
    let mut set = set_of(3, vector[10, 30, 10]);
    assert!(set.insert_or_update(node(7), 11));
    assert_eq!(set.active_ids(), vector[node(7), node(1), node(2)]);
    assert_eq!(set.stakes(), vector[11, 30, 10]);
    assert_eq!(set.total_stake(), 51);
}

#[test]
fun an_equal_stake_does_not_get_in() {
    let mut set = set_of(2, vector[10, 30]);
    assert!(!set.insert_or_update(node(7), 10));
    assert_eq!(set.active_ids(), vector[node(0), node(1)]);
    assert_eq!(set.total_stake(), 40);
}

#[test]
fun a_node_without_stake_leaves_and_the_last_takes_its_place() {
    let mut set = set_of(4, vector[10, 30, 20, 40]);
    assert!(!set.insert_or_update(node(1), 0));
    assert_eq!(set.active_ids(), vector[node(0), node(3), node(2)]);
    assert_eq!(set.total_stake(), 70);
    // Nothing happens to a node that is not there.
    assert!(!set.insert_or_update(node(9), 0));
    assert_eq!(set.total_stake(), 70);
}

#[test]
fun a_stake_below_the_threshold_is_none() {
    let mut set = active_set::new(4, 100);
    assert!(!set.insert_or_update(node(0), 99));
    assert!(set.insert_or_update(node(0), 100));
    assert!(!set.insert_or_update(node(0), 99));
    assert_eq!(set.size(), 0);
    assert_eq!(set.total_stake(), 0);
    assert_eq!(set.max_size(), 4);
}

#[test]
fun an_evicted_node_returns_only_with_more_stake() {
    let mut set = set_of(1, vector[10]);
    assert!(set.insert_or_update(node(1), 11));
    assert!(!set.insert_or_update(node(0), 10));
    set.remove(node(1));
    assert!(set.insert_or_update(node(0), 10));
    assert_eq!(set.active_ids(), vector[node(0)]);
}

#[test, expected_failure(abort_code = active_set::EZeroMaxSize)]
fun a_set_for_nobody() {
    active_set::new(0, 0);
}

#[test, expected_failure(abort_code = active_set::EDuplicateInsertion)]
fun a_node_is_in_the_set_once() {
    let mut set = set_of(3, vector[10]);
    set.insert(node(0), 20);
}

/// A set that becomes larger, as by a migration, keeps its nodes, and lets in who was too small before.
#[test]
fun a_larger_set_has_room_for_more() {
    let mut set = set_of(2, vector[10, 30]);
    assert!(!set.insert_or_update(node(7), 5));
    set.set_max_size(3);
    assert_eq!(set.max_size(), 3);
    assert_eq!(set.active_ids(), vector[node(0), node(1)]);
    assert!(set.insert_or_update(node(7), 5));
    assert_eq!(set.active_ids(), vector[node(0), node(1), node(7)]);
    assert_eq!(set.total_stake(), 45);
    assert!(!set.insert_or_update(node(8), 5));
    assert_eq!(set.total_stake(), 45);
}

#[test, expected_failure(abort_code = active_set::EZeroMaxSize)]
fun a_set_that_becomes_one_for_nobody() {
    let mut set = set_of(2, vector[10]);
    set.set_max_size(0);
}
