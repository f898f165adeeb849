/// Entry points for storage nodes and their stakers. The shared object keeps its state in a dynamic
/// field, so that an upgrade can replace the layout.
module walrus::staking;

use std::string::String;
use sui::balance::Balance;
use sui::clock::Clock;
use sui::coin::{Self, Coin};
use sui::dynamic_field as df;
use wal::wal::{ProtectedTreasury, WAL};
use walrus::auth::{Authenticated, Authorized};
use walrus::committee::Committee;
use walrus::node_metadata::NodeMetadata;
use walrus::release;
use walrus::staked_wal::StakedWal;
use walrus::staking_inner::{Self, StakingInnerV1};
use walrus::storage_node::StorageNodeCap;
use walrus::system::System;

// === Errors ===

/// The object cannot be migrated: it is up to date, or no upgrade was committed.
const EInvalidMigration: u64 = 0;
/// The object works with another version of this package.
const EWrongVersion: u64 = 1;
/// The function is replaced by another one.
const EDeprecatedFunction: u64 = 2;

// === Constants ===

/// Name of the dynamic field with the epoch from which a migration is allowed.
const MIGRATION_EPOCH_KEY: vector<u8> = b"migration_epoch";

// === Structs ===

/// The shared object of all staking.
public struct Staking has key {
    id: UID,
    version: u64,
    package_id: ID,
    new_package_id: Option<ID>,
}

// === Public functions: nodes ===

/// Registers a storage node. `public_key` is its BLS key, compressed; `proof_of_possession` a
/// signature with it over the current epoch and the sender.
public fun register_candidate(
    staking: &mut Staking,
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
    staking
        .inner_mut()
        .create_pool(
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
            ctx,
        )
}

/// Sets the node's name, at most 100 bytes.
public fun set_name(self: &mut Staking, cap: &StorageNodeCap, name: String) {
    self.inner_mut().pool_mut(cap).set_name(name);
}

/// Sets the node's `host:port`, at most 259 bytes.
public fun set_network_address(self: &mut Staking, cap: &StorageNodeCap, network_address: String) {
    self.inner_mut().pool_mut(cap).set_network_address(network_address);
}

/// Sets the key of the node's TLS certificate.
public fun set_network_public_key(
    self: &mut Staking,
    cap: &StorageNodeCap,
    network_public_key: vector<u8>,
) {
    self.inner_mut().pool_mut(cap).set_network_public_key(network_public_key);
}

/// Sets what the node says about itself.
public fun set_node_metadata(self: &mut Staking, cap: &StorageNodeCap, metadata: NodeMetadata) {
    self.inner_mut().pool_mut(cap).set_node_metadata(metadata);
}

/// Sets the BLS key for the next committee.
public fun set_next_public_key(
    self: &mut Staking,
    cap: &StorageNodeCap,
    public_key: vector<u8>,
    proof_of_possession: vector<u8>,
    ctx: &mut TxContext,
) {
    self.inner_mut().set_next_public_key(cap, public_key, proof_of_possession, ctx);
}

/// Votes for a price of storage; it counts when prices are updated next.
public fun set_storage_price_vote(self: &mut Staking, cap: &StorageNodeCap, storage_price: u64) {
    self.inner_mut().pool_mut(cap).set_storage_price_vote(storage_price);
}

/// Votes for a price of writing; it counts when prices are updated next.
public fun set_write_price_vote(self: &mut Staking, cap: &StorageNodeCap, write_price: u64) {
    self.inner_mut().pool_mut(cap).set_write_price_vote(write_price);
}

/// Sets the node's capacity, which counts at the next end of votes.
public fun set_node_capacity_vote(self: &mut Staking, cap: &StorageNodeCap, node_capacity: u64) {
    self.inner_mut().pool_mut(cap).set_node_capacity_vote(node_capacity);
}

/// Sets the commission rate, in hundredths of a percent, from two epochs later on.
public fun set_next_commission(self: &mut Staking, cap: &StorageNodeCap, commission_rate: u16) {
    self.inner_mut().set_next_commission(cap, commission_rate);
}

/// Pays out the commission that can be collected.
public fun collect_commission(
    staking: &mut Staking,
    node_id: ID,
    auth: Authenticated,
    ctx: &mut TxContext,
): Coin<WAL> {
    coin::from_balance(staking.inner_mut().collect_commission(node_id, auth), ctx)
}

/// Hands the right to collect the commission on. Only authorize addresses and owned objects.
public fun set_commission_receiver(
    staking: &mut Staking,
    node_id: ID,
    auth: Authenticated,
    receiver: Authorized,
) {
    staking.inner_mut().set_commission_receiver(node_id, auth, receiver);
}

/// Hands the right to vote in governance on. Only authorize addresses and owned objects.
public fun set_governance_authorized(
    staking: &mut Staking,
    node_id: ID,
    auth: Authenticated,
    authorized: Authorized,
) {
    staking.inner_mut().set_governance_authorized(node_id, auth, authorized);
}

/// Lets a node back into the active set, if its stake is sufficient now.
public fun try_join_active_set(staking: &mut Staking, cap: &StorageNodeCap) {
    staking.inner_mut().refresh_active_set(cap.node_id());
}

/// Adds the i-th commission to the i-th node.
public fun add_commission_to_pools(
    staking: &mut Staking,
    node_ids: vector<ID>,
    commissions: vector<Balance<WAL>>,
) {
    staking.inner_mut().add_commission_to_pools(node_ids, commissions);
}

// === Public functions: stake ===

/// Stakes with a node.
public fun stake_with_pool(
    staking: &mut Staking,
    to_stake: Coin<WAL>,
    node_id: ID,
    ctx: &mut TxContext,
): StakedWal {
    staking.inner_mut().stake_with_pool(to_stake, node_id, ctx)
}

/// Announces that stake leaves.
public fun request_withdraw_stake(
    staking: &mut Staking,
    staked_wal: &mut StakedWal,
    _ctx: &mut TxContext,
) {
    staking.inner_mut().request_withdraw_stake(staked_wal);
}

/// Pays stake out, with its rewards.
public fun withdraw_stake(
    staking: &mut Staking,
    staked_wal: StakedWal,
    ctx: &mut TxContext,
): Coin<WAL> {
    staking.inner_mut().withdraw_stake(staked_wal, ctx)
}

/// Whether stake can leave at once, without request.
public fun can_withdraw_staked_wal_early(staking: &Staking, staked_wal: &StakedWal): bool {
    staking.inner().can_withdraw_staked_wal_early(staked_wal)
}

/// What stake earns between two epochs, in FROST.
public fun calculate_rewards(
    staking: &Staking,
    node_id: ID,
    staked_principal: u64,
    activation_epoch: u32,
    withdraw_epoch: u32,
): u64 {
    staking.inner().calculate_rewards(node_id, staked_principal, activation_epoch, withdraw_epoch)
}

// === Public functions: epochs ===

/// Ends the votes for the next epoch, in the middle of the current one.
public fun voting_end(staking: &mut Staking, clock: &Clock) {
    staking.inner_mut().voting_end(clock);
}

#[allow(unused_variable)]
/// Replaced by `initiate_epoch_change_v2`.
public fun initiate_epoch_change(staking: &mut Staking, system: &mut System, clock: &Clock) {
    abort EDeprecatedFunction
}

/// Starts the next epoch: pays the nodes, burns a part of the payments, installs the next committee.
public fun initiate_epoch_change_v2(
    staking: &mut Staking,
    system: &mut System,
    treasury: &mut ProtectedTreasury,
    clock: &Clock,
    ctx: &mut TxContext,
) {
    let inner = staking.inner_mut();
    treasury.burn(coin::from_balance(system.take_burn_share(), ctx));
    let committee = inner.next_bls_committee();
    let rewards = system.advance_epoch(committee, &inner.next_epoch_params());
    inner.initiate_epoch_change(clock, rewards);
    staking.update_prices(system);
}

/// A node attests that it has its shards of the epoch.
public fun epoch_sync_done(
    staking: &mut Staking,
    cap: &mut StorageNodeCap,
    epoch: u32,
    clock: &Clock,
) {
    staking.inner_mut().epoch_sync_done(cap, epoch, clock);
}

/// Sets the prices to what the committee votes for.
public fun update_prices(staking: &mut Staking, system: &mut System) {
    let (storage_price, write_price) = staking.inner().voted_prices();
    system.update_prices(storage_price, write_price);
}

// === Public functions: accessors ===

/// The current epoch.
public fun epoch(staking: &Staking): u32 {
    staking.inner().epoch()
}

/// The current committee.
public fun committee(staking: &Staking): &Committee {
    staking.inner().committee()
}

/// The committee of the epoch before.
public fun previous_committee(staking: &Staking): &Committee {
    staking.inner().previous_committee()
}

/// The committee that the present stake leads to.
public fun compute_next_committee(staking: &Staking): Committee {
    staking.inner().compute_next_committee()
}

/// What a node says about itself.
public fun node_metadata(staking: &Staking, node_id: ID): NodeMetadata {
    staking.inner().node_metadata(node_id)
}

// === Entry functions ===

/// Remembers the next epoch as the first one in which a migration is allowed.
entry fun set_migration_epoch(staking: &mut Staking) {
    assert!(staking.version < release::version(), EInvalidMigration);
    if (df::exists_(&staking.id, MIGRATION_EPOCH_KEY)) return;
    let inner: &StakingInnerV1 = df::borrow(&staking.id, staking.version);
    let migration_epoch = inner.epoch() + 1;
    df::add(&mut staking.id, MIGRATION_EPOCH_KEY, migration_epoch);
}

// === Package functions ===

/// Creates and shares the object.
public(package) fun create(
    epoch_zero_duration: u64,
    epoch_duration: u64,
    n_shards: u16,
    package_id: ID,
    clock: &Clock,
    ctx: &mut TxContext,
) {
    let mut staking = Staking {
        id: object::new(ctx),
        version: release::version(),
        package_id,
        new_package_id: option::none(),
    };
    let inner = staking_inner::new(epoch_zero_duration, epoch_duration, n_shards, clock, ctx);
    df::add(&mut staking.id, release::version(), inner);
    transfer::share_object(staking);
}

/// Moves the state to this version of the package.
public(package) fun migrate(staking: &mut Staking) {
    assert!(staking.version < release::version(), EInvalidMigration);
    assert!(staking.new_package_id.is_some(), EInvalidMigration);
    let mut inner: StakingInnerV1 = df::remove(&mut staking.id, staking.version);
    inner.set_active_set_max_size(release::active_set_max_size());
    df::add(&mut staking.id, release::version(), inner);
    staking.version = release::version();
    staking.package_id = staking.new_package_id.extract();
}

/// Remembers the package of a committed upgrade.
public(package) fun set_new_package_id(staking: &mut Staking, new_package_id: ID) {
    staking.new_package_id = option::some(new_package_id);
}

public(package) fun version(staking: &Staking): u64 {
    staking.version
}

public(package) fun package_id(staking: &Staking): ID {
    staking.package_id
}

/// The state; aborts if it belongs to another version of the package.
public(package) fun inner(staking: &Staking): &StakingInnerV1 {
    assert!(staking.version == release::version(), EWrongVersion);
    df::borrow(&staking.id, release::version())
}

/// Takes the whole commission of a node, whoever may collect it; only to burn it.
public(package) fun take_commission(staking: &mut Staking, node_id: ID): Balance<WAL> {
    staking.inner_mut().take_commission(node_id)
}

// === Private functions ===

fun inner_mut(staking: &mut Staking): &mut StakingInnerV1 {
    assert!(staking.version == release::version(), EWrongVersion);
    df::borrow_mut(&mut staking.id, release::version())
}

// === Test functions ===

#[test_only]
public(package) fun inner_mut_for_testing(staking: &mut Staking): &mut StakingInnerV1 {
    staking.inner_mut()
}

#[test_only]
/// Pretends that the object works with another version of the package.
public(package) fun set_version_for_testing(staking: &mut Staking, version: u64) {
    let inner: StakingInnerV1 = df::remove(&mut staking.id, staking.version);
    df::add(&mut staking.id, version, inner);
    staking.version = version;
}

#[test_only]
/// The epoch from which a migration is allowed, as remembered.
public(package) fun migration_epoch_for_testing(staking: &Staking): u32 {
    *df::borrow(&staking.id, MIGRATION_EPOCH_KEY)
}
#[test_only]
/// Package of a committed upgrade.
public(package) fun new_package_id_for_testing(staking: &Staking): Option<ID> {
    staking.new_package_id
}
