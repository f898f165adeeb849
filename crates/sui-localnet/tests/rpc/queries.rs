//! Reading objects, packages, balances, checkpoints and epochs.

use crate::common::*;
use futures::TryStreamExt;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, CheckpointContents, CheckpointSummary, Object};
use tonic::Code;

const CLOCK: &str = "0x0000000000000000000000000000000000000000000000000000000000000006";

fn object_request(id: &str, paths: &str) -> proto::GetObjectRequest {
    let mut request = proto::GetObjectRequest::default();
    request.object_id = Some(id.to_owned());
    request.read_mask = Some(mask(paths));
    request
}

#[tokio::test]
async fn the_service_and_its_epoch_introduce_themselves() {
    let (chain, mut client) = start().await;
    let info = client
        .ledger_client()
        .get_service_info(proto::GetServiceInfoRequest::default())
        .await
        .unwrap()
        .into_inner();
    let digest: sui_sdk_types::Digest = info.chain_id().parse().unwrap();
    assert_eq!(hex::encode(&digest.as_bytes()[..4]), chain.chain_id());
    assert_eq!(info.chain(), "unknown");
    assert_eq!(info.lowest_available_checkpoint, Some(0));

    let epoch = client
        .ledger_client()
        .get_epoch(proto::GetEpochRequest::latest())
        .await
        .unwrap()
        .into_inner()
        .epoch
        .unwrap();
    assert_eq!((epoch.epoch, epoch.first_checkpoint), (Some(0), Some(0)));
    assert_eq!(epoch.reference_gas_price, Some(1000));
    assert!(epoch.start.is_some() && epoch.committee.is_none());
    assert!(epoch.protocol_config().protocol_version() > 0);

    let mut full = proto::GetEpochRequest::new(0);
    full.read_mask = Some(mask("*"));
    let epoch = client
        .ledger_client()
        .get_epoch(full)
        .await
        .unwrap()
        .into_inner();
    let epoch = epoch.epoch.unwrap();
    assert_eq!(epoch.system_state().reference_gas_price, Some(1000));
    assert_eq!(
        epoch.protocol_config().attributes["max_tx_gas"],
        "50000000000000"
    );
    assert!(
        epoch
            .protocol_config()
            .feature_flags
            .values()
            .all(|flag| !flag)
    );

    let status = client
        .ledger_client()
        .get_epoch(proto::GetEpochRequest::new(7))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, "Epoch 7 not found")
    );
    chain.shutdown().await;
}

#[tokio::test]
async fn masks_decide_what_an_object_answer_holds() {
    let (chain, mut client) = start().await;
    let mut ledger = client.ledger_client();
    let mut bare = object_request("0x6", "");
    bare.read_mask = None;
    let object = ledger
        .get_object(bare)
        .await
        .unwrap()
        .into_inner()
        .object
        .unwrap();
    assert_eq!(object.object_id(), CLOCK);
    assert!(object.version.is_some() && object.digest.is_some());
    assert!(object.owner.is_none() && object.contents.is_none() && object.bcs.is_none());

    let object = ledger
        .get_object(object_request("0x6", "*"))
        .await
        .unwrap()
        .into_inner()
        .object
        .unwrap();
    let decoded: Object = object.bcs().deserialize().unwrap();
    assert_eq!(decoded.digest().to_string(), object.digest());
    assert_eq!(Object::try_from(&object).unwrap(), decoded);
    assert_eq!(object.owner().kind(), proto::owner::OwnerKind::Shared);
    assert_eq!(object.owner().version, Some(1));
    assert_eq!(
        object.object_type(),
        format!("{}::clock::Clock", Address::TWO)
    );
    assert_eq!(object.balance, None);
    let Some(prost_types::value::Kind::StructValue(json)) = &object.json.as_ref().unwrap().kind
    else {
        panic!("the clock is an object: {object:?}");
    };
    assert_eq!(
        json.fields["id"].kind,
        Some(prost_types::value::Kind::StringValue(CLOCK.to_owned()))
    );

    let status = ledger
        .get_object(object_request("0x6", "object_id,nonsense"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "invalid read_mask path: nonsense");
    chain.shutdown().await;
}

#[tokio::test]
async fn missing_things_are_named_in_the_error() {
    let (chain, mut client) = start().await;
    let nowhere = Address::new([0x99; 32]);
    let mut ledger = client.ledger_client();
    let status = ledger
        .get_object(object_request(&nowhere.to_string(), "*"))
        .await
        .unwrap_err();
    assert_eq!(status.message(), format!("Object {nowhere} not found"));
    let mut old = object_request("0x6", "*");
    old.version = Some(1_000_000);
    let status = ledger.get_object(old).await.unwrap_err();
    assert_eq!(
        status.message(),
        format!("Object {CLOCK} with version 1000000 not found")
    );
    let digest = sui_sdk_types::Digest::new([5; 32]);
    let status = ledger
        .get_transaction(proto::GetTransactionRequest::new(&digest))
        .await
        .unwrap_err();
    assert_eq!(status.message(), format!("Transaction {digest} not found"));
    let status = ledger
        .get_checkpoint(proto::GetCheckpointRequest::by_sequence_number(99_999))
        .await
        .unwrap_err();
    assert_eq!(status.message(), "Checkpoint 99999 not found");
    let status = ledger
        .get_object(object_request("not hex", "*"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    chain.shutdown().await;
}

#[tokio::test]
async fn batches_answer_in_order_item_by_item() {
    let (chain, mut client) = start().await;
    let nowhere = Address::new([0x99; 32]).to_string();
    let mut request = proto::BatchGetObjectsRequest::default();
    request.read_mask = Some(mask("object_id,object_type"));
    request.requests = ["0x2", &nowhere, "0x6"]
        .iter()
        .map(|id| object_request(id, "nonsense"))
        .collect();
    let response = client
        .ledger_client()
        .batch_get_objects(request)
        .await
        .unwrap();
    let results: Vec<_> = response
        .into_inner()
        .objects
        .into_iter()
        .map(proto::GetObjectResult::to_result)
        .collect();
    assert_eq!(results[0].as_ref().unwrap().object_type(), "package");
    assert_eq!(results[1].as_ref().unwrap_err().code, 5);
    assert_eq!(results[2].as_ref().unwrap().object_id(), CLOCK);

    let digest = sui_sdk_types::Digest::new([5; 32]).to_string();
    let mut request = proto::BatchGetTransactionsRequest::default();
    request.digests = vec![digest];
    let response = client
        .ledger_client()
        .batch_get_transactions(request)
        .await
        .unwrap();
    let result = response.into_inner().transactions.remove(0).to_result();
    assert_eq!(result.unwrap_err().code, 5);
    chain.shutdown().await;
}

#[tokio::test]
async fn old_versions_stay_readable() {
    let (chain, mut client) = start().await;
    let before = coins(&mut client, address_of(&alice())).await.remove(0);
    pay_bob(&mut client, 10).await;
    let mut old = object_request(before.object_id(), "*");
    old.version = before.version;
    let again = client
        .ledger_client()
        .get_object(old)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(again.object.unwrap(), before);
    let now = object_request(before.object_id(), "version,balance");
    let now = client
        .ledger_client()
        .get_object(now)
        .await
        .unwrap()
        .into_inner();
    let now = now.object.unwrap();
    assert!(now.version() > before.version() && now.balance() < before.balance());
    chain.shutdown().await;
}

#[tokio::test]
async fn owned_objects_page_through_richest_coin_first() {
    let (chain, mut client) = start().await;
    for amount in [10, 30, 20] {
        pay_bob(&mut client, amount).await;
    }
    let balances: Vec<_> = coins(&mut client, BOB)
        .await
        .iter()
        .map(proto::Object::balance)
        .collect();
    assert_eq!(balances, [30, 20, 10]);

    let mut request = proto::ListOwnedObjectsRequest::default();
    request.owner = Some(BOB.to_string());
    request.page_size = Some(2);
    request.read_mask = Some(mask("balance"));
    let pages: Vec<proto::Object> = client
        .list_owned_objects(request.clone())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        pages.iter().map(proto::Object::balance).collect::<Vec<_>>(),
        [30, 20, 10]
    );
    let first = client
        .state_client()
        .list_owned_objects(request.clone())
        .await
        .unwrap();
    let token = first.into_inner().next_page_token;
    assert!(token.is_some());
    request.owner = Some(address_of(&alice()).to_string());
    request.page_token = token;
    let status = client
        .state_client()
        .list_owned_objects(request.clone())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    request.page_token = None;
    let last = client
        .state_client()
        .list_owned_objects(request)
        .await
        .unwrap();
    assert_eq!(last.into_inner().next_page_token, None);

    let mut request = proto::ListBalancesRequest::default();
    request.owner = Some(BOB.to_string());
    let balances: Vec<proto::Balance> = client.list_balances(request).try_collect().await.unwrap();
    assert_eq!(balances.len(), 1);
    assert_eq!((balances[0].coin_type(), balances[0].balance()), (SUI, 60));
    chain.shutdown().await;
}

#[tokio::test]
async fn packages_describe_their_functions_and_types() {
    let (chain, mut client) = start().await;
    let mut packages = client.package_client();
    let mut request = proto::GetFunctionRequest::default();
    request.package_id = Some("0x2".to_owned());
    request.module_name = Some("coin".to_owned());
    request.name = Some("split".to_owned());
    let function = packages
        .get_function(request.clone())
        .await
        .unwrap()
        .into_inner();
    let function = function.function.unwrap();
    assert_eq!(
        function.visibility(),
        proto::function_descriptor::Visibility::Public
    );
    assert_eq!(function.type_parameters.len(), 1);
    let first = &function.parameters[0];
    assert_eq!(first.reference(), proto::open_signature::Reference::Mutable);
    assert_eq!(
        first.body().type_name(),
        format!("{}::coin::Coin", Address::TWO)
    );
    assert_eq!(first.body().type_parameter_instantiation.len(), 1);
    assert_eq!(
        function.parameters[1].body().r#type(),
        proto::open_signature_body::Type::U64
    );
    request.name = Some("no_such".to_owned());
    let status = packages.get_function(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);

    let mut request = proto::GetDatatypeRequest::default();
    request.package_id = Some("0x2".to_owned());
    request.module_name = Some("clock".to_owned());
    request.name = Some("Clock".to_owned());
    let datatype = packages.get_datatype(request).await.unwrap().into_inner();
    let datatype = datatype.datatype.unwrap();
    assert_eq!(
        datatype.type_name(),
        format!("{}::clock::Clock", Address::TWO)
    );
    let fields: Vec<_> = datatype
        .fields
        .iter()
        .map(proto::FieldDescriptor::name)
        .collect();
    assert_eq!(fields, ["id", "timestamp_ms"]);

    let mut request = proto::GetPackageRequest::default();
    request.package_id = Some("0x1".to_owned());
    let package = packages
        .get_package(request.clone())
        .await
        .unwrap()
        .into_inner();
    let package = package.package.unwrap();
    assert_eq!(package.storage_id(), package.original_id());
    let option = package
        .modules
        .iter()
        .find(|module| module.name() == "option")
        .unwrap();
    assert!(
        option
            .functions
            .iter()
            .any(|function| function.name() == "is_some")
    );
    assert_eq!(option.datatypes[0].name(), "Option");
    request.package_id = Some("0x6".to_owned());
    let status = packages.get_package(request).await.unwrap_err();
    assert_eq!(status.message(), "object is not a package");

    let mut request = proto::ListPackageVersionsRequest::default();
    request.package_id = Some("0x2".to_owned());
    let versions = packages
        .list_package_versions(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(versions.versions.len(), 1);
    assert_eq!(versions.versions[0].version, Some(1));
    chain.shutdown().await;
}

#[tokio::test]
async fn checkpoints_commit_to_what_they_hold() {
    let (chain, mut client) = start().await;
    let executed = pay_bob(&mut client, 3).await;
    let mut request = proto::GetCheckpointRequest::by_sequence_number(executed.checkpoint());
    request.read_mask = Some(mask("*"));
    let checkpoint = client
        .ledger_client()
        .get_checkpoint(request)
        .await
        .unwrap()
        .into_inner();
    let checkpoint = checkpoint.checkpoint.unwrap();
    let summary: CheckpointSummary = checkpoint.summary().bcs().deserialize().unwrap();
    let contents: CheckpointContents = checkpoint.contents().bcs().deserialize().unwrap();
    assert_eq!(summary.digest().to_string(), checkpoint.digest());
    assert_eq!(summary.content_digest, contents.digest());
    assert_eq!(checkpoint.transactions.len(), 2);
    let prologue = &checkpoint.transactions[0];
    assert_eq!(
        prologue.transaction().kind().kind(),
        proto::transaction_kind::Kind::ConsensusCommitPrologueV4
    );
    assert!(prologue.effects().gas_object.is_none());
    assert_eq!(checkpoint.transactions[1].digest(), executed.digest());
    assert!(
        checkpoint
            .objects()
            .objects()
            .iter()
            .all(|object| object.bcs.is_some())
    );
    assert!(checkpoint.signature.is_some());

    let mut by_digest = proto::GetCheckpointRequest::by_digest(&summary.digest());
    by_digest.read_mask = Some(mask("summary.previous_digest"));
    let found = client
        .ledger_client()
        .get_checkpoint(by_digest)
        .await
        .unwrap()
        .into_inner();
    let previous = proto::GetCheckpointRequest::by_sequence_number(executed.checkpoint() - 1);
    let previous = client
        .ledger_client()
        .get_checkpoint(previous)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        found.checkpoint().summary().previous_digest(),
        previous.checkpoint().digest()
    );
    chain.shutdown().await;
}

#[tokio::test]
async fn signatures_are_verified_on_request() {
    use sui_crypto::SuiSigner;
    let (chain, mut client) = start().await;
    let message = sui_sdk_types::PersonalMessage(b"hello".into());
    let signature = alice().sign_personal_message(&message).unwrap();
    let mut bcs = proto::Bcs::serialize(&b"hello".to_vec()).unwrap();
    bcs.name = Some("PersonalMessage".to_owned());
    let mut request = proto::VerifySignatureRequest::default();
    request.message = Some(bcs);
    request.signature = Some(signature.into());
    let mut service = client.signature_verification_client();
    let answer = service
        .verify_signature(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!((answer.is_valid, answer.reason), (Some(true), None));
    request.address = Some(BOB.to_string());
    let answer = service
        .verify_signature(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.is_valid, Some(false));
    request.address = None;
    request.message.as_mut().unwrap().value = Some(vec![2, b'h', b'i'].into());
    let answer = service
        .verify_signature(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.is_valid, Some(false));
    request.message.as_mut().unwrap().name = Some("Other".to_owned());
    let status = service.verify_signature(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    chain.shutdown().await;
}

#[tokio::test]
async fn coin_types_are_described_or_unknown() {
    let (chain, mut client) = start().await;
    let mut request = proto::GetCoinInfoRequest::default();
    request.coin_type = Some("0x2::sui::SUI".to_owned());
    let info = client
        .state_client()
        .get_coin_info(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!((info.coin_type(), info.metadata().decimals), (SUI, Some(9)));
    request.coin_type = Some("0x9::no::COIN".to_owned());
    let status = client
        .state_client()
        .get_coin_info(request)
        .await
        .unwrap_err();
    let type_name = format!("{}::no::COIN", Address::from_hex("0x9").unwrap());
    assert_eq!(status.message(), format!("Coin type {type_name} not found"));
    chain.shutdown().await;
}
