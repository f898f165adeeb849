//! `walrus burn-blobs`.

use anyhow::ensure;
use clap::{ArgGroup, Args};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_contracts::types::Blob;
use walrus_core::ObjectId;
use walrus_sui::contract::Call;
use walrus_terminal::prompt;

use super::{
    context::Context,
    sent::{Sent, send},
};
use crate::output::{format::Sui, print_json, print_text};

/// Objects destroyed by one transaction.
const BURNS_PER_TRANSACTION_MAX: usize = 500;
/// Objects that the question lists.
const LISTED_MAX: usize = 20;

/// Options of `burn-blobs`: which objects is said in one of three ways.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["object_ids", "all", "all_expired"]))]
pub(crate) struct BurnBlobsArgs {
    /// Blob objects of the wallet
    #[arg(long, alias = "object-id", num_args = 1.., value_name = "OBJECT_ID")]
    pub object_ids: Vec<ObjectId>,
    /// All blob objects of the wallet
    #[arg(long)]
    pub all: bool,
    /// All whose storage has run out
    #[arg(long)]
    pub all_expired: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// The JSON result.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BurnResult {
    #[serde_as(as = "Vec<DisplayFromStr>")]
    burned: Vec<ObjectId>,
    transactions: Vec<Sent>,
}

/// Destroys blob objects. The nodes keep the data until its storage ends, but nobody can extend or
/// delete it.
pub(crate) async fn run(context: &Context, args: BurnBlobsArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let reader = client.reader();
    let epoch = reader.epoch_info().await?.epoch;
    let mut blobs: Vec<Blob> = reader.owned_blobs(client.contract()?.address()).await?;
    if args.all_expired {
        blobs.retain(|blob| blob.storage.end_epoch <= epoch);
    } else if !args.all {
        for id in &args.object_ids {
            ensure!(
                blobs.iter().any(|blob| blob.id == *id),
                "the wallet owns no blob object {id}; nothing was burned"
            );
        }
        blobs.retain(|blob| args.object_ids.contains(&blob.id));
    }
    if blobs.is_empty() && !context.json() {
        return print_text("No blobs to burn");
    }
    if !blobs.is_empty() && !context.json() {
        prompt::confirm(&question(&blobs, epoch), args.yes)?;
    }
    let ids: Vec<ObjectId> = blobs.iter().map(|blob| blob.id).collect();
    let mut transactions = Vec::new();
    for batch in ids.chunks(BURNS_PER_TRANSACTION_MAX) {
        transactions.push(send(&client, &Call::burn_blobs(batch.to_vec())).await?.1);
    }
    if context.json() {
        return print_json(&BurnResult {
            burned: ids,
            transactions,
        });
    }
    print_text(&format!(
        "Success: burned {} blob object{}\nGas: {}",
        ids.len(),
        if ids.len() == 1 { "" } else { "s" },
        Sui(transactions.iter().map(|sent| sent.gas_mist).sum())
    ))
}

fn question(blobs: &[Blob], epoch: u32) -> String {
    let mut lines: Vec<String> = blobs
        .iter()
        .take(LISTED_MAX)
        .map(|blob| format!("  {} (blob {})", blob.id, blob.blob_id))
        .collect();
    if blobs.len() > LISTED_MAX {
        lines.push(format!("  and {} more", blobs.len() - LISTED_MAX));
    }
    let live = blobs.iter().filter(|blob| blob.storage.end_epoch > epoch);
    let warning = match live.count() {
        0 => String::new(),
        live => format!(
            "\n{live} of them are still paid for: nothing is refunded, and nobody can extend or delete these any more."
        ),
    };
    format!(
        "{} blob objects will be destroyed, for good:\n{}{warning}",
        blobs.len(),
        lines.join("\n")
    )
}
