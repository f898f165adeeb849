//! Structs and enums.

use super::{Flow, Interpreter, frame::FrameContext};
use crate::{
    error::VmError,
    format::{Instantiation, TableIndex},
    loader::module::{DatatypeIndex, row},
    value::{Contents, Value},
};

impl Interpreter<'_, '_> {
    pub(super) fn pack(
        &mut self,
        context: &FrameContext,
        index: TableIndex,
    ) -> Result<(), VmError> {
        self.session
            .check_plain_depth(&context.module, DatatypeIndex::Struct(index))?;
        self.pack_struct(context, index)
    }

    pub(super) fn pack_generic(
        &mut self,
        context: &FrameContext,
        index: TableIndex,
    ) -> Result<(), VmError> {
        let instantiation = *row(&context.module.compiled.struct_instantiations, index)?;
        let def = row(&context.module.compiled.struct_defs, instantiation.target)?;
        self.check_instance(context, def.handle, instantiation)?;
        self.pack_struct(context, instantiation.target)
    }

    fn pack_struct(&mut self, context: &FrameContext, index: TableIndex) -> Result<(), VmError> {
        let count = context.module.struct_fields(index)?.len();
        let fields = self.pop_many(count)?;
        self.push(Value::structure(fields))
    }

    fn check_instance(
        &self,
        context: &FrameContext,
        handle: TableIndex,
        instantiation: Instantiation,
    ) -> Result<(), VmError> {
        let open = self
            .session
            .signature_types(&context.module, instantiation.type_arguments)?;
        self.session.check_instance_depth(
            &context.module,
            handle,
            &open.types,
            &context.type_arguments,
        )
    }

    pub(super) fn unpack(
        &mut self,
        context: &FrameContext,
        index: TableIndex,
    ) -> Result<(), VmError> {
        let count = context.module.struct_fields(index)?.len();
        let fields = self.pop()?.into_fields()?;
        if fields.len() != count {
            return Err(VmError::invariant("struct has another number of fields"));
        }
        self.push_many(fields)
    }

    pub(super) fn unpack_generic(
        &mut self,
        context: &FrameContext,
        index: TableIndex,
    ) -> Result<(), VmError> {
        let target = row(&context.module.compiled.struct_instantiations, index)?.target;
        self.unpack(context, target)
    }

    pub(super) fn borrow_field(
        &mut self,
        context: &FrameContext,
        index: TableIndex,
    ) -> Result<(), VmError> {
        let field = row(&context.module.compiled.field_handles, index)?.field;
        let reference = self.pop_reference()?.field(usize::from(field))?;
        self.push(Value::Reference(reference))
    }

    pub(super) fn borrow_field_generic(
        &mut self,
        context: &FrameContext,
        index: TableIndex,
    ) -> Result<(), VmError> {
        let target = row(&context.module.compiled.field_instantiations, index)?.target;
        self.borrow_field(context, target)
    }

    pub(super) fn pack_variant(
        &mut self,
        context: &FrameContext,
        handle: TableIndex,
    ) -> Result<(), VmError> {
        let handle = *row(&context.module.compiled.variant_handles, handle)?;
        self.session
            .check_plain_depth(&context.module, DatatypeIndex::Enum(handle.owner))?;
        self.pack_variant_of(context, handle.owner, handle.variant)
    }

    pub(super) fn pack_variant_generic(
        &mut self,
        context: &FrameContext,
        handle: TableIndex,
    ) -> Result<(), VmError> {
        let handle = *row(&context.module.compiled.variant_instantiations, handle)?;
        let instantiation = *row(&context.module.compiled.enum_instantiations, handle.owner)?;
        let def = row(&context.module.compiled.enum_defs, instantiation.target)?;
        self.check_instance(context, def.handle, instantiation)?;
        self.pack_variant_of(context, instantiation.target, handle.variant)
    }

    fn pack_variant_of(
        &mut self,
        context: &FrameContext,
        enum_def: TableIndex,
        tag: u16,
    ) -> Result<(), VmError> {
        let count = context.module.variant(enum_def, tag)?.fields.len();
        let fields = self.pop_many(count)?;
        self.push(Value::variant(tag, fields))
    }

    pub(super) fn unpack_variant(&mut self, expected: u16) -> Result<(), VmError> {
        let (tag, fields) = self.pop()?.into_variant()?;
        check_tag(tag, expected)?;
        self.push_many(fields)
    }

    pub(super) fn unpack_variant_ref(&mut self, expected: u16) -> Result<(), VmError> {
        let container = self.pop_reference()?.container()?;
        let count = container.read(|contents| match contents {
            Contents::Variant(tag, fields) => check_tag(*tag, expected).map(|()| fields.len()),
            _ => Err(VmError::invariant("expected an enum value")),
        })?;
        for index in 0..count {
            let field = container.element(index)?;
            let field = field.ok_or_else(|| VmError::invariant("variant lost a field"))?;
            self.push(Value::Reference(field))?;
        }
        Ok(())
    }

    pub(super) fn variant_switch(
        &mut self,
        context: &FrameContext,
        table: TableIndex,
    ) -> Result<Flow, VmError> {
        let tag = self
            .pop_reference()?
            .container()?
            .read(|contents| match contents {
                Contents::Variant(tag, _) => Ok(*tag),
                _ => Err(VmError::invariant("expected an enum value")),
            })?;
        let tables = &context.module.code(context.function)?.jump_tables;
        Ok(Flow::Jump(*row(&row(tables, table)?.targets, tag)?))
    }
}

fn check_tag(tag: u16, expected: u16) -> Result<(), VmError> {
    if tag == expected {
        Ok(())
    } else {
        Err(VmError::invariant("enum value has another variant"))
    }
}
