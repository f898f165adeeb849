#[test_only]
/// A running network with a governance, for tests of the entry points.
module walrus_governance::test_world;

use std::bcs;
use std::unit_test::{assert_eq, destroy};
use sui::clock::Clock;
use sui::coin::Coin;
use sui::package;
use sui::test_scenario::Scenario;
use wal::wal::{ProtectedTreasury, WAL};
use walrus::auth::{Self, Authorized};
use walrus::staked_wal::StakedWal;
use walrus::staking::Staking;
use walrus::test_network::{Self, Network};
use walrus_governance::content::{Self, Kind};
use walrus_governance::governance::{Self, BootstrapUpgradeCap, Governance};
use walrus_governance::identity;
use walrus_governance::parameters::{Self, Parameters};
use walrus_governance::proposal::State;
use walrus_governance::voting_stake::{Self, VotingStake};

const FROST_PER_WAL: u64 = 1_000_000_000;
const DEPOSIT: u64 = 10 * FROST_PER_WAL;
/// What `open` lets the committee attest.
const STAKE_PER_SHARD: u64 = 500 * FROST_PER_WAL;

const YES: u8 = 0;

// States, as their numbers.
const PENDING: u8 = 0;
const ACTIVE: u8 = 1;
const DEFEATED: u8 = 2;
const PASSED: u8 = 3;
const QUEUED: u8 = 4;
const EXECUTED: u8 = 5;
const EXPIRED: u8 = 6;
const CANCELLED: u8 = 7;

/// Package that the governance believes to be its own; any but 0x0 can be upgraded.
const OWN_PACKAGE: address = @0x60F;
const PROPOSER: address = @0xB0B;
/// Holder of all stake.
const STAKER: address = @0xAD;

/// What the tests hold between steps. Nodes have 3, 3, 2 and 2 shards and 1000 WAL each.
public struct World {
    network: Network,
    governance: Governance,
    bootstrap_cap: BootstrapUpgradeCap,
}

/// Parameters with short times: a deposit of 10 WAL; a discussion, vote and delay of 1 epoch, 2 epochs to
/// act; quorum half, threshold two thirds, forfeiture two thirds.
public fun parameters(): Parameters {
    parameters::new(DEPOSIT, 1, 1, 1, 2, 50_00, 66_67, 66_67)
}

/// A network in epoch 1 with a governance. Every node has a governance key of its own.
public fun start(): World {
    with_network(test_network::running())
}

/// A governance in the network.
public fun with_network(mut network: Network): World {
    let ctx = network.scenario().ctx();
    let upgrade_cap = package::test_publish(OWN_PACKAGE.to_id(), ctx);
    let bootstrap_cap = governance::create_for_testing(upgrade_cap, parameters(), ctx);
    network.next_tx();
    let governance = network.scenario().take_shared();
    World { network, governance, bootstrap_cap }
}

/// Gives the first `count` nodes governance keys of their own.
public fun separate_keys(self: &mut World, count: u64) {
    count.do!(|i| self.separate_keys_of(i));
}

/// Gives a node of the sender a governance key of its own.
public fun separate_keys_of(self: &mut World, i: u64) {
    let node_id = self.network.node_id(i);
    let to = auth::authorized_address(key(i));
    let (_, staking, _, _, ctx) = self.network.staking_parts();
    staking.set_governance_authorized(node_id, auth::authenticate_sender(ctx), to);
}

/// A world in which each of the four nodes has a governance key of its own.
public fun with_keys(): World {
    let mut world = start();
    world.separate_keys(4);
    world
}

/// Ends the test.
public fun end(self: World) {
    destroy(self);
}

/// Governance key of a node.
public fun key(i: u64): address {
    sui::address::from_u256(0xA0 + (i as u256))
}

public fun proposer(): address {
    PROPOSER
}

public fun staker(): address {
    STAKER
}

public fun deposit(): u64 {
    DEPOSIT
}

public fun frost_per_wal(): u64 {
    FROST_PER_WAL
}

// === Parts ===

public fun network(self: &mut World): &mut Network {
    &mut self.network
}

public fun scenario(self: &mut World): &mut Scenario {
    self.network.scenario()
}

public fun governance(self: &World): &Governance {
    &self.governance
}

public fun governance_mut(self: &mut World): &mut Governance {
    &mut self.governance
}

/// What nearly every step needs.
public fun parts(self: &mut World): (&mut Governance, &mut Staking, &mut TxContext) {
    let (_, staking, _, _, ctx) = self.network.staking_parts();
    (&mut self.governance, staking, ctx)
}

public fun with_treasury(
    self: &mut World,
): (&mut Governance, &mut Staking, &mut ProtectedTreasury, &mut TxContext) {
    let (_, staking, treasury, _, ctx) = self.network.staking_parts();
    (&mut self.governance, staking, treasury, ctx)
}

public fun clock_parts(self: &mut World): (&mut Governance, &Clock, &mut TxContext) {
    let (_, _, _, clock, ctx) = self.network.staking_parts();
    (&mut self.governance, clock, ctx)
}

public fun bootstrap_parts(
    self: &mut World,
): (&mut Governance, &BootstrapUpgradeCap, &Clock, &mut TxContext) {
    let (_, _, _, clock, ctx) = self.network.staking_parts();
    (&mut self.governance, &self.bootstrap_cap, clock, ctx)
}

public fun node_id(self: &World, i: u64): ID {
    self.network.node_id(i)
}

public fun epoch(self: &mut World): u32 {
    let (_, staking, _) = self.parts();
    staking.epoch()
}

public fun supply(self: &mut World): u64 {
    let (_, _, treasury, _) = self.with_treasury();
    treasury.total_supply()
}

// === Steps ===

/// Starts a transaction of this sender.
public fun act_as(self: &mut World, sender: address) {
    self.network.scenario().next_tx(sender);
}

/// Goes on by some epochs.
public fun skip(self: &mut World, epochs: u64) {
    epochs.do!(|_| self.network.next_epoch());
}

/// Proposes, as the proposer.
public fun propose(self: &mut World, kind: Kind): u64 {
    let deposit = self.network.take_funds(DEPOSIT);
    self.propose_with(kind, deposit)
}

public fun propose_with(self: &mut World, kind: Kind, deposit: Coin<WAL>): u64 {
    self.act_as(PROPOSER);
    let (governance, staking, ctx) = self.parts();
    let body = content::text(b"Because.".to_string());
    governance.propose(staking, b"Title".to_string(), body, kind, deposit, ctx)
}

/// Opens the vote, with a census of 500 WAL per shard unless there is one.
public fun open(self: &mut World, number: u64) {
    let (governance, staking, _) = self.parts();
    if (!governance.census_confirmed(staking.epoch())) {
        let members = staking.committee().inner();
        let totals = vector::tabulate!(members.length(), |i| {
            let (_, shards) = members.get_entry_by_idx(i);
            shards.length() * STAKE_PER_SHARD
        });
        governance.confirm_census_for_testing(staking, totals);
    };
    self.open_with_census(number);
}

/// Opens the vote with the census that there is.
public fun open_with_census(self: &mut World, number: u64) {
    let (governance, staking, ctx) = self.parts();
    governance.open(staking, number, ctx);
}

/// Proposes a free text and opens the vote, in epoch 2.
public fun open_text(self: &mut World): u64 {
    self.open_new(content::free_text())
}

/// Proposes and opens the vote an epoch later.
public fun open_new(self: &mut World, kind: Kind): u64 {
    let number = self.propose(kind);
    self.skip(1);
    self.open(number);
    number
}

/// Votes as a node, with its own key.
public fun vote(self: &mut World, i: u64, number: u64, choice: u8) {
    self.act_as(key(i));
    self.vote_as_sender(i, number, choice);
}

/// Votes as a node, with whatever key the sender has.
public fun vote_as_sender(self: &mut World, i: u64, number: u64, choice: u8) {
    let node_id = self.node_id(i);
    let (governance, staking, ctx) = self.parts();
    let identity = identity::of_sender(ctx);
    walrus_governance::voting::vote_as_node(
        governance,
        staking,
        identity,
        node_id,
        number,
        choice,
        option::none(),
    );
}

public fun object_to(self: &mut World, i: u64, number: u64) {
    self.act_as(key(i));
    let node_id = self.node_id(i);
    let (governance, staking, ctx) = self.parts();
    let identity = identity::of_sender(ctx);
    walrus_governance::voting::object_to(governance, staking, identity, node_id, number);
}

public fun close(self: &mut World, number: u64) {
    let (governance, staking, ctx) = self.parts();
    governance.close(staking, number, ctx);
}

public fun queue(self: &mut World, number: u64) {
    let (governance, staking, _) = self.parts();
    governance.queue(staking, number);
}

public fun cancel(self: &mut World, number: u64) {
    let (governance, staking, ctx) = self.parts();
    governance.cancel(staking, number, ctx);
}

public fun expire(self: &mut World, number: u64) {
    let (governance, staking, ctx) = self.parts();
    governance.expire(staking, number, ctx);
}

public fun execute(self: &mut World, number: u64) {
    let (governance, staking, _) = self.parts();
    walrus_governance::execution::execute(governance, staking, number);
}

/// Proposes something for which all nodes vote, and closes the vote.
public fun pass(self: &mut World, kind: Kind): u64 {
    let number = self.open_new(kind);
    4u64.do!(|i| self.vote(i, number, YES));
    self.skip(2);
    self.close(number);
    number
}

/// Proposes something for which all nodes vote, and waits until it can be executed.
public fun pass_and_wait(self: &mut World, kind: Kind): u64 {
    let number = self.pass(kind);
    self.queue(number);
    self.skip(1);
    number
}

public fun delegate(self: &mut World, i: u64) {
    self.act_as(key(i));
    self.delegate_as_sender(i);
}

public fun delegate_as_sender(self: &mut World, i: u64) {
    let node_id = self.node_id(i);
    let (governance, staking, ctx) = self.parts();
    governance.delegate_authority(staking, identity::of_sender(ctx), node_id);
}

public fun revoke(self: &mut World, i: u64, to: Authorized) {
    self.act_as(key(i));
    let node_id = self.node_id(i);
    let (governance, staking, ctx) = self.parts();
    governance.revoke_authority(staking, identity::of_sender(ctx), node_id, to);
}

/// Attests, as a node, what is staked with each member in this epoch.
public fun attest(self: &mut World, i: u64, totals: vector<u64>) {
    let epoch = self.epoch();
    self.attest_for(i, epoch, totals);
}

/// Attests what is staked with each member in an epoch.
public fun attest_for(self: &mut World, i: u64, epoch: u32, totals: vector<u64>) {
    self.act_as(key(i));
    let node_id = self.node_id(i);
    let (governance, staking, ctx) = self.parts();
    governance.attest_stakes(staking, identity::of_sender(ctx), node_id, epoch, totals);
}

/// Takes the staker's stake with a node.
public fun take_stake(self: &mut World, i: u64): StakedWal {
    self.act_as(STAKER);
    let node_id = self.node_id(i);
    let mut others = vector[];
    let stake = loop {
        let stake = self.scenario().take_from_sender<StakedWal>();
        if (stake.node_id() == node_id) break stake;
        others.push_back(stake);
    };
    others.do!(|stake| self.scenario().return_to_sender(stake));
    stake
}

/// Takes the staker's stake with a node, to vote with it.
public fun lock_stake(self: &mut World, i: u64): VotingStake {
    let stake = self.take_stake(i);
    voting_stake::lock(stake, self.scenario().ctx())
}

/// Stakes WAL with a node.
public fun stake(self: &mut World, i: u64, wal: u64): StakedWal {
    let to_stake = self.network.take_funds(wal * FROST_PER_WAL);
    let node_id = self.node_id(i);
    let (_, staking, ctx) = self.parts();
    staking.stake_with_pool(to_stake, node_id, ctx)
}

/// Votes with stake.
public fun vote_with(self: &mut World, stake: &mut VotingStake, number: u64, choice: u8) {
    let (governance, staking, _) = self.parts();
    walrus_governance::voting::vote_with_stake(
        governance,
        staking,
        stake,
        number,
        choice,
        option::none(),
    );
}

public fun retract(self: &mut World, stake: &mut VotingStake, number: u64) {
    let (governance, staking, _) = self.parts();
    walrus_governance::voting::retract_stake_vote(governance, staking, stake, number);
}

// === Reading ===

/// State of a proposal now.
public fun state(self: &mut World, number: u64): State {
    let epoch = self.epoch();
    self.governance.state_at(number, epoch)
}

/// Yes, no and abstain, in micro-shards.
public fun votes(self: &World, number: u64): vector<u64> {
    let tally = self.governance.tally(number);
    vector[tally.yes(), tally.no(), tally.abstain()]
}

// === Assertions ===

public fun assert_pending(self: &mut World, number: u64) {
    self.assert_state(number, PENDING);
}

public fun assert_active(self: &mut World, number: u64) {
    self.assert_state(number, ACTIVE);
}

public fun assert_defeated(self: &mut World, number: u64) {
    self.assert_state(number, DEFEATED);
}

public fun assert_passed(self: &mut World, number: u64) {
    self.assert_state(number, PASSED);
}

public fun assert_queued(self: &mut World, number: u64) {
    self.assert_state(number, QUEUED);
}

public fun assert_executed(self: &mut World, number: u64) {
    self.assert_state(number, EXECUTED);
}

public fun assert_expired(self: &mut World, number: u64) {
    self.assert_state(number, EXPIRED);
}

public fun assert_cancelled(self: &mut World, number: u64) {
    self.assert_state(number, CANCELLED);
}

fun assert_state(self: &mut World, number: u64, state: u8) {
    assert_eq!(bcs::to_bytes(&self.state(number)), vector[state]);
}

/// Aborts unless the proposer has the deposit back; takes it.
public fun assert_refund(self: &mut World) {
    self.act_as(PROPOSER);
    let refund = self.scenario().take_from_sender<Coin<WAL>>();
    assert_eq!(refund.value(), DEPOSIT);
    destroy(refund);
}

/// Aborts if the proposer has the deposit back.
public fun assert_no_refund(self: &mut World) {
    self.act_as(PROPOSER);
    assert!(!self.scenario().has_most_recent_for_sender<Coin<WAL>>());
}
