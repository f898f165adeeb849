//! The state directory: the one place that says what a local network consists of and what runs.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::ObjectId;

use crate::{process::ProcessId, service_kind::ServiceKind};

mod clear;
mod place;

/// Layout version of `network.json`.
const FORMAT: u32 = 1;
/// The file that says what the network consists of; a folder with it holds a network.
const NETWORK_FILE: &str = "network.json";
/// Held while `network.json` is changed.
const NETWORK_LOCK: &str = "network.lock";
/// Held while the network is started or thrown away.
const UP_LOCK: &str = "up.lock";

/// Name of a file that is being written.
fn temporary(name: &str) -> String {
    format!("{name}.tmp")
}

/// Reading or writing the state directory failed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is no network in the directory.
    #[error("no local network in {}: start one with `walrus-localnet up`", .0.display())]
    Absent(PathBuf),
    /// The folder cannot hold a network.
    #[error("cannot use {} for a network: {reason}; choose another folder with --state-dir", path.display())]
    Unusable {
        /// The folder, or what is wrong in it.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file is not what this version of the program wrote.
    #[error(
        "{} is damaged or of another program ({reason}): choose another folder with --state-dir, or move the file away",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The network was made by another version of this program.
    #[error(
        "the network in {} was made by another version of walrus-localnet (layout {found}, this one is {FORMAT}): use \
         that version, or start over with `up --reset`",
        folder.display()
    )]
    OtherVersion {
        /// The state directory.
        folder: PathBuf,
        /// Its layout.
        found: u32,
    },
    /// The operating system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What the user chose when the network was made; fixed for its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkOptions {
    /// Number of storage nodes.
    pub nodes: u16,
    /// Number of shards.
    pub shards: u16,
    /// Length of a Walrus epoch, in milliseconds.
    pub epoch_duration_ms: u64,
    /// How many epochs ahead storage can be bought.
    pub epochs_ahead_max: u32,
    /// Number of funded user accounts.
    pub accounts: u16,
    /// Checkpoints of an event blob, if not as many as on public networks.
    #[serde(default)]
    pub event_blob_checkpoints: Option<u64>,
    /// Checkpoints the chain remembers, if not all.
    #[serde(default)]
    pub chain_retention_checkpoints: Option<u64>,
    /// Whether the nodes serve TLS, with certificates of an authority of the network's own.
    #[serde(default)]
    pub tls: bool,
}

impl Default for NetworkOptions {
    /// The smallest network that tolerates a lost node: 4 nodes, 10 shards of which 3 may be lost.
    fn default() -> Self {
        Self {
            nodes: 4,
            shards: 10,
            epoch_duration_ms: 24 * 3_600_000,
            epochs_ahead_max: 53,
            accounts: 5,
            event_blob_checkpoints: None,
            chain_retention_checkpoints: None,
            tls: false,
        }
    }
}

/// The chain process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainRecord {
    /// TCP port of the gRPC service.
    pub rpc_port: u16,
    /// TCP port of the faucet.
    pub faucet_port: u16,
    /// The process, when it was started.
    pub process: Option<ProcessId>,
}

impl ChainRecord {
    /// URL of the gRPC service.
    pub fn rpc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.rpc_port)
    }

    /// URL of the faucet.
    pub fn faucet_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.faucet_port)
    }
}

/// One storage node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Position, from 0.
    pub index: u16,
    /// TCP port of the node's HTTP service.
    pub port: u16,
    /// TCP port of the node's metrics.
    pub metrics_port: u16,
    /// What it is on chain, once it is registered.
    #[serde(default)]
    pub registered: Option<RegisteredRecord>,
    /// The process, when it was started.
    pub process: Option<ProcessId>,
    /// Where it really listens, if a fault stands at its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_behind: Option<u16>,
}

/// A node as the contracts know it.
#[serde_as]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredRecord {
    /// Its ID.
    #[serde_as(as = "DisplayFromStr")]
    pub node_id: ObjectId,
    /// Its capability.
    #[serde_as(as = "DisplayFromStr")]
    pub node_cap: ObjectId,
}

/// What a key server is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyServerRole {
    /// A server with a key of its own.
    #[default]
    Independent,
    /// A member of the committee, with a share of its key.
    Member,
    /// Who collects the answers of the committee.
    Aggregator,
}

impl KeyServerRole {
    /// What names of such servers begin with.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Independent => "key-server-",
            Self::Member => "committee-member-",
            Self::Aggregator => "committee-aggregator-",
        }
    }
}

/// One key server of private data.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyServerRecord {
    /// What it is.
    #[serde(default)]
    pub role: KeyServerRole,
    /// Position among those of its role, from 0.
    pub index: u16,
    /// TCP port of its HTTP service.
    pub port: u16,
    /// TCP port of its metrics.
    pub metrics_port: u16,
    /// Its object on chain, once it is registered.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(default)]
    pub object: Option<ObjectId>,
    /// The process, when it was started.
    pub process: Option<ProcessId>,
}

impl KeyServerRecord {
    /// Its name, which is also the name of its folder.
    pub fn name(&self) -> String {
        format!("{}{}", self.role.prefix(), self.index)
    }

    /// URL of its HTTP service, as registered on chain.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// One service in front of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// Which.
    pub kind: ServiceKind,
    /// TCP port of its API.
    pub port: u16,
    /// TCP port of its metrics.
    pub metrics_port: u16,
    /// The process, when it was started.
    pub process: Option<ProcessId>,
}

impl ServiceRecord {
    /// URL of its API.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// URL of its metrics.
    pub fn metrics_url(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.metrics_port)
    }

    /// What is asked for to see whether it serves.
    pub(crate) fn status_url(&self) -> String {
        match self.kind {
            ServiceKind::Gateway | ServiceKind::Relay => format!("{}/status", self.url()),
            // Every path of its API is a bucket.
            ServiceKind::S3 => self.metrics_url(),
        }
    }
}

impl NodeRecord {
    /// Name of the node, which is also the name of its folder.
    pub fn name(&self) -> String {
        format!("node-{}", self.index)
    }

    /// The port its process listens on.
    pub fn own_port(&self) -> u16 {
        self.port_behind.unwrap_or(self.port)
    }

    /// URL of the node's HTTP service.
    pub fn url(&self, options: &NetworkOptions) -> String {
        let scheme = if options.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// `host:port` as registered on chain.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// Everything in `network.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkState {
    format: u32,
    /// What the user chose.
    pub options: NetworkOptions,
    /// The chain.
    pub chain: ChainRecord,
    /// The storage nodes.
    pub nodes: Vec<NodeRecord>,
    /// Set once the first committee was formed and the network was ready.
    pub ready_once: bool,
    /// Names of the packages that were asked for around the contracts.
    #[serde(default)]
    pub packages: Vec<String>,
    /// The process that stands between the others, when there are faults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<ProcessId>,
    /// The key servers, if the network has any.
    #[serde(default)]
    pub key_servers: Vec<KeyServerRecord>,
    /// The services in front of it, if the network has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceRecord>,
}

impl NetworkState {
    /// A network that has not been started.
    pub fn new(options: NetworkOptions, chain: ChainRecord, nodes: Vec<NodeRecord>) -> Self {
        Self {
            format: FORMAT,
            options,
            chain,
            nodes,
            ready_once: false,
            packages: Vec::new(),
            faults: None,
            key_servers: Vec::new(),
            services: Vec::new(),
        }
    }
}

/// The layout of `network.json`, which every version of the file has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The part of `network.json` that says what runs, in every layout so far.
#[derive(Deserialize)]
struct Running {
    chain: Started,
    nodes: Vec<Started>,
    #[serde(default)]
    faults: Option<ProcessId>,
    #[serde(default)]
    key_servers: Vec<Started>,
    #[serde(default)]
    services: Vec<Started>,
}

#[derive(Deserialize)]
struct Started {
    #[serde(default)]
    process: Option<ProcessId>,
}

/// A state directory.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// Names a directory; it need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Database of the chain.
    pub fn chain_dir(&self) -> PathBuf {
        self.root.join("chain")
    }

    /// Folder of a node.
    pub fn node_dir(&self, node: &NodeRecord) -> PathBuf {
        self.root.join("nodes").join(node.name())
    }

    /// Config file of a node.
    pub fn node_config(&self, node: &NodeRecord) -> PathBuf {
        self.node_dir(node).join("walrus-node.yaml")
    }

    /// Certificate of a node, if it serves TLS.
    pub fn node_certificate(&self, node: &NodeRecord) -> PathBuf {
        self.node_dir(node).join("certificate.pem")
    }

    /// Certificate of the authority that has signed those of the nodes.
    pub fn ca_certificate(&self) -> PathBuf {
        self.root.join("ca.pem")
    }

    /// What is wrong on purpose.
    pub fn faults(&self) -> PathBuf {
        self.root.join("faults.json")
    }

    /// Folder of a key server.
    pub fn key_server_dir(&self, server: &KeyServerRecord) -> PathBuf {
        self.root.join("key-servers").join(server.name())
    }

    /// Config file of a key server.
    pub fn key_server_config(&self, server: &KeyServerRecord) -> PathBuf {
        self.key_server_dir(server).join("walrus-key-server.yaml")
    }

    /// Folder of a service.
    pub fn service_dir(&self, kind: ServiceKind) -> PathBuf {
        self.root.join("services").join(kind.name())
    }

    /// What `walrus-deploy` remembers of the deployment.
    pub fn deployment(&self) -> PathBuf {
        self.root.join("deployment.json")
    }

    /// Wallet of the first funded account.
    pub fn client_wallet(&self) -> PathBuf {
        self.root.join("sui_client.yaml")
    }

    /// Client config file.
    pub fn client_config(&self) -> PathBuf {
        self.root.join("client_config.yaml")
    }

    /// Log file of a process.
    pub fn log(&self, process: &str) -> PathBuf {
        self.root.join("logs").join(format!("{process}.log"))
    }

    fn file(&self) -> PathBuf {
        self.root.join(NETWORK_FILE)
    }

    /// Whether a network was made here, by this or another version of the program.
    pub fn exists(&self) -> Result<bool, StateError> {
        Ok(self.contents()? == place::Contents::Network)
    }

    /// Reads `network.json`.
    pub fn load(&self) -> Result<NetworkState, StateError> {
        let path = self.file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StateError::Absent(self.root.clone()));
            }
            Err(source) => return Err(StateError::Io { path, source }),
        };
        let corrupt = |error: serde_json::Error| StateError::Corrupt {
            path: path.clone(),
            reason: error.to_string(),
        };
        // The layout first: what another one lacks would only look like damage.
        let Format { format } = serde_json::from_str(&text).map_err(corrupt)?;
        if format != FORMAT {
            return Err(StateError::OtherVersion {
                folder: self.root.clone(),
                found: format,
            });
        }
        serde_json::from_str(&text).map_err(corrupt)
    }

    /// Writes `network.json`; after a crash either the old or the new text is there.
    pub fn save(&self, state: &NetworkState) -> Result<(), StateError> {
        let path = self.file();
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.root)?;
            let temporary = self.root.join(temporary(NETWORK_FILE));
            let mut file = File::create(&temporary)?;
            file.write_all(&serde_json::to_vec_pretty(state)?)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(&self.root)?.sync_all()
        };
        write().map_err(|source| StateError::Io {
            path: path.clone(),
            source,
        })
    }

    /// Changes `network.json` under a lock, so that commands run at the same time do not lose each
    /// other's changes.
    pub fn update<T>(&self, change: impl FnOnce(&mut NetworkState) -> T) -> Result<T, StateError> {
        let _lock = self.lock(NETWORK_LOCK)?;
        let mut state = self.load()?;
        let result = change(&mut state);
        self.save(&state)?;
        Ok(result)
    }

    /// Waits until nobody else starts the network or throws it away, and keeps others from it while
    /// the returned file is open. Makes the folder; fails where no network may be made.
    pub fn lock_start(&self) -> Result<File, StateError> {
        self.check_claim()?;
        self.lock(UP_LOCK)
    }

    /// The processes that a network of any version has started.
    pub(crate) fn processes(&self) -> Result<Vec<ProcessId>, StateError> {
        let path = self.file();
        let text = fs::read_to_string(&path).map_err(|source| StateError::Io {
            path: path.clone(),
            source,
        })?;
        let running: Running =
            serde_json::from_str(&text).map_err(|error| StateError::Corrupt {
                path,
                reason: error.to_string(),
            })?;
        let nodes = running.nodes.into_iter();
        let all = nodes
            .chain(running.key_servers)
            .chain(running.services)
            .chain([running.chain]);
        let processes = all.filter_map(|started| started.process);
        Ok(processes.chain(running.faults).collect())
    }

    fn lock(&self, name: &str) -> Result<File, StateError> {
        let path = self.root.join(name);
        let take = || -> io::Result<File> {
            fs::create_dir_all(&self.root)?;
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)?;
            file.lock()?;
            Ok(file)
        };
        take().map_err(|source| StateError::Io {
            path: path.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> NetworkState {
        let options = NetworkOptions {
            nodes: 1,
            shards: 4,
            epoch_duration_ms: 1000,
            epochs_ahead_max: 53,
            accounts: 1,
            ..NetworkOptions::default()
        };
        let chain = ChainRecord {
            rpc_port: 1,
            faucet_port: 2,
            process: None,
        };
        let node = NodeRecord {
            index: 0,
            port: 3,
            metrics_port: 4,
            registered: None,
            process: None,
            port_behind: None,
        };
        NetworkState::new(options, chain, vec![node])
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::new(folder.path());
        assert!(matches!(state_dir.load(), Err(StateError::Absent(_))));
        state_dir.save(&sample()).unwrap();
        assert_eq!(state_dir.load().unwrap(), sample());
        state_dir.update(|state| state.ready_once = true).unwrap();
        assert!(state_dir.load().unwrap().ready_once);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::new(folder.path());
        state_dir.save(&sample()).unwrap();
        fs::write(folder.path().join("network.json"), "{").unwrap();
        let text = state_dir.load().unwrap_err().to_string();
        assert!(text.contains("network.json is damaged"), "{text}");
    }

    #[test]
    fn a_network_of_another_version_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::new(folder.path());
        let process = ProcessId::of(std::process::id());
        let other = serde_json::json!({
            "format": FORMAT + 1,
            "options": { "more": true },
            "chain": { "rpc_port": 1, "process": process },
            "nodes": [{ "port": 2 }],
        });
        fs::write(folder.path().join(NETWORK_FILE), other.to_string()).unwrap();
        let text = state_dir.load().unwrap_err().to_string();
        assert!(text.contains("another version"), "{text}");
        assert!(state_dir.exists().unwrap());
        state_dir.check_claim().unwrap();
        assert_eq!(state_dir.processes().unwrap(), [process]);
    }
}
