//! The read protocol: metadata that hashes to the blob ID, enough slivers that hash to the metadata,
//! decoding, and the consistency check. No byte is returned that was not checked.

mod metadata;
mod slivers;

use std::sync::Arc;

use walrus_core::{BlobId, params};
use walrus_encoder::{ConsistencyCheck, DecodeError, Encoder};

use crate::{
    config::CommunicationConfig,
    network::CommitteeClients,
    progress::{Progress, ProgressEvent},
    report::ShardReport,
};

/// Why a blob could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A quorum of the nodes does not know the blob.
    #[error("blob {0} does not exist")]
    NotFound(BlobId),
    /// The nodes may not serve the blob.
    #[error("blob {0} is blocked by the storage nodes")]
    Forbidden(BlobId),
    /// The blob is registered, but its availability was never certified.
    #[error(
        "blob {0} is registered but not certified; it cannot be read until its upload is complete"
    )]
    NotCertified(BlobId),
    /// The network has proven that the blob's slivers do not belong to one blob.
    #[error("blob {0} is invalid: its writer encoded it inconsistently")]
    Invalid(BlobId),
    /// No node gave correct metadata.
    #[error("cannot read the metadata of blob {blob_id}: {report}")]
    NoMetadata {
        /// The blob.
        blob_id: BlobId,
        /// Who answered.
        report: ShardReport,
    },
    /// Too few correct slivers.
    #[error("cannot read blob {blob_id}: {report}")]
    NotEnoughSlivers {
        /// The blob.
        blob_id: BlobId,
        /// Who answered.
        report: ShardReport,
    },
    /// The slivers do not decode, or decode to another blob.
    #[error("blob {blob_id} cannot be decoded: {source}")]
    Decode {
        /// The blob.
        blob_id: BlobId,
        /// What the decoder found.
        source: DecodeError,
    },
}

/// Reads a blob from the nodes of one committee.
pub(crate) async fn read_blob(
    committee: &Arc<CommitteeClients>,
    encoder: &Encoder,
    blob_id: BlobId,
    check: ConsistencyCheck,
    config: &CommunicationConfig,
    progress: &dyn Progress,
) -> Result<Vec<u8>, ReadError> {
    let started = tokio::time::Instant::now();
    let metadata = Arc::new(metadata::fetch(committee, blob_id, config).await?);
    tracing::info!(%blob_id, size = metadata.unencoded_length(), elapsed = ?started.elapsed(), "metadata read");
    progress.report(ProgressEvent::MetadataRead {
        size: metadata.unencoded_length(),
        slivers_needed: params::source_symbols(committee.n_shards()).0,
    });
    let slivers = slivers::fetch(committee, &metadata, encoder, config, progress).await?;
    tracing::info!(%blob_id, slivers = slivers.len(), elapsed = ?started.elapsed(), "slivers read");
    progress.report(ProgressEvent::Decoding);
    let encoder = encoder.clone();
    let blob = tokio::task::spawn_blocking(move || encoder.decode(&metadata, slivers, check))
        .await
        .expect("decoding does not panic")
        .map_err(|source| ReadError::Decode { blob_id, source })?;
    tracing::info!(%blob_id, elapsed = ?started.elapsed(), "decoded and checked");
    Ok(blob)
}
