//! Vectors, packed when their elements are primitive.

use crate::{
    error::{StatusCode, VmError},
    identifier::Address,
    layout::Layout,
    types::Type,
    u256::U256,
    value::Value,
};

/// How the elements of a vector are stored; a function of the element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementKind {
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
    /// Anything else.
    Values,
}

impl ElementKind {
    /// The kind of a vector with elements of this type.
    pub const fn of_type(element: &Type) -> Self {
        match element {
            Type::Bool => Self::Bool,
            Type::U8 => Self::U8,
            Type::U16 => Self::U16,
            Type::U32 => Self::U32,
            Type::U64 => Self::U64,
            Type::U128 => Self::U128,
            Type::U256 => Self::U256,
            Type::Address => Self::Address,
            _ => Self::Values,
        }
    }

    /// The kind of a vector with elements of this layout.
    pub const fn of_layout(element: &Layout) -> Self {
        match element {
            Layout::Bool => Self::Bool,
            Layout::U8 => Self::U8,
            Layout::U16 => Self::U16,
            Layout::U32 => Self::U32,
            Layout::U64 => Self::U64,
            Layout::U128 => Self::U128,
            Layout::U256 => Self::U256,
            Layout::Address => Self::Address,
            _ => Self::Values,
        }
    }
}

/// A vector. Elements of primitive types are packed.
#[derive(Debug)]
pub enum Vector {
    /// `vector<bool>`
    Bool(Vec<bool>),
    /// `vector<u8>`
    U8(Vec<u8>),
    /// `vector<u16>`
    U16(Vec<u16>),
    /// `vector<u32>`
    U32(Vec<u32>),
    /// `vector<u64>`
    U64(Vec<u64>),
    /// `vector<u128>`
    U128(Vec<u128>),
    /// `vector<u256>`
    U256(Vec<U256>),
    /// `vector<address>`
    Address(Vec<Address>),
    /// A vector of structs, enums or vectors.
    Values(Vec<Value>),
}

/// Runs the same expression for every representation.
macro_rules! for_all {
    ($vector:expr, $items:ident => $body:expr) => {
        match $vector {
            Vector::Bool($items) => $body,
            Vector::U8($items) => $body,
            Vector::U16($items) => $body,
            Vector::U32($items) => $body,
            Vector::U64($items) => $body,
            Vector::U128($items) => $body,
            Vector::U256($items) => $body,
            Vector::Address($items) => $body,
            Vector::Values($items) => $body,
        }
    };
}

/// Runs one expression for packed representations, with the value constructor, another for the
/// rest.
macro_rules! for_packed {
    ($vector:expr, ($items:ident, $wrap:ident) => $packed:expr, $values:ident => $rest:expr) => {
        match $vector {
            Vector::Bool($items) => {
                let $wrap = Value::Bool;
                $packed
            }
            Vector::U8($items) => {
                let $wrap = Value::U8;
                $packed
            }
            Vector::U16($items) => {
                let $wrap = Value::U16;
                $packed
            }
            Vector::U32($items) => {
                let $wrap = Value::U32;
                $packed
            }
            Vector::U64($items) => {
                let $wrap = Value::U64;
                $packed
            }
            Vector::U128($items) => {
                let $wrap = Value::U128;
                $packed
            }
            Vector::U256($items) => {
                let $wrap = Value::u256;
                $packed
            }
            Vector::Address($items) => {
                let $wrap = |item: Address| Value::address(item);
                $packed
            }
            Vector::Values($values) => $rest,
        }
    };
}

impl Vector {
    /// An empty vector.
    pub const fn empty(kind: ElementKind) -> Self {
        match kind {
            ElementKind::Bool => Self::Bool(Vec::new()),
            ElementKind::U8 => Self::U8(Vec::new()),
            ElementKind::U16 => Self::U16(Vec::new()),
            ElementKind::U32 => Self::U32(Vec::new()),
            ElementKind::U64 => Self::U64(Vec::new()),
            ElementKind::U128 => Self::U128(Vec::new()),
            ElementKind::U256 => Self::U256(Vec::new()),
            ElementKind::Address => Self::Address(Vec::new()),
            ElementKind::Values => Self::Values(Vec::new()),
        }
    }

    /// A vector of these elements, which must be of the kind.
    pub fn from_values(kind: ElementKind, values: Vec<Value>) -> Result<Self, VmError> {
        if kind == ElementKind::Values {
            return Ok(Self::Values(values));
        }
        let mut vector = Self::empty(kind);
        for value in values {
            vector.push(value)?;
        }
        Ok(vector)
    }

    /// The elements as values.
    pub fn into_values(self) -> Vec<Value> {
        for_packed!(
            self,
            (items, wrap) => items.into_iter().map(wrap).collect(),
            values => values
        )
    }

    /// Number of elements.
    pub const fn len(&self) -> usize {
        for_all!(self, items => items.len())
    }

    /// Whether there is no element.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends an element, which must be of the vector's kind.
    pub fn push(&mut self, value: Value) -> Result<(), VmError> {
        match (self, value) {
            (Self::Bool(items), Value::Bool(value)) => items.push(value),
            (Self::U8(items), Value::U8(value)) => items.push(value),
            (Self::U16(items), Value::U16(value)) => items.push(value),
            (Self::U32(items), Value::U32(value)) => items.push(value),
            (Self::U64(items), Value::U64(value)) => items.push(value),
            (Self::U128(items), Value::U128(value)) => items.push(value),
            (Self::U256(items), Value::U256(value)) => items.push(*value),
            (Self::Address(items), Value::Address(value)) => items.push(*value),
            (Self::Values(items), value @ Value::Container(_)) => items.push(value),
            (_, value) => return Err(value.unexpected("the vector's element type")),
        }
        Ok(())
    }

    /// Removes and returns the last element.
    pub fn pop(&mut self) -> Option<Value> {
        for_packed!(self, (items, wrap) => items.pop().map(wrap), values => values.pop())
    }

    /// Swaps two elements; false, without effect, when an index is out of range.
    pub fn swap(&mut self, left: usize, right: usize) -> bool {
        if left >= self.len() || right >= self.len() {
            return false;
        }
        for_all!(self, items => items.swap(left, right));
        true
    }

    /// A copy of the primitive element at `index`.
    pub(crate) fn copy_element(&self, index: usize) -> Result<Value, VmError> {
        for_packed!(
            self,
            (items, wrap) => items.get(index).copied().map(wrap).ok_or_else(stale_index),
            values => values.get(index).ok_or_else(stale_index)?.copy()
        )
    }

    /// Overwrites the primitive element at `index`.
    pub(crate) fn set_element(&mut self, index: usize, value: Value) -> Result<(), VmError> {
        /// Overwrites one item.
        fn set<T>(items: &mut [T], index: usize, value: T) -> Result<(), VmError> {
            *items.get_mut(index).ok_or_else(stale_index)? = value;
            Ok(())
        }
        match (self, value) {
            (Self::Bool(items), Value::Bool(value)) => set(items, index, value),
            (Self::U8(items), Value::U8(value)) => set(items, index, value),
            (Self::U16(items), Value::U16(value)) => set(items, index, value),
            (Self::U32(items), Value::U32(value)) => set(items, index, value),
            (Self::U64(items), Value::U64(value)) => set(items, index, value),
            (Self::U128(items), Value::U128(value)) => set(items, index, value),
            (Self::U256(items), Value::U256(value)) => set(items, index, *value),
            (Self::Address(items), Value::Address(value)) => set(items, index, *value),
            (_, value) => Err(value.unexpected("the vector's element type")),
        }
    }

    pub(crate) fn copy_packed(&self) -> Result<Self, VmError> {
        Ok(match self {
            Self::Bool(items) => Self::Bool(items.clone()),
            Self::U8(items) => Self::U8(items.clone()),
            Self::U16(items) => Self::U16(items.clone()),
            Self::U32(items) => Self::U32(items.clone()),
            Self::U64(items) => Self::U64(items.clone()),
            Self::U128(items) => Self::U128(items.clone()),
            Self::U256(items) => Self::U256(items.clone()),
            Self::Address(items) => Self::Address(items.clone()),
            Self::Values(_) => return Err(VmError::invariant("vector is not packed")),
        })
    }

    pub(crate) fn equals_packed(&self, other: &Self) -> Result<bool, VmError> {
        Ok(match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::U8(left), Self::U8(right)) => left == right,
            (Self::U16(left), Self::U16(right)) => left == right,
            (Self::U32(left), Self::U32(right)) => left == right,
            (Self::U64(left), Self::U64(right)) => left == right,
            (Self::U128(left), Self::U128(right)) => left == right,
            (Self::U256(left), Self::U256(right)) => left == right,
            (Self::Address(left), Self::Address(right)) => left == right,
            _ => return Err(VmError::invariant("vectors of different kinds compared")),
        })
    }

    pub(crate) const fn byte_size(&self) -> usize {
        match self {
            Self::Bool(items) => items.len(),
            Self::U8(items) => items.len(),
            Self::U16(items) => 2 * items.len(),
            Self::U32(items) => 4 * items.len(),
            Self::U64(items) => 8 * items.len(),
            Self::U128(items) => 16 * items.len(),
            Self::U256(items) => 32 * items.len(),
            Self::Address(items) => 32 * items.len(),
            Self::Values(items) => 16 * items.len(),
        }
    }
}

fn stale_index() -> VmError {
    VmError::new(StatusCode::InvariantViolation).with_message("reference past the end")
}
