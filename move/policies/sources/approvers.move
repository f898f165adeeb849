/// Whoever enough approvers let in reads. Nobody alone decides, and there is no capability: approvers are named once.
///
/// Identity: address of the board (32), anything.
module policies::approvers;

use policies::prefix;
use policies::release;
use sui::table::{Self, Table};
use sui::vec_set::{Self, VecSet};

// === Errors ===

/// Too few approve the account, or the identity is of another board.
const ENoAccess: u64 = 0;
/// Only an approver may do this.
const ENotApprover: u64 = 1;
/// A threshold is at least 1 and at most the number of approvers, of whom there are at most 64.
const EInvalidThreshold: u64 = 2;

// === Constants ===

const APPROVERS_MAX: u64 = 64;

// === Structs ===

/// The approvers and what they say, shared.
public struct Board has key {
    id: UID,
    version: u64,
    approvers: VecSet<address>,
    threshold: u64,
    /// Reader → who lets them in.
    approvals: Table<address, VecSet<address>>,
}

// === Public functions ===

/// Shares a board on which `threshold` of the approvers decide. Each approver is named once.
public fun create(approvers: vector<address>, threshold: u64, ctx: &mut TxContext) {
    let count = approvers.length();
    assert!(threshold > 0 && threshold <= count && count <= APPROVERS_MAX, EInvalidThreshold);
    let board = Board {
        id: object::new(ctx),
        version: release::version(),
        approvers: vec_set::from_keys(approvers),
        threshold,
        approvals: table::new(ctx),
    };
    transfer::share_object(board);
}

/// Lets a reader in, as one of the approvers. Doing it again changes nothing.
public fun approve(self: &mut Board, reader: address, ctx: &TxContext) {
    let approver = self.assert_approver(ctx);
    if (!self.approvals.contains(reader)) self.approvals.add(reader, vec_set::empty());
    let approvals = &mut self.approvals[reader];
    if (!approvals.contains(&approver)) approvals.insert(approver);
}

/// Takes an approval back. Keys that were fetched before are not taken back.
public fun withdraw(self: &mut Board, reader: address, ctx: &TxContext) {
    let approver = self.assert_approver(ctx);
    if (!self.approvals.contains(reader)) return;
    let approvals = &mut self.approvals[reader];
    if (approvals.contains(&approver)) approvals.remove(&approver);
    if (approvals.is_empty()) {
        self.approvals.remove(reader);
    };
}

/// Moves the board to this version of the package; anybody may.
public fun migrate(self: &mut Board) {
    self.version = release::migrated(self.version);
}

/// How many let a reader in.
public fun approval_count(self: &Board, reader: address): u64 {
    if (self.approvals.contains(reader)) self.approvals[reader].length() else 0
}

/// How many have to.
public fun threshold(self: &Board): u64 {
    self.threshold
}

// === Entry functions ===

/// Lets the accounts read that enough approvers of the board let in with whose address the identity begins.
entry fun seal_approve(id: vector<u8>, board: &Board, ctx: &TxContext) {
    release::assert_current(board.version);
    assert!(prefix::matches(&id, object::id_address(board)), ENoAccess);
    assert!(board.approval_count(ctx.sender()) >= board.threshold, ENoAccess);
}

// === Private functions ===

fun assert_approver(self: &Board, ctx: &TxContext): address {
    release::assert_current(self.version);
    assert!(self.approvers.contains(&ctx.sender()), ENotApprover);
    ctx.sender()
}

// === Test functions ===

#[test_only]
public(package) fun approve_for_testing(id: vector<u8>, board: &Board, ctx: &TxContext) {
    seal_approve(id, board, ctx);
}

#[test_only]
public(package) fun set_version_for_testing(self: &mut Board, version: u64) {
    self.version = version;
}
