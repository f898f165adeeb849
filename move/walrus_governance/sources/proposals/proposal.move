/// A proposal and its life: Pending → Active → Defeated | Passed → Queued → Executed, or Expired, or
/// Cancelled.
module walrus_governance::proposal;

use std::string::String;
use sui::balance::Balance;
use sui::vec_set::{Self, VecSet};
use wal::wal::WAL;
use walrus::committee::Committee;
use walrus_governance::ballot::{Self, Ballot};
use walrus_governance::content::{Body, Kind};
use walrus_governance::events;
use walrus_governance::parameters::Parameters;
use walrus_governance::tally::{Self, Tally};
use walrus_governance::weights;

// === Errors ===

/// A title has 1 to 200 bytes.
const EInvalidTitleLength: u64 = 0;
/// The proposal is not in the state that this step is for; it may have expired.
const EWrongState: u64 = 1;
/// Only the proposer can cancel the proposal.
const ENotProposer: u64 = 2;
/// The epoch from which this step is possible is not reached.
const ETooEarly: u64 = 3;
/// The node has objected already.
const EAlreadyObjected: u64 = 4;

// === Constants ===

const TITLE_LEN_MAX: u64 = 200;
/// Epochs in which voting can be opened, once the discussion is over.
const OPENING_EPOCHS: u32 = 8;

// === Structs ===

/// Where a proposal is in its life.
public enum State has copy, drop, store {
    /// Under discussion, or waiting for somebody to open the vote.
    Pending,
    /// Votes are taken.
    Active,
    /// The vote ended without a decision for the proposal.
    Defeated,
    /// The vote ended with a decision for the proposal.
    Passed,
    /// Waits for the delay to end, then for execution.
    Queued,
    Executed,
    /// Nobody took the next step in time.
    Expired,
    /// By the proposer, or by objection of nodes.
    Cancelled,
}

/// A proposal.
public struct Proposal has store {
    number: u64,
    proposer: address,
    title: String,
    body: Body,
    kind: Kind,
    /// The rules when it was created.
    parameters: Parameters,
    deposit: Balance<WAL>,
    /// The last state that was recorded.
    state: State,
    created_epoch: u32,
    /// Since voting opened.
    ballot: Option<Ballot>,
    /// Since voting closed.
    outcome: Option<Tally>,
    /// Since it was queued.
    executable_epoch: Option<u32>,
    /// Nodes of the snapshot that object to the execution.
    objections: VecSet<ID>,
    /// Their weight, in shards.
    objecting_weight: u16,
}

// === Public functions ===

/// Number of the proposal.
public fun number(self: &Proposal): u64 {
    self.number
}

/// Who proposed it, and gets the deposit back.
public fun proposer(self: &Proposal): address {
    self.proposer
}

/// One line.
public fun title(self: &Proposal): String {
    self.title
}

/// The text.
public fun body(self: &Proposal): Body {
    self.body
}

/// What its execution does.
public fun kind(self: &Proposal): Kind {
    self.kind
}

/// The rules when it was created.
public fun parameters(self: &Proposal): Parameters {
    self.parameters
}

/// The deposit that is still held, in FROST.
public fun deposit(self: &Proposal): u64 {
    self.deposit.value()
}

/// Epoch of its creation.
public fun created_epoch(self: &Proposal): u32 {
    self.created_epoch
}

/// The votes, since voting opened.
public fun ballot(self: &Proposal): &Option<Ballot> {
    &self.ballot
}

/// The result, since voting closed.
public fun outcome(self: &Proposal): &Option<Tally> {
    &self.outcome
}

/// First epoch in which it can be executed, since it was queued.
public fun executable_epoch(self: &Proposal): Option<u32> {
    self.executable_epoch
}

/// Weight of the nodes that object, in shards.
public fun objecting_weight(self: &Proposal): u16 {
    self.objecting_weight
}

/// First epoch in which the next step is no longer possible; none in a final state, and none while
/// votes are taken, because closing does not expire.
public fun expiry_epoch(self: &Proposal): Option<u32> {
    let execution_epochs = self.parameters.execution_epochs();
    match (self.state) {
        State::Pending => option::some(self.opening_epoch() + OPENING_EPOCHS),
        State::Passed => option::some(self.end_epoch() + execution_epochs),
        State::Queued => option::some(*self.executable_epoch.borrow() + execution_epochs),
        _ => option::none(),
    }
}

// === Package functions: reading ===

/// The state in `epoch`, whether or not somebody recorded it.
public(package) fun state_at(self: &Proposal, epoch: u32): State {
    match (self.state) {
        State::Active => {
            if (epoch < self.end_epoch()) State::Active
            else if (!self.is_passed(&self.count())) State::Defeated
            else if (epoch >= self.end_epoch() + self.parameters.execution_epochs()) State::Expired
            else State::Passed
        },
        state => if (self.expiry_epoch().is_some_and!(|expiry| epoch >= *expiry)) State::Expired
        else state,
    }
}

/// The votes so far, or the result.
public(package) fun count(self: &Proposal): Tally {
    if (self.outcome.is_some()) return *self.outcome.borrow();
    if (self.ballot.is_none()) return tally::new(0);
    self.ballot.borrow().count()
}

/// Weight that is missing to the quorum, and yes that is missing to the threshold.
public(package) fun missing(self: &Proposal): (u64, u64) {
    let tally = self.count();
    let missing_to_yes = tally.missing_to_yes(&self.parameters, self.kind.is_binding());
    (tally.missing_to_quorum(&self.parameters), missing_to_yes)
}

// === Package functions: steps ===

/// Creates a proposal with its deposit.
public(package) fun new(
    number: u64,
    title: String,
    body: Body,
    kind: Kind,
    parameters: Parameters,
    deposit: Balance<WAL>,
    epoch: u32,
    ctx: &TxContext,
): Proposal {
    assert!(title.length() > 0 && title.length() <= TITLE_LEN_MAX, EInvalidTitleLength);
    let proposer = ctx.sender();
    events::emit_proposal_created(number, proposer, title, kind, deposit.value(), epoch);
    Proposal {
        number,
        proposer,
        title,
        body,
        kind,
        parameters,
        deposit,
        state: State::Pending,
        created_epoch: epoch,
        ballot: option::none(),
        outcome: option::none(),
        executable_epoch: option::none(),
        objections: vec_set::empty(),
        objecting_weight: 0,
    }
}

/// Opens the vote with a snapshot of the committee and of what is staked with each member.
public(package) fun open(
    self: &mut Proposal,
    committee: &Committee,
    stakes: vector<u64>,
    epoch: u32,
    ctx: &mut TxContext,
) {
    self.assert_state(State::Pending, epoch);
    assert!(epoch >= self.opening_epoch(), ETooEarly);
    let ballot = ballot::open(
        committee,
        stakes,
        epoch,
        self.parameters.voting_epochs(),
        ctx,
    );
    events::emit_voting_opened(self.number, epoch, ballot.end_epoch(), ballot.total_weight());
    self.ballot.fill(ballot);
    self.state = State::Active;
}

/// Whether votes are taken in `epoch`.
public(package) fun is_open(self: &Proposal, epoch: u32): bool {
    self.state == State::Active && epoch < self.end_epoch()
}

/// The ballot, to vote.
public(package) fun open_ballot(self: &mut Proposal, epoch: u32): &mut Ballot {
    assert!(self.is_open(epoch), EWrongState);
    self.ballot.borrow_mut()
}

/// Counts and decides, when the vote is over. Returns the deposit and whether it is forfeited.
public(package) fun close(self: &mut Proposal, epoch: u32): (Balance<WAL>, bool) {
    assert!(self.state == State::Active, EWrongState);
    assert!(epoch >= self.end_epoch(), ETooEarly);
    let tally = self.count();
    let passed = self.is_passed(&tally);
    self.outcome.fill(tally);
    self.state = if (passed) State::Passed else State::Defeated;
    events::emit_voting_closed(self.number, epoch, passed, tally);
    (self.deposit.withdraw_all(), !passed && tally.forfeits(&self.parameters))
}

/// Starts the delay.
public(package) fun queue(self: &mut Proposal, epoch: u32) {
    self.assert_state(State::Passed, epoch);
    let executable_epoch = epoch + self.parameters.delay_epochs();
    self.executable_epoch.fill(executable_epoch);
    self.state = State::Queued;
    let expiry_epoch = self.expiry_epoch().destroy_some();
    events::emit_proposal_queued(self.number, epoch, executable_epoch, expiry_epoch);
}

/// A node of the snapshot objects to the execution. More than a third of the shards cancel it: they
/// could refuse it in `walrus` too.
public(package) fun object_to(self: &mut Proposal, node_id: ID, epoch: u32) {
    let state = self.unexpired_state(epoch);
    assert!(state == State::Passed || state == State::Queued, EWrongState);
    assert!(!self.objections.contains(&node_id), EAlreadyObjected);
    let weight = self.ballot.borrow().member_weight(node_id);
    let total_weight = self.ballot.borrow().total_weight();
    self.objections.insert(node_id);
    self.objecting_weight = self.objecting_weight + weight;
    events::emit_node_objected(self.number, node_id, self.objecting_weight);
    if (weights::is_over_a_third(self.objecting_weight, total_weight)) {
        self.state = State::Cancelled;
        events::emit_proposal_cancelled(self.number, epoch, true);
    };
}

/// The proposer gives up. Returns the deposit and whether it is forfeited: it is once votes are taken,
/// or else a sure defeat would cost nothing.
public(package) fun cancel(self: &mut Proposal, epoch: u32, ctx: &TxContext): (Balance<WAL>, bool) {
    assert!(ctx.sender() == self.proposer, ENotProposer);
    let was_open = self.is_open(epoch);
    assert!(was_open || self.unexpired_state(epoch) == State::Pending, EWrongState);
    self.state = State::Cancelled;
    events::emit_proposal_cancelled(self.number, epoch, false);
    (self.deposit.withdraw_all(), was_open)
}

/// Records that nobody took the next step in time. Returns the deposit if there still is one.
public(package) fun expire(self: &mut Proposal, epoch: u32): Balance<WAL> {
    let expiry = self.expiry_epoch();
    assert!(expiry.is_some(), EWrongState);
    assert!(epoch >= expiry.destroy_some(), ETooEarly);
    self.state = State::Expired;
    events::emit_proposal_expired(self.number, epoch);
    self.deposit.withdraw_all()
}

/// Records the execution, if it is time for it.
public(package) fun mark_executed(self: &mut Proposal, epoch: u32) {
    self.assert_state(State::Queued, epoch);
    assert!(epoch >= *self.executable_epoch.borrow(), ETooEarly);
    self.state = State::Executed;
    events::emit_proposal_executed(self.number, epoch, self.kind);
}

// === Private functions ===

/// First epoch in which voting can be opened.
fun opening_epoch(self: &Proposal): u32 {
    self.created_epoch + self.parameters.discussion_epochs()
}

/// First epoch in which no vote is taken.
fun end_epoch(self: &Proposal): u32 {
    self.ballot.borrow().end_epoch()
}

fun is_passed(self: &Proposal, tally: &Tally): bool {
    tally.is_passed(&self.parameters, self.kind.is_binding())
}

/// The recorded state, or Expired.
fun unexpired_state(self: &Proposal, epoch: u32): State {
    if (self.expiry_epoch().is_some_and!(|expiry| epoch >= *expiry)) State::Expired else self.state
}

fun assert_state(self: &Proposal, state: State, epoch: u32) {
    assert!(self.unexpired_state(epoch) == state, EWrongState);
}
