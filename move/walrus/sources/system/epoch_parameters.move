/// Parameters of an epoch that the nodes vote on.
module walrus::epoch_parameters;

// === Structs ===

/// Capacity of the system in bytes, and prices in FROST per storage unit. Prices change within an
/// epoch too, so the two price fields here are not used.
public struct EpochParams has copy, drop, store {
    total_capacity_size: u64,
    storage_price_per_unit_size: u64,
    write_price_per_unit_size: u64,
}

// === Package functions ===

/// Parameters with a capacity; the unused prices are as high as possible.
public(package) fun new(total_capacity_size: u64): EpochParams {
    EpochParams {
        total_capacity_size,
        storage_price_per_unit_size: std::u64::max_value!(),
        write_price_per_unit_size: std::u64::max_value!(),
    }
}

/// Capacity of the system, in bytes of encoded blobs.
public(package) fun capacity(self: &EpochParams): u64 {
    self.total_capacity_size
}
