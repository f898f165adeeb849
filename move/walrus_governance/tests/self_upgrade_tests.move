/// Upgrades of this package. None of these calls takes an object of `walrus`, except for the committee.
module walrus_governance::self_upgrade_tests;

use std::unit_test::assert_eq;
use sui::clock;
use sui::event;
use sui::package;
use walrus::auth;
use walrus_governance::authority;
use walrus_governance::events::{SelfUpgradeApproved, SelfUpgradeAuthorized, SelfUpgradeCommitted};
use walrus_governance::identity;
use walrus_governance::own_package;
use walrus_governance::self_upgrade;
use walrus_governance::test_world::{Self, World};

use fun approve as World.approve;
use fun upgrade as World.upgrade;
use fun upgrade_after as World.upgrade_after;
use fun bootstrap as World.bootstrap;
use fun bootstrap_after as World.bootstrap_after;

const DAY_MS: u64 = 86_400_000;
const DIGEST: vector<u8> = x"0101010101010101010101010101010101010101010101010101010101010101";
const OTHER: vector<u8> = x"0202020202020202020202020202020202020202020202020202020202020202";

fun approve(world: &mut World, i: u64, digest: vector<u8>) {
    world.act_as(test_world::key(i));
    let node_id = world.node_id(i);
    let (governance, clock, ctx) = world.clock_parts();
    self_upgrade::approve(governance, identity::of_sender(ctx), node_id, digest, clock);
}

/// Upgrades with the approvals that are a day old.
fun upgrade(world: &mut World, digest: vector<u8>) {
    world.upgrade_after(digest, DAY_MS);
}

fun upgrade_after(world: &mut World, digest: vector<u8>, wait_ms: u64) {
    let (governance, clock, ctx) = world.clock_parts();
    let mut later = clock::create_for_testing(ctx);
    later.set_for_testing(clock.timestamp_ms() + wait_ms);
    let ticket = self_upgrade::authorize(governance, digest, &later);
    later.destroy_for_testing();
    assert_eq!(*ticket.digest(), digest);
    self_upgrade::commit(governance, package::test_upgrade(ticket));
}

/// Upgrades with the bootstrap capability and the approvals that are a day old.
fun bootstrap(world: &mut World, digest: vector<u8>) {
    world.bootstrap_after(digest, DAY_MS);
}

fun bootstrap_after(world: &mut World, digest: vector<u8>, wait_ms: u64) {
    let (governance, cap, clock, ctx) = world.bootstrap_parts();
    let mut later = clock::create_for_testing(ctx);
    later.set_for_testing(clock.timestamp_ms() + wait_ms);
    let ticket = self_upgrade::authorize_bootstrap(governance, cap, digest, &later);
    later.destroy_for_testing();
    self_upgrade::commit(governance, package::test_upgrade(ticket));
}

/// Nodes 0, 1 and 2, with eight shards of ten, handed their authority over.
fun delegated(): World {
    let mut world = test_world::with_keys();
    3u64.do!(|i| world.delegate(i));
    world
}

#[test]
fun nodes_with_their_authority_at_stake_upgrade() {
    let mut world = delegated();
    // Eight shards of ten.
    3u64.do!(|i| world.approve(i, DIGEST));
    assert_eq!(event::events_by_type<SelfUpgradeApproved>().length(), 1);
    world.upgrade(DIGEST);
    assert_eq!(event::events_by_type<SelfUpgradeAuthorized>().length(), 1);
    assert_eq!(event::events_by_type<SelfUpgradeCommitted>().length(), 1);
    world.end();
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun approvals_count_after_a_day() {
    let mut world = delegated();
    3u64.do!(|i| world.approve(i, DIGEST));
    world.upgrade_after(DIGEST, DAY_MS - 1);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun too_few_approve() {
    let mut world = delegated();
    // More than two thirds of those that handed theirs over, six shards of ten in all.
    world.approve(0, DIGEST);
    world.approve(1, DIGEST);
    world.upgrade(DIGEST);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun a_node_approves_one_digest() {
    let mut world = delegated();
    3u64.do!(|i| world.approve(i, DIGEST));
    world.approve(0, OTHER);
    world.upgrade(DIGEST);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun approving_twice_counts_once() {
    let mut world = delegated();
    3u64.do!(|_| world.approve(0, DIGEST));
    world.upgrade(DIGEST);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun approvals_end_with_the_upgrade() {
    let mut world = delegated();
    3u64.do!(|i| world.approve(i, DIGEST));
    world.upgrade(DIGEST);
    world.upgrade(DIGEST);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun the_approval_of_a_node_that_left_does_not_count() {
    let mut world = delegated();
    3u64.do!(|i| world.approve(i, DIGEST));
    world.revoke(0, auth::authorized_address(@0xCAFE));
    world.upgrade(DIGEST);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun an_approval_ends_when_the_authority_is_taken_back() {
    let mut world = delegated();
    3u64.do!(|i| world.approve(i, DIGEST));
    world.revoke(0, auth::authorized_address(test_world::key(0)));
    world.delegate(0);
    world.upgrade(DIGEST);
    abort
}

// === The first nodes ===

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun a_single_early_node_does_not_upgrade() {
    let mut world = test_world::with_keys();
    world.delegate(2);
    world.approve(2, DIGEST);
    world.upgrade(DIGEST);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun two_thirds_that_took_their_authority_back_do_not_upgrade() {
    let mut world = delegated();
    world.approve(2, DIGEST);
    // Nothing is left at stake but the authority of the one that approves.
    world.revoke(0, auth::authorized_address(@0xCAFE));
    world.revoke(1, auth::authorized_address(@0xCAFE));
    world.upgrade(DIGEST);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun exactly_two_thirds_are_not_enough() {
    let mut world = test_world::with_keys();
    4u64.do!(|i| world.delegate(i));
    world.approve(0, DIGEST);
    world.approve(1, DIGEST);
    world.upgrade(DIGEST);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun nobody_approves_for_nobody() {
    let mut world = test_world::with_keys();
    world.upgrade(DIGEST);
    abort
}

#[test]
fun weights_follow_the_committee() {
    let mut world = delegated();
    world.delegate(3);
    // Node 0 leaves; the others have all shards, of which they had seven.
    let mut stake = world.take_stake(0);
    let (_, staking, ctx) = world.parts();
    staking.request_withdraw_stake(&mut stake, ctx);
    world.skip(1);
    let (governance, staking, _) = world.parts();
    self_upgrade::sync_committee(governance, staking);
    let (governance, _, _, _) = world.bootstrap_parts();
    let (own_package, _) = governance.own_package_mut();
    assert_eq!(own_package.weights_for_testing(), vector[4, 3, 3]);
    vector[1, 2, 3].do!(|i| world.approve(i, DIGEST));
    world.upgrade(DIGEST);
    std::unit_test::destroy(stake);
    world.end();
}

#[test, expected_failure(abort_code = authority::ENotDelegated)]
fun a_node_without_anything_at_stake_approves() {
    let mut world = delegated();
    world.approve(3, DIGEST);
    abort
}

#[test, expected_failure(abort_code = authority::ENotVotingKey)]
fun somebody_else_approves() {
    let mut world = delegated();
    world.act_as(test_world::key(1));
    let node_id = world.node_id(0);
    let (governance, clock, ctx) = world.clock_parts();
    self_upgrade::approve(governance, identity::of_sender(ctx), node_id, DIGEST, clock);
    abort
}

#[test, expected_failure(abort_code = own_package::EInvalidDigestLength)]
fun a_short_digest() {
    let mut world = delegated();
    world.approve(0, x"01");
    abort
}

#[test]
fun the_bootstrap_cap_upgrades_at_the_beginning() {
    let mut world = test_world::with_keys();
    // At once: nobody has anything at stake.
    world.bootstrap_after(DIGEST, 0);
    // And again, after the last node took its authority back.
    world.delegate(0);
    world.revoke(0, auth::authorized_address(@0xCAFE));
    world.bootstrap_after(DIGEST, 0);
    world.end();
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun the_bootstrap_cap_is_not_enough_from_the_first_node_on() {
    let mut world = test_world::with_keys();
    world.delegate(2);
    world.bootstrap(DIGEST);
    abort
}

#[test]
fun the_bootstrap_cap_and_the_first_nodes_upgrade_together() {
    let mut world = test_world::with_keys();
    world.delegate(2);
    world.approve(2, DIGEST);
    world.bootstrap(DIGEST);
    // Later with more than two thirds of those that are there.
    world.delegate(0);
    world.delegate(1);
    world.approve(0, OTHER);
    world.approve(1, OTHER);
    world.bootstrap(OTHER);
    world.end();
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun the_bootstrap_cap_and_a_minority_of_the_first_nodes() {
    let mut world = delegated();
    world.approve(0, DIGEST);
    world.approve(2, DIGEST);
    world.bootstrap(DIGEST);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun the_bootstrap_cap_does_not_shorten_the_day() {
    let mut world = test_world::with_keys();
    world.delegate(2);
    world.approve(2, DIGEST);
    world.bootstrap_after(DIGEST, DAY_MS - 1);
    abort
}

#[test]
fun nodes_that_can_upgrade_need_no_bootstrap_cap() {
    let mut world = test_world::with_keys();
    4u64.do!(|i| world.delegate(i));
    world.approve(0, DIGEST);
    world.approve(1, DIGEST);
    world.approve(3, DIGEST);
    world.upgrade(DIGEST);
    world.end();
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun a_late_approval_does_not_count_yet() {
    let mut world = delegated();
    world.approve(0, DIGEST);
    world.approve(1, DIGEST);
    // The clock goes on by two seconds.
    world.skip(2);
    world.approve(2, DIGEST);
    world.upgrade_after(DIGEST, DAY_MS - 1);
    abort
}

#[test, expected_failure(abort_code = own_package::ENotEnoughApprovals)]
fun the_clock_of_a_new_chain() {
    let mut world = delegated();
    3u64.do!(|i| world.approve(i, DIGEST));
    // Less than a day since 1970.
    world.upgrade_after(DIGEST, 0);
    abort
}
