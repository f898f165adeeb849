/// The state of the subsidies: rates, funds, and what was paid already.
module walrus_subsidies::walrus_subsidies_inner;

use sui::bag::{Self, Bag};
use sui::balance::{Self, Balance};
use sui::clock::Clock;
use wal::wal::WAL;
use walrus::staking::Staking;
use walrus::system::System;
use walrus_subsidies::epoch_balance::{Self, EpochBalanceRingBuffer};

// === Errors ===

/// The rate or the amounts are too high.
const EInvalidSubsidyRate: u64 = 0;
/// The funds do not suffice.
const EInsufficientFundsInPool: u64 = 1;

// === Constants ===

/// 100%, in hundredths of a percent.
const FULL_RATE: u128 = 10_000;
/// Highest rate of the subsidy for usage: 10000%.
const MAX_SUBSIDY_RATE: u32 = 1_000_000;
/// Number of shards for which the fixed subsidy of a node must stay representable.
const MAX_SHARDS: u128 = 1_000;

// === Structs ===

/// Version 1 of the state.
public struct WalrusSubsidiesInnerV1 has store {
    /// Subsidy per payment for storage, in hundredths of a percent.
    system_subsidy_rate: u32,
    subsidy_pool: Balance<WAL>,
    /// Subsidy per node and epoch, in FROST.
    base_subsidy: u64,
    /// Subsidy per shard and epoch, in FROST.
    subsidy_per_shard: u64,
    /// Last epoch whose fixed subsidy is paid.
    latest_epoch: u32,
    /// Payments for each epoch, with the subsidies for them, that need no further subsidy.
    already_subsidized_balances: EpochBalanceRingBuffer,
    /// When subsidies were paid last, in ms.
    last_subsidized_ts: u64,
    /// Room for what later versions need.
    extra_fields: Bag,
}

// === Package functions ===

/// State without funds. What is paid for already is not subsidised, nor are epochs that ended.
public(package) fun new(
    system: &System,
    staking: &Staking,
    system_subsidy_rate: u32,
    base_subsidy: u64,
    subsidy_per_shard: u64,
    ctx: &mut TxContext,
): WalrusSubsidiesInnerV1 {
    let epoch = staking.epoch();
    WalrusSubsidiesInnerV1 {
        system_subsidy_rate,
        subsidy_pool: balance::zero(),
        base_subsidy,
        subsidy_per_shard,
        latest_epoch: if (epoch == 0) 0 else epoch - 1,
        already_subsidized_balances: epoch_balance::new(system.epoch(), booked_rewards(system)),
        last_subsidized_ts: 0,
        extra_fields: bag::new(ctx),
    }
}

/// Adds to the funds.
public(package) fun add_balance(self: &mut WalrusSubsidiesInnerV1, funds: Balance<WAL>) {
    self.subsidy_pool.join(funds);
}

/// Sets the rate of the subsidy for usage.
public(package) fun set_system_subsidy_rate(self: &mut WalrusSubsidiesInnerV1, rate: u32) {
    assert!(rate <= MAX_SUBSIDY_RATE, EInvalidSubsidyRate);
    self.system_subsidy_rate = rate;
}

/// Sets the fixed subsidy per node.
public(package) fun set_base_subsidy(self: &mut WalrusSubsidiesInnerV1, base_subsidy: u64) {
    assert_representable(base_subsidy, self.subsidy_per_shard);
    self.base_subsidy = base_subsidy;
}

/// Sets the fixed subsidy per shard.
public(package) fun set_per_shard_subsidy(
    self: &mut WalrusSubsidiesInnerV1,
    subsidy_per_shard: u64,
) {
    assert_representable(self.base_subsidy, subsidy_per_shard);
    self.subsidy_per_shard = subsidy_per_shard;
}

/// Pays what is due: the fixed subsidies of the epoch that ended last, and the subsidies for what was
/// paid for storage since the last call.
public(package) fun process_subsidies(
    self: &mut WalrusSubsidiesInnerV1,
    staking: &mut Staking,
    system: &mut System,
    clock: &Clock,
) {
    self.process_fixed_subsidies(staking);
    self.process_usage_subsidies(system);
    self.last_subsidized_ts = clock.timestamp_ms();
}

// === Private functions ===

/// Pays each node of the previous epoch as commission. An epoch that is missed is never paid.
fun process_fixed_subsidies(self: &mut WalrusSubsidiesInnerV1, staking: &mut Staking) {
    let epoch = staking.epoch();
    if (epoch == 0 || self.latest_epoch >= epoch - 1) return;
    let (node_ids, shards) = staking.previous_committee().to_inner().into_keys_values();
    let subsidies = shards.map!(|shards| {
        let amount = self.base_subsidy + shards.length() * self.subsidy_per_shard;
        self.take(amount)
    });
    staking.add_commission_to_pools(node_ids, subsidies);
    self.latest_epoch = epoch - 1;
}

/// Adds to each epoch's payments the part that the rate gives for what is new.
fun process_usage_subsidies(self: &mut WalrusSubsidiesInnerV1, system: &mut System) {
    self.already_subsidized_balances.advance_to(system.epoch());
    let mut offset = 0;
    let subsidies = booked_rewards(system).map!(|rewards| {
        let new_rewards = rewards - self.already_subsidized_balances.balance_at_offset(offset);
        let subsidy = (new_rewards as u128) * (self.system_subsidy_rate as u128) / FULL_RATE;
        let subsidy = self.take(subsidy as u64);
        let settled = rewards + subsidy.value();
        self.already_subsidized_balances.set_balance_at_offset(offset, settled);
        offset = offset + 1;
        subsidy
    });
    system.add_per_epoch_subsidies(subsidies);
}

fun take(self: &mut WalrusSubsidiesInnerV1, amount: u64): Balance<WAL> {
    assert!(self.subsidy_pool.value() >= amount, EInsufficientFundsInPool);
    self.subsidy_pool.split(amount)
}

/// What is booked for each epoch, from the current one on.
fun booked_rewards(system: &System): vector<u64> {
    let accounting = system.future_accounting();
    vector::tabulate!(accounting.max_epochs_ahead() as u64, |i| accounting[i as u32].rewards())
}

fun assert_representable(base_subsidy: u64, subsidy_per_shard: u64) {
    let highest = (base_subsidy as u128) + MAX_SHARDS * (subsidy_per_shard as u128);
    assert!(highest <= (std::u64::max_value!() as u128), EInvalidSubsidyRate);
}

// === Test functions ===

#[test_only]
/// The funds, in FROST.
public(package) fun subsidy_pool_value_for_testing(self: &WalrusSubsidiesInnerV1): u64 {
    self.subsidy_pool.value()
}
