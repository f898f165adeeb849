//! What a transaction's commands do with its inputs.

use move_vm::{Address as MoveAddress, FunctionSignature, Type};
use std::sync::Arc;
use sui_sdk_types::{Argument, Command, MoveCall};
use tonic::Status;

/// How an input is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Use {
    /// Some use may change or consume the object.
    pub(super) mutable: bool,
    /// Some use receives the object.
    pub(super) receiving: bool,
}

/// The uses of each of `count` inputs. `signature` finds the function a call names.
pub(super) fn of_inputs(
    commands: &[Command],
    count: usize,
    mut signature: impl FnMut(&MoveCall) -> Result<Arc<FunctionSignature>, Status>,
) -> Result<Vec<Use>, Status> {
    let mut uses = vec![Use::default(); count];
    let mut note = |argument: &Argument, found: Use| {
        if let Argument::Input(index) = argument
            && let Some(input) = uses.get_mut(usize::from(*index))
        {
            input.mutable |= found.mutable;
            input.receiving |= found.receiving;
        }
    };
    let changed = Use {
        mutable: true,
        receiving: false,
    };
    for command in commands {
        match command {
            Command::MoveCall(call) => {
                let signature = signature(call)?;
                let parameters = signature.parameters.iter().filter(|ty| !is_context(ty));
                for (argument, parameter) in call.arguments.iter().zip(parameters) {
                    note(argument, by_parameter(parameter));
                }
            }
            Command::SplitCoins(split) => note(&split.coin, changed),
            Command::MergeCoins(merge) => {
                note(&merge.coin, changed);
                merge
                    .coins_to_merge
                    .iter()
                    .for_each(|coin| note(coin, changed));
            }
            Command::MakeMoveVector(make) => {
                make.elements
                    .iter()
                    .for_each(|element| note(element, changed));
            }
            _ => {}
        }
    }
    Ok(uses)
}

/// Whether a parameter is supplied by the runtime, not by an argument.
fn is_context(parameter: &Type) -> bool {
    parameter.as_reference().is_some_and(|(inner, _)| {
        inner.is_datatype(MoveAddress::FRAMEWORK, "tx_context", "TxContext")
    })
}

fn by_parameter(parameter: &Type) -> Use {
    let (type_, mutable) = parameter.as_reference().unwrap_or((parameter, true));
    Use {
        mutable,
        receiving: type_.is_datatype(MoveAddress::FRAMEWORK, "transfer", "Receiving"),
    }
}
