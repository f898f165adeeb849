//! Who keeps the keys of private data.

use std::{collections::BTreeMap, num::NonZeroU8, str::FromStr};

use serde::{Deserialize, Serialize};
use stdx::SaturatingFrom as _;
use walrus_core::{ObjectId, SuiAddress};

use super::ConfigError;
use crate::key_servers::{Credentials, Settings};

/// The section `encryption` of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionFile {
    /// The first version of the package with policies, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies_package: Option<String>,
    /// The weight that is needed to decrypt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u8>,
    /// The key servers.
    #[serde(default)]
    pub key_servers: Vec<KeyServerFile>,
    /// Names of accounts for whom things are encrypted, and their addresses as text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recipients: BTreeMap<String, String>,
}

/// One key server of the section `encryption`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyServerFile {
    /// Its registered object, as text.
    pub object_id: String,
    /// How many shares it gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<NonZeroU8>,
    /// Name of the header with the API key that its operator demands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_name: Option<String>,
    /// The API key. Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// Who collects the answers of its members, if it is a committee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregator_url: Option<String>,
}

/// Who keeps the keys of private data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncryptionConfig {
    /// The first version of the package with policies.
    pub policies_package: Option<ObjectId>,
    /// The weight that is needed to decrypt; more than half of all if it is not given.
    pub threshold: Option<u8>,
    /// The key servers and their weights.
    pub key_servers: Vec<(ObjectId, NonZeroU8)>,
    /// What the chain does not say about them.
    pub settings: Settings,
    /// Accounts for whom things are encrypted, by the names that the user has given them.
    pub recipients: BTreeMap<String, SuiAddress>,
}

const PACKAGE_KEY: &str = "encryption.policies_package";
const SERVERS_KEY: &str = "encryption.key_servers";
const RECIPIENTS_KEY: &str = "encryption.recipients";

impl EncryptionFile {
    pub(super) fn resolve(self) -> Result<EncryptionConfig, ConfigError> {
        let mut config = EncryptionConfig {
            policies_package: self
                .policies_package
                .map(|text| id(PACKAGE_KEY, &text))
                .transpose()?,
            threshold: self.threshold,
            ..EncryptionConfig::default()
        };
        for server in self.key_servers {
            let id = id(SERVERS_KEY, &server.object_id)?;
            let invalid = |reason: String| ConfigError::Value {
                key: SERVERS_KEY,
                reason: format!("{id} {reason}"),
            };
            if config.key_servers.iter().any(|(known, _)| *known == id) {
                return Err(invalid(
                    "is listed twice; give it a weight instead".to_owned(),
                ));
            }
            match (server.api_key_name, server.api_key) {
                (Some(header), Some(key)) => {
                    let credentials = Credentials { header, key };
                    config.settings.credentials.insert(id, credentials);
                }
                (None, None) => {}
                _ => {
                    let reason = "has only one of api_key_name and api_key";
                    return Err(invalid(reason.to_owned()));
                }
            }
            if let Some(url) = server.aggregator_url {
                config.settings.aggregators.insert(id, url);
            }
            let weight = server.weight.unwrap_or(NonZeroU8::MIN);
            config.key_servers.push((id, weight));
        }
        for (name, text) in self.recipients {
            let address = text.trim().parse().map_err(|error| ConfigError::Value {
                key: RECIPIENTS_KEY,
                reason: format!("`{name}` is no address: {error}"),
            })?;
            config.recipients.insert(name, address);
        }
        Ok(config)
    }
}

fn id(key: &'static str, text: &str) -> Result<ObjectId, ConfigError> {
    ObjectId::from_str(text.trim()).map_err(|error| ConfigError::Value {
        key,
        reason: format!("`{text}`: {error}"),
    })
}

impl EncryptionConfig {
    /// The weight that is needed: more than half of all, unless it is configured.
    pub fn threshold(&self) -> u8 {
        self.threshold.unwrap_or_else(|| {
            let weights = self.key_servers.iter();
            let total: usize = weights.map(|(_, weight)| usize::from(weight.get())).sum();
            u8::saturating_from(total / 2 + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<EncryptionConfig, ConfigError> {
        let file: EncryptionFile = serde_saphyr::from_str(text).unwrap();
        file.resolve()
    }

    #[test]
    fn servers_have_weights_and_what_their_operators_demand() {
        let config = resolve(
            "policies_package: '0x5'
key_servers:
- {object_id: '0x1', weight: 2, api_key_name: X-API-Key, api_key: secret}
- {object_id: '0x2', aggregator_url: 'http://a'}
recipients: {ann: '0x3'}
",
        )
        .unwrap();
        assert_eq!(config.recipients["ann"], "0x3".parse().unwrap());
        assert_eq!(config.threshold(), 2);
        assert_eq!(config.key_servers.len(), 2);
        assert!(!format!("{config:?}").contains("secret"));
        assert_eq!(config.settings.aggregators.len(), 1);
    }

    #[test]
    fn contradictions_are_refused() {
        for text in [
            "key_servers: [{object_id: '0x1'}, {object_id: '0x01'}]",
            "key_servers: [{object_id: '0x1', api_key: x}]",
            "key_servers: [{object_id: one}]",
            "policies_package: x",
            "recipients: {ann: 'bob'}",
        ] {
            assert!(resolve(text).is_err(), "{text}");
        }
    }
}
