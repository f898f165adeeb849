//! `walrus extend`.

use serde::Serialize;
use walrus_core::EpochCount;

use super::context::Context;
use crate::{
    args::ExtendArgs,
    output::{format::Wal, print_json, print_text, time::epoch_text},
};

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtendResult {
    epochs_extended: EpochCount,
}

/// Extends the storage of a certified blob of the wallet.
pub(crate) async fn run(context: &Context, args: ExtendArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let blob = client.reader().blob(args.blob_obj_id).await?;
    let epochs = args.epochs_extended;
    let (digest, cost) = client.contract()?.extend_blob(&blob, epochs).await?;
    if context.json() {
        return print_json(&ExtendResult {
            epochs_extended: epochs,
        });
    }
    let outlook = client.epoch_outlook().await?;
    let end_epoch = blob.storage.end_epoch.saturating_add(epochs);
    print_text(&format!(
        "Success: extended the blob by {epochs} epoch{}\nBlob ID: {}\nSui object ID: {}\n\
         Cost (excluding gas): {}\nExpiry epoch (exclusive): {}\nTransaction: {digest}",
        if epochs == 1 { "" } else { "s" },
        blob.blob_id,
        blob.id,
        Wal(cost.0),
        epoch_text(end_epoch, &outlook)
    ))
}
