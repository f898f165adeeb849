module walrus_governance::execution_tests;

use std::unit_test::{assert_eq, destroy};
use sui::event;
use sui::package;
use walrus::auth;
use walrus::slashing::{Self, SlashingManager};
use walrus::upgrade::{Self, UpgradeManager};
use walrus_governance::authority;
use walrus_governance::content::{Self, Kind};
use walrus_governance::events::{ParametersChanged, ProposalExecuted, VotesCast};
use walrus_governance::execution;
use walrus_governance::parameters;
use walrus_governance::proposal;
use walrus_governance::test_world::{Self, World};

use fun ids as World.ids;
use fun vote_for_upgrade as World.vote_for_upgrade;
use fun upgrade as World.upgrade;
use fun add_commission as World.add_commission;
use fun slash as World.slash;

const DIGEST: vector<u8> = x"0101010101010101010101010101010101010101010101010101010101010101";
const COMMISSION: u64 = 700;

/// A decision for the kind that can be executed. The nodes named handed their authority over.
fun decided(kind: Kind, delegating: vector<u64>): (World, u64) {
    let mut world = test_world::with_keys();
    delegating.do!(|i| world.delegate(i));
    let number = world.pass_and_wait(kind);
    (world, number)
}

fun ids(world: &World, nodes: vector<u64>): vector<ID> {
    nodes.map!(|i| world.node_id(i))
}

// === Upgrade ===

/// Votes for the upgrade in `walrus` itself, as a node that keeps its authority.
fun vote_for_upgrade(world: &mut World, manager: &mut UpgradeManager, i: u64) {
    world.act_as(test_world::key(i));
    let node_id = world.node_id(i);
    let (_, staking, ctx) = world.parts();
    manager.vote_for_upgrade(staking, auth::authenticate_sender(ctx), node_id, DIGEST);
}

fun upgrade(world: &mut World, manager: &mut UpgradeManager, number: u64, nodes: vector<u64>) {
    let node_ids = world.ids(nodes);
    let (governance, staking, _) = world.parts();
    let ticket = execution::authorize_upgrade(governance, staking, manager, number, node_ids);
    assert_eq!(*ticket.digest(), DIGEST);
    let receipt = package::test_upgrade(ticket);
    let (system, staking, _, _, _) = world.network().staking_parts();
    manager.commit_upgrade(staking, system, receipt);
}

#[test]
fun delegated_nodes_upgrade() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 1, 2]);
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.upgrade(&mut manager, number, vector[0, 1, 2]);
    assert_eq!(event::events_by_type<VotesCast>().length(), 1);
    assert_eq!(event::events_by_type<ProposalExecuted>().length(), 1);
    world.assert_executed(number);
    destroy(manager);
    world.end();
}

#[test]
fun other_nodes_join_in() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 2]);
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    // Votes of an earlier epoch are gone.
    world.vote_for_upgrade(&mut manager, 3);
    world.skip(1);
    world.vote_for_upgrade(&mut manager, 1);
    // Eight shards of ten.
    world.upgrade(&mut manager, number, vector[0, 2]);
    destroy(manager);
    world.end();
}

#[test, expected_failure(abort_code = upgrade::ENotEnoughVotes)]
fun an_upgrade_without_quorum_in_walrus() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 1]);
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.upgrade(&mut manager, number, vector[0, 1]);
    abort
}

#[test, expected_failure(abort_code = upgrade::ENotEnoughVotes)]
fun votes_of_an_earlier_epoch_do_not_help() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 1]);
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.vote_for_upgrade(&mut manager, 2);
    world.skip(1);
    world.upgrade(&mut manager, number, vector[0, 1]);
    abort
}

#[test, expected_failure(abort_code = upgrade::EDuplicateVote)]
fun a_node_named_twice() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 1, 2]);
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.upgrade(&mut manager, number, vector[0, 1, 0]);
    abort
}

#[test, expected_failure(abort_code = authority::ENotDelegated)]
fun a_node_that_keeps_its_authority_is_named() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 1]);
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.upgrade(&mut manager, number, vector[0, 1, 2]);
    abort
}

#[test, expected_failure(abort_code = authority::ENotDelegated)]
fun a_node_that_took_its_authority_back_is_named() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 1, 2]);
    world.revoke(0, auth::authorized_address(test_world::key(0)));
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.upgrade(&mut manager, number, vector[0, 1, 2]);
    abort
}

#[test, expected_failure(abort_code = proposal::ETooEarly)]
fun an_upgrade_during_the_delay() {
    let mut world = test_world::with_keys();
    3u64.do!(|i| world.delegate(i));
    let number = world.pass(content::upgrade(DIGEST));
    world.queue(number);
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.upgrade(&mut manager, number, vector[0, 1, 2]);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun an_upgrade_that_a_third_objects_to() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 1, 2]);
    world.object_to(0, number);
    world.object_to(2, number);
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.upgrade(&mut manager, number, vector[0, 1, 2]);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun an_upgrade_happens_once() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 1, 2]);
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.upgrade(&mut manager, number, vector[0, 1, 2]);
    world.skip(1);
    world.upgrade(&mut manager, number, vector[0, 1, 2]);
    abort
}

#[test, expected_failure(abort_code = content::EWrongKind)]
fun a_text_upgrades_nothing() {
    let (mut world, number) = decided(content::free_text(), vector[0, 1, 2]);
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.upgrade(&mut manager, number, vector[0, 1, 2]);
    abort
}

#[test]
fun named_nodes_outside_the_committee_are_passed_over() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 1, 2, 3]);
    // Node 3 leaves: its stake is gone.
    let mut stake = world.take_stake(3);
    let (_, staking, ctx) = world.parts();
    staking.request_withdraw_stake(&mut stake, ctx);
    world.skip(1);
    let node_id = world.node_id(3);
    let (_, staking, _) = world.parts();
    assert!(!staking.committee().inner().contains(&node_id));
    let mut manager = world.scenario().take_shared<UpgradeManager>();
    world.upgrade(&mut manager, number, vector[3, 2, 1, 0]);
    destroy(stake);
    destroy(manager);
    world.end();
}

// === Slashing ===

fun add_commission(world: &mut World, i: u64) {
    let commission = world.network().take_funds(COMMISSION).into_balance();
    let node_id = world.node_id(i);
    let (_, staking, _) = world.parts();
    staking.add_commission_to_pools(vector[node_id], vector[commission]);
}

fun slash(world: &mut World, manager: &mut SlashingManager, number: u64, nodes: vector<u64>) {
    let node_ids = world.ids(nodes);
    let (governance, staking, treasury, ctx) = world.with_treasury();
    execution::execute_slashing(governance, staking, manager, treasury, number, node_ids, ctx);
}

/// A decision to slash node 3, which has commission.
fun to_slash(delegating: vector<u64>): (World, u64, SlashingManager) {
    let mut world = test_world::with_keys();
    delegating.do!(|i| world.delegate(i));
    let slashed = world.node_id(3);
    let number = world.pass_and_wait(content::slash(slashed));
    world.add_commission(3);
    let manager = world.scenario().take_shared();
    (world, number, manager)
}

#[test]
fun delegated_nodes_slash() {
    let (mut world, number, mut manager) = to_slash(vector[0, 1, 2]);
    let before = world.supply();
    world.slash(&mut manager, number, vector[0, 1, 2]);
    assert_eq!(world.supply(), before - COMMISSION);
    assert_eq!(event::events_by_type<VotesCast>().length(), 1);
    assert_eq!(event::events_by_type<ProposalExecuted>().length(), 1);
    destroy(manager);
    world.end();
}

#[test]
fun other_nodes_slash_too() {
    let (mut world, number, mut manager) = to_slash(vector[0]);
    let candidate = world.node_id(3);
    vector[1, 2].do!(|i| {
        world.act_as(test_world::key(i));
        let node_id = world.node_id(i);
        let (_, staking, ctx) = world.parts();
        let auth = auth::authenticate_sender(ctx);
        manager.vote_for_slashing(staking, auth, node_id, candidate);
    });
    let before = world.supply();
    world.slash(&mut manager, number, vector[0]);
    assert_eq!(world.supply(), before - COMMISSION);
    destroy(manager);
    world.end();
}

#[test, expected_failure(abort_code = slashing::ENotEnoughVotes)]
fun slashing_without_quorum_in_walrus() {
    let (mut world, number, mut manager) = to_slash(vector[0, 1]);
    world.slash(&mut manager, number, vector[0, 1]);
    abort
}

#[test, expected_failure(abort_code = proposal::EWrongState)]
fun one_decision_slashes_once() {
    let (mut world, number, mut manager) = to_slash(vector[0, 1, 2]);
    world.slash(&mut manager, number, vector[0, 1, 2]);
    world.skip(1);
    world.add_commission(3);
    world.slash(&mut manager, number, vector[0, 1, 2]);
    abort
}

#[test, expected_failure(abort_code = content::EWrongKind)]
fun an_upgrade_slashes_nobody() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[0, 1, 2]);
    let mut manager = world.scenario().take_shared<SlashingManager>();
    world.slash(&mut manager, number, vector[0, 1, 2]);
    abort
}

// === The other kinds ===

#[test]
fun parameters_change() {
    let wal = test_world::frost_per_wal();
    let rules = parameters::new(2 * wal, 0, 2, 3, 4, 40_00, 60_00, 70_00);
    let (mut world, number) = decided(content::governance_parameters(rules), vector[]);
    world.execute(number);
    assert_eq!(event::events_by_type<ParametersChanged>().length(), 1);
    assert_eq!(event::events_by_type<ProposalExecuted>().length(), 1);
    assert!(world.governance().parameters() == rules);
    // The next proposal is under the new rules.
    let deposit = world.network().take_funds(2 * wal);
    let number = world.propose_with(content::free_text(), deposit);
    world.open(number);
    assert!(world.governance().proposal(number).parameters() == rules);
    world.end();
}

#[test]
fun advice_is_recorded() {
    let advice = content::parameter_advice(option::some(1), option::some(2), option::some(3));
    let (mut world, number) = decided(advice, vector[]);
    world.execute(number);
    assert_eq!(event::events_by_type<ProposalExecuted>().length(), 1);
    assert!(world.governance().parameters() == test_world::parameters());
    world.end();
}

#[test, expected_failure(abort_code = content::EWrongKind)]
fun an_upgrade_is_not_only_recorded() {
    let (mut world, number) = decided(content::upgrade(DIGEST), vector[]);
    world.execute(number);
    abort
}

#[test, expected_failure(abort_code = content::EWrongKind)]
fun a_slashing_is_not_only_recorded() {
    let mut world = test_world::with_keys();
    let slashed = world.node_id(3);
    let number = world.pass_and_wait(content::slash(slashed));
    world.execute(number);
    abort
}
