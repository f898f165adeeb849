//! Transactions that are done once, whatever happens in between.
//!
//! Before a transaction is sent, the signed transaction is written to the state file; what it did
//! replaces it there. A run that finds such a record sends the very same transaction again, which
//! executes once: it either learns what the earlier run could not write down, or does what that run
//! could not.

use stdx::Mutex;
use walrus_sui::{Executed, Journal, Program, SignedTransaction, SuiError};

use crate::{
    deployer::Deployer,
    error::{DeployError, Step as _},
    state::{Pending, StateFile},
};

impl Deployer {
    /// Executes the transaction of `step`, or finishes the one that an earlier run recorded for it.
    /// The caller puts what it did into the progress and calls [`Deployer::finish_step`].
    pub(crate) async fn execute(
        &mut self,
        step: &str,
        program: &Program,
    ) -> Result<Executed, DeployError> {
        if let Some(executed) = self.recover(step).await? {
            return Ok(executed);
        }
        let journal = StepJournal {
            step,
            state: self.state(),
            last: Mutex::new(None),
        };
        let result = self.executor().submit(program, &journal).await;
        // What is still recorded was executed, or may have been.
        self.progress_mut().pending = journal.last.into_inner();
        result.step(step)
    }

    /// Writes down what a step did, and forgets its transaction.
    pub(crate) fn finish_step(&mut self) -> Result<(), DeployError> {
        self.progress_mut().pending = None;
        self.save()
    }

    /// Whether an earlier run may have sent the transaction of `step`.
    pub(crate) fn is_pending(&self, step: &str) -> bool {
        let pending = self.state().progress.pending.as_ref();
        pending.is_some_and(|pending| pending.step == step)
    }

    /// What the recorded transaction of `step` did; `None` if there is none that had, or can still
    /// have, effects.
    async fn recover(&mut self, step: &str) -> Result<Option<Executed>, DeployError> {
        let Some(pending) = self.state().progress.pending.clone() else {
            return Ok(None);
        };
        let executed = self.executor().resume(&pending.transaction).await;
        let executed = executed.step(format!("finishing an interrupted run ({})", pending.step))?;
        if executed.is_some() && pending.step != step {
            return Err(DeployError::Interrupted { step: pending.step });
        }
        if executed.is_some() {
            tracing::info!(step, "an earlier run had sent this transaction");
        } else {
            self.finish_step()?;
        }
        Ok(executed)
    }
}

/// The state file as the journal of one step.
struct StepJournal<'a> {
    step: &'a str,
    state: &'a StateFile,
    /// What was written down last.
    last: Mutex<Option<Pending>>,
}

impl Journal for StepJournal<'_> {
    fn record(&self, transaction: &SignedTransaction) -> Result<(), SuiError> {
        let pending = Pending {
            step: self.step.to_owned(),
            transaction: transaction.clone(),
        };
        *self.last.lock() = Some(pending.clone());
        self.state
            .save_pending(pending)
            .map_err(|error| SuiError::NotRecorded(error.to_string()))
    }

    fn forget(&self) {
        let forgotten = self.last.lock().take();
        if forgotten.is_some()
            && let Err(error) = self.state.save()
        {
            // The next run finds out that it had no effect.
            tracing::warn!(%error, "the record of a transaction without effect stays");
        }
    }
}
