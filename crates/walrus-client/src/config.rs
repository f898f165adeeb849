//! The client configuration: the YAML file, where it is found, and the values used when a key is
//! absent.
//!
//! A configuration file is read into a [`ConfigFile`] in which every key is optional, laid over the
//! built-in file of a known network when the object IDs match, and resolved into a [`ClientConfig`]
//! in which nothing is optional that has a default.
//!
//! ```
//! use walrus_client::config::{ClientConfig, parse};
//!
//! let parsed = parse(
//!     "system_object: '0x0000000000000000000000000000000000000000000000000000000000000005'\n\
//!      staking_object: '0x0000000000000000000000000000000000000000000000000000000000000006'\n\
//!      communication_config: {max_node_conections: 3}\n",
//!     None,
//! )?;
//! let config: ClientConfig = parsed.config;
//! assert_eq!(config.communication.backoff.max_retries, Some(5));
//! // A misspelt key is reported, not swallowed.
//! assert_eq!(parsed.unknown_keys, ["communication_config.max_node_conections"]);
//! # Ok::<(), walrus_client::config::ConfigError>(())
//! ```

mod communication;
mod discovery;
mod encryption;
mod file;
mod keys;
mod local;
mod networks;
mod parse;
#[cfg(test)]
mod tests;

pub use communication::{
    Backoff, CommunicationConfig, NodeScheme, SliverWriteExtraTime, TailHandling, UploadMode,
};
pub use discovery::{Loaded, WalletLocation, load, locate_wallet};
pub use encryption::{EncryptionConfig, EncryptionFile, KeyServerFile};
pub use file::{ConfigFile, WalletReference};
pub use local::{LOCAL_NETWORK_DIR, LOCAL_NETWORK_ENV, local_network};
pub use networks::{KnownNetwork, MAINNET, TESTNET};
pub use parse::{Parsed, parse};

use std::{
    num::{NonZeroU16, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use walrus_core::{EpochCount, ObjectId};

/// Everything a client needs to know before it talks to anybody.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientConfig {
    /// The shared `System` object of the deployment.
    pub system_object: ObjectId,
    /// The shared `Staking` object of the deployment.
    pub staking_object: ObjectId,
    /// The treasury of WAL, which epoch changes need; found on the chain when absent.
    pub treasury_object: Option<ObjectId>,
    /// The object that counts votes about upgrades; found on the chain when absent.
    pub upgrade_manager_object: Option<ObjectId>,
    /// The object that counts votes about slashing; found on the chain when absent.
    pub slashing_manager_object: Option<ObjectId>,
    /// The object of the companion package for proposals, if the deployment has it.
    pub governance_object: Option<ObjectId>,
    /// Number of shards; read from the chain when absent.
    pub n_shards: Option<NonZeroU16>,
    /// How far ahead storage can be bought; read from the chain when absent.
    pub max_epochs_ahead: Option<EpochCount>,
    /// Exchanges that sell WAL for SUI on test networks.
    pub exchange_objects: Vec<ObjectId>,
    /// Which wallet signs.
    pub wallet: Option<WalletReference>,
    /// Sui full nodes, in order of preference. They must serve gRPC.
    pub rpc_urls: Vec<String>,
    /// How many full nodes have to agree about packages, prices and committees; one is believed if
    /// absent.
    pub rpc_quorum: Option<NonZeroUsize>,
    /// How long a value read from the chain may be reused.
    pub cache_ttl: Duration,
    /// How to talk to storage nodes.
    pub communication: CommunicationConfig,
    /// Who keeps the keys of private data, if the network has key servers.
    pub encryption: Option<EncryptionConfig>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file does not exist or cannot be read.
    #[error("cannot read the client configuration {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of unusual size was refused.
    #[error("the client configuration {path} is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A named file is not valid.
    #[error("the client configuration {path} is not valid: {source}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<ConfigError>,
    },
    /// The text is no YAML, or a value has the wrong type.
    #[error("{0}")]
    Syntax(String),
    /// A required key is absent.
    #[error("the key `{0}` is missing")]
    Missing(&'static str),
    /// A value does not parse.
    #[error("the value of `{key}` is not valid: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// Why.
        reason: String,
    },
    /// A path with `~` cannot be used.
    #[error(transparent)]
    Path(#[from] walrus_files::path::PathError),
    /// `--context` was given, but the file has none.
    #[error("a context was asked for (`{0}`), but the configuration has no `contexts`")]
    NoContexts(String),
    /// The file has several contexts and none was chosen.
    #[error("the configuration has contexts but no `default_context`; choose one of: {0}")]
    NoContextChosen(String),
    /// The chosen context does not exist.
    #[error("the configuration has no context `{name}`; it has: {known}")]
    UnknownContext {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// No file was found and nothing says which network is meant.
    #[error(
        "no client configuration found; looked for client_config.yaml in {0}. \
         Give one with --config, or start a local network with `walrus-localnet up`"
    )]
    NotFound(String),
    /// No wallet was found.
    #[error(
        "no Sui wallet found; looked for {0}. Give one with --wallet or the configuration key `wallet_config`"
    )]
    NoWallet(String),
    /// No full node is known.
    #[error(
        "no Sui RPC URL is known: give --rpc-url, the configuration key `rpc_urls`, or a wallet"
    )]
    NoRpcUrl,
}
