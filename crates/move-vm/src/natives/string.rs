//! `std::string`. The Move code above has checked that the bytes are UTF-8 and the bounds are
//! right; what slips through is an invariant violation.

use stdx::SaturatingFrom as _;

use super::{NativeResult, arguments};
use crate::{
    host::{NativeContext, NativeError},
    types::Type,
    value::Value,
};

/// Units per byte looked at or copied.
const BYTE_UNITS: u64 = 2;
/// Units of a substring besides its bytes and what every native costs.
const SUBSTRING_UNITS: u64 = 52;

fn not_utf8() -> NativeError {
    NativeError::bad_argument("string is not UTF-8")
}

fn index(value: Value) -> Result<usize, NativeError> {
    usize::try_from(value.into_u64()?).map_err(|_| NativeError::bad_argument("index too large"))
}

pub(super) fn check_utf8(
    ctx: &mut NativeContext<'_>,
    _: &[Type],
    values: Vec<Value>,
) -> NativeResult {
    let [bytes] = arguments(values)?;
    let (length, valid) =
        bytes.with_bytes(|bytes| (bytes.len(), std::str::from_utf8(bytes).is_ok()))?;
    ctx.charge_each(length, BYTE_UNITS)?;
    Ok(vec![Value::Bool(valid)])
}

pub(super) fn is_char_boundary(
    _: &mut NativeContext<'_>,
    _: &[Type],
    values: Vec<Value>,
) -> NativeResult {
    let [bytes, at] = arguments(values)?;
    // An index that does not fit is beyond the end, which is no boundary.
    let at = usize::saturating_from(at.into_u64()?);
    let boundary = bytes.with_bytes(|bytes| {
        std::str::from_utf8(bytes)
            .map(|text| text.is_char_boundary(at))
            .map_err(|_| not_utf8())
    })??;
    Ok(vec![Value::Bool(boundary)])
}

pub(super) fn sub_string(
    ctx: &mut NativeContext<'_>,
    _: &[Type],
    values: Vec<Value>,
) -> NativeResult {
    let [bytes, from, to] = arguments(values)?;
    let (from, to) = (index(from)?, index(to)?);
    let part = bytes
        .with_bytes(|bytes| bytes.get(from..to).map(<[u8]>::to_vec))?
        .ok_or_else(|| NativeError::bad_argument("substring out of bounds"))?;
    ctx.charge(SUBSTRING_UNITS)?;
    ctx.charge_each(part.len(), BYTE_UNITS)?;
    Ok(vec![Value::bytes(part)])
}

pub(super) fn index_of(
    ctx: &mut NativeContext<'_>,
    _: &[Type],
    values: Vec<Value>,
) -> NativeResult {
    let [haystack, needle] = arguments(values)?;
    let needle = String::from_utf8(needle.to_byte_vec()?).map_err(|_| not_utf8())?;
    let found = haystack.with_bytes(|bytes| {
        let text = std::str::from_utf8(bytes).map_err(|_| not_utf8())?;
        Ok::<_, NativeError>(text.find(&needle).unwrap_or(text.len()))
    })?;
    let position = found?;
    ctx.charge_each(needle.len() + position, BYTE_UNITS)?;
    let position =
        u64::try_from(position).map_err(|_| NativeError::bad_argument("string too long"))?;
    Ok(vec![Value::U64(position)])
}
