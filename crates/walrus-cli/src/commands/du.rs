//! `walrus du`.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::{
    context::Context,
    owned::{OwnedBlob, SelectionArgs},
};
use crate::output::{
    format::Size,
    print_json, print_text,
    table::{self, TableArgs, essential},
};

/// Options of `du`.
#[derive(Debug, Args)]
pub(crate) struct DuArgs {
    /// A line for each value of this attribute, instead of one for all
    #[arg(long, value_name = "KEY")]
    pub by: Option<String>,
    /// Which blobs.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
}

/// Blobs that are counted together.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    /// Value of the attribute; `null` for blobs without it, and without `--by`.
    value: Option<String>,
    blobs: usize,
    /// Bytes before encoding.
    size: u64,
    /// Bytes of storage that are paid for.
    storage_size: u64,
}

/// Adds up sizes.
pub(crate) async fn run(context: &Context, args: DuArgs) -> anyhow::Result<()> {
    let (blobs, _) = args.selection.find(context).await?;
    let usages = usages(&blobs, args.by.as_deref());
    if context.json() {
        return print_json(&usages);
    }
    print_text(&text(&usages, args.table))
}

fn usages(blobs: &[OwnedBlob], by: Option<&str>) -> Vec<Usage> {
    let mut sums: BTreeMap<Option<String>, Usage> = BTreeMap::new();
    for owned in blobs {
        let value = by.and_then(|key| owned.attributes.get(key).cloned());
        let sum = sums.entry(value.clone()).or_default();
        sum.value = value;
        sum.blobs += 1;
        sum.size = sum.size.saturating_add(owned.blob.size);
        let storage = owned.blob.storage.storage_size;
        sum.storage_size = sum.storage_size.saturating_add(storage);
    }
    let mut usages: Vec<Usage> = sums.into_values().collect();
    usages.sort_by_key(|usage| std::cmp::Reverse(usage.storage_size));
    usages
}

fn text(usages: &[Usage], table: TableArgs) -> String {
    let columns = [
        essential("Storage").number(),
        essential("Size").number(),
        essential("Blobs").number(),
        essential("Value"),
    ];
    let rows: Vec<Vec<String>> = usages
        .iter()
        .map(|usage| {
            vec![
                Size(usage.storage_size).to_string(),
                Size(usage.size).to_string(),
                usage.blobs.to_string(),
                usage.value.clone().unwrap_or_default(),
            ]
        })
        .collect();
    match usages {
        [] => "No blobs".to_owned(),
        // One line without a value needs no table.
        [all] if all.value.is_none() => format!(
            "{} of storage for {} blob{}, {} before encoding",
            Size(all.storage_size),
            all.blobs,
            if all.blobs == 1 { "" } else { "s" },
            Size(all.size)
        ),
        _ => table::text(&columns, &rows, table),
    }
}
