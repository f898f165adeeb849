//! `std::bcs`.

use super::{NativeResult, arguments, type_arguments};
use crate::{
    error::StatusCode,
    host::{NativeContext, NativeError},
    types::Type,
    value::Value,
};

/// Abort code when a value cannot be encoded.
const ENCODING_FAILURE: u64 = 0x1C5;

pub(super) fn to_bytes(
    ctx: &mut NativeContext<'_>,
    types: &[Type],
    values: Vec<Value>,
) -> NativeResult {
    let [type_] = type_arguments(types)?;
    let [value] = arguments(values)?;
    match ctx.to_bcs(&value, type_) {
        Ok(bytes) => Ok(vec![Value::bytes(bytes)]),
        Err(NativeError::Vm(error)) if error.status == StatusCode::OutOfGas => {
            Err(NativeError::Vm(error))
        }
        Err(_) => Err(NativeError::Abort(ENCODING_FAILURE)),
    }
}
