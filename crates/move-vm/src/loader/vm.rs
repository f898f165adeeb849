//! The virtual machine: loaded code shared between sessions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    host::NativeName,
    identifier::{Identifier, ModuleId},
    layout::Layout,
    loader::{Linkage, PackageSource, Session, module::LoadedModule},
    natives::Natives,
    types::{Declaration, Type},
};

/// Most linkages whose loaded code is kept. When full, all are dropped and loaded again on demand.
const PROGRAMS_MAX: usize = 256;
/// Most layouts kept per linkage.
const LAYOUTS_MAX: usize = 4096;

/// Holds loaded code between transactions, by linkage. Share one between threads.
#[derive(Default)]
pub struct Vm {
    programs: Mutex<HashMap<Linkage, Arc<Program>>>,
    natives: Arc<Natives>,
}

/// Code and types loaded under one linkage. What it holds depends on the linkage alone.
#[derive(Default)]
pub(crate) struct Program {
    modules: Mutex<HashMap<ModuleId, Arc<LoadedModule>>>,
    declarations: Mutex<HashMap<(ModuleId, Identifier), Arc<Declaration>>>,
    layouts: Mutex<HashMap<Type, CachedLayout>>,
}

/// A layout and how many nodes it has.
#[derive(Clone)]
pub(crate) struct CachedLayout {
    pub(crate) layout: Arc<Layout>,
    pub(crate) nodes: usize,
}

impl Vm {
    /// A virtual machine without loaded code.
    pub fn new() -> Self {
        Self::default()
    }

    /// A virtual machine without loaded code, whose hosts have these natives. Native functions are
    /// looked up once, when their module is loaded.
    pub fn with_natives(names: impl IntoIterator<Item = NativeName>) -> Self {
        Self {
            natives: Arc::new(Natives::new(names)),
            ..Self::default()
        }
    }

    /// A session that runs one transaction command under `linkage`.
    pub fn session<'a>(&self, source: &'a dyn PackageSource, linkage: Linkage) -> Session<'a> {
        let mut programs = lock(&self.programs);
        if programs.len() >= PROGRAMS_MAX && !programs.contains_key(&linkage) {
            programs.clear();
        }
        let program = Arc::clone(programs.entry(linkage.clone()).or_default());
        Session::new(source, linkage, program, Arc::clone(&self.natives))
    }
}

impl std::fmt::Debug for Vm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vm")
            .field("programs", &lock(&self.programs).len())
            .finish_non_exhaustive()
    }
}

impl Program {
    pub(crate) fn module(&self, id: &ModuleId) -> Option<Arc<LoadedModule>> {
        lock(&self.modules).get(id).cloned()
    }

    /// Keeps a module, or returns the one that another thread kept first.
    pub(crate) fn add_module(&self, module: LoadedModule) -> Arc<LoadedModule> {
        let mut modules = lock(&self.modules);
        Arc::clone(
            modules
                .entry(module.id.clone())
                .or_insert_with(|| Arc::new(module)),
        )
    }

    pub(crate) fn declaration(&self, key: &(ModuleId, Identifier)) -> Option<Arc<Declaration>> {
        lock(&self.declarations).get(key).cloned()
    }

    /// Keeps a declaration, or returns the one that another thread kept first.
    pub(crate) fn add_declaration(&self, declaration: Declaration) -> Arc<Declaration> {
        let key = (declaration.module.clone(), declaration.name.clone());
        Arc::clone(
            lock(&self.declarations)
                .entry(key)
                .or_insert_with(|| Arc::new(declaration)),
        )
    }

    pub(crate) fn layout(&self, type_: &Type) -> Option<CachedLayout> {
        lock(&self.layouts).get(type_).cloned()
    }

    pub(crate) fn add_layout(&self, type_: &Type, layout: &CachedLayout) {
        let mut layouts = lock(&self.layouts);
        if layouts.len() >= LAYOUTS_MAX {
            layouts.clear();
        }
        layouts.insert(type_.clone(), layout.clone());
    }
}

/// The maps are never left half-changed, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
