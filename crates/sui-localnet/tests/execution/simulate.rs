//! Simulation with and without the rules of real execution; what the engine tells about packages.

use crate::common::*;
use sui_localnet::execution::Mode;
use sui_sdk_types::{ExecutionError, ExecutionStatus, StructTag, TypeTag};

const UNCHECKED: Mode = Mode::Simulate {
    checks: false,
    mock_gas: true,
};

#[test]
fn without_checks_private_functions_run_and_results_may_be_left() {
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    ptb.call(package, "items::secret", &[]);
    let five = ptb.pure(&5u64);
    ptb.call(package, "items::borrow_money", &[five]);
    let mut transaction = chain.transaction(ALICE, ptb);
    transaction.gas_payment.objects.clear();
    let executed = chain
        .engine
        .execute(&chain.store, &chain.env, &transaction, UNCHECKED)
        .unwrap();
    assert_eq!(
        *status(&executed),
        ExecutionStatus::Success,
        "{:?}",
        executed.failure_detail
    );
    assert_eq!(returned::<u64>(&executed, 0, 0), 42);
    let (tag, _) = &executed.command_outputs[1].returned[0];
    assert_eq!(tag.to_string(), format!("{package}::items::Loan"));
}

#[test]
fn without_checks_objects_of_others_may_be_read() {
    let mut chain = Chain::new();
    let coin = chain.coins(BOB)[0];
    let mut ptb = Ptb::default();
    let argument = ptb.owned(&chain, coin);
    ptb.call_generic(
        sui_sdk_types::Address::TWO,
        "coin::value",
        vec![StructTag::sui().into()],
        &[argument],
    );
    let transaction = chain.transaction(ALICE, ptb);
    assert!(chain.try_execute(&transaction).is_err());
    let executed = chain
        .engine
        .execute(&chain.store, &chain.env, &transaction, UNCHECKED)
        .unwrap();
    assert_eq!(returned::<u64>(&executed, 0, 0), COIN);
}

#[test]
fn a_simulated_failure_has_effects_and_a_reason() {
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    let odd = ptb.pure(&3u64);
    ptb.call(package, "items::check_even", &[odd]);
    let executed = chain.inspect(ptb);
    let ExecutionStatus::Failure {
        error: ExecutionError::MoveAbort { location, code },
        ..
    } = status(&executed)
    else {
        panic!("{:?}", executed.failure_detail);
    };
    assert_eq!((location.package, *code), (package, 7));
    assert!(executed.failure_detail.unwrap().contains("check_even"));
}

#[test]
fn functions_datatypes_and_layouts_are_described() {
    let (chain, package) = Chain::with_objects();
    let function = chain
        .engine
        .function(&chain.store, &package, "items", "add_field")
        .unwrap();
    assert_eq!(function.parameters.len(), 3);
    assert!(!function.is_entry);
    let item = function.parameters[0]
        .as_reference()
        .unwrap()
        .0
        .to_tag()
        .unwrap();
    assert_eq!(item.to_canonical("0x"), format!("{package}::items::Item"));
    assert!(
        chain
            .engine
            .function(&chain.store, &package, "items", "nothing")
            .is_none()
    );
    assert!(
        chain
            .engine
            .function(&chain.store, &ALICE, "items", "new")
            .is_none()
    );

    let datatype = chain
        .engine
        .datatype(&chain.store, &package, "items", "Box")
        .unwrap();
    assert_eq!(datatype.struct_fields().unwrap().len(), 2);

    let tag: TypeTag = format!("0x2::coin::Coin<{package}::gem::GEM>")
        .parse()
        .unwrap();
    let layout = chain.engine.layout_of(&chain.store, &tag).unwrap();
    let move_vm::Layout::Struct(layout) = &*layout else {
        panic!("a coin is a struct");
    };
    assert_eq!(layout.fields.len(), 2);
    let nothing: TypeTag = "0x2::coin::Nothing".parse().unwrap();
    assert!(chain.engine.layout_of(&chain.store, &nothing).is_none());
}
