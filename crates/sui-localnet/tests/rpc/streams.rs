//! Following the chain: the SDK's own streams check order, gaps and watermarks while they read.

use std::{pin::pin, time::Duration};

use futures::{Stream, StreamExt, TryStreamExt};
use sui_localnet::{Localnet, LocalnetConfig};
use sui_rpc::{
    Client,
    client::{
        CheckpointStreamRequest, CheckpointStreamStart, TransactionStreamRequest,
        TransactionStreamStart,
    },
    proto::sui::rpc::{
        v2 as proto,
        v2::{QueryEndReason, filter::transaction as by},
    },
};

use crate::common::*;

async fn next<T>(stream: &mut (impl Stream<Item = Result<T, tonic::Status>> + Unpin)) -> T {
    tokio::time::timeout(WAIT, stream.next())
        .await
        .expect("a frame in time")
        .expect("an open stream")
        .expect("no error")
}

#[tokio::test]
async fn an_idle_chain_shows_life_to_its_followers() {
    let chain = Localnet::start(LocalnetConfig {
        heartbeat: Some(Duration::from_millis(20)),
        ..config()
    })
    .await
    .unwrap();
    let mut client = Client::new(chain.rpc_url()).unwrap();
    let mut request = proto::SubscribeCheckpointsRequest::default();
    request.read_mask = Some(mask("sequence_number,summary.timestamp"));
    let response = client
        .subscription_client()
        .subscribe_checkpoints(request)
        .await
        .unwrap();
    let mut stream = response.into_inner();
    let first = next(&mut stream).await;
    for expected in first.cursor() + 1..first.cursor() + 5 {
        let frame = next(&mut stream).await;
        assert_eq!(frame.cursor(), expected);
        assert_eq!(frame.checkpoint().sequence_number(), expected);
        assert!(frame.checkpoint().summary().timestamp.is_some());
    }
    chain.shutdown().await;
}

#[tokio::test]
async fn checkpoints_from_genesis_run_into_the_live_ones() {
    let (chain, mut client) = start().await;
    pay_bob(&mut client, 1).await;
    let mut request = CheckpointStreamRequest::default();
    request.read_mask = Some(mask("sequence_number,digest,summary.previous_digest"));
    request.start = CheckpointStreamStart::Checkpoint(0);
    let mut stream = pin!(client.stream_checkpoints(request));
    let mut previous: Option<String> = None;
    let mut count = 0;
    while count < 4 {
        if count == 2 {
            // The stream has to cross from history to what is sealed from now on.
            pay_bob(&mut client.clone(), 2).await;
            pay_bob(&mut client.clone(), 3).await;
        }
        let frame = next(&mut stream).await;
        let Some(checkpoint) = frame.checkpoint else {
            continue;
        };
        assert_eq!(checkpoint.sequence_number(), count);
        if let Some(previous) = &previous {
            assert_eq!(checkpoint.summary().previous_digest(), previous);
        }
        previous = checkpoint.digest;
        count += 1;
    }
    chain.shutdown().await;
}

#[tokio::test]
async fn filtered_transactions_are_followed_without_gaps() {
    let (chain, mut client) = start().await;
    let alice_address = address_of(&alice());
    let mut sent = vec![pay_bob(&mut client, 1).await.digest().to_owned()];
    let mut request = TransactionStreamRequest::default();
    request.read_mask = Some(mask("digest,checkpoint,transaction_index"));
    request.filter = Some(proto::TransactionFilter::matching(by::sender(
        alice_address,
    )));
    request.start = TransactionStreamStart::Checkpoint(0);
    let mut stream = pin!(client.stream_transactions(request));
    let mut seen = Vec::new();
    while seen.len() < 3 {
        if seen.len() == 1 && sent.len() == 1 {
            sent.push(pay_bob(&mut client.clone(), 2).await.digest().to_owned());
            sent.push(pay_bob(&mut client.clone(), 3).await.digest().to_owned());
        }
        if let Some(transaction) = next(&mut stream).await.transaction {
            seen.push(transaction.digest().to_owned());
        }
    }
    assert_eq!(seen, sent);
    chain.shutdown().await;
}

#[tokio::test]
async fn lists_end_for_the_reason_they_give() {
    let (chain, mut client) = start().await;
    for amount in 1..=3 {
        pay_bob(&mut client, amount).await;
    }
    let mut request = proto::ListTransactionsRequest::default();
    request.read_mask = Some(mask("digest,checkpoint,transaction_index"));
    request.filter = Some(proto::TransactionFilter::matching(by::affected_address(
        BOB,
    )));
    let mut options = proto::QueryOptions::default();
    options.limit = Some(2);
    request.options = Some(options);
    let frames: Vec<proto::ListTransactionsResponse> = client
        .ledger_client()
        .list_transactions(request.clone())
        .await
        .unwrap()
        .into_inner()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1].end().reason(), QueryEndReason::ItemLimit);
    assert!(
        frames
            .iter()
            .all(|frame| frame.watermark.is_some() && frame.transaction.is_some())
    );

    // The SDK follows the pages by itself.
    let all: Vec<proto::ListTransactionsResponse> = client
        .list_transactions(request)
        .try_collect()
        .await
        .unwrap();
    let items = all
        .iter()
        .filter(|frame| frame.transaction.is_some())
        .count();
    assert_eq!(items, 3);

    let mut newest = proto::ListCheckpointsRequest::default();
    let mut options = proto::QueryOptions::default();
    options.set_ordering(proto::Ordering::Descending);
    options.limit = Some(1);
    newest.options = Some(options);
    let frames: Vec<proto::ListCheckpointsResponse> = client
        .ledger_client()
        .list_checkpoints(newest)
        .await
        .unwrap()
        .into_inner()
        .try_collect()
        .await
        .unwrap();
    assert!(frames[0].checkpoint().sequence_number() >= 3);

    let events: Vec<proto::ListEventsResponse> = client
        .ledger_client()
        .list_events(proto::ListEventsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        events.last().unwrap().end().reason(),
        QueryEndReason::LedgerTip
    );
    chain.shutdown().await;
}

#[tokio::test]
async fn bad_filters_and_cursors_are_refused() {
    let (chain, mut client) = start().await;
    let mut request = proto::ListTransactionsRequest::default();
    request.filter = Some(proto::TransactionFilter::default());
    let status = client
        .ledger_client()
        .list_transactions(request)
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    let mut request = proto::ListTransactionsRequest::default();
    let mut options = proto::QueryOptions::default();
    options.after = Some(vec![1, 2, 3].into());
    request.options = Some(options);
    let status = client
        .ledger_client()
        .list_transactions(request)
        .await
        .unwrap_err();
    assert_eq!(status.message(), "invalid options.after");
    chain.shutdown().await;
}

#[tokio::test]
async fn subscriptions_end_when_the_chain_stops() {
    let (chain, mut client) = start().await;
    let response = client
        .subscription_client()
        .subscribe_transactions(proto::SubscribeTransactionsRequest::default())
        .await
        .unwrap();
    let mut stream = response.into_inner();
    let first = next(&mut stream).await;
    assert!(first.transaction.is_none() && first.watermark().checkpoint.is_some());
    chain.shutdown().await;
    // Whatever was on its way may still arrive; then the stream ends.
    let drained = tokio::time::timeout(WAIT, async { while stream.next().await.is_some() {} });
    drained.await.unwrap();
}
