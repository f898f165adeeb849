//! Reading slivers back. Damaged bytes do not leave the storage.

use std::time::Duration;

use bytes::Bytes;
use walrus_core::{BlobId, hash::blake2b256};

use super::{
    Index, READ_WAIT_MAX, SliverKey, Storage, StorageError,
    files::SliverFiles,
    index::{Location, SliverEntry},
    run_blocking,
};
use walrus_http::budget::{Holder, Lease};

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
    /// Reads a sliver for the node itself, and compares it with the checksum taken when it was
    /// stored.
    pub async fn read_sliver(&self, key: SliverKey) -> Result<SliverRead, StorageError> {
        self.read_sliver_for(key, Holder::NODE).await
    }

    /// The same for a peer, of whose share of the memory the bytes take until they are dropped.
    pub async fn read_sliver_for(
        &self,
        key: SliverKey,
        holder: Holder,
    ) -> Result<SliverRead, StorageError> {
        let index = self.index.clone();
        let Some(entry) = run_blocking(move || index.sliver(&key)).await?? else {
            return Ok(SliverRead::Missing);
        };
        let memory = self
            .reserve_memory(entry.len, holder, READ_WAIT_MAX)
            .await?;
        self.read_sliver_into(key, memory).await
    }

    /// The same with memory that was reserved before.
    pub(crate) async fn read_sliver_into(
        &self,
        key: SliverKey,
        memory: Lease,
    ) -> Result<SliverRead, StorageError> {
        let (index, files) = (self.index.clone(), self.files.clone());
        let loaded = run_blocking(move || load_sliver(&index, &files, &key)).await??;
        let Some((_, read)) = loaded else {
            return Ok(SliverRead::Missing);
        };
        if read == SliverRead::Damaged {
            tracing::error!(
                blob_id = %key.blob_id, shard = key.shard.0, axis = %key.axis,
                "a stored sliver is damaged; it is treated as missing"
            );
            self.forget_damaged(key).await?;
        }
        let SliverRead::Found(bytes) = read else {
            return Ok(read);
        };
        Ok(SliverRead::Found(Bytes::from_owner(Held {
            bytes,
            _memory: memory,
        })))
    }

    /// Waits until `holder` may hold a sliver of this size in memory, for `wait_max` at most.
    pub(crate) async fn reserve_memory(
        &self,
        len: u64,
        holder: Holder,
        wait_max: Duration,
    ) -> Result<Lease, StorageError> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        self.read_memory
            .take(holder, len, wait_max)
            .await
            .ok_or(StorageError::Busy)
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

/// Bytes together with the right to hold them; both go when the answer is sent.
struct Held {
    bytes: Bytes,
    _memory: Lease,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a sliver with its index entry; [`SliverRead::Missing`] is never the result.
pub(super) fn load_sliver(
    index: &Index,
    files: &SliverFiles,
    key: &SliverKey,
) -> Result<Option<(SliverEntry, SliverRead)>, StorageError> {
    let Some(entry) = index.sliver(key)? else {
        return Ok(None);
    };
    let bytes = match entry.location {
        Location::Inline => index.inline_sliver(key)?,
        Location::File => files.read(key)?.map(Bytes::from),
    };
    let intact = bytes.filter(|bytes| {
        u64::try_from(bytes.len()).is_ok_and(|len| len == entry.len)
            && blake2b256(&[bytes]) == entry.checksum
    });
    Ok(Some((
        entry,
        intact.map_or(SliverRead::Damaged, SliverRead::Found),
    )))
}
