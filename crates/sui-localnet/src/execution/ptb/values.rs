//! Values that live between commands: inputs, the gas coin, results.

use std::{collections::BTreeMap, sync::Arc};

use move_vm::{Layout, Session, Slot, Type, TypeTag, Value, VmError, ability::AbilitySet};
use sui_sdk_types::{Address, Object, Version};

use crate::execution::{
    convert::from_move, failure::Failure, inputs::Access, runtime::ObjectValue,
};

/// Where a value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Gas,
    Input(usize),
    Result(usize, usize),
}

/// What is known of a type.
#[derive(Clone, Debug)]
pub(crate) struct TypeInfo {
    pub(crate) type_: Type,
    pub(crate) layout: Arc<Layout>,
    pub(crate) abilities: AbilitySet,
}

impl TypeInfo {
    /// Looks a type up in a session.
    pub(super) fn load(session: &Session<'_>, type_: Type) -> Result<Self, Failure> {
        let layout = session
            .layout(&type_)
            .map_err(|error| Failure::of_vm(&error, session.linkage()))?;
        Ok(Self {
            abilities: type_.abilities(),
            layout,
            type_,
        })
    }
}

/// An input of the transaction.
#[derive(Debug)]
pub(super) enum InputState {
    /// Bytes, and the values that were decoded from them to be borrowed, by type.
    Pure {
        bytes: Vec<u8>,
        borrowed: BTreeMap<TypeTag, Slot>,
    },
    Object(Box<ObjectState>),
    /// A ticket for an object that an object owns by its address.
    Receiving {
        id: Address,
        version: Version,
        taken: bool,
    },
}

/// An input object.
#[derive(Debug)]
pub(super) struct ObjectState {
    pub(super) object: Object,
    pub(super) access: Access,
    pub(super) tag: TypeTag,
    pub(super) held: Held,
}

/// Where the value of an input object is.
#[derive(Debug)]
pub(super) enum Held {
    /// Not decoded: nobody looked at it.
    Stored,
    Loaded(ObjectValue),
    /// Consumed by a command.
    Taken,
}

/// A result of a command.
#[derive(Debug)]
pub(super) struct ResultState {
    pub(super) tag: TypeTag,
    pub(super) abilities: AbilitySet,
    pub(super) layout: Arc<Layout>,
    /// `None` once consumed.
    pub(super) value: Option<Slot>,
}

/// `UID` of an object.
pub(super) fn uid(id: Address) -> Value {
    Value::structure(vec![object_id(id)])
}

/// `ID` of an object.
pub(super) fn object_id(id: Address) -> Value {
    Value::structure(vec![Value::address(id.into_inner())])
}

/// `Coin<T>` with a balance.
pub(super) fn coin(id: Address, balance: u64) -> Value {
    Value::structure(vec![uid(id), Value::structure(vec![Value::U64(balance)])])
}

/// Balance of a `Coin<T>` in a slot.
pub(super) fn coin_balance(coin: &Slot) -> Result<u64, VmError> {
    coin.with(|coin| coin.copy_field(1))?
        .copy_field(0)?
        .into_u64()
}

/// Overwrites the balance of a `Coin<T>` in a slot.
pub(super) fn set_coin_balance(coin: &Slot, balance: u64) -> Result<(), VmError> {
    coin.borrow()
        .into_reference()?
        .field(1)?
        .field(0)?
        .write(Value::U64(balance))
}

/// `T` of `0x2::coin::Coin<T>`.
pub(super) fn coin_type(tag: &TypeTag) -> Option<&TypeTag> {
    let tag = tag.as_struct()?;
    match tag.type_params.as_slice() {
        [type_]
            if tag.address == move_vm::Address::FRAMEWORK
                && tag.module == "coin"
                && tag.name == "Coin" =>
        {
            Some(type_)
        }
        _ => None,
    }
}

/// Id of an object value.
pub(super) fn id_of(object: &Slot) -> Result<Address, VmError> {
    object.with(Value::object_id).map(from_move)
}
