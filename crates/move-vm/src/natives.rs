//! Natives of the standard library that need nothing but values and types.

mod bcs;
mod hash;
mod string;
mod type_name;
mod vector;

use crate::{
    host::{NativeContext, NativeError},
    identifier::Address,
    loader::NativeName,
    types::Type,
    value::Value,
};

/// Implementation of a native.
pub(crate) type Native =
    fn(&mut NativeContext<'_>, &[Type], Vec<Value>) -> Result<Vec<Value>, NativeError>;

type NativeResult = Result<Vec<Value>, NativeError>;

/// Units that nearly every native of the standard library costs, whatever it is given.
const BASE_UNITS: u64 = 52;

/// The natives of the standard library: module, function, units charged before it runs,
/// implementation. What depends on the arguments the implementation charges itself.
#[rustfmt::skip]
const TABLE: &[(&str, &str, u64, Native)] = &[
    ("bcs", "to_bytes", 0, bcs::to_bytes),
    ("debug", "print", BASE_UNITS, ignore),
    ("debug", "print_stack_trace", BASE_UNITS, ignore),
    ("hash", "sha2_256", BASE_UNITS, hash::sha2_256),
    ("hash", "sha3_256", BASE_UNITS, hash::sha3_256),
    ("string", "internal_check_utf8", BASE_UNITS, string::check_utf8),
    ("string", "internal_is_char_boundary", BASE_UNITS, string::is_char_boundary),
    ("string", "internal_sub_string", BASE_UNITS, string::sub_string),
    ("string", "internal_index_of", BASE_UNITS, string::index_of),
    ("type_name", "with_defining_ids", BASE_UNITS, type_name::with_defining_ids),
    ("type_name", "with_original_ids", BASE_UNITS, type_name::with_original_ids),
    ("type_name", "defining_id", BASE_UNITS, type_name::defining_id),
    ("type_name", "original_id", BASE_UNITS, type_name::original_id),
    ("vector", "empty", BASE_UNITS, vector::empty),
    ("vector", "length", BASE_UNITS, vector::length),
    ("vector", "borrow", BASE_UNITS, vector::borrow),
    ("vector", "borrow_mut", BASE_UNITS, vector::borrow),
    ("vector", "push_back", BASE_UNITS, vector::push_back),
    ("vector", "pop_back", BASE_UNITS, vector::pop_back),
    ("vector", "destroy_empty", BASE_UNITS, vector::destroy_empty),
    ("vector", "swap", BASE_UNITS, vector::swap),
];

/// Names of the natives of the standard library.
pub(crate) fn names() -> impl Iterator<Item = NativeName> {
    TABLE
        .iter()
        .map(|(module, function, ..)| (Address::STD, *module, *function))
}

/// The native at this position of [`names`]: units charged before it runs, and implementation. The
/// error is the position among the natives of the host, which come after.
pub(crate) fn at(position: usize) -> Result<(u64, Native), usize> {
    match TABLE.get(position) {
        Some((.., units, native)) => Ok((*units, *native)),
        None => Err(position - TABLE.len()),
    }
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
