//! How large a value is in the eyes of the gas model: the same for every implementation, whatever
//! it takes in memory.

use stdx::SaturatingFrom as _;

use super::{Contents, Reference, Value, Vector, check_depth};
use crate::error::VmError;

/// An integer or `bool` of up to 64 bits; a reference by itself.
const WORD: u64 = 8;
/// A struct, variant or vector without what is in it.
const HEADER: u64 = 2;

impl Value {
    /// The abstract size of the value; of the referent, for a reference.
    ///
    /// # Errors
    /// An invariant violation for values that nest too deep or are borrowed.
    pub fn abstract_size(&self) -> Result<u64, VmError> {
        size_of(self, 0)
    }

    /// The abstract size of the value; a reference counts by itself.
    pub(crate) fn shallow_abstract_size(&self) -> Result<u64, VmError> {
        match self {
            Self::Reference(_) => Ok(WORD),
            value => value.abstract_size(),
        }
    }
}

fn size_of(value: &Value, depth: usize) -> Result<u64, VmError> {
    check_depth(depth)?;
    Ok(match value {
        Value::Bool(_) | Value::U8(_) | Value::U16(_) | Value::U32(_) | Value::U64(_) => WORD,
        Value::U128(_) => 16,
        Value::U256(_) | Value::Address(_) => 32,
        Value::Container(container) => {
            container.read(|contents| size_of_contents(contents, depth))?
        }
        Value::Reference(Reference::Container(container)) => {
            container.read(|contents| size_of_contents(contents, depth))?
        }
        Value::Reference(reference) => size_of(&reference.read()?, depth + 1)?,
    })
}

fn size_of_contents(contents: &Contents, depth: usize) -> Result<u64, VmError> {
    let packed = |length: usize, each: u64| u64::saturating_from(length).saturating_mul(each);
    let inside = match contents {
        Contents::Struct(values)
        | Contents::Variant(_, values)
        | Contents::Vector(Vector::Values(values)) => values
            .iter()
            .map(|value| size_of(value, depth + 1))
            .try_fold(0, |sum, size| size.map(|size| size.saturating_add(sum)))?,
        Contents::Vector(Vector::Bool(items)) => packed(items.len(), 1),
        Contents::Vector(Vector::U8(items)) => packed(items.len(), 1),
        Contents::Vector(Vector::U16(items)) => packed(items.len(), 2),
        Contents::Vector(Vector::U32(items)) => packed(items.len(), 4),
        Contents::Vector(Vector::U64(items)) => packed(items.len(), 8),
        Contents::Vector(Vector::U128(items)) => packed(items.len(), 16),
        Contents::Vector(Vector::U256(items)) => packed(items.len(), 32),
        Contents::Vector(Vector::Address(items)) => packed(items.len(), 32),
    };
    Ok(inside.saturating_add(HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::ElementKind;

    #[test]
    fn sizes_are_those_of_the_gas_model() {
        let size = |value: Value| value.abstract_size().expect("shallow");
        assert_eq!(size(Value::U8(1)), 8);
        assert_eq!(size(Value::address([0; 32])), 32);
        let uid = || Value::structure(vec![Value::structure(vec![Value::address([0; 32])])]);
        assert_eq!(size(uid()), 36);
        let balance = Value::structure(vec![Value::U64(5)]);
        assert_eq!(size(Value::structure(vec![uid(), balance])), 48);
        assert_eq!(size(Value::structure(vec![Value::bytes(*b"text")])), 8);
        let none = Value::option(ElementKind::U64, None).expect("empty");
        assert_eq!(size(none), 4);
    }
}
