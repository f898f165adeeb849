/// Votes of nodes and delegators, and objections of nodes.
module walrus_governance::voting;

use std::string::String;
use walrus::staking::Staking;
use walrus_governance::choice;
use walrus_governance::events;
use walrus_governance::governance::Governance;
use walrus_governance::identity::Identity;
use walrus_governance::voting_stake::VotingStake;

// === Public functions ===

/// Votes with the shards of a node of the snapshot, as far as its delegators do not speak for
/// themselves. The choice is 0 (yes), 1 (no) or 2 (abstain); a later vote replaces an earlier one.
public fun vote_as_node(
    self: &mut Governance,
    staking: &mut Staking,
    identity: Identity,
    node_id: ID,
    number: u64,
    choice: u8,
    reason: Option<String>,
) {
    let choice = choice::from_u8(choice);
    self.assert_speaks_for(staking, identity, node_id);
    let ballot = self.proposal_mut(number).open_ballot(staking.epoch());
    let weight = ballot.vote_as_node(node_id, choice, reason);
    events::emit_node_voted(number, node_id, choice, weight, reason);
}

/// Votes with stake that was active in the epoch of the snapshot; its node no longer speaks for it.
public fun vote_with_stake(
    self: &mut Governance,
    staking: &Staking,
    stake: &mut VotingStake,
    number: u64,
    choice: u8,
    reason: Option<String>,
) {
    let choice = choice::from_u8(choice);
    let epoch = staking.epoch();
    let ballot = self.proposal_mut(number).open_ballot(epoch);
    let value = stake.value_at(staking, ballot.opened_epoch());
    let stake_id = stake.staked_wal_id();
    let node_id = stake.staked_wal().node_id();
    ballot.vote_with_stake(stake_id, node_id, choice, value, reason);
    stake.add_vote(number, ballot.end_epoch(), epoch);
    events::emit_stake_voted(number, stake_id, node_id, choice, value, reason);
}

/// Takes the vote of stake back, and frees the stake from it. When the vote is over, it stays counted.
public fun retract_stake_vote(
    self: &mut Governance,
    staking: &Staking,
    stake: &mut VotingStake,
    number: u64,
) {
    let epoch = staking.epoch();
    stake.remove_vote(number);
    let proposal = self.proposal_mut(number);
    if (proposal.is_open(epoch)) {
        proposal.open_ballot(epoch).retract_stake(stake.staked_wal_id());
        events::emit_stake_vote_retracted(number, stake.staked_wal_id());
    };
}

/// A node of the snapshot objects to what passed; more than a third of the shards cancel it.
public fun object_to(
    self: &mut Governance,
    staking: &mut Staking,
    identity: Identity,
    node_id: ID,
    number: u64,
) {
    self.assert_speaks_for(staking, identity, node_id);
    self.proposal_mut(number).object_to(node_id, staking.epoch());
}
