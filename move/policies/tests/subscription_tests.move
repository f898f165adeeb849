module policies::subscription_tests;

use policies::ids;
use policies::release;
use policies::subscription::{Self, Service, ServiceCap, Subscription};
use std::unit_test::{assert_eq, destroy};
use sui::clock::{Self, Clock};
use sui::coin;
use sui::sui::SUI;
use sui::test_scenario::{Self, Scenario};

use fun approve as Subscription.approve;

const SELLER: address = @0xA;
const BUYER: address = @0xB;
const PRICE: u64 = 100;
const PERIOD_MS: u64 = 1_000;

public struct World {
    scenario: Scenario,
    clock: Clock,
    service: Service<SUI>,
    cap: ServiceCap,
}

/// A service at 5,000 ms.
fun start(): World {
    let mut scenario = test_scenario::begin(SELLER);
    let mut clock = clock::create_for_testing(scenario.ctx());
    clock.set_for_testing(5_000);
    let cap = subscription::create<SUI>(PRICE, PERIOD_MS, scenario.ctx());
    scenario.next_tx(BUYER);
    let service = scenario.take_shared<Service<SUI>>();
    World { scenario, clock, service, cap }
}

fun subscribe(world: &mut World): Subscription {
    let payment = coin::mint_for_testing<SUI>(PRICE, world.scenario.ctx());
    world.service.subscribe(payment, &world.clock, world.scenario.ctx());
    world.scenario.next_tx(BUYER);
    world.scenario.take_from_sender<Subscription>()
}

fun renew(world: &mut World, subscription: &mut Subscription) {
    let payment = coin::mint_for_testing<SUI>(PRICE, world.scenario.ctx());
    world.service.renew(subscription, payment, &world.clock);
}

fun approve(subscription: &Subscription, world: &World) {
    let id = ids::with(object::id_address(&world.service), b"nonce");
    subscription::approve_for_testing(id, subscription, &world.service, &world.clock);
}

/// Another service.
fun other_service(world: &mut World): Service<SUI> {
    destroy(subscription::create<SUI>(PRICE, PERIOD_MS, world.scenario.ctx()));
    world.scenario.next_tx(BUYER);
    // The first one is held by the test.
    world.scenario.take_shared<Service<SUI>>()
}

#[test]
fun subscribers_read_until_the_end() {
    let mut world = start();
    let w = &mut world;
    let subscription = w.subscribe();
    assert_eq!(subscription.ends_at_ms(), 6_000);
    subscription.approve(w);
    w.clock.set_for_testing(5_999);
    subscription.approve(w);
    destroy(subscription);
    destroy(world);
}

#[test]
fun periods_are_added() {
    let mut world = start();
    let w = &mut world;
    let mut subscription = w.subscribe();
    // Early: nothing is lost. Late: what has passed is not paid.
    w.renew(&mut subscription);
    assert_eq!(subscription.ends_at_ms(), 7_000);
    w.clock.set_for_testing(9_000);
    w.renew(&mut subscription);
    assert_eq!(subscription.ends_at_ms(), 10_000);
    subscription.approve(w);
    destroy(subscription);
    destroy(world);
}

#[test]
fun the_seller_changes_the_price_and_takes_the_income() {
    let mut world = start();
    let w = &mut world;
    let subscription = w.subscribe();
    w.service.set_price(&w.cap, 7);
    assert_eq!(w.service.price(), 7);
    assert_eq!(w.service.period_ms(), PERIOD_MS);
    let income = w.service.withdraw(&w.cap, w.scenario.ctx());
    assert_eq!(income.burn_for_testing(), PRICE);
    let nothing = w.service.withdraw(&w.cap, w.scenario.ctx());
    assert_eq!(nothing.burn_for_testing(), 0);
    // Who has paid the old price reads on.
    subscription.approve(w);
    destroy(subscription);
    destroy(world);
}

#[test]
fun a_subscription_moves() {
    let mut world = start();
    let w = &mut world;
    let subscription = w.subscribe();
    subscription.give(@0xC);
    w.scenario.next_tx(@0xC);
    let subscription = w.scenario.take_from_sender<Subscription>();
    subscription.approve(w);
    destroy(subscription);
    destroy(world);
}

#[test]
fun an_old_service_is_migrated() {
    let mut world = start();
    let w = &mut world;
    w.service.set_version_for_testing(0);
    w.service.migrate();
    destroy(w.subscribe());
    destroy(world);
}

#[test, expected_failure(abort_code = subscription::ENoAccess)]
fun the_end() {
    let mut world = start();
    let w = &mut world;
    let subscription = w.subscribe();
    w.clock.set_for_testing(6_000);
    subscription.approve(w);
    abort
}

#[test, expected_failure(abort_code = subscription::ENoAccess)]
fun a_revoked_subscription() {
    let mut world = start();
    let w = &mut world;
    let subscription = w.subscribe();
    w.service.revoke(&w.cap, object::id(&subscription));
    assert!(w.service.is_revoked(object::id(&subscription)));
    subscription.approve(w);
    abort
}

#[test, expected_failure(abort_code = subscription::ENoAccess)]
fun a_subscription_of_another_service() {
    let mut world = start();
    let w = &mut world;
    let subscription = w.subscribe();
    let other = w.other_service();
    let id = ids::with(object::id_address(&other), b"");
    subscription::approve_for_testing(id, &subscription, &other, &w.clock);
    abort
}

#[test, expected_failure(abort_code = subscription::ENoAccess)]
fun the_identity_of_another_service() {
    let mut world = start();
    let w = &mut world;
    let subscription = w.subscribe();
    let id = ids::with(BUYER, b"");
    subscription::approve_for_testing(id, &subscription, &w.service, &w.clock);
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun reading_with_old_code() {
    let mut world = start();
    let w = &mut world;
    let subscription = w.subscribe();
    w.service.set_version_for_testing(2);
    subscription.approve(w);
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun paying_with_old_code() {
    let mut world = start();
    let w = &mut world;
    w.service.set_version_for_testing(2);
    destroy(w.subscribe());
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun changing_with_old_code() {
    let mut world = start();
    let w = &mut world;
    w.service.set_version_for_testing(2);
    w.service.set_price(&w.cap, 1);
    abort
}

#[test, expected_failure(abort_code = subscription::EWrongPayment)]
fun more_than_the_price() {
    let mut world = start();
    let w = &mut world;
    let payment = coin::mint_for_testing<SUI>(PRICE + 1, w.scenario.ctx());
    w.service.subscribe(payment, &w.clock, w.scenario.ctx());
    abort
}

#[test, expected_failure(abort_code = subscription::EWrongPayment)]
fun less_than_the_price() {
    let mut world = start();
    let w = &mut world;
    let payment = coin::mint_for_testing<SUI>(PRICE - 1, w.scenario.ctx());
    w.service.subscribe(payment, &w.clock, w.scenario.ctx());
    abort
}

#[test, expected_failure(abort_code = subscription::ENoPeriod)]
fun no_period() {
    destroy(subscription::create<SUI>(PRICE, 0, &mut tx_context::dummy()));
}

#[test, expected_failure(abort_code = subscription::EWrongCap)]
fun the_capability_of_another_service() {
    let mut world = start();
    let w = &mut world;
    let other = subscription::create<SUI>(PRICE, PERIOD_MS, w.scenario.ctx());
    destroy(w.service.withdraw(&other, w.scenario.ctx()));
    abort
}

#[test, expected_failure(abort_code = subscription::EWrongService)]
fun renewing_with_another_service() {
    let mut world = start();
    let w = &mut world;
    let mut subscription = w.subscribe();
    let mut other = w.other_service();
    let payment = coin::mint_for_testing<SUI>(PRICE, w.scenario.ctx());
    other.renew(&mut subscription, payment, &w.clock);
    abort
}

#[test, expected_failure(abort_code = subscription::ERevoked)]
fun renewing_what_is_revoked() {
    let mut world = start();
    let w = &mut world;
    let mut subscription = w.subscribe();
    w.service.revoke(&w.cap, object::id(&subscription));
    w.renew(&mut subscription);
    abort
}

#[test, expected_failure(abort_code = subscription::ERevoked)]
fun revoking_twice() {
    let mut world = start();
    let w = &mut world;
    2u64.do!(|_| w.service.revoke(&w.cap, @0x5.to_id()));
    abort
}
