//! `walrus blob-status`.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use clap::{ArgGroup, Args};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_client::EpochOutlook;
use walrus_core::{
    BlobId, Epoch,
    node_api::{BlobStatus, DeletableCounts},
    text::printable,
};

use super::{blob_id, context::Context};
use crate::{
    args::{Choice, EncodingArgs, OneOf, RpcArgs, parse, parse_duration},
    output::{path_json, print_json, print_text, time::timestamp},
};

/// Options of `blob-status`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("blob").required(true).args(["file", "blob_id"]))]
pub(crate) struct BlobStatusArgs {
    /// The blob.
    #[command(flatten)]
    pub blob: OneOf<BlobOptions>,
    /// Time for the nodes to answer, such as `500ms` or `5s`
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
    /// The erasure code.
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

/// Which blob is asked for.
#[derive(Debug, Clone, Args)]
pub(crate) struct BlobOptions {
    /// File whose blob is asked for
    #[arg(long, value_name = "FILE", value_parser = parse::path())]
    file: Option<PathBuf>,
    /// Blob asked for
    #[arg(long, value_name = "BLOB_ID", allow_hyphen_values = true)]
    blob_id: Option<BlobId>,
}

/// The blob that is asked for.
#[derive(Debug, Clone)]
pub(crate) enum AskedBlob {
    /// The one of this file.
    OfFile(PathBuf),
    /// This one.
    Id(BlobId),
}

impl Choice for BlobOptions {
    type Value = AskedBlob;

    fn given(self) -> Option<AskedBlob> {
        let id = self.blob_id.map(AskedBlob::Id);
        id.or(self.file.map(AskedBlob::OfFile))
    }
}

/// Why writing text always works.
const WRITING: &str = "writing to a string cannot fail";

/// The JSON result.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusResult {
    #[serde_as(as = "DisplayFromStr")]
    blob_id: BlobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    status: BlobStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_expiry_timestamp: Option<jiff::Timestamp>,
    /// The next epoch should have begun: epochs are longer than they should be, so the estimate is
    /// a lower bound.
    #[serde(skip)]
    is_overdue: bool,
}

/// Asks the nodes for the status of a blob.
pub(crate) async fn run(context: &Context, args: BlobStatusArgs) -> anyhow::Result<()> {
    let (blob_id, file) = match args.blob.0 {
        AskedBlob::Id(blob_id) => (blob_id, None),
        AskedBlob::OfFile(file) => {
            let blob_id = blob_id::of_file(context, &args.rpc, file.clone()).await?;
            (blob_id, Some(file))
        }
    };
    let client = context.reading(&args.rpc)?.client;
    let status = client.blob_status(&blob_id, args.timeout).await?;
    let outlook = client.epoch_outlook().await?;
    let result = StatusResult {
        blob_id,
        file: file.as_deref().map(path_json),
        estimated_expiry_timestamp: expiry(&outlook, &status),
        is_overdue: outlook.is_overdue,
        status,
    };
    if context.json() {
        print_json(&result)
    } else {
        print_text(&text(&result))
    }
}

/// When a permanent blob expires if epochs keep their length; never in the past.
fn expiry(outlook: &EpochOutlook, status: &BlobStatus) -> Option<jiff::Timestamp> {
    let BlobStatus::Permanent { end_epoch, .. } = status else {
        return None;
    };
    timestamp(outlook.begin_ms(*end_epoch)?)
}

fn text(result: &StatusResult) -> String {
    let mut text = format!("Blob ID: {}\n", result.blob_id);
    if let Some(file) = &result.file {
        writeln!(text, "File: {}", printable(file)).expect(WRITING);
    }
    text.push_str(&describe(&result.status));
    if let Some(expiry) = &result.estimated_expiry_timestamp {
        let bound = if result.is_overdue { "not before " } else { "" };
        writeln!(text, "Estimated expiry: {bound}{expiry}").expect(WRITING);
    }
    text
}

fn describe(status: &BlobStatus) -> String {
    let mut text = String::new();
    let written = match status {
        BlobStatus::Nonexistent => writeln!(text, "Status: nonexistent"),
        BlobStatus::Invalid { event } => writeln!(
            text,
            "Status: invalid\nInvalidated in transaction: {}",
            event.tx_digest_base58()
        ),
        BlobStatus::Permanent {
            end_epoch,
            is_certified,
            status_event,
            deletable_counts,
            initial_certified_epoch,
        } => {
            let state = if *is_certified {
                "certified"
            } else {
                "registered, not certified"
            };
            writeln!(
                text,
                "Status: permanent, {state}\nExpiry epoch (exclusive): {end_epoch}\nTransaction: {}{}{}",
                status_event.tx_digest_base58(),
                since(*initial_certified_epoch),
                counts(*deletable_counts)
            )
        }
        BlobStatus::Deletable {
            initial_certified_epoch,
            deletable_counts,
        } => {
            let state = match initial_certified_epoch {
                Some(_) => "certified",
                None => "registered, not certified",
            };
            writeln!(
                text,
                "Status: deletable, {state}{}{}",
                since(*initial_certified_epoch),
                counts(*deletable_counts)
            )
        }
    };
    written.expect(WRITING);
    text
}

fn since(epoch: Option<Epoch>) -> String {
    epoch.map_or_else(String::new, |epoch| {
        format!("\nCertified since epoch: {epoch}")
    })
}

fn counts(counts: DeletableCounts) -> String {
    match counts.count_deletable_total {
        0 => String::new(),
        total => format!(
            "\nDeletable objects: {total} ({} certified)",
            counts.count_deletable_certified
        ),
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::EventId;

    use super::*;

    fn result(status: BlobStatus) -> StatusResult {
        StatusResult {
            blob_id: BlobId([0; 32]),
            file: Some("a.bin".to_owned()),
            is_overdue: false,
            estimated_expiry_timestamp: Some("2030-01-02T03:04:05Z".parse().unwrap()),
            status,
        }
    }

    fn permanent() -> BlobStatus {
        BlobStatus::Permanent {
            end_epoch: 9,
            is_certified: true,
            status_event: EventId {
                tx_digest: [0; 32],
                event_seq: 0,
            },
            deletable_counts: DeletableCounts {
                count_deletable_total: 2,
                count_deletable_certified: 1,
            },
            initial_certified_epoch: Some(4),
        }
    }

    #[test]
    fn status_as_text_and_json() {
        insta::assert_snapshot!("status_text", text(&result(permanent())));
        insta::assert_snapshot!(
            "status_json",
            serde_json::to_string_pretty(&result(permanent())).unwrap()
        );
    }

    #[test]
    fn nonexistent_is_said_plainly() {
        let nothing = StatusResult {
            blob_id: BlobId([0; 32]),
            file: None,
            is_overdue: false,
            estimated_expiry_timestamp: None,
            status: BlobStatus::Nonexistent,
        };
        assert!(text(&nothing).ends_with("Status: nonexistent\n"));
        assert_eq!(
            serde_json::to_string(&nothing).unwrap(),
            format!(
                r#"{{"blobId":"{}","status":"nonexistent"}}"#,
                "A".repeat(43)
            )
        );
    }
}
