//! How many values an instruction takes from the operand stack and how many it leaves there.

use super::{CompiledModule, Instruction, StructDef, TableIndex};

impl CompiledModule {
    /// How many values `instruction` pops, and then pushes; `None` if an index of it is out of
    /// range.
    ///
    /// What a return pops is not the module's to know but the function's; here it pops nothing.
    pub fn stack_effect(&self, instruction: &Instruction) -> Option<(usize, usize)> {
        use Instruction as I;
        Some(match instruction {
            I::Ret | I::Branch(_) | I::Nop | I::GlobalStorage(..) => (0, 0),
            I::Pop
            | I::BrTrue(_)
            | I::BrFalse(_)
            | I::Abort
            | I::StLoc(_)
            | I::VariantSwitch(_) => (1, 0),
            I::LdU8(_)
            | I::LdU16(_)
            | I::LdU32(_)
            | I::LdU64(_)
            | I::LdU128(_)
            | I::LdU256(_)
            | I::LdConst(_)
            | I::LdTrue
            | I::LdFalse
            | I::CopyLoc(_)
            | I::MoveLoc(_)
            | I::MutBorrowLoc(_)
            | I::ImmBorrowLoc(_) => (0, 1),
            I::MutBorrowField(_)
            | I::ImmBorrowField(_)
            | I::MutBorrowFieldGeneric(_)
            | I::ImmBorrowFieldGeneric(_)
            | I::ReadRef
            | I::Not
            | I::FreezeRef
            | I::CastU8
            | I::CastU16
            | I::CastU32
            | I::CastU64
            | I::CastU128
            | I::CastU256
            | I::VecLen(_)
            | I::VecPopBack(_) => (1, 1),
            I::Add
            | I::Sub
            | I::Mul
            | I::Mod
            | I::Div
            | I::BitOr
            | I::BitAnd
            | I::Xor
            | I::Shl
            | I::Shr
            | I::Or
            | I::And
            | I::Eq
            | I::Neq
            | I::Lt
            | I::Gt
            | I::Le
            | I::Ge
            | I::VecImmBorrow(_)
            | I::VecMutBorrow(_) => (2, 1),
            I::WriteRef | I::VecPushBack(_) => (2, 0),
            I::VecSwap(_) => (3, 0),
            I::VecPack(_, elements) => (usize::try_from(*elements).ok()?, 1),
            I::VecUnpack(_, elements) => (1, usize::try_from(*elements).ok()?),
            I::Call(handle) => self.call_effect(*handle)?,
            I::CallGeneric(index) => {
                self.call_effect(row(&self.function_instantiations, *index)?.target)?
            }
            I::Pack(def) => (self.struct_fields(*def)?, 1),
            I::Unpack(def) => (1, self.struct_fields(*def)?),
            I::PackGeneric(index) => (self.struct_instance_fields(*index)?, 1),
            I::UnpackGeneric(index) => (1, self.struct_instance_fields(*index)?),
            I::PackVariant(index) => (self.variant_fields(*index)?, 1),
            I::UnpackVariant(index)
            | I::UnpackVariantImmRef(index)
            | I::UnpackVariantMutRef(index) => (1, self.variant_fields(*index)?),
            I::PackVariantGeneric(index) => (self.variant_instance_fields(*index)?, 1),
            I::UnpackVariantGeneric(index)
            | I::UnpackVariantImmRefGeneric(index)
            | I::UnpackVariantMutRefGeneric(index) => (1, self.variant_instance_fields(*index)?),
        })
    }

    fn call_effect(&self, handle: TableIndex) -> Option<(usize, usize)> {
        let handle = self.function_handle(handle)?;
        let count = |index| self.signature(index).map(<[_]>::len);
        Some((count(handle.parameters)?, count(handle.returns)?))
    }

    fn struct_fields(&self, def: TableIndex) -> Option<usize> {
        row(&self.struct_defs, def).map(StructDef::field_count)
    }

    fn struct_instance_fields(&self, index: TableIndex) -> Option<usize> {
        self.struct_fields(row(&self.struct_instantiations, index)?.target)
    }

    fn variant_fields(&self, index: TableIndex) -> Option<usize> {
        let handle = row(&self.variant_handles, index)?;
        self.fields_of_variant(handle.owner, handle.variant)
    }

    fn variant_instance_fields(&self, index: TableIndex) -> Option<usize> {
        let handle = row(&self.variant_instantiations, index)?;
        let owner = row(&self.enum_instantiations, handle.owner)?.target;
        self.fields_of_variant(owner, handle.variant)
    }

    fn fields_of_variant(&self, owner: TableIndex, variant: u16) -> Option<usize> {
        let variant = row(&row(&self.enum_defs, owner)?.variants, variant)?;
        Some(variant.fields.len())
    }
}

impl StructDef {
    /// How many fields a value of this struct has; natives have none.
    pub fn field_count(&self) -> usize {
        self.fields.as_ref().map_or(0, Vec::len)
    }
}

fn row<T>(table: &[T], index: u16) -> Option<&T> {
    table.get(usize::from(index))
}
