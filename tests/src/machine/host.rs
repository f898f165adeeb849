//! The natives that staking and accounting reach: object ids and dynamic fields, all in memory.

use std::collections::HashMap;

use move_vm::{
    Address, Host, NativeContext, NativeError, NativeName, Slot, Type, TypeTag, U256, Value,
};

/// No such child.
const FIELD_DOES_NOT_EXIST: u64 = 1;
/// The child has another type.
const FIELD_TYPE_MISMATCH: u64 = 2;

/// All natives.
#[rustfmt::skip]
pub(super) const NATIVES: [NativeName; 14] = [
    (Address::FRAMEWORK, "address", "to_u256"),
    (Address::FRAMEWORK, "dynamic_field", "add_child_object"),
    (Address::FRAMEWORK, "dynamic_field", "borrow_child_object"),
    (Address::FRAMEWORK, "dynamic_field", "borrow_child_object_mut"),
    (Address::FRAMEWORK, "dynamic_field", "has_child_object"),
    (Address::FRAMEWORK, "dynamic_field", "has_child_object_with_ty"),
    (Address::FRAMEWORK, "dynamic_field", "hash_type_and_key"),
    (Address::FRAMEWORK, "dynamic_field", "remove_child_object"),
    (Address::FRAMEWORK, "event", "emit"),
    (Address::FRAMEWORK, "object", "borrow_uid"),
    (Address::FRAMEWORK, "object", "delete_impl"),
    (Address::FRAMEWORK, "object", "record_new_uid"),
    (Address::FRAMEWORK, "tx_context", "derive_id"),
    (Address::FRAMEWORK, "tx_context", "fresh_id"),
];

/// Objects that values own through dynamic fields.
#[derive(Default)]
pub(super) struct Memory {
    children: HashMap<(Address, Address), (Slot, TypeTag)>,
    ids_created: u64,
}

type Outcome = Result<Vec<Value>, NativeError>;

impl Host for Memory {
    fn call_native(
        &mut self,
        ctx: &mut NativeContext<'_>,
        index: usize,
        ty_args: &[Type],
        args: Vec<Value>,
    ) -> Outcome {
        let (_, module, function) = *NATIVES.get(index).ok_or(NativeError::Unsupported)?;
        match (module, function) {
            ("dynamic_field", _) => self.dynamic_field(ctx, function, ty_args, args),
            // Nobody keeps book of ids, and nobody listens to events.
            ("object", "delete_impl" | "record_new_uid") | ("event", "emit") => Ok(vec![]),
            ("object", "borrow_uid") => {
                let object = only(args)?.into_reference()?;
                Ok(vec![Value::Reference(object.field(0)?)])
            }
            ("tx_context", "fresh_id" | "derive_id") => Ok(vec![self.fresh_id()]),
            ("address", "to_u256") => {
                let address = only(args)?.into_address()?;
                Ok(vec![Value::u256(U256::from_be_bytes(&address.0))])
            }
            _ => Err(NativeError::Unsupported),
        }
    }
}

impl Memory {
    fn fresh_id(&mut self) -> Value {
        self.ids_created += 1;
        let mut id = [0; 32];
        id[..8].copy_from_slice(&self.ids_created.to_be_bytes());
        Value::address(id)
    }

    fn dynamic_field(
        &mut self,
        ctx: &mut NativeContext<'_>,
        function: &str,
        ty_args: &[Type],
        args: Vec<Value>,
    ) -> Outcome {
        let [first, second] = <[Value; 2]>::try_from(args)
            .map_err(|_| NativeError::bad_argument("natives of dynamic fields take two"))?;
        let [type_] = ty_args else {
            return match function {
                "has_child_object" => {
                    let key = (first.into_address()?, second.into_address()?);
                    Ok(vec![Value::Bool(self.children.contains_key(&key))])
                }
                _ => Err(NativeError::Unsupported),
            };
        };
        let tag = ctx.type_tag(type_)?;
        match function {
            "hash_type_and_key" => {
                let parent = first.into_address()?;
                let mut bytes = parent.0.to_vec();
                bytes.extend(ctx.to_bcs(&second, type_)?);
                bytes.extend(tag.to_string().into_bytes());
                Ok(vec![Value::address(walrus_core::hash::blake2b256(&[
                    &bytes,
                ]))])
            }
            "add_child_object" => {
                let key = (first.into_address()?, second.object_id()?);
                self.children.insert(key, (Slot::new(second), tag));
                Ok(vec![])
            }
            "borrow_child_object" | "borrow_child_object_mut" => {
                // A `&UID` is a struct of an `ID`, which is a struct of an address.
                let parent = first.copy_field(0)?.copy_field(0)?.into_address()?;
                let slot = self.child((parent, second.into_address()?), &tag)?;
                Ok(vec![slot.borrow()])
            }
            "remove_child_object" => {
                let key = (first.into_address()?, second.into_address()?);
                let slot = self.child(key, &tag)?;
                self.children.remove(&key);
                Ok(vec![slot.take()?])
            }
            "has_child_object_with_ty" => {
                let key = (first.into_address()?, second.into_address()?);
                let found = self.children.get(&key);
                let found = found.is_some_and(|(_, found)| *found == tag);
                Ok(vec![Value::Bool(found)])
            }
            _ => Err(NativeError::Unsupported),
        }
    }

    fn child(&self, key: (Address, Address), tag: &TypeTag) -> Result<Slot, NativeError> {
        match self.children.get(&key) {
            None => Err(NativeError::Abort(FIELD_DOES_NOT_EXIST)),
            Some((_, found)) if found != tag => Err(NativeError::Abort(FIELD_TYPE_MISMATCH)),
            Some((slot, _)) => Ok(slot.clone()),
        }
    }
}

fn only(args: Vec<Value>) -> Result<Value, NativeError> {
    let [value] = <[Value; 1]>::try_from(args)
        .map_err(|_| NativeError::bad_argument("the native takes one argument"))?;
    Ok(value)
}
