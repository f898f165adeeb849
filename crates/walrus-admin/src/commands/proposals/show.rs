//! `walrus-admin proposals show` and `walrus-admin proposals rules`.

use serde::Serialize;
use walrus_contracts::types::voting::{Body, Parameters};
use walrus_core::{Frost, ObjectId};
use walrus_sui::{
    governance::{kind_name, node_shares},
    reader::ProposalView,
};
use walrus_terminal::{
    RpcArgs,
    format::Rate,
    output::{print_json, print_text},
};

use super::{Forum, list::ProposalReport, words};
use crate::{
    args::ShowArgs,
    context::Context,
    show::{count, facts, fitted_table, table},
};

/// Votes of stake that are shown though they give no reason.
const STAKES_SHOWN: usize = 10;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShowReport {
    #[serde(flatten)]
    proposal: ProposalReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_id: Option<String>,
    nodes: Vec<NodeVoteReport>,
    /// Votes of stake, the largest first.
    stakes: Vec<StakeVoteReport>,
    objecting_shards: u16,
    next: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeVoteReport {
    node_id: String,
    name: String,
    weight: u16,
    choice: Option<&'static str>,
    /// Parts of the node's weight, in millionths of a shard.
    yes: u64,
    no: u64,
    abstain: u64,
    reason: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StakeVoteReport {
    stake_id: String,
    node_id: String,
    node_name: String,
    choice: &'static str,
    /// What it was worth when the vote began.
    value: Frost,
    reason: Option<String>,
}

/// Shows a proposal.
pub(super) async fn run(
    context: &Context,
    governance: Option<ObjectId>,
    args: ShowArgs,
) -> anyhow::Result<()> {
    let reader = context.reader(&args.rpc)?;
    let forum = Forum::read(context, governance, &reader).await?;
    let view = forum.proposal(args.number).await?;
    let mut nodes = node_votes(&forum, &view).await?;
    let stakes = stake_votes(&forum, &view, &nodes).await?;
    let next = words::next(&view, &forum.moment);
    if context.json() {
        let (text, blob_id) = match &view.proposal.body {
            Body::Text(text) => (Some(text.clone()), None),
            Body::Blob(blob_id) => (None, Some(blob_id.to_string())),
        };
        return print_json(&ShowReport {
            proposal: ProposalReport::of(&view, forum.epoch()),
            text,
            blob_id,
            nodes,
            stakes,
            objecting_shards: view.proposal.objecting_weight,
            next,
        });
    }
    nodes.sort_by(|left, right| (right.weight, &left.name).cmp(&(left.weight, &right.name)));
    print_text(&text(&view, &nodes, &stakes, next))
}

async fn node_votes(forum: &Forum, view: &ProposalView) -> anyhow::Result<Vec<NodeVoteReport>> {
    let Some(ballot) = &view.proposal.ballot else {
        return Ok(Vec::new());
    };
    let ids: Vec<ObjectId> = ballot.nodes.iter().map(|node| node.node_id).collect();
    let pools = forum.reader.staking_pools(&ids).await?;
    let reasons = forum.reader.vote_reasons(&view.proposal, &ids).await?;
    Ok(ballot
        .nodes
        .iter()
        .zip(&pools)
        .map(|(node, pool)| {
            let shares = node_shares(node);
            NodeVoteReport {
                node_id: node.node_id.to_string(),
                name: pool.node_info.name.clone(),
                weight: node.weight,
                choice: node.choice.map(words::choice),
                yes: shares.yes,
                no: shares.no,
                abstain: shares.abstain,
                reason: reasons.get(&node.node_id).cloned(),
            }
        })
        .collect())
}

async fn stake_votes(
    forum: &Forum,
    view: &ProposalView,
    nodes: &[NodeVoteReport],
) -> anyhow::Result<Vec<StakeVoteReport>> {
    let votes = forum.reader.stake_votes(&view.proposal).await?;
    let reports = votes.into_iter().map(|vote| {
        let node_id = vote.vote.node_id.to_string();
        let node = nodes.iter().find(|node| node.node_id == node_id);
        StakeVoteReport {
            stake_id: vote.stake.to_string(),
            node_name: node.map_or_else(String::new, |node| node.name.clone()),
            node_id,
            choice: words::choice(vote.vote.choice),
            value: Frost(vote.vote.value),
            reason: vote.reason,
        }
    });
    Ok(reports.collect())
}

fn text(
    view: &ProposalView,
    nodes: &[NodeVoteReport],
    stakes: &[StakeVoteReport],
    next: String,
) -> String {
    let proposal = &view.proposal;
    let bar = &view.bar;
    let third = if bar.needs_third {
        ", and more than a third of all shards"
    } else {
        ""
    };
    let mut lines = vec![
        ("Proposal", proposal.number.to_string()),
        ("Title", proposal.title.clone()),
        ("Kind", kind_name(&proposal.kind).to_owned()),
        ("Would", words::effect(&proposal.kind)),
        ("Proposer", proposal.proposer.to_string()),
        ("Made in epoch", proposal.created_epoch.to_string()),
        ("State", words::state(view)),
        ("Next", next),
        (
            "Needs",
            format!(
                "{} of all shards voting, yes above {} of yes and no{third}",
                Rate(bar.quorum_bps),
                Rate(bar.threshold_bps)
            ),
        ),
    ];
    if proposal.ballot.is_some() {
        lines.push((
            "Votes",
            format!(
                "{} of {} shards",
                words::votes(&view.tally),
                words::shards(view.tally.total)
            ),
        ));
        if proposal.outcome.is_none() {
            lines.push(("Missing", words::missing(view)));
        }
    }
    if proposal.objecting_weight > 0 {
        let objecting = format!("{} shards", proposal.objecting_weight);
        lines.push(("Objections", objecting));
    }
    if proposal.deposit.value > 0 {
        lines.push(("Deposit", Frost(proposal.deposit.value).to_string()));
    }
    let body = match &proposal.body {
        Body::Text(text) => text.trim_end().to_owned(),
        Body::Blob(blob_id) => {
            format!("The text is in blob {blob_id}: walrus read {blob_id}")
        }
    };
    let mut text = format!("{}\n\n{body}", facts(&lines));
    if !nodes.is_empty() {
        text.push_str("\n\n");
        text.push_str(&node_table(nodes));
    }
    if !stakes.is_empty() {
        text.push_str("\n\n");
        text.push_str(&stake_table(stakes));
    }
    text
}

/// Votes of stake: the largest, and all that say why.
fn stake_table(stakes: &[StakeVoteReport]) -> String {
    let (shown, rest): (Vec<_>, Vec<_>) = stakes
        .iter()
        .enumerate()
        .partition(|(place, stake)| *place < STAKES_SHOWN || stake.reason.is_some());
    let rows = shown
        .iter()
        .map(|(_, stake)| {
            vec![
                stake.value.to_string(),
                stake.node_name.clone(),
                stake.choice.to_owned(),
                stake.reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let table = fitted_table(&["Stake", "Node", "Vote", "Reason"], &[0], rows);
    match rest.len() {
        0 => table,
        more => format!(
            "{table}\nand {} more without a reason",
            count(more, "stake")
        ),
    }
}

fn node_table(nodes: &[NodeVoteReport]) -> String {
    let rows = nodes
        .iter()
        .map(|node| {
            vec![
                node.name.clone(),
                node.node_id.clone(),
                node.weight.to_string(),
                node.choice.unwrap_or("-").to_owned(),
                words::shards(node.yes),
                words::shards(node.no),
                words::shards(node.abstain),
                node.reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table(
        &[
            "Node", "Node ID", "Shards", "Vote", "Yes", "No", "Abstain", "Reason",
        ],
        &[2, 4, 5, 6],
        rows,
    )
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RulesReport {
    governance_object: String,
    authority_object: String,
    package: String,
    #[serde(flatten)]
    parameters: Parameters,
}

/// Shows the rules in force.
pub(super) async fn rules(
    context: &Context,
    governance: Option<ObjectId>,
    rpc: &RpcArgs,
) -> anyhow::Result<()> {
    let reader = context.reader(rpc)?;
    let forum = Forum::read(context, governance, &reader).await?;
    let governance = &forum.state.governance;
    let parameters = governance.parameters;
    if context.json() {
        return print_json(&RulesReport {
            governance_object: governance.id.to_string(),
            authority_object: governance.delegations.authority.id.to_string(),
            package: forum.refs().package.to_string(),
            parameters,
        });
    }
    let epochs = |number: u32| match number {
        1 => "1 epoch".to_owned(),
        number => format!("{number} epochs"),
    };
    print_text(&facts(&[
        ("Governance object", governance.id.to_string()),
        (
            "Authority object",
            governance.delegations.authority.id.to_string(),
        ),
        ("Deposit", Frost(parameters.deposit).to_string()),
        ("Discussion", epochs(parameters.discussion_epochs)),
        (
            "Voting",
            format!(
                "the rest of the opening epoch and {}",
                epochs(parameters.voting_epochs)
            ),
        ),
        ("Delay", epochs(parameters.delay_epochs)),
        ("Time to execute", epochs(parameters.execution_epochs)),
        (
            "Quorum",
            format!("{} of all shards", Rate(parameters.quorum_bps)),
        ),
        (
            "Threshold",
            format!("above {} of yes and no", Rate(parameters.threshold_bps)),
        ),
        (
            "Deposit is lost",
            format!(
                "without quorum, or with more than {} of no",
                Rate(parameters.forfeit_bps)
            ),
        ),
    ]))
}
