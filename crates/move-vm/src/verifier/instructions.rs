//! Generic instructions name generic things, others do not; jump tables fit their enums.

use super::{Check, view::FunctionView};
use crate::format::{Instruction, TableIndex};

const PASS: &str = "instructions";
/// Most elements of a vector instruction.
const VECTOR_ELEMENTS_MAX: u64 = 65_535;

pub(super) fn check(function: &FunctionView<'_>) -> Check {
    for table in &function.code.jump_tables {
        let variants = function.view.enum_def(table.enum_def).variants.len();
        if table.targets.len() != variants {
            let message = format!(
                "jump table with {} targets for {variants} variants",
                table.targets.len()
            );
            return Err(function.broken(PASS, 0, message));
        }
    }
    for (pc, instruction) in function.code.code.iter().enumerate() {
        check_generic(function, pc, instruction)?;
    }
    Ok(())
}

fn check_generic(function: &FunctionView<'_>, pc: usize, instruction: &Instruction) -> Check {
    use Instruction as I;
    let view = function.view;
    let module = view.module;
    let is_generic_datatype =
        |handle: TableIndex| !view.datatype(handle).type_parameters.is_empty();
    let is_generic_struct = |def: TableIndex| is_generic_datatype(view.struct_def(def).handle);
    let is_generic_enum = |def: TableIndex| is_generic_datatype(view.enum_def(def).handle);
    let (expected, found) = match instruction {
        I::Call(handle) => (false, !view.function(*handle).type_parameters.is_empty()),
        I::CallGeneric(index) => {
            let target = module.function_instantiations[usize::from(*index)].target;
            (true, !view.function(target).type_parameters.is_empty())
        }
        I::Pack(def) | I::Unpack(def) => (false, is_generic_struct(*def)),
        I::PackGeneric(index) | I::UnpackGeneric(index) => (
            true,
            is_generic_struct(module.struct_instantiations[usize::from(*index)].target),
        ),
        I::MutBorrowField(handle) | I::ImmBorrowField(handle) => (
            false,
            is_generic_struct(module.field_handles[usize::from(*handle)].owner),
        ),
        I::MutBorrowFieldGeneric(index) | I::ImmBorrowFieldGeneric(index) => {
            let handle = module.field_instantiations[usize::from(*index)].target;
            (
                true,
                is_generic_struct(module.field_handles[usize::from(handle)].owner),
            )
        }
        I::PackVariant(handle)
        | I::UnpackVariant(handle)
        | I::UnpackVariantImmRef(handle)
        | I::UnpackVariantMutRef(handle) => (
            false,
            is_generic_enum(module.variant_handles[usize::from(*handle)].owner),
        ),
        I::PackVariantGeneric(handle)
        | I::UnpackVariantGeneric(handle)
        | I::UnpackVariantImmRefGeneric(handle)
        | I::UnpackVariantMutRefGeneric(handle) => {
            let owner = module.variant_instantiations[usize::from(*handle)].owner;
            (
                true,
                is_generic_enum(module.enum_instantiations[usize::from(owner)].target),
            )
        }
        I::VecPack(_, count) | I::VecUnpack(_, count) if *count > VECTOR_ELEMENTS_MAX => {
            return Err(function.broken(PASS, pc, "too many vector elements"));
        }
        _ => return Ok(()),
    };
    if expected == found {
        Ok(())
    } else {
        Err(function.broken(
            PASS,
            pc,
            "generic and plain form of an instruction are mixed up",
        ))
    }
}
