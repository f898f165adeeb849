//! A chain with a funded account and the usual moves.

use std::time::Duration;

use sui_crypto::{SuiSigner, ed25519::Ed25519PrivateKey};
use sui_localnet::{Localnet, LocalnetConfig};
use sui_rpc::{
    Client,
    field::{FieldMask, FieldMaskUtil},
    proto::sui::rpc::v2::{self as proto, ExecuteTransactionRequest},
};
use sui_sdk_types::{Address, Transaction, UserSignature};
use sui_transaction_builder::TransactionBuilder;

/// Alice's money at genesis: 100 SUI.
pub(crate) const ALICE_MIST: u64 = 100_000_000_000;
/// Nobody's money at genesis.
pub(crate) const BOB: Address = Address::new([0xb0; 32]);
pub(crate) const SUI: &str =
    "0x0000000000000000000000000000000000000000000000000000000000000002::sui::SUI";
pub(crate) const WAIT: Duration = Duration::from_secs(20);

pub(crate) fn alice() -> Ed25519PrivateKey {
    Ed25519PrivateKey::new([1; 32])
}

pub(crate) fn address_of(key: &Ed25519PrivateKey) -> Address {
    key.public_key().derive_address()
}

pub(crate) fn config() -> LocalnetConfig {
    LocalnetConfig {
        accounts: vec![(address_of(&alice()), ALICE_MIST)],
        ..LocalnetConfig::default()
    }
}

pub(crate) async fn start() -> (Localnet, Client) {
    let chain = Localnet::start(config()).await.unwrap();
    let client = Client::new(chain.rpc_url()).unwrap();
    (chain, client)
}

pub(crate) fn mask(paths: &str) -> FieldMask {
    <FieldMask as FieldMaskUtil>::from_str(paths)
}

/// A transfer of `mist` from `sender`, completed by the server.
pub(crate) async fn build_transfer(
    client: &mut Client,
    sender: Address,
    recipient: Address,
    mist: u64,
) -> Transaction {
    let mut builder = TransactionBuilder::new();
    builder.set_sender(sender);
    let amount = builder.pure(&mist);
    let gas = builder.gas();
    let coins = builder.split_coins(gas, vec![amount]);
    let recipient = builder.pure(&recipient);
    builder.transfer_objects(coins, recipient);
    builder.build(client).await.unwrap()
}

pub(crate) fn request(
    transaction: &Transaction,
    signatures: &[UserSignature],
    paths: &str,
) -> ExecuteTransactionRequest {
    let mut request = ExecuteTransactionRequest::default();
    request.transaction = Some(bcs_transaction(transaction));
    request.signatures = signatures
        .iter()
        .map(|signature| signature.clone().into())
        .collect();
    request.read_mask = Some(mask(paths));
    request
}

/// A transaction as TypeScript clients send it: nothing but BCS.
pub(crate) fn bcs_transaction(transaction: &Transaction) -> proto::Transaction {
    let mut message = proto::Transaction::default();
    message.bcs = Some(proto::Bcs::serialize(transaction).unwrap());
    message
}

pub(crate) fn sign(key: &Ed25519PrivateKey, transaction: &Transaction) -> UserSignature {
    key.sign_transaction(transaction).unwrap()
}

/// Signs with Alice's key, executes, and waits for the checkpoint.
pub(crate) async fn execute(
    client: &mut Client,
    transaction: &Transaction,
    paths: &str,
) -> proto::ExecutedTransaction {
    let request = request(transaction, &[sign(&alice(), transaction)], paths);
    let response = client
        .execute_transaction_and_wait_for_checkpoint(request, WAIT)
        .await
        .unwrap();
    response.into_inner().transaction.unwrap()
}

/// Alice gives Bob `mist`.
pub(crate) async fn pay_bob(client: &mut Client, mist: u64) -> proto::ExecutedTransaction {
    let transaction = build_transfer(client, address_of(&alice()), BOB, mist).await;
    let executed = execute(client, &transaction, "*").await;
    assert!(executed.effects().status().success(), "{executed:?}");
    executed
}

pub(crate) async fn balance(client: &mut Client, owner: Address) -> u64 {
    let mut request = proto::GetBalanceRequest::default();
    request.owner = Some(owner.to_string());
    request.coin_type = Some("0x2::sui::SUI".to_owned());
    let response = client.state_client().get_balance(request).await.unwrap();
    let balance = response.into_inner().balance.unwrap();
    assert_eq!(balance.coin_type(), SUI);
    assert_eq!(balance.address_balance, Some(0));
    assert_eq!(balance.balance, balance.coin_balance);
    balance.balance()
}

/// The coins of `owner`, largest first.
pub(crate) async fn coins(client: &mut Client, owner: Address) -> Vec<proto::Object> {
    let mut request = proto::ListOwnedObjectsRequest::default();
    request.owner = Some(owner.to_string());
    request.object_type = Some("0x2::coin::Coin<0x2::sui::SUI>".to_owned());
    request.read_mask = Some(mask("*"));
    let response = client
        .state_client()
        .list_owned_objects(request)
        .await
        .unwrap();
    response.into_inner().objects
}
