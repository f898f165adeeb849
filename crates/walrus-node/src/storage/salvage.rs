//! What is left of slivers when the index is lost: files in quarantine, and objects in the bucket
//! that nobody knows. And how a damaged index is put aside.
//!
//! They are offered to whoever restores a sliver, who compares them with the metadata of the blob.
//! Nothing else rests on them.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use stdx::Mutex;
use tracing::{error, warn};

use super::{
    Medium, SliverKey, Storage, StorageError, StorageOptions,
    files::{INDEX_DIRECTORY, SliverFiles},
    lock::DirectoryLock,
    medium::sync_directory,
    run_blocking,
};

/// Indexes that a node puts aside by itself. More of them mean a disk that is not well.
pub const INDEXES_ASIDE_MAX: usize = 3;

/// Slivers of which there is a file in quarantine.
#[derive(Default)]
pub(super) struct Salvage(Mutex<HashSet<SliverKey>>);

impl Salvage {
    /// Those that are there at the start.
    pub(super) fn open(files: &SliverFiles) -> Result<Self, StorageError> {
        let keys = files.quarantined_keys()?.into_iter().collect();
        Ok(Self(Mutex::new(keys)))
    }

    fn contains(&self, key: &SliverKey) -> bool {
        let keys = self.0.lock();
        keys.contains(key)
    }

    fn remove(&self, key: &SliverKey) {
        let mut keys = self.0.lock();
        keys.remove(key);
    }
}

/// What a rebuild put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// The damaged index, if there was one.
    pub index: Option<PathBuf>,
    /// Sliver files that wait in quarantine.
    pub slivers: u64,
}

/// Opens the storage. An index that is damaged is put aside as [`rebuild`] does, unless that
/// happened [`INDEXES_ASIDE_MAX`] times.
pub(crate) fn open_or_rebuild(options: &StorageOptions) -> Result<Storage, StorageError> {
    let damage = match Storage::open(options) {
        Err(error) if error.is_damage() && matches!(options.medium, Medium::FileSystem) => error,
        opened => return opened,
    };
    let path = &options.path;
    let times = indexes_aside(path).map_err(|source| StorageError::io("read", path, source))?;
    if times >= INDEXES_ASIDE_MAX {
        error!(%damage, "the storage index cannot be used");
        let path = path.clone();
        return Err(StorageError::DamagedAgain { times, path });
    }
    let rebuilt = rebuild(options)?;
    let aside = rebuilt.index.as_deref().unwrap_or(path);
    warn!(
        %damage,
        slivers = rebuilt.slivers,
        "the storage index is damaged. It is now {}; another one is built from the chain, and slivers are taken back",
        aside.display()
    );
    Storage::open(options)
}

/// Where the index is that was put aside as the `number`th.
fn place_aside(storage: &Path, number: usize) -> PathBuf {
    storage.join(format!("{INDEX_DIRECTORY}.damaged.{number}"))
}

/// How many indexes were put aside and are there without a gap.
fn indexes_aside(storage: &Path) -> io::Result<usize> {
    let mut number = 0;
    while place_aside(storage, number + 1).try_exists()? {
        number += 1;
    }
    Ok(number)
}

/// Puts the index aside, whatever it is like, and every sliver file into quarantine: the directory
/// counts as new, and the node builds another index from what the chain says. May be interrupted
/// and repeated.
pub fn rebuild(options: &StorageOptions) -> Result<Rebuilt, StorageError> {
    let medium = &options.medium;
    let lock = DirectoryLock::acquire(medium, &options.path)?;
    let files = SliverFiles::open(&options.path, medium)?;
    // Until all is done, the next start does it again.
    super::attempts::mark_damaged(&options.path, medium)?;
    let index = options.path.join(INDEX_DIRECTORY);
    let mut aside = None;
    let failed = |source| StorageError::io("put aside", &index, source);
    if index.try_exists().map_err(failed)? {
        let number = indexes_aside(&options.path).map_err(failed)? + 1;
        let target = place_aside(&options.path, number);
        medium.rename(&index, &target).map_err(failed)?;
        sync_directory(medium, &options.path)?;
        aside = Some(target);
    }
    for directory in SliverFiles::directories() {
        for key in files.keys_in(directory)? {
            files.quarantine(&key)?;
        }
    }
    // As long as it is there, an empty index counts as lost.
    super::identity::remove(medium, &options.path)?;
    super::attempts::forget(&options.path, medium)?;
    let (slivers, _) = files.quarantined()?;
    lock.release();
    Ok(Rebuilt {
        index: aside,
        slivers,
    })
}

impl Storage {
    /// Whether a file of the sliver waits in quarantine.
    pub(crate) fn is_in_quarantine(&self, key: &SliverKey) -> bool {
        self.salvage.contains(key)
    }

    /// What is left of a sliver the index does not know. It is not compared with anything.
    pub(crate) async fn salvage(&self, key: SliverKey) -> Result<Option<Bytes>, StorageError> {
        if self.salvage.contains(&key) {
            let files = self.files.clone();
            let read = run_blocking(move || files.read_quarantined(&key)).await??;
            if let Some(bytes) = read {
                return Ok(Some(bytes.into()));
            }
        }
        match &self.bucket {
            Some(bucket) => bucket.salvage(key).await,
            None => Ok(None),
        }
    }

    /// Removes the file of a sliver from quarantine: it was taken back, or is of no use.
    pub(crate) async fn salvaged(&self, key: SliverKey) -> Result<(), StorageError> {
        if !self.is_in_quarantine(&key) {
            return Ok(());
        }
        self.salvage.remove(&key);
        let files = self.files.clone();
        run_blocking(move || files.remove_quarantined(&key)).await?
    }
}
