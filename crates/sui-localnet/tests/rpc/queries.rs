//! Reading objects, packages, balances, checkpoints and epochs.

use crate::common::*;
use futures::TryStreamExt;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, Object};
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
