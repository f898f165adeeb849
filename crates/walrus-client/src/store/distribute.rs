//! The part of the write protocol that needs no wallet: for relays, whose clients register and
//! certify themselves.

use std::sync::Arc;

use bytes::Bytes;
use walrus_core::{BlobId, BlobPersistence, ProtocolCertificate};

use super::{
    input::BlobInput,
    outcome::BlobError,
    upload::{Upload, UploadError, Uploaded},
};
use crate::{backoff::Waits, client::WalrusClient, error::ClientError, progress::no_progress};

/// Why a blob was not distributed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistributeError {
    /// The chain cannot be read, or the network has no nodes.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The bytes cannot be encoded.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The bytes are another blob.
    #[error("the blob has ID {actual}, not {expected}")]
    OtherBlob {
        /// The ID that was given.
        expected: BlobId,
        /// The ID of the bytes.
        actual: BlobId,
    },
    /// Too few nodes confirmed.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

impl WalrusClient {
    /// Encodes a blob that somebody has registered, sends it to the nodes, and returns what they
    /// confirm. Nothing is sent if the bytes are not those of `blob_id`.
    pub async fn distribute(
        &self,
        blob: Bytes,
        blob_id: &BlobId,
        persistence: BlobPersistence,
    ) -> Result<ProtocolCertificate, DistributeError> {
        let encoder = self.encoder().await?;
        let progress = no_progress();
        let encoded = BlobInput::Bytes(blob)
            .encode(&encoder, 0, &progress, false)
            .await?;
        if encoded.blob_id() != blob_id {
            return Err(DistributeError::OtherBlob {
                expected: *blob_id,
                actual: *encoded.blob_id(),
            });
        }
        let encoded = Arc::new(encoded);
        let config = &self.shared.communication;
        let mut waits = Waits::new(config.committee_change_backoff, &self.shared.environment);
        loop {
            let committees = self.committees().await?;
            let upload = Upload {
                committee: self.clients(&committees.current),
                blob: Arc::clone(&encoded),
                persistence,
                config: Arc::clone(config),
                budget: self.shared.budget.clone(),
                position: 0,
                progress: Arc::clone(&progress),
            };
            let error = match upload.run().await {
                Ok(Uploaded { certificate, tail }) => {
                    tail.finish().await;
                    return Ok(certificate);
                }
                Err(error) => error,
            };
            // The nodes of a committee that was replaced meanwhile confirm nothing any more.
            let again = self.has_changed(&committees).await.unwrap_or(true);
            match waits.next().filter(|_| again) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error.into()),
            }
        }
    }
}
