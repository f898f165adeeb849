//! References.

use std::{cell::RefCell, rc::Rc};

use crate::{
    error::VmError,
    value::{Container, Contents, Value},
};

/// A reference to a value owned elsewhere.
#[derive(Clone, Debug)]
pub enum Reference {
    /// To a struct, variant or vector.
    Container(Container),
    /// To a primitive field or element.
    Element(Container, usize),
    /// To a primitive that a local or slot owns.
    Cell(Rc<RefCell<Value>>),
}

impl Reference {
    /// A deep copy of the referent.
    pub fn read(&self) -> Result<Value, VmError> {
        match self {
            Self::Container(container) => Ok(Value::Container(container.copy_at(0)?)),
            Self::Element(container, index) => container.read(|contents| match contents {
                Contents::Struct(fields) | Contents::Variant(_, fields) => {
                    fields.get(*index).ok_or_else(stale)?.copy()
                }
                Contents::Vector(vector) => vector.copy_element(*index),
            }),
            Self::Cell(cell) => cell.try_borrow().map_err(|_| stale())?.copy(),
        }
    }

    /// Replaces the referent.
    pub fn write(&self, value: Value) -> Result<(), VmError> {
        match self {
            Self::Container(container) => {
                let fresh = value.into_contents()?;
                container.write(|contents| {
                    *contents = fresh;
                    Ok(())
                })
            }
            Self::Element(container, index) => container.write(|contents| match contents {
                Contents::Struct(fields) | Contents::Variant(_, fields) => {
                    *fields.get_mut(*index).ok_or_else(stale)? = value;
                    Ok(())
                }
                Contents::Vector(vector) => vector.set_element(*index, value),
            }),
            Self::Cell(cell) => {
                *cell.try_borrow_mut().map_err(|_| stale())? = value;
                Ok(())
            }
        }
    }

    /// A reference to field `index` of the struct referred to.
    pub fn field(&self, index: usize) -> Result<Reference, VmError> {
        self.container()?.element(index)?.ok_or_else(stale)
    }

    /// A reference to element `index` of the vector referred to; `None` past the end.
    pub fn element(&self, index: usize) -> Result<Option<Reference>, VmError> {
        self.container()?.element(index)
    }

    /// Whether the referents are equal.
    pub fn equals(&self, other: &Self) -> Result<bool, VmError> {
        match (self, other) {
            (Self::Container(left), Self::Container(right)) => left.equals_at(right, 0),
            _ => self.read()?.equals(&other.read()?),
        }
    }

    /// The container referred to.
    pub(crate) fn container(&self) -> Result<Container, VmError> {
        match self {
            Self::Container(container) => Ok(container.clone()),
            Self::Cell(cell) => match &*cell.try_borrow().map_err(|_| stale())? {
                Value::Container(container) => Ok(container.clone()),
                other => Err(other.unexpected("struct, enum or vector")),
            },
            Self::Element(..) => Err(VmError::invariant("expected a reference to a container")),
        }
    }

    pub(crate) fn deep_size(&self) -> Result<usize, VmError> {
        match self {
            Self::Container(container) => container.deep_size(0),
            _ => Ok(0),
        }
    }
}

fn stale() -> VmError {
    VmError::invariant("reference to a value that is gone")
}
