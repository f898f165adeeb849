module walrus_subsidies::walrus_subsidies_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::auth;
use walrus::test_network::{Self, Network};
use walrus_subsidies::walrus_subsidies::{Self, AdminCap, WalrusSubsidies};
use walrus_subsidies::walrus_subsidies_inner;

const FUNDS: u64 = 1_000_000;
/// 50%.
const RATE: u32 = 5_000;
const BASE: u64 = 100;
const PER_SHARD: u64 = 10;
/// Four nodes with ten shards.
const FIXED: u64 = 4 * 100 + 10 * 10;

/// A network in epoch 1 with funded subsidies, of which 50 per epoch were booked before.
fun start(): (Network, WalrusSubsidies, AdminCap) {
    let mut network = test_network::running();
    let early = network.take_funds(250);
    let (system, staking, _, _, ctx) = network.staking_parts();
    system.add_subsidy(early, 5);
    let admin_cap = walrus_subsidies::new(system, staking, RATE, BASE, PER_SHARD, ctx);
    network.next_tx();
    let mut subsidies = network.scenario().take_shared<WalrusSubsidies>();
    subsidies.add_coin(network.take_funds(FUNDS - 1));
    subsidies.add_balance(network.take_funds(1).into_balance());
    (network, subsidies, admin_cap)
}

fun finish(network: Network, subsidies: WalrusSubsidies, admin_cap: AdminCap) {
    destroy(subsidies);
    destroy(admin_cap);
    destroy(network);
}

fun process(network: &mut Network, subsidies: &mut WalrusSubsidies) {
    let (system, staking, _, clock, _) = network.staking_parts();
    subsidies.process_subsidies(staking, system, clock);
}

fun reserve(network: &mut Network, units: u64, epochs: u32) {
    let (system, payment, ctx) = network.storage_parts();
    system.reserve_space(units * 1_024 * 1_024, epochs, payment, ctx).destroy();
}

fun booked(network: &mut Network): vector<u64> {
    let (system, _, _) = network.storage_parts();
    vector::tabulate!(5, |i| system.future_accounting()[i as u32].rewards())
}

fun paid(subsidies: &mut WalrusSubsidies): u64 {
    FUNDS - subsidies.subsidy_pool_value_for_testing()
}

#[test]
fun payments_are_subsidised_once() {
    let (mut network, mut subsidies, admin_cap) = start();
    process(&mut network, &mut subsidies);
    // What was booked before is not subsidised.
    assert_eq!(paid(&mut subsidies), 0);
    reserve(&mut network, 3, 2);
    process(&mut network, &mut subsidies);
    // 15 per epoch; half of it, rounded down.
    assert_eq!(booked(&mut network), vector[72, 72, 50, 50, 50]);
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), 14);
    // Only what is new counts.
    reserve(&mut network, 2, 1);
    process(&mut network, &mut subsidies);
    assert_eq!(booked(&mut network), vector[87, 72, 50, 50, 50]);
    assert_eq!(paid(&mut subsidies), 19);
    finish(network, subsidies, admin_cap);
}

#[test]
fun payments_over_an_epoch_change() {
    let (mut network, mut subsidies, admin_cap) = start();
    reserve(&mut network, 2, 3);
    network.next_epoch();
    // The first of the three epochs is over: its subsidy is lost. What rolled over counts as new.
    let before = booked(&mut network);
    assert_eq!(before[1], 60);
    assert_eq!(before[4], 0);
    process(&mut network, &mut subsidies);
    let usage = (before[0] - 50) / 2 + 5;
    assert_eq!(paid(&mut subsidies), FIXED + usage);
    let after = booked(&mut network);
    assert_eq!(after[1], 65);
    assert_eq!(after[4], 0);
    finish(network, subsidies, admin_cap);
}

#[test]
fun nodes_are_paid_for_the_epoch_that_ended() {
    let (mut network, mut subsidies, admin_cap) = start();
    subsidies.set_system_subsidy_rate(&admin_cap, 0);
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), 0);
    network.next_epoch();
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), FIXED);
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), FIXED);
    // Commission: it can be collected after the votes.
    network.end_votes();
    let node_id = network.node_id(0);
    let (_, cap) = network.node_parts(0);
    let receiver = auth::authenticate_with_object(cap);
    let (_, staking, _, _, ctx) = network.staking_parts();
    let shards = staking.previous_committee().shards(&node_id).length();
    let commission = staking.collect_commission(node_id, receiver, ctx);
    assert_eq!(commission.value(), BASE + shards * PER_SHARD);
    destroy(commission);
    finish(network, subsidies, admin_cap);
}

#[test]
fun an_epoch_without_a_call_is_never_paid() {
    let (mut network, mut subsidies, admin_cap) = start();
    subsidies.set_system_subsidy_rate(&admin_cap, 0);
    3u64.do!(|_| network.next_epoch());
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), FIXED);
    finish(network, subsidies, admin_cap);
}

#[test]
fun epoch_zero_pays_nobody() {
    let mut network = test_network::deploy();
    let (system, staking, _, _, ctx) = network.staking_parts();
    let admin_cap = walrus_subsidies::new(system, staking, RATE, BASE, PER_SHARD, ctx);
    network.next_tx();
    let mut subsidies = network.scenario().take_shared<WalrusSubsidies>();
    process(&mut network, &mut subsidies);
    assert_eq!(subsidies.subsidy_pool_value_for_testing(), 0);
    finish(network, subsidies, admin_cap);
}

#[test]
fun rates_can_be_changed() {
    let (mut network, mut subsidies, admin_cap) = start();
    subsidies.set_system_subsidy_rate(&admin_cap, 1_000_000);
    subsidies.set_base_subsidy(&admin_cap, 1_000);
    subsidies.set_per_shard_subsidy(&admin_cap, 0);
    reserve(&mut network, 1, 1);
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), 500);
    subsidies.set_system_subsidy_rate(&admin_cap, 0);
    network.next_epoch();
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), 500 + 4_000);
    finish(network, subsidies, admin_cap);
}

#[test]
fun the_highest_fixed_subsidies() {
    let (network, mut subsidies, admin_cap) = start();
    let max = std::u64::max_value!();
    subsidies.set_base_subsidy(&admin_cap, 0);
    subsidies.set_per_shard_subsidy(&admin_cap, max / 1_000);
    subsidies.set_base_subsidy(&admin_cap, max % 1_000);
    finish(network, subsidies, admin_cap);
}

#[test, expected_failure(abort_code = walrus_subsidies_inner::EInvalidSubsidyRate)]
fun a_rate_that_is_too_high() {
    let (_network, mut subsidies, admin_cap) = start();
    subsidies.set_system_subsidy_rate(&admin_cap, 1_000_001);
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies_inner::EInvalidSubsidyRate)]
fun a_base_that_is_too_high() {
    let (_network, mut subsidies, admin_cap) = start();
    subsidies.set_base_subsidy(&admin_cap, std::u64::max_value!());
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies_inner::EInvalidSubsidyRate)]
fun a_subsidy_per_shard_that_is_too_high() {
    let (_network, mut subsidies, admin_cap) = start();
    let max = std::u64::max_value!();
    subsidies.set_base_subsidy(&admin_cap, max % 1_000 + 1);
    subsidies.set_per_shard_subsidy(&admin_cap, max / 1_000);
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies_inner::EInsufficientFundsInPool)]
fun funds_that_do_not_suffice_for_the_nodes() {
    let (mut network, mut subsidies, admin_cap) = start();
    subsidies.set_base_subsidy(&admin_cap, FUNDS / 4);
    network.next_epoch();
    process(&mut network, &mut subsidies);
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies_inner::EInsufficientFundsInPool)]
fun funds_that_do_not_suffice_for_the_payments() {
    let (mut network, mut subsidies, _admin_cap) = start();
    reserve(&mut network, 2 * FUNDS / 5 + 1, 1);
    process(&mut network, &mut subsidies);
    abort
}

// === Rights and versions ===

/// The capability of other subsidies.
fun other_cap(network: &mut Network): AdminCap {
    let (system, staking, _, _, ctx) = network.staking_parts();
    walrus_subsidies::new(system, staking, 0, 0, 0, ctx)
}

#[test, expected_failure(abort_code = walrus_subsidies::EUnauthorizedAdminCap)]
fun another_admin_sets_the_rate() {
    let (mut network, mut subsidies, _admin_cap) = start();
    let other = other_cap(&mut network);
    subsidies.set_system_subsidy_rate(&other, 2_000_000);
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies::EUnauthorizedAdminCap)]
fun another_admin_sets_the_base() {
    let (mut network, mut subsidies, _admin_cap) = start();
    let other = other_cap(&mut network);
    subsidies.set_base_subsidy(&other, 1);
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies::EUnauthorizedAdminCap)]
fun another_admin_sets_the_subsidy_per_shard() {
    let (mut network, mut subsidies, _admin_cap) = start();
    let other = other_cap(&mut network);
    subsidies.set_per_shard_subsidy(&other, 1);
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies::EWrongVersion)]
fun subsidies_of_another_version() {
    let (mut network, mut subsidies, _admin_cap) = start();
    subsidies.set_version_for_testing(2);
    process(&mut network, &mut subsidies);
    abort
}

#[test]
fun migration_from_an_older_version() {
    let (mut network, mut subsidies, admin_cap) = start();
    subsidies.set_version_for_testing(2);
    subsidies.migrate();
    assert_eq!(subsidies.package_id_for_testing(), @walrus_subsidies.to_id());
    process(&mut network, &mut subsidies);
    finish(network, subsidies, admin_cap);
}

#[test, expected_failure(abort_code = walrus_subsidies::EInvalidMigration)]
fun migration_of_what_is_up_to_date() {
    let (_network, mut subsidies, _admin_cap) = start();
    subsidies.migrate();
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies::EInvalidMigration)]
fun migration_of_what_is_newer() {
    let (_network, mut subsidies, _admin_cap) = start();
    subsidies.set_version_for_testing(4);
    subsidies.migrate();
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies::EWrongVersion)]
fun set_the_rate_of_another_version() {
    let (_network, mut subsidies, admin_cap) = start();
    subsidies.set_version_for_testing(2);
    subsidies.set_system_subsidy_rate(&admin_cap, 1);
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies::EWrongVersion)]
fun set_the_base_of_another_version() {
    let (_network, mut subsidies, admin_cap) = start();
    subsidies.set_version_for_testing(2);
    subsidies.set_base_subsidy(&admin_cap, 1);
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies::EWrongVersion)]
fun set_the_subsidy_per_shard_of_another_version() {
    let (_network, mut subsidies, admin_cap) = start();
    subsidies.set_version_for_testing(2);
    subsidies.set_per_shard_subsidy(&admin_cap, 1);
    abort
}
