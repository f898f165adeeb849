//! What one peer does to the node must not be felt by another. Attackers have an address of their
//! own.

use std::net::IpAddr;

use futures::future::join_all;
use reqwest::StatusCode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use walrus_core::{SliverType, node_api::paths};

use crate::{
    harness::{N_SHARDS, OWNED, TestBlob, TestNode, client, eventually, owned_slivers},
    raw::{ATTACKER, Http2, begin_upload, connect},
};

/// Its slivers are of some hundred kilobytes.
const LARGE_BLOB: usize = 1_500_000;

const PRIMARY: SliverType = SliverType::Primary;

/// A client with the attacker's address.
fn neighbour() -> reqwest::Client {
    client();
    reqwest::Client::builder()
        .no_proxy()
        .local_address(ATTACKER)
        .build()
        .unwrap()
}

/// Everything the node says on a connection until it ends.
async fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset ends it as well.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_peer_that_takes_no_answers_shuts_nobody_out_and_is_closed() {
    const STREAMS: usize = 900;
    let test = TestNode::start_with(|config| {
        config.rest_server.max_read_bytes = 16 << 20;
        config.rest_server.transfer_grace_millis = 3_000;
    })
    .await;
    let blob = TestBlob::new(1, LARGE_BLOB);
    test.store(&blob, 10).await;
    let addr = test.node().addr();
    let mut attacker = Http2::connect(ATTACKER, addr, 0).await.unwrap();
    let path = paths::sliver(&blob.id(), blob.pair_of(OWNED[0]), PRIMARY);
    for _ in 0..STREAMS {
        attacker.get(&path).await.unwrap();
    }
    // It gets a third of the memory, and holds on to it.
    eventually(|| async { test.queue_size("read_bytes").await > (16 << 20) / 4 }).await;
    test.assert_serves(&blob).await;
    let same_address = neighbour().get(test.url(&path)).send().await.unwrap();
    assert_eq!(same_address.status(), StatusCode::OK);
    assert_eq!(
        same_address.bytes().await.unwrap(),
        blob.sliver_body(blob.pair_of(OWNED[0]), PRIMARY)
    );
    // It answers every ping, and is closed all the same.
    attacker.stay().await;
    eventually(|| async { test.queue_size("read_bytes").await == 0 }).await;
    let closed = r#"walrus_http_connections_closed_total{name="slow_peer"}"#;
    assert_eq!(test.metric(closed).await, 1);
    eventually(|| async { test.metric("http_server_active_requests").await == 0 }).await;
}

#[tokio::test]
async fn uploads_without_bodies_take_no_memory() {
    const UPLOADS: usize = 64;
    let test = TestNode::start_with(|config| {
        config.rest_server.max_upload_bytes = 4 << 20;
    })
    .await;
    let (blob, target) = (TestBlob::new(1, LARGE_BLOB), TestBlob::new(2, LARGE_BLOB));
    test.chain.register(target.id(), target.tag(), 10);
    test.caught_up().await;
    assert_eq!(
        test.put_metadata(&target).await.status(),
        StatusCode::CREATED
    );
    let addr = test.node().addr();
    let path = paths::sliver(&target.id(), target.pair_of(OWNED[0]), PRIMARY);
    let begin = || begin_upload(ATTACKER, addr, &path, 400_000);
    let mut uploads = join_all((0..UPLOADS).map(|_| begin())).await;
    eventually(|| async { test.metric("http_server_active_requests").await == 64 }).await;
    assert_eq!(test.queue_size("upload_bytes").await, 0);
    // With their first byte they take their share, and no more.
    for upload in &mut uploads {
        upload.write_all(b"x").await.unwrap();
    }
    eventually(|| async { test.queue_size("upload_bytes").await > 0 }).await;
    test.store(&blob, 10).await;
    test.assert_serves(&blob).await;
    assert!(test.queue_size("upload_bytes").await <= 2 << 20);
    // Gone peers hold nothing.
    drop(uploads);
    eventually(|| async { test.queue_size("upload_bytes").await == 0 }).await;
    eventually(|| async { test.metric("http_server_active_requests").await == 0 }).await;
}

#[tokio::test]
async fn hopeless_uploads_are_refused_before_their_bodies() {
    let test = TestNode::start().await;
    let (blob, unknown) = (TestBlob::new(1, LARGE_BLOB), TestBlob::new(2, LARGE_BLOB));
    test.store(&blob, 10).await;
    let addr = test.node().addr();
    let foreign_shard = (0..N_SHARDS).find(|shard| !OWNED.contains(shard)).unwrap();
    for (path, reason) in [
        (
            paths::sliver(&blob.id(), blob.pair_of(foreign_shard), PRIMARY),
            "SHARD_NOT_ASSIGNED",
        ),
        (
            paths::sliver(&blob.id(), walrus_core::SliverPairIndex(10), PRIMARY),
            "INDEX_OUT_OF_RANGE",
        ),
        (
            paths::sliver(&unknown.id(), unknown.pair_of(OWNED[0]), PRIMARY),
            "NOT_REGISTERED",
        ),
        (
            paths::sliver(&blob.id(), blob.pair_of(OWNED[0]), PRIMARY),
            "sliver already stored",
        ),
        // Metadata for ten shards has less than a kilobyte.
        (paths::metadata(&unknown.id()), "larger than the limit"),
    ] {
        let stream = begin_upload(ATTACKER, addr, &path, (2 << 20) - 1).await;
        let answer = answer(stream).await;
        assert!(answer.contains(reason), "{path}: {answer}");
    }
}

#[tokio::test]
async fn bodies_that_never_begin_or_drip_are_given_up() {
    let test = TestNode::start_with(|config| {
        config.rest_server.transfer_grace_millis = 500;
    })
    .await;
    let blob = TestBlob::new(1, 5_000);
    test.chain.register(blob.id(), blob.tag(), 10);
    test.caught_up().await;
    let addr = test.node().addr();
    let path = paths::metadata(&blob.id());
    let length = blob.metadata_body().len();
    let silent = answer(begin_upload(ATTACKER, addr, &path, length).await).await;
    assert!(silent.contains("took too long"), "{silent}");
    let mut dripping = begin_upload(ATTACKER, addr, &path, length).await;
    // Ends when the node has closed the connection.
    while dripping.write_all(b"x").await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    test.upload(&blob).await;
}

/// Idle HTTP/2 connections, and tasks that keep them alive.
async fn idle_connections(
    test: &TestNode,
    from: IpAddr,
    count: usize,
) -> Vec<tokio::task::JoinHandle<()>> {
    let addr = test.node().addr();
    let mut tasks = Vec::new();
    for _ in 0..count {
        let connection = Http2::connect(from, addr, 65_535).await.unwrap();
        tasks.push(tokio::spawn(connection.stay()));
    }
    tasks
}

#[tokio::test]
async fn idle_connections_make_room_and_end() {
    let test = TestNode::start_with(|config| {
        config.rest_server.max_connections = 32;
        config.rest_server.idle_connection_timeout_secs = 2;
    })
    .await;
    let mut tasks = idle_connections(&test, ATTACKER, 80).await;
    assert!(test.metric("http_server_active_connections").await <= 17);
    // Others still find room, also when many addresses together take everything.
    for last in 3..40 {
        tasks.extend(idle_connections(&test, [127, 0, 0, last].into(), 1).await);
    }
    let response = client().get(test.url("/v1/health")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(test.metric("http_server_active_connections").await <= 32);
    // All are closed in the end, however well they answer pings.
    join_all(tasks).await;
    let evicted = r#"walrus_http_connections_closed_total{name="evicted"}"#;
    let idle = r#"walrus_http_connections_closed_total{name="idle"}"#;
    assert!(test.metric(evicted).await >= 64);
    assert!(test.metric(idle).await > 0);
}

#[tokio::test]
async fn silent_connections_do_not_keep_others_out() {
    let test = TestNode::start_with(|config| config.rest_server.max_connections = 64).await;
    let addr = test.node().addr();
    let silent = join_all((0..500).map(|_| connect(ATTACKER, addr))).await;
    let response = client().get(test.url("/v1/health")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    drop(silent);
}

#[tokio::test]
async fn requests_that_are_reset_at_once_leave_nothing() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, LARGE_BLOB);
    test.store(&blob, 10).await;
    let path = paths::sliver(&blob.id(), blob.pair_of(OWNED[0]), PRIMARY);
    let mut sent = 0;
    while sent < 10_000 {
        let mut attacker = Http2::connect(ATTACKER, test.node().addr(), 0)
            .await
            .unwrap();
        // The node closes connections that do little else.
        while sent < 10_000 && attacker.get(&path).await.is_ok() {
            sent += 1;
            if attacker.reset().await.is_err() {
                break;
            }
        }
    }
    test.assert_serves(&blob).await;
    eventually(|| async { test.metric("http_server_active_requests").await == 0 }).await;
    eventually(|| async { test.queue_size("read_bytes").await == 0 }).await;
}

#[tokio::test]
async fn a_client_that_asks_for_everything_at_once_gets_it() {
    let test = TestNode::start_with(|config| config.rest_server.max_read_bytes = 2 << 20).await;
    let blob = TestBlob::new(1, LARGE_BLOB);
    test.store(&blob, 10).await;
    let reads = (0..4).flat_map(|_| owned_slivers()).map(|(shard, axis)| {
        let (test, blob) = (&test, &blob);
        async move {
            let response = test.get_sliver(blob, shard, axis).await;
            assert_eq!(response.status(), StatusCode::OK);
            response.bytes().await.unwrap()
        }
    });
    assert_eq!(join_all(reads).await.len(), 4 * owned_slivers().count());
}
