//! `walrus-admin set-commission` and `walrus-admin collect-commission`.

use anyhow::ensure;
use serde::Serialize;
use walrus_contracts::types::StakingPool;
use walrus_core::Frost;
use walrus_sui::{
    contract::{Call, Proof},
    reader::NodeRef,
};
use walrus_terminal::format::Rate;

use crate::{
    args::{NodeArgs, SetCommissionArgs},
    context::{Context, Moment, OwnNode, node_id, title},
    send::{SendPlan, Sending, Sent},
};

/// Epochs until a new commission rate is in force.
const COMMISSION_DELAY_EPOCHS: u32 = 2;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CollectReport {
    node_id: String,
    collected: Frost,
    /// What can be collected after the next end of voting.
    remaining: Frost,
    #[serde(flatten)]
    sent: Sent,
}

/// Sets the commission rate.
pub(crate) async fn set_rate(context: &Context, args: SetCommissionArgs) -> anyhow::Result<()> {
    let sending = context.sending(&args.node.send).await?;
    let node = OwnNode::find(sending.reader(), sending.sender(), args.node.node.as_ref()).await?;
    let moment = Moment::read(sending.reader()).await?;
    let first = moment.info.epoch + COMMISSION_DELAY_EPOCHS;
    let title = node.title();
    let rate = Rate(args.rate);
    let plan = SendPlan::new(format!(
        "The commission of {title} becomes {rate} (is {}) from {} on.",
        Rate(node.pool.commission_rate),
        moment.epoch(first)
    ));
    let call = Call::set_commission_rate(node.cap.id, args.rate)?;
    let success = format!("the commission of {title} is {rate} from epoch {first} on");
    sending.send_and_report(&call, plan, &success).await
}

/// The pool of `node`, or of the only node the account operates. Whoever has the right to its
/// commission need not operate it.
pub(super) async fn pool(sending: &Sending, node: Option<&NodeRef>) -> anyhow::Result<StakingPool> {
    Ok(match node_id(sending.reader(), node).await? {
        Some(node) => sending.reader().staking_pool(node).await?,
        None => {
            OwnNode::find(sending.reader(), sending.sender(), None)
                .await?
                .pool
        }
    })
}

/// Collects the commission.
pub(crate) async fn collect(context: &Context, args: NodeArgs) -> anyhow::Result<()> {
    let sending = context.sending(&args.send).await?;
    let reader = sending.reader();
    let pool = pool(&sending, args.node.as_ref()).await?;
    let title = title(&pool);
    let what = format!("the commission of {title}");
    let proof = Proof::find(reader, &pool.commission_receiver, sending.sender(), &what).await?;
    let commission = reader.commission(&pool).await?;
    let collected = commission.collectable;
    let remaining = Frost(commission.total.0.saturating_sub(collected.0));
    ensure!(
        collected.0 > 0,
        "{title} has no commission to collect now; {remaining} can be collected after the voting of the epoch has ended"
    );
    let plan = SendPlan::new(format!("Collect {collected} of commission of {title}."));
    let call = Call::collect_commission(pool.id, proof);
    let Some(executed) = sending.send(&call, plan).await? else {
        return Ok(());
    };
    let report = CollectReport {
        node_id: pool.id.to_string(),
        collected,
        remaining,
        sent: Sent::of(&executed),
    };
    sending.report(&report, || {
        format!(
            "Success: collected {} of commission\n{}",
            collected,
            report.sent.lines()
        )
    })
}
