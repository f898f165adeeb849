//! Every block leaves the operand stack as it found it, and never reaches below.

use super::{Check, cfg::ControlFlowGraph, view::FunctionView};
use crate::{format::Instruction, interpreter::OPERANDS_MAX};

const PASS: &str = "stack usage";
/// Most values that the instructions of a function push, each counted once.
const PUSHES_MAX: usize = 10_000;

pub(super) fn check(function: &FunctionView<'_>, cfg: &ControlFlowGraph) -> Check {
    let mut pushes = 0;
    for block in &cfg.blocks {
        let mut height = 0usize;
        for pc in block.start..block.end {
            let (popped, pushed) = effect(function, &function.code.code[pc]);
            height = height
                .checked_sub(popped)
                .ok_or_else(|| function.broken(PASS, pc, "operand stack runs empty"))?
                + pushed;
            pushes += pushed;
            if height > OPERANDS_MAX {
                return Err(function.broken(PASS, pc, "operand stack grows too high"));
            }
            if pushes > PUSHES_MAX {
                return Err(function.broken(PASS, pc, "function pushes too many values"));
            }
        }
        if height != 0 {
            return Err(function.broken(PASS, block.end - 1, "block leaves values on the stack"));
        }
    }
    Ok(())
}

/// How many values an instruction pops, and then pushes. A return pops the results.
pub(super) fn effect(function: &FunctionView<'_>, instruction: &Instruction) -> (usize, usize) {
    if matches!(instruction, Instruction::Ret) {
        return (function.returns.len(), 0);
    }
    let module = function.view.module;
    module
        .stack_effect(instruction)
        .expect("the bounds pass has checked every index of the module")
}
