//! Natives of `transfer`: where objects go, and receiving them.

use move_vm::{NativeError, Slot, Type, Value, ability::Ability};
use sui_sdk_types::{Address, Owner};

use super::{Call, Outcome};
use crate::execution::{
    convert::from_move,
    runtime::{NewOwner, ObjectRuntime, ObjectValue},
};

/// `share_object`: the object is neither new nor shared already.
const SHARED_NON_NEW_OBJECT: u64 = 0;
/// `receive`: the object's type is another.
const RECEIVE_TYPE_MISMATCH: u64 = 2;
/// `receive`: no such object for this parent, or it was received already.
const UNABLE_TO_RECEIVE: u64 = 3;
/// `party_transfer`: owners of several parties do not exist here.
const PARTY_NOT_SUPPORTED: u64 = 5;

/// Units per node of the type of an object that is received.
const RECEIVED_TYPE_UNITS: u64 = 2;

pub(super) fn to_address(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let recipient = call.args.pop_address()?;
    let object = object_argument(call)?;
    runtime.transfer(object, NewOwner::Address(recipient))?;
    Ok(Vec::new())
}

pub(super) fn freeze(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let object = object_argument(call)?;
    runtime.transfer(object, NewOwner::Immutable)?;
    Ok(Vec::new())
}

pub(super) fn share(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let object = object_argument(call)?;
    let id = from_move(object.value.with(Value::object_id)?);
    if !runtime.may_share(&id) {
        return Err(NativeError::Abort(SHARED_NON_NEW_OBJECT));
    }
    runtime.transfer(object, NewOwner::Shared)?;
    Ok(Vec::new())
}

pub(super) fn to_party(_: &mut ObjectRuntime<'_>, _: &mut Call<'_, '_>) -> Outcome {
    Err(NativeError::Abort(PARTY_NOT_SUPPORTED))
}

fn object_argument(call: &mut Call<'_, '_>) -> Result<ObjectValue, NativeError> {
    let value = call.args.pop()?;
    let type_ = call.type_argument()?.clone();
    object_value(call, &type_, value)
}

/// An object value of a type, with what is needed to write it.
pub(super) fn object_value(
    call: &Call<'_, '_>,
    type_: &Type,
    value: Value,
) -> Result<ObjectValue, NativeError> {
    Ok(ObjectValue {
        tag: call.ctx.type_tag(type_)?,
        layout: call.ctx.layout(type_)?,
        public_transfer: call.ctx.abilities(type_).has(Ability::Store),
        value: Slot::new(value),
    })
}

pub(super) fn receive(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let version = call.args.pop_u64()?;
    let id = from_move(call.args.pop()?.copy_field(0)?.into_address()?);
    let parent = call.args.pop_address()?;
    let type_ = call.type_argument()?.clone();
    call.ctx
        .charge(type_.node_count().saturating_mul(RECEIVED_TYPE_UNITS))?;
    let ticket = runtime
        .tickets
        .get_mut(&id)
        .filter(|ticket| {
            !ticket.received
                && ticket.version == version
                && *ticket.object.owner() == Owner::Address(parent)
        })
        .ok_or(NativeError::Abort(UNABLE_TO_RECEIVE))?;
    let value =
        decode(call, &type_, &ticket.object)?.ok_or(NativeError::Abort(RECEIVE_TYPE_MISMATCH))?;
    call.ctx.charge(value.abstract_size()?)?;
    ticket.received = true;
    Ok(vec![value])
}

/// The value of a stored object, if it has exactly this type.
pub(super) fn decode(
    call: &mut Call<'_, '_>,
    type_: &Type,
    object: &sui_sdk_types::Object,
) -> Result<Option<Value>, NativeError> {
    let Some(stored) = object.as_struct() else {
        return Ok(None);
    };
    let expected = crate::execution::convert::from_move_tag(&call.ctx.type_tag(type_)?);
    if expected != sui_sdk_types::TypeTag::from(stored.object_type().clone()) {
        return Ok(None);
    }
    Ok(Some(call.ctx.from_bcs(stored.contents(), type_)?))
}

/// The id of a `UID` given by reference.
pub(super) fn uid_address(uid: &Value) -> Result<Address, NativeError> {
    Ok(from_move(uid.copy_field(0)?.copy_field(0)?.into_address()?))
}
