//! `walrus-admin pools`.

use serde::Serialize;
use stdx::SaturatingFrom as _;
use walrus_core::Frost;
use walrus_sui::reader::NodePool;
use walrus_terminal::{
    format::{Capacity, Rate},
    output::{print_json, print_text},
    table::{self, TableArgs, essential, useful},
};

use crate::{args::PoolsArgs, context::Context};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PoolReport {
    node_id: String,
    name: String,
    network_address: String,
    shards: u16,
    shards_next: Option<u16>,
    stake: Frost,
    stake_next: Option<Frost>,
    commission_rate: u16,
    commission_rate_pending: Vec<PendingRate>,
    votes: VotesReport,
}

#[derive(Serialize)]
struct PendingRate {
    epoch: u32,
    rate: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VotesReport {
    storage_price: Frost,
    write_price: Frost,
    node_capacity: u64,
}

impl VotesReport {
    /// The votes of a node.
    pub(super) fn of(node: &NodePool) -> Self {
        let votes = node.pool.voting_params;
        Self {
            storage_price: Frost(votes.storage_price),
            write_price: Frost(votes.write_price),
            node_capacity: votes.node_capacity,
        }
    }
}

impl PoolReport {
    fn of(node: &NodePool) -> Self {
        let pool = &node.pool;
        Self {
            node_id: pool.id.to_string(),
            name: pool.node_info.name.clone(),
            network_address: pool.node_info.network_address.clone(),
            shards: node.shards,
            shards_next: node.shards_next,
            stake: Frost(pool.wal_balance),
            stake_next: node.stake_next,
            commission_rate: pool.commission_rate,
            commission_rate_pending: pool
                .pending_commission_rate
                .0
                .iter()
                .map(|(epoch, rate)| PendingRate {
                    epoch: *epoch,
                    rate: *rate,
                })
                .collect(),
            votes: VotesReport::of(node),
        }
    }
}

/// Lists nodes.
pub(crate) async fn run(context: &Context, args: PoolsArgs) -> anyhow::Result<()> {
    let reader = context.reader(&args.rpc)?;
    let nodes = reader.node_pools(args.all).await?;
    if context.json() {
        let reports: Vec<_> = nodes.iter().map(PoolReport::of).collect();
        return print_json(&reports);
    }
    if nodes.is_empty() {
        return print_text("No node has stake; --all lists those without");
    }
    print_text(&text(&nodes, args.table))
}

fn text(nodes: &[NodePool], table: TableArgs) -> String {
    let columns = [
        essential("Node"),
        essential("Shards").number(),
        essential("Stake").number(),
        useful("Stake for next").number(),
        essential("Commission").number(),
        useful("Capacity").number(),
        useful("Node ID"),
    ];
    let rows: Vec<Vec<String>> = nodes
        .iter()
        .map(|node| {
            let stake_next = node.stake_next.map(|stake| stake.to_string());
            vec![
                node.pool.node_info.name.clone(),
                shards(node),
                Frost(node.pool.wal_balance).to_string(),
                stake_next.unwrap_or_else(|| "-".to_owned()),
                commission(node),
                Capacity(node.pool.voting_params.node_capacity).to_string(),
                node.pool.id.to_string(),
            ]
        })
        .collect();
    table::text(&columns, &rows, table)
}

/// `3`, or `3 → 4` when the next committee is selected.
pub(super) fn shards(node: &NodePool) -> String {
    match node.shards_next {
        Some(next) if next != node.shards => format!("{} → {next}", node.shards),
        _ => node.shards.to_string(),
    }
}

/// `5%`, or `5% → 6% (epoch 9)` when a change is on its way.
pub(super) fn commission(node: &NodePool) -> String {
    let now = Rate(node.pool.commission_rate);
    let pending = node.pool.pending_commission_rate.0.iter();
    let changes: Vec<String> = pending
        .map(|(epoch, rate)| {
            let rate = Rate(u16::saturating_from(*rate));
            format!(" → {rate} (epoch {epoch})")
        })
        .collect();
    format!("{now}{}", changes.concat())
}
