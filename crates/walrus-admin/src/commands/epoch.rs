//! `walrus-admin epoch`.

use anyhow::{bail, ensure};
use serde::Serialize;
use walrus_sui::{
    EpochState,
    contract::Call,
    staking::{EpochStep, NextStep, epoch_start_ms},
};
use walrus_terminal::{
    RpcArgs,
    format::Span,
    output::{print_json, print_text},
};

use crate::{
    args::{NodeArgs, SendArgs},
    context::{Context, Moment, OwnNode},
    send::SendPlan,
    show::facts,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EpochReport {
    epoch: u32,
    state: &'static str,
    next_step: &'static str,
    /// In ms since 1970, by the chain's clock; absent if nodes decide.
    next_step_not_before_ms: Option<u64>,
    /// Whether anybody can do the next step now.
    next_step_due: bool,
    attested_shards: Option<u16>,
    missing_shards: Option<u16>,
    next_epoch_about_ms: u64,
    epoch_duration_ms: u64,
    chain_time_ms: u64,
}

impl EpochReport {
    fn of(moment: &Moment) -> Self {
        let Moment { info, now_ms } = moment;
        let next = NextStep::of(info);
        let (next_step, attested_shards, missing_shards) = match next.step {
            EpochStep::Sync { attested, missing } => ("syncDone", Some(attested), Some(missing)),
            EpochStep::EndVoting => ("votingEnd", None, None),
            EpochStep::ChangeEpoch => ("initiateEpochChange", None, None),
        };
        Self {
            epoch: info.epoch,
            state: match info.state {
                EpochState::ChangeSync { .. } => "changeSync",
                EpochState::ChangeDone { .. } => "changeDone",
                EpochState::NextParamsSelected { .. } => "nextParamsSelected",
            },
            next_step,
            next_step_not_before_ms: next.not_before_ms,
            next_step_due: next.is_due(*now_ms),
            attested_shards,
            missing_shards,
            next_epoch_about_ms: epoch_start_ms(info, info.epoch + 1, *now_ms),
            epoch_duration_ms: info.epoch_duration_ms,
            chain_time_ms: *now_ms,
        }
    }
}

/// Shows where the epoch stands.
pub(crate) async fn show(context: &Context, rpc: &RpcArgs) -> anyhow::Result<()> {
    let moment = Moment::read(&context.reader(rpc)?).await?;
    if context.json() {
        print_json(&EpochReport::of(&moment))
    } else {
        print_text(&text(&moment))
    }
}

fn text(moment: &Moment) -> String {
    let Moment { info, now_ms } = moment;
    let next = NextStep::of(info);
    let state = match next.step {
        EpochStep::Sync { .. } => "nodes are taking over their shards",
        EpochStep::EndVoting => "voting is open: stake and votes still count for the next epoch",
        EpochStep::ChangeEpoch => "the next committee is selected",
    };
    let step = match next.step {
        EpochStep::Sync { attested, missing } => format!(
            "nodes attest that they are in sync ({attested} shards did, {missing} more are needed)"
        ),
        EpochStep::EndVoting => format!("end of voting, {}", due(&next, *now_ms)),
        EpochStep::ChangeEpoch => {
            format!("start of epoch {}, {}", info.epoch + 1, due(&next, *now_ms))
        }
    };
    let start = epoch_start_ms(info, info.epoch + 1, *now_ms).saturating_sub(*now_ms);
    let next_epoch = match start {
        0 => "due now".to_owned(),
        wait => format!("in about {}", Span(wait)),
    };
    facts(&[
        ("Epoch", info.epoch.to_string()),
        ("State", state.to_owned()),
        ("Next step", step),
        ("Next epoch", next_epoch),
        ("Epoch duration", Span(info.epoch_duration_ms).to_string()),
    ])
}

fn due(next: &NextStep, now_ms: u64) -> String {
    match next.wait_ms(now_ms) {
        None => String::new(),
        Some(0) => "due now: anybody can do it with `walrus-admin epoch advance`".to_owned(),
        Some(wait) => format!("in {}", Span(wait)),
    }
}

/// Does the next step, if anybody may.
pub(crate) async fn advance(context: &Context, args: SendArgs) -> anyhow::Result<()> {
    let sending = context.sending(&args).await?;
    let reader = sending.reader();
    let Moment { info, now_ms } = Moment::read(reader).await?;
    let next = NextStep::of(&info);
    let wait = next.wait_ms(now_ms);
    let (call, plan, success) = match (next.step, wait) {
        (EpochStep::Sync { attested, missing }, _) => bail!(
            "epoch {} waits for its nodes: {attested} shards are attested, {missing} more are needed; only nodes \
             can move it on (`walrus-admin epoch sync-done`)",
            info.epoch
        ),
        (EpochStep::EndVoting, Some(0)) => (
            Call::voting_end(),
            SendPlan::new(format!(
                "End the voting of epoch {}: the committee and capacity of epoch {} are selected.",
                info.epoch,
                info.epoch + 1
            )),
            format!("the committee of epoch {} is selected", info.epoch + 1),
        ),
        (EpochStep::ChangeEpoch, Some(0)) => (
            Call::initiate_epoch_change(reader.treasury().await?),
            SendPlan::new(format!(
                "Start epoch {}: rewards of epoch {} are distributed, and shards move to the selected committee.",
                info.epoch + 1,
                info.epoch
            )),
            format!("epoch {} has started", info.epoch + 1),
        ),
        (EpochStep::EndVoting, wait) => bail!(
            "the voting of epoch {} cannot be ended yet, only in {}",
            info.epoch,
            Span(wait.unwrap_or_default())
        ),
        (EpochStep::ChangeEpoch, wait) => bail!(
            "epoch {} cannot be started yet, only in {}",
            info.epoch + 1,
            Span(wait.unwrap_or_default())
        ),
    };
    sending.send_and_report(&call, plan, &success).await
}

/// Attests for a node.
pub(crate) async fn sync_done(context: &Context, args: NodeArgs) -> anyhow::Result<()> {
    let sending = context.sending(&args.send).await?;
    let reader = sending.reader();
    let node = OwnNode::find(reader, sending.sender(), args.node.as_ref()).await?;
    let title = node.title();
    let committee = reader.current_committee().await?;
    let epoch = committee.epoch;
    ensure!(
        node.cap.last_epoch_sync_done < epoch,
        "{title} has attested for epoch {epoch} already"
    );
    let Some((_, member)) = committee.member(node.cap.node_id) else {
        bail!("{title} is not in the committee of epoch {epoch}: it has no shards to attest for")
    };
    let shards = member.shards.len();
    let plan = SendPlan::new(format!(
        "{title} attests that it holds its {shards} shards of epoch {epoch}."
    ))
    .warn("a running node attests by itself; do this only if the node holds all its shards");
    let call = Call::epoch_sync_done(node.cap.id, epoch);
    let success = format!("{title} attested for epoch {epoch}");
    sending.send_and_report(&call, plan, &success).await
}
