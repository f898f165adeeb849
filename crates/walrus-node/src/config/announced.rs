//! What the operator wants the chain to say about the node.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use walrus_contracts::types::{NodeMetadata, VecMap};
use walrus_core::Frost;
use walrus_sui::contract::VoteChanges;

use super::NodeConfig;
use crate::chain::Announcement;

const DEFAULT_INTERVAL_SECS: u64 = 900;

/// `config_synchronizer`: how the chain is kept in step with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigSynchronizerConfig {
    /// Seconds between two comparisons.
    pub interval_secs: u64,
    /// Whether anything is compared.
    pub enabled: bool,
}

impl Default for ConfigSynchronizerConfig {
    fn default() -> Self {
        Self {
            interval_secs: DEFAULT_INTERVAL_SECS,
            enabled: true,
        }
    }
}

impl ConfigSynchronizerConfig {
    /// Time between two comparisons; `None` if nothing is compared.
    pub fn interval(&self) -> Option<Duration> {
        self.enabled
            .then(|| Duration::from_secs(self.interval_secs.max(1)))
    }
}

/// What prices in the configuration are counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Currency {
    /// The smallest unit of WAL.
    #[default]
    #[serde(rename = "FROST")]
    Frost,
    /// Billionths of a dollar. This version cannot convert them.
    #[serde(rename = "NanoUSD")]
    NanoUsd,
}

/// `voting_params`: the node's votes. What is absent is left as it is on chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VotingConfig {
    /// Currency of the prices.
    pub currency: Currency,
    /// Price of storing a MiB for an epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_price: Option<u64>,
    /// Price of writing a MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_price: Option<u64>,
    /// Capacity of the node, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_capacity: Option<u64>,
}

impl VotingConfig {
    /// Whether prices would have to be converted.
    pub(super) fn has_prices_in_dollars(&self) -> bool {
        self.currency == Currency::NanoUsd
            && (self.storage_price.is_some() || self.write_price.is_some())
    }
}

/// `metadata`: the node, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetadataConfig {
    /// URL of a picture.
    pub image_url: String,
    /// URL of the project.
    pub project_url: String,
    /// A sentence or two.
    pub description: String,
    /// Anything else.
    pub extra_fields: BTreeMap<String, String>,
}

impl NodeConfig {
    /// What the chain should say about the node.
    pub fn announcement(&self) -> Announcement {
        let votes = &self.voting_params;
        Announcement {
            name: Some(self.name.clone()),
            network_address: Some(format!("{}:{}", self.public_host, self.public_port)),
            metadata: self.metadata.as_ref().map(|metadata| NodeMetadata {
                image_url: metadata.image_url.clone(),
                project_url: metadata.project_url.clone(),
                description: metadata.description.clone(),
                extra_fields: VecMap {
                    contents: metadata.extra_fields.clone().into_iter().collect(),
                },
            }),
            votes: VoteChanges {
                storage_price: votes.storage_price.map(Frost),
                write_price: votes.write_price.map(Frost),
                node_capacity: votes.node_capacity,
            },
            commission_rate: self.commission_rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_configured_is_announced() {
        let minimal = crate::config::tests::minimal();
        let announcement = minimal.announcement();
        assert_eq!(announcement.name.as_deref(), Some("node-0"));
        let address = announcement.network_address.as_deref();
        assert_eq!(address, Some("node.example.com:9185"));
        assert_eq!(announcement.metadata, None);
        assert_eq!(announcement.votes, VoteChanges::default());
        assert_eq!(announcement.commission_rate, None);
    }

    #[test]
    fn votes_are_in_frost_and_dollars_are_refused() {
        let mut config = crate::config::tests::minimal();
        config.voting_params = VotingConfig {
            currency: Currency::Frost,
            storage_price: Some(5),
            write_price: None,
            node_capacity: Some(7),
        };
        let votes = config.announcement().votes;
        assert_eq!(
            (votes.storage_price, votes.write_price, votes.node_capacity),
            (Some(Frost(5)), None, Some(7))
        );
        assert!(!config.voting_params.has_prices_in_dollars());
        config.voting_params.currency = Currency::NanoUsd;
        assert!(config.voting_params.has_prices_in_dollars());
    }
}
