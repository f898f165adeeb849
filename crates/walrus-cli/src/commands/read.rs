//! `walrus read`.

use std::path::PathBuf;

use anyhow::Context as _;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::BlobId;
use walrus_encoder::ConsistencyCheck;
use walrus_files::output::{Output, Stream};
use walrus_terminal::exit::or_interrupted;

use super::context::Context;
use crate::{
    args::ReadArgs,
    output::{
        format::Size, path_json, path_text, print_bytes, print_json, print_json_to, print_text_to,
    },
    progress::bars,
};

/// The JSON result.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
    #[serde_as(as = "DisplayFromStr")]
    blob_id: BlobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<String>,
}

/// Reads a blob to a file or to stdout.
pub(crate) async fn run(context: &Context, args: ReadArgs) -> anyhow::Result<()> {
    let reading = read(context, args);
    or_interrupted(reading, || "interrupted; nothing was written".to_owned()).await
}

async fn read(context: &Context, args: ReadArgs) -> anyhow::Result<()> {
    // What cannot be written need not be fetched.
    let output = match &args.out {
        Some(path) => Some(open(path.clone()).await?),
        None => None,
    };
    let blob = fetch(context, &args).await?;
    let (Some(path), Some(output)) = (args.out, output) else {
        return if context.json() {
            print_json(&ReadResult {
                out: None,
                blob_id: args.blob_id,
                blob: Some(BASE64_STANDARD.encode(blob)),
            })
        } else {
            print_bytes(&blob)
        };
    };
    // Text goes to the stream that carries no data.
    let stream = match output.stream() {
        Some(Stream::Stdout) => Stream::Stderr,
        Some(Stream::Stderr) | None => Stream::Stdout,
    };
    let size = Size(blob.len() as u64);
    output
        .write(&blob)
        .with_context(|| format!("cannot write {}", path_text(&path)))?;
    if context.json() {
        let result = ReadResult {
            out: Some(path_json(&path)),
            blob_id: args.blob_id,
            blob: None,
        };
        return print_json_to(stream, &result);
    }
    let text = format!(
        "Success: read blob {} ({size}) to {}",
        args.blob_id,
        path_text(&path)
    );
    print_text_to(stream, &text)
}

/// Opens the output. A pipe without a reader takes until there is one, so not on the threads of the executor.
async fn open(path: PathBuf) -> anyhow::Result<Output> {
    let cannot_write = format!("cannot write {}", path_text(&path));
    tokio::task::spawn_blocking(move || Output::open(&path))
        .await
        .context("opening the output was interrupted")?
        .context(cannot_write)
}

async fn fetch(context: &Context, args: &ReadArgs) -> anyhow::Result<Vec<u8>> {
    let client = context.reading(&args.rpc)?.client;
    let check = if args.skip_consistency_check {
        ConsistencyCheck::Skip
    } else {
        ConsistencyCheck::Strict
    };
    Ok(client.read(&args.blob_id, check, &bars()).await?)
}
