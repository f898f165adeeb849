//! `walrus extend`.

use serde::Serialize;
use walrus_core::{EpochCount, Frost};

use super::context::Context;
use crate::{
    args::ExtendArgs,
    output::{format::Sui, print_json, print_text, time::epoch_text},
};

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtendResult {
    epochs_extended: EpochCount,
    cost: Frost,
    gas_mist: i128,
    transaction: String,
}

/// Extends the storage of a certified blob of the wallet.
pub(crate) async fn run(context: &Context, args: ExtendArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let blob = client.reader().blob(args.blob_obj_id).await?;
    let epochs = args.epochs_extended;
    let receipt = client.contract()?.extend_blob(&blob, epochs).await?;
    if context.json() {
        return print_json(&ExtendResult {
            epochs_extended: epochs,
            cost: receipt.cost,
            gas_mist: receipt.gas_mist,
            transaction: receipt.digest.to_string(),
        });
    }
    let outlook = client.epoch_outlook().await?;
    let end_epoch = blob.storage.end_epoch.saturating_add(epochs);
    print_text(&format!(
        "Success: extended the blob by {epochs} epoch{}\nBlob ID: {}\nSui object ID: {}\n\
         Cost (excluding gas): {}\nGas: {}\nExpiry epoch (exclusive): {}\nTransaction: {}",
        if epochs == 1 { "" } else { "s" },
        blob.blob_id,
        blob.id,
        receipt.cost,
        Sui(receipt.gas_mist),
        epoch_text(end_epoch, &outlook),
        receipt.digest
    ))
}
