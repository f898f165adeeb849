//! The virtual machine: loaded code by linkage, and the natives that code may call.

use std::{collections::HashMap, sync::Arc};

use stdx::Mutex;

use crate::{
    loader::{Linkage, NativeName, NativeNames, PackageSource, Program, Session},
    natives,
};

/// Most linkages whose loaded code is kept. When full, all are dropped and loaded again on demand.
const PROGRAMS_MAX: usize = 256;

/// Holds loaded code between transactions, by linkage. Share one between threads.
pub struct Vm {
    programs: Mutex<HashMap<Linkage, Arc<Program>>>,
    natives: Arc<NativeNames>,
}

impl Default for Vm {
    fn default() -> Self {
        Self::with_natives([])
    }
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
            programs: Mutex::default(),
            natives: Arc::new(NativeNames::new(natives::names().chain(names))),
        }
    }

    /// A session that runs one transaction command under `linkage`.
    pub fn session<'a>(&self, source: &'a dyn PackageSource, linkage: Linkage) -> Session<'a> {
        let mut programs = self.programs.lock();
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
            .field("programs", &self.programs.lock().len())
            .finish_non_exhaustive()
    }
}
