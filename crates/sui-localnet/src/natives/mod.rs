//! The natives of package 0x2, for the virtual machine.

mod crypto;
mod dynamic_field;
mod group_ops;
mod objects;
mod transfer;
mod tx_context;

use crate::execution::runtime::ObjectRuntime;
use move_vm::{Address, Host, ModuleId, NativeContext, NativeError, Type, Value};

type Outcome = Result<Vec<Value>, NativeError>;

impl Host for ObjectRuntime<'_> {
    fn call_native(
        &mut self,
        ctx: &mut NativeContext<'_>,
        module: &ModuleId,
        function: &str,
        ty_args: &[Type],
        args: Vec<Value>,
    ) -> Outcome {
        if module.address != Address::FRAMEWORK {
            return Err(NativeError::Unsupported);
        }
        let mut call = Call {
            ctx,
            function,
            ty_args,
            args: Arguments(args),
        };
        match module.name.as_str() {
            "object" => objects::object(self, &mut call),
            "event" => objects::event(self, &mut call),
            "types" => objects::types(&mut call),
            "address" => objects::address(&mut call),
            "protocol_config" => objects::protocol_config(&mut call),
            "transfer" => transfer::call(self, &mut call),
            "tx_context" => tx_context::call(self, &mut call),
            "dynamic_field" => dynamic_field::call(self, &mut call),
            "config" => dynamic_field::config(self, &mut call),
            "hash" => crypto::hash(&mut call),
            "hmac" => crypto::hmac(&mut call),
            "bls12381" => crypto::bls12381(&mut call),
            "ed25519" => crypto::ed25519(&mut call),
            "ecdsa_k1" => crypto::ecdsa_k1(&mut call),
            "ecdsa_r1" => crypto::ecdsa_r1(&mut call),
            "group_ops" => group_ops::call(&mut call),
            _ => Err(NativeError::Unsupported),
        }
    }
}

/// One call of a native.
struct Call<'c, 'm> {
    ctx: &'c mut NativeContext<'m>,
    function: &'c str,
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
