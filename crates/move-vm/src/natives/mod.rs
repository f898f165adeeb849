//! Natives of the standard library that need nothing but values and types.

mod bcs;
mod hash;
mod string;
mod type_name;
mod vector;

use crate::{
    host::{NativeContext, NativeError},
    identifier::{Address, ModuleId},
    types::Type,
    value::Value,
};

/// Implementation of a native.
pub(crate) type Native =
    fn(&mut NativeContext<'_>, &[Type], Vec<Value>) -> Result<Vec<Value>, NativeError>;

type NativeResult = Result<Vec<Value>, NativeError>;

/// The implementation of a native of the standard library, if this crate has it.
pub(crate) fn find_native(module: &ModuleId, function: &str) -> Option<Native> {
    if module.address != Address::STD {
        return None;
    }
    Some(match (module.name.as_str(), function) {
        ("bcs", "to_bytes") => bcs::to_bytes,
        ("debug", "print" | "print_stack_trace") => ignore,
        ("hash", "sha2_256") => hash::sha2_256,
        ("hash", "sha3_256") => hash::sha3_256,
        ("string", "internal_check_utf8") => string::check_utf8,
        ("string", "internal_is_char_boundary") => string::is_char_boundary,
        ("string", "internal_sub_string") => string::sub_string,
        ("string", "internal_index_of") => string::index_of,
        ("type_name", "with_defining_ids") => type_name::with_defining_ids,
        ("type_name", "with_original_ids") => type_name::with_original_ids,
        ("type_name", "defining_id") => type_name::defining_id,
        ("type_name", "original_id") => type_name::original_id,
        ("vector", "empty") => vector::empty,
        ("vector", "length") => vector::length,
        ("vector", "borrow" | "borrow_mut") => vector::borrow,
        ("vector", "push_back") => vector::push_back,
        ("vector", "pop_back") => vector::pop_back,
        ("vector", "destroy_empty") => vector::destroy_empty,
        ("vector", "swap") => vector::swap,
        _ => return None,
    })
}

/// Takes the arguments, which verified callers pass in the right number.
fn arguments<const N: usize>(values: Vec<Value>) -> Result<[Value; N], NativeError> {
    values
        .try_into()
        .map_err(|_| NativeError::bad_argument("wrong number of arguments"))
}

/// Takes the type arguments, which verified callers pass in the right number.
fn type_arguments<const N: usize>(types: &[Type]) -> Result<&[Type; N], NativeError> {
    types
        .try_into()
        .map_err(|_| NativeError::bad_argument("wrong number of type arguments"))
}

#[expect(clippy::unnecessary_wraps, reason = "has the type of every native")]
fn ignore(_: &mut NativeContext<'_>, _: &[Type], _: Vec<Value>) -> NativeResult {
    Ok(Vec::new())
}
