//! Budget estimation and choice of gas coins.

use std::collections::BTreeSet;

use stdx::SaturatingFrom as _;
use sui_sdk_types::{
    Address, Argument, Command, GasCostSummary, Input, ObjectReference, Owner, StructTag,
    Transaction, TransactionKind,
};
use tonic::Status;

use crate::{
    execution::limits,
    ledger::{Ledger, TypeFilter, keys::coin_balance},
    rpc::errors,
};

/// Head room over the measured cost, in computation units.
const OVERHEAD_UNITS: u64 = 1000;
/// What reading one more gas coin costs: bytes of a coin times units per byte read.
const COIN_READ_UNITS: u64 = 40 * 15;
/// Computation units are charged in steps of this many.
const UNIT_STEP: u64 = 1000;

/// What a dry run says a transaction costs.
#[derive(Clone, Debug)]
pub(crate) struct BudgetEstimate {
    used: GasCostSummary,
    price: u64,
}

impl BudgetEstimate {
    /// From the gas a dry run used, at `price` MIST per unit.
    pub(crate) fn new(used: GasCostSummary, price: u64) -> Self {
        Self { used, price }
    }

    /// The budget for a payment of `coins` coins: never below what the dry run spent before
    /// rebates, with head room.
    pub(crate) fn budget(&self, coins: usize) -> u64 {
        let spent = self
            .used
            .computation_cost
            .saturating_add(self.used.storage_cost);
        let extra_coins = u64::saturating_from(coins.saturating_sub(1));
        let extra_units = extra_coins
            .saturating_mul(COIN_READ_UNITS)
            .div_ceil(UNIT_STEP)
            .saturating_mul(UNIT_STEP);
        let head_room = OVERHEAD_UNITS
            .saturating_add(extra_units)
            .saturating_mul(self.price);
        spent.saturating_add(head_room).min(limits::GAS_BUDGET_MAX)
    }
}

/// The coins that pay for `transaction`, largest first, and the budget they cover. `budget` says
/// what a payment of so many coins needs.
///
/// Takes only as many coins as needed, so that other transactions of the payer can go on; a
/// transaction that uses its gas coin gets them all, because what it takes from the coin is not
/// part of the budget.
pub(crate) fn select_payment(
    ledger: &Ledger,
    transaction: &Transaction,
    budget: impl Fn(usize) -> u64,
) -> Result<(Vec<ObjectReference>, u64), Status> {
    let owner = transaction.gas_payment.owner;
    let (inputs, uses_gas_coin) = match &transaction.kind {
        TransactionKind::ProgrammableTransaction(programmable) => (
            object_ids(&programmable.inputs),
            programmable.commands.iter().any(uses_gas_coin),
        ),
        _ => (BTreeSet::new(), false),
    };
    let as_count = |limit: u64| usize::saturating_from(limit);
    let coins_max = as_count(limits::GAS_OBJECTS_MAX)
        .min(as_count(limits::INPUT_OBJECTS_MAX).saturating_sub(inputs.len()));

    let filter = TypeFilter::Exact(StructTag::gas_coin());
    let mut coins = Vec::new();
    let mut balance: u64 = 0;
    // A few more than the limit are looked at, because inputs cannot pay.
    let candidates = coins_max.saturating_add(inputs.len());
    for entry in ledger
        .owned_objects(&owner, &filter, None, candidates)?
        .entries
    {
        let enough = !coins.is_empty() && balance >= budget(coins.len());
        if coins.len() == coins_max || (enough && !uses_gas_coin) {
            break;
        }
        if inputs.contains(&entry.id) {
            continue;
        }
        let Some(coin) = ledger.object(&entry.id)? else {
            continue;
        };
        if let (Owner::Address(_), Some(value)) = (coin.owner(), coin_balance(&coin)) {
            balance = balance.saturating_add(value);
            coins.push(ObjectReference::new(
                entry.id,
                coin.version(),
                coin.digest(),
            ));
        }
    }
    let needed = budget(coins.len().max(1));
    if coins.is_empty() || balance < needed {
        return Err(errors::invalid(format!(
            "Unable to perform gas selection due to insufficient SUI balance (in address balance or coins) \
             for account {owner} to satisfy required budget {needed}."
        )));
    }
    Ok((coins, needed))
}

fn object_ids(inputs: &[Input]) -> BTreeSet<Address> {
    inputs
        .iter()
        .filter_map(|input| match input {
            Input::ImmutableOrOwned(reference) | Input::Receiving(reference) => {
                Some(*reference.object_id())
            }
            Input::Shared(shared) => Some(shared.object_id()),
            _ => None,
        })
        .collect()
}

fn uses_gas_coin(command: &Command) -> bool {
    let arguments: Vec<&Argument> = match command {
        Command::MoveCall(call) => call.arguments.iter().collect(),
        Command::TransferObjects(transfer) => transfer.objects.iter().collect(),
        Command::SplitCoins(split) => vec![&split.coin],
        Command::MergeCoins(merge) => merge.coins_to_merge.iter().chain([&merge.coin]).collect(),
        Command::MakeMoveVector(make) => make.elements.iter().collect(),
        _ => Vec::new(),
    };
    arguments.contains(&&Argument::Gas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_covers_cost_before_rebate_with_head_room() {
        let estimate = BudgetEstimate::new(GasCostSummary::new(1_000_000, 5_000, 4_950, 50), 1000);
        assert_eq!(estimate.budget(1), 1_000_000 + 5_000 + 1_000_000);
        // Two more coins are 1,200 units, charged as 2,000.
        assert_eq!(estimate.budget(3), estimate.budget(1) + 2_000_000);
        let huge = BudgetEstimate::new(GasCostSummary::new(u64::MAX, 1, 0, 0), 1000);
        assert_eq!(huge.budget(1), limits::GAS_BUDGET_MAX);
    }
}
