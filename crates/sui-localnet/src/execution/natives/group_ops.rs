//! Natives of `group_ops`: arithmetic in the groups of BLS12-381.

use move_vm::{NativeError, Value};
use stdx::SaturatingFrom as _;

use super::{Call, Outcome};
use crate::{crypto::group_ops, execution::runtime::ObjectRuntime};

/// Units of an operation by group: scalars, G1, G2, GT. Groups that do not have the operation cost
/// nothing.
type Prices = [u64; 4];

const VALIDATE_UNITS: Prices = [7, 2_848, 3_770, 0];
const ADD_UNITS: Prices = [10, 1_556, 3_048, 188];
const SUB_UNITS: Prices = [10, 1_550, 3_019, 497];
const MUL_UNITS: Prices = [11, 4_842, 9_108, 27_490];
const DIV_UNITS: Prices = [91, 5_091, 9_206, 27_804];
const HASH_UNITS: Prices = [0, 2_962, 8_688, 0];
const PAIRING_UNITS: Prices = [0, 26_897, 0, 0];
/// Units per byte that is hashed to a curve.
const HASH_BYTE_UNITS: u64 = 2;
/// Units of a sum of products besides its terms, and per addition in it.
const PRODUCTS_UNITS: Prices = [0, 62_648, 131_192, 0];
const PRODUCTS_ADDITION_UNITS: Prices = [0, 1_333, 3_216, 0];
/// Most products that are summed.
const PRODUCTS_MAX: usize = 32;
/// Bits of a scalar, rounded as the price of sums of products has them.
const SCALAR_BITS: u64 = 255;
const SCALAR_BYTES: usize = 32;
/// Group of scalars, of G1, and of points of G1 that are not compressed.
const SCALAR: u8 = 0;
const G1: u8 = 1;
const UNCOMPRESSED_G1: u8 = 4;
const COMPRESS_UNITS: u64 = 677;
const DECOMPRESS_UNITS: u64 = 2_099;
/// Units of a sum of points, and per term.
const SUM_UNITS: u64 = 77;
const SUM_TERM_UNITS: u64 = 26;
/// Most points that are summed.
const SUM_TERMS_MAX: usize = 1_200;

fn price(prices: Prices, group: u8) -> u64 {
    prices.get(usize::from(group)).copied().unwrap_or(0)
}

pub(super) fn validate(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let bytes = call.args.pop_bytes()?;
    let group = call.args.pop_u8()?;
    call.ctx.charge(price(VALIDATE_UNITS, group))?;
    Ok(vec![Value::Bool(group_ops::validate(group, &bytes))])
}

pub(super) fn add(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    binary(call, ADD_UNITS, group_ops::add)
}

pub(super) fn sub(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    binary(call, SUB_UNITS, group_ops::sub)
}

pub(super) fn mul(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    binary(call, MUL_UNITS, group_ops::mul)
}

pub(super) fn div(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    binary(call, DIV_UNITS, group_ops::div)
}

pub(super) fn pairing(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    binary(call, PAIRING_UNITS, group_ops::pairing)
}

/// Runs `operation(group, left, right)`.
fn binary(
    call: &mut Call<'_, '_>,
    prices: Prices,
    operation: impl Fn(u8, &[u8], &[u8]) -> Result<Vec<u8>, u64>,
) -> Outcome {
    let right = call.args.pop_bytes()?;
    let left = call.args.pop_bytes()?;
    let group = call.args.pop_u8()?;
    call.ctx.charge(price(prices, group))?;
    bytes(operation(group, &left, &right))
}

pub(super) fn hash_to(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let message = call.args.pop_bytes()?;
    let group = call.args.pop_u8()?;
    let units = price(HASH_UNITS, group);
    if units > 0 && !message.is_empty() {
        call.ctx.charge(units)?;
        call.ctx.charge_each(message.len(), HASH_BYTE_UNITS)?;
    }
    bytes(group_ops::hash_to(group, &message))
}

pub(super) fn multi_scalar_mul(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let points = call.args.pop_bytes()?;
    let scalars = call.args.pop_bytes()?;
    let group = call.args.pop_u8()?;
    let count = scalars.len() / SCALAR_BYTES;
    if count <= PRODUCTS_MAX && price(PRODUCTS_UNITS, group) > 0 {
        call.ctx.charge_each(count, price(VALIDATE_UNITS, SCALAR))?;
        call.ctx.charge_each(count, price(VALIDATE_UNITS, group))?;
        call.ctx.charge(price(PRODUCTS_UNITS, group))?;
        let additions = additions(u64::saturating_from(count));
        let each = price(PRODUCTS_ADDITION_UNITS, group);
        call.ctx.charge(additions.saturating_mul(each))?;
    }
    bytes(group_ops::multi_scalar_mul(group, &scalars, &points))
}

/// Additions that a sum of so many products takes, when scalars are cut into windows of a few bits.
fn additions(count: u64) -> u64 {
    let window = match count {
        0 => return 0,
        1 => 1,
        2..32 => 2,
        more => u64::from(more.ilog2()) - 2,
    };
    SCALAR_BITS.div_ceil(window) * (count + (1 << window) + 1)
}

pub(super) fn convert(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let element = call.args.pop_bytes()?;
    let to = call.args.pop_u8()?;
    let from = call.args.pop_u8()?;
    call.ctx.charge(match (from, to) {
        (UNCOMPRESSED_G1, G1) => COMPRESS_UNITS,
        (G1, UNCOMPRESSED_G1) => DECOMPRESS_UNITS,
        _ => 0,
    })?;
    bytes(group_ops::convert(from, to, &element))
}

pub(super) fn sum(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
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
    if group == UNCOMPRESSED_G1 && terms.len() <= SUM_TERMS_MAX {
        call.ctx.charge(SUM_UNITS)?;
        call.ctx.charge_each(terms.len(), SUM_TERM_UNITS)?;
    }
    bytes(group_ops::sum(group, terms.iter().map(Vec::as_slice)))
}

fn bytes(result: Result<Vec<u8>, u64>) -> Outcome {
    let bytes = result.map_err(NativeError::Abort)?;
    Ok(vec![Value::bytes(bytes)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_grow_with_the_number_of_products() {
        let counts = [1, 2, 4, 32].map(additions);
        assert_eq!(counts, [1_020, 896, 1_152, 3_485]);
    }
}
