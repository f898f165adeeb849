//! Upgrading packages.

use move_vm::{
    CompiledModule,
    format::{Instruction, Visibility},
};
use sui_sdk_types::{
    Address, Command, ExecutionError, ObjectData, PackageUpgradeError, Publish, Upgrade,
    hash::Hasher,
};

use crate::common::*;

const COMPATIBLE: u8 = 0;
const ADDITIVE: u8 = 128;
const DEPENDENCIES_ONLY: u8 = 192;

fn digest(publish: &Publish) -> Vec<u8> {
    let modules = publish
        .modules
        .iter()
        .map(|module| Hasher::digest(module).into_inner());
    let mut items: Vec<[u8; 32]> = modules
        .chain(publish.dependencies.iter().map(|id| id.into_inner()))
        .collect();
    items.sort_unstable();
    Hasher::digest(items.concat()).into_inner().to_vec()
}

/// Authorises, upgrades to `publish` and commits.
fn upgrade_ptb(
    chain: &Chain,
    package: Address,
    publish: &Publish,
    policy: u8,
    digest: &[u8],
) -> Ptb {
    let cap = chain.only(Address::TWO, "package", "UpgradeCap");
    let mut ptb = Ptb::default();
    let cap = ptb.owned(chain, cap);
    let (policy, digest) = (ptb.pure(&policy), ptb.pure(&digest));
    let ticket = ptb.call(
        Address::TWO,
        "package::authorize_upgrade",
        &[cap, policy, digest],
    );
    let receipt = ptb.command(Command::Upgrade(Upgrade {
        modules: publish.modules.clone(),
        dependencies: publish.dependencies.clone(),
        package,
        ticket,
    }));
    ptb.call(Address::TWO, "package::commit_upgrade", &[cap, receipt]);
    ptb
}

/// The fixture with the module `items` changed.
fn changed(change: impl Fn(&mut CompiledModule)) -> Publish {
    let mut publish = Package::objects().command();
    for bytes in &mut publish.modules {
        let mut module = CompiledModule::deserialize(bytes).unwrap();
        if module.self_id().name.as_str() == "items" {
            change(&mut module);
            *bytes = module.serialize();
        }
    }
    publish
}

fn def<'m>(module: &'m mut CompiledModule, name: &str) -> &'m mut move_vm::format::FunctionDef {
    let index = usize::from(module.find_function(name).unwrap().0);
    &mut module.function_defs[index]
}

/// `secret` returns another number.
fn another_secret(module: &mut CompiledModule) {
    def(module, "secret").code.as_mut().unwrap().code[0] = Instruction::LdU64(1_000);
}

#[test]
fn a_new_version_keeps_types_and_runs_new_code() {
    let (mut chain, package) = Chain::with_objects();
    let publish = changed(|module| {
        another_secret(module);
        def(module, "secret").visibility = Visibility::Public;
    });
    let ptb = upgrade_ptb(&chain, package, &publish, COMPATIBLE, &digest(&publish));
    let executed = chain.succeed(ALICE, ptb);
    let upgraded = package_of(&executed);
    let ObjectData::Package(stored) = chain.object(upgraded).data().clone() else {
        panic!("not a package");
    };
    assert_eq!(stored.version, 2);
    assert!(
        stored
            .type_origin_table
            .iter()
            .all(|origin| origin.package == package)
    );
    let module = CompiledModule::deserialize(stored.modules.values().next().unwrap()).unwrap();
    assert_eq!(
        module.self_id().address.0,
        package.into_inner(),
        "code keeps the first address"
    );

    // New code on an object that the old version made; its type does not change.
    let counter = chain.only(package, "items", "Counter");
    let mut ptb = Ptb::default();
    ptb.call(upgraded, "items::secret", &[]);
    let shared = ptb.shared(&chain, counter, true);
    ptb.call(upgraded, "items::count", &[shared]);
    let executed = chain.inspect(ptb);
    assert_eq!(returned::<u64>(&executed, 0, 0), 1_000);
    let event = &executed.events.as_ref().unwrap().0[0];
    assert_eq!(
        (event.package_id, *event.type_.address()),
        (upgraded, package)
    );

    // The old version still runs.
    let mut ptb = Ptb::default();
    let shared = ptb.shared(&chain, counter, true);
    ptb.call(package, "items::count", &[shared]);
    chain.succeed(ALICE, ptb);

    // The capability counts versions.
    let cap = chain.only(Address::TWO, "package", "UpgradeCap");
    let contents = chain.object(cap).as_struct().unwrap().contents();
    assert_eq!(contents[32..64], *upgraded.as_bytes());
    assert_eq!(contents[64..72], 2u64.to_le_bytes());
}

fn refused(publish: &Publish, policy: u8, digest: &[u8]) -> ExecutionError {
    let (mut chain, package) = Chain::with_objects();
    let ptb = upgrade_ptb(&chain, package, publish, policy, digest);
    let (error, command) = chain.fail(ALICE, ptb);
    assert_eq!(command, Some(1));
    error
}

fn incompatible() -> ExecutionError {
    ExecutionError::PackageUpgradeError {
        kind: PackageUpgradeError::IncompatibleUpgrade,
    }
}

#[test]
fn the_digest_must_be_the_authorised_one() {
    let publish = changed(another_secret);
    let error = refused(&publish, COMPATIBLE, &[0; 32]);
    let found = digest(&publish);
    let ExecutionError::PackageUpgradeError {
        kind: PackageUpgradeError::DigestDoesNotMatch { digest },
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(digest.as_bytes(), found);
}

#[test]
fn what_others_rely_on_must_stay() {
    let hidden = changed(|module| def(module, "value").visibility = Visibility::Private);
    assert_eq!(
        refused(&hidden, COMPATIBLE, &digest(&hidden)),
        incompatible()
    );
    let mut gone = Package::objects().command();
    gone.modules.retain(|bytes| {
        CompiledModule::deserialize(bytes)
            .unwrap()
            .self_id()
            .name
            .as_str()
            == "items"
    });
    assert_eq!(refused(&gone, COMPATIBLE, &digest(&gone)), incompatible());
    let abler = changed(|module| {
        let (_, loan) = module.find_struct("Loan").unwrap();
        let handle = usize::from(loan.handle);
        let abilities = &mut module.datatype_handles[handle].abilities;
        *abilities = abilities.with(move_vm::ability::Ability::Drop);
    });
    assert_eq!(refused(&abler, COMPATIBLE, &digest(&abler)), incompatible());
}

#[test]
fn narrower_policies_forbid_changes_of_code() {
    let publish = changed(another_secret);
    for policy in [ADDITIVE, DEPENDENCIES_ONLY] {
        assert_eq!(refused(&publish, policy, &digest(&publish)), incompatible());
    }
    let same = Package::objects().command();
    for policy in [ADDITIVE, DEPENDENCIES_ONLY] {
        let (mut chain, package) = Chain::with_objects();
        let ptb = upgrade_ptb(&chain, package, &same, policy, &digest(&same));
        chain.succeed(ALICE, ptb);
    }
}

#[test]
fn a_ticket_is_for_one_package() {
    let (mut chain, package) = Chain::with_objects();
    let publish = Package::objects().command();
    let mut ptb = upgrade_ptb(&chain, package, &publish, COMPATIBLE, &digest(&publish));
    let Command::Upgrade(upgrade) = &mut ptb.commands[1] else {
        unreachable!()
    };
    upgrade.package = Address::TWO;
    let (error, _) = chain.fail(ALICE, ptb);
    let kind = PackageUpgradeError::PackageIdDoesNotMatch {
        package_id: Address::TWO,
        ticket_id: package,
    };
    assert_eq!(error, ExecutionError::PackageUpgradeError { kind });
}
