//! Vector instructions.

use super::{Interpreter, frame::FrameContext};
use crate::{
    error::VmError,
    format::TableIndex,
    types::Type,
    value::{ElementKind, Value, Vector, elements},
};

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
        let length = elements::len(&self.pop_reference()?)?;
        self.push(Value::U64(length))
    }

    pub(super) fn vec_borrow(&mut self) -> Result<(), VmError> {
        let index = self.pop()?.into_u64()?;
        let element = elements::borrow(&self.pop_reference()?, index)?;
        self.push(Value::Reference(element))
    }

    pub(super) fn vec_push_back(&mut self) -> Result<(), VmError> {
        let value = self.pop()?;
        elements::push_back(&self.pop_reference()?, value)
    }

    pub(super) fn vec_pop_back(&mut self) -> Result<(), VmError> {
        let value = elements::pop_back(&self.pop_reference()?)?;
        self.push(value)
    }

    pub(super) fn vec_unpack(&mut self, count: u64) -> Result<(), VmError> {
        let vector = self.pop()?;
        self.push_many(elements::unpack(vector, count)?)
    }

    pub(super) fn vec_swap(&mut self) -> Result<(), VmError> {
        let right = self.pop()?.into_u64()?;
        let left = self.pop()?.into_u64()?;
        elements::swap(&self.pop_reference()?, left, right)
    }
}
