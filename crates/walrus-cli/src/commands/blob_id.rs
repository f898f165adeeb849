//! `walrus blob-id` and `walrus convert-blob-id`.

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_client::{BlobInput, BlobStoreResult};
use walrus_core::{BlobId, EncodingType, VerifiedMetadata};
use walrus_encoder::Encoder;

use super::context::Context;
use crate::{
    args::{BlobIdArgs, ConvertBlobIdArgs, RpcArgs},
    output::{format::Size, print_json, print_text},
};

/// The JSON result.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobIdResult {
    #[serde_as(as = "DisplayFromStr")]
    blob_id: BlobId,
    file: PathBuf,
    unencoded_length: u64,
    encoding_type: EncodingType,
}

/// Computes the blob ID of a file.
pub(crate) async fn run(context: &Context, args: BlobIdArgs) -> anyhow::Result<()> {
    let encoder = match args.n_shards {
        Some(n_shards) => Encoder::new(n_shards)
            .map_err(|_| anyhow!("the encoding does not support {n_shards} shards"))?,
        None => context.reading(&args.rpc)?.client.encoder().await?,
    };
    let metadata = metadata_of(&encoder, args.file.clone()).await?;
    let result = BlobIdResult {
        blob_id: *metadata.blob_id(),
        file: args.file,
        unencoded_length: metadata.unencoded_length(),
        encoding_type: EncodingType::Rs2,
    };
    if context.json() {
        return print_json(&result);
    }
    print_text(&format!(
        "Blob ID: {}\nFile: {}\nUnencoded size: {}\nEncoding type: {}",
        result.blob_id,
        result.file.display(),
        Size(result.unencoded_length),
        result.encoding_type
    ))
}

/// The blob ID of a file in the network of the configuration.
pub(crate) async fn of_file(
    context: &Context,
    rpc: &RpcArgs,
    file: PathBuf,
) -> anyhow::Result<BlobId> {
    let encoder = context.reading(rpc)?.client.encoder().await?;
    Ok(*metadata_of(&encoder, file).await?.blob_id())
}

async fn metadata_of(encoder: &Encoder, file: PathBuf) -> anyhow::Result<VerifiedMetadata> {
    match BlobInput::File(file).metadata(encoder).await {
        Ok(metadata) => Ok(metadata),
        Err(BlobStoreResult::Error { error_msg, .. }) => bail!(error_msg),
        Err(_) => bail!("the file cannot be encoded"),
    }
}

/// Prints a blob ID in its usual form.
pub(crate) fn convert(context: &Context, args: &ConvertBlobIdArgs) -> anyhow::Result<()> {
    if context.json() {
        print_json(&args.blob_id.to_string())
    } else {
        print_text(&format!("Blob ID: {}", args.blob_id))
    }
}
