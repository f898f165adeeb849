//! Packages that are linked to published ones: what is sent to a chain, voted about and compared.

use std::collections::BTreeMap;

use crate::link::{self, LinkError};

/// Address that modules which are not published yet have for themselves.
const UNPUBLISHED: [u8; 32] = [0; 32];

/// A published package that takes the place of a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The placeholder, such as [`WAL_PLACEHOLDER`](crate::packages::WAL_PLACEHOLDER).
    pub placeholder: [u8; 32],
    /// ID of the first version of the package: the address that modules call it by.
    pub original_id: [u8; 32],
    /// ID of the version to use; the original ID if there is only one.
    pub package_id: [u8; 32],
}

impl Link {
    /// A link to a package that was never upgraded.
    pub fn to_first_version(placeholder: [u8; 32], package_id: [u8; 32]) -> Self {
        Self {
            placeholder,
            original_id: package_id,
            package_id,
        }
    }
}

/// A package ready for a publish or upgrade transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedPackage {
    /// Name of the package.
    pub name: &'static str,
    /// Bytecode of each module, with self address 0x0.
    pub modules: Vec<Vec<u8>>,
    /// Ids of the packages the modules call, directly or not.
    pub dependencies: Vec<[u8; 32]>,
    /// Digest of modules and dependencies: what upgrade tickets and votes name.
    pub digest: [u8; 32],
}

impl LinkedPackage {
    /// Bytecode of all modules together, in bytes.
    pub fn code_bytes(&self) -> usize {
        self.modules.iter().map(Vec::len).sum()
    }

    /// The modules by name.
    ///
    /// # Errors
    ///
    /// A module is not well-formed.
    pub fn modules_by_name(&self) -> Result<BTreeMap<String, &[u8]>, LinkError> {
        self.modules
            .iter()
            .map(|module| Ok((link::module_name(module)?, module.as_slice())))
            .collect()
    }

    /// Compares this package with a published version of the same package, whose modules are given
    /// by name and whose modules call themselves `original_id`. In the order of the names.
    ///
    /// # Errors
    ///
    /// A module of either is not well-formed.
    pub fn compare(
        &self,
        published: &BTreeMap<String, Vec<u8>>,
        original_id: [u8; 32],
    ) -> Result<Vec<ComparedModule>, LinkError> {
        let ours = self.modules_by_name()?;
        let names: std::collections::BTreeSet<&String> =
            published.keys().chain(ours.keys()).collect();
        names
            .into_iter()
            .map(|name| {
                let theirs = published
                    .get(name)
                    .map(|module| unpublished(module, original_id))
                    .transpose()?;
                let ours = ours.get(name).copied();
                let (change, module) = match (theirs.as_deref(), ours) {
                    (Some(theirs), Some(ours)) if theirs == ours => (ModuleChange::Same, ours),
                    (Some(_), Some(ours)) => (ModuleChange::Changed, ours),
                    (None, Some(ours)) => (ModuleChange::Added, ours),
                    (Some(theirs), None) => (ModuleChange::Removed, theirs),
                    (None, None) => unreachable!("names are those of either package"),
                };
                Ok(ComparedModule {
                    name: name.clone(),
                    change,
                    digest: link::blake2b256(module),
                    published_digest: theirs.as_deref().map(link::blake2b256),
                    bytes: module.len(),
                })
            })
            .collect()
    }
}

/// How a module differs from the published version of the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleChange {
    /// It does not.
    Same,
    /// Both have it, with different code.
    Changed,
    /// Only the new version has it.
    Added,
    /// Only the published version has it: an upgrade cannot remove a module.
    Removed,
}

/// A module of two versions of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedModule {
    /// Name of the module.
    pub name: String,
    /// How the versions differ.
    pub change: ModuleChange,
    /// BLAKE2b-256 of the module (of the published one if it was removed), as if it were not
    /// published.
    pub digest: [u8; 32],
    /// The same of the published one, if there is one.
    pub published_digest: Option<[u8; 32]>,
    /// Size of the module.
    pub bytes: usize,
}

/// A published module as it was before it was published: with self address 0x0.
fn unpublished(module: &[u8], original_id: [u8; 32]) -> Result<Vec<u8>, LinkError> {
    link::replace_addresses(module, |address| {
        if *address == original_id {
            UNPUBLISHED
        } else {
            *address
        }
    })
}

/// Digest of a package: BLAKE2b-256 over the sorted 32-byte strings { BLAKE2b-256 of each module }
/// and { ID of each dependency }. Modules are as they are sent, with self address 0x0.
pub fn package_digest(modules: &[Vec<u8>], dependencies: &[[u8; 32]]) -> [u8; 32] {
    link::package_digest(modules, dependencies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::{self, WAL_PLACEHOLDER, WALRUS_PLACEHOLDER};

    const PUBLISHED: [u8; 32] = [0xC0; 32];

    fn walrus() -> LinkedPackage {
        let link = Link::to_first_version(WAL_PLACEHOLDER, [0xAB; 32]);
        packages::walrus().linked(&[link]).unwrap()
    }

    /// What a chain stores: names, and modules that know their own address.
    fn published(package: &LinkedPackage) -> BTreeMap<String, Vec<u8>> {
        let relocate = |module: &[u8]| {
            link::replace_addresses(module, |address| {
                if *address == UNPUBLISHED {
                    PUBLISHED
                } else {
                    *address
                }
            })
        };
        let modules = package.modules_by_name().unwrap();
        modules
            .into_iter()
            .map(|(name, module)| (name, relocate(module).unwrap()))
            .collect()
    }

    #[test]
    fn modules_have_the_names_of_the_sources() {
        for package in packages::all() {
            let mut names: Vec<String> = package
                .modules
                .iter()
                .map(|module| link::module_name(module).unwrap())
                .collect();
            names.sort();
            if package.name == "wal" {
                assert_eq!(names, ["wal"]);
            }
            if package.name == "walrus" {
                assert!(
                    names.iter().any(|name| name == "pool_exchange_rate"),
                    "{names:?}"
                );
            }
            let mut unique = names.clone();
            unique.dedup();
            assert_eq!(unique, names);
        }
    }

    #[test]
    fn a_published_package_is_recognised_module_by_module() {
        let package = walrus();
        let mut chain = published(&package);
        let same = package.compare(&chain, PUBLISHED).unwrap();
        assert_eq!(same.len(), package.modules.len());
        for module in &same {
            assert_eq!(module.change, ModuleChange::Same, "{}", module.name);
            assert_eq!(module.published_digest, Some(module.digest));
        }

        let blob = chain.remove("blob").unwrap();
        chain.insert("former".to_owned(), blob);
        let other = chain["metadata"].clone();
        chain.insert("encoding".to_owned(), other);
        let changes: BTreeMap<_, _> = package
            .compare(&chain, PUBLISHED)
            .unwrap()
            .into_iter()
            .map(|module| (module.name, module.change))
            .collect();
        assert_eq!(changes["blob"], ModuleChange::Added);
        assert_eq!(changes["former"], ModuleChange::Removed);
        assert_eq!(changes["encoding"], ModuleChange::Changed);
        assert_eq!(changes["system"], ModuleChange::Same);
    }

    #[test]
    fn an_upgraded_dependency_is_called_by_its_first_id_and_listed_by_its_last() {
        let (wal, first, last) = ([0xAB; 32], [0x01; 32], [0x04; 32]);
        let links = [
            Link::to_first_version(WAL_PLACEHOLDER, wal),
            Link {
                placeholder: WALRUS_PLACEHOLDER,
                original_id: first,
                package_id: last,
            },
        ];
        let linked = packages::blob_bucket().linked(&links).unwrap();
        assert!(linked.dependencies.contains(&last) && !linked.dependencies.contains(&first));
        for module in &linked.modules {
            let addresses = link::addresses(module).unwrap();
            assert!(!addresses.contains(&last));
        }
        let calls = |module: &Vec<u8>| link::addresses(module).unwrap().contains(&first);
        assert!(linked.modules.iter().any(calls));
        assert_eq!(
            linked.digest,
            package_digest(&linked.modules, &linked.dependencies)
        );
    }
}
