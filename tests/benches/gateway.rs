//! `scripts/bench gateway`: how fast blobs are read and stored over HTTP, on a local network of
//! this machine. `--small` sees only that everything runs.
//!
//! Baselines are the promises of the gateway, or `walrus read` in the same run. A ratio above 1 is
//! better than the baseline.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot run ends; its numbers are for people to read"
)]

use std::{
    fs,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Method, StatusCode};
use serde_json::Value;
use walrus_tests::{
    TestNetwork,
    gateway::RunningGateway,
    measurements::{amount, print, rate},
    random_bytes, text,
};

const MIB: usize = 1 << 20;
/// Requests for a hot blob at a time.
const WARM_AT_ONCE: usize = 16;
/// Quilts at a time.
const QUILTS_AT_ONCE: usize = 8;

/// How much is measured.
struct Sizes {
    /// Enough for the large blob, and for the files of a quilt.
    shards: &'static str,
    large_bytes: usize,
    /// Requests for a hot blob.
    warm_requests: usize,
    /// Blobs of 1 MiB, all at the same time.
    stores: u64,
    /// Small files, and how many go into one quilt.
    files: usize,
    files_per_quilt: usize,
}

/// What numbers are published of.
const FULL: Sizes = Sizes {
    shards: "301",
    large_bytes: 1 << 30,
    warm_requests: 4_000,
    stores: 64,
    files: 10_000,
    files_per_quilt: 200,
};

/// Enough to see that everything runs (`--small`).
const SMALL: Sizes = Sizes {
    shards: "40",
    large_bytes: 8 * MIB,
    warm_requests: 100,
    stores: 8,
    files: 60,
    files_per_quilt: 20,
};

/// Requests per second for a hot blob of 1 MiB, unless a gigabyte per second is reached first.
const WARM_PROMISE: f64 = 1_000_000_000.0 / MIB as f64;
/// A cold read may take this much longer than `walrus read`.
const COLD_PROMISE: f64 = 1.3;
/// Share of the whole time after which the first byte arrives.
const FIRST_BYTE_PROMISE: f64 = 0.05;
/// Memory of the process.
const MEMORY_PROMISE_MIB: f64 = 300.0;
const FILES_PROMISE: f64 = 300.0;

fn main() {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let sizes = if has("--small") { SMALL } else { FULL };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let measurements = runtime.block_on(measure(&sizes));
    print(&measurements);
}

async fn measure(sizes: &Sizes) -> Vec<Value> {
    let network = TestNetwork::start(&["--nodes", "4", "--shards", sizes.shards]);
    let mut measurements = read(&network, sizes).await;
    measurements.extend(store(&network, sizes).await);
    measurements
}

async fn read(network: &TestNetwork, sizes: &Sizes) -> Vec<Value> {
    let length = sizes.large_bytes;
    let hot = network.store(&network.random_file(MIB, 1));
    let large = network.store(&network.random_file(length, 2));
    let started = Instant::now();
    assert_eq!(network.read(&large).len(), length);
    let by_command = started.elapsed();

    let gateway = RunningGateway::start(network, &["aggregator", "--max-memory", "256MiB"]);
    let (first, whole) = gateway
        .timed_get(&format!("/v1/blobs/{large}"), length)
        .await;
    let memory = gateway.peak_memory_bytes() as f64 / MIB as f64;
    let path = format!("/v1/blobs/{hot}");
    assert_eq!(gateway.get(&path).await.body().len(), MIB);
    let started = Instant::now();
    let requests = stream::iter(0..sizes.warm_requests).map(|_| gateway.get(&path));
    let mut answers = requests.buffer_unordered(WARM_AT_ONCE);
    while let Some(answer) = answers.next().await {
        assert_eq!(answer.body().len(), MIB);
    }
    let warm = sizes.warm_requests as f64 / started.elapsed().as_secs_f64();
    let share = |part: Duration| part.as_secs_f64() / whole.as_secs_f64();
    vec![
        rate("warm reads of 1 MiB", warm, "requests/s", WARM_PROMISE),
        rate("the same", warm * MIB as f64 / 1e9, "GB/s", 1.0),
        amount(
            &format!("cold read of {} MiB, {} shards", length / MIB, sizes.shards),
            whole.as_secs_f64(),
            "s",
            by_command.as_secs_f64() * COLD_PROMISE,
        ),
        amount(
            "first byte of it, share of the whole",
            share(first),
            "",
            FIRST_BYTE_PROMISE,
        ),
        amount(
            "peak memory of the aggregator",
            memory,
            "MiB",
            MEMORY_PROMISE_MIB,
        ),
    ]
}

async fn store(network: &TestNetwork, sizes: &Sizes) -> Vec<Value> {
    let folder = network.folder().join("sub-wallets");
    fs::create_dir(&folder).unwrap();
    let arguments = [
        "publisher",
        "--sub-wallets-dir",
        text(&folder),
        "--publisher-max-buffer-size",
        "64",
    ];
    let gateway = RunningGateway::start(network, &arguments);
    let started = Instant::now();
    let at_once = usize::try_from(sizes.stores).unwrap();
    let mut stores = stream::iter(0..sizes.stores)
        .map(|seed| put(&gateway, "/v1/blobs", "", random_bytes(MIB, 100 + seed)))
        .buffer_unordered(at_once);
    while stores.next().await.is_some() {}
    let stores_per_s = sizes.stores as f64 / started.elapsed().as_secs_f64();

    let started = Instant::now();
    let type_ = "multipart/form-data; boundary=x";
    let mut quilts = stream::iter(0..sizes.files / sizes.files_per_quilt)
        .map(|quilt| form(quilt, sizes.files_per_quilt))
        .map(|body| put(&gateway, "/v1/quilts", type_, body))
        .buffer_unordered(QUILTS_AT_ONCE);
    while quilts.next().await.is_some() {}
    let files = sizes.files as f64 / started.elapsed().as_secs_f64();
    vec![
        rate(
            &format!("stores of 1 MiB, {at_once} at a time, none failed"),
            stores_per_s,
            "blobs/s",
            f64::NAN,
        ),
        rate(
            "small files as quilts, until certified",
            files,
            "files/s",
            FILES_PROMISE,
        ),
    ]
}

async fn put(gateway: &RunningGateway, path: &str, type_: &str, body: Vec<u8>) {
    let headers = [("content-type", type_)];
    let headers = if type_.is_empty() {
        &[][..]
    } else {
        &headers[..]
    };
    let answer = gateway
        .send(Method::PUT, path, headers, Bytes::from(body))
        .await;
    assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
}

/// Small files of different content.
fn form(quilt: usize, files: usize) -> Vec<u8> {
    let field = |file: usize| {
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"{file}\"; filename=\"f\"\r\n\r\nfile {file} of quilt {quilt}\r\n"
        )
    };
    let fields: String = (0..files).map(field).collect();
    (fields + "--x--\r\n").into_bytes()
}
