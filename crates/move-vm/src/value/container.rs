//! Structs, variants and vectors, and references to them and into them.

use std::{cell::RefCell, rc::Rc};

use crate::{
    error::VmError,
    value::{Value, Vector, check_depth},
};

/// Bytes that a value counts for in metering.
const VALUE_BYTES: usize = 16;

/// A struct, variant or vector. Clones share the contents, as references do.
#[derive(Clone, Debug)]
pub struct Container(Rc<RefCell<Contents>>);

/// What a container holds.
#[derive(Debug)]
pub(crate) enum Contents {
    Struct(Vec<Value>),
    Variant(u16, Vec<Value>),
    Vector(Vector),
}

impl Container {
    pub(crate) fn new(contents: Contents) -> Self {
        Self(Rc::new(RefCell::new(contents)))
    }

    /// Runs `read` on the contents.
    pub(crate) fn read<R>(
        &self,
        read: impl FnOnce(&Contents) -> Result<R, VmError>,
    ) -> Result<R, VmError> {
        read(&*self.0.try_borrow().map_err(|_| aliased())?)
    }

    /// Runs `write` on the contents.
    pub(crate) fn write<R>(
        &self,
        write: impl FnOnce(&mut Contents) -> Result<R, VmError>,
    ) -> Result<R, VmError> {
        write(&mut *self.0.try_borrow_mut().map_err(|_| aliased())?)
    }

    /// Takes the contents; what is left behind for stale references is empty.
    pub(crate) fn into_contents(self) -> Result<Contents, VmError> {
        match Rc::try_unwrap(self.0) {
            Ok(cell) => Ok(cell.into_inner()),
            Err(shared) => {
                let mut contents = shared.try_borrow_mut().map_err(|_| aliased())?;
                Ok(std::mem::replace(
                    &mut *contents,
                    Contents::Struct(Vec::new()),
                ))
            }
        }
    }

    /// Moves the contents to a container of their own, away from stale references.
    pub(crate) fn detach(self) -> Result<Self, VmError> {
        self.into_contents().map(Self::new)
    }

    /// A reference to the field or element at `index`; `None` past the end.
    pub(crate) fn element(&self, index: usize) -> Result<Option<Reference>, VmError> {
        let in_place = self.read(|contents| {
            let values = match contents {
                Contents::Struct(fields) | Contents::Variant(_, fields) => fields,
                Contents::Vector(Vector::Values(values)) => values,
                Contents::Vector(vector) => return Ok((index < vector.len()).then_some(None)),
            };
            Ok(values.get(index).map(|value| match value {
                Value::Container(container) => Some(Reference::Container(container.clone())),
                _ => None,
            }))
        })?;
        Ok(
            in_place
                .map(|nested| nested.unwrap_or_else(|| Reference::Element(self.clone(), index))),
        )
    }

    pub(crate) fn copy_at(&self, depth: usize) -> Result<Self, VmError> {
        check_depth(depth)?;
        let copy_all = |values: &[Value]| -> Result<Vec<Value>, VmError> {
            values
                .iter()
                .map(|value| value.copy_at(depth + 1))
                .collect()
        };
        self.read(|contents| {
            Ok(Self::new(match contents {
                Contents::Struct(fields) => Contents::Struct(copy_all(fields)?),
                Contents::Variant(tag, fields) => Contents::Variant(*tag, copy_all(fields)?),
                Contents::Vector(Vector::Values(values)) => {
                    Contents::Vector(Vector::Values(copy_all(values)?))
                }
                Contents::Vector(packed) => Contents::Vector(packed.copy_packed()?),
            }))
        })
    }

    pub(crate) fn equals_at(&self, other: &Self, depth: usize) -> Result<bool, VmError> {
        check_depth(depth)?;
        let equal_all = |left: &[Value], right: &[Value]| -> Result<bool, VmError> {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right) {
                if !left.equals_at(right, depth + 1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        self.read(|left| {
            other.read(|right| match (left, right) {
                (Contents::Variant(tag, left), Contents::Variant(other_tag, right)) => {
                    Ok(tag == other_tag && equal_all(left, right)?)
                }
                (Contents::Struct(left), Contents::Struct(right))
                | (
                    Contents::Vector(Vector::Values(left)),
                    Contents::Vector(Vector::Values(right)),
                ) => equal_all(left, right),
                (Contents::Vector(left), Contents::Vector(right)) => left.equals_packed(right),
                _ => Err(VmError::invariant("values of different kinds compared")),
            })
        })
    }

    pub(crate) fn deep_size(&self, depth: usize) -> Result<usize, VmError> {
        check_depth(depth)?;
        self.read(|contents| match contents {
            Contents::Struct(values)
            | Contents::Variant(_, values)
            | Contents::Vector(Vector::Values(values)) => values
                .iter()
                .try_fold(VALUE_BYTES * (1 + values.len()), |total, value| {
                    Ok(total + value.deep_size(depth + 1)?)
                }),
            Contents::Vector(packed) => Ok(VALUE_BYTES + packed.byte_size()),
        })
    }
}

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

fn aliased() -> VmError {
    VmError::invariant("a value is read and written at once")
}
