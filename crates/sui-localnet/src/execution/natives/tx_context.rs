//! Natives of `tx_context`.

use super::{Call, Outcome, address_value};
use crate::execution::runtime::ObjectRuntime;
use move_vm::{Address as MoveAddress, ElementKind, NativeError, Value, Vector};
use sui_sdk_types::{Address, Digest};

/// Defines natives that tell one thing about the transaction.
macro_rules! facts {
    ($($name:ident: $runtime:ident => $value:expr;)*) => {
        $(
            #[allow(clippy::unnecessary_wraps, reason = "has the type of every native")]
            pub(super) fn $name($runtime: &mut ObjectRuntime<'_>, _: &mut Call<'_, '_>) -> Outcome {
                Ok(vec![$value])
            }
        )*
    };
}

facts! {
    sender: runtime => address_value(runtime.tx.sender);
    epoch: runtime => Value::U64(runtime.tx.epoch);
    epoch_timestamp_ms: runtime => Value::U64(runtime.tx.epoch_start_ms);
    reference_gas_price: runtime => Value::U64(runtime.tx.reference_gas_price);
    gas_price: runtime => Value::U64(runtime.tx.gas_price);
    gas_budget: runtime => Value::U64(runtime.tx.gas_budget);
    ids_created: runtime => Value::U64(runtime.ids_created());
}

pub(super) fn fresh_id(runtime: &mut ObjectRuntime<'_>, _: &mut Call<'_, '_>) -> Outcome {
    Ok(vec![address_value(runtime.fresh_id()?)])
}

pub(super) fn derive_id(runtime: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let ids_created = call.args.pop_u64()?;
    let digest = Digest::from_bytes(call.args.pop_bytes()?)
        .map_err(|_| NativeError::bad_argument("a digest has 32 bytes"))?;
    let id = Address::derive_id(digest, ids_created);
    runtime.record_new(id)?;
    Ok(vec![address_value(id)])
}

/// The sponsor as a vector of no or one address.
pub(super) fn sponsor(runtime: &mut ObjectRuntime<'_>, _: &mut Call<'_, '_>) -> Outcome {
    let address = runtime
        .tx
        .sponsor
        .map(|address| Value::address(MoveAddress(address.into_inner())));
    let vector = Vector::from_values(ElementKind::Address, address.into_iter().collect())?;
    Ok(vec![Value::vector(vector)])
}
