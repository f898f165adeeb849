//! The machine itself: instructions that the compiler never emits, limits, hosts, linkage.
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::{collections::BTreeMap, sync::Arc};

use common::{MemoryPackages, assemble::Assembler};
use move_vm::{
    AbilitySet, Address, CompiledModule, Host, Linkage, Meter, NativeContext, NativeError,
    NativeName, NoHost, PackageSource, StatusCode, Type, TypeTag, UNSUPPORTED_NATIVE_ABORT, Value,
    Vm, VmError,
    format::{DatatypeHandle, FieldDef, Instruction as I, SignatureToken as T},
    verifier::verify_module,
};

const MADE: Address = Address::from_u8(0xbb);

fn run_in(
    module: CompiledModule,
    function: &str,
    arguments: Vec<Value>,
) -> Result<Vec<Value>, VmError> {
    let mut packages = MemoryPackages::with_framework();
    packages.add(vec![module]);
    let session = Vm::new().session(&packages, packages.linkage());
    let function = session.load_function(&MADE, "made", function, &[])?;
    session.call(
        &function,
        arguments,
        &mut NoHost,
        &mut Meter::new(100_000_000),
    )
}

/// Verifies and runs one function.
fn run(parameters: &[T], returns: &[T], code: Vec<I>, arguments: Vec<Value>) -> Vec<Value> {
    let mut assembler = Assembler::new();
    assembler.function("f", parameters, returns, &[], code);
    let module = assembler.finish();
    verify_module(&module).unwrap();
    run_in(module, "f", arguments).unwrap()
}

fn assert_values(actual: &[Value], expected: &[Value]) {
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        assert!(
            actual.equals(expected).unwrap(),
            "{actual:?} is not {expected:?}"
        );
    }
}

#[test]
fn boolean_instructions_that_the_compiler_avoids() {
    for (left, right) in [(false, false), (false, true), (true, false), (true, true)] {
        let code = vec![
            I::CopyLoc(0),
            I::CopyLoc(1),
            I::Or,
            I::CopyLoc(0),
            I::CopyLoc(1),
            I::And,
            I::Nop,
            I::MoveLoc(0),
            I::Not,
            I::Ret,
        ];
        let arguments = vec![Value::Bool(left), Value::Bool(right)];
        let results = run(
            &[T::Bool, T::Bool],
            &[T::Bool, T::Bool, T::Bool],
            code,
            arguments,
        );
        let expected = [left || right, left && right, !left].map(Value::Bool);
        assert_values(&results, &expected);
    }
}

#[test]
fn branch_on_true() {
    let code = vec![
        I::MoveLoc(0),
        I::BrTrue(4),
        I::LdU8(1),
        I::Ret,
        I::LdU8(2),
        I::Ret,
    ];
    for (condition, expected) in [(true, 2), (false, 1)] {
        let results = run(
            &[T::Bool],
            &[T::U8],
            code.clone(),
            vec![Value::Bool(condition)],
        );
        assert_values(&results, &[Value::U8(expected)]);
    }
}

/// `enum E { A(u64, bool), B }` as datatype handle, definition and variant handles 0 and 1.
fn with_enum() -> Assembler {
    let mut assembler = Assembler::new();
    assembler.add_enum("E", &[("A", &[T::U64, T::Bool]), ("B", &[])]);
    assembler
}

#[test]
fn mutable_references_into_variants() {
    let mut assembler = with_enum();
    let code = vec![
        I::LdU64(5),
        I::LdFalse,
        I::PackVariant(0),
        I::StLoc(0),
        I::MutBorrowLoc(0),
        I::UnpackVariantMutRef(0),
        I::StLoc(1),
        I::LdU64(9),
        I::StLoc(2),
        I::StLoc(3),
        I::MoveLoc(2),
        I::MoveLoc(3),
        I::WriteRef,
        I::LdTrue,
        I::MoveLoc(1),
        I::WriteRef,
        I::MoveLoc(0),
        I::UnpackVariant(0),
        I::Ret,
    ];
    let reference = |type_| T::MutableReference(Box::new(type_));
    let locals = [
        T::Datatype(0),
        reference(T::Bool),
        T::U64,
        reference(T::U64),
    ];
    assembler.function("f", &[], &[T::U64, T::Bool], &locals, code);
    let module = assembler.finish();
    verify_module(&module).unwrap();
    assert_values(
        &run_in(module, "f", vec![]).unwrap(),
        &[Value::U64(9), Value::Bool(true)],
    );
}

#[test]
fn another_variant_is_a_violation() {
    for unpack in [I::UnpackVariant(0), I::UnpackVariantImmRef(0)] {
        let mut assembler = with_enum();
        let by_reference = matches!(unpack, I::UnpackVariantImmRef(_));
        let borrow = if by_reference {
            I::ImmBorrowLoc(0)
        } else {
            I::MoveLoc(0)
        };
        let code = vec![
            I::PackVariant(1),
            I::StLoc(0),
            borrow,
            unpack,
            I::Pop,
            I::Pop,
            I::Ret,
        ];
        assembler.function("f", &[], &[], &[T::Datatype(0)], code);
        let module = assembler.finish();
        verify_module(&module).unwrap();
        let error = run_in(module, "f", vec![]).unwrap_err();
        assert_eq!(error.status, StatusCode::InvariantViolation);
        assert_eq!(error.location.unwrap().instruction, 3);
    }
}

#[test]
fn the_operand_stack_is_shared_and_bounded() {
    // `f(n)` keeps three operands while it calls itself.
    let mut assembler = Assembler::new();
    let code = vec![
        I::CopyLoc(0),
        I::LdU64(0),
        I::Eq,
        I::BrTrue(17),
        I::LdU64(1),
        I::LdU64(2),
        I::LdU64(3),
        I::MoveLoc(0),
        I::LdU64(1),
        I::Sub,
        I::Call(0),
        I::Add,
        I::Add,
        I::Add,
        I::Ret,
        I::Nop,
        I::Branch(17),
        I::LdU64(0),
        I::Ret,
    ];
    assembler.function("f", &[T::U64], &[T::U64], &[], code);
    let module = assembler.finish();
    verify_module(&module).unwrap();
    let result = run_in(module.clone(), "f", vec![Value::U64(300)]).unwrap();
    assert_values(&result, &[Value::U64(1800)]);
    let error = run_in(module, "f", vec![Value::U64(400)]).unwrap_err();
    assert_eq!(error.status, StatusCode::ExecutionStackOverflow);
    assert_eq!(error.status.number(), 4020);
}

#[test]
fn unverified_code_ends_in_violations() {
    let cases: Vec<(&[T], Vec<I>)> = vec![
        (&[], vec![I::Pop, I::Ret]),
        (&[], vec![I::Nop]),
        (&[], vec![I::MoveLoc(0), I::Ret]),
        (&[], vec![I::LdU8(1), I::LdTrue, I::Add, I::Ret]),
        (&[T::U64], vec![I::MoveLoc(0), I::ReadRef, I::Ret]),
        (
            &[T::U64],
            vec![I::ImmBorrowLoc(0), I::ImmBorrowField(0), I::Ret],
        ),
        (&[], vec![I::Pack(0), I::Ret]),
        (&[], vec![I::LdConst(3), I::Ret]),
        (&[], vec![I::VariantSwitch(0)]),
        (&[], vec![I::GlobalStorage(0x2a, 0), I::Ret]),
        (&[], vec![I::Call(9), I::Ret]),
        (&[], vec![I::LdTrue, I::Ret]),
    ];
    for (parameters, code) in cases {
        let mut assembler = Assembler::new();
        assembler.function("f", parameters, &[], &[], code.clone());
        let arguments = parameters.iter().map(|_| Value::U64(1)).collect();
        let error = run_in(assembler.finish(), "f", arguments).unwrap_err();
        assert_eq!(error.status, StatusCode::InvariantViolation, "{code:?}");
    }
}

#[test]
fn wrong_number_of_arguments() {
    let mut assembler = Assembler::new();
    assembler.function("f", &[T::U8], &[], &[], vec![I::Ret]);
    let error = run_in(assembler.finish(), "f", vec![]).unwrap_err();
    assert_eq!(error.status, StatusCode::ArityMismatch);
}

/// A host with two natives of `0x2::address`, one of which it refuses to run.
struct AddressHost;

const NATIVES: [NativeName; 2] = [
    (Address::FRAMEWORK, "address", "from_bytes"),
    (Address::FRAMEWORK, "address", "to_u256"),
];
/// Position of the native that is refused.
const TO_U256: usize = 1;

impl Host for AddressHost {
    fn call_native(
        &mut self,
        ctx: &mut NativeContext<'_>,
        index: usize,
        ty_args: &[Type],
        args: Vec<Value>,
    ) -> Result<Vec<Value>, NativeError> {
        assert!(ty_args.is_empty());
        ctx.charge(100)?;
        if index == TO_U256 {
            return Err(NativeError::Unsupported);
        }
        let [bytes] = <[Value; 1]>::try_from(args).unwrap();
        let bytes: [u8; 32] = bytes
            .into_bytes()?
            .try_into()
            .map_err(|_| NativeError::Abort(0))?;
        Ok(vec![Value::address(bytes)])
    }
}

fn call_framework(
    module: &str,
    function: &str,
    arguments: Vec<Value>,
) -> Result<Vec<Value>, VmError> {
    let packages = MemoryPackages::with_framework();
    let session = Vm::with_natives(NATIVES).session(&packages, packages.linkage());
    let function = session.load_function(&Address::FRAMEWORK, module, function, &[])?;
    session.call(
        &function,
        arguments,
        &mut AddressHost,
        &mut Meter::new(10_000_000),
    )
}

#[test]
fn natives_of_the_host_fail_at_their_own_definition() {
    let bytes = vec![7; 32];
    let result = call_framework("address", "from_bytes", vec![Value::bytes(bytes.clone())]);
    assert_values(&result.unwrap(), &[Value::address([7; 32])]);

    let error = call_framework("address", "from_bytes", vec![Value::bytes(*b"x")]).unwrap_err();
    assert_eq!(error.abort_code(), Some(0));
    let location = error.location.unwrap();
    assert_eq!(location.module.to_string(), "0x2::address");
    assert_eq!((location.function, location.instruction), (2, 0));
    assert_eq!(location.function_name, "from_bytes");

    // Called from Move code, the location is still the native's.
    let text = Value::bytes(vec![b'0'; 64]);
    assert!(call_framework("address", "from_ascii_bytes", vec![borrowed(text)]).is_ok());
}

fn borrowed(value: Value) -> Value {
    move_vm::Slot::new(value).borrow()
}

#[test]
fn missing_natives_say_their_name() {
    let error =
        call_framework("hash", "keccak256", vec![borrowed(Value::bytes(*b""))]).unwrap_err();
    assert_eq!(error.abort_code(), Some(UNSUPPORTED_NATIVE_ABORT));
    assert_eq!(
        error.message.as_deref(),
        Some("unsupported native 0x2::hash::keccak256")
    );
    let error = call_framework("address", "to_u256", vec![Value::address([0; 32])]).unwrap_err();
    assert_eq!(error.location.unwrap().function_name, "to_u256");
}

/// One package in two versions: runtime id 0xbb, storage ids 0xbb and 0xcc. Version 2 adds the
/// struct `New`.
struct Upgraded {
    framework: MemoryPackages,
    versions: BTreeMap<Address, Arc<CompiledModule>>,
}

const SECOND: Address = Address::from_u8(0xcc);

impl Upgraded {
    fn new() -> Self {
        let version = |result, structs: &[&str]| {
            let mut assembler = Assembler::new();
            for name in structs {
                let name = assembler.identifier(name);
                let field = assembler.identifier("value");
                let handle = u16::try_from(assembler.module.datatype_handles.len()).unwrap();
                assembler.module.datatype_handles.push(DatatypeHandle {
                    module: 0,
                    name,
                    abilities: AbilitySet::PRIMITIVES,
                    type_parameters: Vec::new(),
                });
                let fields = vec![FieldDef {
                    name: field,
                    type_: T::U64,
                }];
                let def = move_vm::format::StructDef {
                    handle,
                    fields: Some(fields),
                };
                assembler.module.struct_defs.push(def);
            }
            assembler.function(
                "version",
                &[],
                &[T::U64],
                &[],
                vec![I::LdU64(result), I::Ret],
            );
            Arc::new(assembler.finish())
        };
        let versions = BTreeMap::from([
            (MADE, version(1, &["Old"])),
            (SECOND, version(2, &["Old", "New"])),
        ]);
        Self {
            framework: MemoryPackages::with_framework(),
            versions,
        }
    }

    fn linkage(&self, storage_id: Address, version: u64) -> Linkage {
        let mut linkage = self.framework.linkage();
        linkage.insert(MADE, storage_id, version);
        linkage
    }
}

impl PackageSource for Upgraded {
    fn module(&self, storage_id: &Address, module: &str) -> Option<Arc<CompiledModule>> {
        match self.versions.get(storage_id) {
            Some(made) => (module == "made").then(|| Arc::clone(made)),
            None => self.framework.module(storage_id, module),
        }
    }

    fn runtime_id(&self, storage_id: &Address) -> Option<Address> {
        let is_made = self.versions.contains_key(storage_id);
        if is_made {
            Some(MADE)
        } else {
            self.framework.runtime_id(storage_id)
        }
    }

    fn defining_id(&self, storage_id: &Address, _: &str, datatype: &str) -> Option<Address> {
        match (self.versions.contains_key(storage_id), datatype) {
            (true, "New") => Some(SECOND),
            (true, _) => Some(MADE),
            (false, _) => Some(*storage_id),
        }
    }
}

#[test]
fn versions_of_a_package_run_side_by_side() {
    let packages = Upgraded::new();
    let vm = Vm::new();
    for (storage_id, version) in [(MADE, 1), (SECOND, 2), (MADE, 1)] {
        let session = vm.session(&packages, packages.linkage(storage_id, version));
        let function = session
            .load_function(&storage_id, "made", "version", &[])
            .unwrap();
        let mut meter = Meter::new(1000);
        let result = session
            .call(&function, vec![], &mut NoHost, &mut meter)
            .unwrap();
        assert_values(&result, &[Value::U64(version)]);
    }
    // The version must be the linked one.
    let session = vm.session(&packages, packages.linkage(SECOND, 2));
    let error = session
        .load_function(&MADE, "made", "version", &[])
        .unwrap_err();
    assert_eq!(error.status, StatusCode::LinkageMissing);
}

#[test]
fn tags_carry_defining_ids_and_types_runtime_ids() {
    let packages = Upgraded::new();
    let session = Vm::new().session(&packages, packages.linkage(SECOND, 2));
    let load = |text: &str| session.load_type(&text.parse::<TypeTag>().unwrap());
    let new = load("0xcc::made::New").unwrap();
    assert!(new.is_datatype(MADE, "made", "New"));
    assert_eq!(new.to_tag().unwrap().to_string(), "0xcc::made::New");
    assert_eq!(
        new.to_original_tag().unwrap().to_string(),
        "0xbb::made::New"
    );
    assert_eq!(
        load("0xbb::made::Old")
            .unwrap()
            .to_tag()
            .unwrap()
            .to_string(),
        "0xbb::made::Old"
    );
    // Whichever version the tag names, the type is the same.
    assert_eq!(
        load("0xcc::made::Old").unwrap(),
        load("0xbb::made::Old").unwrap()
    );
    let vector = load("vector<0x1::option::Option<0xcc::made::New>>").unwrap();
    assert_eq!(
        vector.to_tag().unwrap().to_string(),
        "vector<0x1::option::Option<0xcc::made::New>>"
    );
    let first = Vm::new().session(&packages, packages.linkage(MADE, 1));
    let error = first
        .load_type(&"0xcc::made::New".parse().unwrap())
        .unwrap_err();
    assert_eq!(error.status, StatusCode::TypeNotFound);
}

#[test]
fn type_arguments_must_fit() {
    let packages = Upgraded::new();
    let session = Vm::new().session(&packages, packages.linkage(MADE, 1));
    let status = |text: &str| {
        session
            .load_type(&text.parse::<TypeTag>().unwrap())
            .unwrap_err()
            .status
    };
    assert_eq!(status("0x2::coin::Coin"), StatusCode::TypeArityMismatch);
    assert_eq!(
        status("0x2::coin::Coin<u8, u8>"),
        StatusCode::TypeArityMismatch
    );
    // Table keys must have copy, drop and store.
    assert_eq!(
        status("0x2::table::Table<0x2::object::UID, u8>"),
        StatusCode::ConstraintNotSatisfied
    );
    assert_eq!(status("0x2::nothing::Nothing"), StatusCode::ModuleNotFound);
    assert_eq!(status("0x9::nothing::Nothing"), StatusCode::LinkageMissing);
}

#[test]
fn layouts_describe_values_by_name() {
    let packages = MemoryPackages::with_framework();
    let session = Vm::new().session(&packages, packages.linkage());
    let tag: TypeTag = "0x2::coin::Coin<0x2::sui::SUI>".parse().unwrap();
    let coin = session.load_type(&tag).unwrap();
    let layout = session.layout(&coin).unwrap();
    assert_eq!(layout.tag(), tag);
    let bytes: Vec<u8> = [[9; 32].as_slice(), &500u64.to_le_bytes()].concat();
    let value = Value::from_bcs(&bytes, &layout).unwrap();
    assert_eq!(value.object_id().unwrap(), Address([9; 32]));
    assert_eq!(value.to_bcs(&layout).unwrap(), bytes);
    for wrong in [&bytes[..39], &[&bytes[..], &[0]].concat()] {
        let error = Value::from_bcs(wrong, &layout).unwrap_err();
        assert_eq!(error.status, StatusCode::DeserializationError);
    }
    let description = session
        .datatype(&Address::FRAMEWORK, "coin", "Coin")
        .unwrap();
    let fields = description.struct_fields().unwrap();
    assert_eq!(fields[0].0, "id");
    assert_eq!(fields[1].0, "balance");
    let signature = session
        .function_signature(&Address::FRAMEWORK, "coin", "split")
        .unwrap();
    assert_eq!(signature.parameters.len(), 3);
    assert!(
        signature.parameters[0]
            .as_reference()
            .is_some_and(|(_, mutable)| mutable)
    );
}
