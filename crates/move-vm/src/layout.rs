//! Layouts: the shape of a type's values, down to primitives.

use std::sync::Arc;

use crate::{
    identifier::Identifier,
    type_tag::{StructTag, TypeTag},
};

/// The shape of a type. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `bool`
    Bool,
    /// `u8`
    U8,
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u64`
    U64,
    /// `u128`
    U128,
    /// `u256`
    U256,
    /// `address`
    Address,
    /// `signer`
    Signer,
    /// `vector<T>`
    Vector(Arc<Layout>),
    /// A struct.
    Struct(Arc<StructLayout>),
    /// An enum.
    Enum(Arc<EnumLayout>),
}

/// A field by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldLayout {
    /// The field's name.
    pub name: Identifier,
    /// The field's shape.
    pub layout: Layout,
}

/// The shape of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructLayout {
    /// Its type, with defining ids.
    pub tag: StructTag,
    /// Its fields in order.
    pub fields: Vec<FieldLayout>,
}

/// The shape of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumLayout {
    /// Its type, with defining ids.
    pub tag: StructTag,
    /// Its variants by tag.
    pub variants: Vec<VariantLayout>,
}

/// The shape of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantLayout {
    /// The variant's name.
    pub name: Identifier,
    /// Its fields in order.
    pub fields: Vec<FieldLayout>,
}

impl Layout {
    /// The type tag, with defining ids.
    pub fn tag(&self) -> TypeTag {
        match self {
            Self::Bool => TypeTag::Bool,
            Self::U8 => TypeTag::U8,
            Self::U16 => TypeTag::U16,
            Self::U32 => TypeTag::U32,
            Self::U64 => TypeTag::U64,
            Self::U128 => TypeTag::U128,
            Self::U256 => TypeTag::U256,
            Self::Address => TypeTag::Address,
            Self::Signer => TypeTag::Signer,
            Self::Vector(element) => TypeTag::Vector(Box::new(element.tag())),
            Self::Struct(layout) => TypeTag::Struct(Box::new(layout.tag.clone())),
            Self::Enum(layout) => TypeTag::Struct(Box::new(layout.tag.clone())),
        }
    }
}
