//! `walrus renew`.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_client::{Renewal, RenewalPlan, RenewalPolicy, Renewed, WalrusClient};
use walrus_core::{BlobId, Epoch, EpochCount, Frost, ObjectId};
use walrus_terminal::exit::{one_line, or_interrupted};

use super::{context::Context, sent::Sent};
use crate::{
    args::{parse, parse_duration},
    output::{
        format::Sui,
        print_json, print_text,
        table::{self, TableArgs, essential, useful, wide},
    },
};

/// Options of `renew`.
#[derive(Debug, Args)]
pub(crate) struct RenewArgs {
    /// Renew blobs that expire within this many epochs
    #[arg(long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub within: EpochCount,
    /// Epochs from now on that are to be paid for, the current one included; at most what the
    /// network sells
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: EpochCount,
    /// The most to spend, such as 2.5WAL: with --watch, as long as the command runs. Gas is not
    /// counted
    #[arg(long, value_name = "AMOUNT", value_parser = parse::frost)]
    pub max_cost: Option<Frost>,
    /// Print what would be renewed and what it would cost; send nothing
    #[arg(long, conflicts_with = "watch")]
    pub dry_run: bool,
    /// Keep running, and look again and again
    #[arg(long)]
    pub watch: bool,
    /// With --watch, time between two looks
    #[arg(long, value_name = "DURATION", default_value = "10min", value_parser = parse_duration, requires = "watch")]
    pub interval: Duration,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
}

/// The JSON result; with `--watch` one for each look at which something was to do.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RenewResult {
    renewed: Vec<RenewedBlob>,
    cost: Frost,
    gas_mist: i128,
    transactions: Vec<Sent>,
    /// Blobs that expire soon, for which the money is not enough.
    unaffordable: Vec<RenewedBlob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    dry_run: bool,
}

#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RenewedBlob {
    #[serde_as(as = "DisplayFromStr")]
    object_id: ObjectId,
    #[serde_as(as = "DisplayFromStr")]
    blob_id: BlobId,
    epochs_extended: EpochCount,
    end_epoch: Epoch,
    cost: Frost,
}

impl From<&Renewal> for RenewedBlob {
    fn from(renewal: &Renewal) -> Self {
        Self {
            object_id: renewal.blob.id,
            blob_id: renewal.blob.blob_id,
            epochs_extended: renewal.epochs,
            end_epoch: end_epoch(renewal),
            cost: renewal.cost,
        }
    }
}

/// First epoch in which the blob is gone, once it is renewed.
fn end_epoch(renewal: &Renewal) -> Epoch {
    renewal
        .blob
        .storage
        .end_epoch
        .saturating_add(renewal.epochs)
}

/// Renews blobs once, or as long as the command runs.
pub(crate) async fn run(context: &Context, args: RenewArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let money = args.max_cost.unwrap_or(Frost(u64::MAX));
    if !args.watch {
        return Box::pin(look(context, &client, &args, money))
            .await
            .map(drop);
    }
    let watching = Box::pin(watch(context, &client, &args, money));
    or_interrupted(watching, || {
        "interrupted; what is renewed is paid for".to_owned()
    })
    .await
}

async fn watch(
    context: &Context,
    client: &WalrusClient,
    args: &RenewArgs,
    mut money: Frost,
) -> anyhow::Result<()> {
    loop {
        match look(context, client, args, money).await {
            Ok(spent) => money = Frost(money.0.saturating_sub(spent.0)),
            // A service outlives a full node that is away, and coins that are missing for a while.
            Err(error) => eprintln!("Warning: {}; looking again in a while", one_line(&error)),
        }
        tokio::time::sleep(args.interval).await;
    }
}

/// Looks once; returns what was spent.
async fn look(
    context: &Context,
    client: &WalrusClient,
    args: &RenewArgs,
    money: Frost,
) -> anyhow::Result<Frost> {
    let policy = RenewalPolicy {
        within: args.within,
        epochs: args.epochs,
        cost_max: money,
    };
    let plan = client.plan_renewal(&policy).await?;
    let is_quiet = args.watch && plan.renewals.is_empty();
    if args.dry_run {
        report(context, args, &plan, None)?;
        return Ok(Frost(0));
    }
    let renewed = client.renew(&plan).await?;
    if !is_quiet {
        report(context, args, &plan, Some(&renewed))?;
    }
    let spent = renewed.cost();
    match renewed.failure {
        // What the others cost is spent, and counts.
        Some(error) if args.watch => {
            eprintln!(
                "Warning: {}; looking again in a while",
                one_line(&error.into())
            );
            Ok(spent)
        }
        Some(error) => Err(error.into()),
        None if !args.watch && !plan.unaffordable.is_empty() => anyhow::bail!(
            "--max-cost is not enough for {} that will expire soon",
            blobs(plan.unaffordable.len())
        ),
        None => Ok(spent),
    }
}

fn report(
    context: &Context,
    args: &RenewArgs,
    plan: &RenewalPlan,
    renewed: Option<&Renewed>,
) -> anyhow::Result<()> {
    let done = renewed.map_or(&plan.renewals, |renewed| &renewed.renewals);
    let cost = renewed.map_or(plan.cost, Renewed::cost);
    if context.json() {
        return print_json(&RenewResult {
            renewed: done.iter().map(RenewedBlob::from).collect(),
            cost,
            gas_mist: renewed.map_or(0, Renewed::gas_mist),
            transactions: renewed
                .map(|renewed| renewed.receipts.iter().map(Sent::from).collect())
                .unwrap_or_default(),
            unaffordable: plan.unaffordable.iter().map(RenewedBlob::from).collect(),
            error: renewed
                .and_then(|renewed| renewed.failure.as_ref())
                .map(ToString::to_string),
            dry_run: args.dry_run,
        });
    }
    print_text(&text(args, plan, renewed))
}

fn text(args: &RenewArgs, plan: &RenewalPlan, renewed: Option<&Renewed>) -> String {
    let done = renewed.map_or(&plan.renewals, |renewed| &renewed.renewals);
    let mut text = if done.is_empty() {
        format!(
            "Nothing to renew: no blob expires within {} epochs",
            args.within
        )
    } else {
        let columns = [
            essential("Blob ID"),
            essential("Until epoch"),
            useful("Cost").number(),
            wide("Sui object ID"),
        ];
        let rows: Vec<Vec<String>> = done
            .iter()
            .map(|renewal| {
                vec![
                    renewal.blob.blob_id.to_string(),
                    end_epoch(renewal).to_string(),
                    renewal.cost.to_string(),
                    renewal.blob.id.to_string(),
                ]
            })
            .collect();
        table::text(&columns, &rows, args.table)
    };
    let count = done.len();
    if count > 0 {
        let summary = match renewed {
            Some(renewed) => format!(
                "Success: renewed {} for {}, gas {}",
                blobs(count),
                renewed.cost(),
                Sui(renewed.gas_mist())
            ),
            None => format!(
                "Dry run: {} would be renewed for {} and gas; nothing was sent",
                blobs(count),
                plan.cost
            ),
        };
        text = format!("{text}\n\n{summary}");
    }
    match plan.unaffordable.len() {
        0 => text,
        left if count == 0 => format!(
            "Nothing renewed: --max-cost is not enough for {} that will expire soon",
            blobs(left)
        ),
        left => format!(
            "{text}\nWarning: --max-cost is not enough for {} more that will expire soon",
            blobs(left)
        ),
    }
}

fn blobs(count: usize) -> String {
    match count {
        1 => "1 blob".to_owned(),
        count => format!("{count} blobs"),
    }
}
