module walrus::upgrade_tests;

use std::unit_test::{assert_eq, destroy};
use sui::bcs;
use sui::event;
use sui::package::{Self, UpgradeTicket};
use sui::test_scenario;
use walrus::auth;
use walrus::events::{ContractUpgradeProposed, ContractUpgradeQuorumReached};
use walrus::staking_inner;
use walrus::test_network::{Self, Network};
use walrus::upgrade::{Self, EmergencyUpgradeCap, UpgradeManager};

/// A running network of four nodes with 3, 3, 2 and 2 shards of ten, and an upgrade manager.
fun start(): (Network, UpgradeManager, EmergencyUpgradeCap) {
    let mut network = test_network::running();
    let ctx = network.scenario().ctx();
    // In tests the package is at 0x0, where it cannot be upgraded: votes get a manager of their own.
    let upgrade_cap = package::test_publish(@0x3A1.to_id(), ctx);
    let (manager, emergency_cap) = upgrade::new_for_testing(upgrade_cap, ctx);
    (network, manager, emergency_cap)
}

fun finish(network: Network, manager: UpgradeManager, emergency_cap: EmergencyUpgradeCap) {
    destroy(network);
    destroy(manager);
    destroy(emergency_cap);
}

fun digest(): vector<u8> {
    vector::tabulate!(32, |i| i as u8)
}

fun other_digest(): vector<u8> {
    vector::tabulate!(32, |_| 9)
}

/// The tests' nodes were registered by the sender, who votes for them.
fun vote(network: &mut Network, manager: &mut UpgradeManager, i: u64) {
    let auth = auth::authenticate_sender(network.scenario().ctx());
    let node_id = network.node_id(i);
    let (_, staking, _, _, _) = network.staking_parts();
    manager.vote_for_upgrade(staking, auth, node_id, digest());
}

fun authorize(network: &mut Network, manager: &mut UpgradeManager): UpgradeTicket {
    let (_, staking, _, _, _) = network.staking_parts();
    manager.authorize_upgrade(staking, digest())
}

/// Publishes what the ticket allows, and commits it.
fun upgrade(network: &mut Network, manager: &mut UpgradeManager, ticket: UpgradeTicket): ID {
    let receipt = package::test_upgrade(ticket);
    let new_package_id = receipt.package();
    let (system, staking, _, _, _) = network.staking_parts();
    manager.commit_upgrade(staking, system, receipt);
    new_package_id
}

fun cleanup(network: &mut Network, manager: &mut UpgradeManager) {
    let (_, staking, _, _, _) = network.staking_parts();
    manager.cleanup_upgrade_proposals(staking, vector[digest()]);
}

// === By vote ===

#[test]
fun a_quorum_upgrades() {
    let (mut network, mut manager, emergency_cap) = start();
    3u64.do!(|i| vote(&mut network, &mut manager, i));
    let ticket = authorize(&mut network, &mut manager);
    assert_eq!(*ticket.digest(), digest());
    assert_eq!(ticket.policy(), package::compatible_policy());
    assert!(!manager.has_proposal_for_testing(digest()));
    let new_package_id = upgrade(&mut network, &mut manager, ticket);
    // The shared objects stay with the old package until they are migrated.
    let (system, staking, _, _, _) = network.staking_parts();
    assert_eq!(system.package_id(), @walrus.to_id());
    assert_eq!(staking.package_id(), @walrus.to_id());
    assert_eq!(system.new_package_id_for_testing(), option::some(new_package_id));
    assert_eq!(staking.new_package_id_for_testing(), option::some(new_package_id));
    network.next_epoch();
    finish(network, manager, emergency_cap);
}

#[test]
fun votes_are_told_to_everybody() {
    let (mut network, mut manager, emergency_cap) = start();
    4u64.do!(|i| vote(&mut network, &mut manager, i));
    let mut expected = x"01000000";
    expected.append(bcs::to_bytes(&digest()));
    let proposed = event::events_by_type<ContractUpgradeProposed>();
    assert_eq!(proposed.length(), 1);
    assert_eq!(bcs::to_bytes(&proposed[0]), expected);
    // Once for the vote that makes the quorum, and again for the one after it.
    let reached = event::events_by_type<ContractUpgradeQuorumReached>();
    assert_eq!(reached.length(), 2);
    assert_eq!(bcs::to_bytes(&reached[0]), expected);
    finish(network, manager, emergency_cap);
}

#[test]
fun proposals_for_several_digests_coexist() {
    let (mut network, mut manager, emergency_cap) = start();
    3u64.do!(|i| vote(&mut network, &mut manager, i));
    let auth = auth::authenticate_sender(network.scenario().ctx());
    let node_id = network.node_id(0);
    let (_, staking, _, _, _) = network.staking_parts();
    manager.vote_for_upgrade(staking, auth, node_id, other_digest());
    let ticket = authorize(&mut network, &mut manager);
    assert!(manager.has_proposal_for_testing(other_digest()));
    destroy(ticket);
    finish(network, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::ENotEnoughVotes)]
fun too_few_votes() {
    let (mut network, mut manager, _emergency_cap) = start();
    // Six shards of ten at most.
    vote(&mut network, &mut manager, 0);
    vote(&mut network, &mut manager, 1);
    destroy(authorize(&mut network, &mut manager));
    abort
}

#[test, expected_failure(abort_code = upgrade::EDuplicateVote)]
fun vote_twice() {
    let (mut network, mut manager, _emergency_cap) = start();
    vote(&mut network, &mut manager, 0);
    vote(&mut network, &mut manager, 0);
    abort
}

#[test, expected_failure(abort_code = upgrade::EWrongEpoch)]
fun votes_of_an_earlier_epoch() {
    let (mut network, mut manager, _emergency_cap) = start();
    4u64.do!(|i| vote(&mut network, &mut manager, i));
    network.next_epoch();
    destroy(authorize(&mut network, &mut manager));
    abort
}

#[test, expected_failure(abort_code = upgrade::ENotEnoughVotes)]
fun votes_start_again_in_a_new_epoch() {
    let (mut network, mut manager, _emergency_cap) = start();
    4u64.do!(|i| vote(&mut network, &mut manager, i));
    network.next_epoch();
    // The same node may vote again, and is alone now.
    vote(&mut network, &mut manager, 0);
    destroy(authorize(&mut network, &mut manager));
    abort
}

#[test, expected_failure(abort_code = upgrade::EWrongVersion)]
fun votes_for_a_version_that_exists_already() {
    let (mut network, mut manager, emergency_cap) = start();
    4u64.do!(|i| vote(&mut network, &mut manager, i));
    let ticket = manager.authorize_emergency_upgrade(&emergency_cap, other_digest());
    upgrade(&mut network, &mut manager, ticket);
    destroy(authorize(&mut network, &mut manager));
    abort
}

#[test, expected_failure(abort_code = upgrade::ENotEnoughVotes)]
fun votes_start_again_after_an_upgrade() {
    let (mut network, mut manager, emergency_cap) = start();
    4u64.do!(|i| vote(&mut network, &mut manager, i));
    let ticket = manager.authorize_emergency_upgrade(&emergency_cap, other_digest());
    upgrade(&mut network, &mut manager, ticket);
    vote(&mut network, &mut manager, 0);
    destroy(authorize(&mut network, &mut manager));
    abort
}

#[test, expected_failure(abort_code = upgrade::ENoProposalForDigest)]
fun nobody_voted() {
    let (mut network, mut manager, _emergency_cap) = start();
    destroy(authorize(&mut network, &mut manager));
    abort
}

#[test, expected_failure(abort_code = upgrade::ENoProposalForDigest)]
fun votes_authorize_once() {
    let (mut network, mut manager, _emergency_cap) = start();
    4u64.do!(|i| vote(&mut network, &mut manager, i));
    destroy(authorize(&mut network, &mut manager));
    destroy(authorize(&mut network, &mut manager));
    abort
}

#[test, expected_failure(abort_code = upgrade::EInvalidPackageDigest)]
fun authorize_a_digest_of_the_wrong_length() {
    let (mut network, mut manager, _emergency_cap) = start();
    let (_, staking, _, _, _) = network.staking_parts();
    destroy(manager.authorize_upgrade(staking, vector[1]));
    abort
}

#[test, expected_failure(abort_code = upgrade::EInvalidPackageDigest)]
fun vote_for_a_digest_of_the_wrong_length() {
    let (mut network, mut manager, _emergency_cap) = start();
    let auth = auth::authenticate_sender(network.scenario().ctx());
    let node_id = network.node_id(0);
    let (_, staking, _, _, _) = network.staking_parts();
    manager.vote_for_upgrade(staking, auth, node_id, vector::tabulate!(33, |_| 1));
    abort
}

#[test, expected_failure(abort_code = upgrade::ENotAuthorized)]
fun somebody_else_votes() {
    let (mut network, mut manager, _emergency_cap) = start();
    network.scenario().next_tx(@0xBAD);
    vote(&mut network, &mut manager, 0);
    abort
}

#[test, expected_failure(abort_code = upgrade::ENotAuthorized)]
fun the_capability_of_a_node_does_not_vote() {
    let (mut network, mut manager, _emergency_cap) = start();
    let node_id = network.node_id(0);
    let (staking, cap, _, _) = network.operator_parts(0);
    manager.vote_for_upgrade(staking, auth::authenticate_with_object(cap), node_id, digest());
    abort
}

#[test]
fun the_vote_can_be_handed_to_an_object() {
    let (mut network, mut manager, emergency_cap) = start();
    let sender = auth::authenticate_sender(network.scenario().ctx());
    let node_id = network.node_id(0);
    let (staking, cap, _, _) = network.operator_parts(0);
    let voter = auth::authorized_object(object::id(cap));
    staking.set_governance_authorized(node_id, sender, voter);
    manager.vote_for_upgrade(staking, auth::authenticate_with_object(cap), node_id, digest());
    assert!(manager.has_proposal_for_testing(digest()));
    finish(network, manager, emergency_cap);
}

#[test, expected_failure(abort_code = staking_inner::ENotInCommittee)]
fun a_node_without_shards_votes() {
    let (mut network, mut manager, _emergency_cap) = start();
    network.add_node();
    vote(&mut network, &mut manager, 4);
    abort
}

#[test]
fun only_what_cannot_be_executed_is_cleaned_up() {
    let (mut network, mut manager, emergency_cap) = start();
    vote(&mut network, &mut manager, 0);
    cleanup(&mut network, &mut manager);
    assert!(manager.has_proposal_for_testing(digest()));
    // Of an earlier epoch.
    network.next_epoch();
    cleanup(&mut network, &mut manager);
    assert!(!manager.has_proposal_for_testing(digest()));
    // For a version that exists already.
    vote(&mut network, &mut manager, 0);
    let ticket = manager.authorize_emergency_upgrade(&emergency_cap, other_digest());
    upgrade(&mut network, &mut manager, ticket);
    cleanup(&mut network, &mut manager);
    assert!(!manager.has_proposal_for_testing(digest()));
    finish(network, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::EInvalidPackageDigest)]
fun clean_up_a_digest_of_the_wrong_length() {
    let (mut network, mut manager, _emergency_cap) = start();
    let (_, staking, _, _, _) = network.staking_parts();
    manager.cleanup_upgrade_proposals(staking, vector[vector[]]);
    abort
}

// === Without a vote ===

#[test]
fun the_emergency_cap_upgrades_to_anything() {
    let (mut network, mut manager, emergency_cap) = start();
    let ticket = manager.authorize_emergency_upgrade(&emergency_cap, digest());
    assert_eq!(*ticket.digest(), digest());
    let new_package_id = upgrade(&mut network, &mut manager, ticket);
    let (system, _, _, _, _) = network.staking_parts();
    assert_eq!(system.new_package_id_for_testing(), option::some(new_package_id));
    assert_eq!(event::events_by_type<ContractUpgradeProposed>().length(), 0);
    finish(network, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::EInvalidUpgradeManager)]
fun the_emergency_cap_of_another_manager() {
    let (mut network, mut manager, _emergency_cap) = start();
    let ctx = network.scenario().ctx();
    let other = upgrade::new(package::test_publish(@0xB0B.to_id(), ctx), ctx);
    destroy(manager.authorize_emergency_upgrade(&other, digest()));
    abort
}

#[test]
fun the_emergency_cap_can_be_burnt() {
    let (mut network, manager, emergency_cap) = start();
    let cap_id = object::id(&emergency_cap);
    upgrade::burn_emergency_upgrade_cap(emergency_cap);
    let effects = network.scenario().next_tx(@0xAD);
    assert!(!effects.transferred_to_account().contains(&cap_id));
    // The one that the deployment came with is the only one left.
    assert_eq!(network.scenario().ids_for_sender<EmergencyUpgradeCap>().length(), 1);
    assert!(test_scenario::has_most_recent_shared<UpgradeManager>());
    destroy(manager);
    destroy(network);
}
