module wal_exchange::wal_exchange_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use sui::coin::{Self, Coin};
use sui::sui::SUI;
use sui::test_scenario::{Self, Scenario};
use wal::wal::WAL;
use wal_exchange::wal_exchange::{Self, AdminCap, Exchange};

const ADMIN: address = @0xAD;

fun wal(amount: u64): Coin<WAL> {
    coin::mint_for_testing(amount, &mut tx_context::dummy())
}

fun sui(amount: u64): Coin<SUI> {
    coin::mint_for_testing(amount, &mut tx_context::dummy())
}

/// An exchange with 1000 of each, at two FROST for three MIST.
fun start(): (Scenario, Exchange, AdminCap) {
    let mut scenario = test_scenario::begin(ADMIN);
    let admin_cap = wal_exchange::new(scenario.ctx());
    scenario.next_tx(ADMIN);
    let mut exchange = scenario.take_shared<Exchange>();
    exchange.add_all_wal(wal(1_000));
    exchange.add_all_sui(sui(1_000));
    exchange.set_exchange_rate(2, 3, &admin_cap);
    (scenario, exchange, admin_cap)
}

fun finish(scenario: Scenario, exchange: Exchange, admin_cap: AdminCap) {
    destroy(exchange);
    destroy(admin_cap);
    destroy(scenario);
}

#[test]
fun a_funded_exchange_starts_at_one_to_one() {
    let mut scenario = test_scenario::begin(ADMIN);
    let mut funds = wal(50);
    let admin_cap = wal_exchange::new_funded(&mut funds, 20, scenario.ctx());
    assert_eq!(funds.value(), 30);
    scenario.next_tx(ADMIN);
    let mut exchange = scenario.take_shared<Exchange>();
    let bought = exchange.exchange_all_for_wal(sui(20), scenario.ctx());
    assert_eq!(bought.value(), 20);
    destroy(vector[funds, bought]);
    finish(scenario, exchange, admin_cap);
}

#[test, expected_failure(abort_code = balance::ENotEnough, location = balance)]
fun a_coin_that_is_too_small_for_the_funds() {
    let mut funds = wal(5);
    destroy(wal_exchange::new_funded(&mut funds, 6, &mut tx_context::dummy()));
    abort
}

#[test]
fun both_directions_round_down() {
    let (mut scenario, mut exchange, admin_cap) = start();
    let ctx = scenario.ctx();
    let mut in_sui = sui(10);
    let out_wal = exchange.exchange_for_wal(&mut in_sui, 8, ctx);
    assert_eq!(in_sui.value(), 2);
    assert_eq!(out_wal.value(), 5);
    let mut in_wal = wal(10);
    let out_sui = exchange.exchange_for_sui(&mut in_wal, 5, ctx);
    assert_eq!(in_wal.value(), 5);
    assert_eq!(out_sui.value(), 7);
    let all_sui = exchange.exchange_all_for_sui(in_wal, ctx);
    assert_eq!(all_sui.value(), 7);
    let all_wal = exchange.exchange_all_for_wal(in_sui, ctx);
    assert_eq!(all_wal.value(), 1);
    // 1000 - 5 - 1 + 5 + 5, and 1000 + 8 + 2 - 7 - 7.
    let left_wal = exchange.withdraw_wal(1_004, &admin_cap, ctx);
    let left_sui = exchange.withdraw_sui(996, &admin_cap, ctx);
    destroy(vector[out_wal, all_wal, left_wal]);
    destroy(vector[out_sui, all_sui, left_sui]);
    finish(scenario, exchange, admin_cap);
}

#[test]
fun anybody_adds_funds() {
    let (mut scenario, mut exchange, admin_cap) = start();
    let (mut more_wal, mut more_sui) = (wal(10), sui(10));
    exchange.add_wal(&mut more_wal, 4);
    exchange.add_sui(&mut more_sui, 6);
    assert_eq!(more_wal.value(), 6);
    assert_eq!(more_sui.value(), 4);
    let all_wal = exchange.withdraw_wal(1_004, &admin_cap, scenario.ctx());
    let all_sui = exchange.withdraw_sui(1_006, &admin_cap, scenario.ctx());
    destroy(vector[more_wal, all_wal]);
    destroy(vector[more_sui, all_sui]);
    finish(scenario, exchange, admin_cap);
}

#[test]
fun large_amounts_do_not_overflow() {
    let (mut scenario, mut exchange, admin_cap) = start();
    let all = 5_000_000_000_000_000_000;
    exchange.set_exchange_rate(all, all, &admin_cap);
    exchange.add_all_wal(wal(all));
    let bought = exchange.exchange_all_for_wal(sui(all), scenario.ctx());
    assert_eq!(bought.value(), all);
    destroy(bought);
    finish(scenario, exchange, admin_cap);
}

#[test, expected_failure(abort_code = wal_exchange::EInsufficientFundsInExchange)]
fun more_wal_than_there_is() {
    let (mut scenario, mut exchange, _admin_cap) = start();
    destroy(exchange.exchange_all_for_wal(sui(1_502), scenario.ctx()));
    abort
}

#[test, expected_failure(abort_code = wal_exchange::EInsufficientFundsInExchange)]
fun more_sui_than_there_is() {
    let (mut scenario, mut exchange, _admin_cap) = start();
    destroy(exchange.exchange_all_for_sui(wal(668), scenario.ctx()));
    abort
}

#[test, expected_failure(abort_code = wal_exchange::EInsufficientFundsInExchange)]
fun withdraw_more_wal_than_there_is() {
    let (mut scenario, mut exchange, admin_cap) = start();
    destroy(exchange.withdraw_wal(1_001, &admin_cap, scenario.ctx()));
    abort
}

#[test, expected_failure(abort_code = wal_exchange::EInsufficientFundsInExchange)]
fun withdraw_more_sui_than_there_is() {
    let (mut scenario, mut exchange, admin_cap) = start();
    destroy(exchange.withdraw_sui(1_001, &admin_cap, scenario.ctx()));
    abort
}

#[test, expected_failure(abort_code = wal_exchange::EInsufficientInputBalance)]
fun more_sui_than_the_coin_has() {
    let (mut scenario, mut exchange, _admin_cap) = start();
    let mut input = sui(1);
    destroy(exchange.exchange_for_wal(&mut input, 2, scenario.ctx()));
    abort
}

#[test, expected_failure(abort_code = wal_exchange::EInsufficientInputBalance)]
fun more_wal_than_the_coin_has() {
    let (mut scenario, mut exchange, _admin_cap) = start();
    let mut input = wal(1);
    destroy(exchange.exchange_for_sui(&mut input, 2, scenario.ctx()));
    abort
}

#[test, expected_failure(abort_code = wal_exchange::EUnauthorizedAdminCap)]
fun another_admin_takes_wal() {
    let (mut scenario, mut exchange, _admin_cap) = start();
    let other = wal_exchange::new(scenario.ctx());
    destroy(exchange.withdraw_wal(2_000, &other, scenario.ctx()));
    abort
}

#[test, expected_failure(abort_code = wal_exchange::EUnauthorizedAdminCap)]
fun another_admin_takes_sui() {
    let (mut scenario, mut exchange, _admin_cap) = start();
    let other = wal_exchange::new(scenario.ctx());
    destroy(exchange.withdraw_sui(2_000, &other, scenario.ctx()));
    abort
}

#[test, expected_failure(abort_code = wal_exchange::EUnauthorizedAdminCap)]
fun another_admin_sets_the_rate() {
    let (mut scenario, mut exchange, _admin_cap) = start();
    let other = wal_exchange::new(scenario.ctx());
    exchange.set_exchange_rate(0, 1, &other);
    abort
}

#[test, expected_failure(abort_code = wal_exchange::EInvalidExchangeRate)]
fun no_wal_for_sui() {
    wal_exchange::new_exchange_rate(0, 1);
}

#[test, expected_failure(abort_code = wal_exchange::EInvalidExchangeRate)]
fun wal_for_no_sui() {
    let (_scenario, mut exchange, admin_cap) = start();
    exchange.set_exchange_rate(1, 0, &admin_cap);
    abort
}
