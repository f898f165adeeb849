//! One id, one object: the `UID` packed into an object must be fresh.
//!
//! For every function the check follows, value by value, whether a `UID` came from a function that
//! makes new ones. It may travel through locals only: passing it on, storing it or taking it out of
//! something makes it stale.

use move_vm::{
    Address, ModuleId,
    ability::Ability,
    format::{CodeUnit, CompiledModule, FunctionDef, Instruction, StructDef, TableIndex},
};

use super::{Broken, incomplete};

/// Functions of the framework that make new ids.
const SOURCES: [(&str, &str); 4] = [
    ("object", "new"),
    ("object", "new_uid_from_hash"),
    ("derived_object", "claim"),
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
        // A return ends the stack, whatever is on it.
        let (pops, pushes) = self
            .module
            .stack_effect(instruction)
            .ok_or_else(incomplete)?;
        let rest = stack.len().checked_sub(pops).ok_or_else(incomplete)?;
        stack.truncate(rest);
        let is_fresh = match instruction {
            Instruction::Call(handle) => self.makes_id(*handle),
            Instruction::CallGeneric(index) => self
                .module
                .function_instantiations
                .get(usize::from(*index))
                .is_some_and(|instance| self.makes_id(instance.target)),
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
            .checked_sub(def.field_count())
            .and_then(|first| stack.get(first))
            .ok_or_else(incomplete)?;
        if *id {
            return Ok(());
        }
        let name = self.module.identifier(handle.name).ok_or_else(incomplete)?;
        Err(format!(
            "packs object {name} with an id that was not made by object::new in this function"
        ))
    }
}
