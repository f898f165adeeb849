//! What a store would do and cost, without doing it.

use walrus_core::{BlobId, Frost, VerifiedMetadata};

use super::{BlobError, BlobInput, StorageDuration};
use crate::{client::WalrusClient, error::ClientError};

/// A blob that was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreEstimate {
    /// The ID the blob would have.
    pub blob_id: BlobId,
    /// Size in bytes.
    pub unencoded_size: u64,
    /// Size of all slivers and their metadata, in bytes.
    pub encoded_size: u64,
    /// Price of new storage for the whole duration and of the write.
    pub storage_cost: Frost,
}

impl WalrusClient {
    /// Computes blob ID and price of a blob without storing it. `Err` inside `Ok` is a failure of this blob.
    pub async fn estimate(
        &self,
        input: BlobInput,
        duration: StorageDuration,
    ) -> Result<Result<StoreEstimate, BlobError>, ClientError> {
        let epochs_ahead = self.epochs_ahead(duration).await?;
        let prices = self.reader().prices().await?;
        let metadata = match self.metadata(input).await? {
            Ok(metadata) => metadata,
            Err(failed) => return Ok(Err(failed)),
        };
        let encoded_size = metadata.encoded_length();
        Ok(Ok(StoreEstimate {
            blob_id: *metadata.blob_id(),
            unencoded_size: metadata.unencoded_length(),
            encoded_size,
            // A price beyond all money there is saturates.
            storage_cost: prices
                .total_cost(encoded_size, epochs_ahead)
                .unwrap_or(Frost(u64::MAX)),
        }))
    }

    /// Computes the metadata of a blob, keeping no slivers. `Err` inside `Ok` is a failure of this blob.
    pub async fn metadata(
        &self,
        input: BlobInput,
    ) -> Result<Result<VerifiedMetadata, BlobError>, ClientError> {
        Ok(input.metadata(&self.encoder().await?).await)
    }
}
