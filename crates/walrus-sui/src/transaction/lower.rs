//! A program and the coins chosen for it, in the form that full nodes take.

use std::collections::BTreeMap;

use sui_sdk_types::{
    self as sdk, Address, Argument as SdkArgument, FundsWithdrawal, Identifier, MergeCoins,
    MoveCall, ObjectReference, Publish, SplitCoins, StructTag, TransferObjects, TypeTag, Upgrade,
    WithdrawFrom,
};

use super::program::{Argument, Command, Function, Input, Place, Program};
use crate::error::SuiError;

/// Limits of Sui, both inclusive.
const INPUTS_MAX: usize = 2048;
const COMMANDS_MAX: usize = 1023;
/// Arguments of one MergeCoins: fewer than 512 by the rules of Sui.
const MERGED_AT_ONCE_MAX: usize = 500;

/// What coins of one type are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Funds {
    /// Coins that are merged.
    pub(crate) coins: Vec<ObjectReference>,
    /// What is taken from the balance outside of coins besides.
    pub(crate) from_balance: u64,
}

/// Inputs and commands of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) inputs: Vec<Input>,
    pub(super) commands: Vec<sdk::Command>,
}

impl Program {
    /// How much of each type of coin it asks for.
    pub(crate) fn wanted(&self) -> Result<BTreeMap<StructTag, u64>, SuiError> {
        let mut wanted = BTreeMap::new();
        for coin in &self.coins {
            let sum: &mut u64 = wanted.entry(coin.type_.clone()).or_default();
            *sum = sum.checked_add(coin.amount).ok_or_else(|| {
                SuiError::InvalidInput("the amounts exceed all coins there are".to_owned())
            })?;
        }
        wanted.retain(|_, sum| *sum > 0);
        Ok(wanted)
    }

    /// What its commands take out of the coin that pays for gas, in MIST.
    pub(crate) fn taken_from_gas_mist(&self) -> u64 {
        self.from_gas_mist
    }

    /// Objects among its inputs.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Address> {
        self.inputs.iter().filter_map(Input::object)
    }

    /// Puts the commands that make the coins before all others.
    pub(super) fn lower(&self, funds: &BTreeMap<StructTag, Funds>) -> Result<Body, SuiError> {
        let mut full = Self {
            inputs: self.inputs.clone(),
            ..Self::default()
        };
        let mut coins = vec![None; self.coins.len()];
        for (type_, funds) in funds {
            full.make_coins(self, type_, funds, &mut coins);
        }
        for (coin, wanted) in coins.iter_mut().zip(&self.coins) {
            if wanted.amount == 0 {
                let function = of_coin("zero", &wanted.type_);
                *coin = Some(full.move_call(function, vec![]));
            }
        }
        let made = full.commands.len();
        let later = |argument: Argument| {
            let place = match argument.0 {
                Place::Result(index) => Place::Result(index + made),
                Place::Nested(index, nested) => Place::Nested(index + made, nested),
                Place::Coin(index) => coins[index].ok_or_else(no_funds)?.0,
                place => place,
            };
            lower_place(place)
        };
        let mut commands = Vec::with_capacity(made + self.commands.len());
        for command in &full.commands {
            commands.push(lower_command(command, &|argument| lower_place(argument.0))?);
        }
        for command in &self.commands {
            commands.push(lower_command(command, &later)?);
        }
        if full.inputs.len() > INPUTS_MAX || commands.len() > COMMANDS_MAX {
            return Err(too_large());
        }
        Ok(Body {
            inputs: full.inputs,
            commands,
        })
    }

    /// Adds the commands that make the coins of one type which `program` wants.
    fn make_coins(
        &mut self,
        program: &Self,
        type_: &StructTag,
        funds: &Funds,
        coins: &mut [Option<Argument>],
    ) {
        let wanted: Vec<_> = program
            .coins
            .iter()
            .enumerate()
            .filter(|(_, coin)| coin.type_ == *type_ && coin.amount > 0)
            .collect();
        let sources: Vec<_> = funds
            .coins
            .iter()
            .map(|coin| self.known_input(Input::Coin(coin.clone())))
            .collect();
        let Some((base, others)) = sources.split_first() else {
            for (index, coin) in wanted {
                coins[index] = Some(self.withdraw(type_, coin.amount));
            }
            return;
        };
        for some in others.chunks(MERGED_AT_ONCE_MAX) {
            self.merge_coins(*base, some.to_vec());
        }
        if funds.from_balance > 0 {
            let rest = self.withdraw(type_, funds.from_balance);
            self.merge_coins(*base, vec![rest]);
        }
        let amounts = wanted
            .iter()
            .map(|(_, coin)| self.pure(&coin.amount))
            .collect();
        let parts = self.split_coins(*base, amounts);
        for ((index, _), part) in wanted.into_iter().zip(parts) {
            coins[index] = Some(part);
        }
    }

    fn withdraw(&mut self, type_: &StructTag, amount: u64) -> Argument {
        let tag = TypeTag::from(type_.clone());
        let withdrawal = FundsWithdrawal::new(amount, tag, WithdrawFrom::Sender);
        let withdrawal = self.known_input(Input::Withdrawal(withdrawal));
        self.move_call(of_coin("redeem_funds", type_), vec![withdrawal])
    }

    /// Merges coins with the one that pays for gas.
    pub(crate) fn merging_into_gas(coins: Vec<ObjectReference>) -> Self {
        let mut program = Self::default();
        let gas = program.gas(0);
        let coins: Vec<_> = coins
            .into_iter()
            .map(|coin| program.known_input(Input::Coin(coin)))
            .collect();
        for some in coins.chunks(MERGED_AT_ONCE_MAX) {
            program.merge_coins(gas, some.to_vec());
        }
        program
    }

    /// An input of its own, even if another is equal.
    fn known_input(&mut self, input: Input) -> Argument {
        self.inputs.push(input);
        Argument(Place::Input(self.inputs.len() - 1))
    }
}

fn of_coin(name: &'static str, type_: &StructTag) -> Function {
    Function::of_framework("coin", name).with_types(vec![TypeTag::from(type_.clone())])
}

fn lower_place(place: Place) -> Result<SdkArgument, SuiError> {
    let index = |index: usize| u16::try_from(index).map_err(|_| too_large());
    Ok(match place {
        Place::Gas => SdkArgument::Gas,
        Place::Input(input) => SdkArgument::Input(index(input)?),
        Place::Result(command) => SdkArgument::Result(index(command)?),
        Place::Nested(command, nested) => {
            SdkArgument::NestedResult(index(command)?, index(nested)?)
        }
        Place::Coin(_) => return Err(no_funds()),
    })
}

fn lower_command(
    command: &Command,
    lower: &impl Fn(Argument) -> Result<SdkArgument, SuiError>,
) -> Result<sdk::Command, SuiError> {
    let all = |arguments: &[Argument]| -> Result<Vec<SdkArgument>, SuiError> {
        arguments.iter().copied().map(lower).collect()
    };
    Ok(match command {
        Command::MoveCall {
            function,
            arguments,
        } => sdk::Command::MoveCall(MoveCall {
            package: function.package,
            module: Identifier::clone(&function.module),
            function: function.name.clone(),
            type_arguments: function.types.clone(),
            arguments: all(arguments)?,
        }),
        Command::TransferObjects { objects, recipient } => {
            sdk::Command::TransferObjects(TransferObjects {
                objects: all(objects)?,
                address: lower(*recipient)?,
            })
        }
        Command::SplitCoins { coin, amounts } => sdk::Command::SplitCoins(SplitCoins {
            coin: lower(*coin)?,
            amounts: all(amounts)?,
        }),
        Command::MergeCoins { into, coins } => sdk::Command::MergeCoins(MergeCoins {
            coin: lower(*into)?,
            coins_to_merge: all(coins)?,
        }),
        Command::MakeVector { type_, elements } => {
            sdk::Command::MakeMoveVector(sdk::MakeMoveVector {
                type_: Some(TypeTag::from(type_.clone())),
                elements: all(elements)?,
            })
        }
        Command::Publish {
            modules,
            dependencies,
        } => sdk::Command::Publish(Publish {
            modules: modules.clone(),
            dependencies: dependencies.clone(),
        }),
        Command::Upgrade {
            modules,
            dependencies,
            package,
            ticket,
        } => sdk::Command::Upgrade(Upgrade {
            modules: modules.clone(),
            dependencies: dependencies.clone(),
            package: *package,
            ticket: lower(*ticket)?,
        }),
    })
}

fn too_large() -> SuiError {
    SuiError::InvalidInput(format!(
        "the transaction is too large: it may have {INPUTS_MAX} inputs and {COMMANDS_MAX} commands"
    ))
}

fn no_funds() -> SuiError {
    SuiError::InvalidInput("no coins were chosen for a payment".to_owned())
}
