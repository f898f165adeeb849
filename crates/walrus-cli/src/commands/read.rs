//! `walrus read`.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context as _, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::BlobId;
use walrus_encoder::ConsistencyCheck;
use walrus_files::output::{Output, Stream};
use walrus_terminal::exit::or_interrupted;

use super::{
    context::Context,
    decrypt::{decrypt_bytes, key_of},
    envelope::{StoredEnvelope, Whole},
};
use crate::{
    args::{ApprovalArgs, RpcArgs, parse},
    output::{
        format::Size, path_json, path_text, print_bytes, print_json, print_json_to, print_text_to,
    },
    progress::bars,
};

/// Options of `read`.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Blob to read
    #[arg(value_name = "BLOB_ID", allow_hyphen_values = true)]
    pub blob_id: BlobId,
    /// File, device or pipe to write, opened before anything is fetched; a new file appears only
    /// when it is complete
    #[arg(long, short, value_name = "FILE", value_parser = parse::path())]
    pub out: Option<PathBuf>,
    /// Encode the decoded blob again and compare the blob ID (the default)
    #[arg(long, conflicts_with = "skip_consistency_check")]
    pub strict_consistency_check: bool,
    /// Trust the writer of the blob: do not check that all slivers belong to one blob
    #[arg(long)]
    pub skip_consistency_check: bool,
    /// Read only these bytes: 0-99, 100- (from there to the end) or -50 (the last ones)
    #[arg(long, value_name = "FIRST-LAST", allow_hyphen_values = true, conflicts_with_all = ["strict_consistency_check", "skip_consistency_check"])]
    pub range: Option<ByteRange>,
    /// Decrypt the blob, as the active account of the wallet
    #[arg(long, conflicts_with = "range")]
    pub decrypt: bool,
    /// How its policy is asked.
    #[command(flatten)]
    pub approval: ApprovalArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

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
    if let Some(path) = args.out.as_ref().filter(|_| args.decrypt)
        && is_file(path)
        && let Some(size) = read_envelope(context, &args, path).await?
    {
        return tell(context, &args.blob_id, path, size, Stream::Stdout);
    }
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
    tell(context, &args.blob_id, &path, size, stream)
}

/// Says what was read and where it is.
fn tell(
    context: &Context,
    blob_id: &BlobId,
    path: &Path,
    size: Size,
    stream: Stream,
) -> anyhow::Result<()> {
    if context.json() {
        let result = ReadResult {
            out: Some(path_json(path)),
            blob_id: *blob_id,
            blob: None,
        };
        return print_json_to(stream, &result);
    }
    let text = format!(
        "Success: read blob {blob_id} ({size}) to {}",
        path_text(path)
    );
    print_text_to(stream, &text)
}

/// Whether this is, or is going to be, a file: not a stream or device.
fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

/// Decrypts an envelope page by page into a file; `None` if the blob is none.
async fn read_envelope(
    context: &Context,
    args: &ReadArgs,
    path: &Path,
) -> anyhow::Result<Option<Size>> {
    let client = context.reading(&args.rpc)?.client;
    let blob = client.open(&args.blob_id).await?;
    let Some(envelope) = StoredEnvelope::open(blob).await? else {
        return Ok(None);
    };
    let key = key_of(
        context,
        &envelope.header.object.header,
        None,
        &args.approval,
    )
    .await?;
    // Nothing gets its name before all of it is authentic.
    let mut whole = Whole::create(path)?;
    let size = envelope.decrypt(&key, &mut whole.file).await?;
    whole.finish()?;
    Ok(Some(Size(size)))
}

/// Bytes of a blob, as HTTP counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// From the first to the last one, both included; to the end without a last one.
    From(u64, Option<u64>),
    /// The last so many.
    Last(u64),
}

impl FromStr for ByteRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected =
            || format!("`{text}` is no range; write it like 0-99, 100- or -50 (the last 50 bytes)");
        let (first, last) = text.split_once('-').ok_or_else(expected)?;
        let number = |digits: &str| digits.parse::<u64>().map_err(|_| expected());
        match (first, last) {
            ("", last) => Ok(Self::Last(number(last)?)),
            (first, "") => Ok(Self::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return Err(format!("`{text}` ends before it begins"));
                }
                Ok(Self::From(first, Some(last)))
            }
        }
    }
}

impl ByteRange {
    /// The part of a blob of `size` bytes, which is cut off at its end.
    fn within(self, size: u64) -> anyhow::Result<Range<u64>> {
        match self {
            Self::From(first, _) if first >= size => {
                bail!("the blob has {size} bytes: none from {first} on")
            }
            Self::From(first, last) => {
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                Ok(first..end)
            }
            Self::Last(count) => Ok(size.saturating_sub(count)..size),
        }
    }
}

/// Opens the output. A pipe without a reader takes until there is one, so not on the threads of the
/// executor.
async fn open(path: PathBuf) -> anyhow::Result<Output> {
    let cannot_write = format!("cannot write {}", path_text(&path));
    tokio::task::spawn_blocking(move || Output::open(&path))
        .await
        .context("opening the output was interrupted")?
        .context(cannot_write)
}

async fn fetch(context: &Context, args: &ReadArgs) -> anyhow::Result<Vec<u8>> {
    let client = context.reading(&args.rpc)?.client;
    if let Some(range) = args.range {
        // Only the rows it lies on are fetched; each is checked.
        let blob = client.open(&args.blob_id).await?;
        return Ok(blob.read_range(range.within(blob.size())?).await?);
    }
    let check = if args.skip_consistency_check {
        ConsistencyCheck::Skip
    } else {
        ConsistencyCheck::Strict
    };
    let blob = client.read(&args.blob_id, check, &bars()).await?;
    if args.decrypt {
        decrypt_bytes(context, &blob, &args.approval).await
    } else {
        Ok(blob)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_like_http() {
        for (text, size, range) in [
            ("0-99", 1000, 0..100),
            ("0-0", 1000, 0..1),
            ("990-2000", 1000, 990..1000),
            ("100-", 1000, 100..1000),
            ("-50", 1000, 950..1000),
            ("-5000", 1000, 0..1000),
            ("-0", 1000, 1000..1000),
            ("0-18446744073709551615", 10, 0..10),
        ] {
            let parsed: ByteRange = text.parse().unwrap();
            assert_eq!(parsed.within(size).unwrap(), range, "{text}");
        }
        for text in ["", "-", "5", "9-3", "a-b", "1-2-3", "0x1-2"] {
            assert!(text.parse::<ByteRange>().is_err(), "{text}");
        }
        let past: ByteRange = "1000-".parse().unwrap();
        assert!(past.within(1000).is_err());
    }
}
