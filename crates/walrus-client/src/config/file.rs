//! A configuration file: its shape, merging, resolving.

use std::{
    num::{NonZeroU16, NonZeroUsize},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use walrus_core::{EpochCount, ObjectId};

use super::{
    Backoff, ClientConfig, CommunicationConfig, ConfigError, NodeScheme, SliverWriteExtraTime,
    TailHandling, UploadMode, encryption::EncryptionFile,
};

/// Default life time of values read from the chain.
const CACHE_TTL: Duration = Duration::from_secs(10);

/// A configuration file with a single context. Every key may be absent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ConfigFile {
    /// Object ID of the `System` object, as text.
    pub system_object: Option<String>,
    /// Object ID of the `Staking` object, as text.
    pub staking_object: Option<String>,
    /// Object ID of the treasury of WAL, as text.
    pub treasury_object: Option<String>,
    /// Object ID of the `UpgradeManager` object, as text.
    pub upgrade_manager_object: Option<String>,
    /// Object ID of the `SlashingManager` object, as text.
    pub slashing_manager_object: Option<String>,
    /// Object ID of the `Governance` object of the companion package, as text.
    pub governance_object: Option<String>,
    /// Number of shards.
    pub n_shards: Option<NonZeroU16>,
    /// How far ahead storage can be bought, in epochs.
    pub max_epochs_ahead: Option<EpochCount>,
    /// Exchanges that sell WAL.
    pub exchange_objects: Option<Vec<String>>,
    /// Which wallet signs.
    pub wallet_config: Option<WalletReference>,
    /// Sui full nodes.
    pub rpc_urls: Option<Vec<String>>,
    /// How many full nodes have to agree.
    pub rpc_quorum: Option<NonZeroUsize>,
    /// Life time of values read from the chain, in seconds.
    pub cache_ttl_secs: Option<u64>,
    /// `http` or `https`; see [`NodeScheme`].
    pub storage_node_scheme: Option<NodeScheme>,
    /// How to talk to storage nodes.
    pub communication_config: Option<CommunicationFile>,
    /// Who keeps the keys of private data.
    pub encryption: Option<EncryptionFile>,
}

/// Which wallet to use: `wallet_config: PATH`, or a mapping with any of the three keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalletReference {
    /// The wallet's `client.yaml`.
    pub path: Option<PathBuf>,
    /// Environment to use instead of the wallet's active one.
    pub active_env: Option<String>,
    /// Address to use instead of the wallet's active one, as text.
    pub active_address: Option<String>,
}

/// The section `communication_config` of a file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct CommunicationFile {
    max_concurrent_writes: Option<NonZeroUsize>,
    max_concurrent_sliver_reads: Option<NonZeroUsize>,
    max_concurrent_metadata_reads: Option<NonZeroUsize>,
    max_concurrent_status_reads: Option<NonZeroUsize>,
    max_data_in_flight: Option<usize>,
    reqwest_config: Option<HttpFile>,
    request_rate_config: Option<RequestRateFile>,
    disable_proxy: Option<bool>,
    sliver_write_extra_time: Option<ExtraTimeFile>,
    sliver_status_check_threshold: Option<usize>,
    tail_handling: Option<TailHandling>,
    upload_mode: Option<UploadMode>,
    confirmation_long_poll_millis: Option<u64>,
    registration_delay_millis: Option<u64>,
    max_total_blob_size: Option<u64>,
    committee_change_backoff: Option<BackoffFile>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct HttpFile {
    total_timeout_millis: Option<u64>,
    pool_idle_timeout_millis: Option<u64>,
    http2_keep_alive_timeout_millis: Option<u64>,
    http2_keep_alive_interval_millis: Option<u64>,
    http2_keep_alive_while_idle: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct RequestRateFile {
    max_node_connections: Option<NonZeroUsize>,
    backoff_config: Option<BackoffFile>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct BackoffFile {
    min_backoff_millis: Option<u64>,
    max_backoff_millis: Option<u64>,
    #[serde(default)]
    max_retries: RetriesFile,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct ExtraTimeFile {
    factor: Option<f64>,
    base_millis: Option<u64>,
}

/// `max_retries`: absent is the default, `null` means for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum RetriesFile {
    #[default]
    Absent,
    Present(Option<u32>),
}

impl<'de> Deserialize<'de> for RetriesFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Present)
    }
}

/// Fills the fields of `$self` that are absent from `$below`.
macro_rules! lay_over {
    ($self:ident, $below:ident: $($field:ident),+ $(,)?) => {
        Self { $($field: $self.$field.or($below.$field)),+ }
    };
}

impl ConfigFile {
    /// Lays this file over another one: keys present here win, sections are merged key by key.
    #[must_use]
    pub fn over(mut self, mut below: Self) -> Self {
        let communication_config = match (
            self.communication_config.take(),
            below.communication_config.take(),
        ) {
            (Some(top), Some(bottom)) => Some(top.over(bottom)),
            (top, bottom) => top.or(bottom),
        };
        let merged = lay_over!(self, below:
            system_object, staking_object, treasury_object, upgrade_manager_object,
            slashing_manager_object, governance_object, n_shards, max_epochs_ahead,
            exchange_objects, wallet_config, rpc_urls, rpc_quorum, cache_ttl_secs,
            storage_node_scheme, communication_config, encryption,
        );
        Self {
            communication_config,
            ..merged
        }
    }

    /// Fills in the defaults and checks every value.
    pub fn resolve(self) -> Result<ClientConfig, ConfigError> {
        let communication = self.communication_config.unwrap_or_default();
        let exchange_objects = self.exchange_objects.unwrap_or_default();
        Ok(ClientConfig {
            system_object: required("system_object", self.system_object)?,
            staking_object: required("staking_object", self.staking_object)?,
            treasury_object: optional("treasury_object", self.treasury_object)?,
            upgrade_manager_object: optional(
                "upgrade_manager_object",
                self.upgrade_manager_object,
            )?,
            slashing_manager_object: optional(
                "slashing_manager_object",
                self.slashing_manager_object,
            )?,
            governance_object: optional("governance_object", self.governance_object)?,
            n_shards: self.n_shards,
            max_epochs_ahead: self.max_epochs_ahead,
            exchange_objects: exchange_objects
                .iter()
                .map(|text| value("exchange_objects", text))
                .collect::<Result<_, _>>()?,
            wallet: self.wallet_config,
            rpc_urls: self.rpc_urls.unwrap_or_default(),
            rpc_quorum: self.rpc_quorum,
            cache_ttl: self.cache_ttl_secs.map_or(CACHE_TTL, Duration::from_secs),
            communication: communication.resolve(self.storage_node_scheme.unwrap_or_default())?,
            encryption: self.encryption.map(EncryptionFile::resolve).transpose()?,
        })
    }
}

fn required(key: &'static str, text: Option<String>) -> Result<ObjectId, ConfigError> {
    value(key, &text.ok_or(ConfigError::Missing(key))?)
}

fn optional(key: &'static str, text: Option<String>) -> Result<Option<ObjectId>, ConfigError> {
    text.map(|text| value(key, &text)).transpose()
}

fn value(key: &'static str, text: &str) -> Result<ObjectId, ConfigError> {
    ObjectId::from_str(text.trim()).map_err(|error| ConfigError::Value {
        key,
        reason: format!("`{text}`: {error}"),
    })
}

impl CommunicationFile {
    fn over(self, below: Self) -> Self {
        lay_over!(self, below:
            max_concurrent_writes, max_concurrent_sliver_reads, max_concurrent_metadata_reads,
            max_concurrent_status_reads, max_data_in_flight, reqwest_config, request_rate_config,
            disable_proxy, sliver_write_extra_time, sliver_status_check_threshold, tail_handling,
            upload_mode, confirmation_long_poll_millis, registration_delay_millis,
            max_total_blob_size, committee_change_backoff,
        )
    }

    fn resolve(self, node_scheme: NodeScheme) -> Result<CommunicationConfig, ConfigError> {
        let default = CommunicationConfig::default();
        let mode = self.upload_mode.unwrap_or_default();
        let http = self.reqwest_config.unwrap_or_default();
        let rate = self.request_rate_config.unwrap_or_default();
        let extra = self.sliver_write_extra_time.unwrap_or_default();
        Ok(CommunicationConfig {
            max_concurrent_writes: Some(
                self.max_concurrent_writes
                    .unwrap_or(mode.max_concurrent_writes()),
            ),
            max_concurrent_sliver_reads: self.max_concurrent_sliver_reads,
            max_concurrent_metadata_reads: self
                .max_concurrent_metadata_reads
                .unwrap_or(default.max_concurrent_metadata_reads),
            max_concurrent_status_reads: self.max_concurrent_status_reads,
            max_data_in_flight: self.max_data_in_flight.unwrap_or(mode.max_data_in_flight()),
            total_timeout: millis_or(http.total_timeout_millis, default.total_timeout),
            pool_idle_timeout: http.pool_idle_timeout_millis.map(Duration::from_millis),
            http2_keep_alive_timeout: millis_or(
                http.http2_keep_alive_timeout_millis,
                default.http2_keep_alive_timeout,
            ),
            http2_keep_alive_interval: http
                .http2_keep_alive_interval_millis
                .map(Duration::from_millis)
                .or(default.http2_keep_alive_interval),
            http2_keep_alive_while_idle: http
                .http2_keep_alive_while_idle
                .unwrap_or(default.http2_keep_alive_while_idle),
            max_node_connections: rate
                .max_node_connections
                .unwrap_or(default.max_node_connections),
            backoff: resolve_backoff(
                "communication_config.request_rate_config.backoff_config",
                rate.backoff_config,
                default.backoff,
            )?,
            disable_proxy: self.disable_proxy.unwrap_or(default.disable_proxy),
            sliver_write_extra_time: SliverWriteExtraTime {
                factor: finite(
                    extra
                        .factor
                        .unwrap_or(default.sliver_write_extra_time.factor),
                )?,
                base: millis_or(extra.base_millis, default.sliver_write_extra_time.base),
            },
            sliver_status_check_threshold: self
                .sliver_status_check_threshold
                .unwrap_or(default.sliver_status_check_threshold),
            tail_handling: self.tail_handling.unwrap_or_default(),
            registration_delay: millis_or(
                self.registration_delay_millis,
                default.registration_delay,
            ),
            confirmation_long_poll: millis_or(
                self.confirmation_long_poll_millis,
                default.confirmation_long_poll,
            ),
            max_total_blob_size: self
                .max_total_blob_size
                .unwrap_or(default.max_total_blob_size),
            committee_change_backoff: resolve_backoff(
                "communication_config.committee_change_backoff",
                self.committee_change_backoff,
                default.committee_change_backoff,
            )?,
            node_scheme,
        })
    }
}

fn millis_or(millis: Option<u64>, default: Duration) -> Duration {
    millis.map_or(default, Duration::from_millis)
}

fn finite(factor: f64) -> Result<f64, ConfigError> {
    if factor.is_finite() && factor >= 0.0 {
        return Ok(factor);
    }
    Err(ConfigError::Value {
        key: "communication_config.sliver_write_extra_time.factor",
        reason: format!("{factor} is not a number of zero or more"),
    })
}

fn resolve_backoff(
    key: &'static str,
    file: Option<BackoffFile>,
    default: Backoff,
) -> Result<Backoff, ConfigError> {
    let file = file.unwrap_or_default();
    let backoff = Backoff {
        min: millis_or(file.min_backoff_millis, default.min),
        max: millis_or(file.max_backoff_millis, default.max),
        max_retries: match file.max_retries {
            RetriesFile::Absent => default.max_retries,
            RetriesFile::Present(retries) => retries,
        },
    };
    if backoff.min > backoff.max {
        return Err(ConfigError::Value {
            key,
            reason: "min_backoff_millis is greater than max_backoff_millis".to_owned(),
        });
    }
    Ok(backoff)
}

impl<'de> Deserialize<'de> for WalletReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrMap;

        impl<'de> Visitor<'de> for PathOrMap {
            type Value = WalletReference;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the path of a wallet file, or a mapping with path, active_env and active_address")
            }

            fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<Self::Value, E> {
                Ok(WalletReference {
                    path: Some(PathBuf::from(path)),
                    ..WalletReference::default()
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut reference = WalletReference::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "path" => reference.path = map.next_value()?,
                        "active_env" => reference.active_env = map.next_value()?,
                        "active_address" => reference.active_address = map.next_value()?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(reference)
            }
        }

        deserializer.deserialize_any(PathOrMap)
    }
}
