//! What the configuration says about the node and what the chain says: the difference, as a pure
//! function.

use walrus_contracts::types::{NodeMetadata, StakingPool};
use walrus_core::Frost;
use walrus_sui::contract::{NodeChanges, VoteChanges};

/// What the operator wants the chain to say about the node. What is `None` is left as it is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Announcement {
    /// The node's name.
    pub name: Option<String>,
    /// `host:port` under which clients reach it.
    pub network_address: Option<String>,
    /// Description for people.
    pub metadata: Option<NodeMetadata>,
    /// Its votes.
    pub votes: VoteChanges,
    /// By how many percent of the present vote a price has to differ to be voted for anew.
    pub price_tolerance_percent: u64,
    /// Its share of rewards, in hundredths of a percent.
    pub commission_rate: Option<u16>,
}

/// What has to be sent so that the chain says what the operator wants.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Difference {
    pub(super) info: NodeChanges,
    pub(super) votes: VoteChanges,
    pub(super) commission_rate: Option<u16>,
}

impl Difference {
    /// Compares with the node's pool and its metadata.
    pub(super) fn of(wanted: &Announcement, pool: &StakingPool, metadata: &NodeMetadata) -> Self {
        let info = &pool.node_info;
        let tolerance = wanted.price_tolerance_percent;
        let votes = &pool.voting_params;
        let price = |wanted: Option<Frost>, present: u64| {
            wanted.filter(|price| differs(price.0, present, tolerance))
        };
        // The rate that was set last counts, also while it is not in force yet.
        let commission_rate = pool
            .pending_commission_rate
            .0
            .contents
            .last()
            .map_or(u64::from(pool.commission_rate), |(_, rate)| *rate);
        Self {
            info: NodeChanges {
                name: wanted.name.clone().filter(|name| *name != info.name),
                network_address: wanted
                    .network_address
                    .clone()
                    .filter(|address| *address != info.network_address),
                network_public_key: None,
                metadata: wanted.metadata.clone().filter(|text| text != metadata),
            },
            votes: VoteChanges {
                storage_price: price(wanted.votes.storage_price, votes.storage_price),
                write_price: price(wanted.votes.write_price, votes.write_price),
                node_capacity: wanted
                    .votes
                    .node_capacity
                    .filter(|capacity| *capacity != votes.node_capacity),
            },
            commission_rate: wanted
                .commission_rate
                .filter(|rate| u64::from(*rate) != commission_rate),
        }
    }

    /// Names of what is different; empty if nothing is.
    pub(super) fn names(&self) -> Vec<&'static str> {
        [
            ("name", self.info.name.is_some()),
            ("network address", self.info.network_address.is_some()),
            ("metadata", self.info.metadata.is_some()),
            ("storage price", self.votes.storage_price.is_some()),
            ("write price", self.votes.write_price.is_some()),
            ("capacity", self.votes.node_capacity.is_some()),
            ("commission rate", self.commission_rate.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }
}

/// Whether a price is off by more than a share of what it is at present.
fn differs(wanted: u64, present: u64, tolerance_percent: u64) -> bool {
    let distance = u128::from(wanted.abs_diff(present));
    distance * 100 > u128::from(present) * u128::from(tolerance_percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_near_the_present_ones_stay() {
        assert!(!differs(100, 100, 0));
        assert!(differs(101, 100, 0));
        assert!(!differs(110, 100, 10) && !differs(90, 100, 10));
        assert!(differs(111, 100, 10) && differs(89, 100, 10));
        assert!(differs(1, 0, 10));
        assert!(!differs(u64::MAX, u64::MAX, u64::MAX));
    }
}
