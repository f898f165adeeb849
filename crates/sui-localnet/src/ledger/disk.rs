//! A [`Store`] on disk that survives `kill -9`: every batch is one journal record, synced before it
//! is acknowledged.

use std::{
    ops::{Bound, ControlFlow},
    path::{Path, PathBuf},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::store::{Batch, Entry, Store, StoreError, Table, Visitor};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the directory open.
    #[error("the chain data directory {0} is in use by another process")]
    Locked(PathBuf),
    /// The directory cannot be created, read or understood.
    #[error("the chain data directory {path} cannot be opened: {reason}")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Tables on disk.
pub(crate) struct DiskStore {
    database: Database,
    keyspaces: Vec<Keyspace>,
}

impl DiskStore {
    /// Opens the database in `path`, creating it if the directory is new.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let database = Database::builder(path)
            .open()
            .map_err(|error| open_error(path, &error))?;
        let keyspaces = Table::ALL
            .iter()
            .map(|table| database.keyspace(table.name(), KeyspaceCreateOptions::default))
            .collect::<Result<_, _>>()
            .map_err(|error| open_error(path, &error))?;
        Ok(Self {
            database,
            keyspaces,
        })
    }

    fn keyspace(&self, table: Table) -> &Keyspace {
        let index = Table::ALL
            .iter()
            .position(|candidate| *candidate == table)
            .expect("Table::ALL lists every table");
        &self.keyspaces[index]
    }
}

fn open_error(path: &Path, error: &fjall::Error) -> OpenError {
    match error {
        fjall::Error::Locked => OpenError::Locked(path.to_owned()),
        error => OpenError::Unusable {
            path: path.to_owned(),
            reason: reason(error),
        },
    }
}

fn failed(what: &str, error: &fjall::Error) -> StoreError {
    StoreError::new(format!("{what}: {}", reason(error)))
}

/// What the storage engine complains about, in words for people.
fn reason(error: &fjall::Error) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return io.to_string();
        }
        cause = current.source();
    }
    match error {
        fjall::Error::Poisoned => "an earlier write failed; restart the chain".to_owned(),
        _ => format!("its contents are damaged or of another format ({error})"),
    }
}

#[allow(clippy::needless_pass_by_value)] // The shape `map_err` wants.
fn read_error(error: fjall::Error) -> StoreError {
    failed("cannot read", &error)
}

impl Store for DiskStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.keyspace(table).get(key).map_err(read_error)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after.to_vec()),
            _ => Bound::Included(prefix.to_vec()),
        };
        for entry in self.keyspace(table).range((start, Bound::Unbounded)) {
            let (key, value) = entry.into_inner().map_err(read_error)?;
            if !key.starts_with(prefix) || visit(&key, &value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn last(&self, table: Table, prefix: &[u8]) -> Result<Option<Entry>, StoreError> {
        self.keyspace(table)
            .prefix(prefix)
            .next_back()
            .map(|entry| {
                let (key, value) = entry.into_inner().map_err(read_error)?;
                Ok((key.to_vec(), value.to_vec()))
            })
            .transpose()
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut writes = self.database.batch().durability(Some(PersistMode::SyncAll));
        for operation in batch.into_operations() {
            let keyspace = self.keyspace(operation.table);
            match operation.value {
                Some(value) => writes.insert(keyspace, operation.key, value),
                None => writes.remove(keyspace, operation.key),
            }
        }
        writes
            .commit()
            .map_err(|error| failed("cannot write a checkpoint", &error))
    }
}
