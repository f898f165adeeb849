//! Looking at a storage as a whole: for operators, and for the scrub that rereads everything.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use walrus_core::{BlobId, NShards};

use super::{
    Cursor, Identity, Index, Item, SliverCounts, SliverRead, Storage, StorageError, StorageOptions,
    committer::Removal, files::SliverFiles, lock::DirectoryLock, read::Origin, run_blocking,
};
use crate::epoch::ShardRecord;

/// What a storage holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Whose it is; `None` while it is new.
    pub identity: Option<Identity>,
    /// Progress of event processing.
    pub cursor: Cursor,
    /// Epoch of the committee last activated.
    pub epoch: Option<walrus_core::Epoch>,
    /// Shards with storage.
    pub shards: Vec<(walrus_core::ShardIndex, ShardRecord)>,
    /// Records of blobs.
    pub blobs: u64,
    /// Metadata stored.
    pub metadata: u64,
    /// Slivers stored.
    pub slivers: SliverCounts,
    /// Files the index does not know.
    pub quarantine: Quarantine,
    /// The bucket it uses, as it was named last.
    pub bucket: Option<String>,
    /// Slivers that wait to be uploaded to it, and their bytes.
    pub pending_uploads: (u64, u64),
}

/// Files in quarantine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quarantine {
    /// How many.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InspectionFindings {
    /// Items that are as they were stored.
    pub intact: u64,
    /// Items that are not, and are now forgotten.
    pub damaged: Vec<Item>,
}

impl Storage {
    /// Moves everything in the journal of the index into its tables and rewrites these. Takes long.
    pub async fn compact(&self) -> Result<(), StorageError> {
        let index = self.index.clone();
        run_blocking(move || index.compact()).await?
    }

    /// Gives up what is in the bucket: those slivers are missing from now on. Returns how many
    /// there were.
    pub async fn forget_bucket(&self) -> Result<u64, StorageError> {
        let slivers = self.index.sliver_counts().bucket;
        self.committer.remove(Removal::Bucket).await?;
        Ok(slivers)
    }

    /// What the storage holds.
    pub async fn inspect(&self) -> Result<Inspection, StorageError> {
        let (index, files) = (self.index.clone(), self.files.clone());
        run_blocking(move || inspect(&index, &files)).await?
    }

    /// Deletes what is in quarantine; returns what that was.
    pub async fn delete_quarantined(&self) -> Result<Quarantine, StorageError> {
        let files = self.files.clone();
        run_blocking(move || {
            let (count, bytes) = files.quarantined()?;
            files.delete_quarantined()?;
            Ok(Quarantine {
                files: count,
                bytes,
            })
        })
        .await?
    }

    /// Reads everything and compares it with what was stored. What is damaged is forgotten, and so
    /// is missing from then on. `progress` is told of every item.
    pub async fn verify(
        &self,
        n_shards: NShards,
        mut progress: impl FnMut(u64),
    ) -> Result<InspectionFindings, StorageError> {
        const BATCH: usize = 256;
        let mut findings = InspectionFindings::default();
        let mut after = None;
        loop {
            let items = self
                .with_index(move |index| Ok(index.items_after(after, BATCH)))
                .await?;
            let Some(last) = items.last().copied() else {
                return Ok(findings);
            };
            for item in items {
                if self.check_item(item, n_shards).await? {
                    findings.intact += 1;
                } else {
                    findings.damaged.push(item);
                }
                progress(findings.intact);
            }
            after = Some(last);
        }
    }

    /// Whether an item is as it was stored; forgets it if it is not. An item that went meanwhile
    /// counts as intact.
    pub async fn check_item(&self, item: Item, n_shards: NShards) -> Result<bool, StorageError> {
        match item {
            // Not from the cache: the question is whether it is durable.
            Item::Sliver(key) => Ok(self.check_sliver(key).await? != SliverRead::Damaged),
            Item::Metadata(blob_id) => {
                let found = self.read_metadata(blob_id).await?;
                let stored = move |index: &Index| index.has_metadata(&blob_id);
                let gone = found.is_none() && !self.with_index(stored).await?;
                let bytes = found.clone();
                let intact = run_blocking(move || metadata_is_intact(bytes, blob_id, n_shards));
                if gone || intact.await? {
                    return Ok(true);
                }
                self.forget_damaged_metadata(blob_id, found).await?;
                Ok(false)
            }
        }
    }

    /// Up to `limit` items after `after`: all metadata, then all slivers. What cannot be listed is
    /// left out.
    pub async fn items_after(
        &self,
        after: Option<Item>,
        limit: usize,
    ) -> Result<Vec<Item>, StorageError> {
        self.with_index(move |index| Ok(index.items_after(after, limit)))
            .await
    }

    /// The bytes of an item, if it is there and intact.
    pub async fn read_item(&self, item: Item) -> Result<Option<Bytes>, StorageError> {
        match item {
            Item::Metadata(blob_id) => self.read_metadata(blob_id).await,
            Item::Sliver(key) => Ok(match self.load(key, Origin::Anywhere).await? {
                Some(SliverRead::Found(bytes)) => Some(bytes),
                None | Some(SliverRead::Missing | SliverRead::Damaged) => None,
            }),
        }
    }
}

/// Gives up what an index knew that is lost: every sliver file goes to quarantine, and the
/// directory counts as new.
///
/// Fails if the index is not lost: then it knows its files.
pub fn give_up_lost_index(options: &StorageOptions) -> Result<Quarantine, StorageError> {
    let lock = DirectoryLock::acquire(&options.medium, &options.path)?;
    let files = SliverFiles::open(&options.path, &options.medium)?;
    let index = Index::open(
        &options.path.join(super::files::INDEX_DIRECTORY),
        &options.medium,
    )?;
    if index.identity()?.is_some() {
        return Err(StorageError::Foreign(
            "the index is not lost: the node puts files it does not know into quarantine by itself"
                .into(),
        ));
    }
    for directory in SliverFiles::directories() {
        for key in files.keys_in(directory)? {
            files.quarantine(&key)?;
        }
    }
    super::identity::remove(&options.medium, &options.path)?;
    let (count, bytes) = files.quarantined()?;
    drop(index);
    lock.release();
    Ok(Quarantine {
        files: count,
        bytes,
    })
}

/// The name under which an item is exported: that of its file in the storage, or the blob ID.
pub fn export_path(folder: &Path, item: Item) -> PathBuf {
    match item {
        Item::Metadata(blob_id) => folder.join(format!("{blob_id}.metadata")),
        Item::Sliver(key) => folder.join(format!("{}.{}.{}", key.blob_id, key.shard.0, key.axis)),
    }
}

fn metadata_is_intact(bytes: Option<Bytes>, blob_id: BlobId, n_shards: NShards) -> bool {
    let wire =
        bytes.and_then(|bytes| bcs::from_bytes::<walrus_core::BlobMetadataWithId>(&bytes).ok());
    wire.is_some_and(|wire| wire.blob_id == blob_id && wire.verify(n_shards).is_ok())
}

fn inspect(index: &Index, files: &SliverFiles) -> Result<Inspection, StorageError> {
    let (quarantined, bytes) = files.quarantined()?;
    let (blobs, metadata) = index.count_blobs();
    let waiting = index.waiting();
    Ok(Inspection {
        identity: index.identity()?,
        cursor: index.cursor()?,
        epoch: index.committees()?.map(|(current, _)| current.epoch),
        shards: index.shards()?,
        blobs,
        metadata,
        slivers: index.sliver_counts(),
        quarantine: Quarantine {
            files: quarantined,
            bytes,
        },
        bucket: index.bucket_record()?.map(|record| record.place),
        pending_uploads: (waiting.slivers, waiting.bytes),
    })
}
