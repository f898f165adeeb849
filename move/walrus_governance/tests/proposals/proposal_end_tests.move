/// How proposals end otherwise: cancelled, expired, objected to.
module walrus_governance::proposal_end_tests;

use std::unit_test::{assert_eq, destroy};
use sui::event;
use walrus_governance::ballot;
use walrus_governance::content;
use walrus_governance::events::{DepositReturned, NodeObjected, ProposalCancelled, ProposalExpired};
use walrus_governance::proposal;
use walrus_governance::test_world;

const YES: u8 = 0;

/// How many events of a type the transaction has emitted so far.
macro fun emitted<$T: copy + drop>(): u64 {
    event::events_by_type<$T>().length()
}

// === Cancelling ===

#[test]
fun the_proposer_cancels_before_opening() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.cancel(number);
    assert_eq!(emitted!<ProposalCancelled>(), 1);
    world.assert_cancelled(number);
    world.assert_refund();
    world.end();
}

#[test]
fun the_proposer_cancels_while_votes_are_taken() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, YES);
    world.act_as(test_world::proposer());
    world.cancel(number);
    world.assert_cancelled(number);
    world.assert_no_refund();
    assert_eq!(world.governance().forfeited(), test_world::deposit());
    // Stake that voted on it can come out at once.
    world.retract(&mut stake, number);
    assert_eq!(stake.locked_until(), 0);
    destroy(stake);
    world.end();
}

#[test, expected_failure(abort_code = proposal::ENotProposer)]
fun somebody_else_cancels() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.act_as(@0xBAD);
    world.cancel(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun cancel_when_the_vote_is_over() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.skip(2);
    world.act_as(test_world::proposer());
    world.cancel(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun cancel_what_passed() {
    let mut world = test_world::with_keys();
    let number = world.pass(content::free_text());
    world.act_as(test_world::proposer());
    world.cancel(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun cancel_what_has_expired() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.skip(9);
    world.act_as(test_world::proposer());
    world.cancel(number);
    abort
}

// === Expiring ===

#[test]
fun nobody_opens() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.skip(9);
    world.assert_expired(number);
    world.expire(number);
    assert_eq!(emitted!<ProposalExpired>(), 1);
    world.assert_expired(number);
    world.assert_refund();
    world.end();
}

#[test]
fun nobody_queues() {
    let mut world = test_world::with_keys();
    let number = world.pass(content::free_text());
    world.skip(2);
    world.expire(number);
    world.assert_expired(number);
    world.end();
}

#[test]
fun nobody_executes() {
    let mut world = test_world::with_keys();
    let number = world.pass_and_wait(content::free_text());
    world.skip(2);
    world.act_as(@0xCAFE);
    world.expire(number);
    assert_eq!(emitted!<ProposalExpired>(), 1);
    assert_eq!(emitted!<DepositReturned>(), 0);
    world.assert_expired(number);
    world.end();
}

#[test, expected_failure(abort_code = proposal::ETooEarly)]
fun expire_too_early() {
    let mut world = test_world::with_keys();
    let number = world.pass_and_wait(content::free_text());
    world.skip(1);
    world.expire(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun a_vote_does_not_expire() {
    let mut world = test_world::start();
    let number = world.open_text();
    world.skip(20);
    world.expire(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun expire_twice() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.skip(9);
    world.expire(number);
    world.expire(number);
    abort
}

// === Objecting ===

#[test]
fun more_than_a_third_cancels_what_passed() {
    let mut world = test_world::with_keys();
    let number = world.pass_and_wait(content::free_text());
    world.object_to(0, number);
    assert_eq!(emitted!<NodeObjected>(), 1);
    assert_eq!(emitted!<ProposalCancelled>(), 0);
    assert_eq!(world.governance().proposal(number).objecting_weight(), 3);
    world.assert_queued(number);
    world.object_to(3, number);
    assert_eq!(emitted!<ProposalCancelled>(), 1);
    world.assert_cancelled(number);
    world.end();
}

#[test]
fun objections_before_queueing() {
    let mut world = test_world::with_keys();
    let number = world.pass(content::free_text());
    world.object_to(0, number);
    world.object_to(1, number);
    world.assert_cancelled(number);
    world.end();
}

#[test, expected_failure(abort_code = proposal::EAlreadyObjected)]
fun object_twice() {
    let mut world = test_world::with_keys();
    let number = world.pass(content::free_text());
    world.object_to(0, number);
    world.object_to(0, number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun object_while_votes_are_taken() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.object_to(0, number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun object_to_what_is_done() {
    let mut world = test_world::with_keys();
    let number = world.pass_and_wait(content::free_text());
    world.execute(number);
    world.object_to(0, number);
    abort
}

#[test, expected_failure(abort_code = ballot::ENotInSnapshot)]
fun a_node_that_came_later_objects() {
    let mut world = test_world::with_keys();
    let number = world.pass(content::free_text());
    world.act_as(test_world::staker());
    world.network().add_node();
    world.separate_keys_of(4);
    world.skip(1);
    world.object_to(4, number);
    abort
}
