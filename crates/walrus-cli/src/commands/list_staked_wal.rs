//! `walrus list-staked-wal`.

use clap::Args;
use serde::Serialize;
use walrus_contracts::types::StakedWalState;
use walrus_core::{Frost, SuiAddress};
use walrus_sui::reader::StakeView;

use super::{
    context::Context,
    staked::{StakeObject, objects},
};
use crate::{
    args::RpcArgs,
    output::{
        print_json, print_text,
        table::{self, TableArgs, essential, useful},
    },
};

/// Options of `list-staked-wal`.
#[derive(Debug, Args)]
pub(crate) struct ListStakedWalArgs {
    /// Only stake that does not leave
    #[arg(long, conflicts_with = "withdrawing_only")]
    pub staked_only: bool,
    /// Only stake whose withdrawal is announced
    #[arg(long)]
    pub withdrawing_only: bool,
    /// Owner, instead of the active address of the wallet
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<SuiAddress>,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListResult {
    staked_wals: Vec<StakeObject>,
}

/// Lists the stake of an account.
pub(crate) async fn run(context: &Context, args: ListStakedWalArgs) -> anyhow::Result<()> {
    let owner = match args.owner {
        Some(owner) => owner,
        None => context.active_address()?,
    };
    let client = context.reading(&args.rpc)?.client;
    let mut views = client.reader().stakes(owner).await?;
    views.retain(|view| match view.stake.state {
        StakedWalState::Staked => !args.withdrawing_only,
        StakedWalState::Withdrawing { .. } => !args.staked_only,
    });
    if context.json() {
        return print_json(&ListResult {
            staked_wals: objects(views.iter().map(|view| &view.stake)),
        });
    }
    print_text(&text(&views, args.table))
}

fn text(views: &[StakeView], table: TableArgs) -> String {
    if views.is_empty() {
        return "No stake".to_owned();
    }
    let columns = [
        essential("Node"),
        essential("Principal").number(),
        essential("Rewards").number(),
        essential("State"),
        useful("Stake ID"),
    ];
    let state = |view: &StakeView| match view.stake.state {
        StakedWalState::Staked => {
            format!("staked, active from epoch {}", view.stake.activation_epoch)
        }
        StakedWalState::Withdrawing { withdraw_epoch } => {
            format!("leaves, payable from epoch {withdraw_epoch}")
        }
    };
    let rows: Vec<Vec<String>> = views
        .iter()
        .map(|view| {
            vec![
                view.node_name.clone(),
                view.principal().to_string(),
                view.rewards.to_string(),
                state(view),
                view.stake.id.to_string(),
            ]
        })
        .collect();
    let total: Frost = views.iter().map(StakeView::principal).sum();
    format!(
        "{}\n\nTotal: {total} staked",
        table::text(&columns, &rows, table)
    )
}
