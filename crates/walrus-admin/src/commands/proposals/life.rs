//! What moves a proposal on: `close`, `queue`, `execute`, `cancel`, `object`.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};
use walrus_contracts::types::{
    VecSet,
    voting::{Kind, ProposalState},
};
use walrus_core::{Frost, ObjectId};
use walrus_sui::{
    contract::Call,
    governance::{ProposalStep, state_name},
    reader::ProposalView,
};

use super::{Forum, open, package, words};
use crate::{
    args::{ExecuteArgs, NumberArgs, ObjectArgs},
    context::{Context, title},
    send::SendPlan,
};

/// Refuses a step that is not the next one, or not yet.
fn refuse(view: &ProposalView, forum: &Forum, step: &str) -> anyhow::Error {
    let standing = &view.standing;
    let name = words::title(view);
    if standing.step == ProposalStep::Over {
        return anyhow::anyhow!(
            "{name} cannot be {step}: it is {}",
            state_name(standing.state)
        );
    }
    anyhow::anyhow!(
        "{name} cannot be {step} now: it is {}; next: {}",
        state_name(standing.state),
        words::next(view, &forum.moment)
    )
}

/// Counts the votes, or settles what expired.
pub(super) async fn close(
    context: &Context,
    governance: Option<ObjectId>,
    args: NumberArgs,
) -> anyhow::Result<()> {
    let (sending, forum) = open(context, governance, &args.send).await?;
    let view = forum.proposal(args.number).await?;
    let refs = forum.refs();
    let name = words::title(&view);
    let (call, what) = match (view.standing.step, view.standing.state) {
        (ProposalStep::Close, ProposalState::Expired) => (
            Call::close_vote(refs, args.number).then(Call::expire_proposal(refs, args.number)),
            "passed, but was not queued in time: it expires".to_owned(),
        ),
        (ProposalStep::Close, state) => (
            Call::close_vote(refs, args.number),
            format!("is {}: {}", state_name(state), words::votes(&view.tally)),
        ),
        (ProposalStep::Expire, _) => (
            Call::expire_proposal(refs, args.number),
            "has expired".to_owned(),
        ),
        _ => return Err(refuse(&view, &forum, "closed")),
    };
    let plan = SendPlan::new(format!("Record that {name} {what}."));
    let success = format!("{name} {what}");
    forum
        .send_step(&sending, args.number, &call, plan, &success)
        .await
}

/// Queues what passed, counting the votes first if nobody did.
pub(super) async fn queue(
    context: &Context,
    governance: Option<ObjectId>,
    args: NumberArgs,
) -> anyhow::Result<()> {
    let (sending, forum) = open(context, governance, &args.send).await?;
    let view = forum.proposal(args.number).await?;
    let refs = forum.refs();
    let call = match (view.standing.step, view.standing.state) {
        (ProposalStep::Queue, _) => Call::queue_proposal(refs, args.number),
        (ProposalStep::Close, ProposalState::Passed) => {
            Call::close_vote(refs, args.number).then(Call::queue_proposal(refs, args.number))
        }
        _ => return Err(refuse(&view, &forum, "queued")),
    };
    let parameters = &view.proposal.parameters;
    let from = forum.epoch().saturating_add(parameters.delay_epochs);
    let plan = SendPlan::new(format!(
        "Queue {}: it can be executed from {} on, before {}.",
        words::title(&view),
        forum.moment.epoch(from),
        forum
            .moment
            .epoch(from.saturating_add(parameters.execution_epochs))
    ));
    let success = format!(
        "proposal {} is queued for {}",
        args.number,
        forum.moment.epoch(from)
    );
    forum
        .send_step(&sending, args.number, &call, plan, &success)
        .await
}

/// Takes an own proposal back.
pub(super) async fn cancel(
    context: &Context,
    governance: Option<ObjectId>,
    args: NumberArgs,
) -> anyhow::Result<()> {
    let (sending, forum) = open(context, governance, &args.send).await?;
    let view = forum.proposal(args.number).await?;
    let proposer = view.proposal.proposer;
    ensure!(
        proposer == sending.sender(),
        "only its proposer {proposer} can take {} back; nodes object to what passed with `walrus-admin proposals \
         object`",
        words::title(&view)
    );
    let deposit = Frost(view.proposal.deposit.value);
    let outcome = match view.standing.state {
        ProposalState::Pending => format!("the deposit of {deposit} is paid back"),
        ProposalState::Active => {
            format!("the deposit of {deposit} is lost, because the vote has begun")
        }
        _ => return Err(refuse(&view, &forum, "cancelled")),
    };
    let plan = SendPlan::new(format!("Take {} back; {outcome}.", words::title(&view)));
    let call = Call::cancel_proposal(forum.refs(), args.number);
    let success = format!("proposal {} is cancelled", args.number);
    forum
        .send_step(&sending, args.number, &call, plan, &success)
        .await
}

/// Objects to what passed.
pub(super) async fn object(
    context: &Context,
    governance: Option<ObjectId>,
    args: ObjectArgs,
) -> anyhow::Result<()> {
    let (sending, forum) = open(context, governance, &args.node.send).await?;
    let view = forum.proposal(args.number).await?;
    if !matches!(
        view.proposal.state,
        ProposalState::Passed | ProposalState::Queued
    ) {
        return Err(refuse(&view, &forum, "objected to"));
    }
    let ballot = view.proposal.ballot.as_ref().context("it had no vote")?;
    let nodes: Vec<ObjectId> = ballot.nodes.iter().map(|node| node.node_id).collect();
    let sender = sending.sender();
    let Some(node) = forum
        .choose_node(args.node.node.as_ref(), &nodes, sender)
        .await?
    else {
        bail!("account {sender} can vote for no node that could object");
    };
    let name = title(&node.pool);
    ensure!(
        !view.proposal.objections.contents.contains(&node.pool.id),
        "{name} has objected to {} already",
        words::title(&view)
    );
    let weight = ballot
        .nodes
        .iter()
        .find(|ballot| ballot.node_id == node.pool.id)
        .map_or(0, |ballot| ballot.weight);
    let objecting = view.proposal.objecting_weight.saturating_add(weight);
    let needed = ballot.total_weight / 3 + 1;
    let plan = SendPlan::new(format!(
        "{name} objects to {} with {weight} shards. Objections are then {objecting} shards; with {needed} the \
         proposal is cancelled. An objection cannot be taken back.",
        words::title(&view)
    ));
    let call = Call::object_to_proposal(forum.refs(), node.pool.id, node.proof, args.number);
    let success = format!("{name} objected to proposal {}", args.number);
    forum
        .send_step(&sending, args.number, &call, plan, &success)
        .await
}

/// Executes what is queued.
pub(super) async fn execute(
    context: &Context,
    governance: Option<ObjectId>,
    args: ExecuteArgs,
) -> anyhow::Result<()> {
    let (sending, forum) = open(context, governance, &args.send).await?;
    let view = forum.proposal(args.number).await?;
    let is_due = view.standing.is_due(forum.epoch());
    if view.standing.step != ProposalStep::Execute || !is_due {
        return Err(refuse(&view, &forum, "executed"));
    }
    let refs = forum.refs();
    let (call, how) = match &view.proposal.kind {
        Kind::Upgrade { digest } => {
            let managers = context.managers(&forum.reader).await?;
            let upgrade = package::find(&forum.reader, &args.package, digest).await?;
            let (manager, digest) = (managers.upgrade, upgrade.digest);
            let votes = forum.reader.upgrade_proposal(manager, digest).await?;
            let current = forum.reader.upgrade_manager(manager).await?.cap.package;
            let cast = votes.filter(|votes| votes.epoch == forum.epoch());
            let nodes = voters(&forum, cast.map(|votes| votes.voters)).await?;
            let how = nodes.describe();
            (
                Call::execute_upgrade(
                    refs,
                    args.number,
                    manager,
                    nodes.delegated,
                    upgrade,
                    current,
                ),
                how,
            )
        }
        Kind::Slash { node_id } => {
            let managers = context.managers(&forum.reader).await?;
            let manager = managers
                .slashing
                .context("this deployment has no slashing: give slashing_manager_object in the configuration")?;
            let votes = forum.reader.slashing_proposal(manager, *node_id).await?;
            let cast = votes.filter(|votes| votes.epoch == forum.epoch());
            let nodes = voters(&forum, cast.map(|votes| votes.voters)).await?;
            let treasury = forum.reader.treasury().await?;
            let how = nodes.describe();
            (
                Call::execute_slashing(refs, args.number, manager, treasury, nodes.delegated),
                how,
            )
        }
        Kind::ParameterAdvice { .. } | Kind::GovernanceParameters { .. } | Kind::FreeText => {
            (Call::execute_proposal(refs, args.number), String::new())
        }
    };
    let plan = SendPlan::new(format!(
        "Execute {}: {}.{how}",
        words::title(&view),
        words::effect(&view.proposal.kind)
    ));
    let success = format!("proposal {} is executed", args.number);
    forum
        .send_step(&sending, args.number, &call, plan, &success)
        .await
}

/// The nodes whose votes execute a proposal in package `walrus`.
struct Voters {
    /// Nodes that handed their authority over and have not voted there themselves.
    delegated: Vec<ObjectId>,
    /// Their shards.
    delegated_weight: usize,
    /// Shards of nodes that voted there themselves in this epoch.
    own_weight: usize,
}

impl Voters {
    fn describe(&self) -> String {
        let own = match self.own_weight {
            0 => String::new(),
            own => format!(
                ", together with {own} shards of nodes that voted for it in package walrus themselves"
            ),
        };
        format!(
            " Nodes that handed their authority over vote for it with {} shards{own}.",
            self.delegated_weight
        )
    }
}

async fn voters(forum: &Forum, cast: Option<VecSet<ObjectId>>) -> anyhow::Result<Voters> {
    let committee = forum.reader.current_committee().await?;
    let cast: BTreeSet<ObjectId> = cast.into_iter().flat_map(|set| set.contents).collect();
    let ids = forum.committee_ids().await?;
    let keys = forum.reader.voting_keys(&forum.state, &ids).await?;
    let weight = |id: &ObjectId| {
        committee
            .member(*id)
            .map_or(0, |(_, member)| member.shards.len())
    };
    let delegated: Vec<ObjectId> = ids
        .iter()
        .copied()
        .filter(|id| keys.contains_key(id) && !cast.contains(id))
        .collect();
    let delegated_weight: usize = delegated.iter().map(weight).sum();
    let own_weight: usize = cast.iter().map(weight).sum();
    ensure!(
        committee.is_quorum(delegated_weight + own_weight),
        "package walrus needs {} shards to carry this out, and there are {}: {delegated_weight} of nodes that handed \
         their authority over and {own_weight} of nodes that voted there themselves in this epoch; more nodes have \
         to do either (`walrus-admin delegate`)",
        walrus_core::bft::min_correct(committee.n_shards),
        delegated_weight + own_weight
    );
    Ok(Voters {
        delegated,
        delegated_weight,
        own_weight,
    })
}
