/// Whoever holds an object reads; access moves with it. Sui lets only its owner pass it to the call.
///
/// Identity: address of the object (32), anything.
module policies::holder;

use policies::prefix;

// === Errors ===

/// The identity is of another object.
const ENoAccess: u64 = 0;

// === Structs ===

/// Whoever holds it reads. It has no `store`, so that no other package can share or freeze it, which would let
/// everybody read.
public struct ReadKey has key {
    id: UID,
}

// === Public functions ===

/// A new key, for the sender.
entry fun create_and_keep(ctx: &mut TxContext) {
    transfer::transfer(ReadKey { id: object::new(ctx) }, ctx.sender());
}

/// Hands access on.
public fun give(self: ReadKey, to: address) {
    transfer::transfer(self, to);
}

/// Ends access, for everybody and for ever.
public fun destroy(self: ReadKey) {
    let ReadKey { id } = self;
    id.delete();
}

// === Entry functions ===

/// Lets the holder of the object read with whose address the identity begins.
entry fun seal_approve(id: vector<u8>, key: &ReadKey) {
    assert!(prefix::matches(&id, object::id_address(key)), ENoAccess);
}

// === Test functions ===

#[test_only]
public(package) fun create_for_testing(ctx: &mut TxContext) {
    create_and_keep(ctx);
}

#[test_only]
public(package) fun approve_for_testing(id: vector<u8>, key: &ReadKey) {
    seal_approve(id, key);
}
