//! What the executor does: execute against the ledger, seal the outcome into a checkpoint, append
//! it.

use std::sync::Arc;

use sui_sdk_types::{Transaction, UserSignature};
use tokio::sync::watch;

use super::{
    clock::{ChainTime, ClockError, wall_clock_ms},
    seal::{SealedAt, record, seal_block},
};
use crate::{
    execution::{ChainEnv, Engine, Executed, InputError, Mode, limits, system},
    ledger::{AppliedTransaction, Ledger, StoreError, Tip, TransactionRecord, View},
};

/// Why a transaction was not executed. It has no effects then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    /// The transaction cannot be executed on the present state.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lives on the executor's thread.
pub(crate) struct Worker {
    ledger: Arc<Ledger>,
    engine: Arc<Engine>,
    sealed: watch::Sender<u64>,
}

/// Transactions of a checkpoint in the making.
struct Draft<'a> {
    view: View<'a>,
    tip: Tip,
    time: ChainTime,
    transactions: Vec<AppliedTransaction>,
}

impl Worker {
    pub(super) fn new(
        ledger: Arc<Ledger>,
        engine: Arc<Engine>,
        sealed: watch::Sender<u64>,
    ) -> Self {
        Self {
            ledger,
            engine,
            sealed,
        }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Executes a transaction whose signatures were checked, seals it in a checkpoint of its own,
    /// and returns its record. One that was executed before is not executed again.
    pub(crate) fn execute(
        &mut self,
        transaction: Transaction,
        signatures: Vec<UserSignature>,
    ) -> Result<TransactionRecord, SubmitError> {
        let digest = transaction.digest();
        if let Some(record) = self.ledger.transaction(&digest)? {
            return Ok(record);
        }
        let mut draft = self.begin(self.now()?)?;
        let env = environment(&draft.tip);
        let executed = self
            .engine
            .execute(&draft.view, &env, &transaction, Mode::Commit);
        draft.view.check()?;
        draft.add(transaction, signatures, executed?);
        let record = draft
            .transactions
            .last()
            .map(|applied| applied.record.clone());
        self.seal(draft)?;
        record.ok_or_else(|| StoreError::corrupt("an executed transaction has no record").into())
    }

    /// Seals a checkpoint that only moves the clock.
    pub(crate) fn seal_empty(&mut self) -> Result<(), StoreError> {
        let draft = self.begin(self.now()?)?;
        self.seal(draft)
    }

    /// Moves chain time ahead; returns the new time in milliseconds since the Unix epoch.
    pub(crate) fn advance_clock(&mut self, ms: u64) -> Result<u64, ClockError> {
        let time = self.now()?.advanced(ms)?;
        let draft = self.begin(time)?;
        self.seal(draft)?;
        Ok(time.timestamp_ms)
    }

    fn now(&self) -> Result<ChainTime, StoreError> {
        Ok(ChainTime::now(&self.tip()?, wall_clock_ms()))
    }

    fn tip(&self) -> Result<Tip, StoreError> {
        self.ledger
            .tip()
            .ok_or_else(|| StoreError::corrupt("the chain has no genesis"))
    }

    /// Starts the next checkpoint with the system transaction that moves the clock.
    fn begin(&self, time: ChainTime) -> Result<Draft<'_>, StoreError> {
        let tip = self.tip()?;
        let env = environment(&tip);
        let round = tip.checkpoint.summary.sequence_number.saturating_add(1);
        let view = View::new(&self.ledger);
        let (prologue, executed) = system::commit_prologue(&view, &env, round, time.timestamp_ms);
        view.check()?;
        let mut draft = Draft {
            view,
            tip,
            time,
            transactions: Vec::new(),
        };
        draft.add(prologue, Vec::new(), executed);
        Ok(draft)
    }

    /// Appends the checkpoint and announces it.
    fn seal(&self, draft: Draft<'_>) -> Result<(), StoreError> {
        let previous = &draft.tip.checkpoint.summary;
        let block = seal_block(
            Some((previous, draft.tip.digest)),
            draft.time.timestamp_ms,
            draft.time.offset_ms,
            draft.transactions,
        );
        let number = block.checkpoint.summary.sequence_number;
        self.ledger.append(block)?;
        self.sealed.send_replace(number);
        Ok(())
    }
}

impl Draft<'_> {
    fn add(
        &mut self,
        transaction: Transaction,
        signatures: Vec<UserSignature>,
        executed: Executed,
    ) {
        self.view.apply(&executed.written, &executed.removed);
        let sealed_at = SealedAt {
            checkpoint: self.tip.checkpoint.summary.sequence_number + 1,
            index: self.transactions.len(),
            timestamp_ms: self.time.timestamp_ms,
        };
        let record = record(transaction, signatures, &executed, sealed_at);
        self.transactions.push(AppliedTransaction {
            record,
            written: executed.written,
            removed: executed.removed,
        });
    }
}

/// What transactions of the epoch see of the chain.
pub(super) fn environment(tip: &Tip) -> ChainEnv {
    ChainEnv {
        epoch: tip.checkpoint.summary.epoch,
        epoch_start_ms: tip.genesis_ms,
        reference_gas_price: limits::REFERENCE_GAS_PRICE,
        chain_id: tip.chain_id,
    }
}
