//! `walrus-node status`

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};
use walrus_client::{
    config::{CommunicationConfig, NodeScheme},
    node::{NodeClient, NodeError},
};
use walrus_core::{Epoch, Frost, NShards, ObjectId, node_api::HealthInfo};
use walrus_node::{NodeConfig, config::load_network_key};

use super::{Failure, chain, report};

/// Exit code of a node that does not serve.
const NOT_SERVING: u8 = 1;

/// Phases of a node that is up to date.
const ACTIVE: &str = "Active";
const STANDBY: &str = "Standby";

/// Pause between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Longest wait for the chain.
const CHAIN_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
#[command(after_help = "Exit code 0 if the node is up to date (active or on standby), 1 if not.")]
pub(super) struct Status {
    /// The configuration file of the node, which runs on this machine
    #[arg(long, value_name = "FILE")]
    config_path: PathBuf,
    /// Ask only the node, not the chain
    #[arg(long)]
    local: bool,
    /// Wait at most so many seconds until the node is in the committee and holds all its slivers
    #[arg(long, value_name = "SECONDS")]
    wait_active: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    health: HealthInfo,
    /// What the chain says; absent when it was not asked or did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_chain: Option<OnChain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain_error: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OnChain {
    node_id: ObjectId,
    name: String,
    network_address: String,
    stake: Frost,
    epoch: u32,
    shards: usize,
    in_next_committee: Option<bool>,
    sui_balance_mist: Option<u64>,
}

impl Status {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let config = chain::load_config(&self.config_path)?;
        let client = client(&config)?;
        let asked = match self.wait_active {
            Some(seconds) => {
                let epoch = if self.local {
                    0
                } else {
                    chain_epoch(&config).await
                };
                wait_active(&client, epoch, Duration::from_secs(seconds)).await
            }
            None => client.health(false).await,
        };
        let health = asked.map_err(|error| {
            let url = client.url();
            Failure::new(
                format!("the node at {url} does not answer: {error}"),
                NOT_SERVING,
            )
        })?;
        let (on_chain, chain_error) = match (self.local, config.storage_node_cap) {
            (true, _) => (None, None),
            (false, None) => (None, Some("the node is not registered".to_owned())),
            (false, Some(cap)) => match timeout(CHAIN_TIMEOUT, look(&config, cap)).await {
                Ok(Ok(on_chain)) => (Some(on_chain), None),
                Ok(Err(failure)) => (None, Some(failure.to_string())),
                Err(_) => (None, Some("the chain does not answer".to_owned())),
            },
        };
        let status = Report {
            health,
            on_chain,
            chain_error,
        };
        report(self.json, &status, || status.text())?;
        let phase = &status.health.node_status;
        let is_fine = phase == ACTIVE || (phase == STANDBY && self.wait_active.is_none());
        if is_fine {
            Ok(())
        } else {
            Err(Failure::new(
                format!("the node is not up to date: {phase}"),
                NOT_SERVING,
            ))
        }
    }
}

/// The epoch of the chain; 0 if it does not tell.
async fn chain_epoch(config: &NodeConfig) -> Epoch {
    let Ok(reader) = chain::reader(config) else {
        return 0;
    };
    match timeout(CHAIN_TIMEOUT, reader.epoch_info()).await {
        Ok(Ok(info)) => info.epoch,
        Ok(Err(_)) | Err(_) => 0,
    }
}

/// The last report within `patience`, or the first one of a node that is active in this epoch or a
/// later one.
async fn wait_active(
    client: &NodeClient,
    epoch: Epoch,
    patience: Duration,
) -> Result<HealthInfo, NodeError> {
    let deadline = Instant::now() + patience;
    loop {
        let asked = client.health(false).await;
        let is_active = asked
            .as_ref()
            .is_ok_and(|health| health.node_status == ACTIVE && health.epoch >= epoch);
        if is_active || Instant::now() >= deadline {
            return asked;
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// A client for the node of this configuration, on this machine.
fn client(config: &NodeConfig) -> Result<NodeClient, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error, 2);
    let mut address: SocketAddr = config.rest_api_address;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let key = load_network_key(&config.network_key_pair).map_err(|error| failed(&error))?;
    let communication = CommunicationConfig {
        node_scheme: if config.tls.disable_tls {
            NodeScheme::Http
        } else {
            NodeScheme::Https
        },
        ..CommunicationConfig::default()
    };
    // The health report does not depend on the number of shards.
    NodeClient::new(
        &address.to_string(),
        Some(&key.public()),
        NShards::MIN,
        &communication,
    )
    .map_err(|error| failed(&error))
}

/// What the chain says about the node.
async fn look(config: &NodeConfig, cap: ObjectId) -> Result<OnChain, Failure> {
    let reader = chain::reader(config)?;
    let read = async {
        let cap = reader.node_cap(cap).await?;
        let pool = reader.staking_pool(cap.node_id).await?;
        let committees = reader.committees().await?;
        Ok((cap, pool, committees))
    };
    let (cap, pool, committees) = read.await.map_err(|error| chain::failure(&error))?;
    let member = |committee: &walrus_sui::Committee| {
        let mut members = committee.members.iter();
        members
            .find(|member| member.node_id == cap.node_id)
            .cloned()
    };
    let balance = match chain::contract(config) {
        Ok(contract) => reader.sui_balance_mist(contract.address()).await.ok(),
        Err(_) => None,
    };
    Ok(OnChain {
        node_id: cap.node_id,
        name: pool.node_info.name,
        network_address: pool.node_info.network_address,
        stake: Frost(pool.wal_balance),
        epoch: committees.epoch,
        shards: member(&committees.current).map_or(0, |member| member.shards.len()),
        in_next_committee: committees.next.as_ref().map(|next| member(next).is_some()),
        sui_balance_mist: balance,
    })
}

impl Report {
    fn text(&self) -> String {
        let health = &self.health;
        let shards = health.shard_summary;
        let by_status = shards.owned_shard_status;
        let mut lines = vec![
            format!("Status:   {}, epoch {}", health.node_status, health.epoch),
            format!(
                "Shards:   {} ready, {} in transfer, {} in recovery, {} served for their new owners",
                by_status.ready, by_status.in_transfer, by_status.in_recovery, shards.read_only
            ),
            format!("Events:   {} processed", health.event_progress.persisted),
            format!("Up:       {} s", health.uptime.as_secs()),
        ];
        if let Some(reason) = &health.chain_unavailable {
            lines.push(format!("Chain:    does not answer the node: {reason}"));
        }
        if let Some(reason) = &self.chain_error {
            lines.push(format!("On chain: {reason}"));
        }
        if let Some(chain) = &self.on_chain {
            let stake = chain.stake;
            lines.push(format!(
                "On chain: {:?} at {}, stake {stake}, {} shards in epoch {}",
                chain.name, chain.network_address, chain.shards, chain.epoch
            ));
            lines.push(format!("Node ID:  {}", chain.node_id));
            match chain.in_next_committee {
                Some(true) => lines.push("Next:     in the next committee".to_owned()),
                Some(false) => lines.push("Next:     not in the next committee".to_owned()),
                None => {}
            }
            if let Some(balance) = chain.sui_balance_mist {
                lines.push(format!("Gas:      {balance} MIST"));
            }
            if chain.shards == 0 && shards.read_only == 0 && chain.in_next_committee != Some(true) {
                lines.push("The node holds no shards: it can be turned off".to_owned());
            }
        }
        lines.join("\n")
    }
}
