/// Setting up, and moving to another version, as far as every version does it the same way.
module walrus::init_tests;

use std::unit_test::{assert_eq, destroy};
use sui::bcs;
use sui::clock;
use sui::event;
use sui::package::{Self, UpgradeCap};
use sui::test_scenario;
use walrus::display::ObjectDisplay;
use walrus::events::ContractUpgraded;
use walrus::init::{Self, InitCap};
use walrus::release;
use walrus::slashing::SlashingManager;
use walrus::staking::{Self, Staking};
use walrus::system::{Self, System};
use walrus::test_network::{Self, Network};
use walrus::upgrade::{EmergencyUpgradeCap, UpgradeManager};

const PUBLISHER: address = @0xAD;
const NEW_PACKAGE: address = @0x4E3;
const EPOCH_ZERO: u64 = 500;
const EPOCH: u64 = 1_000;
const N_SHARDS: u16 = 10;

/// Publishes the package and initialises it with an upgrade capability of `package_id`.
fun initialize(package_id: address, max_epochs_ahead: u32) {
    let mut scenario = test_scenario::begin(PUBLISHER);
    init::init_for_testing(scenario.ctx());
    scenario.next_tx(PUBLISHER);
    let clock = clock::create_for_testing(scenario.ctx());
    let init_cap = scenario.take_from_sender<InitCap>();
    let upgrade_cap = package::test_publish(package_id.to_id(), scenario.ctx());
    let emergency_cap = init::initialize_walrus(
        init_cap,
        upgrade_cap,
        EPOCH_ZERO,
        EPOCH,
        N_SHARDS,
        max_epochs_ahead,
        &clock,
        scenario.ctx(),
    );
    destroy(clock);
    destroy(emergency_cap);
    destroy(scenario);
}

/// Makes the shared objects those of the version before, with a committed upgrade to `new_package`.
fun back_one_version(network: &mut Network) {
    let (system, staking, _, _, _) = network.staking_parts();
    let before = release::version() - 1;
    system.set_version_for_testing(before);
    staking.set_version_for_testing(before);
    system.set_new_package_id(NEW_PACKAGE.to_id());
    staking.set_new_package_id(NEW_PACKAGE.to_id());
}

#[test_only]
fun migrate(network: &mut Network) {
    let (system, staking, _, _, ctx) = network.staking_parts();
    init::migrate_v2(staking, system, ctx);
}

// === Setup ===

#[test]
fun the_publisher_alone_can_initialise() {
    let mut scenario = test_scenario::begin(PUBLISHER);
    init::init_for_testing(scenario.ctx());
    scenario.next_tx(PUBLISHER);
    assert_eq!(scenario.ids_for_sender<InitCap>().length(), 1);
    scenario.next_tx(@0xBAD);
    assert_eq!(scenario.ids_for_sender<InitCap>().length(), 0);
    destroy(scenario);
}

#[test]
fun initialisation_shares_one_of_everything() {
    let mut network = test_network::deploy();
    let scenario = network.scenario();
    // The network holds system and staking already.
    assert!(!test_scenario::has_most_recent_shared<System>());
    assert!(!test_scenario::has_most_recent_shared<Staking>());
    let display = scenario.take_shared<ObjectDisplay>();
    let upgrades = scenario.take_shared<UpgradeManager>();
    let slashing = scenario.take_shared<SlashingManager>();
    assert!(!test_scenario::has_most_recent_shared<ObjectDisplay>());
    assert!(!test_scenario::has_most_recent_shared<UpgradeManager>());
    assert!(!test_scenario::has_most_recent_shared<SlashingManager>());
    // The capability to initialise and the one to upgrade are used up.
    assert_eq!(scenario.ids_for_sender<InitCap>().length(), 0);
    assert_eq!(scenario.ids_for_sender<UpgradeCap>().length(), 0);
    assert_eq!(scenario.ids_for_sender<EmergencyUpgradeCap>().length(), 1);
    destroy(display);
    destroy(upgrades);
    destroy(slashing);
    destroy(network);
}

#[test]
fun a_new_system_is_empty() {
    let mut network = test_network::deploy();
    let (system, staking, _, _, _) = network.staking_parts();
    assert_eq!(system.version(), release::version());
    assert_eq!(staking.version(), release::version());
    assert_eq!(system.package_id(), @walrus.to_id());
    assert_eq!(staking.package_id(), @walrus.to_id());
    assert_eq!(system.epoch(), 0);
    assert_eq!(system.n_shards(), 0);
    assert_eq!(system.total_capacity_size(), 0);
    assert_eq!(system.used_capacity_size(), 0);
    assert_eq!(system.future_accounting().max_epochs_ahead(), 5);
    assert_eq!(staking.epoch(), 0);
    assert_eq!(staking.committee().size(), 0);
    assert_eq!(staking.previous_committee().size(), 0);
    let active_set = staking.inner().active_set();
    assert_eq!(active_set.max_size(), release::active_set_max_size());
    destroy(network);
}

#[test]
fun storage_can_be_sold_for_a_thousand_epochs() {
    initialize(@walrus, 1_000);
}

#[test, expected_failure(abort_code = walrus::system_state_inner::EInvalidMaxEpochsAhead)]
fun storage_for_more_than_a_thousand_epochs() {
    initialize(@walrus, 1_001);
}

#[test, expected_failure(abort_code = init::EInvalidUpgradeCap)]
fun an_upgrade_cap_of_another_package() {
    initialize(@0xBAD, 5);
}

#[test, expected_failure(abort_code = init::EDeprecatedFunction)]
fun the_old_migration() {
    let mut network = test_network::deploy();
    let (system, staking, _, _, _) = network.staking_parts();
    init::migrate(staking, system);
    abort
}

// === Versions ===

#[test, expected_failure(abort_code = system::EWrongVersion)]
fun a_system_of_another_version_is_not_read() {
    let mut network = test_network::deploy();
    let (system, _, _, _, _) = network.staking_parts();
    system.set_version_for_testing(release::version() - 1);
    system.epoch();
    abort
}

#[test, expected_failure(abort_code = system::EWrongVersion)]
fun a_system_of_another_version_is_not_changed() {
    let mut network = test_network::running();
    let (system, _, _, _, _) = network.staking_parts();
    system.set_version_for_testing(release::version() + 1);
    let (system, payment, ctx) = network.storage_parts();
    destroy(system.reserve_space(1, 1, payment, ctx));
    abort
}

#[test, expected_failure(abort_code = staking::EWrongVersion)]
fun a_staking_of_another_version_is_not_read() {
    let mut network = test_network::deploy();
    let (_, staking, _, _, _) = network.staking_parts();
    staking.set_version_for_testing(release::version() + 1);
    staking.epoch();
    abort
}

#[test, expected_failure(abort_code = staking::EWrongVersion)]
fun a_staking_of_another_version_is_not_changed() {
    let mut network = test_network::running();
    let (_, staking, _, clock, _) = network.staking_parts();
    staking.set_version_for_testing(release::version() - 1);
    staking.voting_end(clock);
    abort
}

#[test]
fun the_version_can_always_be_read() {
    let mut network = test_network::deploy();
    let (system, _, _, _, _) = network.staking_parts();
    system.set_version_for_testing(77);
    assert_eq!(system.version(), 77);
    destroy(network);
}

// === Migration ===

#[test]
fun migration_moves_the_state_to_the_new_version() {
    let mut network = test_network::running();
    let blob = network.blob(2, true, true);
    back_one_version(&mut network);
    migrate(&mut network);
    let (system, staking, _, _, _) = network.staking_parts();
    assert_eq!(system.version(), release::version());
    assert_eq!(staking.version(), release::version());
    assert_eq!(system.package_id(), NEW_PACKAGE.to_id());
    assert_eq!(staking.package_id(), NEW_PACKAGE.to_id());
    assert_eq!(system.epoch(), 1);
    assert_eq!(staking.committee().size(), 4);
    let mut expected = x"01000000";
    expected.append(NEW_PACKAGE.to_bytes());
    expected.append(bcs::to_bytes(&release::version()));
    let upgraded = event::events_by_type<ContractUpgraded>();
    assert_eq!(upgraded.length(), 1);
    assert_eq!(bcs::to_bytes(&upgraded[0]), expected);
    // What was bought before is still good.
    system.delete_blob(blob).destroy();
    network.next_epoch();
    destroy(network);
}

#[test, expected_failure(abort_code = staking::EInvalidMigration)]
fun migration_of_what_is_up_to_date() {
    let mut network = test_network::running();
    migrate(&mut network);
    abort
}

#[test, expected_failure(abort_code = staking::EInvalidMigration)]
fun migration_happens_once() {
    let mut network = test_network::running();
    back_one_version(&mut network);
    migrate(&mut network);
    migrate(&mut network);
    abort
}

#[test, expected_failure(abort_code = staking::EInvalidMigration)]
fun migration_without_an_upgrade() {
    let mut network = test_network::running();
    let (_, staking, _, _, _) = network.staking_parts();
    staking.set_version_for_testing(release::version() - 1);
    migrate(&mut network);
    abort
}

#[test, expected_failure(abort_code = system::EInvalidMigration)]
fun migration_of_a_system_that_is_up_to_date() {
    let mut network = test_network::running();
    let (_, staking, _, _, _) = network.staking_parts();
    staking.set_version_for_testing(release::version() - 1);
    staking.set_new_package_id(NEW_PACKAGE.to_id());
    migrate(&mut network);
    abort
}

#[test, expected_failure(abort_code = system::EInvalidMigration)]
fun migration_of_a_system_without_an_upgrade() {
    let mut network = test_network::running();
    let (system, staking, _, _, _) = network.staking_parts();
    system.set_version_for_testing(release::version() - 1);
    staking.set_version_for_testing(release::version() - 1);
    staking.set_new_package_id(NEW_PACKAGE.to_id());
    migrate(&mut network);
    abort
}

#[test, expected_failure(abort_code = init::EInvalidMigration)]
fun migration_to_two_packages() {
    let mut network = test_network::running();
    back_one_version(&mut network);
    let (system, _, _, _, _) = network.staking_parts();
    system.set_new_package_id(@0xBAD.to_id());
    migrate(&mut network);
    abort
}

#[test]
fun the_migration_epoch_is_remembered_once() {
    let mut network = test_network::running();
    back_one_version(&mut network);
    let (_, staking, _, _, _) = network.staking_parts();
    staking::set_migration_epoch(staking);
    assert_eq!(staking.migration_epoch_for_testing(), 2);
    migrate(&mut network);
    network.next_epoch();
    back_one_version(&mut network);
    let (_, staking, _, _, _) = network.staking_parts();
    staking::set_migration_epoch(staking);
    assert_eq!(staking.migration_epoch_for_testing(), 2);
    destroy(network);
}

#[test, expected_failure(abort_code = staking::EInvalidMigration)]
fun a_migration_epoch_of_what_is_up_to_date() {
    let mut network = test_network::running();
    let (_, staking, _, _, _) = network.staking_parts();
    staking::set_migration_epoch(staking);
    abort
}
