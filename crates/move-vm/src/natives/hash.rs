//! `std::hash`.

use sha2::{Digest as _, Sha256};
use sha3::Sha3_256;

use super::{NativeResult, arguments};
use crate::{host::NativeContext, types::Type, value::Value};

/// Units per byte.
const BYTE_UNITS: u64 = 2;

pub(super) fn sha2_256(
    ctx: &mut NativeContext<'_>,
    _: &[Type],
    values: Vec<Value>,
) -> NativeResult {
    let [data] = arguments(values)?;
    let data = data.into_bytes()?;
    ctx.charge_each(data.len().max(1), BYTE_UNITS)?;
    Ok(vec![Value::bytes(Sha256::digest(data).to_vec())])
}

pub(super) fn sha3_256(
    ctx: &mut NativeContext<'_>,
    _: &[Type],
    values: Vec<Value>,
) -> NativeResult {
    let [data] = arguments(values)?;
    let data = data.into_bytes()?;
    ctx.charge_each(data.len().max(1), BYTE_UNITS)?;
    Ok(vec![Value::bytes(Sha3_256::digest(data).to_vec())])
}
