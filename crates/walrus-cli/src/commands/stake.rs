//! `walrus stake`.

use anyhow::ensure;
use clap::Args;
use serde::Serialize;
use walrus_core::{Frost, ObjectId};
use walrus_sui::{
    contract::{Call, STAKES_PER_TRANSACTION_MAX},
    reader::NodeRef,
};

use super::{
    context::Context,
    sent::{Sent, send},
    staked::{StakeObject, objects},
};
use crate::{
    args::parse,
    output::{print_json, print_text},
};

/// Options of `stake`.
#[derive(Debug, Args)]
pub(crate) struct StakeArgs {
    /// Nodes to stake with: names, IDs, or beginnings of them that fit one node only
    #[arg(long, alias = "node-id", visible_alias = "nodes", value_name = "NODE")]
    #[arg(required = true, num_args = 1..)]
    pub node_ids: Vec<NodeRef>,
    /// Amount for each node, or one for all, such as 1.5WAL; a bare number is in FROST
    #[arg(long, alias = "amount", num_args = 1.., value_name = "AMOUNT")]
    #[arg(value_parser = parse::frost, default_value = "1WAL")]
    pub amounts: Vec<Frost>,
}

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StakeResult {
    staked_wal: Vec<StakeObject>,
    #[serde(flatten)]
    sent: Sent,
}

/// Stakes WAL with nodes.
pub(crate) async fn run(context: &Context, args: StakeArgs) -> anyhow::Result<()> {
    let count = args.node_ids.len();
    ensure!(
        args.amounts.len() == 1 || args.amounts.len() == count,
        "there are {} amounts for {count} nodes: give one for all, or one for each",
        args.amounts.len()
    );
    ensure!(
        count <= STAKES_PER_TRANSACTION_MAX,
        "at most {STAKES_PER_TRANSACTION_MAX} stakes can be made at once"
    );
    let client = context.signing()?.client;
    let reader = client.reader();
    let mut stakes: Vec<(ObjectId, Frost)> = Vec::with_capacity(count);
    for (index, node) in args.node_ids.iter().enumerate() {
        let id = reader.node_id(node).await?;
        // A wrong ID is found before anything is sent.
        reader.staking_pool(id).await?;
        stakes.push((id, *args.amounts.get(index).unwrap_or(&args.amounts[0])));
    }
    let (executed, sent) = send(&client, &Call::stake(stakes.clone())).await?;
    let made: Vec<ObjectId> = executed
        .created("staked_wal", "StakedWal")
        .map(|object| object.id)
        .collect();
    let views = reader.stakes_by_id(&made).await?;
    if context.json() {
        return print_json(&StakeResult {
            staked_wal: objects(views.iter().map(|view| &view.stake)),
            sent,
        });
    }
    let lines: Vec<String> = views
        .iter()
        .map(|view| {
            format!(
                "  {}  {} with {:?}, active from epoch {}",
                view.stake.id,
                view.principal(),
                view.node_name,
                view.stake.activation_epoch
            )
        })
        .collect();
    let total: Frost = stakes.iter().map(|(_, amount)| *amount).sum();
    print_text(&format!(
        "Success: staked {total}\n{}\n{}",
        lines.join("\n"),
        sent.lines()
    ))
}
