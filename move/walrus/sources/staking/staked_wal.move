/// The object that stands for stake in a node.
module walrus::staked_wal;

use sui::balance::Balance;
use wal::wal::WAL;

// === Errors ===

/// The stake is not being withdrawn.
const ENotWithdrawing: u64 = 0;
/// The two stakes differ in node, activation or withdrawal.
const EMetadataMismatch: u64 = 1;
/// The amount is not smaller than the stake.
const EInvalidAmount: u64 = 2;
/// The stake is being withdrawn already.
const EAlreadyWithdrawing: u64 = 6;
/// A stake is at least 1 WAL.
const EStakeBelowThreshold: u64 = 7;

// === Constants ===

/// Smallest stake, in FROST.
const MIN_STAKE: u64 = 1_000_000_000;

// === Structs ===

/// Whether the stake is on its way out.
public enum StakedWalState has copy, drop, store {
    Staked,
    Withdrawing { withdraw_epoch: u32 },
}

/// Stake in a node. Earns rewards from its activation epoch on.
public struct StakedWal has key, store {
    id: UID,
    state: StakedWalState,
    node_id: ID,
    principal: Balance<WAL>,
    activation_epoch: u32,
}

// === Public functions ===

/// The node.
public fun node_id(self: &StakedWal): ID {
    self.node_id
}

/// What was staked, in FROST.
public fun value(self: &StakedWal): u64 {
    self.principal.value()
}

/// First epoch in which the stake is active.
public fun activation_epoch(self: &StakedWal): u32 {
    self.activation_epoch
}

/// Whether no withdrawal was requested.
public fun is_staked(self: &StakedWal): bool {
    self.state == StakedWalState::Staked
}

/// Whether a withdrawal was requested.
public fun is_withdrawing(self: &StakedWal): bool {
    !self.is_staked()
}

/// First epoch in which the stake can be withdrawn; aborts if no withdrawal was requested.
public fun withdraw_epoch(self: &StakedWal): u32 {
    match (self.state) {
        StakedWalState::Withdrawing { withdraw_epoch } => withdraw_epoch,
        StakedWalState::Staked => abort ENotWithdrawing,
    }
}

/// Adds a stake of the same node, activation and state.
public fun join(self: &mut StakedWal, other: StakedWal) {
    let StakedWal { id, state, node_id, principal, activation_epoch } = other;
    id.delete();
    assert!(
        self.node_id == node_id &&
        self.activation_epoch == activation_epoch &&
        self.state == state,
        EMetadataMismatch,
    );
    self.principal.join(principal);
}

/// Splits off a part of the stake. Neither part may be smaller than 1 WAL.
public fun split(self: &mut StakedWal, amount: u64, ctx: &mut TxContext): StakedWal {
    assert!(self.principal.value() > amount, EInvalidAmount);
    assert!(amount >= MIN_STAKE, EStakeBelowThreshold);
    assert!(self.principal.value() - amount >= MIN_STAKE, EStakeBelowThreshold);
    StakedWal {
        id: object::new(ctx),
        state: self.state,
        node_id: self.node_id,
        principal: self.principal.split(amount),
        activation_epoch: self.activation_epoch,
    }
}

// === Package functions ===

/// Creates a stake.
public(package) fun mint(
    node_id: ID,
    principal: Balance<WAL>,
    activation_epoch: u32,
    ctx: &mut TxContext,
): StakedWal {
    assert!(principal.value() >= MIN_STAKE, EStakeBelowThreshold);
    StakedWal {
        id: object::new(ctx),
        state: StakedWalState::Staked,
        node_id,
        principal,
        activation_epoch,
    }
}

/// Marks the stake as leaving.
public(package) fun set_withdrawing(self: &mut StakedWal, withdraw_epoch: u32) {
    assert!(self.is_staked(), EAlreadyWithdrawing);
    self.state = StakedWalState::Withdrawing { withdraw_epoch };
}

/// Destroys the stake and returns what was staked.
public(package) fun into_balance(self: StakedWal): Balance<WAL> {
    let StakedWal { id, principal, .. } = self;
    id.delete();
    principal
}
