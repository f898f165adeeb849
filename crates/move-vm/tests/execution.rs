//! Framework code under the interpreter.
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use common::MemoryPackages;
use move_vm::{Address, Meter, NoHost, StatusCode, TypeTag, Value, Vm, VmError};

fn run(
    module: &str,
    function: &str,
    types: &[&str],
    arguments: Vec<Value>,
) -> Result<Vec<Value>, VmError> {
    let packages = MemoryPackages::with_framework();
    let session = Vm::new().session(&packages, packages.linkage());
    let types: Vec<TypeTag> = types.iter().map(|text| text.parse().unwrap()).collect();
    let function = session.load_function(&Address::STD, module, function, &types)?;
    session.call(
        &function,
        arguments,
        &mut NoHost,
        &mut Meter::new(100_000_000),
    )
}

fn one(result: Result<Vec<Value>, VmError>) -> Value {
    let [value] = result.unwrap().try_into().unwrap();
    value
}

fn assert_value(actual: &Value, expected: &Value) {
    assert!(
        actual.equals(expected).unwrap(),
        "{actual:?} is not {expected:?}"
    );
}

#[test]
fn integer_functions_of_the_standard_library() {
    let sqrt = one(run("u64", "sqrt", &[], vec![Value::U64(1_000_000_007)]));
    assert_value(&sqrt, &Value::U64(31_622));
    let pow = one(run("u128", "pow", &[], vec![Value::U128(3), Value::U8(70)]));
    assert_value(&pow, &Value::U128(3u128.pow(70)));
    let rounded = one(run(
        "u64",
        "divide_and_round_up",
        &[],
        vec![Value::U64(7), Value::U64(2)],
    ));
    assert_value(&rounded, &Value::U64(4));
}

#[test]
fn option_destroy_some_of_none_aborts_in_option() {
    let none = Value::option(move_vm::ElementKind::U64, None).unwrap();
    let error = run("option", "destroy_some", &["u64"], vec![none]).unwrap_err();
    assert_eq!(error.abort_code(), Some(0x40001));
    let location = error.location.unwrap();
    assert_eq!(location.module.to_string(), "0x1::option");
    assert_eq!(location.function_name, "destroy_some");
}

#[test]
fn type_names_are_canonical_without_prefix() {
    let name = one(run(
        "type_name",
        "with_defining_ids",
        &["0x2::table::Table<u64, address>"],
        vec![],
    ));
    let text = name
        .copy_field(0)
        .unwrap()
        .copy_field(0)
        .unwrap()
        .into_bytes()
        .unwrap();
    let zeros = "0".repeat(63);
    assert_eq!(
        String::from_utf8(text).unwrap(),
        format!("{zeros}2::table::Table<u64,address>")
    );
}

#[test]
fn meter_stops_and_unknown_names_are_refused() {
    let packages = MemoryPackages::with_framework();
    let session = Vm::new().session(&packages, packages.linkage());
    let function = session
        .load_function(&Address::STD, "u64", "sqrt", &[])
        .unwrap();
    let mut meter = Meter::new(10_000);
    let error = session
        .call(&function, vec![Value::U64(9)], &mut NoHost, &mut meter)
        .unwrap_err();
    assert_eq!(error.status, StatusCode::OutOfGas);
    assert!(error.location.is_some());
    assert_eq!(meter.remaining(), 0);

    let status = |module, function, types: &[TypeTag]| {
        session
            .load_function(&Address::STD, module, function, types)
            .unwrap_err()
            .status
    };
    assert_eq!(status("nothing", "sqrt", &[]), StatusCode::ModuleNotFound);
    assert_eq!(status("u64", "nothing", &[]), StatusCode::FunctionNotFound);
    assert_eq!(
        status("u64", "sqrt", &[TypeTag::U8]),
        StatusCode::TypeArityMismatch
    );
    let error = session
        .load_function(&Address::from_u8(9), "u64", "sqrt", &[])
        .unwrap_err();
    assert_eq!(error.status, StatusCode::LinkageMissing);
}
