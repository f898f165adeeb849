/// How the vote on a proposal goes: every step, when it is possible, and when not.
module walrus_governance::proposal_tests;

use std::unit_test::assert_eq;
use sui::event;
use walrus_governance::content;
use walrus_governance::events::{
    DepositForfeited,
    DepositReturned,
    ProposalCreated,
    ProposalExecuted,
    ProposalQueued,
    VotingClosed,
    VotingOpened,
};
use walrus_governance::proposal;
use walrus_governance::test_world;

const YES: u8 = 0;
const NO: u8 = 1;
const ABSTAIN: u8 = 2;

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
    world.assert_pending(number);
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
    world.assert_active(number);
    {
        let proposal = world.governance().proposal(number);
        let ballot = proposal.ballot().borrow();
        assert_eq!(ballot.opened_epoch(), 2);
        assert_eq!(ballot.end_epoch(), 4);
        assert_eq!(proposal.expiry_epoch(), option::none());
    };
    4u64.do!(|i| world.vote(i, number, YES));
    world.skip(2);
    world.assert_passed(number);
    world.close(number);
    assert_eq!(emitted!<VotingClosed>(), 1);
    assert_eq!(emitted!<DepositReturned>(), 1);
    world.assert_passed(number);
    world.assert_refund();
    assert!(world.governance().proposal(number).outcome().is_some());
    assert_eq!(world.governance().proposal(number).deposit(), 0);
    assert_eq!(world.governance().proposal(number).expiry_epoch(), option::some(6));
    world.queue(number);
    assert_eq!(emitted!<ProposalQueued>(), 1);
    world.assert_queued(number);
    assert_eq!(world.governance().proposal(number).executable_epoch(), option::some(5));
    assert_eq!(world.governance().proposal(number).expiry_epoch(), option::some(7));
    world.skip(1);
    world.execute(number);
    assert_eq!(emitted!<ProposalExecuted>(), 1);
    world.assert_executed(number);
    // It stays so.
    world.skip(9);
    world.assert_executed(number);
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
    world.assert_executed(number);
    world.end();
}

#[test]
fun a_closed_vote_stays_closed_for_late_counts() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    4u64.do!(|i| world.vote(i, number, YES));
    // Nobody closes for a long time. The decision has expired, the deposit has not.
    world.skip(20);
    world.assert_expired(number);
    world.close(number);
    world.assert_refund();
    world.assert_expired(number);
    world.expire(number);
    world.assert_expired(number);
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
    world.assert_defeated(number);
    world.close(number);
    assert_eq!(emitted!<DepositForfeited>(), 1);
    world.assert_defeated(number);
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
    world.assert_defeated(number);
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
    world.assert_defeated(number);
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
    world.assert_defeated(number);
    // The same is enough for a text.
    let number = world.open_text();
    world.vote(0, number, YES);
    world.vote(2, number, ABSTAIN);
    world.skip(2);
    world.assert_passed(number);
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
    world.assert_expired(number);
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
    world.assert_expired(number);
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
