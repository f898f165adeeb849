/// The right to store a number of bytes for a number of epochs.
module walrus::storage_resource;

// === Errors ===

/// The split epoch is not inside the period.
const EInvalidEpoch: u64 = 0;
/// The periods are not the same, or do not follow one another.
const EIncompatibleEpochs: u64 = 1;
/// The sizes are not the same, or the size to split off is too large.
const EIncompatibleAmount: u64 = 2;
/// The period does not end after it starts.
const EInvalidEpochRange: u64 = 3;

// === Structs ===

/// Storage of `storage_size` bytes of encoded blobs, from `start_epoch` until before `end_epoch`.
public struct Storage has key, store {
    id: UID,
    start_epoch: u32,
    end_epoch: u32,
    storage_size: u64,
}

// === Public functions ===

/// First epoch of the period.
public fun start_epoch(self: &Storage): u32 {
    self.start_epoch
}

/// First epoch after the period.
public fun end_epoch(self: &Storage): u32 {
    self.end_epoch
}

/// Size in bytes of encoded blobs.
public fun size(self: &Storage): u64 {
    self.storage_size
}

/// Cuts the period: the original keeps the time before `split_epoch`, the result has the rest.
public fun split_by_epoch(self: &mut Storage, split_epoch: u32, ctx: &mut TxContext): Storage {
    assert!(self.start_epoch < split_epoch && split_epoch < self.end_epoch, EInvalidEpoch);
    let end_epoch = self.end_epoch;
    self.end_epoch = split_epoch;
    Storage {
        id: object::new(ctx),
        start_epoch: split_epoch,
        end_epoch,
        storage_size: self.storage_size,
    }
}

/// Cuts the size: the original keeps `split_size` bytes, the result has the rest.
public fun split_by_size(self: &mut Storage, split_size: u64, ctx: &mut TxContext): Storage {
    assert!(self.storage_size >= split_size, EIncompatibleAmount);
    let storage_size = self.storage_size - split_size;
    self.storage_size = split_size;
    Storage {
        id: object::new(ctx),
        start_epoch: self.start_epoch,
        end_epoch: self.end_epoch,
        storage_size,
    }
}

/// Adds the period of another storage of equal size that directly follows or precedes.
public fun fuse_periods(first: &mut Storage, second: Storage) {
    let Storage { id, start_epoch, end_epoch, storage_size } = second;
    id.delete();
    assert!(first.storage_size == storage_size, EIncompatibleAmount);
    if (first.end_epoch == start_epoch) {
        first.end_epoch = end_epoch;
    } else {
        assert!(first.start_epoch == end_epoch, EIncompatibleEpochs);
        first.start_epoch = start_epoch;
    }
}

/// Adds the size of another storage with the same period.
public fun fuse_amount(first: &mut Storage, second: Storage) {
    let Storage { id, start_epoch, end_epoch, storage_size } = second;
    id.delete();
    assert!(first.start_epoch == start_epoch && first.end_epoch == end_epoch, EIncompatibleEpochs);
    first.storage_size = first.storage_size + storage_size;
}

/// Adds another storage: its size if both start together, otherwise its period.
public fun fuse(first: &mut Storage, second: Storage) {
    if (first.start_epoch == second.start_epoch) {
        first.fuse_amount(second);
    } else {
        first.fuse_periods(second);
    }
}

/// Destroys the storage. Nothing is paid back.
public fun destroy(self: Storage) {
    let Storage { id, .. } = self;
    id.delete();
}

// === Package functions ===

/// Creates storage; only after it was paid for.
public(package) fun create_storage(
    start_epoch: u32,
    end_epoch: u32,
    storage_size: u64,
    ctx: &mut TxContext,
): Storage {
    assert!(start_epoch < end_epoch, EInvalidEpochRange);
    Storage { id: object::new(ctx), start_epoch, end_epoch, storage_size }
}

/// Lets the period end later; only after that was paid for.
public(package) fun extend_end_epoch(self: &mut Storage, extended_epochs: u32) {
    self.end_epoch = self.end_epoch + extended_epochs;
}

/// Adds size; only after that was paid for.
public(package) fun increase_size(self: &mut Storage, additional_size: u64) {
    self.storage_size = self.storage_size + additional_size;
}

// === Test functions ===

#[test_only]
public fun new_for_testing(
    start_epoch: u32,
    end_epoch: u32,
    storage_size: u64,
    ctx: &mut TxContext,
): Storage {
    create_storage(start_epoch, end_epoch, storage_size, ctx)
}
