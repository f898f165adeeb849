/// Stake that votes. While it is wrapped it can be neither split nor joined nor withdrawn, so that the
/// same WAL cannot vote twice. The wrapper is its holder's: no shared object ever holds stake.
module walrus_governance::voting_stake;

use sui::vec_map::{Self, VecMap};
use walrus::staked_wal::StakedWal;
use walrus::staking::Staking;

// === Errors ===

/// The stake takes part in a vote that has not ended; retract the vote first.
const EStillVoting: u64 = 0;
/// The stake takes part in too many open votes.
const ETooManyVotes: u64 = 1;
/// The stake was not active, or on its way out already, when voting opened.
const ENotActiveAtSnapshot: u64 = 2;
/// The stake has no vote on this proposal.
const ENoVote: u64 = 3;

// === Constants ===

/// Open votes that a stake takes part in, at most.
const OPEN_VOTES_MAX: u64 = 32;

// === Structs ===

/// Wrapped stake.
public struct VotingStake has key, store {
    id: UID,
    staked_wal: StakedWal,
    /// Proposal → first epoch in which its vote is over.
    votes: VecMap<u64, u32>,
}

// === Public functions ===

/// Wraps stake to vote with it.
public fun lock(staked_wal: StakedWal, ctx: &mut TxContext): VotingStake {
    VotingStake { id: object::new(ctx), staked_wal, votes: vec_map::empty() }
}

/// Unwraps stake that takes part in no open vote.
public fun unlock(self: VotingStake, staking: &Staking): StakedWal {
    // The epoch is asked for only if it matters: stake that never voted always comes out.
    assert!(self.votes.is_empty() || staking.epoch() >= self.locked_until(), EStillVoting);
    let VotingStake { id, staked_wal, .. } = self;
    id.delete();
    staked_wal
}

/// The stake.
public fun staked_wal(self: &VotingStake): &StakedWal {
    &self.staked_wal
}

/// The votes it takes part in: proposal → first epoch in which the vote is over.
public fun votes(self: &VotingStake): &VecMap<u64, u32> {
    &self.votes
}

/// First epoch in which the stake can be unwrapped; 0 without votes.
public fun locked_until(self: &VotingStake): u32 {
    let mut until = 0u32;
    self.votes.length().do!(|i| {
        let (_, end_epoch) = self.votes.get_entry_by_idx(i);
        until = until.max(*end_epoch);
    });
    until
}

// === Package functions ===

/// Id of the stake, under which its votes are counted.
public(package) fun staked_wal_id(self: &VotingStake): ID {
    object::id(&self.staked_wal)
}

/// What the stake was worth in an epoch, in FROST with rewards. Aborts if it was not active then.
public(package) fun value_at(self: &VotingStake, staking: &Staking, epoch: u32): u64 {
    let stake = &self.staked_wal;
    assert!(stake.activation_epoch() <= epoch, ENotActiveAtSnapshot);
    assert!(stake.is_staked() || stake.withdraw_epoch() > epoch, ENotActiveAtSnapshot);
    let principal = stake.value();
    principal +
    staking.calculate_rewards(stake.node_id(), principal, stake.activation_epoch(), epoch)
}

/// Remembers a vote that ends in `end_epoch`, and forgets those that have ended.
public(package) fun add_vote(self: &mut VotingStake, number: u64, end_epoch: u32, epoch: u32) {
    self.votes.keys().do!(|voted| {
        if (*self.votes.get(&voted) <= epoch || voted == number) {
            self.votes.remove(&voted);
        };
    });
    assert!(self.votes.length() < OPEN_VOTES_MAX, ETooManyVotes);
    self.votes.insert(number, end_epoch);
}

/// Forgets a vote.
public(package) fun remove_vote(self: &mut VotingStake, number: u64) {
    assert!(self.votes.contains(&number), ENoVote);
    self.votes.remove(&number);
}
