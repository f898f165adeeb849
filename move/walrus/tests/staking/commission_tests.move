/// Commission through the shared object: when it can be collected, by whom, and exact amounts.
module walrus::commission_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::auth;
use walrus::staking_pool;
use walrus::test_network::{Self, Network};

const WAL: u64 = 1_000_000_000;

fun add_commission(network: &mut Network, i: u64, amount: u64) {
    let node_id = network.node_id(i);
    let commission = network.take_funds(amount).into_balance();
    let (_, staking, _, _, _) = network.staking_parts();
    staking.add_commission_to_pools(vector[node_id], vector[commission]);
}

/// Collects as the node's capability, which is the receiver unless that was changed.
fun collect(network: &mut Network, i: u64): u64 {
    let (staking, cap, _, ctx) = network.operator_parts(i);
    let auth = auth::authenticate_with_object(cap);
    staking.collect_commission(cap.node_id(), auth, ctx).burn_for_testing()
}

fun collect_as_sender(network: &mut Network, i: u64): u64 {
    let (staking, cap, _, ctx) = network.operator_parts(i);
    let auth = auth::authenticate_sender(ctx);
    staking.collect_commission(cap.node_id(), auth, ctx).burn_for_testing()
}

// === Blocking ===

#[test]
fun commission_that_was_added_opens_when_the_votes_end() {
    let mut network = test_network::running();
    network.next_epoch();
    add_commission(&mut network, 0, 7);
    assert_eq!(collect(&mut network, 0), 0);
    network.end_votes();
    assert_eq!(collect(&mut network, 0), 7);
    // After that nothing is blocked until the next epoch.
    add_commission(&mut network, 0, 5);
    assert_eq!(collect(&mut network, 0), 5);
    assert_eq!(collect(&mut network, 0), 0);
    destroy(network);
}

#[test]
fun commission_of_a_node_that_left_opens_too() {
    let mut network = test_network::deploy();
    network.add_node_with(100_00, 1_000 * WAL);
    network.add_node_with(0, 0);
    let mut staked = network.stake(1, 1_000 * WAL);
    network.next_epoch();
    network.request_withdraw(&mut staked);
    network.next_epoch();
    let node_id = network.node_id(1);
    let (_, staking, _, _, _) = network.staking_parts();
    assert!(!staking.committee().inner().contains(&node_id));
    assert!(staking.previous_committee().inner().contains(&node_id));
    add_commission(&mut network, 1, 7);
    assert_eq!(collect(&mut network, 1), 0);
    network.end_votes();
    assert_eq!(collect(&mut network, 1), 7);
    destroy(staked);
    destroy(network);
}

#[test]
fun commission_of_a_node_outside_stays_blocked() {
    let mut network = test_network::running();
    network.add_node_with(0, 0);
    add_commission(&mut network, 4, 7);
    network.end_votes();
    // It was in no committee, so the end of the votes does not open it.
    assert_eq!(collect(&mut network, 4), 0);
    destroy(network);
}

// === Exact amounts ===

#[test]
fun everything_as_commission_less_deny_list_and_burnt_share() {
    let mut network = test_network::deploy();
    4u64.do!(|_| network.add_node_with(100_00, 1_000 * WAL));
    network.next_epoch();
    let size = 10_000_000;
    let (system, payment, ctx) = network.storage_parts();
    system.reserve_space(size, 1, payment, ctx).destroy();
    let subsidy = network.take_funds(WAL);
    let denied = network.node_id(0);
    let (system, _, _) = network.storage_parts();
    system.add_subsidy(subsidy, 1);
    let deny_list_sizes = system.inner_mut_for_testing().deny_list_sizes_for_testing();
    deny_list_sizes.insert(denied, size / 2);
    let weights = vector::tabulate!(4, |i| {
        let node_id = network.node_id(i);
        let (_, staking, _, _, _) = network.staking_parts();
        staking.committee().shards(&node_id).length()
    });
    network.next_epoch();
    network.end_votes();

    // Ten units at 5 FROST and 1 WAL; 3% are burnt.
    let payments = WAL + 50;
    let shared = payments - payments * 3 / 100;
    // The first node counts half.
    let total = 2 * 10 - weights[0];
    let mut collected = 0;
    weights.length().do!(|i| {
        let part = if (i == 0) weights[i] else 2 * weights[i];
        let expected = shared * part / total;
        assert_eq!(collect(&mut network, i), expected);
        collected = collected + expected;
    });
    // The rest went to the next epoch.
    let (system, _, treasury, _, _) = network.staking_parts();
    assert_eq!(system.future_accounting()[0].rewards(), shared - collected);
    assert_eq!(treasury.total_supply(), 5_000_000_000 * WAL - payments * 3 / 100);
    destroy(network);
}

// === Rights ===

#[test]
fun the_receiver_is_the_capability_until_it_is_changed() {
    let mut network = test_network::running();
    network.end_votes();
    let (staking, cap, _, ctx) = network.operator_parts(0);
    let node_id = cap.node_id();
    // To the sender, and on to another capability.
    let to_sender = auth::authorized_address(ctx.sender());
    staking.set_commission_receiver(node_id, auth::authenticate_with_object(cap), to_sender);
    add_commission(&mut network, 0, 7);
    assert_eq!(collect_as_sender(&mut network, 0), 7);
    let (_, other) = network.node_parts(1);
    let to_other = auth::authorized_object(object::id(other));
    let (staking, _, _, ctx) = network.operator_parts(0);
    staking.set_commission_receiver(node_id, auth::authenticate_sender(ctx), to_other);
    add_commission(&mut network, 0, 5);
    let (staking, other, _, ctx) = network.operator_parts(1);
    let auth = auth::authenticate_with_object(other);
    assert_eq!(staking.collect_commission(node_id, auth, ctx).burn_for_testing(), 5);
    destroy(network);
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun the_sender_is_not_the_receiver_at_first() {
    let mut network = test_network::running();
    collect_as_sender(&mut network, 0);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun another_capability_collects() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    let (staking, other, _, ctx) = network.operator_parts(1);
    let auth = auth::authenticate_with_object(other);
    destroy(staking.collect_commission(node_id, auth, ctx));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun another_capability_takes_the_commission_over() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    let (staking, other, _, _) = network.operator_parts(1);
    let auth = auth::authenticate_with_object(other);
    staking.set_commission_receiver(node_id, auth, auth::authorized_object(object::id(other)));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun another_sender_takes_governance_over() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    network.scenario().next_tx(@0xBAD);
    let (staking, _, _, ctx) = network.operator_parts(0);
    let auth = auth::authenticate_sender(ctx);
    staking.set_governance_authorized(node_id, auth, auth::authorized_address(@0xBAD));
    abort
}

// === Adding ===

#[test, expected_failure(major_status = 4016, location = walrus::staking_inner)]
fun fewer_commissions_than_nodes() {
    let mut network = test_network::running();
    let node_ids = vector[network.node_id(0), network.node_id(1)];
    let commission = network.take_funds(5).into_balance();
    let (_, staking, _, _, _) = network.staking_parts();
    staking.add_commission_to_pools(node_ids, vector[commission]);
    abort
}

#[test, expected_failure(major_status = 4016, location = walrus::staking_inner)]
fun more_commissions_than_nodes() {
    let mut network = test_network::running();
    let node_ids = vector[network.node_id(0)];
    let commissions = vector[
        network.take_funds(5).into_balance(),
        network.take_funds(5).into_balance(),
    ];
    let (_, staking, _, _, _) = network.staking_parts();
    staking.add_commission_to_pools(node_ids, commissions);
    abort
}

#[test]
fun commissions_for_nobody() {
    let mut network = test_network::running();
    let (_, staking, _, _, _) = network.staking_parts();
    staking.add_commission_to_pools(vector[], vector[]);
    destroy(network);
}
