//! `walrus ls`.

use clap::Args;
use walrus_client::EpochOutlook;

use super::{
    context::Context,
    owned::{BlobState, LabelledBlob, OwnedBlob, SelectionArgs},
};
use crate::output::{
    format::Size,
    print_json, print_text,
    table::{self, TableArgs, essential, useful, wide},
    time::epoch_text,
};

/// Options of `ls`.
#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// Which blobs.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
}

/// Lists blobs with their attributes.
pub(crate) async fn run(context: &Context, args: LsArgs) -> anyhow::Result<()> {
    let (blobs, outlook) = args.selection.find(context).await?;
    if context.json() {
        let blobs: Vec<LabelledBlob> = blobs.iter().map(LabelledBlob::from).collect();
        return print_json(&blobs);
    }
    print_text(&text(&blobs, &outlook, args.table))
}

fn text(blobs: &[OwnedBlob], outlook: &EpochOutlook, table: TableArgs) -> String {
    if blobs.is_empty() {
        return "No blobs".to_owned();
    }
    let columns = [
        essential("Attributes"),
        essential("Size").number(),
        essential("Until epoch"),
        useful("Blob ID"),
        wide("State"),
        wide("Deletable"),
        wide("Sui object ID"),
    ];
    let row = |owned: &OwnedBlob| {
        let blob = &owned.blob;
        vec![
            owned.labels(),
            Size(blob.size).to_string(),
            epoch_text(blob.storage.end_epoch, outlook),
            blob.blob_id.to_string(),
            BlobState::of(blob, outlook).word().to_owned(),
            if blob.deletable { "yes" } else { "no" }.to_owned(),
            blob.id.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = blobs.iter().map(row).collect();
    format!(
        "{}\n\n{} blob{}, {}",
        table::text(&columns, &rows, table),
        blobs.len(),
        if blobs.len() == 1 { "" } else { "s" },
        Size(blobs.iter().map(|owned| owned.blob.size).sum()),
    )
}
