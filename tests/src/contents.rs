//! What a network holds, and the check at the end of every fault.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use walrus_core::{BlobId, NShards, ShardIndex, SliverPair, SliverType, node_api::paths};
use walrus_encoder::Encoder;
use walrus_node::storage::{Storage, StorageOptions};

use crate::{TestNetwork, random_bytes, text, tools::Tool};

/// Only ends broken tests.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often something that should come true is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Time for one answer of a node.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

const AXES: [SliverType; 2] = [SliverType::Primary, SliverType::Secondary];

/// Blobs that are certified and not expired.
pub struct Contents {
    n_shards: NShards,
    encoder: Encoder,
    blobs: Vec<Stored>,
}

struct Stored {
    id: BlobId,
    bytes: Vec<u8>,
    pairs: Vec<SliverPair>,
}

/// A node as the network says it is now.
struct NodeNow {
    name: String,
    url: String,
    shards: Vec<ShardIndex>,
}

impl Contents {
    /// Nothing yet, in a network of so many shards.
    ///
    /// # Panics
    ///
    /// When there is no such network.
    pub fn new(shards: u16) -> Self {
        let n_shards = NShards::new(shards).expect("a network has shards");
        Self {
            n_shards,
            encoder: Encoder::new(n_shards).expect("any network can be encoded for"),
            blobs: Vec::new(),
        }
    }

    /// Stores random bytes.
    ///
    /// # Panics
    ///
    /// When they are not newly stored.
    pub fn store(&mut self, network: &TestNetwork, size: usize) {
        let seed = self.blobs.len() as u64;
        let file = network.random_file(size, seed);
        let outcome = network.walrus(&["store", text(&file), "--epochs", "40", "--json"]);
        assert!(outcome.success, "{}\n{}", outcome.stderr, network.logs());
        self.add(&outcome.json(), random_bytes(size, seed));
    }

    /// Takes note of what `walrus store --json` says of a file with these bytes.
    ///
    /// # Panics
    ///
    /// When it says something else.
    pub fn add(&mut self, reply: &Value, bytes: Vec<u8>) {
        let result = &reply[0]["blobStoreResult"];
        let id = result
            .pointer("/newlyCreated/blobObject/blobId")
            .or_else(|| result.pointer("/alreadyCertified/blobId"));
        let id = id.and_then(Value::as_str).expect("a blob ID");
        let (pairs, metadata) = self.encoder.encode(&bytes).expect("a blob of any size");
        assert_eq!(metadata.blob_id().to_string(), id);
        self.blobs.push(Stored {
            id: *metadata.blob_id(),
            bytes,
            pairs,
        });
    }

    /// Asserts that every blob reads as it was stored.
    ///
    /// # Panics
    ///
    /// When one does not.
    pub fn assert_readable(&self, network: &TestNetwork) {
        for blob in &self.blobs {
            let read = network.read(&blob.id.to_string());
            assert!(read == blob.bytes, "{} differs", blob.id);
        }
    }

    /// The check at the end of every fault: every blob reads as it was stored, and every node gets
    /// to full health by itself and
    /// serves every sliver it should have, byte for byte.
    ///
    /// # Panics
    ///
    /// When a byte is wrong, or something never comes true.
    pub fn assert_ends_well(&self, network: &TestNetwork) {
        self.assert_readable(network);
        let is_well = |node: &NodeNow| {
            let health = get(network, &node.url, "/v1/health");
            health.is_some_and(|(_, body)| is_healthy(&body))
        };
        for name in nodes(network).iter().map(|node| &node.name) {
            wait(network, &format!("{name} is in full health"), || {
                nodes(network)
                    .iter()
                    .any(|node| node.name == *name && is_well(node))
            });
        }
        for node in nodes(network) {
            for blob in &self.blobs {
                self.assert_serves(network, &node, blob);
            }
        }
    }

    fn assert_serves(&self, network: &TestNetwork, node: &NodeNow, blob: &Stored) {
        for shard in &node.shards {
            let pair = shard.to_pair(&blob.id, self.n_shards);
            let stored = blob.pairs.iter().find(|stored| stored.index() == pair);
            let stored = stored.expect("every pair was encoded");
            for axis in AXES {
                let expected = match axis {
                    SliverType::Primary => bcs::to_bytes(&stored.primary),
                    SliverType::Secondary => bcs::to_bytes(&stored.secondary),
                };
                let expected = expected.expect("a sliver is plain data");
                let path = paths::sliver(&blob.id, pair, axis);
                let what = format!(
                    "{} serves {axis} of shard {} of {}",
                    node.name, shard.0, blob.id
                );
                wait(network, &what, || match get(network, &node.url, &path) {
                    Some((200, body)) => {
                        assert!(body == expected, "{what}, wrongly");
                        true
                    }
                    _ => false,
                });
            }
        }
    }

    /// Stops the network and asserts that no disk holds anything but these blobs.
    ///
    /// # Panics
    ///
    /// When one does.
    pub fn assert_no_garbage(&self, network: &TestNetwork) {
        let outcome = network.localnet(&["down"]);
        assert!(outcome.success, "{}", outcome.stderr);
        let live: BTreeSet<_> = self.blobs.iter().map(|blob| blob.id).collect();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        for (name, _) in network.nodes() {
            let path = network
                .state_dir()
                .join("nodes")
                .join(&name)
                .join("storage");
            let items = runtime.block_on(async {
                let storage = Storage::open(&StorageOptions::new(&path)).expect("a storage");
                let items = storage.items_after(None, usize::MAX).await;
                storage.close().await.expect("it was open");
                items.expect("an index")
            });
            for item in items {
                assert!(live.contains(&item.blob_id()), "{name} still has {item:?}");
            }
            for folder in ["tmp", "quarantine"] {
                assert_eq!(entries(&path.join(folder)), 0, "{name} has {folder}");
            }
        }
    }
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).into_iter().flatten().count()
}

/// Waits until a condition holds.
///
/// # Panics
///
/// When it never does.
pub fn wait(network: &TestNetwork, what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "never: {what}\n{}",
            network.logs()
        );
        std::thread::sleep(POLL_INTERVAL);
    }
}

fn nodes(network: &TestNetwork) -> Vec<NodeNow> {
    let status = network.localnet(&["status", "--json"]).json();
    let nodes = status["nodes"].as_array().expect("the status lists nodes");
    nodes
        .iter()
        .map(|node| {
            let shards = node["shards"].as_array().into_iter().flatten();
            let shards = shards.filter_map(|shard| u16::try_from(shard.as_u64()?).ok());
            NodeNow {
                name: node["name"].as_str().expect("a name").to_owned(),
                url: node["url"].as_str().expect("a URL").to_owned(),
                shards: shards.map(ShardIndex).collect(),
            }
        })
        .collect()
}

fn is_healthy(body: &[u8]) -> bool {
    let Ok(health) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    let health = &health["success"]["data"];
    let shards = &health["shardSummary"];
    // Others may have so much stake that nothing is left for a node.
    let status = if shards["owned"] == 0 {
        "Standby"
    } else {
        "Active"
    };
    health["nodeStatus"] == status && shards["ownedShardStatus"]["ready"] == shards["owned"]
}

/// Status and body of an answer, if there is a whole one.
fn get(network: &TestNetwork, url: &str, path: &str) -> Option<(u16, Vec<u8>)> {
    let Some(address) = url.strip_prefix("http://") else {
        return get_over_tls(network, &format!("{url}{path}"));
    };
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    })?;
    let body = answer.split_off(end + 4);
    (body.len() == length).then_some((status, body))
}

/// The same over TLS, as somebody gets it who trusts the authority of the network.
fn get_over_tls(network: &TestNetwork, url: &str) -> Option<(u16, Vec<u8>)> {
    let mut curl = Command::new(Tool::Curl.path()?);
    let authority = network.ready["ca_certificate"].as_str()?;
    curl.args(["--silent", "--write-out", "%{stderr}%{http_code}"]);
    let output = curl.args(["--cacert", authority, url]).output().ok()?;
    let status = String::from_utf8(output.stderr).ok()?;
    let status = status.trim().parse().ok()?;
    output.status.success().then_some((status, output.stdout))
}
