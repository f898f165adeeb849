//! Every block leaves the operand stack as it found it, and never reaches below.

use super::{Check, cfg::ControlFlowGraph, view::FunctionView};
use crate::{
    format::{Instruction, TableIndex},
    interpreter::OPERANDS_MAX,
};

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
    use Instruction as I;
    let view = function.view;
    let module = view.module;
    let call = |handle: TableIndex| {
        let handle = view.function(handle);
        (
            view.signature(handle.parameters).len(),
            view.signature(handle.returns).len(),
        )
    };
    let struct_instance = |index: TableIndex| {
        view.fields(module.struct_instantiations[usize::from(index)].target)
            .len()
    };
    let variant = |index: TableIndex| {
        let handle = module.variant_handles[usize::from(index)];
        view.variant(handle.owner, handle.variant).fields.len()
    };
    let variant_instance = |index: TableIndex| {
        let handle = module.variant_instantiations[usize::from(index)];
        let owner = module.enum_instantiations[usize::from(handle.owner)].target;
        view.variant(owner, handle.variant).fields.len()
    };
    // Counts were checked to fit when instructions were.
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    match instruction {
        I::Ret => (function.returns.len(), 0),
        I::Pop | I::BrTrue(_) | I::BrFalse(_) | I::Abort | I::StLoc(_) | I::VariantSwitch(_) => {
            (1, 0)
        }
        I::Branch(_) | I::Nop | I::GlobalStorage(..) => (0, 0),
        I::LdU8(_)
        | I::LdU16(_)
        | I::LdU32(_)
        | I::LdU64(_)
        | I::LdU128(_)
        | I::LdU256(_)
        | I::LdConst(_)
        | I::LdTrue
        | I::LdFalse
        | I::CopyLoc(_)
        | I::MoveLoc(_)
        | I::MutBorrowLoc(_)
        | I::ImmBorrowLoc(_) => (0, 1),
        I::MutBorrowField(_)
        | I::ImmBorrowField(_)
        | I::MutBorrowFieldGeneric(_)
        | I::ImmBorrowFieldGeneric(_)
        | I::ReadRef
        | I::Not
        | I::FreezeRef
        | I::CastU8
        | I::CastU16
        | I::CastU32
        | I::CastU64
        | I::CastU128
        | I::CastU256
        | I::VecLen(_)
        | I::VecPopBack(_) => (1, 1),
        I::Add
        | I::Sub
        | I::Mul
        | I::Mod
        | I::Div
        | I::BitOr
        | I::BitAnd
        | I::Xor
        | I::Shl
        | I::Shr
        | I::Or
        | I::And
        | I::Eq
        | I::Neq
        | I::Lt
        | I::Gt
        | I::Le
        | I::Ge
        | I::VecImmBorrow(_)
        | I::VecMutBorrow(_) => (2, 1),
        I::WriteRef | I::VecPushBack(_) => (2, 0),
        I::VecSwap(_) => (3, 0),
        I::VecPack(_, elements) => (count(*elements), 1),
        I::VecUnpack(_, elements) => (1, count(*elements)),
        I::Call(handle) => call(*handle),
        I::CallGeneric(index) => call(module.function_instantiations[usize::from(*index)].target),
        I::Pack(def) => (view.fields(*def).len(), 1),
        I::PackGeneric(index) => (struct_instance(*index), 1),
        I::Unpack(def) => (1, view.fields(*def).len()),
        I::UnpackGeneric(index) => (1, struct_instance(*index)),
        I::PackVariant(index) => (variant(*index), 1),
        I::PackVariantGeneric(index) => (variant_instance(*index), 1),
        I::UnpackVariant(index) | I::UnpackVariantImmRef(index) | I::UnpackVariantMutRef(index) => {
            (1, variant(*index))
        }
        I::UnpackVariantGeneric(index)
        | I::UnpackVariantImmRefGeneric(index)
        | I::UnpackVariantMutRefGeneric(index) => (1, variant_instance(*index)),
    }
}
