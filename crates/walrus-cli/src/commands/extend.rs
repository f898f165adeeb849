//! `walrus extend`.

use clap::Args;
use serde::Serialize;
use walrus_core::{EpochCount, ObjectId};
use walrus_sui::contract::Call;

use super::{
    context::Context,
    sent::{Sent, send},
};
use crate::output::{print_json, print_text, time::epoch_text};

/// Options of `extend`.
#[derive(Debug, Args)]
pub(crate) struct ExtendArgs {
    /// Blob object to extend
    #[arg(long, value_name = "OBJECT_ID")]
    pub blob_obj_id: ObjectId,
    /// Epochs to add after its present end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs_extended: EpochCount,
    /// It is a shared blob, whoever shared it: its own funds pay
    #[arg(long)]
    pub shared: bool,
}

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtendResult {
    epochs_extended: EpochCount,
    #[serde(flatten)]
    sent: Sent,
}

/// Extends the storage of a certified blob of the wallet, or of a shared blob.
pub(crate) async fn run(context: &Context, args: ExtendArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let epochs = args.epochs_extended;
    let (blob, call) = if args.shared {
        let shared = client.reader().shared_blob(args.blob_obj_id).await?;
        (
            shared.blob.clone(),
            Call::extend_shared_blob(shared, epochs),
        )
    } else {
        let blob = client.reader().blob(args.blob_obj_id).await?;
        (blob.clone(), Call::extend_blob(blob, epochs))
    };
    let (_, sent) = send(&client, &call).await?;
    if context.json() {
        return print_json(&ExtendResult {
            epochs_extended: epochs,
            sent,
        });
    }
    let outlook = client.epoch_outlook().await?;
    let end_epoch = blob.storage.end_epoch.saturating_add(epochs);
    print_text(&format!(
        "Success: extended the blob by {epochs} epoch{}\nBlob ID: {}\nSui object ID: {}\n\
         Expiry epoch (exclusive): {}\n{}",
        if epochs == 1 { "" } else { "s" },
        blob.blob_id,
        args.blob_obj_id,
        epoch_text(end_epoch, &outlook),
        sent.lines()
    ))
}
