module walrus_governance::census_tests;

use std::unit_test::assert_eq;
use sui::event;
use walrus::staking_pool;
use walrus_governance::census;
use walrus_governance::events::{CensusConfirmed, StakesAttested};
use walrus_governance::test_world;

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
    let number = world.open_text();
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, NO);
    // 1000 WAL at 500 WAL per shard, as is assumed without a census.
    assert_eq!(world.votes(number), vector[0, 2_000_000, 0]);
    // All that is staked with the node.
    let totals = vector::tabulate!(4, |_| 1_000 * test_world::frost_per_wal());
    world.attest(0, totals);
    world.attest(1, totals);
    assert_eq!(world.votes(number), vector[0, 3_000_000, 0]);
    // A later census says nothing about this vote.
    world.skip(1);
    let totals = vector::tabulate!(4, |_| 9_000 * test_world::frost_per_wal());
    world.attest(0, totals);
    world.attest(1, totals);
    assert_eq!(world.votes(number), vector[0, 3_000_000, 0]);
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
