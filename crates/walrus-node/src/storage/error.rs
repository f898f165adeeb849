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
    /// The index could not be written. Nothing more is accepted until the node is started again.
    #[error("the storage index cannot be written: {0}")]
    IndexWrite(String),
    /// The index could not be read or opened.
    #[error(
        "the storage index cannot be read: {0}. If the disk is well, `walrus-node db rebuild` puts the index aside and keeps \
         the slivers"
    )]
    IndexRead(String),
    /// A part of the index is damaged.
    #[error(
        "the storage index is damaged: {0}. `walrus-node db rebuild` puts it aside and keeps the slivers; the node then builds \
         another one from the chain"
    )]
    Damaged(&'static str),
    /// A record could not be read while the node ran.
    #[error(
        "events could not be processed because of a record in the storage index that cannot be read. `walrus-node db rebuild` \
         puts the index aside and keeps the slivers; the node then builds another one from the chain"
    )]
    DamageMet,
    /// Several indexes in a row were damaged.
    #[error(
        "the storage index is damaged again, after {times} others in {}: look at the disk. When it is well, delete what was put \
         aside or run `walrus-node db rebuild`", path.display()
    )]
    DamagedAgain {
        /// How many were put aside.
        times: usize,
        /// The storage directory.
        path: PathBuf,
    },
    /// Opening the index ends the process.
    #[error(
        "the last {attempts} starts ended while they opened the storage index, so it is damaged. `walrus-node db rebuild` puts \
         it aside and keeps the slivers; to try once more delete {}", path.display()
    )]
    EndsProcess {
        /// How many starts.
        attempts: usize,
        /// Where they are written down.
        path: PathBuf,
    },
    /// The index is empty although slivers are there.
    #[error(
        "the index of {} is empty, but the storage was in use before ({files} sliver files): put back `index/` from a copy, \
         or run `walrus-node db rebuild`: the node builds another one from the chain, and takes the slivers back", path.display()
    )]
    IndexLost {
        /// The storage directory.
        path: PathBuf,
        /// Sliver files in it.
        files: u64,
    },
    /// A stored record does not decode.
    #[error(
        "storage index holds an unreadable {0}. `walrus-node db rebuild` puts it aside and keeps the slivers; the node then \
         builds another one from the chain"
    )]
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
    /// Too much waits to be uploaded.
    #[error("{waiting} bytes of slivers wait to be uploaded to the bucket, of {max} that may")]
    WriteAheadFull {
        /// Bytes that wait.
        waiting: u64,
        /// Bytes that may wait.
        max: u64,
    },
    /// The bucket does not answer.
    #[error("the bucket does not answer: {0}")]
    BucketAway(String),
    /// The bucket is not the right one, or does not let this node in.
    #[error("the bucket cannot be used: {0}")]
    Bucket(String),
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

    /// Whether another index would help: what this one says cannot be read, and will not be.
    pub(crate) const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged(_) | Self::DamageMet | Self::EndsProcess { .. } | Self::Corrupt(_)
        )
    }
}

impl From<fjall::Error> for StorageError {
    fn from(error: fjall::Error) -> Self {
        use fjall::{Error, LsmError};
        match error {
            Error::Io(source) | Error::Storage(LsmError::Io(source)) => {
                Self::IndexRead(source.to_string())
            }
            Error::Poisoned => Self::IndexWrite("an earlier write failed".into()),
            Error::Locked => Self::IndexRead("another process uses it".into()),
            Error::KeyspaceDeleted => Self::IndexRead("a table was deleted".into()),
            Error::InvalidVersion(_) | Error::Storage(LsmError::InvalidVersion(_)) => {
                Self::Damaged("it has a format this version does not know")
            }
            Error::JournalRecovery(_) => Self::Damaged("the journal does not match its checksums"),
            Error::Storage(LsmError::ChecksumMismatch { .. }) => {
                Self::Damaged("a block does not match its checksum")
            }
            Error::Unrecoverable | Error::Storage(LsmError::Unrecoverable) => {
                Self::Damaged("files of it are missing or malformed")
            }
            _ => Self::Damaged("a block is malformed"),
        }
    }
}

impl StorageError {
    /// The same failure, as one of a write.
    pub(super) fn of_write(self) -> Self {
        match self {
            Self::IndexRead(reason) => Self::IndexWrite(reason),
            Self::Damaged(reason) => Self::IndexWrite(reason.to_owned()),
            other => other,
        }
    }
}
