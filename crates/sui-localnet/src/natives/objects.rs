//! Natives of `object`, `event`, `types`, `address` and `protocol_config`.

use super::{Call, Outcome, address_value};
use crate::execution::runtime::ObjectRuntime;
use move_vm::{NativeError, U256, Value};

/// `address::from_bytes`: not 32 bytes.
const ADDRESS_PARSE: u64 = 0;

pub(super) fn object(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    match call.function {
        "borrow_uid" => {
            let object = call.args.pop()?.into_reference()?;
            Ok(vec![Value::Reference(object.field(0)?)])
        }
        "delete_impl" => {
            runtime.record_deleted(call.args.pop_address()?)?;
            Ok(Vec::new())
        }
        "record_new_uid" => {
            runtime.record_new(call.args.pop_address()?)?;
            Ok(Vec::new())
        }
        _ => Err(NativeError::Unsupported),
    }
}

pub(super) fn event(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    if call.function != "emit" {
        return Err(NativeError::Unsupported);
    }
    let value = call.args.pop()?;
    let type_ = call.type_argument()?.clone();
    let tag = call.ctx.type_tag(&type_)?;
    let contents = call.ctx.to_bcs(&value, &type_)?;
    runtime.emit(&tag, contents)?;
    Ok(Vec::new())
}

pub(super) fn types(call: &mut Call<'_, '_>) -> Outcome {
    if call.function != "is_one_time_witness" {
        return Err(NativeError::Unsupported);
    }
    let type_ = call.type_argument()?.clone();
    Ok(vec![Value::Bool(call.ctx.is_one_time_witness(&type_)?)])
}

pub(super) fn address(call: &mut Call<'_, '_>) -> Outcome {
    let result = match call.function {
        "to_u256" => {
            let address = call.args.pop()?.into_address()?;
            Value::u256(U256::from_be_bytes(&address.0))
        }
        "from_u256" => Value::address(call.args.pop()?.into_u256()?.to_be_bytes()),
        "from_bytes" => {
            let bytes = call.args.pop_bytes()?;
            let bytes: [u8; 32] = bytes
                .try_into()
                .map_err(|_| NativeError::Abort(ADDRESS_PARSE))?;
            address_value(bytes.into())
        }
        _ => return Err(NativeError::Unsupported),
    };
    Ok(vec![result])
}

pub(super) fn protocol_config(call: &mut Call<'_, '_>) -> Outcome {
    if call.function != "is_feature_enabled" {
        return Err(NativeError::Unsupported);
    }
    // The only feature the framework asks for is withdrawal from objects' balances, which this chain leaves out.
    Ok(vec![Value::Bool(false)])
}
