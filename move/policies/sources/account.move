/// Only one account reads: the identity begins with its address. There is no state and nothing to administer, for
/// one's own files or for those that one sends to somebody.
///
/// Identity: address (32), anything.
module policies::account;

use policies::prefix;

// === Errors ===

/// The identity is of another account.
const ENoAccess: u64 = 0;

// === Entry functions ===

/// Lets the account read whose address the identity begins with.
entry fun seal_approve(id: vector<u8>, ctx: &TxContext) {
    assert!(prefix::matches(&id, ctx.sender()), ENoAccess);
}

// === Test functions ===

#[test_only]
public(package) fun approve_for_testing(id: vector<u8>, ctx: &TxContext) {
    seal_approve(id, ctx);
}
