/// What only version 3 does.
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
fun version_three() {
    assert_eq!(release::version(), 3);
    assert_eq!(release::active_set_max_size(), 111);
}

#[test]
fun only_the_rate_of_exactly_this_epoch_applies() {
    let mut rates = pending_values::empty();
    rates.insert_or_replace(4, 400);
    rates.insert_or_replace(6, 600);
    rates.insert_or_replace(8, 800);
    assert_eq!(release::take_commission_rate(&mut rates, 3), option::none());
    assert_eq!(release::take_commission_rate(&mut rates, 6), option::some(600));
    assert_eq!(rates.inner().keys(), vector[8]);
    assert_eq!(release::take_commission_rate(&mut rates, 9), option::none());
    assert!(rates.inner().is_empty());
}

#[test]
fun a_commission_rate_is_lost_by_a_skipped_epoch() {
    let mut pool = pool();
    pool.set_next_commission(10_00, &walrus_context::new(1, false, false, false));
    pool.set_next_commission(20_00, &walrus_context::new(2, false, false, false));
    // The rates were for epochs 3 and 4; the node was in no committee then.
    pool.advance_epoch(balance::zero(), 9);
    assert_eq!(pool.commission_rate(), 0);
    pool.set_next_commission(30_00, &walrus_context::new(9, false, false, false));
    pool.advance_epoch(balance::zero(), 11);
    assert_eq!(pool.commission_rate(), 30_00);
    destroy(pool);
}

#[test]
fun migration_from_version_two_creates_the_slashing_manager() {
    let mut network = test_network::running();
    // Deployments of version 2 have none.
    destroy(network.scenario().take_shared<SlashingManager>());
    let (system, staking, _, _, ctx) = network.staking_parts();
    system.set_version_for_testing(2);
    staking.set_version_for_testing(2);
    system.set_new_package_id(@0x3.to_id());
    staking.set_new_package_id(@0x3.to_id());
    init::migrate_v2(staking, system, ctx);
    network.next_tx();
    destroy(network.scenario().take_shared<SlashingManager>());
    assert!(!test_scenario::has_most_recent_shared<SlashingManager>());
    destroy(network);
}
