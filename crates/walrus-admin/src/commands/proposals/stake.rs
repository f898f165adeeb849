//! `walrus-admin proposals unlock`.

use anyhow::{bail, ensure};
use walrus_contracts::types::voting::VotingStake;
use walrus_core::{Frost, ObjectId};
use walrus_sui::contract::Call;

use super::{Forum, open};
use crate::{args::UnlockArgs, context::Context, send::SendPlan, show::count};

/// Makes stake that voted stake again.
pub(super) async fn unlock(
    context: &Context,
    governance: Option<ObjectId>,
    args: UnlockArgs,
) -> anyhow::Result<()> {
    let (sending, forum) = open(context, governance, &args.send).await?;
    let all = forum
        .reader
        .owned_voting_stake(&forum.state, sending.sender())
        .await?;
    let chosen: Vec<&VotingStake> = if args.stakes.is_empty() {
        all.iter()
            .filter(|stake| locked_until(stake, forum.epoch()).is_none())
            .collect()
    } else {
        let mut chosen = Vec::new();
        for id in &args.stakes {
            let Some(stake) = all
                .iter()
                .find(|stake| stake.id == *id || stake.staked_wal.id == *id)
            else {
                bail!("account {} has no stake {id} that votes", sending.sender())
            };
            chosen.push(stake);
        }
        chosen
    };
    ensure!(!chosen.is_empty(), "{}", nothing(&all, &forum));
    let mut retracted = 0;
    let mut call = Call::empty();
    for stake in &chosen {
        if let Some(until) = locked_until(stake, forum.epoch()) {
            if !args.retract {
                bail!(
                    "stake {} takes part in votes until {}; --retract takes them back",
                    stake.id,
                    forum.moment.epoch(until)
                );
            }
            let numbers: Vec<u64> = stake.votes.iter().map(|(number, _)| *number).collect();
            retracted += numbers.len();
            call = call.then(Call::retract_stake_votes(forum.refs(), stake.id, numbers));
        }
    }
    let ids = chosen.iter().map(|stake| stake.id).collect();
    let call = call.then(Call::unlock_stake(forum.refs(), ids));
    let principal: Frost = chosen
        .iter()
        .map(|stake| Frost(stake.staked_wal.principal.value))
        .sum();
    let retraction = match retracted {
        0 => String::new(),
        votes => format!(" {} of it is taken back.", count(votes, "vote")),
    };
    let plan = SendPlan::new(format!(
        "Unlock {} of {}.{retraction}",
        count(chosen.len(), "stake"),
        principal
    ));
    let success = format!("{} unlocked", count(chosen.len(), "stake"));
    sending.send_and_report(&call, plan, &success).await
}

/// First epoch in which a stake takes part in no vote any more; `None` if it is free.
fn locked_until(stake: &VotingStake, epoch: u32) -> Option<u32> {
    let last = stake.votes.iter().map(|(_, end)| *end).max()?;
    (last > epoch).then_some(last)
}

fn nothing(all: &[VotingStake], forum: &Forum) -> String {
    let next = all
        .iter()
        .filter_map(|stake| locked_until(stake, forum.epoch()))
        .min();
    match next {
        None => "no stake of the account is locked".to_owned(),
        Some(until) => format!(
            "all locked stake takes part in votes; the first is free in {}",
            forum.moment.epoch(until)
        ),
    }
}
