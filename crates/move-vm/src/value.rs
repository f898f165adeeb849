//! Values at run time.
//!
//! Integers live in the [`Value`] itself. Structs, enum variants and vectors live in a
//! [`Container`] behind a reference-counted pointer that has one owner; references share the
//! pointer. A reference to a primitive is its container and an index, or the cell of a local. So a
//! store through a reference is seen by the owner, no reference can dangle, and code without
//! reference safety is merely wrong, never unsafe.

mod codec;
mod container;
pub(crate) mod elements;
mod size;
mod slot;
mod vector;

pub use container::{Container, Reference};
pub use slot::Slot;
pub use vector::{ElementKind, Vector};

pub(crate) use container::Contents;

use crate::{
    error::{StatusCode, VmError},
    identifier::Address,
    u256::U256,
};

/// Deepest nesting of values that copying, comparing and encoding follow. Types of deeper values
/// cannot be packed, so that verified code never reaches it.
pub const VALUE_DEPTH_MAX: usize = 128;

/// A Move value. Not `Clone`: copying may be deep, so it is spelled [`Value::copy`].
#[derive(Debug)]
pub enum Value {
    /// `bool`
    Bool(bool),
    /// `u8`
    U8(u8),
    /// `u16`
    U16(u16),
    /// `u32`
    U32(u32),
    /// `u64`
    U64(u64),
    /// `u128`
    U128(u128),
    /// `u256`
    U256(Box<U256>),
    /// `address`
    Address(Box<Address>),
    /// A struct, variant or vector.
    Container(Container),
    /// A reference; immutable and mutable ones look the same.
    Reference(Reference),
}

/// Construction.
impl Value {
    /// A `u256`.
    pub fn u256(value: U256) -> Self {
        Self::U256(Box::new(value))
    }

    /// An `address`.
    pub fn address(value: impl Into<Address>) -> Self {
        Self::Address(Box::new(value.into()))
    }

    /// A struct with these fields in order.
    pub fn structure(fields: Vec<Value>) -> Self {
        Self::Container(Container::new(Contents::Struct(fields)))
    }

    /// An enum value with these fields in order.
    pub fn variant(tag: u16, fields: Vec<Value>) -> Self {
        Self::Container(Container::new(Contents::Variant(tag, fields)))
    }

    /// A vector.
    pub fn vector(vector: Vector) -> Self {
        Self::Container(Container::new(Contents::Vector(vector)))
    }

    /// A `vector<u8>`.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::vector(Vector::U8(bytes.into()))
    }

    /// A `std::option::Option`: a struct with a vector of at most one element. `kind` is that of
    /// the element type.
    pub fn option(kind: ElementKind, value: Option<Value>) -> Result<Self, VmError> {
        let vector = Vector::from_values(kind, value.into_iter().collect())?;
        Ok(Self::structure(vec![Self::vector(vector)]))
    }
}

/// Taking apart. The errors are invariant violations: verified code passes the declared types.
impl Value {
    /// The `bool`.
    pub fn into_bool(self) -> Result<bool, VmError> {
        match self {
            Self::Bool(value) => Ok(value),
            other => Err(other.unexpected("bool")),
        }
    }

    /// The `u8`.
    pub fn into_u8(self) -> Result<u8, VmError> {
        match self {
            Self::U8(value) => Ok(value),
            other => Err(other.unexpected("u8")),
        }
    }

    /// The `u64`.
    pub fn into_u64(self) -> Result<u64, VmError> {
        match self {
            Self::U64(value) => Ok(value),
            other => Err(other.unexpected("u64")),
        }
    }

    /// The `u256`.
    pub fn into_u256(self) -> Result<U256, VmError> {
        match self {
            Self::U256(value) => Ok(*value),
            other => Err(other.unexpected("u256")),
        }
    }

    /// The `address`.
    pub fn into_address(self) -> Result<Address, VmError> {
        match self {
            Self::Address(value) => Ok(*value),
            other => Err(other.unexpected("address")),
        }
    }

    /// The `vector<u8>`.
    pub fn into_bytes(self) -> Result<Vec<u8>, VmError> {
        match self.into_vector()? {
            Vector::U8(bytes) => Ok(bytes),
            _ => Err(VmError::invariant("expected vector<u8>")),
        }
    }

    /// The vector.
    pub fn into_vector(self) -> Result<Vector, VmError> {
        match self.into_contents()? {
            Contents::Vector(vector) => Ok(vector),
            _ => Err(VmError::invariant("expected a vector")),
        }
    }

    /// The fields of the struct.
    pub fn into_fields(self) -> Result<Vec<Value>, VmError> {
        match self.into_contents()? {
            Contents::Struct(fields) => Ok(fields),
            _ => Err(VmError::invariant("expected a struct")),
        }
    }

    /// Tag and fields of the enum value.
    pub fn into_variant(self) -> Result<(u16, Vec<Value>), VmError> {
        match self.into_contents()? {
            Contents::Variant(tag, fields) => Ok((tag, fields)),
            _ => Err(VmError::invariant("expected an enum value")),
        }
    }

    /// The reference.
    pub fn into_reference(self) -> Result<Reference, VmError> {
        match self {
            Self::Reference(reference) => Ok(reference),
            other => Err(other.unexpected("reference")),
        }
    }

    /// What a `&vector<u8>` or `vector<u8>` holds, copied.
    pub fn to_byte_vec(&self) -> Result<Vec<u8>, VmError> {
        self.with_container(|contents| match contents {
            Contents::Vector(Vector::U8(bytes)) => Ok(bytes.clone()),
            _ => Err(VmError::invariant("expected vector<u8>")),
        })
    }

    /// Runs `read` on the bytes of a `&vector<u8>` or `vector<u8>` without copying them.
    pub fn with_bytes<R>(&self, read: impl FnOnce(&[u8]) -> R) -> Result<R, VmError> {
        self.with_container(|contents| match contents {
            Contents::Vector(Vector::U8(bytes)) => Ok(read(bytes)),
            _ => Err(VmError::invariant("expected vector<u8>")),
        })
    }

    /// A deep copy of field `index` of a struct, given by value or by reference.
    pub fn copy_field(&self, index: usize) -> Result<Value, VmError> {
        self.with_container(|contents| match contents {
            Contents::Struct(fields) => fields
                .get(index)
                .ok_or_else(|| VmError::invariant("no such field"))
                .and_then(Value::copy),
            _ => Err(VmError::invariant("expected a struct")),
        })
    }

    /// The object id of a value with `key`, by value or by reference: field 0 is a `UID`, which is
    /// a struct of an `ID`, which is a struct of an address.
    pub fn object_id(&self) -> Result<Address, VmError> {
        self.copy_field(0)?
            .copy_field(0)?
            .copy_field(0)?
            .into_address()
    }

    /// Runs `read` on the contents of a container, given by value or by reference.
    pub(crate) fn with_container<R>(
        &self,
        read: impl FnOnce(&Contents) -> Result<R, VmError>,
    ) -> Result<R, VmError> {
        match self {
            Self::Container(container) => container.read(read),
            Self::Reference(reference) => reference.container()?.read(read),
            other => Err(other.unexpected("struct, enum or vector")),
        }
    }

    pub(crate) fn into_contents(self) -> Result<Contents, VmError> {
        match self {
            Self::Container(container) => container.into_contents(),
            other => Err(other.unexpected("struct, enum or vector")),
        }
    }

    pub(crate) fn unexpected(&self, expected: &str) -> VmError {
        VmError::invariant(&format!("expected {expected}, found {}", self.kind_name()))
    }

    const fn kind_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::U8(_) => "u8",
            Self::U16(_) => "u16",
            Self::U32(_) => "u32",
            Self::U64(_) => "u64",
            Self::U128(_) => "u128",
            Self::U256(_) => "u256",
            Self::Address(_) => "address",
            Self::Container(_) => "a struct, enum or vector",
            Self::Reference(_) => "a reference",
        }
    }
}

/// Copying and comparing.
impl Value {
    /// A copy: deep, except that the copy of a reference is the reference.
    pub fn copy(&self) -> Result<Value, VmError> {
        self.copy_at(0)
    }

    pub(crate) fn copy_at(&self, depth: usize) -> Result<Value, VmError> {
        Ok(match self {
            Self::Bool(value) => Self::Bool(*value),
            Self::U8(value) => Self::U8(*value),
            Self::U16(value) => Self::U16(*value),
            Self::U32(value) => Self::U32(*value),
            Self::U64(value) => Self::U64(*value),
            Self::U128(value) => Self::U128(*value),
            Self::U256(value) => Self::U256(value.clone()),
            Self::Address(value) => Self::Address(value.clone()),
            Self::Container(container) => Self::Container(container.copy_at(depth)?),
            Self::Reference(reference) => Self::Reference(reference.clone()),
        })
    }

    /// Structural equality; references compare what they refer to.
    pub fn equals(&self, other: &Value) -> Result<bool, VmError> {
        self.equals_at(other, 0)
    }

    pub(crate) fn equals_at(&self, other: &Value, depth: usize) -> Result<bool, VmError> {
        Ok(match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::U8(left), Self::U8(right)) => left == right,
            (Self::U16(left), Self::U16(right)) => left == right,
            (Self::U32(left), Self::U32(right)) => left == right,
            (Self::U64(left), Self::U64(right)) => left == right,
            (Self::U128(left), Self::U128(right)) => left == right,
            (Self::U256(left), Self::U256(right)) => left == right,
            (Self::Address(left), Self::Address(right)) => left == right,
            (Self::Container(left), Self::Container(right)) => left.equals_at(right, depth)?,
            (Self::Reference(left), Self::Reference(right)) => left.equals(right)?,
            _ => return Err(other.unexpected(self.kind_name())),
        })
    }

    /// Rough number of bytes that a deep copy, comparison or encoding touches, for metering; zero
    /// for primitives.
    pub(crate) fn deep_size(&self, depth: usize) -> Result<usize, VmError> {
        match self {
            Self::Container(container) => container.deep_size(depth),
            Self::Reference(reference) => reference.deep_size(),
            _ => Ok(0),
        }
    }
}

pub(crate) fn check_depth(depth: usize) -> Result<(), VmError> {
    if depth > VALUE_DEPTH_MAX {
        return Err(VmError::new(StatusCode::MaxValueDepthReached));
    }
    Ok(())
}
