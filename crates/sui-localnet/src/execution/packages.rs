//! Packages, parsed once and kept.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use move_vm::{Address as MoveAddress, CompiledModule, Linkage, PackageSource};
use stdx::Mutex;
use sui_sdk_types::{Address, Digest, MovePackage, Object, ObjectData};

use super::{
    InputError, ObjectSource,
    convert::{from_move, to_move},
};

/// Most packages kept between transactions. When full, all are dropped and parsed again on demand.
const PACKAGES_MAX: usize = 4096;

/// Storage ids of the packages that are upgraded in place.
pub(crate) const SYSTEM_PACKAGES: [MoveAddress; 3] = [
    MoveAddress::STD,
    MoveAddress::FRAMEWORK,
    MoveAddress::SYSTEM,
];

/// A package ready for use.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) object: MovePackage,
    pub(crate) previous_transaction: Digest,
    /// Address of the first version: the one its bytecode carries.
    pub(crate) runtime_id: MoveAddress,
    modules: HashMap<String, OnceLock<Option<Arc<CompiledModule>>>>,
    origins: HashMap<String, HashMap<String, MoveAddress>>,
}

impl Package {
    /// Takes in a package. `None` if it has no module that parses, which no published package
    /// lacks.
    pub(crate) fn new(object: MovePackage, previous_transaction: Digest) -> Option<Self> {
        let (_, bytes) = object.modules.first_key_value()?;
        let runtime_id = CompiledModule::deserialize(bytes).ok()?.self_id().address;
        let names = object
            .modules
            .keys()
            .map(|name| (name.as_str().to_owned(), OnceLock::new()));
        let modules = names.collect();
        let mut origins: HashMap<String, HashMap<String, MoveAddress>> = HashMap::new();
        for origin in &object.type_origin_table {
            origins
                .entry(origin.module_name.as_str().to_owned())
                .or_default()
                .insert(
                    origin.struct_name.as_str().to_owned(),
                    to_move(origin.package),
                );
        }
        Some(Self {
            object,
            previous_transaction,
            runtime_id,
            modules,
            origins,
        })
    }

    /// The package in an object, if it is one.
    pub(crate) fn of_object(object: &Object) -> Option<Self> {
        match object.data() {
            ObjectData::Package(package) => {
                Self::new(package.clone(), object.previous_transaction())
            }
            ObjectData::Struct(_) => None,
        }
    }

    pub(crate) fn storage_id(&self) -> MoveAddress {
        to_move(self.object.id)
    }

    pub(crate) fn module(&self, name: &str) -> Option<Arc<CompiledModule>> {
        self.modules
            .get(name)?
            .get_or_init(|| {
                let (_, bytes) = self
                    .object
                    .modules
                    .iter()
                    .find(|(id, _)| id.as_str() == name)?;
                CompiledModule::deserialize(bytes).ok().map(Arc::new)
            })
            .clone()
    }

    pub(crate) fn defining_id(&self, module: &str, datatype: &str) -> Option<MoveAddress> {
        self.origins.get(module)?.get(datatype).copied()
    }
}

/// Packages kept between transactions. An id never stands for two contents.
#[derive(Debug, Default)]
pub(crate) struct PackageCache {
    packages: Mutex<HashMap<MoveAddress, Arc<Package>>>,
}

impl PackageCache {
    fn get(&self, id: &MoveAddress) -> Option<Arc<Package>> {
        let packages = self.packages.lock();
        packages.get(id).cloned()
    }

    fn insert(&self, package: &Arc<Package>) {
        let mut packages = self.packages.lock();
        if packages.len() >= PACKAGES_MAX {
            packages.clear();
        }
        packages.insert(package.storage_id(), Arc::clone(package));
    }
}

/// The packages one transaction sees: those on chain and those it published.
pub(crate) struct Packages<'a> {
    store: &'a dyn ObjectSource,
    cache: &'a PackageCache,
    published: RefCell<BTreeMap<MoveAddress, Arc<Package>>>,
}

impl<'a> Packages<'a> {
    pub(crate) fn new(store: &'a dyn ObjectSource, cache: &'a PackageCache) -> Self {
        Self {
            store,
            cache,
            published: RefCell::default(),
        }
    }

    /// The package with this storage id.
    pub(crate) fn get(&self, id: &MoveAddress) -> Option<Arc<Package>> {
        if let Some(package) = self.cache.get(id) {
            return Some(package);
        }
        if let Some(package) = self.published.borrow().get(id) {
            return Some(Arc::clone(package));
        }
        let object = self.store.object(&from_move(*id))?;
        let package = Arc::new(Package::of_object(&object)?);
        self.cache.insert(&package);
        Some(package)
    }

    /// The package with this object id.
    pub(crate) fn find(&self, id: Address) -> Option<Arc<Package>> {
        self.get(&to_move(id))
    }

    /// Why there is no package with this id.
    pub(crate) fn missing(&self, id: Address) -> InputError {
        if self.store.object(&id).is_some() {
            InputError::NotAPackage { id }
        } else {
            InputError::PackageNotFound { id }
        }
    }

    /// Adds a package that the running transaction publishes. It never reaches the cache from here,
    /// because the transaction may fail.
    pub(crate) fn publish(&self, package: Arc<Package>) {
        self.published
            .borrow_mut()
            .insert(package.storage_id(), package);
    }

    /// The linkage of a call into `package`: itself, everything its linkage table names, and the
    /// newest system packages.
    pub(crate) fn linkage_of(&self, package: &Package) -> Linkage {
        let mut linkage = Linkage::new();
        for (runtime_id, info) in &package.object.linkage_table {
            linkage.insert(
                to_move(*runtime_id),
                to_move(info.upgraded_id),
                info.upgraded_version,
            );
        }
        linkage.insert(
            package.runtime_id,
            package.storage_id(),
            package.object.version,
        );
        self.link_system(&mut linkage);
        linkage
    }

    /// Links the newest version of every system package.
    pub(crate) fn link_system(&self, linkage: &mut Linkage) {
        for package in SYSTEM_PACKAGES.iter().filter_map(|id| self.get(id)) {
            linkage.insert(
                package.runtime_id,
                package.storage_id(),
                package.object.version,
            );
        }
    }

    /// Makes sure that the datatypes of `tag` (with defining ids) exist under `linkage`: their
    /// packages and what these depend on are linked at least at the version that defines them.
    /// False if a package does not exist.
    pub(crate) fn link_type(&self, linkage: &mut Linkage, tag: &move_vm::TypeTag) -> bool {
        let mut complete = true;
        tag.for_each_struct(&mut |tag| match self.get(&tag.address) {
            Some(package) => {
                for (runtime_id, info) in &package.object.linkage_table {
                    raise(
                        linkage,
                        to_move(*runtime_id),
                        to_move(info.upgraded_id),
                        info.upgraded_version,
                    );
                }
                raise(
                    linkage,
                    package.runtime_id,
                    package.storage_id(),
                    package.object.version,
                );
            }
            None => complete = false,
        });
        complete
    }
}

/// Links a package unless a version at least as new is linked already.
fn raise(linkage: &mut Linkage, runtime_id: MoveAddress, storage_id: MoveAddress, version: u64) {
    if linkage
        .get(&runtime_id)
        .is_none_or(|linked| linked.version < version)
    {
        linkage.insert(runtime_id, storage_id, version);
    }
}

impl PackageSource for Packages<'_> {
    fn module(&self, storage_id: &MoveAddress, module: &str) -> Option<Arc<CompiledModule>> {
        self.get(storage_id)?.module(module)
    }

    fn runtime_id(&self, storage_id: &MoveAddress) -> Option<MoveAddress> {
        Some(self.get(storage_id)?.runtime_id)
    }

    fn defining_id(
        &self,
        storage_id: &MoveAddress,
        module: &str,
        datatype: &str,
    ) -> Option<MoveAddress> {
        self.get(storage_id)?.defining_id(module, datatype)
    }
}
