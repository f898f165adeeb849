//! `walrus store`.

use std::fmt::Write as _;

use anyhow::{anyhow, bail};
use serde::Serialize;
use walrus_client::{
    BlobInput, BlobStoreResult, StorageDuration, StoreEstimate, StoreOptions,
    result::{EventOrObject, ResourceOperation},
};
use walrus_core::EncodingType;

use super::context::{Connected, Context};
use crate::{
    args::{DurationArgs, EpochsArg, StoreArgs},
    output::{
        format::{Size, Wal},
        print_json, print_text,
    },
    progress::bars,
};

/// One file of the JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileResult {
    blob_store_result: BlobStoreResult,
    path: String,
}

/// One file of the JSON result of a dry run.
#[derive(Serialize)]
struct FileEstimate {
    path: String,
    #[serde(flatten)]
    estimate: StoreEstimate,
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
    let inputs = args.files.iter().cloned().map(BlobInput::File).collect();
    let progress = bars();
    let results = connected.client.store(inputs, &options, &progress).await?;
    drop(progress);
    let files: Vec<FileResult> = args
        .files
        .iter()
        .zip(results)
        .map(|(path, blob_store_result)| FileResult {
            blob_store_result,
            path: path.display().to_string(),
        })
        .collect();
    if context.json() {
        print_json(&files)?;
    } else {
        print_text(&text(&files, &connected))?;
    }
    first_failure(&files)
}

/// Files that cannot be read are reported before anything is paid for the others.
fn check_readable(args: &StoreArgs) -> anyhow::Result<()> {
    for path in &args.files {
        let file = std::fs::File::open(path);
        let is_directory = file
            .and_then(|file| file.metadata())
            .map(|metadata| metadata.is_dir());
        match is_directory {
            Ok(false) => {}
            Ok(true) => bail!("cannot read {}: it is a directory", path.display()),
            Err(error) => bail!("cannot read {}: {error}", path.display()),
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
    let connected = context.reading(&crate::args::RpcArgs::default())?;
    let mut files = Vec::with_capacity(args.files.len());
    for path in &args.files {
        let input = BlobInput::File(path.clone());
        match connected
            .client
            .estimate(input, duration(&args.duration))
            .await?
        {
            Ok(estimate) => files.push(FileEstimate {
                path: path.display().to_string(),
                estimate,
            }),
            Err(failed) => return Err(failure(&failed).unwrap_or_else(|| anyhow!("cannot encode"))),
        }
    }
    if context.json() {
        return print_json(&files);
    }
    let mut text = String::new();
    for file in &files {
        let estimate = &file.estimate;
        writeln!(text, "Dry run: nothing was stored")?;
        writeln!(text, "Path: {}", file.path)?;
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
        writeln!(text, "Encoding type: {}\n", EncodingType::Rs2)?;
    }
    print_text(&text)
}

fn text(files: &[FileResult], connected: &Connected) -> String {
    let mut text = String::new();
    for file in files {
        describe(&mut text, file).expect("writing to a string cannot fail");
        text.push('\n');
    }
    text.push_str(&summary(files));
    if let Some(network) = connected.network {
        for id in files
            .iter()
            .filter_map(|file| stored_id(&file.blob_store_result))
        {
            write!(
                text,
                "\nDownload: {}/v1/blobs/{id}",
                network.public_aggregator
            )
            .expect("writing to a string cannot fail");
        }
    }
    text
}

fn stored_id(result: &BlobStoreResult) -> Option<walrus_core::BlobId> {
    result.blob_id().filter(|_| result.is_stored())
}

fn describe(text: &mut String, file: &FileResult) -> std::fmt::Result {
    match &file.blob_store_result {
        BlobStoreResult::NewlyCreated {
            blob_object,
            resource_operation,
            cost,
            shared_blob_object,
            transactions,
        } => {
            let (what, encoded_length) = operation(resource_operation);
            writeln!(text, "Success: {what}")?;
            writeln!(text, "Path: {}", file.path)?;
            writeln!(text, "Blob ID: {}", blob_object.blob_id)?;
            writeln!(text, "Sui object ID: {}", blob_object.id)?;
            if let Some(shared) = shared_blob_object {
                writeln!(text, "Shared object ID: {shared}")?;
            }
            writeln!(text, "Unencoded size: {}", Size(blob_object.size))?;
            writeln!(
                text,
                "Encoded size (including metadata): {}",
                Size(encoded_length)
            )?;
            writeln!(text, "Cost (excluding gas): {}", Wal(cost.0))?;
            writeln!(
                text,
                "Expiry epoch (exclusive): {}",
                blob_object.storage.end_epoch
            )?;
            let deletable = if blob_object.deletable { "yes" } else { "no" };
            writeln!(text, "Deletable: {deletable}")?;
            writeln!(text, "Encoding type: {}", EncodingType::Rs2)?;
            for digest in transactions {
                writeln!(text, "Transaction: {digest}")?;
            }
            Ok(())
        }
        BlobStoreResult::AlreadyCertified {
            blob_id,
            event_or_object,
            end_epoch,
        } => {
            writeln!(
                text,
                "Success: the blob was available already; nothing was stored"
            )?;
            writeln!(text, "Path: {}", file.path)?;
            writeln!(text, "Blob ID: {blob_id}")?;
            match event_or_object {
                EventOrObject::Object(object) => writeln!(text, "Sui object ID: {object}")?,
                EventOrObject::Event(event) => {
                    writeln!(
                        text,
                        "Certified in transaction: {}",
                        event.tx_digest_base58()
                    )?;
                }
            }
            writeln!(text, "Expiry epoch (exclusive): {end_epoch}")
        }
        BlobStoreResult::MarkedInvalid { blob_id, .. } => {
            writeln!(
                text,
                "Warning: the network has marked this blob as invalid; it cannot be stored"
            )?;
            writeln!(text, "Path: {}", file.path)?;
            writeln!(text, "Blob ID: {blob_id}")
        }
        BlobStoreResult::Error { error_msg, .. } => {
            writeln!(text, "Error: {error_msg}")?;
            writeln!(text, "Path: {}", file.path)
        }
    }
}

/// What was done, and the encoded size.
fn operation(operation: &ResourceOperation) -> (&'static str, u64) {
    match operation {
        ResourceOperation::RegisterFromScratch { encoded_length, .. } => {
            ("stored as a new blob", *encoded_length)
        }
        ResourceOperation::ReuseStorage { encoded_length } => (
            "stored as a new blob in storage the wallet owned",
            *encoded_length,
        ),
        ResourceOperation::ReuseRegistration { encoded_length } => {
            ("completed the upload of a registered blob", *encoded_length)
        }
        ResourceOperation::ReuseAndExtend { encoded_length, .. } => (
            "the blob was available already; its storage was extended",
            *encoded_length,
        ),
        ResourceOperation::ReuseAndExtendNonCertified { encoded_length, .. } => (
            "completed the upload of a registered blob and extended its storage",
            *encoded_length,
        ),
    }
}

fn summary(files: &[FileResult]) -> String {
    let (mut certified, mut extended) = (0, 0);
    for file in files {
        if let BlobStoreResult::NewlyCreated {
            resource_operation, ..
        } = &file.blob_store_result
        {
            match resource_operation {
                ResourceOperation::ReuseAndExtend { .. } => extended += 1,
                _ => certified += 1,
            }
        }
    }
    match certified + extended {
        0 => "No blobs were modified or created".to_owned(),
        _ => format!(
            "Summary for Modified or Created Blobs ({certified} newly certified, {extended} extended)"
        ),
    }
}

fn failure(result: &BlobStoreResult) -> Option<anyhow::Error> {
    match result {
        BlobStoreResult::Error { error_msg, .. } => Some(anyhow!("{error_msg}")),
        BlobStoreResult::MarkedInvalid { blob_id, .. } => Some(anyhow!(
            "blob {blob_id} is marked invalid by the network; it cannot be stored"
        )),
        _ => None,
    }
}

/// The error of a store in which some blobs failed.
fn first_failure(files: &[FileResult]) -> anyhow::Result<()> {
    let mut failures = files.iter().filter_map(|file| {
        let error = failure(&file.blob_store_result)?;
        Some(error.context(format!("{} was not stored", file.path)))
    });
    let Some(first) = failures.next() else {
        return Ok(());
    };
    match failures.count() {
        0 => Err(first),
        more => Err(first.context(format!(
            "{} of {} files were not stored",
            more + 1,
            files.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use walrus_client::result::{BlobObject, StorageObject};
    use walrus_core::{BlobId, EventId, Frost, ObjectId};

    use super::*;

    fn newly_created() -> FileResult {
        FileResult {
            path: "a.bin".to_owned(),
            blob_store_result: BlobStoreResult::NewlyCreated {
                blob_object: BlobObject {
                    id: ObjectId([1; 32]),
                    registered_epoch: 34,
                    blob_id: BlobId([0; 32]),
                    size: 17,
                    encoding_type: "RS2".to_owned(),
                    certified_epoch: Some(34),
                    storage: StorageObject {
                        id: ObjectId([2; 32]),
                        start_epoch: 34,
                        end_epoch: 35,
                        storage_size: 66_034_000,
                    },
                    deletable: true,
                },
                resource_operation: ResourceOperation::RegisterFromScratch {
                    encoded_length: 66_034_000,
                    epochs_ahead: 1,
                },
                cost: Frost(132_300),
                shared_blob_object: None,
                transactions: vec!["digest".to_owned()],
            },
        }
    }

    fn already() -> FileResult {
        FileResult {
            path: "b.bin".to_owned(),
            blob_store_result: BlobStoreResult::AlreadyCertified {
                blob_id: BlobId([0; 32]),
                event_or_object: EventOrObject::Event(EventId {
                    tx_digest: [0; 32],
                    event_seq: 0,
                }),
                end_epoch: 9,
            },
        }
    }

    fn error(path: &str) -> FileResult {
        FileResult {
            path: path.to_owned(),
            blob_store_result: BlobStoreResult::Error {
                blob_id: None,
                failure_phase: "upload".to_owned(),
                error_msg: "4 of 10 shards answered, 7 are needed".to_owned(),
            },
        }
    }

    fn described(file: &FileResult) -> String {
        let mut text = String::new();
        describe(&mut text, file).unwrap();
        text
    }

    #[test]
    fn results_as_text() {
        insta::assert_snapshot!("newly_created", described(&newly_created()));
        insta::assert_snapshot!("already_certified", described(&already()));
    }

    #[test]
    fn results_as_json() {
        let files = [newly_created(), already(), error("c.bin")];
        insta::assert_snapshot!("store_json", serde_json::to_string_pretty(&files).unwrap());
    }

    #[test]
    fn summary_counts() {
        assert_eq!(
            summary(&[newly_created(), already()]),
            "Summary for Modified or Created Blobs (1 newly certified, 0 extended)"
        );
        assert_eq!(summary(&[already()]), "No blobs were modified or created");
    }

    #[test]
    fn failures_make_the_command_fail() {
        assert!(first_failure(&[newly_created(), already()]).is_ok());
        let one = first_failure(&[newly_created(), error("c.bin")]).unwrap_err();
        assert_eq!(
            format!("{one:#}"),
            "c.bin was not stored: 4 of 10 shards answered, 7 are needed"
        );
        let two = first_failure(&[error("a.bin"), error("b.bin")]).unwrap_err();
        assert!(
            format!("{two:#}").starts_with("2 of 2 files were not stored: a.bin was not stored:")
        );
    }
}
