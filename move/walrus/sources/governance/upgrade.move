/// Upgrades of this package: by vote of the committee, or by the holder of the emergency capability.
module walrus::upgrade;

use sui::package::{UpgradeCap, UpgradeReceipt, UpgradeTicket};
use sui::table::{Self, Table};
use sui::vec_set::{Self, VecSet};
use walrus::auth::Authenticated;
use walrus::events;
use walrus::staking::Staking;
use walrus::system::System;

// === Errors ===

/// The capability belongs to another upgrade manager.
const EInvalidUpgradeManager: u64 = 0;
/// Only the node's governance entity may vote.
const ENotAuthorized: u64 = 1;
/// The node has voted already.
const EDuplicateVote: u64 = 2;
/// A package digest is 32 bytes long.
const EInvalidPackageDigest: u64 = 3;
/// Nobody has voted for this digest.
const ENoProposalForDigest: u64 = 4;
/// The votes are of an earlier epoch.
const EWrongEpoch: u64 = 5;
/// The votes are not a quorum.
const ENotEnoughVotes: u64 = 6;
/// The votes are for another version.
const EWrongVersion: u64 = 7;

// === Constants ===

const DIGEST_LEN: u64 = 32;

// === Structs ===

/// Digest of a package: its modules and dependencies.
public struct PackageDigest(vector<u8>) has copy, drop, store;

/// The votes for an upgrade, in one epoch.
public struct UpgradeProposal has drop, store {
    epoch: u32,
    digest: PackageDigest,
    version: u64,
    voting_weight: u16,
    voters: VecSet<ID>,
}

/// Shared object that holds the package's upgrade capability.
public struct UpgradeManager has key {
    id: UID,
    cap: UpgradeCap,
    upgrade_proposals: Table<PackageDigest, UpgradeProposal>,
}

/// Allows to upgrade without a vote.
public struct EmergencyUpgradeCap has key, store {
    id: UID,
    upgrade_manager_id: ID,
}

// === Public functions ===

/// Votes for an upgrade to the package with this digest.
public fun vote_for_upgrade(
    self: &mut UpgradeManager,
    staking: &Staking,
    auth: Authenticated,
    node_id: ID,
    digest: vector<u8>,
) {
    let inner = staking.inner();
    assert!(inner.is_governance_authorized(node_id, &auth), ENotAuthorized);
    let weight = inner.member_weight(&node_id);
    let digest = new_digest(digest);
    self.open_proposal(digest, inner.epoch());

    let proposal = &mut self.upgrade_proposals[digest];
    assert!(!proposal.voters.contains(&node_id), EDuplicateVote);
    proposal.voters.insert(node_id);
    proposal.voting_weight = proposal.voting_weight + weight;
    if (inner.is_quorum(proposal.voting_weight)) {
        events::emit_contract_upgrade_quorum_reached(inner.epoch(), digest.0);
    };
}

/// Authorizes an upgrade that has a quorum of votes of this epoch.
public fun authorize_upgrade(
    self: &mut UpgradeManager,
    staking: &Staking,
    digest: vector<u8>,
): UpgradeTicket {
    let digest = new_digest(digest);
    assert!(self.upgrade_proposals.contains(digest), ENoProposalForDigest);
    let proposal = self.upgrade_proposals.remove(digest);
    let inner = staking.inner();
    assert!(proposal.epoch == inner.epoch(), EWrongEpoch);
    assert!(inner.is_quorum(proposal.voting_weight), ENotEnoughVotes);
    assert!(proposal.version == self.cap.version() + 1, EWrongVersion);
    let policy = self.cap.policy();
    self.cap.authorize(policy, digest.0)
}

/// Authorizes any upgrade.
public fun authorize_emergency_upgrade(
    self: &mut UpgradeManager,
    emergency_upgrade_cap: &EmergencyUpgradeCap,
    digest: vector<u8>,
): UpgradeTicket {
    assert!(emergency_upgrade_cap.upgrade_manager_id == object::id(self), EInvalidUpgradeManager);
    let policy = self.cap.policy();
    self.cap.authorize(policy, digest)
}

/// Finishes an upgrade. The shared objects stay with the old package until they are migrated.
public fun commit_upgrade(
    self: &mut UpgradeManager,
    staking: &mut Staking,
    system: &mut System,
    receipt: UpgradeReceipt,
) {
    let new_package_id = receipt.package();
    staking.set_new_package_id(new_package_id);
    system.set_new_package_id(new_package_id);
    self.cap.commit(receipt)
}

/// Removes proposals that cannot be executed any more.
public fun cleanup_upgrade_proposals(
    self: &mut UpgradeManager,
    staking: &Staking,
    proposals: vector<vector<u8>>,
) {
    let epoch = staking.epoch();
    proposals.do!(|digest| {
        let digest = new_digest(digest);
        let proposal = &self.upgrade_proposals[digest];
        if (proposal.version <= self.cap.version() || proposal.epoch < epoch) {
            self.upgrade_proposals.remove(digest);
        };
    });
}

/// Gives up upgrades without a vote, for good.
public fun burn_emergency_upgrade_cap(emergency_upgrade_cap: EmergencyUpgradeCap) {
    let EmergencyUpgradeCap { id, .. } = emergency_upgrade_cap;
    id.delete();
}

// === Package functions ===

/// Creates and shares the manager; returns the capability for emergencies.
public(package) fun new(cap: UpgradeCap, ctx: &mut TxContext): EmergencyUpgradeCap {
    let (manager, emergency_upgrade_cap) = create(cap, ctx);
    transfer::share_object(manager);
    emergency_upgrade_cap
}

// === Private functions ===

fun create(cap: UpgradeCap, ctx: &mut TxContext): (UpgradeManager, EmergencyUpgradeCap) {
    let manager = UpgradeManager {
        id: object::new(ctx),
        cap,
        upgrade_proposals: table::new(ctx),
    };
    let emergency_upgrade_cap = EmergencyUpgradeCap {
        id: object::new(ctx),
        upgrade_manager_id: object::id(&manager),
    };
    (manager, emergency_upgrade_cap)
}

fun new_digest(digest: vector<u8>): PackageDigest {
    assert!(digest.length() == DIGEST_LEN, EInvalidPackageDigest);
    PackageDigest(digest)
}

/// Makes sure that there is a proposal for the digest that is of this epoch and of the next version.
fun open_proposal(self: &mut UpgradeManager, digest: PackageDigest, epoch: u32) {
    let version = self.cap.version() + 1;
    if (self.upgrade_proposals.contains(digest)) {
        let proposal = &self.upgrade_proposals[digest];
        if (proposal.epoch == epoch && proposal.version == version) return;
        self.upgrade_proposals.remove(digest);
    };
    let proposal = UpgradeProposal {
        epoch,
        digest,
        version,
        voting_weight: 0,
        voters: vec_set::empty(),
    };
    self.upgrade_proposals.add(digest, proposal);
    events::emit_contract_upgrade_proposed(epoch, digest.0);
}

// === Test functions ===

#[test_only]
/// A manager that is not shared.
public(package) fun new_for_testing(
    cap: UpgradeCap,
    ctx: &mut TxContext,
): (UpgradeManager, EmergencyUpgradeCap) {
    create(cap, ctx)
}

#[test_only]
/// Whether there are votes for the digest, of whatever epoch and version.
public(package) fun has_proposal_for_testing(self: &UpgradeManager, digest: vector<u8>): bool {
    self.upgrade_proposals.contains(new_digest(digest))
}
