//! Natives of `group_ops`: arithmetic in the groups of BLS12-381.

use super::{Call, Outcome};
use crate::crypto::group_ops;
use move_vm::{NativeError, Value};

/// Work of an operation without scalar multiplication.
const SIMPLE_UNITS: u64 = 30;
/// Work of one scalar multiplication.
const SCALAR_UNITS: u64 = 150;
/// Work of a pairing or of hashing to a curve.
const HEAVY_UNITS: u64 = 400;
/// Work of a sum besides its terms.
const SUM_UNITS: u64 = 1;

pub(super) fn call(call: &mut Call<'_, '_>) -> Outcome {
    let result = match call.function {
        "internal_validate" => {
            let bytes = call.args.pop_bytes()?;
            let group = call.args.pop_u8()?;
            call.ctx.charge(SIMPLE_UNITS)?;
            return Ok(vec![Value::Bool(group_ops::validate(group, &bytes))]);
        }
        "internal_add" => binary(call, SIMPLE_UNITS, group_ops::add),
        "internal_sub" => binary(call, SIMPLE_UNITS, group_ops::sub),
        "internal_mul" => binary(call, SCALAR_UNITS, group_ops::mul),
        "internal_div" => binary(call, SCALAR_UNITS, group_ops::div),
        "internal_pairing" => binary(call, HEAVY_UNITS, group_ops::pairing),
        "internal_hash_to" => {
            let message = call.args.pop_bytes()?;
            let group = call.args.pop_u8()?;
            call.ctx.charge(HEAVY_UNITS)?;
            call.ctx.charge_bytes(message.len())?;
            group_ops::hash_to(group, &message).map_err(NativeError::Abort)
        }
        "internal_multi_scalar_mul" => {
            let points = call.args.pop_bytes()?;
            let scalars = call.args.pop_bytes()?;
            let group = call.args.pop_u8()?;
            call.ctx.charge(HEAVY_UNITS)?;
            call.ctx.charge_bytes(points.len())?;
            group_ops::multi_scalar_mul(group, &scalars, &points).map_err(NativeError::Abort)
        }
        "internal_convert" => {
            let element = call.args.pop_bytes()?;
            let to = call.args.pop_u8()?;
            let from = call.args.pop_u8()?;
            call.ctx.charge(SIMPLE_UNITS)?;
            group_ops::convert(from, to, &element).map_err(NativeError::Abort)
        }
        "internal_sum" => sum(call),
        _ => Err(NativeError::Unsupported),
    };
    Ok(vec![Value::bytes(result?)])
}

/// Runs `operation(group, left, right)`.
fn binary(
    call: &mut Call<'_, '_>,
    units: u64,
    operation: impl Fn(u8, &[u8], &[u8]) -> Result<Vec<u8>, u64>,
) -> Result<Vec<u8>, NativeError> {
    let right = call.args.pop_bytes()?;
    let left = call.args.pop_bytes()?;
    let group = call.args.pop_u8()?;
    call.ctx.charge(units)?;
    operation(group, &left, &right).map_err(NativeError::Abort)
}

fn sum(call: &mut Call<'_, '_>) -> Result<Vec<u8>, NativeError> {
    let terms = call.args.pop()?;
    let group = call.args.pop_u8()?;
    let terms = match terms {
        Value::Reference(reference) => reference.read()?,
        owned => owned,
    };
    let terms = terms
        .into_vector()?
        .into_values()
        .into_iter()
        .map(Value::into_bytes)
        .collect::<Result<Vec<_>, _>>()?;
    let count = u64::try_from(terms.len()).unwrap_or(u64::MAX);
    call.ctx.charge(count.saturating_add(SUM_UNITS))?;
    group_ops::sum(group, terms.iter().map(Vec::as_slice)).map_err(NativeError::Abort)
}
