//! Roots for values that outlive a call.

use std::{cell::RefCell, rc::Rc};

use crate::{
    error::VmError,
    value::{Container, Reference, Value},
};

/// Owner of a value that calls may borrow: an argument passed by reference, a dynamic-field child.
/// Clones of a slot own the same value.
#[derive(Clone, Debug)]
pub struct Slot(Rc<RefCell<Value>>);

impl Slot {
    /// A slot that owns `value`.
    pub fn new(value: Value) -> Self {
        Self(Rc::new(RefCell::new(value)))
    }

    /// A reference value to the slot's value. It stays valid, and sees changes, as long as the
    /// value is not taken.
    pub fn borrow(&self) -> Value {
        Value::Reference(match &*self.0.borrow() {
            Value::Container(container) => Reference::Container(container.clone()),
            _ => Reference::Cell(Rc::clone(&self.0)),
        })
    }

    /// A deep copy of the value.
    pub fn get(&self) -> Result<Value, VmError> {
        self.0.borrow().copy()
    }

    /// Runs `read` on the value in place.
    pub fn with<R>(&self, read: impl FnOnce(&Value) -> R) -> R {
        read(&self.0.borrow())
    }

    /// Takes the value. References handed out before see an empty value, never the taken one.
    pub fn take(self) -> Result<Value, VmError> {
        let value = self.0.replace(Value::Bool(false));
        match value {
            Value::Container(container) => Container::detach(container).map(Value::Container),
            primitive => Ok(primitive),
        }
    }

    /// Replaces the value; references handed out before see the new one.
    pub fn set(&self, value: Value) -> Result<(), VmError> {
        self.borrow().into_reference()?.write(value)
    }
}
