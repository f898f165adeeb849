//! `walrus store`.

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{anyhow, bail};
use serde::Serialize;
use walrus_client::{
    BlobError, BlobInput, BlobResult, CertifiedBy, EpochOutlook, StorageDuration, StoreOperation,
    StoreOptions, StoreOutcome, StoredBlob,
};
use walrus_core::EncodingType;
use walrus_terminal::exit::or_interrupted;

use super::context::{Connected, Context};
use crate::{
    args::{DurationArgs, EpochsArg, StoreArgs},
    output::{
        format::{Size, Sui, Wal},
        path_json, path_text, print_json, print_text,
        store::{BlobStoreResult, FileEstimate, blob_error_text},
        time::epoch_text,
    },
    progress::{Ledger, bars},
};

/// One file of the JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileResult {
    blob_store_result: BlobStoreResult,
    path: String,
}

/// One file and what became of it.
struct StoredFile {
    path: PathBuf,
    result: BlobResult,
}

/// Stores files, or says what storing them would cost.
pub(crate) async fn run(context: &Context, args: StoreArgs) -> anyhow::Result<()> {
    check_readable(&args)?;
    if args.dry_run {
        return dry_run(context, &args).await;
    }
    let options = StoreOptions {
        duration: duration(&args.duration),
        deletable: !args.permanent,
        force: args.force,
        ignore_resources: args.ignore_resources,
    };
    let connected = context.signing()?;
    let ledger = Arc::new(Ledger::new(bars()));
    let storing = Box::pin(store(&connected, &args, &options, &ledger));
    let (files, outlook) = or_interrupted(storing, || {
        ledger.if_interrupted(options.force || options.ignore_resources)
    })
    .await?;
    ledger.finish();
    if context.json() {
        let results: Vec<FileResult> = files
            .iter()
            .map(|file| FileResult {
                blob_store_result: BlobStoreResult::from(&file.result),
                path: path_json(&file.path),
            })
            .collect();
        print_json(&results)?;
    } else if files.iter().any(|file| file.result.is_ok()) {
        print_text(&text(&files, &connected, &outlook))?;
    }
    tell_failures(&files)
}

async fn store(
    connected: &Connected,
    args: &StoreArgs,
    options: &StoreOptions,
    ledger: &Arc<Ledger>,
) -> anyhow::Result<(Vec<StoredFile>, EpochOutlook)> {
    let client = &connected.client;
    let outlook = client.epoch_outlook().await?;
    let inputs = args.files.iter().cloned().map(BlobInput::File).collect();
    let progress = Arc::clone(ledger) as walrus_client::progress::ProgressSink;
    let results = client.store(inputs, options, &progress).await?;
    let paths = args.files.iter().cloned();
    let files = paths
        .zip(results)
        .map(|(path, result)| StoredFile { path, result })
        .collect();
    Ok((files, outlook))
}

/// Files that cannot be read are reported before anything is paid for the others. Pipes are opened once only: when
/// their turn comes.
fn check_readable(args: &StoreArgs) -> anyhow::Result<()> {
    for path in &args.files {
        let checked = fs::metadata(path).and_then(|metadata| {
            if metadata.is_file() {
                File::open(path)?;
            }
            Ok(metadata.is_dir())
        });
        match checked {
            Ok(false) => {}
            Ok(true) => bail!("cannot read {}: it is a directory", path_text(path)),
            Err(error) => bail!("cannot read {}: {error}", path_text(path)),
        }
    }
    Ok(())
}

fn duration(args: &DurationArgs) -> StorageDuration {
    match (args.epochs, args.earliest_expiry_time, args.end_epoch) {
        (Some(EpochsArg::Count(count)), ..) => StorageDuration::Epochs(count),
        (Some(EpochsArg::Max), ..) => StorageDuration::Max,
        (None, Some(time), _) => StorageDuration::EarliestExpiry {
            unix_ms: u64::try_from(time.as_millisecond()).unwrap_or(0),
        },
        (None, None, Some(end_epoch)) => StorageDuration::EndEpoch(end_epoch),
        (None, None, None) => unreachable!("the parser requires one of the three"),
    }
}

async fn dry_run(context: &Context, args: &StoreArgs) -> anyhow::Result<()> {
    let client = context.reading(&crate::args::RpcArgs::default())?.client;
    let mut estimates = Vec::with_capacity(args.files.len());
    for path in &args.files {
        let input = BlobInput::File(path.clone());
        let estimate = client.estimate(input, duration(&args.duration)).await?;
        estimates.push(estimate.map_err(|error| anyhow!(blob_error_text(&error)))?);
    }
    let files = args.files.iter().zip(&estimates);
    if context.json() {
        let files = files.map(|(path, estimate)| FileEstimate::new(path_json(path), estimate));
        return print_json(&files.collect::<Vec<_>>());
    }
    let mut text = "Dry run: nothing was stored\n".to_owned();
    for (path, estimate) in files {
        writeln!(text, "\nPath: {}", path_text(path))?;
        writeln!(text, "Blob ID: {}", estimate.blob_id)?;
        writeln!(text, "Unencoded size: {}", Size(estimate.unencoded_size))?;
        writeln!(
            text,
            "Encoded size (including metadata): {}",
            Size(estimate.encoded_size)
        )?;
        writeln!(
            text,
            "Cost to store as a new blob (excluding gas): {}",
            Wal(estimate.storage_cost.0)
        )?;
        writeln!(text, "Encoding type: {}", EncodingType::Rs2)?;
    }
    if estimates.len() > 1 {
        let total = estimates.iter().map(|estimate| estimate.storage_cost.0);
        let total = Wal(total.fold(0, u64::saturating_add));
        writeln!(text, "\nTotal cost of {} files: {total}", estimates.len())?;
    }
    print_text(&text)
}

fn text(files: &[StoredFile], connected: &Connected, outlook: &EpochOutlook) -> String {
    let mut text = String::new();
    let stored = || {
        files
            .iter()
            .filter_map(|file| Some((file, file.result.as_ref().ok()?)))
    };
    for (file, outcome) in stored() {
        describe(&mut text, file, outcome, outlook).expect(WRITING);
        text.push('\n');
    }
    text.push_str(&summary(files));
    if let Some(network) = connected.network {
        for (_, outcome) in stored() {
            let (url, blob_id) = (network.public_aggregator, outcome.blob_id());
            write!(text, "\nDownload: {url}/v1/blobs/{blob_id}").expect(WRITING);
        }
    }
    text
}

/// Why writing text always works.
const WRITING: &str = "writing to a string cannot fail";

fn describe(
    text: &mut String,
    file: &StoredFile,
    outcome: &StoreOutcome,
    outlook: &EpochOutlook,
) -> std::fmt::Result {
    let path = path_text(&file.path);
    match outcome {
        StoreOutcome::Stored(stored) => {
            let object = &stored.object;
            writeln!(text, "Success: {}", operation(stored.operation))?;
            writeln!(text, "Path: {path}")?;
            writeln!(text, "Blob ID: {}", object.blob_id)?;
            writeln!(text, "Sui object ID: {}", object.id)?;
            writeln!(text, "Unencoded size: {}", Size(object.size))?;
            let encoded = Size(stored.encoded_length);
            writeln!(text, "Encoded size (including metadata): {encoded}")?;
            writeln!(text, "Cost (excluding gas): {}", Wal(stored.cost.0))?;
            writeln!(text, "Gas: {}", Sui(stored.gas_mist))?;
            let end = epoch_text(object.storage.end_epoch, outlook);
            writeln!(text, "Expiry epoch (exclusive): {end}")?;
            let deletable = if object.deletable { "yes" } else { "no" };
            writeln!(text, "Deletable: {deletable}")?;
            writeln!(text, "Encoding type: {}", EncodingType::Rs2)?;
            for digest in &stored.transactions {
                writeln!(text, "Transaction: {digest}")?;
            }
            Ok(())
        }
        StoreOutcome::AlreadyCertified {
            blob_id,
            by,
            end_epoch,
        } => {
            writeln!(
                text,
                "Success: the blob was available already; nothing was stored"
            )?;
            writeln!(text, "Path: {path}")?;
            writeln!(text, "Blob ID: {blob_id}")?;
            match by {
                CertifiedBy::Object(object) => writeln!(text, "Sui object ID: {object}")?,
                CertifiedBy::Event(event) => {
                    let digest = event.tx_digest_base58();
                    writeln!(text, "Certified in transaction: {digest}")?;
                }
            }
            let end = epoch_text(*end_epoch, outlook);
            writeln!(text, "Expiry epoch (exclusive): {end}")
        }
    }
}

/// What was done.
fn operation(operation: StoreOperation) -> &'static str {
    match operation {
        StoreOperation::Bought { .. } => "stored as a new blob",
        StoreOperation::InOwnedStorage => "stored as a new blob in storage the wallet owned",
        StoreOperation::Completed { epochs_extended: 0 } => {
            "completed the upload of a registered blob"
        }
        StoreOperation::Completed { .. } => {
            "completed the upload of a registered blob and extended its storage"
        }
        StoreOperation::Extended { .. } => {
            "the blob was available already; its storage was extended"
        }
    }
}

fn summary(files: &[StoredFile]) -> String {
    let stored: Vec<&StoredBlob> = files
        .iter()
        .filter_map(|file| match &file.result {
            Ok(StoreOutcome::Stored(stored)) => Some(stored),
            _ => None,
        })
        .collect();
    let is_extended =
        |stored: &&&StoredBlob| matches!(stored.operation, StoreOperation::Extended { .. });
    let extended = stored.iter().filter(is_extended).count();
    let certified = stored.len() - extended;
    let counts = match stored.len() {
        0 => "No blobs were modified or created".to_owned(),
        _ => format!(
            "Summary for Modified or Created Blobs ({certified} newly certified, {extended} extended)"
        ),
    };
    if stored.len() < 2 {
        return counts;
    }
    let cost = stored.iter().map(|stored| stored.cost.0);
    let size: u64 = stored.iter().map(|stored| stored.object.size).sum();
    let cost = Wal(cost.fold(0, u64::saturating_add));
    let gas = Sui(stored.iter().map(|stored| stored.gas_mist).sum());
    format!("{counts}\nTotal: {}, {cost}, gas {gas}", Size(size))
}

/// The error of a store in which some blobs failed. Of several files, each failure has a line of its own before.
fn tell_failures(files: &[StoredFile]) -> anyhow::Result<()> {
    let failures: Vec<(&StoredFile, &BlobError)> = files
        .iter()
        .filter_map(|file| Some((file, file.result.as_ref().err()?)))
        .collect();
    match (failures.as_slice(), files.len()) {
        ([], _) => Ok(()),
        ([(file, error)], 1) => Err(anyhow!(not_stored(file, error))),
        (failures, total) => {
            for (file, error) in failures {
                let line = anyhow!(not_stored(file, error));
                eprintln!("Warning: {}", walrus_terminal::exit::one_line(&line));
            }
            bail!("{} of {total} files were not stored", failures.len())
        }
    }
}

/// One sentence that names the file once.
fn not_stored(file: &StoredFile, error: &BlobError) -> String {
    let text = blob_error_text(error);
    let path = path_text(&file.path);
    if text.contains(&path) {
        text
    } else {
        format!("{path} was not stored: {text}")
    }
}

#[cfg(test)]
mod tests {
    use walrus_contracts::types::{Blob, Storage};
    use walrus_core::{BlobId, EventId, Frost, NShards, ObjectId, params};
    use walrus_sui::{EpochInfo, EpochState};

    use super::*;

    fn file(path: &str, result: BlobResult) -> StoredFile {
        StoredFile {
            path: path.into(),
            result,
        }
    }

    fn newly_created() -> StoredFile {
        let stored = StoredBlob {
            object: Blob {
                id: ObjectId([1; 32]),
                registered_epoch: 34,
                blob_id: BlobId([0; 32]),
                size: 17,
                encoding_type: 1,
                certified_epoch: Some(34),
                storage: Storage {
                    id: ObjectId([2; 32]),
                    start_epoch: 34,
                    end_epoch: 35,
                    storage_size: 66_034_000,
                },
                deletable: true,
            },
            operation: StoreOperation::Bought { epochs_ahead: 1 },
            encoded_length: 66_034_000,
            cost: Frost(132_300),
            gas_mist: 5_200_000,
            transactions: vec!["digest".to_owned()],
        };
        file("a.bin", Ok(StoreOutcome::Stored(stored)))
    }

    fn already() -> StoredFile {
        let outcome = StoreOutcome::AlreadyCertified {
            blob_id: BlobId([0; 32]),
            by: CertifiedBy::Event(EventId {
                tx_digest: [0; 32],
                event_seq: 0,
            }),
            end_epoch: 9,
        };
        file("b.bin", Ok(outcome))
    }

    fn failed(path: &str) -> StoredFile {
        let error = BlobError::MarkedInvalid {
            blob_id: BlobId([0; 32]),
            event: EventId {
                tx_digest: [0; 32],
                event_seq: 0,
            },
        };
        file(path, Err(error))
    }

    fn too_large(path: &str) -> StoredFile {
        let n_shards = NShards::new(10).unwrap();
        let limit = params::max_blob_size(n_shards);
        let error = walrus_client::TooLarge {
            what: path.to_owned(),
            size: Some(13_000_000),
            limit,
            n_shards,
        };
        file(path, Err(error.into()))
    }

    fn outlook() -> EpochOutlook {
        let info = EpochInfo {
            epoch: 34,
            state: EpochState::ChangeDone {
                since_ms: 1_700_000_000_000,
            },
            epoch_duration_ms: 86_400_000,
            first_epoch_start_ms: 0,
            n_shards: NShards::new(10).unwrap(),
            max_epochs_ahead: 53,
        };
        EpochOutlook::new(&info, 1_700_000_000_000)
    }

    fn described(file: &StoredFile) -> String {
        let mut text = String::new();
        let outcome = file.result.as_ref().unwrap();
        describe(&mut text, file, outcome, &outlook()).unwrap();
        text
    }

    #[test]
    fn results_as_text() {
        insta::assert_snapshot!("newly_created", described(&newly_created()));
        insta::assert_snapshot!("already_certified", described(&already()));
    }

    #[test]
    fn results_as_json() {
        let files = [
            newly_created(),
            already(),
            too_large("c.bin"),
            failed("d.bin"),
        ];
        let results: Vec<FileResult> = files
            .iter()
            .map(|file| FileResult {
                blob_store_result: BlobStoreResult::from(&file.result),
                path: path_json(&file.path),
            })
            .collect();
        insta::assert_snapshot!(
            "store_json",
            serde_json::to_string_pretty(&results).unwrap()
        );
    }

    #[test]
    fn summary_counts() {
        assert_eq!(
            summary(&[newly_created(), already()]),
            "Summary for Modified or Created Blobs (1 newly certified, 0 extended)"
        );
        assert_eq!(summary(&[already()]), "No blobs were modified or created");
        assert!(summary(&[newly_created(), newly_created()]).ends_with(
            "(2 newly certified, 0 extended)\nTotal: 34 B, 0.0002646 WAL, gas 0.0104 SUI"
        ));
    }

    #[test]
    fn failures_make_the_command_fail_and_name_each_file_once() {
        assert!(tell_failures(&[newly_created(), already()]).is_ok());
        let text = |files: &[StoredFile]| tell_failures(files).unwrap_err().to_string();
        assert_eq!(
            text(&[failed("c.bin")]),
            format!(
                "c.bin was not stored: blob {} is marked invalid by the network; it cannot be stored",
                BlobId([0; 32])
            )
        );
        assert_eq!(
            text(&[newly_created(), failed("c.bin"), failed("d.bin")]),
            "2 of 3 files were not stored"
        );
        assert_eq!(
            text(&[too_large("big.bin")]),
            "big.bin has 12.4 MiB, but with 10 shards a blob has at most 1.75 MiB: split it, or use a network of at \
             least 27 shards (walrus-localnet up --shards 27)"
        );
    }
}
