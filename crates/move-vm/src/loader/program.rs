//! Loaded code and types, shared between sessions.

use std::{collections::HashMap, sync::Arc};

use stdx::Mutex;

use crate::{
    identifier::{Identifier, ModuleId},
    layout::Layout,
    loader::module::LoadedModule,
    types::{Declaration, Type},
};

/// Most layouts kept per linkage.
const LAYOUTS_MAX: usize = 4096;

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

impl Program {
    pub(crate) fn module(&self, id: &ModuleId) -> Option<Arc<LoadedModule>> {
        self.modules.lock().get(id).cloned()
    }

    /// Keeps a module, or returns the one that another thread kept first.
    pub(crate) fn add_module(&self, module: LoadedModule) -> Arc<LoadedModule> {
        let mut modules = self.modules.lock();
        Arc::clone(
            modules
                .entry(module.id.clone())
                .or_insert_with(|| Arc::new(module)),
        )
    }

    pub(crate) fn declaration(&self, key: &(ModuleId, Identifier)) -> Option<Arc<Declaration>> {
        self.declarations.lock().get(key).cloned()
    }

    /// Keeps a declaration, or returns the one that another thread kept first.
    pub(crate) fn add_declaration(&self, declaration: Declaration) -> Arc<Declaration> {
        let key = (declaration.module.clone(), declaration.name.clone());
        Arc::clone(
            self.declarations
                .lock()
                .entry(key)
                .or_insert_with(|| Arc::new(declaration)),
        )
    }

    pub(crate) fn layout(&self, type_: &Type) -> Option<CachedLayout> {
        self.layouts.lock().get(type_).cloned()
    }

    pub(crate) fn add_layout(&self, type_: &Type, layout: &CachedLayout) {
        let mut layouts = self.layouts.lock();
        if layouts.len() >= LAYOUTS_MAX {
            layouts.clear();
        }
        layouts.insert(type_.clone(), layout.clone());
    }
}
