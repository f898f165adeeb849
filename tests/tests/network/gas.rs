//! What every function costs that people and nodes call, compared with the committed table
//! `tests/gas.md`.
//!
//! A difference is either a mistake or a deliberate change; then write the table anew, and commit
//! it with its reason:
//!
//! ```text
//! WALRUS_UPDATE_GAS=1 cargo test --workspace --test network gas::
//! ```

mod accounts;
mod blobs;
mod governance;
mod meter;
mod nodes;
mod peripheral;
mod pools;

use std::{collections::BTreeSet, fs, path::PathBuf};

use move_vm::{CompiledModule, Visibility};
use walrus_contracts::packages;

use meter::Meter;

const UPDATE_VARIABLE: &str = "WALRUS_UPDATE_GAS";

const HEAD: &str = "\
# Gas

What functions of the contracts cost on the embedded chain, in MIST: a network of 5 nodes and 10 shards, and one
transaction with nothing but the call and what it needs. Storage is for all bytes that the transaction writes, the
rebate for those that they replace. The chain's prices for computation are coarser than those of a real network.

`tests/tests/network/gas.rs` says how this is measured and how to write it anew.

| Function | Computation | Storage | Rebate |
|---|---:|---:|---:|
";

/// Functions that cannot be measured, and why.
const NOT_MEASURED: [(&str, &str); 18] = [
    ("walrus::init::migrate", "always aborts"),
    ("walrus::staking::initiate_epoch_change", "always aborts"),
    (
        "walrus::init::migrate_v2",
        "needs a newer version of the package",
    ),
    (
        "walrus::staking::set_migration_epoch",
        "needs a newer version of the package",
    ),
    (
        "walrus_subsidies::walrus_subsidies::migrate",
        "needs a newer version of the package",
    ),
    (
        "subsidies::subsidies::migrate",
        "needs a newer version of the package",
    ),
    (
        "walrus::storage_node::last_event_blob_attestation",
        "only reads",
    ),
    (
        "walrus::node_metadata::set_description",
        "changes a value of the transaction",
    ),
    (
        "walrus::node_metadata::set_extra_fields",
        "changes a value of the transaction",
    ),
    (
        "walrus::node_metadata::set_image_url",
        "changes a value of the transaction",
    ),
    (
        "walrus::node_metadata::set_project_url",
        "changes a value of the transaction",
    ),
    (
        "walrus::metadata::insert_or_update",
        "changes a value of the transaction",
    ),
    (
        "walrus::metadata::remove",
        "changes a value of the transaction",
    ),
    (
        "walrus::metadata::remove_if_exists",
        "changes a value of the transaction",
    ),
    (
        "walrus::extended_field::borrow_mut",
        "a helper of other functions",
    ),
    (
        "walrus::extended_field::swap",
        "a helper of other functions",
    ),
    (
        "walrus::apportionment_queue::insert",
        "a helper of other functions",
    ),
    (
        "walrus::apportionment_queue::pop_max",
        "a helper of other functions",
    ),
];

#[test]
fn gas_is_what_the_table_says() {
    let mut meter = Meter::new();
    blobs::measure(&mut meter);
    pools::measure(&mut meter);
    nodes::measure(&mut meter);
    peripheral::measure(&mut meter);
    accounts::measure(&mut meter);
    governance::measure(&mut meter);
    assert_complete(&meter);

    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("gas.md");
    let found = format!("{HEAD}{}", meter.rows());
    if std::env::var_os(UPDATE_VARIABLE).is_some() {
        fs::write(&path, found).expect("the table can be written");
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let rows = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (found, committed) = (rows(&found), rows(&committed));
    let list = |rows: Vec<&String>| {
        rows.into_iter()
            .flat_map(|row| ["\n  ", row.as_str()])
            .collect::<String>()
    };
    assert!(
        found == committed,
        "gas has changed; if that is meant, run: {UPDATE_VARIABLE}=1 cargo test --workspace --test network gas::\n\
         now:{}\ncommitted:{}",
        list(found.difference(&committed).collect()),
        list(committed.difference(&found).collect()),
    );
}

/// Asserts that every function of the packages that changes something is measured, or listed as one
/// that is not.
fn assert_complete(meter: &Meter) {
    let listed: BTreeSet<_> = NOT_MEASURED
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let mut expected = BTreeSet::new();
    for package in [
        packages::wal(),
        packages::walrus(),
        packages::wal_exchange(),
        packages::walrus_subsidies(),
        packages::subsidies(),
        packages::blob_bucket(),
    ] {
        for bytes in &package.modules {
            let module = CompiledModule::deserialize(bytes).expect("the compiler writes modules");
            expected.extend(
                changing_functions(&module)
                    .into_iter()
                    .map(|name| format!("{}::{}::{name}", package.name, module.self_id().name)),
            );
        }
    }
    let measured = meter.functions();
    let missing: Vec<_> = expected
        .iter()
        .filter(|name| !measured.contains(*name) && !listed.contains(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "neither measured nor listed: {missing:#?}"
    );
    let idle: Vec<_> = listed
        .iter()
        .filter(|name| measured.contains(*name) || !expected.contains(*name))
        .collect();
    assert!(idle.is_empty(), "listed without need: {idle:#?}");
}

/// Public functions that take something by mutable reference (the context aside) or return nothing.
fn changing_functions(module: &CompiledModule) -> Vec<String> {
    use move_vm::format::SignatureToken;
    let is_context = |token: &SignatureToken| match token {
        SignatureToken::Datatype(handle) => module
            .datatype_name(*handle)
            .is_some_and(|(_, name)| *name == "TxContext"),
        _ => false,
    };
    let changes = |token: &SignatureToken| match token {
        SignatureToken::MutableReference(inner) => !is_context(inner),
        _ => false,
    };
    let functions = module.function_defs.iter().filter_map(|def| {
        let name = module.function_def_name(def)?.to_string();
        let handle = module.function_handle(def.handle)?;
        let parameters = module.signature(handle.parameters)?;
        let returns = module.signature(handle.returns)?;
        let callable = def.visibility == Visibility::Public || def.is_entry;
        (callable && (returns.is_empty() || parameters.iter().any(changes))).then_some(name)
    });
    functions.collect()
}
