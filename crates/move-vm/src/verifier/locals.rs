//! Locals are set before they are used, and values without `drop` are never left behind.

use super::{Check, cfg::ControlFlowGraph, view::FunctionView};
use crate::{ability::Ability, format::Instruction};

const PASS: &str = "locals";

/// What is known about a local.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Holds a value on every path.
    Set,
    /// Holds no value on any path.
    Unset,
    /// Depends on the path.
    Maybe,
}

impl State {
    fn join(self, other: Self) -> Self {
        if self == other { self } else { Self::Maybe }
    }
}

pub(super) fn check(function: &FunctionView<'_>, cfg: &ControlFlowGraph) -> Check {
    let parameters = function.parameters.len();
    let entry: Vec<State> = (0..function.locals.len())
        .map(|local| {
            if local < parameters {
                State::Set
            } else {
                State::Unset
            }
        })
        .collect();
    let droppable: Vec<bool> = function
        .locals
        .iter()
        .map(|local| function.abilities(local).has(Ability::Drop))
        .collect();
    let mut before: Vec<Option<Vec<State>>> = vec![None; cfg.blocks.len()];
    let Some(first) = before.first_mut() else {
        return Ok(());
    };
    *first = Some(entry);
    // States only grow towards `Maybe`, so this ends.
    let mut pending = vec![0];
    while let Some(index) = pending.pop() {
        let Some(mut states) = before[index].clone() else {
            continue;
        };
        let block = &cfg.blocks[index];
        for pc in block.start..block.end {
            step(function, pc, &mut states, &droppable)?;
        }
        for successor in &block.successors {
            let joined = match &before[*successor] {
                None => states.clone(),
                Some(old) => old
                    .iter()
                    .zip(&states)
                    .map(|(old, new)| old.join(*new))
                    .collect(),
            };
            if before[*successor].as_ref() != Some(&joined) {
                before[*successor] = Some(joined);
                pending.push(*successor);
            }
        }
    }
    Ok(())
}

fn step(function: &FunctionView<'_>, pc: usize, states: &mut [State], droppable: &[bool]) -> Check {
    use Instruction as I;
    let must_be_set = |states: &[State], local: u8| {
        if states[usize::from(local)] == State::Set {
            Ok(())
        } else {
            Err(function.broken(PASS, pc, format_args!("local {local} may hold no value")))
        }
    };
    match function.code.code[pc] {
        I::CopyLoc(local) | I::MutBorrowLoc(local) | I::ImmBorrowLoc(local) => {
            must_be_set(states, local)?;
        }
        I::MoveLoc(local) => {
            must_be_set(states, local)?;
            states[usize::from(local)] = State::Unset;
        }
        I::StLoc(local) => {
            let index = usize::from(local);
            if states[index] != State::Unset && !droppable[index] {
                let message = format_args!("local {local} is overwritten without drop");
                return Err(function.broken(PASS, pc, message));
            }
            states[index] = State::Set;
        }
        I::Ret => {
            let left = states
                .iter()
                .zip(droppable)
                .position(|(state, droppable)| *state != State::Unset && !droppable);
            if let Some(local) = left {
                let message = format_args!("local {local} is left behind without drop");
                return Err(function.broken(PASS, pc, message));
            }
        }
        _ => {}
    }
    Ok(())
}
