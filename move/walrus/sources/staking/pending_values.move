/// Amounts that become due in a later epoch.
module walrus::pending_values;

use sui::vec_map::{Self, VecMap};

// === Errors ===

/// There is no amount for this epoch.
const EMissingEpochValue: u64 = 0;
/// The amount is smaller than what should be taken from it.
const EReduceValueTooLarge: u64 = 1;

// === Structs ===

/// Epoch → amount.
public struct PendingValues(VecMap<u32, u64>) has copy, drop, store;

// === Package functions ===

/// No amounts.
public(package) fun empty(): PendingValues {
    PendingValues(vec_map::empty())
}

/// Adds to the amount of an epoch.
public(package) fun insert_or_add(self: &mut PendingValues, epoch: u32, value: u64) {
    if (self.0.contains(&epoch)) {
        let current = self.0.get_mut(&epoch);
        *current = *current + value;
    } else {
        self.0.insert(epoch, value);
    }
}

/// Sets the amount of an epoch.
public(package) fun insert_or_replace(self: &mut PendingValues, epoch: u32, value: u64) {
    if (self.0.contains(&epoch)) {
        *self.0.get_mut(&epoch) = value;
    } else {
        self.0.insert(epoch, value);
    }
}

/// Takes from the amount of an epoch.
public(package) fun reduce(self: &mut PendingValues, epoch: u32, value: u64) {
    assert!(self.0.contains(&epoch), EMissingEpochValue);
    let current = self.0.get_mut(&epoch);
    assert!(*current >= value, EReduceValueTooLarge);
    *current = *current - value;
}

/// Sum of the amounts due at `epoch`.
public(package) fun value_at(self: &PendingValues, epoch: u32): u64 {
    let mut sum = 0;
    self.0.length().do!(|i| {
        let (due, value) = self.0.get_entry_by_idx(i);
        if (*due <= epoch) sum = sum + *value;
    });
    sum
}

/// The amounts due at `epoch`.
public(package) fun due_at(self: &PendingValues, epoch: u32): VecMap<u32, u64> {
    let mut due_values = vec_map::empty();
    self.0.length().do!(|i| {
        let (due, value) = self.0.get_entry_by_idx(i);
        if (*due <= epoch) due_values.insert(*due, *value);
    });
    due_values
}

/// Removes the amounts due at `epoch` and returns them.
public(package) fun take_due(self: &mut PendingValues, epoch: u32): VecMap<u32, u64> {
    let due_values = self.due_at(epoch);
    due_values.keys().do!(|due| {
        self.0.remove(&due);
    });
    due_values
}

/// Removes the amounts due at `epoch` and returns their sum.
public(package) fun flush(self: &mut PendingValues, epoch: u32): u64 {
    let (_, values) = self.take_due(epoch).into_keys_values();
    values.fold!(0, |sum, value| sum + value)
}

/// All amounts.
public(package) fun inner(self: &PendingValues): &VecMap<u32, u64> {
    &self.0
}
