//! Forgetting: checkpoints before the last few, with their transactions and the object versions
//! these replaced. A full node that prunes answers like that.

use super::{Batch, Ledger, StoreError, Table, keys, write};
use sui_sdk_types::{ObjectIn, TransactionEffects};

const LOWEST_KEY: &[u8] = b"lowest_checkpoint";

/// Checkpoints forgotten with every new one at most: a chain that is told late to forget catches up
/// bit by bit.
const FORGOTTEN_AT_ONCE_MAX: u64 = 64;

impl Ledger {
    /// The same ledger, which forgets all but the last `checkpoints` from now on; at least one is
    /// kept.
    pub(crate) fn with_retention(mut self, checkpoints: Option<u64>) -> Self {
        self.retention = checkpoints.map(|checkpoints| checkpoints.max(1));
        self
    }

    pub(super) fn lowest(&self) -> Result<u64, StoreError> {
        Ok(self.read(Table::Meta, LOWEST_KEY)?.unwrap_or(0))
    }

    /// Adds to `batch`, which appends checkpoint `newest`, what there is to forget then. Returns
    /// the first checkpoint that is remembered.
    pub(super) fn forget_old(&self, newest: u64, batch: &mut Batch) -> Result<u64, StoreError> {
        let lowest = self.lowest()?;
        let Some(retention) = self.retention else {
            return Ok(lowest);
        };
        let wanted = newest.saturating_add(1).saturating_sub(retention);
        let next = wanted.min(lowest.saturating_add(FORGOTTEN_AT_ONCE_MAX));
        if next <= lowest {
            return Ok(lowest);
        }
        for number in lowest..next {
            self.forget(number, batch)?;
        }
        write(batch, Table::Meta, LOWEST_KEY, &next)?;
        Ok(next)
    }

    fn forget(&self, number: u64, batch: &mut Batch) -> Result<(), StoreError> {
        let Some(checkpoint) = self.checkpoint(number)? else {
            return Ok(());
        };
        for record in self.transactions_of(&checkpoint)? {
            let digest = record.transaction.digest();
            batch.remove(Table::Transactions, digest.as_bytes());
            if let TransactionEffects::V2(effects) = &record.effects {
                for change in &effects.changed_objects {
                    if let ObjectIn::Exist { version, .. } = change.input_state {
                        let key = keys::versioned(&change.object_id, version);
                        batch.remove(Table::Objects, key);
                    }
                }
            }
        }
        // The first checkpoint names the chain.
        if number > 0 {
            let digest = checkpoint.summary.digest();
            batch.remove(Table::Checkpoints, keys::sequence(number));
            batch.remove(Table::CheckpointDigests, digest.as_bytes());
        }
        Ok(())
    }
}
