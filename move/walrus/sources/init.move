/// Setting the system up, once, and moving it to a new version of the package.
module walrus::init;

use std::type_name;
use sui::clock::Clock;
use sui::package::{Self, Publisher, UpgradeCap};
use walrus::display;
use walrus::events;
use walrus::release;
use walrus::slashing;
use walrus::staking::{Self, Staking};
use walrus::system::{Self, System};
use walrus::upgrade::{Self, EmergencyUpgradeCap};

// === Errors ===

/// The two shared objects are not of the same version.
const EInvalidMigration: u64 = 0;
/// The upgrade capability is of another package.
const EInvalidUpgradeCap: u64 = 1;
/// The function is replaced by another one.
const EDeprecatedFunction: u64 = 2;

// === Structs ===

/// One-time witness.
public struct INIT has drop {}

/// Allows to set the system up.
public struct InitCap has key, store {
    id: UID,
    publisher: Publisher,
}

// === Init ===

/// Gives the publisher of the package the right to set the system up.
fun init(otw: INIT, ctx: &mut TxContext) {
    let publisher = package::claim(otw, ctx);
    let init_cap = InitCap { id: object::new(ctx), publisher };
    transfer::transfer(init_cap, ctx.sender());
}

// === Public functions ===

/// Creates and shares all objects of the system. Durations are in ms. Storage is sold for
/// `max_epochs_ahead` epochs.
public fun initialize_walrus(
    init_cap: InitCap,
    upgrade_cap: UpgradeCap,
    epoch_zero_duration: u64,
    epoch_duration: u64,
    n_shards: u16,
    max_epochs_ahead: u32,
    clock: &Clock,
    ctx: &mut TxContext,
): EmergencyUpgradeCap {
    let package_id = upgrade_cap.package();
    assert!(
        type_name::with_defining_ids<InitCap>().address_string() ==
        package_id.to_address().to_ascii_string(),
        EInvalidUpgradeCap,
    );
    let InitCap { id, publisher } = init_cap;
    id.delete();

    system::create_empty(max_epochs_ahead, package_id, ctx);
    staking::create(epoch_zero_duration, epoch_duration, n_shards, package_id, clock, ctx);
    display::create(publisher, ctx);
    slashing::new(ctx);
    upgrade::new(upgrade_cap, ctx)
}

#[allow(unused_variable)]
/// Replaced by `migrate_v2`.
public fun migrate(staking: &mut Staking, system: &mut System) {
    abort EDeprecatedFunction
}

// === Entry functions ===

/// Moves the shared objects to this version of the package, after an upgrade was committed.
entry fun migrate_v2(staking: &mut Staking, system: &mut System, ctx: &mut TxContext) {
    staking.migrate();
    system.migrate();
    assert!(staking.package_id() == system.package_id(), EInvalidMigration);
    assert!(staking.version() == system.version(), EInvalidMigration);
    if (release::migration_creates_slashing_manager()) slashing::new(ctx);
    events::emit_contract_upgraded(system.epoch(), system.package_id(), system.version());
}

// === Test functions ===

#[test_only]
/// Runs `init` as at publication.
public fun init_for_testing(ctx: &mut TxContext) {
    init(INIT {}, ctx);
}
