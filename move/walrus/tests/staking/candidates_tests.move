/// Who can get into the committee: nodes come, go, and push one another out of the active set.
module walrus::candidates_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::active_set::ActiveSet;
use walrus::test_network::{Self, Network};

const WAL: u64 = 1_000_000_000;

fun active_set(network: &mut Network): ActiveSet {
    let (_, staking, _, _, _) = network.staking_parts();
    *staking.inner().active_set()
}

fun is_candidate(network: &mut Network, i: u64): bool {
    let node_id = network.node_id(i);
    active_set(network).active_ids().contains(&node_id)
}

fun in_committee(network: &mut Network, i: u64): bool {
    let node_id = network.node_id(i);
    let (_, staking, _, _, _) = network.staking_parts();
    staking.committee().inner().contains(&node_id)
}

fun rejoin(network: &mut Network, i: u64) {
    let (staking, cap, _, _) = network.operator_parts(i);
    staking.try_join_active_set(cap);
}

/// A network in epoch 1 with four nodes of 1000 WAL each, and room for no more.
fun full(): Network {
    let mut network = test_network::running();
    let (_, staking, _, _, _) = network.staking_parts();
    staking.inner_mut_for_testing().set_active_set_max_size(4);
    network
}

#[test]
fun an_attacker_evicts_a_node_and_leaves() {
    let mut network = full();
    network.add_node_with(0, 0);
    let attack = network.stake(4, 1_001 * WAL);
    assert!(is_candidate(&mut network, 4));
    // The first of the smallest is out.
    assert!(!is_candidate(&mut network, 0));
    assert_eq!(network.withdraw(attack), 1_001 * WAL);
    // The attacker is gone, and the victim still out: it must notice.
    assert_eq!(active_set(&mut network).size(), 3);
    assert!(!is_candidate(&mut network, 0));
    rejoin(&mut network, 0);
    assert!(is_candidate(&mut network, 0));
    assert_eq!(active_set(&mut network).total_stake(), 4_000 * WAL);
    network.next_epoch();
    assert!(in_committee(&mut network, 0));
    destroy(network);
}

#[test]
fun a_victim_that_does_not_notice_is_out_of_the_next_committee() {
    let mut network = full();
    network.add_node_with(0, 0);
    let attack = network.stake(4, 1_001 * WAL);
    network.withdraw(attack);
    network.next_epoch();
    assert!(!in_committee(&mut network, 0));
    assert!(in_committee(&mut network, 1));
    destroy(network);
}

#[test]
fun rejoining_does_not_help_against_more_stake() {
    let mut network = full();
    network.add_node_with(0, 1_001 * WAL);
    rejoin(&mut network, 0);
    assert!(!is_candidate(&mut network, 0));
    assert_eq!(active_set(&mut network).total_stake(), 4_001 * WAL);
    // More stake does, at the expense of the next.
    let staked = network.stake(0, 2 * WAL);
    assert!(is_candidate(&mut network, 0));
    assert!(!is_candidate(&mut network, 1));
    destroy(staked);
    destroy(network);
}

#[test]
fun a_capability_lets_only_its_own_node_rejoin() {
    let mut network = full();
    network.add_node_with(0, 0);
    let attack = network.stake(4, 1_001 * WAL);
    network.withdraw(attack);
    rejoin(&mut network, 1);
    assert!(!is_candidate(&mut network, 0));
    destroy(network);
}

#[test]
fun stake_that_leaves_early_does_not_count() {
    let mut network = test_network::running();
    network.add_node_with(0, 0);
    let staked = network.stake(4, 500 * WAL);
    assert_eq!(active_set(&mut network).total_stake(), 4_500 * WAL);
    network.withdraw(staked);
    assert!(!is_candidate(&mut network, 4));
    assert_eq!(active_set(&mut network).total_stake(), 4_000 * WAL);
    destroy(network);
}

#[test]
fun a_request_takes_a_node_out_of_the_next_committee() {
    let mut network = test_network::running();
    network.add_node_with(0, 0);
    let mut staked = network.stake(4, 1_000 * WAL);
    network.next_epoch();
    assert!(in_committee(&mut network, 4));
    let (_, staking, _, _, _) = network.staking_parts();
    assert!(!staking.can_withdraw_staked_wal_early(&staked));
    network.request_withdraw(&mut staked);
    assert!(!is_candidate(&mut network, 4));
    network.next_epoch();
    assert!(!in_committee(&mut network, 4));
    assert_eq!(network.withdraw(staked), 1_000 * WAL);
    destroy(network);
}

#[test]
fun a_node_that_never_joined_pays_out_and_joins_later() {
    let mut network = test_network::running();
    // Too little for a shard.
    network.add_node_with(0, 0);
    let small = network.stake(4, WAL);
    network.next_epoch();
    network.next_epoch();
    assert!(!in_committee(&mut network, 4));
    assert_eq!(network.withdraw(small), WAL);
    assert!(!is_candidate(&mut network, 4));
    let large = network.stake(4, 1_000 * WAL);
    let (_, staking, _, _, _) = network.staking_parts();
    assert!(staking.can_withdraw_staked_wal_early(&large));
    network.next_epoch();
    assert!(in_committee(&mut network, 4));
    destroy(large);
    destroy(network);
}

#[test]
fun a_node_may_register_after_the_votes() {
    let mut network = test_network::running();
    network.end_votes();
    network.add_node_with(0, 1_000 * WAL);
    network.change_epoch();
    network.sync_all();
    assert!(!in_committee(&mut network, 4));
    network.next_epoch();
    assert!(in_committee(&mut network, 4));
    destroy(network);
}

#[test]
fun the_next_committee_can_be_foretold() {
    let mut network = test_network::running();
    network.add_node();
    let (_, staking, _, _, _) = network.staking_parts();
    let foretold = staking.compute_next_committee();
    network.next_epoch();
    let (_, staking, _, _, _) = network.staking_parts();
    assert_eq!(*staking.committee(), foretold);
    assert!(*staking.previous_committee() != foretold);
    destroy(network);
}
