module subsidies::subsidies_tests;

use std::unit_test::{assert_eq, destroy};
use subsidies::subsidies::{Self, AdminCap, Subsidies};
use sui::balance;
use sui::coin::Coin;
use wal::wal::WAL;
use walrus::test_network::{Self, Network};

const MIB: u64 = 1_024 * 1_024;
const PACKAGE: address = @0x5B;

/// A network in epoch 1 with subsidies of these rates and funds. Storage costs 5 per unit and epoch.
fun start(buyer_rate: u16, system_rate: u16, funds: u64): (Network, Subsidies, AdminCap) {
    let mut network = test_network::running();
    let funds = network.take_funds(funds);
    let cap = subsidies::new_with_initial_rates_and_funds(
        PACKAGE.to_id(),
        buyer_rate,
        system_rate,
        funds,
        network.scenario().ctx(),
    );
    network.next_tx();
    let subsidies = network.scenario().take_shared();
    (network, subsidies, cap)
}

fun finish(network: Network, subsidies: Subsidies, cap: AdminCap) {
    destroy(subsidies);
    destroy(cap);
    destroy(network);
}

/// Buys 20 units for two epochs, which costs 200.
fun reserve(network: &mut Network, subsidies: &mut Subsidies, payment: &mut Coin<WAL>) {
    let (system, _, ctx) = network.storage_parts();
    subsidies.reserve_space(system, 20 * MIB, 2, payment, ctx).destroy();
}

fun booked(network: &mut Network): vector<u64> {
    let (system, _, _) = network.storage_parts();
    vector::tabulate!(5, |i| system.future_accounting()[i as u32].rewards())
}

#[test]
fun buyer_and_nodes_get_their_parts() {
    let (mut network, mut subsidies, cap) = start(10_00, 20_00, 1_000);
    let mut payment = network.take_funds(500);
    reserve(&mut network, &mut subsidies, &mut payment);
    // 10% of 200 come back; 20% go to the nodes, in equal parts.
    assert_eq!(payment.value(), 500 - 180);
    assert_eq!(booked(&mut network), vector[120, 120, 0, 0, 0]);
    assert_eq!(subsidies.subsidy_pool_value(), 1_000 - 60);
    destroy(payment);
    finish(network, subsidies, cap);
}

#[test]
fun without_funds_buyers_pay_the_price() {
    let (mut network, mut subsidies, cap) = start(10_00, 20_00, 0);
    let mut payment = network.take_funds(200);
    reserve(&mut network, &mut subsidies, &mut payment);
    assert_eq!(payment.value(), 0);
    assert_eq!(booked(&mut network), vector[100, 100, 0, 0, 0]);
    destroy(payment);
    finish(network, subsidies, cap);
}

#[test]
fun funds_that_do_not_suffice_are_split_by_the_rates() {
    let (mut network, mut subsidies, cap) = start(10_00, 20_00, 31);
    let mut payment = network.take_funds(200);
    reserve(&mut network, &mut subsidies, &mut payment);
    assert_eq!(payment.value(), 10);
    assert_eq!(booked(&mut network), vector[110, 110, 0, 0, 0]);
    assert_eq!(subsidies.subsidy_pool_value(), 1);
    destroy(payment);
    finish(network, subsidies, cap);
}

#[test]
fun funds_run_out() {
    let (mut network, mut subsidies, cap) = start(10_00, 20_00, 80);
    let mut payment = network.take_funds(1_000);
    // 60 for the first purchase; the second gets what is left, the third nothing.
    reserve(&mut network, &mut subsidies, &mut payment);
    assert_eq!(payment.value(), 1_000 - 180);
    assert_eq!(subsidies.subsidy_pool_value(), 20);
    reserve(&mut network, &mut subsidies, &mut payment);
    // A third of 20 and two thirds of it, rounded down.
    assert_eq!(payment.value(), 1_000 - 180 - 194);
    assert_eq!(subsidies.subsidy_pool_value(), 1);
    reserve(&mut network, &mut subsidies, &mut payment);
    assert_eq!(payment.value(), 1_000 - 180 - 194 - 200);
    assert_eq!(subsidies.subsidy_pool_value(), 1);
    destroy(payment);
    finish(network, subsidies, cap);
}

#[test]
fun extension_without_funds_costs_the_price() {
    let (mut network, mut subsidies, cap) = start(20_00, 40_00, 0);
    let mut blob = network.blob(2, false, true);
    let mut payment = network.take_funds(10);
    let (system, _, ctx) = network.storage_parts();
    subsidies.extend_blob(system, &mut blob, 2, &mut payment, ctx);
    assert_eq!(payment.value(), 0);
    assert_eq!(blob.end_epoch(), 5);
    destroy(blob);
    destroy(payment);
    finish(network, subsidies, cap);
}

#[test]
fun extension_with_funds_that_do_not_suffice() {
    let (mut network, mut subsidies, cap) = start(20_00, 40_00, 3);
    let mut blob = network.blob(2, false, true);
    let mut payment = network.take_funds(10);
    let (system, _, ctx) = network.storage_parts();
    subsidies.extend_blob(system, &mut blob, 2, &mut payment, ctx);
    // One third for the buyer, two for the nodes.
    assert_eq!(payment.value(), 1);
    assert_eq!(subsidies.subsidy_pool_value(), 0);
    destroy(blob);
    destroy(payment);
    finish(network, subsidies, cap);
}

#[test]
fun a_discount_of_everything() {
    let (mut network, mut subsidies, cap) = start(100_00, 0, 1_000);
    let mut payment = network.take_funds(0);
    reserve(&mut network, &mut subsidies, &mut payment);
    assert_eq!(payment.value(), 0);
    assert_eq!(subsidies.subsidy_pool_value(), 800);
    destroy(payment);
    finish(network, subsidies, cap);
}

#[test]
fun rates_of_zero() {
    let (mut network, mut subsidies, cap) = start(0, 0, 1_000);
    let mut payment = network.take_funds(200);
    reserve(&mut network, &mut subsidies, &mut payment);
    assert_eq!(payment.value(), 0);
    assert_eq!(subsidies.subsidy_pool_value(), 1_000);
    destroy(payment);
    finish(network, subsidies, cap);
}

#[test, expected_failure(abort_code = balance::ENotEnough, location = balance)]
fun a_payment_that_is_too_small_with_its_discount() {
    let (mut network, mut subsidies, _cap) = start(10_00, 20_00, 1_000);
    let mut payment = network.take_funds(179);
    reserve(&mut network, &mut subsidies, &mut payment);
    abort
}

#[test]
fun extension_is_subsidised_from_now_on_and_registration_is_not() {
    let (mut network, mut subsidies, cap) = start(20_00, 40_00, 1_000);
    let mut blob = network.blob(2, false, true);
    let before = booked(&mut network);
    let mut payment = network.take_funds(10);
    let (system, _, ctx) = network.storage_parts();
    subsidies.extend_blob(system, &mut blob, 2, &mut payment, ctx);
    // Two epochs at 5: 2 come back, 4 go to the nodes.
    assert_eq!(payment.value(), 2);
    assert_eq!(subsidies.subsidy_pool_value(), 994);
    assert_eq!(booked(&mut network), vector[before[0] + 2, before[1] + 2, 5, 5, 0]);

    let size = test_network::encoded_size(1);
    let id = blob.blob_id();
    let (system, funds, ctx) = network.storage_parts();
    let storage = system.reserve_space(size, 1, funds, ctx);
    let before = funds.value();
    let other = subsidies.register_blob(system, storage, id, 1, 1, 1, true, funds, ctx);
    assert_eq!(before - network.funds(), 7);
    assert_eq!(subsidies.subsidy_pool_value(), 994);
    destroy(vector[blob, other]);
    destroy(payment);
    finish(network, subsidies, cap);
}

// === Administration ===

#[test]
fun rates_and_funds() {
    let mut network = test_network::running();
    let cap = subsidies::new(PACKAGE.to_id(), network.scenario().ctx());
    network.next_tx();
    let mut subsidies = network.scenario().take_shared<Subsidies>();
    assert_eq!(cap.admin_cap_subsidies_id(), object::id(&subsidies));
    subsidies.set_buyer_subsidy_rate(&cap, 100_00);
    subsidies.set_system_subsidy_rate(&cap, 99_99);
    assert_eq!(subsidies.buyer_subsidy_rate(), 100_00);
    assert_eq!(subsidies.system_subsidy_rate(), 99_99);
    subsidies.add_funds(network.take_funds(7));
    assert_eq!(subsidies.subsidy_pool_value(), 7);
    assert_eq!(subsidies.withdraw_balance(&cap).destroy_for_testing(), 7);
    finish(network, subsidies, cap);
}

#[test, expected_failure(abort_code = subsidies::EInvalidSubsidyRate)]
fun an_initial_buyer_rate_that_is_too_high() {
    let (_network, _subsidies, _cap) = start(100_01, 0, 0);
    abort
}

#[test, expected_failure(abort_code = subsidies::EInvalidSubsidyRate)]
fun an_initial_system_rate_that_is_too_high() {
    let (_network, _subsidies, _cap) = start(0, 100_01, 0);
    abort
}

#[test, expected_failure(abort_code = subsidies::EInvalidSubsidyRate)]
fun a_buyer_rate_that_is_too_high() {
    let (_network, mut subsidies, cap) = start(0, 0, 0);
    subsidies.set_buyer_subsidy_rate(&cap, 100_01);
    abort
}

#[test, expected_failure(abort_code = subsidies::EInvalidSubsidyRate)]
fun a_system_rate_that_is_too_high() {
    let (_network, mut subsidies, cap) = start(0, 0, 0);
    subsidies.set_system_subsidy_rate(&cap, 100_01);
    abort
}

#[test, expected_failure(abort_code = subsidies::EUnauthorizedAdminCap)]
fun another_admin_sets_the_buyer_rate() {
    let (mut network, mut subsidies, _cap) = start(0, 0, 0);
    let other = subsidies::new(PACKAGE.to_id(), network.scenario().ctx());
    subsidies.set_buyer_subsidy_rate(&other, 100_01);
    abort
}

#[test, expected_failure(abort_code = subsidies::EUnauthorizedAdminCap)]
fun another_admin_sets_the_system_rate() {
    let (mut network, mut subsidies, _cap) = start(0, 0, 0);
    let other = subsidies::new(PACKAGE.to_id(), network.scenario().ctx());
    subsidies.set_system_subsidy_rate(&other, 1);
    abort
}

#[test, expected_failure(abort_code = subsidies::EUnauthorizedAdminCap)]
fun another_admin_takes_the_funds() {
    let (mut network, mut subsidies, _cap) = start(0, 0, 5);
    let other = subsidies::new(PACKAGE.to_id(), network.scenario().ctx());
    destroy(subsidies.withdraw_balance(&other));
    abort
}

// === Versions ===

#[test, expected_failure(abort_code = subsidies::EWrongVersion)]
fun subsidies_of_another_version() {
    let (mut network, mut subsidies, _cap) = start(0, 0, 0);
    subsidies.set_version_for_testing(2);
    let mut payment = network.take_funds(200);
    reserve(&mut network, &mut subsidies, &mut payment);
    abort
}

#[test, expected_failure(abort_code = subsidies::EWrongVersion)]
fun migration_of_what_is_up_to_date() {
    let (mut network, mut subsidies, _cap) = start(0, 0, 0);
    let (system, _, _) = network.storage_parts();
    subsidies::migrate(&mut subsidies, system);
    abort
}

#[test, expected_failure(abort_code = subsidies::EWrongVersion)]
fun migration_with_a_newer_system() {
    let (mut network, mut subsidies, _cap) = start(0, 0, 0);
    subsidies.set_version_for_testing(2);
    let (system, _, _) = network.storage_parts();
    subsidies::migrate(&mut subsidies, system);
    abort
}

#[test]
fun migration_from_an_older_version() {
    let (mut network, mut subsidies, cap) = start(10_00, 20_00, 1_000);
    subsidies.set_version_for_testing(2);
    let (system, _, _) = network.storage_parts();
    let version = system.version();
    system.set_version_for_testing(2);
    subsidies::migrate(&mut subsidies, system);
    system.set_version_for_testing(version);
    assert_eq!(subsidies.buyer_subsidy_rate(), 0);
    assert_eq!(subsidies.system_subsidy_rate(), 0);
    let mut payment = network.take_funds(200);
    reserve(&mut network, &mut subsidies, &mut payment);
    assert_eq!(payment.value(), 0);
    destroy(payment);
    finish(network, subsidies, cap);
}

// === Everything and nothing, for extensions ===

/// At the highest rates the buyer pays nothing, and the nodes get the price twice.
#[test]
fun an_extension_at_the_highest_rates() {
    let (mut network, mut subsidies, cap) = start(100_00, 100_00, 1_000);
    let mut blob = network.blob(2, false, true);
    let before = booked(&mut network);
    let mut payment = network.take_funds(0);
    let (system, _, ctx) = network.storage_parts();
    subsidies.extend_blob(system, &mut blob, 2, &mut payment, ctx);
    assert_eq!(payment.value(), 0);
    assert_eq!(blob.end_epoch(), 5);
    assert_eq!(subsidies.subsidy_pool_value(), 980);
    assert_eq!(booked(&mut network), vector[before[0] + 5, before[1] + 5, 5, 5, 0]);
    destroy(blob);
    destroy(payment);
    finish(network, subsidies, cap);
}

#[test]
fun an_extension_at_rates_of_zero() {
    let (mut network, mut subsidies, cap) = start(0, 0, 1_000);
    let mut blob = network.blob(2, false, true);
    let before = booked(&mut network);
    let mut payment = network.take_funds(10);
    let (system, _, ctx) = network.storage_parts();
    subsidies.extend_blob(system, &mut blob, 2, &mut payment, ctx);
    assert_eq!(payment.value(), 0);
    assert_eq!(subsidies.subsidy_pool_value(), 1_000);
    assert_eq!(booked(&mut network), vector[before[0], before[1], 5, 5, 0]);
    destroy(blob);
    destroy(payment);
    finish(network, subsidies, cap);
}

// === New subsidies, and calls of another version ===

#[test]
fun new_subsidies_have_no_rates_and_no_funds() {
    let mut network = test_network::running();
    let cap = subsidies::new(PACKAGE.to_id(), network.scenario().ctx());
    network.next_tx();
    let subsidies = network.scenario().take_shared<Subsidies>();
    assert_eq!(subsidies.buyer_subsidy_rate(), 0);
    assert_eq!(subsidies.system_subsidy_rate(), 0);
    assert_eq!(subsidies.subsidy_pool_value(), 0);
    finish(network, subsidies, cap);
}

#[test, expected_failure(abort_code = subsidies::EWrongVersion)]
fun extension_by_subsidies_of_another_version() {
    let (mut network, mut subsidies, _cap) = start(0, 0, 0);
    subsidies.set_version_for_testing(2);
    let mut blob = network.blob(2, false, true);
    let (system, payment, ctx) = network.storage_parts();
    subsidies.extend_blob(system, &mut blob, 1, payment, ctx);
    abort
}

#[test, expected_failure(abort_code = subsidies::EWrongVersion)]
fun registration_by_subsidies_of_another_version() {
    let (mut network, mut subsidies, _cap) = start(0, 0, 0);
    subsidies.set_version_for_testing(2);
    let size = test_network::encoded_size(1);
    let id = walrus::blob::derive_blob_id(1, 1, 1);
    let (system, payment, ctx) = network.storage_parts();
    let storage = system.reserve_space(size, 1, payment, ctx);
    destroy(subsidies.register_blob(system, storage, id, 1, 1, 1, true, payment, ctx));
    abort
}
