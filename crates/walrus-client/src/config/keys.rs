//! Which keys a configuration may have: what is none of them is reported, not swallowed.

use std::collections::BTreeSet;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

/// The keys of a mapping, whatever their values.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeSet<String>);

impl Keys {
    pub(super) fn contains(&self, key: &str) -> bool {
        self.0.contains(key)
    }

    /// The keys that are not among `known`.
    pub(super) fn except<'a>(&'a self, known: &'a [&str]) -> impl Iterator<Item = &'a String> {
        self.0.iter().filter(|key| !known.contains(&key.as_str()))
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysOnly;

        impl<'de> Visitor<'de> for KeysOnly {
            type Value = Keys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut keys = Keys::default();
                while let Some(key) = map.next_key()? {
                    map.next_value::<IgnoredAny>()?;
                    keys.0.insert(key);
                }
                Ok(keys)
            }
        }

        deserializer.deserialize_map(KeysOnly)
    }
}

/// The keys of the sections with keys of their own, whatever their values.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Sections {
    communication_config: Option<Keys>,
}

/// Top-level keys this client or another client of the same file knows.
const TOP_LEVEL_KEYS: [&str; 23] = [
    "system_object",
    "staking_object",
    "n_shards",
    "max_epochs_ahead",
    "exchange_objects",
    "credits_object",
    "walrus_subsidies_object",
    "treasury_object",
    "upgrade_manager_object",
    "slashing_manager_object",
    "governance_object",
    "wallet_config",
    "rpc_urls",
    "rpc_quorum",
    "cache_ttl_secs",
    "storage_node_scheme",
    "communication_config",
    "encryption",
    "refresh_config",
    "quilt_client_config",
    "byte_range_read_client_config",
    "streaming_config",
    "default_context",
];

/// Keys of `communication_config` this client or another client of the same file knows.
const COMMUNICATION_KEYS: [&str; 25] = [
    "max_concurrent_writes",
    "max_concurrent_sliver_reads",
    "max_concurrent_metadata_reads",
    "max_concurrent_status_reads",
    "max_data_in_flight",
    "reqwest_config",
    "request_rate_config",
    "disable_proxy",
    "disable_native_certs",
    "sliver_write_extra_time",
    "sliver_status_check_threshold",
    "tail_handling",
    "upload_mode",
    "data_in_flight_auto_tune",
    "pending_uploads_enabled",
    "pending_upload_grace_millis",
    "confirmation_long_poll_millis",
    "optimistic_upload_max_blob_bytes",
    "registration_delay_millis",
    "max_total_blob_size",
    "committee_change_backoff",
    "sui_client_request_timeout_millis",
    "checkpoint_wait_timeout_millis",
    "encoding_config",
    "child_process_uploads",
];

/// Dotted paths of the keys nobody knows.
pub(super) fn unknown(prefix: &str, keys: &Keys, sections: &Sections) -> Vec<String> {
    let top = keys
        .except(&TOP_LEVEL_KEYS)
        .map(|key| format!("{prefix}{key}"));
    let communication = sections
        .communication_config
        .iter()
        .flat_map(|keys| keys.except(&COMMUNICATION_KEYS))
        .map(|key| format!("{prefix}communication_config.{key}"));
    top.chain(communication).collect()
}
