//! A chain that forgets answers like a full node that prunes.

use crate::common::*;
use futures::TryStreamExt;
use sui_localnet::{Localnet, LocalnetConfig};
use sui_rpc::{Client, proto::sui::rpc::v2 as proto};
use tonic::Code;

const RETENTION: u64 = 5;

/// First and last checkpoint, by the service's own account.
async fn available(client: &mut Client) -> (u64, u64) {
    let info = client
        .ledger_client()
        .get_service_info(proto::GetServiceInfoRequest::default())
        .await
        .unwrap()
        .into_inner();
    (
        info.lowest_available_checkpoint.unwrap(),
        info.checkpoint_height.unwrap(),
    )
}

async fn checkpoint(client: &mut Client, number: u64) -> Result<u64, Code> {
    let request = proto::GetCheckpointRequest::by_sequence_number(number);
    let answer = client.ledger_client().get_checkpoint(request).await;
    answer
        .map(|found| found.into_inner().checkpoint().sequence_number())
        .map_err(|status| status.code())
}

async fn list(client: &mut Client, start: Option<u64>) -> Result<Vec<u64>, Code> {
    let mut request = proto::ListCheckpointsRequest::default();
    request.start_checkpoint = start;
    let answer = client.ledger_client().list_checkpoints(request).await;
    let frames: Vec<_> = answer
        .map_err(|status| status.code())?
        .into_inner()
        .try_collect()
        .await
        .unwrap();
    let items = frames.iter().filter_map(|frame| frame.checkpoint.as_ref());
    Ok(items.map(proto::Checkpoint::sequence_number).collect())
}

#[tokio::test]
async fn what_is_forgotten_is_not_found_and_the_state_stays() {
    let directory = tempfile::tempdir().unwrap();
    let config = || LocalnetConfig {
        data_dir: Some(directory.path().to_owned()),
        heartbeat: None,
        retention_checkpoints: Some(RETENTION),
        ..config()
    };
    let chain = Localnet::start(config()).await.unwrap();
    let mut client = Client::new(chain.rpc_url()).unwrap();
    let id = chain.chain_id();
    let first = pay_bob(&mut client, 1_000).await;
    for _ in 0..2 * RETENTION {
        pay_bob(&mut client, 10).await;
    }
    let (lowest, newest) = available(&mut client).await;
    assert_eq!(newest + 1 - lowest, RETENTION);

    for forgotten in [0, first.checkpoint(), lowest - 1] {
        assert_eq!(
            checkpoint(&mut client, forgotten).await,
            Err(Code::NotFound)
        );
        assert_eq!(
            list(&mut client, Some(forgotten)).await,
            Err(Code::NotFound)
        );
    }
    let remembered: Vec<u64> = (lowest..=newest).collect();
    for number in &remembered {
        assert_eq!(checkpoint(&mut client, *number).await, Ok(*number));
    }
    assert_eq!(list(&mut client, Some(lowest)).await.unwrap(), remembered);
    assert_eq!(list(&mut client, None).await.unwrap(), remembered);
    let mut lookup = proto::GetTransactionRequest::default();
    lookup.digest = first.digest.clone();
    let status = client.ledger_client().get_transaction(lookup).await;
    assert_eq!(status.unwrap_err().code(), Code::NotFound);
    // The gas coin as it was before the first payment is gone, too; as it is now it can be spent.
    let gas = first.effects().gas_object().object_id().to_owned();
    let mut lookup = proto::GetObjectRequest::default();
    lookup.object_id = Some(gas);
    lookup.version = first.effects().gas_object().input_version;
    let status = client.ledger_client().get_object(lookup).await;
    assert_eq!(status.unwrap_err().code(), Code::NotFound);
    assert_eq!(balance(&mut client, BOB).await, 1_000 + 20 * RETENTION);
    drop(client);
    chain.shutdown().await;

    // It is still the same chain after a restart, and goes on.
    let chain = Localnet::start(config()).await.unwrap();
    let mut client = Client::new(chain.rpc_url()).unwrap();
    assert_eq!(chain.chain_id(), id);
    assert_eq!(available(&mut client).await, (lowest, newest));
    pay_bob(&mut client, 1).await;
    assert_eq!(available(&mut client).await, (lowest + 1, newest + 1));
    drop(client);
    chain.shutdown().await;
}
