//! The ordered key-value storage the ledger is written against.
//!
//! The ledger never knows whether it lives in memory or on disk: it reads single keys, walks key
//! ranges in order, and writes one [`Batch`] per sealed checkpoint, which a store applies
//! completely or not at all.

use std::ops::ControlFlow;

/// The tables of the ledger. Keys of a table are ordered bytewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    /// Facts about the chain as a whole (format version, time offset).
    Meta,
    /// Every object version ever written: id ‖ version → object.
    Objects,
    /// The live version of every live object: id → version.
    Live,
    /// Live objects of an address in listing order: owner ‖ type ‖ inverted balance ‖ id.
    Owned,
    /// Dynamic fields of a parent: parent ‖ field id.
    Fields,
    /// Object versions that a transaction received: id ‖ version → nothing.
    Received,
    /// Live objects that describe a coin type: type string → id.
    CoinRecords,
    /// Versions of a package: original id ‖ version → storage id.
    Packages,
    /// Transactions with their results: digest → record.
    Transactions,
    /// Sealed checkpoints: sequence number → record.
    Checkpoints,
    /// Checkpoints by digest: digest → sequence number.
    CheckpointDigests,
}

impl Table {
    /// All tables, in a fixed order.
    pub(crate) const ALL: [Self; 11] = [
        Self::Meta,
        Self::Objects,
        Self::Live,
        Self::Owned,
        Self::Fields,
        Self::Received,
        Self::CoinRecords,
        Self::Packages,
        Self::Transactions,
        Self::Checkpoints,
        Self::CheckpointDigests,
    ];

    /// The table's name on disk.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Objects => "objects",
            Self::Live => "live",
            Self::Owned => "owned",
            Self::Fields => "fields",
            Self::Received => "received",
            Self::CoinRecords => "coin_records",
            Self::Packages => "packages",
            Self::Transactions => "transactions",
            Self::Checkpoints => "checkpoints",
            Self::CheckpointDigests => "checkpoint_digests",
        }
    }
}

/// Writes that become visible and durable together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    operations: Vec<Operation>,
}

/// One write of a [`Batch`].
#[derive(Debug)]
pub(crate) struct Operation {
    /// The table written to.
    pub table: Table,
    /// The key written.
    pub key: Vec<u8>,
    /// The new value; `None` removes the key.
    pub value: Option<Vec<u8>>,
}

impl Batch {
    /// Sets `key` of `table` to `value`.
    pub(crate) fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.operations.push(Operation {
            table,
            key: key.into(),
            value: Some(value.into()),
        });
    }

    /// Removes `key` from `table`; a missing key is fine.
    pub(crate) fn remove(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.operations.push(Operation {
            table,
            key: key.into(),
            value: None,
        });
    }

    /// The operations in the order they were added; the last write to a key wins.
    pub(crate) fn into_operations(self) -> Vec<Operation> {
        self.operations
    }
}

/// A failure of the storage below the ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("chain storage failed: {0}")]
pub struct StoreError(String);

impl StoreError {
    /// An error in words.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// An error about the stored bytes themselves.
    pub(crate) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self(format!("stored data is corrupt: {what}"))
    }
}

/// A key and its value.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// Visits one entry of a scan; breaking ends the scan.
pub(crate) type Visitor<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Ordered tables of bytes with atomic, durable batches.
pub(crate) trait Store: Send + Sync {
    /// The value of `key`, if present.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits the entries whose key starts with `prefix` in ascending key order, only those
    /// strictly above `after` when it is given (`after` is a whole key).
    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError>;

    /// The entry with the largest key that starts with `prefix`.
    fn last(&self, table: Table, prefix: &[u8]) -> Result<Option<Entry>, StoreError>;

    /// Applies all of `batch`. After `Ok`, a crash of process or machine cannot lose it (stores on
    /// disk).
    fn commit(&self, batch: Batch) -> Result<(), StoreError>;
}

impl<S: Store> Store for std::sync::Arc<S> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        (**self).scan(table, prefix, after, visit)
    }

    fn last(&self, table: Table, prefix: &[u8]) -> Result<Option<Entry>, StoreError> {
        (**self).last(table, prefix)
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        (**self).commit(batch)
    }
}
