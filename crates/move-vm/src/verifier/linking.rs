//! Modules agree with the modules they call.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Check, broken};
use crate::{
    ability::AbilitySet,
    error::VmError,
    format::{
        CompiledModule, DatatypeHandle, FunctionHandle, SignatureToken, TableIndex, Visibility,
    },
    identifier::ModuleId,
};

const PASS: &str = "linking";

/// Finds published modules by runtime id.
type Resolve<'a> = &'a dyn Fn(&ModuleId) -> Option<Arc<CompiledModule>>;

/// Checks modules that are published together, each already verified on its own, against each other
/// and against the published modules they depend on, which `resolve` finds by runtime id. `resolve`
/// may, but need not, know the new modules.
///
/// # Errors
/// [`StatusCode::VerificationError`](crate::StatusCode::VerificationError) with a message.
pub fn verify_linking(
    modules: &[CompiledModule],
    resolve: &dyn Fn(&ModuleId) -> Option<Arc<CompiledModule>>,
) -> Result<(), VmError> {
    let mut linker = Linker {
        new: HashMap::new(),
        published: HashMap::new(),
        resolve,
    };
    for module in modules {
        let id = module.self_id();
        if linker.new.insert(id.clone(), module).is_some() {
            return Err(broken(PASS, format_args!("two modules are named {id}")));
        }
    }
    for module in modules {
        linker.check_module(module)?;
    }
    linker.check_cycles(modules)
}

struct Linker<'a> {
    new: HashMap<ModuleId, &'a CompiledModule>,
    published: HashMap<ModuleId, Arc<CompiledModule>>,
    resolve: Resolve<'a>,
}

impl Linker<'_> {
    fn load(&mut self, id: &ModuleId) -> Check {
        if self.new.contains_key(id) || self.published.contains_key(id) {
            return Ok(());
        }
        let module = (self.resolve)(id)
            .ok_or_else(|| broken(PASS, format_args!("module {id} is not published")))?;
        self.published.insert(id.clone(), module);
        Ok(())
    }

    /// A module that was loaded before.
    fn get(&self, id: &ModuleId) -> Result<&CompiledModule, VmError> {
        match self.new.get(id) {
            Some(module) => Ok(module),
            None => self
                .published
                .get(id)
                .map(|module| &**module)
                .ok_or_else(|| broken(PASS, format_args!("module {id} is not published"))),
        }
    }

    fn check_module(&mut self, module: &CompiledModule) -> Check {
        for id in module.dependencies() {
            self.load(&id)?;
        }
        for friend in &module.friends {
            let id = module
                .resolve_module_handle(friend)
                .ok_or_else(unverified)?;
            self.load(&id)?;
        }
        for handle in &module.datatype_handles {
            if handle.module != module.self_handle {
                self.check_datatype(module, handle)?;
            }
        }
        for handle in &module.function_handles {
            if handle.module != module.self_handle {
                self.check_function(module, handle)?;
            }
        }
        Ok(())
    }

    fn check_datatype(&self, module: &CompiledModule, handle: &DatatypeHandle) -> Check {
        let id = module.module_id(handle.module).ok_or_else(unverified)?;
        let name = module.identifier(handle.name).ok_or_else(unverified)?;
        let target = self.get(&id)?;
        let def = target
            .find_struct(name)
            .map(|(_, def)| def.handle)
            .or_else(|| target.find_enum(name).map(|(_, def)| def.handle))
            .and_then(|handle| target.datatype_handle(handle))
            .ok_or_else(|| broken(PASS, format_args!("{id} has no datatype {name}")))?;
        // An upgrade of a system package may add abilities, and so relax constraints.
        let parameters_agree =
            handle.type_parameters.len() == def.type_parameters.len()
                && handle.type_parameters.iter().zip(&def.type_parameters).all(
                    |(used, declared)| {
                        declared.constraints.is_subset(used.constraints)
                            && (!used.is_phantom || declared.is_phantom)
                    },
                );
        if handle.abilities.is_subset(def.abilities) && parameters_agree {
            Ok(())
        } else {
            Err(broken(
                PASS,
                format_args!("datatype {id}::{name} is declared otherwise"),
            ))
        }
    }

    fn check_function(&self, module: &CompiledModule, handle: &FunctionHandle) -> Check {
        let id = module.module_id(handle.module).ok_or_else(unverified)?;
        let name = module.identifier(handle.name).ok_or_else(unverified)?;
        let target = self.get(&id)?;
        let (_, def) = target
            .find_function(name)
            .ok_or_else(|| broken(PASS, format_args!("{id} has no function {name}")))?;
        let declared = target.function_handle(def.handle).ok_or_else(unverified)?;
        let visible = match def.visibility {
            Visibility::Public => true,
            Visibility::Private => false,
            Visibility::Friend => {
                let caller = module.self_id();
                let mut friends = target.friends.iter();
                friends.any(|friend| target.resolve_module_handle(friend).as_ref() == Some(&caller))
            }
        };
        if !visible {
            return Err(broken(
                PASS,
                format_args!("function {id}::{name} is not visible"),
            ));
        }
        let constraints_agree = handle.type_parameters.len() == declared.type_parameters.len()
            && handle
                .type_parameters
                .iter()
                .zip(&declared.type_parameters)
                .all(|(used, declared): (&AbilitySet, _)| declared.is_subset(*used));
        let types_agree = same_signature(module, handle.parameters, target, declared.parameters)
            && same_signature(module, handle.returns, target, declared.returns);
        if constraints_agree && types_agree {
            Ok(())
        } else {
            Err(broken(
                PASS,
                format_args!("function {id}::{name} is declared otherwise"),
            ))
        }
    }

    /// The new modules do not depend on each other in cycles. Published ones cannot depend on them.
    fn check_cycles(&self, modules: &[CompiledModule]) -> Check {
        let mut done = HashSet::new();
        for module in modules {
            self.visit(&module.self_id(), &mut HashSet::new(), &mut done)?;
        }
        Ok(())
    }

    /// Depth-first search; its recursion is bounded by the number of new modules.
    fn visit(
        &self,
        id: &ModuleId,
        path: &mut HashSet<ModuleId>,
        done: &mut HashSet<ModuleId>,
    ) -> Check {
        let Some(module) = self.new.get(id) else {
            return Ok(());
        };
        if done.contains(id) {
            return Ok(());
        }
        if !path.insert(id.clone()) {
            return Err(broken(PASS, format_args!("module {id} depends on itself")));
        }
        for dependency in module.dependencies() {
            self.visit(&dependency, path, done)?;
        }
        path.remove(id);
        done.insert(id.clone());
        Ok(())
    }
}

/// The error for modules that were not verified on their own before.
fn unverified() -> VmError {
    broken(PASS, "module was not verified on its own")
}

fn same_signature(
    left_module: &CompiledModule,
    left: TableIndex,
    right_module: &CompiledModule,
    right: TableIndex,
) -> bool {
    match (left_module.signature(left), right_module.signature(right)) {
        (Some(left), Some(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same_type(left_module, left, right_module, right))
        }
        _ => false,
    }
}

/// Whether tokens of two modules mean the same type.
fn same_type(
    left_module: &CompiledModule,
    left: &SignatureToken,
    right_module: &CompiledModule,
    right: &SignatureToken,
) -> bool {
    use SignatureToken as T;
    let same = |left, right| same_type(left_module, left, right_module, right);
    let same_name = |left: TableIndex, right: TableIndex| {
        let left = left_module.datatype_name(left);
        left.is_some() && left == right_module.datatype_name(right)
    };
    match (left, right) {
        (T::Vector(left), T::Vector(right))
        | (T::Reference(left), T::Reference(right))
        | (T::MutableReference(left), T::MutableReference(right)) => same(left, right),
        (T::Datatype(left), T::Datatype(right)) => same_name(*left, *right),
        (T::DatatypeInstantiation(left), T::DatatypeInstantiation(right)) => {
            same_name(left.0, right.0)
                && left.1.len() == right.1.len()
                && left
                    .1
                    .iter()
                    .zip(&right.1)
                    .all(|(left, right)| same(left, right))
        }
        (T::Datatype(_) | T::DatatypeInstantiation(_), _)
        | (_, T::Datatype(_) | T::DatatypeInstantiation(_)) => false,
        (left, right) => left == right,
    }
}
