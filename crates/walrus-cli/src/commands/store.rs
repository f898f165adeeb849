//! `walrus store`.

pub(super) mod inputs;

use std::{fmt::Write as _, path::Path, sync::Arc};

use anyhow::{anyhow, bail};
use serde::Serialize;
use walrus_client::{
    BlobError, BlobResult, CertifiedBy, EpochOutlook, StoreEstimate, StoreOperation, StoreOutcome,
    StoredBlob, WalrusClient,
    results::{BlobStoreResult, FileEstimate, StoredQuiltPatch},
};
use walrus_core::EncodingType;
use walrus_terminal::exit::or_interrupted;

use self::inputs::{Given, Packing, Unit};
use super::{
    context::{Connected, Context},
    encrypt::Encryptor,
    relaying::relayed,
};
use crate::{
    args::StoreArgs,
    output::{
        format::{Size, Sui, Wal},
        path_json, path_text, print_json, print_text,
        store::{blob_error_text, estimate_error},
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
    /// The files of the folder `path` that are in this blob.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stored_quilt_blobs: Vec<StoredQuiltPatch>,
}

/// A file or quilt, and what became of it.
struct StoredFile {
    unit: Unit,
    result: BlobResult,
}

/// Stores files, or says what storing them would cost.
pub(crate) async fn run(context: &Context, args: StoreArgs) -> anyhow::Result<()> {
    let given = inputs::look(&args.files)?;
    if args.how.dry_run {
        return dry_run(context, &args, given).await;
    }
    let options = args.how.options();
    let connected = context.signing()?;
    let ledger = Arc::new(Ledger::new(bars()));
    let outlook = connected.client.epoch_outlook().await?;
    let units = units(context, &connected, &args, given).await?;
    let inputs = units.iter().map(Unit::input);
    let client = relayed(context, &connected.client, &args.how, inputs).await?;
    let storing = Box::pin(store(&client, &args, units, &ledger));
    let files = or_interrupted(storing, || {
        ledger.if_interrupted(options.force || options.ignore_resources)
    })
    .await?;
    ledger.finish();
    if context.json() {
        print_json(&files.iter().map(file_result).collect::<Vec<_>>())?;
    } else if files.iter().any(|file| file.result.is_ok()) {
        print_text(&text(&files, &connected, &outlook))?;
    }
    tell_failures(&files)
}

fn file_result(file: &StoredFile) -> FileResult {
    let patches = match (&file.result, file.unit.quilt()) {
        (Ok(outcome), Some(quilt)) => quilt.patches(outcome.blob_id()),
        _ => Vec::new(),
    };
    FileResult {
        blob_store_result: BlobStoreResult::new(&file.result, blob_error_text),
        path: path_json(file.unit.path()),
        stored_quilt_blobs: patches.iter().map(StoredQuiltPatch::from).collect(),
    }
}

/// What becomes a blob each.
async fn units(
    context: &Context,
    connected: &Connected,
    args: &StoreArgs,
    given: Vec<Given>,
) -> anyhow::Result<Vec<Unit>> {
    let mut units = packing(&connected.client, args).units(given).await?;
    if args.encrypt {
        let encryptor = Encryptor::new(context, &args.encryption).await?;
        for unit in &mut units {
            unit.encrypt(&encryptor, args.envelope)?;
        }
    }
    Ok(units)
}

async fn store(
    client: &WalrusClient,
    args: &StoreArgs,
    units: Vec<Unit>,
    ledger: &Arc<Ledger>,
) -> anyhow::Result<Vec<StoredFile>> {
    let labels = args.how.labels();
    let blobs = units.iter().map(|unit| unit.to_blob(labels.clone()));
    let progress = Arc::clone(ledger) as walrus_client::progress::ProgressSink;
    let mut results = client
        .store_labelled(blobs.collect(), &args.how.options(), &progress)
        .await?;
    if args.how.share {
        client.share_stored(&mut results).await?;
    }
    let files = units.into_iter().zip(results);
    let files = files.map(|(unit, result)| StoredFile { unit, result });
    Ok(files.collect())
}

fn packing<'a>(client: &'a WalrusClient, args: &StoreArgs) -> Packing<'a> {
    Packing {
        client,
        duration: args.how.duration.0,
        // Everybody can read the names of the files in a quilt.
        quilts: !args.no_quilts && !args.encrypt,
    }
}

async fn dry_run(context: &Context, args: &StoreArgs, given: Vec<Given>) -> anyhow::Result<()> {
    let client = context.reading(&crate::args::RpcArgs::default())?.client;
    let units = packing(&client, args).units(given).await?;
    let mut estimates = Vec::with_capacity(units.len());
    for unit in &units {
        let duration = args.how.duration.0;
        let estimate = client.estimate(unit.input(), duration).await;
        estimates.push(estimate.map_err(estimate_error)?);
    }
    let files = units.iter().zip(&estimates);
    if context.json() {
        let files =
            files.map(|(unit, estimate)| FileEstimate::new(path_json(unit.path()), estimate));
        return print_json(&files.collect::<Vec<_>>());
    }
    let mut text = "Dry run: nothing was stored\n".to_owned();
    for (unit, estimate) in files {
        text.push('\n');
        describe_estimate(&mut text, unit.path(), estimate).expect(WRITING);
        describe_quilt(&mut text, unit).expect(WRITING);
    }
    if estimates.len() > 1 {
        let total = estimates.iter().map(|estimate| estimate.storage_cost.0);
        let total = Wal(total.fold(0, u64::saturating_add));
        writeln!(text, "\nTotal cost of {} blobs: {total}", estimates.len())?;
    }
    print_text(&text)
}

/// What storing a blob would cost.
pub(super) fn describe_estimate(
    text: &mut String,
    path: &Path,
    estimate: &StoreEstimate,
) -> std::fmt::Result {
    writeln!(text, "Path: {}", path_text(path))?;
    writeln!(text, "Blob ID: {}", estimate.blob_id)?;
    writeln!(text, "Unencoded size: {}", Size(estimate.unencoded_size))?;
    let encoded = Size(estimate.encoded_size);
    writeln!(text, "Encoded size (including metadata): {encoded}")?;
    let cost = Wal(estimate.storage_cost.0);
    writeln!(text, "Cost to store as a new blob (excluding gas): {cost}")?;
    writeln!(text, "Encoding type: {}", EncodingType::Rs2)
}

/// Why files of a folder are one blob.
fn describe_quilt(text: &mut String, unit: &Unit) -> std::fmt::Result {
    let Unit::Quilt { quilt, prices, .. } = unit else {
        return Ok(());
    };
    let files = quilt.index().quilt_patches.len();
    match prices {
        Some((apart, together)) => writeln!(
            text,
            "Quilt: {files} files together for {together} instead of {apart} (--no-quilts stores them one by one)"
        ),
        None => writeln!(text, "Quilt: {files} files together"),
    }
}

fn text(files: &[StoredFile], connected: &Connected, outlook: &EpochOutlook) -> String {
    let mut text = String::new();
    let stored = || {
        files
            .iter()
            .filter_map(|file| Some((file, file.result.as_ref().ok()?)))
    };
    for (file, outcome) in stored() {
        describe(&mut text, file.unit.path(), outcome, outlook).expect(WRITING);
        describe_quilt(&mut text, &file.unit).expect(WRITING);
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

/// What a store did, in lines.
pub(super) fn describe(
    text: &mut String,
    path: &Path,
    outcome: &StoreOutcome,
    outlook: &EpochOutlook,
) -> std::fmt::Result {
    let path = path_text(path);
    match outcome {
        StoreOutcome::Stored(stored) => {
            let object = &stored.object;
            writeln!(text, "Success: {}", operation(stored.operation))?;
            writeln!(text, "Path: {path}")?;
            writeln!(text, "Blob ID: {}", object.blob_id)?;
            writeln!(text, "Sui object ID: {}", object.id)?;
            if let Some(shared) = stored.shared_object {
                writeln!(text, "Shared object ID: {shared}")?;
            }
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

/// The error of a store in which some blobs failed. Of several files, each failure has a line of
/// its own before.
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
    let path = path_text(file.unit.path());
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
            unit: Unit::File(path.into()),
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
            shared_object: None,
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
        describe(&mut text, file.unit.path(), outcome, &outlook()).unwrap();
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
        let results: Vec<FileResult> = files.iter().map(file_result).collect();
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
