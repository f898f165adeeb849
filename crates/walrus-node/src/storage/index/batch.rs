//! Writes that become visible together.

use std::sync::atomic::Ordering;

use fjall::{UserKey, UserValue};

use super::{
    Index,
    tables::{Batch, Keyspace},
};
use crate::storage::StorageError;

/// A batch whose failure is noted: an index that cannot be written ends the process.
pub(in crate::storage) struct WriteBatch<'a> {
    index: &'a Index,
    batch: Batch,
    durable: bool,
}

impl<'a> WriteBatch<'a> {
    /// A batch that is durable once committed, with all before it.
    pub(super) fn durable(index: &'a Index) -> Self {
        Self {
            index,
            batch: index.db.batch(),
            durable: true,
        }
    }

    /// A batch that a crash may take back.
    pub(super) fn volatile(index: &'a Index) -> Self {
        Self {
            index,
            batch: index.db.batch(),
            durable: false,
        }
    }

    pub(super) fn insert(
        &mut self,
        table: &Keyspace,
        key: impl Into<UserKey>,
        value: impl Into<UserValue>,
    ) {
        self.batch.insert(table, key, value);
    }

    pub(super) fn remove(&mut self, table: &Keyspace, key: impl Into<UserKey>) {
        self.batch.remove(table, key);
    }

    /// Writes the batch.
    pub(in crate::storage) fn commit(self) -> Result<(), StorageError> {
        let Self {
            index,
            batch,
            durable,
        } = self;
        // An empty batch is not written, and so syncs nothing.
        let syncs = durable && !batch.is_empty();
        let changes = index.record_changes.load(Ordering::SeqCst);
        index.written(batch.commit(durable))?;
        if syncs {
            index
                .record_changes_synced
                .fetch_max(changes, Ordering::SeqCst);
        }
        Ok(())
    }
}
