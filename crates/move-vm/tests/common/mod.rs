//! Compiled packages for tests, and a package source over them.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary uses its own part"
)]

pub mod assemble;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use move_vm::{Address, CompiledModule, Linkage, PackageSource, Session, Slot, Type, Value};

/// Bytes of every module of a compiled package: `move-stdlib` or `sui-framework`.
pub fn package_bytes(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../move/build/{name}.json"));
    modules_of_json(&path)
}

/// Bytes of every module of a compiled fixture of this crate.
pub fn fixture_bytes(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/move/{name}.json"));
    modules_of_json(&path)
}

fn modules_of_json(path: &Path) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|_| {
        panic!(
            "error: Move packages are not compiled; run ./scripts/move build ({})",
            path.display()
        )
    });
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let modules = json["modules"].as_array().unwrap();
    modules
        .iter()
        .map(|module| BASE64_STANDARD.decode(module.as_str().unwrap()).unwrap())
        .collect()
}

/// Both framework packages, then the modules given.
pub fn framework_bytes() -> Vec<Vec<u8>> {
    let mut modules = package_bytes("move-stdlib");
    modules.extend(package_bytes("sui-framework"));
    modules
}

/// Parses modules.
pub fn parse(modules: &[Vec<u8>]) -> Vec<CompiledModule> {
    modules
        .iter()
        .map(|bytes| CompiledModule::deserialize(bytes).unwrap())
        .collect()
}

/// Packages in memory: every address is one package of version 1, and its own storage id.
#[derive(Default)]
pub struct MemoryPackages {
    modules: BTreeMap<(Address, String), Arc<CompiledModule>>,
}

impl MemoryPackages {
    /// The standard library and the framework.
    pub fn with_framework() -> Self {
        let mut packages = Self::default();
        packages.add(parse(&framework_bytes()));
        packages
    }

    /// Adds modules under the address they carry.
    pub fn add(&mut self, modules: Vec<CompiledModule>) {
        for module in modules {
            let id = module.self_id();
            self.modules
                .insert((id.address, id.name.to_string()), Arc::new(module));
        }
    }

    /// Adds modules built at 0x0 under another address.
    pub fn add_at(&mut self, address: Address, mut modules: Vec<CompiledModule>) {
        for module in &mut modules {
            assert!(module.relocate_self(address));
        }
        self.add(modules);
    }

    /// Every module.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CompiledModule>> {
        self.modules.values()
    }

    /// Every package under its own id.
    pub fn linkage(&self) -> Linkage {
        let mut linkage = Linkage::new();
        for (address, _) in self.modules.keys() {
            linkage.insert(*address, *address, 1);
        }
        linkage
    }
}

impl PackageSource for MemoryPackages {
    fn module(&self, storage_id: &Address, module: &str) -> Option<Arc<CompiledModule>> {
        self.modules.get(&(*storage_id, module.to_owned())).cloned()
    }

    fn runtime_id(&self, storage_id: &Address) -> Option<Address> {
        self.modules
            .keys()
            .any(|(address, _)| address == storage_id)
            .then_some(*storage_id)
    }

    fn defining_id(&self, storage_id: &Address, _: &str, _: &str) -> Option<Address> {
        Some(*storage_id)
    }
}

/// Calls every non-generic function of a module, beside the framework, with made-up arguments and
/// little gas. The results do not matter, but verified code never ends in an invariant violation,
/// except for a variant that is not the expected one, which no static check excludes.
pub fn run_everything(module: CompiledModule) {
    let id = module.self_id();
    let functions: Vec<String> = module
        .function_defs
        .iter()
        .filter_map(|def| module.function_def_name(def))
        .map(ToString::to_string)
        .collect();
    let mut packages = MemoryPackages::with_framework();
    packages.add(vec![module]);
    let vm = move_vm::Vm::new();
    let session = vm.session(&packages, packages.linkage());
    for name in functions {
        let Ok(function) = session.load_function(&id.address, &id.name, &name, &[]) else {
            continue;
        };
        let slots: Option<Vec<Slot>> = function
            .parameters
            .iter()
            .map(|type_| {
                make_up(
                    &session,
                    type_.as_reference().map_or(type_, |(inner, _)| inner),
                )
            })
            .collect();
        let Some(slots) = slots else { continue };
        let arguments = slots
            .iter()
            .zip(&function.parameters)
            .map(|(slot, type_)| match type_.as_reference() {
                Some(_) => slot.borrow(),
                None => slot.get().unwrap(),
            })
            .collect();
        let mut meter = move_vm::Meter::new(2_000_000);
        let result = session.call(&function, arguments, &mut move_vm::NoHost, &mut meter);
        if let Err(error) = result
            && error.status == move_vm::StatusCode::InvariantViolation
        {
            let message = error.message.as_deref().unwrap_or_default();
            assert_eq!(
                message, "enum value has another variant",
                "{id}::{name}: {error}"
            );
        }
    }
}

/// A value of the type from made-up bytes.
fn make_up(session: &Session<'_>, type_: &Type) -> Option<Slot> {
    let layout = session.layout(type_).ok()?;
    // All-zero bytes are the encoding of some value of nearly every type, of some length.
    (0..200)
        .find_map(|length| Value::from_bcs(&vec![0; length], &layout).ok())
        .map(Slot::new)
}
