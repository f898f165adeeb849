//! `walrus share`.

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::{Frost, ObjectId};
use walrus_sui::contract::Call;

use super::{
    context::Context,
    sent::{Sent, send},
};
use crate::{
    args::parse,
    output::{print_json, print_text},
};

/// Options of `share`.
#[derive(Debug, Args)]
pub(crate) struct ShareArgs {
    /// Certified permanent blob object of the wallet
    #[arg(long, value_name = "OBJECT_ID")]
    pub blob_obj_id: ObjectId,
    /// WAL for its extensions, such as 1.5WAL; a bare number is in FROST
    #[arg(long, value_name = "AMOUNT", value_parser = parse::frost)]
    pub amount: Option<Frost>,
}

/// The JSON result.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShareResult {
    #[serde_as(as = "DisplayFromStr")]
    shared_blob_object_id: ObjectId,
    amount: Option<Frost>,
    #[serde(flatten)]
    sent: Sent,
}

/// Puts a blob into a shared object.
pub(crate) async fn run(context: &Context, args: ShareArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let blob = client.reader().blob(args.blob_obj_id).await?;
    anyhow::ensure!(
        blob.certified_epoch.is_some(),
        "blob object {} is not certified, and could never be once it is shared: complete its upload first",
        blob.id
    );
    let call = match args.amount {
        Some(funds) => Call::share_blob_with_funds(blob.id, funds),
        None => Call::share_blobs(vec![blob.id]),
    };
    let (executed, sent) = send(&client, &call).await?;
    let shared = executed
        .only_created("shared_blob", "SharedBlob")
        .context("the blob is shared, but its new ID is not known")?;
    if context.json() {
        return print_json(&ShareResult {
            shared_blob_object_id: shared,
            amount: args.amount,
            sent,
        });
    }
    let lines = sent.lines();
    print_text(&format!(
        "Success: the blob is shared; anybody can extend it\nBlob ID: {}\nShared object ID: {shared}\n{lines}",
        blob.blob_id
    ))
}
