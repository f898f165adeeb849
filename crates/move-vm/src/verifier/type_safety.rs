//! Operands have the types and abilities that instructions need.
//!
//! Blocks are checked one by one: each starts with an empty stack (stack usage), and locals keep
//! their declared types.

use std::borrow::Cow;

use super::{Check, cfg::ControlFlowGraph, view::FunctionView};
use crate::{
    ability::Ability,
    error::VmError,
    format::{FieldDef, Instruction, SignatureToken as T, TableIndex},
};

const PASS: &str = "types";

pub(super) fn check(function: &FunctionView<'_>, cfg: &ControlFlowGraph) -> Check {
    for block in &cfg.blocks {
        let mut checker = Types {
            function,
            stack: Vec::new(),
            pc: block.start,
        };
        for pc in block.start..block.end {
            checker.pc = pc;
            checker.step(&function.code.code[pc])?;
        }
    }
    Ok(())
}

struct Types<'f, 'a> {
    function: &'f FunctionView<'a>,
    stack: Vec<Cow<'a, T>>,
    pc: usize,
}

/// A datatype with its type arguments, as an instruction names it.
struct Instance<'a> {
    type_: T,
    arguments: &'a [T],
}

impl<'a> Instance<'a> {
    fn new(handle: TableIndex, arguments: &'a [T]) -> Self {
        let type_ = if arguments.is_empty() {
            T::Datatype(handle)
        } else {
            T::DatatypeInstantiation(Box::new((handle, arguments.to_vec())))
        };
        Self { type_, arguments }
    }
}

impl<'a> Types<'_, 'a> {
    fn broken(&self, message: impl std::fmt::Display) -> VmError {
        self.function.broken(PASS, self.pc, message)
    }

    fn push(&mut self, type_: T) {
        self.stack.push(Cow::Owned(type_));
    }

    fn pop(&mut self) -> Result<Cow<'a, T>, VmError> {
        self.stack
            .pop()
            .ok_or_else(|| self.broken("operand stack is empty"))
    }

    fn expect(&mut self, expected: &T) -> Check {
        let found = self.pop()?;
        if *found == *expected {
            Ok(())
        } else {
            Err(self.broken(format_args!("expected {expected:?}, found {found:?}")))
        }
    }

    fn expect_integer(&mut self) -> Result<Cow<'a, T>, VmError> {
        let found = self.pop()?;
        if found.is_integer() {
            Ok(found)
        } else {
            Err(self.broken(format_args!("expected an integer, found {found:?}")))
        }
    }

    /// Pops a reference and returns what it refers to.
    fn expect_reference(&mut self, mutable: bool) -> Result<T, VmError> {
        match self.pop()?.into_owned() {
            T::MutableReference(inner) => Ok(*inner),
            T::Reference(inner) if !mutable => Ok(*inner),
            found => Err(self.broken(format_args!("expected a reference, found {found:?}"))),
        }
    }

    fn expect_immutable_reference(&mut self) -> Result<T, VmError> {
        match self.pop()?.into_owned() {
            T::Reference(inner) => Ok(*inner),
            found => Err(self.broken(format_args!(
                "expected an immutable reference, found {found:?}"
            ))),
        }
    }

    fn expect_reference_to(&mut self, expected: &T, mutable: bool) -> Check {
        let found = self.expect_reference(mutable)?;
        if found == *expected {
            Ok(())
        } else {
            Err(self.broken(format_args!(
                "expected a reference to {expected:?}, found {found:?}"
            )))
        }
    }

    fn require(&self, type_: &T, ability: Ability) -> Check {
        if self.function.abilities(type_).has(ability) {
            Ok(())
        } else {
            Err(self.broken(format_args!("{type_:?} lacks {ability:?}")))
        }
    }

    fn push_reference(&mut self, inner: T, mutable: bool) {
        let inner = Box::new(inner);
        self.push(if mutable {
            T::MutableReference(inner)
        } else {
            T::Reference(inner)
        });
    }

    fn signature(&self, index: TableIndex) -> &'a [T] {
        self.function.view.signature(index)
    }

    /// The element type of a vector instruction.
    fn element(&self, signature: TableIndex) -> Result<&'a T, VmError> {
        self.signature(signature)
            .first()
            .ok_or_else(|| self.broken("vector without element type"))
    }

    fn struct_instance(&self, index: TableIndex) -> (TableIndex, Instance<'a>) {
        let view = self.function.view;
        let instance = view.module.struct_instantiations[usize::from(index)];
        let handle = view.struct_def(instance.target).handle;
        (
            instance.target,
            Instance::new(handle, view.signature(instance.type_arguments)),
        )
    }

    fn variant(&self, index: TableIndex) -> (&'a [FieldDef], Instance<'a>) {
        let view = self.function.view;
        let handle = view.module.variant_handles[usize::from(index)];
        let fields = &view.variant(handle.owner, handle.variant).fields;
        (
            fields,
            Instance::new(view.enum_def(handle.owner).handle, &[]),
        )
    }

    fn variant_instance(&self, index: TableIndex) -> (&'a [FieldDef], Instance<'a>) {
        let view = self.function.view;
        let handle = view.module.variant_instantiations[usize::from(index)];
        let owner = view.module.enum_instantiations[usize::from(handle.owner)];
        let fields = &view.variant(owner.target, handle.variant).fields;
        let arguments = view.signature(owner.type_arguments);
        (
            fields,
            Instance::new(view.enum_def(owner.target).handle, arguments),
        )
    }

    fn step(&mut self, instruction: &Instruction) -> Check {
        use Instruction as I;
        let view = self.function.view;
        match instruction {
            I::Pop => {
                let type_ = self.pop()?;
                self.require(&type_, Ability::Drop)?;
            }
            I::Ret => {
                for expected in self.function.returns.iter().rev() {
                    self.expect(expected)?;
                }
            }
            I::BrTrue(_) | I::BrFalse(_) => self.expect(&T::Bool)?,
            I::Branch(_) | I::Nop => {}
            I::Abort => self.expect(&T::U64)?,
            I::LdU8(_) => self.push(T::U8),
            I::LdU16(_) => self.push(T::U16),
            I::LdU32(_) => self.push(T::U32),
            I::LdU64(_) => self.push(T::U64),
            I::LdU128(_) => self.push(T::U128),
            I::LdU256(_) => self.push(T::U256),
            I::LdTrue | I::LdFalse => self.push(T::Bool),
            I::LdConst(index) => {
                let constant = &view.module.constants[usize::from(*index)];
                self.stack.push(Cow::Borrowed(&constant.type_));
            }
            I::CopyLoc(local) => {
                let type_ = self.function.locals[usize::from(*local)];
                self.require(type_, Ability::Copy)?;
                self.stack.push(Cow::Borrowed(type_));
            }
            I::MoveLoc(local) => {
                let type_ = self.function.locals[usize::from(*local)];
                self.stack.push(Cow::Borrowed(type_));
            }
            I::StLoc(local) => self.expect(self.function.locals[usize::from(*local)])?,
            I::MutBorrowLoc(local) => self.borrow_local(*local, true)?,
            I::ImmBorrowLoc(local) => self.borrow_local(*local, false)?,
            I::MutBorrowField(field) => self.borrow_field(*field, &[], true)?,
            I::ImmBorrowField(field) => self.borrow_field(*field, &[], false)?,
            I::MutBorrowFieldGeneric(index) => self.borrow_field_instance(*index, true)?,
            I::ImmBorrowFieldGeneric(index) => self.borrow_field_instance(*index, false)?,
            I::Call(handle) => self.call(*handle, &[])?,
            I::CallGeneric(index) => {
                let instance = view.module.function_instantiations[usize::from(*index)];
                self.call(instance.target, view.signature(instance.type_arguments))?;
            }
            I::Pack(def) => {
                let instance = Instance::new(view.struct_def(*def).handle, &[]);
                self.pack(view.fields(*def), instance)?;
            }
            I::PackGeneric(index) => {
                let (def, instance) = self.struct_instance(*index);
                self.pack(view.fields(def), instance)?;
            }
            I::Unpack(def) => {
                let instance = Instance::new(view.struct_def(*def).handle, &[]);
                self.unpack(view.fields(*def), &instance)?;
            }
            I::UnpackGeneric(index) => {
                let (def, instance) = self.struct_instance(*index);
                self.unpack(view.fields(def), &instance)?;
            }
            I::ReadRef => {
                let inner = self.expect_reference(false)?;
                self.require(&inner, Ability::Copy)?;
                self.push(inner);
            }
            I::WriteRef => {
                let inner = self.expect_reference(true)?;
                self.require(&inner, Ability::Drop)?;
                self.expect(&inner)?;
            }
            I::FreezeRef => {
                let inner = self.expect_reference(true)?;
                self.push_reference(inner, false);
            }
            I::Add | I::Sub | I::Mul | I::Mod | I::Div | I::BitOr | I::BitAnd | I::Xor => {
                let type_ = self.expect_integer()?;
                self.expect(&type_)?;
                self.stack.push(type_);
            }
            I::Shl | I::Shr => {
                self.expect(&T::U8)?;
                let type_ = self.expect_integer()?;
                self.stack.push(type_);
            }
            I::Or | I::And => {
                self.expect(&T::Bool)?;
                self.expect(&T::Bool)?;
                self.push(T::Bool);
            }
            I::Not => {
                self.expect(&T::Bool)?;
                self.push(T::Bool);
            }
            I::Eq | I::Neq => {
                let type_ = self.pop()?;
                self.require(&type_, Ability::Drop)?;
                self.expect(&type_)?;
                self.push(T::Bool);
            }
            I::Lt | I::Gt | I::Le | I::Ge => {
                let type_ = self.expect_integer()?;
                self.expect(&type_)?;
                self.push(T::Bool);
            }
            I::CastU8 => self.cast(T::U8)?,
            I::CastU16 => self.cast(T::U16)?,
            I::CastU32 => self.cast(T::U32)?,
            I::CastU64 => self.cast(T::U64)?,
            I::CastU128 => self.cast(T::U128)?,
            I::CastU256 => self.cast(T::U256)?,
            I::VecPack(signature, count) => {
                let element = self.element(*signature)?;
                for _ in 0..*count {
                    self.expect(element)?;
                }
                self.push(T::Vector(Box::new(element.clone())));
            }
            I::VecUnpack(signature, count) => {
                let element = self.element(*signature)?;
                self.expect(&T::Vector(Box::new(element.clone())))?;
                for _ in 0..*count {
                    self.stack.push(Cow::Borrowed(element));
                }
            }
            I::VecLen(signature) => {
                self.expect_vector(*signature, false)?;
                self.push(T::U64);
            }
            I::VecImmBorrow(signature) => self.borrow_element(*signature, false)?,
            I::VecMutBorrow(signature) => self.borrow_element(*signature, true)?,
            I::VecPushBack(signature) => {
                let element = self.element(*signature)?;
                self.expect(element)?;
                self.expect_vector(*signature, true)?;
            }
            I::VecPopBack(signature) => {
                self.expect_vector(*signature, true)?;
                let element = self.element(*signature)?;
                self.stack.push(Cow::Borrowed(element));
            }
            I::VecSwap(signature) => {
                self.expect(&T::U64)?;
                self.expect(&T::U64)?;
                self.expect_vector(*signature, true)?;
            }
            I::PackVariant(index) => {
                let (fields, instance) = self.variant(*index);
                self.pack(fields, instance)?;
            }
            I::PackVariantGeneric(index) => {
                let (fields, instance) = self.variant_instance(*index);
                self.pack(fields, instance)?;
            }
            I::UnpackVariant(index) => {
                let (fields, instance) = self.variant(*index);
                self.unpack(fields, &instance)?;
            }
            I::UnpackVariantGeneric(index) => {
                let (fields, instance) = self.variant_instance(*index);
                self.unpack(fields, &instance)?;
            }
            I::UnpackVariantImmRef(index) => {
                let (fields, instance) = self.variant(*index);
                self.unpack_reference(fields, &instance, false)?;
            }
            I::UnpackVariantMutRef(index) => {
                let (fields, instance) = self.variant(*index);
                self.unpack_reference(fields, &instance, true)?;
            }
            I::UnpackVariantImmRefGeneric(index) => {
                let (fields, instance) = self.variant_instance(*index);
                self.unpack_reference(fields, &instance, false)?;
            }
            I::UnpackVariantMutRefGeneric(index) => {
                let (fields, instance) = self.variant_instance(*index);
                self.unpack_reference(fields, &instance, true)?;
            }
            I::VariantSwitch(table) => self.switch(*table)?,
            I::GlobalStorage(..) => return Err(self.broken("global storage instruction")),
        }
        Ok(())
    }

    fn cast(&mut self, target: T) -> Check {
        self.expect_integer()?;
        self.push(target);
        Ok(())
    }

    fn borrow_local(&mut self, local: u8, mutable: bool) -> Check {
        let type_ = self.function.locals[usize::from(local)];
        if type_.is_reference() {
            return Err(self.broken("reference to a reference"));
        }
        self.push_reference(type_.clone(), mutable);
        Ok(())
    }

    fn borrow_field(&mut self, field: TableIndex, arguments: &'a [T], mutable: bool) -> Check {
        let view = self.function.view;
        let handle = view.module.field_handles[usize::from(field)];
        let instance = Instance::new(view.struct_def(handle.owner).handle, arguments);
        self.expect_reference_to(&instance.type_, mutable)?;
        let type_ = &view.fields(handle.owner)[usize::from(handle.field)].type_;
        self.push_reference(type_.substitute(arguments), mutable);
        Ok(())
    }

    fn borrow_field_instance(&mut self, index: TableIndex, mutable: bool) -> Check {
        let view = self.function.view;
        let instance = view.module.field_instantiations[usize::from(index)];
        self.borrow_field(
            instance.target,
            view.signature(instance.type_arguments),
            mutable,
        )
    }

    fn borrow_element(&mut self, signature: TableIndex, mutable: bool) -> Check {
        self.expect(&T::U64)?;
        self.expect_vector(signature, mutable)?;
        let element = self.element(signature)?.clone();
        self.push_reference(element, mutable);
        Ok(())
    }

    /// Pops a reference to a vector with the element type of `signature`.
    fn expect_vector(&mut self, signature: TableIndex, mutable: bool) -> Check {
        let vector = T::Vector(Box::new(self.element(signature)?.clone()));
        self.expect_reference_to(&vector, mutable)
    }

    fn call(&mut self, handle: TableIndex, arguments: &[T]) -> Check {
        let view = self.function.view;
        let handle = view.function(handle);
        for parameter in view.signature(handle.parameters).iter().rev() {
            self.expect(&parameter.substitute(arguments))?;
        }
        for result in view.signature(handle.returns) {
            self.push(result.substitute(arguments));
        }
        Ok(())
    }

    fn pack(&mut self, fields: &'a [FieldDef], instance: Instance<'a>) -> Check {
        for field in fields.iter().rev() {
            self.expect(&field.type_.substitute(instance.arguments))?;
        }
        self.push(instance.type_);
        Ok(())
    }

    fn unpack(&mut self, fields: &'a [FieldDef], instance: &Instance<'a>) -> Check {
        self.expect(&instance.type_)?;
        for field in fields {
            self.push(field.type_.substitute(instance.arguments));
        }
        Ok(())
    }

    fn unpack_reference(
        &mut self,
        fields: &'a [FieldDef],
        instance: &Instance<'a>,
        mutable: bool,
    ) -> Check {
        self.expect_reference_to(&instance.type_, mutable)?;
        for field in fields {
            self.push_reference(field.type_.substitute(instance.arguments), mutable);
        }
        Ok(())
    }

    /// The operand refers immutably to the enum of the jump table, with any type arguments.
    fn switch(&mut self, table: TableIndex) -> Check {
        let table = &self.function.code.jump_tables[usize::from(table)];
        let expected = self.function.view.enum_def(table.enum_def).handle;
        let found = match self.expect_immutable_reference()? {
            T::Datatype(handle) => handle,
            T::DatatypeInstantiation(instance) => instance.0,
            other => return Err(self.broken(format_args!("expected an enum, found {other:?}"))),
        };
        if found == expected {
            Ok(())
        } else {
            Err(self.broken("jump table of another enum"))
        }
    }
}
