//! Columns of many small blobs at once: what nodes that complete shards ask each other for.

use reqwest::{Response, StatusCode, header::RETRY_AFTER};
use walrus_core::{
    BlobId, ShardIndex,
    node_api::{COLUMNS_BYTES_MAX, COLUMNS_MAX, ColumnsRequest, ColumnsResponse, paths},
};
use walrus_faults::Lie;

use crate::{
    cluster::{Assignment, Cluster},
    harness::{OWNED, TestBlob, TestNode, assert_refused},
    healing::FOUR,
};

const IA: &str = "INVALID_ARGUMENT";

/// The first node is gone; its shards are those of others.
const GONE: Assignment<'_> = &[&[], &[3, 4, 5, 2], &[6, 7, 0], &[8, 9, 1]];

/// How paths end that give the symbols of single blobs.
const OF_SINGLE_BLOBS: [&str; 2] = ["/decodingSymbols", "/recoverySymbols"];

async fn ask(test: &TestNode, shards: &[u16], blob_ids: &[BlobId]) -> Response {
    let request = ColumnsRequest {
        shards: shards.iter().copied().map(ShardIndex).collect(),
        blob_ids: blob_ids.to_vec(),
    };
    send(test, bcs::to_bytes(&request).unwrap()).await
}

async fn send(test: &TestNode, body: Vec<u8>) -> Response {
    let post = test.client().post(test.url(paths::COLUMNS)).body(body);
    post.send().await.unwrap()
}

async fn columns(response: Response) -> ColumnsResponse {
    assert_eq!(response.status(), StatusCode::OK);
    bcs::from_bytes(&response.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_here_comes_in_the_order_of_the_request() {
    let test = TestNode::start().await;
    let blobs: Vec<_> = (1..=3).map(|seed| TestBlob::new(seed, 2_000)).collect();
    for blob in &blobs {
        test.store(blob, 10).await;
    }
    let unknown = TestBlob::new(9, 2_000).id();
    let large = TestBlob::new(4, 1_500_000);
    test.store(&large, 10).await;
    // Shard 3 is another node's.
    let asked = [blobs[2].id(), unknown, blobs[0].id(), large.id()];
    let answer = columns(ask(&test, &[3, 7, 0], &asked).await).await;
    let of = |blob: &TestBlob| {
        let column = |shard: u16| {
            (
                ShardIndex(shard),
                blob.pair(blob.pair_of(shard)).secondary.clone(),
            )
        };
        vec![column(7), column(0)]
    };
    let nothing = Vec::new;
    assert_eq!(answer, [of(&blobs[2]), nothing(), of(&blobs[0]), nothing()]);
    assert_eq!(columns(ask(&test, &[], &[]).await).await.len(), 0);
}

#[tokio::test]
async fn answers_and_requests_are_bounded() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 400_000);
    test.store(&blob, 10).await;
    let asked = vec![blob.id(); 100];
    let answer = ask(&test, OWNED, &asked).await;
    assert!(
        answer.content_length().unwrap() <= u64::try_from(COLUMNS_BYTES_MAX + 64 * 1024).unwrap()
    );
    let answer = columns(answer).await;
    assert!((2..asked.len()).contains(&answer.len()));
    assert!(answer.iter().all(|columns| columns.len() == OWNED.len()));

    let many = vec![0; COLUMNS_MAX / 2 + 1];
    let response = ask(&test, &many, &asked[..2]).await;
    assert_refused(response, 400, IA, "SLIVER_COUNT_EXCEEDS_LIMIT").await;
    for body in [vec![0xff; 10], vec![0; 100_000], Vec::new()] {
        let response = send(&test, body).await;
        assert_refused(response, 400, IA, "INVALID_CONTENT_TYPE").await;
    }
}

#[tokio::test]
async fn a_node_that_is_busy_says_when_to_come_again() {
    let test = TestNode::start_with(|config| {
        let rest = &mut config.rest_server;
        rest.experimental_max_active_recovery_symbols_requests = Some(0);
    })
    .await;
    let response = ask(&test, OWNED, &[BlobId([1; 32])]).await;
    assert!(response.headers().contains_key(RETRY_AFTER));
    assert_refused(response, 503, "UNAVAILABLE", "UNAVAILABLE").await;
}

async fn filled(assignment: Assignment<'_>, blobs: u32) -> (Cluster, Vec<TestBlob>) {
    let cluster = Cluster::start_with_fronts(assignment).await;
    let blobs: Vec<_> = (0..blobs).map(TestBlob::numbered).collect();
    for blob in &blobs {
        cluster.store(blob).await;
    }
    cluster.attested(1, assignment.len()).await;
    (cluster, blobs)
}

fn hide(cluster: &Cluster, ends: &[&'static str]) {
    for node in 0..cluster.nodes.len() {
        for end in ends {
            cluster.front(node).hide(end);
        }
    }
}

#[tokio::test]
async fn shards_come_back_through_columns_alone() {
    let (mut cluster, blobs) = filled(FOUR, 30).await;
    hide(&cluster, &OF_SINGLE_BLOBS);
    cluster.stop(0).await;
    cluster.begin_epoch(2, GONE);
    cluster.attested(2, 3).await;
    cluster.ends_well(&[1, 2, 3], &blobs).await;
    for node in 1..=3 {
        let metrics = cluster.node(node).service().metrics().clone();
        // The three shards had two slivers of each blob.
        assert!(metrics.recovered_slivers.get() >= 2 * 30);
    }
}

#[tokio::test]
async fn nodes_that_do_not_know_the_request_help_as_before() {
    let (mut cluster, blobs) = filled(FOUR, 20).await;
    // The others do not have enough without those.
    cluster.front(1).hide(paths::COLUMNS);
    cluster.front(2).hide(paths::COLUMNS);
    cluster.stop(0).await;
    cluster.begin_epoch(2, GONE);
    cluster.attested(2, 3).await;
    cluster.ends_well(&[1, 2, 3], &blobs).await;
}

#[tokio::test]
async fn who_sends_wrong_columns_is_left_out() {
    // Without the liar there are just enough.
    let assignment: Assignment<'_> = &[&[0, 1], &[2, 3], &[4, 5], &[6, 7], &[8], &[9]];
    let (mut cluster, blobs) = filled(assignment, 20).await;
    hide(&cluster, &OF_SINGLE_BLOBS);
    cluster.stop(5).await;
    cluster.front(0).tell(Lie::WrongSymbols);
    cluster.begin_epoch(2, assignment);
    cluster.attested(2, 5).await;
    cluster.start_empty(5).await;
    cluster.attested(2, 6).await;
    cluster.ends_well(&[1, 2, 3, 4, 5], &blobs).await;
    assert!(cluster.front(0).lies_told() > 0);
}
