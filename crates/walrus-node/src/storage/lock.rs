//! The lock on a storage directory: taken before anything in it is looked at.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    thread::sleep,
    time::Duration,
};

use super::{Medium, StorageError, medium::create_directory};

const FILE_NAME: &str = "lock";

/// A process that was told to stop may need a moment to let go.
const ATTEMPTS: usize = 10;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(50);

/// Held while the process uses the directory. The operating system releases it, however the process
/// ends. A simulated disk works for its last user only, and needs no lock.
pub(super) struct DirectoryLock(Option<File>);

impl DirectoryLock {
    /// Creates the directory if it is missing, and locks it.
    pub(super) fn acquire(medium: &Medium, root: &Path) -> Result<Self, StorageError> {
        if matches!(medium, Medium::Simulated(_)) {
            return Ok(Self(None));
        }
        create_directory(medium, root)?;
        let path = root.join(FILE_NAME);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| StorageError::io("open", &path, error))?;
        for _ in 0..ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(Self(Some(file))),
                Err(TryLockError::WouldBlock) => sleep(ATTEMPT_PAUSE),
                Err(TryLockError::Error(error)) => {
                    return Err(StorageError::io("lock", path, error));
                }
            }
        }
        Err(StorageError::Locked(root.to_owned()))
    }

    /// Lets go before the last handle of the storage is dropped.
    pub(super) fn release(&self) {
        if let Some(file) = &self.0
            && let Err(error) = file.unlock()
        {
            tracing::warn!(%error, "cannot unlock the storage directory; the end of the process does");
        }
    }
}
