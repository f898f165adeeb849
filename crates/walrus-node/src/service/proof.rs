//! Judging proofs that a blob was encoded wrongly.

use bytes::Bytes;
use walrus_core::{
    BlobId, SliverType,
    inconsistency::InconsistencyProof,
    messages::{InvalidBlobId, SignedMessage},
};

use super::{Service, ServiceError};

impl Service {
    /// `POST …/inconsistencyProof/{type}`: attests that the blob is inconsistent if the proof, BCS
    /// without tag, shows it.
    pub async fn attest_inconsistency(
        &self,
        blob_id: BlobId,
        axis: SliverType,
        body: Bytes,
    ) -> Result<SignedMessage<InvalidBlobId>, ServiceError> {
        let proof = self
            .verify(move |_| match axis {
                SliverType::Primary => bcs::from_bytes(&body).map(InconsistencyProof::Primary),
                SliverType::Secondary => bcs::from_bytes(&body).map(InconsistencyProof::Secondary),
            })
            .await?
            .map_err(|error| ServiceError::UndecodableProof(error.to_string()))?;
        self.check_inconsistency(blob_id, proof).await?;
        let view = self.state().view();
        let key = self.state().signing_key(&view).ok_or(ServiceError::NoKey)?;
        let epoch = view.epoch();
        tracing::warn!(%blob_id, epoch, "attesting that the blob was encoded inconsistently");
        Ok(key.sign_message(epoch, InvalidBlobId(blob_id)))
    }

    /// Checks a proof against the stored metadata.
    pub(crate) async fn check_inconsistency(
        &self,
        blob_id: BlobId,
        proof: InconsistencyProof,
    ) -> Result<(), ServiceError> {
        let entry = self.load_metadata(blob_id).await?;
        let entry = entry.ok_or(ServiceError::MetadataRequired)?;
        self.verify(move |encoder| encoder.verify_inconsistency_proof(&entry.verified, &proof))
            .await?
            .map_err(ServiceError::InvalidProof)
    }
}
