//! Simulation: what the server fills in, and what it refuses.

use sui_rpc::proto::sui::rpc::{v2 as proto, v2::simulate_transaction_request::TransactionChecks};
use sui_sdk_types::Address;
use tonic::Code;

use crate::common::*;

const CLOCK: &str = "0x6";

/// A programmable transaction as TypeScript clients send it before they know anything.
fn programmable(
    sender: Address,
    inputs: Vec<proto::Input>,
    commands: Vec<proto::Command>,
) -> proto::SimulateTransactionRequest {
    let mut programmable = proto::ProgrammableTransaction::default();
    programmable.inputs = inputs;
    programmable.commands = commands;
    let mut transaction = proto::Transaction::default();
    transaction.version = Some(1);
    transaction.kind = Some(programmable.into());
    transaction.sender = Some(sender.to_string());
    let mut request = proto::SimulateTransactionRequest::default();
    request.transaction = Some(transaction);
    request.do_gas_selection = Some(true);
    request
}

fn object_input(id: &str) -> proto::Input {
    let mut input = proto::Input::default();
    input.object_id = Some(id.to_owned());
    input
}

fn call(function: &str, arguments: u32) -> proto::Command {
    let parts: Vec<&str> = function.split("::").collect();
    let mut call = proto::MoveCall::default();
    call.package = Some(parts[0].to_owned());
    call.module = Some(parts[1].to_owned());
    call.function = Some(parts[2].to_owned());
    call.arguments = (0..arguments).map(proto::Argument::new_input_at).collect();
    call.into()
}

trait InputAt {
    fn new_input_at(index: u32) -> proto::Argument;
}

impl InputAt for proto::Argument {
    fn new_input_at(index: u32) -> proto::Argument {
        let mut argument = proto::Argument::default();
        argument.set_kind(proto::argument::ArgumentKind::Input);
        argument.input = Some(index);
        argument
    }
}

async fn simulate(
    client: &mut sui_rpc::Client,
    request: proto::SimulateTransactionRequest,
) -> Result<proto::SimulateTransactionResponse, tonic::Status> {
    let response = client
        .execution_client()
        .simulate_transaction(request)
        .await?;
    Ok(response.into_inner())
}

#[tokio::test]
async fn shared_inputs_and_gas_are_filled_in() {
    let (chain, mut client) = start().await;
    let request = programmable(
        address_of(&alice()),
        vec![object_input(CLOCK)],
        vec![call("0x2::clock::timestamp_ms", 1)],
    );
    let response = simulate(&mut client, request).await.unwrap();
    let executed = response.transaction();
    assert!(executed.effects().status().success(), "{executed:?}");
    assert!(executed.checkpoint.is_none());
    let transaction = executed.transaction();
    let input = &transaction.kind().programmable_transaction().inputs()[0];
    assert_eq!(input.kind(), proto::input::InputKind::Shared);
    assert_eq!((input.version, input.mutable), (Some(1), Some(false)));
    assert_eq!(input.mutability(), proto::input::Mutability::Immutable);
    let payment = transaction.gas_payment();
    assert_eq!(payment.objects.len(), 1);
    assert_eq!(payment.price, Some(1000));
    let gas = executed.effects().gas_used();
    assert!(payment.budget() >= gas.computation_cost() + gas.storage_cost());
    assert_eq!(response.suggested_gas_price, Some(1000));
    // The result of the call: a u64 in BCS and in JSON.
    let output = &response.command_outputs[0].return_values[0];
    assert_eq!(output.value().name(), "u64");
    let ms = u64::from_le_bytes(output.value().value().try_into().unwrap());
    let json = output.json.as_deref().unwrap();
    assert_eq!(
        json.kind,
        Some(prost_types::value::Kind::StringValue(ms.to_string()))
    );
    // Nothing happened.
    assert_eq!(balance(&mut client, address_of(&alice())).await, ALICE_MIST);
    chain.shutdown().await;
}

#[tokio::test]
async fn without_gas_selection_a_made_up_coin_pays() {
    let (chain, mut client) = start().await;
    let pauper = Address::new([0xcc; 32]);
    let mut request = programmable(
        pauper,
        vec![object_input(CLOCK)],
        vec![call("0x2::clock::timestamp_ms", 1)],
    );
    request.do_gas_selection = Some(false);
    let response = simulate(&mut client, request.clone()).await.unwrap();
    assert!(response.transaction().effects().status().success());
    assert!(
        response
            .transaction()
            .transaction()
            .gas_payment()
            .objects
            .is_empty()
    );

    request.do_gas_selection = Some(true);
    let status = simulate(&mut client, request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let start = format!(
        "Unable to perform gas selection due to insufficient SUI balance (in address balance or coins) \
         for account {pauper} to satisfy required budget "
    );
    assert!(status.message().starts_with(&start), "{status}");
    chain.shutdown().await;
}

#[tokio::test]
async fn private_functions_run_only_without_checks() {
    let (chain, mut client) = start().await;
    let mut request = programmable(
        Address::ZERO,
        Vec::new(),
        vec![call("0x2::tx_context::native_sender", 0)],
    );
    request.do_gas_selection = Some(false);
    let checked = simulate(&mut client, request.clone()).await.unwrap();
    assert_eq!(
        checked.transaction().effects().status().success,
        Some(false)
    );
    request.set_checks(TransactionChecks::Disabled);
    let unchecked = simulate(&mut client, request).await.unwrap();
    let status = unchecked.transaction().effects().status();
    assert_eq!(status.success, Some(true), "{status:?}");
    chain.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_resolved_is_named() {
    let (chain, mut client) = start().await;
    let sender = address_of(&alice());
    let missing = Address::new([0x55; 32]);
    let request = programmable(
        sender,
        vec![object_input(&missing.to_string())],
        vec![call("0x2::clock::timestamp_ms", 1)],
    );
    let status = simulate(&mut client, request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.message(), format!("Object {missing} not found"));

    let request = programmable(sender, Vec::new(), vec![call("0x2::clock::no_such", 0)]);
    let status = simulate(&mut client, request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().starts_with("unable to find function "),
        "{status}"
    );

    let mut request = programmable(sender, Vec::new(), Vec::new());
    request.transaction.as_mut().unwrap().sender = None;
    let status = simulate(&mut client, request).await.unwrap_err();
    assert_eq!(status.message(), "missing transaction.sender");
    chain.shutdown().await;
}

#[tokio::test]
async fn supplied_versions_must_be_live() {
    let (chain, mut client) = start().await;
    let coin = coins(&mut client, address_of(&alice())).await.remove(0);
    let mut input = object_input(coin.object_id());
    input.set_kind(proto::input::InputKind::ImmutableOrOwned);
    input.version = Some(coin.version() + 1);
    let mut request = programmable(
        address_of(&alice()),
        vec![input],
        vec![call("0x2::coin::value", 1)],
    );
    request.do_gas_selection = Some(false);
    let status = simulate(&mut client, request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status
            .message()
            .starts_with("provided version doesn't match"),
        "{status}"
    );
    chain.shutdown().await;
}

#[tokio::test]
async fn coins_used_as_inputs_do_not_pay() {
    let (chain, mut client) = start().await;
    let coin = coins(&mut client, address_of(&alice())).await.remove(0);
    let request = programmable(
        address_of(&alice()),
        vec![object_input(coin.object_id())],
        vec![{
            let mut call = call("0x2::coin::value", 1);
            if let Some(proto::command::Command::MoveCall(call)) = &mut call.command {
                call.type_arguments = vec!["0x2::sui::SUI".to_owned()];
            }
            call
        }],
    );
    let status = simulate(&mut client, request).await.unwrap_err();
    assert!(
        status
            .message()
            .starts_with("Unable to perform gas selection"),
        "{status}"
    );
    chain.shutdown().await;
}
