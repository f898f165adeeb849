/// One vote: the snapshot of the committee and of what is staked with it, who chose what, and how it is
/// counted.
module walrus_governance::ballot;

use std::string::String;
use sui::table::{Self, Table};
use walrus::committee::Committee;
use walrus_governance::choice::{Self, Choice};
use walrus_governance::tally::{Self, Tally};
use walrus_governance::weights;

// === Errors ===

/// A reason has at most 512 bytes.
const EReasonTooLong: u64 = 0;
/// The node was not in the committee when voting opened.
const ENotInSnapshot: u64 = 1;

// === Constants ===

const REASON_LEN_MAX: u64 = 512;

// === Structs ===

/// A node of the snapshot, and the votes about its weight.
public struct NodeBallot has drop, store {
    node_id: ID,
    /// In shards.
    weight: u16,
    /// What is staked with it, as the committee attests, in FROST.
    stake: u64,
    /// What the node chose, for what its delegators do not speak for themselves.
    choice: Option<Choice>,
    /// Stake of delegators who speak for themselves, in FROST.
    yes_stake: u64,
    no_stake: u64,
    abstain_stake: u64,
}

/// The vote of a delegator.
public struct StakeVote has drop, store {
    node_id: ID,
    choice: Choice,
    /// What the stake was worth in the epoch of the snapshot, in FROST.
    value: u64,
}

/// All votes on a proposal.
public struct Ballot has store {
    opened_epoch: u32,
    /// First epoch in which no vote is taken.
    end_epoch: u32,
    /// Shards of all nodes.
    total_weight: u16,
    /// In the order of the committee.
    nodes: vector<NodeBallot>,
    /// Id of the stake → its vote.
    stake_votes: Table<ID, StakeVote>,
    /// Id of the node or the stake → why it chose so.
    reasons: Table<ID, String>,
}

// === Public functions ===

/// Epoch of the snapshot.
public fun opened_epoch(self: &Ballot): u32 {
    self.opened_epoch
}

/// First epoch in which no vote is taken.
public fun end_epoch(self: &Ballot): u32 {
    self.end_epoch
}

/// Shards of all nodes.
public fun total_weight(self: &Ballot): u16 {
    self.total_weight
}

/// Shards of a node; 0 if it was not in the committee.
public fun node_weight(self: &Ballot, node_id: ID): u16 {
    self.index_of(node_id).map!(|i| self.nodes[i].weight).destroy_or!(0)
}

/// What is staked with a node, in FROST; 0 if it was not in the committee.
public fun node_stake(self: &Ballot, node_id: ID): u64 {
    self.index_of(node_id).map!(|i| self.nodes[i].stake).destroy_or!(0)
}

/// What a node chose.
public fun node_choice(self: &Ballot, node_id: ID): Option<Choice> {
    self.index_of(node_id).map!(|i| self.nodes[i].choice).destroy_or!(option::none())
}

/// What a stake chose.
public fun stake_choice(self: &Ballot, staked_wal_id: ID): Option<Choice> {
    if (self.stake_votes.contains(staked_wal_id)) {
        option::some(self.stake_votes[staked_wal_id].choice)
    } else {
        option::none()
    }
}

/// Why a node or a stake chose so, if it said.
public fun reason(self: &Ballot, voter_id: ID): Option<String> {
    if (self.reasons.contains(voter_id)) {
        option::some(self.reasons[voter_id])
    } else {
        option::none()
    }
}

// === Package functions ===

/// Shards of a node of the snapshot; aborts for any other one.
public(package) fun member_weight(self: &Ballot, node_id: ID): u16 {
    let weight = self.node_weight(node_id);
    assert!(weight > 0, ENotInSnapshot);
    weight
}

/// Takes the snapshot. `stakes` is what is staked with each member, in the order of the committee. Voting
/// takes the rest of this epoch and `voting_epochs` whole ones.
public(package) fun open(
    committee: &Committee,
    stakes: vector<u64>,
    epoch: u32,
    voting_epochs: u32,
    ctx: &mut TxContext,
): Ballot {
    let members = committee.inner();
    let nodes = vector::tabulate!(members.length(), |i| {
        let (node_id, shards) = members.get_entry_by_idx(i);
        NodeBallot {
            node_id: *node_id,
            weight: shards.length() as u16,
            stake: stakes[i],
            choice: option::none(),
            yes_stake: 0,
            no_stake: 0,
            abstain_stake: 0,
        }
    });
    Ballot {
        opened_epoch: epoch,
        end_epoch: epoch + voting_epochs + 1,
        total_weight: weights::total(committee),
        nodes,
        stake_votes: table::new(ctx),
        reasons: table::new(ctx),
    }
}

/// Sets the choice of a node; returns its weight in shards.
public(package) fun vote_as_node(
    self: &mut Ballot,
    node_id: ID,
    choice: Choice,
    reason: Option<String>,
): u16 {
    self.set_reason(node_id, reason);
    let node = self.node_mut(node_id);
    node.choice = option::some(choice);
    node.weight
}

/// Sets the choice of stake with a node.
public(package) fun vote_with_stake(
    self: &mut Ballot,
    staked_wal_id: ID,
    node_id: ID,
    choice: Choice,
    value: u64,
    reason: Option<String>,
) {
    if (self.stake_votes.contains(staked_wal_id)) self.remove_stake(staked_wal_id);
    let stake = self.node_mut(node_id).stake_mut(choice);
    *stake = *stake + value;
    self.stake_votes.add(staked_wal_id, StakeVote { node_id, choice, value });
    self.set_reason(staked_wal_id, reason);
}

/// Takes the vote of stake back: its node speaks for it again.
public(package) fun retract_stake(self: &mut Ballot, staked_wal_id: ID) {
    self.remove_stake(staked_wal_id);
    self.set_reason(staked_wal_id, option::none());
}

/// Counts.
public(package) fun count(self: &Ballot): Tally {
    let mut tally = tally::new(self.total_weight);
    self.nodes.do_ref!(|node| node.add_to(&mut tally));
    tally
}

// === Private functions ===

/// Adds the votes about the weight of a node. Each choice of delegators gets its part of the stake,
/// rounded down. The parts are of no less than what has voted, so that their sum never exceeds the
/// weight, however wrong the attested stake is. The node speaks for the rest.
fun add_to(self: &NodeBallot, tally: &mut Tally) {
    let weight = tally::micro_shards(self.weight);
    let votes = vector[self.yes_stake, self.no_stake, self.abstain_stake];
    let voted = votes.fold!(0u128, |sum, voted| sum + (voted as u128));
    let stake = (self.stake as u128).max(voted).max(1);
    let mut rest = weight;
    votes.length().do!(|i| {
        let part = ((weight as u128) * (votes[i] as u128) / stake) as u64;
        tally.add(choice::from_u8(i as u8), part);
        rest = rest - part;
    });
    self.choice.do_ref!(|choice| tally.add(*choice, rest));
}

/// The stake that made a choice.
fun stake_mut(self: &mut NodeBallot, choice: Choice): &mut u64 {
    match (choice.to_u8()) {
        0 => &mut self.yes_stake,
        1 => &mut self.no_stake,
        _ => &mut self.abstain_stake,
    }
}

fun remove_stake(self: &mut Ballot, staked_wal_id: ID) {
    let StakeVote { node_id, choice, value } = self.stake_votes.remove(staked_wal_id);
    let stake = self.node_mut(node_id).stake_mut(choice);
    *stake = *stake - value;
}

/// Replaces the reason of a voter.
fun set_reason(self: &mut Ballot, voter_id: ID, reason: Option<String>) {
    if (self.reasons.contains(voter_id)) {
        self.reasons.remove(voter_id);
    };
    reason.do!(|reason| {
        assert!(reason.length() <= REASON_LEN_MAX, EReasonTooLong);
        self.reasons.add(voter_id, reason);
    });
}

fun index_of(self: &Ballot, node_id: ID): Option<u64> {
    self.nodes.find_index!(|node| node.node_id == node_id)
}

fun node_mut(self: &mut Ballot, node_id: ID): &mut NodeBallot {
    let index = self.index_of(node_id);
    assert!(index.is_some(), ENotInSnapshot);
    &mut self.nodes[index.destroy_some()]
}
