/// Nodes that let decisions of the governance bind their vote in `walrus`.
module walrus_governance::authority;

use sui::table::{Self, Table};
use walrus::auth::{Self, Authenticated, Authorized};
use walrus::staking::Staking;
use walrus_governance::events;
use walrus_governance::identity::Identity;
use walrus_governance::weights;

// === Errors ===

/// The node has not handed its authority over.
const ENotDelegated: u64 = 0;
/// Only the voting key that the node left behind may do this.
const ENotVotingKey: u64 = 1;
/// Only a node of the current committee can hand its authority over.
const ENotInCommittee: u64 = 2;

// === Structs ===

/// The object that nodes authorize. It is held by value and no reference to it leaves this module:
/// whoever had one could vote for all of them.
public struct Authority has key, store {
    id: UID,
}

/// The nodes that have handed their authority over, and who speaks for them here.
public struct Delegations has store {
    authority: Authority,
    voting_keys: Table<ID, Authorized>,
}

// === Package functions ===

/// Nobody has delegated yet.
public(package) fun new(ctx: &mut TxContext): Delegations {
    Delegations { authority: Authority { id: object::new(ctx) }, voting_keys: table::new(ctx) }
}

/// Id of the object that nodes authorize.
public(package) fun id(self: &Delegations): ID {
    object::id(&self.authority)
}

/// Whether the node has handed its authority over.
public(package) fun contains(self: &Delegations, node_id: ID): bool {
    self.voting_keys.contains(node_id)
}

/// Who speaks for the node here, if it has handed its authority over.
public(package) fun voting_key(self: &Delegations, node_id: ID): Option<Authorized> {
    if (self.contains(node_id)) option::some(self.voting_keys[node_id]) else option::none()
}

/// Takes the authority of a node from its governance entity, which becomes its voting key.
public(package) fun delegate(
    self: &mut Delegations,
    staking: &mut Staking,
    identity: Identity,
    node_id: ID,
) {
    assert!(weights::of_node(staking.committee(), node_id) > 0, ENotInCommittee);
    let voting_key = identity.authorized();
    identity.hand_over(staking, node_id, auth::authorized_object(self.id()));
    // Whoever has just proved to be the governance entity outdates any record.
    self.forget(node_id);
    self.voting_keys.add(node_id, voting_key);
    events::emit_authority_delegated(node_id, voting_key);
}

/// Gives the authority of a node to whomever its voting key names.
public(package) fun revoke(
    self: &mut Delegations,
    staking: &mut Staking,
    identity: &Identity,
    node_id: ID,
    to: Authorized,
) {
    self.assert_voting_key(identity, node_id);
    staking.set_governance_authorized(node_id, self.authenticate(), to);
    self.forget(node_id);
    events::emit_authority_revoked(node_id, to);
}

/// Aborts unless the identity speaks for the node: as the voting key of a node whose authority is
/// still here, or as the governance entity of a node that keeps it.
public(package) fun assert_speaks_for(
    self: &mut Delegations,
    staking: &mut Staking,
    identity: Identity,
    node_id: ID,
) {
    let speaker = identity.authorized();
    if (self.contains(node_id) && self.voting_keys[node_id] == speaker) {
        let here = auth::authorized_object(self.id());
        staking.set_governance_authorized(node_id, self.authenticate(), here);
    } else {
        identity.prove(staking, node_id);
        // The governance entity is somebody else than our object, so a record here is outdated.
        if (self.contains(node_id)) {
            self.forget(node_id);
            events::emit_authority_revoked(node_id, speaker);
        };
    }
}

/// Aborts unless the identity is the voting key that the node left behind. Asks nobody else.
public(package) fun assert_voting_key(self: &Delegations, identity: &Identity, node_id: ID) {
    self.assert_delegated(node_id);
    assert!(self.voting_keys[node_id] == identity.authorized(), ENotVotingKey);
}

/// Aborts unless the node has handed its authority over.
public(package) fun assert_delegated(self: &Delegations, node_id: ID) {
    assert!(self.contains(node_id), ENotDelegated);
}

/// Proof of the authority of all nodes that handed it over; only to carry out decisions.
public(package) fun authenticate(self: &Delegations): Authenticated {
    auth::authenticate_with_object(&self.authority)
}

// === Private functions ===

fun forget(self: &mut Delegations, node_id: ID) {
    if (self.contains(node_id)) {
        self.voting_keys.remove(node_id);
    };
}
