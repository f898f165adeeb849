//! What one client may cost the others: simulations that never end, streams that nobody reads, long
//! echoes.

use sui_rpc::{Client, proto::sui::rpc::v2 as proto};
use sui_sdk_types::Address;
use sui_transaction_builder::{Function, TransactionBuilder};
use tonic::Code;

use crate::common::*;
use crate::publishing::{OBJECTS, RULES, publish, run};

/// A simulation of one call without arguments, paid by a coin made up.
fn call(package: Address, module: &str, function: &str) -> proto::SimulateTransactionRequest {
    let mut call = proto::MoveCall::default();
    call.package = Some(package.to_string());
    call.module = Some(module.to_owned());
    call.function = Some(function.to_owned());
    let mut programmable = proto::ProgrammableTransaction::default();
    programmable.commands = vec![call.into()];
    let mut transaction = proto::Transaction::default();
    transaction.version = Some(1);
    transaction.kind = Some(programmable.into());
    transaction.sender = Some(BOB.to_string());
    let mut request = proto::SimulateTransactionRequest::default();
    request.transaction = Some(transaction);
    request
}

#[tokio::test]
async fn endless_simulations_hold_up_nobody_and_end_with_their_callers() {
    let (chain, mut client) = start().await;
    let (_, package) = publish(&mut client, OBJECTS).await;
    let transaction = build_transfer(&mut client, address_of(&alice()), BOB, 7).await;
    // More than run at the same time.
    let endless: Vec<_> = (0..12)
        .map(|_| {
            let mut client = client.clone();
            let request = call(package, "items", "spin");
            tokio::spawn(async move {
                client
                    .execution_client()
                    .simulate_transaction(request)
                    .await
            })
        })
        .collect();
    // Transactions are executed all the same.
    let executed = execute(&mut client, &transaction, "effects").await;
    assert!(executed.effects().status().success());
    for task in &endless {
        task.abort();
    }
    // Once their callers are gone, other simulations take their places.
    pay_bob(&mut client, 1).await;
    assert_eq!(balance(&mut client, BOB).await, 8);
    chain.shutdown().await;
}

#[tokio::test]
async fn streams_that_nobody_reads_are_counted_and_hold_up_nobody() {
    let (chain, mut client) = start().await;
    // A history that does not fit into anybody's buffers.
    for _ in 0..12 {
        run(&mut client, |builder: &mut TransactionBuilder| {
            for _ in 0..6 {
                let bytes = builder.pure(&vec![7u8; 16_000]);
                let function = Function::new(
                    Address::from_static("0x1"),
                    "vector".parse().unwrap(),
                    "is_empty".parse().unwrap(),
                )
                .with_type_args(vec![sui_sdk_types::TypeTag::U8]);
                builder.move_call(function, vec![bytes]);
            }
        })
        .await;
    }
    let list = || {
        let mut request = proto::ListTransactionsRequest::default();
        request.start_checkpoint = Some(0);
        request.read_mask = Some(mask("*"));
        request
    };
    let idle = Client::new(chain.rpc_url()).unwrap();
    let mut unread = Vec::new();
    let refused = loop {
        let mut client = idle.clone();
        match client.ledger_client().list_transactions(list()).await {
            Ok(stream) => unread.push(stream),
            Err(status) => break status,
        }
        assert!(unread.len() < 2_000, "they are all open");
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("List streams open"), "{refused}");
    // Everything else is answered.
    pay_bob(&mut client, 1).await;
    assert_eq!(balance(&mut client, BOB).await, 1);
    // Those that are let go make room.
    drop(unread);
    drop(idle);
    let mut attempts = 0;
    while let Err(status) = client.ledger_client().list_transactions(list()).await {
        assert_eq!(status.code(), Code::ResourceExhausted);
        attempts += 1;
        assert!(attempts < 10_000, "the streams are still counted");
        tokio::task::yield_now().await;
    }
    chain.shutdown().await;
}

#[tokio::test]
async fn errors_echo_little_of_what_they_are_about() {
    let (chain, mut client) = start().await;
    let mut request = proto::ListOwnedObjectsRequest::default();
    request.owner = Some(BOB.to_string());
    request.object_type = Some(format!("0x2::coin::{}", "x<".repeat(800_000)));
    let status = client
        .state_client()
        .list_owned_objects(request)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("object_type"),
        "{}",
        status.message().len()
    );
    assert!(status.message().len() < 2_048, "{}", status.message().len());
    assert!(status.details().len() < 8_192, "{}", status.details().len());
    chain.shutdown().await;
}

#[tokio::test]
async fn aborts_with_a_text_are_told_with_name_and_text() {
    let (chain, mut client) = start().await;
    let (_, package) = publish(&mut client, RULES).await;
    let response = client
        .execution_client()
        .simulate_transaction(call(package, "cases", "too_late"))
        .await
        .unwrap()
        .into_inner();
    let error = response.transaction().effects().status().error().clone();
    let abort = error.abort();
    let clever = abort.clever_error();
    assert_eq!(clever.constant_name(), "ETooLate");
    assert_eq!(clever.rendered(), "the last train has left");
    chain.shutdown().await;
}

#[tokio::test]
async fn tickets_for_objects_are_recognised_behind_references() {
    let (chain, mut client) = start().await;
    let (_, package) = publish(&mut client, RULES).await;
    let function =
        |name: &str| Function::new(package, "cases".parse().unwrap(), name.parse().unwrap());
    let alice = address_of(&alice());
    let made = run(&mut client, |builder| {
        let to = builder.pure(&alice);
        builder.move_call(function("new_parent"), vec![to]);
    })
    .await;
    let created = |executed: &proto::ExecutedTransaction, name: &str| {
        let changes = executed.effects().changed_objects();
        let found = changes
            .iter()
            .find(|change| change.object_type().ends_with(name));
        found.unwrap().object_id().to_owned()
    };
    let parent = created(&made, "::Parent");
    let owner: Address = parent.parse().unwrap();
    let made = run(&mut client, |builder| {
        let (to, number) = (builder.pure(&owner), builder.pure(&1u64));
        builder.move_call(function("new_child"), vec![to, number]);
    })
    .await;
    let child = created(&made, "::Child");
    let mut request = call(package, "cases", "inspect");
    let transaction = request.transaction.as_mut().unwrap();
    transaction.sender = Some(alice.to_string());
    let Some(proto::transaction_kind::Data::ProgrammableTransaction(programmable)) =
        &mut transaction.kind.as_mut().unwrap().data
    else {
        panic!("a programmable transaction");
    };
    programmable.inputs = [&parent, &child]
        .map(|id| {
            let mut input = proto::Input::default();
            input.object_id = Some(id.clone());
            input
        })
        .to_vec();
    let Some(proto::command::Command::MoveCall(call)) = &mut programmable.commands[0].command
    else {
        panic!("a call");
    };
    call.arguments = (0..2)
        .map(|index| {
            let mut argument = proto::Argument::default();
            argument.set_kind(proto::argument::ArgumentKind::Input);
            argument.input = Some(index);
            argument
        })
        .collect();
    let response = client
        .execution_client()
        .simulate_transaction(request)
        .await
        .unwrap()
        .into_inner();
    let executed = response.transaction();
    assert!(executed.effects().status().success(), "{executed:?}");
    let inputs = executed
        .transaction()
        .kind()
        .programmable_transaction()
        .inputs();
    assert_eq!(inputs[1].kind(), proto::input::InputKind::Receiving);
    chain.shutdown().await;
}
