//! The read protocol: metadata that hashes to the blob ID, enough slivers that hash to the
//! metadata, decoding, and the consistency check. No byte is returned that was not checked.

mod metadata;
mod part;
mod recover;
mod slivers;

use std::{sync::Arc, time::Duration};

use walrus_core::{BlobId, Epoch, metadata::VerifiedMetadata, node_api::BlobStatus, params};
use walrus_encoder::{ConsistencyCheck, Encoder};
use walrus_sui::{Committee, Committees};

pub use part::{OpenBlob, OpenQuilt};

use crate::{
    backoff::Waits,
    client::{STATUS_TIMEOUT, WalrusClient},
    committee::CommitteeClients,
    config::CommunicationConfig,
    error::{ClientError, ReadError},
    progress::{Progress, ProgressEvent, ProgressSink},
    status::{StatusError, blob_status},
};

/// Time for a status to arrive after the read it accompanies.
const STATUS_GRACE: Duration = Duration::from_secs(1);
/// How often a read waits for the nodes to see the certification of a blob they know as registered.
const CERTIFICATION_WAITS_MAX: u32 = 4;
/// One of these waits.
const CERTIFICATION_WAIT: Duration = Duration::from_secs(1);

impl WalrusClient {
    /// Reads a blob. The bytes returned are those the blob ID stands for.
    ///
    /// With [`ConsistencyCheck::Strict`] that is proven by encoding them again; the weaker checks
    /// trust the writer to have encoded one blob consistently.
    pub async fn read(
        &self,
        blob_id: &BlobId,
        check: ConsistencyCheck,
        progress: &ProgressSink,
    ) -> Result<Vec<u8>, ClientError> {
        let encoder = self.encoder().await?;
        let blob_id = *blob_id;
        self.with_committees(progress, |committees| {
            let encoder = encoder.clone();
            async move {
                let config = &self.shared.communication;
                let read = |committee: Arc<CommitteeClients>| async move {
                    read_blob(&committee, &encoder, blob_id, check, config, &**progress).await
                };
                let (blob, _) = self.with_status(&committees, blob_id, read).await?;
                Ok(blob)
            }
        })
        .await
    }

    /// Runs an operation, again when the committee has changed or the nodes have not seen a
    /// certification yet.
    async fn with_committees<T, F>(
        &self,
        progress: &ProgressSink,
        operation: impl Fn(Arc<Committees>) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut certification_waits = 0;
        let mut waits = Waits::new(
            self.shared.communication.committee_change_backoff,
            &self.shared.environment,
        );
        loop {
            let committees = self.committees().await?;
            let error = match operation(Arc::clone(&committees)).await {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            // Nodes learn of a certification from the chain, some of them a moment after the writer
            // did.
            if is_not_certified(&error) && certification_waits < CERTIFICATION_WAITS_MAX {
                certification_waits += 1;
                tokio::time::sleep(CERTIFICATION_WAIT).await;
                continue;
            }
            if !may_be_committee_change(&error) || !self.has_changed(&committees).await? {
                return Err(error);
            }
            let Some(wait) = waits.next() else {
                return Err(error);
            };
            progress.report(ProgressEvent::CommitteeChanged);
            tokio::time::sleep(wait).await;
        }
    }

    /// Runs an operation with the committee that has the blob, while the nodes are asked whether it
    /// can be read at all. Returns also the epoch of its certification, if the nodes said it in
    /// time.
    async fn with_status<T, F>(
        &self,
        committees: &Committees,
        blob_id: BlobId,
        operation: impl FnOnce(Arc<CommitteeClients>) -> F,
    ) -> Result<(T, Option<Epoch>), ClientError>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        let config = &self.shared.communication;
        let current = self.clients(&committees.current);
        let status = async {
            let status = blob_status(&current, &blob_id, config, STATUS_TIMEOUT).await;
            certified_epoch(blob_id, status)
        };
        if committees.is_changing() {
            // Which committee has the slivers depends on when the blob was certified.
            let certified = status.await?;
            let from = self.clients(committee_to_read(committees, certified));
            return Ok((operation(from).await?, certified));
        }
        let operation = operation(Arc::clone(&current));
        tokio::pin!(status, operation);
        // Usually the status arrives first and costs no time; a definite "no" ends the read at
        // once.
        tokio::select! {
            biased;
            verdict = &mut status => {
                let certified = verdict?;
                Ok((operation.await?, certified))
            }
            result = &mut operation => {
                // Whether the blob exists says more than how far the read came, but the nodes had
                // time to say.
                let certified = match tokio::time::timeout(STATUS_GRACE, status).await {
                    Ok(verdict) => verdict?,
                    Err(_) => None,
                };
                Ok((result?, certified))
            }
        }
    }
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
    decode_blob(committee, encoder, metadata, check, config, progress).await
}

/// Reads the blob that `metadata` describes.
async fn decode_blob(
    committee: &Arc<CommitteeClients>,
    encoder: &Encoder,
    metadata: Arc<VerifiedMetadata>,
    check: ConsistencyCheck,
    config: &CommunicationConfig,
    progress: &dyn Progress,
) -> Result<Vec<u8>, ReadError> {
    let started = tokio::time::Instant::now();
    let blob_id = *metadata.blob_id();
    let slivers = slivers::fetch(committee, &metadata, encoder, config, progress).await?;
    tracing::info!(%blob_id, slivers = slivers.len(), elapsed = ?started.elapsed(), "slivers read");
    progress.report(ProgressEvent::Decoding);
    let encoder = encoder.clone();
    let blob = ambient::run_blocking(move || encoder.decode(&metadata, slivers, check))
        .await
        .expect("decoding does not panic")
        .map_err(|source| ReadError::Decode { blob_id, source })?;
    tracing::info!(%blob_id, elapsed = ?started.elapsed(), "decoded and checked");
    Ok(blob)
}

/// The committee that serves a blob certified in epoch `certified` while nodes still take over
/// shards.
fn committee_to_read(committees: &Committees, certified: Option<Epoch>) -> &Committee {
    match (&committees.previous, certified) {
        (Some(previous), Some(certified)) if certified < committees.epoch => previous,
        _ => &committees.current,
    }
}

/// What a status means for a reader: the epoch of certification if it is known, or why there is
/// nothing to read. A status that could not be established means nothing; the slivers decide.
fn certified_epoch(
    blob_id: BlobId,
    status: Result<BlobStatus, StatusError>,
) -> Result<Option<Epoch>, ReadError> {
    match status {
        Ok(BlobStatus::Nonexistent) => Err(ReadError::NotFound(blob_id)),
        Ok(BlobStatus::Invalid { .. }) => Err(ReadError::Invalid(blob_id)),
        Ok(status) => match status.initial_certified_epoch() {
            Some(epoch) => Ok(Some(epoch)),
            None => Err(ReadError::NotCertified(blob_id)),
        },
        Err(error) => {
            tracing::debug!(%blob_id, %error, "reading without a status");
            Ok(None)
        }
    }
}

fn is_not_certified(error: &ClientError) -> bool {
    matches!(error, ClientError::Read(ReadError::NotCertified(_)))
}

/// Failures that a change of committee explains.
fn may_be_committee_change(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Read(ReadError::NoMetadata { .. } | ReadError::NotEnoughSlivers { .. })
            | ClientError::NotEnoughNodes(_)
    )
}

#[cfg(test)]
mod tests {
    use walrus_core::{EventId, NShards, node_api::DeletableCounts};
    use walrus_sui::EpochState;

    use super::*;

    const BLOB: BlobId = BlobId([1; 32]);

    fn committees() -> Committees {
        let committee = |epoch| Committee {
            epoch,
            n_shards: NShards::new(10).unwrap(),
            members: Vec::new(),
        };
        Committees {
            epoch: 5,
            n_shards: NShards::new(10).unwrap(),
            epoch_state: EpochState::ChangeSync { attested: 0 },
            current: committee(5),
            previous: Some(committee(4)),
            next: None,
        }
    }

    #[test]
    fn older_blobs_are_read_from_the_previous_committee_during_a_change() {
        let committees = committees();
        assert_eq!(committee_to_read(&committees, Some(4)).epoch, 4);
        assert_eq!(committee_to_read(&committees, Some(5)).epoch, 5);
        assert_eq!(committee_to_read(&committees, None).epoch, 5);
    }

    #[test]
    fn only_certified_blobs_are_read() {
        let deletable = |initial_certified_epoch| BlobStatus::Deletable {
            initial_certified_epoch,
            deletable_counts: DeletableCounts::default(),
        };
        let event = EventId {
            tx_digest: [0; 32],
            event_seq: 0,
        };
        let check = |status| certified_epoch(BLOB, Ok(status));
        assert!(matches!(
            check(BlobStatus::Nonexistent),
            Err(ReadError::NotFound(BLOB))
        ));
        assert!(matches!(
            check(BlobStatus::Invalid { event }),
            Err(ReadError::Invalid(BLOB))
        ));
        assert!(matches!(
            check(deletable(None)),
            Err(ReadError::NotCertified(BLOB))
        ));
        assert!(matches!(check(deletable(Some(3))), Ok(Some(3))));
        assert!(matches!(
            certified_epoch(BLOB, Err(StatusError::NoAgreement(3))),
            Ok(None)
        ));
    }
}
