//! Sections of the configuration file.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use walrus_core::{ObjectId, SuiAddress};
use walrus_sui::TransactionDigest as Digest;

use super::id_text;

/// About the time a checkpoint takes to reach a node.
const DEFAULT_REGISTRATION_WAIT_MILLIS: u64 = 2_000;

/// Long enough for a client that stops for garbage collection or a new radio cell.
const DEFAULT_TRANSFER_GRACE_MILLIS: u64 = 30_000;

/// `rest_server`: bounds of the API server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestServerConfig {
    /// Streams of one HTTP/2 connection at a time.
    pub http2_max_concurrent_streams: u32,
    /// Connections open at a time.
    pub max_connections: usize,
    /// Seconds after which a connection without requests is closed.
    pub idle_connection_timeout_secs: u64,
    /// Bytes per second a connection has to move while there is something to move.
    pub min_transfer_bytes_per_second: u64,
    /// Milliseconds before that rate counts.
    pub transfer_grace_millis: u64,
    /// Longest time, in seconds, a peer may take for a whole answer.
    pub answer_timeout_secs: u64,
    /// Requests being answered at a time.
    pub max_active_requests: usize,
    /// Bytes of uploads in memory at a time.
    pub max_upload_bytes: usize,
    /// Bytes of slivers on their way to readers at a time.
    pub max_read_bytes: usize,
    /// Longest wait of a metadata upload for the registration of its blob, which keeps clients that
    /// race the chain.
    pub metadata_registration_wait_millis: u64,
    /// Longest wait of a confirmation request for the registration; 0 turns waiting off.
    pub confirmation_long_poll_max_millis: u64,
    /// Requests that wait for a registration at a time.
    pub confirmation_long_poll_max_in_flight_requests: Option<usize>,
    /// Requests for recovery or decoding symbols answered at a time.
    pub experimental_max_active_recovery_symbols_requests: Option<usize>,
}

impl Default for RestServerConfig {
    fn default() -> Self {
        let limits = walrus_http::HttpLimits::default();
        Self {
            http2_max_concurrent_streams: limits.http2_streams_max,
            max_connections: limits.connections_max,
            idle_connection_timeout_secs: limits.idle_timeout.as_secs(),
            min_transfer_bytes_per_second: limits.transfer_rate_min,
            transfer_grace_millis: DEFAULT_TRANSFER_GRACE_MILLIS,
            answer_timeout_secs: limits.answer_timeout.as_secs(),
            max_active_requests: limits.requests_max,
            max_upload_bytes: limits.upload_bytes_max,
            max_read_bytes: crate::storage::READ_BYTES_MAX,
            metadata_registration_wait_millis: DEFAULT_REGISTRATION_WAIT_MILLIS,
            confirmation_long_poll_max_millis: 0,
            confirmation_long_poll_max_in_flight_requests: None,
            experimental_max_active_recovery_symbols_requests: None,
        }
    }
}

/// `sui`: the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiConfig {
    /// URL of a full node.
    pub rpc: String,
    /// More full nodes, asked when the first does not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_rpc_endpoints: Vec<String>,
    /// Act only on events that the validators of Sui have signed.
    #[serde(default = "yes")]
    pub verify_checkpoints: bool,
    /// Digest of the last checkpoint of a Sui epoch, from which the validators of later epochs are
    /// proven; without it the full nodes have to agree once who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_checkpoint: Option<Digest>,
    /// The Walrus system object.
    #[serde(with = "id_text")]
    pub system_object: ObjectId,
    /// The Walrus staking object.
    #[serde(with = "id_text")]
    pub staking_object: ObjectId,
    /// The treasury of WAL, which every epoch change burns through; looked up if absent.
    #[serde(
        default,
        with = "id_text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub treasury_object: Option<ObjectId>,
    /// The subsidies for nodes, paid once an epoch; without it none are.
    #[serde(
        default,
        with = "id_text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub walrus_subsidies_object: Option<ObjectId>,
    /// Sui CLI wallet that owns the node's capability; a path, or a map with `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet_config: Option<NodeWallet>,
}

fn yes() -> bool {
    true
}

/// How a wallet is named: by path alone, or with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected the path of a wallet, or {path, active_address}"
)]
pub enum NodeWallet {
    /// The wallet's active account.
    Path(PathBuf),
    /// A certain account of the wallet.
    Account {
        /// The wallet.
        path: PathBuf,
        /// The account; the active one if absent.
        #[serde(
            default,
            with = "id_text::option",
            skip_serializing_if = "Option::is_none"
        )]
        active_address: Option<SuiAddress>,
    },
}

impl NodeWallet {
    /// The wallet.
    pub fn path(&self) -> &PathBuf {
        match self {
            Self::Path(path) | Self::Account { path, .. } => path,
        }
    }

    /// The account, unless it is the active one.
    pub fn address(&self) -> Option<SuiAddress> {
        match self {
            Self::Path(_) => None,
            Self::Account { active_address, .. } => *active_address,
        }
    }
}

impl SuiConfig {
    /// All full nodes, in order of preference.
    pub fn rpc_urls(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.rpc)
            .chain(&self.additional_rpc_endpoints)
            .map(|url| url.trim())
            .filter(|url| !url.is_empty())
    }
}

/// `tls`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsConfig {
    /// Serve plain HTTP: behind a proxy that terminates TLS with the network key, or on a local
    /// network.
    pub disable_tls: bool,
    /// PEM file with a certificate chain for the network key; without it the node makes a
    /// certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_path: Option<PathBuf>,
}

/// `balance_check`: when little money for gas is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BalanceCheckConfig {
    /// Seconds between two looks.
    pub interval_secs: u64,
    /// MIST below which the log says so.
    pub warning_threshold_mist: u64,
}

impl Default for BalanceCheckConfig {
    fn default() -> Self {
        Self {
            interval_secs: 3_600,
            warning_threshold_mist: 5_000_000_000,
        }
    }
}

impl BalanceCheckConfig {
    /// Time between two looks.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_secs.max(1))
    }
}

/// `pending_sliver_cache`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PendingSliverCacheConfig {
    /// Slivers held at most.
    pub max_cached_slivers: usize,
    /// Bytes held at most.
    pub max_cached_bytes: usize,
    /// Size of one sliver at most.
    pub max_cached_sliver_bytes: usize,
    /// Seconds a sliver is held; 0 turns the cache off.
    pub cache_ttl: u64,
}

impl Default for PendingSliverCacheConfig {
    fn default() -> Self {
        let limits = crate::pending::PendingLimits::default();
        Self {
            max_cached_slivers: limits.slivers_max,
            max_cached_bytes: limits.sliver_bytes_max,
            max_cached_sliver_bytes: limits.sliver_bytes_each_max,
            cache_ttl: limits.sliver_ttl.as_secs(),
        }
    }
}

/// `pending_metadata_cache`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PendingMetadataCacheConfig {
    /// Entries held at most.
    pub max_cached_entries: usize,
    /// Seconds an entry is held; 0 turns the cache off.
    pub cache_ttl: u64,
}

impl Default for PendingMetadataCacheConfig {
    fn default() -> Self {
        let limits = crate::pending::PendingLimits::default();
        Self {
            max_cached_entries: limits.metadata_max,
            cache_ttl: limits.metadata_ttl.as_secs(),
        }
    }
}

/// `event_blob_cut`: where event blobs end. All nodes of a network need the same, or no event blob
/// is certified; the public networks have the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventBlobCutConfig {
    /// Checkpoints of an event blob at most.
    pub max_checkpoints: u64,
    /// Bytes after which an event blob ends with the checkpoint.
    pub max_bytes: u64,
}

impl Default for EventBlobCutConfig {
    fn default() -> Self {
        let rule = walrus_contracts::event_blob::CutRule::default();
        Self {
            max_checkpoints: rule.checkpoints_max,
            max_bytes: rule.bytes_max,
        }
    }
}

/// `event_processor_config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventProcessorConfig {
    /// Checkpoints the node may be behind at its start before it catches up with event blobs
    /// instead of from full nodes.
    pub event_stream_catchup_min_checkpoint_lag: u64,
}

impl Default for EventProcessorConfig {
    fn default() -> Self {
        Self {
            event_stream_catchup_min_checkpoint_lag: 20_000,
        }
    }
}

/// `garbage_collection`: when the data of blobs that ended is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GarbageCollectionConfig {
    /// Delete data that nobody pays for any more.
    pub enable_data_deletion: bool,
    /// Wait a while after the beginning of the epoch, every node another time.
    pub enable_random_delay: bool,
    /// Seconds of the longest wait; half an epoch if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub randomization_time_window_secs: Option<u64>,
}

impl Default for GarbageCollectionConfig {
    fn default() -> Self {
        Self {
            enable_data_deletion: true,
            enable_random_delay: true,
            randomization_time_window_secs: None,
        }
    }
}
