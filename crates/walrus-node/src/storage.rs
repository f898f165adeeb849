//! Everything the node keeps on disk.
//!
//! ```text
//! <storage_path>/
//!   index/            key-value store: records, metadata, small slivers, where every sliver is,
//!                     the event cursor
//!   slivers/<2 hex>/  slivers above INLINE_SLIVER_BYTES_MAX, one immutable file each
//!   event_blobs/      event blobs that wait to be replayed
//!   cache/            slivers that are in the bucket as well, if there is one
//!   quarantine/       sliver files the index does not know; nothing but a command deletes them
//!   tmp/              files being written; emptied at start
//!   identity          whose storage this is, for people, and to notice that the index is lost
//!   validators.json   the validators of Sui who sign checkpoints, as far as they are proven
//!   lock              held by the process that uses the directory
//! ```
//!
//! A sliver exists when the index says so, and the index says so only after the bytes are durable:
//! file synced, renamed, its directory synced, then the index entry written with a synced journal.
//! One thread, the *committer*, does the last three steps for all requests that arrived meanwhile,
//! so that a wave of uploads shares the syncs. Because it is the only writer of slivers and
//! metadata, "first write wins" needs no lock.
//!
//! Small slivers live in the index's journal: appending twenty of them costs one sync, twenty files
//! cost twenty-one (measured: 0.6 ms against 3.5 ms for 4 KiB, equal from about 300 KiB on).

mod attempts;
mod bucket;
mod committer;
mod error;
mod event_blobs;
mod files;
mod identity;
mod index;
mod lock;
mod maintenance;
mod medium;
mod mover;
mod read;
mod remote;
mod salvage;
pub mod simulated;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use stdx::SaturatingFrom as _;
use tokio::time::timeout;
use walrus_core::{BlobId, Epoch, ShardIndex, SliverType};

pub use bucket::{BucketCounters, BucketOptions, BucketState};
pub use committer::{COMMIT_JOBS_MAX, COMMIT_QUEUE_MAX, CommitOutcome};
pub use error::StorageError;
pub(crate) use files::VALIDATORS_FILE;
pub use index::{
    BlobRecords, Cursor, Found, Identity, Index, Item, Recording, ShardRange, SliverCounts,
};
pub use maintenance::{
    Inspection, InspectionFindings, Quarantine, export_path, give_up_lost_index,
};
pub use medium::Medium;
pub use mover::Mover;
pub use read::SliverRead;
pub(crate) use salvage::open_or_rebuild;
pub use salvage::{INDEXES_ASIDE_MAX, Rebuilt, rebuild};

use attempts::Attempt;
use bucket::Bucket;
use committer::{Addition, Committer, Removal};
use files::SliverFiles;
use lock::DirectoryLock;
use salvage::Salvage;
use walrus_http::budget::Budget;

/// Slivers up to this size are kept inside the index.
pub const INLINE_SLIVER_BYTES_MAX: usize = 64 * 1024;

/// Bytes that must stay free on the file system of the storage; writes are refused before they
/// would eat into it, because the index cannot recover from a journal that does not fit.
pub const DISK_RESERVE_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes of slivers on their way to readers at a time, shared among them as [`walrus_http::budget`]
/// says; more wait for their turn.
pub const READ_BYTES_MAX: usize = 1 << 30;

/// Longest time that a stop takes to spare the next start the reading of the journal.
const FLUSH_MAX: Duration = Duration::from_secs(20);

/// Longest wait for such a turn.
pub(crate) const READ_WAIT_MAX: Duration = Duration::from_secs(20);

/// Which sliver: the shard, the axis and the blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SliverKey {
    /// The shard that holds it.
    pub shard: ShardIndex,
    /// Primary or secondary.
    pub axis: SliverType,
    /// The blob.
    pub blob_id: BlobId,
}

/// Settings of a [`Storage`].
#[derive(Debug, Clone)]
pub struct StorageOptions {
    /// The directory; created if missing.
    pub path: PathBuf,
    /// Bytes to keep free, see [`DISK_RESERVE_BYTES`].
    pub disk_reserve_bytes: u64,
    /// Bytes of slivers on their way to readers at a time, see [`READ_BYTES_MAX`].
    pub read_bytes_max: usize,
    /// Delete what is stored first. What is not the node's stays.
    pub cleanup: bool,
    /// What the directory is on.
    pub medium: Medium,
    /// Where slivers go that are too large for the index.
    pub bucket: Option<BucketOptions>,
    /// Open the storage although slivers are in a bucket that is not configured.
    pub without_bucket: bool,
}

impl StorageOptions {
    /// Defaults for `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            disk_reserve_bytes: DISK_RESERVE_BYTES,
            read_bytes_max: READ_BYTES_MAX,
            cleanup: false,
            medium: Medium::FileSystem,
            bucket: None,
            without_bucket: false,
        }
    }
}

/// The durable state of a node. Cheap to clone; the methods that touch the disk block.
#[derive(Clone)]
pub struct Storage {
    index: Arc<Index>,
    files: Arc<SliverFiles>,
    committer: Arc<Committer>,
    bucket: Option<Arc<Bucket>>,
    salvage: Arc<Salvage>,
    /// Memory for slivers being read.
    read_memory: Arc<Budget>,
    /// Bytes of slivers and metadata written and read so far.
    moved_bytes: Arc<AtomicU64>,
    disk_reserve_bytes: u64,
    lock: Arc<DirectoryLock>,
}

impl Storage {
    /// Opens or creates the storage, and removes what an interrupted write left behind.
    ///
    /// Fails with [`StorageError::Locked`] when another process uses the directory, and with
    /// [`StorageError::IndexLost`] when there are slivers but nothing in the index that knows them.
    pub fn open(options: &StorageOptions) -> Result<Self, StorageError> {
        let medium = &options.medium;
        let lock = Arc::new(DirectoryLock::acquire(medium, &options.path)?);
        if options.cleanup {
            files::clean_up(medium, &options.path)?;
        }
        let files = Arc::new(SliverFiles::open(&options.path, medium)?);
        let index = Arc::new(Self::open_index(&options.path, medium)?);
        if index.identity()?.is_none() {
            let files = files.count()?;
            if files > 0 || identity::exists(medium, &options.path)? {
                let path = options.path.clone();
                return Err(StorageError::IndexLost { path, files });
            }
        }
        let bucket = options.bucket.as_ref();
        let bucket = bucket.map(|bucket| Bucket::open(bucket, &options.path, medium));
        let bucket = bucket.transpose()?.map(Arc::new);
        let needs_bucket = bucket.is_none() && !options.without_bucket;
        if let Some(record) = index.bucket_record()?.filter(|_| needs_bucket) {
            let place = record.place;
            return Err(StorageError::Bucket(format!(
                "slivers of this storage are in {place}, but storage.bucket is not configured. Without that bucket, run \
                 `walrus-node db forget-bucket`: what was there comes back from other nodes"
            )));
        }
        let salvage = Arc::new(Salvage::open(&files)?);
        let committer = Committer::start(index.clone(), files.clone(), bucket.clone())?;
        Ok(Self {
            index,
            files,
            committer: Arc::new(committer),
            bucket,
            salvage,
            read_memory: Budget::new(options.read_bytes_max),
            moved_bytes: Arc::default(),
            disk_reserve_bytes: options.disk_reserve_bytes,
            lock,
        })
    }

    fn open_index(root: &Path, medium: &Medium) -> Result<Index, StorageError> {
        let directory = root.join(files::INDEX_DIRECTORY);
        if matches!(medium, Medium::Simulated(_)) {
            return Index::open(&directory, medium);
        }
        if attempts::is_marked(root, medium)? {
            return Err(StorageError::DamageMet);
        }
        let attempt = Attempt::begin(root, medium)?;
        // The store panics on some damage.
        let opened = catch_unwind(AssertUnwindSafe(|| Index::open(&directory, medium)));
        attempt.end()?;
        opened.unwrap_or(Err(StorageError::Damaged("the store gave up on it")))
    }

    /// Claims a new storage for `identity`, or checks that it is its own.
    pub fn claim(&self, identity: &Identity) -> Result<(), StorageError> {
        self.index.claim(identity)?;
        // Second: an index that is lost must have been there.
        identity::write(self.files.medium(), self.files.root(), identity)
    }

    /// Writes down that the index has a record that cannot be read and that nothing goes on
    /// without. The next [`Storage::open`] fails with [`StorageError::DamageMet`].
    pub(crate) fn mark_damaged(&self) -> Result<(), StorageError> {
        attempts::mark_damaged(self.path(), self.files.medium())
    }

    /// Whether that was written down.
    pub(crate) fn is_marked_damaged(&self) -> bool {
        attempts::is_marked(self.path(), self.files.medium()).unwrap_or(false)
    }

    /// Completes when the storage can no longer be written. The process has to end then.
    pub async fn failed(&self) {
        self.index.failed().await;
    }

    /// Records and counters.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The directory of the storage.
    pub fn path(&self) -> &Path {
        self.files.root()
    }

    /// Commit jobs waiting.
    pub fn commit_queue_len(&self) -> usize {
        self.committer.queue_len()
    }

    /// Memory for slivers on their way to readers.
    pub fn read_memory(&self) -> &Budget {
        &self.read_memory
    }

    /// Bytes of slivers and metadata written and read so far, about.
    pub(crate) fn moved_bytes(&self) -> u64 {
        self.moved_bytes.load(Ordering::Relaxed)
    }

    fn count_moved(&self, bytes: usize) {
        let bytes = u64::saturating_from(bytes);
        self.moved_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Has what the index holds in memory of slivers and metadata written into its tables, in the
    /// background: the memory becomes free then.
    pub(crate) async fn settle(&self) -> Result<(), StorageError> {
        self.with_index(Index::settle).await
    }

    /// Stores metadata. The bytes are those of the wire form (with blob ID) and already verified.
    pub async fn store_metadata(
        &self,
        blob_id: BlobId,
        bytes: Bytes,
    ) -> Result<CommitOutcome, StorageError> {
        self.check_space(bytes.len())?;
        self.count_moved(bytes.len());
        self.committer
            .add(Addition::Metadata { blob_id, bytes })
            .await
    }

    /// Stores a sliver (BCS, already verified against its metadata) and returns once it is durable.
    pub async fn store_sliver(
        &self,
        key: SliverKey,
        bytes: Bytes,
    ) -> Result<CommitOutcome, StorageError> {
        self.check_space(bytes.len())?;
        self.count_moved(bytes.len());
        let addition = if bytes.len() <= self.files.medium().inline_bytes_max() {
            Addition::inline_sliver(key, bytes)
        } else {
            if let Some(bucket) = &self.bucket {
                let len = u64::saturating_from(bytes.len());
                bucket.check_space(self.index.waiting().bytes, len)?;
            }
            let files = self.files.clone();
            let staged = run_blocking(move || files.stage(&bytes)).await??;
            Addition::FileSliver { key, staged }
        };
        self.committer.add(addition).await
    }

    /// Deletes metadata and slivers of a blob, unless it is registered in `epoch` at that moment.
    pub async fn delete_unregistered(
        &self,
        blob_id: BlobId,
        epoch: Epoch,
    ) -> Result<CommitOutcome, StorageError> {
        self.committer
            .remove(Removal::Unregistered { blob_id, epoch })
            .await
    }

    /// Forgets a sliver if it is damaged, so that it can be stored again.
    pub async fn forget_damaged(&self, key: SliverKey) -> Result<CommitOutcome, StorageError> {
        self.committer.remove(Removal::DamagedSliver { key }).await
    }

    /// Forgets metadata that is still what was `found` damaged (`None` if it could not be read), so
    /// that it can be stored again.
    pub async fn forget_damaged_metadata(
        &self,
        blob_id: BlobId,
        found: Option<Bytes>,
    ) -> Result<CommitOutcome, StorageError> {
        self.committer
            .remove(Removal::DamagedMetadata { blob_id, found })
            .await
    }

    /// Deletes every sliver of a shard and the record of the shard.
    pub async fn delete_shard(&self, shard: ShardIndex) -> Result<CommitOutcome, StorageError> {
        self.committer.remove(Removal::Shard { shard }).await
    }

    /// Puts sliver files the index does not know into quarantine, and returns how many. A crash
    /// between rename and index entry leaves some behind; very many mean that the index has lost
    /// entries.
    pub async fn quarantine_orphans(&self) -> Result<usize, StorageError> {
        let mut orphans = 0;
        for directory in SliverFiles::directories() {
            let removal = Removal::Orphans { directory };
            if let CommitOutcome::Removed(count) = self.committer.remove(removal).await? {
                orphans += count;
            }
        }
        Ok(orphans)
    }

    /// Makes the records durable on which a confirmation rests.
    pub async fn sync_records(&self) -> Result<(), StorageError> {
        self.with_index(Index::sync_records).await
    }

    /// Refuses writes that would use up the reserve of the file system.
    fn check_space(&self, bytes: usize) -> Result<(), StorageError> {
        let mut available = self.files.available_bytes()?;
        let needed = u64::saturating_from(bytes);
        let wanted = needed.saturating_add(self.disk_reserve_bytes);
        if let (Some(bucket), Some(lacking @ 1..)) = (&self.bucket, wanted.checked_sub(available))
            && bucket.cache().give_back(lacking)
        {
            available = self.files.available_bytes()?;
        }
        if available.saturating_sub(needed) < self.disk_reserve_bytes {
            return Err(StorageError::DiskFull {
                available,
                needed,
                reserve: self.disk_reserve_bytes,
            });
        }
        Ok(())
    }

    /// Waits for pending commits, syncs the index and stops the committer.
    pub async fn close(&self) -> Result<(), StorageError> {
        self.committer.stop().await;
        let index = self.index.clone();
        let persisted = run_blocking(move || index.persist()).await?;
        if persisted.is_ok() {
            self.flush().await;
        }
        self.lock.release();
        persisted
    }

    /// Spares the next start the reading of the journal. Nothing is lost where it cannot be done,
    /// as on a full disk.
    async fn flush(&self) {
        let index = self.index.clone();
        let flushed = timeout(FLUSH_MAX, run_blocking(move || index.flush())).await;
        match flushed {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error)) | Err(error)) => {
                tracing::warn!(%error, "the next start reads the journal of the index");
            }
            Err(_) => tracing::warn!("the next start reads the journal of the index"),
        }
    }
}

/// Runs disk work outside the async threads.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StorageError> {
    ambient::run_blocking(work)
        .await
        .map_err(|_| StorageError::Closed)
}
