//! What a store would do and cost, without doing it.

use walrus_core::{BlobId, Frost, params::encoded_length};

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

/// Why there is no estimate.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    /// The network cannot be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The network would not store this blob.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl WalrusClient {
    /// Computes blob ID and price of a blob without storing it.
    pub async fn estimate(
        &self,
        input: BlobInput,
        duration: StorageDuration,
    ) -> Result<StoreEstimate, EstimateError> {
        let epochs_ahead = self.epochs_ahead(duration).await?;
        let prices = self.reader().prices().await.map_err(ClientError::from)?;
        let metadata = input.metadata(&self.encoder().await?).await?;
        let encoded_size = metadata.encoded_length();
        Ok(StoreEstimate {
            blob_id: *metadata.blob_id(),
            unencoded_size: metadata.unencoded_length(),
            encoded_size,
            // A price beyond all money there is saturates.
            storage_cost: prices
                .total_cost(encoded_size, epochs_ahead)
                .unwrap_or(Frost(u64::MAX)),
        })
    }

    /// The price of storing blobs of these sizes in bytes as new ones, for the whole duration;
    /// `None` if one of them is larger than the network stores, or all of them cost more than there
    /// is.
    pub async fn price(
        &self,
        sizes: &[u64],
        duration: StorageDuration,
    ) -> Result<Option<Frost>, ClientError> {
        let epochs_ahead = self.epochs_ahead(duration).await?;
        let prices = self.reader().prices().await?;
        let n_shards = self.encoder().await?.n_shards();
        let total = sizes.iter().try_fold(0_u64, |total, size| {
            let encoded = encoded_length(n_shards, *size)?;
            total.checked_add(prices.total_cost(encoded, epochs_ahead)?.0)
        });
        Ok(total.map(Frost))
    }
}
