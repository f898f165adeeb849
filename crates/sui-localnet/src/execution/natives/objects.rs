//! Natives of `object`, `event`, `types`, `address` and `protocol_config`.

use super::{Call, Outcome, address_value};
use crate::execution::runtime::ObjectRuntime;
use move_vm::{NativeError, U256, Value};

/// `address::from_bytes`: not 32 bytes.
const ADDRESS_PARSE: u64 = 0;
/// Units of an event per unit of size: of its value, of its type, of both.
const EVENT_VALUE_UNITS: u64 = 2;
const EVENT_TAG_UNITS: u64 = 5;
const EVENT_OUTPUT_UNITS: u64 = 10;
/// Units per node and per unit of size of the type that might be a witness.
const WITNESS_UNITS: u64 = 2;

pub(super) fn borrow_uid(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let object = call.args.pop()?.into_reference()?;
    Ok(vec![Value::Reference(object.field(0)?)])
}

pub(super) fn delete(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    runtime.record_deleted(call.args.pop_address()?)?;
    Ok(Vec::new())
}

pub(super) fn record_new(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    runtime.record_new(call.args.pop_address()?)?;
    Ok(Vec::new())
}

pub(super) fn emit(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let value = call.args.pop()?;
    let type_ = call.type_argument()?.clone();
    let tag = call.ctx.type_tag(&type_)?;
    let value_size = value.abstract_size()?;
    let tag_size = tag.as_struct().map_or(0, move_vm::StructTag::abstract_size);
    call.ctx.charge(
        value_size
            .saturating_mul(EVENT_VALUE_UNITS + EVENT_OUTPUT_UNITS)
            .saturating_add(tag_size.saturating_mul(EVENT_TAG_UNITS + EVENT_OUTPUT_UNITS)),
    )?;
    let contents = call.ctx.to_bcs(&value, &type_)?;
    runtime.emit(&tag, contents)?;
    Ok(Vec::new())
}

pub(super) fn is_one_time_witness(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let type_ = call.type_argument()?.clone();
    let size = call.ctx.type_tag(&type_)?.abstract_size();
    let counted = type_.node_count().saturating_add(size);
    call.ctx.charge(counted.saturating_mul(WITNESS_UNITS))?;
    Ok(vec![Value::Bool(call.ctx.is_one_time_witness(&type_)?)])
}

pub(super) fn address_to_u256(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let address = call.args.pop()?.into_address()?;
    Ok(vec![Value::u256(U256::from_be_bytes(&address.0))])
}

pub(super) fn address_from_u256(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let number = call.args.pop()?.into_u256()?;
    Ok(vec![Value::address(number.to_be_bytes())])
}

pub(super) fn address_from_bytes(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let bytes: [u8; 32] = call
        .args
        .pop_bytes()?
        .try_into()
        .map_err(|_| NativeError::Abort(ADDRESS_PARSE))?;
    Ok(vec![address_value(bytes.into())])
}

/// The only feature the framework asks for is withdrawal from objects' balances, which this chain
/// leaves out.
#[expect(clippy::unnecessary_wraps, reason = "has the type of every native")]
pub(super) fn is_feature_enabled(_: &mut ObjectRuntime<'_>, _: &mut Call<'_, '_>) -> Outcome {
    Ok(vec![Value::Bool(false)])
}
