module walrus_governance::voting_stake_tests;

use std::unit_test::{assert_eq, destroy};
use walrus_governance::content;
use walrus_governance::test_world::{Self, World};
use walrus_governance::voting_stake::{Self, VotingStake};

use fun unlock as World.unlock;
use fun open_many as World.open_many;

const YES: u8 = 0;
const NO: u8 = 1;

/// 1000 WAL at the assumed 500 WAL per shard.
const WEIGHT: u64 = 2_000_000;

fun unlock(world: &mut World, stake: VotingStake) {
    let (_, staking, _) = world.parts();
    destroy(stake.unlock(staking));
}

#[test]
fun stake_without_votes_comes_out() {
    let mut world = test_world::start();
    let stake = world.lock_stake(0);
    assert_eq!(stake.staked_wal().value(), 1_000 * test_world::frost_per_wal());
    assert_eq!(stake.locked_until(), 0);
    world.unlock(stake);
    world.end();
}

#[test, expected_failure(abort_code = voting_stake::EStillVoting)]
fun stake_that_votes_stays_in() {
    let mut world = test_world::start();
    let number = world.open_text();
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, YES);
    // In the last epoch of the vote.
    world.skip(1);
    world.unlock(stake);
    abort
}

#[test]
fun the_end_of_the_vote_frees_the_stake_and_keeps_its_vote() {
    let mut world = test_world::start();
    let number = world.open_text();
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, YES);
    assert_eq!(stake.locked_until(), 4);
    assert_eq!(stake.votes().length(), 1);
    world.skip(2);
    // Freeing it one by one changes nothing of the result.
    world.retract(&mut stake, number);
    assert_eq!(stake.locked_until(), 0);
    assert_eq!(world.votes(number), vector[WEIGHT, 0, 0]);
    world.unlock(stake);
    world.close(number);
    assert_eq!(world.votes(number), vector[WEIGHT, 0, 0]);
    world.end();
}

#[test]
fun the_end_of_the_vote_is_enough_to_come_out() {
    let mut world = test_world::start();
    let number = world.open_text();
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, YES);
    world.skip(2);
    world.unlock(stake);
    assert_eq!(world.votes(number), vector[WEIGHT, 0, 0]);
    world.end();
}

#[test]
fun retracting_takes_the_vote_back() {
    let mut world = test_world::start();
    let number = world.open_text();
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, YES);
    world.retract(&mut stake, number);
    assert_eq!(world.votes(number), vector[0, 0, 0]);
    // Split now, the parts vote for no more than the whole.
    let (_, staking, ctx) = world.parts();
    let mut whole = stake.unlock(staking);
    let part = whole.split(400 * test_world::frost_per_wal(), ctx);
    let mut first = voting_stake::lock(whole, ctx);
    let mut second = voting_stake::lock(part, ctx);
    world.vote_with(&mut first, number, YES);
    assert_eq!(world.votes(number), vector[1_200_000, 0, 0]);
    world.vote_with(&mut second, number, NO);
    assert_eq!(world.votes(number), vector[1_200_000, 800_000, 0]);
    destroy(first);
    destroy(second);
    world.end();
}

#[test]
fun a_vote_moves_with_its_stake() {
    let mut world = test_world::start();
    let number = world.open_text();
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, number, YES);
    transfer::public_transfer(stake, @0xCAFE);
    // The new holder can change the vote, not add one.
    world.act_as(@0xCAFE);
    let mut stake = world.scenario().take_from_sender<VotingStake>();
    world.vote_with(&mut stake, number, NO);
    assert_eq!(world.votes(number), vector[0, WEIGHT, 0]);
    destroy(stake);
    world.end();
}

#[test]
fun stake_votes_on_several_proposals_and_forgets_what_is_over() {
    let mut world = test_world::start();
    let first = world.open_text();
    let second = world.open_text();
    let mut stake = world.lock_stake(0);
    world.vote_with(&mut stake, first, YES);
    world.vote_with(&mut stake, second, NO);
    world.vote_with(&mut stake, second, YES);
    assert_eq!(stake.votes().length(), 2);
    assert_eq!(stake.locked_until(), 5);
    // Voting opened in epochs 2, 3 and 4, and lasts to the end of the next epoch.
    let third = world.open_text();
    world.vote_with(&mut stake, third, YES);
    assert_eq!(stake.votes().length(), 2);
    assert!(!stake.votes().contains(&first));
    destroy(stake);
    world.end();
}

#[test]
fun rewards_count() {
    let mut world = test_world::start();
    let (system, payment, ctx) = world.network().storage_parts();
    // 100,000 units of storage for 5 FROST each.
    system.reserve_space(100_000 * 1_024 * 1_024, 1, payment, ctx).destroy();
    world.skip(1);
    let stake = world.lock_stake(0);
    let (_, staking, _) = world.parts();
    let principal = 1_000 * test_world::frost_per_wal();
    assert_eq!(stake.value_at(staking, 1), principal);
    // Three of ten shards, after 3% were burnt.
    assert_eq!(stake.value_at(staking, 2), principal + 145_500);
    destroy(stake);
    world.end();
}

// === Stake that was not there at the snapshot ===

#[test, expected_failure(abort_code = voting_stake::ENotActiveAtSnapshot)]
fun stake_that_becomes_active_after_the_snapshot() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.skip(1);
    // Staked in the very transaction that opens the vote.
    let late = world.stake(0, 5_000);
    world.open(number);
    world.skip(1);
    let mut stake = voting_stake::lock(late, world.scenario().ctx());
    world.vote_with(&mut stake, number, YES);
    abort
}

#[test, expected_failure(abort_code = voting_stake::ENotActiveAtSnapshot)]
fun stake_that_had_left_at_the_snapshot() {
    let mut world = test_world::start();
    let mut stake = world.take_stake(0);
    let (_, staking, ctx) = world.parts();
    staking.request_withdraw_stake(&mut stake, ctx);
    let number = world.open_text();
    let mut stake = voting_stake::lock(stake, world.scenario().ctx());
    world.vote_with(&mut stake, number, YES);
    abort
}

#[test]
fun stake_on_its_way_out_votes_as_long_as_it_was_there() {
    let mut world = test_world::start();
    let number = world.open_text();
    let mut stake = world.take_stake(0);
    let (_, staking, ctx) = world.parts();
    staking.request_withdraw_stake(&mut stake, ctx);
    let mut stake = voting_stake::lock(stake, ctx);
    world.vote_with(&mut stake, number, YES);
    assert_eq!(world.votes(number), vector[WEIGHT, 0, 0]);
    destroy(stake);
    world.end();
}

// === Limits ===

#[test, expected_failure(abort_code = voting_stake::ENoVote)]
fun nothing_to_retract() {
    let mut world = test_world::start();
    let number = world.open_text();
    let mut stake = world.lock_stake(0);
    world.retract(&mut stake, number);
    abort
}

/// Proposals that are all open at once.
fun open_many(world: &mut World, count: u64): vector<u64> {
    let numbers = vector::tabulate!(count, |_| world.propose(content::free_text()));
    world.skip(1);
    numbers.do!(|number| world.open(number));
    numbers
}

#[test]
fun as_many_votes_as_allowed() {
    let mut world = test_world::start();
    let numbers = world.open_many(32);
    let mut stake = world.lock_stake(0);
    numbers.do!(|number| world.vote_with(&mut stake, number, YES));
    // Changing one is not one more.
    world.vote_with(&mut stake, numbers[7], NO);
    assert_eq!(stake.votes().length(), 32);
    destroy(stake);
    world.end();
}

#[test, expected_failure(abort_code = voting_stake::ETooManyVotes)]
fun too_many_votes() {
    let mut world = test_world::start();
    let numbers = world.open_many(33);
    let mut stake = world.lock_stake(0);
    numbers.do!(|number| world.vote_with(&mut stake, number, YES));
    abort
}
