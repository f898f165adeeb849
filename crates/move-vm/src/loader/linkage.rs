//! Which version of each package a command runs.

use std::{collections::BTreeMap, sync::Arc};

use crate::{format::CompiledModule, identifier::Address};

/// Access to published packages. The virtual machine caches what it reads by storage id and
/// version, so an answer must never change for the same pair.
pub trait PackageSource {
    /// A module of the package with this storage id.
    fn module(&self, storage_id: &Address, module: &str) -> Option<Arc<CompiledModule>>;

    /// The runtime (original) id of the package with this storage id.
    fn runtime_id(&self, storage_id: &Address) -> Option<Address>;

    /// The id of the package version that introduced a datatype, by the type-origin table of the
    /// package with this storage id.
    fn defining_id(&self, storage_id: &Address, module: &str, datatype: &str) -> Option<Address>;
}

/// One version of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkedPackage {
    /// Object id of the version.
    pub storage_id: Address,
    /// The version. It matters for system packages, whose storage id never changes.
    pub version: u64,
}

/// The version of every package that one command may run: runtime id → storage id and version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Linkage {
    packages: BTreeMap<Address, LinkedPackage>,
}

impl Linkage {
    /// A linkage with no package.
    pub fn new() -> Self {
        Self::default()
    }

    /// Links a package version under its runtime id, and returns what was linked there before.
    pub fn insert(
        &mut self,
        runtime_id: Address,
        storage_id: Address,
        version: u64,
    ) -> Option<LinkedPackage> {
        self.packages.insert(
            runtime_id,
            LinkedPackage {
                storage_id,
                version,
            },
        )
    }

    /// The version linked under a runtime id.
    pub fn get(&self, runtime_id: &Address) -> Option<LinkedPackage> {
        self.packages.get(runtime_id).copied()
    }

    /// All linked packages, by runtime id.
    pub fn iter(&self) -> impl Iterator<Item = (Address, LinkedPackage)> + '_ {
        self.packages
            .iter()
            .map(|(runtime_id, package)| (*runtime_id, *package))
    }
}

impl FromIterator<(Address, LinkedPackage)> for Linkage {
    fn from_iter<I: IntoIterator<Item = (Address, LinkedPackage)>>(packages: I) -> Self {
        Self {
            packages: packages.into_iter().collect(),
        }
    }
}
