//! The state directory: the one place that says what a local network consists of and what runs.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::ObjectId;

use crate::process::ProcessId;

/// Layout version of `network.json`.
const FORMAT: u32 = 1;

/// Reading or writing the state directory failed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is no network in the directory.
    #[error("no local network in {}: start one with `walrus-localnet up`", .0.display())]
    Absent(PathBuf),
    /// The file is not what this program wrote.
    #[error("{} is damaged ({reason}): remove the directory and start over", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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

impl NodeRecord {
    /// Name of the node, which is also the name of its folder.
    pub fn name(&self) -> String {
        format!("node-{}", self.index)
    }

    /// URL of the node's HTTP service.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
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
        }
    }
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
        self.root.join("network.json")
    }

    /// Whether a network was made here.
    pub fn exists(&self) -> bool {
        self.file().exists()
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
        let state: NetworkState =
            serde_json::from_str(&text).map_err(|error| StateError::Corrupt {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        if state.format != FORMAT {
            let reason = format!("layout {} is not {FORMAT}", state.format);
            return Err(StateError::Corrupt { path, reason });
        }
        Ok(state)
    }

    /// Writes `network.json`; after a crash either the old or the new text is there.
    pub fn save(&self, state: &NetworkState) -> Result<(), StateError> {
        let path = self.file();
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.root)?;
            let temporary = self.root.join("network.json.tmp");
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
        let _lock = self.lock("network.lock")?;
        let mut state = self.load()?;
        let result = change(&mut state);
        self.save(&state)?;
        Ok(result)
    }

    /// Waits for and takes an exclusive lock; dropped with the returned file.
    pub fn lock(&self, name: &str) -> Result<File, StateError> {
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
}
