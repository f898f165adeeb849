/// The state machine of epochs, and stake through it.
module walrus::staking_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance::{Self, Balance};
use sui::clock::{Self, Clock};
use sui::coin;
use sui::vec_map::{Self, VecMap};
use wal::wal::WAL;
use walrus::staked_wal::StakedWal;
use walrus::staking_inner::{Self, StakingInnerV1};
use walrus::storage_node::StorageNodeCap;

const ONE: u64 = 1_000_000_000;
const EPOCH_ZERO: u64 = 100;
const EPOCH: u64 = 1_000;
const START: u64 = 50;
const N_SHARDS: u16 = 10;

public struct World {
    staking: StakingInnerV1,
    clock: Clock,
    ctx: TxContext,
    caps: vector<StorageNodeCap>,
    stakes: vector<StakedWal>,
}

/// A new network with nodes of the given stakes.
fun world(stakes: vector<u64>): World {
    let mut ctx = tx_context::dummy();
    let mut clock = clock::create_for_testing(&mut ctx);
    clock.set_for_testing(START);
    let staking = staking_inner::new(EPOCH_ZERO, EPOCH, N_SHARDS, &clock, &mut ctx);
    let mut world = World { staking, clock, ctx, caps: vector[], stakes: vector[] };
    stakes.do!(|stake| world.add_node(stake));
    world
}

fun add_node(world: &mut World, stake: u64) {
    let i = world.caps.length();
    // Votes: node i wants prices 10 * (i + 1) and 100 * (i + 1), and can store (i + 1) TB.
    let cap = world
        .staking
        .create_pool_for_testing(
            0,
            10 * (i + 1),
            100 * (i + 1),
            1_000_000_000_000 * (i + 1),
            &mut world.ctx,
        );
    world.caps.push_back(cap);
    if (stake > 0) world.stake(i, stake);
}

fun stake(world: &mut World, i: u64, amount: u64) {
    let coin = coin::mint_for_testing(amount, &mut world.ctx);
    let staked = world.staking.stake_with_pool(coin, world.caps[i].node_id(), &mut world.ctx);
    world.stakes.push_back(staked);
}

fun no_rewards(world: &World): VecMap<ID, Balance<WAL>> {
    let node_ids = world.staking.committee().inner().keys();
    vec_map::from_keys_values(node_ids, node_ids.map_ref!(|_| balance::zero()))
}

fun at(world: &mut World, time: u64) {
    world.clock.set_for_testing(time);
}

fun voting_end(world: &mut World) {
    world.staking.voting_end(&world.clock);
}

fun change_epoch(world: &mut World) {
    let rewards = world.no_rewards();
    world.staking.initiate_epoch_change(&world.clock, rewards);
}

fun sync(world: &mut World, i: u64) {
    let epoch = world.staking.epoch();
    world.staking.epoch_sync_done(&mut world.caps[i], epoch, &world.clock);
}

/// Goes to epoch 1 with everybody in sync.
fun first_epoch(world: &mut World) {
    world.at(START + EPOCH_ZERO);
    world.voting_end();
    world.change_epoch();
    world.caps.length().do!(|i| {
        if (world.staking.committee().contains(&world.caps[i].node_id())) world.sync(i);
    });
}

fun shards(world: &World, i: u64): u64 {
    world.staking.committee().weight(&world.caps[i].node_id()) as u64
}

// === Epoch zero ===

#[test]
fun from_nothing_to_the_second_epoch() {
    let mut owned = world(vector[7 * ONE, 5 * ONE, 3 * ONE, ONE]);
    let world = &mut owned;
    assert_eq!(world.staking.epoch(), 0);
    assert_eq!(world.staking.active_set().total_stake(), 16 * ONE);
    assert!(world.staking.is_done_for_testing(START));

    world.at(START + EPOCH_ZERO);
    world.voting_end();
    assert!(world.staking.next_committee().is_some());
    world.change_epoch();
    assert_eq!(world.staking.epoch(), 1);
    assert!(world.staking.is_sync_for_testing());
    let expected = vector[5u64, 3, 2, 0];
    expected.length().do!(|i| assert_eq!(world.shards(i), expected[i]));

    // Quorum of ten is seven.
    world.sync(2);
    world.sync(1);
    assert!(world.staking.is_sync_for_testing());
    world.at(500);
    world.sync(0);
    assert!(world.staking.is_done_for_testing(500));

    world.at(500 + EPOCH / 2);
    world.voting_end();
    world.at(500 + EPOCH);
    world.change_epoch();
    assert_eq!(world.staking.epoch(), 2);
    // The fourth node has no shards, so nothing moved.
    assert_eq!(*world.staking.committee(), *world.staking.previous_committee());
    destroy(owned);
}

#[test, expected_failure(abort_code = staking_inner::EWrongEpochState)]
fun votes_cannot_end_before_the_first_epoch_starts() {
    let mut owned = world(vector[ONE]);
    let world = &mut owned;
    world.at(START + EPOCH_ZERO - 1);
    world.voting_end();
    abort
}

#[test, expected_failure(abort_code = staking_inner::ENoStake)]
fun votes_cannot_end_without_stake() {
    let mut owned = world(vector[0]);
    let world = &mut owned;
    world.at(START + EPOCH_ZERO);
    world.voting_end();
    abort
}

#[test, expected_failure(abort_code = staking_inner::EWrongEpochState)]
fun votes_end_once() {
    let mut owned = world(vector[ONE]);
    let world = &mut owned;
    world.at(START + EPOCH_ZERO);
    world.voting_end();
    world.voting_end();
    abort
}

#[test, expected_failure(abort_code = staking_inner::ENextCommitteeIsEmpty)]
fun there_is_no_committee_before_the_votes_end() {
    let world = world(vector[ONE]);
    world.staking.next_bls_committee();
    abort
}

#[test, expected_failure(abort_code = staking_inner::EWrongEpochState)]
fun no_epoch_change_before_the_votes_end() {
    let mut owned = world(vector[ONE]);
    let world = &mut owned;
    world.at(START + EPOCH_ZERO);
    world.change_epoch();
    abort
}

// === Later epochs ===

#[test, expected_failure(abort_code = staking_inner::EWrongEpochState)]
fun votes_cannot_end_before_mid_epoch() {
    let mut owned = world(vector[ONE]);
    let world = &mut owned;
    world.first_epoch();
    world.at(START + EPOCH_ZERO + EPOCH / 2 - 1);
    world.voting_end();
    abort
}

#[test, expected_failure(abort_code = staking_inner::EWrongEpochState)]
fun votes_cannot_end_while_shards_move() {
    let mut owned = world(vector[ONE]);
    let world = &mut owned;
    world.at(START + EPOCH_ZERO);
    world.voting_end();
    world.change_epoch();
    world.at(10 * EPOCH);
    world.voting_end();
    abort
}

#[test, expected_failure(abort_code = staking_inner::EWrongEpochState)]
fun no_epoch_change_before_the_epoch_is_over() {
    let mut owned = world(vector[ONE]);
    let world = &mut owned;
    world.first_epoch();
    world.at(START + EPOCH_ZERO + EPOCH / 2);
    world.voting_end();
    world.at(START + EPOCH_ZERO + EPOCH - 1);
    world.change_epoch();
    abort
}

#[test, expected_failure(abort_code = staking_inner::EDuplicateSyncDone)]
fun attest_twice() {
    let mut owned = world(vector[ONE, ONE]);
    let world = &mut owned;
    world.at(START + EPOCH_ZERO);
    world.voting_end();
    world.change_epoch();
    world.sync(0);
    world.sync(0);
    abort
}

#[test, expected_failure(abort_code = staking_inner::EInvalidSyncEpoch)]
fun attest_another_epoch() {
    let mut owned = world(vector[ONE]);
    let world = &mut owned;
    world.first_epoch();
    world.staking.epoch_sync_done(&mut world.caps[0], 2, &world.clock);
    abort
}

#[test, expected_failure(abort_code = staking_inner::ENotInCommittee)]
fun attest_without_shards() {
    let mut owned = world(vector[ONE, 0]);
    let world = &mut owned;
    world.first_epoch();
    world.sync(1);
    abort
}

#[test]
fun a_late_attestation_is_accepted() {
    let mut owned = world(vector[8 * ONE, 2 * ONE]);
    let world = &mut owned;
    world.at(START + EPOCH_ZERO);
    world.voting_end();
    world.change_epoch();
    world.sync(0);
    assert!(world.staking.is_done_for_testing(START + EPOCH_ZERO));
    world.sync(1);
    assert_eq!(world.caps[1].last_epoch_sync_done(), 1);
    destroy(owned);
}

// === Votes ===

#[test]
fun prices_are_those_a_quorum_accepts() {
    let mut owned = world(vector[5 * ONE, 3 * ONE, 2 * ONE]);
    let world = &mut owned;
    let (storage_price, write_price) = world.staking.voted_prices();
    assert_eq!(storage_price, std::u64::max_value!());
    assert_eq!(write_price, std::u64::max_value!());
    world.first_epoch();
    // Votes 10, 20, 30 with 5, 3, 2 shards: 8 shards accept 20, only 5 accept less.
    let (storage_price, write_price) = world.staking.voted_prices();
    assert_eq!(storage_price, 20);
    assert_eq!(write_price, 200);
    destroy(owned);
}

#[test]
fun capacity_is_what_a_quorum_can_store() {
    let mut owned = world(vector[5 * ONE, 3 * ONE, 2 * ONE]);
    let world = &mut owned;
    world.at(START + EPOCH_ZERO);
    world.voting_end();
    // Per node: 1 TB on 5 shards, 2 TB on 3, 3 TB on 2, of 10 shards: 2, 6.67 and 15 TB.
    assert_eq!(world.staking.next_epoch_params().capacity(), 2_000_000_000_000);
    destroy(owned);
}

#[test]
fun the_signers_are_in_committee_order() {
    let mut owned = world(vector[ONE, ONE, ONE, ONE]);
    let world = &mut owned;
    world.at(START + EPOCH_ZERO);
    world.voting_end();
    let signers = world.staking.next_bls_committee();
    assert_eq!(signers.epoch(), 1);
    assert_eq!(signers.n_shards(), N_SHARDS);
    let node_ids = world.staking.next_committee().borrow().inner().keys();
    assert_eq!(signers.to_weights().keys(), node_ids);
    destroy(owned);
}

// === Stake and committee ===

#[test]
fun stake_after_the_votes_counts_one_epoch_later() {
    let mut owned = world(vector[5 * ONE, 5 * ONE]);
    let world = &mut owned;
    world.first_epoch();
    let done = START + EPOCH_ZERO;
    world.at(done + EPOCH / 2);
    world.voting_end();
    world.stake(1, 10 * ONE);
    assert_eq!(world.stakes[2].activation_epoch(), 3);
    world.at(done + EPOCH);
    world.change_epoch();
    assert_eq!(world.shards(0), 5);
    world.sync(0);
    world.sync(1);
    world.at(done + 2 * EPOCH);
    world.voting_end();
    world.change_epoch();
    assert_eq!(world.shards(0), 2);
    assert_eq!(world.shards(1), 8);
    destroy(owned);
}

#[test]
fun a_node_without_stake_loses_its_shards() {
    let mut owned = world(vector[5 * ONE, 5 * ONE]);
    let world = &mut owned;
    world.first_epoch();
    world.staking.request_withdraw_stake(&mut world.stakes[1]);
    assert_eq!(world.staking.active_set().size(), 1);
    world.at(START + EPOCH_ZERO + EPOCH);
    world.voting_end();
    world.change_epoch();
    assert_eq!(world.staking.committee().size(), 1);
    assert_eq!(world.shards(0), N_SHARDS as u64);
    let stake = world.stakes.pop_back();
    let coin = world.staking.withdraw_stake(stake, &mut world.ctx);
    assert_eq!(coin.burn_for_testing(), 5 * ONE);
    destroy(owned);
}

#[test]
fun rewards_reach_pools_and_stakers() {
    let mut owned = world(vector[5 * ONE, 5 * ONE]);
    let world = &mut owned;
    world.first_epoch();
    world.at(START + EPOCH_ZERO + EPOCH);
    world.voting_end();
    let node_ids = world.staking.committee().inner().keys();
    let rewards = node_ids.map_ref!(|_| balance::create_for_testing(ONE));
    let rewards = vec_map::from_keys_values(node_ids, rewards);
    world.staking.initiate_epoch_change(&world.clock, rewards);
    let node_id = world.caps[0].node_id();
    assert_eq!(world.staking.pool_for_testing(node_id).wal_balance(), 6 * ONE);
    assert_eq!(world.staking.calculate_rewards(node_id, 5 * ONE, 1, 2), ONE);
    assert_eq!(world.staking.active_set().total_stake(), 12 * ONE);
    destroy(owned);
}

#[test]
fun commission_of_the_last_epoch_opens_when_the_votes_end() {
    let mut owned = world(vector[5 * ONE]);
    let world = &mut owned;
    world.first_epoch();
    let node_id = world.caps[0].node_id();
    world.staking.add_commission_to_pools(vector[node_id], vector[balance::create_for_testing(9)]);
    let auth = walrus::auth::authenticate_with_object(&world.caps[0]);
    world.staking.collect_commission(node_id, auth).destroy_zero();
    // At the end of these votes the node is not in the previous committee yet.
    world.at(START + EPOCH_ZERO + EPOCH);
    world.voting_end();
    world.change_epoch();
    world.sync(0);
    world.at(START + EPOCH_ZERO + 3 * EPOCH);
    world.voting_end();
    world.staking.add_commission_to_pools(vector[node_id], vector[balance::create_for_testing(2)]);
    let auth = walrus::auth::authenticate_with_object(&world.caps[0]);
    let commission = world.staking.collect_commission(node_id, auth);
    assert_eq!(commission.destroy_for_testing(), 11);
    destroy(owned);
}

#[test, expected_failure(abort_code = staking_inner::EPoolNotFound)]
fun rewards_of_an_unknown_node() {
    let world = world(vector[ONE]);
    world.staking.calculate_rewards(@0xBAD.to_id(), ONE, 1, 2);
    abort
}

// === What cannot happen ===

#[test, expected_failure(abort_code = staking_inner::ECommitteeSelected)]
fun a_committee_that_is_chosen_early() {
    let mut owned = world(vector[ONE]);
    let world = &mut owned;
    world.staking.select_committee_for_testing();
    world.at(START + EPOCH_ZERO);
    world.voting_end();
    abort
}

#[test, expected_failure(abort_code = staking_inner::EIncorrectNodeOrder)]
fun keys_of_another_committee() {
    let mut owned = world(vector[ONE]);
    let world = &mut owned;
    world.at(START + EPOCH_ZERO);
    world.voting_end();
    world.staking.drop_next_keys_for_testing();
    world.staking.next_bls_committee();
    abort
}
