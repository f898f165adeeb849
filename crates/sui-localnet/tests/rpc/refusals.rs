//! Transactions that are refused, each with the words clients look for; and none changes anything.

use crate::common::*;
use sui_crypto::ed25519::Ed25519PrivateKey;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, Transaction, TransactionExpiration, TransactionKind, UserSignature};
use tonic::{Code, Status};

async fn refused(
    client: &mut sui_rpc::Client,
    transaction: &Transaction,
    signatures: &[UserSignature],
) -> Status {
    client
        .execution_client()
        .execute_transaction(request(transaction, signatures, "effects"))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn signatures_must_be_the_signers_own() {
    let (chain, mut client) = start().await;
    let transaction = build_transfer(&mut client, address_of(&alice()), BOB, 5).await;
    let mallory = Ed25519PrivateKey::new([9; 32]);
    let mut other = transaction.clone();
    other.gas_payment.budget += 1;
    let good = sign(&alice(), &transaction);
    let attempts: [&[UserSignature]; 3] = [
        &[sign(&mallory, &transaction)],
        &[sign(&alice(), &other)],
        &[good.clone(), sign(&mallory, &transaction)],
    ];
    for signatures in attempts {
        let status = refused(&mut client, &transaction, signatures).await;
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(
            status.message().starts_with("Invalid user signature: "),
            "{status}"
        );
    }
    let status = refused(&mut client, &transaction, &[]).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(balance(&mut client, BOB).await, 0);
    chain.shutdown().await;
}

#[tokio::test]
async fn a_spent_version_says_which_one_is_live() {
    let (chain, mut client) = start().await;
    let stale = build_transfer(&mut client, address_of(&alice()), BOB, 5).await;
    pay_bob(&mut client, 1).await;
    let coin = &stale.gas_payment.objects[0];
    let live = coins(&mut client, address_of(&alice())).await[0].version();
    let status = refused(&mut client, &stale, &[sign(&alice(), &stale)]).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    let expected = format!(
        "Transaction needs to be rebuilt because object {} version {:#x} is unavailable for consumption, \
         current version: {live:#x}",
        coin.object_id(),
        coin.version()
    );
    assert!(status.message().contains(&expected), "{status}");
    assert!(status.message().starts_with(
        "Transaction execution failed due to issues with transaction inputs, \
         please review the errors and try again: "
    ));
    chain.shutdown().await;
}

#[tokio::test]
async fn invalid_transactions_leave_no_trace() {
    let (chain, mut client) = start().await;
    let valid = build_transfer(&mut client, address_of(&alice()), BOB, 5).await;
    let height = tip(&mut client).await;
    let mut attempts = Vec::new();
    let mut cheap = valid.clone();
    cheap.gas_payment.price = 1;
    attempts.push((cheap, "Gas price 1 under reference gas price"));
    let mut greedy = valid.clone();
    greedy.gas_payment.budget = ALICE_MIST + 1;
    attempts.push((greedy, "is lower than the needed amount"));
    let mut foreign = valid.clone();
    foreign.expiration = TransactionExpiration::ValidDuring {
        min_epoch: Some(0),
        max_epoch: Some(0),
        min_timestamp: None,
        max_timestamp: None,
        chain: sui_sdk_types::Digest::new([3; 32]),
        nonce: 0,
    };
    attempts.push((foreign, "expired"));
    let mut unpaid = valid.clone();
    unpaid.gas_payment.objects.clear();
    attempts.push((unpaid, "Gas payment is missing"));
    for (transaction, words) in attempts {
        let status = refused(&mut client, &transaction, &[sign(&alice(), &transaction)]).await;
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(words), "{status}");
    }
    assert_eq!(tip(&mut client).await, height);
    assert_eq!(balance(&mut client, address_of(&alice())).await, ALICE_MIST);
    chain.shutdown().await;
}

#[tokio::test]
async fn system_transactions_cannot_be_submitted() {
    let (chain, mut client) = start().await;
    let mut transaction = build_transfer(&mut client, address_of(&alice()), BOB, 5).await;
    transaction.kind = TransactionKind::EndOfEpoch(Vec::new());
    let status = refused(&mut client, &transaction, &[sign(&alice(), &transaction)]).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    chain.shutdown().await;
}

#[tokio::test]
async fn bytes_that_are_no_transaction_name_the_field() {
    let (chain, mut client) = start().await;
    let mut message = proto::Transaction::default();
    message.bcs = Some(proto::Bcs::from(vec![1, 2, 3]));
    let mut submit = proto::ExecuteTransactionRequest::default();
    submit.transaction = Some(message);
    let status = client
        .execution_client()
        .execute_transaction(submit)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("transaction.bcs"), "{status}");
    let status = client
        .execution_client()
        .execute_transaction(proto::ExecuteTransactionRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.message(), "missing transaction");
    chain.shutdown().await;
}

async fn tip(client: &mut sui_rpc::Client) -> u64 {
    let response = client
        .ledger_client()
        .get_service_info(proto::GetServiceInfoRequest::default())
        .await
        .unwrap();
    response.into_inner().checkpoint_height()
}

/// A transaction that names an object nobody has.
#[tokio::test]
async fn unknown_objects_are_refused() {
    let (chain, mut client) = start().await;
    let mut transaction = build_transfer(&mut client, address_of(&alice()), BOB, 5).await;
    let nowhere = Address::new([0x77; 32]);
    transaction.gas_payment.objects = vec![sui_sdk_types::ObjectReference::new(
        nowhere,
        1,
        sui_sdk_types::Digest::ZERO,
    )];
    let status = refused(&mut client, &transaction, &[sign(&alice(), &transaction)]).await;
    assert!(status.message().contains(&nowhere.to_string()), "{status}");
    chain.shutdown().await;
}
