//! Slivers too large for the index, one immutable file each.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use stdx::SaturatingFrom as _;
use walrus_core::{BlobId, ShardIndex, SliverType, hash::blake2b256};

use super::{
    Medium, SliverKey, StorageError,
    medium::{create_directory, remove_if_present, sync_directory},
};

pub(super) const INDEX_DIRECTORY: &str = "index";
const SLIVER_DIRECTORY: &str = "slivers";
const QUARANTINE_DIRECTORY: &str = "quarantine";
pub(super) const TEMPORARY_DIRECTORY: &str = "tmp";
pub(super) const EVENT_BLOB_DIRECTORY: &str = "event_blobs";
pub(super) const CACHE_DIRECTORY: &str = "cache";
/// The validators of Sui who sign checkpoints. Written by the chain client.
pub(crate) const VALIDATORS_FILE: &str = "validators.json";

/// The directory level below `slivers/`: the first byte of the blob ID. All slivers of a blob share
/// a directory, so that storing them costs one directory sync.
pub(super) type Directory = u8;

/// The file part of the storage.
pub(super) struct SliverFiles {
    root: PathBuf,
    medium: Medium,
    next_temporary: AtomicU64,
}

/// A sliver written and synced under a temporary name. Removes its file unless published.
#[derive(Debug)]
pub(super) struct Staged {
    path: Option<PathBuf>,
    medium: Medium,
    pub(super) len: u64,
    pub(super) checksum: [u8; 32],
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            // Best effort: the next start empties the directory anyway.
            let _ = self.medium.remove_if_present(&path);
        }
    }
}

impl SliverFiles {
    /// Creates the directories. Call it only while holding the lock of the storage.
    pub(super) fn open(root: &Path, medium: &Medium) -> Result<Self, StorageError> {
        let files = Self {
            root: root.to_owned(),
            medium: medium.clone(),
            next_temporary: AtomicU64::new(0),
        };
        create_directory(medium, &files.temporary_directory())?;
        create_directory(medium, &files.quarantine_directory())?;
        for directory in Self::directories() {
            create_directory(medium, &files.directory(directory))?;
        }
        sync_directory(medium, &root.join(SLIVER_DIRECTORY))?;
        sync_directory(medium, root)?;
        if let Some(parent) = root
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            // Not ours, and not always readable; a lost new directory is no worse than none.
            if let Err(error) = sync_directory(medium, parent) {
                tracing::debug!(%error, "cannot sync the directory above the storage");
            }
        }
        Ok(files)
    }

    /// Removes what an interrupted run left in the temporary directory.
    pub(super) fn remove_temporaries(&self) -> Result<(), StorageError> {
        let directory = self.temporary_directory();
        for entry in self.list(&directory)? {
            remove_if_present(&self.medium, &entry)?;
        }
        Ok(())
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn medium(&self) -> &Medium {
        &self.medium
    }

    /// All directories slivers may be in.
    pub(super) fn directories() -> impl Iterator<Item = Directory> {
        Directory::MIN..=Directory::MAX
    }

    /// Bytes an unprivileged process may still write.
    pub(super) fn available_bytes(&self) -> Result<u64, StorageError> {
        let available = self.medium.available_bytes(&self.root);
        available.map_err(|error| StorageError::io("query free space of", &self.root, error))
    }

    /// Writes and syncs `bytes` under a temporary name.
    pub(super) fn stage(&self, bytes: &[u8]) -> Result<Staged, StorageError> {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let path = self.temporary_directory().join(number.to_string());
        let staged = Staged {
            path: Some(path.clone()),
            medium: self.medium.clone(),
            len: u64::saturating_from(bytes.len()),
            checksum: blake2b256(&[bytes]),
        };
        let written = self.medium.create(&path, bytes);
        written.map_err(|error| StorageError::io("write", &path, error))?;
        Ok(staged)
    }

    /// Gives a staged file its final name. Durable only after [`Self::sync_directory`] of the key's
    /// directory.
    pub(super) fn publish(&self, key: &SliverKey, mut staged: Staged) -> Result<(), StorageError> {
        let Some(temporary) = staged.path.take() else {
            return Ok(());
        };
        let path = self.path(key);
        self.medium.rename(&temporary, &path).map_err(|error| {
            staged.path = Some(temporary);
            StorageError::io("rename to", path, error)
        })
    }

    /// Makes renames in the directory of `key` durable.
    pub(super) fn sync_directory(&self, directory: Directory) -> Result<(), StorageError> {
        sync_directory(&self.medium, &self.directory(directory))
    }

    /// Reads a whole file; `None` if there is none.
    pub(super) fn read(&self, key: &SliverKey) -> Result<Option<Vec<u8>>, StorageError> {
        let path = self.path(key);
        let read = self.medium.read(&path);
        read.map_err(|error| StorageError::io("read", path, error))
    }

    /// Removes a file; a missing one is fine.
    pub(super) fn remove(&self, key: &SliverKey) -> Result<(), StorageError> {
        remove_if_present(&self.medium, &self.path(key))
    }

    /// Moves a file the index does not know out of the way. A file of that name that is there
    /// already stays, under another name.
    pub(super) fn quarantine(&self, key: &SliverKey) -> Result<(), StorageError> {
        let path = self.path(key);
        let directory = self.quarantine_directory();
        let name = file_name(key);
        let mut target = directory.join(&name);
        let mut number = 0;
        let exists = |path: &Path| {
            let found = self.medium.exists(path);
            found.map_err(|error| StorageError::io("look for", path, error))
        };
        while exists(&target)? {
            number += 1;
            target = directory.join(format!("{name}.{number}"));
        }
        let moved = self.medium.rename(&path, &target);
        moved.map_err(|error| StorageError::io("move", path, error))?;
        sync_directory(&self.medium, &directory)
    }

    /// Sliver files in all directories.
    pub(super) fn count(&self) -> Result<u64, StorageError> {
        let mut count = 0;
        for directory in Self::directories() {
            count += u64::saturating_from(self.keys_in(directory)?.len());
        }
        Ok(count)
    }

    /// Files in quarantine: how many, and their bytes.
    pub(super) fn quarantined(&self) -> Result<(u64, u64), StorageError> {
        let (mut count, mut bytes) = (0, 0);
        for path in self.list(&self.quarantine_directory())? {
            let len = self.medium.len(&path);
            count += 1;
            bytes += len.map_err(|error| StorageError::io("look at", &path, error))?;
        }
        Ok((count, bytes))
    }

    /// The slivers of which there is a file in quarantine under their own name.
    pub(super) fn quarantined_keys(&self) -> Result<Vec<SliverKey>, StorageError> {
        let paths = self.list(&self.quarantine_directory())?;
        let names = paths.iter().filter_map(|path| path.file_name()?.to_str());
        Ok(names.filter_map(parse_name).collect())
    }

    /// Reads a file in quarantine; `None` if there is none.
    pub(super) fn read_quarantined(
        &self,
        key: &SliverKey,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let path = self.quarantine_directory().join(file_name(key));
        let read = self.medium.read(&path);
        read.map_err(|error| StorageError::io("read", path, error))
    }

    /// Removes a file in quarantine; a missing one is fine.
    pub(super) fn remove_quarantined(&self, key: &SliverKey) -> Result<(), StorageError> {
        remove_if_present(
            &self.medium,
            &self.quarantine_directory().join(file_name(key)),
        )
    }

    /// Deletes everything in quarantine.
    pub(super) fn delete_quarantined(&self) -> Result<(), StorageError> {
        for path in self.list(&self.quarantine_directory())? {
            remove_if_present(&self.medium, &path)?;
        }
        Ok(())
    }

    /// The slivers for which there is a file in `directory`. Files with other names are not ours
    /// and left alone.
    pub(super) fn keys_in(&self, directory: Directory) -> Result<Vec<SliverKey>, StorageError> {
        let keys = self
            .list(&self.directory(directory))?
            .iter()
            .filter_map(|path| parse_name(path.file_name()?.to_str()?))
            .collect();
        Ok(keys)
    }

    /// Where the file of a sliver is, if it has one.
    pub(super) fn path(&self, key: &SliverKey) -> PathBuf {
        self.directory(directory_of(key)).join(file_name(key))
    }

    fn directory(&self, directory: Directory) -> PathBuf {
        self.root
            .join(SLIVER_DIRECTORY)
            .join(format!("{directory:02x}"))
    }

    fn list(&self, directory: &Path) -> Result<Vec<PathBuf>, StorageError> {
        let listed = self.medium.list(directory);
        listed.map_err(|error| StorageError::io("list", directory, error))
    }

    fn temporary_directory(&self) -> PathBuf {
        self.root.join(TEMPORARY_DIRECTORY)
    }

    fn quarantine_directory(&self) -> PathBuf {
        self.root.join(QUARANTINE_DIRECTORY)
    }
}

/// Deletes everything a node has made in `root`, and nothing else.
pub(super) fn clean_up(medium: &Medium, root: &Path) -> Result<(), StorageError> {
    super::identity::remove(medium, root)?;
    super::attempts::forget(root, medium)?;
    for name in [
        INDEX_DIRECTORY,
        SLIVER_DIRECTORY,
        QUARANTINE_DIRECTORY,
        TEMPORARY_DIRECTORY,
        EVENT_BLOB_DIRECTORY,
        CACHE_DIRECTORY,
    ] {
        let path = root.join(name);
        let removed = medium.remove_all(&path);
        removed.map_err(|error| StorageError::io("delete", path, error))?;
    }
    remove_if_present(medium, &root.join(VALIDATORS_FILE))?;
    sync_directory(medium, root)
}

/// The directory the file of `key` is in.
pub(super) fn directory_of(key: &SliverKey) -> Directory {
    key.blob_id.0[0]
}

/// Hexadecimal, because some file systems ignore case.
pub(super) fn file_name(key: &SliverKey) -> String {
    format!(
        "{}-{}-{}",
        hex::encode(key.blob_id.0),
        key.shard.0,
        key.axis
    )
}

pub(super) fn parse_name(name: &str) -> Option<SliverKey> {
    let mut parts = name.split('-');
    let blob_id = BlobId(hex::decode(parts.next()?).ok()?.try_into().ok()?);
    let shard = ShardIndex(parts.next()?.parse().ok()?);
    let axis: SliverType = parts.next()?.parse().ok()?;
    let key = SliverKey {
        shard,
        axis,
        blob_id,
    };
    // Only the canonical spelling names a sliver.
    (file_name(&key) == name).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SliverKey {
        SliverKey {
            shard: ShardIndex(12),
            axis: SliverType::Secondary,
            blob_id: BlobId([0xab; 32]),
        }
    }

    #[test]
    fn names_round_trip_and_strangers_are_ignored() {
        assert_eq!(parse_name(&file_name(&key())), Some(key()));
        for name in [
            "",
            "README",
            "ab-1-primary",
            &format!("{}-012-secondary", "ab".repeat(32)),
        ] {
            assert_eq!(parse_name(name), None, "{name}");
        }
    }

    #[test]
    fn staged_files_vanish_unless_published() {
        let root = tempfile::tempdir().unwrap();
        let files = SliverFiles::open(root.path(), &Medium::FileSystem).unwrap();
        drop(files.stage(b"dropped").unwrap());
        assert!(files.list(&files.temporary_directory()).unwrap().is_empty());

        let staged = files.stage(b"kept").unwrap();
        files.publish(&key(), staged).unwrap();
        files.sync_directory(directory_of(&key())).unwrap();
        assert_eq!(files.read(&key()).unwrap().unwrap(), b"kept");
        assert_eq!(files.keys_in(0xab).unwrap(), [key()]);
    }
}
