//! The language features of `tests/move/language`, executed.
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use common::MemoryPackages;
use move_vm::{
    Address, Meter, NoHost, Slot, StatusCode, StructTag, TypeTag, U256, Value, Vector, Vm, VmError,
};

const PACKAGE: Address = Address::from_u8(0xaa);
const GAS: u64 = 5_000_000_000;

fn packages() -> MemoryPackages {
    let mut packages = MemoryPackages::with_framework();
    packages.add_at(PACKAGE, common::parse(&common::fixture_bytes("language")));
    packages
}

fn run_with(
    module: &str,
    function: &str,
    types: &[&str],
    arguments: Vec<Value>,
    meter: &mut Meter,
) -> Result<Vec<Value>, VmError> {
    let packages = packages();
    let session = Vm::new().session(&packages, packages.linkage());
    let types: Vec<TypeTag> = types.iter().map(|text| text.parse().unwrap()).collect();
    let function = session.load_function(&PACKAGE, module, function, &types)?;
    session.call(&function, arguments, &mut NoHost, meter)
}

fn run(module: &str, function: &str, arguments: Vec<Value>) -> Result<Vec<Value>, VmError> {
    run_with(module, function, &[], arguments, &mut Meter::new(GAS))
}

fn results<const N: usize>(module: &str, function: &str) -> [Value; N] {
    run(module, function, vec![]).unwrap().try_into().unwrap()
}

fn u64s(values: impl IntoIterator<Item = Value>) -> Vec<u64> {
    values
        .into_iter()
        .map(|value| value.into_u64().unwrap())
        .collect()
}

fn is_true(module: &str, function: &str) -> bool {
    let [value] = results(module, function);
    value.into_bool().unwrap()
}

fn failure(function: &str, arguments: Vec<Value>) -> VmError {
    run("failures", function, arguments).unwrap_err()
}

fn list(items: &[u64]) -> Value {
    Value::vector(Vector::U64(items.to_vec()))
}

#[test]
fn enums_match_by_value_and_by_reference() {
    let [areas] = results("enums", "areas");
    assert!(areas.equals(&list(&[0, 12, 12, 1025, 258])).unwrap());
    assert_eq!(u64s(results::<3>("enums", "changed")), [300, 70, 12]);
    assert_eq!(u64s(results::<1>("enums", "generic_sum")), [20]);
    let equal: Vec<_> = results::<3>("enums", "equal")
        .into_iter()
        .map(Value::into_bool)
        .collect();
    assert_eq!(equal, [Ok(false), Ok(true), Ok(true)]);
    assert!(is_true("enums", "replaced"));
}

#[test]
fn enum_bcs_is_tag_then_fields() {
    let [bytes] = results("enums", "named_bcs");
    assert_eq!(hex::encode(bytes.into_bytes().unwrap()), "030201017a");
    let [shape] = results("enums", "named");
    let parts = run("enums", "into_parts", vec![shape]).unwrap();
    assert!(parts[0].equals(&Value::U64(258)).unwrap());
    assert_eq!(parts[1].to_byte_vec().unwrap(), b"z");
}

#[test]
fn enum_values_survive_their_layout() {
    let packages = packages();
    let session = Vm::new().session(&packages, packages.linkage());
    let shape = session
        .load_type(&"0xaa::enums::Shape".parse().unwrap())
        .unwrap();
    let layout = session.layout(&shape).unwrap();
    let bytes = hex::decode("030201017a").unwrap();
    let value = Value::from_bcs(&bytes, &layout).unwrap();
    assert_eq!(value.to_bcs(&layout).unwrap(), bytes);
    for bad in [
        "04",
        "830201017a",
        "8300",
        "",
        "0302",
        "030201017a00",
        "0302018100",
    ] {
        let error = Value::from_bcs(&hex::decode(bad).unwrap(), &layout).unwrap_err();
        assert_eq!(error.status, StatusCode::DeserializationError, "{bad}");
    }
}

#[test]
fn generic_vectors_are_stored_by_their_element_type() {
    let [encodings] = results("generics", "singletons_bcs");
    let expected = [
        "0107",
        "010700",
        "010700000000000000",
        "0101",
        &format!("01{}07", "00".repeat(31)),
        &format!("0107{}", "00".repeat(31)),
        "0107000000",
        &format!("010107{}", "00".repeat(15)),
        "00",
        "010300",
    ];
    let encodings: Vec<_> = encodings
        .into_vector()
        .unwrap()
        .into_values()
        .into_iter()
        .map(|value| hex::encode(value.into_bytes().unwrap()))
        .collect();
    assert_eq!(encodings, expected);
}

#[test]
fn type_arguments_are_substituted_through_calls() {
    assert!(is_true("generics", "swapped"));
    let arguments = &["0x2::sui::SUI"];
    let [name] = run_with(
        "generics",
        "nested_name",
        arguments,
        vec![],
        &mut Meter::new(GAS),
    )
    .unwrap()
    .try_into()
    .unwrap();
    let text = name.copy_field(0).unwrap().into_bytes().unwrap();
    let package = PACKAGE.to_canonical();
    let sui = format!("{}::sui::SUI", Address::FRAMEWORK.to_canonical());
    assert_eq!(
        String::from_utf8(text).unwrap(),
        format!(
            "{package}::generics::Box<{package}::generics::Pair<{sui},\
             vector<{package}::generics::Marker<{sui}>>>>"
        )
    );
}

#[test]
fn types_and_values_have_limits() {
    let nested = |datatype: &str, levels: usize, function: &str| {
        let packages = packages();
        let session = Vm::new().session(&packages, packages.linkage());
        let tag = nested_tag(datatype, levels);
        let function = session.load_function(&PACKAGE, "generics", function, &[tag])?;
        // The value is never looked into: only its type decides.
        session.call(
            &function,
            vec![Value::U64(1)],
            &mut NoHost,
            &mut Meter::new(GAS),
        )
    };
    assert!(nested("Wrap", 0, "nest16").is_ok());
    assert!(nested("Wrap", 100, "nest16").is_ok());
    let status =
        |datatype, levels, function| nested(datatype, levels, function).unwrap_err().status;
    assert_eq!(
        status("Wrap", 115, "nest16"),
        StatusCode::MaxValueDepthReached
    );
    assert_eq!(
        status("Wrap", 150, "nest16"),
        StatusCode::MaxTypeNodesReached
    );
    assert_eq!(
        status("Wrap", 300, "nest16"),
        StatusCode::MaxTypeDepthReached
    );
    // 14 * 9 + 1 levels, and one for the wrapper.
    assert!(nested("Deep", 14, "wrap").is_ok());
    assert_eq!(status("Deep", 15, "wrap"), StatusCode::MaxValueDepthReached);
}

/// `u64` inside `levels` applications of a generic struct.
fn nested_tag(datatype: &str, levels: usize) -> TypeTag {
    (0..levels).fold(TypeTag::U64, |tag, _| {
        let mut outer: StructTag = format!("0xaa::generics::{datatype}<u8>").parse().unwrap();
        outer.type_params = vec![tag];
        TypeTag::Struct(Box::new(outer))
    })
}

#[test]
fn references_reach_their_owner() {
    let [local, field, element, bytes, flag] = results("references", "stores");
    assert_eq!(u64s([local, field, element]), [15, 11, 13]);
    assert_eq!(bytes.into_bytes().unwrap(), b"acc");
    assert!(!flag.into_bool().unwrap());
    for function in ["copies", "replaces", "compare_referents"] {
        assert!(is_true("references", function), "{function}");
    }
    assert_eq!(u64s(results::<1>("references", "moves")), [410_302]);
    assert_eq!(u64s(results::<2>("references", "chosen")), [9, 18]);
}

#[test]
fn slots_carry_mutable_arguments_in_and_out() {
    let packages = packages();
    let session = Vm::new().session(&packages, packages.linkage());
    let load = |name| {
        session
            .load_function(&PACKAGE, "references", name, &[])
            .unwrap()
    };
    let call = |name, arguments| {
        session
            .call(&load(name), arguments, &mut NoHost, &mut Meter::new(GAS))
            .unwrap()
    };
    let total = Slot::new(Value::U64(1));
    let values = Slot::new(list(&[10, 20, 30]));
    let outer = Slot::new(call("new_outer", vec![]).remove(0));
    call(
        "accumulate",
        vec![total.borrow(), values.borrow(), outer.borrow()],
    );
    assert!(total.get().unwrap().equals(&Value::U64(61)).unwrap());
    assert!(values.take().unwrap().into_vector().unwrap().is_empty());
    let count = call("inner_count", vec![outer.borrow()])
        .remove(0)
        .into_reference()
        .unwrap();
    assert!(count.read().unwrap().equals(&Value::U64(61)).unwrap());
    total.set(Value::U64(3)).unwrap();
    assert!(total.take().unwrap().equals(&Value::U64(3)).unwrap());
}

#[test]
fn algorithms_compute_what_they_should() {
    let one = |function, arguments| run("algorithms", function, arguments).unwrap().remove(0);
    let number = |function, argument| {
        one(function, vec![Value::U64(argument)])
            .into_u64()
            .unwrap()
    };
    assert_eq!(number("fibonacci", 20), 6765);
    assert_eq!(number("count_primes", 10_000), 1229);
    assert_eq!(number("labeled", 40), {
        let (mut outer, mut sum) = (0, 0);
        'rows: loop {
            outer += 1;
            for inner in 1.. {
                if inner * outer > 40 {
                    break 'rows;
                }
                if inner > outer {
                    continue 'rows;
                }
                sum += inner * outer;
            }
        }
        sum
    });
    let sorted = one("sorted", vec![list(&[5, 3, 9, 1, 1, 7])]);
    assert!(sorted.equals(&list(&[1, 1, 3, 5, 7, 9])).unwrap());
    let factorial = one("factorial", vec![Value::u256(U256::from(50u64))])
        .into_u256()
        .unwrap();
    assert_eq!(
        factorial.to_string(),
        "30414093201713378043612608166064768844377641568960512000000000000"
    );
    let hex = one("hex_of", vec![Value::U8(0x5e)]).into_bytes().unwrap();
    assert_eq!(hex, b"5e");
    assert_eq!(u64s([one("string_search", vec![])]), [10]);
}

#[test]
fn arithmetic_failures_are_located_in_the_failing_instruction() {
    let two = |left, right| vec![Value::U64(left), Value::U64(right)];
    let wide = |left, right| vec![Value::u256(left), Value::u256(right)];
    let cases = [
        ("add_u64", two(u64::MAX, 1)),
        ("sub_u64", two(1, 2)),
        ("mul_u64", two(u64::MAX, 2)),
        ("div_u64", two(1, 0)),
        ("mod_u64", two(1, 0)),
        ("add_u256", wide(U256::MAX, U256::ONE)),
        ("mul_u256", wide(U256::MAX, U256::from(2u64))),
        ("div_u256", wide(U256::ONE, U256::ZERO)),
        ("shl_u64", vec![Value::U64(1), Value::U8(64)]),
        ("shr_u8", vec![Value::U8(1), Value::U8(8)]),
        ("to_u8", vec![Value::U64(256)]),
        ("u256_to_u64", vec![Value::u256(U256::from(1u128 << 64))]),
    ];
    for (function, arguments) in cases {
        let error = failure(function, arguments);
        assert_eq!(error.status, StatusCode::ArithmeticError, "{function}");
        assert_eq!(error.status.number(), 4017);
        assert_eq!(error.sub_status, None);
        let location = error.location.unwrap();
        assert_eq!(location.module.address, PACKAGE);
        assert_eq!(location.function_name, function);
        assert!(location.instruction > 0);
    }
    let shifted = run(
        "failures",
        "shl_u256",
        vec![Value::u256(U256::MAX), Value::U8(255)],
    );
    let shifted = shifted.unwrap().remove(0).into_u256().unwrap();
    assert_eq!(shifted, U256::ONE.checked_shl(255).unwrap());
}

#[test]
fn vector_failures_carry_their_sub_status() {
    let cases = [
        ("element", vec![Value::U64(3)], 1),
        ("pop_empty", vec![], 2),
        ("swap_out_of_bounds", vec![], 1),
        ("destroy_not_empty", vec![], 3),
        ("push_many", vec![Value::U64(262_145)], 4),
    ];
    for (function, arguments, sub_status) in cases {
        let error = failure(function, arguments);
        assert_eq!(error.status, StatusCode::VectorOperationError, "{function}");
        assert_eq!(error.sub_status, Some(sub_status), "{function}");
    }
    let full = run("failures", "push_many", vec![Value::U64(262_144)]).unwrap();
    assert_eq!(u64s(full), [262_144]);
}

#[test]
fn aborts_carry_their_code_and_the_aborting_function() {
    let abort = |function| {
        let error = failure(function, vec![]);
        assert_eq!(error.status, StatusCode::Aborted);
        let code = error.abort_code().unwrap();
        (code, error.location.unwrap().function_name.to_string())
    };
    assert_eq!(abort("plain_abort"), (42, "plain_abort".to_owned()));
    assert_eq!(abort("nested_abort"), (77, "helper".to_owned()));
    assert_eq!(abort("bad_utf8"), (1, "utf8".to_owned()));
    // Clever errors: tag 1100, then error code, line, name and value; FF.. where there is none.
    let (code, _) = abort("clever_abort");
    assert_eq!(code >> 48, 0xC0FF);
    let (code, _) = abort("clever_abort_with_code");
    assert_eq!(code >> 48, 0xC007);
    let (code, _) = abort("bare_assert");
    assert_eq!(code & 0xFFFF_0000_FFFF_FFFF, 0xC0FF_0000_FFFF_FFFF);
}

#[test]
fn clever_error_constants_can_be_found_in_the_module() {
    let modules = common::parse(&common::fixture_bytes("language"));
    let module = modules
        .iter()
        .find(|module| module.self_id().name == "failures")
        .unwrap();
    let code = failure("clever_abort", vec![]).abort_code().unwrap();
    let constant = |index: u64| {
        let data = &module.constants[usize::try_from(index & 0xFFFF).unwrap()].data;
        String::from_utf8(data[1..].to_vec()).unwrap()
    };
    assert_eq!(constant(code >> 16), "ENotGood");
    assert_eq!(constant(code), "not good");
}

#[test]
fn call_depth_is_bounded() {
    // The caller, then 1024 activations: 1025 live frames.
    assert!(run("failures", "call_recurse", vec![Value::U64(1023)]).is_ok());
    let error = failure("call_recurse", vec![Value::U64(1024)]);
    assert_eq!(error.status, StatusCode::CallStackOverflow);
    assert_eq!(error.status.number(), 4021);
    let location = error.location.unwrap();
    assert_eq!(
        (location.function_name.as_str(), location.instruction),
        ("recurse", 0)
    );
}

#[test]
fn endless_work_runs_out_of_gas() {
    for function in ["forever", "explode"] {
        let mut meter = Meter::new(100_000_000);
        let error = run_with("failures", function, &[], vec![], &mut meter).unwrap_err();
        assert!(
            error.status == StatusCode::OutOfGas
                || (function == "explode" && error.status == StatusCode::VectorOperationError),
            "{error}"
        );
    }
}

#[test]
fn metering_is_deterministic() {
    let used = || {
        let mut meter = Meter::new(GAS);
        run_with(
            "algorithms",
            "count_primes",
            &[],
            vec![Value::U64(500)],
            &mut meter,
        )
        .unwrap();
        meter.used()
    };
    let first = used();
    assert!(first > 500);
    assert_eq!(first, used());
}

#[test]
fn operators_short_circuit_and_bits_combine() {
    for (value, expected) in [(0, true), (10, true), (50, false)] {
        let result = run("failures", "short_circuit", vec![Value::U64(value)]).unwrap();
        assert!(result[0].equals(&Value::Bool(expected)).unwrap());
    }
    let bits = run(
        "failures",
        "bits",
        vec![Value::U32(0b1100), Value::U32(0b1010)],
    )
    .unwrap();
    for (actual, expected) in bits.iter().zip([0b1110, 0b1000, 0b0110]) {
        assert!(actual.equals(&Value::U32(expected)).unwrap());
    }
}
