//! The configuration file of a node.
//!
//! Keys and defaults are those of existing node configurations, so that operators can bring their
//! files. Keys of parts this version does not have are accepted and named in the log.

mod announced;
mod bucket;
mod check;
mod id_text;
mod keys;
mod sections;

use std::{
    collections::BTreeMap,
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use walrus_client::config::{CommunicationConfig, NodeScheme};
use walrus_core::ObjectId;
use walrus_http::HttpLimits;

pub use announced::{
    ConfigSynchronizerConfig, Currency, MetadataConfig, PriceMonitorConfig, VotingConfig,
};
pub use bucket::{BucketConfig, SecretSource, StorageConfig};
pub use keys::{KeyError, KeySource, load_network_key, load_protocol_key};
pub use sections::{
    BalanceCheckConfig, EventBlobCutConfig, EventProcessorConfig, GarbageCollectionConfig,
    NodeWallet, PendingMetadataCacheConfig, PendingSliverCacheConfig, RestServerConfig, SuiConfig,
    TlsConfig,
};

/// Port of the API unless configured otherwise.
pub const DEFAULT_REST_PORT: u16 = 9185;

/// Port of the metrics unless configured otherwise.
pub const DEFAULT_METRICS_PORT: u16 = 9184;

/// Time for one cycle of the scrub over everything.
pub const SCRUB_CYCLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Longest name of a node.
const NAME_CHARS_MAX: usize = 100;

/// Sections other node implementations know and this version does without.
const FOREIGN_KEYS: &[&str] = &[
    "num_uncertified_blob_threshold",
    "admin_socket_path",
    "sliver_reference_cache_max_entries",
    "blob_recovery",
    "shard_sync_config",
    "live_upload_deferral",
    "consistency_check",
    "checkpoint_config",
    "db_config",
    "thread_pool",
    "node_recovery_config",
    "blob_event_processor_config",
    "blob_info_snapshot",
    "epoch_state_consistency",
];

/// Keys that give a node a duty this version cannot do. Running without it, silently, would break a
/// promise; so the node does not start unless they are absent or null.
const DUTY_KEYS: &[(&str, &str)] = &[
    ("metrics_push", "push its metrics somewhere"),
    (
        "checkpoint_config.periodic_db_checkpoints",
        "make copies of its database",
    ),
];

/// Keys of sections that other node implementations know and this version does without.
const FOREIGN_SECTION_KEYS: &[&str] = &[
    "garbage_collection.data_deletion_batch_size",
    "garbage_collection.blob_objects_batch_size",
    "garbage_collection.enable_blob_info_cleanup",
    "garbage_collection.enable_immediate_data_deletion",
    "rest_server.http2_adaptive_window",
    "rest_server.http2_initial_connection_window_size",
    "rest_server.http2_initial_stream_window_size",
    "rest_server.http2_max_pending_accept_reset_streams",
    "sui.backoff_config",
    "sui.cache_ttl_secs",
    "sui.checkpoint_wait_timeout",
    "sui.event_polling_interval_millis",
    "sui.gas_budget",
    "sui.request_timeout",
    "sui.rpc_fallback_config",
];

/// Configuration of a storage node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeConfig {
    /// Name of the node, at most 100 characters.
    pub name: String,
    /// Directory of everything the node stores.
    pub storage_path: PathBuf,
    /// How slivers are stored.
    #[serde(default)]
    pub storage: StorageConfig,
    /// Key that signs confirmations.
    pub protocol_key_pair: KeySource,
    /// The key that is to follow it, while a rotation is going on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_protocol_key_pair: Option<KeySource>,
    /// Key of the TLS certificate.
    pub network_key_pair: KeySource,
    /// Host under which clients reach the node.
    pub public_host: String,
    /// Port under which clients reach the node.
    pub public_port: u16,
    /// Address the API is served on.
    #[serde(default = "default_rest_address")]
    pub rest_api_address: SocketAddr,
    /// Address the metrics are served on.
    #[serde(default = "default_metrics_address")]
    pub metrics_address: SocketAddr,
    /// Time for open requests at shutdown; null waits for ever.
    #[serde(default = "default_shutdown_period")]
    pub rest_graceful_shutdown_period_secs: Option<u64>,
    /// Bounds of the API server.
    #[serde(default)]
    pub rest_server: RestServerConfig,
    /// The chain.
    pub sui: SuiConfig,
    /// TLS.
    #[serde(default)]
    pub tls: TlsConfig,
    /// The node's capability on chain, once registered.
    #[serde(
        default,
        with = "id_text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub storage_node_cap: Option<ObjectId>,
    /// Slivers of unregistered blobs.
    #[serde(default)]
    pub pending_sliver_cache: PendingSliverCacheConfig,
    /// Metadata of unregistered blobs.
    #[serde(default)]
    pub pending_metadata_cache: PendingMetadataCacheConfig,
    /// Bytes to keep free on the file system of the storage.
    #[serde(default = "default_disk_reserve")]
    pub disk_reserve_bytes: u64,
    /// Seconds in which everything stored is read again; 0 turns that off.
    #[serde(default = "default_scrub_secs")]
    pub scrub_cycle_secs: u64,
    /// Put an index aside that is damaged, and build another one from the chain. Otherwise such a
    /// node does not start until `walrus-node db rebuild` has done it.
    #[serde(default = "default_rebuild_damaged_index")]
    pub rebuild_damaged_index: bool,
    /// Delete what is stored before the start. Not part of the file.
    #[serde(skip)]
    pub cleanup_storage: bool,
    /// Whether the node serves, signs and sends transactions; otherwise it only catches up. Not
    /// part of the file.
    #[serde(skip, default = "takes_part")]
    pub takes_part: bool,
    /// How other nodes are reached: over TLS, unless the whole network is local.
    #[serde(default)]
    pub storage_node_scheme: NodeScheme,
    /// The node's votes.
    #[serde(default)]
    pub voting_params: VotingConfig,
    /// Its share of rewards, in hundredths of a percent; left as it is on chain if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commission_rate: Option<u16>,
    /// The node, for people; left as it is on chain if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataConfig>,
    /// How the chain is kept in step with the configuration.
    #[serde(default)]
    pub config_synchronizer: ConfigSynchronizerConfig,
    /// YAML list of the IDs of blobs that are not served, read again while the node runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocklist_path: Option<PathBuf>,
    /// When little money for gas is left.
    #[serde(default)]
    pub balance_check: BalanceCheckConfig,
    /// Where the price of WAL in dollars is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal_price_monitor: Option<PriceMonitorConfig>,
    /// Do not write, store and attest event blobs.
    #[serde(default)]
    pub disable_event_blob_writer: bool,
    /// Where event blobs end: a rule of the whole network.
    #[serde(default)]
    pub event_blob_cut: EventBlobCutConfig,
    /// When the data of blobs that ended is deleted.
    #[serde(default)]
    pub garbage_collection: GarbageCollectionConfig,
    /// How events are read.
    #[serde(default)]
    pub event_processor_config: EventProcessorConfig,
    /// Everything else in the file.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
    /// Unknown keys inside sections, such as `tls.disable`.
    #[serde(skip)]
    pub unknown_in_sections: Vec<String>,
}

/// Why a configuration file cannot be used. One line each.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not a node configuration.
    #[error("the configuration {} is not valid: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A value makes no sense.
    #[error("the configuration is not valid: {0}")]
    Value(String),
    /// A path cannot be used.
    #[error(transparent)]
    Path(#[from] walrus_files::path::PathError),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl NodeConfig {
    /// Reads and checks a file. Relative paths in it are relative to the working directory, as
    /// everywhere.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|error| match error {
            ConfigError::Parse { reason, .. } => ConfigError::Parse {
                path: path.to_owned(),
                reason,
            },
            other => other,
        })
    }

    /// Parses and checks the text of a configuration.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut unknown = Vec::new();
        let parsed = serde_saphyr::with_deserializer_from_str(text, |source| {
            serde_ignored::deserialize(source, |path| unknown.push(path.to_string()))
        });
        let mut config: Self = parsed.map_err(|error| ConfigError::Parse {
            path: PathBuf::new(),
            reason: one_line(&error.to_string()),
        })?;
        config.unknown_in_sections = unknown;
        config.expand_paths()?;
        config.check()?;
        Ok(config)
    }

    /// The text of the configuration.
    pub fn to_yaml(&self) -> Result<String, ConfigError> {
        serde_saphyr::to_string(self).map_err(|error| ConfigError::Value(error.to_string()))
    }

    /// Keys of the file that do nothing: known ones of other implementations, and unknown ones.
    pub fn ignored_keys(&self) -> (Vec<&str>, Vec<&str>) {
        let (mut foreign, mut unknown): (Vec<_>, Vec<_>) = self
            .other
            .keys()
            .map(String::as_str)
            .partition(|key| FOREIGN_KEYS.contains(key));
        let in_sections = self.unknown_in_sections.iter().map(String::as_str);
        let (foreign_in_sections, unknown_in_sections): (Vec<_>, Vec<_>) =
            in_sections.partition(|key| FOREIGN_SECTION_KEYS.contains(key));
        foreign.extend(foreign_in_sections);
        unknown.extend(unknown_in_sections);
        (foreign, unknown)
    }

    /// Time in which everything stored is read again; `None` if it is not.
    pub fn scrub_cycle(&self) -> Option<Duration> {
        let cycle = Duration::from_secs(self.scrub_cycle_secs);
        (!cycle.is_zero()).then_some(cycle)
    }

    /// Bounds of the API server.
    pub fn http_limits(&self) -> HttpLimits {
        let rest = &self.rest_server;
        let defaults = HttpLimits::default();
        let transfer_grace = Duration::from_millis(rest.transfer_grace_millis);
        HttpLimits {
            http2_streams_max: rest.http2_max_concurrent_streams,
            connections_max: rest.max_connections,
            requests_max: rest.max_active_requests,
            upload_bytes_max: rest.max_upload_bytes,
            idle_timeout: Duration::from_secs(rest.idle_connection_timeout_secs),
            transfer_rate_min: rest.min_transfer_bytes_per_second,
            body_begin_timeout: defaults.body_begin_timeout.min(transfer_grace),
            body_idle_timeout: defaults.body_idle_timeout.min(transfer_grace),
            transfer_grace,
            answer_timeout: Duration::from_secs(rest.answer_timeout_secs),
            shutdown_grace: self
                .rest_graceful_shutdown_period_secs
                .map(Duration::from_secs),
            ..defaults
        }
    }

    /// How to talk to other nodes.
    pub fn peer_communication(&self) -> CommunicationConfig {
        CommunicationConfig {
            node_scheme: self.storage_node_scheme,
            ..CommunicationConfig::default()
        }
    }
}

fn default_rest_address() -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, DEFAULT_REST_PORT).into()
}

fn default_metrics_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, DEFAULT_METRICS_PORT).into()
}

#[allow(clippy::unnecessary_wraps)] // The field distinguishes "absent" from "null".
fn default_shutdown_period() -> Option<u64> {
    Some(60)
}

fn takes_part() -> bool {
    true
}

fn default_disk_reserve() -> u64 {
    crate::storage::DISK_RESERVE_BYTES
}

fn default_rebuild_damaged_index() -> bool {
    true
}

fn default_scrub_secs() -> u64 {
    SCRUB_CYCLE.as_secs()
}

/// Parsers explain over several lines; a log line has one.
pub(crate) fn one_line(text: &str) -> String {
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or(text);
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pending::PendingLimits;

    const MINIMAL: &str = "
name: node-0
storage_path: /var/lib/walrus
protocol_key_pair: { path: protocol.key }
network_key_pair: As5tqQFRGrjPSvcZeKfBX98NwDuCUtZyJdzWR2bUn0oY
public_host: node.example.com
public_port: 9185
sui:
  rpc: https://fullnode.example.com:443
  system_object: 0x2134d52768ea07e8c43570ef975eb3e4c27a39fa6396bef985b5abc58d03ddd2
  staking_object: 0x10b9d30c28448939ce6c4d6c6e0ffce4a7f8a4ada8248bdad09ef8b70e4a3904
";

    pub(super) fn minimal() -> NodeConfig {
        NodeConfig::parse(MINIMAL).unwrap()
    }

    #[test]
    fn a_minimal_file_has_the_documented_defaults() {
        let config = NodeConfig::parse(MINIMAL).unwrap();
        assert_eq!(config.rest_api_address, "0.0.0.0:9185".parse().unwrap());
        assert_eq!(config.metrics_address, "127.0.0.1:9184".parse().unwrap());
        assert_eq!(config.rest_graceful_shutdown_period_secs, Some(60));
        assert_eq!(config.http_limits().http2_streams_max, 1000);
        assert_eq!(config.service_limits().pending, PendingLimits::default());
        assert!(!config.tls.disable_tls);
        assert_eq!(
            config.protocol_key_pair,
            KeySource::File {
                path: "protocol.key".into()
            }
        );
        assert!(matches!(config.network_key_pair, KeySource::Inline(_)));
    }

    #[test]
    fn keys_without_effect_are_told_apart() {
        let text =
            format!("{MINIMAL}blob_recovery: {{ max_concurrent_blob_syncs: 10 }}\nnmae: oops\n");
        let config = NodeConfig::parse(&text).unwrap();
        assert_eq!(config.ignored_keys(), (vec!["blob_recovery"], vec!["nmae"]));
    }

    #[test]
    fn keys_of_other_implementations_are_known_inside_sections_too() {
        let text = MINIMAL.replace("sui:", "sui:\n  gas_budget: 5\n  gas_budge: 5");
        let config = NodeConfig::parse(&text).unwrap();
        let ignored = (vec!["sui.gas_budget"], vec!["sui.gas_budge"]);
        assert_eq!(config.ignored_keys(), ignored);
    }

    #[test]
    fn unknown_keys_are_found_at_every_depth() {
        let text = MINIMAL.replace("sui:", "sui:\n  colour: red\n  wallet_config: wallet.yaml")
            + "rest_server: { max_connectoins: 3 }\ntls: { disable: true }\npending_sliver_cache: { x: { y: 1 } }\n";
        let config = NodeConfig::parse(&text).unwrap();
        assert_eq!(
            config.unknown_in_sections,
            [
                "sui.colour",
                "rest_server.max_connectoins",
                "tls.disable",
                "pending_sliver_cache.x"
            ]
        );
        let text = MINIMAL.replace("{ path: protocol.key }", "{ path: protocol.key, pth: x }");
        assert!(NodeConfig::parse(&text).is_err());
    }

    #[test]
    fn duties_that_are_not_supported_stop_the_start() {
        for (key, _) in DUTY_KEYS {
            let with = |value: &str| {
                let value = match key.split_once('.') {
                    Some((section, key)) => format!("{section}: {{ {key}: {value} }}"),
                    None => format!("{key}: {value}"),
                };
                NodeConfig::parse(&format!("{MINIMAL}{value}\n"))
            };
            let error = with("true").unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
            with("null").unwrap();
            with("false").unwrap();
        }
    }

    #[test]
    fn prices_in_dollars_need_a_source() {
        let dollars = "voting_params: { currency: NanoUSD, storage_price: 5 }\n";
        let with = |source: &str| NodeConfig::parse(&format!("{MINIMAL}{dollars}{source}\n"));
        let error = with("").unwrap_err().to_string();
        assert!(error.contains("wal_price_monitor"), "{error}");
        for wrong in [
            "{ url: 'ftp://a', pointer: /usd }",
            "{ url: 'http://a', pointer: usd }",
            "{ url: 'http://a' }",
        ] {
            assert!(
                with(&format!("wal_price_monitor: {wrong}")).is_err(),
                "{wrong}"
            );
        }
        let config = with("wal_price_monitor: { url: 'http://a', pointer: /usd }").unwrap();
        let monitor = config.wal_price_monitor.unwrap();
        assert_eq!(monitor.interval(), Duration::from_secs(600));
    }

    #[test]
    fn hosts_and_urls_that_nobody_can_use() {
        for host in [
            "b\u{fc}cher.example",
            "a b",
            "-a.example",
            "a..b",
            "http://a",
            "a:1",
            "[::1]",
        ] {
            let text = MINIMAL.replace(": node.example.com", &format!(": '{host}'"));
            let error = NodeConfig::parse(&text).unwrap_err().to_string();
            assert!(error.contains("public_host"), "{host}: {error}");
        }
        for host in [
            "::1",
            "127.0.0.1",
            "localhost",
            "xn--bcher-kva.example",
            "a_b.example.",
        ] {
            let text = MINIMAL.replace(": node.example.com", &format!(": '{host}'"));
            NodeConfig::parse(&text).unwrap();
        }
        for url in [
            "ws://a",
            "http://a:99999",
            "a.example",
            "http://",
            "http://a b",
        ] {
            let text = MINIMAL.replace("https://fullnode.example.com:443", &format!("'{url}'"));
            let error = NodeConfig::parse(&text).unwrap_err().to_string();
            assert!(error.contains("sui.rpc"), "{url}: {error}");
        }
    }

    #[test]
    fn the_home_directory_stands_wherever_a_path_does() {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        let text = MINIMAL
            .replace("/var/lib/walrus", "~/db")
            .replace("path: protocol.key", "path: ~/protocol.key")
            + "  wallet_config: { path: ~/wallet.yaml }\ntls: { certificate_path: ~/a.pem }\n";
        let config = NodeConfig::parse(&text).unwrap();
        assert_eq!(config.storage_path, home.join("db"));
        let path = home.join("protocol.key");
        assert_eq!(config.protocol_key_pair, KeySource::File { path });
        let wallet = config.sui.wallet_config.unwrap();
        assert_eq!(*wallet.path(), home.join("wallet.yaml"));
        assert_eq!(config.tls.certificate_path, Some(home.join("a.pem")));
        let other = MINIMAL.replace("/var/lib/walrus", "~somebody/db");
        assert!(NodeConfig::parse(&other).is_err());
    }

    #[test]
    fn shutdown_period_can_be_turned_off() {
        let text = format!("{MINIMAL}rest_graceful_shutdown_period_secs: null\n");
        let config = NodeConfig::parse(&text).unwrap();
        assert_eq!(config.rest_graceful_shutdown_period_secs, None);
    }

    #[test]
    fn errors_are_one_line() {
        for text in [
            "",
            "name: [",
            &MINIMAL.replace("public_port: 9185", "public_port: 70000"),
            &MINIMAL.replace("public_host: node.example.com", "public_host: ''"),
            &MINIMAL.replace("name: node-0", &format!("name: {}", "x".repeat(101))),
            &format!("{MINIMAL}tls: {{ disable_tls: true, certificate_path: a.pem }}\n"),
        ] {
            let error = NodeConfig::parse(text).unwrap_err().to_string();
            assert!(!error.trim().contains('\n'), "{error}");
        }
    }

    #[test]
    fn ids_are_text_and_other_forms_are_understood() {
        let id = "0x2134d52768ea07e8c43570ef975eb3e4c27a39fa6396bef985b5abc58d03ddd2";
        let config = NodeConfig::parse(MINIMAL).unwrap();
        assert!(config.to_yaml().unwrap().contains(id));
        let list = serde_json::to_string(&config.sui.system_object.0).unwrap();
        for form in [format!("'{id}'"), format!("\"{id}\""), list] {
            assert_eq!(
                NodeConfig::parse(&MINIMAL.replace(id, &form)).unwrap(),
                config,
                "{form}"
            );
        }
        for (form, id) in [("0x6", "0x6"), ("'0x6'", "0x6")] {
            let text = format!("{MINIMAL}storage_node_cap: {form}\n");
            let config = NodeConfig::parse(&text).unwrap();
            assert_eq!(config.storage_node_cap, Some(id.parse().unwrap()));
            assert_eq!(
                NodeConfig::parse(&config.to_yaml().unwrap()).unwrap(),
                config
            );
        }
        for wrong in ["'12'", "'0xzz'", "[1, 2]", "true"] {
            let text = format!("{MINIMAL}storage_node_cap: {wrong}\n");
            assert!(NodeConfig::parse(&text).is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_round_trips() {
        let config = NodeConfig::parse(MINIMAL).unwrap();
        assert_eq!(
            NodeConfig::parse(&config.to_yaml().unwrap()).unwrap(),
            config
        );
    }
}
