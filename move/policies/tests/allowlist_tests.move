module policies::allowlist_tests;

use policies::allowlist::{Self, Allowlist, AllowlistCap};
use policies::ids;
use policies::release;
use std::unit_test::destroy;
use sui::test_scenario::{Self, Scenario};

use fun approve as Allowlist.approve;

const OWNER: address = @0xA;
const EDITOR: address = @0xE;
const READER: address = @0xB;

fun context(sender: address): TxContext {
    tx_context::new_from_hint(sender, 0, 0, 0, 0)
}

/// A list with an editor and a reader.
fun start(): (Scenario, Allowlist, AllowlistCap) {
    let mut scenario = test_scenario::begin(OWNER);
    let cap = allowlist::create(scenario.ctx());
    scenario.next_tx(OWNER);
    let mut list = scenario.take_shared<Allowlist>();
    list.grant_editor(&cap, EDITOR);
    list.grant(&cap, READER);
    (scenario, list, cap)
}

fun end(scenario: Scenario, list: Allowlist, cap: AllowlistCap) {
    test_scenario::return_shared(list);
    destroy(cap);
    scenario.end();
}

fun approve(list: &Allowlist, sender: address) {
    let id = ids::with(object::id_address(list), b"nonce");
    allowlist::approve_for_testing(id, list, &context(sender));
}

#[test]
fun members_read() {
    let (scenario, list, cap) = start();
    list.approve(READER);
    list.approve(EDITOR);
    let bare = ids::with(object::id_address(&list), b"");
    allowlist::approve_for_testing(bare, &list, &context(READER));
    assert!(list.contains(READER) && !list.is_editor(READER));
    assert!(list.contains(EDITOR) && list.is_editor(EDITOR));
    assert!(!list.contains(OWNER) && !list.is_editor(OWNER));
    end(scenario, list, cap);
}

#[test]
fun editors_change_readers() {
    let (scenario, mut list, cap) = start();
    list.grant_as_editor(@0xC, &context(EDITOR));
    list.approve(@0xC);
    list.revoke_as_editor(@0xC, &context(EDITOR));
    list.revoke_as_editor(READER, &context(EDITOR));
    assert!(!list.contains(@0xC) && !list.contains(READER));
    // The capability takes the editor off, and makes the account a reader.
    list.revoke(&cap, EDITOR);
    list.grant(&cap, EDITOR);
    assert!(list.contains(EDITOR) && !list.is_editor(EDITOR));
    end(scenario, list, cap);
}

#[test]
fun an_old_list_is_migrated() {
    let (scenario, mut list, cap) = start();
    list.set_version_for_testing(0);
    list.migrate();
    list.approve(READER);
    end(scenario, list, cap);
}

#[test, expected_failure(abort_code = allowlist::ENoAccess)]
fun the_owner_does_not_read_by_itself() {
    let (_scenario, list, _cap) = start();
    list.approve(OWNER);
    abort
}

#[test, expected_failure(abort_code = allowlist::ENoAccess)]
fun somebody_who_was_taken_off() {
    let (_scenario, mut list, cap) = start();
    list.revoke(&cap, READER);
    list.approve(READER);
    abort
}

#[test, expected_failure(abort_code = allowlist::ENoAccess)]
fun the_identity_of_another_list() {
    let (_scenario, list, _cap) = start();
    allowlist::approve_for_testing(ids::with(READER, b""), &list, &context(READER));
    abort
}

#[test, expected_failure(abort_code = allowlist::ENoAccess)]
fun a_short_identity() {
    let (_scenario, list, _cap) = start();
    let mut id = ids::with(object::id_address(&list), b"");
    id.pop_back();
    allowlist::approve_for_testing(id, &list, &context(READER));
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun reading_with_old_code() {
    let (_scenario, mut list, _cap) = start();
    list.set_version_for_testing(2);
    list.approve(READER);
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun changing_with_old_code() {
    let (_scenario, mut list, cap) = start();
    list.set_version_for_testing(2);
    list.grant(&cap, @0xC);
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun editing_with_old_code() {
    let (_scenario, mut list, _cap) = start();
    list.set_version_for_testing(2);
    list.grant_as_editor(@0xC, &context(EDITOR));
    abort
}

#[test, expected_failure(abort_code = release::EUpToDate)]
fun nothing_to_migrate() {
    let (_scenario, mut list, _cap) = start();
    list.migrate();
    abort
}

#[test, expected_failure(abort_code = allowlist::EWrongCap)]
fun the_capability_of_another_list() {
    let (mut scenario, mut list, _cap) = start();
    let other = allowlist::create(scenario.ctx());
    list.grant(&other, @0xC);
    abort
}

#[test, expected_failure(abort_code = allowlist::EAlreadyListed)]
fun somebody_who_is_on_the_list() {
    let (_scenario, mut list, cap) = start();
    list.grant_editor(&cap, READER);
    abort
}

#[test, expected_failure(abort_code = allowlist::ENotListed)]
fun somebody_who_is_not_on_the_list() {
    let (_scenario, mut list, cap) = start();
    list.revoke(&cap, @0xC);
    abort
}

#[test, expected_failure(abort_code = allowlist::ENotEditor)]
fun a_reader_edits() {
    let (_scenario, mut list, _cap) = start();
    list.grant_as_editor(@0xC, &context(READER));
    abort
}

#[test, expected_failure(abort_code = allowlist::ENotEditor)]
fun an_editor_takes_an_editor_off() {
    let (_scenario, mut list, _cap) = start();
    list.revoke_as_editor(EDITOR, &context(EDITOR));
    abort
}
