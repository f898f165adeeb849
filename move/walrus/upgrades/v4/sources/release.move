/// What depends on the version of this package: version 4.
module walrus::release;

use walrus::pending_values::PendingValues;

// === Constants ===

const VERSION: u64 = 4;
const ACTIVE_SET_MAX_SIZE: u16 = 150;

// === Package functions ===

/// Version of the shared objects that this package works with.
public(package) fun version(): u64 {
    VERSION
}

/// Most nodes that can be candidates for a committee. The migration applies it to the present set.
public(package) fun active_set_max_size(): u16 {
    ACTIVE_SET_MAX_SIZE
}

/// Whether the migration to this version has to create the slashing manager: every deployment of version
/// 3 has one.
public(package) fun migration_creates_slashing_manager(): bool {
    false
}

/// Takes the commission rates that are due out of those that wait, and returns the one of the latest
/// epoch, also when the node has skipped that epoch.
public(package) fun take_commission_rate(rates: &mut PendingValues, epoch: u32): Option<u64> {
    let due_rates = rates.take_due(epoch);
    let mut latest_epoch = 0;
    let mut latest_rate = option::none();
    due_rates.length().do!(|i| {
        let (due_epoch, rate) = due_rates.get_entry_by_idx(i);
        if (latest_rate.is_none() || *due_epoch > latest_epoch) {
            latest_epoch = *due_epoch;
            latest_rate = option::some(*rate);
        };
    });
    latest_rate
}
