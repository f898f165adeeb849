//! Publish.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use move_vm::{Address as MoveAddress, CompiledModule, ModuleId, Type, Value, verifier};
use stdx::SaturatingFrom as _;
use sui_sdk_types::{Address, ExecutionError, MovePackage, Publish, TypeOrigin, UpgradeInfo};

use super::{
    Interpreter,
    values::{ResultState, object_id, uid},
};
use crate::execution::{
    convert::{framework_tag, from_move, identifier, to_move},
    failure::Failure,
    gas::package_size,
    limits::{PACKAGE_BYTES_MAX, PUBLISH_UNITS_PER_BYTE},
    packages::{Package, Packages},
    private::INIT,
    publish_checks,
};

/// Version of a package that is published for the first time.
const FIRST_VERSION: u64 = 1;
/// Upgrade policy of a new package: every compatible upgrade is allowed.
const POLICY_COMPATIBLE: u8 = 0;

/// The linkage table of a package in the making: runtime id to version.
pub(super) type LinkageTable = BTreeMap<Address, UpgradeInfo>;

impl Interpreter<'_> {
    pub(super) fn publish(
        &mut self,
        index: usize,
        publish: &Publish,
    ) -> Result<Vec<ResultState>, Failure> {
        let mut modules = self.parse_modules(&publish.modules)?;
        let id = self.runtime.next_id();
        relocate(&mut modules, to_move(id));
        let linkage = link(self.packages, &modules, to_move(id), &publish.dependencies)?;
        self.verify(&modules, &linkage)?;
        let package = MovePackage {
            id,
            version: FIRST_VERSION,
            modules: named_bytes(&modules),
            type_origin_table: modules
                .iter()
                .flat_map(|module| origins(module, id))
                .collect(),
            linkage_table: linkage,
        };
        self.add_package(package)?;
        self.run_initializers(id, &modules)?;
        let cap = self.upgrade_cap(id)?;
        let results = vec![cap];
        let group = self.groups.join([]);
        self.entangle(index, group, &results);
        Ok(results)
    }

    /// Parses modules, which must all be at address 0x0, and charges for their bytes.
    pub(super) fn parse_modules(
        &mut self,
        modules: &[Vec<u8>],
    ) -> Result<Vec<CompiledModule>, Failure> {
        let bytes: usize = modules.iter().map(Vec::len).sum();
        self.gas
            .charge_bytes(u64::saturating_from(bytes), PUBLISH_UNITS_PER_BYTE)
            .map_err(Failure::from)?;
        let mut names = BTreeSet::new();
        let mut parsed = Vec::with_capacity(modules.len());
        for bytes in modules {
            let module = CompiledModule::deserialize(bytes)
                .map_err(|error| malformed(format!("a module does not parse: {error}")))?;
            verifier::verify_module(&module)
                .map_err(|error| malformed(format!("module {}: {error}", module.self_id().name)))?;
            let id = module.self_id();
            if id.address != MoveAddress::ZERO {
                return Err(Failure::from(ExecutionError::PublishErrorNonZeroAddress)
                    .with_detail(format!("module {id} is not at address 0x0")));
            }
            if !names.insert(id.name.clone()) {
                return Err(malformed(format!("two modules are named {}", id.name)));
            }
            parsed.push(module);
        }
        Ok(parsed)
    }

    /// Checks modules against each other, their dependencies and the chain's own rules.
    pub(super) fn verify(
        &self,
        modules: &[CompiledModule],
        linkage: &LinkageTable,
    ) -> Result<(), Failure> {
        let resolve = |id: &ModuleId| -> Option<Arc<CompiledModule>> {
            let linked = linkage.get(&from_move(id.address))?;
            self.packages.find(linked.upgraded_id)?.module(&id.name)
        };
        verifier::verify_linking(modules, &resolve)
            .map_err(|error| malformed(format!("modules do not link: {error}")))?;
        for module in modules {
            publish_checks::check(module).map_err(|broken| {
                Failure::from(ExecutionError::SuiMoveVerificationError)
                    .with_detail(format!("module {}: {broken}", module.self_id().name))
            })?;
        }
        Ok(())
    }

    /// Makes a package available to the rest of the transaction.
    pub(super) fn add_package(&mut self, package: MovePackage) -> Result<(), Failure> {
        let size = u64::saturating_from(package_size(&package));
        if size > PACKAGE_BYTES_MAX {
            let max_object_size = PACKAGE_BYTES_MAX;
            return Err(ExecutionError::PackageTooBig {
                object_size: size,
                max_object_size,
            }
            .into());
        }
        let loaded = Package::new(package.clone(), self.runtime.tx.digest)
            .ok_or_else(|| Failure::invariant("a verified package does not parse"))?;
        self.packages.publish(Arc::new(loaded));
        self.new_packages.push(package);
        Ok(())
    }

    fn run_initializers(&mut self, id: Address, modules: &[CompiledModule]) -> Result<(), Failure> {
        let package = self
            .packages
            .find(id)
            .ok_or_else(|| Failure::invariant("a published package is not found"))?;
        let session = self
            .vm
            .session(self.packages, self.packages.linkage_of(&package));
        for module in modules
            .iter()
            .filter(|module| module.find_function(INIT).is_some())
        {
            let name = module.self_id().name;
            let failed =
                |error: &_| crate::execution::failure::Failure::of_vm(error, session.linkage());
            let init = session
                .load_function(&to_move(id), &name, INIT, &[])
                .map_err(|error| failed(&error))?;
            let mut arguments = Vec::with_capacity(init.parameters.len());
            if matches!(init.parameters.first(), Some(Type::Datatype(_))) {
                arguments.push(Value::structure(vec![Value::Bool(true)]));
            }
            arguments.push(self.context().borrow());
            self.runtime
                .set_event_source(to_move(id), identifier(&name));
            session
                .call(&init, arguments, &mut self.runtime, &mut self.gas.meter)
                .map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// The capability to upgrade a new package.
    fn upgrade_cap(&mut self, package: Address) -> Result<ResultState, Failure> {
        let id = self.runtime.fresh_id().map_err(Failure::from)?;
        let cap = Value::structure(vec![
            uid(id),
            object_id(package),
            Value::U64(FIRST_VERSION),
            Value::U8(POLICY_COMPATIBLE),
        ]);
        self.result(
            framework_tag(MoveAddress::FRAMEWORK, "package", "UpgradeCap"),
            cap,
        )
    }
}

pub(super) fn malformed(detail: String) -> Failure {
    Failure::from(ExecutionError::VmVerificationOrDeserializationError).with_detail(detail)
}

/// Moves modules from 0x0 to their address.
pub(super) fn relocate(modules: &mut [CompiledModule], address: MoveAddress) {
    for module in modules {
        module.relocate_self(address);
    }
}

/// Bytes of modules by name.
pub(super) fn named_bytes(
    modules: &[CompiledModule],
) -> BTreeMap<sui_sdk_types::Identifier, Vec<u8>> {
    modules
        .iter()
        .map(|module| (identifier(&module.self_id().name), module.serialize()))
        .collect()
}

/// Origins of all datatypes of a module, as if all were new in package `id`.
pub(super) fn origins(module: &CompiledModule, id: Address) -> Vec<TypeOrigin> {
    let module_name = identifier(&module.self_id().name);
    module
        .datatype_names()
        .map(|name| TypeOrigin {
            module_name: module_name.clone(),
            struct_name: identifier(name),
            package: id,
        })
        .collect()
}

/// Builds the linkage table from the listed dependencies and checks that it is complete: every
/// package that a module mentions is listed, and whatever these depend on is listed at least at the
/// version they were built with.
pub(super) fn link(
    packages: &Packages<'_>,
    modules: &[CompiledModule],
    own_runtime_id: MoveAddress,
    dependencies: &[Address],
) -> Result<LinkageTable, Failure> {
    let missing = |what: String| {
        Failure::from(ExecutionError::PublishUpgradeMissingDependency).with_detail(what)
    };
    let mut table = LinkageTable::new();
    for id in dependencies {
        let package = packages
            .find(*id)
            .ok_or_else(|| missing(format!("dependency {id} does not exist")))?;
        let entry = UpgradeInfo {
            upgraded_id: *id,
            upgraded_version: package.object.version,
        };
        if table.insert(from_move(package.runtime_id), entry).is_some() {
            return Err(
                Failure::from(ExecutionError::InvalidLinkage).with_detail(format!(
                    "two versions of package {} are listed",
                    package.runtime_id
                )),
            );
        }
    }
    for module in modules {
        for dependency in module
            .dependencies()
            .filter(|id| id.address != own_runtime_id)
        {
            let linked = table.get(&from_move(dependency.address)).ok_or_else(|| {
                missing(format!(
                    "{} uses {dependency}, whose package is not listed",
                    module.self_id()
                ))
            })?;
            let package = packages
                .find(linked.upgraded_id)
                .ok_or_else(|| missing(format!("package of {dependency} does not exist")))?;
            check_transitive(&table, &package)?;
        }
    }
    Ok(table)
}

fn check_transitive(table: &LinkageTable, dependency: &Package) -> Result<(), Failure> {
    for (runtime_id, needed) in &dependency.object.linkage_table {
        let Some(linked) = table.get(runtime_id) else {
            return Err(
                Failure::from(ExecutionError::PublishUpgradeMissingDependency).with_detail(
                    format!(
                        "dependency {} needs {runtime_id}, which is not listed",
                        dependency.object.id
                    ),
                ),
            );
        };
        if linked.upgraded_version < needed.upgraded_version {
            return Err(
                Failure::from(ExecutionError::PublishUpgradeDependencyDowngrade).with_detail(
                    format!(
                        "dependency {} needs version {} of {runtime_id}, version {} is listed",
                        dependency.object.id, needed.upgraded_version, linked.upgraded_version
                    ),
                ),
            );
        }
    }
    Ok(())
}
