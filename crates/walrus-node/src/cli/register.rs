//! `walrus-node register`

use std::{fs, path::PathBuf};

use clap::Args;
use serde::Serialize;
use walrus_core::{Frost, ObjectId};
use walrus_node::{
    NodeConfig,
    config::{load_network_key, load_protocol_key},
};
use walrus_sui::contract::{NodeDescription, NodeVotes};

use super::{Failure, chain, files::write_private, report};

/// Exit code of the configuration.
const USAGE_FAILURE: u8 = 2;

/// Key of the configuration that says which node this is.
const CAP_KEY: &str = "storage_node_cap";

#[derive(Debug, Args)]
pub(super) struct Register {
    /// The configuration file; the capability is written into it
    #[arg(long, value_name = "FILE")]
    config_path: PathBuf,
    /// Register although the configuration names a capability
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    name: String,
    node_id: ObjectId,
    node_capability: ObjectId,
}

impl Register {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let config = chain::load_config(&self.config_path)?;
        if let Some(cap) = config.storage_node_cap
            && !self.force
        {
            return Err(Failure::new(
                format!(
                    "{CAP_KEY} is {cap}: the node is registered; use --force to register another"
                ),
                USAGE_FAILURE,
            ));
        }
        let node = description(&config)?;
        let contract = chain::contract(&config)?;
        // A registration of an earlier run, whose capability was not written down, is found again.
        let cap = contract
            .ensure_registered(&node)
            .await
            .map_err(|error| chain::failure(&error))?;
        self.write_down(cap.id)?;
        let registered = Registered {
            name: node.name,
            node_id: cap.node_id,
            node_capability: cap.id,
        };
        report(self.json, &registered, || {
            let file = self.config_path.display();
            format!(
                "Registered {:?}\nNode ID: {}\nNode capability: {}, written into {file}\n\n\
                 The node serves from the epoch on for which it is selected by its stake:\n  \
                 walrus-admin stake AMOUNT --node {}\n  walrus-node run --config-path {file}",
                registered.name, registered.node_id, registered.node_capability, registered.node_id
            )
        })
    }

    /// Puts the capability into the configuration and leaves everything else there as it is.
    fn write_down(&self, cap: ObjectId) -> Result<(), Failure> {
        let path = &self.config_path;
        let failed = |error: &dyn std::fmt::Display| {
            let path = path.display();
            let message =
                format!("cannot write {CAP_KEY}: '{cap}' into {path}: {error}; add it yourself");
            Failure::new(message, USAGE_FAILURE)
        };
        let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
        let text = with_cap(&text, cap);
        let written = NodeConfig::parse(&text).map_err(|error| failed(&error))?;
        if written.storage_node_cap != Some(cap) {
            return Err(failed(&"the file has an unusual form"));
        }
        write_private(path, &text, true)
    }
}

/// The text of a configuration with this capability.
fn with_cap(text: &str, cap: ObjectId) -> String {
    let line = format!("{CAP_KEY}: '{cap}'");
    let is_cap = |line: &str| {
        line.strip_prefix(CAP_KEY)
            .is_some_and(|rest| rest.trim_start().starts_with(':'))
    };
    let mut lines: Vec<&str> = text.lines().filter(|line| !is_cap(line)).collect();
    lines.push(&line);
    lines.join("\n") + "\n"
}

/// The node as its configuration describes it.
fn description(config: &NodeConfig) -> Result<NodeDescription, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error, USAGE_FAILURE);
    let votes = &config.voting_params;
    let announcement = config.announcement(None);
    let (Some(storage_price), Some(write_price), Some(node_capacity), Some(commission_rate)) = (
        announcement
            .votes
            .storage_price
            .or(in_dollars(votes.storage_price)),
        announcement
            .votes
            .write_price
            .or(in_dollars(votes.write_price)),
        votes.node_capacity,
        config.commission_rate,
    ) else {
        return Err(failed(
            &"the first votes of the node are missing: set voting_params.storage_price, .write_price and .node_capacity, and \
              commission_rate",
        ));
    };
    let protocol_key = load_protocol_key(&config.protocol_key_pair);
    let network_key = load_network_key(&config.network_key_pair).map_err(|error| failed(&error))?;
    Ok(NodeDescription {
        name: config.name.clone(),
        network_address: announcement.network_address.unwrap_or_default(),
        metadata: announcement.metadata.unwrap_or_default(),
        protocol_key: protocol_key.map_err(|error| failed(&error))?,
        network_public_key: network_key.public(),
        commission_rate,
        votes: NodeVotes {
            storage_price,
            write_price,
            node_capacity,
        },
    })
}

/// A price in dollars is voted for as if a WAL cost one, until the node runs and knows better.
fn in_dollars(nano_usd: Option<u64>) -> Option<Frost> {
    nano_usd.map(Frost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_capability_changes() {
        let cap = ObjectId([7; 32]);
        let text = "# mine\nname: a # here\n\nsui:\n  rpc: x";
        let with = with_cap(text, cap);
        assert_eq!(with, format!("{text}\nstorage_node_cap: '{cap}'\n"));
        let other = with_cap(&with, ObjectId([8; 32]));
        assert_eq!(other.matches(CAP_KEY).count(), 1, "{other}");
        assert!(with_cap("storage_node_cap : 0x1\nname: a\n", cap).starts_with("name: a\n"));
    }
}
