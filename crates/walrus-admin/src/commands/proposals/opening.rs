//! `walrus-admin proposals open`: nodes attest what is staked with each of them, then the vote
//! opens.

use anyhow::{bail, ensure};
use walrus_contracts::types::voting::ProposalState;
use walrus_core::ObjectId;
use walrus_sui::{
    contract::Call,
    governance::{CensusStanding, ProposalStep, state_name},
    reader::ProposalView,
};

use super::{Forum, authority::VotingNode, open, words};
use crate::{
    args::OpenArgs,
    context::{Context, title},
    send::SendPlan,
    show::count,
};

/// Whether a vote is possible; true if it has to be opened first.
pub(super) fn check_open(view: &ProposalView, forum: &Forum) -> anyhow::Result<bool> {
    let standing = &view.standing;
    match standing.step {
        ProposalStep::Vote => Ok(false),
        ProposalStep::Open if standing.is_due(forum.epoch()) => Ok(true),
        ProposalStep::Open => bail!(
            "the vote on {} opens in {}, not yet",
            words::title(view),
            forum.moment.epoch(standing.from)
        ),
        _ if standing.state == ProposalState::Expired => {
            bail!("{} has expired; no vote is taken", words::title(view))
        }
        _ => bail!(
            "the vote on {} is over: it is {}",
            words::title(view),
            state_name(standing.state)
        ),
    }
}

/// What has to come before the first vote.
pub(super) struct Opening {
    census: CensusStanding,
    /// Shards of the account's node, if it is of use that it attests the stakes.
    weight: Option<u16>,
}

impl Opening {
    /// How far the census is, for an account that speaks for `node`.
    pub(super) async fn read(forum: &Forum, node: Option<ObjectId>) -> anyhow::Result<Self> {
        let census = forum.reader.census_standing(&forum.state).await?;
        let committee = forum.reader.current_committee().await?;
        let weight = node
            .filter(|node| census.wants(*node))
            .and_then(|node| committee.member(node))
            .map(|(_, member)| member.weight());
        Ok(Self { census, weight })
    }

    /// Shards that attest the stakes, with those of the account's node.
    fn attested(&self) -> u16 {
        let own = self.weight.unwrap_or(0);
        self.census.attested.saturating_add(own)
    }

    /// Whether the vote can open in this transaction.
    fn suffices(&self) -> bool {
        self.census.stands_with(self.weight.unwrap_or(0))
    }

    /// `3 of the 4 shards that are needed`.
    fn progress(&self) -> String {
        format!(
            "{} of the {} shards that are needed",
            self.attested(),
            self.census.needed
        )
    }

    /// Refuses a vote that cannot open with it.
    pub(super) fn require(&self, view: &ProposalView) -> anyhow::Result<()> {
        ensure!(
            self.suffices(),
            "the vote on {} cannot open yet: nodes with {} shards have to attest what is staked in epoch {}, and {}; \
             they do with `walrus-admin proposals open {}`",
            words::title(view),
            self.census.needed,
            self.census.epoch,
            match (self.census.attested, self.weight) {
                (0, None) => "none has".to_owned(),
                (attested, None) => format!("those with {attested} have"),
                (attested, Some(own)) => format!(
                    "with this node it would be {}",
                    attested.saturating_add(own)
                ),
            },
            view.proposal.number
        );
        Ok(())
    }

    /// The calls before the first vote.
    pub(super) fn calls(&self, forum: &Forum, number: u64, node: Option<&VotingNode>) -> Call {
        let refs = forum.refs();
        let opened = Call::open_vote(refs, number);
        match self.attestation(forum, node) {
            Some(attested) => attested.then(opened),
            None => opened,
        }
    }

    /// The call that attests the stakes, if that is of use.
    fn attestation(&self, forum: &Forum, node: Option<&VotingNode>) -> Option<Call> {
        let node = node.filter(|_| self.weight.is_some())?;
        Some(Call::attest_stakes(
            forum.refs(),
            node.pool.id,
            node.proof.clone(),
            self.census.epoch,
            self.census.totals.clone(),
        ))
    }
}

/// Attests for a node, and opens the vote if that is enough.
pub(super) async fn run(
    context: &Context,
    governance: Option<ObjectId>,
    args: OpenArgs,
) -> anyhow::Result<()> {
    let (sending, forum) = open(context, governance, &args.node.send).await?;
    let view = forum.proposal(args.number).await?;
    if !check_open(&view, &forum)? {
        bail!("the vote on {} is open already", words::title(&view));
    }
    let committee = forum.committee_ids().await?;
    let sender = sending.sender();
    let node = forum
        .choose_node(args.node.node.as_ref(), &committee, sender)
        .await?;
    let opening = Opening::read(&forum, node.as_ref().map(|node| node.pool.id)).await?;
    let epoch = opening.census.epoch;
    let attests = node
        .as_ref()
        .zip(opening.weight)
        .map(|(node, weight)| (title(&node.pool), count(usize::from(weight), "shard")));
    if opening.suffices() {
        let number = args.number;
        let until = forum.moment.epoch(
            epoch
                .saturating_add(view.proposal.parameters.voting_epochs)
                .saturating_add(1),
        );
        let first = attests.map_or_else(String::new, |(name, weight)| {
            format!("{name} attests with {weight} what is staked in epoch {epoch}. ")
        });
        let plan = SendPlan::new(format!(
            "{first}The vote on {} opens, until {until}.",
            words::title(&view)
        ));
        let success = format!("the vote on proposal {number} is open until {until}");
        let call = opening.calls(&forum, number, node.as_ref());
        return forum
            .send_step(&sending, number, &call, plan, &success)
            .await;
    }
    let (Some((name, weight)), Some(call)) = (attests, opening.attestation(&forum, node.as_ref()))
    else {
        opening.require(&view)?;
        bail!("account {sender} speaks for no node that could attest the stakes");
    };
    let progress = opening.progress();
    let plan = SendPlan::new(format!(
        "{name} attests with {weight} what is staked in epoch {epoch}; that makes {progress} before {} opens in this \
         epoch.",
        words::title(&view)
    ));
    let success = format!(
        "{name} attested what is staked in epoch {epoch}; that makes {progress} before the vote on proposal {} opens",
        args.number
    );
    forum
        .send_step(&sending, args.number, &call, plan, &success)
        .await
}
