/// What the governance tells the outside. Nodes do not read these events.
module walrus_governance::events;

use std::string::String;
use sui::event;
use walrus::auth::Authorized;
use walrus_governance::choice::Choice;
use walrus_governance::content::Kind;
use walrus_governance::parameters::Parameters;
use walrus_governance::tally::Tally;

// === Structs ===

/// The governance was set up.
public struct GovernanceCreated has copy, drop {
    governance_id: ID,
    authority_id: ID,
}

/// The shared object works with a new version of the package.
public struct GovernanceMigrated has copy, drop {
    version: u64,
}

/// A node handed its authority over.
public struct AuthorityDelegated has copy, drop {
    node_id: ID,
    voting_key: Authorized,
}

/// A node has its authority back.
public struct AuthorityRevoked has copy, drop {
    node_id: ID,
    to: Authorized,
}

/// A node attested what is staked with each node.
public struct StakesAttested has copy, drop {
    epoch: u32,
    node_id: ID,
    totals_hash: vector<u8>,
    /// Shards that attest this list.
    weight: u16,
}

/// A list of stakes stands.
public struct CensusConfirmed has copy, drop {
    epoch: u32,
    totals: vector<u64>,
}

/// There is a new proposal.
public struct ProposalCreated has copy, drop {
    number: u64,
    proposer: address,
    title: String,
    kind: Kind,
    deposit: u64,
    epoch: u32,
}

/// Votes are taken.
public struct VotingOpened has copy, drop {
    number: u64,
    epoch: u32,
    end_epoch: u32,
    total_weight: u16,
}

/// A node voted, or changed its vote.
public struct NodeVoted has copy, drop {
    number: u64,
    node_id: ID,
    choice: Choice,
    weight: u16,
    reason: Option<String>,
}

/// A delegator voted, or changed the vote.
public struct StakeVoted has copy, drop {
    number: u64,
    staked_wal_id: ID,
    node_id: ID,
    choice: Choice,
    value: u64,
    reason: Option<String>,
}

/// A delegator took a vote back.
public struct StakeVoteRetracted has copy, drop {
    number: u64,
    staked_wal_id: ID,
}

/// The votes are counted: Defeated or Passed.
public struct VotingClosed has copy, drop {
    number: u64,
    epoch: u32,
    passed: bool,
    tally: Tally,
}

/// A proposer has the deposit back.
public struct DepositReturned has copy, drop {
    number: u64,
    proposer: address,
    amount: u64,
}

/// A deposit is lost.
public struct DepositForfeited has copy, drop {
    number: u64,
    amount: u64,
}

/// Lost deposits are burnt.
public struct ForfeitedBurnt has copy, drop {
    amount: u64,
}

/// A decision waits for its execution.
public struct ProposalQueued has copy, drop {
    number: u64,
    epoch: u32,
    executable_epoch: u32,
    expiry_epoch: u32,
}

/// A node objects to an execution.
public struct NodeObjected has copy, drop {
    number: u64,
    node_id: ID,
    objecting_weight: u16,
}

/// Votes of nodes were cast in `walrus`.
public struct VotesCast has copy, drop {
    number: u64,
    epoch: u32,
    node_ids: vector<ID>,
    weight: u16,
}

/// A decision is carried out.
public struct ProposalExecuted has copy, drop {
    number: u64,
    epoch: u32,
    kind: Kind,
}

/// Nobody took the next step in time.
public struct ProposalExpired has copy, drop {
    number: u64,
    epoch: u32,
}

/// The proposer gave up, or nodes objected.
public struct ProposalCancelled has copy, drop {
    number: u64,
    epoch: u32,
    by_objection: bool,
}

/// The rules changed.
public struct ParametersChanged has copy, drop {
    number: u64,
    parameters: Parameters,
}

/// A node approved an upgrade of this package.
public struct SelfUpgradeApproved has copy, drop {
    node_id: ID,
    digest: vector<u8>,
    /// Shards that approve this digest, and how many of all have to.
    weight: u16,
    needed: u16,
}

/// An upgrade of this package was authorized.
public struct SelfUpgradeAuthorized has copy, drop {
    digest: vector<u8>,
    bootstrap: bool,
}

/// This package was upgraded.
public struct SelfUpgradeCommitted has copy, drop {
    package_id: ID,
    version: u64,
}

// === Package functions ===

public(package) fun emit_governance_created(governance_id: ID, authority_id: ID) {
    event::emit(GovernanceCreated { governance_id, authority_id });
}

public(package) fun emit_governance_migrated(version: u64) {
    event::emit(GovernanceMigrated { version });
}

public(package) fun emit_authority_delegated(node_id: ID, voting_key: Authorized) {
    event::emit(AuthorityDelegated { node_id, voting_key });
}

public(package) fun emit_authority_revoked(node_id: ID, to: Authorized) {
    event::emit(AuthorityRevoked { node_id, to });
}

public(package) fun emit_stakes_attested(
    epoch: u32,
    node_id: ID,
    totals_hash: vector<u8>,
    weight: u16,
) {
    event::emit(StakesAttested { epoch, node_id, totals_hash, weight });
}

public(package) fun emit_census_confirmed(epoch: u32, totals: vector<u64>) {
    event::emit(CensusConfirmed { epoch, totals });
}

public(package) fun emit_proposal_created(
    number: u64,
    proposer: address,
    title: String,
    kind: Kind,
    deposit: u64,
    epoch: u32,
) {
    event::emit(ProposalCreated { number, proposer, title, kind, deposit, epoch });
}

public(package) fun emit_voting_opened(number: u64, epoch: u32, end_epoch: u32, total_weight: u16) {
    event::emit(VotingOpened { number, epoch, end_epoch, total_weight });
}

public(package) fun emit_node_voted(
    number: u64,
    node_id: ID,
    choice: Choice,
    weight: u16,
    reason: Option<String>,
) {
    event::emit(NodeVoted { number, node_id, choice, weight, reason });
}

public(package) fun emit_stake_voted(
    number: u64,
    staked_wal_id: ID,
    node_id: ID,
    choice: Choice,
    value: u64,
    reason: Option<String>,
) {
    event::emit(StakeVoted { number, staked_wal_id, node_id, choice, value, reason });
}

public(package) fun emit_stake_vote_retracted(number: u64, staked_wal_id: ID) {
    event::emit(StakeVoteRetracted { number, staked_wal_id });
}

public(package) fun emit_voting_closed(number: u64, epoch: u32, passed: bool, tally: Tally) {
    event::emit(VotingClosed { number, epoch, passed, tally });
}

public(package) fun emit_deposit_returned(number: u64, proposer: address, amount: u64) {
    event::emit(DepositReturned { number, proposer, amount });
}

public(package) fun emit_deposit_forfeited(number: u64, amount: u64) {
    event::emit(DepositForfeited { number, amount });
}

public(package) fun emit_forfeited_burnt(amount: u64) {
    event::emit(ForfeitedBurnt { amount });
}

public(package) fun emit_proposal_queued(
    number: u64,
    epoch: u32,
    executable_epoch: u32,
    expiry_epoch: u32,
) {
    event::emit(ProposalQueued { number, epoch, executable_epoch, expiry_epoch });
}

public(package) fun emit_node_objected(number: u64, node_id: ID, objecting_weight: u16) {
    event::emit(NodeObjected { number, node_id, objecting_weight });
}

public(package) fun emit_votes_cast(number: u64, epoch: u32, node_ids: vector<ID>, weight: u16) {
    event::emit(VotesCast { number, epoch, node_ids, weight });
}

public(package) fun emit_proposal_executed(number: u64, epoch: u32, kind: Kind) {
    event::emit(ProposalExecuted { number, epoch, kind });
}

public(package) fun emit_proposal_expired(number: u64, epoch: u32) {
    event::emit(ProposalExpired { number, epoch });
}

public(package) fun emit_proposal_cancelled(number: u64, epoch: u32, by_objection: bool) {
    event::emit(ProposalCancelled { number, epoch, by_objection });
}

public(package) fun emit_parameters_changed(number: u64, parameters: Parameters) {
    event::emit(ParametersChanged { number, parameters });
}

public(package) fun emit_self_upgrade_approved(
    node_id: ID,
    digest: vector<u8>,
    weight: u16,
    needed: u16,
) {
    event::emit(SelfUpgradeApproved { node_id, digest, weight, needed });
}

public(package) fun emit_self_upgrade_authorized(digest: vector<u8>, bootstrap: bool) {
    event::emit(SelfUpgradeAuthorized { digest, bootstrap });
}

public(package) fun emit_self_upgrade_committed(package_id: ID, version: u64) {
    event::emit(SelfUpgradeCommitted { package_id, version });
}
