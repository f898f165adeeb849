/// The life of a proposal: every step, when it is possible, and when not.
module walrus_governance::proposal_tests;

use std::bcs;
use std::unit_test::{assert_eq, destroy};
use sui::coin::Coin;
use sui::event;
use wal::wal::WAL;
use walrus_governance::content;
use walrus_governance::events::{
    DepositForfeited,
    DepositReturned,
    NodeObjected,
    ProposalCancelled,
    ProposalCreated,
    ProposalExecuted,
    ProposalExpired,
    ProposalQueued,
    VotingClosed,
    VotingOpened,
};
use walrus_governance::proposal;
use walrus_governance::test_world::{Self, World};

use fun assert_state as World.assert_state;
use fun assert_refund as World.assert_refund;
use fun assert_no_refund as World.assert_no_refund;

const YES: u8 = 0;
const NO: u8 = 1;
const ABSTAIN: u8 = 2;

// States, as their numbers.
const PENDING: u8 = 0;
const ACTIVE: u8 = 1;
const DEFEATED: u8 = 2;
const PASSED: u8 = 3;
const QUEUED: u8 = 4;
const EXECUTED: u8 = 5;
const EXPIRED: u8 = 6;
const CANCELLED: u8 = 7;

fun assert_state(world: &mut World, number: u64, state: u8) {
    assert_eq!(bcs::to_bytes(&world.state(number)), vector[state]);
}

/// Aborts unless the proposer has the deposit back; takes it.
fun assert_refund(world: &mut World) {
    world.act_as(test_world::proposer());
    let refund = world.scenario().take_from_sender<Coin<WAL>>();
    assert_eq!(refund.value(), test_world::deposit());
    destroy(refund);
}

fun assert_no_refund(world: &mut World) {
    world.act_as(test_world::proposer());
    assert!(!world.scenario().has_most_recent_for_sender<Coin<WAL>>());
}

/// How many events of a type the transaction has emitted so far.
macro fun emitted<$T: copy + drop>(): u64 {
    event::events_by_type<$T>().length()
}

// === The whole way ===

#[test]
fun from_pending_to_executed() {
    let mut world = test_world::with_keys();
    let number = world.propose(content::free_text());
    assert_eq!(number, 0);
    assert_eq!(emitted!<ProposalCreated>(), 1);
    world.assert_state(number, PENDING);
    {
        let proposal = world.governance().proposal(number);
        assert_eq!(proposal.number(), 0);
        assert_eq!(proposal.proposer(), test_world::proposer());
        assert_eq!(proposal.title(), b"Title".to_string());
        assert!(proposal.body() == content::text(b"Because.".to_string()));
        assert!(proposal.kind() == content::free_text());
        assert!(proposal.parameters() == test_world::parameters());
        assert_eq!(proposal.deposit(), test_world::deposit());
        assert_eq!(proposal.created_epoch(), 1);
        assert!(proposal.ballot().is_none());
        assert!(proposal.outcome().is_none());
        assert_eq!(proposal.executable_epoch(), option::none());
        assert_eq!(proposal.expiry_epoch(), option::some(10));
    };
    world.skip(1);
    world.open(number);
    assert_eq!(emitted!<VotingOpened>(), 1);
    world.assert_state(number, ACTIVE);
    {
        let proposal = world.governance().proposal(number);
        let ballot = proposal.ballot().borrow();
        assert_eq!(ballot.opened_epoch(), 2);
        assert_eq!(ballot.end_epoch(), 4);
        assert_eq!(proposal.expiry_epoch(), option::none());
    };
    4u64.do!(|i| world.vote(i, number, YES));
    world.skip(2);
    world.assert_state(number, PASSED);
    world.close(number);
    assert_eq!(emitted!<VotingClosed>(), 1);
    assert_eq!(emitted!<DepositReturned>(), 1);
    world.assert_state(number, PASSED);
    world.assert_refund();
    assert!(world.governance().proposal(number).outcome().is_some());
    assert_eq!(world.governance().proposal(number).deposit(), 0);
    assert_eq!(world.governance().proposal(number).expiry_epoch(), option::some(6));
    world.queue(number);
    assert_eq!(emitted!<ProposalQueued>(), 1);
    world.assert_state(number, QUEUED);
    assert_eq!(world.governance().proposal(number).executable_epoch(), option::some(5));
    assert_eq!(world.governance().proposal(number).expiry_epoch(), option::some(7));
    world.skip(1);
    world.execute(number);
    assert_eq!(emitted!<ProposalExecuted>(), 1);
    world.assert_state(number, EXECUTED);
    // It stays so.
    world.skip(9);
    world.assert_state(number, EXECUTED);
    world.end();
}

#[test]
fun everything_in_the_last_epoch_that_is_possible() {
    let mut world = test_world::with_keys();
    let number = world.propose(content::free_text());
    world.skip(8);
    world.open(number);
    world.skip(1);
    4u64.do!(|i| world.vote(i, number, YES));
    world.skip(1);
    world.close(number);
    world.skip(1);
    world.queue(number);
    world.skip(2);
    world.execute(number);
    world.assert_state(number, EXECUTED);
    world.end();
}

#[test]
fun a_closed_vote_stays_closed_for_late_counts() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    4u64.do!(|i| world.vote(i, number, YES));
    // Nobody closes for a long time. The decision has expired, the deposit has not.
    world.skip(20);
    world.assert_state(number, EXPIRED);
    world.close(number);
    world.assert_refund();
    world.assert_state(number, EXPIRED);
    world.expire(number);
    world.assert_state(number, EXPIRED);
    world.end();
}

// === Defeat and deposits ===

#[test]
fun without_quorum_the_deposit_is_lost() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    // Four shards of ten, half is asked for.
    world.vote(2, number, YES);
    world.vote(3, number, YES);
    let (quorum, yes) = world.governance().missing(number);
    assert_eq!(quorum, 1_000_000);
    assert_eq!(yes, 0);
    world.skip(2);
    world.assert_state(number, DEFEATED);
    world.close(number);
    assert_eq!(emitted!<DepositForfeited>(), 1);
    world.assert_state(number, DEFEATED);
    world.assert_no_refund();
    assert_eq!(world.governance().forfeited(), test_world::deposit());
    world.end();
}

#[test]
fun an_honest_defeat_gives_the_deposit_back() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.vote(0, number, YES);
    world.vote(1, number, NO);
    world.skip(2);
    world.close(number);
    world.assert_state(number, DEFEATED);
    world.assert_refund();
    assert_eq!(world.governance().forfeited(), 0);
    world.end();
}

#[test]
fun a_clear_no_takes_the_deposit() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    // Eight shards against two.
    world.vote(0, number, NO);
    world.vote(1, number, NO);
    world.vote(2, number, NO);
    world.vote(3, number, YES);
    world.skip(2);
    world.close(number);
    world.assert_no_refund();
    assert_eq!(world.governance().forfeited(), test_world::deposit());
    world.end();
}

#[test]
fun abstaining_makes_a_quorum_and_no_decision() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.vote(0, number, ABSTAIN);
    world.vote(1, number, ABSTAIN);
    world.skip(2);
    world.close(number);
    world.assert_state(number, DEFEATED);
    world.assert_refund();
    world.end();
}

#[test]
fun a_binding_proposal_needs_a_third_of_all() {
    let mut world = test_world::with_keys();
    let rules = world.governance().parameters();
    let number = world.open_new(content::governance_parameters(rules));
    // Three shards say yes, nobody says no.
    world.vote(0, number, YES);
    world.vote(2, number, ABSTAIN);
    world.skip(2);
    world.assert_state(number, DEFEATED);
    // The same is enough for a text.
    let number = world.open_text();
    world.vote(0, number, YES);
    world.vote(2, number, ABSTAIN);
    world.skip(2);
    world.assert_state(number, PASSED);
    world.end();
}

// === Opening ===

#[test, expected_failure(abort_code = proposal::ETooEarly)]
fun open_during_the_discussion() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.open(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun open_twice() {
    let mut world = test_world::start();
    let number = world.open_text();
    world.open(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun open_too_late() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.skip(9);
    world.open(number);
    abort
}

// === Closing ===

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun close_before_opening() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.close(number);
    abort
}

#[test, expected_failure(abort_code = proposal::ETooEarly)]
fun close_while_votes_are_taken() {
    let mut world = test_world::start();
    let number = world.open_text();
    world.skip(1);
    world.close(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun close_twice() {
    let mut world = test_world::start();
    let number = world.open_text();
    world.skip(2);
    world.close(number);
    world.close(number);
    abort
}

// === Queueing ===

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun queue_before_closing() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    4u64.do!(|i| world.vote(i, number, YES));
    world.skip(2);
    world.queue(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun queue_a_defeat() {
    let mut world = test_world::start();
    let number = world.open_text();
    world.skip(2);
    world.close(number);
    world.queue(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun queue_too_late() {
    let mut world = test_world::with_keys();
    let number = world.pass(content::free_text());
    world.skip(2);
    world.assert_state(number, EXPIRED);
    world.queue(number);
    abort
}

// === Executing ===

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun execute_without_queueing() {
    let mut world = test_world::with_keys();
    let number = world.pass(content::free_text());
    world.execute(number);
    abort
}

#[test, expected_failure(abort_code = proposal::ETooEarly)]
fun execute_during_the_delay() {
    let mut world = test_world::with_keys();
    let number = world.pass(content::free_text());
    world.queue(number);
    world.execute(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun execute_too_late() {
    let mut world = test_world::with_keys();
    let number = world.pass_and_wait(content::free_text());
    world.skip(2);
    world.assert_state(number, EXPIRED);
    world.execute(number);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun execute_twice() {
    let mut world = test_world::with_keys();
    let number = world.pass_and_wait(content::free_text());
    world.execute(number);
    world.execute(number);
    abort
}

#[test, expected_failure(abort_code = proposal::ETooEarly)]
fun last_vote_and_everything_else_in_one_transaction() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    4u64.do!(|i| world.vote(i, number, YES));
    // Not even a change of epoch in the same transaction ends the vote.
    world.skip(1);
    world.vote(0, number, YES);
    world.close(number);
    abort
}

#[test, expected_failure(abort_code = proposal::ETooEarly)]
fun last_vote_and_execution_with_a_change_of_epoch_between() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.skip(1);
    4u64.do!(|i| world.vote(i, number, YES));
    world.skip(1);
    world.close(number);
    world.queue(number);
    world.execute(number);
    abort
}

// === Cancelling ===

#[test]
fun the_proposer_cancels_before_opening() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.cancel(number);
    assert_eq!(emitted!<ProposalCancelled>(), 1);
    world.assert_state(number, CANCELLED);
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
    world.assert_state(number, CANCELLED);
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
    world.assert_state(number, EXPIRED);
    world.expire(number);
    assert_eq!(emitted!<ProposalExpired>(), 1);
    world.assert_state(number, EXPIRED);
    world.assert_refund();
    world.end();
}

#[test]
fun nobody_queues() {
    let mut world = test_world::with_keys();
    let number = world.pass(content::free_text());
    world.skip(2);
    world.expire(number);
    world.assert_state(number, EXPIRED);
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
    world.assert_state(number, EXPIRED);
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
    world.assert_state(number, QUEUED);
    world.object_to(3, number);
    assert_eq!(emitted!<ProposalCancelled>(), 1);
    world.assert_state(number, CANCELLED);
    world.end();
}

#[test]
fun objections_before_queueing() {
    let mut world = test_world::with_keys();
    let number = world.pass(content::free_text());
    world.object_to(0, number);
    world.object_to(1, number);
    world.assert_state(number, CANCELLED);
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

#[test, expected_failure(abort_code = walrus_governance::ballot::ENotInSnapshot)]
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
