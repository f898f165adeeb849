/// The accounts on a list read. Editors put readers on it and take them off; whoever holds the capability does that
/// with editors, too.
///
/// Identity: address of the list (32), anything.
module policies::allowlist;

use policies::prefix;
use policies::release;
use sui::table::{Self, Table};

// === Errors ===

/// The account is not on the list, or the identity is of another one.
const ENoAccess: u64 = 0;
/// The capability is of another list.
const EWrongCap: u64 = 1;
/// The account is on the list.
const EAlreadyListed: u64 = 2;
/// The account is not on the list.
const ENotListed: u64 = 3;
/// Only an editor may do this, and only with readers.
const ENotEditor: u64 = 4;

// === Structs ===

/// What an account on the list may do.
public enum Role has copy, drop, store {
    /// Read.
    Reader,
    /// Read, and change who reads.
    Editor,
}

/// The list, shared.
public struct Allowlist has key {
    id: UID,
    version: u64,
    members: Table<address, Role>,
}

/// Allows to change everything about a list.
public struct AllowlistCap has key, store {
    id: UID,
    allowlist_id: ID,
}

// === Public functions ===

/// Shares an empty list.
public fun create(ctx: &mut TxContext): AllowlistCap {
    let allowlist = Allowlist {
        id: object::new(ctx),
        version: release::version(),
        members: table::new(ctx),
    };
    let cap = AllowlistCap { id: object::new(ctx), allowlist_id: object::id(&allowlist) };
    transfer::share_object(allowlist);
    cap
}

/// Puts a reader on the list.
public fun grant(self: &mut Allowlist, cap: &AllowlistCap, member: address) {
    self.assert_cap(cap);
    self.add(member, Role::Reader);
}

/// Puts an editor on the list, who reads and changes who reads.
public fun grant_editor(self: &mut Allowlist, cap: &AllowlistCap, member: address) {
    self.assert_cap(cap);
    self.add(member, Role::Editor);
}

/// Takes somebody off the list. Keys that were fetched before are not taken back: encrypt what comes next under a
/// new identity.
public fun revoke(self: &mut Allowlist, cap: &AllowlistCap, member: address) {
    self.assert_cap(cap);
    self.remove(member);
}

/// Puts a reader on the list, as an editor.
public fun grant_as_editor(self: &mut Allowlist, member: address, ctx: &TxContext) {
    self.assert_editor(ctx.sender());
    self.add(member, Role::Reader);
}

/// Takes a reader off the list, as an editor.
public fun revoke_as_editor(self: &mut Allowlist, member: address, ctx: &TxContext) {
    self.assert_editor(ctx.sender());
    assert!(self.remove(member) == Role::Reader, ENotEditor);
}

/// Moves the list to this version of the package; anybody may.
public fun migrate(self: &mut Allowlist) {
    self.version = release::migrated(self.version);
}

/// Whether an account reads.
public fun contains(self: &Allowlist, member: address): bool {
    self.members.contains(member)
}

/// Whether an account changes who reads.
public fun is_editor(self: &Allowlist, member: address): bool {
    self.contains(member) && self.members[member] == Role::Editor
}

// === Entry functions ===

/// Lets the accounts on the list read with whose address the identity begins.
entry fun seal_approve(id: vector<u8>, allowlist: &Allowlist, ctx: &TxContext) {
    release::assert_current(allowlist.version);
    assert!(prefix::matches(&id, object::id_address(allowlist)), ENoAccess);
    assert!(allowlist.contains(ctx.sender()), ENoAccess);
}

// === Private functions ===

fun add(self: &mut Allowlist, member: address, role: Role) {
    assert!(!self.contains(member), EAlreadyListed);
    self.members.add(member, role);
}

fun remove(self: &mut Allowlist, member: address): Role {
    assert!(self.contains(member), ENotListed);
    self.members.remove(member)
}

fun assert_cap(self: &Allowlist, cap: &AllowlistCap) {
    release::assert_current(self.version);
    assert!(cap.allowlist_id == object::id(self), EWrongCap);
}

fun assert_editor(self: &Allowlist, sender: address) {
    release::assert_current(self.version);
    assert!(self.is_editor(sender), ENotEditor);
}

// === Test functions ===

#[test_only]
public(package) fun approve_for_testing(id: vector<u8>, allowlist: &Allowlist, ctx: &TxContext) {
    seal_approve(id, allowlist, ctx);
}

#[test_only]
public(package) fun set_version_for_testing(self: &mut Allowlist, version: u64) {
    self.version = version;
}
