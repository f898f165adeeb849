/// Who acts for a node. The proof and the identity it proves travel together, because nobody outside
/// `walrus` can compare one with the other.
module walrus_governance::identity;

use walrus::auth::{Self, Authenticated, Authorized};
use walrus::staking::Staking;

// === Structs ===

/// An identity and its proof; lives within one transaction.
public struct Identity has drop {
    authenticated: Authenticated,
    authorized: Authorized,
}

// === Public functions ===

/// The sender of the transaction.
public fun of_sender(ctx: &TxContext): Identity {
    Identity {
        authenticated: auth::authenticate_sender(ctx),
        authorized: auth::authorized_address(ctx.sender()),
    }
}

/// Whoever can use an object. Everybody can use a shared or immutable object: only an owned one says
/// anything.
public fun of_object<T: key>(obj: &T): Identity {
    Identity {
        authenticated: auth::authenticate_with_object(obj),
        authorized: auth::authorized_object(object::id(obj)),
    }
}

/// The identity, to compare or to remember.
public fun authorized(self: &Identity): Authorized {
    self.authorized
}

// === Package functions ===

/// Hands the right to vote for a node on; aborts in `walrus` unless it is this identity's.
public(package) fun hand_over(self: Identity, staking: &mut Staking, node_id: ID, to: Authorized) {
    let Identity { authenticated, .. } = self;
    staking.set_governance_authorized(node_id, authenticated, to);
}

/// Aborts in `walrus` unless the right to vote for the node is this identity's. Handing the right to
/// whoever has it is the only check that `walrus` offers, and changes nothing.
public(package) fun prove(self: Identity, staking: &mut Staking, node_id: ID) {
    let to = self.authorized;
    self.hand_over(staking, node_id, to);
}
