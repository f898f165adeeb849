//! Vector instructions. The natives of `std::vector` share the operations.

use super::{Interpreter, frame::FrameContext};
use crate::{
    error::{StatusCode, VmError, vector_error},
    format::TableIndex,
    types::Type,
    value::{Contents, ElementKind, Reference, Value, Vector},
};

/// Most elements of a vector that push makes.
const VECTOR_LENGTH_MAX: usize = 262_144;

fn error(sub_status: u64) -> VmError {
    VmError::new(StatusCode::VectorOperationError).with_sub_status(sub_status)
}

fn not_a_vector() -> VmError {
    VmError::invariant("expected a vector")
}

/// Number of elements.
pub(crate) fn len(vector: &Reference) -> Result<u64, VmError> {
    let length = vector.container()?.read(|contents| match contents {
        Contents::Vector(vector) => Ok(vector.len()),
        _ => Err(not_a_vector()),
    })?;
    u64::try_from(length).map_err(|_| not_a_vector())
}

/// A reference to an element.
pub(crate) fn borrow(vector: &Reference, index: u64) -> Result<Reference, VmError> {
    let out_of_bounds = || error(vector_error::INDEX_OUT_OF_BOUNDS);
    let index = usize::try_from(index).map_err(|_| out_of_bounds())?;
    vector.element(index)?.ok_or_else(out_of_bounds)
}

/// Appends an element.
pub(crate) fn push_back(vector: &Reference, value: Value) -> Result<(), VmError> {
    vector.container()?.write(|contents| match contents {
        Contents::Vector(vector) if vector.len() >= VECTOR_LENGTH_MAX => {
            Err(error(vector_error::TOO_LONG))
        }
        Contents::Vector(vector) => vector.push(value),
        _ => Err(not_a_vector()),
    })
}

/// Removes the last element.
pub(crate) fn pop_back(vector: &Reference) -> Result<Value, VmError> {
    vector.container()?.write(|contents| match contents {
        Contents::Vector(vector) => vector.pop().ok_or_else(|| error(vector_error::POP_EMPTY)),
        _ => Err(not_a_vector()),
    })
}

/// Swaps two elements.
pub(crate) fn swap(vector: &Reference, left: u64, right: u64) -> Result<(), VmError> {
    let out_of_bounds = || error(vector_error::INDEX_OUT_OF_BOUNDS);
    let left = usize::try_from(left).map_err(|_| out_of_bounds())?;
    let right = usize::try_from(right).map_err(|_| out_of_bounds())?;
    vector.container()?.write(|contents| match contents {
        Contents::Vector(vector) => {
            if vector.swap(left, right) {
                Ok(())
            } else {
                Err(out_of_bounds())
            }
        }
        _ => Err(not_a_vector()),
    })
}

/// The elements of a vector that must have `count` of them.
pub(crate) fn unpack(vector: Value, count: u64) -> Result<Vec<Value>, VmError> {
    let vector = vector.into_vector()?;
    if u64::try_from(vector.len()) == Ok(count) {
        Ok(vector.into_values())
    } else {
        Err(error(vector_error::UNPACK_LENGTH))
    }
}

impl Interpreter<'_, '_> {
    pub(super) fn vec_pack(
        &mut self,
        context: &FrameContext,
        signature: TableIndex,
        count: u64,
    ) -> Result<(), VmError> {
        let types = self.session.signature_types(&context.module, signature)?;
        let [element] = &*types.types else {
            return Err(VmError::invariant("vector instruction needs one type"));
        };
        let argument = match element {
            Type::TypeParameter(index) => context
                .type_arguments
                .get(usize::from(*index))
                .ok_or_else(|| VmError::invariant("type parameter without argument"))?,
            type_ => type_,
        };
        let kind = ElementKind::of_type(argument);
        if kind == ElementKind::Values {
            self.session
                .check_vector_depth(element, &context.type_arguments)?;
        }
        let count = usize::try_from(count).map_err(|_| VmError::invariant("vector too long"))?;
        let elements = self.pop_many(count)?;
        self.push(Value::vector(Vector::from_values(kind, elements)?))
    }

    pub(super) fn vec_len(&mut self) -> Result<(), VmError> {
        let length = len(&self.pop_reference()?)?;
        self.push(Value::U64(length))
    }

    pub(super) fn vec_borrow(&mut self) -> Result<(), VmError> {
        let index = self.pop()?.into_u64()?;
        let element = borrow(&self.pop_reference()?, index)?;
        self.push(Value::Reference(element))
    }

    pub(super) fn vec_push_back(&mut self) -> Result<(), VmError> {
        let value = self.pop()?;
        push_back(&self.pop_reference()?, value)
    }

    pub(super) fn vec_pop_back(&mut self) -> Result<(), VmError> {
        let value = pop_back(&self.pop_reference()?)?;
        self.push(value)
    }

    pub(super) fn vec_unpack(&mut self, count: u64) -> Result<(), VmError> {
        let vector = self.pop()?;
        self.push_many(unpack(vector, count)?)
    }

    pub(super) fn vec_swap(&mut self) -> Result<(), VmError> {
        let right = self.pop()?.into_u64()?;
        let left = self.pop()?.into_u64()?;
        swap(&self.pop_reference()?, left, right)
    }
}
