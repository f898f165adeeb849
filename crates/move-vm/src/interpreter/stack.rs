//! Operands and locals.

use std::{cell::RefCell, rc::Rc};

use super::{Interpreter, OPERANDS_MAX, frame::FrameContext};
use crate::{
    error::{StatusCode, VmError},
    format::TableIndex,
    loader::module::row,
    meter::STEP_UNITS,
    value::{Reference, Value},
};

/// A local variable.
pub(super) enum Local {
    /// Not assigned, or moved out of.
    Invalid,
    /// A value that nothing refers to, or a container.
    Value(Value),
    /// A primitive that was borrowed: references share the cell.
    Cell(Rc<RefCell<Value>>),
}

impl Local {
    fn take(&mut self) -> Result<Value, VmError> {
        match std::mem::replace(self, Self::Invalid) {
            Self::Invalid => Err(invalid_local()),
            Self::Value(value) => Ok(value),
            Self::Cell(cell) => cell.borrow().copy(),
        }
    }

    fn copy(&self) -> Result<Value, VmError> {
        match self {
            Self::Invalid => Err(invalid_local()),
            Self::Value(value) => value.copy(),
            Self::Cell(cell) => cell.borrow().copy(),
        }
    }

    fn borrow(&mut self) -> Result<Reference, VmError> {
        match self {
            Self::Invalid | Self::Value(Value::Reference(_)) => Err(invalid_local()),
            Self::Value(Value::Container(container)) => Ok(Reference::Container(container.clone())),
            Self::Cell(cell) => Ok(Reference::Cell(Rc::clone(cell))),
            Self::Value(_) => {
                let cell = Rc::new(RefCell::new(self.take()?));
                *self = Self::Cell(Rc::clone(&cell));
                Ok(Reference::Cell(cell))
            }
        }
    }
}

fn invalid_local() -> VmError {
    VmError::invariant("use of an invalid local")
}

impl Interpreter<'_, '_> {
    #[inline]
    pub(super) fn push(&mut self, value: Value) -> Result<(), VmError> {
        if self.operands.len() >= OPERANDS_MAX {
            return Err(VmError::new(StatusCode::ExecutionStackOverflow));
        }
        self.operands.push(value);
        Ok(())
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Result<Value, VmError> {
        self.operands
            .pop()
            .ok_or_else(|| VmError::invariant("operand stack is empty"))
    }

    pub(super) fn pop_reference(&mut self) -> Result<Reference, VmError> {
        self.pop()?.into_reference()
    }

    /// Takes the topmost `count` operands, topmost last.
    pub(super) fn pop_many(&mut self, count: usize) -> Result<Vec<Value>, VmError> {
        let rest = self.operands.len().checked_sub(count);
        let rest = rest.ok_or_else(|| VmError::invariant("operand stack is too short"))?;
        Ok(self.operands.split_off(rest))
    }

    pub(super) fn push_many(
        &mut self,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<(), VmError> {
        values.into_iter().try_for_each(|value| self.push(value))
    }

    /// Charges for touching every byte of a value.
    pub(super) fn charge_deep(&mut self, value: &Value) -> Result<(), VmError> {
        self.meter.charge_bytes(value.deep_size(0)?)
    }

    pub(super) fn load_constant(
        &mut self,
        context: &FrameContext,
        index: TableIndex,
    ) -> Result<(), VmError> {
        let constant = row(&context.module.compiled.constants, index)?;
        let layout = row(&context.module.constant_layouts, index)?
            .as_ref()
            .ok_or_else(|| VmError::invariant("constant of an impossible type"))?;
        self.meter.charge(STEP_UNITS)?;
        self.meter.charge_bytes(constant.data.len())?;
        let value = Value::from_bcs(&constant.data, layout)
            .map_err(|_| VmError::invariant("constant does not decode"))?;
        self.push(value)
    }

    fn local(&mut self, context: &FrameContext, index: u8) -> Result<&mut Local, VmError> {
        self.locals
            .get_mut(context.base + usize::from(index))
            .ok_or_else(invalid_local)
    }

    pub(super) fn copy_local(&mut self, context: &FrameContext, index: u8) -> Result<(), VmError> {
        let index = context.base + usize::from(index);
        let local = self.locals.get(index).ok_or_else(invalid_local)?;
        if let Local::Value(value @ Value::Container(_)) = local {
            self.meter.charge_bytes(value.deep_size(0)?)?;
        }
        let value = local.copy()?;
        self.push(value)
    }

    pub(super) fn move_local(&mut self, context: &FrameContext, index: u8) -> Result<(), VmError> {
        let value = self.local(context, index)?.take()?;
        self.push(value)
    }

    pub(super) fn store_local(&mut self, context: &FrameContext, index: u8) -> Result<(), VmError> {
        let value = self.pop()?;
        *self.local(context, index)? = Local::Value(value);
        Ok(())
    }

    pub(super) fn borrow_local(
        &mut self,
        context: &FrameContext,
        index: u8,
    ) -> Result<(), VmError> {
        let reference = self.local(context, index)?.borrow()?;
        self.push(Value::Reference(reference))
    }

    pub(super) fn read_ref(&mut self) -> Result<(), VmError> {
        let reference = self.pop_reference()?;
        self.meter.charge_bytes(reference.deep_size()?)?;
        self.push(reference.read()?)
    }

    pub(super) fn write_ref(&mut self) -> Result<(), VmError> {
        let reference = self.pop_reference()?;
        let value = self.pop()?;
        reference.write(value)
    }

    pub(super) fn unary(
        &mut self,
        operation: impl FnOnce(Value) -> Result<Value, VmError>,
    ) -> Result<(), VmError> {
        let value = self.pop()?;
        self.push(operation(value)?)
    }

    #[inline]
    pub(super) fn binary(
        &mut self,
        operation: impl FnOnce(Value, Value) -> Result<Value, VmError>,
    ) -> Result<(), VmError> {
        let right = self.pop()?;
        let left = self.pop()?;
        self.push(operation(left, right)?)
    }

    pub(super) fn compare(&mut self, expected: bool) -> Result<(), VmError> {
        let right = self.pop()?;
        let left = self.pop()?;
        self.charge_deep(&left)?;
        let equal = left.equals(&right)?;
        self.push(Value::Bool(equal == expected))
    }

    pub(super) fn order(
        &mut self,
        accept: impl FnOnce(std::cmp::Ordering) -> bool,
    ) -> Result<(), VmError> {
        let right = self.pop()?;
        let left = self.pop()?;
        let ordering = super::arithmetic::compare(&left, &right)?;
        self.push(Value::Bool(accept(ordering)))
    }
}
