#[test_only]
/// A network for tests, of this package and of those that call it.
module walrus::test_network;

use sui::bcs;
use sui::clock::{Self, Clock};
use sui::coin::Coin;
use sui::package;
use sui::test_scenario::{Self, Scenario};
use wal::wal::{Self, ProtectedTreasury, WAL};
use walrus::blob::{Self, Blob};
use walrus::encoding;
use walrus::init::{Self, InitCap};
use walrus::node_metadata;
use walrus::staked_wal::StakedWal;
use walrus::staking::Staking;
use walrus::storage_node::StorageNodeCap;
use walrus::system::System;

const ADMIN: address = @0xAD;
const EPOCH_DURATION: u64 = 1_000;
const N_SHARDS: u16 = 10;
const MAX_EPOCHS_AHEAD: u32 = 5;
const FROST_PER_WAL: u64 = 1_000_000_000;
const STORAGE_PRICE: u64 = 5;
const WRITE_PRICE: u64 = 7;
const NODE_CAPACITY: u64 = 1_000_000_000_000;
const RS2: u8 = 1;

/// What the tests hold between steps.
public struct Network {
    scenario: Scenario,
    clock: Clock,
    system: System,
    staking: Staking,
    treasury: ProtectedTreasury,
    funds: Coin<WAL>,
    caps: vector<StorageNodeCap>,
}

/// Publishes and initialises everything. Epoch 0 may end at once; all WAL is at hand.
public fun deploy(): Network {
    let mut scenario = test_scenario::begin(ADMIN);
    wal::init_for_testing(scenario.ctx());
    init::init_for_testing(scenario.ctx());
    let clock = clock::create_for_testing(scenario.ctx());
    scenario.next_tx(ADMIN);
    let emergency_cap = init::initialize_walrus(
        scenario.take_from_sender<InitCap>(),
        package::test_publish(@walrus.to_id(), scenario.ctx()),
        0,
        EPOCH_DURATION,
        N_SHARDS,
        MAX_EPOCHS_AHEAD,
        &clock,
        scenario.ctx(),
    );
    transfer::public_transfer(emergency_cap, ADMIN);
    scenario.next_tx(ADMIN);
    Network {
        clock,
        system: scenario.take_shared(),
        staking: scenario.take_shared(),
        treasury: scenario.take_shared(),
        funds: scenario.take_from_sender(),
        caps: vector[],
        scenario,
    }
}

/// A network in epoch 1: ten shards, of which four nodes of equal stake have 3, 3, 2 and 2. Storage
/// costs 5 per unit and epoch, writing 7; storage is sold for 5 epochs.
public fun running(): Network {
    let mut network = deploy();
    4u64.do!(|_| network.add_node());
    network.next_epoch();
    network
}

/// Registers a node without commission and stakes 1000 WAL with it. Its governance entity is the sender.
public fun add_node(self: &mut Network) {
    self.add_node_with(0, 1_000 * FROST_PER_WAL);
}

/// Registers a node with a commission rate, in hundredths of a percent, and stakes with it unless the
/// amount is 0.
public fun add_node_with(self: &mut Network, commission_rate: u16, stake: u64) {
    let ctx = self.scenario.ctx();
    let text = b"text".to_string();
    let cap = self
        .staking
        .register_candidate(
            b"node".to_string(),
            b"node.example:443".to_string(),
            node_metadata::new(text, text, text),
            vector::tabulate!(48, |_| 1),
            vector::tabulate!(33, |_| 2),
            vector::tabulate!(96, |_| 3),
            commission_rate,
            STORAGE_PRICE,
            WRITE_PRICE,
            NODE_CAPACITY,
            ctx,
        );
    self.caps.push_back(cap);
    if (stake > 0) {
        let last = self.caps.length() - 1;
        let staked = self.stake(last, stake);
        transfer::public_transfer(staked, ADMIN);
    };
}

/// Stakes with a node.
public fun stake(self: &mut Network, i: u64, amount: u64): StakedWal {
    let node_id = self.node_id(i);
    let ctx = self.scenario.ctx();
    self.staking.stake_with_pool(self.funds.split(amount, ctx), node_id, ctx)
}

/// Announces that stake leaves.
public fun request_withdraw(self: &mut Network, staked: &mut StakedWal) {
    self.staking.request_withdraw_stake(staked, self.scenario.ctx());
}

/// Withdraws stake; returns what is paid out.
public fun withdraw(self: &mut Network, staked: StakedWal): u64 {
    self.staking.withdraw_stake(staked, self.scenario.ctx()).burn_for_testing()
}

/// Ends the votes of the current epoch.
public fun end_votes(self: &mut Network) {
    self.clock.increment_for_testing(EPOCH_DURATION);
    self.staking.voting_end(&self.clock);
}

/// Ends the votes and starts the next epoch; all nodes have their shards.
public fun next_epoch(self: &mut Network) {
    self.end_votes();
    self.change_epoch();
    self.sync_all();
}

/// Starts the next epoch, for which the votes have ended.
public fun change_epoch(self: &mut Network) {
    self
        .staking
        .initiate_epoch_change_v2(
            &mut self.system,
            &mut self.treasury,
            &self.clock,
            self.scenario.ctx(),
        );
}

/// Lets all nodes of the committee attest that they have their shards.
public fun sync_all(self: &mut Network) {
    let epoch = self.staking.epoch();
    self.caps.length().do!(|i| {
        if (self.staking.committee().inner().contains(&self.caps[i].node_id())) {
            self.staking.epoch_sync_done(&mut self.caps[i], epoch, &self.clock);
        };
    });
}

/// What storage is bought with.
public fun storage_parts(self: &mut Network): (&mut System, &mut Coin<WAL>, &mut TxContext) {
    (&mut self.system, &mut self.funds, self.scenario.ctx())
}

/// What nodes are paid and punished with.
public fun staking_parts(
    self: &mut Network,
): (&mut System, &mut Staking, &mut ProtectedTreasury, &Clock, &mut TxContext) {
    let ctx = self.scenario.ctx();
    (&mut self.system, &mut self.staking, &mut self.treasury, &self.clock, ctx)
}

/// The capability of a node, and the system.
public fun node_parts(self: &mut Network, i: u64): (&mut System, &mut StorageNodeCap) {
    (&mut self.system, &mut self.caps[i])
}

/// What a node is configured with: its capability, and the shared object of staking.
public fun operator_parts(
    self: &mut Network,
    i: u64,
): (&mut Staking, &mut StorageNodeCap, &Clock, &mut TxContext) {
    (&mut self.staking, &mut self.caps[i], &self.clock, self.scenario.ctx())
}

/// Id of a node.
public fun node_id(self: &Network, i: u64): ID {
    self.caps[i].node_id()
}

/// The WAL that is left.
public fun funds(self: &Network): u64 {
    self.funds.value()
}

/// The scenario, to start transactions and take objects.
public fun scenario(self: &mut Network): &mut Scenario {
    &mut self.scenario
}

/// Takes WAL.
public fun take_funds(self: &mut Network, amount: u64): Coin<WAL> {
    self.funds.split(amount, self.scenario.ctx())
}

/// Starts the next transaction.
public fun next_tx(self: &mut Network) {
    self.scenario.next_tx(ADMIN);
}

/// Length of an encoded blob.
public fun encoded_size(size: u64): u64 {
    encoding::encoded_blob_length(size, RS2, N_SHARDS)
}

/// A registered blob of one byte, certified if it is to be.
public fun blob(self: &mut Network, epochs: u32, deletable: bool, certified: bool): Blob {
    let ctx = self.scenario.ctx();
    let storage = self.system.reserve_space(encoded_size(1), epochs, &mut self.funds, ctx);
    let blob_id = blob::derive_blob_id(1, RS2, 1);
    let mut blob = self
        .system
        .register_blob(storage, blob_id, 1, 1, RS2, deletable, &mut self.funds, ctx);
    if (certified) {
        let object = if (deletable) option::some(blob.object_id()) else option::none();
        let message = blob_certificate(self.system.epoch(), blob_id, object);
        // The test runner accepts any signature; the bitmap has to name a quorum.
        self.system.certify_blob(&mut blob, vector[], all_signers(), message);
    };
    blob
}

/// The message of a blob certificate: permanent, or deletable through an object.
public fun blob_certificate(epoch: u32, blob_id: u256, object: Option<ID>): vector<u8> {
    let mut message = envelope(1, epoch);
    message.append(bcs::to_bytes(&blob_id));
    message.append(bcs::to_bytes(&object));
    message
}

/// The bytes every certified message starts with.
public fun envelope(intent_type: u8, epoch: u32): vector<u8> {
    let mut message = vector[intent_type, 0, 3];
    message.append(bcs::to_bytes(&epoch));
    message
}

/// The bitmap of all four nodes.
public fun all_signers(): vector<u8> {
    x"0f"
}
