//! Apportionment, assignment of shards, candidates.

use std::cell::RefCell;

use proptest::prelude::*;
use walrus_contracts::types::{ActiveSet, VecMap};
use walrus_core::ObjectId;
use walrus_tests::{
    machine::{Abort, Arg, Machine, bcs},
    model::{self, Assignment},
    random::for_all,
};

fn node(number: u8) -> ObjectId {
    // Neither the first nor the last byte alone decides about the order.
    let mut id = [0; 32];
    id[1] = number.reverse_bits();
    id[31] = number;
    ObjectId(id)
}

/// Stakes of very different and of equal sizes.
fn stakes(nodes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u64>> {
    let stake = prop_oneof![
        1u64..10,
        Just(1_000_000_000),
        1_000_000_000u64..2_000_000_000,
        1_000_000_000u64..50_000_000_000_000_000,
    ];
    prop::collection::vec(stake, nodes)
}

fn apportion_like_the_model(
    cases: u32,
    n_shards: std::ops::Range<u16>,
    nodes: std::ops::Range<usize>,
) {
    let machine = RefCell::new(Machine::new());
    for_all(cases, &(n_shards, stakes(nodes)), |(n_shards, stakes)| {
        let arguments = [bcs(&n_shards), bcs(&stakes)];
        let found: Result<Vec<u16>, Abort> = machine
            .borrow_mut()
            .get("walrus::apportionment::apportion", arguments);
        match model::shard_counts(n_shards, &stakes) {
            Some(counts) => assert_eq!(found.as_ref(), Ok(&counts)),
            None => assert!(found.unwrap_err().is("apportionment_queue", 0)),
        }
    });
}

#[test]
fn shards_are_apportioned() {
    apportion_like_the_model(3000, 1..60, 1..30);
}

#[test]
fn shards_of_large_networks_are_apportioned() {
    apportion_like_the_model(100, 300..1100, 1..130);
}

/// What each of some nodes gets of `n_shards` shards, in an order of nodes that is not that of
/// their ids.
fn counts(n_shards: usize) -> impl Strategy<Value = Vec<(ObjectId, u16)>> {
    let nodes = prop::sample::subsequence((0..12).collect::<Vec<u8>>(), 1..=12).prop_shuffle();
    let draws = prop::collection::vec(any::<prop::sample::Index>(), n_shards);
    (nodes, draws).prop_map(|(nodes, draws)| {
        let mut counts: Vec<_> = nodes.into_iter().map(|number| (node(number), 0)).collect();
        let length = counts.len();
        for draw in draws {
            counts[draw.index(length)].1 += 1;
        }
        counts
    })
}

fn to_assignment(committee: VecMap<ObjectId, Vec<u16>>) -> Assignment {
    let order: Vec<_> = committee.iter().map(|(node, _)| *node).collect();
    assert!(order.is_sorted(), "committees are in node order");
    committee.contents.into_iter().collect()
}

#[test]
fn shards_move_as_little_as_possible() {
    let machine = RefCell::new(Machine::new());
    let histories =
        (1usize..80).prop_flat_map(|n_shards| prop::collection::vec(counts(n_shards), 2..6));
    for_all(2000, &histories, |history| {
        let mut machine = machine.borrow_mut();
        let map = |counts: &[(ObjectId, u16)]| counts.iter().copied().collect::<VecMap<_, _>>();
        let first = [bcs(&map(&history[0]))];
        let mut committee = machine
            .make("walrus::committee::initialize", first)
            .unwrap();
        let mut expected = model::first_committee(&history[0]);
        assert_eq!(to_assignment(machine.read(&committee)), expected);
        for counts in &history[1..] {
            let arguments = [Arg::Ref(&committee), bcs(&map(counts))];
            let next = machine
                .make("walrus::committee::transition", arguments)
                .unwrap();
            let before = expected;
            expected = model::next_committee(&before, counts);
            let found = to_assignment(machine.read(&next));
            assert_eq!(found, expected);
            assert_moves_are_needed(&before, &found);
            committee = next;
        }
    });
}

/// Every shard is held once, and a node gets new ones only as far as it has more of them than
/// before.
fn assert_moves_are_needed(before: &Assignment, after: &Assignment) {
    let total = |committee: &Assignment| {
        let mut shards: Vec<_> = committee.values().flatten().copied().collect();
        shards.sort_unstable();
        shards
    };
    assert_eq!(total(before), total(after));
    for (node, shards) in after {
        let old = before.get(node).map_or(&[][..], Vec::as_slice);
        let gained = shards.iter().filter(|shard| !old.contains(shard)).count();
        assert_eq!(gained, shards.len().saturating_sub(old.len()));
    }
}

#[test]
fn a_wrong_number_of_shards_is_refused() {
    let mut machine = Machine::new();
    let counts = |count: u16| VecMap::from_iter([(node(1), count)]);
    let committee = machine
        .make("walrus::committee::initialize", [bcs(&counts(3))])
        .unwrap();
    for count in [2, 4] {
        let arguments = [Arg::Ref(&committee), bcs(&counts(count))];
        let abort = machine
            .make("walrus::committee::transition", arguments)
            .err()
            .unwrap();
        assert!(abort.is("committee", 0), "{}", abort.text);
    }
}

#[test]
fn candidates_come_and_go() {
    let machine = RefCell::new(Machine::new());
    let stake = prop_oneof![Just(0u64), 1u64..6, 1u64..1_000_000];
    let changes = prop::collection::vec((0u8..12, stake), 1..60);
    for_all(1500, &(1u16..8, changes), |(max_size, changes)| {
        let mut machine = machine.borrow_mut();
        let arguments = [bcs(&max_size), bcs(&0u64)];
        let set = machine.make("walrus::active_set::new", arguments).unwrap();
        let mut expected = model::ActiveSet::new(max_size.into());
        for (number, stake) in changes {
            let arguments = [Arg::Ref(&set), bcs(&node(number)), bcs(&stake)];
            let is_in: bool = machine
                .get("walrus::active_set::insert_or_update", arguments)
                .unwrap();
            expected.set(node(number), stake);
            let found: ActiveSet = machine.read(&set);
            let nodes = found
                .nodes
                .iter()
                .map(|entry| (entry.node_id, entry.staked_amount));
            assert_eq!(nodes.collect::<Vec<_>>(), expected.nodes);
            assert_eq!(found.total_stake, expected.total_stake());
            assert_eq!(
                is_in,
                expected.nodes.iter().any(|(id, _)| *id == node(number))
            );
        }
    });
}
