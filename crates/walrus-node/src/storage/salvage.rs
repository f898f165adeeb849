//! What is left of slivers when the index is lost: files in quarantine, and objects in the bucket
//! that nobody knows.
//!
//! They are offered to whoever restores a sliver, who compares them with the metadata of the blob.
//! Nothing else rests on them.

use std::collections::HashSet;

use bytes::Bytes;
use stdx::Mutex;

use super::{
    SliverKey, Storage, StorageError, StorageOptions,
    files::{INDEX_DIRECTORY, SliverFiles},
    lock::DirectoryLock,
    medium::sync_directory,
    run_blocking,
};

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
    pub index: Option<std::path::PathBuf>,
    /// Sliver files that wait in quarantine.
    pub slivers: u64,
}

/// Puts the index aside, whatever it is like, and every sliver file into quarantine: the directory
/// counts as new, and the node builds another index from what the chain says. May be interrupted
/// and repeated.
pub fn rebuild(options: &StorageOptions) -> Result<Rebuilt, StorageError> {
    let medium = &options.medium;
    let lock = DirectoryLock::acquire(medium, &options.path)?;
    let files = SliverFiles::open(&options.path, medium)?;
    let index = options.path.join(INDEX_DIRECTORY);
    let mut aside = None;
    let failed = |source| StorageError::io("put aside", &index, source);
    if index.try_exists().map_err(failed)? {
        let mut number = 1;
        let target = loop {
            let target = options
                .path
                .join(format!("{INDEX_DIRECTORY}.damaged.{number}"));
            if !target.try_exists().map_err(failed)? {
                break target;
            }
            number += 1;
        };
        medium.rename(&index, &target).map_err(failed)?;
        sync_directory(medium, &options.path)?;
        aside = Some(target);
    }
    for directory in SliverFiles::directories() {
        for key in files.keys_in(directory)? {
            files.quarantine(&key)?;
        }
    }
    super::attempts::forget(&options.path, medium)?;
    // Last: as long as it is there, an empty index counts as lost.
    super::identity::remove(medium, &options.path)?;
    let (slivers, _) = files.quarantined()?;
    lock.release();
    Ok(Rebuilt {
        index: aside,
        slivers,
    })
}

impl Storage {
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
        if !self.salvage.contains(&key) {
            return Ok(());
        }
        self.salvage.remove(&key);
        let files = self.files.clone();
        run_blocking(move || files.remove_quarantined(&key)).await?
    }
}
