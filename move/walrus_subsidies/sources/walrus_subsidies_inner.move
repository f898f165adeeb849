/// The state of the subsidies: rates, funds, and what was paid already.
///
/// Funds that do not suffice are paid out as far as they go. Of the fixed subsidies each node gets the same part,
/// and the rest is lost, as that of an epoch without a call is. Payments for storage wait for more funds, those
/// of the nearest epoch first.
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
#[allow(unused_const)]
/// Replaced: what there is is paid.
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

/// Key in `extra_fields` of the bound on what payments for storage are subsidised with.
public struct UsageBudgetKey() has copy, drop, store;

/// What payments for storage may still be subsidised with in an epoch.
public struct UsageBudget has drop, store {
    /// In FROST per epoch.
    per_epoch: u64,
    epoch: u32,
    /// What was paid in `epoch`, in FROST.
    paid: u64,
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

/// Bounds what payments for storage are subsidised with in each epoch from the current one on; without a
/// value there is no bound.
public(package) fun set_usage_budget(
    self: &mut WalrusSubsidiesInnerV1,
    per_epoch: Option<u64>,
    epoch: u32,
) {
    let key = UsageBudgetKey();
    let paid = if (self.extra_fields.contains(key)) {
        let UsageBudget { epoch: paid_epoch, paid, .. } = self.extra_fields.remove(key);
        if (paid_epoch == epoch) paid else 0
    } else 0;
    per_epoch.do!(|per_epoch| {
        self.extra_fields.add(key, UsageBudget { per_epoch, epoch, paid });
    });
}

/// The bound on what payments for storage are subsidised with in each epoch, in FROST, if there is one.
public(package) fun usage_budget(self: &WalrusSubsidiesInnerV1): Option<u64> {
    let key = UsageBudgetKey();
    if (!self.extra_fields.contains(key)) return option::none();
    let budget: &UsageBudget = &self.extra_fields[key];
    option::some(budget.per_epoch)
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
    let due = shards.map!(|shards| {
        (self.base_subsidy as u128) + (shards.length() as u128) * (self.subsidy_per_shard as u128)
    });
    let total = due.fold!(0, |sum, amount| sum + amount).max(1);
    let funds = (self.subsidy_pool.value() as u128).min(total);
    let subsidies = due.map!(|amount| {
        self.subsidy_pool.split(mul_div(amount, funds, total))
    });
    staking.add_commission_to_pools(node_ids, subsidies);
    self.latest_epoch = epoch - 1;
}

/// Adds to each epoch's payments the part that the rate gives for what is new. What is not paid for want of funds
/// stays new.
fun process_usage_subsidies(self: &mut WalrusSubsidiesInnerV1, system: &mut System) {
    let epoch = system.epoch();
    self.already_subsidized_balances.advance_to(epoch);
    let rate = self.system_subsidy_rate as u128;
    let mut left = self.subsidy_pool.value().min(self.usage_budget_left(epoch));
    let before = left;
    let mut offset = 0;
    let subsidies = booked_rewards(system).map!(|rewards| {
        let settled = self.already_subsidized_balances.balance_at_offset(offset);
        let new_rewards = rewards - settled;
        let due = (new_rewards as u128) * rate / FULL_RATE;
        let subsidy = due.min(left as u128) as u64;
        left = left - subsidy;
        // Rounded up: no payment is subsidised twice.
        let subsidised = if ((subsidy as u128) == due) new_rewards
        else (((subsidy as u128) * FULL_RATE + rate - 1) / rate) as u64;
        let settled = settled + subsidised + subsidy;
        self.already_subsidized_balances.set_balance_at_offset(offset, settled);
        offset = offset + 1;
        self.subsidy_pool.split(subsidy)
    });
    self.spend_usage_budget(epoch, before - left);
    system.add_per_epoch_subsidies(subsidies);
}

/// What payments may be subsidised with in the rest of the epoch.
fun usage_budget_left(self: &WalrusSubsidiesInnerV1, epoch: u32): u64 {
    let key = UsageBudgetKey();
    if (!self.extra_fields.contains(key)) return std::u64::max_value!();
    let budget: &UsageBudget = &self.extra_fields[key];
    let paid = if (budget.epoch == epoch) budget.paid else 0;
    budget.per_epoch - paid.min(budget.per_epoch)
}

/// Remembers what was paid.
fun spend_usage_budget(self: &mut WalrusSubsidiesInnerV1, epoch: u32, amount: u64) {
    let key = UsageBudgetKey();
    if (amount == 0 || !self.extra_fields.contains(key)) return;
    let budget: &mut UsageBudget = &mut self.extra_fields[key];
    let paid = if (budget.epoch == epoch) budget.paid else 0;
    budget.epoch = epoch;
    budget.paid = paid + amount;
}

/// `amount · part / whole`, rounded down; `part` is at most `whole`.
fun mul_div(amount: u128, part: u128, whole: u128): u64 {
    ((amount as u256) * (part as u256) / (whole as u256)) as u64
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
