//! Published packages as clients see them: capability, coin, treasury, events, fields, functions.

use std::pin::pin;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{StreamExt, TryStreamExt};
use sui_rpc::{
    Client,
    client::{EventStreamRequest, EventStreamStart},
    proto::sui::rpc::{
        v2 as proto,
        v2::{
            changed_object::OutputObjectState, dynamic_field::DynamicFieldKind, filter::event as by,
        },
    },
};
use sui_sdk_types::{Address, StructTag};
use sui_transaction_builder::{Argument, Function, ObjectInput, TransactionBuilder};

use crate::common::*;

/// A coin with a one-time witness, whose `init` mints and shares an object with a child.
const WAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../move/build/wal.json");
/// Objects in all their states; `init` shares a counter and emits an event.
pub(crate) const OBJECTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/move/objects.json");
/// What the rules of programmable transactions are tried with.
pub(crate) const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/move/rules.json");

fn compiled(path: &str) -> (Vec<Vec<u8>>, Vec<Address>) {
    let text = std::fs::read_to_string(path).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let list = |key: &str| -> Vec<String> {
        let values = json[key].as_array().unwrap();
        values
            .iter()
            .map(|value| value.as_str().unwrap().to_owned())
            .collect()
    };
    let modules = list("modules")
        .iter()
        .map(|module| STANDARD.decode(module).unwrap())
        .collect();
    let dependencies = list("dependencies")
        .iter()
        .map(|dependency| dependency.parse().unwrap())
        .collect();
    (modules, dependencies)
}

/// Publishes as Alice; the outcome and the package's id.
pub(crate) async fn publish(
    client: &mut Client,
    path: &str,
) -> (proto::ExecutedTransaction, Address) {
    let (modules, dependencies) = compiled(path);
    let executed = run(client, |builder| {
        let capability = builder.publish(modules, dependencies);
        let recipient = builder.pure(&address_of(&alice()));
        builder.transfer_objects(vec![capability], recipient);
    })
    .await;
    let package = changed(&executed, |change| {
        change.output_state() == OutputObjectState::PackageWrite
    });
    assert_eq!(package.object_type(), "package");
    (executed.clone(), package.object_id().parse().unwrap())
}

/// Executes as Alice what `commands` adds.
pub(crate) async fn run(
    client: &mut Client,
    commands: impl FnOnce(&mut TransactionBuilder),
) -> proto::ExecutedTransaction {
    let mut builder = TransactionBuilder::new();
    builder.set_sender(address_of(&alice()));
    commands(&mut builder);
    let transaction = builder.build(client).await.unwrap();
    let executed = execute(client, &transaction, "*").await;
    assert!(executed.effects().status().success(), "{executed:?}");
    executed
}

fn changed(
    executed: &proto::ExecutedTransaction,
    wanted: impl Fn(&proto::ChangedObject) -> bool,
) -> &proto::ChangedObject {
    let changes = executed.effects().changed_objects();
    changes
        .iter()
        .find(|change| wanted(change))
        .unwrap_or_else(|| panic!("not among {changes:?}"))
}

fn call(
    builder: &mut TransactionBuilder,
    package: Address,
    function: &str,
    arguments: Vec<Argument>,
) -> Argument {
    let function = Function::new(package, "items".parse().unwrap(), function.parse().unwrap());
    builder.move_call(function, arguments)
}

fn id_of(change: &proto::ChangedObject) -> Address {
    change.object_id().parse().unwrap()
}

async fn fields_of(client: &Client, parent: &str) -> Vec<proto::DynamicField> {
    let mut request = proto::ListDynamicFieldsRequest::default();
    request.parent = Some(parent.to_owned());
    request.read_mask = Some(mask("*"));
    client
        .list_dynamic_fields(request)
        .try_collect()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_published_coin_is_described_and_listed() {
    let (chain, mut client) = start().await;
    let (executed, package) = publish(&mut client, WAL).await;

    let mut request = proto::GetObjectRequest::new(&package);
    request.read_mask = Some(mask("object_type,owner,version,package"));
    let response = client.ledger_client().get_object(request).await.unwrap();
    let object = response.into_inner().object.unwrap();
    assert_eq!((object.object_type(), object.version), ("package", Some(1)));
    assert_eq!(object.owner().kind(), proto::owner::OwnerKind::Immutable);
    assert_eq!(object.package().original_id(), package.to_string());
    assert!(!object.package().type_origins.is_empty() && !object.package().linkage.is_empty());

    let coin_type = format!("{package}::wal::WAL");
    let mut request = proto::GetCoinInfoRequest::default();
    request.coin_type = Some(coin_type.clone());
    let response = client.state_client().get_coin_info(request).await.unwrap();
    let info = response.into_inner();
    let metadata = info.metadata();
    assert_eq!((metadata.symbol(), metadata.decimals), ("WAL", Some(9)));
    assert!(info.treasury().total_supply() > 0);
    assert!(executed.balance_changes.iter().any(|change| {
        change.coin_type() == coin_type
            && change.amount() == info.treasury().total_supply().to_string()
    }));

    // The treasury is protected: its capability is a dynamic object field.
    let treasury = changed(&executed, |change| {
        change.object_type().ends_with("::wal::ProtectedTreasury")
    });
    let fields = fields_of(&client, treasury.object_id()).await;
    assert_eq!(fields.len(), 1);
    let field = &fields[0];
    assert_eq!(field.kind(), DynamicFieldKind::Object);
    assert_eq!(
        field.value_type(),
        format!("{}::coin::TreasuryCap<{coin_type}>", Address::TWO)
    );
    assert_eq!(field.child_id(), field.child_object().object_id());
    assert_eq!(info.treasury().id(), field.child_id());
    chain.shutdown().await;
}

#[tokio::test]
async fn plain_fields_are_listed_with_name_and_value() {
    let (chain, mut client) = start().await;
    let (_, package) = publish(&mut client, OBJECTS).await;
    let executed = run(&mut client, |builder| {
        let value = builder.pure(&5u64);
        let item = call(builder, package, "new", vec![value]);
        let name = builder.pure(&7u64);
        let content = builder.pure(&9u64);
        call(builder, package, "add_field", vec![item, name, content]);
        let recipient = builder.pure(&address_of(&alice()));
        builder.transfer_objects(vec![item], recipient);
    })
    .await;
    let item = changed(&executed, |change| {
        change.object_type().ends_with("::items::Item")
    });
    let fields = fields_of(&client, item.object_id()).await;
    assert_eq!(fields.len(), 1);
    let field = &fields[0];
    assert_eq!(field.kind(), DynamicFieldKind::Field);
    assert_eq!(field.name().name(), "u64");
    assert_eq!(field.name().value(), &7u64.to_le_bytes()[..]);
    assert_eq!(field.value().value(), &9u64.to_le_bytes()[..]);
    assert_eq!(field.value_type(), "u64");
    assert!(field.child_id.is_none() && field.child_object.is_none());
    // The id can be computed by the client.
    let key = sui_sdk_types::TypeTag::U64;
    let expected = id_of(item).derive_dynamic_child_id(&key, &7u64.to_le_bytes());
    assert_eq!(field.field_id(), expected.to_string());
    chain.shutdown().await;
}

#[tokio::test]
async fn inputs_are_resolved_by_what_functions_do_with_them() {
    let (chain, mut client) = start().await;
    let (published, package) = publish(&mut client, OBJECTS).await;
    let counter = id_of(changed(&published, |change| {
        change.object_type().ends_with("::items::Counter")
    }));
    // An item, and another one sent to the first one's id.
    let executed = run(&mut client, |builder| {
        let value = builder.pure(&1u64);
        let item = call(builder, package, "new", vec![value]);
        let recipient = builder.pure(&address_of(&alice()));
        builder.transfer_objects(vec![item], recipient);
    })
    .await;
    let is_item = |change: &proto::ChangedObject| change.object_type().ends_with("::items::Item");
    let parent = id_of(changed(&executed, is_item));
    let executed = run(&mut client, |builder| {
        let value = builder.pure(&2u64);
        let item = call(builder, package, "new", vec![value]);
        let recipient = builder.pure(&parent);
        builder.transfer_objects(vec![item], recipient);
    })
    .await;
    let sent = id_of(changed(&executed, is_item));

    let executed = run(&mut client, |builder| {
        let parent = builder.object(ObjectInput::new(parent));
        let sent = builder.object(ObjectInput::new(sent));
        let counter = builder.object(ObjectInput::new(counter));
        let received = call(builder, package, "receive", vec![parent, sent]);
        let recipient = builder.pure(&BOB);
        builder.transfer_objects(vec![received], recipient);
        call(builder, package, "count", vec![counter]);
    })
    .await;
    let inputs = executed
        .transaction()
        .kind()
        .programmable_transaction()
        .inputs();
    let kind_of = |id: Address| {
        let input = inputs
            .iter()
            .find(|input| input.object_id() == id.to_string());
        let input = input.unwrap();
        (input.kind(), input.mutable)
    };
    use proto::input::InputKind;
    assert_eq!(kind_of(parent), (InputKind::ImmutableOrOwned, None));
    assert_eq!(kind_of(sent), (InputKind::Receiving, None));
    assert_eq!(kind_of(counter), (InputKind::Shared, Some(true)));

    let executed = run(&mut client, |builder| {
        let counter = builder.object(ObjectInput::new(counter));
        call(builder, package, "read", vec![counter]);
    })
    .await;
    let unchanged = &executed.effects().unchanged_consensus_objects[0];
    assert_eq!(unchanged.object_id(), counter.to_string());
    assert!(unchanged.object_type().ends_with("::items::Counter"));
    chain.shutdown().await;
}

#[tokio::test]
async fn events_are_followed_from_the_first_to_the_live_ones() {
    let (chain, mut client) = start().await;
    let (published, package) = publish(&mut client, OBJECTS).await;
    let counter = id_of(changed(&published, |change| {
        change.object_type().ends_with("::items::Counter")
    }));
    let event_type = format!("{package}::items::Counted");
    let mut request = EventStreamRequest::default();
    request.read_mask = Some(mask("*"));
    request.filter = Some(proto::EventFilter::matching(by::event_type(
        event_type.as_str(),
    )));
    request.start = EventStreamStart::Checkpoint(0);
    let mut stream = pin!(client.stream_events(request));
    let mut counts = Vec::new();
    while counts.len() < 4 {
        if counts.len() == 1 {
            // Three more, two of them in one transaction, once the stream is past the first.
            for times in [1, 2] {
                run(&mut client.clone(), |builder| {
                    let counter = builder.object(ObjectInput::new(counter));
                    for _ in 0..times {
                        call(builder, package, "count", vec![counter]);
                    }
                })
                .await;
            }
        }
        let frame = tokio::time::timeout(WAIT, stream.next()).await.unwrap();
        if let Some(event) = frame.unwrap().unwrap().event {
            assert_eq!(event.event_type(), event_type);
            assert_eq!(
                (event.package_id(), event.module()),
                (package.to_string().as_str(), "items")
            );
            let contents = event.contents().value().to_vec();
            counts.push(u64::from_le_bytes(contents[32..].try_into().unwrap()));
            if counts.len() == 1 {
                check_first(&event, &published);
            }
        }
    }
    assert_eq!(counts, [0, 1, 2, 3]);
    chain.shutdown().await;
}

/// The event of `init`: its place in the ledger, its JSON, and the same event inside its
/// transaction.
fn check_first(event: &proto::Event, published: &proto::ExecutedTransaction) {
    assert_eq!(event.transaction_digest(), published.digest());
    assert_eq!(event.checkpoint, published.checkpoint);
    assert_eq!(event.transaction_index, published.transaction_index);
    assert_eq!(event.event_index, Some(0));
    let Some(prost_types::value::Kind::StructValue(json)) = &event.json.as_ref().unwrap().kind
    else {
        panic!("an event is an object: {event:?}");
    };
    let zero = prost_types::value::Kind::StringValue("0".to_owned());
    assert_eq!(json.fields["count"].kind, Some(zero));
    assert_eq!(published.events().events()[0].contents, event.contents);
}

#[tokio::test]
async fn an_abort_names_the_function_and_is_not_an_rpc_error() {
    let (chain, mut client) = start().await;
    let mut builder = TransactionBuilder::new();
    builder.set_sender(address_of(&alice()));
    // Destroying a coin that is not empty aborts.
    let amount = builder.pure(&1u64);
    let gas = builder.gas();
    let coin = builder.split_coins(gas, vec![amount]);
    let function = Function::new(
        Address::TWO,
        "coin".parse().unwrap(),
        "destroy_zero".parse().unwrap(),
    )
    .with_type_args(vec![StructTag::sui().into()]);
    builder.move_call(function, coin);
    let Err(error) = builder.build(&mut client).await else {
        panic!("the simulation fails");
    };
    let sui_transaction_builder::Error::SimulationFailure(failure) = error else {
        panic!("not a failed execution: {error}");
    };
    let error = failure.execution_error();
    assert_eq!(
        error.kind(),
        proto::execution_error::ExecutionErrorKind::MoveAbort
    );
    assert_eq!(error.command, Some(1));
    let location = error.abort().location();
    assert_eq!(location.package(), Address::TWO.to_string());
    assert!(!location.module().is_empty() && !location.function_name().is_empty());
    assert!(
        error.description().contains(location.function_name()),
        "{error:?}"
    );
    chain.shutdown().await;
}
