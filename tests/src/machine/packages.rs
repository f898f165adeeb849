//! The code that the machine runs.

use std::{collections::BTreeMap, sync::Arc};

use move_vm::{Address, CompiledModule, Linkage, PackageSource, TypeTag};
use sui_localnet::execution::Engine;
use walrus_contracts::packages::{self, CompiledPackage, WAL_PLACEHOLDER};

/// Where `walrus` is, as far as the machine is concerned.
const WALRUS: Address = Address(packages::WALRUS_PLACEHOLDER);
/// Where `wal` is.
const WAL: Address = Address(WAL_PLACEHOLDER);

/// Packages in memory, each at its own address in version 1.
pub(super) struct Packages {
    modules: BTreeMap<(Address, String), Arc<CompiledModule>>,
    linkage: Linkage,
}

impl Packages {
    pub(super) fn load() -> Self {
        let mut packages = Self {
            modules: BTreeMap::new(),
            linkage: Linkage::new(),
        };
        for object in Engine::framework_genesis() {
            let sui_sdk_types::ObjectData::Package(package) = object.data() else {
                continue;
            };
            for bytes in package.modules.values() {
                packages.add(parse(bytes));
            }
        }
        packages.add_at(WAL, packages::wal());
        packages.add_at(WALRUS, packages::walrus());
        packages
    }

    fn add_at(&mut self, address: Address, package: &CompiledPackage) {
        for bytes in &package.modules {
            let mut module = parse(bytes);
            assert!(module.relocate_self(address), "the module has an address");
            self.add(module);
        }
    }

    fn add(&mut self, module: CompiledModule) {
        let id = module.self_id();
        let key = (id.address, id.name.to_string());
        self.linkage.insert(id.address, id.address, 1);
        self.modules.insert(key, Arc::new(module));
    }

    pub(super) fn linkage(&self) -> Linkage {
        self.linkage.clone()
    }

    /// Address of a package by name.
    pub(super) fn address(name: &str) -> Address {
        match name {
            "std" => Address::STD,
            "sui" => Address::FRAMEWORK,
            "wal" => WAL,
            "walrus" => WALRUS,
            _ => panic!("package {name} is not loaded"),
        }
    }

    /// The type with this text, where packages have names: `sui::balance::Balance<wal::wal::WAL>`.
    pub(super) fn type_tag(text: &str) -> TypeTag {
        let mut resolved = String::new();
        for token in text.split_inclusive(['<', ',', ' ', '>']) {
            match token.split_once("::") {
                Some((package, rest)) => {
                    let address = Self::address(package).to_canonical();
                    resolved.extend(["0x", &address, "::", rest]);
                }
                None => resolved.push_str(token),
            }
        }
        resolved
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }
}

impl PackageSource for Packages {
    fn module(&self, storage_id: &Address, module: &str) -> Option<Arc<CompiledModule>> {
        self.modules.get(&(*storage_id, module.to_owned())).cloned()
    }

    fn runtime_id(&self, storage_id: &Address) -> Option<Address> {
        let mut addresses = self.modules.keys().map(|(address, _)| address);
        addresses
            .any(|address| address == storage_id)
            .then_some(*storage_id)
    }

    fn defining_id(&self, storage_id: &Address, _: &str, _: &str) -> Option<Address> {
        Some(*storage_id)
    }
}

fn parse(bytes: &[u8]) -> CompiledModule {
    CompiledModule::deserialize(bytes).expect("the compiler writes well-formed modules")
}
