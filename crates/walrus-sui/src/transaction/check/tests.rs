use std::collections::BTreeMap;

use sui_sdk_types::{
    Address, Argument, Digest, ObjectReference, ProgrammableTransaction, SharedInput, StructTag,
    TransferObjects,
};
use walrus_core::{ObjectId, SuiAddress};

use super::*;
use crate::transaction::{Function, Funds, Program};

const ACCOUNT: SuiAddress = SuiAddress([7; 32]);
const ATTACKER: Address = Address::new([0xbd; 32]);

fn reference(id: u8) -> ObjectReference {
    ObjectReference::new(Address::new([id; 32]), 5, Digest::new([id; 32]))
}

fn wal() -> StructTag {
    "0x3::wal::WAL".parse().unwrap()
}

/// A payment of WAL to a shared object by a call that names an owned one and a number besides, and
/// reads the clock.
fn program() -> Program {
    let mut program = Program::new();
    let coin = program.coin(&wal(), 500);
    let arguments = vec![
        program.shared(ObjectId([1; 32])),
        program.owned(ObjectId([2; 32])),
        program.pure(&77u64),
        program.clock(),
        coin,
    ];
    let function = Function::new(ObjectId([9; 32]), "system", "pay");
    let receipt = program.move_call(function, arguments);
    let recipient = program.pure(&Address::new(ACCOUNT.0));
    program.transfer_objects(vec![receipt], recipient);
    program
}

fn intent_with(gas: Vec<ObjectReference>, budget: Option<u64>) -> Intent {
    let funds = Funds {
        coins: vec![reference(3), reference(4)],
        from_balance: 0,
    };
    let funds = BTreeMap::from([(wal(), funds)]);
    Intent::new(ACCOUNT, &program(), &funds, gas, budget).unwrap()
}

fn intent() -> Intent {
    intent_with(vec![reference(5), reference(6)], None)
}

/// What an honest full node answers.
fn honest(intent: &Intent) -> Transaction {
    let complete = |input: &Input| match input {
        Input::Pure(bytes) => SdkInput::Pure(bytes.clone()),
        Input::Owned(id) => {
            SdkInput::ImmutableOrOwned(ObjectReference::new(*id, 8, Digest::new([8; 32])))
        }
        Input::Shared { id, mutable } => SdkInput::Shared(SharedInput::new(*id, 1, *mutable)),
        Input::Coin(reference) => SdkInput::ImmutableOrOwned(reference.clone()),
        Input::Withdrawal(withdrawal) => SdkInput::FundsWithdrawal(withdrawal.clone()),
    };
    Transaction {
        kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
            inputs: intent.inputs.iter().map(complete).collect(),
            commands: intent.commands.clone(),
        }),
        sender: intent.sender,
        gas_payment: GasPayment {
            objects: intent.gas.clone(),
            owner: intent.payer,
            price: 1000,
            budget: intent.budget.unwrap_or(5_000_000),
        },
        expiration: TransactionExpiration::None,
    }
}

fn programmable(transaction: &mut Transaction) -> &mut ProgrammableTransaction {
    match &mut transaction.kind {
        TransactionKind::ProgrammableTransaction(programmable) => programmable,
        other => panic!("{other:?}"),
    }
}

/// The position of the first input that `is_it`.
fn position(transaction: &mut Transaction, is_it: impl Fn(&SdkInput) -> bool) -> usize {
    programmable(transaction)
        .inputs
        .iter()
        .position(is_it)
        .unwrap()
}

#[test]
fn an_honest_answer_becomes_the_transaction() {
    let intent = intent();
    let transaction = honest(&intent);
    let checked = intent.check(transaction.clone()).unwrap();
    assert_eq!(*checked.transaction(), transaction);

    let with_budget = intent_with(vec![reference(5)], Some(60_000_000_000));
    with_budget.check(honest(&with_budget)).unwrap();
}

#[test]
fn the_published_attack_is_refused() {
    let intent = intent();
    let mut transaction = honest(&intent);
    *programmable(&mut transaction) = ProgrammableTransaction {
        inputs: vec![
            SdkInput::Pure(bcs::to_bytes(&ATTACKER).unwrap()),
            SdkInput::ImmutableOrOwned(reference(40)),
        ],
        commands: vec![Command::TransferObjects(TransferObjects {
            objects: vec![Argument::Gas, Argument::Input(1)],
            address: Argument::Input(0),
        })],
    };
    let difference = intent.check(transaction).unwrap_err();
    assert!(
        difference.contains("TransferObjects instead of MergeCoins"),
        "{difference}"
    );
}

type Change = fn(&mut Transaction);

#[test]
fn every_field_that_differs_is_named() {
    let changes: [(&str, Change); 26] = [
        ("its sender is 0xbd", |t| t.sender = ATTACKER),
        ("its gas is paid by 0xbd", |t| {
            t.gas_payment.owner = ATTACKER;
        }),
        ("gas price of 10001 MIST", |t| t.gas_payment.price = 10_001),
        ("gas budget of 10000000001 MIST", |t| {
            t.gas_payment.budget = 10_000_000_001;
        }),
        ("paid with object 0x2929", |t| {
            t.gas_payment.objects.push(reference(0x29));
        }),
        ("paid with object 0x0505", |t| {
            t.gas_payment.objects[0] =
                ObjectReference::new(Address::new([5; 32]), 6, Digest::new([5; 32]));
        }),
        ("other coins than", |t| t.gas_payment.objects.truncate(1)),
        ("other coins than", |t| t.gas_payment.objects.reverse()),
        ("other coins than", |t| {
            let first = t.gas_payment.objects[0].clone();
            t.gas_payment.objects.push(first);
        }),
        ("pays for gas and is an input besides", |t| {
            t.gas_payment.objects.push(reference(3));
        }),
        ("expiration", |t| {
            t.expiration = TransactionExpiration::Epoch(1);
        }),
        ("expiration", |t| t.expiration = valid_during(1, 1)),
        ("it has 3 commands instead of 4", |t| {
            programmable(t).commands.pop();
        }),
        ("it has 5 commands instead of 4", |t| {
            let command = programmable(t).commands[3].clone();
            programmable(t).commands.push(command);
        }),
        ("command 0 is SplitCoins instead of MergeCoins", |t| {
            programmable(t).commands.swap(0, 1);
        }),
        ("::system::pay, has other arguments", |t| {
            let Command::MoveCall(call) = &mut programmable(t).commands[2] else {
                panic!("a call");
            };
            call.arguments.swap(0, 1);
        }),
        ("::system::pay, has other arguments", |t| {
            let Command::MoveCall(call) = &mut programmable(t).commands[2] else {
                panic!("a call");
            };
            call.type_arguments.push("u8".parse().unwrap());
        }),
        ("::system::pay instead of 0x0909", |t| {
            let Command::MoveCall(call) = &mut programmable(t).commands[2] else {
                panic!("a call");
            };
            call.package = ATTACKER;
        }),
        ("command 3, TransferObjects, has other arguments", |t| {
            let Command::TransferObjects(transfer) = &mut programmable(t).commands[3] else {
                panic!("a transfer");
            };
            transfer.objects.push(Argument::Gas);
        }),
        ("has another value", |t| {
            let index = position(t, |input| matches!(input, SdkInput::Pure(_)));
            programmable(t).inputs[index] = SdkInput::Pure(vec![1; 8]);
        }),
        ("is object 0x2929", |t| {
            let index = position(t, |input| matches!(input, SdkInput::ImmutableOrOwned(_)));
            programmable(t).inputs[index] = SdkInput::ImmutableOrOwned(reference(0x29));
        }),
        (
            "is an object to receive instead of an object of an account",
            |t| {
                let index = position(t, |input| matches!(input, SdkInput::ImmutableOrOwned(_)));
                programmable(t).inputs[index] = SdkInput::Receiving(reference(2));
            },
        ),
        ("is another version of coin 0x0404", |t| {
            let is_it = |input: &SdkInput| *input == SdkInput::ImmutableOrOwned(reference(4));
            let index = position(t, is_it);
            let changed = ObjectReference::new(Address::new([4; 32]), 6, Digest::new([4; 32]));
            programmable(t).inputs[index] = SdkInput::ImmutableOrOwned(changed);
        }),
        ("can only read object 0x0101", |t| {
            let index = position(t, |input| matches!(input, SdkInput::Shared(_)));
            let changed = SharedInput::new(Address::new([1; 32]), 1, false);
            programmable(t).inputs[index] = SdkInput::Shared(changed);
        }),
        ("can change object 0x0000", |t| {
            let clock = Address::from_static("0x6");
            let is_clock = |input: &SdkInput| object_of(input) == Some(clock);
            let index = position(t, is_clock);
            programmable(t).inputs[index] = SdkInput::Shared(SharedInput::new(clock, 1, true));
        }),
        ("inputs instead of", |t| {
            programmable(t).inputs.push(SdkInput::Pure(vec![]));
        }),
    ];
    for (expected, change) in changes {
        let intent = intent();
        let mut transaction = honest(&intent);
        change(&mut transaction);
        let difference = intent.check(transaction).unwrap_err();
        assert!(
            difference.contains(expected),
            "{difference} lacks {expected}"
        );
    }
}

fn valid_during(min_epoch: u64, max_epoch: u64) -> TransactionExpiration {
    TransactionExpiration::ValidDuring {
        min_epoch: Some(min_epoch),
        max_epoch: Some(max_epoch),
        min_timestamp: None,
        max_timestamp: None,
        chain: Digest::ZERO,
        nonce: 3,
    }
}

#[test]
fn only_gas_from_the_balance_has_an_expiration() {
    let intent = intent_with(vec![], None);
    let mut transaction = honest(&intent);
    assert!(intent.check(transaction.clone()).is_err());
    transaction.expiration = valid_during(4, 5);
    intent.check(transaction.clone()).unwrap();
    transaction.expiration = valid_during(4, 6);
    assert!(intent.check(transaction.clone()).is_err());
    transaction.expiration = valid_during(4, 5);
    transaction.gas_payment.objects.push(reference(5));
    let difference = intent.check(transaction).unwrap_err();
    assert!(difference.contains("was not chosen"), "{difference}");
}

#[test]
fn a_budget_that_was_given_is_taken_literally() {
    let intent = intent_with(vec![reference(5)], Some(9_000_000));
    let mut transaction = honest(&intent);
    transaction.gas_payment.budget = 8_999_999;
    let difference = intent.check(transaction).unwrap_err();
    assert!(difference.contains("instead of 9000000"), "{difference}");
}

#[test]
fn transactions_of_the_system_are_refused() {
    let intent = intent();
    let mut transaction = honest(&intent);
    transaction.kind = TransactionKind::EndOfEpoch(vec![]);
    assert!(intent.check(transaction).is_err());
}
