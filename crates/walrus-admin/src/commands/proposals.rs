//! `walrus-admin proposals`: one module per subject.

mod approvals;
mod authority;
mod check;
mod compiler;
mod life;
mod list;
mod new;
mod opening;
mod package;
mod show;
mod stake;
mod vote;
mod watch;
mod words;

use anyhow::Context as _;
use serde::Serialize;
use walrus_core::ObjectId;
use walrus_sui::{
    SuiReader,
    contract::{Call, GovernanceRefs},
    reader::{GovernanceState, ProposalView},
};

pub(crate) use authority::{delegate, revoke};

use crate::{
    args::{ProposalsArgs, ProposalsCommand, SendArgs},
    context::{Context, Moment},
    send::{SendPlan, Sending, Sent},
};

/// Runs a command about proposals.
pub(crate) async fn run(context: &Context, args: ProposalsArgs) -> anyhow::Result<()> {
    let id = args.governance;
    match args.command {
        ProposalsCommand::List(args) => list::run(context, id, args).await,
        ProposalsCommand::Show(args) => show::run(context, id, args).await,
        ProposalsCommand::Rules(rpc) => show::rules(context, id, &rpc).await,
        ProposalsCommand::Approvals(args) => approvals::show(context, id, args).await,
        ProposalsCommand::ApproveUpgrade(args) => approvals::approve(context, id, args).await,
        ProposalsCommand::New(args) => new::run(context, id, args).await,
        ProposalsCommand::Check(args) => check::run(context, id, args).await,
        ProposalsCommand::Open(args) => opening::run(context, id, args).await,
        ProposalsCommand::Vote(args) => vote::run(context, id, args).await,
        ProposalsCommand::Unlock(args) => stake::unlock(context, id, args).await,
        ProposalsCommand::Close(args) => life::close(context, id, args).await,
        ProposalsCommand::Queue(args) => life::queue(context, id, args).await,
        ProposalsCommand::Execute(args) => life::execute(context, id, args).await,
        ProposalsCommand::Cancel(args) => life::cancel(context, id, args).await,
        ProposalsCommand::Object(args) => life::object(context, id, args).await,
        ProposalsCommand::Watch(args) => watch::run(context, id, args).await,
    }
}

/// The proposals of a deployment at one moment.
pub(super) struct Forum {
    /// Reads of the deployment.
    pub(super) reader: SuiReader,
    /// The Governance object.
    pub(super) state: GovernanceState,
    /// Epoch and time.
    pub(super) moment: Moment,
}

impl Forum {
    /// Reads the Governance object.
    pub(super) async fn read(
        context: &Context,
        explicit: Option<ObjectId>,
        reader: &SuiReader,
    ) -> anyhow::Result<Self> {
        let id = context.governance(explicit)?;
        Ok(Self {
            state: reader.governance(id).await?,
            moment: Moment::read(reader).await?,
            reader: reader.clone(),
        })
    }

    /// What transactions have to name.
    pub(super) fn refs(&self) -> GovernanceRefs {
        self.state.refs()
    }

    /// The current epoch.
    pub(super) fn epoch(&self) -> u32 {
        self.moment.info.epoch
    }

    /// A proposal that must exist.
    pub(super) async fn proposal(&self, number: u64) -> anyhow::Result<ProposalView> {
        let next = self.state.governance.next_number;
        self.reader
            .proposal(&self.state, number)
            .await?
            .with_context(|| match next.checked_sub(1) {
                None => format!("there is no proposal {number}: nothing was proposed yet"),
                Some(last) => format!("there is no proposal {number}; the last one is {last}"),
            })
    }
}

/// What sends transactions about proposals, and the proposals.
pub(super) async fn open(
    context: &Context,
    governance: Option<ObjectId>,
    args: &SendArgs,
) -> anyhow::Result<(Sending, Forum)> {
    let sending = context.sending(args).await?;
    let forum = Forum::read(context, governance, sending.reader()).await?;
    Ok((sending, forum))
}

/// What a step of a proposal did, and what comes next.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepReport {
    #[serde(flatten)]
    sent: Sent,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Forum {
    /// Sends a step of a proposal, and tells how the proposal goes on.
    pub(super) async fn send_step(
        &self,
        sending: &Sending,
        number: u64,
        call: &Call,
        plan: SendPlan,
        success: &str,
    ) -> anyhow::Result<()> {
        let Some(executed) = sending.send(call, plan).await? else {
            return Ok(());
        };
        let report = StepReport {
            sent: Sent::of(&executed),
            // The step is done, whether or not anybody can tell what follows.
            next: self.next_step(number).await.ok(),
        };
        sending.report(&report, || {
            let next = report.next.as_ref();
            let next = next.map_or_else(String::new, |next| format!("\nNext: {next}"));
            format!("Success: {success}\n{}{next}", report.sent.lines())
        })
    }

    /// What comes next for a proposal, as the chain is now.
    pub(super) async fn next_step(&self, number: u64) -> anyhow::Result<String> {
        self.reader.refresh().await;
        let now = Self {
            state: self.reader.governance(self.state.governance.id).await?,
            moment: Moment::read(&self.reader).await?,
            reader: self.reader.clone(),
        };
        Ok(words::next(&now.proposal(number).await?, &now.moment))
    }
}
