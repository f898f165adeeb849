/// A storage node as its stakers see it: stake, shares, rewards, commission, votes.
module walrus::staking_pool;

use std::string::String;
use sui::bag::{Self, Bag};
use sui::balance::{Self, Balance};
use sui::bls12381::UncompressedG1;
use sui::group_ops::Element;
use sui::table::{Self, Table};
use sui::vec_map::VecMap;
use wal::wal::WAL;
use walrus::auth::{Self, Authenticated, Authorized};
use walrus::messages;
use walrus::node_metadata::NodeMetadata;
use walrus::pending_values::{Self, PendingValues};
use walrus::pool_exchange_rate::{Self, PoolExchangeRate};
use walrus::release;
use walrus::staked_wal::{Self, StakedWal};
use walrus::storage_node::{Self, StorageNodeInfo};
use walrus::walrus_context::WalrusContext;

// === Errors ===

/// The pool is in the current epoch already.
const EPoolAlreadyUpdated: u64 = 0;
/// More stake would leave the pool than is in it.
const ECalculationError: u64 = 1;
/// A pool without stake gets no rewards.
const EIncorrectEpochAdvance: u64 = 2;
#[allow(unused_const)]
/// The pool still holds stake.
const EPoolNotEmpty: u64 = 3;
/// The proof of possession of the public key is not valid for this epoch and sender.
const EInvalidProofOfPossession: u64 = 4;
#[allow(unused_const)]
/// The pool is leaving already.
const EPoolAlreadyWithdrawing: u64 = 5;
/// The pool does not take stake any more.
const EPoolIsNotActive: u64 = 6;
/// The stake is 0.
const EZeroStake: u64 = 7;
/// A withdrawal was requested already.
const ENotStaked: u64 = 8;
/// The stake is in another pool.
const EIncorrectPoolId: u64 = 9;
/// Request the withdrawal first: the node is in the committee.
const ENotWithdrawing: u64 = 10;
/// The epoch in which the stake can be withdrawn is not reached.
const EWithdrawEpochNotReached: u64 = 11;
/// The stake is not active yet.
const EActivationEpochNotReached: u64 = 12;
/// No request is needed: the stake can be withdrawn now.
const EWithdrawDirectly: u64 = 13;
/// The commission rate is above 100%.
const EIncorrectCommissionRate: u64 = 14;
/// Only who is authorized may do this.
const EAuthorizationFailure: u64 = 15;
/// The network address is too long.
const EInvalidNetworkAddressLength: u64 = 16;
/// The name is too long.
const EInvalidNameLength: u64 = 17;
/// The stake is too small to be worth a share.
const EZeroShares: u64 = 18;

// === Constants ===

/// 100%, in hundredths of a percent.
const MAX_COMMISSION_RATE: u16 = 100_00;
/// Longest network address: a host name of 253 bytes, a colon, and a port.
const MAX_NETWORK_ADDRESS_LEN: u64 = 259;
const MAX_NAME_LEN: u64 = 100;

// === Structs ===

/// Life cycle of a pool. Nothing leads out of `Active` yet.
public enum PoolState has copy, drop, store {
    Active,
    Withdrawing(u32),
    Withdrawn,
}

/// What the node votes for.
public struct VotingParams has copy, drop, store {
    storage_price: u64,
    write_price: u64,
    node_capacity: u64,
}

/// Key in `extra_fields` of the commission that cannot be collected yet.
public struct NewEpochCommissionBlockedForCollection has copy, drop, store {}

/// Key in `extra_fields` of the epochs for which there is no exchange rate.
public struct RateGapsKey has copy, drop, store {}

/// A time outside the committees: there is a rate of the first and of the last of these epochs, none of those
/// between.
public struct RateGap has copy, drop, store {
    recorded_epoch: u32,
    back_epoch: u32,
}

/// A pool; its object id is the node id. The principal of the stakes is in their own objects.
public struct StakingPool has key, store {
    id: UID,
    state: PoolState,
    voting_params: VotingParams,
    node_info: StorageNodeInfo,
    /// Epoch from which the pool is part of the network.
    activation_epoch: u32,
    /// Epoch to which the balances are advanced.
    latest_epoch: u32,
    /// Active stake and its rewards.
    wal_balance: u64,
    num_shares: u64,
    /// Shares that leave, by epoch.
    pending_shares_withdraw: PendingValues,
    /// Principal that leaves and was not active when that was requested, by epoch.
    pre_active_withdrawals: PendingValues,
    pending_commission_rate: PendingValues,
    /// In hundredths of a percent.
    commission_rate: u16,
    exchange_rates: Table<u32, PoolExchangeRate>,
    /// Principal that becomes active, by epoch.
    pending_stake: PendingValues,
    rewards_pool: Balance<WAL>,
    commission: Balance<WAL>,
    commission_receiver: Authorized,
    governance_authorized: Authorized,
    extra_fields: Bag,
}

// === Package functions: life cycle ===

/// Creates the pool of a new node. The sender must prove to have the key.
public(package) fun new(
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
    wctx: &WalrusContext,
    ctx: &mut TxContext,
): StakingPool {
    assert_possession(public_key, proof_of_possession, wctx.epoch(), ctx);
    create(
        name,
        network_address,
        metadata,
        public_key,
        network_public_key,
        commission_rate,
        storage_price,
        write_price,
        node_capacity,
        wctx,
        ctx,
    )
}

/// Creates a pool for a key whose possession is proved.
fun create(
    name: String,
    network_address: String,
    metadata: NodeMetadata,
    public_key: vector<u8>,
    network_public_key: vector<u8>,
    commission_rate: u16,
    storage_price: u64,
    write_price: u64,
    node_capacity: u64,
    wctx: &WalrusContext,
    ctx: &mut TxContext,
): StakingPool {
    assert_valid_name(&name);
    assert_valid_network_address(&network_address);
    assert!(commission_rate <= MAX_COMMISSION_RATE, EIncorrectCommissionRate);

    let id = object::new(ctx);
    let activation_epoch = if (wctx.committee_selected()) wctx.epoch() + 1 else wctx.epoch();
    let mut exchange_rates = table::new(ctx);
    exchange_rates.add(activation_epoch, pool_exchange_rate::flat());
    let node_info = storage_node::new(
        name,
        id.to_inner(),
        network_address,
        public_key,
        network_public_key,
        metadata,
        ctx,
    );
    StakingPool {
        id,
        state: PoolState::Active,
        voting_params: VotingParams { storage_price, write_price, node_capacity },
        node_info,
        activation_epoch,
        latest_epoch: wctx.epoch(),
        wal_balance: 0,
        num_shares: 0,
        pending_shares_withdraw: pending_values::empty(),
        pre_active_withdrawals: pending_values::empty(),
        pending_commission_rate: pending_values::empty(),
        commission_rate,
        exchange_rates,
        pending_stake: pending_values::empty(),
        rewards_pool: balance::zero(),
        commission: balance::zero(),
        commission_receiver: auth::authorized_address(ctx.sender()),
        governance_authorized: auth::authorized_address(ctx.sender()),
        extra_fields: bag::new(ctx),
    }
}

/// Moves the pool to the current epoch: books the rewards of the epochs since, lets pending stake in
/// and leaving stake out.
public(package) fun advance_epoch(self: &mut StakingPool, mut rewards: Balance<WAL>, epoch: u32) {
    assert!(epoch > self.latest_epoch, EPoolAlreadyUpdated);
    assert!(rewards.value() == 0 || self.wal_balance > 0, EIncorrectEpochAdvance);

    // The rate that was in force while the rewards were earned.
    let commission = bps_of(rewards.value(), self.commission_rate);
    self.add_commission(rewards.split(commission), true);
    release::take_commission_rate(&mut self.pending_commission_rate, epoch).do!(|rate| {
        self.commission_rate = rate as u16;
    });

    // Rewards are for the epoch before: a pool that gets some was a member then.
    let is_back = epoch > self.latest_epoch + 1 && rewards.value() == 0;
    self.remember_gap(epoch);
    self.wal_balance = self.wal_balance + rewards.value();
    let rate = self.next_rate(is_back);
    self.rewards_pool.join(rewards);
    self.latest_epoch = epoch;
    self.node_info.rotate_public_key();
    self.process_pending_stake(epoch, rate);
}

// === Package functions: stake ===

/// Takes stake, which becomes active in the next epoch, or in the one after if the next committee is
/// chosen already.
public(package) fun stake(
    self: &mut StakingPool,
    to_stake: Balance<WAL>,
    wctx: &WalrusContext,
    ctx: &mut TxContext,
): StakedWal {
    assert!(self.is_active(), EPoolIsNotActive);
    assert!(to_stake.value() > 0, EZeroStake);
    let activation_epoch = wctx.epoch() + if (wctx.committee_selected()) 2 else 1;
    let amount = to_stake.value();
    let staked_wal = staked_wal::mint(self.id.to_inner(), to_stake, activation_epoch, ctx);
    self.pending_stake.insert_or_add(activation_epoch, amount);
    staked_wal
}

/// Announces that stake leaves. Stake that the committee does not depend on leaves without request.
public(package) fun request_withdraw_stake(
    self: &mut StakingPool,
    staked_wal: &mut StakedWal,
    wctx: &WalrusContext,
) {
    self.assert_holds(staked_wal);
    assert!(staked_wal.is_staked(), ENotStaked);
    assert!(!can_withdraw_early(staked_wal, wctx), EWithdrawDirectly);

    let principal = staked_wal.value();
    let activation_epoch = staked_wal.activation_epoch();
    if (activation_epoch > wctx.epoch()) {
        // The next committee counts on the stake: it serves one epoch.
        let withdraw_epoch = activation_epoch + 1;
        self.pre_active_withdrawals.insert_or_add(withdraw_epoch, principal);
        staked_wal.set_withdrawing(withdraw_epoch);
        return
    };
    assert!(wctx.in_next_committee() || wctx.in_committee(), EWithdrawDirectly);
    let withdraw_epoch = wctx.epoch() + if (wctx.in_next_committee()) 2 else 1;
    let shares = self.rate_at(activation_epoch).convert_to_share_amount(principal);
    assert!(shares != 0, EZeroShares);
    self.pending_shares_withdraw.insert_or_add(withdraw_epoch, shares);
    staked_wal.set_withdrawing(withdraw_epoch);
}

/// Pays stake out, with its rewards.
public(package) fun withdraw_stake(
    self: &mut StakingPool,
    staked_wal: StakedWal,
    wctx: &WalrusContext,
): Balance<WAL> {
    self.assert_holds(&staked_wal);
    let amount = staked_wal.value();
    let activation_epoch = staked_wal.activation_epoch();

    let rewards_amount = if (can_withdraw_early(&staked_wal, wctx)) {
        self.pending_stake.reduce(activation_epoch, amount);
        0
    } else if (staked_wal.is_staked() && !wctx.in_committee() && !wctx.in_next_committee()) {
        self.leave_without_request(amount, activation_epoch, wctx.epoch())
    } else {
        assert!(staked_wal.is_withdrawing(), ENotWithdrawing);
        assert!(staked_wal.withdraw_epoch() <= wctx.epoch(), EWithdrawEpochNotReached);
        assert!(activation_epoch <= wctx.epoch(), EActivationEpochNotReached);
        self.calculate_rewards(amount, activation_epoch, staked_wal.withdraw_epoch())
    };
    let mut payout = staked_wal.into_balance();
    // Rounding can leave the rewards a few FROST short.
    let available = self.rewards_pool.value();
    payout.join(self.rewards_pool.split(rewards_amount.min(available)));
    payout
}

/// Whether stake can leave at once, because no committee counts on it.
public(package) fun can_withdraw_early(staked_wal: &StakedWal, wctx: &WalrusContext): bool {
    if (staked_wal.is_withdrawing()) return false;
    let activation_epoch = staked_wal.activation_epoch();
    activation_epoch == wctx.epoch() + 2 ||
    (activation_epoch == wctx.epoch() + 1 && !wctx.in_next_committee())
}

/// What stake earned between two epochs, in FROST.
public(package) fun calculate_rewards(
    self: &StakingPool,
    staked_principal: u64,
    activation_epoch: u32,
    withdraw_epoch: u32,
): u64 {
    let shares = self.rate_at(activation_epoch).convert_to_share_amount(staked_principal);
    let value = self.rate_at(withdraw_epoch).convert_to_wal_amount(shares);
    value - staked_principal.min(value)
}

/// The balance that the pool will have in `epoch`, as far as is known now, without future rewards.
public(package) fun wal_balance_at_epoch(self: &StakingPool, epoch: u32): u64 {
    // The committee is chosen at most two epochs ahead: a pool that is further behind is outside it.
    let rate = self.next_rate(epoch > self.latest_epoch + 2);
    let pre_active = self.pre_active_shares(&self.pre_active_withdrawals.due_at(epoch));
    let leaving_shares = self.pending_shares_withdraw.value_at(epoch) + pre_active;
    let expected = self.wal_balance + self.pending_stake.value_at(epoch);
    // Rounding can make the leaving shares worth a FROST more than the pool.
    expected - rate.convert_to_wal_amount(leaving_shares).min(expected)
}

// === Package functions: commission ===

/// Adds commission; blocked commission cannot be collected before it is unblocked.
public(package) fun add_commission(
    self: &mut StakingPool,
    commission: Balance<WAL>,
    is_blocked: bool,
) {
    if (is_blocked && commission.value() > 0) {
        let blocked = self.take_blocked_commission() + commission.value();
        self.extra_fields.add(NewEpochCommissionBlockedForCollection {}, blocked);
    };
    self.commission.join(commission);
}

/// Lets all commission be collected.
public(package) fun unblock_commission(self: &mut StakingPool) {
    self.take_blocked_commission();
}

/// Pays out the commission that is not blocked.
public(package) fun collect_commission(self: &mut StakingPool, auth: Authenticated): Balance<WAL> {
    assert!(auth.matches(&self.commission_receiver), EAuthorizationFailure);
    let collectable = self.commission.value() - self.blocked_commission();
    self.commission.split(collectable)
}

/// Takes the whole commission, with the part that is blocked.
public(package) fun take_commission(self: &mut StakingPool): Balance<WAL> {
    self.unblock_commission();
    self.commission.withdraw_all()
}

/// Hands the right to collect the commission on.
public(package) fun set_commission_receiver(
    self: &mut StakingPool,
    auth: Authenticated,
    receiver: Authorized,
) {
    assert!(auth.matches(&self.commission_receiver), EAuthorizationFailure);
    self.commission_receiver = receiver;
}

/// Sets the receiver without authorization; only while the pool is being created.
public(package) fun init_commission_receiver(self: &mut StakingPool, receiver: Authorized) {
    self.commission_receiver = receiver;
}

/// Sets the commission rate from two epochs later on.
public(package) fun set_next_commission(
    self: &mut StakingPool,
    commission_rate: u16,
    wctx: &WalrusContext,
) {
    assert!(commission_rate <= MAX_COMMISSION_RATE, EIncorrectCommissionRate);
    self.pending_commission_rate.insert_or_replace(wctx.epoch() + 2, commission_rate as u64);
}

// === Package functions: configuration ===

/// Hands the right to vote in governance on.
public(package) fun set_governance_authorized(
    self: &mut StakingPool,
    auth: Authenticated,
    authorized: Authorized,
) {
    assert!(auth.matches(&self.governance_authorized), EAuthorizationFailure);
    self.governance_authorized = authorized;
}

public(package) fun set_name(self: &mut StakingPool, name: String) {
    assert_valid_name(&name);
    self.node_info.set_name(name);
}

public(package) fun set_network_address(self: &mut StakingPool, network_address: String) {
    assert_valid_network_address(&network_address);
    self.node_info.set_network_address(network_address);
}

public(package) fun set_network_public_key(self: &mut StakingPool, network_public_key: vector<u8>) {
    self.node_info.set_network_public_key(network_public_key);
}

public(package) fun set_node_metadata(self: &mut StakingPool, metadata: NodeMetadata) {
    self.node_info.set_metadata(metadata);
}

/// Sets the key for the next committee. The sender must prove to have it.
public(package) fun set_next_public_key(
    self: &mut StakingPool,
    public_key: vector<u8>,
    proof_of_possession: vector<u8>,
    wctx: &WalrusContext,
    ctx: &TxContext,
) {
    assert_possession(public_key, proof_of_possession, wctx.epoch(), ctx);
    self.node_info.set_next_public_key(public_key);
}

public(package) fun set_storage_price_vote(self: &mut StakingPool, storage_price: u64) {
    self.voting_params.storage_price = storage_price;
}

public(package) fun set_write_price_vote(self: &mut StakingPool, write_price: u64) {
    self.voting_params.write_price = write_price;
}

public(package) fun set_node_capacity_vote(self: &mut StakingPool, node_capacity: u64) {
    self.voting_params.node_capacity = node_capacity;
}

// === Package functions: accessors ===

public(package) fun is_active(self: &StakingPool): bool {
    self.state == PoolState::Active
}

/// Vote for the price of storage.
public(package) fun storage_price(self: &StakingPool): u64 {
    self.voting_params.storage_price
}

/// Vote for the price of writing.
public(package) fun write_price(self: &StakingPool): u64 {
    self.voting_params.write_price
}

/// What the node can store, in bytes of slivers.
public(package) fun node_capacity(self: &StakingPool): u64 {
    self.voting_params.node_capacity
}

public(package) fun next_epoch_public_key(self: &StakingPool): &Element<UncompressedG1> {
    self.node_info.next_epoch_public_key()
}

public(package) fun node_metadata(self: &StakingPool): NodeMetadata {
    self.node_info.metadata()
}

public(package) fun governance_authorized(self: &StakingPool): &Authorized {
    &self.governance_authorized
}

public(package) fun wal_balance(self: &StakingPool): u64 {
    self.wal_balance
}

public(package) fun num_shares(self: &StakingPool): u64 {
    self.num_shares
}

public(package) fun commission_rate(self: &StakingPool): u16 {
    self.commission_rate
}

/// All commission, blocked or not.
public(package) fun commission_amount(self: &StakingPool): u64 {
    self.commission.value()
}

/// Rewards that stakers have not withdrawn.
public(package) fun rewards_amount(self: &StakingPool): u64 {
    self.rewards_pool.value()
}

// === Private functions: shares ===

/// The exchange rate of the next epoch in which the pool is advanced.
///
/// A pool that is back after epochs outside the committees has earned nothing in them, and its rate is the one
/// that was recorded last. Stake that became active meanwhile has its shares at that rate. The rate of what is
/// in the pool differs from it by rounding, and when all but some dust has left, rounding can double it: taken
/// in at such a rate, stake would have more shares than the pool gives out, and more could leave later than there is.
fun next_rate(self: &StakingPool, is_back: bool): PoolExchangeRate {
    if (is_back) self.rate_at(self.latest_epoch)
    else pool_exchange_rate::new(self.wal_balance, self.num_shares)
}

/// Records the exchange rate of the new epoch, then lets stake in and out at that rate.
fun process_pending_stake(self: &mut StakingPool, epoch: u32, rate: PoolExchangeRate) {
    self.record_rate(epoch, rate);
    self.wal_balance = self.wal_balance + self.pending_stake.flush(epoch);

    let pre_active = self.pre_active_withdrawals.take_due(epoch);
    let pre_active_shares = self.pre_active_shares(&pre_active);
    let leaving_shares = self.pending_shares_withdraw.flush(epoch) + pre_active_shares;
    let leaving = rate.convert_to_wal_amount(leaving_shares);
    assert!(self.wal_balance >= leaving, ECalculationError);
    self.wal_balance = self.wal_balance - leaving;
    self.num_shares = rate.convert_to_share_amount(self.wal_balance);
}

/// Records a rate. The one of the activation epoch was recorded when the pool was created.
fun record_rate(self: &mut StakingPool, epoch: u32, rate: PoolExchangeRate) {
    if (self.exchange_rates.contains(epoch)) {
        self.exchange_rates.remove(epoch);
    };
    self.exchange_rates.add(epoch, rate);
}

/// Remembers the epochs between the last rate and `epoch`, in which the pool is advanced next: a transaction
/// can look at 1,000 entries only, so that nobody can search them one by one for ever.
fun remember_gap(self: &mut StakingPool, epoch: u32) {
    // The rate of the activation of a new pool was recorded when it was created.
    let recorded_epoch = self.latest_epoch.max(self.activation_epoch);
    if (epoch <= recorded_epoch + 1) return;
    let key = RateGapsKey {};
    if (!self.extra_fields.contains(key)) {
        self.extra_fields.add(key, vector<RateGap>[]);
    };
    let gaps: &mut vector<RateGap> = &mut self.extra_fields[key];
    gaps.push_back(RateGap { recorded_epoch, back_epoch: epoch });
}

/// The rate of the last epoch up to `epoch` for which there is one.
fun rate_at(self: &StakingPool, epoch: u32): PoolExchangeRate {
    // Nothing is recorded after the latest epoch, except for the activation of a new pool, which is flat.
    let mut epoch = epoch.min(self.latest_epoch);
    if (epoch < self.activation_epoch) return pool_exchange_rate::flat();
    if (self.exchange_rates.contains(epoch)) return self.exchange_rates[epoch];
    epoch = self.gap_start(epoch).destroy_or!(epoch);
    // Only gaps that began under an earlier release of this package are searched.
    while (epoch > self.activation_epoch && !self.exchange_rates.contains(epoch)) {
        epoch = epoch - 1;
    };
    self.exchange_rates[epoch]
}

/// The last epoch with a rate before the gap that an epoch is in.
fun gap_start(self: &StakingPool, epoch: u32): Option<u32> {
    let key = RateGapsKey {};
    if (!self.extra_fields.contains(key)) return option::none();
    let gaps: &vector<RateGap> = &self.extra_fields[key];
    // In order of time: the first that ends after the epoch is the one, if there is one.
    let mut first = 0;
    let mut end = gaps.length();
    while (first < end) {
        let middle = (first + end) / 2;
        if (gaps[middle].back_epoch <= epoch) first = middle + 1 else end = middle;
    };
    if (first == gaps.length() || gaps[first].recorded_epoch >= epoch) return option::none();
    option::some(gaps[first].recorded_epoch)
}

/// Shares of stake that leaves one epoch after its activation, by epoch in which it leaves.
fun pre_active_shares(self: &StakingPool, withdrawals: &VecMap<u32, u64>): u64 {
    let mut shares = 0;
    withdrawals.length().do!(|i| {
        let (withdraw_epoch, amount) = withdrawals.get_entry_by_idx(i);
        let rate = self.rate_at(*withdraw_epoch - 1);
        shares = shares + rate.convert_to_share_amount(*amount);
    });
    shares
}

/// Books that stake leaves a pool outside both committees; returns its rewards.
///
/// Stake that the pool was never advanced over is still pending and has earned nothing: it leaves as what it is.
fun leave_without_request(
    self: &mut StakingPool,
    amount: u64,
    activation_epoch: u32,
    epoch: u32,
): u64 {
    if (activation_epoch > self.latest_epoch) {
        self.pending_stake.reduce(activation_epoch, amount);
        return 0
    };
    let shares = self.rate_at(activation_epoch).convert_to_share_amount(amount);
    self.pending_shares_withdraw.insert_or_add(epoch, shares);
    self.calculate_rewards(amount, activation_epoch, epoch)
}

fun assert_holds(self: &StakingPool, staked_wal: &StakedWal) {
    assert!(staked_wal.value() > 0, EZeroStake);
    assert!(staked_wal.node_id() == self.id.to_inner(), EIncorrectPoolId);
}

// === Private functions: commission ===

fun blocked_commission(self: &StakingPool): u64 {
    let key = NewEpochCommissionBlockedForCollection {};
    if (self.extra_fields.contains(key)) self.extra_fields[key] else 0
}

/// Removes the record of blocked commission and returns the amount.
fun take_blocked_commission(self: &mut StakingPool): u64 {
    let key = NewEpochCommissionBlockedForCollection {};
    if (self.extra_fields.contains(key)) self.extra_fields.remove(key) else 0
}

/// The part of an amount that a rate in hundredths of a percent takes, rounded down.
fun bps_of(amount: u64, rate: u16): u64 {
    ((amount as u128) * (rate as u128) / (MAX_COMMISSION_RATE as u128)) as u64
}

// === Private functions: checks ===

fun assert_possession(
    public_key: vector<u8>,
    proof_of_possession: vector<u8>,
    epoch: u32,
    ctx: &TxContext,
) {
    let message = messages::new_proof_of_possession_msg(epoch, ctx.sender(), public_key);
    let is_valid = message.verify_proof_of_possession(proof_of_possession);
    assert!(is_valid, EInvalidProofOfPossession);
}

fun assert_valid_name(name: &String) {
    assert!(name.length() <= MAX_NAME_LEN, EInvalidNameLength);
}

fun assert_valid_network_address(network_address: &String) {
    let length = network_address.length();
    assert!(length <= MAX_NETWORK_ADDRESS_LEN, EInvalidNetworkAddressLength);
}

// === Test functions ===

#[test_only]
/// A pool without proof of possession. The key is the generator of G1.
public(package) fun new_for_testing(
    name: String,
    network_address: String,
    network_public_key: vector<u8>,
    commission_rate: u16,
    storage_price: u64,
    write_price: u64,
    node_capacity: u64,
    wctx: &WalrusContext,
    ctx: &mut TxContext,
): StakingPool {
    create(
        name,
        network_address,
        walrus::node_metadata::new(b"".to_string(), b"".to_string(), b"".to_string()),
        *sui::bls12381::g1_generator().bytes(),
        network_public_key,
        commission_rate,
        storage_price,
        write_price,
        node_capacity,
        wctx,
        ctx,
    )
}

#[test_only]
public(package) fun rate_at_for_testing(self: &StakingPool, epoch: u32): PoolExchangeRate {
    self.rate_at(epoch)
}

#[test_only]
/// Pretends that the pool was outside the committees under an earlier release.
public(package) fun forget_gaps_for_testing(self: &mut StakingPool) {
    let _: vector<RateGap> = self.extra_fields.remove(RateGapsKey {});
}

#[test_only]
/// Pretends that the pool takes no more stake. Nothing else leads there.
public(package) fun set_leaving_for_testing(self: &mut StakingPool, epoch: u32) {
    self.state = PoolState::Withdrawing(epoch);
}

#[test_only]
public(package) fun node_info_for_testing(self: &StakingPool): &StorageNodeInfo {
    &self.node_info
}
