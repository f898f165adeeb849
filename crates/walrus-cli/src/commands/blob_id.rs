//! `walrus blob-id` and `walrus convert-blob-id`.

use std::{fs::File, path::PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_client::{BlobInput, BlobStoreResult};
use walrus_core::{BlobId, EncodingType, VerifiedMetadata, params};
use walrus_encoder::{Encoder, ReadError};

use super::context::Context;
use crate::{
    args::{BlobIdArgs, ConvertBlobIdArgs, RpcArgs},
    output::{format::Size, print_json, print_text},
    progress,
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

/// The metadata of a file of any size: it is streamed, with a progress bar.
async fn metadata_of(encoder: &Encoder, path: PathBuf) -> anyhow::Result<VerifiedMetadata> {
    let unreadable = format!("cannot read {}", path.display());
    let file = std::fs::metadata(&path).with_context(|| unreadable.clone())?;
    if !file.is_file() {
        // Pipes cannot be read twice; their bytes go to memory. What cannot be read says why.
        return match BlobInput::File(path).metadata(encoder).await {
            Ok(metadata) => Ok(metadata),
            Err(BlobStoreResult::Error { error_msg, .. }) => bail!(error_msg),
            Err(_) => bail!("the file cannot be encoded"),
        };
    }
    let encoder = encoder.clone();
    let computing = tokio::task::spawn_blocking(move || {
        let length = file.len();
        let mut source = File::open(&path).with_context(|| unreadable.clone())?;
        let bar = progress::reading(length, "encoding the file");
        let metadata =
            encoder.metadata_from_reader(&mut source, length, |read| bar.set_position(read));
        bar.finish_and_clear();
        metadata.map_err(|error| match error {
            ReadError::Encode(_) => anyhow!(
                "{} has {length} bytes; with {n_shards} shards, blobs have at most {limit}",
                path.display(),
                n_shards = encoder.n_shards(),
                limit = params::max_blob_size(encoder.n_shards()),
            ),
            ReadError::Io(error) => anyhow::Error::new(error).context(unreadable),
        })
    });
    computing.await.context("encoding was interrupted")?
}

/// Prints a blob ID in its usual form.
pub(crate) fn convert(context: &Context, args: &ConvertBlobIdArgs) -> anyhow::Result<()> {
    if context.json() {
        print_json(&args.blob_id.to_string())
    } else {
        print_text(&format!("Blob ID: {}", args.blob_id))
    }
}
