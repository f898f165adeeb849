//! `walrus-admin proposals new`.

use anyhow::{Context as _, ensure};
use serde::Serialize;
use walrus_contracts::types::voting::{Body, Kind, Parameters};
use walrus_core::{Frost, ObjectId};
use walrus_sui::{
    contract::{Call, NewProposal},
    governance::earliest_epochs,
};

use super::{
    Forum, open,
    package::{self, Upgradable},
    words,
};
use crate::{
    args::{BodyArgs, NewArgs, NewKind, NewRulesArgs},
    context::{Context, title},
    send::{SendPlan, Sent},
};

/// Limits of the contract, in bytes.
const TITLE_LENGTH_MAX: usize = 200;
const TEXT_LENGTH_MAX: usize = 4096;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Proposed {
    number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(flatten)]
    sent: Sent,
}

/// Makes a proposal.
pub(super) async fn run(
    context: &Context,
    governance: Option<ObjectId>,
    args: NewArgs,
) -> anyhow::Result<()> {
    let body_args = match &args.kind {
        NewKind::Upgrade(args) => &args.body,
        NewKind::Slash(args) => &args.body,
        NewKind::Advice(args) => &args.body,
        NewKind::Rules(args) => &args.body,
        NewKind::Text(args) => &args.body,
    }
    .clone();
    let body = body(&body_args)?;
    let (sending, forum) = open(context, governance, &body_args.send).await?;
    let (kind, about) = kind(&forum, args.kind).await?;
    let parameters = forum.state.governance.parameters;
    let deposit = Frost(parameters.deposit);
    let [opens, ends, executes] = earliest_epochs(&parameters, forum.epoch());
    let plan = SendPlan::new(format!(
        "Propose {:?}: {about}. The deposit of {} is paid back unless the proposal finds no quorum or clear refusal. \
         The vote opens in {}, ends before {}, and execution is possible from {} on.",
        body_args.title,
        deposit,
        forum.moment.epoch(opens),
        forum.moment.epoch(ends),
        forum.moment.epoch(executes),
    ));
    let proposal = NewProposal {
        title: body_args.title.clone(),
        body,
        kind,
    };
    let call = Call::propose(forum.refs(), proposal, deposit);
    let Some(executed) = sending.send(&call, plan).await? else {
        return Ok(());
    };
    let number = executed.proposal_number()?;
    let report = Proposed {
        number,
        next: forum.next_step(number).await.ok(),
        sent: Sent::of(&executed),
    };
    sending.report(&report, || {
        let next = report.next.as_ref();
        let next = next.map_or_else(String::new, |next| format!("\nNext: {next}"));
        format!(
            "Success: made proposal {number}\n{}{next}",
            report.sent.lines()
        )
    })
}

fn body(args: &BodyArgs) -> anyhow::Result<Body> {
    ensure!(
        (1..=TITLE_LENGTH_MAX).contains(&args.title.len()),
        "a title has 1 to {TITLE_LENGTH_MAX} bytes, not {}",
        args.title.len()
    );
    let text = match (&args.text, &args.text_file, args.blob) {
        (_, _, Some(blob)) => return Ok(Body::Blob(blob)),
        (Some(text), _, _) => text.clone(),
        (None, Some(path), _) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        (None, None, None) => String::new(),
    };
    ensure!(
        (1..=TEXT_LENGTH_MAX).contains(&text.len()),
        "a text has 1 to {TEXT_LENGTH_MAX} bytes, not {}; store a longer one as a blob and name it with --blob",
        text.len()
    );
    Ok(Body::Text(text))
}

/// What is proposed, and the same in words.
async fn kind(forum: &Forum, kind: NewKind) -> anyhow::Result<(Kind, String)> {
    let kind = match kind {
        NewKind::Upgrade(args) => {
            let digest = if let Some(digest) = args.digest {
                digest
            } else {
                let loaded = package::load(Upgradable::Contracts, &args.package)?;
                let linked = package::link(&forum.reader, Upgradable::Contracts, &loaded);
                linked.await?.digest
            };
            Kind::Upgrade {
                digest: digest.to_vec(),
            }
        }
        NewKind::Slash(args) => {
            let node_id = forum.reader.node_id(&args.candidate).await?;
            let pool = forum.reader.staking_pool(node_id).await?;
            let about = format!("burn the commission of {}", title(&pool));
            return Ok((Kind::Slash { node_id }, about));
        }
        NewKind::Advice(args) => Kind::ParameterAdvice {
            storage_price: args.storage_price.map(|price| price.0),
            write_price: args.write_price.map(|price| price.0),
            total_capacity: args.capacity,
        },
        NewKind::Rules(args) => {
            let old = forum.state.governance.parameters;
            let parameters = changed(old, &args);
            ensure!(parameters != old, "the rules would stay as they are");
            Kind::GovernanceParameters { parameters }
        }
        NewKind::Text(_) => Kind::FreeText,
    };
    let about = words::effect(&kind);
    Ok((kind, about))
}

fn changed(old: Parameters, args: &NewRulesArgs) -> Parameters {
    Parameters {
        deposit: args.deposit.map_or(old.deposit, |amount| amount.0),
        discussion_epochs: args.discussion_epochs.unwrap_or(old.discussion_epochs),
        voting_epochs: args.voting_epochs.unwrap_or(old.voting_epochs),
        delay_epochs: args.delay_epochs.unwrap_or(old.delay_epochs),
        execution_epochs: args.execution_epochs.unwrap_or(old.execution_epochs),
        quorum_bps: args.quorum.unwrap_or(old.quorum_bps),
        threshold_bps: args.threshold.unwrap_or(old.threshold_bps),
        forfeit_bps: args.forfeit.unwrap_or(old.forfeit_bps),
    }
}
