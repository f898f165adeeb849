/// A counter for test networks that exchanges SUI and WAL at a fixed rate, as long as it has both.
module wal_exchange::wal_exchange;

use sui::balance::{Self, Balance};
use sui::coin::Coin;
use sui::sui::SUI;
use wal::wal::WAL;

// === Errors ===

/// The exchange does not have that much.
const EInsufficientFundsInExchange: u64 = 0;
/// The coin is smaller than the amount to exchange.
const EInsufficientInputBalance: u64 = 1;
/// The capability is of another exchange.
const EUnauthorizedAdminCap: u64 = 2;
/// An exchange rate has no zero.
const EInvalidExchangeRate: u64 = 3;

// === Structs ===

/// The counter: what it has, and its rate.
public struct Exchange has key, store {
    id: UID,
    wal: Balance<WAL>,
    sui: Balance<SUI>,
    rate: ExchangeRate,
    /// Id of the capability that administers it.
    admin: ID,
}

/// So many FROST are worth so many MIST.
public struct ExchangeRate has copy, drop, store {
    wal: u64,
    sui: u64,
}

/// Allows to take funds out of an exchange and to set its rate.
public struct AdminCap has key, store {
    id: UID,
}

// === Public functions: creation ===

/// A rate: `wal` FROST for `sui` MIST.
public fun new_exchange_rate(wal: u64, sui: u64): ExchangeRate {
    assert!(wal != 0 && sui != 0, EInvalidExchangeRate);
    ExchangeRate { wal, sui }
}

/// Shares an exchange without funds, at a rate of one to one.
public fun new(ctx: &mut TxContext): AdminCap {
    share(balance::zero(), ctx)
}

/// Shares an exchange with `amount` FROST of the coin, at a rate of one to one.
public fun new_funded(wal: &mut Coin<WAL>, amount: u64, ctx: &mut TxContext): AdminCap {
    share(wal.balance_mut().split(amount), ctx)
}

// === Public functions: funds ===

/// Adds `amount` FROST of the coin.
public fun add_wal(self: &mut Exchange, wal: &mut Coin<WAL>, amount: u64) {
    self.wal.join(wal.balance_mut().split(amount));
}

/// Adds `amount` MIST of the coin.
public fun add_sui(self: &mut Exchange, sui: &mut Coin<SUI>, amount: u64) {
    self.sui.join(sui.balance_mut().split(amount));
}

/// Adds a whole coin.
public fun add_all_wal(self: &mut Exchange, wal: Coin<WAL>) {
    self.wal.join(wal.into_balance());
}

/// Adds a whole coin.
public fun add_all_sui(self: &mut Exchange, sui: Coin<SUI>) {
    self.sui.join(sui.into_balance());
}

/// Takes `amount` FROST out.
public fun withdraw_wal(
    self: &mut Exchange,
    amount: u64,
    admin_cap: &AdminCap,
    ctx: &mut TxContext,
): Coin<WAL> {
    self.check_admin(admin_cap);
    self.take_wal(amount, ctx)
}

/// Takes `amount` MIST out.
public fun withdraw_sui(
    self: &mut Exchange,
    amount: u64,
    admin_cap: &AdminCap,
    ctx: &mut TxContext,
): Coin<SUI> {
    self.check_admin(admin_cap);
    self.take_sui(amount, ctx)
}

/// Sets the rate: `wal` FROST for `sui` MIST.
public fun set_exchange_rate(self: &mut Exchange, wal: u64, sui: u64, admin_cap: &AdminCap) {
    self.check_admin(admin_cap);
    self.rate = new_exchange_rate(wal, sui);
}

// === Public functions: exchange ===

/// Exchanges a whole coin. What is less than one FROST is lost.
public fun exchange_all_for_wal(
    self: &mut Exchange,
    sui: Coin<SUI>,
    ctx: &mut TxContext,
): Coin<WAL> {
    let amount = convert(sui.value(), self.rate.wal, self.rate.sui);
    self.add_all_sui(sui);
    self.take_wal(amount, ctx)
}

/// Exchanges `amount_sui` MIST of the coin.
public fun exchange_for_wal(
    self: &mut Exchange,
    sui: &mut Coin<SUI>,
    amount_sui: u64,
    ctx: &mut TxContext,
): Coin<WAL> {
    assert!(sui.value() >= amount_sui, EInsufficientInputBalance);
    let input = sui.split(amount_sui, ctx);
    self.exchange_all_for_wal(input, ctx)
}

/// Exchanges a whole coin. What is less than one MIST is lost.
public fun exchange_all_for_sui(
    self: &mut Exchange,
    wal: Coin<WAL>,
    ctx: &mut TxContext,
): Coin<SUI> {
    let amount = convert(wal.value(), self.rate.sui, self.rate.wal);
    self.add_all_wal(wal);
    self.take_sui(amount, ctx)
}

/// Exchanges `amount_wal` FROST of the coin.
public fun exchange_for_sui(
    self: &mut Exchange,
    wal: &mut Coin<WAL>,
    amount_wal: u64,
    ctx: &mut TxContext,
): Coin<SUI> {
    assert!(wal.value() >= amount_wal, EInsufficientInputBalance);
    let input = wal.split(amount_wal, ctx);
    self.exchange_all_for_sui(input, ctx)
}

// === Private functions ===

fun share(wal: Balance<WAL>, ctx: &mut TxContext): AdminCap {
    let admin_cap = AdminCap { id: object::new(ctx) };
    transfer::share_object(Exchange {
        id: object::new(ctx),
        wal,
        sui: balance::zero(),
        rate: ExchangeRate { wal: 1, sui: 1 },
        admin: object::id(&admin_cap),
    });
    admin_cap
}

fun check_admin(self: &Exchange, admin_cap: &AdminCap) {
    assert!(self.admin == object::id(admin_cap), EUnauthorizedAdminCap);
}

fun take_wal(self: &mut Exchange, amount: u64, ctx: &mut TxContext): Coin<WAL> {
    assert!(self.wal.value() >= amount, EInsufficientFundsInExchange);
    self.wal.split(amount).into_coin(ctx)
}

fun take_sui(self: &mut Exchange, amount: u64, ctx: &mut TxContext): Coin<SUI> {
    assert!(self.sui.value() >= amount, EInsufficientFundsInExchange);
    self.sui.split(amount).into_coin(ctx)
}

/// The amount times `to / from`, rounded down; aborts if it does not fit.
fun convert(amount: u64, to: u64, from: u64): u64 {
    ((amount as u128) * (to as u128) / (from as u128)) as u64
}
