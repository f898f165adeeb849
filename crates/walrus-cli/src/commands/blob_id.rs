//! `walrus blob-id` and `walrus convert-blob-id`.

use std::{
    num::NonZeroU16,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_client::{BlobInput, ClientError};
use walrus_core::{BlobId, EncodingType, NShards, VerifiedMetadata, params};
use walrus_encoder::{Encoder, ReadError};
use walrus_files::input::Input;

use super::context::Context;
use crate::{
    args::{EncodingArgs, RpcArgs, parse},
    output::{format::Size, path_json, path_text, print_json, print_text, store::blob_error_text},
    progress,
};

/// Options of `blob-id`.
#[derive(Debug, Args)]
pub(crate) struct BlobIdArgs {
    /// File to compute the blob ID of
    #[arg(value_name = "FILE", value_parser = parse::path())]
    pub file: PathBuf,
    /// Number of shards; asked from the network when absent
    #[arg(long, value_name = "N")]
    pub n_shards: Option<NonZeroU16>,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
    /// The erasure code.
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

/// Options of `convert-blob-id`.
#[derive(Debug, Args)]
pub(crate) struct ConvertBlobIdArgs {
    /// Blob ID as a decimal number
    #[arg(value_name = "DECIMAL", value_parser = parse_decimal_blob_id)]
    pub blob_id: BlobId,
}

fn parse_decimal_blob_id(text: &str) -> Result<BlobId, String> {
    BlobId::from_u256_decimal(text.trim()).map_err(|error| error.to_string())
}

/// Files from this size on, in bytes, are streamed instead of read into memory. Whatever reports a
/// size that is not its own, as files of `/proc` and `/sys` do, is far smaller.
const STREAMED_FROM: u64 = 64 << 20;

/// The JSON result.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobIdResult {
    #[serde_as(as = "DisplayFromStr")]
    blob_id: BlobId,
    file: String,
    unencoded_length: u64,
    encoding_type: EncodingType,
    n_shards: u16,
}

/// Where the number of shards comes from, on which the blob ID depends.
#[derive(Clone, Copy)]
enum ShardsFrom {
    Option,
    Network,
    Configuration,
}

impl ShardsFrom {
    fn text(self) -> &'static str {
        match self {
            Self::Option => "as given",
            Self::Network => "of the network",
            Self::Configuration => "from the configuration; the network could not be asked",
        }
    }
}

/// Computes the blob ID of a file.
pub(crate) async fn run(context: &Context, args: BlobIdArgs) -> anyhow::Result<()> {
    let (encoder, from) = match args.n_shards {
        Some(n_shards) => (encoder_for(n_shards)?, ShardsFrom::Option),
        None => encoder_of_network(context, &args.rpc).await?,
    };
    let metadata = metadata_of(&encoder, args.file.clone()).await?;
    if context.json() {
        return print_json(&BlobIdResult {
            blob_id: *metadata.blob_id(),
            file: path_json(&args.file),
            unencoded_length: metadata.unencoded_length(),
            encoding_type: EncodingType::Rs2,
            n_shards: encoder.n_shards().get(),
        });
    }
    print_text(&format!(
        "Blob ID: {}\nFile: {}\nUnencoded size: {}\nEncoding type: {}\nShards: {} ({})",
        metadata.blob_id(),
        path_text(&args.file),
        Size(metadata.unencoded_length()),
        EncodingType::Rs2,
        encoder.n_shards(),
        from.text()
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

fn encoder_for(n_shards: NShards) -> anyhow::Result<Encoder> {
    Encoder::new(n_shards).map_err(|_| anyhow!("the encoding does not support {n_shards} shards"))
}

/// The encoder for the network, or for the configuration's idea of it while the chain cannot be
/// reached.
async fn encoder_of_network(
    context: &Context,
    rpc: &RpcArgs,
) -> anyhow::Result<(Encoder, ShardsFrom)> {
    let client = context.reading(rpc)?.client;
    match (client.encoder().await, client.config().n_shards) {
        (Ok(encoder), _) => Ok((encoder, ShardsFrom::Network)),
        (Err(ClientError::Sui(error)), Some(n_shards)) if error.is_transient() => {
            Ok((encoder_for(n_shards)?, ShardsFrom::Configuration))
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// The metadata of what `path` names, which is opened once. A large file is streamed, with a
/// progress bar.
async fn metadata_of(encoder: &Encoder, path: PathBuf) -> anyhow::Result<VerifiedMetadata> {
    let length_max = params::max_blob_size(encoder.n_shards());
    let is_streamed = std::fs::metadata(&path)
        .is_ok_and(|file| file.is_file() && (STREAMED_FROM..=length_max).contains(&file.len()));
    if !is_streamed {
        let metadata = BlobInput::File(path).metadata(encoder).await;
        return metadata.map_err(|error| anyhow!(blob_error_text(&error)));
    }
    let encoder = encoder.clone();
    tokio::task::spawn_blocking(move || streamed(&encoder, &path))
        .await
        .context("encoding was interrupted")?
}

fn streamed(encoder: &Encoder, path: &Path) -> anyhow::Result<VerifiedMetadata> {
    let unreadable = || format!("cannot read {}", path_text(path));
    let input = Input::open(path).with_context(unreadable)?;
    let Some(length) = input.reported_size() else {
        bail!("{}: it is no file any more", unreadable());
    };
    let mut file = input.into_file();
    let bar = progress::reading(length, "encoding the file");
    let metadata = encoder.metadata_from_reader(&mut file, length, |read| bar.set_position(read));
    bar.finish_and_clear();
    let metadata = metadata.map_err(|error| match error {
        ReadError::Encode(error) => anyhow::Error::new(error).context(unreadable()),
        ReadError::Io(error) => anyhow::Error::new(error).context(unreadable()),
    })?;
    let length_now = file.metadata().with_context(unreadable)?.len();
    if length_now != length {
        bail!("{}: it has changed while it was read", unreadable());
    }
    Ok(metadata)
}

/// Prints a blob ID in its usual form.
pub(crate) fn convert(context: &Context, args: &ConvertBlobIdArgs) -> anyhow::Result<()> {
    if context.json() {
        print_json(&args.blob_id.to_string())
    } else {
        print_text(&format!("Blob ID: {}", args.blob_id))
    }
}
