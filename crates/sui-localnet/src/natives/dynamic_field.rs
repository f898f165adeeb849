//! Natives of `dynamic_field` and `config`: children of objects.

use super::transfer::{decode, object_value, uid_address};
use super::{Call, Outcome, address_value};
use crate::execution::convert::{from_move_tag, to_move_struct};
use crate::execution::runtime::{ChildState, ObjectRuntime, ObjectValue};
use move_vm::{ElementKind, NativeError, Type, TypeTag, Value, Vector};
use sui_sdk_types::Address;

/// No such child.
const FIELD_DOES_NOT_EXIST: u64 = 1;
/// The child has another type.
const FIELD_TYPE_MISMATCH: u64 = 2;

pub(super) fn call(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    match call.function {
        "hash_type_and_key" => hash_type_and_key(call),
        "add_child_object" => {
            let value = call.args.pop()?;
            let parent = call.args.pop_address()?;
            let type_ = call.type_argument()?.clone();
            let object = object_value(call, &type_, value)?;
            runtime.add_child(parent, object)?;
            Ok(Vec::new())
        }
        "borrow_child_object" | "borrow_child_object_mut" => {
            let id = call.args.pop_address()?;
            let parent = uid_address(&call.args.pop()?)?;
            let child = load(runtime, call, parent, id)?;
            Ok(vec![child.value.borrow()])
        }
        "remove_child_object" => {
            let id = call.args.pop_address()?;
            let parent = call.args.pop_address()?;
            load(runtime, call, parent, id)?;
            take(runtime, parent, id)
        }
        "has_child_object" => {
            let id = call.args.pop_address()?;
            let parent = call.args.pop_address()?;
            let child = runtime.child(parent, id)?;
            let exists = child.is_some_and(|child| !matches!(child.state, ChildState::Absent));
            Ok(vec![Value::Bool(exists)])
        }
        "has_child_object_with_ty" => {
            let id = call.args.pop_address()?;
            let parent = call.args.pop_address()?;
            let expected = call.ctx.type_tag(call.type_argument()?)?;
            let found = child_tag(runtime, parent, id)?;
            Ok(vec![Value::Bool(found == Some(expected))])
        }
        _ => Err(NativeError::Unsupported),
    }
}

fn hash_type_and_key(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.args.pop()?;
    let parent = call.args.pop_address()?;
    let type_ = call.type_argument()?.clone();
    let tag = from_move_tag(&call.ctx.type_tag(&type_)?);
    let bytes = call.ctx.to_bcs(&key, &type_)?;
    Ok(vec![address_value(
        parent.derive_dynamic_child_id(&tag, &bytes),
    )])
}

/// The type of a child; `None` if it does not exist.
fn child_tag(
    runtime: &mut ObjectRuntime<'_>,
    parent: Address,
    id: Address,
) -> Result<Option<TypeTag>, NativeError> {
    let Some(child) = runtime.child(parent, id)? else {
        return Ok(None);
    };
    Ok(match &child.state {
        ChildState::Absent => None,
        ChildState::Loaded(object) => Some(object.tag.clone()),
        ChildState::Stored => child
            .original
            .as_ref()
            .and_then(|object| object.as_struct())
            .and_then(|object| to_move_struct(object.object_type()))
            .map(|tag| TypeTag::Struct(Box::new(tag))),
    })
}

/// The child, decoded, if it has the type of the type argument.
fn load(
    runtime: &mut ObjectRuntime<'_>,
    call: &mut Call<'_, '_>,
    parent: Address,
    id: Address,
) -> Result<ObjectValue, NativeError> {
    let type_ = call.type_argument()?.clone();
    load_as(runtime, call, parent, id, &type_)
}

fn load_as(
    runtime: &mut ObjectRuntime<'_>,
    call: &mut Call<'_, '_>,
    parent: Address,
    id: Address,
    type_: &Type,
) -> Result<ObjectValue, NativeError> {
    let missing = NativeError::Abort(FIELD_DOES_NOT_EXIST);
    let Some(child) = runtime.child(parent, id)? else {
        return Err(missing);
    };
    match &child.state {
        ChildState::Absent => Err(missing),
        ChildState::Loaded(object) => {
            if object.tag == call.ctx.type_tag(type_)? {
                Ok(object.clone())
            } else {
                Err(NativeError::Abort(FIELD_TYPE_MISMATCH))
            }
        }
        ChildState::Stored => {
            let stored = child
                .original
                .as_ref()
                .ok_or_else(|| NativeError::bad_argument("a stored child without object"))?;
            let value =
                decode(call, type_, stored)?.ok_or(NativeError::Abort(FIELD_TYPE_MISMATCH))?;
            let object = object_value(call, type_, value)?;
            child.state = ChildState::Loaded(object.clone());
            Ok(object)
        }
    }
}

/// Takes a loaded child out.
fn take(runtime: &mut ObjectRuntime<'_>, parent: Address, id: Address) -> Outcome {
    let child = runtime
        .child(parent, id)?
        .ok_or_else(|| NativeError::bad_argument("a loaded child vanished"))?;
    match std::mem::replace(&mut child.state, ChildState::Absent) {
        ChildState::Loaded(object) => Ok(vec![object.value.take()?]),
        _ => Err(NativeError::bad_argument("a loaded child vanished")),
    }
}

/// `config::read_setting_impl<FieldT, SettingT, DataT, V>(config, field, epoch): Option<V>`: the value of a setting
/// that takes effect with the epoch after it was written.
pub(super) fn config(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    if call.function != "read_setting_impl" {
        return Err(NativeError::Unsupported);
    }
    let epoch = call.args.pop_u64()?;
    let id = call.args.pop_address()?;
    let config = call.args.pop_address()?;
    let [field_type, _, _, value_type] = call.ty_args else {
        return Err(NativeError::bad_argument(
            "read_setting_impl has four type arguments",
        ));
    };
    let kind = ElementKind::of_type(value_type);
    let found = match load_as(runtime, call, config, id, field_type) {
        Ok(object) => setting(&object.value.get()?, epoch)?,
        Err(NativeError::Abort(FIELD_DOES_NOT_EXIST)) => None,
        Err(error) => return Err(error),
    };
    Ok(vec![Value::option(kind, found)?])
}

/// The value in force: `Field { id, name, value: Setting { data: Option<SettingData { newer_value_epoch, newer_value:
/// Option<V>, older_value_opt: Option<V> }> } }`.
fn setting(field: &Value, epoch: u64) -> Result<Option<Value>, NativeError> {
    let data = field.copy_field(2)?.copy_field(0)?;
    let Some(data) = into_option(&data)? else {
        return Ok(None);
    };
    let newer_value_epoch = data.copy_field(0)?.into_u64()?;
    let chosen = if epoch > newer_value_epoch { 1 } else { 2 };
    into_option(&data.copy_field(chosen)?)
}

fn into_option(option: &Value) -> Result<Option<Value>, NativeError> {
    let vector: Vector = option.copy_field(0)?.into_vector()?;
    Ok(vector.into_values().pop())
}
