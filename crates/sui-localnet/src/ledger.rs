//! The chain's memory: objects with all their versions, transactions, checkpoints, and the indexes
//! clients query. Readers on any thread see whole checkpoints only; one writer appends them.

pub(crate) mod keys;

mod balances;
mod disk;
mod index;
mod memory;
mod prune;
mod queries;
mod records;
mod store;
#[cfg(test)]
mod tests;
mod view;

use serde::{Serialize, de::DeserializeOwned};
use stdx::RwLock;
use sui_sdk_types::{Address, Digest, Object};

pub(crate) use balances::balance_changes;
pub(crate) use disk::DiskStore;
pub use disk::OpenError;
pub(crate) use index::original_id;
pub(crate) use memory::MemoryStore;
pub(crate) use queries::TypeFilter;
pub(crate) use records::{CheckpointRecord, TransactionRecord};
pub use store::StoreError;
pub(crate) use store::{Batch, Store, Table};
pub(crate) use view::View;

/// Version of the layout of the stored data; a data directory of another version is refused.
const FORMAT_VERSION: u64 = 1;
const FORMAT_KEY: &[u8] = b"format";
const CLOCK_OFFSET_KEY: &[u8] = b"clock_offset_ms";

/// A transaction of a checkpoint that is about to be appended, with the state it leaves behind.
#[derive(Clone, Debug)]
pub(crate) struct AppliedTransaction {
    /// What is remembered of the transaction.
    pub record: TransactionRecord,
    /// Objects it wrote.
    pub written: Vec<Object>,
    /// Objects it deleted or wrapped.
    pub removed: Vec<Address>,
}

/// A checkpoint that is about to be appended.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The sealed checkpoint.
    pub checkpoint: CheckpointRecord,
    /// Its transactions in order.
    pub transactions: Vec<AppliedTransaction>,
    /// How far chain time runs ahead of wall time, in milliseconds.
    pub clock_offset_ms: u64,
}

/// The newest checkpoint and facts that every answer carries.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tip {
    /// Digest of checkpoint 0; names the chain.
    pub chain_id: Digest,
    /// Time of checkpoint 0, in milliseconds since the Unix epoch.
    pub genesis_ms: u64,
    /// The newest checkpoint.
    pub checkpoint: CheckpointRecord,
    /// Its digest.
    pub digest: Digest,
    /// How far chain time runs ahead of wall time, in milliseconds.
    pub clock_offset_ms: u64,
    /// The first checkpoint that is not forgotten.
    pub lowest: u64,
}

/// The chain's state and history over a [`Store`].
pub(crate) struct Ledger {
    store: Box<dyn Store>,
    tip: RwLock<Option<Tip>>,
    /// Checkpoints that are remembered; all of them if `None`.
    retention: Option<u64>,
}

impl Ledger {
    /// Opens the ledger in `store`; a new store gives an empty ledger without a tip.
    pub(crate) fn open(store: Box<dyn Store>) -> Result<Self, StoreError> {
        let ledger = Self {
            store,
            tip: RwLock::new(None),
            retention: None,
        };
        ledger.check_format()?;
        let tip = ledger.load_tip()?;
        ledger.set_tip(tip);
        Ok(ledger)
    }

    fn check_format(&self) -> Result<(), StoreError> {
        match self.read::<u64>(Table::Meta, FORMAT_KEY)? {
            Some(FORMAT_VERSION) | None => Ok(()),
            Some(other) => Err(StoreError::corrupt(format_args!(
                "layout version {other} is not the supported version {FORMAT_VERSION}"
            ))),
        }
    }

    fn load_tip(&self) -> Result<Option<Tip>, StoreError> {
        let Some((_, value)) = self.store.last(Table::Checkpoints, &[])? else {
            return Ok(None);
        };
        let checkpoint: CheckpointRecord = decode(Table::Checkpoints, &value)?;
        let genesis = self
            .checkpoint(0)?
            .ok_or_else(|| StoreError::corrupt("the genesis checkpoint is missing"))?;
        Ok(Some(Tip {
            chain_id: genesis.summary.digest(),
            genesis_ms: genesis.summary.timestamp_ms,
            digest: checkpoint.summary.digest(),
            checkpoint,
            clock_offset_ms: self.read(Table::Meta, CLOCK_OFFSET_KEY)?.unwrap_or(0),
            lowest: self.lowest()?,
        }))
    }

    fn set_tip(&self, tip: Option<Tip>) {
        *self.tip.write() = tip;
    }

    /// The newest checkpoint; `None` before genesis.
    pub(crate) fn tip(&self) -> Option<Tip> {
        self.tip.read().clone()
    }

    /// The live version of an object.
    pub(crate) fn object(&self, id: &Address) -> Result<Option<Object>, StoreError> {
        match self.live_version(id)? {
            Some(version) => self.object_version(id, version),
            None => Ok(None),
        }
    }

    /// The version of a live object; `None` if there is no such object.
    pub(crate) fn live_version(&self, id: &Address) -> Result<Option<u64>, StoreError> {
        self.read(Table::Live, id.as_bytes())
    }

    /// A certain version of an object, live or not.
    pub(crate) fn object_version(
        &self,
        id: &Address,
        version: u64,
    ) -> Result<Option<Object>, StoreError> {
        self.read(Table::Objects, &keys::versioned(id, version))
    }

    /// Whether a transaction received the object when it had this version.
    pub(crate) fn was_received(&self, id: &Address, version: u64) -> Result<bool, StoreError> {
        let found = self
            .store
            .get(Table::Received, &keys::versioned(id, version))?;
        Ok(found.is_some())
    }

    /// The transaction with `digest`.
    pub(crate) fn transaction(
        &self,
        digest: &Digest,
    ) -> Result<Option<TransactionRecord>, StoreError> {
        self.read(Table::Transactions, digest.as_bytes())
    }

    /// The checkpoint with sequence number `number`.
    pub(crate) fn checkpoint(&self, number: u64) -> Result<Option<CheckpointRecord>, StoreError> {
        self.read(Table::Checkpoints, &keys::sequence(number))
    }

    /// The checkpoint with `digest`.
    pub(crate) fn checkpoint_by_digest(
        &self,
        digest: &Digest,
    ) -> Result<Option<CheckpointRecord>, StoreError> {
        match self.read::<u64>(Table::CheckpointDigests, digest.as_bytes())? {
            Some(number) => self.checkpoint(number),
            None => Ok(None),
        }
    }

    /// The transactions of a checkpoint, in order.
    pub(crate) fn transactions_of(
        &self,
        checkpoint: &CheckpointRecord,
    ) -> Result<Vec<TransactionRecord>, StoreError> {
        checkpoint
            .contents
            .transactions()
            .iter()
            .map(|info| {
                self.transaction(info.transaction())?.ok_or_else(|| {
                    StoreError::corrupt(format_args!(
                        "transaction {} of a checkpoint is missing",
                        info.transaction()
                    ))
                })
            })
            .collect()
    }

    /// Appends a sealed checkpoint: history, state and indexes, all or nothing.
    pub(crate) fn append(&self, block: Block) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        let number = block.checkpoint.summary.sequence_number;
        let digest = block.checkpoint.summary.digest();
        self.check_succeeds_tip(&block.checkpoint)?;

        write(
            &mut batch,
            Table::Checkpoints,
            keys::sequence(number),
            &block.checkpoint,
        )?;
        write(
            &mut batch,
            Table::CheckpointDigests,
            digest.as_bytes(),
            &number,
        )?;
        for applied in &block.transactions {
            let key = applied.record.transaction.digest();
            write(
                &mut batch,
                Table::Transactions,
                key.as_bytes(),
                &applied.record,
            )?;
        }
        index::state_changes(self, &block.transactions, &mut batch)?;
        write(&mut batch, Table::Meta, FORMAT_KEY, &FORMAT_VERSION)?;
        write(
            &mut batch,
            Table::Meta,
            CLOCK_OFFSET_KEY,
            &block.clock_offset_ms,
        )?;
        let lowest = self.forget_old(number, &mut batch)?;
        self.store.commit(batch)?;

        let (chain_id, genesis_ms) = match self.tip() {
            Some(tip) => (tip.chain_id, tip.genesis_ms),
            None => (digest, block.checkpoint.summary.timestamp_ms),
        };
        self.set_tip(Some(Tip {
            chain_id,
            genesis_ms,
            checkpoint: block.checkpoint,
            digest,
            clock_offset_ms: block.clock_offset_ms,
            lowest,
        }));
        Ok(())
    }

    /// The writer's own mistake is caught before it reaches the disk.
    fn check_succeeds_tip(&self, next: &CheckpointRecord) -> Result<(), StoreError> {
        let (number, previous) = match self.tip() {
            Some(tip) => (tip.checkpoint.summary.sequence_number + 1, Some(tip.digest)),
            None => (0, None),
        };
        let summary = &next.summary;
        if summary.sequence_number == number && summary.previous_digest == previous {
            Ok(())
        } else {
            Err(StoreError::corrupt(format_args!(
                "checkpoint {} does not follow the tip",
                summary.sequence_number
            )))
        }
    }

    fn read<T: DeserializeOwned>(&self, table: Table, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.store
            .get(table, key)?
            .map(|value| decode(table, &value))
            .transpose()
    }
}

fn decode<T: DeserializeOwned>(table: Table, value: &[u8]) -> Result<T, StoreError> {
    bcs::from_bytes(value)
        .map_err(|error| StoreError::corrupt(format_args!("table {}: {error}", table.name())))
}

fn write<T: Serialize>(
    batch: &mut Batch,
    table: Table,
    key: impl Into<Vec<u8>>,
    value: &T,
) -> Result<(), StoreError> {
    let bytes = bcs::to_bytes(value).map_err(|error| {
        StoreError::new(format!("cannot encode for table {}: {error}", table.name()))
    })?;
    batch.put(table, key, bytes);
    Ok(())
}
