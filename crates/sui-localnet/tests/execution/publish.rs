//! Publishing packages.

use move_vm::{
    CompiledModule,
    format::{Instantiation, Instruction, SignatureToken, Visibility},
};
use sui_sdk_types::{
    Address, Command, ExecutionError, ExecutionStatus, ObjectData, Owner, Publish, TypeTag,
    hash::Hasher,
};

use crate::common::*;

#[test]
fn a_package_is_stored_with_its_tables_and_initialised() {
    let mut chain = Chain::new();
    let (package, executed) = chain.publish(&Package::objects());
    let object = chain.object(package);
    let ObjectData::Package(stored) = object.data() else {
        panic!("not a package");
    };
    assert_eq!((stored.version, stored.modules.len()), (1, 2));
    assert_eq!(*object.owner(), Owner::Immutable);
    assert_eq!(stored.linkage_table.len(), 2);
    assert!(
        stored
            .type_origin_table
            .iter()
            .all(|origin| origin.package == package)
    );
    for (name, bytes) in &stored.modules {
        let module = CompiledModule::deserialize(bytes).unwrap();
        assert_eq!(module.self_id().address.0, package.into_inner());
        assert_eq!(module.self_id().name.as_str(), name.as_str());
    }
    // Ids in order of creation: the package, what the initialisers make, the capability to upgrade.
    let digest = effects(&executed).transaction_digest;
    assert_eq!(package, Address::derive_id(digest, 0));
    let cap = chain.only(Address::TWO, "package", "UpgradeCap");
    let last = u64::try_from(created(&executed).len()).unwrap();
    assert_eq!(cap, Address::derive_id(digest, last));
    let contents = chain.object(cap).as_struct().unwrap().contents();
    assert_eq!(
        contents,
        [
            cap.as_bytes(),
            package.as_bytes(),
            &1u64.to_le_bytes(),
            &[0]
        ]
        .concat()
    );
    // Events of an initialiser carry the package and its module.
    let events = &executed.events.as_ref().unwrap().0;
    assert_eq!(
        (events[0].package_id, events[0].module.as_str()),
        (package, "items")
    );
    let counter = chain.only(package, "items", "Counter");
    let lamport = effects(&executed).lamport_version;
    assert_eq!(*chain.object(counter).owner(), Owner::Shared(lamport));
}

#[test]
fn a_currency_is_created_through_its_witness() {
    let (mut chain, package) = Chain::with_objects();
    let gem: TypeTag = format!("{package}::gem::GEM").parse().unwrap();
    let treasury = chain.only(Address::TWO, "coin", "TreasuryCap");
    let mut ptb = Ptb::default();
    let treasury = ptb.owned(&chain, treasury);
    let amount = ptb.pure(&1_000u64);
    let coin = ptb.call_generic(
        Address::TWO,
        "coin::mint",
        vec![gem.clone()],
        &[treasury, amount],
    );
    ptb.transfer(&[coin], BOB);
    let executed = chain.succeed(ALICE, ptb);
    let coin = chain.object(created(&executed)[0]).as_struct().unwrap();
    assert_eq!(coin.object_type().is_coin(), Some(&gem));
    assert!(coin.has_public_transfer());
}

#[test]
fn the_digest_of_a_package_is_the_compilers() {
    let package = Package::objects();
    let mut items: Vec<[u8; 32]> = package
        .bytes()
        .iter()
        .map(|module| Hasher::digest(module).into_inner())
        .collect();
    items.extend(package.dependencies.iter().map(|id| id.into_inner()));
    items.sort_unstable();
    assert_eq!(Hasher::digest(items.concat()).into_inner(), package.digest);
}

#[test]
fn the_wal_token_of_the_repository_publishes() {
    let mut chain = Chain::new();
    let (package, _) = chain.publish(&Package::built("wal"));
    let wal: TypeTag = format!("{package}::wal::WAL").parse().unwrap();
    assert_eq!(
        chain
            .owned_by(ALICE)
            .filter(|object| {
                object
                    .as_struct()
                    .is_some_and(|object| object.object_type().is_coin() == Some(&wal))
            })
            .count(),
        1
    );
}

/// Publishes changed modules; returns the failure.
fn refuse(change: impl FnOnce(&mut Publish)) -> ExecutionError {
    let mut chain = Chain::new();
    let mut publish = Package::objects().command();
    change(&mut publish);
    let mut ptb = Ptb::default();
    let cap = ptb.command(Command::Publish(publish));
    ptb.transfer(&[cap], ALICE);
    let executed = chain.execute(ALICE, ptb);
    match status(&executed) {
        ExecutionStatus::Failure {
            error,
            command: Some(0),
        } => error.clone(),
        other => panic!("{other:?}"),
    }
}

/// Changes the module of that name.
fn edit(publish: &mut Publish, name: &str, change: impl Fn(&mut CompiledModule)) {
    for bytes in &mut publish.modules {
        let mut module = CompiledModule::deserialize(bytes).unwrap();
        if module.self_id().name.as_str() == name {
            change(&mut module);
            *bytes = module.serialize();
        }
    }
}

#[test]
fn malformed_packages_are_refused() {
    let error = refuse(|publish| publish.modules[0].truncate(40));
    assert_eq!(error, ExecutionError::VmVerificationOrDeserializationError);
    let error = refuse(|publish| publish.dependencies.clear());
    assert_eq!(error, ExecutionError::PublishUpgradeMissingDependency);
    let error = refuse(|publish| {
        publish.dependencies.pop();
    });
    assert_eq!(error, ExecutionError::PublishUpgradeMissingDependency);
    let error = refuse(|publish| {
        edit(publish, "gem", |module| {
            module.relocate_self(move_vm::Address::from_u8(9));
        });
    });
    assert_eq!(error, ExecutionError::PublishErrorNonZeroAddress);
    let error = refuse(|publish| {
        let twice = publish.modules[0].clone();
        publish.modules.push(twice);
    });
    assert_eq!(error, ExecutionError::VmVerificationOrDeserializationError);
}

#[test]
fn the_chains_own_rules_are_enforced() {
    // An initialiser must be private.
    let error = refuse(|publish| {
        edit(publish, "items", |module| {
            let (index, _) = module.find_function("init").unwrap();
            module.function_defs[usize::from(index)].visibility = Visibility::Public;
        });
    });
    assert_eq!(error, ExecutionError::SuiMoveVerificationError);
    // A one-time witness has no ability but drop.
    let error = refuse(|publish| {
        edit(publish, "gem", |module| {
            let (_, def) = module.find_struct("GEM").unwrap();
            let handle = usize::from(def.handle);
            let abilities = &mut module.datatype_handles[handle].abilities;
            *abilities = abilities.with(move_vm::ability::Ability::Store);
        });
    });
    assert_eq!(error, ExecutionError::SuiMoveVerificationError);
}

/// The code of a function, to be changed.
fn code<'m>(module: &'m mut CompiledModule, function: &str) -> &'m mut Vec<Instruction> {
    let index = usize::from(module.find_function(function).unwrap().0);
    &mut module.function_defs[index].code.as_mut().unwrap().code
}

#[test]
fn an_id_serves_one_object() {
    let error = refuse(|publish| {
        edit(publish, "items", |module| {
            // Unpacks an item and packs it again with the same id.
            let code = code(module, "delete");
            let at = code
                .iter()
                .position(|step| matches!(step, Instruction::Unpack(_)))
                .unwrap();
            let Instruction::Unpack(item) = code[at] else {
                unreachable!()
            };
            code.splice(at..at, [Instruction::Unpack(item), Instruction::Pack(item)]);
        });
    });
    assert_eq!(error, ExecutionError::SuiMoveVerificationError);
}

#[test]
fn only_a_modules_own_types_are_its_events() {
    let error = refuse(|publish| {
        edit(publish, "items", |module| {
            let emit = module.function_instantiations.iter().find(|instance| {
                module.function_name(instance.target).unwrap().1.as_str() == "emit"
            });
            let target = emit.unwrap().target;
            let type_arguments = module
                .signatures
                .iter()
                .position(|signature| signature.0 == [SignatureToken::U64])
                .unwrap()
                .try_into()
                .unwrap();
            module.function_instantiations.push(Instantiation {
                target,
                type_arguments,
            });
            let emit = u16::try_from(module.function_instantiations.len() - 1).unwrap();
            let code = code(module, "private_entry");
            *code = vec![
                Instruction::MoveLoc(0),
                Instruction::CallGeneric(emit),
                Instruction::Ret,
            ];
        });
    });
    assert_eq!(error, ExecutionError::SuiMoveVerificationError);
}

#[test]
fn nobody_calls_an_initialiser() {
    let error = refuse(|publish| {
        edit(publish, "items", |module| {
            let (index, _) = module.find_function("init").unwrap();
            let init = module.function_defs[usize::from(index)].handle;
            let code = code(module, "new_box");
            code.splice(0..0, [Instruction::CopyLoc(0), Instruction::Call(init)]);
        });
    });
    assert_eq!(error, ExecutionError::SuiMoveVerificationError);
}

#[test]
fn modules_that_break_the_language_are_refused() {
    let error = refuse(|publish| {
        edit(publish, "items", |module| {
            code(module, "divide").truncate(2);
        });
    });
    assert_eq!(error, ExecutionError::VmVerificationOrDeserializationError);
    let error = refuse(|publish| {
        edit(publish, "items", |module| {
            let index = usize::from(module.find_function("spin").unwrap().0);
            module.function_defs[index].code = None;
        });
    });
    assert!(
        matches!(
            error,
            ExecutionError::SuiMoveVerificationError
                | ExecutionError::VmVerificationOrDeserializationError
        ),
        "native functions belong to the framework: {error:?}"
    );
}
