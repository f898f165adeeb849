//! References only where they are allowed; type arguments satisfy constraints; phantom parameters
//! only in phantom positions.

use super::{Check, broken, view::View};
use crate::{
    ability::AbilitySet,
    format::{DatatypeParameter, FieldDef, FunctionDef, Instruction, SignatureToken, TableIndex},
};

const PASS: &str = "signatures";

pub(super) fn check(view: View<'_>) -> Check {
    let module = view.module;
    for handle in &module.function_handles {
        for signature in [handle.parameters, handle.returns] {
            signature_tokens(view, signature, true, &handle.type_parameters)?;
        }
    }
    for (handle, variants) in view.definitions() {
        let parameters = &view.datatype(handle).type_parameters;
        let constraints: Vec<_> = parameters
            .iter()
            .map(|parameter| parameter.constraints)
            .collect();
        for field in variants.into_iter().flatten() {
            check_field(view, field, parameters, &constraints)?;
        }
    }
    module
        .function_defs
        .iter()
        .try_for_each(|def| function(view, def))
}

fn check_field(
    view: View<'_>,
    field: &FieldDef,
    parameters: &[DatatypeParameter],
    constraints: &[AbilitySet],
) -> Check {
    token(view, &field.type_, false, constraints)?;
    phantom_positions(view, &field.type_, parameters)
}

fn function(view: View<'_>, def: &FunctionDef) -> Check {
    let Some(unit) = &def.code else {
        return Ok(());
    };
    let constraints = &view.function(def.handle).type_parameters;
    signature_tokens(view, unit.locals, true, constraints)?;
    unit.code
        .iter()
        .try_for_each(|instruction| code_signature(view, instruction, constraints))
}

/// Type arguments of an instruction.
fn code_signature(view: View<'_>, instruction: &Instruction, constraints: &[AbilitySet]) -> Check {
    use Instruction as I;
    let module = view.module;
    let datatype_instance = |handle: TableIndex, signature: TableIndex| {
        let required = view
            .datatype(handle)
            .type_parameters
            .iter()
            .map(|p| p.constraints);
        type_arguments(view, signature, required, constraints)
    };
    match instruction {
        I::CallGeneric(index) => {
            let instance = module.function_instantiations[usize::from(*index)];
            let required = view
                .function(instance.target)
                .type_parameters
                .iter()
                .copied();
            type_arguments(view, instance.type_arguments, required, constraints)
        }
        I::PackGeneric(index) | I::UnpackGeneric(index) => {
            let instance = module.struct_instantiations[usize::from(*index)];
            datatype_instance(
                view.struct_def(instance.target).handle,
                instance.type_arguments,
            )
        }
        I::MutBorrowFieldGeneric(index) | I::ImmBorrowFieldGeneric(index) => {
            let instance = module.field_instantiations[usize::from(*index)];
            let owner = module.field_handles[usize::from(instance.target)].owner;
            datatype_instance(view.struct_def(owner).handle, instance.type_arguments)
        }
        I::PackVariantGeneric(index)
        | I::UnpackVariantGeneric(index)
        | I::UnpackVariantImmRefGeneric(index)
        | I::UnpackVariantMutRefGeneric(index) => {
            let owner = module.variant_instantiations[usize::from(*index)].owner;
            let instance = module.enum_instantiations[usize::from(owner)];
            datatype_instance(
                view.enum_def(instance.target).handle,
                instance.type_arguments,
            )
        }
        I::VecPack(signature, _)
        | I::VecLen(signature)
        | I::VecImmBorrow(signature)
        | I::VecMutBorrow(signature)
        | I::VecPushBack(signature)
        | I::VecPopBack(signature)
        | I::VecUnpack(signature, _)
        | I::VecSwap(signature) => signature_tokens(view, *signature, false, constraints),
        _ => Ok(()),
    }
}

fn type_arguments(
    view: View<'_>,
    signature: TableIndex,
    required: impl Iterator<Item = AbilitySet>,
    constraints: &[AbilitySet],
) -> Check {
    signature_tokens(view, signature, false, constraints)?;
    satisfied(view, required, view.signature(signature), constraints)
}

fn satisfied(
    view: View<'_>,
    required: impl Iterator<Item = AbilitySet>,
    arguments: &[SignatureToken],
    constraints: &[AbilitySet],
) -> Check {
    for (required, argument) in required.zip(arguments) {
        if !required.is_subset(view.abilities(argument, constraints)) {
            return Err(broken(
                PASS,
                format_args!("type argument lacks an ability of {required:?}"),
            ));
        }
    }
    Ok(())
}

fn signature_tokens(
    view: View<'_>,
    signature: TableIndex,
    references: bool,
    constraints: &[AbilitySet],
) -> Check {
    let tokens = view.signature(signature);
    tokens
        .iter()
        .try_for_each(|item| token(view, item, references, constraints))
}

/// Checks a type; `references` says whether it may be a reference.
fn token(
    view: View<'_>,
    type_: &SignatureToken,
    references: bool,
    constraints: &[AbilitySet],
) -> Check {
    match type_ {
        SignatureToken::Reference(inner) | SignatureToken::MutableReference(inner) => {
            if references {
                token(view, inner, false, constraints)
            } else {
                Err(broken(PASS, "reference inside a type"))
            }
        }
        SignatureToken::Vector(element) => token(view, element, false, constraints),
        SignatureToken::DatatypeInstantiation(instance) => {
            let (handle, arguments) = &**instance;
            for argument in arguments {
                token(view, argument, false, constraints)?;
            }
            let required = view
                .datatype(*handle)
                .type_parameters
                .iter()
                .map(|p| p.constraints);
            satisfied(view, required, arguments, constraints)
        }
        _ => Ok(()),
    }
}

/// A phantom type parameter of a datatype may only be an argument for a phantom parameter.
fn phantom_positions(
    view: View<'_>,
    type_: &SignatureToken,
    parameters: &[DatatypeParameter],
) -> Check {
    match type_ {
        SignatureToken::TypeParameter(index) if parameters[usize::from(*index)].is_phantom => {
            Err(broken(PASS, "phantom type parameter in a field"))
        }
        SignatureToken::Vector(element) => phantom_positions(view, element, parameters),
        SignatureToken::DatatypeInstantiation(instance) => {
            let (handle, arguments) = &**instance;
            let targets = &view.datatype(*handle).type_parameters;
            for (target, argument) in targets.iter().zip(arguments) {
                let stays_phantom = matches!(argument, SignatureToken::TypeParameter(_));
                if !(target.is_phantom && stays_phantom) {
                    phantom_positions(view, argument, parameters)?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
