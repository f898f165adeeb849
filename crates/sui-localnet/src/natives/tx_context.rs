//! Natives of `tx_context`.

use super::{Call, Outcome, address_value};
use crate::execution::runtime::ObjectRuntime;
use move_vm::{Address as MoveAddress, ElementKind, NativeError, Value, Vector};
use sui_sdk_types::{Address, Digest};

pub(super) fn call(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let result = match call.function {
        "native_sender" => address_value(runtime.tx.sender),
        "native_epoch" => Value::U64(runtime.tx.epoch),
        "native_epoch_timestamp_ms" => Value::U64(runtime.tx.epoch_start_ms),
        "native_sponsor" => sponsor(runtime)?,
        "native_rgp" => Value::U64(runtime.tx.reference_gas_price),
        "native_gas_price" => Value::U64(runtime.tx.gas_price),
        "native_gas_budget" => Value::U64(runtime.tx.gas_budget),
        "native_ids_created" => Value::U64(runtime.ids_created()),
        "fresh_id" => address_value(runtime.fresh_id()?),
        "derive_id" => {
            let ids_created = call.args.pop_u64()?;
            let digest = Digest::from_bytes(call.args.pop_bytes()?)
                .map_err(|_| NativeError::bad_argument("a digest has 32 bytes"))?;
            let id = Address::derive_id(digest, ids_created);
            runtime.record_new(id)?;
            address_value(id)
        }
        _ => return Err(NativeError::Unsupported),
    };
    Ok(vec![result])
}

/// The sponsor as a vector of no or one address.
fn sponsor(runtime: &ObjectRuntime<'_>) -> Result<Value, NativeError> {
    let address = runtime
        .tx
        .sponsor
        .map(|address| Value::address(MoveAddress(address.into_inner())));
    Ok(Value::vector(Vector::from_values(
        ElementKind::Address,
        address.into_iter().collect(),
    )?))
}
