//! `walrus health`.

use std::{collections::BTreeMap, num::NonZeroUsize};

use anyhow::bail;
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::{ArgGroup, Args, ValueEnum};
use futures::{StreamExt, stream};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use stdx::SaturatingFrom as _;
use walrus_client::{config::CommunicationConfig, node::NodeClient};
use walrus_contracts::types::StakingPool;
use walrus_core::{NShards, NetworkPublicKey, ObjectId, node_api::HealthInfo};
use walrus_sui::{SuiReader, reader::NodeRef};

use super::context::Context;
use crate::{
    args::RpcArgs,
    output::{
        format::Span,
        print_json, print_text,
        table::{self, TableArgs, essential, useful, wide},
    },
};

/// Options of `health`: which nodes is said in one of four ways.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("nodes").required(true).args(["node_ids", "node_urls", "committee", "active_set"]))]
pub(crate) struct HealthArgs {
    /// Nodes by their names or IDs, or beginnings of them that fit one node only
    #[arg(long, visible_aliases = ["node-id", "nodes", "node"], num_args = 1.., value_name = "NODE")]
    pub node_ids: Vec<NodeRef>,
    /// Registered nodes by their addresses, as URLs or HOST:PORT
    #[arg(long, alias = "node-url", num_args = 1.., value_name = "URL")]
    pub node_urls: Vec<String>,
    /// The nodes of the current committee
    #[arg(long)]
    pub committee: bool,
    /// The nodes from which committees are chosen
    #[arg(long)]
    pub active_set: bool,
    /// Ask for every shard too; shown with --json
    #[arg(long)]
    pub detail: bool,
    /// Order of the nodes
    #[arg(long, value_name = "KEY")]
    pub sort_by: Option<HealthSort>,
    /// Descending order
    #[arg(long)]
    pub desc: bool,
    /// Nodes asked at the same time
    #[arg(long, value_name = "N", default_value = "60")]
    pub concurrent_requests: NonZeroUsize,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Keys to sort nodes by in `health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HealthSort {
    /// What the node says it is doing
    Status,
    /// Node ID
    Id,
    /// Name
    Name,
    /// Network address
    Url,
}

/// Time for a node to answer.
const ANSWER_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HealthResult {
    health_info: Vec<NodeHealth>,
    /// The latest checkpoint that any node has seen.
    latest_seq: Option<u64>,
}

/// One node and what it says.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeHealth {
    #[serde_as(as = "DisplayFromStr")]
    node_id: ObjectId,
    node_url: String,
    node_name: String,
    network_public_key: String,
    health_info: Result<HealthInfo, String>,
}

/// Asks storage nodes how they are.
pub(crate) async fn run(context: &Context, args: HealthArgs) -> anyhow::Result<()> {
    let client = context.reading(&args.rpc)?.client;
    let pools = chosen(client.reader(), &args).await?;
    let n_shards = client.reader().contract_state().await?.n_shards;
    let config = &client.config().communication;
    let mut nodes: Vec<NodeHealth> = stream::iter(pools)
        .map(|pool| ask(pool, n_shards, config, args.detail))
        .buffered(args.concurrent_requests.get())
        .collect()
        .await;
    sort(&mut nodes, &args);
    let seen = nodes
        .iter()
        .filter_map(|node| node.health_info.as_ref().ok());
    let latest_seq = seen
        .filter_map(|health| health.latest_checkpoint_sequence_number)
        .max();
    let silent = nodes
        .iter()
        .filter(|node| node.health_info.is_err())
        .count();
    let result = HealthResult {
        health_info: nodes,
        latest_seq,
    };
    if context.json() {
        return print_json(&result);
    }
    print_text(&format!(
        "{}\n\n{} nodes, {silent} of them did not answer",
        text(&result, args.table),
        result.health_info.len()
    ))
}

async fn chosen(reader: &SuiReader, args: &HealthArgs) -> anyhow::Result<Vec<StakingPool>> {
    if !args.node_ids.is_empty() {
        let mut ids = Vec::with_capacity(args.node_ids.len());
        for node in &args.node_ids {
            ids.push(reader.node_id(node).await?);
        }
        return Ok(reader.staking_pools(&ids).await?);
    }
    if args.committee {
        let committee = reader.current_committee().await?;
        let ids: Vec<ObjectId> = committee
            .members
            .iter()
            .map(|member| member.node_id)
            .collect();
        return Ok(reader.staking_pools(&ids).await?);
    }
    if args.active_set {
        let nodes = reader.node_pools(false).await?.into_iter();
        let active = nodes.filter(|node| node.stake_next.is_some());
        return Ok(active.map(|node| node.pool).collect());
    }
    let mut by_address: BTreeMap<String, StakingPool> = reader
        .node_pools(true)
        .await?
        .into_iter()
        .map(|node| (node.pool.node_info.network_address.clone(), node.pool))
        .collect();
    let mut pools = Vec::new();
    for url in &args.node_urls {
        match by_address.remove(address_of(url)) {
            Some(pool) => pools.push(pool),
            None => bail!("no node is registered at {url}"),
        }
    }
    Ok(pools)
}

/// `host:port` of a URL, as nodes register it.
fn address_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.trim_end_matches('/')
}

async fn ask(
    pool: StakingPool,
    n_shards: NShards,
    config: &CommunicationConfig,
    detail: bool,
) -> NodeHealth {
    let info = pool.node_info;
    let key = info.network_public_key.as_slice().try_into().ok();
    let key = key.map(NetworkPublicKey);
    let health = async {
        let client = NodeClient::new(&info.network_address, key.as_ref(), n_shards, config)
            .map_err(|error| error.to_string())?;
        match tokio::time::timeout(ANSWER_TIMEOUT, client.health(detail)).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())),
        }
    };
    NodeHealth {
        health_info: health.await,
        node_id: info.node_id,
        node_name: info.name,
        network_public_key: BASE64_STANDARD.encode(&info.network_public_key),
        node_url: info.network_address,
    }
}

fn sort(nodes: &mut [NodeHealth], args: &HealthArgs) {
    match args.sort_by {
        Some(HealthSort::Id) => nodes.sort_by_key(|node| node.node_id),
        Some(HealthSort::Name) => nodes.sort_by(|left, right| left.node_name.cmp(&right.node_name)),
        Some(HealthSort::Url) => nodes.sort_by(|left, right| left.node_url.cmp(&right.node_url)),
        Some(HealthSort::Status) => nodes.sort_by_key(status),
        None => {}
    }
    if args.desc {
        nodes.reverse();
    }
}

fn status(node: &NodeHealth) -> String {
    match &node.health_info {
        Ok(health) => health.node_status.clone(),
        Err(error) => error.clone(),
    }
}

fn text(result: &HealthResult, table: TableArgs) -> String {
    let columns = [
        essential("Name"),
        essential("Status"),
        useful("Epoch").number(),
        useful("Shards").number(),
        useful("Ready").number(),
        useful("Behind").number(),
        useful("Uptime").number(),
        wide("Events pending").number(),
        wide("Address"),
        wide("Node ID"),
    ];
    let rows: Vec<Vec<String>> = result
        .health_info
        .iter()
        .map(|node| row(node, result.latest_seq))
        .collect();
    table::text(&columns, &rows, table)
}

fn row(node: &NodeHealth, latest_seq: Option<u64>) -> Vec<String> {
    let mut row = vec![node.node_name.clone(), status(node)];
    match &node.health_info {
        Ok(health) => {
            let seen = health.latest_checkpoint_sequence_number;
            let behind = seen.zip(latest_seq).map(|(seen, latest)| latest - seen);
            let uptime = u64::saturating_from(health.uptime.as_millis());
            let shards = &health.shard_summary;
            row.extend([
                health.epoch.to_string(),
                shards.owned.to_string(),
                shards.owned_shard_status.ready.to_string(),
                behind.map_or_else(String::new, |behind| behind.to_string()),
                Span(uptime).to_string(),
                health.event_progress.pending.to_string(),
            ]);
        }
        Err(_) => row.extend(std::iter::repeat_n(String::new(), 6)),
    }
    row.extend([node.node_url.clone(), node.node_id.to_string()]);
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_urls() {
        for url in ["h:1", "https://h:1", "http://h:1/"] {
            assert_eq!(address_of(url), "h:1");
        }
    }

    #[test]
    fn a_node_that_does_not_answer_is_a_row_whatever_its_error_says() {
        let result = HealthResult {
            health_info: vec![NodeHealth {
                node_id: ObjectId([1; 32]),
                node_url: "h:1".to_owned(),
                node_name: "harbour\x1b[31m".to_owned(),
                network_public_key: String::new(),
                health_info: Err("ä".repeat(100)),
            }],
            latest_seq: None,
        };
        let text = text(&result, TableArgs::default());
        assert!(text.contains(r"harbour\u{1b}[31m  ää"), "{text}");
    }
}
