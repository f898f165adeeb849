//! Known-good bytes of transactions, objects and ids.

use crate::common::*;
use sui_localnet::execution::{InputError, ObjectSource};
use sui_sdk_types::{
    Address, Digest, MoveStruct, Object, ObjectData, ObjectReference, Owner, StructTag,
    Transaction, TransactionKind,
};

const T1: &str = "0000020008e80300000000000000200000000000000000000000000000000000000000000000000000000000000b0b020200010100000101030000000001010029dfbf688abce7ab43bb8e70cae158ae961196e721440f515482f8ba1684390f0100000000000000000000000000000000000000000000000000000000000000c1070000000000000020090909090909090909090909090909090909090909090909090909090909090929dfbf688abce7ab43bb8e70cae158ae961196e721440f515482f8ba1684390fe803000000000000404b4c000000000000";
const O1: &str = "00010107000000000000002800000000000000000000000000000000000000000000000000000000000000c1e803000000000000000000000000000000000000000000000000000000000000000000000000000b0b20090909090909090909090909090909090909090909090909090909090909090960130f0000000000";

fn o1(owner: Address, balance: u64) -> Object {
    let id = Address::from_static("0xc1");
    let contents = [id.as_bytes(), &balance.to_le_bytes()].concat();
    let coin = MoveStruct::new(StructTag::gas_coin(), true, 7, contents).unwrap();
    Object::new(
        ObjectData::Struct(coin),
        Owner::Address(owner),
        Digest::new([9; 32]),
        988_000,
    )
}

#[test]
fn an_object() {
    let object = o1(BOB, 1_000);
    assert_eq!(hex::encode(bcs::to_bytes(&object).unwrap()), O1);
    assert_eq!(
        object.digest().to_base58(),
        "HUuRzEiYUKQW2BxqVAY7w4c6K4fiCMoquyqnSEMAZX9c"
    );
}

#[test]
fn a_transaction_splits_a_coin() {
    let mut chain = Chain::new();
    let transaction: Transaction = bcs::from_bytes(&hex::decode(T1).unwrap()).unwrap();
    assert_eq!(
        transaction.digest().to_base58(),
        "CiXCJYqqGVJmz7JgQe5HGun3E9V6SRQoN2M3qCw25WQ7"
    );
    assert!(matches!(
        chain.try_execute(&transaction),
        Err(InputError::ObjectNotFound { .. })
    ));
    // The same with a coin that exists: the payment's digest is made up in the vector.
    let coin = o1(transaction.sender, 10_000_000);
    chain.store.0.insert(coin.object_id(), coin.clone());
    let mut payable = transaction.clone();
    payable.gas_payment.objects = vec![ObjectReference::new(coin.object_id(), 7, coin.digest())];
    assert!(matches!(
        payable.kind,
        TransactionKind::ProgrammableTransaction(_)
    ));
    let executed = chain.try_execute(&payable).unwrap();
    chain.apply(&executed);
    let gas = &effects(&executed).gas_used;
    assert_eq!(
        (
            gas.computation_cost,
            gas.storage_cost,
            gas.storage_rebate,
            gas.non_refundable_storage_fee
        ),
        (1_000_000, 1_976_000, 978_120, 9_880)
    );
    assert_eq!(effects(&executed).lamport_version, 8);
    assert_eq!(effects(&executed).dependencies, [Digest::new([9; 32])]);
    assert_eq!(
        created(&executed),
        [Address::derive_id(payable.digest(), 0)]
    );
    let left = 10_000_000 - 1_000 - (1_000_000 + 1_976_000 - 978_120);
    assert_eq!(chain.balance(coin.object_id()), left);
    assert!(chain.store.object(&created(&executed)[0]).is_some());
}

#[test]
fn ids() {
    let digest = Digest::from_base58("CiXCJYqqGVJmz7JgQe5HGun3E9V6SRQoN2M3qCw25WQ7").unwrap();
    for (count, id) in [
        (
            0,
            "0x2cb9e0291088ed9209f5bbcd06d2ad309454c1fa8e12240f172340dc79928a65",
        ),
        (
            1,
            "0x2c6387751824f90b9f3a8e274cb8ff1989554f17a738c9a1e56ec8dd86c5a763",
        ),
    ] {
        assert_eq!(Address::derive_id(digest, count).to_string(), id);
    }
}

#[test]
fn a_dynamic_fields_address_as_move_code_computes_it() {
    let mut chain = Chain::new();
    let mut ptb = Ptb::default();
    let key = ptb.pure(&b"foo".to_vec());
    let types = vec!["vector<u8>".parse().unwrap()];
    let id = ptb.pure(&Address::TWO);
    ptb.call_generic(
        Address::TWO,
        "derived_object::derive_address",
        types,
        &[id, key],
    );
    let executed = chain.inspect(ptb);
    assert_eq!(
        returned::<Address>(&executed, 0, 0).to_string(),
        "0xa2b411aa9588c398d8e3bc97dddbdd430b5ded7f81545d05e33916c3ca0f30c3"
    );
}
