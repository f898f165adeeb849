module policies::holder_tests;

use policies::holder::{Self, ReadKey};
use policies::ids;
use sui::test_scenario;

const ALICE: address = @0xA11CE;
const BOB: address = @0xB0B;

#[test]
fun access_moves_with_the_object() {
    let mut scenario = test_scenario::begin(ALICE);
    holder::create_for_testing(scenario.ctx());
    scenario.next_tx(ALICE);
    let key = scenario.take_from_sender<ReadKey>();
    let address = object::id_address(&key);
    holder::approve_for_testing(ids::with(address, b""), &key);
    holder::approve_for_testing(ids::with(address, b"nonce"), &key);
    key.give(BOB);
    scenario.next_tx(ALICE);
    assert!(!scenario.has_most_recent_for_sender<ReadKey>());
    scenario.next_tx(BOB);
    let key = scenario.take_from_sender<ReadKey>();
    holder::approve_for_testing(ids::with(address, b"nonce"), &key);
    key.destroy();
    scenario.end();
}

#[test, expected_failure(abort_code = holder::ENoAccess)]
fun the_identity_of_another_object() {
    let mut scenario = test_scenario::begin(ALICE);
    2u64.do!(|_| holder::create_for_testing(scenario.ctx()));
    scenario.next_tx(ALICE);
    let first = scenario.take_from_sender<ReadKey>();
    let second = scenario.take_from_sender<ReadKey>();
    holder::approve_for_testing(ids::with(object::id_address(&second), b""), &first);
    abort
}

#[test, expected_failure(abort_code = holder::ENoAccess)]
fun no_identity() {
    let mut scenario = test_scenario::begin(ALICE);
    holder::create_for_testing(scenario.ctx());
    scenario.next_tx(ALICE);
    let key = scenario.take_from_sender<ReadKey>();
    holder::approve_for_testing(b"", &key);
    abort
}
