module walrus::slashing_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::auth::{Self, Authenticated};
use walrus::slashing::{Self, SlashingManager};
use walrus::staking_inner;
use walrus::test_network::{Self, Network};

const COMMISSION: u64 = 700;

/// A running network of four nodes with the manager that came with it.
fun start(): (Network, SlashingManager) {
    let mut network = test_network::running();
    let manager = network.scenario().take_shared();
    (network, manager)
}

/// The governance entity of all nodes.
fun voter(network: &mut Network): Authenticated {
    auth::authenticate_sender(network.scenario().ctx())
}

fun vote(network: &mut Network, manager: &mut SlashingManager, voter_index: u64, candidate: ID) {
    let auth = voter(network);
    let node_id = network.node_id(voter_index);
    let (_, staking, _, _, _) = network.staking_parts();
    manager.vote_for_slashing(staking, auth, node_id, candidate);
}

fun execute(network: &mut Network, manager: &mut SlashingManager, candidate: ID) {
    let (_, staking, treasury, _, ctx) = network.staking_parts();
    manager.execute_slashing(staking, treasury, candidate, ctx);
}

fun cleanup(network: &mut Network, manager: &mut SlashingManager, candidate: ID) {
    let (_, staking, _, _, _) = network.staking_parts();
    manager.cleanup_slashing_proposals(staking, vector[candidate]);
}

fun add_commission(network: &mut Network, node_id: ID) {
    let commission = network.take_funds(COMMISSION).into_balance();
    let (_, staking, _, _, _) = network.staking_parts();
    staking.add_commission_to_pools(vector[node_id], vector[commission]);
}

fun supply(network: &mut Network): u64 {
    let (_, _, treasury, _, _) = network.staking_parts();
    treasury.total_supply()
}

#[test]
fun a_quorum_burns_the_commission() {
    let (mut network, mut manager) = start();
    let candidate = network.node_id(3);
    // The blocked commission is burnt with the rest.
    add_commission(&mut network, candidate);
    let before = supply(&mut network);
    3u64.do!(|i| vote(&mut network, &mut manager, i, candidate));
    execute(&mut network, &mut manager, candidate);
    assert_eq!(supply(&mut network), before - COMMISSION);
    assert!(!manager.has_proposal_for_testing(candidate));

    // Nothing is blocked any more: what is added after the votes can be collected, and no more.
    network.end_votes();
    add_commission(&mut network, candidate);
    let (_, cap) = network.node_parts(3);
    let receiver = auth::authenticate_with_object(cap);
    let (_, staking, _, _, ctx) = network.staking_parts();
    assert!(staking.committee().inner().contains(&candidate));
    let collected = staking.collect_commission(candidate, receiver, ctx);
    assert_eq!(collected.value(), COMMISSION);
    destroy(collected);
    destroy(manager);
    destroy(network);
}

#[test]
fun a_node_without_commission_loses_nothing() {
    let (mut network, mut manager) = start();
    let candidate = network.node_id(0);
    let before = supply(&mut network);
    4u64.do!(|i| vote(&mut network, &mut manager, i, candidate));
    execute(&mut network, &mut manager, candidate);
    assert_eq!(supply(&mut network), before);
    destroy(manager);
    destroy(network);
}

#[test, expected_failure(abort_code = slashing::ENotEnoughVotes)]
fun too_few_votes() {
    let (mut network, mut manager) = start();
    let candidate = network.node_id(3);
    // Six shards of ten at most.
    vote(&mut network, &mut manager, 0, candidate);
    vote(&mut network, &mut manager, 1, candidate);
    execute(&mut network, &mut manager, candidate);
    abort
}

#[test, expected_failure(abort_code = slashing::EDuplicateVote)]
fun vote_twice() {
    let (mut network, mut manager) = start();
    let candidate = network.node_id(3);
    vote(&mut network, &mut manager, 0, candidate);
    vote(&mut network, &mut manager, 0, candidate);
    abort
}

#[test, expected_failure(abort_code = slashing::EWrongEpoch)]
fun votes_of_an_earlier_epoch() {
    let (mut network, mut manager) = start();
    let candidate = network.node_id(3);
    4u64.do!(|i| vote(&mut network, &mut manager, i, candidate));
    network.next_epoch();
    execute(&mut network, &mut manager, candidate);
    abort
}

#[test, expected_failure(abort_code = slashing::ENotEnoughVotes)]
fun votes_start_again_in_a_new_epoch() {
    let (mut network, mut manager) = start();
    let candidate = network.node_id(3);
    4u64.do!(|i| vote(&mut network, &mut manager, i, candidate));
    network.next_epoch();
    // The same node may vote again, and is alone now.
    vote(&mut network, &mut manager, 0, candidate);
    execute(&mut network, &mut manager, candidate);
    abort
}

#[test, expected_failure(abort_code = slashing::ENoProposalForNode)]
fun nobody_voted() {
    let (mut network, mut manager) = start();
    let candidate = network.node_id(3);
    execute(&mut network, &mut manager, candidate);
    abort
}

#[test, expected_failure(abort_code = slashing::ENotAuthorized)]
fun somebody_else_votes() {
    let (mut network, mut manager) = start();
    let candidate = network.node_id(3);
    let (_, cap) = network.node_parts(0);
    let auth = auth::authenticate_with_object(cap);
    let (_, staking, _, _, _) = network.staking_parts();
    manager.vote_for_slashing(staking, auth, candidate, candidate);
    abort
}

#[test, expected_failure(abort_code = staking_inner::ENotInCommittee)]
fun a_node_without_shards_votes() {
    let (mut network, mut manager) = start();
    network.add_node();
    let candidate = network.node_id(0);
    vote(&mut network, &mut manager, 4, candidate);
    abort
}

#[test]
fun only_old_votes_are_cleaned_up() {
    let (mut network, mut manager) = start();
    // Anything can be voted against; what is no node cannot be executed.
    let candidate = @0xBAD.to_id();
    vote(&mut network, &mut manager, 0, candidate);
    cleanup(&mut network, &mut manager, candidate);
    assert!(manager.has_proposal_for_testing(candidate));
    network.next_epoch();
    cleanup(&mut network, &mut manager, candidate);
    assert!(!manager.has_proposal_for_testing(candidate));
    destroy(manager);
    destroy(network);
}
