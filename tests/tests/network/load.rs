//! A node under more uploads at a time than it has memory for.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{fs, time::Duration};

use futures::{StreamExt as _, stream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use walrus_core::{NShards, SliverPair, SliverType, VerifiedMetadata, node_api::paths};
use walrus_encoder::Encoder;
use walrus_sui::{
    Wallet, WalrusContract,
    contract::{BlobToRegister, Persistence, StorageSource},
};
use walrus_tests::{TestNetwork, random_bytes};

const SHARDS: u16 = 7;
/// Fourteen slivers each, a thousand in all.
const BLOBS: u64 = 72;
const UPLOADS: usize = 1_008;
/// Bytes of a blob, nearly as many as seven shards can have: its slivers are 317 KiB and 190 KiB,
/// and all of them together 250 MiB.
const BLOB_BYTES: usize = 950 * 1024;
/// What the node may use for the bodies of uploads.
const UPLOAD_BYTES_MAX: usize = 16 << 20;
/// What a connection may take besides: its buffers, and what the kernel hands over at a time.
const CONNECTION_BYTES_MAX: usize = 96 << 10;
/// Pause before an upload that was refused is tried again.
const PAUSE: Duration = Duration::from_millis(50);

struct Blob {
    metadata: VerifiedMetadata,
    pairs: Vec<SliverPair>,
}

fn blobs() -> Vec<Blob> {
    let encoder = Encoder::new(NShards::new(SHARDS).unwrap()).unwrap();
    let encoded = (0..BLOBS).map(|seed| {
        let (pairs, metadata) = encoder.encode(&random_bytes(BLOB_BYTES, seed)).unwrap();
        Blob { metadata, pairs }
    });
    encoded.collect()
}

async fn register(network: &TestNetwork, blobs: &[Blob]) {
    let wallet = Wallet::load(network.state_dir().join("sui_client.yaml")).unwrap();
    let signer = wallet.active_signer().unwrap();
    let contract = WalrusContract::new(network.reader(), signer);
    let requests: Vec<_> = blobs
        .iter()
        .map(|blob| {
            let storage = StorageSource::Buy(2);
            BlobToRegister::new(&blob.metadata, Persistence::Permanent, storage)
        })
        .collect();
    let registered = contract.reserve_and_register(&requests).await.unwrap();
    assert_eq!(registered.len(), blobs.len());
}

/// The status of an answer; `None` if the connection broke.
async fn exchange(address: &str, method: &str, path: &str, body: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1)?.parse().ok()
}

/// Uploads until the node takes it. It may only say that it is busy.
async fn put(address: &str, path: &str, body: &[u8]) {
    loop {
        match exchange(address, "PUT", path, body).await {
            Some(200 | 201) => return,
            Some(503) | None => tokio::time::sleep(PAUSE).await,
            Some(status) => panic!("{path}: {status}"),
        }
    }
}

/// A number of `/proc/PID/status`, in KiB.
fn memory_kib(pid: u64, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Lets the node of a network use little memory for uploads.
fn limit(network: &TestNetwork) {
    assert!(network.localnet(&["node", "stop", "node-0"]).success);
    let config = network.state_dir().join("nodes/node-0/walrus-node.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let lines = text.lines().map(|line| match line.split_once(':') {
        Some((key, _)) if key.trim() == "max_upload_bytes" => {
            format!("{key}: {UPLOAD_BYTES_MAX}")
        }
        _ => line.to_owned(),
    });
    let changed = lines.collect::<Vec<_>>().join("\n") + "\n";
    assert_ne!(changed, text);
    fs::write(&config, changed).unwrap();
    let started = network.localnet(&["node", "start", "node-0"]);
    assert!(started.success, "{}", started.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_uploads_at_a_time_take_little_memory() {
    let network = TestNetwork::start(&["--nodes", "1", "--shards", "7"]);
    limit(&network);
    let status = network.localnet(&["status", "--json"]).json();
    let node = &status["nodes"][0];
    let pid = node["pid"].as_u64().unwrap();
    let address = node["url"].as_str().unwrap().replace("http://", "");
    let blobs = blobs();
    register(&network, &blobs).await;
    for Blob { metadata, .. } in &blobs {
        let body = bcs::to_bytes(metadata.metadata()).unwrap();
        put(&address, &paths::metadata(metadata.blob_id()), &body).await;
    }

    let mut uploads = Vec::new();
    for Blob { metadata, pairs } in &blobs {
        for pair in pairs {
            let path = |axis| paths::sliver(metadata.blob_id(), pair.index(), axis);
            let primary = bcs::to_bytes(&pair.primary).unwrap();
            let secondary = bcs::to_bytes(&pair.secondary).unwrap();
            uploads.push((path(SliverType::Primary), primary));
            uploads.push((path(SliverType::Secondary), secondary));
        }
    }
    assert_eq!(uploads.len(), UPLOADS);
    let bytes: usize = uploads.iter().map(|(_, body)| body.len()).sum();
    // The peak is forgotten.
    fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
    let before = memory_kib(pid, "VmRSS:");
    let address = &address;
    let uploading = stream::iter(&uploads).map(|(path, body)| put(address, path, body));
    uploading
        .buffer_unordered(UPLOADS)
        .collect::<Vec<()>>()
        .await;
    let growth_kib = memory_kib(pid, "VmHWM:").saturating_sub(before);
    println!("{bytes} bytes were uploaded; the node grew by {growth_kib} KiB");
    let growth = usize::try_from(growth_kib).unwrap() * 1024;
    assert!(growth < UPLOAD_BYTES_MAX + UPLOADS * CONNECTION_BYTES_MAX);
    assert!(growth < bytes / 2);

    for Blob { metadata, .. } in &blobs {
        let path = paths::permanent_confirmation(metadata.blob_id());
        let status = exchange(address, "GET", &path, &[]).await;
        assert_eq!(status, Some(200), "{path}");
    }
}
