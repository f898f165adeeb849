//! `walrus delete`.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Args};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_client::{WalrusClient, results::BlobObject};
use walrus_contracts::types::Blob;
use walrus_core::{BlobId, Epoch, ObjectId, node_api::BlobStatus, text::printable};
use walrus_sui::contract::Receipt;
use walrus_terminal::prompt;

use super::{blob_id, context::Context};
use crate::{
    args::{EncodingArgs, RpcArgs, parse},
    output::{format::Sui, path_json, print_json, print_text},
};

/// Options of `delete`: what to delete is named in one of three ways.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("target").required(true).args(["files", "blob_ids", "object_ids"]))]
pub(crate) struct DeleteArgs {
    /// Files whose blobs are deleted
    #[arg(long, alias = "file", num_args = 1.., value_name = "FILE", value_parser = parse::path())]
    pub files: Vec<PathBuf>,
    /// Blobs to delete: all deletable objects the wallet has of them. Write --blob-id=ID if an ID
    /// begins with -
    #[arg(long, alias = "blob-id", num_args = 1.., value_name = "BLOB_ID")]
    pub blob_ids: Vec<BlobId>,
    /// Blob objects to delete; these are not asked about again
    #[arg(long, alias = "object-id", num_args = 1.., value_name = "OBJECT_ID")]
    pub object_ids: Vec<ObjectId>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Do not ask the nodes for the status of the blobs afterwards
    #[arg(long)]
    pub no_status_check: bool,
    /// The erasure code.
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

/// Time for the nodes to tell what they know of the blob afterwards.
const STATUS_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// What was named on the command line.
#[serde_as]
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobIdentity {
    #[serde_as(as = "Option<DisplayFromStr>")]
    blob_id: Option<BlobId>,
    file: Option<String>,
    #[serde_as(as = "Option<DisplayFromStr>")]
    object_id: Option<ObjectId>,
}

/// What became of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteResult {
    blob_identity: BlobIdentity,
    deleted_blobs: Vec<BlobObject>,
    /// Gas paid, in MIST; negative if more was given back for the objects.
    gas_mist: i128,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_deletion_status: Option<BlobStatus>,
    no_blob_found: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    aborted: bool,
}

/// Something to delete: what was named, and the objects it stands for.
struct Target {
    identity: BlobIdentity,
    blobs: Vec<Blob>,
    /// Why the object that was named cannot be looked at.
    error: Option<String>,
}

/// Deletes blob objects of the wallet. What is left of their storage stays with the wallet.
pub(crate) async fn run(context: &Context, args: DeleteArgs) -> anyhow::Result<()> {
    let connected = context.signing()?;
    let client = &connected.client;
    let targets = targets(context, client, &args).await?;
    let objects: usize = targets.iter().map(|target| target.blobs.len()).sum();
    // Who names an object means that object; a blob ID or a file may stand for several.
    let is_named = !args.object_ids.is_empty();
    if objects > 0 && !is_named && !context.json() {
        prompt::confirm(&question(&targets), args.yes)?;
    }
    let mut results = Vec::with_capacity(targets.len());
    for target in targets {
        results.push(delete(client, target, !args.no_status_check).await);
    }
    if context.json() {
        print_json(&results)?;
    } else {
        print_text(&text(&results))?;
    }
    let failed = results
        .iter()
        .filter(|result| result.error.is_some())
        .count();
    match failed {
        0 => Ok(()),
        _ => bail!("{failed} of {} could not be deleted", results.len()),
    }
}

async fn targets(
    context: &Context,
    client: &WalrusClient,
    args: &DeleteArgs,
) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for object_id in &args.object_ids {
        let (blobs, error) = match client.reader().blob(*object_id).await {
            Ok(blob) => (vec![blob], None),
            Err(error) => (Vec::new(), Some(printable(&error.to_string()).into_owned())),
        };
        targets.push(Target {
            identity: BlobIdentity {
                object_id: Some(*object_id),
                ..BlobIdentity::default()
            },
            blobs,
            error,
        });
    }
    let mut wanted: Vec<(BlobId, Option<PathBuf>)> = args
        .blob_ids
        .iter()
        .map(|blob_id| (*blob_id, None))
        .collect();
    for file in &args.files {
        let blob_id = blob_id::of_file(context, &RpcArgs::default(), file.clone()).await?;
        wanted.push((blob_id, Some(file.clone())));
    }
    if wanted.is_empty() {
        return Ok(targets);
    }
    let epoch = client.reader().epoch_info().await?.epoch;
    let owned = client
        .reader()
        .owned_blobs(client.contract()?.address())
        .await?;
    for (blob_id, file) in wanted {
        let blobs = owned
            .iter()
            .filter(|blob| blob.blob_id == blob_id && is_deletable(blob, epoch))
            .cloned();
        targets.push(Target {
            identity: BlobIdentity {
                blob_id: Some(blob_id),
                file: file.as_deref().map(path_json),
                object_id: None,
            },
            blobs: blobs.collect(),
            error: None,
        });
    }
    Ok(targets)
}

fn is_deletable(blob: &Blob, epoch: Epoch) -> bool {
    blob.deletable && blob.storage.end_epoch > epoch
}

fn question(targets: &[Target]) -> String {
    let blobs: Vec<&Blob> = targets.iter().flat_map(|target| &target.blobs).collect();
    let lines: Vec<String> = blobs
        .iter()
        .map(|blob| format!("  {} (object {})", blob.blob_id, blob.id))
        .collect();
    format!(
        "{} blob object{} will be deleted, for good:\n{}",
        blobs.len(),
        if blobs.len() == 1 { "" } else { "s" },
        lines.join("\n")
    )
}

async fn delete(client: &WalrusClient, target: Target, ask_status: bool) -> DeleteResult {
    let mut result = DeleteResult {
        no_blob_found: target.blobs.is_empty() && target.error.is_none(),
        blob_identity: target.identity,
        deleted_blobs: Vec::new(),
        gas_mist: 0,
        post_deletion_status: None,
        error: target.error,
        aborted: false,
    };
    let mut blob_id = None;
    for blob in target.blobs {
        match delete_one(client, &blob).await {
            Ok(receipt) => result.gas_mist += receipt.gas_mist,
            Err(error) => {
                result.error = Some(walrus_terminal::exit::one_line(&error));
                break;
            }
        }
        blob_id = Some(blob.blob_id);
        result.deleted_blobs.push(BlobObject::from(&blob));
    }
    if ask_status && let Some(blob_id) = blob_id {
        // It is deleted whatever the nodes know by now.
        result.post_deletion_status = client.blob_status(&blob_id, STATUS_TIMEOUT).await.ok();
    }
    result
}

async fn delete_one(client: &WalrusClient, blob: &Blob) -> anyhow::Result<Receipt> {
    if !blob.deletable {
        bail!(
            "blob object {} is permanent: nobody can delete it before it expires in epoch {}",
            blob.id,
            blob.storage.end_epoch
        );
    }
    client
        .contract()?
        .delete_blob(blob.id)
        .await
        .with_context(|| format!("cannot delete blob object {}", blob.id))
}

fn text(results: &[DeleteResult]) -> String {
    let mut lines = Vec::new();
    for result in results {
        let identity = &result.blob_identity;
        let name = match (&identity.file, identity.blob_id, identity.object_id) {
            (Some(file), ..) => printable(file).into_owned(),
            (None, Some(blob_id), _) => blob_id.to_string(),
            (None, None, Some(object_id)) => object_id.to_string(),
            (None, None, None) => String::new(),
        };
        for blob in &result.deleted_blobs {
            lines.push(format!(
                "Success: deleted blob object {}\nBlob ID: {}",
                blob.id, blob.blob_id
            ));
        }
        if !result.deleted_blobs.is_empty() {
            lines.push(format!("Gas: {}", Sui(result.gas_mist)));
        }
        if result.no_blob_found {
            lines.push(format!(
                "Warning: the wallet owns no deletable blob for {name}; nothing was deleted"
            ));
        }
        if let Some(error) = &result.error {
            lines.push(format!("Error: {error}"));
        }
        match &result.post_deletion_status {
            Some(BlobStatus::Nonexistent) => {
                lines.push("The nodes do not have the blob any more".to_owned());
            }
            Some(_) => lines.push(
                "The nodes still have the blob: other objects stand for it, or they have not seen the deletion yet"
                    .to_owned(),
            ),
            None => {}
        }
    }
    lines.join("\n")
}
