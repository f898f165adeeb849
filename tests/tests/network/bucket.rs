//! One node of four keeps its slivers in a bucket; whoever stores and reads cannot tell.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::{net::TcpListener, runtime::Runtime};
use walrus_node::config::{BucketConfig, SecretSource, StorageConfig};
use walrus_tests::TestNetwork;

/// Only ends broken tests.
const PATIENCE: Duration = Duration::from_secs(300);

/// Large enough that slivers do not stay in the index.
const BLOB_BYTES: usize = 1_500_000;

const PREFIX: &str = "node";

const NAME: &str = "slivers";
const KEY_ID: &str = "test-key";
const SECRET: &str = "test-secret";

/// Serves the buckets in `folder` until the runtime ends; returns the port.
async fn serve(folder: &Path) -> u16 {
    let mut builder = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
    let service = builder.build().into_shared();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let builder = auto::Builder::new(TokioExecutor::new());
                let served = builder.serve_connection(TokioIo::new(stream), service);
                // What goes wrong here the node sees.
                let _ = served.await;
            });
        }
    });
    port
}

/// What a node has to know of the bucket; nothing is cached.
fn section(folder: &Path, port: u16) -> StorageConfig {
    let secret = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        SecretSource::File { path }
    };
    let bucket = BucketConfig {
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        region: "us-east-1".to_owned(),
        name: NAME.to_owned(),
        prefix: PREFIX.to_owned(),
        virtual_hosted_style: false,
        access_key_id: secret("id", KEY_ID),
        secret_access_key: secret("secret", SECRET),
        cache_bytes: 0,
        write_ahead_bytes: 1 << 30,
    };
    StorageConfig {
        bucket: Some(bucket),
    }
}

fn wait_until(what: &str, network: &TestNetwork, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "never: {what}\n{}",
            network.logs()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn node(network: &TestNetwork, action: &str, name: &str) {
    let outcome = network.localnet(&["node", action, name]);
    assert!(outcome.success, "{}", outcome.stderr);
}

fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| if path.is_dir() { files_below(&path) } else { 1 })
        .sum()
}

#[test]
fn a_node_with_a_bucket_is_as_good_as_the_others() {
    let runtime = Runtime::new().unwrap();
    let network = TestNetwork::start(&["--nodes", "4", "--shards", "10"]);
    let mut nodes = network.nodes();
    nodes.sort_by_key(|(_, shards)| std::cmp::Reverse(*shards));
    let names: Vec<String> = nodes.into_iter().map(|(name, _)| name).collect();
    let with_bucket = &names[0];
    let folder = network.state_dir().join("nodes").join(with_bucket);

    // What is stored before there is a bucket moves there, too.
    let early = network.random_file(BLOB_BYTES, 1);
    let mut blobs = vec![(network.store(&early), early)];
    node(&network, "stop", with_bucket);
    let buckets = network.folder().join("buckets");
    let objects = buckets.join(NAME).join(PREFIX).join("slivers");
    fs::create_dir_all(buckets.join(NAME)).unwrap();
    let port = runtime.block_on(serve(&buckets));
    let section = section(network.folder(), port);
    let config_path = folder.join("walrus-node.yaml");
    let config = fs::read_to_string(&config_path).unwrap();
    let mut config: serde_json::Value = serde_saphyr::from_str(&config).unwrap();
    config["storage"] = serde_json::to_value(section).unwrap();
    fs::write(&config_path, config.to_string()).unwrap();
    node(&network, "start", with_bucket);
    let late = network.random_file(BLOB_BYTES, 2);
    blobs.push((network.store(&late), late));
    let slivers = folder.join("storage/slivers");
    wait_until("slivers are in the bucket", &network, || {
        // Two of each shard of each blob.
        files_below(&objects) >= 2 * 2 * 3 && files_below(&slivers) == 0
    });

    // Without two others no blob can be read but with its slivers; after a restart, too.
    for other in &names[2..] {
        node(&network, "stop", other);
    }
    for _ in 0..2 {
        for (blob_id, file) in &blobs {
            assert!(
                network.read(blob_id) == fs::read(file).unwrap(),
                "{blob_id}"
            );
        }
        node(&network, "stop", with_bucket);
        node(&network, "start", with_bucket);
    }
}
