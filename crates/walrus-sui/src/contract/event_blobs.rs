//! Event blobs: nodes attest that they hold the next one, until a quorum has.

use walrus_core::{BlobId, EncodingType, Epoch, ObjectId, VerifiedMetadata};

use super::{WalrusContract, call::Call};
use crate::{TransactionDigest, error::SuiError};

/// What a node says about an event blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventBlobAttestation {
    /// The blob ID, as the contracts verify it.
    pub blob_id: BlobId,
    /// Root hash of its metadata.
    pub root_hash: [u8; 32],
    /// Its length before encoding, in bytes.
    pub unencoded_length: u64,
    /// Its erasure code.
    pub encoding_type: EncodingType,
    /// The checkpoint it ends with.
    pub last_checkpoint: u64,
    /// The epoch the node attests in.
    pub epoch: Epoch,
}

impl EventBlobAttestation {
    /// The attestation of a blob that ends with `last_checkpoint`.
    pub fn new(metadata: &VerifiedMetadata, last_checkpoint: u64, epoch: Epoch) -> Self {
        Self {
            blob_id: *metadata.blob_id(),
            root_hash: *metadata.metadata().root_hash().as_bytes(),
            unencoded_length: metadata.unencoded_length(),
            encoding_type: metadata.metadata().encoding_type(),
            last_checkpoint,
            epoch,
        }
    }
}

impl Call {
    /// Attests that the node of `node_cap` holds its part of an event blob. The attestation that
    /// completes a quorum registers and certifies the blob. The sender must own the capability.
    pub fn certify_event_blob(node_cap: ObjectId, attestation: EventBlobAttestation) -> Self {
        Self::free(move |ptb| {
            let arguments = vec![
                ptb.system(),
                ptb.owned(node_cap),
                ptb.pure(&attestation.blob_id),
                ptb.pure(&attestation.root_hash),
                ptb.pure(&attestation.unencoded_length),
                ptb.pure(&attestation.encoding_type.as_u8()),
                ptb.pure(&attestation.last_checkpoint),
                ptb.pure(&attestation.epoch),
            ];
            ptb.call("system", "certify_event_blob", arguments);
        })
    }
}

impl WalrusContract {
    /// Attests that the node of `node_cap` holds its part of an event blob.
    pub async fn certify_event_blob(
        &self,
        node_cap: ObjectId,
        attestation: EventBlobAttestation,
    ) -> Result<TransactionDigest, SuiError> {
        let call = Call::certify_event_blob(node_cap, attestation);
        Ok(self.execute(&call).await?.digest)
    }
}
