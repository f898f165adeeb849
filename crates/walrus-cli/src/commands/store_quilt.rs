//! `walrus store-quilt`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, anyhow, ensure};
use clap::{ArgGroup, Args};
use serde::{Deserialize, Serialize};
use walrus_client::{
    BlobInput, BlobResult, NewQuilt, QuiltPiece, WalrusClient,
    progress::ProgressSink,
    results::{BlobStoreResult, FileEstimate, StoredQuiltPatch},
};
use walrus_core::{quilt::QuiltIndexV1, text::printable};
use walrus_terminal::exit::or_interrupted;

use super::{
    context::Context,
    encrypt::Encryptor,
    relaying::relayed,
    store::{
        describe, describe_estimate,
        inputs::{Given, identifier, look, read_piece},
    },
};
use crate::{
    args::{EncryptionArgs, HowToStoreArgs, RpcArgs, parse},
    output::{
        path_text, print_json, print_text,
        store::{blob_error_text, estimate_error},
    },
    progress::{Ledger, bars},
};

/// Options of `store-quilt`: files by their paths, or described one by one.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("pieces").required(true).args(["paths", "blobs"]))]
pub(crate) struct StoreQuiltArgs {
    /// Files, and folders whose files are taken, at any depth. In the quilt, a file has its bare
    /// name, which must be its own
    #[arg(long, num_args = 1.., value_name = "PATH", value_parser = parse::path())]
    pub paths: Vec<PathBuf>,
    /// Files as JSON: {"path": "a.txt", "identifier": "name in the quilt", "tags": {"key":
    /// "value"}}; identifier and tags may be left out
    #[arg(long, num_args = 1.., value_name = "JSON", value_parser = piece)]
    pub blobs: Vec<PieceArg>,
    /// How to store.
    #[command(flatten)]
    pub how: HowToStoreArgs,
    /// Encrypt each file before it is put into the quilt, for the active account unless --for or
    /// --policy says otherwise; names and tags stay readable for everybody
    #[arg(long, conflicts_with_all = ["dry_run", "id"])]
    pub encrypt: bool,
    /// For whom.
    #[command(flatten)]
    pub encryption: EncryptionArgs,
}

/// A file that is described in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PieceArg {
    path: PathBuf,
    identifier: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

fn piece(text: &str) -> Result<PieceArg, String> {
    let piece: PieceArg = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let path = walrus_files::path::expand_home(&piece.path).map_err(|error| error.to_string())?;
    Ok(PieceArg { path, ..piece })
}

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuiltStoreResult {
    blob_store_result: BlobStoreResult,
    stored_quilt_blobs: Vec<StoredQuiltPatch>,
}

/// The JSON result of a dry run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuiltEstimate {
    quilt_blob_output: FileEstimate,
    quilt_index: QuiltIndexJson,
}

/// The index with its version.
#[derive(Serialize)]
struct QuiltIndexJson {
    v1: IndexJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexJson {
    quilt_patches: Vec<PatchJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PatchJson {
    end_index: u16,
    identifier: String,
    tags: BTreeMap<String, String>,
}

impl From<&QuiltIndexV1> for QuiltIndexJson {
    fn from(index: &QuiltIndexV1) -> Self {
        let patches = index.quilt_patches.iter().map(|patch| PatchJson {
            end_index: patch.end_index,
            identifier: patch.identifier.clone(),
            tags: patch.tags.clone(),
        });
        Self {
            v1: IndexJson {
                quilt_patches: patches.collect(),
            },
        }
    }
}

/// How a quilt is called that has no file of its own.
const QUILT_PATH: &str = "(quilt)";

/// Stores files as one quilt, or says what that would cost.
pub(crate) async fn run(context: &Context, args: StoreQuiltArgs) -> anyhow::Result<()> {
    let mut pieces = pieces(&args)?;
    if args.encrypt {
        let encryptor = Encryptor::new(context, &args.encryption).await?;
        for piece in &mut pieces {
            let (object, _) = encryptor.encrypt_bytes(&piece.data)?;
            piece.data = object.to_bytes().into();
        }
    }
    if args.how.dry_run {
        return dry_run(context, &args, &pieces).await;
    }
    let connected = context.signing()?;
    let options = args.how.options();
    let ledger = Arc::new(Ledger::new(bars()));
    let outlook = connected.client.epoch_outlook().await?;
    let quilt = build(&connected.client, &pieces).await?;
    let input = std::iter::once(BlobInput::Bytes(quilt.bytes().clone()));
    let client = relayed(context, &connected.client, &args.how, input).await?;
    let storing = Box::pin(store(&client, &args.how, &quilt, &ledger));
    let result = or_interrupted(storing, || {
        ledger.if_interrupted(options.force || options.ignore_resources)
    })
    .await?;
    ledger.finish();
    let outcome = result
        .as_ref()
        .map_err(|error| anyhow!("the quilt was not stored: {}", blob_error_text(error)));
    if context.json() {
        let patches = match &outcome {
            Ok(outcome) => quilt.patches(outcome.blob_id()),
            Err(_) => Vec::new(),
        };
        print_json(&QuiltStoreResult {
            blob_store_result: BlobStoreResult::new(&result, blob_error_text),
            stored_quilt_blobs: patches.iter().map(StoredQuiltPatch::from).collect(),
        })?;
        return outcome.map(drop);
    }
    let outcome = outcome?;
    let mut text = String::new();
    describe(&mut text, Path::new(QUILT_PATH), outcome, &outlook)?;
    let patches = quilt.patches(outcome.blob_id());
    write!(text, "\n{} files:", patches.len())?;
    for patch in &patches {
        write!(text, "\n  {}  {}", patch.id, printable(&patch.identifier))?;
    }
    if let Some(network) = connected.network {
        let url = network.public_aggregator;
        for patch in &patches {
            write!(
                text,
                "\nDownload: {url}/v1/blobs/by-quilt-patch-id/{}",
                patch.id
            )?;
        }
    }
    print_text(&text)
}

async fn store(
    client: &WalrusClient,
    how: &HowToStoreArgs,
    quilt: &NewQuilt,
    ledger: &Arc<Ledger>,
) -> anyhow::Result<BlobResult> {
    let progress = Arc::clone(ledger) as ProgressSink;
    let blob = quilt.to_blob(how.labels());
    let mut results = client
        .store_labelled(vec![blob], &how.options(), &progress)
        .await?;
    if how.share {
        client.share_stored(&mut results).await?;
    }
    Ok(results.pop().expect("one blob has one result"))
}

async fn build(client: &WalrusClient, pieces: &[QuiltPiece]) -> anyhow::Result<NewQuilt> {
    let n_shards = client.encoder().await?.n_shards();
    NewQuilt::build(n_shards, pieces).context("cannot make a quilt of these files")
}

async fn dry_run(
    context: &Context,
    args: &StoreQuiltArgs,
    pieces: &[QuiltPiece],
) -> anyhow::Result<()> {
    let client = context.reading(&RpcArgs::default())?.client;
    let quilt = build(&client, pieces).await?;
    let input = BlobInput::Bytes(quilt.bytes().clone());
    let estimate = client.estimate(input, args.how.duration.0).await;
    let estimate = estimate.map_err(estimate_error)?;
    if context.json() {
        return print_json(&QuiltEstimate {
            quilt_blob_output: FileEstimate::new(QUILT_PATH.to_owned(), &estimate),
            quilt_index: QuiltIndexJson::from(quilt.index()),
        });
    }
    let mut text = "Dry run: nothing was stored\n\n".to_owned();
    describe_estimate(&mut text, Path::new(QUILT_PATH), &estimate)?;
    write!(text, "{} files", pieces.len())?;
    print_text(&text)
}

/// Reads the files. Two of one name are refused before anything is paid.
fn pieces(args: &StoreQuiltArgs) -> anyhow::Result<Vec<QuiltPiece>> {
    let mut wanted: Vec<PieceArg> = args.blobs.clone();
    for given in look(&args.paths)? {
        let files = match given {
            Given::File(path) => vec![path],
            Given::Folder(_, files) => files,
        };
        wanted.extend(files.into_iter().map(|path| PieceArg {
            path,
            identifier: None,
            tags: BTreeMap::new(),
        }));
    }
    let mut names = BTreeSet::new();
    let mut pieces = Vec::with_capacity(wanted.len());
    for piece in wanted {
        let identifier = match piece.identifier {
            Some(identifier) => identifier,
            None => bare_name(&piece.path)?,
        };
        ensure!(
            names.insert(identifier.clone()),
            "two files are called `{}`: describe them with --blobs, each with an identifier of its own, or use \
             `walrus store` with the folder",
            printable(&identifier)
        );
        pieces.push(QuiltPiece {
            identifier,
            tags: piece.tags,
            data: read_piece(&piece.path)?,
        });
    }
    Ok(pieces)
}

fn bare_name(path: &Path) -> anyhow::Result<String> {
    let name = path
        .file_name()
        .with_context(|| format!("{} has no name", path_text(path)))?;
    identifier(Path::new(name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use walrus_terminal::exit::one_line;

    use super::*;

    #[test]
    fn files_are_described_in_json() {
        let described = piece(r#"{"path":"a","identifier":"b","tags":{"k":"v"}}"#).unwrap();
        assert_eq!(described.identifier.as_deref(), Some("b"));
        assert_eq!(described.tags["k"], "v");
        assert!(piece(r#"{"path":"a"}"#).is_ok());
        for text in ["{}", "a.txt", r#"{"path":"a","tag":{}}"#] {
            assert!(piece(text).is_err(), "{text}");
        }
    }

    #[test]
    fn indices_have_the_known_shape() {
        let index = QuiltIndexV1 {
            quilt_patches: vec![walrus_core::quilt::QuiltPatchV1 {
                end_index: 2,
                identifier: "a".to_owned(),
                tags: BTreeMap::new(),
            }],
        };
        assert_eq!(
            serde_json::to_string(&QuiltIndexJson::from(&index)).unwrap(),
            r#"{"v1":{"quiltPatches":[{"endIndex":2,"identifier":"a","tags":{}}]}}"#
        );
    }

    #[test]
    fn bare_names_must_differ() {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: StoreQuiltArgs,
        }
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("d")).unwrap();
        for name in ["a", "b", "d/a"] {
            fs::write(home.path().join(name), name).unwrap();
        }
        let parsed = |paths: &[&str]| {
            let paths = paths
                .iter()
                .map(|path| home.path().join(path).into_os_string());
            let fixed = ["x", "--epochs", "1", "--paths"].map(Into::into);
            let line = <Line as clap::Parser>::parse_from(fixed.into_iter().chain(paths));
            pieces(&line.args)
        };
        let names = |pieces: Vec<QuiltPiece>| {
            let names = pieces.into_iter().map(|piece| piece.identifier);
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(parsed(&["b", "d"]).unwrap()), ["b", "a"]);
        let error = one_line(&parsed(&["a", "d"]).unwrap_err());
        assert!(error.contains("two files are called `a`"), "{error}");
    }
}
