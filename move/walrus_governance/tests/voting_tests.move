module walrus_governance::voting_tests;

use std::unit_test::{assert_eq, destroy};
use sui::event;
use walrus::staking_pool;
use walrus_governance::ballot;
use walrus_governance::choice;
use walrus_governance::content;
use walrus_governance::events::{NodeVoted, StakeVoteRetracted, StakeVoted};
use walrus_governance::identity;
use walrus_governance::proposal;
use walrus_governance::test_world;
use walrus_governance::voting;
use walrus_governance::voting_stake;
use walrus_governance::weights;

const YES: u8 = 0;
const NO: u8 = 1;
const ABSTAIN: u8 = 2;

#[test]
fun nodes_vote_until_the_end() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.vote(0, number, YES);
    assert_eq!(event::events_by_type<NodeVoted>().length(), 1);
    world.vote(2, number, NO);
    world.skip(1);
    world.vote(0, number, ABSTAIN);
    world.vote(2, number, YES);
    assert_eq!(world.votes(number), vector[2_000_000, 0, 3_000_000]);
    world.end();
}

#[test]
fun reasons_are_kept() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    let node_id = world.node_id(0);
    let reason = option::some(b"because".to_string());
    world.act_as(test_world::key(0));
    let (governance, staking, ctx) = world.parts();
    let sender = identity::of_sender(ctx);
    voting::vote_as_node(governance, staking, sender, node_id, number, YES, reason);
    assert_eq!(governance.proposal(number).ballot().borrow().reason(node_id), reason);
    world.end();
}

#[test]
fun delegators_speak_for_themselves() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.vote(0, number, YES);
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, NO);
    assert_eq!(event::events_by_type<StakeVoted>().length(), 1);
    assert_eq!(world.votes(number), vector[1_000_000, 2_000_000, 0]);
    // The node can change its vote, for the rest only.
    world.vote(0, number, ABSTAIN);
    assert_eq!(world.votes(number), vector[0, 2_000_000, 1_000_000]);
    world.retract(&mut stake, number);
    assert_eq!(event::events_by_type<StakeVoteRetracted>().length(), 1);
    assert_eq!(world.votes(number), vector[0, 0, 3_000_000]);
    destroy(stake);
    world.end();
}

#[test]
fun a_whole_way_with_delegators_against_their_node() {
    let mut world = test_world::with_keys();
    let number = world.propose(content::free_text());
    world.skip(1);
    let totals = vector::tabulate!(4, |_| 1_000 * test_world::frost_per_wal());
    world.attest(0, totals);
    world.attest(1, totals);
    world.open_with_census(number);
    // All nodes are for it, the delegators of two are not.
    4u64.do!(|i| world.vote(i, number, YES));
    2u64.do!(|i| {
        let mut stake = world.lock_stake(i);
        world.vote_with(&mut stake, number, NO);
        destroy(stake);
    });
    assert_eq!(world.votes(number), vector[4_000_000, 6_000_000, 0]);
    world.skip(2);
    world.close(number);
    assert!(
        !world
            .governance()
            .proposal(number)
            .outcome()
            .borrow()
            .is_passed(
                &test_world::parameters(),
                false,
            ),
    );
    world.end();
}

#[test]
fun the_snapshot_outlives_the_committee() {
    let mut world = test_world::with_keys();
    // A node grows after the snapshot; here its weight stays what it was.
    let number = world.open_text();
    let large = world.stake(3, 5_000);
    world.skip(1);
    4u64.do!(|i| world.vote(i, number, YES));
    assert_eq!(world.votes(number), vector[10_000_000, 0, 0]);
    let node_id = world.node_id(3);
    let (_, staking, _) = world.parts();
    assert_eq!(weights::of_node(staking.committee(), node_id), 5);
    world.vote(3, number, NO);
    assert_eq!(world.votes(number), vector[8_000_000, 2_000_000, 0]);
    destroy(large);
    world.end();
}

#[test, expected_failure(abort_code = ballot::ENotInSnapshot)]
fun a_node_that_came_later() {
    let mut world = test_world::start();
    let number = world.open_text();
    world.act_as(test_world::staker());
    world.network().add_node();
    world.skip(1);
    world.vote_as_sender(4, number, YES);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun somebody_else_votes_for_a_node() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.act_as(test_world::key(1));
    world.vote_as_sender(0, number, YES);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun somebody_else_objects_for_a_node() {
    let mut world = test_world::start();
    let number = world.open_text();
    // The node's key is another one.
    world.object_to(0, number);
    abort
}

#[test, expected_failure(abort_code = choice::EInvalidChoice)]
fun a_node_votes_for_nothing() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.vote(0, number, 3);
    abort
}

#[test, expected_failure(abort_code = choice::EInvalidChoice)]
fun a_delegator_votes_for_nothing() {
    let mut world = test_world::start();
    let number = world.open_text();
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, 3);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun a_node_votes_before_opening() {
    let mut world = test_world::with_keys();
    let number = world.propose(content::free_text());
    world.vote(0, number, YES);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun a_node_votes_after_the_end() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.skip(2);
    world.vote(0, number, YES);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun a_delegator_votes_after_the_end() {
    let mut world = test_world::start();
    let number = world.open_text();
    world.skip(2);
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, YES);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun a_delegator_votes_on_what_is_cancelled() {
    let mut world = test_world::start();
    let number = world.open_text();
    world.act_as(test_world::proposer());
    world.cancel(number);
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, YES);
    abort
}

#[test, expected_failure(abort_code = voting_stake::EStillVoting)]
fun the_same_stake_does_not_vote_again_from_a_part() {
    let mut world = test_world::start();
    let number = world.open_text();
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, YES);
    // To split it, it has to come out.
    let (_, staking, ctx) = world.parts();
    let mut whole = stake.unlock(staking);
    destroy(whole.split(test_world::frost_per_wal(), ctx));
    destroy(whole);
    abort
}
