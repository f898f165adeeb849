//! `walrus-admin unstake` and `walrus-admin withdraw`.

use std::collections::BTreeMap;

use anyhow::{bail, ensure};
use walrus_core::{Frost, ObjectId};
use walrus_sui::{
    contract::{Call, STAKES_PER_TRANSACTION_MAX},
    reader::StakeView,
    staking::{Exit, StakeStatus},
};

use super::stake::STAKE_MIN;
use crate::{
    args::{UnstakeArgs, WithdrawArgs},
    context::{Context, Moment, node_id},
    send::{SendPlan, Sending},
    show::count,
};

/// Takes stake out, or announces that it leaves, whatever the contracts ask for.
pub(crate) async fn unstake(context: &Context, args: UnstakeArgs) -> anyhow::Result<()> {
    let sending = context.sending(&args.send).await?;
    let moment = Moment::read(sending.reader()).await?;
    let views = match node_id(sending.reader(), args.node.as_ref()).await? {
        Some(node) => stakes_with(&sending, node).await?,
        None => sending.reader().stakes_by_id(&args.stakes).await?,
    };
    if let Some(amount) = args.amount {
        let [view] = &views[..] else {
            bail!("--amount takes a part of one stake: name exactly one")
        };
        return unstake_part(&sending, &moment, view, amount).await;
    }
    let (now, requests) = sort(&views, &moment)?;
    ensure!(
        now.len() + requests.len() <= STAKES_PER_TRANSACTION_MAX,
        "at most {STAKES_PER_TRANSACTION_MAX} stakes can be taken out at once; name some of them"
    );
    let mut sentences = Vec::new();
    if !now.is_empty() {
        sentences.push(withdrawal(&now));
    }
    for (payable_from, stakes) in by_epoch(&requests) {
        sentences.push(format!(
            "Announce the withdrawal of {} ({}), to be paid out from {} on, with `walrus-admin withdraw`.",
            count(stakes.len(), "stake"),
            sum(&stakes, StakeView::principal),
            moment.epoch(payable_from)
        ));
    }
    let ids = |views: &[&StakeView]| views.iter().map(|view| view.stake.id).collect();
    let requested: Vec<&StakeView> = requests.iter().map(|(_, view)| *view).collect();
    let call = Call::withdraw(ids(&now)).then(Call::request_withdrawal(ids(&requested)));
    let success = match (now.len(), requested.len()) {
        (0, requested) => format!("{} will leave", count(requested, "stake")),
        (now, 0) => format!("{} paid out", count(now, "stake")),
        (now, requested) => format!(
            "{} paid out, {} will leave",
            count(now, "stake"),
            count(requested, "stake")
        ),
    };
    sending
        .send_and_report(&call, SendPlan::new(sentences.join(" ")), &success)
        .await
}

/// The stake with one node that is not leaving yet.
async fn stakes_with(sending: &Sending, node: ObjectId) -> anyhow::Result<Vec<StakeView>> {
    let views = sending.reader().stakes(sending.sender()).await?;
    let with_node: Vec<StakeView> = views
        .into_iter()
        .filter(|view| view.stake.node_id == node)
        .filter(|view| !matches!(view.exit, Exit::Requested { .. }))
        .collect();
    ensure!(
        !with_node.is_empty(),
        "account {} has no stake with node {node} that is not leaving already",
        sending.sender()
    );
    Ok(with_node)
}

type Sorted<'a> = (Vec<&'a StakeView>, Vec<(u32, &'a StakeView)>);

/// What can be paid out now, and what has to be announced with the epoch from which it is paid out.
fn sort<'a>(views: &'a [StakeView], moment: &Moment) -> anyhow::Result<Sorted<'a>> {
    let (mut now, mut requests) = (Vec::new(), Vec::new());
    for view in views {
        match view.exit {
            Exit::Now => now.push(view),
            Exit::ByRequest { payable_from } => requests.push((payable_from, view)),
            Exit::Requested { payable_from } => bail!(
                "the withdrawal of stake {} is announced already; it is paid out from {} on",
                view.stake.id,
                moment.epoch(payable_from)
            ),
        }
    }
    Ok((now, requests))
}

fn by_epoch<'a>(requests: &[(u32, &'a StakeView)]) -> Vec<(u32, Vec<&'a StakeView>)> {
    let mut groups: BTreeMap<u32, Vec<&StakeView>> = BTreeMap::new();
    for (epoch, view) in requests {
        groups.entry(*epoch).or_default().push(view);
    }
    groups.into_iter().collect()
}

async fn unstake_part(
    sending: &Sending,
    moment: &Moment,
    view: &StakeView,
    amount: Frost,
) -> anyhow::Result<()> {
    let principal = view.principal();
    let rest = principal.0.checked_sub(amount.0).map(Frost);
    ensure!(
        amount >= STAKE_MIN && rest.is_some_and(|rest| rest >= STAKE_MIN),
        "of a stake of {} a part between {STAKE_MIN} and {} can leave, not {}",
        principal,
        Frost(principal.0.saturating_sub(STAKE_MIN.0)),
        amount
    );
    let stake = view.stake.id;
    let (call, sentence, success) = match view.exit {
        Exit::Now => (
            Call::withdraw_part(stake, amount),
            format!("Pay out {amount} of stake {stake} now."),
            format!("{amount} paid out"),
        ),
        Exit::ByRequest { payable_from } => (
            Call::request_partial_withdrawal(stake, amount),
            format!(
                "Split {} off stake {stake} and announce its withdrawal, to be paid out from {} on.",
                amount,
                moment.epoch(payable_from)
            ),
            format!("{amount} will leave"),
        ),
        Exit::Requested { payable_from } => bail!(
            "the withdrawal of stake {stake} is announced already; it is paid out from {} on",
            moment.epoch(payable_from)
        ),
    };
    sending
        .send_and_report(&call, SendPlan::new(sentence), &success)
        .await
}

/// Pays out stake whose withdrawal is due.
pub(crate) async fn withdraw(context: &Context, args: WithdrawArgs) -> anyhow::Result<()> {
    let sending = context.sending(&args.send).await?;
    let moment = Moment::read(sending.reader()).await?;
    let views = if args.stakes.is_empty() {
        due(&sending, &moment).await?
    } else {
        sending.reader().stakes_by_id(&args.stakes).await?
    };
    for view in &views {
        check_due(view, &moment)?;
    }
    ensure!(
        views.len() <= STAKES_PER_TRANSACTION_MAX,
        "at most {STAKES_PER_TRANSACTION_MAX} stakes can be paid out at once; name some of them"
    );
    let all: Vec<&StakeView> = views.iter().collect();
    let call = Call::withdraw(views.iter().map(|view| view.stake.id).collect());
    let success = format!("{} paid out", count(views.len(), "stake"));
    sending
        .send_and_report(&call, SendPlan::new(withdrawal(&all)), &success)
        .await
}

async fn due(sending: &Sending, moment: &Moment) -> anyhow::Result<Vec<StakeView>> {
    let (due, rest): (Vec<_>, Vec<_>) = sending
        .reader()
        .stakes(sending.sender())
        .await?
        .into_iter()
        .partition(|view| view.status == StakeStatus::Payable);
    if !due.is_empty() {
        return Ok(due);
    }
    let next = rest
        .iter()
        .filter_map(|view| match view.status {
            StakeStatus::Leaving { payable_from } => Some(payable_from),
            _ => None,
        })
        .min();
    match next {
        Some(epoch) => bail!(
            "no stake of {} is due; the next one is from {} on",
            sending.sender(),
            moment.epoch(epoch)
        ),
        None => bail!(
            "no stake of {} is leaving; announce a withdrawal with `walrus-admin unstake`",
            sending.sender()
        ),
    }
}

fn check_due(view: &StakeView, moment: &Moment) -> anyhow::Result<()> {
    let id = view.stake.id;
    match view.exit {
        Exit::Now => Ok(()),
        Exit::ByRequest { payable_from } => bail!(
            "the withdrawal of stake {id} has to be announced first with `walrus-admin unstake {id}`; announced \
             now, it is paid out from {} on",
            moment.epoch(payable_from)
        ),
        Exit::Requested { payable_from } => bail!(
            "stake {id} is paid out from {} on, not yet",
            moment.epoch(payable_from)
        ),
    }
}

fn withdrawal(views: &[&StakeView]) -> String {
    format!(
        "Pay out {}: {} and rewards of {}.",
        count(views.len(), "stake"),
        sum(views, StakeView::principal),
        sum(views, |view| view.rewards)
    )
}

fn sum(views: &[&StakeView], amount: impl Fn(&StakeView) -> Frost) -> Frost {
    views.iter().map(|view| amount(view)).sum()
}
