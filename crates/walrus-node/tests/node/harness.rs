//! A node on a free port, a scripted chain, and blobs to store.

// Benchmarks have this file by its path, too, and then these are not looked for here.
#[path = "harness/blob.rs"]
mod blob;
#[path = "harness/bucket.rs"]
mod bucket;
#[path = "harness/chain.rs"]
mod chain;

use std::{path::Path, sync::Arc, time::Duration};

use reqwest::{Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use walrus_core::{
    Epoch, Frost, NShards, ObjectId, ShardIndex, SliverType,
    keys::{NetworkKeyPair, ProtocolKeyPair},
    node_api::paths,
};
use walrus_node::{
    NodeConfig, RunningNode, StartError, StorageNode,
    chain::{Committee, CommitteeMember},
};

pub(crate) use blob::TestBlob;
#[allow(unused_imports, reason = "benchmarks need less than tests")]
pub(crate) use bucket::{Mood, TestBucket};
#[allow(unused_imports, reason = "benchmarks need less than tests")]
pub(crate) use chain::{
    EventBlobContract, NodeChain, Persistence, ScriptedChain, certified, event_id, object_id,
    registered,
};

pub(crate) const N_SHARDS: u16 = 10;

/// Epochs for which storage can be bought.
pub(crate) const MAX_EPOCHS_AHEAD: Epoch = 10;

/// Duration of an epoch.
pub(crate) const EPOCH_MS: u64 = 1_000_000;

/// Shards of the node under test in the first epoch; the others belong to a stranger.
pub(crate) const OWNED: &[u16] = &[0, 1, 2, 7];

pub(crate) fn n_shards() -> NShards {
    NShards::new(N_SHARDS).unwrap()
}

pub(crate) fn protocol_key() -> ProtocolKeyPair {
    ProtocolKeyPair::from_seed([1; 32])
}

pub(crate) fn network_key() -> NetworkKeyPair {
    NetworkKeyPair::from_seed([2; 32])
}

pub(crate) fn committee(epoch: Epoch, owned: &[u16]) -> Committee {
    committee_with_key(epoch, owned, &protocol_key())
}

/// A committee that knows the node under test by `key`.
fn committee_with_key(epoch: Epoch, owned: &[u16], key: &ProtocolKeyPair) -> Committee {
    let member = |seed: u8, key: &ProtocolKeyPair, shards: Vec<u16>| CommitteeMember {
        node_id: ObjectId([seed; 32]),
        name: format!("node-{seed}"),
        network_address: "127.0.0.1:1".to_owned(),
        public_key: key.public(),
        network_public_key: None,
        shards: shards.into_iter().map(ShardIndex).collect(),
        stake: Frost(1),
    };
    let others = (0..N_SHARDS)
        .filter(|shard| !owned.contains(shard))
        .collect();
    let stranger = ProtocolKeyPair::from_seed([9; 32]);
    let members = vec![member(1, key, owned.to_vec()), member(9, &stranger, others)];
    Committee {
        epoch,
        n_shards: n_shards(),
        members,
    }
}

/// A configuration for a node in `directory` on free ports.
pub(crate) fn config(directory: &Path) -> NodeConfig {
    let text = format!(
        "
name: test-node
storage_path: {storage}
protocol_key_pair: {protocol}
network_key_pair: {network}
public_host: 127.0.0.1
public_port: 9185
rest_api_address: 127.0.0.1:0
metrics_address: 127.0.0.1:0
rest_graceful_shutdown_period_secs: 5
storage_node_cap: '{cap}'
disk_reserve_bytes: 0
storage_node_scheme: http
garbage_collection: {{ enable_random_delay: false }}
rest_server:
  metadata_registration_wait_millis: 60000
sui:
  rpc: http://127.0.0.1:1
  system_object: '{system}'
  staking_object: '{system}'
tls:
  disable_tls: true
",
        storage = directory.join("storage").display(),
        protocol = protocol_key().to_key_file(),
        network = network_key().to_key_file(),
        cap = object_id(3),
        system = object_id(4),
    );
    NodeConfig::parse(&text).unwrap()
}

/// A running node with its chain and its directory.
pub(crate) struct TestNode {
    pub(crate) node: Option<RunningNode>,
    pub(crate) chain: Arc<ScriptedChain>,
    pub(crate) directory: TempDir,
    pub(crate) config: NodeConfig,
    client: reqwest::Client,
}

impl TestNode {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a node with a changed configuration and waits until it knows its shards.
    pub(crate) async fn start_with(change: impl FnOnce(&mut NodeConfig)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config(directory.path());
        change(&mut config);
        let chain = ScriptedChain::new();
        let node = StorageNode::start_with_chain(config.clone(), chain.clone())
            .await
            .unwrap();
        let test = Self {
            node: Some(node),
            chain,
            directory,
            config,
            client: client(),
        };
        test.caught_up().await;
        test
    }

    pub(crate) fn node(&self) -> &RunningNode {
        self.node.as_ref().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.node().addr())
    }

    /// The text of the metrics.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.node().metrics_addr());
        let response = self.client.get(url).send().await.unwrap();
        response.text().await.unwrap()
    }

    /// The value of one metric, named with its labels; 0 if there is none.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let text = self.metrics().await;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// What is taken of a budget or queue.
    pub(crate) async fn queue_size(&self, name: &str) -> u64 {
        self.metric(&format!("walrus_queue_size{{name=\"{name}\"}}"))
            .await
    }

    /// Waits until all checkpoints emitted so far are processed.
    pub(crate) async fn caught_up(&self) {
        let last = self.chain.last_checkpoint();
        eventually(|| async {
            let health = self.node().service().health(false);
            health.latest_checkpoint_sequence_number == Some(last)
        })
        .await;
    }

    /// Stops the node in an orderly way and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.try_start().await.unwrap();
        self.caught_up().await;
    }

    pub(crate) async fn stop(&mut self) {
        self.node.take().unwrap().shutdown().await.unwrap();
    }

    pub(crate) async fn try_start(&mut self) -> Result<(), StartError> {
        let node = StorageNode::start_with_chain(self.config.clone(), self.chain.clone()).await?;
        self.node = Some(node);
        Ok(())
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn put(&self, path: &str, body: Vec<u8>) -> Response {
        self.client
            .put(self.url(path))
            .body(body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub(crate) async fn put_metadata(&self, blob: &TestBlob) -> Response {
        self.put(&paths::metadata(&blob.id()), blob.metadata_body())
            .await
    }

    pub(crate) async fn put_sliver(
        &self,
        blob: &TestBlob,
        shard: u16,
        axis: SliverType,
    ) -> Response {
        let pair = blob.pair_of(shard);
        self.put(
            &paths::sliver(&blob.id(), pair, axis),
            blob.sliver_body(pair, axis),
        )
        .await
    }

    pub(crate) async fn get_sliver(
        &self,
        blob: &TestBlob,
        shard: u16,
        axis: SliverType,
    ) -> Response {
        self.get(&paths::sliver(&blob.id(), blob.pair_of(shard), axis))
            .await
    }

    /// Registers a blob and uploads everything the node should have.
    pub(crate) async fn store(&self, blob: &TestBlob, end_epoch: Epoch) {
        self.chain.register(blob.id(), blob.tag(), end_epoch);
        self.upload(blob).await;
    }

    pub(crate) async fn upload(&self, blob: &TestBlob) {
        assert_eq!(self.put_metadata(blob).await.status(), StatusCode::CREATED);
        for (shard, axis) in owned_slivers() {
            assert_eq!(
                self.put_sliver(blob, shard, axis).await.status(),
                StatusCode::CREATED
            );
        }
    }

    /// Asserts that metadata and all slivers are served, byte for byte.
    pub(crate) async fn assert_serves(&self, blob: &TestBlob) {
        let metadata = self.get(&paths::metadata(&blob.id())).await;
        assert_eq!(metadata.status(), StatusCode::OK);
        assert_eq!(metadata.bytes().await.unwrap(), blob.metadata_wire());
        for (shard, axis) in owned_slivers() {
            let sliver = self.get_sliver(blob, shard, axis).await;
            assert_eq!(sliver.status(), StatusCode::OK, "shard {shard} {axis}");
            let body = blob.sliver_body(blob.pair_of(shard), axis);
            assert_eq!(sliver.bytes().await.unwrap(), body);
        }
    }

    /// Asserts that nothing of the blob is on disk.
    pub(crate) async fn assert_holds_nothing(&self, blob: &TestBlob) {
        assert_eq!(
            data(self.get(&paths::metadata_status(&blob.id())).await).await,
            "nonexistent"
        );
        for (shard, axis) in owned_slivers() {
            let path = paths::sliver_status(&blob.id(), blob.pair_of(shard), axis);
            assert_eq!(data(self.get(&path).await).await, "nonexistent");
        }
    }
}

pub(crate) fn owned_slivers() -> impl Iterator<Item = (u16, SliverType)> {
    OWNED.iter().flat_map(|shard| {
        [
            (*shard, SliverType::Primary),
            (*shard, SliverType::Secondary),
        ]
    })
}

pub(crate) fn client() -> reqwest::Client {
    // Another test may have been first; any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}

/// `data` of a success envelope.
pub(crate) async fn data(response: Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
    assert_eq!(value["success"]["code"], status.as_u16(), "{text}");
    value["success"]["data"].clone()
}

/// Asserts an error envelope with this status and reason.
pub(crate) async fn assert_refused(response: Response, code: u16, status: &str, reason: &str) {
    let http = response.status().as_u16();
    let text = response.text().await.unwrap();
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{http}: {text}"));
    let error = &value["error"];
    let detail = &error["details"][0];
    assert_eq!(
        (
            http,
            &error["code"],
            error["status"].as_str(),
            detail["reason"].as_str()
        ),
        (code, &Value::from(code), Some(status), Some(reason)),
        "{text}"
    );
    assert_eq!(detail["@type"], "ErrorInfo");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|message| !message.is_empty())
    );
}

/// Waits for something another task does. The limit only ends broken tests.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .expect("it never happened");
}
