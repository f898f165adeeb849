/// What only version 4 does.
module walrus::release_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use sui::test_scenario;
use walrus::init;
use walrus::pending_values;
use walrus::release;
use walrus::slashing::SlashingManager;
use walrus::staking_pool::{Self, StakingPool};
use walrus::test_network;
use walrus::walrus_context;

/// A pool without stake in epoch 1.
fun pool(): StakingPool {
    staking_pool::new_for_testing(
        b"node".to_string(),
        b"localhost:9185".to_string(),
        vector::tabulate!(33, |_| 2),
        0,
        0,
        0,
        0,
        &walrus_context::new(1, false, false, false),
        &mut tx_context::dummy(),
    )
}

#[test]
fun version_four() {
    assert_eq!(release::version(), 4);
    assert_eq!(release::active_set_max_size(), 150);
}

#[test]
fun the_latest_rate_that_is_due_applies() {
    let mut rates = pending_values::empty();
    assert_eq!(release::take_commission_rate(&mut rates, 9), option::none());
    rates.insert_or_replace(6, 600);
    rates.insert_or_replace(4, 400);
    rates.insert_or_replace(8, 800);
    assert_eq!(release::take_commission_rate(&mut rates, 7), option::some(600));
    assert_eq!(rates.inner().keys(), vector[8]);
    assert_eq!(release::take_commission_rate(&mut rates, 7), option::none());
    assert_eq!(release::take_commission_rate(&mut rates, 8), option::some(800));
}

#[test]
fun a_commission_rate_is_not_lost_by_skipped_epochs() {
    let mut pool = pool();
    pool.set_next_commission(10_00, &walrus_context::new(1, false, false, false));
    pool.set_next_commission(20_00, &walrus_context::new(2, false, false, false));
    // The rates were for epochs 3 and 4; the node was in no committee then.
    pool.advance_epoch(balance::zero(), 9);
    assert_eq!(pool.commission_rate(), 20_00);
    destroy(pool);
}

#[test]
fun migration_from_version_three_makes_room_for_more_nodes() {
    let mut network = test_network::running();
    let (system, staking, _, _, ctx) = network.staking_parts();
    staking.inner_mut_for_testing().set_active_set_max_size(111);
    system.set_version_for_testing(3);
    staking.set_version_for_testing(3);
    system.set_new_package_id(@0x4.to_id());
    staking.set_new_package_id(@0x4.to_id());
    init::migrate_v2(staking, system, ctx);
    let active_set = staking.inner().active_set();
    assert_eq!(active_set.max_size(), 150);
    assert_eq!(active_set.size(), 4);
    assert_eq!(active_set.total_stake(), 4_000_000_000_000);
    // Version 3 has created the slashing manager.
    network.next_tx();
    destroy(network.scenario().take_shared<SlashingManager>());
    assert!(!test_scenario::has_most_recent_shared<SlashingManager>());
    destroy(network);
}
