//! Tables on disk: values as JSON, changed in batches.

use std::{
    marker::PhantomData,
    ops::Bound,
    path::{Path, PathBuf},
};

use fjall::{KeyspaceCreateOptions, PersistMode};
use serde::{Serialize, de::DeserializeOwned};

/// Bytes of a database's journal, about: what is read again after a crash. The least that fjall
/// takes.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a table that are only in that journal and in memory.
const MEMTABLE_BYTES_MAX: u64 = 8 << 20;

/// Why something on disk cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// Another process uses the folder.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(String),
    /// A value is none that this program has written.
    #[error("an entry of table {table} is damaged: {reason}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl DiskError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

impl From<fjall::Error> for DiskError {
    fn from(error: fjall::Error) -> Self {
        Self::Database(error.to_string())
    }
}

/// Tables that are changed together.
#[derive(Clone)]
pub(crate) struct Database(fjall::Database);

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self, DiskError> {
        let opened = fjall::Database::builder(path)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .open();
        match opened {
            Ok(database) => Ok(Self(database)),
            Err(fjall::Error::Locked) => Err(DiskError::Locked(path.to_owned())),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn table<V>(&self, name: &'static str) -> Result<Table<V>, DiskError> {
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES_MAX);
        Ok(Table {
            keyspace: self.0.keyspace(name, options)?,
            name,
            value: PhantomData,
        })
    }

    pub(crate) fn batch(&self) -> Batch {
        Batch(self.0.batch())
    }
}

/// A table of values.
pub(crate) struct Table<V> {
    keyspace: fjall::Keyspace,
    name: &'static str,
    value: PhantomData<fn() -> V>,
}

impl<V> Clone for Table<V> {
    fn clone(&self) -> Self {
        Self {
            keyspace: self.keyspace.clone(),
            name: self.name,
            value: PhantomData,
        }
    }
}

impl<V: Serialize + DeserializeOwned> Table<V> {
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<V>, DiskError> {
        let found = self.keyspace.get(key)?;
        found.map(|value| self.decode(&value)).transpose()
    }

    /// The entries whose keys begin with `prefix`, in order.
    pub(crate) fn under(
        &self,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(Vec<u8>, V), DiskError>> {
        self.from(prefix, Bound::Unbounded)
    }

    /// The same from a key on, which begins with `prefix`.
    pub(crate) fn from(
        &self,
        prefix: &[u8],
        from: Bound<Vec<u8>>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, V), DiskError>> + use<V> {
        let table = self.clone();
        let from = match from {
            Bound::Unbounded => Bound::Included(prefix.to_vec()),
            bound => bound,
        };
        let prefix = prefix.to_vec();
        self.keyspace
            .range::<Vec<u8>, _>((from, Bound::Unbounded))
            .map(move |entry| {
                let (key, value) = entry.into_inner()?;
                Ok((key.to_vec(), value))
            })
            .take_while(move |entry: &Result<(Vec<u8>, _), DiskError>| {
                entry
                    .as_ref()
                    .map_or(true, |(key, _)| key.starts_with(&prefix))
            })
            .map(move |entry| {
                let (key, value) = entry?;
                Ok((key, table.decode(&value)?))
            })
    }

    fn decode(&self, bytes: &[u8]) -> Result<V, DiskError> {
        serde_json::from_slice(bytes).map_err(|error| DiskError::Damaged {
            table: self.name,
            reason: error.to_string(),
        })
    }
}

/// Changes that become visible together.
pub(crate) struct Batch(fjall::OwnedWriteBatch);

impl Batch {
    pub(crate) fn insert<V: Serialize>(&mut self, table: &Table<V>, key: &[u8], value: &V) {
        let json =
            serde_json::to_vec(value).expect("records have no maps with other keys than text");
        self.0.insert(&table.keyspace, key, json);
    }

    pub(crate) fn remove<V>(&mut self, table: &Table<V>, key: &[u8]) {
        self.0.remove(&table.keyspace, key);
    }

    /// Writes the changes; they survive the end of the process, but not that of the system.
    pub(crate) fn commit(self) -> Result<(), DiskError> {
        Ok(self.0.commit()?)
    }

    /// Writes the changes and syncs them and all before.
    pub(crate) fn commit_durably(self) -> Result<(), DiskError> {
        Ok(self.0.durability(Some(PersistMode::SyncAll)).commit()?)
    }
}
