//! `walrus-admin stakes`.

use serde::Serialize;
use walrus_core::Frost;
use walrus_sui::{
    reader::StakeView,
    staking::{Exit, StakeStatus},
};
use walrus_terminal::output::{print_json, print_text};

use crate::{
    args::StakesArgs,
    context::{Context, Moment},
    show::{table, wal},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StakeReport {
    id: String,
    node_id: String,
    node_name: String,
    principal: Frost,
    rewards: Frost,
    state: &'static str,
    activation_epoch: u32,
    /// First epoch in which it can be withdrawn; if it is not announced, provided that it is announced now.
    withdrawable_from: u32,
    /// Whether the withdrawal still has to be announced.
    needs_request: bool,
}

impl StakeReport {
    fn of(view: &StakeView, moment: &Moment) -> Self {
        let (withdrawable_from, needs_request) = match view.exit {
            Exit::Now => (moment.info.epoch, false),
            Exit::ByRequest { payable_from } => (payable_from, true),
            Exit::Requested { payable_from } => (payable_from, false),
        };
        Self {
            id: view.stake.id.to_string(),
            node_id: view.stake.node_id.to_string(),
            node_name: view.node_name.clone(),
            principal: view.principal(),
            rewards: view.rewards,
            state: match view.status {
                StakeStatus::Pending { .. } => "pending",
                StakeStatus::Active => "active",
                StakeStatus::Idle => "idle",
                StakeStatus::Leaving { .. } => "leaving",
                StakeStatus::Payable => "payable",
            },
            activation_epoch: view.stake.activation_epoch,
            withdrawable_from,
            needs_request,
        }
    }
}

/// Lists stake.
pub(crate) async fn run(context: &Context, args: StakesArgs) -> anyhow::Result<()> {
    let owner = match args.owner {
        Some(owner) => owner,
        None => context.active_address()?,
    };
    let reader = context.reader(&args.rpc)?;
    let moment = Moment::read(&reader).await?;
    let views = reader.stakes(owner).await?;
    if context.json() {
        let reports: Vec<_> = views
            .iter()
            .map(|view| StakeReport::of(view, &moment))
            .collect();
        print_json(&reports)
    } else {
        print_text(&text(&views, &moment))
    }
}

fn text(views: &[StakeView], moment: &Moment) -> String {
    if views.is_empty() {
        return "No stake".to_owned();
    }
    let rows = views
        .iter()
        .map(|view| {
            vec![
                view.stake.id.to_string(),
                view.node_name.clone(),
                wal(view.principal()),
                wal(view.rewards),
                status(view, moment),
                exit(view, moment),
            ]
        })
        .collect();
    let table = table(
        &[
            "Stake ID",
            "Node",
            "Principal",
            "Rewards",
            "State",
            "Can leave",
        ],
        &[2, 3],
        rows,
    );
    let total = |amount: fn(&StakeView) -> Frost| wal(views.iter().map(amount).sum());
    format!(
        "{table}\nTotal: {} staked, {} of rewards (epoch {})",
        total(StakeView::principal),
        total(|view| view.rewards),
        moment.info.epoch
    )
}

fn status(view: &StakeView, moment: &Moment) -> String {
    match view.status {
        StakeStatus::Pending { active_from } => {
            format!("pending, active from {}", moment.epoch(active_from))
        }
        StakeStatus::Active => "active".to_owned(),
        StakeStatus::Idle => "idle: the node serves in no committee".to_owned(),
        StakeStatus::Leaving { .. } => "leaving".to_owned(),
        StakeStatus::Payable => "left, to be withdrawn".to_owned(),
    }
}

fn exit(view: &StakeView, moment: &Moment) -> String {
    match view.exit {
        Exit::Now => "now".to_owned(),
        Exit::ByRequest { payable_from } => {
            format!("if announced now, from {}", moment.epoch(payable_from))
        }
        Exit::Requested { payable_from } => format!("from {}", moment.epoch(payable_from)),
    }
}
