module policies::upgrades_tests;

use policies::upgrades::{
    Self,
    AnnounceCap,
    UpgradeAnnounced,
    UpgradeCancelled,
    UpgradeLock,
    Upgraded,
};
use std::unit_test::{assert_eq, destroy};
use sui::clock::{Self, Clock};
use sui::event;
use sui::package;
use sui::test_scenario::{Self, Scenario};

const OWNER: address = @0xA;
const DAY_MS: u64 = 86_400_000;
const DIGEST: vector<u8> = x"0101010101010101010101010101010101010101010101010101010101010101";

public struct World {
    scenario: Scenario,
    clock: Clock,
    lock: UpgradeLock,
    cap: AnnounceCap,
}

/// A lock of two days.
fun start(): World {
    start_with(@policies.to_id(), 2 * DAY_MS)
}

fun start_with(package: ID, delay_ms: u64): World {
    let mut scenario = test_scenario::begin(OWNER);
    let clock = clock::create_for_testing(scenario.ctx());
    // In tests the package is at 0x0.
    let upgrade_cap = package::test_publish(package, scenario.ctx());
    let cap = upgrades::lock(upgrade_cap, delay_ms, scenario.ctx());
    scenario.next_tx(OWNER);
    let lock = scenario.take_shared<UpgradeLock>();
    World { scenario, clock, lock, cap }
}

#[test]
fun an_upgrade_is_announced() {
    let mut world = start();
    let w = &mut world;
    assert_eq!(w.lock.delay_ms(), 2 * DAY_MS);
    let (digest, from_ms) = w.lock.announced();
    assert!(digest.is_none() && from_ms.is_none());
    w.lock.announce(&w.cap, DIGEST, &w.clock);
    assert_eq!(event::events_by_type<UpgradeAnnounced>().length(), 1);
    let (digest, from_ms) = w.lock.announced();
    assert_eq!(digest, option::some(DIGEST));
    assert_eq!(from_ms, option::some(2 * DAY_MS));
    destroy(world);
}

#[test]
fun an_announcement_is_taken_back() {
    let mut world = start();
    let w = &mut world;
    w.lock.announce(&w.cap, DIGEST, &w.clock);
    w.lock.cancel(&w.cap);
    assert_eq!(event::events_by_type<UpgradeCancelled>().length(), 1);
    // Another one begins its own delay.
    w.clock.set_for_testing(DAY_MS);
    w.lock.announce(&w.cap, DIGEST, &w.clock);
    let (_, from_ms) = w.lock.announced();
    assert_eq!(from_ms, option::some(3 * DAY_MS));
    destroy(world);
}

#[test]
fun an_upgrade_is_made_when_its_time_has_come() {
    let mut scenario = test_scenario::begin(OWNER);
    let clock = clock::create_for_testing(scenario.ctx());
    let upgrade_cap = package::test_publish(@0x60F.to_id(), scenario.ctx());
    let cap = upgrades::lock_any_for_testing(upgrade_cap, 2 * DAY_MS, scenario.ctx());
    scenario.next_tx(OWNER);
    let lock = scenario.take_shared<UpgradeLock>();
    let mut world = World { scenario, clock, lock, cap };
    let w = &mut world;
    w.lock.announce(&w.cap, DIGEST, &w.clock);
    w.clock.set_for_testing(2 * DAY_MS);
    let ticket = w.lock.authorize(&w.cap, &w.clock);
    assert_eq!(*ticket.digest(), DIGEST);
    w.lock.commit(package::test_upgrade(ticket));
    assert_eq!(event::events_by_type<Upgraded>().length(), 1);
    let (digest, _) = w.lock.announced();
    assert!(digest.is_none());
    destroy(world);
}

#[test, expected_failure(abort_code = upgrades::ETooEarly)]
fun an_upgrade_before_its_time() {
    let mut world = start();
    let w = &mut world;
    w.lock.announce(&w.cap, DIGEST, &w.clock);
    w.clock.set_for_testing(2 * DAY_MS - 1);
    destroy(package::test_upgrade(w.lock.authorize(&w.cap, &w.clock)));
    abort
}

#[test, expected_failure(abort_code = upgrades::ENothingAnnounced)]
fun an_upgrade_that_nobody_announced() {
    let mut world = start();
    let w = &mut world;
    destroy(package::test_upgrade(w.lock.authorize(&w.cap, &w.clock)));
    abort
}

#[test, expected_failure(abort_code = upgrades::ENothingAnnounced)]
fun nothing_to_take_back() {
    let mut world = start();
    let w = &mut world;
    w.lock.cancel(&w.cap);
    abort
}

#[test, expected_failure(abort_code = upgrades::EAlreadyAnnounced)]
fun another_upgrade_in_place_of_the_one_that_is_announced() {
    let mut world = start();
    let w = &mut world;
    2u64.do!(|_| w.lock.announce(&w.cap, DIGEST, &w.clock));
    abort
}

#[test, expected_failure(abort_code = upgrades::EInvalidDigest)]
fun a_short_digest() {
    let mut world = start();
    let w = &mut world;
    w.lock.announce(&w.cap, x"01", &w.clock);
    abort
}

#[test, expected_failure(abort_code = upgrades::EWrongCap)]
fun the_capability_of_another_lock() {
    let mut world = start();
    let w = &mut world;
    let upgrade_cap = package::test_publish(@policies.to_id(), w.scenario.ctx());
    let other = upgrades::lock(upgrade_cap, DAY_MS, w.scenario.ctx());
    w.lock.announce(&other, DIGEST, &w.clock);
    abort
}

#[test, expected_failure(abort_code = upgrades::EWrongPackage)]
fun the_upgrade_capability_of_another_package() {
    destroy(start_with(@0xBAD.to_id(), DAY_MS));
}

#[test, expected_failure(abort_code = upgrades::EInvalidDelay)]
fun hardly_any_delay() {
    destroy(start_with(@policies.to_id(), DAY_MS - 1));
}

#[test, expected_failure(abort_code = upgrades::EInvalidDelay)]
fun a_delay_of_more_than_a_year() {
    destroy(start_with(@policies.to_id(), 365 * DAY_MS + 1));
}
