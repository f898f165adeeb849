//! What packages, coin types, checkpoints and signatures say of themselves.

use crate::common::*;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, CheckpointContents, CheckpointSummary};
use tonic::Code;

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
