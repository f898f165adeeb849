//! What instructions and natives do with the elements of a vector.

use super::{Contents, Reference, Value};
use crate::error::{StatusCode, VmError, vector_error};

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
