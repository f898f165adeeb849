//! A file that says whose storage a directory is.
//!
//! The index says so, too, and is what counts. The file is for people who find the directory, and
//! it outlives an index that is lost: a directory with this file and an empty index is not a new
//! one.

use std::path::Path;

use super::{
    Identity, Medium, StorageError,
    medium::{remove_if_present, sync_directory},
};

const FILE_NAME: &str = "identity";
const TEMPORARY_FILE_NAME: &str = "identity.new";

/// Whether the directory has been somebody's.
pub(super) fn exists(medium: &Medium, root: &Path) -> Result<bool, StorageError> {
    let path = root.join(FILE_NAME);
    medium
        .exists(&path)
        .map_err(|error| StorageError::io("look for", path, error))
}

/// Writes the file, unless it says the same already.
pub(super) fn write(medium: &Medium, root: &Path, identity: &Identity) -> Result<(), StorageError> {
    let text = format!(
        "Storage of a Walrus node.\nlayout: {}\nsystem object: {}\nshards: {}\n",
        identity.layout_version, identity.system_object, identity.n_shards
    );
    let path = root.join(FILE_NAME);
    let found = medium.read(&path);
    let found = found.map_err(|error| StorageError::io("read", &path, error))?;
    if found.is_some_and(|found| found == text.as_bytes()) {
        return Ok(());
    }
    let temporary = root.join(TEMPORARY_FILE_NAME);
    remove_if_present(medium, &temporary)?;
    medium
        .create(&temporary, text.as_bytes())
        .and_then(|()| medium.rename(&temporary, &path))
        .map_err(|error| StorageError::io("write", path, error))?;
    sync_directory(medium, root)
}

/// Removes the file: the directory is to count as new.
pub(super) fn remove(medium: &Medium, root: &Path) -> Result<(), StorageError> {
    for name in [FILE_NAME, TEMPORARY_FILE_NAME] {
        remove_if_present(medium, &root.join(name))?;
    }
    Ok(())
}
