//! `walrus-admin proposals vote`.

use anyhow::{bail, ensure};
use walrus_contracts::types::{
    StakedWalState,
    voting::{Choice, Tally},
};
use walrus_core::{Epoch, Frost, ObjectId};
use walrus_sui::{
    contract::{Call, Vote, Voter},
    governance::{Outlook, node_shares, without},
    reader::ProposalView,
};

use super::{
    Forum,
    authority::VotingNode,
    open,
    opening::{Opening, check_open},
    words,
};
use crate::{
    args::{ChoiceArg, VoteArgs},
    context::{Context, title},
    send::{SendPlan, Sending},
    show::count,
};

/// Limit of the contract, in bytes.
const REASON_LENGTH_MAX: usize = 512;

impl From<ChoiceArg> for Choice {
    fn from(choice: ChoiceArg) -> Self {
        match choice {
            ChoiceArg::Yes => Self::Yes,
            ChoiceArg::No => Self::No,
            ChoiceArg::Abstain => Self::Abstain,
        }
    }
}

/// Votes as a node or with stake.
pub(super) async fn run(
    context: &Context,
    governance: Option<ObjectId>,
    args: VoteArgs,
) -> anyhow::Result<()> {
    ensure!(
        args.reason
            .as_ref()
            .is_none_or(|reason| reason.len() <= REASON_LENGTH_MAX),
        "a reason has at most {REASON_LENGTH_MAX} bytes"
    );
    let (sending, forum) = open(context, governance, &args.node.send).await?;
    let view = forum.proposal(args.number).await?;
    let opening = check_open(&view, &forum)?;
    let vote = Vote {
        number: args.number,
        choice: args.choice.into(),
        reason: args.reason.clone(),
    };
    if args.all_stake || !args.stake.is_empty() {
        return with_stake(&sending, &forum, &view, opening, vote, &args.stake).await;
    }
    let nodes = snapshot(&forum, &view).await?;
    let sender = sending.sender();
    match forum
        .choose_node(args.node.node.as_ref(), &nodes, sender)
        .await?
    {
        Some(node) => as_node(&sending, &forum, &view, opening, vote, node).await,
        None => bail!(
            "account {sender} can vote for no node; with --all-stake it votes with its stake, if it has some"
        ),
    }
}

/// The nodes that vote: those of the snapshot, or of the committee if the vote opens now.
async fn snapshot(forum: &Forum, view: &ProposalView) -> anyhow::Result<Vec<ObjectId>> {
    match &view.proposal.ballot {
        Some(ballot) => Ok(ballot.nodes.iter().map(|node| node.node_id).collect()),
        None => forum.committee_ids().await,
    }
}

/// The calls that open the vote, if it is not open.
async fn opened(
    forum: &Forum,
    view: &ProposalView,
    opening: bool,
    node: Option<&VotingNode>,
) -> anyhow::Result<Call> {
    if !opening {
        return Ok(Call::empty());
    }
    let opening = Opening::read(forum, node.map(|node| node.pool.id)).await?;
    opening.require(view)?;
    Ok(opening.calls(forum, view.proposal.number, node))
}

async fn as_node(
    sending: &Sending,
    forum: &Forum,
    view: &ProposalView,
    opening: bool,
    vote: Vote,
    node: VotingNode,
) -> anyhow::Result<()> {
    let name = title(&node.pool);
    let weight = node_weight(forum, view, node.pool.id).await?;
    ensure!(
        weight > 0,
        "{name} was not in the committee when the vote on {} began; it has no vote",
        words::title(view)
    );
    let before = previous(view, node.pool.id);
    if before == Some(vote.choice) && vote.reason.is_none() {
        bail!(
            "{name} has voted {} on {} already",
            words::choice(vote.choice),
            words::title(view)
        );
    }
    let instead = before.map_or(String::new(), |before| {
        format!(" instead of {}", words::choice(before))
    });
    let mut plan = SendPlan::new(format!(
        "{name} votes {}{instead} on {}, with {}.{}",
        words::choice(vote.choice),
        words::title(view),
        count(usize::from(weight), "shard"),
        if opening {
            " The vote opens with it."
        } else {
            ""
        }
    ));
    if let Some(warning) = pointless(view, &others_of_node(view, node.pool.id)) {
        plan = plan.warn(warning);
    }
    let number = vote.number;
    let success = format!(
        "{name} voted {} on proposal {number}",
        words::choice(vote.choice)
    );
    let opened = opened(forum, view, opening, Some(&node)).await?;
    let vote = Call::vote_as_node(forum.refs(), node.pool.id, node.proof, vote);
    let call = opened.then(vote);
    forum
        .send_step(sending, number, &call, plan, &success)
        .await
}

/// Shards of a node in the vote; 0 if it has none.
async fn node_weight(forum: &Forum, view: &ProposalView, node: ObjectId) -> anyhow::Result<u16> {
    if let Some(ballot) = &view.proposal.ballot {
        let found = ballot.nodes.iter().find(|ballot| ballot.node_id == node);
        return Ok(found.map_or(0, |ballot| ballot.weight));
    }
    let committee = forum.reader.current_committee().await?;
    Ok(committee
        .member(node)
        .map_or(0, |(_, member)| member.weight()))
}

fn previous(view: &ProposalView, node: ObjectId) -> Option<Choice> {
    let ballot = view.proposal.ballot.as_ref()?;
    ballot
        .nodes
        .iter()
        .find(|ballot| ballot.node_id == node)?
        .choice
}

/// The votes without what a node says for itself.
fn others_of_node(view: &ProposalView, node: ObjectId) -> Tally {
    let Some(ballot) = &view.proposal.ballot else {
        return view.tally;
    };
    let found = ballot.nodes.iter().find(|ballot| ballot.node_id == node);
    let Some(node) = found else {
        return view.tally;
    };
    let silent = walrus_contracts::types::voting::NodeBallot {
        choice: None,
        ..node.clone()
    };
    let shares = node_shares(&silent);
    let own = shares
        .total
        .saturating_sub(shares.yes + shares.no + shares.abstain);
    without(&view.tally, node.choice, own)
}

/// A warning if a vote cannot matter any more, whatever it says: the others have decided.
fn pointless(view: &ProposalView, others: &Tally) -> Option<String> {
    view.proposal.ballot.as_ref()?;
    let decided = match view.bar.outlook(others) {
        Outlook::WillPass => "accepted",
        Outlook::WillFail => "refused",
        Outlook::Open => return None,
    };
    Some(format!(
        "this vote cannot matter any more: {} will be {decided} whatever it says, unless others change their votes",
        words::title(view)
    ))
}

/// A stake that can vote.
#[derive(Clone)]
struct Candidate {
    voter: Voter,
    stake: walrus_contracts::types::StakedWal,
}

async fn with_stake(
    sending: &Sending,
    forum: &Forum,
    view: &ProposalView,
    opening: bool,
    vote: Vote,
    chosen: &[ObjectId],
) -> anyhow::Result<()> {
    let opened_epoch = opened_epoch(forum, view);
    let voting = voting_stakes(sending, forum, view, chosen).await?;
    let opened = opened(forum, view, opening, None).await?;
    let principal: Frost = voting
        .iter()
        .map(|candidate| Frost(candidate.stake.principal.value))
        .sum();
    let ends = view.standing.until.filter(|_| !opening).unwrap_or_else(|| {
        opened_epoch
            .saturating_add(view.proposal.parameters.voting_epochs)
            .saturating_add(1)
    });
    let mut plan = SendPlan::new(format!(
        "{} of {} votes {} on {}. It stays locked until {}, and can be unlocked then with `walrus-admin proposals \
         unlock`; it goes on earning rewards.",
        count(voting.len(), "stake"),
        principal,
        words::choice(vote.choice),
        words::title(view),
        forum.moment.epoch(ends),
    ));
    let mut others = view.tally;
    for candidate in &voting {
        others = others_of_stake(forum, view, &others, candidate.stake.id).await?;
    }
    if let Some(warning) = pointless(view, &others) {
        plan = plan.warn(warning);
    }
    let number = vote.number;
    let success = format!(
        "{} voted {} on proposal {number}",
        count(voting.len(), "stake"),
        words::choice(vote.choice)
    );
    let voters = voting.iter().map(|candidate| candidate.voter).collect();
    let call = opened.then(Call::vote_with_stake(forum.refs(), voters, vote));
    forum
        .send_step(sending, number, &call, plan, &success)
        .await
}

/// The epoch whose stakes and committee decide.
fn opened_epoch(forum: &Forum, view: &ProposalView) -> Epoch {
    let ballot = view.proposal.ballot.as_ref();
    ballot.map_or(forum.epoch(), |ballot| ballot.opened_epoch)
}

/// The stakes that vote: those that were chosen, or all that can.
async fn voting_stakes(
    sending: &Sending,
    forum: &Forum,
    view: &ProposalView,
    chosen: &[ObjectId],
) -> anyhow::Result<Vec<Candidate>> {
    let mut all = candidates(sending, forum).await?;
    let opened_epoch = opened_epoch(forum, view);
    let nodes = snapshot(forum, view).await?;
    if chosen.is_empty() {
        all.retain(|candidate| why_not(candidate, opened_epoch, &nodes).is_none());
        ensure!(
            !all.is_empty(),
            "account {} has no stake that can vote on {}: it must have been active in epoch {opened_epoch}, with a \
             node of the committee of that epoch",
            sending.sender(),
            words::title(view)
        );
        return Ok(all);
    }
    let mut voting = Vec::new();
    for id in chosen {
        let found = all
            .iter()
            .find(|candidate| candidate.stake.id == *id || is_locked_as(candidate, *id));
        let Some(candidate) = found else {
            bail!("account {} owns no stake {id}", sending.sender())
        };
        if let Some(reason) = why_not(candidate, opened_epoch, &nodes) {
            bail!("stake {id} cannot vote on {}: {reason}", words::title(view));
        }
        voting.push(candidate.clone());
    }
    Ok(voting)
}

async fn candidates(sending: &Sending, forum: &Forum) -> anyhow::Result<Vec<Candidate>> {
    let sender = sending.sender();
    let free = forum.reader.owned_stake(sender).await?;
    let locked = forum
        .reader
        .owned_voting_stake(&forum.state, sender)
        .await?;
    let mut all: Vec<Candidate> = free
        .into_iter()
        .map(|stake| Candidate {
            voter: Voter::Stake(stake.id),
            stake,
        })
        .chain(locked.into_iter().map(|locked| Candidate {
            voter: Voter::VotingStake(locked.id),
            stake: locked.staked_wal,
        }))
        .collect();
    all.sort_by_key(|candidate| candidate.stake.id);
    Ok(all)
}

fn is_locked_as(candidate: &Candidate, id: ObjectId) -> bool {
    matches!(candidate.voter, Voter::VotingStake(locked) if locked == id)
}

/// Why a stake cannot take part in a vote that opened in `opened_epoch` for `nodes`.
fn why_not(candidate: &Candidate, opened_epoch: u32, nodes: &[ObjectId]) -> Option<String> {
    let stake = &candidate.stake;
    if stake.activation_epoch > opened_epoch {
        return Some(format!(
            "it is active from epoch {} on, and the vote began in epoch {opened_epoch}",
            stake.activation_epoch
        ));
    }
    match stake.state {
        StakedWalState::Withdrawing { withdraw_epoch } if withdraw_epoch <= opened_epoch => {
            return Some(format!("it left in epoch {withdraw_epoch}"));
        }
        _ => {}
    }
    if nodes.contains(&stake.node_id) {
        None
    } else {
        Some(format!(
            "its node {} was not in the committee when the vote began",
            stake.node_id
        ))
    }
}

/// The votes without those of a stake.
async fn others_of_stake(
    forum: &Forum,
    view: &ProposalView,
    tally: &Tally,
    stake: ObjectId,
) -> anyhow::Result<Tally> {
    let vote = forum.reader.stake_vote(&view.proposal, stake).await?;
    let (Some(vote), Some(ballot)) = (vote, &view.proposal.ballot) else {
        return Ok(*tally);
    };
    let found = ballot
        .nodes
        .iter()
        .find(|node| node.node_id == vote.node_id);
    let Some(node) = found else {
        return Ok(*tally);
    };
    let with = node_shares(node);
    let mut silent = node.clone();
    let part = match vote.choice {
        Choice::Yes => &mut silent.yes_stake,
        Choice::No => &mut silent.no_stake,
        Choice::Abstain => &mut silent.abstain_stake,
    };
    *part = part.saturating_sub(vote.value);
    // What the stake gives back falls to its node only when it votes; until then nobody says it.
    let own = match vote.choice {
        Choice::Yes => with.yes.saturating_sub(node_shares(&silent).yes),
        Choice::No => with.no.saturating_sub(node_shares(&silent).no),
        Choice::Abstain => with.abstain.saturating_sub(node_shares(&silent).abstain),
    };
    Ok(without(tally, Some(vote.choice), own))
}
