//! Noticing an index that ends the process: while it is opened, or later.
//!
//! With a bit flipped in its files the store may ask for more memory than there is, which no
//! program survives. So the attempt is written down before and struck out after it; where several
//! in a row were not, there is no next one. A record that cannot be read while the node runs is
//! written down as well: the next start would only meet it again.

use std::path::{Path, PathBuf};

use super::{Medium, StorageError, medium::remove_if_present};

const FILE_NAME: &str = "opening";

/// There while the index is known to be damaged.
const MARK_NAME: &str = "index.is-damaged";

/// Attempts that may end the process before the index counts as damaged. More than one, because an
/// operator may have done it.
const ATTEMPTS_MAX: usize = 3;

/// An attempt to open the index.
pub(super) struct Attempt {
    path: PathBuf,
    medium: Medium,
}

impl Attempt {
    /// Writes an attempt down.
    pub(super) fn begin(root: &Path, medium: &Medium) -> Result<Self, StorageError> {
        let attempt = Self {
            path: root.join(FILE_NAME),
            medium: medium.clone(),
        };
        let path = &attempt.path;
        let failed = |action| move |error| StorageError::io(action, path, error);
        // One byte each.
        let before = medium.read(path).map_err(failed("read"))?;
        let before = before.map_or(0, |bytes| bytes.len());
        if before >= ATTEMPTS_MAX {
            return Err(StorageError::EndsProcess {
                attempts: before,
                path: attempt.path,
            });
        }
        remove_if_present(medium, path)?;
        let written = medium.create(path, &vec![b'.'; before + 1]);
        written.map_err(failed("write"))?;
        Ok(attempt)
    }

    /// Strikes the attempt out, whatever came of it.
    pub(super) fn end(self) -> Result<(), StorageError> {
        remove_if_present(&self.medium, &self.path)
    }
}

/// Strikes everything out: there is another index now.
pub(super) fn forget(root: &Path, medium: &Medium) -> Result<(), StorageError> {
    remove_if_present(medium, &root.join(FILE_NAME))?;
    remove_if_present(medium, &root.join(MARK_NAME))
}

/// Writes down that the index is damaged.
pub(super) fn mark_damaged(root: &Path, medium: &Medium) -> Result<(), StorageError> {
    if is_marked(root, medium)? {
        return Ok(());
    }
    let path = root.join(MARK_NAME);
    let marked = medium.create(&path, b"");
    marked.map_err(|error| StorageError::io("write", &path, error))
}

/// Whether [`mark_damaged`] was called for this index.
pub(super) fn is_marked(root: &Path, medium: &Medium) -> Result<bool, StorageError> {
    let path = root.join(MARK_NAME);
    let exists = medium.exists(&path);
    exists.map_err(|error| StorageError::io("read", &path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_that_do_not_end_are_counted() {
        let root = tempfile::tempdir().unwrap();
        let begin = || Attempt::begin(root.path(), &Medium::FileSystem);
        for _ in 1..ATTEMPTS_MAX {
            begin().unwrap();
        }
        begin().unwrap().end().unwrap();
        for _ in 0..ATTEMPTS_MAX {
            begin().unwrap();
        }
        assert!(matches!(begin(), Err(StorageError::EndsProcess { .. })));
        forget(root.path(), &Medium::FileSystem).unwrap();
        begin().unwrap();
    }

    #[test]
    fn damage_is_remembered_until_there_is_another_index() {
        let (root, medium) = (tempfile::tempdir().unwrap(), Medium::FileSystem);
        let marked = || is_marked(root.path(), &medium).unwrap();
        assert!(!marked());
        for _ in 0..2 {
            mark_damaged(root.path(), &medium).unwrap();
            assert!(marked());
        }
        forget(root.path(), &medium).unwrap();
        assert!(!marked());
    }
}
