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

// === Funds that do not suffice ===

/// What a node has as commission, when the votes have ended.
fun commission(network: &mut Network, i: u64): u64 {
    let node_id = network.node_id(i);
    let (_, cap) = network.node_parts(i);
    let receiver = auth::authenticate_with_object(cap);
    let (_, staking, _, _, ctx) = network.staking_parts();
    staking.collect_commission(node_id, receiver, ctx).burn_for_testing()
}

#[test]
fun every_node_gets_the_same_part_of_what_there_is() {
    let (mut network, mut subsidies, admin_cap) = start();
    subsidies.set_system_subsidy_rate(&admin_cap, 0);
    // Ten times the funds are due.
    subsidies.set_per_shard_subsidy(&admin_cap, 0);
    subsidies.set_base_subsidy(&admin_cap, 10 * FUNDS / 4);
    network.next_epoch();
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), FUNDS);
    network.end_votes();
    4u64.do!(|i| assert_eq!(commission(&mut network, i), FUNDS / 4));
    finish(network, subsidies, admin_cap);
}

#[test]
fun parts_are_rounded_down_and_the_epoch_is_paid() {
    let (mut network, mut subsidies, admin_cap) = start();
    subsidies.set_system_subsidy_rate(&admin_cap, 0);
    subsidies.set_base_subsidy(&admin_cap, 0);
    // 3, 3, 2 and 2 shards of 700,000: the funds are a seventh.
    subsidies.set_per_shard_subsidy(&admin_cap, 700_000);
    network.next_epoch();
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), FUNDS);
    // More funds come too late for this epoch.
    subsidies.add_coin(network.take_funds(FUNDS));
    process(&mut network, &mut subsidies);
    assert_eq!(subsidies.subsidy_pool_value_for_testing(), FUNDS);
    network.end_votes();
    let commissions = vector::tabulate!(4, |i| commission(&mut network, i));
    assert_eq!(commissions, vector[300_000, 300_000, 200_000, 200_000]);
    finish(network, subsidies, admin_cap);
}

#[test]
fun no_funds_at_all() {
    let mut network = test_network::running();
    let (system, staking, _, _, ctx) = network.staking_parts();
    let max = std::u64::max_value!();
    // Rates that `new` does not check.
    let admin_cap = walrus_subsidies::new(system, staking, std::u32::max_value!(), max, max, ctx);
    network.next_tx();
    let mut subsidies = network.scenario().take_shared<WalrusSubsidies>();
    network.next_epoch();
    reserve(&mut network, 3, 2);
    process(&mut network, &mut subsidies);
    assert_eq!(subsidies.subsidy_pool_value_for_testing(), 0);
    finish(network, subsidies, admin_cap);
}

#[test]
fun payments_wait_for_more_funds_the_nearest_epoch_first() {
    let (mut network, mut subsidies, admin_cap) = start();
    // 5 FROST for each unit and epoch, of which half is due: 750,000 in each of two epochs.
    reserve(&mut network, 300_000, 2);
    let before = booked(&mut network);
    assert_eq!(before[0], 1_500_050);
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), FUNDS);
    let after = booked(&mut network);
    assert_eq!(after[0], before[0] + 750_000);
    assert_eq!(after[1], before[1] + 250_000);
    // Again, without funds.
    process(&mut network, &mut subsidies);
    assert_eq!(booked(&mut network), after);
    // With more than enough, the rest is paid, and nothing twice.
    subsidies.add_coin(network.take_funds(FUNDS));
    2u64.do!(|_| process(&mut network, &mut subsidies));
    assert_eq!(booked(&mut network)[0], before[0] + 750_000);
    assert_eq!(booked(&mut network)[1], before[1] + 750_000);
    assert_eq!(subsidies.subsidy_pool_value_for_testing(), FUNDS / 2);
    finish(network, subsidies, admin_cap);
}

#[test]
fun payments_are_never_subsidised_beyond_the_rate() {
    let (mut network, mut subsidies, admin_cap) = start();
    // 800%, and funds that come FROST by FROST: rounding never adds up to more.
    subsidies.set_system_subsidy_rate(&admin_cap, 80_000);
    let everything = subsidies.subsidy_pool_value_for_testing();
    reserve(&mut network, 1, 1);
    let (system, payment, ctx) = network.storage_parts();
    // Takes what is in the pool and 8 more: a deposit of an eighth of the funds.
    system.add_subsidy(payment.split(everything / 8 + 1, ctx), 1);
    process(&mut network, &mut subsidies);
    assert_eq!(subsidies.subsidy_pool_value_for_testing(), 0);
    100u64.do!(|_| {
        subsidies.add_coin(network.take_funds(1));
        process(&mut network, &mut subsidies);
    });
    let paid = everything + 100 - subsidies.subsidy_pool_value_for_testing();
    let most = 8 * (everything / 8 + 1 + 5);
    assert!(paid <= most);
    finish(network, subsidies, admin_cap);
}

// === The bound per epoch ===

#[test]
fun a_deposit_does_not_empty_bounded_funds() {
    let (mut network, mut subsidies, admin_cap) = start();
    subsidies.set_system_subsidy_rate(&admin_cap, 80_000);
    let (system, _, _, _, _) = network.staking_parts();
    subsidies.set_usage_budget(&admin_cap, system, option::some(10_000));
    assert_eq!(subsidies.usage_budget(), option::some(10_000));
    // Somebody who is no buyer pays an eighth of the funds in, which is matched like a sale.
    let (system, payment, ctx) = network.storage_parts();
    system.add_subsidy(payment.split(FUNDS / 8, ctx), 1);
    2u64.do!(|_| process(&mut network, &mut subsidies));
    assert_eq!(paid(&mut subsidies), 10_000);
    // A smaller bound than what was paid pays nothing more in this epoch, a larger one the difference.
    let (system, _, _, _, _) = network.staking_parts();
    subsidies.set_usage_budget(&admin_cap, system, option::some(5_000));
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), 10_000);
    let (system, _, _, _, _) = network.staking_parts();
    subsidies.set_usage_budget(&admin_cap, system, option::some(12_000));
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), 12_000);
    finish(network, subsidies, admin_cap);
}

#[test]
fun the_bound_is_per_epoch_and_can_be_lifted() {
    let (mut network, mut subsidies, admin_cap) = start();
    subsidies.set_base_subsidy(&admin_cap, 0);
    subsidies.set_per_shard_subsidy(&admin_cap, 0);
    let (system, _, _, _, _) = network.staking_parts();
    subsidies.set_usage_budget(&admin_cap, system, option::some(1_000));
    // 5,000 in each of five epochs, half of it due.
    reserve(&mut network, 1_000, 5);
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), 1_000);
    network.next_epoch();
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), 2_000);
    // Set anew in a later epoch: what was paid before it does not count.
    network.next_epoch();
    let (system, _, _, _, _) = network.staking_parts();
    subsidies.set_usage_budget(&admin_cap, system, option::some(500));
    process(&mut network, &mut subsidies);
    assert_eq!(paid(&mut subsidies), 2_500);
    let (system, _, _, _, _) = network.staking_parts();
    subsidies.set_usage_budget(&admin_cap, system, option::none());
    assert_eq!(subsidies.usage_budget(), option::none());
    process(&mut network, &mut subsidies);
    assert!(paid(&mut subsidies) > 2_500 + 500);
    finish(network, subsidies, admin_cap);
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

#[test, expected_failure(abort_code = walrus_subsidies::EUnauthorizedAdminCap)]
fun another_admin_bounds_the_subsidies() {
    let (mut network, mut subsidies, _admin_cap) = start();
    let other = other_cap(&mut network);
    let (system, _, _, _, _) = network.staking_parts();
    subsidies.set_usage_budget(&other, system, option::some(0));
    abort
}

#[test, expected_failure(abort_code = walrus_subsidies::EWrongVersion)]
fun the_bound_of_another_version() {
    let (_network, mut subsidies, _admin_cap) = start();
    subsidies.set_version_for_testing(2);
    subsidies.usage_budget();
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
