//! The natives of package 0x2, for the virtual machine: one table of names, costs and
//! implementations.

mod crypto;
mod dynamic_field;
mod group_ops;
mod objects;
mod transfer;
mod tx_context;
mod zklogin;

use crate::execution::runtime::ObjectRuntime;
use move_vm::{Address, Host, NativeContext, NativeError, NativeName, Type, Value};

type Outcome = Result<Vec<Value>, NativeError>;
type Run = for<'r, 'c, 'm> fn(&mut ObjectRuntime<'r>, &mut Call<'c, 'm>) -> Outcome;

/// A native function.
struct Native {
    module: &'static str,
    function: &'static str,
    /// Units charged before it runs. What depends on the arguments the implementation charges
    /// itself.
    units: u64,
    run: Run,
}

const fn native(module: &'static str, function: &'static str, units: u64, run: Run) -> Native {
    Native {
        module,
        function,
        units,
        run,
    }
}

/// Units that most natives cost, whatever they are given.
const BASE_UNITS: u64 = 52;
/// Units of reading the transaction's context.
const CONTEXT_UNITS: u64 = 30;
/// Units of looking up a setting.
const CONFIG_UNITS: u64 = 100;
/// Units of comparing an address with the one that zkLogin derives.
const ZKLOGIN_UNITS: u64 = 200;

/// All natives of package 0x2 that this chain has. Costs are those of the real network.
#[rustfmt::skip]
static TABLE: [Native; 54] = [
    native("address", "from_bytes", BASE_UNITS, objects::address_from_bytes),
    native("address", "from_u256", BASE_UNITS, objects::address_from_u256),
    native("address", "to_u256", BASE_UNITS, objects::address_to_u256),
    native("bls12381", "bls12381_min_pk_verify", 49_282, crypto::bls_min_pk_verify),
    native("bls12381", "bls12381_min_sig_verify", 44_064, crypto::bls_min_sig_verify),
    native("config", "read_setting_impl", CONFIG_UNITS, dynamic_field::read_setting),
    native("dynamic_field", "add_child_object", BASE_UNITS, dynamic_field::add),
    native("dynamic_field", "borrow_child_object", BASE_UNITS, dynamic_field::borrow),
    native("dynamic_field", "borrow_child_object_mut", BASE_UNITS, dynamic_field::borrow),
    native("dynamic_field", "has_child_object", BASE_UNITS, dynamic_field::has),
    native("dynamic_field", "has_child_object_with_ty", BASE_UNITS, dynamic_field::has_with_type),
    native("dynamic_field", "hash_type_and_key", BASE_UNITS, dynamic_field::hash_type_and_key),
    native("dynamic_field", "remove_child_object", BASE_UNITS, dynamic_field::remove),
    native("ecdsa_k1", "decompress_pubkey", BASE_UNITS, crypto::secp256k1_decompress),
    native("ecdsa_k1", "secp256k1_ecrecover", 0, crypto::secp256k1_recover),
    native("ecdsa_k1", "secp256k1_verify", 0, crypto::secp256k1_verify),
    native("ecdsa_r1", "secp256r1_ecrecover", 0, crypto::secp256r1_recover),
    native("ecdsa_r1", "secp256r1_verify", 0, crypto::secp256r1_verify),
    native("ed25519", "ed25519_verify", 1_802, crypto::ed25519_verify),
    native("event", "emit", BASE_UNITS, objects::emit),
    native("group_ops", "internal_add", 0, group_ops::add),
    native("group_ops", "internal_convert", 0, group_ops::convert),
    native("group_ops", "internal_div", 0, group_ops::div),
    native("group_ops", "internal_hash_to", 0, group_ops::hash_to),
    native("group_ops", "internal_mul", 0, group_ops::mul),
    native("group_ops", "internal_multi_scalar_mul", 0, group_ops::multi_scalar_mul),
    native("group_ops", "internal_pairing", 0, group_ops::pairing),
    native("group_ops", "internal_sub", 0, group_ops::sub),
    native("group_ops", "internal_sum", 0, group_ops::sum),
    native("group_ops", "internal_validate", 0, group_ops::validate),
    native("hash", "blake2b256", 10, crypto::blake2b256),
    native("hash", "keccak256", 10, crypto::keccak256),
    native("hmac", "hmac_sha3_256", BASE_UNITS, crypto::hmac_sha3_256),
    native("object", "borrow_uid", BASE_UNITS, objects::borrow_uid),
    native("object", "delete_impl", BASE_UNITS, objects::delete),
    native("object", "record_new_uid", BASE_UNITS, objects::record_new),
    native("protocol_config", "is_feature_enabled", 0, objects::is_feature_enabled),
    native("transfer", "freeze_object_impl", BASE_UNITS, transfer::freeze),
    native("transfer", "party_transfer_impl", BASE_UNITS, transfer::to_party),
    native("transfer", "receive_impl", BASE_UNITS, transfer::receive),
    native("transfer", "share_object_impl", BASE_UNITS, transfer::share),
    native("transfer", "transfer_impl", BASE_UNITS, transfer::to_address),
    native("tx_context", "derive_id", BASE_UNITS, tx_context::derive_id),
    native("tx_context", "fresh_id", BASE_UNITS, tx_context::fresh_id),
    native("tx_context", "native_epoch", CONTEXT_UNITS, tx_context::epoch),
    native("tx_context", "native_epoch_timestamp_ms", CONTEXT_UNITS, tx_context::epoch_timestamp_ms),
    native("tx_context", "native_gas_budget", CONTEXT_UNITS, tx_context::gas_budget),
    native("tx_context", "native_gas_price", CONTEXT_UNITS, tx_context::gas_price),
    native("tx_context", "native_ids_created", CONTEXT_UNITS, tx_context::ids_created),
    native("tx_context", "native_rgp", CONTEXT_UNITS, tx_context::reference_gas_price),
    native("tx_context", "native_sender", CONTEXT_UNITS, tx_context::sender),
    native("tx_context", "native_sponsor", CONTEXT_UNITS, tx_context::sponsor),
    native("types", "is_one_time_witness", BASE_UNITS, objects::is_one_time_witness),
    native("zklogin_verified_issuer", "check_zklogin_issuer_internal", ZKLOGIN_UNITS, zklogin::check_issuer),
];

/// Names of the natives, by which the virtual machine finds them when it loads code.
pub(crate) fn names() -> impl Iterator<Item = NativeName> {
    TABLE
        .iter()
        .map(|native| (Address::FRAMEWORK, native.module, native.function))
}

impl Host for ObjectRuntime<'_> {
    fn call_native(
        &mut self,
        ctx: &mut NativeContext<'_>,
        index: usize,
        ty_args: &[Type],
        args: Vec<Value>,
    ) -> Outcome {
        let native = TABLE.get(index).ok_or(NativeError::Unsupported)?;
        ctx.charge(native.units)?;
        let mut call = Call {
            ctx,
            ty_args,
            args: Arguments(args),
        };
        (native.run)(self, &mut call)
    }
}

/// One call of a native.
struct Call<'c, 'm> {
    ctx: &'c mut NativeContext<'m>,
    ty_args: &'c [Type],
    args: Arguments,
}

impl Call<'_, '_> {
    /// The only type argument.
    fn type_argument(&self) -> Result<&Type, NativeError> {
        self.ty_args
            .first()
            .ok_or_else(|| NativeError::bad_argument("a native lacks its type argument"))
    }
}

/// Arguments of a native, taken from the last to the first.
struct Arguments(Vec<Value>);

impl Arguments {
    fn pop(&mut self) -> Result<Value, NativeError> {
        self.0
            .pop()
            .ok_or_else(|| NativeError::bad_argument("a native lacks an argument"))
    }

    fn pop_address(&mut self) -> Result<sui_sdk_types::Address, NativeError> {
        Ok(crate::execution::convert::from_move(
            self.pop()?.into_address()?,
        ))
    }

    fn pop_u64(&mut self) -> Result<u64, NativeError> {
        Ok(self.pop()?.into_u64()?)
    }

    fn pop_u8(&mut self) -> Result<u8, NativeError> {
        Ok(self.pop()?.into_u8()?)
    }

    /// A `vector<u8>` by value or reference.
    fn pop_bytes(&mut self) -> Result<Vec<u8>, NativeError> {
        Ok(self.pop()?.to_byte_vec()?)
    }
}

fn address_value(address: sui_sdk_types::Address) -> Value {
    Value::address(address.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_native_has_one_row() {
        let rows: Vec<_> = names().collect();
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(rows, sorted, "in the order of their names, each once");
    }
}
