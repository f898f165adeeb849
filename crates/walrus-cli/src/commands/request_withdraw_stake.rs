//! `walrus request-withdraw-stake`.

use anyhow::{bail, ensure};
use clap::Args;
use serde::Serialize;
use walrus_core::ObjectId;
use walrus_sui::{
    contract::{Call, STAKES_PER_TRANSACTION_MAX},
    reader::{NodeRef, StakeView},
    staking::Exit,
};

use super::{
    context::Context,
    sent::{Sent, send},
    staked::{StakeObject, objects},
};
use crate::output::{print_json, print_text};

/// Options of `request-withdraw-stake`.
#[derive(Debug, Args)]
pub(crate) struct RequestWithdrawArgs {
    /// Node the stake is with: its name, its ID, or a beginning that fits no other
    #[arg(value_name = "NODE")]
    pub node_id: NodeRef,
    /// Stakes; may be left out if there is exactly one with the node
    #[arg(value_name = "STAKE_ID")]
    pub staked_wal_ids: Vec<ObjectId>,
    /// Print what would be announced; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestResult {
    staked_wals: Vec<StakeObject>,
    #[serde(flatten)]
    sent: Option<Sent>,
}

/// Announces that stake leaves.
pub(crate) async fn run(context: &Context, args: RequestWithdrawArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let reader = client.reader();
    let node = reader.node_id(&args.node_id).await?;
    let owned = reader.stakes(client.contract()?.address()).await?;
    let with_node: Vec<StakeView> = owned
        .into_iter()
        .filter(|view| view.stake.node_id == node)
        .collect();
    let chosen = choose(&with_node, &args.staked_wal_ids)?;
    let payable_from = chosen.iter().filter_map(|view| match view.exit {
        Exit::ByRequest { payable_from } => Some(payable_from),
        _ => None,
    });
    let payable_from = payable_from.max().unwrap_or_default();
    let ids: Vec<ObjectId> = chosen.iter().map(|view| view.stake.id).collect();
    let sent = if args.dry_run {
        None
    } else {
        let call = Call::request_withdrawal(ids.clone());
        Some(send(&client, &call).await?.1)
    };
    let after = reader.stakes_by_id(&ids).await?;
    if context.json() {
        return print_json(&RequestResult {
            staked_wals: objects(after.iter().map(|view| &view.stake)),
            sent,
        });
    }
    let lines: Vec<String> = after
        .iter()
        .map(|view| {
            format!(
                "  {}  {} with {:?}",
                view.stake.id,
                view.principal(),
                view.node_name
            )
        })
        .collect();
    let lines = lines.join("\n");
    match sent {
        None => print_text(&format!(
            "Dry run: the withdrawal of this stake would be announced, payable from epoch {payable_from} on\n{lines}"
        )),
        Some(sent) => print_text(&format!(
            "Success: the withdrawal is announced; from epoch {payable_from} on `walrus withdraw-stake` pays it out\n\
             {lines}\n{}",
            sent.lines()
        )),
    }
}

/// The stakes that are meant, all of which can be announced.
fn choose<'a>(with_node: &'a [StakeView], ids: &[ObjectId]) -> anyhow::Result<Vec<&'a StakeView>> {
    let chosen: Vec<&StakeView> = if ids.is_empty() {
        let staked: Vec<&StakeView> = with_node
            .iter()
            .filter(|view| matches!(view.exit, Exit::ByRequest { .. }))
            .collect();
        match staked[..] {
            [] => bail!("the wallet has no stake with this node that could be announced to leave"),
            [only] => vec![only],
            _ => bail!(
                "the wallet has {} stakes with this node; name those that leave (`walrus list-staked-wal`)",
                staked.len()
            ),
        }
    } else {
        let mut chosen = Vec::with_capacity(ids.len());
        for id in ids {
            match with_node.iter().find(|view| view.stake.id == *id) {
                Some(view) => chosen.push(view),
                None => bail!("the wallet has no stake {id} with this node"),
            }
        }
        chosen
    };
    ensure!(
        chosen.len() <= STAKES_PER_TRANSACTION_MAX,
        "at most {STAKES_PER_TRANSACTION_MAX} stakes can be announced at once"
    );
    for view in &chosen {
        match view.exit {
            Exit::ByRequest { .. } => {}
            Exit::Now => bail!(
                "stake {} can leave at once: `walrus withdraw-stake {}`",
                view.stake.id,
                view.stake.id
            ),
            Exit::Requested { payable_from } => bail!(
                "the withdrawal of stake {} is announced already; it is payable from epoch {payable_from} on",
                view.stake.id
            ),
        }
    }
    Ok(chosen)
}
