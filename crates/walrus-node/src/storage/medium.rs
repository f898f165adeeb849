//! Where the bytes of a storage are: in a file system, or on a disk that a simulation breaks.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{StorageError, simulated::Mount};

/// What a storage is kept on.
#[derive(Debug, Clone, Default)]
pub enum Medium {
    /// The file system.
    #[default]
    FileSystem,
    /// A disk in memory.
    Simulated(Mount),
}

impl Medium {
    /// Slivers up to this size are kept inside the index.
    pub(super) fn inline_bytes_max(&self) -> usize {
        match self {
            Self::FileSystem => super::INLINE_SLIVER_BYTES_MAX,
            Self::Simulated(_) => Mount::INLINE_BYTES_MAX,
        }
    }

    pub(super) fn create_directory(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::FileSystem => fs::create_dir_all(path),
            // There are no empty directories.
            Self::Simulated(_) => Ok(()),
        }
    }

    pub(super) fn sync_directory(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::FileSystem => File::open(path).and_then(|directory| directory.sync_all()),
            Self::Simulated(disk) => disk.sync_directory(path),
        }
    }

    /// Writes a new file and syncs its content.
    pub(super) fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::FileSystem => {
                let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
                file.write_all(bytes)?;
                file.sync_all()
            }
            Self::Simulated(disk) => disk.create(path, bytes),
        }
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Self::FileSystem => fs::rename(from, to),
            Self::Simulated(disk) => disk.rename(from, to),
        }
    }

    /// Removes a file; a missing one is fine.
    pub(super) fn remove_if_present(&self, path: &Path) -> io::Result<()> {
        let removed = match self {
            Self::FileSystem => fs::remove_file(path),
            Self::Simulated(disk) => disk.remove(path),
        };
        absent_is_fine(removed)
    }

    /// Removes a directory with all that is in it; a missing one is fine.
    pub(super) fn remove_all(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::FileSystem => absent_is_fine(fs::remove_dir_all(path)),
            Self::Simulated(disk) => disk.remove_all(path),
        }
    }

    /// The content of a file, if there is one.
    pub(super) fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let read = match self {
            Self::FileSystem => fs::read(path),
            Self::Simulated(disk) => disk.read(path),
        };
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn exists(&self, path: &Path) -> io::Result<bool> {
        match self {
            Self::FileSystem => path.try_exists(),
            Self::Simulated(_) => Ok(self.read(path)?.is_some()),
        }
    }

    pub(super) fn len(&self, path: &Path) -> io::Result<u64> {
        match self {
            Self::FileSystem => Ok(fs::metadata(path)?.len()),
            Self::Simulated(disk) => Ok(disk.read(path)?.len() as u64),
        }
    }

    /// Paths of what is in a directory.
    pub(super) fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        match self {
            Self::FileSystem => fs::read_dir(directory)?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect(),
            Self::Simulated(disk) => disk.list(directory),
        }
    }

    /// Bytes an unprivileged process may still write.
    pub(super) fn available_bytes(&self, root: &Path) -> io::Result<u64> {
        match self {
            Self::FileSystem => {
                let stat = nix::sys::statvfs::statvfs(root)?;
                Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
            }
            Self::Simulated(disk) => disk.available_bytes(),
        }
    }
}

fn absent_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Creates a directory and those above it, unless it is there.
pub(super) fn create_directory(medium: &Medium, path: &Path) -> Result<(), StorageError> {
    let created = medium.create_directory(path);
    created.map_err(|error| StorageError::io("create", path, error))
}

/// Makes what happened in a directory durable.
pub(super) fn sync_directory(medium: &Medium, path: &Path) -> Result<(), StorageError> {
    let synced = medium.sync_directory(path);
    synced.map_err(|error| StorageError::io("sync", path, error))
}

/// Removes a file; a missing one is fine.
pub(super) fn remove_if_present(medium: &Medium, path: &Path) -> Result<(), StorageError> {
    let removed = medium.remove_if_present(path);
    removed.map_err(|error| StorageError::io("remove", path, error))
}
