//! The verifier accepts what the compiler writes and refuses what it must.
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::{collections::HashMap, sync::Arc};

use common::assemble::{Assembler, position_or_push};
use move_vm::{
    Ability, AbilitySet, Address, CompiledModule, Identifier, ModuleId, StatusCode, Visibility,
    format::{
        DatatypeHandle, DatatypeParameter, FieldDef, FieldHandle, FunctionHandle, Instantiation,
        Instruction as I, ModuleHandle, SignatureToken as T, StructDef,
    },
    verifier::{verify_linking, verify_module},
};
use proptest::prelude::*;

fn resolver(
    modules: &[CompiledModule],
) -> impl Fn(&ModuleId) -> Option<Arc<CompiledModule>> + use<> {
    let by_id: HashMap<ModuleId, Arc<CompiledModule>> = modules
        .iter()
        .map(|module| (module.self_id(), Arc::new(module.clone())))
        .collect();
    move |id| by_id.get(id).cloned()
}

#[test]
fn every_framework_module_is_accepted() {
    let modules = common::parse(&common::framework_bytes());
    for module in &modules {
        verify_module(module).unwrap_or_else(|error| panic!("{}: {error}", module.self_id()));
    }
    verify_linking(&modules, &|_| None).unwrap();
}

#[test]
fn the_fixtures_are_accepted_as_a_package() {
    let framework = common::parse(&common::framework_bytes());
    let mut modules = common::parse(&common::fixture_bytes("language"));
    for module in &mut modules {
        assert!(module.relocate_self(Address::from_u8(0xaa)));
        verify_module(module).unwrap_or_else(|error| panic!("{}: {error}", module.self_id()));
    }
    verify_linking(&modules, &resolver(&framework)).unwrap();
}

/// Our own contracts, as deployment links them: `walrus` names `wal` by a placeholder address.
#[test]
fn the_contracts_are_accepted() {
    let mut published = common::parse(&common::framework_bytes());
    for (package, address) in [("wal", 0xa1), ("walrus", 0xa2)] {
        let mut modules = common::parse(&common::package_bytes(package));
        for module in &mut modules {
            assert!(module.relocate_self(Address::from_u8(address)));
            verify_module(module).unwrap_or_else(|error| panic!("{}: {error}", module.self_id()));
            for id in module.dependencies().filter(|id| id.name == package) {
                assert_eq!(id.address, Address::from_u8(address));
            }
        }
        let placeholder = modules
            .iter()
            .flat_map(CompiledModule::dependencies)
            .find(|id| {
                let known = [Address::STD, Address::FRAMEWORK, Address::from_u8(address)];
                !known.contains(&id.address)
            });
        if let Some(id) = placeholder {
            assert_eq!(id.name, "wal");
            let wal = published
                .iter_mut()
                .find(|module| module.self_id().name == "wal")
                .unwrap();
            assert!(wal.relocate_self(id.address));
        }
        verify_linking(&modules, &resolver(&published)).unwrap();
        published.extend(modules);
    }
}

/// Asserts that a module breaks a rule of the pass.
#[track_caller]
fn refused(module: &CompiledModule, pass: &str) {
    let error = verify_module(module).expect_err("the module should be refused");
    assert_eq!(error.status, StatusCode::VerificationError);
    let message = error.message.unwrap();
    assert!(
        message.starts_with(&format!("{pass}:")),
        "expected {pass}, found {message}"
    );
}

/// A module with one function.
fn with_code(parameters: &[T], returns: &[T], locals: &[T], code: Vec<I>) -> CompiledModule {
    let mut assembler = Assembler::new();
    assembler.function("f", parameters, returns, locals, code);
    assembler.finish()
}

#[track_caller]
fn accepted(module: &CompiledModule) {
    verify_module(module).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn bounds() {
    refused(&with_code(&[], &[], &[], vec![I::Branch(9)]), "bounds");
    refused(
        &with_code(&[], &[], &[], vec![I::MoveLoc(0), I::Ret]),
        "bounds",
    );
    refused(
        &with_code(&[], &[], &[], vec![I::LdConst(0), I::Pop, I::Ret]),
        "bounds",
    );
    refused(
        &with_code(&[], &[], &[], vec![I::Call(7), I::Ret]),
        "bounds",
    );
    refused(
        &with_code(&[T::Datatype(0)], &[], &[], vec![I::Ret]),
        "bounds",
    );
    refused(
        &with_code(&[T::TypeParameter(0)], &[], &[], vec![I::Ret]),
        "bounds",
    );
    refused(
        &with_code(&[], &[], &[], vec![I::GlobalStorage(0x29, 0), I::Ret]),
        "bounds",
    );
    let many = vec![T::U8; 257];
    let mut split = Assembler::new();
    split.function("f", &many[..200], &[], &many[..57], vec![I::Ret]);
    refused(&split.finish(), "bounds");
    let mut module = with_code(&[], &[], &[], vec![I::Ret]);
    module.self_handle = 3;
    refused(&module, "bounds");
}

#[test]
fn control_flow() {
    refused(&with_code(&[], &[], &[], vec![]), "control flow");
    refused(&with_code(&[], &[], &[], vec![I::Nop]), "control flow");
    // Two ways into one loop.
    let irreducible = vec![
        I::LdTrue,
        I::BrTrue(4),
        I::Nop, // 2: loop, entered here
        I::Branch(4),
        I::LdTrue, // 4: and here
        I::BrTrue(2),
        I::Ret,
    ];
    refused(&with_code(&[], &[], &[], irreducible), "control flow");
    let nested = |depth: u16| {
        let mut code = Vec::new();
        for _ in 0..depth {
            code.push(I::Nop);
        }
        for header in (0..depth).rev() {
            code.extend([I::LdTrue, I::BrTrue(header)]);
        }
        code.push(I::Ret);
        with_code(&[], &[], &[], code)
    };
    accepted(&nested(5));
    refused(&nested(6), "control flow");
}

#[test]
fn stack_usage() {
    refused(
        &with_code(&[], &[], &[], vec![I::Pop, I::Ret]),
        "stack usage",
    );
    refused(
        &with_code(&[], &[], &[], vec![I::LdTrue, I::Ret]),
        "stack usage",
    );
    refused(&with_code(&[], &[T::U8], &[], vec![I::Ret]), "stack usage");
    let across = vec![I::LdU8(1), I::LdTrue, I::BrTrue(3), I::Pop, I::Ret];
    refused(&with_code(&[], &[], &[], across), "stack usage");
}

#[test]
fn types() {
    let cases: Vec<(&[T], Vec<I>)> = vec![
        (&[], vec![I::LdU8(1), I::LdU64(1), I::Add, I::Pop, I::Ret]),
        (&[], vec![I::LdTrue, I::LdTrue, I::Add, I::Pop, I::Ret]),
        (&[], vec![I::LdU8(1), I::BrTrue(2), I::Ret]),
        (&[], vec![I::LdU8(1), I::Abort]),
        (&[], vec![I::LdU64(1), I::LdU64(1), I::Shl, I::Pop, I::Ret]),
        (&[], vec![I::LdU64(1), I::ReadRef, I::Pop, I::Ret]),
        (
            &[T::U64],
            vec![I::LdU64(1), I::ImmBorrowLoc(0), I::WriteRef, I::Ret],
        ),
        (
            &[T::U64],
            vec![I::LdTrue, I::MutBorrowLoc(0), I::WriteRef, I::Ret],
        ),
        (&[T::U64], vec![I::LdTrue, I::StLoc(0), I::Ret]),
        (
            &[T::U64],
            vec![I::ImmBorrowLoc(0), I::FreezeRef, I::Pop, I::Ret],
        ),
        (
            &[T::Address],
            vec![I::MoveLoc(0), I::CastU8, I::Pop, I::Ret],
        ),
    ];
    for (parameters, code) in cases {
        refused(&with_code(parameters, &[], &[], code), "types");
    }
}

#[test]
fn types_of_vector_instructions() {
    let build = |element: T, code: &dyn Fn(u16) -> Vec<I>| {
        let mut assembler = Assembler::new();
        let signature = assembler.signature(&[element]);
        assembler.function("f", &[T::U64], &[], &[], code(signature));
        assembler.finish()
    };
    accepted(&build(T::U8, &|s| {
        vec![I::LdU8(1), I::VecPack(s, 1), I::Pop, I::Ret]
    }));
    refused(
        &build(T::U8, &|s| {
            vec![I::LdTrue, I::VecPack(s, 1), I::Pop, I::Ret]
        }),
        "types",
    );
    refused(
        &build(T::U8, &|s| {
            vec![I::ImmBorrowLoc(0), I::VecLen(s), I::Pop, I::Ret]
        }),
        "types",
    );
    let huge = build(T::U8, &|s| vec![I::VecPack(s, 65_536), I::Pop, I::Ret]);
    refused(&huge, "instructions");
    let reference = T::Reference(Box::new(T::U8));
    refused(
        &build(reference, &|s| vec![I::VecPack(s, 0), I::Pop, I::Ret]),
        "signatures",
    );
}

#[test]
fn locals() {
    refused(
        &with_code(&[], &[], &[T::U8], vec![I::CopyLoc(0), I::Pop, I::Ret]),
        "locals",
    );
    let twice = vec![I::MoveLoc(0), I::Pop, I::MoveLoc(0), I::Pop, I::Ret];
    refused(&with_code(&[T::U8], &[], &[], twice), "locals");
    // Set on one path only.
    let one_path = vec![
        I::LdTrue,
        I::BrTrue(4),
        I::LdU8(1),
        I::StLoc(0),
        I::MoveLoc(0),
        I::Pop,
        I::Ret,
    ];
    refused(&with_code(&[], &[], &[T::U8], one_path), "locals");
    // Moved in a loop.
    let in_loop = vec![I::MoveLoc(0), I::Pop, I::LdTrue, I::BrTrue(0), I::Ret];
    refused(&with_code(&[T::U8], &[], &[], in_loop), "locals");
}

/// A module with a struct `S` of the abilities and one `u64` field, as definition 0.
fn with_struct(abilities: AbilitySet) -> Assembler {
    let mut assembler = Assembler::new();
    let name = assembler.identifier("S");
    let field = assembler.identifier("value");
    assembler.module.datatype_handles.push(DatatypeHandle {
        module: 0,
        name,
        abilities,
        type_parameters: Vec::new(),
    });
    let fields = vec![FieldDef {
        name: field,
        type_: T::U64,
    }];
    assembler.module.struct_defs.push(StructDef {
        handle: 0,
        fields: Some(fields),
    });
    assembler
}

#[test]
fn resources_are_neither_copied_nor_dropped() {
    let code = |abilities, code: Vec<I>| {
        let mut assembler = with_struct(abilities);
        assembler.function("f", &[T::Datatype(0)], &[], &[], code);
        assembler.finish()
    };
    let consume = vec![I::MoveLoc(0), I::Unpack(0), I::Pop, I::Ret];
    accepted(&code(AbilitySet::EMPTY, consume));
    refused(&code(AbilitySet::EMPTY, vec![I::Ret]), "locals");
    accepted(&code(AbilitySet::EMPTY.with(Ability::Drop), vec![I::Ret]));
    refused(
        &code(AbilitySet::EMPTY, vec![I::MoveLoc(0), I::Pop, I::Ret]),
        "types",
    );
    let copy = vec![
        I::CopyLoc(0),
        I::Unpack(0),
        I::Pop,
        I::MoveLoc(0),
        I::Unpack(0),
        I::Pop,
        I::Ret,
    ];
    refused(&code(AbilitySet::EMPTY, copy.clone()), "types");
    accepted(&code(AbilitySet::EMPTY.with(Ability::Copy), copy));
    let overwrite = vec![
        I::LdU64(1),
        I::Pack(0),
        I::StLoc(0),
        I::MoveLoc(0),
        I::Unpack(0),
        I::Pop,
        I::Ret,
    ];
    refused(&code(AbilitySet::EMPTY, overwrite), "locals");
}

#[test]
fn definitions() {
    let mut lacking = with_struct(AbilitySet::PRIMITIVES);
    let inner = lacking.identifier("Inner");
    lacking.module.datatype_handles.push(DatatypeHandle {
        module: 0,
        name: inner,
        abilities: AbilitySet::EMPTY,
        type_parameters: Vec::new(),
    });
    let value = lacking.identifier("value");
    let fields = vec![FieldDef {
        name: value,
        type_: T::Bool,
    }];
    lacking.module.struct_defs.push(StructDef {
        handle: 1,
        fields: Some(fields),
    });
    accepted(&lacking.module.clone());
    lacking.module.struct_defs[0].fields.as_mut().unwrap()[0].type_ = T::Datatype(1);
    refused(&lacking.finish(), "abilities");

    let mut recursive = with_struct(AbilitySet::EMPTY);
    recursive.module.struct_defs[0].fields.as_mut().unwrap()[0].type_ =
        T::Vector(Box::new(T::Datatype(0)));
    refused(&recursive.finish(), "recursion");

    let mut empty = with_struct(AbilitySet::EMPTY);
    empty.module.struct_defs[0].fields = Some(Vec::new());
    refused(&empty.finish(), "duplication");

    let mut twice = with_struct(AbilitySet::EMPTY);
    let field = twice.module.struct_defs[0].fields.as_ref().unwrap()[0].clone();
    twice.module.struct_defs[0]
        .fields
        .as_mut()
        .unwrap()
        .push(field);
    refused(&twice.finish(), "duplication");

    let mut undefined = with_struct(AbilitySet::EMPTY);
    undefined.module.struct_defs.clear();
    refused(&undefined.finish(), "duplication");

    let mut native = with_struct(AbilitySet::EMPTY);
    native.module.struct_defs[0].fields = None;
    refused(&native.finish(), "natives");

    let mut reference = with_struct(AbilitySet::EMPTY);
    reference.module.struct_defs[0].fields.as_mut().unwrap()[0].type_ =
        T::Reference(Box::new(T::U8));
    refused(&reference.finish(), "signatures");

    let mut own_friend = Assembler::new();
    own_friend.module.friends.push(ModuleHandle {
        address: 0,
        name: 0,
    });
    refused(&own_friend.finish(), "friends");

    let mut wide = with_struct(AbilitySet::EMPTY);
    for index in 0..32 {
        let name = wide.identifier(&format!("field{index}"));
        let fields = wide.module.struct_defs[0].fields.as_mut().unwrap();
        fields.push(FieldDef { name, type_: T::U8 });
    }
    refused(&wide.finish(), "limits");
}

#[test]
fn phantom_parameters_stay_out_of_fields() {
    let mut assembler = with_struct(AbilitySet::EMPTY);
    assembler.module.datatype_handles[0].type_parameters = vec![DatatypeParameter {
        constraints: AbilitySet::EMPTY,
        is_phantom: true,
    }];
    accepted(&assembler.module.clone());
    assembler.module.struct_defs[0].fields.as_mut().unwrap()[0].type_ = T::TypeParameter(0);
    refused(&assembler.finish(), "signatures");
}

#[test]
fn constants() {
    let with = |type_: T, data: &[u8]| {
        let mut assembler = Assembler::new();
        let constant = move_vm::format::Constant {
            type_,
            data: data.to_vec(),
        };
        position_or_push(&mut assembler.module.constants, constant);
        assembler.finish()
    };
    accepted(&with(T::U16, &[1, 2]));
    accepted(&with(T::Vector(Box::new(T::U8)), &[1, 2]));
    refused(&with(T::U16, &[1]), "constants");
    refused(&with(T::U16, &[1, 2, 3]), "constants");
    refused(&with(T::Bool, &[2]), "constants");
    refused(
        &with(T::Vector(Box::new(T::U8)), &[0x81, 0x00, 2]),
        "constants",
    );
    refused(&with(T::Signer, &[0; 32]), "constants");
}

#[test]
fn growing_generic_recursion() {
    let build = |argument: T| {
        let mut assembler = Assembler::new();
        let handle = assembler.generic_function(
            "f",
            &[AbilitySet::EMPTY],
            &[],
            &[],
            &[],
            vec![I::CallGeneric(0), I::Ret],
        );
        let type_arguments = assembler.signature(&[argument]);
        assembler.module.function_instantiations = vec![Instantiation {
            target: handle,
            type_arguments,
        }];
        assembler.finish()
    };
    accepted(&build(T::TypeParameter(0)));
    accepted(&build(T::Vector(Box::new(T::U8))));
    refused(
        &build(T::Vector(Box::new(T::TypeParameter(0)))),
        "instantiation loops",
    );
}

#[test]
fn type_arguments_satisfy_constraints() {
    let build = |constraint, given| {
        let mut assembler = Assembler::new();
        let code = vec![I::Ret];
        let callee = assembler.generic_function("g", &[constraint], &[], &[], &[], code);
        let type_arguments = assembler.signature(&[T::TypeParameter(0)]);
        let instance = Instantiation {
            target: callee,
            type_arguments,
        };
        assembler.module.function_instantiations = vec![instance];
        let code = vec![I::CallGeneric(0), I::Ret];
        assembler.generic_function("f", &[given], &[], &[], &[], code);
        assembler.finish()
    };
    let drop = AbilitySet::EMPTY.with(Ability::Drop);
    accepted(&build(drop, drop));
    accepted(&build(AbilitySet::EMPTY, drop));
    refused(&build(drop, AbilitySet::EMPTY), "signatures");
}

#[test]
fn generic_and_plain_instructions() {
    let mut assembler = Assembler::new();
    let callee = assembler.generic_function("g", &[AbilitySet::EMPTY], &[], &[], &[], vec![I::Ret]);
    assembler.function("f", &[], &[], &[], vec![I::Call(callee), I::Ret]);
    refused(&assembler.finish(), "instructions");
}

/// A module with `enum E { A, B(u64) }`, as datatype handle 0 and definition 0.
fn with_enum() -> Assembler {
    let mut assembler = Assembler::new();
    assembler.add_enum("E", &[("A", &[]), ("B", &[T::U64])]);
    assembler
}

#[test]
fn jump_tables() {
    let build = |targets: &[u16], operand: I| {
        let mut assembler = with_enum();
        let code = vec![operand, I::VariantSwitch(0), I::Ret, I::Ret];
        assembler.function("f", &[T::Datatype(0), T::U8], &[], &[], code);
        assembler.jump_table(0, targets);
        assembler.finish()
    };
    accepted(&build(&[2, 3], I::ImmBorrowLoc(0)));
    refused(&build(&[2, 3], I::MutBorrowLoc(0)), "types");
    refused(&build(&[2], I::ImmBorrowLoc(0)), "instructions");
    refused(&build(&[2, 9], I::ImmBorrowLoc(0)), "bounds");
    refused(&build(&[2, 3], I::ImmBorrowLoc(1)), "types");
    refused(&build(&[2, 3], I::CopyLoc(0)), "types");
}

#[test]
fn fields_belong_to_their_struct() {
    let mut assembler = with_struct(AbilitySet::PRIMITIVES);
    assembler.module.field_handles = vec![FieldHandle { owner: 0, field: 1 }];
    refused(&assembler.finish(), "bounds");
}

#[test]
fn linking() {
    let framework = common::parse(&common::framework_bytes());
    let resolve = resolver(&framework);
    let language = || {
        let mut modules = common::parse(&common::fixture_bytes("language"));
        for module in &mut modules {
            module.relocate_self(Address::from_u8(0xaa));
        }
        modules
    };
    let refuse = |modules: &[CompiledModule], what: &str| {
        let error = verify_linking(modules, &resolve).expect_err(what);
        assert!(error.message.unwrap().starts_with("linking:"), "{what}");
    };
    // A dependency that is not there.
    assert!(verify_linking(&language(), &|_| None).is_err());
    let mut modules = language();
    let generics = modules
        .iter_mut()
        .find(|module| module.self_id().name == "generics")
        .unwrap();
    let foreign = generics
        .function_handles
        .iter()
        .position(|handle| handle.module != generics.self_handle)
        .unwrap();
    let original = generics.function_handles[foreign].clone();
    // Another name, another signature.
    generics.function_handles[foreign].name = generics.function_handles[0].name;
    refuse(&modules, "renamed function");
    let generics = modules
        .iter_mut()
        .find(|module| module.self_id().name == "generics")
        .unwrap();
    generics.function_handles[foreign] = FunctionHandle {
        parameters: original.returns,
        returns: original.parameters,
        ..original
    };
    refuse(&modules, "changed signature");
    // Twice the same module.
    let mut modules = language();
    modules.push(modules[0].clone());
    refuse(&modules, "same name");
}

/// Two modules, the first of which calls `callee` of the second.
fn caller_and_callee(visibility: Visibility, friend: bool) -> Vec<CompiledModule> {
    let mut callee = Assembler::new();
    callee.function("target", &[], &[], &[], vec![I::Ret]);
    callee.module.function_defs[0].visibility = visibility;
    let caller_name = callee.identifier("caller");
    if friend {
        callee.module.friends.push(ModuleHandle {
            address: 0,
            name: caller_name,
        });
    }
    let mut caller = Assembler::new();
    caller.module.identifiers[0] = Identifier::new("caller").unwrap();
    let made = caller.identifier("made");
    caller.module.module_handles.push(ModuleHandle {
        address: 0,
        name: made,
    });
    let name = caller.identifier("target");
    let nothing = caller.signature(&[]);
    caller.module.function_handles.push(FunctionHandle {
        module: 1,
        name,
        parameters: nothing,
        returns: nothing,
        type_parameters: Vec::new(),
    });
    caller.function("f", &[], &[], &[], vec![I::Call(0), I::Ret]);
    vec![caller.finish(), callee.finish()]
}

#[test]
fn visibility_and_cycles() {
    let check = |modules: &[CompiledModule]| {
        modules.iter().for_each(accepted);
        verify_linking(modules, &|_| None)
    };
    assert!(check(&caller_and_callee(Visibility::Public, false)).is_ok());
    assert!(check(&caller_and_callee(Visibility::Friend, true)).is_ok());
    assert!(check(&caller_and_callee(Visibility::Friend, false)).is_err());
    assert!(check(&caller_and_callee(Visibility::Private, false)).is_err());

    let mut modules = caller_and_callee(Visibility::Public, false);
    let caller = modules[1]
        .identifiers
        .iter()
        .position(|name| *name == "caller")
        .unwrap();
    let name = u16::try_from(caller).unwrap();
    modules[1]
        .module_handles
        .push(ModuleHandle { address: 0, name });
    let error = check(&modules).unwrap_err();
    assert!(error.message.unwrap().contains("depends on itself"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Damaged modules are refused or run without panic, whatever they do.
    #[test]
    fn mutated_modules_never_panic(
        which in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut modules = common::framework_bytes();
        modules.extend(common::fixture_bytes("language"));
        let mut bytes = modules.swap_remove(which.index(modules.len()));
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(module) = CompiledModule::deserialize(&bytes) {
            run_if_accepted(module);
        }
    }

    /// The same for damage that keeps the file format: instructions of a function exchanged, or
    /// with other operands. Much of it is accepted, and must then run soundly.
    #[test]
    fn rearranged_functions_run_soundly_or_are_refused(
        which in any::<prop::sample::Index>(),
        function in any::<prop::sample::Index>(),
        edits in proptest::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()),
            1..3,
        ),
    ) {
        let mut modules = common::fixture_bytes("language");
        modules.extend(common::package_bytes("move-stdlib"));
        let bytes = modules.swap_remove(which.index(modules.len()));
        let mut module = CompiledModule::deserialize(&bytes).unwrap();
        let mut bodies: Vec<_> =
            module.function_defs.iter_mut().filter_map(|def| def.code.as_mut()).collect();
        if !bodies.is_empty() {
            let body = function.index(bodies.len());
            let code = &mut bodies[body].code;
            for (left, right, swap) in edits {
                let (left, right) = (left.index(code.len()), right.index(code.len()));
                if swap {
                    code.swap(left, right);
                } else {
                    code[left] = code[right].clone();
                }
            }
            run_if_accepted(module);
        }
    }
}

/// Runs a module that passes all checks.
fn run_if_accepted(module: CompiledModule) {
    let framework = common::parse(&common::framework_bytes());
    let accepted = verify_module(&module).is_ok()
        && verify_linking(std::slice::from_ref(&module), &resolver(&framework)).is_ok();
    if accepted {
        common::run_everything(module);
    }
}

#[test]
fn every_function_runs_soundly_on_made_up_arguments() {
    let mut modules = common::framework_bytes();
    modules.extend(common::fixture_bytes("language"));
    for module in common::parse(&modules) {
        common::run_everything(module);
    }
}
