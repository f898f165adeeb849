//! Handing shards to their new owners.

use std::{net::IpAddr, pin::pin};

use futures::StreamExt as _;
use reqwest::{Response, StatusCode};
use walrus_contracts::events::BlobCertified;
use walrus_core::{
    BlobId, Epoch, ShardIndex, Sliver, SliverIndex, SliverType,
    keys::ProtocolKeyPair,
    messages::{SignedMessage, SyncShardRequest, SyncShardResponse},
    node_api::{RecoverySymbolsQuery, SymbolFilter, paths},
};
use walrus_http::budget::Holder;
use walrus_node::storage::{SliverKey, SliverRead};

use crate::harness::{
    Persistence, TestBlob, TestNode, assert_refused, certified, client, object_id,
};

const IA: &str = "INVALID_ARGUMENT";
/// The shard that moves to the stranger in epoch 2.
const MOVED: u16 = 7;

/// The other member of the committee.
fn stranger() -> ProtocolKeyPair {
    ProtocolKeyPair::from_seed([9; 32])
}

fn request(shard: u16, from: BlobId, count: u64, epoch: Epoch) -> SyncShardRequest {
    SyncShardRequest::V1 {
        shard_index: ShardIndex(shard),
        sliver_type: SliverType::Secondary,
        starting_blob_id: from,
        sliver_count: count,
        epoch,
    }
}

fn signed(request: SyncShardRequest) -> SignedMessage<SyncShardRequest> {
    let SyncShardRequest::V1 { epoch, .. } = request;
    stranger().sign_message(epoch, request)
}

async fn send(
    test: &TestNode,
    caller: &ProtocolKeyPair,
    message: &SignedMessage<SyncShardRequest>,
) -> Response {
    test.client()
        .post(test.url(paths::SYNC_SHARD))
        .header("Authorization", caller.public().to_string())
        .body(bcs::to_bytes(message).unwrap())
        .send()
        .await
        .unwrap()
}

async fn slivers(response: Response) -> Vec<(BlobId, Sliver)> {
    assert_eq!(response.status(), StatusCode::OK);
    let length = response.content_length().unwrap();
    let bytes = response.bytes().await.unwrap();
    assert_eq!(u64::try_from(bytes.len()).unwrap(), length);
    let SyncShardResponse::V1(slivers) = bcs::from_bytes(&bytes).unwrap();
    slivers
}

/// A node in epoch 2 that has lost a shard, and the certified blobs it has of epoch 1, by blob ID.
async fn moved() -> (TestNode, Vec<TestBlob>) {
    let test = TestNode::start().await;
    let mut blobs: Vec<_> = (1..=5).map(|seed| TestBlob::new(seed, 3_000)).collect();
    blobs.sort_by_key(TestBlob::id);
    for blob in &blobs {
        test.store(blob, 10).await;
        let event = certified(blob.id(), blob.tag(), 10, Persistence::Permanent);
        test.chain.emit(vec![event]);
    }
    // Registered only, so nobody's to hand over.
    test.store(&TestBlob::new(6, 3_000), 10).await;
    test.chain.begin_epoch(2, &[0, 1, 2]);
    test.caught_up().await;
    (test, blobs)
}

#[tokio::test]
async fn slivers_come_in_the_order_of_blob_ids_from_a_bound() {
    let (test, blobs) = moved().await;
    let all = send(
        &test,
        &stranger(),
        &signed(request(MOVED, BlobId([0; 32]), 100, 2)),
    )
    .await;
    let all = slivers(all).await;
    assert_eq!(all.len(), blobs.len());
    for ((blob_id, sliver), blob) in all.iter().zip(&blobs) {
        assert_eq!(*blob_id, blob.id());
        let expected = &blob.pair(blob.pair_of(MOVED)).secondary;
        assert_eq!(*sliver, Sliver::from(expected.clone()));
    }
    let from = blobs[1].id();
    let part = send(&test, &stranger(), &signed(request(MOVED, from, 2, 2))).await;
    let ids: Vec<_> = slivers(part).await.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [blobs[1].id(), blobs[2].id()]);
    let end = send(
        &test,
        &stranger(),
        &signed(request(MOVED, BlobId([0xff; 32]), 2, 2)),
    )
    .await;
    assert!(slivers(end).await.is_empty());
}

#[tokio::test]
async fn certified_in_the_same_epoch_is_written_to_the_new_owner_not_handed_over() {
    let (test, blobs) = moved().await;
    let blob = TestBlob::new(7, 3_000);
    test.chain.register(blob.id(), blob.tag(), 10);
    test.put_metadata(&blob).await;
    let event = BlobCertified {
        epoch: 2,
        blob_id: blob.id(),
        end_epoch: 10,
        deletable: false,
        object_id: object_id(blob.tag()),
        is_extension: false,
    };
    test.chain.emit(vec![event.into()]);
    test.caught_up().await;
    let all = signed(request(MOVED, BlobId([0; 32]), 100, 2));
    let ids = slivers(send(&test, &stranger(), &all).await).await;
    assert_eq!(ids.len(), blobs.len());
}

#[tokio::test]
async fn requests_of_others_are_refused_in_the_documented_order() {
    let (test, _) = moved().await;
    let start = BlobId([0; 32]);
    let good = signed(request(MOVED, start, 10, 2));
    let outsider = ProtocolKeyPair::from_seed([77; 32]);
    // Not a member: whatever else is wrong.
    let response = send(&test, &outsider, &signed(request(MOVED, start, 10, 9))).await;
    assert_refused(response, 403, "PERMISSION_DENIED", "REQUEST_UNAUTHORIZED").await;
    // Signed by somebody else than the header says, or for another epoch than the request.
    let other = outsider.sign_message(2, request(MOVED, start, 10, 2));
    let older = stranger().sign_message(1, request(MOVED, start, 10, 2));
    for message in [other, older] {
        let response = send(&test, &stranger(), &message).await;
        assert_refused(response, 400, IA, "MESSAGE_VERIFICATION_FAILED").await;
    }
    // Another epoch: the numbers say who is behind.
    for epoch in [1, 3] {
        let response = send(&test, &stranger(), &signed(request(0, start, 10, epoch))).await;
        let text = response.text().await.unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let info = &value["error"]["details"][0];
        assert_eq!(info["reason"], "INVALID_EPOCH", "{text}");
        assert_eq!(info["metadata"]["request_epoch"], epoch);
        assert_eq!(info["metadata"]["server_epoch"], 2);
    }
    // A shard that is not the caller's, even if too much is asked for.
    let response = send(&test, &stranger(), &signed(request(0, start, u64::MAX, 2))).await;
    assert_refused(response, 403, "PERMISSION_DENIED", "REQUEST_UNAUTHORIZED").await;
    let response = send(
        &test,
        &stranger(),
        &signed(request(MOVED, start, 100_001, 2)),
    )
    .await;
    assert_refused(response, 400, IA, "SLIVER_COUNT_EXCEEDS_LIMIT").await;
    // The caller's shard, but never one of this node's.
    let response = send(&test, &stranger(), &signed(request(3, start, 10, 2))).await;
    assert_refused(response, 400, "FAILED_PRECONDITION", "SHARD_NOT_ASSIGNED").await;
    assert_eq!(
        slivers(send(&test, &stranger(), &good).await).await.len(),
        5
    );
}

#[tokio::test]
async fn headers_and_bodies_of_another_form() {
    let (test, _) = moved().await;
    let url = test.url(paths::SYNC_SHARD);
    let good = bcs::to_bytes(&signed(request(MOVED, BlobId([0; 32]), 10, 2))).unwrap();
    let key = stranger().public().to_string();
    let missing = client().post(&url).body(good.clone()).send().await.unwrap();
    assert_eq!(missing.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        missing.text().await.unwrap(),
        "Missing Authorization header"
    );
    for header in ["Bearer x", "AAAA", ""] {
        let post = client().post(&url).header("Authorization", header);
        let invalid = post.body(good.clone()).send().await.unwrap();
        assert_eq!(invalid.status(), StatusCode::BAD_REQUEST);
        assert_eq!(
            invalid.text().await.unwrap(),
            "Invalid Authorization header"
        );
    }
    let post = || client().post(&url).header("Authorization", &key);
    let typed = post().header("Content-Type", "application/json").body(good);
    for request in [
        typed,
        post().body(vec![1, 2, 3]),
        post().body(vec![0; 4 * 1024 + 1]),
    ] {
        let response = request.send().await.unwrap();
        assert_refused(response, 400, IA, "INVALID_CONTENT_TYPE").await;
    }
}

#[tokio::test]
async fn a_shard_being_sent_takes_of_the_share_of_whoever_takes_it() {
    /// Room for some slivers of the blobs below.
    const READ_BYTES_MAX: usize = 1 << 20;
    const BLOB: usize = 1_500_000;
    let test = TestNode::start_with(|config| {
        config.rest_server.max_read_bytes = READ_BYTES_MAX;
    })
    .await;
    for seed in 1..=4 {
        let blob = TestBlob::new(seed, BLOB);
        test.store(&blob, 10).await;
        let event = certified(blob.id(), blob.tag(), 10, Persistence::Permanent);
        test.chain.emit(vec![event]);
    }
    test.chain.begin_epoch(2, &[0, 1, 2]);
    test.caught_up().await;
    let service = test.node().service();
    let holder = |address: [u8; 4]| Holder {
        address: IpAddr::from(address).into(),
        connection: 1,
    };
    let message = signed(request(MOVED, BlobId([0; 32]), 100, 2));
    let caller = stranger().public();
    let part = service.sync_shard(&caller, &message, holder([10, 0, 0, 1]));
    let mut stream = pin!(part.await.unwrap().into_stream());
    // The head, and a sliver with what comes before it. The next one waits for this one to go.
    let mut taken = Vec::new();
    while taken.len() < 3 {
        taken.push(stream.next().await.unwrap().unwrap());
    }
    assert!(test.queue_size("read_bytes").await > 0);
    // It has taken its share, and not that of the node or of others.
    let blob = TestBlob::new(1, BLOB);
    let key = SliverKey {
        shard: ShardIndex(0),
        axis: SliverType::Primary,
        blob_id: blob.id(),
    };
    let storage = service.state().storage();
    let read = storage.read_sliver(key).await.unwrap();
    assert!(matches!(read, SliverRead::Found(_)));
    drop(read);
    let query = RecoverySymbolsQuery {
        filter: SymbolFilter::Target {
            axis: SliverType::Primary,
            index: SliverIndex(0),
        },
        proof_axis: None,
    };
    let symbols = service.recovery_symbols(blob.id(), query, holder([10, 0, 0, 2]));
    assert!(!symbols.await.unwrap().is_empty());
}
