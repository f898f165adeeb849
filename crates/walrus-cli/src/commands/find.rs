//! `walrus find`.

use clap::Args;

use super::{context::Context, owned::SelectionArgs};
use crate::output::{print_json, print_text};

/// Options of `find`.
#[derive(Debug, Args)]
pub(crate) struct FindArgs {
    /// Which blobs.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Print blob IDs instead
    #[arg(long)]
    pub blob_ids: bool,
}

/// Prints the IDs of blobs, one a line; nothing if there are none.
pub(crate) async fn run(context: &Context, args: FindArgs) -> anyhow::Result<()> {
    let (blobs, _) = args.selection.find(context).await?;
    let ids: Vec<String> = blobs
        .iter()
        .map(|owned| {
            if args.blob_ids {
                owned.blob.blob_id.to_string()
            } else {
                owned.blob.id.to_string()
            }
        })
        .collect();
    if context.json() {
        print_json(&ids)
    } else if ids.is_empty() {
        Ok(())
    } else {
        print_text(&ids.join("\n"))
    }
}
