/// Punishing a node: the committee votes, and the node's uncollected commission is burnt. Stake is
/// never touched.
module walrus::slashing;

use sui::coin;
use sui::table::{Self, Table};
use sui::vec_set::{Self, VecSet};
use wal::wal::ProtectedTreasury;
use walrus::auth::Authenticated;
use walrus::staking::Staking;

// === Errors ===

/// Only the node's governance entity may vote.
const ENotAuthorized: u64 = 0;
/// The node has voted already.
const EDuplicateVote: u64 = 1;
/// Nobody has voted for slashing this node.
const ENoProposalForNode: u64 = 2;
/// The votes are of an earlier epoch.
const EWrongEpoch: u64 = 3;
/// The votes are not a quorum.
const ENotEnoughVotes: u64 = 4;

// === Structs ===

/// Shared object with all votes.
public struct SlashingManager has key {
    id: UID,
    slashing_candidates: Table<ID, SlashingProposal>,
}

/// The votes for slashing a node, in one epoch.
public struct SlashingProposal has drop, store {
    epoch: u32,
    node_id: ID,
    voting_weight: u16,
    voters: VecSet<ID>,
}

// === Public functions ===

/// Votes for slashing a node, as another node of the committee.
public fun vote_for_slashing(
    self: &mut SlashingManager,
    staking: &Staking,
    auth: Authenticated,
    voter_node_id: ID,
    candidate_node_id: ID,
) {
    let inner = staking.inner();
    assert!(inner.is_governance_authorized(voter_node_id, &auth), ENotAuthorized);
    let weight = inner.member_weight(&voter_node_id);
    self.open_proposal(candidate_node_id, inner.epoch());

    let proposal = &mut self.slashing_candidates[candidate_node_id];
    assert!(!proposal.voters.contains(&voter_node_id), EDuplicateVote);
    proposal.voters.insert(voter_node_id);
    proposal.voting_weight = proposal.voting_weight + weight;
}

/// Burns the whole commission of a node against which a quorum has voted in this epoch, also the
/// part that cannot be collected yet.
public fun execute_slashing(
    self: &mut SlashingManager,
    staking: &mut Staking,
    treasury: &mut ProtectedTreasury,
    candidate_node_id: ID,
    ctx: &mut TxContext,
) {
    let inner = staking.inner();
    assert!(self.slashing_candidates.contains(candidate_node_id), ENoProposalForNode);
    let proposal = self.slashing_candidates.remove(candidate_node_id);
    assert!(proposal.epoch == inner.epoch(), EWrongEpoch);
    assert!(inner.is_quorum(proposal.voting_weight), ENotEnoughVotes);
    let commission = staking.take_commission(candidate_node_id);
    treasury.burn(coin::from_balance(commission, ctx));
}

/// Removes the proposals of past epochs.
public fun cleanup_slashing_proposals(
    self: &mut SlashingManager,
    staking: &Staking,
    node_ids: vector<ID>,
) {
    let epoch = staking.epoch();
    node_ids.do!(|node_id| {
        if (self.slashing_candidates[node_id].epoch < epoch) {
            self.slashing_candidates.remove(node_id);
        };
    });
}

// === Package functions ===

/// Creates and shares the manager.
public(package) fun new(ctx: &mut TxContext) {
    transfer::share_object(SlashingManager {
        id: object::new(ctx),
        slashing_candidates: table::new(ctx),
    });
}

// === Private functions ===

/// Makes sure that there is a proposal for the node that is of this epoch.
fun open_proposal(self: &mut SlashingManager, node_id: ID, epoch: u32) {
    if (self.slashing_candidates.contains(node_id)) {
        if (self.slashing_candidates[node_id].epoch == epoch) return;
        self.slashing_candidates.remove(node_id);
    };
    let proposal = SlashingProposal {
        epoch,
        node_id,
        voting_weight: 0,
        voters: vec_set::empty(),
    };
    self.slashing_candidates.add(node_id, proposal);
}

// === Test functions ===

#[test_only]
/// Whether there are votes against the node, of whatever epoch.
public(package) fun has_proposal_for_testing(self: &SlashingManager, node_id: ID): bool {
    self.slashing_candidates.contains(node_id)
}
