//! What a transaction must be like whatever the state is.

use sui_sdk_types::{
    Address, Command, GasPayment, Input, ProgrammableTransaction, Transaction,
    TransactionExpiration, TransactionKind, TypeTag,
};

use super::{
    ChainEnv, InputError, Mode,
    limits::{
        ARGUMENTS_MAX, BASE_UNITS_MIN, COMMANDS_MAX, GAS_BUDGET_MAX, GAS_OBJECTS_MAX,
        GAS_PRICE_MAX, INPUT_OBJECTS_MAX, PACKAGE_DEPENDENCIES_MAX, PACKAGE_MODULES_MAX,
        PUBLISH_COMMANDS_MAX, PURE_BYTES_MAX, TRANSACTION_BYTES_MAX, TYPE_ARGUMENT_DEPTH_MAX,
        TYPE_ARGUMENTS_MAX,
    },
};

/// Object 0x8: the chain's randomness.
const RANDOM: Address = Address::from_static("0x8");

/// The programmable transaction inside, if it may be executed at all.
pub(crate) fn check<'t>(
    transaction: &'t Transaction,
    env: &ChainEnv,
    mode: Mode,
) -> Result<&'t ProgrammableTransaction, InputError> {
    let TransactionKind::ProgrammableTransaction(programmable) = &transaction.kind else {
        return Err(InputError::Unsupported(
            "only programmable transactions can be submitted",
        ));
    };
    let size = bcs::serialized_size(transaction).map_err(|error| {
        InputError::Invalid(format!("transaction cannot be serialized: {error}"))
    })?;
    at_most("serialized transaction size", size, TRANSACTION_BYTES_MAX)?;
    check_expiration(&transaction.expiration, env)?;
    check_commands(programmable)?;
    check_inputs(&programmable.inputs)?;
    let enforced = !matches!(mode, Mode::Simulate { checks: false, .. });
    if enforced {
        check_gas(&transaction.gas_payment, env)?;
    }
    check_random(programmable)?;
    Ok(programmable)
}

fn at_most(limit: &'static str, count: usize, max: u64) -> Result<(), InputError> {
    if u64::try_from(count).is_ok_and(|count| count <= max) {
        Ok(())
    } else {
        Err(InputError::SizeLimit { limit, max })
    }
}

fn below(limit: &'static str, count: usize, max: u64) -> Result<(), InputError> {
    at_most(limit, count, max - 1)
}

fn check_expiration(expiration: &TransactionExpiration, env: &ChainEnv) -> Result<(), InputError> {
    let (min_epoch, max_epoch, chain) = match expiration {
        TransactionExpiration::None => return Ok(()),
        TransactionExpiration::Epoch(epoch) => (&None, &Some(*epoch), None),
        TransactionExpiration::ValidDuring {
            min_epoch,
            max_epoch,
            chain,
            ..
        }
        | TransactionExpiration::Validity {
            min_epoch,
            max_epoch,
            chain,
            ..
        } => (min_epoch, max_epoch, Some(chain)),
        _ => return Err(InputError::Unsupported("this form of expiration")),
    };
    if chain.is_some_and(|chain| *chain != env.chain_id) {
        return Err(InputError::Expired(format!(
            "it is not for this chain, {}",
            env.chain_id
        )));
    }
    if min_epoch.is_some_and(|min| env.epoch < min) || max_epoch.is_some_and(|max| env.epoch > max)
    {
        return Err(InputError::Expired(format!(
            "it is not valid in epoch {}",
            env.epoch
        )));
    }
    Ok(())
}

fn check_commands(programmable: &ProgrammableTransaction) -> Result<(), InputError> {
    below(
        "number of commands",
        programmable.commands.len(),
        COMMANDS_MAX,
    )?;
    let mut publishes = 0;
    for (index, command) in programmable.commands.iter().enumerate() {
        let empty = match command {
            Command::MoveCall(call) => {
                below(
                    "arguments of a command",
                    call.arguments.len(),
                    ARGUMENTS_MAX,
                )?;
                let count = call.type_arguments.len();
                below("type arguments of a command", count, TYPE_ARGUMENTS_MAX)?;
                call.type_arguments.iter().try_for_each(check_type)?;
                false
            }
            Command::TransferObjects(transfer) => {
                below(
                    "arguments of a command",
                    transfer.objects.len(),
                    ARGUMENTS_MAX,
                )?;
                transfer.objects.is_empty()
            }
            Command::SplitCoins(split) => {
                below("arguments of a command", split.amounts.len(), ARGUMENTS_MAX)?;
                split.amounts.is_empty()
            }
            Command::MergeCoins(merge) => {
                below(
                    "arguments of a command",
                    merge.coins_to_merge.len(),
                    ARGUMENTS_MAX,
                )?;
                merge.coins_to_merge.is_empty()
            }
            Command::MakeMoveVector(make) => {
                below("arguments of a command", make.elements.len(), ARGUMENTS_MAX)?;
                make.type_.iter().try_for_each(check_type)?;
                make.type_.is_none() && make.elements.is_empty()
            }
            Command::Publish(publish) => {
                publishes += 1;
                check_package(&publish.modules, &publish.dependencies)?;
                publish.modules.is_empty()
            }
            Command::Upgrade(upgrade) => {
                publishes += 1;
                check_package(&upgrade.modules, &upgrade.dependencies)?;
                upgrade.modules.is_empty()
            }
            _ => return Err(InputError::Unsupported("this kind of command")),
        };
        if empty {
            return Err(InputError::EmptyCommandInput { command: index });
        }
    }
    at_most(
        "publish and upgrade commands",
        publishes,
        PUBLISH_COMMANDS_MAX,
    )
}

fn check_package(modules: &[Vec<u8>], dependencies: &[Address]) -> Result<(), InputError> {
    at_most("modules of a package", modules.len(), PACKAGE_MODULES_MAX)?;
    at_most(
        "dependencies of a package",
        dependencies.len(),
        PACKAGE_DEPENDENCIES_MAX,
    )
}

fn check_type(tag: &TypeTag) -> Result<(), InputError> {
    fn depth(tag: &TypeTag) -> usize {
        1 + match tag {
            TypeTag::Vector(element) => depth(element),
            TypeTag::Struct(tag) => tag.type_params().iter().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
    at_most(
        "depth of a type argument",
        depth(tag),
        TYPE_ARGUMENT_DEPTH_MAX,
    )
}

fn check_inputs(inputs: &[Input]) -> Result<(), InputError> {
    for input in inputs {
        match input {
            Input::Pure(bytes) => below("size of a pure argument", bytes.len(), PURE_BYTES_MAX)?,
            Input::FundsWithdrawal(_) => {
                return Err(InputError::Unsupported("withdrawals from address balances"));
            }
            _ => {}
        }
    }
    at_most("number of inputs", inputs.len(), INPUT_OBJECTS_MAX)
}

fn check_gas(payment: &GasPayment, env: &ChainEnv) -> Result<(), InputError> {
    at_most(
        "number of gas objects",
        payment.objects.len(),
        GAS_OBJECTS_MAX,
    )?;
    let price = payment.price;
    if price < env.reference_gas_price {
        let reference = env.reference_gas_price;
        return Err(InputError::GasPriceTooLow { price, reference });
    }
    if price >= GAS_PRICE_MAX {
        return Err(InputError::GasPriceTooHigh { max: GAS_PRICE_MAX });
    }
    let budget = payment.budget;
    if budget > GAS_BUDGET_MAX {
        return Err(InputError::GasBudgetTooHigh {
            budget,
            max: GAS_BUDGET_MAX,
        });
    }
    let min = BASE_UNITS_MIN.saturating_mul(price);
    if budget < min {
        return Err(InputError::GasBudgetTooLow { budget, min });
    }
    Ok(())
}

/// After a command that reads randomness only transfers and merges may follow, so that nobody can
/// act on the outcome.
fn check_random(programmable: &ProgrammableTransaction) -> Result<(), InputError> {
    let is_random = |argument: &sui_sdk_types::Argument| {
        let sui_sdk_types::Argument::Input(index) = argument else {
            return false;
        };
        matches!(
            programmable.inputs.get(usize::from(*index)),
            Some(Input::Shared(shared)) if shared.object_id() == RANDOM
        )
    };
    let mut seen = false;
    for command in &programmable.commands {
        let restricted = !matches!(
            command,
            Command::TransferObjects(_) | Command::MergeCoins(_)
        );
        if seen && restricted {
            return Err(InputError::Invalid(
                "after a command that uses Random only TransferObjects and MergeCoins may follow"
                    .to_owned(),
            ));
        }
        if let Command::MoveCall(call) = command {
            seen |= call.arguments.iter().any(is_random);
        }
    }
    Ok(())
}
