//! Rules of programmable transactions, on the fixture package `rules`.

use crate::common::*;
use sui_sdk_types::{
    Address, Argument, CommandArgumentError, ExecutionError, ExecutionStatus, Identifier, Input,
    ObjectReference, StructTag, TypeArgumentError, TypeTag,
};

const STD: Address = Address::from_static("0x1");

fn chain_with_rules() -> (Chain, Address) {
    let mut chain = Chain::new();
    let (package, _) = chain.publish(&Package::fixture("rules"));
    (chain, package)
}

/// Shares a `Board` and returns its id.
fn share_board(chain: &mut Chain, package: Address) -> Address {
    let mut ptb = Ptb::default();
    ptb.call(package, "cases::share_board", &[]);
    chain.succeed(ALICE, ptb);
    *chain.of_type(package, "cases", "Board").last().unwrap()
}

#[test]
fn private_entry_functions_take_shared_objects_by_value() {
    let (mut chain, package) = chain_with_rules();
    let board = share_board(&mut chain, package);
    let mut ptb = Ptb::default();
    let shared = ptb.shared(&chain, board, true);
    ptb.call(package, "cases::burn", &[shared]);
    chain.succeed(ALICE, ptb);
    assert!(!chain.store.0.contains_key(&board));
}

#[test]
fn the_argument_that_hangs_together_with_a_loan_is_named() {
    let (mut chain, package) = chain_with_rules();
    let board = share_board(&mut chain, package);
    let mut ptb = Ptb::default();
    let shared = ptb.shared(&chain, board, true);
    let number = ptb.pure(&7u64);
    let loan = ptb.call(package, "cases::lend", &[shared]);
    ptb.call(package, "cases::look", &[number, shared]);
    ptb.call(package, "cases::repay", &[loan]);
    let kind = CommandArgumentError::InvalidArgumentToPrivateEntryFunction;
    let refused = ExecutionError::CommandArgumentError { argument: 1, kind };
    assert_eq!(chain.fail(ALICE, ptb.clone()), (refused, Some(1)));
    // Once the loan is repaid, nothing depends on the call.
    ptb.commands.swap(1, 2);
    chain.succeed(ALICE, ptb);
}

#[test]
fn what_an_earlier_command_took_from_a_shared_object_stays_hot() {
    let (mut chain, package) = chain_with_rules();
    let board = share_board(&mut chain, package);
    let mut ptb = Ptb::default();
    let shared = ptb.shared(&chain, board, true);
    let numbers = [ptb.pure(&1u64), ptb.pure(&2u64)];
    ptb.call(
        package,
        "cases::burn_with",
        &[numbers[0], shared, numbers[1]],
    );
    ptb.call(package, "cases::private_number", &[numbers[0]]);
    let (error, command) = chain.fail(ALICE, ptb);
    let kind = CommandArgumentError::InvalidArgumentToPrivateEntryFunction;
    assert_eq!(
        error,
        ExecutionError::CommandArgumentError { argument: 0, kind }
    );
    assert_eq!(command, Some(1));
}

#[test]
fn claimed_ids_are_fresh_and_claimed_once() {
    let (mut chain, package) = chain_with_rules();
    let parent = new_parent(&mut chain, package);
    let claim = |chain: &Chain, key: u64| {
        let mut ptb = Ptb::default();
        let (parent, key) = (ptb.owned(chain, parent), ptb.pure(&key));
        let to = ptb.pure(&BOB);
        ptb.call(package, "cases::claim", &[parent, key, to]);
        ptb
    };
    let first = claim(&chain, 0);
    chain.succeed(ALICE, first);
    assert_eq!(chain.of_type(package, "cases", "Child").len(), 1);
    let again = claim(&chain, 0);
    let (error, _) = chain.fail(ALICE, again);
    assert!(
        matches!(error, ExecutionError::MoveAbort { .. }),
        "{error:?}"
    );
    let other = claim(&chain, 1);
    chain.succeed(ALICE, other);
    assert_eq!(chain.of_type(package, "cases", "Child").len(), 2);
}

fn new_parent(chain: &mut Chain, package: Address) -> Address {
    let mut ptb = Ptb::default();
    let to = ptb.pure(&ALICE);
    ptb.call(package, "cases::new_parent", &[to]);
    chain.succeed(ALICE, ptb);
    chain.only(package, "cases", "Parent")
}

/// A transaction that receives the object, and sends it on.
fn receive(
    chain: &Chain,
    package: Address,
    parent: Address,
    child: ObjectReference,
    to: Address,
) -> Ptb {
    let mut ptb = Ptb::default();
    let parent = ptb.owned(chain, parent);
    let ticket = ptb.input(Input::Receiving(child));
    let child = ptb.call(package, "cases::receive", &[parent, ticket]);
    ptb.transfer(&[child], to);
    ptb
}

/// A `Parent` of Alice, and a `Child` that was sent to it.
fn parent_and_child(chain: &mut Chain, package: Address) -> (Address, Address) {
    let parent = new_parent(chain, package);
    let mut ptb = Ptb::default();
    let (to, number) = (ptb.pure(&parent), ptb.pure(&3u64));
    ptb.call(package, "cases::new_child", &[to, number]);
    chain.succeed(ALICE, ptb);
    (parent, chain.only(package, "cases", "Child"))
}

#[test]
fn what_was_received_cannot_be_received_again() {
    let (mut chain, package) = chain_with_rules();
    let (parent, child) = parent_and_child(&mut chain, package);
    let old = chain.reference(child);
    let once = receive(&chain, package, parent, old.clone(), parent);
    chain.succeed(ALICE, once);
    assert!(chain.object(child).version() > old.version());
    let again = receive(&chain, package, parent, old.clone(), ALICE);
    let executed = chain.execute(ALICE, again);
    let ExecutionStatus::Failure {
        error: ExecutionError::MoveAbort { location, code: 3 },
        command: Some(0),
    } = status(&executed)
    else {
        panic!("{:?}", status(&executed));
    };
    assert_eq!(location.module.as_str(), "transfer");
    assert_eq!(
        location.function_name.as_ref().map(Identifier::as_str),
        Some("receive_impl")
    );
    assert!(effects(&executed).gas_used.computation_cost > 0);
    // A version that a plain transfer replaced is refused, as ever.
    let between = chain.reference(child);
    let now = receive(&chain, package, parent, between.clone(), ALICE);
    chain.succeed(ALICE, now);
    let mut ptb = Ptb::default();
    let child_input = ptb.owned(&chain, child);
    ptb.transfer(&[child_input], parent);
    chain.succeed(ALICE, ptb);
    let replaced = chain.reference(child);
    let back = receive(&chain, package, parent, replaced, ALICE);
    chain.succeed(ALICE, back);
    let never = ObjectReference::new(child, between.version() + 1, *between.digest());
    let transaction = receive(&chain, package, parent, never, ALICE);
    let transaction = chain.transaction(ALICE, transaction);
    let error = chain.try_execute(&transaction).unwrap_err();
    assert!(
        error.to_string().contains("unavailable for consumption"),
        "{error}"
    );
}

#[test]
fn children_of_objects_are_not_received() {
    let (mut chain, package) = chain_with_rules();
    let parent = new_parent(&mut chain, package);
    let mut ptb = Ptb::default();
    let (to, number) = (ptb.pure(&ALICE), ptb.pure(&3u64));
    ptb.call(package, "cases::new_child", &[to, number]);
    chain.succeed(ALICE, ptb);
    let child = chain.only(package, "cases", "Child");
    let mut ptb = Ptb::default();
    let (owner, object) = (ptb.owned(&chain, parent), ptb.owned(&chain, child));
    ptb.call(package, "cases::adopt", &[owner, object]);
    chain.succeed(ALICE, ptb);
    let reference = chain.reference(child);
    let ptb = receive(&chain, package, parent, reference, ALICE);
    let transaction = chain.transaction(ALICE, ptb);
    let error = chain.try_execute(&transaction).unwrap_err().to_string();
    assert!(error.contains("Objects owned by other objects"), "{error}");
}

/// Error and command of a call with one type argument.
fn with_type(function: &str, tag: TypeTag) -> (ExecutionError, Option<u64>) {
    let (mut chain, package) = chain_with_rules();
    let mut ptb = Ptb::default();
    ptb.call_generic(package, function, vec![tag], &[]);
    chain.fail(ALICE, ptb)
}

fn tag(package: Address, name: &str, arguments: Vec<TypeTag>) -> TypeTag {
    TypeTag::from(StructTag::new(
        package,
        Identifier::new("cases").unwrap(),
        Identifier::new(name).unwrap(),
        arguments,
    ))
}

#[test]
fn type_arguments_that_do_not_fit_are_told_apart() {
    let (_, package) = chain_with_rules();
    let storable = |arguments, name| with_type("cases::storable", tag(package, name, arguments));
    let (error, _) = storable(vec![], "Box");
    assert_eq!(error, ExecutionError::TypeArityMismatch);
    let (error, _) = storable(vec![TypeTag::U8, TypeTag::U8], "Box");
    assert_eq!(error, ExecutionError::TypeArityMismatch);
    let refused = |kind| ExecutionError::TypeArgumentError {
        type_argument: 0,
        kind,
    };
    let (error, _) = storable(vec![], "Nothing");
    assert_eq!(error, refused(TypeArgumentError::TypeNotFound));
    // The constraint of a datatype, then that of the function.
    let badge = || tag(package, "Badge", vec![]);
    let (error, _) = storable(vec![badge()], "Box");
    assert_eq!(error, refused(TypeArgumentError::ConstraintNotSatisfied));
    let (error, command) = storable(vec![], "Badge");
    assert_eq!(error, ExecutionError::VmVerificationOrDeserializationError);
    assert_eq!(command, Some(0));
}

#[test]
fn functions_of_vector_abort_where_the_instructions_fail() {
    let abort = |function: &str, build: &dyn Fn(&mut Ptb) -> Vec<Argument>| {
        let mut chain = Chain::new();
        let mut ptb = Ptb::default();
        let arguments = build(&mut ptb);
        ptb.call_generic(STD, function, vec![TypeTag::U64], &arguments);
        match chain.fail(ALICE, ptb) {
            (ExecutionError::MoveAbort { location, code }, Some(0)) => {
                assert_eq!(location.module.as_str(), "vector");
                assert_eq!(location.package, STD);
                code
            }
            other => panic!("{other:?}"),
        }
    };
    let empty = Vec::<u64>::new();
    assert_eq!(abort("vector::pop_back", &|ptb| vec![ptb.pure(&empty)]), 2);
    let swap = |ptb: &mut Ptb| vec![ptb.pure(&vec![5u64]), ptb.pure(&0u64), ptb.pure(&1u64)];
    assert_eq!(abort("vector::swap", &swap), 1);
    let destroy = |ptb: &mut Ptb| vec![ptb.pure(&vec![5u64])];
    assert_eq!(abort("vector::destroy_empty", &destroy), 3);
}

#[test]
fn pairings_cost_what_they_cost_on_the_real_network() {
    let (mut chain, package) = chain_with_rules();
    let mut units = |count: u64| {
        let mut ptb = Ptb::default();
        let count = ptb.pure(&count);
        ptb.call(package, "cases::pairings", &[count]);
        let executed = chain.succeed(ALICE, ptb);
        effects(&executed).gas_used.computation_cost / PRICE
    };
    // 26.897 each, and little for the loop around them.
    let hundred = units(140) - units(40);
    assert!((2_690..3_400).contains(&hundred), "{hundred}");
}

#[test]
fn pairings_without_end_are_few() {
    let (mut chain, package) = chain_with_rules();
    let mut ptb = Ptb::default();
    let count = ptb.pure(&100_000u64);
    ptb.call(package, "cases::pairings", &[count]);
    let mut transaction = chain.transaction(ALICE, ptb);
    // Enough for 3,700 pairings at the price of the first: calls of natives become dearer.
    transaction.gas_payment.budget = 100_000 * PRICE;
    let executed = chain.try_execute(&transaction).unwrap();
    let ExecutionStatus::Failure { error, .. } = status(&executed) else {
        panic!("it ends");
    };
    assert_eq!(*error, ExecutionError::InsufficientGas);
}
