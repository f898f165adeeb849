//! What the operator wants the chain to say about the node.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use walrus_contracts::types::{NodeMetadata, VecMap};
use walrus_core::Frost;
use walrus_sui::contract::VoteChanges;

use super::NodeConfig;
use crate::chain::Announcement;

const DEFAULT_INTERVAL_SECS: u64 = 900;

const DEFAULT_THRESHOLD_PERCENT: u64 = 10;

const DEFAULT_PRICE_INTERVAL_SECS: u64 = 600;

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
    /// Billionths of a dollar, converted by what `wal_price_monitor` tells.
    #[serde(rename = "NanoUSD")]
    NanoUsd,
}

/// `voting_params`: the node's votes. What is absent is left as it is on chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// By how many percent prices in dollars have to move before they are voted for anew.
    #[serde(
        default = "default_threshold",
        skip_serializing_if = "is_default_threshold"
    )]
    pub price_update_threshold_percent: u64,
    /// Capacity of the node, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_capacity: Option<u64>,
}

impl Default for VotingConfig {
    fn default() -> Self {
        Self {
            currency: Currency::default(),
            storage_price: None,
            write_price: None,
            price_update_threshold_percent: DEFAULT_THRESHOLD_PERCENT,
            node_capacity: None,
        }
    }
}

fn default_threshold() -> u64 {
    DEFAULT_THRESHOLD_PERCENT
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
fn is_default_threshold(percent: &u64) -> bool {
    *percent == DEFAULT_THRESHOLD_PERCENT
}

impl VotingConfig {
    /// Whether prices would have to be converted.
    pub(crate) fn has_prices_in_dollars(&self) -> bool {
        self.currency == Currency::NanoUsd
            && (self.storage_price.is_some() || self.write_price.is_some())
    }
}

/// `wal_price_monitor`: where the price of WAL in dollars is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceMonitorConfig {
    /// URL that answers with JSON.
    pub url: String,
    /// Where in the answer the price is: a JSON pointer, such as `/walrus/usd`.
    pub pointer: String,
    /// Seconds between two questions.
    #[serde(default = "default_price_interval")]
    pub interval_secs: u64,
}

fn default_price_interval() -> u64 {
    DEFAULT_PRICE_INTERVAL_SECS
}

impl PriceMonitorConfig {
    /// Time between two questions.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_secs.max(1))
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
    /// What the chain should say about the node. Prices in dollars are left out as long as it is
    /// not known what a WAL costs.
    pub fn announcement(&self, usd_per_wal: Option<f64>) -> Announcement {
        let votes = &self.voting_params;
        let in_dollars = votes.currency == Currency::NanoUsd;
        let price = |price: Option<u64>| match (price, in_dollars) {
            (Some(frost), false) => Some(Frost(frost)),
            (Some(nano_usd), true) => usd_per_wal.map(|rate| to_frost(nano_usd, rate)),
            (None, _) => None,
        };
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
                storage_price: price(votes.storage_price),
                write_price: price(votes.write_price),
                node_capacity: votes.node_capacity,
            },
            price_tolerance_percent: if in_dollars {
                votes.price_update_threshold_percent
            } else {
                0
            },
            commission_rate: self.commission_rate,
        }
    }
}

/// So many FROST cost `nano_usd` billionths of a dollar. A WAL has as many FROST as a dollar has
/// billionths, so the price of a WAL in dollars is that of a FROST in billionths.
fn to_frost(nano_usd: u64, usd_per_wal: f64) -> Frost {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a price is rounded anyway, the bounds of the rate keep it positive, and the cast saturates"
    )]
    let frost = (nano_usd as f64 / usd_per_wal).round() as u64;
    Frost(frost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_configured_is_announced() {
        let minimal = crate::config::tests::minimal();
        let announcement = minimal.announcement(None);
        assert_eq!(announcement.name.as_deref(), Some("node-0"));
        let address = announcement.network_address.as_deref();
        assert_eq!(address, Some("node.example.com:9185"));
        assert_eq!(announcement.metadata, None);
        assert_eq!(announcement.votes, VoteChanges::default());
        assert_eq!(announcement.commission_rate, None);
    }

    #[test]
    fn votes_are_in_frost_or_in_dollars() {
        let mut config = crate::config::tests::minimal();
        config.voting_params = VotingConfig {
            currency: Currency::Frost,
            storage_price: Some(5),
            write_price: None,
            node_capacity: Some(7),
            ..VotingConfig::default()
        };
        let votes = config.announcement(None).votes;
        assert_eq!(
            (votes.storage_price, votes.write_price, votes.node_capacity),
            (Some(Frost(5)), None, Some(7))
        );
        assert!(!config.voting_params.has_prices_in_dollars());
        config.voting_params.currency = Currency::NanoUsd;
        assert!(config.voting_params.has_prices_in_dollars());
        let unknown = config.announcement(None);
        assert_eq!(unknown.votes.storage_price, None);
        assert_eq!(unknown.votes.node_capacity, Some(7));
        let known = config.announcement(Some(0.25));
        assert_eq!(known.votes.storage_price, Some(Frost(20)));
        assert_eq!(known.price_tolerance_percent, 10);
    }

    #[test]
    fn dollars_become_frost() {
        assert_eq!(to_frost(100_000, 0.5), Frost(200_000));
        assert_eq!(to_frost(100_000, 2.0), Frost(50_000));
        assert_eq!(to_frost(0, 0.5), Frost(0));
        assert_eq!(to_frost(u64::MAX, 0.000_01), Frost(u64::MAX));
        assert_eq!(to_frost(1, 100_000.0), Frost(0));
    }
}
