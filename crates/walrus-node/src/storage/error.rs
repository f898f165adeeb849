//! Failures of the storage.

use std::{io, path::PathBuf, sync::Arc};

/// Why the storage failed. Cloneable because the requests of one commit share its fate.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// Another process has the directory open.
    #[error("storage directory {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The cause.
        source: Arc<io::Error>,
    },
    /// The index failed.
    #[error("storage index: {0}")]
    Index(String),
    /// A stored record does not decode.
    #[error("storage index holds an unreadable {0}")]
    Corrupt(&'static str),
    /// The storage was written by a version, for a network or for a node that is not this one.
    #[error("{0}")]
    Foreign(String),
    /// The write would use up the reserve.
    #[error(
        "not enough free disk space: {needed} bytes to write, {available} available, {reserve} reserved"
    )]
    DiskFull {
        /// Bytes available on the file system.
        available: u64,
        /// Bytes to write.
        needed: u64,
        /// Bytes that must stay free.
        reserve: u64,
    },
    /// Too much is being read.
    #[error("too many slivers are being read at a time; try again later")]
    Busy,
    /// The storage was closed.
    #[error("storage is closed")]
    Closed,
}

impl StorageError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.into(),
            source: Arc::new(source),
        }
    }
}

impl From<fjall::Error> for StorageError {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Io(source) => Self::Index(source.to_string()),
            fjall::Error::Poisoned => Self::Index(
                "an earlier write failed, nothing more is accepted until the node is restarted"
                    .into(),
            ),
            other => Self::Index(other.to_string()),
        }
    }
}
