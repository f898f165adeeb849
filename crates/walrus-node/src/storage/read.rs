//! Reading slivers back. Damaged bytes do not leave the storage.

use bytes::Bytes;
use walrus_core::{BlobId, hash::blake2b256};

use super::{Index, SliverKey, Storage, StorageError, index::Location, run_blocking};

/// What reading a sliver gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SliverRead {
    /// The bytes, equal to those stored.
    Found(Bytes),
    /// No such sliver.
    Missing,
    /// There was one, but its bytes are gone or changed. It is forgotten and can be stored again.
    Damaged,
}

impl Storage {
    /// Reads a sliver and compares it with the checksum taken when it was stored.
    pub async fn read_sliver(&self, key: SliverKey) -> Result<SliverRead, StorageError> {
        let storage = self.clone();
        let read = run_blocking(move || storage.read_sliver_blocking(&key)).await??;
        if read == SliverRead::Damaged {
            tracing::error!(
                blob_id = %key.blob_id, shard = key.shard.0, axis = %key.axis,
                "a stored sliver is damaged; it is treated as missing"
            );
            self.forget_damaged(key).await?;
        }
        Ok(read)
    }

    fn read_sliver_blocking(&self, key: &SliverKey) -> Result<SliverRead, StorageError> {
        let Some(entry) = self.index.sliver(key)? else {
            return Ok(SliverRead::Missing);
        };
        let bytes = match entry.location {
            Location::Inline => self.index.inline_sliver(key)?,
            Location::File => self.files.read(key)?.map(Bytes::from),
        };
        let intact = bytes.filter(|bytes| {
            u64::try_from(bytes.len()).is_ok_and(|len| len == entry.len)
                && blake2b256(&[bytes]) == entry.checksum
        });
        Ok(intact.map_or(SliverRead::Damaged, SliverRead::Found))
    }

    /// The stored metadata of a blob, in wire form and not yet verified again.
    pub async fn read_metadata(&self, blob_id: BlobId) -> Result<Option<Bytes>, StorageError> {
        let index = self.index.clone();
        run_blocking(move || index.metadata(&blob_id)).await?
    }

    /// Asks the index without blocking an async thread.
    pub async fn with_index<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Index) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let index = self.index.clone();
        run_blocking(move || work(&index)).await?
    }
}
