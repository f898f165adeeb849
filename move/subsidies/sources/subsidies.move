/// The older subsidies: clients buy storage through this module and get a discount from its funds,
/// which also add to what the nodes are paid. New deployments use `walrus_subsidies`.
module subsidies::subsidies;

use std::type_name;
use sui::balance::{Self, Balance};
use sui::coin::Coin;
use wal::wal::WAL;
use walrus::blob::Blob;
use walrus::storage_resource::Storage;
use walrus::system::System;

// === Errors ===

/// A rate is at most 10000 hundredths of a percent.
const EInvalidSubsidyRate: u64 = 0;
/// The capability is of other subsidies.
const EUnauthorizedAdminCap: u64 = 1;
/// The object works with another version of this package, or cannot be migrated.
const EWrongVersion: u64 = 2;

// === Constants ===

/// Version of the shared object that this package works with.
const VERSION: u64 = 3;
/// Version of the system at which subsidies can be migrated.
const SYSTEM_VERSION_TO_MIGRATE: u64 = 2;
/// 100%, in hundredths of a percent.
const MAX_SUBSIDY_RATE: u16 = 10_000;

// === Structs ===

/// Allows to set the rates and to take the funds.
public struct AdminCap has key, store {
    id: UID,
    subsidies_id: ID,
}

/// The shared object.
public struct Subsidies has key, store {
    id: UID,
    /// Part of the price that the buyer gets back, in hundredths of a percent.
    buyer_subsidy_rate: u16,
    /// What is added to the nodes' payment, in hundredths of a percent of the price.
    system_subsidy_rate: u16,
    subsidy_pool: Balance<WAL>,
    package_id: ID,
    version: u64,
}

/// Tells which package introduced version 3.
public struct V3 {}

// === Public functions: creation and administration ===

/// Shares subsidies without funds and with rates of 0.
public fun new(package_id: ID, ctx: &mut TxContext): AdminCap {
    share(package_id, 0, 0, balance::zero(), ctx)
}

/// Shares subsidies with funds. Rates are in hundredths of a percent, at most 10,000.
public fun new_with_initial_rates_and_funds(
    package_id: ID,
    initial_buyer_subsidy_rate: u16,
    initial_system_subsidy_rate: u16,
    initial_funds: Coin<WAL>,
    ctx: &mut TxContext,
): AdminCap {
    check_rate(initial_buyer_subsidy_rate);
    check_rate(initial_system_subsidy_rate);
    share(
        package_id,
        initial_buyer_subsidy_rate,
        initial_system_subsidy_rate,
        initial_funds.into_balance(),
        ctx,
    )
}

/// Adds to the funds.
public fun add_funds(self: &mut Subsidies, funds: Coin<WAL>) {
    self.subsidy_pool.join(funds.into_balance());
}

/// Sets the part of the price that buyers get back.
public fun set_buyer_subsidy_rate(self: &mut Subsidies, cap: &AdminCap, new_rate: u16) {
    self.check_admin(cap);
    check_rate(new_rate);
    self.buyer_subsidy_rate = new_rate;
}

/// Sets what is added to the nodes' payment.
public fun set_system_subsidy_rate(self: &mut Subsidies, cap: &AdminCap, new_rate: u16) {
    self.check_admin(cap);
    check_rate(new_rate);
    self.system_subsidy_rate = new_rate;
}

/// Takes all funds out.
public fun withdraw_balance(self: &mut Subsidies, cap: &AdminCap): Balance<WAL> {
    self.check_admin(cap);
    self.subsidy_pool.withdraw_all()
}

// === Public functions: storage ===

/// Buys storage with a discount, for `epochs_ahead` epochs from the current one on.
public fun reserve_space(
    self: &mut Subsidies,
    system: &mut System,
    storage_amount: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Storage {
    self.check_version();
    let (paid, funds) = self.lend_funds(payment, ctx);
    let storage = system.reserve_space(storage_amount, epochs_ahead, payment, ctx);
    self.settle(system, paid, funds, epochs_ahead, payment, ctx);
    storage
}

/// Extends a blob with a discount. What the nodes get on top is spread from the current epoch on.
public fun extend_blob(
    self: &mut Subsidies,
    system: &mut System,
    blob: &mut Blob,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
) {
    self.check_version();
    let (paid, funds) = self.lend_funds(payment, ctx);
    system.extend_blob(blob, epochs_ahead, payment);
    self.settle(system, paid, funds, epochs_ahead, payment, ctx);
}

/// Registers a blob in storage, and pays for writing it. There is no discount for that.
public fun register_blob(
    self: &mut Subsidies,
    system: &mut System,
    storage: Storage,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Blob {
    self.check_version();
    system.register_blob(
        storage,
        blob_id,
        root_hash,
        size,
        encoding_type,
        deletable,
        write_payment,
        ctx,
    )
}

// === Public functions: accessors ===

/// The subsidies that the capability is for.
public fun admin_cap_subsidies_id(cap: &AdminCap): ID {
    cap.subsidies_id
}

/// The funds, in FROST.
public fun subsidy_pool_value(self: &Subsidies): u64 {
    self.subsidy_pool.value()
}

/// Part of the price that buyers get back, in hundredths of a percent.
public fun buyer_subsidy_rate(self: &Subsidies): u16 {
    self.buyer_subsidy_rate
}

/// What is added to the nodes' payment, in hundredths of a percent of the price.
public fun system_subsidy_rate(self: &Subsidies): u16 {
    self.system_subsidy_rate
}

// === Entry functions ===

/// Moves the object to this version of the package, with rates of 0.
entry fun migrate(subsidies: &mut Subsidies, system: &System) {
    assert!(subsidies.version < VERSION, EWrongVersion);
    assert!(system.version() == SYSTEM_VERSION_TO_MIGRATE, EWrongVersion);
    subsidies.version = VERSION;
    let address = type_name::with_defining_ids<V3>().address_string();
    subsidies.package_id = sui::address::from_ascii_bytes(address.as_bytes()).to_id();
    subsidies.buyer_subsidy_rate = 0;
    subsidies.system_subsidy_rate = 0;
}

// === Private functions ===

fun share(
    package_id: ID,
    buyer_subsidy_rate: u16,
    system_subsidy_rate: u16,
    subsidy_pool: Balance<WAL>,
    ctx: &mut TxContext,
): AdminCap {
    let subsidies = Subsidies {
        id: object::new(ctx),
        buyer_subsidy_rate,
        system_subsidy_rate,
        subsidy_pool,
        package_id,
        version: VERSION,
    };
    let cap = AdminCap { id: object::new(ctx), subsidies_id: object::id(&subsidies) };
    transfer::share_object(subsidies);
    cap
}

fun check_rate(rate: u16) {
    assert!(rate <= MAX_SUBSIDY_RATE, EInvalidSubsidyRate);
}

fun check_admin(self: &Subsidies, cap: &AdminCap) {
    assert!(cap.subsidies_id == object::id(self), EUnauthorizedAdminCap);
}

fun check_version(self: &Subsidies) {
    assert!(self.version == VERSION, EWrongVersion);
}

/// Adds all funds to the payment, so that it suffices whatever the discount is. Returns the amounts
/// of both.
fun lend_funds(self: &mut Subsidies, payment: &mut Coin<WAL>, ctx: &mut TxContext): (u64, u64) {
    let (paid, funds) = (payment.value(), self.subsidy_pool.value());
    payment.join(self.subsidy_pool.withdraw_all().into_coin(ctx));
    (paid, funds)
}

/// Takes the funds back, less the discount, and adds to the nodes' payment.
fun settle(
    self: &mut Subsidies,
    system: &mut System,
    paid: u64,
    funds: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
) {
    if (funds == 0) return;
    let cost = paid + funds - payment.value();
    let (buyer_subsidy, system_subsidy) = self.subsidies_for(cost, funds);
    // Aborts if the payment and its discount are less than the price.
    self.subsidy_pool.join(payment.balance_mut().split(funds - buyer_subsidy));
    let system_subsidy = self.subsidy_pool.split(system_subsidy).into_coin(ctx);
    system.add_subsidy(system_subsidy, epochs_ahead);
}

/// The subsidies of buyer and system for a price: by their rates, or all funds in proportion.
fun subsidies_for(self: &Subsidies, cost: u64, funds: u64): (u64, u64) {
    let (buyer_rate, system_rate) = (self.buyer_subsidy_rate, self.system_subsidy_rate);
    let buyer = part(cost, buyer_rate, MAX_SUBSIDY_RATE);
    let system = part(cost, system_rate, MAX_SUBSIDY_RATE);
    if ((funds as u128) >= (buyer as u128) + (system as u128)) return (buyer, system);
    let both_rates = buyer_rate + system_rate;
    (part(funds, buyer_rate, both_rates), part(funds, system_rate, both_rates))
}

/// The amount times `rate / full`, rounded down.
fun part(amount: u64, rate: u16, full: u16): u64 {
    ((amount as u128) * (rate as u128) / (full as u128)) as u64
}

// === Test functions ===

#[test_only]
/// Pretends that the object works with another version of the package.
public(package) fun set_version_for_testing(self: &mut Subsidies, version: u64) {
    self.version = version;
}
