/// Whoever owns an object of a type reads: a token, a ticket, a capability.
///
/// It is as safe as the type: an object of it that is shared or frozen lets everybody read, and whoever can make one
/// reads. Choose a type whose package shares and freezes none.
///
/// Identity: address of the gate (32), anything.
module policies::gated;

use policies::prefix;
use policies::release;
use std::type_name::{Self, TypeName};

// === Errors ===

/// The object is of another type, or the identity of another gate.
const ENoAccess: u64 = 0;

// === Structs ===

/// The type that opens, shared.
public struct Gate has key {
    id: UID,
    version: u64,
    /// With the IDs of the packages that defined it and its parts.
    required: TypeName,
}

// === Public functions ===

/// Shares a gate that objects of a type open.
public fun create<T: key>(ctx: &mut TxContext) {
    let required = type_name::with_defining_ids<T>();
    transfer::share_object(Gate { id: object::new(ctx), version: release::version(), required });
}

/// Moves the gate to this version of the package; anybody may.
public fun migrate(self: &mut Gate) {
    self.version = release::migrated(self.version);
}

/// The type that opens.
public fun required(self: &Gate): TypeName {
    self.required
}

// === Entry functions ===

/// Lets the owner of an object of the type read that the gate with whose address the identity begins asks for.
entry fun seal_approve<T: key>(id: vector<u8>, _: &T, gate: &Gate) {
    release::assert_current(gate.version);
    assert!(prefix::matches(&id, object::id_address(gate)), ENoAccess);
    assert!(type_name::with_defining_ids<T>() == gate.required, ENoAccess);
}

// === Test functions ===

#[test_only]
public(package) fun approve_for_testing<T: key>(id: vector<u8>, token: &T, gate: &Gate) {
    seal_approve(id, token, gate);
}

#[test_only]
public(package) fun set_version_for_testing(self: &mut Gate, version: u64) {
    self.version = version;
}
