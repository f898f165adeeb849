//! Gas: smashing, budgets, exhaustion.

use crate::common::*;
use sui_localnet::execution::{InputError, Mode};
use sui_sdk_types::{Argument, ExecutionError, ExecutionStatus, IdOperation, TransactionKind};

#[test]
fn gas_coins_are_merged_into_the_first() {
    let mut chain = Chain::new();
    let coins = chain.coins(ALICE);
    let mut ptb = Ptb::default();
    let coin = ptb.split(Argument::Gas, &[2 * COIN]);
    ptb.transfer(&[coin], BOB);
    let transaction = chain.paid_by(ALICE, &coins[..3], ptb);
    let executed = chain.try_execute(&transaction).unwrap();
    chain.apply(&executed);
    assert_eq!(*status(&executed), ExecutionStatus::Success);
    let used = &effects(&executed).gas_used;
    assert_eq!(
        chain.balance(coins[0]),
        COIN - used.computation_cost - used.storage_cost
    );
    for id in &coins[1..3] {
        assert_eq!(change(&executed, *id).id_operation, IdOperation::Deleted);
    }
}

#[test]
fn gas_coins_are_merged_on_failure_too() {
    let (mut chain, package) = Chain::with_objects();
    let coins = chain.coins(ALICE);
    let before: u64 = coins[..2].iter().map(|id| chain.balance(*id)).sum();
    let mut ptb = Ptb::default();
    let odd = ptb.pure(&1u64);
    ptb.call(package, "items::check_even", &[odd]);
    let transaction = chain.paid_by(ALICE, &coins[..2], ptb);
    let executed = chain.try_execute(&transaction).unwrap();
    chain.apply(&executed);
    assert!(matches!(status(&executed), ExecutionStatus::Failure { .. }));
    let used = &effects(&executed).gas_used;
    let paid = used.computation_cost + used.storage_cost - used.storage_rebate;
    assert_eq!(chain.balance(coins[0]), before - paid);
    assert!(!chain.store.0.contains_key(&coins[1]));
}

#[test]
fn an_endless_loop_runs_out_of_gas() {
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    ptb.call(package, "items::spin", &[]);
    let mut transaction = chain.transaction(ALICE, ptb);
    transaction.gas_payment.budget = 20_000_000;
    let executed = chain.try_execute(&transaction).unwrap();
    assert_eq!(
        *status(&executed),
        ExecutionStatus::Failure {
            error: ExecutionError::InsufficientGas,
            command: Some(0)
        }
    );
    let used = &effects(&executed).gas_used;
    assert!(
        used.computation_cost + used.storage_cost <= 20_000_000
            || used.computation_cost == 20_000_000
    );
    assert_eq!(used.computation_cost, 20_000_000, "all of the budget");
    assert_eq!((used.storage_cost, used.storage_rebate), (0, 0));
}

#[test]
fn storage_beyond_the_budget_is_refused_at_the_end() {
    let mut chain = Chain::new();
    let mut ptb = Ptb::default();
    let coin = ptb.split(Argument::Gas, &[1]);
    ptb.transfer(&[coin], BOB);
    let mut transaction = chain.transaction(ALICE, ptb);
    // Enough for the computation and the gas coin, not for the new coin.
    transaction.gas_payment.budget = 1_000_000 + 988_000;
    let executed = chain.try_execute(&transaction).unwrap();
    assert_eq!(
        *status(&executed),
        ExecutionStatus::Failure {
            error: ExecutionError::InsufficientGas,
            command: None
        }
    );
    assert_eq!(effects(&executed).changed_objects.len(), 1);
    assert_eq!(effects(&executed).gas_used.storage_cost, 988_000);
}

#[test]
fn the_budget_covers_storage_net_of_rebates() {
    let mut chain = Chain::new();
    // Coins of the genesis have no rebate before their first use.
    chain.succeed(ALICE, Ptb::default());
    let mut ptb = Ptb::default();
    let coin = ptb.split(Argument::Gas, &[1]);
    ptb.transfer(&[coin], ALICE);
    // Computation, two coins, and 99 % of the rebate of one.
    let cost = 1_000_000 + 2 * 988_000 - 978_120;
    let mut transaction = chain.transaction(ALICE, ptb);
    for (budget, fits) in [(2_000_000, true), (cost, true), (cost - 1, false)] {
        transaction.gas_payment.budget = budget;
        let executed = chain.try_execute(&transaction).unwrap();
        assert_eq!(
            *status(&executed) == ExecutionStatus::Success,
            fits,
            "{budget}"
        );
    }
}

#[test]
fn computation_costs_less_than_the_budget() {
    let mut chain = Chain::new();
    let mut transaction = chain.transaction(ALICE, Ptb::default());
    transaction.gas_payment.budget = 1_000_000;
    let executed = chain.try_execute(&transaction).unwrap();
    assert!(matches!(
        status(&executed),
        ExecutionStatus::Failure {
            error: ExecutionError::InsufficientGas,
            ..
        }
    ));
    let used = &effects(&executed).gas_used;
    assert_eq!(used.computation_cost, 1_000_000);
    assert_eq!((used.storage_cost, used.storage_rebate), (0, 0));
}

#[test]
fn merged_coins_pay_their_rebate_when_the_budget_is_spent() {
    let (mut chain, package) = Chain::with_objects();
    let coins = chain.coins(ALICE);
    // Coins of the genesis have no rebate before their first use.
    let mut ptb = Ptb::default();
    let coin = ptb.owned(&chain, coins[1]);
    ptb.transfer(&[coin], ALICE);
    chain.succeed(ALICE, ptb);
    let mut ptb = Ptb::default();
    ptb.call(package, "items::spin", &[]);
    let mut transaction = chain.paid_by(ALICE, &coins[..2], ptb);
    transaction.gas_payment.budget = 2_000_000;
    let before: u64 = coins[..2].iter().map(|id| chain.balance(*id)).sum();
    let executed = chain.try_execute(&transaction).unwrap();
    chain.apply(&executed);
    let used = &effects(&executed).gas_used;
    assert_eq!(used.computation_cost, 2_000_000);
    // The storage of the coin that is kept is paid for by the coin that is gone.
    assert_eq!(
        (used.storage_cost, used.storage_rebate),
        (988_000, 1_956_240)
    );
    assert_eq!(
        chain.balance(coins[0]),
        before + 988_000 * 2 - 19_760 - 988_000 - 2_000_000
    );
}

#[test]
fn the_same_transaction_costs_the_same() {
    let (mut chain, package) = Chain::with_objects();
    let counter = chain.only(package, "items", "Counter");
    let mut ptb = Ptb::default();
    let shared = ptb.shared(&chain, counter, true);
    ptb.call(package, "items::count", &[shared]);
    let transaction = chain.transaction(ALICE, ptb);
    let first = chain.try_execute(&transaction).unwrap();
    let second = chain.try_execute(&transaction).unwrap();
    assert_eq!(first.effects, second.effects);
}

#[test]
fn budgets_and_prices_have_bounds() {
    let mut chain = Chain::new();
    let base = chain.transaction(ALICE, Ptb::default());
    let refused = |change: &dyn Fn(&mut sui_sdk_types::GasPayment)| {
        let mut transaction = base.clone();
        change(&mut transaction.gas_payment);
        chain.try_execute(&transaction).unwrap_err()
    };
    assert!(matches!(
        refused(&|gas| gas.price = 999),
        InputError::GasPriceTooLow { .. }
    ));
    assert!(matches!(
        refused(&|gas| gas.price = 50_000_000_000),
        InputError::GasPriceTooHigh { .. }
    ));
    assert!(matches!(
        refused(&|gas| gas.budget = 999_999),
        InputError::GasBudgetTooLow { .. }
    ));
    assert!(matches!(
        refused(&|gas| gas.budget = u64::MAX),
        InputError::GasBudgetTooHigh { .. }
    ));
    assert!(matches!(
        refused(&|gas| gas.budget = COIN + 1),
        InputError::GasBalanceTooLow { .. }
    ));
    assert!(matches!(
        refused(&|gas| gas.objects.clear()),
        InputError::MissingGasPayment
    ));
    assert!(matches!(
        base.kind,
        TransactionKind::ProgrammableTransaction(_)
    ));
}

#[test]
fn a_simulation_pays_with_a_coin_made_up() {
    let mut chain = Chain::new();
    let mut ptb = Ptb::default();
    let coin = ptb.split(Argument::Gas, &[1_000]);
    ptb.transfer(&[coin], BOB);
    let mut transaction = chain.transaction(ALICE, ptb);
    transaction.gas_payment.objects.clear();
    let mode = Mode::Simulate {
        checks: true,
        mock_gas: true,
    };
    let executed = chain
        .engine
        .execute(&chain.store, &chain.env, &transaction, mode)
        .unwrap();
    assert_eq!(*status(&executed), ExecutionStatus::Success);
    assert_eq!(effects(&executed).gas_used.storage_cost, 2 * 988_000);
}
