//! Comparing what a full node made of an intent with the intent, field by field.
//!
//! A full node may say anything. What it fills in legitimately is listed here by what is *not*
//! compared: versions and digests of objects other than coins, and the version since when an object
//! is shared. A wrong one makes the chain refuse the transaction; it cannot make it do something
//! else.

use std::collections::BTreeSet;

use sui_sdk_types::{
    Command, GasPayment, Input as SdkInput, Mutability, Transaction, TransactionExpiration,
    TransactionKind,
};

use super::{
    intent::{CheckedTransaction, Intent},
    program::Input,
};

/// Largest budget for gas that a full node may set, in MIST: 10 SUI, ten times what publishing the
/// contracts costs. Whoever needs more gives the budget.
pub const GAS_BUDGET_MIST_MAX: u64 = 10_000_000_000;
/// Largest price of gas that a full node may set, in MIST per unit: ten times what is usual.
pub const GAS_PRICE_MIST_MAX: u64 = 10_000;

impl Intent {
    /// The transaction of a full node's answer, if it is what was asked for; else what is
    /// different.
    pub(crate) fn check(&self, resolved: Transaction) -> Result<CheckedTransaction, String> {
        let TransactionKind::ProgrammableTransaction(programmable) = &resolved.kind else {
            return Err("it is a transaction of the system".to_owned());
        };
        if resolved.sender != self.sender {
            return Err(format!(
                "its sender is {} instead of {}",
                resolved.sender, self.sender
            ));
        }
        self.check_commands(&programmable.commands)?;
        self.check_inputs(&programmable.inputs)?;
        self.check_payment(&resolved.gas_payment, &programmable.inputs)?;
        self.check_expiration(&resolved.expiration)?;
        Ok(CheckedTransaction(resolved))
    }

    fn check_commands(&self, found: &[Command]) -> Result<(), String> {
        for (index, (found, asked)) in found.iter().zip(&self.commands).enumerate() {
            if found == asked {
                continue;
            }
            let (found, asked) = (name(found), name(asked));
            return Err(if found == asked {
                format!("command {index}, {asked}, has other arguments")
            } else {
                format!("command {index} is {found} instead of {asked}")
            });
        }
        if found.len() != self.commands.len() {
            return Err(format!(
                "it has {} commands instead of {}",
                found.len(),
                self.commands.len()
            ));
        }
        Ok(())
    }

    fn check_inputs(&self, found: &[SdkInput]) -> Result<(), String> {
        for (index, (found, asked)) in found.iter().zip(&self.inputs).enumerate() {
            check_input(found, asked)
                .map_err(|difference| format!("input {index} {difference}"))?;
        }
        if found.len() != self.inputs.len() {
            return Err(format!(
                "it has {} inputs instead of {}",
                found.len(),
                self.inputs.len()
            ));
        }
        Ok(())
    }

    fn check_payment(&self, found: &GasPayment, inputs: &[SdkInput]) -> Result<(), String> {
        if found.owner != self.payer {
            return Err(format!(
                "its gas is paid by {} instead of {}",
                found.owner, self.payer
            ));
        }
        if found.price > GAS_PRICE_MIST_MAX {
            return Err(format!(
                "its gas price of {} MIST is above {GAS_PRICE_MIST_MAX}",
                found.price
            ));
        }
        match self.budget {
            Some(budget) if found.budget != budget => {
                return Err(format!(
                    "its gas budget is {} MIST instead of {budget}",
                    found.budget
                ));
            }
            None if found.budget > GAS_BUDGET_MIST_MAX => {
                return Err(format!(
                    "its gas budget of {} MIST is above {GAS_BUDGET_MIST_MAX}; if so much is right, give the budget",
                    found.budget
                ));
            }
            _ => {}
        }
        let used: BTreeSet<_> = inputs.iter().filter_map(object_of).collect();
        for coin in &found.objects {
            if used.contains(coin.object_id()) {
                return Err(format!(
                    "object {} pays for gas and is an input besides",
                    coin.object_id()
                ));
            }
            if !self.gas.contains(coin) {
                return Err(format!(
                    "its gas is paid with object {}, which was not chosen for that",
                    coin.object_id()
                ));
            }
        }
        if found.objects != self.gas {
            return Err("its gas is paid with other coins than those that were chosen".to_owned());
        }
        Ok(())
    }

    /// Gas from the balance outside of coins demands an end of validity; nothing else has one.
    fn check_expiration(&self, found: &TransactionExpiration) -> Result<(), String> {
        let is_sane = match found {
            TransactionExpiration::None => !self.gas.is_empty(),
            TransactionExpiration::ValidDuring {
                min_epoch: Some(min),
                max_epoch: Some(max),
                ..
            } => self.gas.is_empty() && max.checked_sub(*min).is_some_and(|epochs| epochs <= 1),
            _ => false,
        };
        if is_sane {
            Ok(())
        } else {
            Err("it has another expiration than it should".to_owned())
        }
    }
}

fn check_input(found: &SdkInput, asked: &Input) -> Result<(), String> {
    if let (Some(found), Some(asked)) = (object_of(found), asked.object())
        && found != asked
    {
        return Err(format!("is object {found} instead of {asked}"));
    }
    match (found, asked) {
        (SdkInput::Pure(found), Input::Pure(asked)) if found == asked => Ok(()),
        (SdkInput::Pure(_), Input::Pure(_)) => Err("has another value".to_owned()),
        (SdkInput::ImmutableOrOwned(_), Input::Owned(_)) => Ok(()),
        (SdkInput::ImmutableOrOwned(found), Input::Coin(asked)) if found == asked => Ok(()),
        (SdkInput::ImmutableOrOwned(_), Input::Coin(asked)) => {
            Err(format!("is another version of coin {}", asked.object_id()))
        }
        (SdkInput::FundsWithdrawal(found), Input::Withdrawal(asked)) if found == asked => Ok(()),
        (SdkInput::FundsWithdrawal(_), Input::Withdrawal(_)) => {
            Err("takes another amount from the account's balance".to_owned())
        }
        (SdkInput::Shared(found), Input::Shared { id, mutable }) => {
            match (found.mutability(), mutable) {
                (Mutability::Mutable, true) | (Mutability::Immutable, false) => Ok(()),
                (_, true) => Err(format!("can only read object {id}, which it has to change")),
                (_, false) => Err(format!("can change object {id}, which it only reads")),
            }
        }
        (found, asked) => Err(format!(
            "is {} instead of {}",
            kind(found),
            asked_kind(asked)
        )),
    }
}

fn object_of(input: &SdkInput) -> Option<sui_sdk_types::Address> {
    match input {
        SdkInput::ImmutableOrOwned(reference) | SdkInput::Receiving(reference) => {
            Some(*reference.object_id())
        }
        SdkInput::Shared(shared) => Some(shared.object_id()),
        _ => None,
    }
}

fn kind(input: &SdkInput) -> &'static str {
    match input {
        SdkInput::Pure(_) => "a plain value",
        SdkInput::ImmutableOrOwned(_) => "an object of an account",
        SdkInput::Shared(_) => "a shared object",
        SdkInput::Receiving(_) => "an object to receive",
        SdkInput::FundsWithdrawal(_) => "a withdrawal from a balance",
        _ => "something unknown",
    }
}

fn asked_kind(input: &Input) -> &'static str {
    match input {
        Input::Pure(_) => "a plain value",
        Input::Owned(_) => "an object of an account",
        Input::Shared { .. } => "a shared object",
        Input::Coin(_) => "a coin of the account",
        Input::Withdrawal(_) => "a withdrawal from the account's balance",
    }
}

/// A command in few words.
fn name(command: &Command) -> String {
    match command {
        Command::MoveCall(call) => {
            format!("{}::{}::{}", call.package, call.module, call.function)
        }
        Command::TransferObjects(_) => "TransferObjects".to_owned(),
        Command::SplitCoins(_) => "SplitCoins".to_owned(),
        Command::MergeCoins(_) => "MergeCoins".to_owned(),
        Command::Publish(_) => "Publish".to_owned(),
        Command::MakeMoveVector(_) => "MakeMoveVec".to_owned(),
        Command::Upgrade(_) => "Upgrade".to_owned(),
        _ => "a command of a kind we do not know".to_owned(),
    }
}

#[cfg(test)]
mod tests;
