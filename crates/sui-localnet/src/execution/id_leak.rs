//! One id, one object: the `UID` packed into an object must be fresh.
//!
//! For every function the check follows, value by value, whether a `UID` came from a function that makes new ones. It
//! may travel through locals only: passing it on, storing it or taking it out of something makes it stale.

use super::publish_checks::{Broken, struct_name};
use move_vm::ability::Ability;
use move_vm::format::{CodeUnit, CompiledModule, FunctionDef, Instruction, StructDef, TableIndex};
use move_vm::{Address, ModuleId};

/// Functions of the framework that make new ids.
const SOURCES: [(&str, &str); 3] = [
    ("object", "new"),
    ("object", "new_uid_from_hash"),
    ("test_scenario", "new_object"),
];
/// Functions of the framework that make the chain's own singletons, whose ids are fixed.
const EXEMPT: [(&str, &str); 8] = [
    ("clock", "create"),
    ("authenticator_state", "create"),
    ("random", "create"),
    ("deny_list", "create"),
    ("accumulator", "create"),
    ("coin_registry", "create"),
    ("display_registry", "create"),
    ("address_alias", "create"),
];

/// Checks every function of a module.
pub(super) fn check(module: &CompiledModule) -> Result<(), Broken> {
    if module.self_id().address == Address::SYSTEM {
        return Ok(());
    }
    for def in &module.function_defs {
        let name = module.function_def_name(def).ok_or_else(incomplete)?;
        let own = (
            module.self_id().name.as_str().to_owned(),
            name.as_str().to_owned(),
        );
        let is_exempt = module.self_id().address == Address::FRAMEWORK
            && EXEMPT
                .iter()
                .any(|(module, function)| *module == own.0 && *function == own.1);
        if let Some(code) = def.code.as_ref().filter(|_| !is_exempt) {
            Flow::new(module, def, code)?
                .run()
                .map_err(|broken| format!("function {name}: {broken}"))?;
        }
    }
    Ok(())
}

fn incomplete() -> Broken {
    "an index is out of range".to_owned()
}

/// Which locals hold a fresh `UID`.
type Locals = Vec<bool>;

/// The flow of fresh ids through one function.
struct Flow<'m> {
    module: &'m CompiledModule,
    code: &'m CodeUnit,
    /// Locals on entry of each instruction that starts a block, once reached.
    entries: Vec<Option<Locals>>,
    pending: Vec<usize>,
}

impl<'m> Flow<'m> {
    fn new(
        module: &'m CompiledModule,
        def: &FunctionDef,
        code: &'m CodeUnit,
    ) -> Result<Self, Broken> {
        let handle = module.function_handle(def.handle).ok_or_else(incomplete)?;
        let parameters = module
            .signature(handle.parameters)
            .ok_or_else(incomplete)?
            .len();
        let locals = parameters + module.signature(code.locals).ok_or_else(incomplete)?.len();
        let mut entries = vec![None; code.code.len()];
        *entries.first_mut().ok_or_else(incomplete)? = Some(vec![false; locals]);
        Ok(Self {
            module,
            code,
            entries,
            pending: vec![0],
        })
    }

    fn run(mut self) -> Result<(), Broken> {
        let targets = self.block_starts();
        while let Some(start) = self.pending.pop() {
            let Some(mut locals) = self.entries[start].clone() else {
                continue;
            };
            let mut stack = Vec::new();
            let mut at = start;
            loop {
                let instruction = self.code.code.get(at).ok_or_else(incomplete)?;
                self.step(instruction, &mut locals, &mut stack)?;
                for target in self.jumps(instruction)? {
                    self.enter(target, &locals)?;
                }
                if instruction.is_unconditional_jump() {
                    break;
                }
                at += 1;
                if targets.get(at).copied().unwrap_or(false) {
                    self.enter(at, &locals)?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Instructions that something jumps to or that follow a conditional jump.
    fn block_starts(&self) -> Vec<bool> {
        let mut starts = vec![false; self.code.code.len()];
        let mut mark = |index: usize| {
            if let Some(start) = starts.get_mut(index) {
                *start = true;
            }
        };
        for (index, instruction) in self.code.code.iter().enumerate() {
            if let Some(target) = instruction.branch_target() {
                mark(usize::from(target));
                mark(index + 1);
            }
        }
        for table in &self.code.jump_tables {
            table
                .targets
                .iter()
                .for_each(|target| mark(usize::from(*target)));
        }
        starts
    }

    fn jumps(&self, instruction: &Instruction) -> Result<Vec<usize>, Broken> {
        if let Instruction::VariantSwitch(table) = instruction {
            let table = self
                .code
                .jump_tables
                .get(usize::from(*table))
                .ok_or_else(incomplete)?;
            return Ok(table
                .targets
                .iter()
                .map(|target| usize::from(*target))
                .collect());
        }
        Ok(instruction
            .branch_target()
            .map(usize::from)
            .into_iter()
            .collect())
    }

    /// Merges the locals at the end of a block into the entry of the next.
    fn enter(&mut self, target: usize, locals: &Locals) -> Result<(), Broken> {
        let entry = self.entries.get_mut(target).ok_or_else(incomplete)?;
        let merged = match entry {
            None => locals.clone(),
            Some(known) => known.iter().zip(locals).map(|(a, b)| *a && *b).collect(),
        };
        if entry.as_ref() != Some(&merged) {
            *entry = Some(merged);
            self.pending.push(target);
        }
        Ok(())
    }

    fn step(
        &self,
        instruction: &Instruction,
        locals: &mut Locals,
        stack: &mut Vec<bool>,
    ) -> Result<(), Broken> {
        match instruction {
            Instruction::MoveLoc(index) | Instruction::CopyLoc(index) => {
                stack.push(*locals.get(usize::from(*index)).ok_or_else(incomplete)?);
                return Ok(());
            }
            Instruction::StLoc(index) => {
                let value = stack.pop().ok_or_else(incomplete)?;
                *locals.get_mut(usize::from(*index)).ok_or_else(incomplete)? = value;
                return Ok(());
            }
            Instruction::Pack(index) => {
                let def = self.struct_def(*index)?;
                self.check_pack(def, stack)?;
            }
            Instruction::PackGeneric(index) => {
                let instantiation = self
                    .module
                    .struct_instantiations
                    .get(usize::from(*index))
                    .ok_or_else(incomplete)?;
                self.check_pack(self.struct_def(instantiation.target)?, stack)?;
            }
            _ => {}
        }
        let (pops, pushes) = self.effect(instruction)?;
        let rest = stack.len().checked_sub(pops).ok_or_else(incomplete)?;
        stack.truncate(rest);
        let is_fresh = match instruction {
            Instruction::Call(handle) => self.makes_id(*handle),
            _ => false,
        };
        stack.extend(std::iter::repeat_n(is_fresh, pushes));
        Ok(())
    }

    fn struct_def(&self, index: TableIndex) -> Result<&'m StructDef, Broken> {
        self.module
            .struct_defs
            .get(usize::from(index))
            .ok_or_else(incomplete)
    }

    fn makes_id(&self, handle: TableIndex) -> bool {
        self.module.function_name(handle).is_some_and(|(id, name)| {
            let ModuleId {
                address,
                name: module,
            } = id;
            address == Address::FRAMEWORK && SOURCES.contains(&(module.as_str(), name.as_str()))
        })
    }

    /// The first field of an object that is packed must be a fresh id.
    fn check_pack(&self, def: &StructDef, stack: &[bool]) -> Result<(), Broken> {
        let handle = self
            .module
            .datatype_handle(def.handle)
            .ok_or_else(incomplete)?;
        if !handle.abilities.has(Ability::Key) {
            return Ok(());
        }
        let id = stack
            .len()
            .checked_sub(field_count(def))
            .and_then(|first| stack.get(first))
            .ok_or_else(incomplete)?;
        if *id {
            return Ok(());
        }
        let name = struct_name(self.module, def).ok_or_else(incomplete)?;
        Err(format!(
            "packs object {name} with an id that was not made by object::new in this function"
        ))
    }

    /// How many values an instruction takes and leaves.
    fn effect(&self, instruction: &Instruction) -> Result<(usize, usize), Broken> {
        use Instruction as I;
        Ok(match instruction {
            I::Pop
            | I::BrTrue(_)
            | I::BrFalse(_)
            | I::Abort
            | I::StLoc(_)
            | I::VariantSwitch(_) => (1, 0),
            // After Ret the stack ends, whatever is on it.
            I::Nop | I::Branch(_) | I::Ret | I::GlobalStorage(..) => (0, 0),
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
            | I::FreezeRef
            | I::Not
            | I::CastU8
            | I::CastU16
            | I::CastU32
            | I::CastU64
            | I::CastU128
            | I::CastU256
            | I::VecLen(_)
            | I::VecPopBack(_) => (1, 1),
            I::WriteRef | I::VecPushBack(_) => (2, 0),
            I::VecSwap(_) => (3, 0),
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
            I::VecPack(_, count) => (to_usize(*count)?, 1),
            I::VecUnpack(_, count) => (1, to_usize(*count)?),
            I::Call(handle) => self.call_effect(*handle)?,
            I::CallGeneric(index) => {
                let instantiation = self
                    .module
                    .function_instantiations
                    .get(usize::from(*index))
                    .ok_or_else(incomplete)?;
                self.call_effect(instantiation.target)?
            }
            I::Pack(index) => (field_count(self.struct_def(*index)?), 1),
            I::Unpack(index) => (1, field_count(self.struct_def(*index)?)),
            I::PackGeneric(index) => (self.generic_fields(*index)?, 1),
            I::UnpackGeneric(index) => (1, self.generic_fields(*index)?),
            I::PackVariant(index) => (self.variant_fields(*index)?, 1),
            I::UnpackVariant(index)
            | I::UnpackVariantImmRef(index)
            | I::UnpackVariantMutRef(index) => (1, self.variant_fields(*index)?),
            I::PackVariantGeneric(index) => (self.generic_variant_fields(*index)?, 1),
            I::UnpackVariantGeneric(index)
            | I::UnpackVariantImmRefGeneric(index)
            | I::UnpackVariantMutRefGeneric(index) => (1, self.generic_variant_fields(*index)?),
        })
    }

    fn call_effect(&self, handle: TableIndex) -> Result<(usize, usize), Broken> {
        let handle = self.module.function_handle(handle).ok_or_else(incomplete)?;
        let count = |index| {
            self.module
                .signature(index)
                .map(<[_]>::len)
                .ok_or_else(incomplete)
        };
        Ok((count(handle.parameters)?, count(handle.returns)?))
    }

    fn generic_fields(&self, index: TableIndex) -> Result<usize, Broken> {
        let instantiations = &self.module.struct_instantiations;
        let instantiation = instantiations
            .get(usize::from(index))
            .ok_or_else(incomplete)?;
        Ok(field_count(self.struct_def(instantiation.target)?))
    }

    fn variant_fields(&self, index: TableIndex) -> Result<usize, Broken> {
        let handle = self
            .module
            .variant_handles
            .get(usize::from(index))
            .ok_or_else(incomplete)?;
        self.fields_of_variant(handle.owner, handle.variant)
    }

    fn generic_variant_fields(&self, index: TableIndex) -> Result<usize, Broken> {
        let handles = &self.module.variant_instantiations;
        let handle = handles.get(usize::from(index)).ok_or_else(incomplete)?;
        let instantiations = &self.module.enum_instantiations;
        let owner = instantiations
            .get(usize::from(handle.owner))
            .ok_or_else(incomplete)?;
        self.fields_of_variant(owner.target, handle.variant)
    }

    fn fields_of_variant(&self, owner: TableIndex, variant: u16) -> Result<usize, Broken> {
        let def = self
            .module
            .enum_defs
            .get(usize::from(owner))
            .ok_or_else(incomplete)?;
        let variant = def
            .variants
            .get(usize::from(variant))
            .ok_or_else(incomplete)?;
        Ok(variant.fields.len())
    }
}

fn field_count(def: &StructDef) -> usize {
    def.fields.as_ref().map_or(0, Vec::len)
}

fn to_usize(count: u64) -> Result<usize, Broken> {
    usize::try_from(count).map_err(|_| incomplete())
}
