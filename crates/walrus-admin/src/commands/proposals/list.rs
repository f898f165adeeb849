//! `walrus-admin proposals list`.

use serde::Serialize;
use walrus_contracts::types::voting::Tally;
use walrus_core::ObjectId;
use walrus_sui::{
    governance::{Outlook, ProposalStep, kind_name, state_name},
    reader::ProposalView,
};
use walrus_terminal::output::{print_json, print_text};

use super::{Forum, words};
use crate::{args::ListArgs, context::Context, show::fitted_table};

/// A proposal in JSON: what `list` prints, and `show` with more.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProposalReport {
    number: u64,
    title: String,
    kind: &'static str,
    effect: String,
    proposer: String,
    deposit: u64,
    created_epoch: u32,
    state: &'static str,
    /// What the votes cast so far lead to, if nobody changes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    outlook: Option<&'static str>,
    /// Millionths of a shard.
    votes: VotesReport,
    missing_to_quorum: u64,
    missing_yes: u64,
    next_step: &'static str,
    next_step_from_epoch: u32,
    next_step_until_epoch: Option<u32>,
    next_step_due: bool,
}

#[derive(Serialize)]
struct VotesReport {
    yes: u64,
    no: u64,
    abstain: u64,
    total: u64,
}

impl From<&Tally> for VotesReport {
    fn from(tally: &Tally) -> Self {
        Self {
            yes: tally.yes,
            no: tally.no,
            abstain: tally.abstain,
            total: tally.total,
        }
    }
}

impl ProposalReport {
    /// The report of a proposal in `epoch`.
    pub(super) fn of(view: &ProposalView, epoch: u32) -> Self {
        let proposal = &view.proposal;
        let is_voting = view.standing.step == ProposalStep::Vote;
        Self {
            number: proposal.number,
            title: proposal.title.clone(),
            kind: kind_name(&proposal.kind),
            effect: words::effect(&proposal.kind),
            proposer: proposal.proposer.to_string(),
            deposit: proposal.deposit.value,
            created_epoch: proposal.created_epoch,
            state: state_name(view.standing.state),
            outlook: is_voting.then(|| match view.outlook() {
                Outlook::WillPass => "willPass",
                Outlook::WillFail => "willFail",
                Outlook::Open => "open",
            }),
            votes: VotesReport::from(&view.tally),
            missing_to_quorum: view.bar.missing_to_quorum(&view.tally),
            missing_yes: view.bar.missing_yes(&view.tally),
            next_step: match view.standing.step {
                ProposalStep::Open => "open",
                ProposalStep::Vote => "vote",
                ProposalStep::Close => "close",
                ProposalStep::Queue => "queue",
                ProposalStep::Execute => "execute",
                ProposalStep::Expire => "expire",
                ProposalStep::Over => "none",
            },
            next_step_from_epoch: view.standing.from,
            next_step_until_epoch: view.standing.until,
            next_step_due: view.standing.is_due(epoch),
        }
    }
}

/// Lists proposals.
pub(super) async fn run(
    context: &Context,
    governance: Option<ObjectId>,
    args: ListArgs,
) -> anyhow::Result<()> {
    let reader = context.reader(&args.rpc)?;
    let forum = Forum::read(context, governance, &reader).await?;
    let mut views = forum.reader.proposals(&forum.state).await?;
    views.retain(|view| args.all || view.standing.step != ProposalStep::Over);
    if context.json() {
        let reports: Vec<_> = views
            .iter()
            .map(|view| ProposalReport::of(view, forum.epoch()))
            .collect();
        return print_json(&reports);
    }
    if views.is_empty() {
        return print_text(if args.all {
            "No proposals"
        } else {
            "No proposal can change any more; --all lists those that are over"
        });
    }
    print_text(&text(&views, &forum))
}

fn text(views: &[ProposalView], forum: &Forum) -> String {
    let rows = views
        .iter()
        .map(|view| {
            let has_vote = view.proposal.ballot.is_some();
            let is_voting = view.standing.step == ProposalStep::Vote;
            vec![
                view.proposal.number.to_string(),
                view.proposal.title.clone(),
                kind_name(&view.proposal.kind).to_owned(),
                words::state(view),
                if has_vote {
                    words::votes(&view.tally)
                } else {
                    "-".to_owned()
                },
                if is_voting {
                    words::missing(view)
                } else {
                    "-".to_owned()
                },
                words::time_left(view, &forum.moment),
            ]
        })
        .collect();
    fitted_table(
        &[
            "No.",
            "Title",
            "Kind",
            "State",
            "Votes (shards)",
            "Missing",
            "Time",
        ],
        &[0],
        rows,
    )
}
