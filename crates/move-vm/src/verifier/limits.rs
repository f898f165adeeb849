//! Limits on the size of a module.

use super::{Check, broken, view::View};
use crate::format::{CompiledModule, FunctionDef, SignatureToken};

const PASS: &str = "limits";

const MODULE_HANDLES_MAX: usize = 100;
const DATATYPE_HANDLES_MAX: usize = 300;
const FUNCTION_HANDLES_MAX: usize = 1500;
const FUNCTION_INSTANTIATIONS_MAX: usize = 750;
const SIGNATURES_MAX: usize = 1000;
const CONSTANTS_MAX: usize = 4000;
const IDENTIFIERS_MAX: usize = 10_000;
const ADDRESSES_MAX: usize = 100;
const STRUCT_DEFS_MAX: usize = 200;
const STRUCT_INSTANTIATIONS_MAX: usize = 100;
const FUNCTION_DEFS_MAX: usize = 1000;
const FRIENDS_MAX: usize = 100;
const FIELD_HANDLES_MAX: usize = 500;
const FIELD_INSTANTIATIONS_MAX: usize = 250;
const VARIANT_HANDLES_MAX: usize = 1024;
/// Longest identifier in bytes.
const IDENTIFIER_BYTES_MAX: usize = 128;
/// Most fields of a struct, and of all variants of an enum together.
const FIELDS_MAX: usize = 32;
const VARIANTS_MAX: usize = 127;
const PARAMETERS_MAX: usize = 128;
const TYPE_PARAMETERS_MAX: usize = 32;
/// Heaviest type; see [`token_weight`].
const TOKEN_WEIGHT_MAX: usize = 256;
/// Weight of a datatype or type parameter in a type; everything else weighs 1.
const NAMED_TYPE_WEIGHT: usize = 4;

pub(super) fn check(view: View<'_>) -> Check {
    let module = view.module;
    tables(module)?;
    for identifier in &module.identifiers {
        at_most(
            "bytes in an identifier",
            identifier.len(),
            IDENTIFIER_BYTES_MAX,
        )?;
    }
    handles(view)?;
    for (_, variants) in view.definitions() {
        at_most("variants", variants.len(), VARIANTS_MAX)?;
        at_most(
            "fields",
            variants.iter().map(|fields| fields.len()).sum(),
            FIELDS_MAX,
        )?;
        for field in variants.into_iter().flatten() {
            token(&field.type_)?;
        }
    }
    module
        .function_defs
        .iter()
        .try_for_each(|def| parameters(view, def))
}

/// The number of rows of each table.
fn tables(module: &CompiledModule) -> Check {
    for (name, count, max) in [
        (
            "module handles",
            module.module_handles.len(),
            MODULE_HANDLES_MAX,
        ),
        (
            "datatype handles",
            module.datatype_handles.len(),
            DATATYPE_HANDLES_MAX,
        ),
        (
            "function handles",
            module.function_handles.len(),
            FUNCTION_HANDLES_MAX,
        ),
        (
            "function instantiations",
            module.function_instantiations.len(),
            FUNCTION_INSTANTIATIONS_MAX,
        ),
        ("signatures", module.signatures.len(), SIGNATURES_MAX),
        ("constants", module.constants.len(), CONSTANTS_MAX),
        ("identifiers", module.identifiers.len(), IDENTIFIERS_MAX),
        ("addresses", module.addresses.len(), ADDRESSES_MAX),
        (
            "struct definitions",
            module.struct_defs.len(),
            STRUCT_DEFS_MAX,
        ),
        (
            "struct instantiations",
            module.struct_instantiations.len(),
            STRUCT_INSTANTIATIONS_MAX,
        ),
        (
            "function definitions",
            module.function_defs.len(),
            FUNCTION_DEFS_MAX,
        ),
        ("friends", module.friends.len(), FRIENDS_MAX),
        (
            "field handles",
            module.field_handles.len(),
            FIELD_HANDLES_MAX,
        ),
        (
            "field instantiations",
            module.field_instantiations.len(),
            FIELD_INSTANTIATIONS_MAX,
        ),
        (
            "variant handles",
            module.variant_handles.len(),
            VARIANT_HANDLES_MAX,
        ),
        (
            "variant instantiations",
            module.variant_instantiations.len(),
            VARIANT_HANDLES_MAX,
        ),
    ] {
        at_most(name, count, max)?;
    }
    Ok(())
}

fn handles(view: View<'_>) -> Check {
    for handle in &view.module.datatype_handles {
        at_most(
            "type parameters",
            handle.type_parameters.len(),
            TYPE_PARAMETERS_MAX,
        )?;
    }
    for handle in &view.module.function_handles {
        at_most(
            "type parameters",
            handle.type_parameters.len(),
            TYPE_PARAMETERS_MAX,
        )?;
    }
    for signature in &view.module.signatures {
        signature.0.iter().try_for_each(token)?;
    }
    Ok(())
}

fn parameters(view: View<'_>, def: &FunctionDef) -> Check {
    let handle = view.function(def.handle);
    at_most(
        "parameters",
        view.signature(handle.parameters).len(),
        PARAMETERS_MAX,
    )
}

fn token(token: &SignatureToken) -> Check {
    at_most("weight of a type", token_weight(token), TOKEN_WEIGHT_MAX)
}

/// Number of nodes of a type, where datatypes and type parameters weigh more.
fn token_weight(token: &SignatureToken) -> usize {
    let mut weight = 0;
    token.visit(&mut |token| {
        weight += match token {
            SignatureToken::Datatype(_)
            | SignatureToken::DatatypeInstantiation(_)
            | SignatureToken::TypeParameter(_) => NAMED_TYPE_WEIGHT,
            _ => 1,
        };
    });
    weight
}

fn at_most(name: &str, count: usize, max: usize) -> Check {
    if count <= max {
        Ok(())
    } else {
        Err(broken(
            PASS,
            format_args!("{name}: {count}, at most {max} are allowed"),
        ))
    }
}
