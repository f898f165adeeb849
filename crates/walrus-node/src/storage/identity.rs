//! A file that says whose storage a directory is.
//!
//! The index says so, too, and is what counts. The file is for people who find the directory, and it outlives an index that is
//! lost: a directory with this file and an empty index is not a new one.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use super::{Identity, StorageError, files::sync_directory};

const FILE_NAME: &str = "identity";
const TEMPORARY_FILE_NAME: &str = "identity.new";

/// Whether the directory has been somebody's.
pub(super) fn exists(root: &Path) -> Result<bool, StorageError> {
    let path = root.join(FILE_NAME);
    path.try_exists()
        .map_err(|error| StorageError::io("look for", path, error))
}

/// Writes the file, unless it says the same already.
pub(super) fn write(root: &Path, identity: &Identity) -> Result<(), StorageError> {
    let text = format!(
        "Storage of a Walrus node.\nlayout: {}\nsystem object: {}\nshards: {}\n",
        identity.layout_version, identity.system_object, identity.n_shards
    );
    let path = root.join(FILE_NAME);
    match fs::read(&path) {
        Ok(found) if found == text.as_bytes() => return Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(StorageError::io("read", path, error));
        }
        _ => {}
    }
    let temporary = root.join(TEMPORARY_FILE_NAME);
    File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, &path))
        .map_err(|error| StorageError::io("write", path, error))?;
    sync_directory(root)
}

/// Removes the file: the directory is to count as new.
pub(super) fn remove(root: &Path) -> Result<(), StorageError> {
    for name in [FILE_NAME, TEMPORARY_FILE_NAME] {
        super::files::remove_if_present(&root.join(name))?;
    }
    Ok(())
}
