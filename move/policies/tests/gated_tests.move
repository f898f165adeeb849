module policies::gated_tests;

use policies::gated::{Self, Gate};
use policies::ids;
use policies::release;
use std::type_name;
use std::unit_test::{assert_eq, destroy};
use sui::test_scenario;

const SENDER: address = @0xA;

public struct Ticket<phantom T> has key {
    id: UID,
}

public struct Show has drop {}

public struct Other has drop {}

fun gate(): Gate {
    let mut scenario = test_scenario::begin(SENDER);
    gated::create<Ticket<Show>>(scenario.ctx());
    scenario.next_tx(SENDER);
    let gate = scenario.take_shared<Gate>();
    scenario.end();
    gate
}

fun ticket<T>(): Ticket<T> {
    Ticket { id: object::new(&mut tx_context::dummy()) }
}

fun id(gate: &Gate): vector<u8> {
    ids::with(object::id_address(gate), b"nonce")
}

#[test]
fun the_owner_of_a_ticket_reads() {
    let mut gate = gate();
    assert_eq!(gate.required(), type_name::with_defining_ids<Ticket<Show>>());
    let ticket = ticket<Show>();
    gated::approve_for_testing(id(&gate), &ticket, &gate);
    gate.set_version_for_testing(0);
    gate.migrate();
    gated::approve_for_testing(ids::with(object::id_address(&gate), b""), &ticket, &gate);
    destroy(ticket);
    destroy(gate);
}

#[test, expected_failure(abort_code = gated::ENoAccess)]
fun a_ticket_of_another_show() {
    let gate = gate();
    let ticket = ticket<Other>();
    gated::approve_for_testing(id(&gate), &ticket, &gate);
    abort
}

#[test, expected_failure(abort_code = gated::ENoAccess)]
fun the_identity_of_another_gate() {
    let gate = gate();
    let ticket = ticket<Show>();
    gated::approve_for_testing(ids::with(SENDER, b""), &ticket, &gate);
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun reading_with_old_code() {
    let mut gate = gate();
    let ticket = ticket<Show>();
    gate.set_version_for_testing(2);
    gated::approve_for_testing(id(&gate), &ticket, &gate);
    abort
}
