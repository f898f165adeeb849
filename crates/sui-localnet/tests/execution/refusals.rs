//! Transactions that are refused before they execute.

use crate::common::*;
use crate::programs::random::Random;
use sui_localnet::execution::InputError;
use sui_sdk_types::{
    Address, Argument, Command, Digest, Input, ObjectReference, SharedInput, SplitCoins,
    Transaction, TransactionExpiration, TransactionKind,
};

fn refused(chain: &Chain, transaction: &Transaction) -> String {
    chain.try_execute(transaction).unwrap_err().to_string()
}

/// A transaction of Alice with one input.
fn with_input(chain: &mut Chain, input: Input) -> Transaction {
    let mut ptb = Ptb::default();
    ptb.input(input);
    chain.transaction(ALICE, ptb)
}

#[test]
fn stale_versions() {
    let mut chain = Chain::new();
    let coin = chain.coins(ALICE)[1];
    let stale = chain.reference(coin);
    let mut ptb = Ptb::default();
    let argument = ptb.owned(&chain, coin);
    ptb.transfer(&[argument], ALICE);
    chain.succeed(ALICE, ptb);
    let transaction = with_input(&mut chain, Input::ImmutableOrOwned(stale));
    assert_eq!(
        refused(&chain, &transaction),
        format!(
            "Transaction needs to be rebuilt because object {coin} version 0x1 is unavailable for \
             consumption, current version: 0x2"
        )
    );
}

#[test]
fn wrong_digests_and_unknown_objects() {
    let mut chain = Chain::new();
    let coin = chain.coins(ALICE)[1];
    let reference = ObjectReference::new(coin, 1, Digest::new([1; 32]));
    let transaction = with_input(&mut chain, Input::ImmutableOrOwned(reference));
    let error = chain.try_execute(&transaction).unwrap_err();
    assert!(
        matches!(error, InputError::DigestMismatch { .. }),
        "{error}"
    );
    let nobody = ObjectReference::new(Address::new([9; 32]), 1, Digest::new([1; 32]));
    let transaction = with_input(&mut chain, Input::ImmutableOrOwned(nobody));
    let error = chain.try_execute(&transaction).unwrap_err();
    assert!(
        matches!(error, InputError::ObjectNotFound { .. }),
        "{error}"
    );
}

#[test]
fn objects_of_others() {
    let mut chain = Chain::new();
    let coin = chain.coins(BOB)[0];
    let input = Input::ImmutableOrOwned(chain.reference(coin));
    let transaction = with_input(&mut chain, input);
    assert_eq!(
        refused(&chain, &transaction),
        format!(
            "Object {coin} is owned by account address {BOB}, but given owner/signer address is {ALICE}"
        )
    );
    let transaction = chain.paid_by(ALICE, &[coin], Ptb::default());
    assert!(refused(&chain, &transaction).contains("is owned by account address"));
}

#[test]
fn gas_that_is_no_sui_or_is_used_twice() {
    let (mut chain, _) = Chain::with_objects();
    let treasury = chain.owned_by(ALICE).find(|object| {
        object
            .as_struct()
            .is_some_and(|object| object.object_type().name().as_str() == "TreasuryCap")
    });
    let treasury = treasury.expect("publishing made a treasury").object_id();
    let transaction = chain.paid_by(ALICE, &[treasury], Ptb::default());
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::InvalidGasObject { .. })
    ));

    let gas = chain.coins(ALICE)[0];
    let input = Input::ImmutableOrOwned(chain.reference(gas));
    let transaction = with_input(&mut chain, input);
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::DuplicateInput { .. })
    ));
    let transaction = chain.paid_by(ALICE, &[gas, gas], Ptb::default());
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::DuplicateInput { .. })
    ));
}

#[test]
fn system_objects() {
    let mut chain = Chain::new();
    let transaction = with_input(&mut chain, Input::Shared(SharedInput::new(CLOCK, 1, true)));
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::ImmutableSystemObject { .. })
    ));
    let seven = Address::from_static("0x7");
    let transaction = with_input(&mut chain, Input::Shared(SharedInput::new(seven, 1, false)));
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::InaccessibleSystemObject { .. })
    ));
    let transaction = with_input(&mut chain, Input::Shared(SharedInput::new(CLOCK, 2, false)));
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::WrongInitialVersion { .. })
    ));
}

#[test]
fn owned_as_shared_packages_as_objects_objects_as_packages() {
    let mut chain = Chain::new();
    let coin = chain.coins(ALICE)[1];
    let transaction = with_input(&mut chain, Input::Shared(SharedInput::new(coin, 1, true)));
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::WrongKind { .. })
    ));
    let clock = Input::ImmutableOrOwned(chain.reference(CLOCK));
    let transaction = with_input(&mut chain, clock);
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::WrongKind { .. })
    ));
    let package = Input::ImmutableOrOwned(chain.reference(Address::TWO));
    let transaction = with_input(&mut chain, package);
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::PackageAsObject { .. })
    ));

    let mut ptb = Ptb::default();
    ptb.call(coin, "coin::value", &[]);
    let transaction = chain.transaction(ALICE, ptb);
    assert_eq!(
        refused(&chain, &transaction),
        format!("Move object {coin} used as package")
    );
    let mut ptb = Ptb::default();
    ptb.call(Address::new([9; 32]), "coin::value", &[]);
    let transaction = chain.transaction(ALICE, ptb);
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::PackageNotFound { .. })
    ));
}

#[test]
fn expired_and_foreign_transactions() {
    let mut chain = Chain::new();
    chain.env.epoch = 5;
    let mut transaction = chain.transaction(ALICE, Ptb::default());
    transaction.expiration = TransactionExpiration::Epoch(4);
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::Expired(_))
    ));
    transaction.expiration = TransactionExpiration::Epoch(5);
    assert!(chain.try_execute(&transaction).is_ok());
    transaction.expiration = TransactionExpiration::ValidDuring {
        min_epoch: Some(5),
        max_epoch: Some(6),
        min_timestamp: None,
        max_timestamp: None,
        chain: Digest::new([8; 32]),
        nonce: 1,
    };
    assert!(refused(&chain, &transaction).contains("not for this chain"));
}

#[test]
fn shapes_and_sizes() {
    let mut chain = Chain::new();
    let transaction = with_input(&mut chain, Input::Pure(vec![0; 16_384]));
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::SizeLimit { max: 16_383, .. })
    ));
    let mut ptb = Ptb::default();
    ptb.command(Command::SplitCoins(SplitCoins {
        coin: Argument::Gas,
        amounts: Vec::new(),
    }));
    let transaction = chain.transaction(ALICE, ptb);
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::EmptyCommandInput { command: 0 })
    ));
    let ptb = Ptb {
        inputs: vec![Input::Pure(vec![1; 16_000]); 9],
        ..Ptb::default()
    };
    let transaction = chain.transaction(ALICE, ptb);
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::SizeLimit { max: 131_072, .. })
    ));
    let mut transaction = chain.transaction(ALICE, Ptb::default());
    transaction.kind = TransactionKind::EndOfEpoch(Vec::new());
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::Unsupported(_))
    ));
}

/// Valid transactions with a few bytes changed, cut off or put in.
#[test]
fn mutated_transactions_are_executed_or_refused() {
    let (mut chain, package) = Chain::with_objects();
    let mut plain = Ptb::default();
    let coin = plain.split(Argument::Gas, &[5, 6]);
    let Argument::Result(split) = coin else {
        unreachable!("a command has a result");
    };
    plain.transfer(&[Argument::NestedResult(split, 0)], BOB);
    plain.transfer(&[Argument::NestedResult(split, 1)], ALICE);
    let mut calls = Ptb::default();
    let counter = chain.only(package, "items", "Counter");
    let counter = calls.shared(&chain, counter, true);
    calls.call(package, "items::count", &[counter]);
    let five = calls.pure(&5u64);
    let item = calls.call(package, "items::new", &[five]);
    calls.transfer(&[item], BOB);
    let mut publish = Ptb::default();
    let cap = publish.command(Command::Publish(Package::objects().command()));
    publish.transfer(&[cap], ALICE);
    let valid = [plain, calls, publish].map(|ptb| {
        let transaction = chain.transaction(ALICE, ptb);
        bcs::to_bytes(&transaction).unwrap()
    });
    let mut random = Random(7);
    let (mut executed, mut refused) = (0, 0);
    for round in 0..600 {
        let mut bytes = valid[round % valid.len()].clone();
        for _ in 0..=random.below(2) {
            let at = random.below(bytes.len());
            let byte = u8::try_from(random.below(256)).unwrap();
            match random.below(5) {
                0 | 1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes[at] = byte,
                3 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let Ok(transaction) = bcs::from_bytes(&bytes) else {
            continue;
        };
        match chain.try_execute(&transaction) {
            Ok(outcome) => {
                check_consistency(&outcome);
                executed += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(executed > 20 && refused > 20, "{executed}, {refused}");
}
