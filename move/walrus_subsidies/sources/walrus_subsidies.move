/// Funds that reward the storage nodes on top of what users pay: a fixed amount per node, shard and
/// epoch, and a part of each payment for storage.
module walrus_subsidies::walrus_subsidies;

use std::type_name;
use sui::balance::Balance;
use sui::clock::Clock;
use sui::coin::Coin;
use sui::dynamic_field as df;
use wal::wal::WAL;
use walrus::staking::Staking;
use walrus::system::System;
use walrus_subsidies::walrus_subsidies_inner::{Self, WalrusSubsidiesInnerV1};

// === Errors ===

/// The capability is of other subsidies.
const EUnauthorizedAdminCap: u64 = 0;
/// The object works with another version of this package.
const EWrongVersion: u64 = 1;
/// The object is up to date.
const EInvalidMigration: u64 = 2;

// === Constants ===

/// Version of the shared object that this package works with.
const VERSION: u64 = 3;

// === Structs ===

/// The shared object. Its state is in a dynamic field, so that an upgrade can replace the layout.
public struct WalrusSubsidies has key {
    id: UID,
    version: u64,
    package_id: ID,
}

/// Key of the dynamic field with the state.
public struct SubsidiesInnerKey() has copy, drop, store;

/// Allows to set the rates.
public struct AdminCap has key, store {
    id: UID,
    subsidies_id: ID,
}

/// Tells which package introduced version 1. There is one such type for every version.
public struct V1 {}

/// Tells which package introduced version 2.
public struct V2 {}

/// Tells which package introduced version 3.
public struct V3 {}

// === Public functions ===

/// Shares subsidies without funds. The rate is in hundredths of a percent, the fixed subsidies in
/// FROST; none of them is checked here.
public fun new(
    system: &System,
    staking: &Staking,
    system_subsidy_rate: u32,
    base_subsidy: u64,
    subsidy_per_shard: u64,
    ctx: &mut TxContext,
): AdminCap {
    let mut subsidies = WalrusSubsidies {
        id: object::new(ctx),
        version: VERSION,
        package_id: current_package_id(),
    };
    let inner = walrus_subsidies_inner::new(
        system,
        staking,
        system_subsidy_rate,
        base_subsidy,
        subsidy_per_shard,
        ctx,
    );
    df::add(&mut subsidies.id, SubsidiesInnerKey(), inner);
    let admin_cap = AdminCap { id: object::new(ctx), subsidies_id: object::id(&subsidies) };
    transfer::share_object(subsidies);
    admin_cap
}

/// Adds to the funds.
public fun add_coin(self: &mut WalrusSubsidies, coin: Coin<WAL>) {
    self.add_balance(coin.into_balance());
}

/// Adds to the funds.
public fun add_balance(self: &mut WalrusSubsidies, balance: Balance<WAL>) {
    self.inner_mut().add_balance(balance);
}

/// Sets the subsidy per payment for storage, in hundredths of a percent, at most 1,000,000.
public fun set_system_subsidy_rate(self: &mut WalrusSubsidies, cap: &AdminCap, rate: u32) {
    self.check_admin(cap);
    self.inner_mut().set_system_subsidy_rate(rate);
}

/// Bounds what payments for storage are subsidised with, in FROST per epoch; without a value only the funds
/// do. What a bound leaves unpaid waits for the next epoch.
public fun set_usage_budget(
    self: &mut WalrusSubsidies,
    cap: &AdminCap,
    system: &System,
    per_epoch: Option<u64>,
) {
    self.check_admin(cap);
    self.inner_mut().set_usage_budget(per_epoch, system.epoch());
}

/// The bound on what payments for storage are subsidised with per epoch, in FROST, if there is one.
public fun usage_budget(self: &WalrusSubsidies): Option<u64> {
    self.inner().usage_budget()
}

/// Sets the subsidy per node and epoch, in FROST.
public fun set_base_subsidy(self: &mut WalrusSubsidies, cap: &AdminCap, base_subsidy: u64) {
    self.check_admin(cap);
    self.inner_mut().set_base_subsidy(base_subsidy);
}

/// Sets the subsidy per shard and epoch, in FROST.
public fun set_per_shard_subsidy(
    self: &mut WalrusSubsidies,
    cap: &AdminCap,
    subsidy_per_shard: u64,
) {
    self.check_admin(cap);
    self.inner_mut().set_per_shard_subsidy(subsidy_per_shard);
}

/// Pays what is due, as far as the funds go; anybody may call it, in every epoch at least once.
public fun process_subsidies(
    self: &mut WalrusSubsidies,
    staking: &mut Staking,
    system: &mut System,
    clock: &Clock,
) {
    self.inner_mut().process_subsidies(staking, system, clock);
}

/// Moves the object to this version of the package.
public fun migrate(self: &mut WalrusSubsidies) {
    assert!(self.version < VERSION, EInvalidMigration);
    self.version = VERSION;
    self.package_id = current_package_id();
}

// === Private functions ===

/// The package that introduced the newest version.
fun current_package_id(): ID {
    let address = type_name::with_defining_ids<V3>().address_string();
    sui::address::from_ascii_bytes(address.as_bytes()).to_id()
}

fun check_admin(self: &WalrusSubsidies, cap: &AdminCap) {
    assert!(cap.subsidies_id == object::id(self), EUnauthorizedAdminCap);
}

fun inner(self: &WalrusSubsidies): &WalrusSubsidiesInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    df::borrow(&self.id, SubsidiesInnerKey())
}

fun inner_mut(self: &mut WalrusSubsidies): &mut WalrusSubsidiesInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    df::borrow_mut(&mut self.id, SubsidiesInnerKey())
}

// === Test functions ===

#[test_only]
/// The funds, in FROST.
public(package) fun subsidy_pool_value_for_testing(self: &mut WalrusSubsidies): u64 {
    self.inner_mut().subsidy_pool_value_for_testing()
}

#[test_only]
/// Pretends that the object works with another version of the package.
public(package) fun set_version_for_testing(self: &mut WalrusSubsidies, version: u64) {
    self.version = version;
}

#[test_only]
/// Package of the version that the object works with.
public(package) fun package_id_for_testing(self: &WalrusSubsidies): ID {
    self.package_id
}
