/// Carrying decisions out, which anybody may do. Votes in `walrus` last until the epoch ends; here they
/// are cast and used in one step or not at all, so that what is recorded as executed is executed,
/// once, and nobody else uses the votes. Until a quorum can be reached the step fails, and can be tried
/// again, in later epochs too. Nodes that keep their authority vote in `walrus` before it, in the same
/// epoch.
module walrus_governance::execution;

use sui::package::UpgradeTicket;
use wal::wal::ProtectedTreasury;
use walrus::slashing::SlashingManager;
use walrus::staking::Staking;
use walrus::upgrade::UpgradeManager;
use walrus_governance::events;
use walrus_governance::governance::Governance;
use walrus_governance::weights;

// === Public functions ===

/// Votes for the decided upgrade of `walrus` with the authority of the named nodes and takes the
/// ticket for it. The ticket cannot be kept: the transaction upgrades the package and commits that
/// with `walrus::upgrade::commit_upgrade`, or fails as a whole. Named nodes that are not in the
/// committee are passed over; those that have voted for the digest in this epoch must not be named.
public fun authorize_upgrade(
    self: &mut Governance,
    staking: &Staking,
    manager: &mut UpgradeManager,
    number: u64,
    node_ids: vector<ID>,
): UpgradeTicket {
    let proposal = self.proposal_mut(number);
    let digest = proposal.kind().upgrade_digest();
    proposal.mark_executed(staking.epoch());
    voters(self, staking, number, node_ids).do!(|node_id| {
        let authority = self.delegations().authenticate();
        manager.vote_for_upgrade(staking, authority, node_id, digest);
    });
    manager.authorize_upgrade(staking, digest)
}

/// Votes for the decided slashing with the authority of the named nodes, as for an upgrade, and burns
/// the commission of the slashed node.
public fun execute_slashing(
    self: &mut Governance,
    staking: &mut Staking,
    manager: &mut SlashingManager,
    treasury: &mut ProtectedTreasury,
    number: u64,
    node_ids: vector<ID>,
    ctx: &mut TxContext,
) {
    let proposal = self.proposal_mut(number);
    let slashed = proposal.kind().slashed_node();
    proposal.mark_executed(staking.epoch());
    voters(self, staking, number, node_ids).do!(|node_id| {
        let authority = self.delegations().authenticate();
        manager.vote_for_slashing(staking, authority, node_id, slashed);
    });
    manager.execute_slashing(staking, treasury, slashed, ctx);
}

/// Changes the rules, or records a decision that no contract carries out.
public fun execute(self: &mut Governance, staking: &Staking, number: u64) {
    let proposal = self.proposal_mut(number);
    let parameters = proposal.kind().new_parameters();
    proposal.mark_executed(staking.epoch());
    parameters.do!(|parameters| self.set_parameters(number, parameters));
}

// === Private functions ===

/// The named nodes that can vote in `walrus`; all have to have handed their authority over.
fun voters(self: &Governance, staking: &Staking, number: u64, node_ids: vector<ID>): vector<ID> {
    let committee = staking.committee();
    node_ids.do_ref!(|node_id| self.delegations().assert_delegated(*node_id));
    let voters = node_ids.filter!(|node_id| weights::of_node(committee, *node_id) > 0);
    let weight = voters.fold!(0, |sum, node_id| sum + weights::of_node(committee, node_id));
    events::emit_votes_cast(number, staking.epoch(), voters, weight);
    voters
}
