/// The test runner takes any bytes for a point, so that a key which is none is not refused here.
module seal::key_server_tests;

use seal::key_server::{Self, KeyServer, PartialKeyServer};
use std::string::String;
use std::unit_test::{assert_eq, destroy};
use sui::bls12381;
use sui::test_scenario;

const OWNER: address = @0xA;
const PK: vector<u8> =
    x"95064c0822862c7bdc7c910230fccb21c4adb51ac5a92b3d0ce5c7f1680ef926de30ddd9d7c2966353dae2d44ad794dc1018c401c572e567d72a6a3f10d2ed0906c70396819789ca601b29ed77d833d793681b54a5821c9f22c028ddb88ccbeb";

fun text(bytes: vector<u8>): String {
    bytes.to_string()
}

/// The neutral element of G2.
fun neutral(): vector<u8> {
    let mut bytes = vector::tabulate!(96, |_| 0u8);
    *(&mut bytes[0]) = 0xc0;
    bytes
}

fun member(name: vector<u8>, party_id: u16): PartialKeyServer {
    key_server::create_partial_key_server(text(name), text(b"https://m.example"), PK, party_id)
}

fun members(count: u16): vector<PartialKeyServer> {
    vector::tabulate!(count as u64, |i| member(vector[65 + (i as u8)], i as u16))
}

fun committee(threshold: u16, members: vector<PartialKeyServer>): KeyServer {
    key_server::create_committee_v2(
        text(b"gamma"),
        threshold,
        PK,
        members,
        &mut tx_context::dummy(),
    )
}

fun old(): KeyServer {
    let ctx = &mut tx_context::dummy();
    key_server::create_v1_for_testing(text(b"alpha"), text(b"https://alpha.example"), PK, ctx)
}

fun create(key_type: u8, pk: vector<u8>): KeyServer {
    let mut scenario = test_scenario::begin(OWNER);
    let url = text(b"https://beta.example");
    key_server::create_for_testing(text(b"beta"), url, key_type, pk, scenario.ctx());
    scenario.next_tx(OWNER);
    let server = scenario.take_from_sender<KeyServer>();
    scenario.end();
    server
}

// === Servers on their own ===

#[test]
fun a_server_is_its_senders() {
    let server = create(0, PK);
    assert_eq!(server.id(), object::id(&server));
    assert_eq!(server.name(), text(b"beta"));
    assert_eq!(server.url(), text(b"https://beta.example"));
    assert_eq!(server.key_type(), 0);
    assert_eq!(*server.pk(), PK);
    assert_eq!(*server.pk_as_bf_bls12381().bytes(), *bls12381::g2_from_bytes(&PK).bytes());
    destroy(server);
}

#[test]
fun its_url_changes() {
    let mut server = create(0, PK);
    server.update(text(b"https://new.example"));
    assert_eq!(server.url(), text(b"https://new.example"));
    assert_eq!(*server.pk(), PK);
    destroy(server);
}

#[test, expected_failure(abort_code = key_server::EInvalidKeyType)]
fun another_type_of_key() {
    destroy(create(1, PK));
}

#[test, expected_failure(abort_code = key_server::ENeutralKey)]
fun the_key_of_everybody() {
    destroy(create(0, neutral()));
}

#[test, expected_failure(abort_code = key_server::EInvalidVersion)]
fun a_new_server_has_no_version_1() {
    let server = create(0, PK);
    server.v1();
    abort
}

// === Version 1 ===

#[test]
fun a_server_of_version_1_is_read_and_changed() {
    let mut server = old();
    assert_eq!(server.name(), text(b"alpha"));
    assert_eq!(server.url(), text(b"https://alpha.example"));
    assert_eq!(server.key_type(), 0);
    assert_eq!(*server.pk(), PK);
    server.update(text(b"https://new.example"));
    assert_eq!(server.url(), text(b"https://new.example"));
    destroy(server);
}

#[test]
fun version_2_comes_beside_version_1() {
    let mut server = old();
    server.upgrade_for_testing();
    server.v1();
    server.v2();
    assert_eq!(server.name(), text(b"alpha"));
    assert_eq!(server.url(), text(b"https://alpha.example"));
    assert_eq!(*server.pk(), PK);
    // Both are changed.
    server.update(text(b"https://new.example"));
    assert_eq!(server.url(), text(b"https://new.example"));
    assert_eq!(server.url_of_v1_for_testing(), text(b"https://new.example"));
    destroy(server);
}

#[test, expected_failure(abort_code = key_server::EInvalidVersion)]
fun version_2_comes_once() {
    let mut server = old();
    server.upgrade_for_testing();
    server.upgrade_for_testing();
    abort
}

#[test, expected_failure(abort_code = key_server::EInvalidVersion)]
fun an_old_server_has_no_version_2() {
    let server = old();
    server.v2();
    abort
}

#[test, expected_failure(abort_code = key_server::EInvalidVersion)]
fun an_old_server_is_no_committee() {
    let mut server = old();
    server.update_member_url(text(b"x"), 0);
    abort
}

// === Committees ===

#[test]
fun a_committee_changes_its_members_and_keeps_its_key() {
    let mut server = committee(2, members(3));
    let (version, threshold, found) = server.committee();
    assert_eq!(version, 0);
    assert_eq!(threshold, 2);
    assert_eq!(found.length(), 3);
    server.update_partial_key_servers(3, members(5));
    let (version, threshold, found) = server.committee();
    assert_eq!(version, 1);
    assert_eq!(threshold, 3);
    assert_eq!(found.length(), 5);
    assert_eq!(server.name(), text(b"gamma"));
    assert_eq!(*server.pk(), PK);
    destroy(server);
}

#[test]
fun a_member_moves() {
    let mut server = committee(2, members(2));
    server.update_member_url(text(b"https://new.example"), 1);
    let (version, _, found) = server.committee();
    assert_eq!(version, 0);
    let (name, url, party_id) = found[1].member_for_testing();
    assert_eq!(name, text(b"B"));
    assert_eq!(url, text(b"https://new.example"));
    assert_eq!(party_id, 1);
    let (_, url, _) = found[0].member_for_testing();
    assert_eq!(url, text(b"https://m.example"));
    destroy(server);
}

#[test, expected_failure(abort_code = key_server::EInvalidThreshold)]
fun one_member_for_all() {
    destroy(committee(1, members(3)));
}

#[test, expected_failure(abort_code = key_server::EInvalidThreshold)]
fun more_than_all_members() {
    destroy(committee(4, members(3)));
}

#[test, expected_failure(abort_code = key_server::EInvalidPartyId)]
fun members_in_another_order() {
    destroy(committee(2, vector[member(b"a", 1), member(b"b", 0)]));
}

#[test, expected_failure(abort_code = key_server::EDuplicateName)]
fun two_members_of_one_name() {
    destroy(committee(2, vector[member(b"a", 0), member(b"a", 1)]));
}

#[test, expected_failure(abort_code = key_server::EInvalidThreshold)]
fun a_change_to_too_few_members() {
    let mut server = committee(2, members(3));
    server.update_partial_key_servers(2, members(1));
    abort
}

#[test, expected_failure(abort_code = key_server::EInvalidPartyId)]
fun a_member_that_is_not_there() {
    let mut server = committee(2, members(2));
    server.update_member_url(text(b"x"), 2);
    abort
}

#[test, expected_failure(abort_code = key_server::ENeutralKey)]
fun a_member_with_the_key_of_everybody() {
    key_server::create_partial_key_server(text(b"a"), text(b"x"), neutral(), 0);
}

#[test, expected_failure(abort_code = key_server::EInvalidServerType)]
fun a_committee_has_no_url() {
    let server = committee(2, members(2));
    server.url();
    abort
}

#[test, expected_failure(abort_code = key_server::EInvalidServerType)]
fun a_committee_gets_no_url() {
    let mut server = committee(2, members(2));
    server.update(text(b"x"));
    abort
}

#[test, expected_failure(abort_code = key_server::EInvalidServerType)]
fun a_server_on_its_own_has_no_members() {
    let server = create(0, PK);
    server.committee();
    abort
}

#[test, expected_failure(abort_code = key_server::EInvalidServerType)]
fun a_server_on_its_own_gets_no_members() {
    let mut server = create(0, PK);
    server.update_partial_key_servers(2, members(2));
    abort
}

#[test, expected_failure(abort_code = key_server::EInvalidServerType)]
fun no_member_of_a_server_on_its_own_moves() {
    let mut server = create(0, PK);
    server.update_member_url(text(b"x"), 0);
    abort
}
