//! `std::vector`, for transactions that call it directly: compiled code uses instructions. Where
//! the instruction fails, the function aborts, with the sub-status as its code.

use super::{NativeResult, arguments, type_arguments};
use crate::{
    error::{StatusCode, VmError},
    host::{NativeContext, NativeError},
    types::Type,
    value::{ElementKind, Value, Vector, elements},
};

fn abort(error: VmError) -> NativeError {
    match error {
        VmError {
            status: StatusCode::VectorOperationError,
            sub_status: Some(code),
            ..
        } => NativeError::Abort(code),
        other => NativeError::Vm(other),
    }
}

pub(super) fn empty(_: &mut NativeContext<'_>, types: &[Type], _: Vec<Value>) -> NativeResult {
    let [element] = type_arguments(types)?;
    Ok(vec![Value::vector(Vector::empty(ElementKind::of_type(
        element,
    )))])
}

pub(super) fn length(_: &mut NativeContext<'_>, _: &[Type], values: Vec<Value>) -> NativeResult {
    let [vector] = arguments(values)?;
    Ok(vec![Value::U64(elements::len(&vector.into_reference()?)?)])
}

pub(super) fn borrow(_: &mut NativeContext<'_>, _: &[Type], values: Vec<Value>) -> NativeResult {
    let [vector, index] = arguments(values)?;
    let element = elements::borrow(&vector.into_reference()?, index.into_u64()?).map_err(abort)?;
    Ok(vec![Value::Reference(element)])
}

pub(super) fn push_back(_: &mut NativeContext<'_>, _: &[Type], values: Vec<Value>) -> NativeResult {
    let [vector, value] = arguments(values)?;
    elements::push_back(&vector.into_reference()?, value).map_err(abort)?;
    Ok(Vec::new())
}

pub(super) fn pop_back(_: &mut NativeContext<'_>, _: &[Type], values: Vec<Value>) -> NativeResult {
    let [vector] = arguments(values)?;
    let element = elements::pop_back(&vector.into_reference()?).map_err(abort)?;
    Ok(vec![element])
}

pub(super) fn destroy_empty(
    _: &mut NativeContext<'_>,
    _: &[Type],
    values: Vec<Value>,
) -> NativeResult {
    let [vector] = arguments(values)?;
    elements::unpack(vector, 0).map_err(abort)?;
    Ok(Vec::new())
}

pub(super) fn swap(_: &mut NativeContext<'_>, _: &[Type], values: Vec<Value>) -> NativeResult {
    let [vector, left, right] = arguments(values)?;
    elements::swap(
        &vector.into_reference()?,
        left.into_u64()?,
        right.into_u64()?,
    )
    .map_err(abort)?;
    Ok(Vec::new())
}
