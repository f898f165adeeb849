/// What depends on the version of this package: version 3.
///
/// An upgrade replaces this module and nothing else; the next version is in `upgrades/`.
module walrus::release;

use walrus::pending_values::PendingValues;

// === Constants ===

const VERSION: u64 = 3;
const ACTIVE_SET_MAX_SIZE: u16 = 111;

// === Package functions ===

/// Version of the shared objects that this package works with.
public(package) fun version(): u64 {
    VERSION
}

/// Most nodes that can be candidates for a committee.
public(package) fun active_set_max_size(): u16 {
    ACTIVE_SET_MAX_SIZE
}

/// Whether the migration to this version has to create the slashing manager: deployments of version 2
/// have none.
public(package) fun migration_creates_slashing_manager(): bool {
    true
}

/// Takes the commission rates that are due out of those that wait, and returns the one of exactly this
/// epoch. A node that skips the epoch for which it set a rate loses it; version 4 changes that.
public(package) fun take_commission_rate(rates: &mut PendingValues, epoch: u32): Option<u64> {
    rates.take_due(epoch).try_get(&epoch)
}
