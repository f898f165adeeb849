//! Rules on calls and their arguments.

use crate::common::*;
use sui_sdk_types::{
    Address, Argument, Command, CommandArgumentError, ExecutionError, ExecutionStatus, Input,
    MakeMoveVector, StructTag, TypeArgumentError, TypeTag,
};

fn error_of(build: impl Fn(&Chain, Address, &mut Ptb)) -> (ExecutionError, Option<u64>) {
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    build(&chain, package, &mut ptb);
    chain.fail(ALICE, ptb)
}

fn argument_error(argument: u16, kind: CommandArgumentError) -> ExecutionError {
    ExecutionError::CommandArgumentError { argument, kind }
}

#[test]
fn functions_and_arities() {
    let cases: [(&str, usize, ExecutionError); 6] = [
        ("items::nothing", 0, ExecutionError::FunctionNotFound),
        ("nothing::new", 0, ExecutionError::FunctionNotFound),
        ("items::sum", 0, ExecutionError::ArityMismatch),
        ("items::sum", 2, ExecutionError::ArityMismatch),
        ("items::secret", 0, ExecutionError::NonEntryFunctionInvoked),
        (
            "items::friends_only",
            0,
            ExecutionError::NonEntryFunctionInvoked,
        ),
    ];
    for (function, arguments, expected) in cases {
        let (error, command) = error_of(|_, package, ptb| {
            let arguments: Vec<_> = (0..arguments).map(|_| ptb.pure(&1u64)).collect();
            ptb.call(package, function, &arguments);
        });
        assert_eq!((error, command), (expected, Some(0)), "{function}");
    }
    let (error, _) = error_of(|_, package, ptb| {
        ptb.call(package, "items::init", &[]);
    });
    assert_eq!(error, ExecutionError::NonEntryFunctionInvoked);
    let (error, _) = error_of(|_, package, ptb| {
        ptb.call_generic(package, "items::spin", vec![TypeTag::U8], &[]);
    });
    assert_eq!(error, ExecutionError::TypeArityMismatch);
}

#[test]
fn functions_reserved_for_modules() {
    let (error, _) = error_of(|_, package, ptb| {
        let value = ptb.pure(&1u64);
        let to = ptb.pure(&BOB);
        let item = ptb.call(package, "items::new", &[value]);
        let tag = StructTag::new(
            package,
            "items".parse().unwrap(),
            "Item".parse().unwrap(),
            vec![],
        );
        ptb.call_generic(
            Address::TWO,
            "transfer::transfer",
            vec![tag.into()],
            &[item, to],
        );
    });
    assert_eq!(error, ExecutionError::NonEntryFunctionInvoked);
}

#[test]
fn references_cannot_be_returned() {
    let (error, _) = error_of(|_, package, ptb| {
        let value = ptb.pure(&1u64);
        let item = ptb.call(package, "items::new", &[value]);
        ptb.call(package, "items::borrow_value", &[item]);
        ptb.transfer(&[item], ALICE);
    });
    assert_eq!(
        error,
        ExecutionError::InvalidPublicFunctionReturnType { index: 0 }
    );
}

#[test]
fn pure_arguments_are_decoded_strictly() {
    let decode = |bytes: &[u8]| {
        error_of(|_, package, ptb| {
            let argument = ptb.input(Input::Pure(bytes.to_vec()));
            ptb.call(package, "items::sum", &[argument]);
        })
    };
    for bytes in [&[1, 0][..], &[0, 0], &[0x80, 0], &[]] {
        assert_eq!(
            decode(bytes).0,
            argument_error(0, CommandArgumentError::InvalidBcsBytes)
        );
    }
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    let numbers = ptb.pure(&vec![1u64, 2, 3]);
    ptb.call(package, "items::sum", &[numbers]);
    let (text, ascii) = (ptb.pure(&"h\u{e9}"), ptb.pure(&"abc"));
    let maybe = ptb.pure(&Some(100u64));
    ptb.call(package, "items::text", &[text, ascii, maybe]);
    let executed = chain.inspect(ptb);
    assert_eq!(returned::<u64>(&executed, 0, 0), 6);
    assert_eq!(returned::<u64>(&executed, 1, 0), 106);

    let (error, _) = error_of(|_, package, ptb| {
        let (text, ascii) = (ptb.pure(&"a"), ptb.pure(&"h\u{e9}"));
        let maybe = ptb.pure(&None::<u64>);
        ptb.call(package, "items::text", &[text, ascii, maybe]);
    });
    assert_eq!(
        error,
        argument_error(1, CommandArgumentError::InvalidBcsBytes)
    );
}

#[test]
fn objects_cannot_be_made_up_from_bytes() {
    let (error, _) = error_of(|_, package, ptb| {
        let item = ptb.input(Input::Pure(vec![0; 40]));
        ptb.call(package, "items::delete", &[item]);
    });
    assert_eq!(
        error,
        argument_error(0, CommandArgumentError::InvalidUsageOfPureArgument)
    );
}

#[test]
fn wrong_types_and_places() {
    let (error, _) = error_of(|chain, package, ptb| {
        let coin = chain.coins(ALICE)[1];
        let coin = ptb.owned(chain, coin);
        ptb.call(package, "items::value", &[coin]);
    });
    assert_eq!(error, argument_error(0, CommandArgumentError::TypeMismatch));
    let (error, _) = error_of(|_, package, ptb| {
        ptb.call(package, "items::value", &[Argument::Input(9)]);
    });
    assert_eq!(
        error,
        argument_error(0, CommandArgumentError::IndexOutOfBounds { index: 9 })
    );
    let (error, _) = error_of(|_, package, ptb| {
        ptb.call(package, "items::value", &[Argument::Result(0)]);
    });
    assert_eq!(
        error,
        argument_error(0, CommandArgumentError::IndexOutOfBounds { index: 0 })
    );
}

#[test]
fn values_are_used_once_and_borrowed_exclusively() {
    let new = |package, ptb: &mut Ptb| {
        let value = ptb.pure(&1u64);
        ptb.call(package, "items::new", &[value])
    };
    let (error, command) = error_of(|_, package, ptb| {
        let item = new(package, ptb);
        ptb.call(package, "items::delete", &[item]);
        ptb.call(package, "items::delete", &[item]);
    });
    assert_eq!(
        error,
        argument_error(0, CommandArgumentError::ArgumentWithoutValue)
    );
    assert_eq!(command, Some(2));
    let (error, _) = error_of(|_, package, ptb| {
        let item = new(package, ptb);
        ptb.call(package, "items::both", &[item, item]);
    });
    assert_eq!(
        error,
        argument_error(1, CommandArgumentError::InvalidReferenceArgument)
    );
}

#[test]
fn a_changed_pure_argument_stays_changed() {
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    let number = ptb.pure(&1u64);
    ptb.call(package, "items::increment", &[number]);
    ptb.call(package, "items::increment", &[number]);
    ptb.call_generic(package, "items::identity", vec![TypeTag::U64], &[number]);
    let executed = chain.inspect(ptb);
    assert_eq!(returned::<u64>(&executed, 2, 0), 3);
    assert_eq!(executed.command_outputs[0].mutated[0].2, 2u64.to_le_bytes());
}

#[test]
fn type_arguments_exist_and_fit() {
    let with_type = |tag: TypeTag| {
        error_of(|_, _, ptb| {
            let table = ptb.call_generic(
                Address::TWO,
                "table::new",
                vec![tag.clone(), TypeTag::U8],
                &[],
            );
            ptb.transfer(&[table], ALICE);
        })
        .0
    };
    let type_error = |kind| ExecutionError::TypeArgumentError {
        type_argument: 0,
        kind,
    };
    let coin: TypeTag = StructTag::gas_coin().into();
    assert_eq!(
        with_type(coin),
        ExecutionError::VmVerificationOrDeserializationError
    );
    let nothing = StructTag::new(
        Address::TWO,
        "coin".parse().unwrap(),
        "Nothing".parse().unwrap(),
        vec![],
    );
    assert_eq!(
        with_type(nothing.into()),
        type_error(TypeArgumentError::TypeNotFound)
    );
    let nowhere = StructTag::new(
        Address::new([5; 32]),
        "coin".parse().unwrap(),
        "Coin".parse().unwrap(),
        vec![],
    );
    assert_eq!(
        with_type(nowhere.into()),
        type_error(TypeArgumentError::TypeNotFound)
    );
}

#[test]
fn hot_potatoes_are_returned() {
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    let amount = ptb.pure(&5u64);
    let loan = ptb.call(package, "items::borrow_money", &[amount]);
    ptb.call(package, "items::repay", &[loan]);
    chain.succeed(ALICE, ptb);
    let (error, command) = error_of(|_, package, ptb| {
        let amount = ptb.pure(&5u64);
        ptb.call(package, "items::borrow_money", &[amount]);
    });
    assert_eq!(
        error,
        ExecutionError::UnusedValueWithoutDrop {
            result: 0,
            subresult: 0
        }
    );
    assert_eq!(command, None);
}

#[test]
fn private_entry_functions_refuse_entangled_arguments() {
    let build = |package, ptb: &mut Ptb, repay_first: bool| {
        let five = ptb.pure(&5u64);
        let item = ptb.call(package, "items::new", &[five]);
        ptb.call(package, "items::borrow_with", &[five, item]);
        let (loan, number) = (Argument::NestedResult(1, 0), Argument::NestedResult(1, 1));
        if repay_first {
            ptb.call(package, "items::repay", &[loan]);
            ptb.call(package, "items::private_entry", &[number]);
        } else {
            ptb.call(package, "items::private_entry", &[number]);
            ptb.call(package, "items::repay", &[loan]);
        }
        ptb.transfer(&[item], ALICE);
    };
    let (error, command) = error_of(|_, package, ptb| build(package, ptb, false));
    let kind = CommandArgumentError::InvalidArgumentToPrivateEntryFunction;
    assert_eq!((error, command), (argument_error(0, kind), Some(2)));
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    build(package, &mut ptb, true);
    chain.succeed(ALICE, ptb);
}

#[test]
fn errors_of_code_carry_their_location() {
    let (error, _) = error_of(|_, package, ptb| {
        let (a, b) = (ptb.pure(&1u64), ptb.pure(&0u64));
        ptb.call(package, "items::divide", &[a, b]);
    });
    let ExecutionError::MovePrimitiveRuntimeError {
        location: Some(location),
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(location.function_name.unwrap().as_str(), "divide");
    assert_eq!(location.instruction, 2);
}

#[test]
fn vectors_need_a_type_unless_they_hold_objects() {
    let (error, _) = error_of(|_, _, ptb| {
        let elements = vec![ptb.pure(&1u64)];
        ptb.command(Command::MakeMoveVector(MakeMoveVector {
            type_: None,
            elements,
        }));
    });
    let kind = CommandArgumentError::InvalidMakeMoveVecNonObjectArgument;
    assert_eq!(error, argument_error(0, kind));
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    let elements = vec![ptb.pure(&1u64), ptb.pure(&41u64)];
    let vector = ptb.command(Command::MakeMoveVector(MakeMoveVector {
        type_: Some(TypeTag::U64),
        elements,
    }));
    ptb.call(package, "items::sum", &[vector]);
    assert_eq!(returned::<u64>(&chain.inspect(ptb), 1, 0), 42);
}

#[test]
fn the_context_tells_who_and_when() {
    let (mut chain, package) = Chain::with_objects();
    chain.env.epoch = 3;
    let mut ptb = Ptb::default();
    ptb.call(package, "items::who", &[]);
    ptb.call(package, "items::digest", &[]);
    let transaction = chain.transaction(ALICE, ptb);
    let mode = sui_localnet::execution::Mode::Simulate {
        checks: true,
        mock_gas: false,
    };
    let executed = chain
        .engine
        .execute(&chain.store, &chain.env, &transaction, mode)
        .unwrap();
    assert_eq!(*status(&executed), ExecutionStatus::Success);
    assert_eq!(returned::<Address>(&executed, 0, 0), ALICE);
    assert_eq!(returned::<u64>(&executed, 0, 1), 3);
    assert_eq!(returned::<u64>(&executed, 0, 2), 1_700_000_000_000);
    assert_eq!(
        returned::<Vec<u8>>(&executed, 1, 0),
        transaction.digest().as_bytes()
    );
}
