//! `std::type_name`.

use super::{NativeResult, type_arguments};
use crate::{
    host::{NativeContext, NativeError},
    type_tag::TypeTag,
    types::Type,
    value::Value,
};

/// Abort code when the address of something other than a struct or enum is asked for.
const NOT_A_DATATYPE: u64 = 0;

/// Units per byte of a name.
const BYTE_UNITS: u64 = 2;

/// `TypeName { name: ascii::String { bytes } }`.
fn type_name(ctx: &mut NativeContext<'_>, tag: &TypeTag) -> NativeResult {
    let text = tag.to_canonical("");
    ctx.charge_each(text.len(), BYTE_UNITS)?;
    let string = Value::structure(vec![Value::bytes(text)]);
    Ok(vec![Value::structure(vec![string])])
}

pub(super) fn with_defining_ids(
    ctx: &mut NativeContext<'_>,
    types: &[Type],
    _: Vec<Value>,
) -> NativeResult {
    let [type_] = type_arguments(types)?;
    let tag = ctx.type_tag(type_)?;
    type_name(ctx, &tag)
}

pub(super) fn with_original_ids(
    ctx: &mut NativeContext<'_>,
    types: &[Type],
    _: Vec<Value>,
) -> NativeResult {
    let [type_] = type_arguments(types)?;
    let tag = ctx.original_tag(type_)?;
    type_name(ctx, &tag)
}

pub(super) fn defining_id(
    _: &mut NativeContext<'_>,
    types: &[Type],
    _: Vec<Value>,
) -> NativeResult {
    let [type_] = type_arguments(types)?;
    let datatype = type_
        .as_datatype()
        .ok_or(NativeError::Abort(NOT_A_DATATYPE))?;
    Ok(vec![Value::address(datatype.declaration.defining_id)])
}

pub(super) fn original_id(
    _: &mut NativeContext<'_>,
    types: &[Type],
    _: Vec<Value>,
) -> NativeResult {
    let [type_] = type_arguments(types)?;
    let datatype = type_
        .as_datatype()
        .ok_or(NativeError::Abort(NOT_A_DATATYPE))?;
    Ok(vec![Value::address(datatype.declaration.module.address)])
}
