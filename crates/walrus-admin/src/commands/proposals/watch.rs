//! `walrus-admin proposals watch`.

use std::{collections::BTreeMap, time::Duration};

use walrus_core::ObjectId;
use walrus_sui::{governance::ProposalStep, reader::ProposalView};
use walrus_terminal::output::{print_bytes, print_text};

use super::{Forum, list::ProposalReport, words};
use crate::{args::WatchArgs, context::Context};

/// Prints proposals as they change, until nothing can change any more.
pub(super) async fn run(
    context: &Context,
    governance: Option<ObjectId>,
    args: WatchArgs,
) -> anyhow::Result<()> {
    let reader = context.reader(&args.rpc)?;
    let mut seen: BTreeMap<u64, String> = BTreeMap::new();
    loop {
        reader.refresh().await;
        let forum = Forum::read(context, governance, &reader).await?;
        let views = match args.number {
            Some(number) => vec![forum.proposal(number).await?],
            None => forum.reader.proposals(&forum.state).await?,
        };
        for view in &views {
            let line = line(context, view, &forum)?;
            let is_over = view.standing.step == ProposalStep::Over;
            let known = seen.get(&view.proposal.number);
            // What was over from the start is no news, unless it was asked for.
            let is_news =
                known != Some(&line) && (known.is_some() || !is_over || args.number.is_some());
            if is_news {
                print_text(&line)?;
            }
            if is_news || known.is_some() {
                seen.insert(view.proposal.number, line);
            }
        }
        let is_over = |view: &ProposalView| view.standing.step == ProposalStep::Over;
        if views.iter().all(is_over) {
            return print_bytes(b"");
        }
        tokio::time::sleep(Duration::from_secs(args.interval)).await;
    }
}

/// One line: everything that may change, nothing that passes with time alone.
fn line(context: &Context, view: &ProposalView, forum: &Forum) -> anyhow::Result<String> {
    if context.json() {
        let report = ProposalReport::of(view, forum.epoch());
        return Ok(serde_json::to_string(&report)?);
    }
    let votes = if view.proposal.ballot.is_some() {
        format!("; {}", words::votes(&view.tally))
    } else {
        String::new()
    };
    let objections = match view.proposal.objecting_weight {
        0 => String::new(),
        weight => format!("; {weight} shards object"),
    };
    Ok(format!(
        "Epoch {}: {} is {}{votes}{objections}",
        forum.epoch(),
        words::title(view),
        words::state(view)
    ))
}
