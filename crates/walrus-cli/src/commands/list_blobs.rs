//! `walrus list-blobs`.

use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use walrus_client::result::BlobObject;
use walrus_core::{Epoch, SuiAddress};

use super::context::Context;
use crate::{
    args::{ListBlobsArgs, RpcArgs},
    output::{format::Size, print_json, print_text},
};

/// Lists the blob objects of an account.
pub(crate) async fn run(context: &Context, args: ListBlobsArgs) -> anyhow::Result<()> {
    let owner = match args.owner {
        Some(owner) => SuiAddress(owner.0),
        None => context.active_address()?,
    };
    let client = context.reading(&RpcArgs::default())?.client;
    let epoch = client.reader().epoch_info().await?.epoch;
    let mut blobs: Vec<BlobObject> = client
        .reader()
        .owned_blobs(owner)
        .await?
        .iter()
        .map(BlobObject::from)
        .filter(|blob| args.include_expired || blob.storage.end_epoch > epoch)
        .collect();
    blobs.sort_by_key(|blob| (blob.storage.end_epoch, blob.blob_id, blob.id));
    if context.json() {
        print_json(&blobs)
    } else {
        print_text(&text(&blobs, epoch))
    }
}

fn text(blobs: &[BlobObject], epoch: Epoch) -> String {
    if blobs.is_empty() {
        return "No blobs".to_owned();
    }
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "Blob ID",
        "Sui object ID",
        "Size",
        "State",
        "Deletable",
        "Expiry epoch (exclusive)",
    ]);
    for blob in blobs {
        let state = match blob.certified_epoch {
            _ if blob.storage.end_epoch <= epoch => "expired",
            Some(_) => "certified",
            None => "registered",
        };
        table.add_row([
            blob.blob_id.to_string(),
            blob.id.to_string(),
            Size(blob.size).to_string(),
            state.to_owned(),
            if blob.deletable { "yes" } else { "no" }.to_owned(),
            blob.storage.end_epoch.to_string(),
        ]);
    }
    table.to_string()
}
