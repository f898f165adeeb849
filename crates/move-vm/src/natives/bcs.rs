//! `std::bcs`.

use super::{NativeResult, arguments, type_arguments};
use crate::{
    host::{NativeContext, NativeError},
    types::Type,
    value::Value,
};

/// Abort code when a value cannot be encoded.
const ENCODING_FAILURE: u64 = 0x1C5;
/// Units per byte of the result.
const BYTE_UNITS: u64 = 2;
/// Units of a failure.
const FAILURE_UNITS: u64 = 52;

pub(super) fn to_bytes(
    ctx: &mut NativeContext<'_>,
    types: &[Type],
    values: Vec<Value>,
) -> NativeResult {
    let [type_] = type_arguments(types)?;
    let [value] = arguments(values)?;
    let Ok(bytes) = ctx.to_bcs(&value, type_) else {
        ctx.charge(FAILURE_UNITS)?;
        return Err(NativeError::Abort(ENCODING_FAILURE));
    };
    ctx.charge_each(bytes.len().max(1), BYTE_UNITS)?;
    Ok(vec![Value::bytes(bytes)])
}
