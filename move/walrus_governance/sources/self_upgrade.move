/// Upgrading this package: the nodes whose authority is at stake decide, in the beginning together with the
/// holder of the bootstrap capability.
module walrus_governance::self_upgrade;

use sui::clock::Clock;
use sui::package::{UpgradeReceipt, UpgradeTicket};
use walrus::staking::Staking;
use walrus_governance::governance::{BootstrapUpgradeCap, Governance};
use walrus_governance::identity::Identity;

// === Public functions ===

/// A node that has handed its authority over approves an upgrade to the package with this digest. The
/// approval counts after a day, and until the node approves another one or the package is upgraded.
public fun approve(
    self: &mut Governance,
    identity: Identity,
    node_id: ID,
    digest: vector<u8>,
    clock: &Clock,
) {
    let (own_package, delegations) = self.own_package_mut();
    delegations.assert_voting_key(&identity, node_id);
    own_package.approve(delegations, node_id, digest, clock);
}

/// Authorizes an upgrade that nodes with more than two thirds of all shards approve.
public fun authorize(self: &mut Governance, digest: vector<u8>, clock: &Clock): UpgradeTicket {
    let (own_package, delegations) = self.own_package_mut();
    own_package.authorize(delegations, digest, clock)
}

/// Authorizes an upgrade that more than two thirds of the shards approve that handed their authority over,
/// however few they are; any upgrade, if there are none.
public fun authorize_bootstrap(
    self: &mut Governance,
    _: &BootstrapUpgradeCap,
    digest: vector<u8>,
    clock: &Clock,
): UpgradeTicket {
    let (own_package, delegations) = self.own_package_mut();
    own_package.authorize_bootstrap(delegations, digest, clock)
}

/// Finishes an upgrade. The governance stays with the old package until it is migrated.
public fun commit(self: &mut Governance, receipt: UpgradeReceipt) {
    let (own_package, _) = self.own_package_mut();
    own_package.commit(receipt);
}

/// Remembers the present committee, whose weights count for upgrades.
public fun sync_committee(self: &mut Governance, staking: &Staking) {
    let (own_package, _) = self.own_package_mut();
    own_package.see_committee(staking.committee());
}
