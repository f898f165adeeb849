module walrus_governance::census_tests;

use std::unit_test::assert_eq;
use sui::event;
use walrus::staking_pool;
use walrus_governance::census;
use walrus_governance::content;
use walrus_governance::events::{CensusConfirmed, StakesAttested};
use walrus_governance::governance;
use walrus_governance::test_world::{Self, World};
use walrus_governance::voting_stake;

use fun due as World.due;

const YES: u8 = 0;
const NO: u8 = 1;
const TOTALS: vector<u64> = vector[1, 2, 3, 4];
const OTHERS: vector<u64> = vector[1, 2, 3, 5];

#[test]
fun more_than_a_third_of_the_shards_confirms() {
    let mut world = test_world::with_keys();
    let epoch = world.epoch();
    world.attest(0, TOTALS);
    assert!(!world.governance().census_confirmed(epoch));
    assert_eq!(event::events_by_type<CensusConfirmed>().length(), 0);
    world.attest(1, TOTALS);
    assert_eq!(event::events_by_type<StakesAttested>().length(), 1);
    assert_eq!(event::events_by_type<CensusConfirmed>().length(), 1);
    assert!(world.governance().census_confirmed(epoch));
    // It is of this epoch only.
    assert!(!world.governance().census_confirmed(epoch + 1));
    world.end();
}

#[test]
fun lists_are_counted_apart() {
    let mut world = test_world::with_keys();
    let epoch = world.epoch();
    world.attest(0, TOTALS);
    world.attest(1, OTHERS);
    assert!(!world.governance().census_confirmed(epoch));
    world.attest(2, OTHERS);
    assert!(world.governance().census_confirmed(epoch));
    world.end();
}

#[test]
fun a_node_attests_once() {
    let mut world = test_world::with_keys();
    let epoch = world.epoch();
    2u64.do!(|_| world.attest(0, TOTALS));
    assert_eq!(event::events_by_type<StakesAttested>().length(), 0);
    assert!(!world.governance().census_confirmed(epoch));
    world.end();
}

#[test]
fun a_confirmed_census_stays() {
    let mut world = test_world::with_keys();
    world.attest(0, TOTALS);
    world.attest(1, TOTALS);
    world.attest(2, OTHERS);
    world.attest(3, OTHERS);
    assert_eq!(event::events_by_type<StakesAttested>().length(), 0);
    assert_eq!(event::events_by_type<CensusConfirmed>().length(), 0);
    world.end();
}

#[test]
fun delegators_are_counted_by_the_census() {
    let mut world = test_world::with_keys();
    let number = world.propose(content::free_text());
    world.skip(1);
    // 2000 WAL with each node, twice as much as there is.
    let totals = stakes_of(2_000);
    world.attest(0, totals);
    world.attest(1, totals);
    world.open_with_census(number);
    let node_id = world.node_id(0);
    let ballot = world.governance().proposal(number).ballot().borrow();
    assert_eq!(ballot.node_stake(node_id), 2_000 * test_world::frost_per_wal());
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, NO);
    assert_eq!(world.votes(number), vector[0, 1_500_000, 0]);
    // A later census says nothing about this vote.
    world.skip(1);
    world.attest(0, stakes_of(9_000));
    world.attest(1, stakes_of(9_000));
    assert_eq!(world.votes(number), vector[0, 1_500_000, 0]);
    std::unit_test::destroy(stake);
    world.end();
}

// === No vote without a census ===

/// What is staked with each node, in WAL, if all have the same.
fun stakes_of(wal: u64): vector<u64> {
    vector::tabulate!(4, |_| wal * test_world::frost_per_wal())
}

/// A binding proposal whose vote can be opened.
fun due(world: &mut World): u64 {
    let rules = world.governance().parameters();
    let number = world.propose(content::governance_parameters(rules));
    world.skip(1);
    number
}

#[test, expected_failure(abort_code = governance::ENoCensus)]
fun open_before_any_census() {
    let mut world = test_world::with_keys();
    let number = world.due();
    world.open_with_census(number);
    abort
}

#[test, expected_failure(abort_code = governance::ENoCensus)]
fun open_as_the_last_transaction_of_an_epoch() {
    let mut world = test_world::with_keys();
    let number = world.due();
    // The epoch can change at any moment; after that no census of it comes.
    world.network().end_votes();
    world.open_with_census(number);
    abort
}

#[test, expected_failure(abort_code = governance::ENoCensus)]
fun open_while_the_epoch_changes() {
    let mut world = test_world::with_keys();
    let number = world.due();
    world.attest(0, TOTALS);
    world.attest(1, TOTALS);
    world.network().end_votes();
    // The list was of the epoch before.
    world.network().change_epoch();
    world.open_with_census(number);
    abort
}

#[test]
fun a_census_while_the_epoch_changes() {
    let mut world = test_world::with_keys();
    let number = world.due();
    world.network().end_votes();
    world.network().change_epoch();
    world.attest(0, TOTALS);
    world.attest(1, TOTALS);
    world.open_with_census(number);
    world.assert_active(number);
    world.end();
}

#[test, expected_failure(abort_code = governance::ENoCensus)]
fun open_with_a_part_of_a_census() {
    let mut world = test_world::with_keys();
    let number = world.due();
    // Three shards of ten, and two for another list.
    world.attest(0, TOTALS);
    world.attest(2, OTHERS);
    world.open_with_census(number);
    abort
}

#[test]
fun a_census_that_comes_late_opens_the_vote_late() {
    let mut world = test_world::with_keys();
    let number = world.due();
    world.attest(0, TOTALS);
    world.skip(1);
    // One attestation of each epoch makes no census of any.
    world.attest(1, TOTALS);
    let epoch = world.epoch();
    assert!(!world.governance().census_confirmed(epoch));
    world.attest(2, TOTALS);
    world.open_with_census(number);
    world.assert_active(number);
    world.end();
}

#[test, expected_failure(abort_code = governance::EWrongEpoch)]
fun a_list_that_arrives_after_its_epoch() {
    let mut world = test_world::with_keys();
    let epoch = world.epoch();
    world.skip(1);
    world.attest_for(0, epoch, TOTALS);
    abort
}

#[test, expected_failure(abort_code = governance::EWrongEpoch)]
fun a_list_of_the_future() {
    let mut world = test_world::with_keys();
    let epoch = world.epoch() + 1;
    world.attest_for(0, epoch, TOTALS);
    abort
}

#[test]
fun a_sliver_of_the_stake_does_not_outvote_a_unanimous_committee() {
    let mut world = test_world::with_keys();
    // One WAL in a thousand, with every node.
    let slivers = vector::tabulate!(4, |i| world.stake(i, 1));
    let number = world.due();
    world.attest(0, stakes_of(1_001));
    world.attest(1, stakes_of(1_001));
    world.open_with_census(number);
    4u64.do!(|i| world.vote(i, number, NO));
    slivers.do!(|sliver| {
        let mut stake = voting_stake::lock(sliver, world.scenario().ctx());
        world.vote_with(&mut stake, number, YES);
        std::unit_test::destroy(stake);
    });
    // A thousandth of each node, rounded down.
    let yes = 2 * 2_997 + 2 * 1_998;
    assert_eq!(world.votes(number), vector[yes, 10_000_000 - yes, 0]);
    world.skip(2);
    world.assert_defeated(number);
    world.end();
}

#[test]
fun a_node_that_leaves_keeps_its_weight_in_the_vote() {
    let mut world = test_world::with_keys();
    let mut leaving = world.take_stake(0);
    let number = world.due();
    world.attest(0, stakes_of(1_000));
    world.attest(1, stakes_of(1_000));
    world.open_with_census(number);
    let (_, staking, ctx) = world.parts();
    staking.request_withdraw_stake(&mut leaving, ctx);
    world.skip(1);
    // The node has no shards any more; its vote and that of its delegator are those of the snapshot.
    world.vote(0, number, NO);
    assert_eq!(world.votes(number), vector[0, 3_000_000, 0]);
    let mut stake = voting_stake::lock(leaving, world.scenario().ctx());
    world.vote_with(&mut stake, number, YES);
    assert_eq!(world.votes(number), vector[3_000_000, 0, 0]);
    std::unit_test::destroy(stake);
    world.end();
}

#[test, expected_failure(abort_code = census::EWrongLength)]
fun a_list_that_is_too_short() {
    let mut world = test_world::with_keys();
    world.attest(0, vector[1, 2, 3]);
    abort
}

#[test, expected_failure(abort_code = census::ENotInCommittee)]
fun a_node_without_shards_attests() {
    let mut world = test_world::start();
    world.network().add_node();
    world.separate_keys(5);
    world.attest(4, TOTALS);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun somebody_else_attests() {
    let mut world = test_world::start();
    // The nodes' key is another one.
    world.attest(0, TOTALS);
    abort
}
