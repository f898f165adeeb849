/// The shared objects together, from publication on.
module walrus::end_to_end_tests;

use std::unit_test::{assert_eq, destroy};
use sui::clock::{Self, Clock};
use sui::coin::Coin;
use sui::package;
use sui::test_scenario::{Self, Scenario};
use wal::wal::{Self, ProtectedTreasury, WAL};
use walrus::auth;
use walrus::blob;
use walrus::display::ObjectDisplay;
use walrus::encoding;
use walrus::init::{Self, InitCap};
use walrus::staking::{Self, Staking};
use walrus::storage_node::StorageNodeCap;
use walrus::system::{Self, System};
use walrus::upgrade::{Self, EmergencyUpgradeCap, UpgradeManager};

const ADMIN: address = @0xAD;
const EPOCH: u64 = 1_000;
const N_SHARDS: u16 = 10;
const MAX_EPOCHS_AHEAD: u32 = 5;
const FROST_PER_WAL: u64 = 1_000_000_000;
const SUPPLY: u64 = 5_000_000_000_000_000_000;
const RS2: u8 = 1;

/// What the tests hold between steps.
public struct Network {
    scenario: Scenario,
    clock: Clock,
    system: System,
    staking: Staking,
    treasury: ProtectedTreasury,
    manager: UpgradeManager,
    emergency_cap: EmergencyUpgradeCap,
    funds: Coin<WAL>,
    caps: vector<StorageNodeCap>,
}

/// Publishes and initialises everything.
fun deploy(package_id: address): Network {
    let mut scenario = test_scenario::begin(ADMIN);
    wal::init_for_testing(scenario.ctx());
    init::init_for_testing(scenario.ctx());
    let clock = clock::create_for_testing(scenario.ctx());
    scenario.next_tx(ADMIN);

    let upgrade_cap = package::test_publish(package_id.to_id(), scenario.ctx());
    let emergency_cap = init::initialize_walrus(
        scenario.take_from_sender<InitCap>(),
        upgrade_cap,
        0,
        EPOCH,
        N_SHARDS,
        MAX_EPOCHS_AHEAD,
        &clock,
        scenario.ctx(),
    );
    scenario.next_tx(ADMIN);
    // In tests the package is at 0x0, where it cannot be upgraded: votes get a manager of their own.
    destroy(emergency_cap);
    destroy(scenario.take_shared<UpgradeManager>());
    let upgrade_cap = package::test_publish(@0x3A1.to_id(), scenario.ctx());
    let (manager, emergency_cap) = upgrade::new_for_testing(upgrade_cap, scenario.ctx());
    Network {
        clock,
        system: scenario.take_shared(),
        staking: scenario.take_shared(),
        treasury: scenario.take_shared(),
        manager,
        emergency_cap,
        funds: scenario.take_from_sender(),
        caps: vector[],
        scenario,
    }
}

/// A network in epoch 1 with four nodes of equal stake.
fun running(): Network {
    let mut network = deploy(@walrus);
    4u64.do!(|_| network.add_node());
    network.next_epoch();
    network
}

fun add_node(network: &mut Network) {
    let ctx = network.scenario.ctx();
    let cap = network
        .staking
        .inner_mut_for_testing()
        .create_pool_for_testing(0, 5, 7, 1_000_000_000_000, ctx);
    let stake = network.funds.split(1_000 * FROST_PER_WAL, ctx);
    let staked = network.staking.stake_with_pool(stake, cap.node_id(), ctx);
    transfer::public_transfer(staked, ADMIN);
    network.caps.push_back(cap);
}

fun next_epoch(network: &mut Network) {
    network.clock.increment_for_testing(EPOCH);
    network.staking.voting_end(&network.clock);
    network
        .staking
        .initiate_epoch_change_v2(
            &mut network.system,
            &mut network.treasury,
            &network.clock,
            network.scenario.ctx(),
        );
    let epoch = network.staking.epoch();
    network.caps.length().do!(|i| {
        network.staking.epoch_sync_done(&mut network.caps[i], epoch, &network.clock);
    });
}

// === Setup ===

#[test]
fun initialisation_shares_everything() {
    let mut owned = deploy(@walrus);
    let network = &mut owned;
    assert_eq!(network.system.version(), 3);
    assert_eq!(network.staking.version(), 3);
    assert_eq!(network.system.package_id(), @walrus.to_id());
    assert_eq!(network.staking.package_id(), @walrus.to_id());
    assert_eq!(network.system.epoch(), 0);
    assert_eq!(network.staking.epoch(), 0);
    assert_eq!(network.system.total_capacity_size(), 0);
    assert_eq!(network.system.future_accounting().max_epochs_ahead(), MAX_EPOCHS_AHEAD);
    assert_eq!(network.staking.committee().size(), 0);
    let display = network.scenario.take_shared<ObjectDisplay>();
    test_scenario::return_shared(display);
    destroy(owned);
}

#[test, expected_failure(abort_code = init::EInvalidUpgradeCap)]
fun an_upgrade_cap_of_another_package() {
    destroy(deploy(@0xBAD));
    abort
}

#[test, expected_failure(abort_code = init::EDeprecatedFunction)]
fun the_old_migration() {
    let mut owned = deploy(@walrus);
    let network = &mut owned;
    init::migrate(&mut network.staking, &mut network.system);
    abort
}

#[test, expected_failure(abort_code = staking::EDeprecatedFunction)]
fun the_old_epoch_change() {
    let mut owned = deploy(@walrus);
    let network = &mut owned;
    network.staking.initiate_epoch_change(&mut network.system, &network.clock);
    abort
}

// === Life ===

#[test]
fun stake_pay_and_be_rewarded() {
    let mut owned = running();
    let network = &mut owned;
    assert_eq!(network.system.epoch(), 1);
    assert_eq!(network.system.n_shards(), N_SHARDS);
    // Four nodes of 1 TB; two have three shards of ten.
    assert_eq!(network.system.total_capacity_size(), 3_333_333_333_333);
    assert_eq!(network.treasury.total_supply(), SUPPLY);

    let size = 10_000;
    let encoded = encoding::encoded_blob_length(size, RS2, N_SHARDS);
    let before = network.funds.value();
    let ctx = network.scenario.ctx();
    let storage = network.system.reserve_space(encoded, 2, &mut network.funds, ctx);
    let blob_id = blob::derive_blob_id(77, RS2, size);
    let blob = network
        .system
        .register_blob(storage, blob_id, 77, size, RS2, true, &mut network.funds, ctx);
    assert_eq!(before - network.funds.value(), 5 + 5 + 7);
    network.system.delete_blob(blob).destroy();

    network.system.add_subsidy(network.funds.split(1_000_000, ctx), 1);
    network.next_epoch();
    // 3% of 1_000_012 are burnt; the nodes share the rest by shards.
    assert_eq!(network.treasury.total_supply(), SUPPLY - 30_000);
    let mut rewards = 0;
    network.caps.length().do!(|i| {
        let pool = network
            .staking
            .inner_mut_for_testing()
            .pool_for_testing(network.caps[i].node_id());
        rewards = rewards + pool.rewards_amount();
    });
    let left = network.system.future_accounting()[0].rewards() - 5;
    assert_eq!(rewards + left, 970_012);
    destroy(owned);
}

#[test]
fun configuration_through_the_capability() {
    let mut owned = running();
    let network = &mut owned;
    let cap = network.caps.pop_back();
    let staking = &mut network.staking;
    staking.set_name(&cap, b"new name".to_string());
    staking.set_network_address(&cap, b"example.org:443".to_string());
    staking.set_network_public_key(&cap, vector::tabulate!(33, |_| 3));
    staking.set_storage_price_vote(&cap, 1);
    staking.set_write_price_vote(&cap, 1);
    staking.set_node_capacity_vote(&cap, 1);
    staking.set_next_commission(&cap, 1_00);
    staking.try_join_active_set(&cap);
    staking.update_prices(&mut network.system);
    let description = walrus::node_metadata::new(
        b"image".to_string(),
        b"project".to_string(),
        b"text".to_string(),
    );
    staking.set_node_metadata(&cap, description);
    assert_eq!(staking.node_metadata(cap.node_id()), description);
    destroy(cap);
    destroy(owned);
}

// === Versions ===

#[test, expected_failure(abort_code = system::EWrongVersion)]
fun a_system_of_another_version() {
    let mut owned = deploy(@walrus);
    let network = &mut owned;
    network.system.set_version_for_testing(2);
    network.system.epoch();
    abort
}

#[test, expected_failure(abort_code = staking::EWrongVersion)]
fun a_staking_of_another_version() {
    let mut owned = deploy(@walrus);
    let network = &mut owned;
    network.staking.set_version_for_testing(4);
    network.staking.epoch();
    abort
}

#[test]
fun migration_after_an_upgrade() {
    let mut owned = running();
    let network = &mut owned;
    network.system.set_version_for_testing(2);
    network.staking.set_version_for_testing(2);
    staking::set_migration_epoch(&mut network.staking);
    let digest = vector::tabulate!(32, |_| 9);
    let ticket = network.manager.authorize_emergency_upgrade(&network.emergency_cap, digest);
    let receipt = package::test_upgrade(ticket);
    let new_package_id = receipt.package();
    network.manager.commit_upgrade(&mut network.staking, &mut network.system, receipt);
    init::migrate_v2(&mut network.staking, &mut network.system, network.scenario.ctx());
    assert_eq!(network.system.version(), 3);
    assert_eq!(network.system.package_id(), new_package_id);
    assert_eq!(network.staking.package_id(), new_package_id);
    assert_eq!(network.system.epoch(), 1);
    destroy(owned);
}

#[test, expected_failure(abort_code = staking::EInvalidMigration)]
fun migration_of_what_is_up_to_date() {
    let mut owned = running();
    let network = &mut owned;
    init::migrate_v2(&mut network.staking, &mut network.system, network.scenario.ctx());
    abort
}

#[test, expected_failure(abort_code = staking::EInvalidMigration)]
fun migration_without_an_upgrade() {
    let mut owned = running();
    let network = &mut owned;
    network.system.set_version_for_testing(2);
    network.staking.set_version_for_testing(2);
    init::migrate_v2(&mut network.staking, &mut network.system, network.scenario.ctx());
    abort
}

// === Upgrade votes ===

fun digest(): vector<u8> {
    vector::tabulate!(32, |i| i as u8)
}

fun vote(network: &mut Network, i: u64) {
    // The tests' nodes were registered by the sender, who votes for them.
    let auth = auth::authenticate_sender(network.scenario.ctx());
    let node_id = network.caps[i].node_id();
    network.manager.vote_for_upgrade(&network.staking, auth, node_id, digest());
}

#[test]
fun a_quorum_upgrades() {
    let mut owned = running();
    let network = &mut owned;
    3u64.do!(|i| network.vote(i));
    let ticket = network.manager.authorize_upgrade(&network.staking, digest());
    assert_eq!(*ticket.digest(), digest());
    let receipt = package::test_upgrade(ticket);
    network.manager.commit_upgrade(&mut network.staking, &mut network.system, receipt);
    // A vote now is for the version after that.
    network.vote(0);
    network.next_epoch();
    network.manager.cleanup_upgrade_proposals(&network.staking, vector[digest()]);
    destroy(owned);
}

#[test, expected_failure(abort_code = upgrade::ENotEnoughVotes)]
fun too_few_votes() {
    let mut owned = running();
    let network = &mut owned;
    network.vote(0);
    network.vote(3);
    destroy(network.manager.authorize_upgrade(&network.staking, digest()));
    abort
}

#[test, expected_failure(abort_code = upgrade::EDuplicateVote)]
fun vote_twice() {
    let mut owned = running();
    let network = &mut owned;
    network.vote(0);
    network.vote(0);
    abort
}

#[test, expected_failure(abort_code = upgrade::EWrongEpoch)]
fun votes_of_an_earlier_epoch() {
    let mut owned = running();
    let network = &mut owned;
    4u64.do!(|i| network.vote(i));
    network.next_epoch();
    destroy(network.manager.authorize_upgrade(&network.staking, digest()));
    abort
}

#[test]
fun votes_start_again_in_a_new_epoch() {
    let mut owned = running();
    let network = &mut owned;
    network.vote(0);
    network.next_epoch();
    network.vote(0);
    destroy(owned);
}

#[test, expected_failure(abort_code = upgrade::ENoProposalForDigest)]
fun nobody_voted() {
    let mut owned = running();
    let network = &mut owned;
    destroy(network.manager.authorize_upgrade(&network.staking, digest()));
    abort
}

#[test, expected_failure(abort_code = upgrade::EInvalidPackageDigest)]
fun a_digest_of_the_wrong_length() {
    let mut owned = running();
    let network = &mut owned;
    destroy(network.manager.authorize_upgrade(&network.staking, vector[1]));
    abort
}

#[test, expected_failure(abort_code = upgrade::ENotAuthorized)]
fun somebody_else_votes() {
    let mut owned = running();
    let network = &mut owned;
    let auth = auth::authenticate_with_object(&network.caps[0]);
    let node_id = network.caps[0].node_id();
    network.manager.vote_for_upgrade(&network.staking, auth, node_id, digest());
    abort
}

#[test, expected_failure(abort_code = walrus::staking_inner::ENotInCommittee)]
fun a_node_without_shards_votes() {
    let mut owned = running();
    let network = &mut owned;
    network.add_node();
    network.vote(4);
    abort
}

#[test, expected_failure(abort_code = upgrade::EInvalidUpgradeManager)]
fun the_emergency_cap_of_another_manager() {
    let mut owned = running();
    let network = &mut owned;
    let ctx = network.scenario.ctx();
    let other = upgrade::new(package::test_publish(@0xB0B.to_id(), ctx), ctx);
    destroy(network.manager.authorize_emergency_upgrade(&other, digest()));
    abort
}

#[test]
fun the_emergency_cap_can_be_burnt() {
    let network = deploy(@walrus);
    let Network {
        emergency_cap,
        scenario,
        clock,
        system,
        staking,
        treasury,
        manager,
        funds,
        caps,
    } = network;
    upgrade::burn_emergency_upgrade_cap(emergency_cap);
    destroy(vector[system]);
    destroy(staking);
    destroy(treasury);
    destroy(manager);
    destroy(funds);
    destroy(caps);
    destroy(scenario);
    destroy(clock);
}
