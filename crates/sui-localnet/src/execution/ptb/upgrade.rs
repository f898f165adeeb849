//! Upgrade: a new version of a package, as allowed by a ticket.

use std::sync::Arc;

use move_vm::{Address as MoveAddress, CompiledModule, Value, VmError};
use sui_sdk_types::{
    Address, Digest, ExecutionError, MovePackage, PackageUpgradeError, TypeOrigin, Upgrade,
    hash::Hasher,
};

use super::{
    Interpreter,
    arguments::Uses,
    publish::{link, named_bytes, origins, relocate},
    values::{ResultState, object_id},
};
use crate::execution::{
    compatibility::{self, Policy},
    convert::{framework_tag, from_move},
    failure::Failure,
    packages::Package,
};

/// What an `0x2::package::UpgradeTicket` allows.
struct Ticket {
    cap: Address,
    package: Address,
    policy: u8,
    digest: Vec<u8>,
}

impl Ticket {
    fn read(value: &Value) -> Result<Self, VmError> {
        let id = |index| -> Result<Address, VmError> {
            Ok(from_move(
                value.copy_field(index)?.copy_field(0)?.into_address()?,
            ))
        };
        Ok(Self {
            cap: id(0)?,
            package: id(1)?,
            policy: value.copy_field(2)?.into_u8()?,
            digest: value.copy_field(3)?.into_bytes()?,
        })
    }
}

fn upgrade_error(kind: PackageUpgradeError) -> Failure {
    ExecutionError::PackageUpgradeError { kind }.into()
}

impl Interpreter<'_> {
    pub(super) fn upgrade(
        &mut self,
        index: usize,
        upgrade: &Upgrade,
    ) -> Result<Vec<ResultState>, Failure> {
        let mut uses = Uses::default();
        let ticket = self.ticket(upgrade, &mut uses)?;
        if ticket.package != upgrade.package {
            return Err(upgrade_error(PackageUpgradeError::PackageIdDoesNotMatch {
                package_id: upgrade.package,
                ticket_id: ticket.package,
            }));
        }
        let modules = self.parse_modules(&upgrade.modules)?;
        let digest = package_digest(&upgrade.modules, &upgrade.dependencies);
        if digest.as_bytes() != ticket.digest {
            return Err(upgrade_error(PackageUpgradeError::DigestDoesNotMatch {
                digest,
            }));
        }
        let current = self.packages.find(upgrade.package).ok_or_else(|| {
            upgrade_error(PackageUpgradeError::UnableToFetchPackage {
                package_id: upgrade.package,
            })
        })?;
        let policy = Policy::from_number(ticket.policy).ok_or_else(|| {
            upgrade_error(PackageUpgradeError::UnknownUpgradePolicy {
                policy: ticket.policy,
            })
        })?;
        let id = self.add_version(&current, modules, upgrade, policy)?;
        let receipt = Value::structure(vec![object_id(ticket.cap), object_id(id)]);
        let tag = framework_tag(MoveAddress::FRAMEWORK, "package", "UpgradeReceipt");
        let results = vec![self.result(tag, receipt)?];
        self.release(&uses);
        let group = self.groups.join(uses.places());
        self.entangle(index, group, &results);
        Ok(results)
    }

    fn ticket(&mut self, upgrade: &Upgrade, uses: &mut Uses) -> Result<Ticket, Failure> {
        let tag = framework_tag(MoveAddress::FRAMEWORK, "package", "UpgradeTicket");
        let info = self.type_info(&tag)?;
        let value = self.take(0, upgrade.ticket, &info, &tag, uses)?;
        Ticket::read(&value).map_err(Failure::from)
    }

    /// Verifies and stores the new version; returns its id.
    fn add_version(
        &mut self,
        current: &Arc<Package>,
        mut modules: Vec<CompiledModule>,
        upgrade: &Upgrade,
        policy: Policy,
    ) -> Result<Address, Failure> {
        let id = self.runtime.next_id();
        relocate(&mut modules, current.runtime_id);
        let linkage = link(
            self.packages,
            &modules,
            current.runtime_id,
            &upgrade.dependencies,
        )?;
        self.verify(&modules, &linkage)?;
        let old = old_modules(current)?;
        compatibility::check(&old, &modules, policy).map_err(|broken| {
            upgrade_error(PackageUpgradeError::IncompatibleUpgrade).with_detail(broken)
        })?;
        check_no_new_initializer(&old, &modules)?;
        let type_origin_table = modules
            .iter()
            .flat_map(|module| version_origins(current, module, id))
            .collect();
        self.add_package(MovePackage {
            id,
            version: current.object.version + 1,
            modules: named_bytes(&modules),
            type_origin_table,
            linkage_table: linkage,
        })?;
        Ok(id)
    }
}

/// Hash over the hashes of all modules and the ids of all dependencies, sorted.
fn package_digest(modules: &[Vec<u8>], dependencies: &[Address]) -> Digest {
    let hashes = modules
        .iter()
        .map(|module| Hasher::digest(module).into_inner());
    let mut items: Vec<[u8; 32]> = hashes
        .chain(dependencies.iter().map(|id| id.into_inner()))
        .collect();
    items.sort_unstable();
    Hasher::digest(items.concat())
}

fn old_modules(current: &Package) -> Result<Vec<Arc<CompiledModule>>, Failure> {
    current
        .object
        .modules
        .keys()
        .map(|name| {
            current
                .module(name.as_str())
                .ok_or_else(|| Failure::invariant("a published module does not parse"))
        })
        .collect()
}

/// Initialisers run at the first publishing only; a module that comes later must not have one.
fn check_no_new_initializer(
    old: &[Arc<CompiledModule>],
    new: &[CompiledModule],
) -> Result<(), Failure> {
    let late = new.iter().find(|module| {
        module.find_function("init").is_some()
            && !old
                .iter()
                .any(|old| old.self_id().name == module.self_id().name)
    });
    match late {
        Some(module) => Err(
            Failure::from(ExecutionError::FeatureNotYetSupported).with_detail(format!(
                "new module {} has an initialiser",
                module.self_id().name
            )),
        ),
        None => Ok(()),
    }
}

/// Origins of a module's datatypes: known ones keep theirs, new ones come from package `id`.
fn version_origins(current: &Package, module: &CompiledModule, id: Address) -> Vec<TypeOrigin> {
    let mut table = origins(module, id);
    for origin in &mut table {
        let known = current.defining_id(origin.module_name.as_str(), origin.struct_name.as_str());
        if let Some(package) = known {
            origin.package = from_move(package);
        }
    }
    table
}
