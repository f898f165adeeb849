/// The state of staking: nodes, committees, and the machine that changes epochs.
module walrus::staking_inner;

use std::string::String;
use sui::balance::Balance;
use sui::bls12381::UncompressedG1;
use sui::clock::Clock;
use sui::coin::{Self, Coin};
use sui::group_ops::Element;
use sui::object_table::{Self, ObjectTable};
use sui::vec_map::{Self, VecMap};
use wal::wal::WAL;
use walrus::active_set::{Self, ActiveSet};
use walrus::apportionment;
use walrus::apportionment_queue::{Self, ApportionmentQueue};
use walrus::auth::{Self, Authenticated, Authorized};
use walrus::bls_aggregate::{Self, BlsCommittee};
use walrus::committee::{Self, Committee};
use walrus::epoch_parameters::{Self, EpochParams};
use walrus::events;
use walrus::extended_field::{Self, ExtendedField};
use walrus::node_metadata::NodeMetadata;
use walrus::release;
use walrus::staked_wal::StakedWal;
use walrus::staking_pool::{Self, StakingPool};
use walrus::storage_node::{Self, StorageNodeCap};
use walrus::walrus_context::{Self, WalrusContext};

// === Errors ===

/// The epoch is not in the state, or not at the time, for this step.
const EWrongEpochState: u64 = 0;
/// The attestation is for another epoch.
const EInvalidSyncEpoch: u64 = 1;
/// The node has attested this epoch already.
const EDuplicateSyncDone: u64 = 2;
/// Nobody has staked.
const ENoStake: u64 = 3;
/// The node is not in the committee.
const ENotInCommittee: u64 = 4;
/// The next committee is chosen already.
const ECommitteeSelected: u64 = 5;
/// The next committee is not chosen yet.
const ENextCommitteeIsEmpty: u64 = 6;
#[allow(unused_const)]
/// The weight of a node is not valid.
const EInvalidNodeWeight: u64 = 7;
/// There is no node with this id.
const EPoolNotFound: u64 = 8;
#[allow(unused_const)]
/// A member of the committee has no shards.
const EZeroNodeWeight: u64 = 9;
/// The keys of the next committee are not in its order.
const EIncorrectNodeOrder: u64 = 10;

// === Constants ===

/// Stake a node needs to be a candidate, in FROST.
const ACTIVE_SET_THRESHOLD_STAKE: u64 = 0;

// === Structs ===

/// Where in the epoch we are.
public enum EpochState has copy, drop, store {
    /// Shards are moving; holds the number of shards that have arrived.
    EpochChangeSync(u16),
    /// A quorum of shards arrived at this time (in ms).
    EpochChangeDone(u64),
    /// The next committee is chosen; holds the time of the preceding state.
    NextParamsSelected(u64),
}

/// Version 1 of the state.
public struct StakingInnerV1 has store {
    n_shards: u16,
    /// In ms.
    epoch_duration: u64,
    /// When epoch 0 may end, in ms.
    first_epoch_start: u64,
    pools: ObjectTable<ID, StakingPool>,
    epoch: u32,
    active_set: ExtendedField<ActiveSet>,
    next_committee: Option<Committee>,
    committee: Committee,
    previous_committee: Committee,
    next_epoch_params: Option<EpochParams>,
    epoch_state: EpochState,
    next_epoch_public_keys: ExtendedField<VecMap<ID, Element<UncompressedG1>>>,
}

// === Package functions: creation ===

/// The state of epoch 0: no nodes, no committee.
public(package) fun new(
    epoch_zero_duration: u64,
    epoch_duration: u64,
    n_shards: u16,
    clock: &Clock,
    ctx: &mut TxContext,
): StakingInnerV1 {
    let active_set = active_set::new(release::active_set_max_size(), ACTIVE_SET_THRESHOLD_STAKE);
    StakingInnerV1 {
        n_shards,
        epoch_duration,
        first_epoch_start: clock.timestamp_ms() + epoch_zero_duration,
        pools: object_table::new(ctx),
        epoch: 0,
        active_set: extended_field::new(active_set, ctx),
        next_committee: option::none(),
        committee: committee::empty(),
        previous_committee: committee::empty(),
        next_epoch_params: option::none(),
        epoch_state: EpochState::EpochChangeDone(clock.timestamp_ms()),
        next_epoch_public_keys: extended_field::new(vec_map::empty(), ctx),
    }
}

/// Registers a node and returns its capability.
public(package) fun create_pool(
    self: &mut StakingInnerV1,
    name: String,
    network_address: String,
    metadata: NodeMetadata,
    public_key: vector<u8>,
    network_public_key: vector<u8>,
    proof_of_possession: vector<u8>,
    commission_rate: u16,
    storage_price: u64,
    write_price: u64,
    node_capacity: u64,
    ctx: &mut TxContext,
): StorageNodeCap {
    let wctx = walrus_context::new(self.epoch, self.next_committee.is_some(), false, false);
    let pool = staking_pool::new(
        name,
        network_address,
        metadata,
        public_key,
        network_public_key,
        proof_of_possession,
        commission_rate,
        storage_price,
        write_price,
        node_capacity,
        &wctx,
        ctx,
    );
    self.add_pool(pool, ctx)
}

// === Package functions: epoch change ===

/// Ends the votes: chooses committee, keys and capacity of the next epoch.
public(package) fun voting_end(self: &mut StakingInnerV1, clock: &Clock) {
    let last_change = match (self.epoch_state) {
        EpochState::EpochChangeDone(last_change) => last_change,
        _ => abort EWrongEpochState,
    };
    let earliest = if (self.epoch == 0) self.first_epoch_start
    else last_change + self.epoch_duration / 2;
    assert!(clock.timestamp_ms() >= earliest, EWrongEpochState);
    assert!(self.next_committee.is_none(), ECommitteeSelected);

    self.previous_committee.to_inner().keys().do!(|node_id| {
        self.pools[node_id].unblock_commission();
    });
    self.select_committee();
    self.epoch_state = EpochState::NextParamsSelected(last_change);
    events::emit_epoch_parameters_selected(self.epoch + 1);
}

/// The next committee as signers, with the keys captured when it was chosen.
public(package) fun next_bls_committee(self: &StakingInnerV1): BlsCommittee {
    assert!(self.next_committee.is_some(), ENextCommitteeIsEmpty);
    let committee = self.next_committee.borrow().inner();
    let keys = self.next_epoch_public_keys.borrow();
    assert!(keys.keys() == committee.keys(), EIncorrectNodeOrder);
    let members = vector::tabulate!(committee.length(), |i| {
        let (node_id, shards) = committee.get_entry_by_idx(i);
        let (_, key) = keys.get_entry_by_idx(i);
        bls_aggregate::new_bls_committee_member(*key, shards.length() as u16, *node_id)
    });
    bls_aggregate::new_bls_committee(self.epoch + 1, members)
}

/// Parameters of the next epoch.
public(package) fun next_epoch_params(self: &StakingInnerV1): EpochParams {
    *self.next_epoch_params.borrow()
}

/// Starts the next epoch. `rewards` are those of the committee that ends.
public(package) fun initiate_epoch_change(
    self: &mut StakingInnerV1,
    clock: &Clock,
    rewards: VecMap<ID, Balance<WAL>>,
) {
    let last_change = match (self.epoch_state) {
        EpochState::NextParamsSelected(last_change) => last_change,
        _ => abort EWrongEpochState,
    };
    let earliest = if (self.epoch == 0) self.first_epoch_start
    else last_change + self.epoch_duration;
    assert!(clock.timestamp_ms() >= earliest, EWrongEpochState);

    self.epoch = self.epoch + 1;
    self.previous_committee = self.committee;
    self.committee = self.next_committee.extract();
    self.epoch_state = EpochState::EpochChangeSync(0);
    self.advance_pools(rewards);
    events::emit_epoch_change_start(self.epoch);
}

/// A node attests that it has its shards.
public(package) fun epoch_sync_done(
    self: &mut StakingInnerV1,
    cap: &mut StorageNodeCap,
    epoch: u32,
    clock: &Clock,
) {
    assert!(epoch == self.epoch, EInvalidSyncEpoch);
    assert!(cap.last_epoch_sync_done() < self.epoch, EDuplicateSyncDone);
    cap.set_last_epoch_sync_done(self.epoch);
    let node_id = cap.node_id();
    assert!(self.committee.contains(&node_id), ENotInCommittee);

    match (self.epoch_state) {
        EpochState::EpochChangeSync(synced) => {
            let synced = synced + self.committee.weight(&node_id);
            if (self.is_quorum(synced)) {
                self.epoch_state = EpochState::EpochChangeDone(clock.timestamp_ms());
                events::emit_epoch_change_done(self.epoch);
            } else {
                self.epoch_state = EpochState::EpochChangeSync(synced);
            }
        },
        // A node that is late says so, too.
        _ => (),
    };
    events::emit_shards_received(self.epoch, *self.committee.shards(&node_id));
}

// === Package functions: votes ===

/// Prices by vote of the current committee: storage, writing. Without committee there is no price
/// that anybody could pay.
public(package) fun voted_prices(self: &StakingInnerV1): (u64, u64) {
    let committee = self.committee.inner();
    if (committee.is_empty()) return (std::u64::max_value!(), std::u64::max_value!());
    let mut storage_votes = apportionment_queue::new();
    let mut write_votes = apportionment_queue::new();
    committee.length().do!(|i| {
        let (node_id, shards) = committee.get_entry_by_idx(i);
        let pool = &self.pools[*node_id];
        let weight = shards.length() as u16;
        storage_votes.insert(pool.storage_price() as u128, 0, weight);
        write_votes.insert(pool.write_price() as u128, 0, weight);
    });
    (self.quorum_below(storage_votes), self.quorum_below(write_votes))
}

// === Package functions: stake ===

/// Stakes with a node.
public(package) fun stake_with_pool(
    self: &mut StakingInnerV1,
    to_stake: Coin<WAL>,
    node_id: ID,
    ctx: &mut TxContext,
): StakedWal {
    let wctx = self.context(&node_id);
    let staked_wal = self.pools[node_id].stake(to_stake.into_balance(), &wctx, ctx);
    self.refresh_active_set(node_id);
    staked_wal
}

/// Announces that stake leaves.
public(package) fun request_withdraw_stake(self: &mut StakingInnerV1, staked_wal: &mut StakedWal) {
    let node_id = staked_wal.node_id();
    let wctx = self.context(&node_id);
    self.pools[node_id].request_withdraw_stake(staked_wal, &wctx);
    self.refresh_active_set(node_id);
}

/// Pays stake out, with its rewards.
public(package) fun withdraw_stake(
    self: &mut StakingInnerV1,
    staked_wal: StakedWal,
    ctx: &mut TxContext,
): Coin<WAL> {
    let node_id = staked_wal.node_id();
    let wctx = self.context(&node_id);
    let payout = self.pools[node_id].withdraw_stake(staked_wal, &wctx);
    self.refresh_active_set(node_id);
    coin::from_balance(payout, ctx)
}

/// Whether stake can leave at once.
public(package) fun can_withdraw_staked_wal_early(
    self: &StakingInnerV1,
    staked_wal: &StakedWal,
): bool {
    staking_pool::can_withdraw_early(staked_wal, &self.context(&staked_wal.node_id()))
}

/// Puts the node's present stake into the active set, which may let it in or remove it.
public(package) fun refresh_active_set(self: &mut StakingInnerV1, node_id: ID) {
    let epoch = match (self.epoch_state) {
        EpochState::NextParamsSelected(_) => self.epoch + 2,
        _ => self.epoch + 1,
    };
    let balance = self.pools[node_id].wal_balance_at_epoch(epoch);
    self.active_set.borrow_mut().insert_or_update(node_id, balance);
}

/// Changes the number of nodes that can be candidates for a committee. Nobody is removed.
public(package) fun set_active_set_max_size(self: &mut StakingInnerV1, max_size: u16) {
    self.active_set.borrow_mut().set_max_size(max_size);
}

/// What stake earned between two epochs, in FROST.
public(package) fun calculate_rewards(
    self: &StakingInnerV1,
    node_id: ID,
    staked_principal: u64,
    activation_epoch: u32,
    withdraw_epoch: u32,
): u64 {
    assert!(self.pools.contains(node_id), EPoolNotFound);
    self.pools[node_id].calculate_rewards(staked_principal, activation_epoch, withdraw_epoch)
}

// === Package functions: commission ===

/// Pays out a node's commission.
public(package) fun collect_commission(
    self: &mut StakingInnerV1,
    node_id: ID,
    auth: Authenticated,
): Balance<WAL> {
    self.pools[node_id].collect_commission(auth)
}

/// Takes the whole commission of a node.
public(package) fun take_commission(self: &mut StakingInnerV1, node_id: ID): Balance<WAL> {
    self.pools[node_id].take_commission()
}

/// Adds the i-th commission to the i-th node. It is collectable when the votes have ended.
public(package) fun add_commission_to_pools(
    self: &mut StakingInnerV1,
    node_ids: vector<ID>,
    commissions: vector<Balance<WAL>>,
) {
    let is_blocked = match (self.epoch_state) {
        EpochState::NextParamsSelected(_) => false,
        _ => true,
    };
    node_ids.zip_do!(commissions, |node_id, commission| {
        self.pools[node_id].add_commission(commission, is_blocked);
    });
}

/// Hands the right to collect the commission on.
public(package) fun set_commission_receiver(
    self: &mut StakingInnerV1,
    node_id: ID,
    auth: Authenticated,
    receiver: Authorized,
) {
    self.pools[node_id].set_commission_receiver(auth, receiver);
}

/// Sets the commission rate from two epochs later on.
public(package) fun set_next_commission(
    self: &mut StakingInnerV1,
    cap: &StorageNodeCap,
    commission_rate: u16,
) {
    let wctx = self.context(&cap.node_id());
    self.pool_mut(cap).set_next_commission(commission_rate, &wctx);
}

// === Package functions: configuration ===

/// The pool of the capability's node, to change its configuration.
public(package) fun pool_mut(self: &mut StakingInnerV1, cap: &StorageNodeCap): &mut StakingPool {
    &mut self.pools[cap.node_id()]
}

/// Sets the key for the next committee.
public(package) fun set_next_public_key(
    self: &mut StakingInnerV1,
    cap: &StorageNodeCap,
    public_key: vector<u8>,
    proof_of_possession: vector<u8>,
    ctx: &TxContext,
) {
    let wctx = self.context(&cap.node_id());
    self.pool_mut(cap).set_next_public_key(public_key, proof_of_possession, &wctx, ctx);
}

/// Hands the right to vote in governance on.
public(package) fun set_governance_authorized(
    self: &mut StakingInnerV1,
    node_id: ID,
    auth: Authenticated,
    authorized: Authorized,
) {
    self.pools[node_id].set_governance_authorized(auth, authorized);
}

// === Package functions: accessors ===

public(package) fun epoch(self: &StakingInnerV1): u32 {
    self.epoch
}

public(package) fun committee(self: &StakingInnerV1): &Committee {
    &self.committee
}

public(package) fun previous_committee(self: &StakingInnerV1): &Committee {
    &self.previous_committee
}

public(package) fun next_committee(self: &StakingInnerV1): &Option<Committee> {
    &self.next_committee
}

public(package) fun epoch_state(self: &StakingInnerV1): EpochState {
    self.epoch_state
}

public(package) fun node_metadata(self: &StakingInnerV1, node_id: ID): NodeMetadata {
    self.pools[node_id].node_metadata()
}

public(package) fun active_set(self: &StakingInnerV1): &ActiveSet {
    self.active_set.borrow()
}

/// Whether this is the node's governance entity. The error for somebody else is the caller's.
public(package) fun is_governance_authorized(
    self: &StakingInnerV1,
    node_id: ID,
    auth: &Authenticated,
): bool {
    auth.matches(self.pools[node_id].governance_authorized())
}

/// Number of shards of a committee member.
public(package) fun member_weight(self: &StakingInnerV1, node_id: &ID): u16 {
    assert!(self.committee.contains(node_id), ENotInCommittee);
    self.committee.weight(node_id)
}

/// Whether so many shards are a quorum.
public(package) fun is_quorum(self: &StakingInnerV1, weight: u16): bool {
    3 * (weight as u64) >= 2 * (self.n_shards as u64) + 1
}

/// The committee that the present stake leads to.
public(package) fun compute_next_committee(self: &StakingInnerV1): Committee {
    let active_set = self.active_set.borrow();
    assert!(active_set.total_stake() > 0, ENoStake);
    let counts = apportionment::apportion(self.n_shards, active_set.stakes());
    let assignment = vec_map::from_keys_values(active_set.active_ids(), counts);
    if (self.committee.size() == 0) committee::initialize(assignment)
    else self.committee.transition(assignment)
}

// === Private functions ===

/// Adds a new pool and creates its capability, which receives the commission.
fun add_pool(
    self: &mut StakingInnerV1,
    mut pool: StakingPool,
    ctx: &mut TxContext,
): StorageNodeCap {
    let node_id = object::id(&pool);
    let cap = storage_node::new_cap(node_id, ctx);
    pool.init_commission_receiver(auth::authorized_object(object::id(&cap)));
    self.pools.add(node_id, pool);
    cap
}

/// What the pool of a node must know.
fun context(self: &StakingInnerV1, node_id: &ID): WalrusContext {
    walrus_context::new(
        self.epoch,
        self.next_committee.is_some(),
        self.committee.contains(node_id),
        self.next_committee.is_some_and!(|next| next.contains(node_id)),
    )
}

/// Chooses the next committee, captures its keys and counts the votes for the capacity.
fun select_committee(self: &mut StakingInnerV1) {
    let committee = self.compute_next_committee();
    let node_ids = committee.inner().keys();
    let keys = node_ids.map_ref!(|node_id| *self.pools[*node_id].next_epoch_public_key());
    self.next_epoch_public_keys.swap(vec_map::from_keys_values(node_ids, keys));
    let capacity = self.voted_capacity(&committee);
    self.next_epoch_params = option::some(epoch_parameters::new(capacity));
    self.next_committee = option::some(committee);
}

/// Moves the nodes of the committee that ends, then those that are new, to the current epoch.
fun advance_pools(self: &mut StakingInnerV1, rewards: VecMap<ID, Balance<WAL>>) {
    let (ended, balances) = rewards.into_keys_values();
    ended.zip_do!(balances, |node_id, reward| self.advance_pool(node_id, reward));
    self.committee.to_inner().keys().do!(|node_id| {
        if (!self.previous_committee.contains(&node_id)) {
            self.advance_pool(node_id, sui::balance::zero());
        };
    });
}

fun advance_pool(self: &mut StakingInnerV1, node_id: ID, reward: Balance<WAL>) {
    self.pools[node_id].advance_epoch(reward, self.epoch);
    self.refresh_active_set(node_id);
}

// === Private functions: votes ===

/// Capacity by vote of the next committee. A node votes for the capacity of a system in which
/// everybody stores as much per shard as it can.
fun voted_capacity(self: &StakingInnerV1, committee: &Committee): u64 {
    let members = committee.inner();
    let mut votes = apportionment_queue::new();
    members.length().do!(|i| {
        let (node_id, shards) = members.get_entry_by_idx(i);
        let weight = shards.length() as u16;
        let capacity = self.pools[*node_id].node_capacity() as u128;
        let vote = capacity * (self.n_shards as u128) / (weight as u128);
        votes.insert(vote.min(std::u64::max_value!() as u128), 0, weight);
    });
    self.quorum_above(votes)
}

/// Largest value such that votes for at least as much have a quorum.
fun quorum_above(self: &StakingInnerV1, mut votes: ApportionmentQueue<u16>): u64 {
    let mut above = 0;
    loop {
        let (vote, _, weight) = votes.pop_max();
        above = above + weight;
        if (self.is_quorum(above)) return vote as u64
    }
}

/// Smallest value such that votes for at most as much have a quorum.
fun quorum_below(self: &StakingInnerV1, mut votes: ApportionmentQueue<u16>): u64 {
    let mut below = self.n_shards;
    loop {
        let (vote, _, weight) = votes.pop_max();
        below = below - weight;
        if (!self.is_quorum(below)) return vote as u64
    }
}

// === Test functions ===

#[test_only]
/// Registers a node without proof of possession. The key is the generator of G1.
public(package) fun create_pool_for_testing(
    self: &mut StakingInnerV1,
    commission_rate: u16,
    storage_price: u64,
    write_price: u64,
    node_capacity: u64,
    ctx: &mut TxContext,
): StorageNodeCap {
    let wctx = walrus_context::new(self.epoch, self.next_committee.is_some(), false, false);
    let pool = staking_pool::new_for_testing(
        b"node".to_string(),
        b"localhost:9185".to_string(),
        vector::tabulate!(33, |_| 2),
        commission_rate,
        storage_price,
        write_price,
        node_capacity,
        &wctx,
        ctx,
    );
    self.add_pool(pool, ctx)
}

#[test_only]
public(package) fun pool_for_testing(self: &StakingInnerV1, node_id: ID): &StakingPool {
    &self.pools[node_id]
}

#[test_only]
public(package) fun is_sync_for_testing(self: &StakingInnerV1): bool {
    match (self.epoch_state) {
        EpochState::EpochChangeSync(_) => true,
        _ => false,
    }
}

#[test_only]
public(package) fun is_done_for_testing(self: &StakingInnerV1, at: u64): bool {
    self.epoch_state == EpochState::EpochChangeDone(at)
}

#[test_only]
/// Chooses the next committee without a change of the state.
public(package) fun select_committee_for_testing(self: &mut StakingInnerV1) {
    self.select_committee();
}

#[test_only]
/// Loses the keys that were captured for the next committee.
public(package) fun drop_next_keys_for_testing(self: &mut StakingInnerV1) {
    self.next_epoch_public_keys.swap(vec_map::empty());
}

#[test_only]
/// Smallest of the votes that a quorum accepts.
public(package) fun quorum_below_for_testing(
    self: &StakingInnerV1,
    votes: vector<u64>,
    weights: vector<u16>,
): u64 {
    self.quorum_below(queue_for_testing(votes, weights))
}

#[test_only]
/// Largest of the votes that a quorum reaches.
public(package) fun quorum_above_for_testing(
    self: &StakingInnerV1,
    votes: vector<u64>,
    weights: vector<u16>,
): u64 {
    self.quorum_above(queue_for_testing(votes, weights))
}

#[test_only]
fun queue_for_testing(votes: vector<u64>, weights: vector<u16>): ApportionmentQueue<u16> {
    let mut queue = apportionment_queue::new();
    votes.zip_do!(weights, |vote, weight| queue.insert(vote as u128, 0, weight));
    queue
}
