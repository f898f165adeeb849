//! `walrus-admin stake`.

use anyhow::ensure;
use serde::Serialize;
use walrus_core::{FROST_PER_WAL, Frost, ObjectId};
use walrus_sui::{
    contract::{Call, STAKES_PER_TRANSACTION_MAX},
    staking::StakePlace,
};

use crate::{
    args::StakeArgs,
    context::{Context, Moment, title},
    send::{SendPlan, Sent},
};

/// The contracts take no smaller stake.
pub(super) const STAKE_MIN: Frost = Frost(FROST_PER_WAL);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Staked {
    stakes: Vec<NewStake>,
    #[serde(flatten)]
    sent: Sent,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewStake {
    id: String,
    node_id: String,
    principal: Frost,
    activation_epoch: u32,
}

/// Stakes with nodes.
pub(crate) async fn run(context: &Context, args: StakeArgs) -> anyhow::Result<()> {
    let amounts = amounts(args.nodes.len(), &args.amounts)?;
    let sending = context.sending(&args.send).await?;
    let reader = sending.reader();
    let mut stakes = Vec::with_capacity(amounts.len());
    for (node, amount) in args.nodes.iter().zip(amounts) {
        stakes.push((reader.node_id(node).await?, amount));
    }
    let moment = Moment::read(reader).await?;
    let state = reader.contract_state().await?;
    let selected = state.staking_inner.next_committee.is_some();
    let activation = moment.info.epoch + if selected { 2 } else { 1 };

    let mut parts = Vec::new();
    let mut plan = SendPlan::new("");
    for (node, amount) in &stakes {
        let pool = reader.staking_pool(*node).await?;
        parts.push(format!("{} with {}", *amount, title(&pool)));
        let place = StakePlace::of(&state, *node);
        if moment.info.epoch > 0 && !place.in_committee && !place.in_next_committee {
            plan = plan.warn(format!(
                "{} serves in no committee; stake with it earns nothing until it does",
                title(&pool)
            ));
        }
    }
    plan.sentence = format!(
        "Stake {}, active from {} on.",
        parts.join(", "),
        moment.epoch(activation)
    );
    let Some(executed) = sending.send(&Call::stake(stakes.clone()), plan).await? else {
        return Ok(());
    };
    let ids: Vec<ObjectId> = executed
        .created("staked_wal", "StakedWal")
        .map(|object| object.id)
        .collect();
    let mut created = reader.stakes_by_id(&ids).await?;
    // In the order of the command line.
    created.sort_by_key(|view| {
        let made = (view.stake.node_id, view.principal());
        stakes.iter().position(|asked| *asked == made)
    });
    let report = Staked {
        stakes: created
            .iter()
            .map(|view| NewStake {
                id: view.stake.id.to_string(),
                node_id: view.stake.node_id.to_string(),
                principal: view.principal(),
                activation_epoch: view.stake.activation_epoch,
            })
            .collect(),
        sent: Sent::of(&executed),
    };
    sending.report(&report, || {
        let lines: Vec<String> = report
            .stakes
            .iter()
            .map(|stake| {
                format!(
                    "Success: staked {} with {}, active from epoch {}\nStake ID: {}\n",
                    stake.principal, stake.node_id, stake.activation_epoch, stake.id
                )
            })
            .collect();
        format!("{}{}", lines.concat(), report.sent.lines())
    })
}

/// The amount of each node.
fn amounts(nodes: usize, amounts: &[Frost]) -> anyhow::Result<Vec<Frost>> {
    ensure!(
        amounts.len() == 1 || amounts.len() == nodes,
        "{} amounts do not fit {nodes} nodes: give one amount for all, or one for each",
        amounts.len(),
    );
    ensure!(
        nodes <= STAKES_PER_TRANSACTION_MAX,
        "at most {STAKES_PER_TRANSACTION_MAX} nodes can be staked with at once"
    );
    for amount in amounts {
        ensure!(
            *amount >= STAKE_MIN,
            "a stake is at least {STAKE_MIN}, not {}",
            *amount
        );
    }
    Ok(amounts.iter().copied().cycle().take(nodes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_amount_is_for_every_node() {
        let (one, two) = (Frost(FROST_PER_WAL), Frost(2 * FROST_PER_WAL));
        assert_eq!(amounts(2, &[one]).unwrap(), [one, one]);
        assert_eq!(amounts(2, &[one, two]).unwrap(), [one, two]);
        for wrong in [
            &[one, two, one][..],
            &[Frost(FROST_PER_WAL - 1)],
            &[one, Frost(0)],
        ] {
            assert!(amounts(2, wrong).is_err(), "{wrong:?}");
        }
    }
}
