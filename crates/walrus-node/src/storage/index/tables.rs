//! The key-value store under the index: fjall, or that of a simulated disk.

use std::{
    io,
    ops::{Bound, RangeBounds},
    path::Path,
    vec,
};

use fjall::{KeyspaceCreateOptions, KvSeparationOptions, PersistMode, UserKey, UserValue};

use super::archives;
use crate::storage::{
    Medium, StorageError,
    simulated::{Mount, Write},
};

/// Bytes of the journal, about: what is read again after a crash. The least that fjall takes.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;

/// Bytes of a table that are only in the journal and in memory.
const MEMTABLE_BYTES_MAX: u64 = 16 << 20;

/// A table, its key and its value.
pub(super) type Pair = (UserKey, UserValue);

/// An entry of a simulated table, or why it cannot be read.
type Simulated = Result<(Vec<u8>, Vec<u8>), StorageError>;

/// All tables of an index.
pub(super) enum Database {
    Fjall(fjall::Database),
    Simulated(Mount),
}

/// Whether values are kept among the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    Small,
    /// Values of some KiB are written once; compaction need not move them about.
    Large,
}

/// One table.
pub(super) enum Keyspace {
    Fjall(fjall::Keyspace),
    Simulated { disk: Mount, name: &'static str },
}

/// Writes that become visible together.
pub(super) enum Batch {
    Fjall(fjall::OwnedWriteBatch),
    Simulated { disk: Mount, writes: Vec<Write> },
}

impl Database {
    pub(super) fn open(path: &Path, medium: &Medium) -> Result<Self, StorageError> {
        match medium {
            Medium::FileSystem => {
                archives::check(path)?;
                let builder = fjall::Database::builder(path);
                match builder.max_journaling_size(JOURNAL_BYTES_MAX).open() {
                    Ok(database) => Ok(Self::Fjall(database)),
                    Err(fjall::Error::Locked) => Err(StorageError::Locked(path.to_owned())),
                    Err(fjall::Error::Io(source)) if is_damage(&source) => {
                        Err(StorageError::Damaged("a file of it is malformed"))
                    }
                    Err(fjall::Error::Io(source)) => Err(StorageError::io("open", path, source)),
                    Err(other) => Err(other.into()),
                }
            }
            Medium::Simulated(disk) => Ok(Self::Simulated(disk.clone())),
        }
    }

    pub(super) fn keyspace(
        &self,
        name: &'static str,
        values: Values,
    ) -> Result<Keyspace, StorageError> {
        match self {
            Self::Fjall(database) => {
                let separation = (values == Values::Large).then(KvSeparationOptions::default);
                let options = || {
                    KeyspaceCreateOptions::default()
                        .with_kv_separation(separation.clone())
                        .max_memtable_size(MEMTABLE_BYTES_MAX)
                };
                Ok(Keyspace::Fjall(database.keyspace(name, options)?))
            }
            Self::Simulated(disk) => Ok(Keyspace::Simulated {
                disk: disk.clone(),
                name,
            }),
        }
    }

    /// Syncs everything written so far.
    pub(super) fn persist(&self) -> Result<(), StorageError> {
        match self {
            Self::Fjall(database) => Ok(database.persist(PersistMode::SyncAll)?),
            Self::Simulated(disk) => disk.persist().map_err(unreadable),
        }
    }

    pub(super) fn batch(&self) -> Batch {
        match self {
            Self::Fjall(database) => Batch::Fjall(database.batch()),
            Self::Simulated(disk) => Batch::Simulated {
                disk: disk.clone(),
                writes: Vec::new(),
            },
        }
    }
}

impl Keyspace {
    pub(super) fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<UserValue>, StorageError> {
        match self {
            Self::Fjall(table) => Ok(table.get(key)?),
            Self::Simulated { disk, name } => {
                let found = disk.get(name, key.as_ref()).map_err(unreadable)?;
                Ok(found.map(UserValue::from))
            }
        }
    }

    pub(super) fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool, StorageError> {
        match self {
            Self::Fjall(table) => Ok(table.contains_key(key)?),
            Self::Simulated { .. } => Ok(self.get(key)?.is_some()),
        }
    }

    pub(super) fn insert(
        &self,
        key: impl Into<UserKey>,
        value: impl Into<UserValue>,
    ) -> Result<(), StorageError> {
        match self {
            Self::Fjall(table) => Ok(table.insert(key, value)?),
            Self::Simulated { disk, name } => {
                let write = written(name, &key.into(), Some(&value.into()));
                disk.commit(vec![write], false).map_err(unreadable)
            }
        }
    }

    pub(super) fn remove(&self, key: impl Into<UserKey>) -> Result<(), StorageError> {
        match self {
            Self::Fjall(table) => Ok(table.remove(key)?),
            Self::Simulated { disk, name } => {
                let write = written(name, &key.into(), None);
                disk.commit(vec![write], false).map_err(unreadable)
            }
        }
    }

    /// All entries in order.
    pub(super) fn iter(&self) -> Entries {
        match self {
            Self::Fjall(table) => Entries::Fjall(table.iter()),
            Self::Simulated { .. } => self.range::<&[u8], _>(..),
        }
    }

    /// Entries whose keys begin with `prefix`, in order.
    pub(super) fn prefix(&self, prefix: impl AsRef<[u8]>) -> Entries {
        match self {
            Self::Fjall(table) => Entries::Fjall(table.prefix(prefix)),
            Self::Simulated { .. } => {
                let lower = Bound::Included(prefix.as_ref());
                let mut entries = self.range::<&[u8], _>((lower, Bound::Unbounded));
                entries.retain(prefix.as_ref());
                entries
            }
        }
    }

    /// Entries in a range, in order.
    pub(super) fn range<K: AsRef<[u8]>, R: RangeBounds<K>>(&self, range: R) -> Entries {
        match self {
            Self::Fjall(table) => Entries::Fjall(table.range(range)),
            Self::Simulated { disk, name } => {
                let lower = range.start_bound().map(K::as_ref);
                let upper = range.end_bound().map(K::as_ref);
                Entries::Simulated(match disk.range(name, lower, upper) {
                    Ok(found) => found.into_iter().map(Ok).collect::<Vec<_>>().into_iter(),
                    Err(error) => vec![Err(unreadable(error))].into_iter(),
                })
            }
        }
    }

    /// Writes what is in the journal into the table. Does not return while that is impossible.
    pub(super) fn flush(&self) -> Result<(), StorageError> {
        if let Self::Fjall(table) = self {
            table.rotate_memtable_and_wait()?;
        }
        Ok(())
    }

    /// Has what is in the journal written into the table, in the background.
    pub(super) fn settle(&self) -> Result<(), StorageError> {
        if let Self::Fjall(table) = self {
            table.rotate_memtable()?;
        }
        Ok(())
    }

    /// Writes what is in the journal into the table, and rewrites the table.
    pub(super) fn compact(&self) -> Result<(), StorageError> {
        self.flush()?;
        if let Self::Fjall(table) = self {
            table.major_compact()?;
        }
        Ok(())
    }
}

impl Batch {
    pub(super) fn insert(
        &mut self,
        table: &Keyspace,
        key: impl Into<UserKey>,
        value: impl Into<UserValue>,
    ) {
        match (self, table) {
            (Self::Fjall(batch), Keyspace::Fjall(table)) => batch.insert(table, key, value),
            (Self::Simulated { writes, .. }, Keyspace::Simulated { name, .. }) => {
                writes.push(written(name, &key.into(), Some(&value.into())));
            }
            _ => unreachable!("tables and batches of a database are of one kind"),
        }
    }

    pub(super) fn remove(&mut self, table: &Keyspace, key: impl Into<UserKey>) {
        match (self, table) {
            (Self::Fjall(batch), Keyspace::Fjall(table)) => batch.remove(table, key),
            (Self::Simulated { writes, .. }, Keyspace::Simulated { name, .. }) => {
                writes.push(written(name, &key.into(), None));
            }
            _ => unreachable!("tables and batches of a database are of one kind"),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Fjall(batch) => batch.is_empty(),
            Self::Simulated { writes, .. } => writes.is_empty(),
        }
    }

    /// Writes the batch; with `sync`, it is durable on return, with all before it. An empty one is
    /// not written, and so syncs nothing.
    pub(super) fn commit(self, sync: bool) -> Result<(), StorageError> {
        match self {
            Self::Fjall(batch) => Ok(batch
                .durability(sync.then_some(PersistMode::SyncAll))
                .commit()?),
            Self::Simulated { writes, .. } if writes.is_empty() => Ok(()),
            Self::Simulated { disk, writes } => disk.commit(writes, sync).map_err(unreadable),
        }
    }
}

/// Entries of a table, read as they are asked for.
pub(super) enum Entries {
    Fjall(fjall::Iter),
    Simulated(vec::IntoIter<Simulated>),
}

impl Entries {
    fn retain(&mut self, prefix: &[u8]) {
        if let Self::Simulated(entries) = self {
            let begins = |entry: &Simulated| match entry {
                Ok((key, _)) => key.starts_with(prefix),
                Err(_) => true,
            };
            let kept: Vec<_> = entries.by_ref().take_while(begins).collect();
            *entries = kept.into_iter();
        }
    }
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        match self {
            Self::Fjall(entries) => entries.next().map(Entry::Fjall),
            Self::Simulated(entries) => entries.next().map(Entry::Simulated),
        }
    }
}

/// One entry, not read yet.
pub(super) enum Entry {
    Fjall(fjall::Guard),
    Simulated(Simulated),
}

impl Entry {
    pub(super) fn key(self) -> Result<UserKey, StorageError> {
        match self {
            Self::Fjall(entry) => Ok(entry.key()?),
            Self::Simulated(entry) => entry.map(|(key, _)| key.into()),
        }
    }

    pub(super) fn into_inner(self) -> Result<Pair, StorageError> {
        match self {
            Self::Fjall(entry) => Ok(entry.into_inner()?),
            Self::Simulated(entry) => entry.map(|(key, value)| (key.into(), value.into())),
        }
    }
}

/// Whether an error comes from what is in a file, not from the disk.
fn is_damage(error: &io::Error) -> bool {
    error.raw_os_error().is_none()
        || matches!(
            error.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::NotFound
        )
}

fn written(table: &'static str, key: &UserKey, value: Option<&UserValue>) -> Write {
    Write {
        table,
        key: key.to_vec(),
        value: value.map(|value| value.to_vec()),
    }
}

/// The same error that an unreadable store of the file system gives; writers turn it into one of
/// writing.
fn unreadable(error: io::Error) -> StorageError {
    fjall::Error::Io(error).into()
}
