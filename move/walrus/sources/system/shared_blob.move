/// A blob that anybody can keep alive: shared, with funds to which anybody may add.
///
/// Sharing cannot be undone. A shared blob can be extended, but not certified, deleted or changed,
/// and its funds can only be spent on extensions.
module walrus::shared_blob;

use sui::balance::{Self, Balance};
use sui::coin::{Self, Coin};
use wal::wal::WAL;
use walrus::blob::Blob;
use walrus::system::System;

// === Structs ===

/// A blob with the funds for its extensions.
public struct SharedBlob has key, store {
    id: UID,
    blob: Blob,
    funds: Balance<WAL>,
}

// === Public functions ===

/// Shares a blob. One that is not certified yet can never be certified afterwards.
public fun new(blob: Blob, ctx: &mut TxContext) {
    share(blob, balance::zero(), ctx);
}

/// Shares a blob with funds for its extensions.
public fun new_funded(blob: Blob, funds: Coin<WAL>, ctx: &mut TxContext) {
    share(blob, funds.into_balance(), ctx);
}

/// Adds to the funds.
public fun fund(self: &mut SharedBlob, added_funds: Coin<WAL>) {
    self.funds.join(added_funds.into_balance());
}

/// Extends the blob by epochs, counted from its present end, and pays for them from the funds.
public fun extend(
    self: &mut SharedBlob,
    system: &mut System,
    extended_epochs: u32,
    ctx: &mut TxContext,
) {
    let mut payment = coin::from_balance(self.funds.withdraw_all(), ctx);
    system.extend_blob(&mut self.blob, extended_epochs, &mut payment);
    self.funds.join(payment.into_balance());
}

/// The blob.
public fun blob(self: &SharedBlob): &Blob {
    &self.blob
}

/// What is left for extensions.
public fun funds(self: &SharedBlob): &Balance<WAL> {
    &self.funds
}

// === Private functions ===

fun share(blob: Blob, funds: Balance<WAL>, ctx: &mut TxContext) {
    transfer::share_object(SharedBlob { id: object::new(ctx), blob, funds });
}
