//! The virtual machine: loaded code shared between sessions.

use crate::loader::{Linkage, PackageSource, Session};

/// Holds loaded code between transactions. Share one between threads.
#[derive(Debug, Default)]
pub struct Vm {}

pub(crate) struct LoadedModule {}

impl Vm {
    /// A virtual machine without loaded code.
    pub fn new() -> Self {
        Self::default()
    }

    /// A session that runs one transaction command under `linkage`.
    pub fn session<'a>(&self, source: &'a dyn PackageSource, linkage: Linkage) -> Session<'a> {
        Session::new(source, linkage)
    }
}
