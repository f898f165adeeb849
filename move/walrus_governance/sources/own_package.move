/// The right to upgrade this package. It must work when everything else does not: after `walrus` has
/// moved on, its old code that this package is linked to refuses every call. So nothing here asks
/// `walrus`; weights are those of the last committee that was seen.
///
/// Nodes that handed their authority over decide, with more than two thirds of *all* shards: who has so many
/// could upgrade `walrus` as well. Until so many have handed theirs over, the holder of the bootstrap capability
/// decides together with more than two thirds of those that have, or alone if nobody has. So neither a few
/// early nodes nor the holder can change what others will hand their authority to, or have handed it to.
module walrus_governance::own_package;

use sui::clock::Clock;
use sui::package::{UpgradeCap, UpgradeReceipt, UpgradeTicket};
use sui::table::{Self, Table};
use sui::vec_map::{Self, VecMap};
use walrus::committee::Committee;
use walrus::extended_field::{Self, ExtendedField};
use walrus_governance::authority::Delegations;
use walrus_governance::events;
use walrus_governance::weights;

// === Errors ===

/// A package digest has 32 bytes.
const EInvalidDigestLength: u64 = 0;
/// More than two thirds of all shards have to approve the digest; with the bootstrap capability, more than two
/// thirds of those that handed their authority over. Each approval counts a day after it was given.
const ENotEnoughApprovals: u64 = 1;

// === Constants ===

const DIGEST_LEN: u64 = 32;
/// How long an approval has to be public before it counts, so that a node which does not agree can take
/// its authority back. By the clock, because epochs can only be asked for in `walrus`.
const APPROVAL_DELAY_MS: u64 = 24 * 60 * 60 * 1000;

// === Structs ===

/// What a node approves.
public struct Approval has copy, drop, store {
    /// Version of the package that is upgraded.
    version: u64,
    digest: vector<u8>,
    given_at_ms: u64,
}

/// The capability, and who approves what.
public struct OwnPackage has store {
    cap: UpgradeCap,
    /// Shards of the nodes of the last committee that was seen; apart, because it is large.
    weights: ExtendedField<VecMap<ID, u16>>,
    /// Node → what it approves.
    approvals: Table<ID, Approval>,
}

/// Shards of the last committee that was seen; lives within one call.
public struct Support has drop {
    /// Of nodes that approve an upgrade and have their authority at stake.
    approving: u16,
    /// Of nodes that have their authority at stake.
    delegated: u16,
    total: u16,
}

// === Package functions ===

/// No committee seen, nothing approved.
public(package) fun new(cap: UpgradeCap, ctx: &mut TxContext): OwnPackage {
    OwnPackage {
        cap,
        weights: extended_field::new(vec_map::empty(), ctx),
        approvals: table::new(ctx),
    }
}

/// Remembers the weights of a committee.
public(package) fun see_committee(self: &mut OwnPackage, committee: &Committee) {
    let node_ids = committee.inner().keys();
    let shards = node_ids.map_ref!(|node_id| weights::of_node(committee, *node_id));
    self.weights.swap(vec_map::from_keys_values(node_ids, shards));
}

/// A node approves an upgrade, instead of any that it approved before.
public(package) fun approve(
    self: &mut OwnPackage,
    delegations: &Delegations,
    node_id: ID,
    digest: vector<u8>,
    clock: &Clock,
) {
    assert!(digest.length() == DIGEST_LEN, EInvalidDigestLength);
    self.forget_approval(node_id);
    let now = clock.timestamp_ms();
    let approval = Approval { version: self.cap.version(), digest, given_at_ms: now };
    self.approvals.add(node_id, approval);
    let support = self.support(delegations, digest, now);
    let needed = weights::over_two_thirds(support.total);
    events::emit_self_upgrade_approved(node_id, digest, support.approving, needed);
}

/// Forgets what a node approved: it hands its authority over, or takes it back.
public(package) fun forget_approval(self: &mut OwnPackage, node_id: ID) {
    if (self.approvals.contains(node_id)) {
        self.approvals.remove(node_id);
    };
}

/// Authorizes an upgrade that enough nodes approve.
public(package) fun authorize(
    self: &mut OwnPackage,
    delegations: &Delegations,
    digest: vector<u8>,
    clock: &Clock,
): UpgradeTicket {
    let support = self.old_support(delegations, digest, clock);
    assert!(support.approving >= weights::over_two_thirds(support.total), ENotEnoughApprovals);
    self.authorize_digest(digest, false)
}

/// Authorizes an upgrade that the holder of the bootstrap capability wants, and enough of the nodes that have
/// something at stake.
public(package) fun authorize_bootstrap(
    self: &mut OwnPackage,
    delegations: &Delegations,
    digest: vector<u8>,
    clock: &Clock,
): UpgradeTicket {
    let support = self.old_support(delegations, digest, clock);
    let is_approved = support.approving >= weights::over_two_thirds(support.delegated);
    assert!(support.delegated == 0 || is_approved, ENotEnoughApprovals);
    self.authorize_digest(digest, true)
}

/// Finishes an upgrade.
public(package) fun commit(self: &mut OwnPackage, receipt: UpgradeReceipt) {
    let package_id = receipt.package();
    self.cap.commit(receipt);
    events::emit_self_upgrade_committed(package_id, self.cap.version());
}

// === Private functions ===

/// Who approves an upgrade with approvals that count already.
fun old_support(
    self: &OwnPackage,
    delegations: &Delegations,
    digest: vector<u8>,
    clock: &Clock,
): Support {
    let now = clock.timestamp_ms();
    let mut support = self.support(delegations, digest, now - APPROVAL_DELAY_MS.min(now));
    // Nothing is a day old on a chain that is younger.
    if (now < APPROVAL_DELAY_MS) support.approving = 0;
    support
}

/// Who approves an upgrade since `at_ms` or longer.
fun support(self: &OwnPackage, delegations: &Delegations, digest: vector<u8>, at_ms: u64): Support {
    let version = self.cap.version();
    let nodes = self.weights.borrow();
    let mut total = 0;
    let mut delegated = 0;
    let mut approving = 0;
    nodes.length().do!(|i| {
        let (node_id, weight) = nodes.get_entry_by_idx(i);
        total = total + *weight;
        if (delegations.contains(*node_id)) {
            delegated = delegated + *weight;
            if (self.approvals.contains(*node_id)) {
                let approval = &self.approvals[*node_id];
                let is_wanted = approval.version == version && approval.digest == digest;
                if (is_wanted && approval.given_at_ms <= at_ms) approving = approving + *weight;
            };
        };
    });
    Support { approving, delegated, total }
}

fun authorize_digest(self: &mut OwnPackage, digest: vector<u8>, bootstrap: bool): UpgradeTicket {
    events::emit_self_upgrade_authorized(digest, bootstrap);
    let policy = self.cap.policy();
    self.cap.authorize(policy, digest)
}

// === Test functions ===

#[test_only]
/// Shards of the nodes of the last committee that was seen, the most first.
public(package) fun weights_for_testing(self: &OwnPackage): vector<u16> {
    let (_, mut shards) = (*self.weights.borrow()).into_keys_values();
    shards.insertion_sort_by!(|a, b| *a >= *b);
    shards
}
