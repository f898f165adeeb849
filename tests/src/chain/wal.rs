//! Finding every FROST there is, whatever object it is in.

use std::collections::BTreeMap;

use move_vm::{Layout, TypeTag as MoveType};
use sui_sdk_types::{Address, StructTag, TypeTag};

use super::Chain;

/// The package of the chain's system state, which a bare chain lacks.
const SYSTEM: Address = Address::from_static("0x3");

impl Chain {
    /// WAL inside live objects, in FROST, by `module::Name` of the object's type.
    ///
    /// No list of places is needed: an object's type says where in its bytes a `Balance<WAL>` is,
    /// however deep.
    ///
    /// # Panics
    ///
    /// When an object does not have the layout of its type.
    pub fn wal_by_type(&self, wal: &StructTag) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        for object in self
            .objects
            .0
            .values()
            .filter_map(|object| object.as_struct())
        {
            let tag = object.object_type();
            if *tag.address() == SYSTEM {
                continue;
            }
            let layout = self
                .engine
                .layout_of(&self.objects, &TypeTag::from(tag.clone()))
                .unwrap_or_else(|| panic!("no layout of {tag}"));
            let mut rest = object.contents();
            let sum = sum(&layout, &mut rest, wal);
            assert!(rest.is_empty(), "{tag} is longer than its layout");
            if sum > 0 {
                *found.entry(holder(tag)).or_default() += sum;
            }
        }
        found
    }
}

/// The name of a type; of a dynamic field, that of its value.
fn holder(tag: &StructTag) -> String {
    if tag.module().as_str() == "dynamic_field"
        && let Some(TypeTag::Struct(value)) = tag.type_params().get(1)
    {
        return holder(value);
    }
    format!("{}::{}", tag.module(), tag.name())
}

/// Adds up the balances of WAL in a value, and moves `rest` behind it.
fn sum(layout: &Layout, rest: &mut &[u8], wal: &StructTag) -> u64 {
    let mut skip = |count: usize| -> u64 {
        *rest = &rest[count..];
        0
    };
    match layout {
        Layout::Bool | Layout::U8 => skip(1),
        Layout::U16 => skip(2),
        Layout::U32 => skip(4),
        Layout::U64 => skip(8),
        Layout::U128 => skip(16),
        Layout::U256 | Layout::Address | Layout::Signer => skip(32),
        Layout::Vector(element) => {
            let count = uleb(rest);
            (0..count).map(|_| sum(element, rest, wal)).sum()
        }
        Layout::Struct(layout) => {
            let is_wal = layout.tag.module.as_str() == "balance"
                && layout.tag.name.as_str() == "Balance"
                && matches!(&layout.tag.type_params[..], [MoveType::Struct(coin)]
                    if coin.address.0 == wal.address().into_inner() && coin.name.as_str() == "WAL");
            if is_wal {
                let (amount, after) = rest.split_first_chunk().expect("a balance is 8 bytes");
                *rest = after;
                return u64::from_le_bytes(*amount);
            }
            let fields = layout.fields.iter();
            fields.map(|field| sum(&field.layout, rest, wal)).sum()
        }
        Layout::Enum(layout) => {
            let variant = &layout.variants[uleb(rest)];
            let fields = variant.fields.iter();
            fields.map(|field| sum(&field.layout, rest, wal)).sum()
        }
    }
}

fn uleb(rest: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = rest[0];
        *rest = &rest[1..];
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
