//! Reading slivers back. Damaged bytes do not leave the storage.

use std::time::Duration;

use bytes::Bytes;
use stdx::SaturatingFrom as _;
use walrus_core::BlobId;

use super::{
    Index, READ_WAIT_MAX, SliverKey, Storage, StorageError,
    files::SliverFiles,
    index::{Location, ObjectName, SliverEntry},
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

/// Where a sliver may be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Wherever it is at hand.
    Anywhere,
    /// Where it is durable: what is asked is whether it is still there.
    Durable,
}

impl Storage {
    /// Reads a sliver; `None` if there is none.
    pub(super) async fn load(
        &self,
        key: SliverKey,
        origin: Origin,
    ) -> Result<Option<SliverRead>, StorageError> {
        let (index, files, bucket) = (
            self.index.clone(),
            self.files.clone(),
            self.bucket.clone().filter(|_| origin == Origin::Anywhere),
        );
        let local = run_blocking(move || {
            let local = load_local(&index, &files, &key)?;
            if let (Some(Local::InBucket(entry, _)), Some(bucket)) = (&local, bucket)
                && let Some(bytes) = bucket.cached(&key, entry)
            {
                return Ok(Some(Local::Read(entry.clone(), SliverRead::Found(bytes))));
            }
            Ok::<_, StorageError>(local)
        });
        match local.await?? {
            None => Ok(None),
            Some(Local::Read(_, read)) => Ok(Some(read)),
            Some(Local::InBucket(entry, number)) => {
                let name = ObjectName { key, number };
                self.load_from_bucket(name, entry, origin).await.map(Some)
            }
        }
    }

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

    /// Reads a sliver on this thread, which may block. `None` if that is not enough: it is in the
    /// bucket, or damaged.
    pub(crate) fn read_sliver_here(
        &self,
        key: &SliverKey,
    ) -> Result<Option<SliverRead>, StorageError> {
        Ok(match load_local(&self.index, &self.files, key)? {
            None => Some(SliverRead::Missing),
            Some(Local::Read(_, SliverRead::Damaged) | Local::InBucket(..)) => None,
            Some(Local::Read(_, read)) => Some(read),
        })
    }

    /// Reads a sliver of at most `len_max` bytes on this thread, which may block. `None` if there
    /// is no such sliver, or to give it takes more than that.
    pub(crate) fn read_small_sliver(
        &self,
        key: &SliverKey,
        len_max: u64,
    ) -> Result<Option<Bytes>, StorageError> {
        let Some(entry) = self.index.sliver(key)?.filter(|entry| entry.len <= len_max) else {
            return Ok(None);
        };
        let bytes = match entry.location {
            Location::Inline => self.index.inline_sliver(key)?,
            Location::File => self.files.read(key)?.map(Bytes::from),
            Location::Bucket(_) => None,
        };
        Ok(entry.intact(bytes))
    }

    /// Reads a sliver where it is durable, to see whether it is still there.
    pub(super) async fn check_sliver(&self, key: SliverKey) -> Result<SliverRead, StorageError> {
        let index = self.index.clone();
        let Some(entry) = run_blocking(move || index.sliver(&key)).await?? else {
            return Ok(SliverRead::Missing);
        };
        let _memory = self
            .reserve_memory(entry.len, Holder::NODE, READ_WAIT_MAX)
            .await?;
        let read = self.load(key, Origin::Durable).await?;
        self.noted(key, read.unwrap_or(SliverRead::Missing)).await
    }

    /// The same with memory that was reserved before.
    pub(crate) async fn read_sliver_into(
        &self,
        key: SliverKey,
        memory: Lease,
    ) -> Result<SliverRead, StorageError> {
        let read = self.load(key, Origin::Anywhere).await?;
        let read = self.noted(key, read.unwrap_or(SliverRead::Missing)).await?;
        let SliverRead::Found(bytes) = read else {
            return Ok(read);
        };
        self.count_moved(bytes.len());
        Ok(SliverRead::Found(Bytes::from_owner(Held {
            bytes,
            _memory: memory,
        })))
    }

    /// Forgets a sliver that was found damaged.
    async fn noted(&self, key: SliverKey, read: SliverRead) -> Result<SliverRead, StorageError> {
        if read == SliverRead::Damaged {
            tracing::error!(
                blob_id = %key.blob_id, shard = key.shard.0, axis = %key.axis,
                "a stored sliver is damaged; it is treated as missing"
            );
            self.forget_damaged(key).await?;
        }
        Ok(read)
    }

    /// Waits until `holder` may hold a sliver of this size in memory, for `wait_max` at most.
    pub(crate) async fn reserve_memory(
        &self,
        len: u64,
        holder: Holder,
        wait_max: Duration,
    ) -> Result<Lease, StorageError> {
        let len = usize::saturating_from(len);
        self.read_memory
            .take(holder, len, wait_max)
            .await
            .ok_or(StorageError::Busy)
    }

    /// The stored metadata of a blob, read on this thread, which may block; not verified again.
    pub(crate) fn read_metadata_here(
        &self,
        blob_id: &BlobId,
    ) -> Result<Option<Bytes>, StorageError> {
        self.index.metadata(blob_id)
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

/// A sliver as far as it can be read without the bucket.
pub(super) enum Local {
    /// With its entry; [`SliverRead::Missing`] is never the result.
    Read(SliverEntry, SliverRead),
    /// It is in the object of this number.
    InBucket(SliverEntry, u64),
}

/// Reads a sliver as far as that goes without the bucket; `None` if there is none.
pub(super) fn load_local(
    index: &Index,
    files: &SliverFiles,
    key: &SliverKey,
) -> Result<Option<Local>, StorageError> {
    let mut found = index.sliver(key)?;
    while let Some(entry) = found {
        let bytes = match entry.location {
            Location::Inline => index.inline_sliver(key)?,
            Location::File => files.read(key)?.map(Bytes::from),
            Location::Bucket(number) => return Ok(Some(Local::InBucket(entry, number))),
        };
        if let Some(bytes) = entry.intact(bytes) {
            return Ok(Some(Local::Read(entry, SliverRead::Found(bytes))));
        }
        // The file of a sliver goes when the bucket has it.
        found = index.sliver(key)?;
        if found.as_ref() == Some(&entry) {
            return Ok(Some(Local::Read(entry, SliverRead::Damaged)));
        }
    }
    Ok(None)
}
