//! Event blobs that wait to be replayed, one file each. They are checked when they are read, so
//! nothing here is atomic.

use std::path::PathBuf;

use walrus_core::BlobId;

use super::{Storage, StorageError, files, run_blocking};

impl Storage {
    /// Keeps an event blob until it is replayed.
    pub(crate) async fn keep_event_blob(
        &self,
        blob_id: BlobId,
        bytes: Vec<u8>,
    ) -> Result<(), StorageError> {
        self.check_space(bytes.len())?;
        let (medium, folder) = (self.files.medium().clone(), self.event_blob_folder());
        let path = self.event_blob_path(blob_id);
        run_blocking(move || {
            let written = medium
                .create_directory(&folder)
                .and_then(|()| medium.remove_if_present(&path))
                .and_then(|()| medium.create(&path, &bytes));
            written.map_err(|error| StorageError::io("write", path, error))
        })
        .await?
    }

    /// An event blob that was kept, as it is on disk now.
    pub(crate) async fn kept_event_blob(
        &self,
        blob_id: BlobId,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let medium = self.files.medium().clone();
        let path = self.event_blob_path(blob_id);
        let read = move || {
            let read = medium.read(&path);
            read.map_err(|error| StorageError::io("read", path, error))
        };
        run_blocking(read).await?
    }

    /// Removes an event blob that was replayed.
    pub(crate) async fn remove_event_blob(&self, blob_id: BlobId) -> Result<(), StorageError> {
        let medium = self.files.medium().clone();
        let path = self.event_blob_path(blob_id);
        let remove = move || {
            let removed = medium.remove_if_present(&path);
            removed.map_err(|error| StorageError::io("remove", path, error))
        };
        run_blocking(remove).await?
    }

    /// Removes all event blobs that were kept.
    pub(crate) async fn remove_event_blobs(&self) -> Result<(), StorageError> {
        let (medium, folder) = (self.files.medium().clone(), self.event_blob_folder());
        let remove = move || {
            let removed = medium.remove_all(&folder);
            removed.map_err(|error| StorageError::io("remove", folder, error))
        };
        run_blocking(remove).await?
    }

    fn event_blob_folder(&self) -> PathBuf {
        self.path().join(files::EVENT_BLOB_DIRECTORY)
    }

    fn event_blob_path(&self, blob_id: BlobId) -> PathBuf {
        // Hexadecimal, because some file systems ignore case.
        self.event_blob_folder().join(hex::encode(blob_id.0))
    }
}
