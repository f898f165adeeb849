/// What is sold and paid for the current epoch and the epochs after it.
module walrus::storage_accounting;

use sui::balance::{Self, Balance};
use wal::wal::WAL;

// === Errors ===

/// The epoch is beyond the last one for which storage is sold.
const ETooFarInFuture: u64 = 0;

// === Structs ===

/// One epoch: capacity sold, and payments that will reward the nodes.
public struct FutureAccounting has store {
    epoch: u32,
    used_capacity: u64,
    rewards_to_distribute: Balance<WAL>,
}

/// The current epoch at `current_index`, the following ones behind it, wrapping around.
public struct FutureAccountingRingBuffer has store {
    current_index: u32,
    length: u32,
    ring_buffer: vector<FutureAccounting>,
}

// === Public functions ===

/// For how many epochs storage is sold, the current one included.
public fun max_epochs_ahead(self: &FutureAccountingRingBuffer): u32 {
    self.length
}

#[syntax(index)]
/// The accounting of an epoch; 0 is the current one.
public fun ring_lookup(
    self: &FutureAccountingRingBuffer,
    epochs_in_future: u32,
): &FutureAccounting {
    &self.ring_buffer[self.position(epochs_in_future)]
}

/// The epoch.
public fun epoch(accounting: &FutureAccounting): u32 {
    accounting.epoch
}

/// Capacity sold for the epoch, in bytes of encoded blobs. It never shrinks.
public fun used_capacity(accounting: &FutureAccounting): u64 {
    accounting.used_capacity
}

/// Payments for the epoch so far, in FROST.
public fun rewards(accounting: &FutureAccounting): u64 {
    accounting.rewards_to_distribute.value()
}

// === Package functions ===

/// A ring for epochs 0 to `length - 1`.
public(package) fun ring_new(length: u32): FutureAccountingRingBuffer {
    FutureAccountingRingBuffer {
        current_index: 0,
        length,
        ring_buffer: vector::tabulate!(length as u64, |i| new(i as u32)),
    }
}

#[syntax(index)]
/// The accounting of an epoch, to change it.
public(package) fun ring_lookup_mut(
    self: &mut FutureAccountingRingBuffer,
    epochs_in_future: u32,
): &mut FutureAccounting {
    let position = self.position(epochs_in_future);
    &mut self.ring_buffer[position]
}

/// Moves `price` from the payment to each epoch from `first` to before `last`, counted from now.
public(package) fun pay_per_epoch(
    self: &mut FutureAccountingRingBuffer,
    first: u32,
    last: u32,
    price: u64,
    payment: &mut Balance<WAL>,
) {
    first.range_do!(last, |i| {
        self.ring_lookup_mut(i).rewards_balance().join(payment.split(price));
    });
}

/// Adds equal parts to the payments of the next `epochs`; the current one gets the remainder, too.
public(package) fun spread(
    self: &mut FutureAccountingRingBuffer,
    mut funds: Balance<WAL>,
    epochs: u32,
) {
    let part = funds.value() / (epochs as u64);
    self.pay_per_epoch(0, epochs, part, &mut funds);
    self.ring_lookup_mut(0).rewards_balance().join(funds);
}

/// Adds the i-th balance to the payments of the i-th epoch from now.
public(package) fun add_to_epochs(
    self: &mut FutureAccountingRingBuffer,
    funds: vector<Balance<WAL>>,
) {
    let mut offset = 0;
    funds.do!(|funds| {
        self.ring_lookup_mut(offset).rewards_balance().join(funds);
        offset = offset + 1;
    });
}

/// Counts capacity as sold in each epoch from `first` to before `last`, counted from now.
public(package) fun use_capacity(
    self: &mut FutureAccountingRingBuffer,
    first: u32,
    last: u32,
    size: u64,
) {
    first.range_do!(last, |i| {
        self.ring_lookup_mut(i).increase_used_capacity(size);
    });
}

/// Most capacity sold in any epoch from `first` to before `last`, counted from now.
public(package) fun max_used_capacity(
    self: &FutureAccountingRingBuffer,
    first: u32,
    last: u32,
): u64 {
    let mut used = 0;
    first.range_do!(last, |i| used = self.ring_lookup(i).used_capacity().max(used));
    used
}

/// Ends the current epoch: returns its accounting and opens the one of a new last epoch.
public(package) fun ring_pop_expand(self: &mut FutureAccountingRingBuffer): FutureAccounting {
    let current_epoch = self.ring_lookup(0).epoch;
    self.ring_buffer.push_back(new(current_epoch + self.length));
    // The new last epoch takes the place of the one that ends.
    let ended = self.ring_buffer.swap_remove(self.current_index as u64);
    self.current_index = (self.current_index + 1) % self.length;
    ended
}

/// Adds sold capacity and returns the new sum.
public(package) fun increase_used_capacity(accounting: &mut FutureAccounting, amount: u64): u64 {
    accounting.used_capacity = accounting.used_capacity + amount;
    accounting.used_capacity
}

/// The payments for the epoch, to add to or take from.
public(package) fun rewards_balance(accounting: &mut FutureAccounting): &mut Balance<WAL> {
    &mut accounting.rewards_to_distribute
}

/// Takes the accounting of an epoch apart: epoch, used capacity, payments.
public(package) fun unwrap(accounting: FutureAccounting): (u32, u64, Balance<WAL>) {
    let FutureAccounting { epoch, used_capacity, rewards_to_distribute } = accounting;
    (epoch, used_capacity, rewards_to_distribute)
}

// === Private functions ===

fun new(epoch: u32): FutureAccounting {
    FutureAccounting { epoch, used_capacity: 0, rewards_to_distribute: balance::zero() }
}

fun position(self: &FutureAccountingRingBuffer, epochs_in_future: u32): u64 {
    assert!(epochs_in_future < self.length, ETooFarInFuture);
    ((self.current_index + epochs_in_future) % self.length) as u64
}
