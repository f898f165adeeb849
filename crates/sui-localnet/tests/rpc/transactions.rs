//! Transactions that are accepted.

use sui_crypto::{SuiSigner, ed25519::Ed25519PrivateKey, secp256k1::Secp256k1PrivateKey};
use sui_rpc::{client::ResponseExt, proto::sui::rpc::v2 as proto};
use sui_sdk_types::{Transaction, TransactionEffects};
use sui_transaction_builder::TransactionBuilder;

use crate::common::*;

#[tokio::test]
async fn a_transfer_reaches_its_recipient_and_is_told_in_full() {
    let (chain, mut client) = start().await;
    let executed = pay_bob(&mut client, 1_000).await;

    assert_eq!(balance(&mut client, BOB).await, 1_000);
    let effects: TransactionEffects = executed.effects().bcs().deserialize().unwrap();
    assert_eq!(effects.digest().to_string(), executed.effects().digest());
    assert_eq!(effects.transaction_digest().to_string(), executed.digest());
    let transaction: Transaction = executed.transaction().bcs().deserialize().unwrap();
    assert_eq!(transaction.digest().to_string(), executed.digest());
    assert_eq!(
        Transaction::try_from(executed.transaction()).unwrap(),
        transaction
    );
    assert!(executed.checkpoint() > 0 && executed.timestamp.is_some());
    assert_eq!(executed.transaction_index, Some(1));

    let gas = executed.effects().gas_used();
    let cost = gas.computation_cost() + gas.storage_cost() - gas.storage_rebate();
    let alice_address = address_of(&alice());
    assert_eq!(
        balance(&mut client, alice_address).await,
        ALICE_MIST - 1_000 - cost
    );
    let change = |address: sui_sdk_types::Address| {
        executed
            .balance_changes
            .iter()
            .find(|change| change.address() == address.to_string())
            .map(|change| change.amount().to_owned())
    };
    assert_eq!(change(BOB).as_deref(), Some("1000"));
    assert_eq!(change(alice_address), Some(format!("-{}", 1_000 + cost)));
    for object in executed.effects().changed_objects() {
        assert_eq!(
            object.object_type(),
            format!("{}::coin::Coin<{SUI}>", sui_sdk_types::Address::TWO)
        );
        assert_ne!(
            object.output_state(),
            proto::changed_object::OutputObjectState::Unknown
        );
    }
    // Two coins after, one before.
    assert_eq!(executed.objects().objects().len(), 3);
    chain.shutdown().await;
}

#[tokio::test]
async fn submitting_again_answers_with_the_same_effects() {
    let (chain, mut client) = start().await;
    let transaction = build_transfer(&mut client, address_of(&alice()), BOB, 5).await;
    let signature = sign(&alice(), &transaction);
    let submit = request(&transaction, &[signature], "effects.digest,checkpoint");
    let first = client
        .execution_client()
        .execute_transaction(submit.clone())
        .await
        .unwrap()
        .into_inner();
    let second = client
        .execution_client()
        .execute_transaction(submit)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first, second);
    assert_eq!(balance(&mut client, BOB).await, 5);
    chain.shutdown().await;
}

#[tokio::test]
async fn what_was_executed_is_found_at_once() {
    let (chain, mut client) = start().await;
    let transaction = build_transfer(&mut client, address_of(&alice()), BOB, 5).await;
    let submit = request(
        &transaction,
        &[sign(&alice(), &transaction)],
        "effects.status",
    );
    client
        .execution_client()
        .execute_transaction(submit)
        .await
        .unwrap();
    let mut lookup = proto::GetTransactionRequest::new(&transaction.digest());
    lookup.read_mask = Some(mask("digest,checkpoint,effects.status,signatures"));
    let response = client
        .ledger_client()
        .get_transaction(lookup)
        .await
        .unwrap();
    assert!(response.chain_id().is_some() && response.checkpoint_height() >= Some(1));
    let found = response.into_inner().transaction.unwrap();
    assert_eq!(found.digest(), transaction.digest().to_string());
    assert!(found.checkpoint.is_some() && found.effects().status().success());
    assert_eq!(found.signatures.len(), 1);
    assert!(found.transaction.is_none());
    chain.shutdown().await;
}

async fn assert_succeeds(client: &mut sui_rpc::Client, request: proto::ExecuteTransactionRequest) {
    let response = client.execution_client().execute_transaction(request).await;
    let response = response.unwrap().into_inner();
    assert!(response.transaction().effects().status().success());
}

#[tokio::test]
async fn other_key_schemes_and_sponsors_may_sign() {
    let (chain, mut client) = start().await;
    let carol = Secp256k1PrivateKey::new([2; 32]).unwrap();
    let carol_address = carol.public_key().derive_address();
    let funding = build_transfer(
        &mut client,
        address_of(&alice()),
        carol_address,
        1_000_000_000,
    )
    .await;
    execute(&mut client, &funding, "effects.status").await;
    let spending = build_transfer(&mut client, carol_address, BOB, 7).await;
    let submit = request(
        &spending,
        &[carol.sign_transaction(&spending).unwrap()],
        "effects.status",
    );
    assert_succeeds(&mut client, submit).await;

    // Dave has a coin to send but no gas: Alice sponsors.
    let dave = Ed25519PrivateKey::new([4; 32]);
    let funding = build_transfer(&mut client, address_of(&alice()), address_of(&dave), 77).await;
    execute(&mut client, &funding, "effects.status").await;
    let coin = coins(&mut client, address_of(&dave)).await.remove(0);
    let mut builder = TransactionBuilder::new();
    builder.set_sender(address_of(&dave));
    builder.set_sponsor(address_of(&alice()));
    let coin = builder.object(sui_transaction_builder::ObjectInput::new(
        coin.object_id().parse().unwrap(),
    ));
    let recipient = builder.pure(&BOB);
    builder.transfer_objects(vec![coin], recipient);
    let sponsored = builder.build(&mut client).await.unwrap();
    let submit = request(
        &sponsored,
        &[sign(&alice(), &sponsored), sign(&dave, &sponsored)],
        "effects.status",
    );
    assert_succeeds(&mut client, submit).await;
    assert_eq!(balance(&mut client, BOB).await, 7 + 77);
    chain.shutdown().await;
}

#[tokio::test]
async fn a_failed_execution_is_an_answer_and_costs_gas() {
    let (chain, mut client) = start().await;
    let alice_address = address_of(&alice());
    let mut transaction = build_transfer(&mut client, alice_address, BOB, 5).await;
    // More than the coin holds.
    if let sui_sdk_types::TransactionKind::ProgrammableTransaction(programmable) =
        &mut transaction.kind
    {
        programmable.inputs[0] = sui_sdk_types::Input::Pure(u64::MAX.to_le_bytes().to_vec());
    }
    let executed = execute(&mut client, &transaction, "*").await;
    let status = executed.effects().status();
    assert_eq!(status.success, Some(false));
    let error = status.error();
    assert_eq!(
        error.kind(),
        proto::execution_error::ExecutionErrorKind::InsufficientCoinBalance
    );
    assert!(error.description().starts_with("INSUFFICIENT_COIN_BALANCE"));
    assert_eq!(error.command, Some(0));
    assert_eq!(balance(&mut client, BOB).await, 0);
    assert!(balance(&mut client, alice_address).await < ALICE_MIST);
    chain.shutdown().await;
}
