/// The test runner takes any bytes for a point.
#[allow(unused_mut_ref)]
module seal_committee::seal_committee_tests;

use seal_committee::seal_committee::{Self, Committee, CommitteeRotationInitiated};
use std::unit_test::assert_eq;
use sui::event;
use sui::package;
use sui::test_scenario::{Self, Scenario};

const A: address = @0xA;
const B: address = @0xB;
const C: address = @0xC;
const D: address = @0xD;
const STRANGER: address = @0xBAD;

fun point(length: u64, seed: u8): vector<u8> {
    vector::tabulate!(length, |_| seed)
}

fun keys(count: u64, seed: u8): vector<vector<u8>> {
    vector::tabulate!(count, |i| point(96, seed + (i as u8)))
}

fun digest(seed: u8): vector<u8> {
    point(32, seed)
}

fun begin(threshold: u16, members: vector<address>): Scenario {
    let mut scenario = test_scenario::begin(A);
    let cap = package::test_publish(@0x5EA1.to_id(), scenario.ctx());
    seal_committee::init_any_for_testing(cap, threshold, members, scenario.ctx());
    scenario.next_tx(A);
    scenario
}

fun latest(): ID {
    test_scenario::most_recent_id_shared<Committee>().destroy_some()
}

macro fun with(
    $scenario: &mut Scenario,
    $id: ID,
    $sender: address,
    $f: |&mut Committee, &mut TxContext|,
) {
    let scenario = $scenario;
    scenario.next_tx($sender);
    let mut committee = scenario.take_shared_by_id<Committee>($id);
    $f(&mut committee, scenario.ctx());
    test_scenario::return_shared(committee);
}

fun register(scenario: &mut Scenario, id: ID, sender: address, name: vector<u8>) {
    with!(scenario, id, sender, |committee, ctx| {
        let url = b"https://m.example".to_string();
        committee.register(point(48, 1), point(96, 2), url, name.to_string(), ctx);
    });
}

fun register_all(scenario: &mut Scenario, id: ID, members: vector<address>) {
    members.length().do!(|i| register(scenario, id, members[i], vector[65 + (i as u8)]));
}

fun propose(scenario: &mut Scenario, id: ID, sender: address) {
    with!(scenario, id, sender, |committee, ctx| {
        committee.propose(keys(3, 10), point(96, 9), b"hash", ctx);
    });
}

fun rotate(
    scenario: &mut Scenario,
    old: ID,
    sender: address,
    threshold: u16,
    members: vector<address>,
): ID {
    with!(scenario, old, sender, |committee, ctx| {
        seal_committee::init_rotation(committee, threshold, members, ctx);
    });
    let events = event::events_by_type<CommitteeRotationInitiated>();
    assert_eq!(events.length(), 1);
    let (id, old_id) = events[0].rotation_for_testing();
    assert_eq!(old_id, old);
    id
}

fun propose_for_rotation(scenario: &mut Scenario, id: ID, old: ID, sender: address, seed: u8) {
    scenario.next_tx(sender);
    let mut previous = scenario.take_shared_by_id<Committee>(old);
    with!(scenario, id, sender, |committee, ctx| {
        committee.propose_for_rotation(keys(3, seed), b"next", &mut previous, ctx);
    });
    test_scenario::return_shared(previous);
}

/// A committee of A, B and C, any two of whom act, all of whom have registered.
fun registered(): (Scenario, ID) {
    let mut scenario = begin(2, vector[A, B, C]);
    let id = latest();
    register_all(&mut scenario, id, vector[A, B, C]);
    (scenario, id)
}

/// The same committee, with its key.
fun finalized(): (Scenario, ID) {
    let (mut scenario, id) = registered();
    vector[A, B, C].do!(|member| propose(&mut scenario, id, member));
    (scenario, id)
}

/// A rotation to B, C and D, who have registered.
fun rotating(): (Scenario, ID, ID) {
    let (mut scenario, old) = finalized();
    let id = rotate(&mut scenario, old, B, 2, vector[B, C, D]);
    register_all(&mut scenario, id, vector[B, C, D]);
    (scenario, old, id)
}

fun key_server_of(scenario: &mut Scenario, id: ID): ID {
    scenario.next_tx(A);
    let committee = scenario.take_shared_by_id<Committee>(id);
    let server_id = committee.key_server().id();
    test_scenario::return_shared(committee);
    server_id
}

fun approve(scenario: &mut Scenario, id: ID, sender: address, seed: u8) {
    with!(scenario, id, sender, |committee, ctx| {
        committee.approve_digest_for_upgrade(digest(seed), ctx);
    });
}

fun reject(scenario: &mut Scenario, id: ID, sender: address, seed: u8) {
    with!(scenario, id, sender, |committee, ctx| {
        committee.reject_digest_for_upgrade(digest(seed), ctx);
    });
}

fun reset(scenario: &mut Scenario, id: ID, sender: address, seed: u8) {
    with!(scenario, id, sender, |committee, ctx| committee.reset_proposal(digest(seed), ctx));
}

fun upgrade(scenario: &mut Scenario, id: ID, sender: address, seed: u8) {
    with!(scenario, id, sender, |committee, ctx| {
        let ticket = committee.authorize_upgrade(digest(seed), ctx);
        assert_eq!(*ticket.digest(), digest(seed));
        committee.commit_upgrade(package::test_upgrade(ticket));
    });
}

// === A new committee ===

#[test]
fun all_members_make_the_key_server() {
    let (mut scenario, id) = finalized();
    with!(&mut scenario, id, A, |committee, _| {
        let server = committee.key_server();
        assert_eq!(*server.pk(), point(96, 9));
        let (version, threshold, members) = server.committee();
        assert_eq!(version, 0);
        assert_eq!(threshold, 2);
        assert_eq!(members.length(), 3);
    });
    scenario.end();
}

#[test, expected_failure(abort_code = seal_committee::EInvalidState)]
fun all_but_one_make_none() {
    let (mut scenario, id) = registered();
    propose(&mut scenario, id, A);
    propose(&mut scenario, id, B);
    with!(&mut scenario, id, A, |committee, _| { committee.key_server(); });
    abort
}

#[test]
fun the_capability_of_the_package() {
    let mut scenario = test_scenario::begin(A);
    let cap = package::test_publish(@seal_committee.to_id(), scenario.ctx());
    seal_committee::init_committee(cap, 2, vector[A, B], scenario.ctx());
    scenario.next_tx(A);
    register(&mut scenario, latest(), A, b"a");
    scenario.end();
}

#[test, expected_failure(abort_code = seal_committee::EWrongUpgradeCap)]
fun the_capability_of_another_package() {
    let mut scenario = test_scenario::begin(A);
    let cap = package::test_publish(@0xB0B.to_id(), scenario.ctx());
    seal_committee::init_committee(cap, 2, vector[A, B], scenario.ctx());
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidThreshold)]
fun one_member_for_all() {
    begin(1, vector[A, B]).end();
}

#[test, expected_failure(abort_code = seal_committee::EInvalidThreshold)]
fun more_than_all_members() {
    begin(3, vector[A, B]).end();
}

#[test, expected_failure(abort_code = seal_committee::EInvalidMembers)]
fun a_member_twice() {
    begin(2, vector[A, B, A]).end();
}

#[test, expected_failure(abort_code = seal_committee::ENotMember)]
fun a_stranger_registers() {
    let mut scenario = begin(2, vector[A, B, C]);
    register(&mut scenario, latest(), STRANGER, b"x");
    abort
}

#[test, expected_failure(abort_code = seal_committee::EAlreadyRegistered)]
fun a_member_registers_twice() {
    let mut scenario = begin(2, vector[A, B, C]);
    let id = latest();
    register(&mut scenario, id, A, b"a");
    register(&mut scenario, id, A, b"b");
    abort
}

#[test, expected_failure(abort_code = seal_committee::ENameAlreadyTaken)]
fun two_members_of_one_name() {
    let mut scenario = begin(2, vector[A, B, C]);
    let id = latest();
    register(&mut scenario, id, A, b"a");
    register(&mut scenario, id, B, b"a");
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidState)]
fun a_member_registers_when_proposals_are_there() {
    let (mut scenario, id) = registered();
    propose(&mut scenario, id, A);
    register(&mut scenario, id, B, b"x");
    abort
}

#[test, expected_failure(abort_code = seal_committee::ENotMember)]
fun a_stranger_proposes() {
    let (mut scenario, id) = registered();
    propose(&mut scenario, id, STRANGER);
    abort
}

#[test, expected_failure(abort_code = seal_committee::ENotRegistered)]
fun a_proposal_before_all_have_registered() {
    let mut scenario = begin(2, vector[A, B, C]);
    let id = latest();
    register_all(&mut scenario, id, vector[A, B]);
    propose(&mut scenario, id, A);
    abort
}

#[test, expected_failure(abort_code = seal_committee::EAlreadyProposed)]
fun a_member_proposes_twice() {
    let (mut scenario, id) = registered();
    propose(&mut scenario, id, A);
    propose(&mut scenario, id, A);
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidState)]
fun a_proposal_when_the_key_is_there() {
    let (mut scenario, id) = finalized();
    propose(&mut scenario, id, A);
    abort
}

fun propose_after_a(partial_pks: vector<vector<u8>>, pk: vector<u8>, hash: vector<u8>) {
    let (mut scenario, id) = registered();
    propose(&mut scenario, id, A);
    with!(&mut scenario, id, B, |committee, ctx| committee.propose(partial_pks, pk, hash, ctx));
    scenario.end();
}

#[test]
fun the_same_proposal() {
    propose_after_a(keys(3, 10), point(96, 9), b"hash");
}

#[test, expected_failure(abort_code = seal_committee::EInvalidProposal)]
fun other_partial_keys() {
    propose_after_a(keys(3, 11), point(96, 9), b"hash");
}

#[test, expected_failure(abort_code = seal_committee::EInvalidProposal)]
fun another_key() {
    propose_after_a(keys(3, 10), point(96, 8), b"hash");
}

#[test, expected_failure(abort_code = seal_committee::EInvalidProposal)]
fun other_messages() {
    propose_after_a(keys(3, 10), point(96, 9), b"hush");
}

#[test, expected_failure(abort_code = seal_committee::EInvalidProposal)]
fun a_partial_key_too_few() {
    let (mut scenario, id) = registered();
    with!(&mut scenario, id, A, |committee, ctx| {
        committee.propose(keys(2, 10), point(96, 9), b"hash", ctx);
    });
    abort
}

// === Rotation ===

#[test]
fun a_rotation_keeps_the_key_and_the_key_server() {
    let (mut scenario, old, id) = rotating();
    let server_id = key_server_of(&mut scenario, old);
    vector[B, C, D].do!(|member| propose_for_rotation(&mut scenario, id, old, member, 20));
    with!(&mut scenario, id, B, |committee, _| {
        let server = committee.key_server();
        assert_eq!(server.id(), server_id);
        assert_eq!(*server.pk(), point(96, 9));
        let (version, _, members) = server.committee();
        assert_eq!(version, 1);
        assert_eq!(members.length(), 3);
    });
    // The right to upgrade is the new committee's.
    approve(&mut scenario, id, D, 1);
    scenario.end();
}

#[test, expected_failure(abort_code = seal_committee::EInvalidState)]
fun a_rotation_takes_the_key_server_from_the_old_committee() {
    let (mut scenario, old, id) = rotating();
    vector[B, C, D].do!(|member| propose_for_rotation(&mut scenario, id, old, member, 20));
    with!(&mut scenario, old, A, |committee, _| { committee.key_server(); });
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidState)]
fun the_old_committee_upgrades_after_a_rotation() {
    let (mut scenario, old, id) = rotating();
    vector[B, C, D].do!(|member| propose_for_rotation(&mut scenario, id, old, member, 20));
    approve(&mut scenario, old, A, 1);
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidState)]
fun all_but_one_do_not_rotate() {
    let (mut scenario, old, id) = rotating();
    propose_for_rotation(&mut scenario, id, old, B, 20);
    propose_for_rotation(&mut scenario, id, old, C, 20);
    with!(&mut scenario, id, B, |committee, _| { committee.key_server(); });
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidProposal)]
fun other_new_shares() {
    let (mut scenario, old, id) = rotating();
    propose_for_rotation(&mut scenario, id, old, B, 20);
    propose_for_rotation(&mut scenario, id, old, C, 30);
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidState)]
fun a_rotation_does_not_make_another_key() {
    let (mut scenario, _, id) = rotating();
    propose(&mut scenario, id, B);
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidState)]
fun a_new_committee_takes_no_key_over() {
    let (mut scenario, old, id) = rotating();
    propose_for_rotation(&mut scenario, old, id, B, 20);
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidState)]
fun the_slower_of_two_rotations() {
    let (mut scenario, old, id) = rotating();
    let other = rotate(&mut scenario, old, C, 2, vector[A, B, C]);
    register_all(&mut scenario, other, vector[A, B, C]);
    vector[B, C, D].do!(|member| propose_for_rotation(&mut scenario, id, old, member, 20));
    propose_for_rotation(&mut scenario, other, old, A, 20);
    abort
}

#[test, expected_failure(abort_code = seal_committee::ENotMember)]
fun a_stranger_rotates() {
    let (mut scenario, old) = finalized();
    rotate(&mut scenario, old, STRANGER, 2, vector[A, B, STRANGER]);
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidState)]
fun a_rotation_without_a_key() {
    let (mut scenario, old) = registered();
    rotate(&mut scenario, old, A, 2, vector[A, B, C]);
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInsufficientOldMembers)]
fun too_few_old_members_continue() {
    let (mut scenario, old) = finalized();
    rotate(&mut scenario, old, A, 2, vector[A, D, STRANGER]);
    abort
}

// === URLs ===

fun move_to(scenario: &mut Scenario, id: ID, sender: address) {
    with!(scenario, id, sender, |committee, ctx| {
        committee.update_member_url(b"https://new.example".to_string(), ctx);
    });
}

#[test]
fun a_member_moves_at_any_time() {
    let (mut scenario, id) = registered();
    move_to(&mut scenario, id, A);
    propose(&mut scenario, id, A);
    move_to(&mut scenario, id, B);
    propose(&mut scenario, id, B);
    propose(&mut scenario, id, C);
    move_to(&mut scenario, id, C);
    scenario.end();
}

#[test, expected_failure(abort_code = seal_committee::ENotMember)]
fun a_stranger_moves() {
    let (mut scenario, id) = finalized();
    move_to(&mut scenario, id, STRANGER);
    abort
}

#[test, expected_failure(abort_code = seal_committee::ENotRegistered)]
fun a_member_moves_before_it_registers() {
    let mut scenario = begin(2, vector[A, B, C]);
    move_to(&mut scenario, latest(), A);
    abort
}

// === Upgrades ===

#[test]
fun enough_members_upgrade() {
    let (mut scenario, id) = finalized();
    approve(&mut scenario, id, A, 1);
    approve(&mut scenario, id, B, 1);
    upgrade(&mut scenario, id, C, 1);
    // And again, from the version that there is now.
    approve(&mut scenario, id, B, 2);
    approve(&mut scenario, id, C, 2);
    upgrade(&mut scenario, id, A, 2);
    scenario.end();
}

#[test]
fun enough_members_reset_and_another_is_proposed() {
    let (mut scenario, id) = finalized();
    approve(&mut scenario, id, A, 1);
    reject(&mut scenario, id, B, 1);
    reject(&mut scenario, id, C, 1);
    reset(&mut scenario, id, B, 1);
    approve(&mut scenario, id, A, 2);
    scenario.end();
}

#[test, expected_failure(abort_code = seal_committee::ENotEnoughVotes)]
fun one_member_upgrades() {
    let (mut scenario, id) = finalized();
    approve(&mut scenario, id, A, 1);
    approve(&mut scenario, id, A, 1);
    upgrade(&mut scenario, id, A, 1);
    abort
}

#[test, expected_failure(abort_code = seal_committee::ENotEnoughVotes)]
fun a_vote_that_was_changed() {
    let (mut scenario, id) = finalized();
    approve(&mut scenario, id, A, 1);
    approve(&mut scenario, id, B, 1);
    reject(&mut scenario, id, B, 1);
    upgrade(&mut scenario, id, A, 1);
    abort
}

#[test, expected_failure(abort_code = seal_committee::ENotEnoughVotes)]
fun one_member_resets() {
    let (mut scenario, id) = finalized();
    approve(&mut scenario, id, A, 1);
    reject(&mut scenario, id, B, 1);
    reset(&mut scenario, id, B, 1);
    abort
}

#[test, expected_failure(abort_code = seal_committee::ENotAuthorized)]
fun a_stranger_votes() {
    let (mut scenario, id) = finalized();
    approve(&mut scenario, id, STRANGER, 1);
    abort
}

#[test, expected_failure(abort_code = seal_committee::EInvalidPackageDigest)]
fun a_digest_that_is_too_short() {
    let (mut scenario, id) = finalized();
    with!(&mut scenario, id, A, |committee, ctx| {
        committee.approve_digest_for_upgrade(point(31, 1), ctx);
    });
    abort
}

#[test, expected_failure(abort_code = seal_committee::ENoProposalForDigest)]
fun two_digests_at_once() {
    let (mut scenario, id) = finalized();
    approve(&mut scenario, id, A, 1);
    approve(&mut scenario, id, B, 2);
    abort
}

#[test, expected_failure(abort_code = seal_committee::ENoProposalForDigest)]
fun an_upgrade_that_nobody_proposed() {
    let (mut scenario, id) = finalized();
    upgrade(&mut scenario, id, A, 1);
    abort
}

#[test, expected_failure(abort_code = seal_committee::EWrongVersion)]
fun votes_from_before_another_upgrade_was_finished() {
    let (mut scenario, id) = finalized();
    approve(&mut scenario, id, A, 1);
    approve(&mut scenario, id, B, 1);
    with!(&mut scenario, id, B, |committee, ctx| {
        let ticket = committee.authorize_upgrade(digest(1), ctx);
        committee.approve_digest_for_upgrade(digest(2), ctx);
        committee.commit_upgrade(package::test_upgrade(ticket));
    });
    approve(&mut scenario, id, A, 2);
    upgrade(&mut scenario, id, B, 2);
    abort
}
