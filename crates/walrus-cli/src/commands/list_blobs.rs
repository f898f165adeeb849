//! `walrus list-blobs`.

use clap::Args;
use walrus_client::{EpochOutlook, results::BlobObject};
use walrus_core::{ObjectId, SuiAddress};

use super::context::Context;
use crate::{
    args::RpcArgs,
    output::{
        format::Size,
        print_json, print_text,
        table::{self, TableArgs, essential, useful, wide},
        time::epoch_text,
    },
};

/// Options of `list-blobs`.
#[derive(Debug, Args)]
pub(crate) struct ListBlobsArgs {
    /// Also list blobs whose storage has run out
    #[arg(long)]
    pub include_expired: bool,
    /// Owner, instead of the active address of the wallet
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<ObjectId>,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
}

/// Lists the blob objects of an account.
pub(crate) async fn run(context: &Context, args: ListBlobsArgs) -> anyhow::Result<()> {
    let owner = match args.owner {
        Some(owner) => SuiAddress(owner.0),
        None => context.active_address()?,
    };
    let client = context.reading(&RpcArgs::default())?.client;
    let outlook = client.epoch_outlook().await?;
    let mut blobs: Vec<BlobObject> = client
        .reader()
        .owned_blobs(owner)
        .await?
        .iter()
        .map(BlobObject::from)
        .filter(|blob| args.include_expired || blob.storage.end_epoch > outlook.epoch())
        .collect();
    blobs.sort_by_key(|blob| (blob.storage.end_epoch, blob.blob_id, blob.id));
    if context.json() {
        print_json(&blobs)
    } else {
        print_text(&text(&blobs, &outlook, args.table))
    }
}

fn text(blobs: &[BlobObject], outlook: &EpochOutlook, table: TableArgs) -> String {
    if blobs.is_empty() {
        return "No blobs".to_owned();
    }
    let columns = [
        essential("Blob ID"),
        useful("Size").number(),
        useful("State"),
        essential("Until epoch"),
        wide("Deletable"),
        wide("Encoded size").number(),
        wide("Sui object ID"),
    ];
    let rows: Vec<Vec<String>> = blobs.iter().map(|blob| row(blob, outlook)).collect();
    let total = |size: fn(&BlobObject) -> u64| Size(blobs.iter().map(size).sum());
    format!(
        "{}\n\n{} blob{}, {}; {} of storage",
        table::text(&columns, &rows, table),
        blobs.len(),
        if blobs.len() == 1 { "" } else { "s" },
        total(|blob| blob.size),
        total(|blob| blob.storage.storage_size),
    )
}

fn row(blob: &BlobObject, outlook: &EpochOutlook) -> Vec<String> {
    let state = match blob.certified_epoch {
        _ if blob.storage.end_epoch <= outlook.epoch() => "expired",
        Some(_) => "certified",
        None => "registered",
    };
    vec![
        blob.blob_id.to_string(),
        Size(blob.size).to_string(),
        state.to_owned(),
        epoch_text(blob.storage.end_epoch, outlook),
        if blob.deletable { "yes" } else { "no" }.to_owned(),
        Size(blob.storage.storage_size).to_string(),
        blob.id.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use walrus_core::{BlobId, NShards, ObjectId};
    use walrus_sui::{EpochInfo, EpochState};

    use super::*;
    use walrus_client::results::StorageObject;

    #[test]
    fn blobs_are_listed_with_dates_and_a_total() {
        let info = EpochInfo {
            epoch: 10,
            state: EpochState::ChangeDone {
                since_ms: 1_700_000_000_000,
            },
            epoch_duration_ms: 14 * 86_400_000,
            first_epoch_start_ms: 0,
            n_shards: NShards::new(10).unwrap(),
            max_epochs_ahead: 53,
        };
        let outlook = EpochOutlook::new(&info, 1_700_000_000_000);
        let blob = |byte, certified_epoch, end_epoch| BlobObject {
            id: ObjectId([byte; 32]),
            registered_epoch: 9,
            blob_id: BlobId([byte; 32]),
            size: 1500 * u64::from(byte),
            encoding_type: "RS2".to_owned(),
            certified_epoch,
            storage: StorageObject {
                id: ObjectId([byte; 32]),
                start_epoch: 9,
                end_epoch,
                storage_size: 66_034_000,
            },
            deletable: byte == 1,
        };
        let blobs = [
            blob(1, Some(9), 10),
            blob(2, None, 12),
            blob(3, Some(10), 63),
        ];
        let table = TableArgs {
            output: Some(table::TableStyle::Wide),
        };
        insta::assert_snapshot!("blobs_table", text(&blobs, &outlook, table));
    }
}
