module policies::market_tests;

use policies::ids;
use policies::market::{Self, Bought, Listed, Listing, ListingCap, Published};
use policies::release;
use std::unit_test::{assert_eq, destroy};
use sui::coin::{Self, Coin};
use sui::event;
use sui::sui::SUI;
use sui::test_scenario::{Self, Scenario};

const SELLER: address = @0xA;
const PARTNER: address = @0xC;
const THIRD: address = @0xD;
const BUYER: address = @0xB;
const PRICE: u64 = 101;

public struct World {
    scenario: Scenario,
    listing: Listing<SUI>,
    cap: ListingCap,
}

/// An offer of the seller with two partners, in epoch 0.
fun start(term_epochs: Option<u64>): World {
    let mut scenario = test_scenario::begin(SELLER);
    let cap = market::create<SUI>(
        b"Data".to_string(),
        PRICE,
        term_epochs,
        vector[SELLER, PARTNER, THIRD],
        vector[5_000, 3_333, 1_667],
        scenario.ctx(),
    );
    assert_eq!(event::events_by_type<Listed>().length(), 1);
    scenario.next_tx(BUYER);
    let listing = scenario.take_shared<Listing<SUI>>();
    World { scenario, listing, cap }
}

fun buy(world: &mut World) {
    world.scenario.next_tx(BUYER);
    let payment = coin::mint_for_testing<SUI>(PRICE, world.scenario.ctx());
    world.listing.buy(payment, world.scenario.ctx());
}

fun approve(world: &mut World, sender: address) {
    world.scenario.next_tx(sender);
    let id = ids::with(object::id_address(&world.listing), b"nonce");
    market::approve_for_testing(id, &world.listing, world.scenario.ctx());
}

/// What an account was paid; takes it.
fun paid(world: &mut World, account: address): u64 {
    world.scenario.next_tx(account);
    world.scenario.take_from_sender<Coin<SUI>>().burn_for_testing()
}

#[test]
fun buyers_read_for_ever() {
    let mut world = start(option::none());
    let w = &mut world;
    w.buy();
    assert_eq!(event::events_by_type<Bought>().length(), 1);
    w.approve(BUYER);
    1_000u64.do!(|_| w.scenario.next_epoch(BUYER));
    w.approve(BUYER);
    destroy(world);
}

#[test]
fun payments_are_split_to_the_last_unit() {
    let mut world = start(option::none());
    let w = &mut world;
    w.buy();
    // 101 · 33.33% and 101 · 16.67%, rounded down.
    assert_eq!(w.paid(PARTNER), 33);
    assert_eq!(w.paid(THIRD), 16);
    assert_eq!(w.paid(SELLER), 52);
    destroy(world);
}

#[test]
fun buyers_read_for_a_number_of_epochs() {
    let mut world = start(option::some(2));
    let w = &mut world;
    w.buy();
    assert!(w.listing.may_read(BUYER, 1));
    assert!(!w.listing.may_read(BUYER, 2));
    w.scenario.next_epoch(BUYER);
    w.approve(BUYER);
    // Two more, after the two that are paid; then two from later on.
    w.buy();
    assert!(w.listing.may_read(BUYER, 3));
    assert!(!w.listing.may_read(BUYER, 4));
    9u64.do!(|_| w.scenario.next_epoch(BUYER));
    assert!(!w.listing.may_read(BUYER, 10));
    w.buy();
    assert!(w.listing.may_read(BUYER, 11));
    assert!(!w.listing.may_read(BUYER, 12));
    destroy(world);
}

#[test]
fun the_seller_changes_the_terms_and_buyers_keep_theirs() {
    let mut world = start(option::some(5));
    let w = &mut world;
    w.buy();
    w.listing.set_terms(&w.cap, 7, option::none());
    assert_eq!(w.listing.price(), 7);
    assert_eq!(w.listing.term_epochs(), option::none());
    assert!(w.listing.may_read(BUYER, 4));
    assert!(!w.listing.may_read(BUYER, 5));
    w.listing.set_split(&w.cap, vector[THIRD], vector[10_000]);
    w.scenario.next_tx(@0xE);
    let payment = coin::mint_for_testing<SUI>(7, w.scenario.ctx());
    w.listing.buy(payment, w.scenario.ctx());
    // In front of what the first buyer paid.
    assert_eq!(w.paid(THIRD), 7);
    w.approve(@0xE);
    destroy(world);
}

#[test]
fun a_closed_offer_is_read_on() {
    let mut world = start(option::none());
    let w = &mut world;
    w.buy();
    w.listing.set_open(&w.cap, false);
    w.approve(BUYER);
    w.listing.set_open(&w.cap, true);
    destroy(world);
}

#[test]
fun blobs_are_published_with_their_source() {
    let mut world = start(option::none());
    let w = &mut world;
    w.listing.publish(&w.cap, 7, b"measured".to_string(), w.scenario.ctx());
    assert_eq!(event::events_by_type<Published>().length(), 1);
    destroy(world);
}

#[test]
fun an_old_offer_is_migrated() {
    let mut world = start(option::none());
    let w = &mut world;
    w.listing.set_version_for_testing(0);
    w.listing.migrate();
    w.buy();
    w.approve(BUYER);
    destroy(world);
}

#[test, expected_failure(abort_code = market::ENoAccess)]
fun somebody_who_has_not_bought() {
    let mut world = start(option::none());
    let w = &mut world;
    w.buy();
    w.approve(SELLER);
    abort
}

#[test, expected_failure(abort_code = market::ENoAccess)]
fun the_end_of_the_term() {
    let mut world = start(option::some(1));
    let w = &mut world;
    w.buy();
    w.scenario.next_epoch(BUYER);
    w.approve(BUYER);
    abort
}

#[test, expected_failure(abort_code = market::ENoAccess)]
fun the_identity_of_another_offer() {
    let mut world = start(option::none());
    let w = &mut world;
    w.buy();
    w.scenario.next_tx(BUYER);
    let id = ids::with(BUYER, b"");
    market::approve_for_testing(id, &w.listing, w.scenario.ctx());
    abort
}

#[test, expected_failure(abort_code = market::EAlreadyBought)]
fun buying_for_ever_twice() {
    let mut world = start(option::none());
    let w = &mut world;
    2u64.do!(|_| w.buy());
    abort
}

#[test, expected_failure(abort_code = market::EClosed)]
fun buying_what_is_closed() {
    let mut world = start(option::none());
    let w = &mut world;
    w.listing.set_open(&w.cap, false);
    w.buy();
    abort
}

#[test, expected_failure(abort_code = market::EWrongPayment)]
fun another_price() {
    let mut world = start(option::none());
    let w = &mut world;
    w.listing.set_terms(&w.cap, PRICE + 1, option::none());
    w.buy();
    abort
}

#[test, expected_failure(abort_code = market::EWrongCap)]
fun the_capability_of_another_offer() {
    let mut world = start(option::none());
    let w = &mut world;
    let ctx = w.scenario.ctx();
    let title = b"Other".to_string();
    let accounts = vector[SELLER];
    let other = market::create<SUI>(title, 1, option::none(), accounts, vector[10_000], ctx);
    w.listing.set_open(&other, false);
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun reading_with_old_code() {
    let mut world = start(option::none());
    let w = &mut world;
    w.buy();
    w.listing.set_version_for_testing(2);
    w.approve(BUYER);
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun buying_with_old_code() {
    let mut world = start(option::none());
    let w = &mut world;
    w.listing.set_version_for_testing(2);
    w.buy();
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun changing_with_old_code() {
    let mut world = start(option::none());
    let w = &mut world;
    w.listing.set_version_for_testing(2);
    w.listing.set_open(&w.cap, false);
    abort
}

// === What cannot be offered ===

fun offer(title: u64, term: Option<u64>, accounts: vector<address>, parts: vector<u16>) {
    let title = vector::tabulate!(title, |_| 65u8).to_string();
    let ctx = &mut tx_context::dummy();
    destroy(market::create<SUI>(title, 1, term, accounts, parts, ctx));
}

#[test]
fun the_most_that_can_be_offered() {
    let accounts = vector::tabulate!(16, |i| sui::address::from_u256(i as u256));
    offer(200, option::some(1), accounts, vector::tabulate!(16, |_| 625u16));
}

#[test, expected_failure(abort_code = market::ETextTooLong)]
fun a_long_title() {
    offer(201, option::none(), vector[SELLER], vector[10_000]);
}

#[test, expected_failure(abort_code = market::ETextTooLong)]
fun a_long_source() {
    let mut world = start(option::none());
    let w = &mut world;
    let source = vector::tabulate!(513, |_| 65u8).to_string();
    w.listing.publish(&w.cap, 7, source, w.scenario.ctx());
    abort
}

#[test, expected_failure(abort_code = market::ENoTerm)]
fun no_time() {
    offer(1, option::some(0), vector[SELLER], vector[10_000]);
}

#[test, expected_failure(abort_code = market::EInvalidSplit)]
fun nobody_is_paid() {
    offer(1, option::none(), vector[], vector[]);
}

#[test, expected_failure(abort_code = market::EInvalidSplit)]
fun a_part_is_nobodys() {
    offer(1, option::none(), vector[SELLER], vector[9_999]);
}

#[test, expected_failure(abort_code = market::EInvalidSplit)]
fun more_than_everything() {
    offer(1, option::none(), vector[SELLER, PARTNER], vector[9_999, 2]);
}

#[test, expected_failure(abort_code = market::EInvalidSplit)]
fun a_payee_without_a_part() {
    offer(1, option::none(), vector[SELLER, PARTNER], vector[10_000, 0]);
}

#[test, expected_failure(abort_code = market::EInvalidSplit)]
fun parts_without_payees() {
    offer(1, option::none(), vector[SELLER], vector[5_000, 5_000]);
}

#[test, expected_failure(abort_code = market::EInvalidSplit)]
fun too_many_payees() {
    let accounts = vector::tabulate!(17, |i| sui::address::from_u256(i as u256));
    let mut parts = vector::tabulate!(16, |_| 600u16);
    parts.push_back(400);
    offer(1, option::none(), accounts, parts);
}
