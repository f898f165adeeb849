//! `walrus withdraw-stake`.

use anyhow::{bail, ensure};
use clap::Args;
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::{Frost, ObjectId};
use walrus_sui::{
    contract::{Call, STAKES_PER_TRANSACTION_MAX},
    reader::StakeView,
    staking::Exit,
};

use super::{
    context::Context,
    sent::{Sent, send},
};
use crate::output::{print_json, print_text};

/// Options of `withdraw-stake`.
#[derive(Debug, Args)]
pub(crate) struct WithdrawStakeArgs {
    /// Stakes to pay out; `walrus list-staked-wal` lists them
    #[arg(required = true, value_name = "STAKE_ID")]
    pub staked_wal_ids: Vec<ObjectId>,
}

/// The JSON result.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WithdrawResult {
    #[serde_as(as = "Vec<DisplayFromStr>")]
    staked_wal_ids: Vec<ObjectId>,
    #[serde(flatten)]
    sent: Sent,
}

/// Pays stake out, with its rewards.
pub(crate) async fn run(context: &Context, args: WithdrawStakeArgs) -> anyhow::Result<()> {
    ensure!(
        args.staked_wal_ids.len() <= STAKES_PER_TRANSACTION_MAX,
        "at most {STAKES_PER_TRANSACTION_MAX} stakes can be paid out at once"
    );
    let client = context.signing()?.client;
    let views = client.reader().stakes_by_id(&args.staked_wal_ids).await?;
    for view in &views {
        match view.exit {
            Exit::Now => {}
            Exit::ByRequest { .. } => bail!(
                "the withdrawal of stake {} has to be announced first: `walrus request-withdraw-stake {:?}`",
                view.stake.id,
                view.node_name
            ),
            Exit::Requested { payable_from } => bail!(
                "stake {} is payable from epoch {payable_from} on",
                view.stake.id
            ),
        }
    }
    let call = Call::withdraw(args.staked_wal_ids.clone());
    let (_, sent) = send(&client, &call).await?;
    if context.json() {
        return print_json(&WithdrawResult {
            staked_wal_ids: args.staked_wal_ids,
            sent,
        });
    }
    let principal: Frost = views.iter().map(StakeView::principal).sum();
    let rewards: Frost = views.iter().map(|view| view.rewards).sum();
    print_text(&format!(
        "Success: paid out {principal} and about {rewards} of rewards\n{}",
        sent.lines()
    ))
}
