//! Natives of `dynamic_field` and `config`: children of objects.

use move_vm::{ElementKind, NativeError, Type, TypeTag, Value, Vector};
use sui_sdk_types::Address;

use super::{
    Call, Outcome, address_value,
    transfer::{decode, object_value, uid_address},
};
use crate::execution::{
    convert::{from_move_tag, to_move_struct},
    runtime::{ChildState, ObjectRuntime, ObjectValue},
};

/// No such child.
const FIELD_DOES_NOT_EXIST: u64 = 1;
/// The child has another type.
const FIELD_TYPE_MISMATCH: u64 = 2;

/// Units per byte of a child, when it is fetched from the state.
const FETCH_UNITS: u64 = 15;
/// Units per node, per unit of size of the type, and per unit of size of the value of a key.
const KEY_UNITS: u64 = 2;
/// Units of adding a child, besides what its type costs.
const ADD_UNITS: u64 = 2;
/// Units per node, and per unit of size, of the type of a child that is added or borrowed.
const CHILD_TYPE_UNITS: u64 = 10;
/// The same where a child is taken out or only its type is asked for.
const LIGHT_TYPE_UNITS: u64 = 2;
/// Units of a reference to a child.
const REFERENCE_UNITS: u64 = 8;
/// Units of taking out a child that was in use already.
const TAKE_UNITS: u64 = 2;
/// Units per unit of size of a setting.
const SETTING_UNITS: u64 = 40;

pub(super) fn add(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let value = call.args.pop()?;
    let parent = call.args.pop_address()?;
    let type_ = call.type_argument()?.clone();
    let counted = type_.node_count().saturating_add(tag_size(call, &type_)?);
    let units = counted.saturating_mul(CHILD_TYPE_UNITS);
    call.ctx.charge(units.saturating_add(ADD_UNITS))?;
    let object = object_value(call, &type_, value)?;
    runtime.add_child(parent, object)?;
    Ok(Vec::new())
}

pub(super) fn borrow(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let id = call.args.pop_address()?;
    let parent = uid_address(&call.args.pop()?)?;
    let type_ = call.type_argument()?.clone();
    call.ctx
        .charge(type_.node_count().saturating_mul(CHILD_TYPE_UNITS))?;
    fetch(runtime, call, parent, id)?;
    let (child, is_new) = load(runtime, call, parent, id, &type_)?;
    let size = if is_new { size_of(&child)? } else { 0 };
    call.ctx.charge(size.saturating_add(REFERENCE_UNITS))?;
    Ok(vec![child.value.borrow()])
}

pub(super) fn remove(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let id = call.args.pop_address()?;
    let parent = call.args.pop_address()?;
    let type_ = call.type_argument()?.clone();
    call.ctx
        .charge(type_.node_count().saturating_mul(LIGHT_TYPE_UNITS))?;
    fetch(runtime, call, parent, id)?;
    let (child, is_new) = load(runtime, call, parent, id, &type_)?;
    let units = if is_new { size_of(&child)? } else { TAKE_UNITS };
    call.ctx.charge(units)?;
    take(runtime, parent, id)
}

pub(super) fn has(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let id = call.args.pop_address()?;
    let parent = call.args.pop_address()?;
    fetch(runtime, call, parent, id)?;
    let child = runtime.child(parent, id)?;
    let exists = child.is_some_and(|child| !matches!(child.state, ChildState::Absent));
    Ok(vec![Value::Bool(exists)])
}

pub(super) fn has_with_type(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let id = call.args.pop_address()?;
    let parent = call.args.pop_address()?;
    let type_ = call.type_argument()?.clone();
    let counted = type_.node_count().saturating_add(tag_size(call, &type_)?);
    call.ctx.charge(counted.saturating_mul(LIGHT_TYPE_UNITS))?;
    fetch(runtime, call, parent, id)?;
    let expected = call.ctx.type_tag(&type_)?;
    let found = child_tag(runtime, parent, id)?;
    Ok(vec![Value::Bool(found == Some(expected))])
}

pub(super) fn hash_type_and_key(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let key = call.args.pop()?;
    let parent = call.args.pop_address()?;
    let type_ = call.type_argument()?.clone();
    let tag = call.ctx.type_tag(&type_)?;
    let counted = type_
        .node_count()
        .saturating_add(tag.abstract_size())
        .saturating_add(key.abstract_size()?);
    call.ctx.charge(counted.saturating_mul(KEY_UNITS))?;
    let bytes = call.ctx.to_bcs(&key, &type_)?;
    Ok(vec![address_value(
        parent.derive_dynamic_child_id(&from_move_tag(&tag), &bytes),
    )])
}

/// Size of the type of an object, for its price.
fn tag_size(call: &Call<'_, '_>, type_: &Type) -> Result<u64, NativeError> {
    let tag = call.ctx.type_tag(type_)?;
    Ok(tag.as_struct().map_or(0, move_vm::StructTag::abstract_size))
}

fn size_of(child: &ObjectValue) -> Result<u64, NativeError> {
    Ok(child.value.with(Value::abstract_size)?)
}

/// Looks a child up at its first use in the transaction, and charges for reading it if it exists.
fn fetch(
    runtime: &mut ObjectRuntime<'_>,
    call: &mut Call<'_, '_>,
    parent: Address,
    id: Address,
) -> Result<(), NativeError> {
    if runtime.children.contains_key(&id) {
        return Ok(());
    }
    let found = runtime.child(parent, id)?;
    let original = found.and_then(|child| child.original.as_ref());
    let bytes = original
        .and_then(|object| object.as_struct())
        .map_or(0, |object| object.contents().len());
    call.ctx.charge_each(bytes, FETCH_UNITS)
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

/// The child, decoded, if it has this type; and whether it was not decoded before.
fn load(
    runtime: &mut ObjectRuntime<'_>,
    call: &mut Call<'_, '_>,
    parent: Address,
    id: Address,
    type_: &Type,
) -> Result<(ObjectValue, bool), NativeError> {
    let missing = NativeError::Abort(FIELD_DOES_NOT_EXIST);
    let Some(child) = runtime.child(parent, id)? else {
        return Err(missing);
    };
    match &child.state {
        ChildState::Absent => Err(missing),
        ChildState::Loaded(object) => {
            if object.tag == call.ctx.type_tag(type_)? {
                Ok((object.clone(), false))
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
            Ok((object, true))
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

/// `config::read_setting_impl<FieldT, SettingT, DataT, V>(config, field, epoch): Option<V>`: the
/// value of a setting that takes effect with the epoch after it was written.
pub(super) fn read_setting(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let epoch = call.args.pop_u64()?;
    let id = call.args.pop_address()?;
    let config = call.args.pop_address()?;
    let [field_type, _, _, value_type] = call.ty_args else {
        return Err(NativeError::bad_argument(
            "read_setting_impl has four type arguments",
        ));
    };
    let kind = ElementKind::of_type(value_type);
    let found = match load(runtime, call, config, id, field_type) {
        Ok((object, _)) => setting(&object.value.get()?, epoch)?,
        Err(NativeError::Abort(FIELD_DOES_NOT_EXIST)) => None,
        Err(error) => return Err(error),
    };
    let result = Value::option(kind, found)?;
    let units = result.abstract_size()?.saturating_mul(SETTING_UNITS);
    call.ctx.charge(units)?;
    Ok(vec![result])
}

/// The value in force. The field is
/// `Field { id, name, value: Setting { data: Option<SettingData> } }`, and its data is
/// `SettingData { newer_value_epoch, newer_value: Option<V>, older_value_opt: Option<V> }`.
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
