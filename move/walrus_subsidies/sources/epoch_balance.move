/// An amount for the current epoch and each of those after it.
module walrus_subsidies::epoch_balance;

// === Errors ===

/// The epoch is beyond the last one.
const EIndexOutOfBounds: u64 = 0;

// === Structs ===

/// The amount of one epoch.
public struct EpochBalance has copy, drop, store {
    epoch: u32,
    balance: u64,
}

/// The current epoch at `current_index`, the following ones behind it, wrapping around.
public struct EpochBalanceRingBuffer has store {
    current_index: u32,
    ring_buffer: vector<EpochBalance>,
}

// === Package functions ===

/// A ring that starts with `epoch` and has the given amounts.
public(package) fun new(epoch: u32, balances: vector<u64>): EpochBalanceRingBuffer {
    let mut next = epoch;
    let ring_buffer = balances.map!(|balance| {
        let entry = EpochBalance { epoch: next, balance };
        next = next + 1;
        entry
    });
    EpochBalanceRingBuffer { current_index: 0, ring_buffer }
}

/// Forgets the epochs before `epoch`; as many new ones at the end start at 0.
public(package) fun advance_to(self: &mut EpochBalanceRingBuffer, epoch: u32) {
    let length = self.ring_buffer.length() as u32;
    let mut current = &mut self.ring_buffer[self.current_index as u64];
    while (current.epoch < epoch) {
        *current = EpochBalance { epoch: current.epoch + length, balance: 0 };
        self.current_index = (self.current_index + 1) % length;
        current = &mut self.ring_buffer[self.current_index as u64];
    };
}

/// The amount of an epoch; 0 is the current one.
public(package) fun balance_at_offset(self: &EpochBalanceRingBuffer, offset: u32): u64 {
    self.ring_buffer[self.position(offset)].balance
}

/// Sets the amount of an epoch; 0 is the current one.
public(package) fun set_balance_at_offset(
    self: &mut EpochBalanceRingBuffer,
    offset: u32,
    balance: u64,
) {
    let position = self.position(offset);
    self.ring_buffer[position].balance = balance;
}

/// The epoch at an offset; 0 is the current one.
public(package) fun epoch_at_offset(self: &EpochBalanceRingBuffer, offset: u32): u32 {
    self.ring_buffer[self.position(offset)].epoch
}

// === Private functions ===

fun position(self: &EpochBalanceRingBuffer, offset: u32): u64 {
    let length = self.ring_buffer.length();
    assert!((offset as u64) < length, EIndexOutOfBounds);
    ((self.current_index as u64) + (offset as u64)) % length
}
