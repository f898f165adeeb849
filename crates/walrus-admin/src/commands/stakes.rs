//! `walrus-admin stakes`.

use serde::Serialize;
use walrus_core::Frost;
use walrus_sui::{
    reader::{LockedStake, StakeView},
    staking::{Exit, StakeStatus},
};
use walrus_terminal::{
    output::{print_json, print_text},
    table::{self, TableArgs, essential, useful},
};

use crate::{
    args::StakesArgs,
    context::{Context, Moment},
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
    /// First epoch in which it can be withdrawn; if it is not announced, provided that it is
    /// announced now.
    withdrawable_from: u32,
    /// Whether the withdrawal still has to be announced.
    needs_request: bool,
    /// Present for stake that has to be unlocked first.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<LockReport>,
}

/// Stake that takes part in votes on proposals.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LockReport {
    /// The object that holds the stake.
    voting_stake_id: String,
    proposals: Vec<u64>,
    /// First epoch in which all its votes are over; absent if it votes on nothing any more.
    until_epoch: Option<u32>,
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
            locked: None,
        }
    }

    fn locked(stake: &LockedStake, moment: &Moment) -> Self {
        Self {
            locked: Some(LockReport {
                voting_stake_id: stake.id.to_string(),
                proposals: stake.proposals.clone(),
                until_epoch: stake.votes_end,
            }),
            ..Self::of(&stake.view, moment)
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
    // Stake that votes is inside an object of the governance.
    let locked = match context.known_governance()? {
        Some(id) => {
            let governance = reader.governance(id).await?;
            reader.locked_stakes(&governance, owner).await?
        }
        None => Vec::new(),
    };
    if context.json() {
        let free = views.iter().map(|view| StakeReport::of(view, &moment));
        let locked = locked
            .iter()
            .map(|stake| StakeReport::locked(stake, &moment));
        print_json(&free.chain(locked).collect::<Vec<_>>())
    } else {
        print_text(&text(&views, &locked, &moment, args.table))
    }
}

fn text(views: &[StakeView], locked: &[LockedStake], moment: &Moment, table: TableArgs) -> String {
    if views.is_empty() && locked.is_empty() {
        return "No stake".to_owned();
    }
    let columns = [
        essential("Node"),
        essential("Principal").number(),
        essential("State"),
        essential("Can leave"),
        useful("Rewards").number(),
        useful("Stake ID"),
    ];
    let row = |view: &StakeView, state: String, exit: String| {
        vec![
            view.node_name.clone(),
            view.principal().to_string(),
            state,
            exit,
            view.rewards.to_string(),
            view.stake.id.to_string(),
        ]
    };
    let free = views
        .iter()
        .map(|view| row(view, status(view, moment), exit(view, moment)));
    let voting = locked.iter().map(|stake| {
        let (state, exit) = lock(stake, moment);
        row(&stake.view, state, exit)
    });
    let rows: Vec<Vec<String>> = free.chain(voting).collect();
    let all = || views.iter().chain(locked.iter().map(|stake| &stake.view));
    let principal: Frost = all().map(StakeView::principal).sum();
    let rewards: Frost = all().map(|view| view.rewards).sum();
    format!(
        "{}\nTotal: {principal} staked, {rewards} of rewards (epoch {})",
        table::text(&columns, &rows, table),
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

/// State of a stake that votes, and when it can leave.
fn lock(stake: &LockedStake, moment: &Moment) -> (String, String) {
    let numbers: Vec<String> = stake.proposals.iter().map(u64::to_string).collect();
    let voted = match &numbers[..] {
        [] => "locked".to_owned(),
        [one] => format!("locked by its vote on proposal {one}"),
        several => format!("locked by its votes on proposals {}", several.join(", ")),
    };
    match stake.votes_end.filter(|end| *end > moment.info.epoch) {
        Some(end) => (
            voted,
            format!("from {} on, once unlocked", moment.epoch(end)),
        ),
        None => (
            voted,
            "once unlocked: walrus-admin proposals unlock".to_owned(),
        ),
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
